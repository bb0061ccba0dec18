"""The numbers of a report for programs: JSON without NaN, equal to the objects', and silent where names do
not hold."""

import dataclasses
import html
import json

import examples
import numpy as np
import pandas as pd
import pytest
from verdicts import MADE_UP, judged

from bayesgmm import compare, partition, write_report
from bayesgmm.errors import FileProblem, ParameterError
from bayesgmm.report.machine import numbers
from bayesgmm.wording import Reason
from bayesgmm.wording.reasons import PAGE


@pytest.fixture(scope="module")
def result(faithful_fit):
    return compare(faithful_fit)


@pytest.fixture(scope="module")
def refused_fit(faithful_fit):
    return judged(faithful_fit, False)


@pytest.fixture(scope="module")
def written(faithful_fit, tmp_path_factory):
    path = tmp_path_factory.mktemp("machine") / "report.json"
    write_report(faithful_fit, path, title="Old <Faithful>", format="json", progressbar=False)
    return json.loads(path.read_text(encoding="ascii"), parse_constant=pytest.fail)


def test_the_file_holds_what_the_function_gives(written, faithful_fit, result):
    assert written.pop("title") == "Old <Faithful>"
    assert written == numbers(faithful_fit, result)


def test_the_tables_are_those_of_the_comparison(written, faithful_fit, result):
    parameters = pd.DataFrame(written["parameters"]).set_index("parameter")
    pd.testing.assert_frame_equal(parameters, result.parameters, check_exact=True)
    assignments = pd.DataFrame(written["assignments"])
    np.testing.assert_array_equal(assignments["em_probability"], result.assignments["em_probability"])
    assert written["log_likelihood"] == result.log_likelihood.to_dict()
    assert [c["p_value"] for c in written["predictive"]] == [c.p_value for c in result.predictive]
    for found, check in zip(written["predictive"], result.predictive, strict=True):
        low, middle, high = found["replicated"]
        assert middle == np.median(check.replicated)
        # Two and a half per cent to each side, or more where many are equal.
        assert np.mean(check.replicated < low) < 0.03 < np.mean(check.replicated <= low) + 0.01
        assert np.mean(check.replicated > high) < 0.03 < np.mean(check.replicated >= high) + 0.01
    assert written["scores"]["elpd"] == result.scores.elpd
    assert written["em"]["maxima"][0]["n_starts"] == faithful_fit.em_.modes_["n_starts"].iloc[0]
    assert written["settings"]["random_state"] == 0
    assert written["partition"] is None


def test_the_verdict_holds_its_grounds(written, faithful_fit):
    energy = faithful_fit.posterior_["sample_stats"]["energy"].to_numpy()
    bfmi = (np.diff(energy, axis=1) ** 2).mean(axis=1) / energy.var(axis=1)
    assert written["verdict"]["smallest_bfmi"] == pytest.approx(bfmi.min(), rel=0.01)
    assert written["verdict"]["share_at_largest_depth"] == 0
    assert written["verdict"]["beta"] is None
    labelling = written["verdict"]["labelling"]
    assert set(labelling["agreement"]) == {"iterative ECR", "Stephens", "parameters"}
    assert labelling["switches"] == list(faithful_fit.labelling_.switches)


def test_the_summary_is_that_of_the_page(written, faithful_fit, tmp_path):
    sure = int((faithful_fit.membership_.max(axis=1) > 0.95).sum())
    assert written["summary"]["findings"]["headline"]["values"]["above"] == sure
    told = [Reason.from_json(p).sentence(PAGE) for p in written["summary"]["findings"]["points"]]
    assert told == written["summary"]["points"]
    known = {finding["code"] for finding in written["comparison_findings"]}
    assert {"estimates", "assignments", "rows_left_out"} < known
    page = write_report(faithful_fit, tmp_path / "page.html", progressbar=False).read_text(encoding="utf-8")
    shown = html.unescape(page)
    for sentence in [written["summary"]["headline"], *written["summary"]["points"]]:
        assert sentence in shown
    assert written["summary"]["reasons"] == []
    assert len(written["summary"]["points"]) >= 4


def test_components_that_have_no_names_are_not_described(refused_fit, result):
    found = numbers(refused_fit, result)
    assert found["verdict"]["reasons"] == found["summary"]["reasons"] == [str(MADE_UP)]
    assert found["verdict"]["findings"] == [{"code": "made_up_fault", "values": {"of": "tests"}}]
    assert found["assignments"] is found["joint"] is found["log_likelihood"]["at_posterior_mean"] is None
    for row in found["parameters"] + found["shapes"]:
        assert row["em"] is not None
        assert {row[name] for name in ("mean", "sd", "lower", "upper", "inside")} == {None}
    part = partition(refused_fit)
    assert found["partition"]["labels"] == part.labels.tolist()
    assert found["partition"]["expected_loss"] == part.expected_loss


def test_what_is_no_number_is_null(faithful_fit, result):
    worst = dataclasses.replace(faithful_fit.verdict_.components, r_hat=np.float64("nan"), ess=float("inf"))
    odd = examples.with_verdict(faithful_fit, components=worst)
    found = numbers(odd, result)
    assert found["verdict"]["r_hat"] is found["verdict"]["effective_sample_size"] is None
    json.dumps(found, allow_nan=False)


def test_another_format_is_refused_before_any_work(faithful_fit, tmp_path):
    with pytest.raises(ParameterError, match="format must be one of 'html', 'json'; got 'pdf'"):
        write_report(faithful_fit, tmp_path / "x.pdf", format="pdf")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format", ["html", "json"])
def test_a_folder_is_no_file_and_neither_is_one_that_cannot_be_written_to(
    faithful_fit, tmp_path, monkeypatch, format
):
    with pytest.raises(FileProblem, match="is a folder; give the name of a file in it"):
        write_report(faithful_fit, tmp_path, format=format)
    # A superuser may write anywhere, so that the answer is made up.
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(FileProblem, match="cannot be written to; choose another"):
        write_report(faithful_fit, tmp_path / "report", format=format)
    assert list(tmp_path.iterdir()) == []
