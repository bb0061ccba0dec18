"""The command line: numbers against the Python interface, refusals by their full sentences, streams and exit
codes."""

import ctypes
import dataclasses
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from command_line import (
    ANSI,
    BUFFERED,
    FIT,
    INTERRUPTIBLE,
    PRINTING,
    PROGRAM,
    QUICK,
    done,
    refusal,
    run,
    terminal,
)
from scipy import sparse
from scipy.stats import multivariate_normal

import bayesgmm
from bayesgmm import BayesGaussianMixture, EMGaussianMixture, cli, datasets
from bayesgmm.calibration import CalibrationCheck
from bayesgmm.calibration.refit import Refit
from bayesgmm.rows import checks as validation


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder of its own for every test, with tables that can be fitted and tables that cannot."""
    monkeypatch.chdir(tmp_path)
    faithful = datasets.faithful()
    faithful.frame[faithful.features].to_csv("data.csv", index=False)
    Path("constant.csv").write_text("a,b\n1,7\n2,7\n3,7\n")
    Path("repeated.csv").write_text("a,b\n" + "1,2\n3,5\n2,9\n" * 2)
    Path("gap.csv").write_text("a,b\n1,2\n,3\n4,1\n")
    Path("words.csv").write_text("a,b\n1,red\n2,blue\n3,red\n")
    Path("folder").mkdir()
    return tmp_path


@pytest.fixture
def unfitted(monkeypatch):
    """A fit would end the test: what is refused must be refused before."""

    def fit(self, X, y=None, **_):
        raise AssertionError("a fit was started")

    monkeypatch.setattr(BayesGaussianMixture, "fit", fit)


@pytest.fixture
def readable(monkeypatch, expected):
    """As if the verdict allowed a reading of the components."""
    allowed = dataclasses.replace(expected.bayes.verdict_, ok=True, label_free_ok=True, reasons=())
    monkeypatch.setitem(vars(expected.bayes.fit_), "verdict", allowed)


@pytest.fixture
def compared(monkeypatch, expected):
    """Comparisons at no cost, where they are not what is tested."""
    monkeypatch.setattr(bayesgmm, "compare", lambda bayes, **_: expected.comparison)


@pytest.fixture
def fitted(monkeypatch, expected, compared):
    """Fits at no cost, too."""

    def fit(self, X, y=None, **_):
        self.__dict__.update(expected.bayes.__dict__)
        return self

    monkeypatch.setattr(BayesGaussianMixture, "fit", fit)


@pytest.fixture
def reports(monkeypatch):
    """Stands for the writer of reports, which has tests of its own; keeps what it was called with."""
    calls = []

    def write_report(
        bayes, path, *, title=None, format="html", interactive=True, comparison=None, progressbar=True
    ):
        call = SimpleNamespace(
            bayes=bayes,
            path=str(path),
            title=title,
            format=format,
            interactive=interactive,
            progressbar=progressbar,
        )
        calls.append(call)
        Path(path).write_text("<html>")

    monkeypatch.setattr("bayesgmm.report.write_report", write_report)
    return calls


@pytest.fixture(scope="module")
def expected():
    """The same fit by the Python interface, and its comparison."""
    faithful = datasets.faithful()
    frame = faithful.frame[faithful.features]
    bayes = BayesGaussianMixture(2, draws=50, chains=2, random_state=0, progressbar=False).fit(frame)
    choice = bayesgmm.select_components(
        datasets.galaxies().X, [1, 2], draws=100, n_bootstrap=0, random_state=0, progressbar=False
    )
    return SimpleNamespace(bayes=bayes, comparison=bayesgmm.compare(bayes), choice=choice)


@pytest.fixture
def saved(expected):
    bayesgmm.save(expected.bayes, "fit.nc")
    return "fit.nc"


# ------------------------------------------------------------ fit


def test_json_of_fit_holds_the_numbers_of_the_python_interface(expected):
    result = done(*FIT, *QUICK, "--json", "--save", "fit.nc", "--quiet")
    found = json.loads(result.stdout, parse_constant=pytest.fail)
    em = [row["em"] for row in found["parameters"]]
    assert em == expected.comparison.parameters["em"].to_list()
    # The verdict refuses, and the posterior has nothing to say of single components.
    assert not expected.bayes.verdict_.ok
    assert {row["mean"] for row in found["parameters"]} == {None}
    likelihood = expected.comparison.log_likelihood.to_dict()
    assert found["log_likelihood"] == likelihood | {"at_posterior_mean": None}
    assert found["verdict"]["ok"] == expected.bayes.verdict_.ok
    assert found["verdict"]["reasons"] == [str(r) for r in expected.bayes.verdict_.reasons]
    assert found["verdict"]["r_hat"] == expected.bayes.verdict_.components.r_hat
    assert found["comparison"] == expected.comparison.verdict
    em = expected.bayes.em_
    assert [found["em"][n] for n in ("converged", "status", "n_iter")] == [True, str(em.status_), em.n_iter_]
    sizes = [found[name] for name in ("n_observations", "n_dropped", "n_features", "n_components")]
    assert sizes == [272, 0, 2, 2]
    assert found["features"] == ["eruptions", "waiting"]
    settings = found["settings"]
    assert [settings[n] for n in ("draws", "tune", "chains", "random_state")] == [50, 600, 2, 0]
    assert found["files"] == {"report": None, "fit": "fit.nc"}
    assert result.stderr == ""
    again = bayesgmm.load("fit.nc")
    np.testing.assert_array_equal(
        again.posterior_["posterior"]["means"], expected.bayes.posterior_["posterior"]["means"]
    )


@pytest.mark.usefixtures("fitted")
def test_json_log_likelihood_is_that_of_its_own_parameters():
    found = json.loads(done(*FIT, *QUICK, "--json").stdout)
    em = {row["parameter"]: row["em"] for row in found["parameters"]}
    density = 0.0
    for k in range(2):
        mean = [em[f"means[{k}, {name}]"] for name in found["features"]]
        stds = np.array([em[f"stds[{k}, {name}]"] for name in found["features"]])
        r = em[f"correlations[{k}, eruptions, waiting]"]
        covariance = np.outer(stds, stds) * [[1, r], [r, 1]]
        density += em[f"weights[{k}]"] * multivariate_normal(mean, covariance).pdf(datasets.faithful().X)
    assert found["log_likelihood"]["em"] == pytest.approx(np.log(density).sum(), rel=1e-10)


def test_text_of_fit_in_a_pipe(expected, readable, fitted, reports, golden):
    result = done(*FIT, *QUICK, "--report", "out.html", "--save", "fit.nc")
    golden(result.stderr)
    assert "\x1b" not in result.stdout
    lines = result.stdout.splitlines()
    assert lines == [line.rstrip() for line in lines]
    assert lines[0] == "272 observations, 2 columns (eruptions, waiting), 2 components"
    assert lines[-2:] == ["Report written to 'out.html'", "Fit written to 'fit.nc'"]
    table = next(i for i, line in enumerate(lines) if line.startswith("parameter "))
    assert " ".join(lines[1:table]).strip().startswith(expected.comparison.verdict)
    rows = expected.comparison.parameters
    for line, (name, row) in zip(lines[table + 1 : table + 1 + len(rows)], rows.iterrows(), strict=True):
        numbers = [f"{row[column]:.4g}" for column in ("em", "mean", "sd", "lower", "upper", "difference")]
        inside = "yes" if row["inside"] else "no"
        assert re.split("  +", line) == [name, *numbers, inside, row["decided_by"] or "–"]
    assert [(call.path, call.title) for call in reports] == [("out.html", None)]
    assert Path("fit.nc").is_file()


def test_a_refusing_verdict_is_a_result_and_stands_first(expected, fitted):
    assert not expected.bayes.verdict_.ok  # 100 draws are too few for any
    result = done(*FIT, *QUICK, "--quiet")
    assert result.stderr == ""
    paragraphs = result.stdout.split("\n\n")
    assert paragraphs[1].startswith(str(expected.bayes.verdict_).split(": ")[0])
    assert paragraphs[-1].startswith("Log-likelihood: EM -1130.26, ")
    # The verdict may name a parameter that did not converge, but there is no row of any.
    assert not any(line.startswith(("parameter", "weights", "means")) for line in result.stdout.splitlines())
    assert "at_posterior_mean" not in result.stdout


@pytest.mark.usefixtures("fitted")
def test_the_model_is_that_of_the_options(monkeypatch):
    """Parts of the prior that are not given are those of the default prior."""
    made = []
    fit = BayesGaussianMixture.fit
    monkeypatch.setattr(
        BayesGaussianMixture, "fit", lambda self, X: (made.append(self.get_params()), fit(self, X))[1]
    )
    done(*FIT, "--covariance-type", "tied", "--prior", "lkj_eta=1, std_prior=gamma(2, (2, 0.2))", "--quiet")
    default = bayesgmm.Prior.from_data(pd.read_csv("data.csv"), covariance_type="tied")
    given = {"lkj_eta": 1.0, "std_prior": ("gamma", 2.0, (2.0, 0.2))}
    assert made[0]["covariance_type"] == "tied"
    assert made[0]["prior"] == dataclasses.replace(default, **given)
    done(*FIT, "--quiet")
    assert (made[1]["covariance_type"], made[1]["prior"]) == ("full", None)


def test_the_model_of_a_selection_is_that_of_the_options(monkeypatch, expected):
    asked = {}

    def select_components(rows, ks, **options):
        asked.update(options)
        return expected.choice

    monkeypatch.setattr(bayesgmm, "select_components", select_components)
    done("select", "data.csv", "-k", "1:2", "--covariance-type", "diag", "--prior", "mean_scale=9", "--quiet")
    assert (asked["covariance_type"], asked["prior"].mean_scale) == ("diag", 9.0)
    asked.clear()
    done("select", "data.csv", "-k", "1:2", "--quiet")
    assert not {"covariance_type", "prior"} & set(asked)


def test_rows_dropped_are_counted():
    columns = "bill_length_mm,body_mass_g"
    penguins = Path(datasets.penguins().path).read_bytes()
    args = ["fit", "-", "-k", "1", "--columns", columns, "--drop-missing", *QUICK]
    text = done(*args, input=penguins).stdout
    assert text.splitlines()[0] == (
        "342 observations (2 rows with a missing value left out), 2 columns (bill_length_mm, body_mass_g), 1 "
        "component"
    )
    found = json.loads(done(*args, "--json", input=penguins).stdout)
    assert (found["n_observations"], found["n_dropped"]) == (342, 2)


def test_missing_values_are_modelled_where_that_is_asked_for():
    rows = "a,b\n" + "".join(f"{i * i % 83},{'' if i == 3 else i * i % 59}\n" for i in range(40))
    text = done("fit", "-", "-k", "1", "--missing", "model", *QUICK, input=rows.encode()).stdout
    assert text.splitlines()[0] == "40 observations, 2 columns (a, b), 1 component"
    assert "1 cell is missing (1.2 %: 'b' 1)" in text
    args = "-k", "1:2", "--em-only", "--missing", "model", "--quiet"
    assert "BIC" in done("select", "-", *args, input=rows.encode()).stdout


def test_missing_values_are_refused_by_the_names_of_both_ways():
    result = run("fit", "-", "-k", "1", "--quiet", input=b"a,b\n1,2\n3,\n4,5\n")
    assert result.exit_code == 2
    assert "--missing model" in result.stderr
    assert "--drop-missing" in result.stderr


def test_json_has_null_where_there_is_no_number(monkeypatch):
    # One chain has no R-hat, one component no entropy.
    found = json.loads(
        done("fit", "data.csv", "-k", "1", "--draws", "50", "--chains", "1", "--json").stdout,
        parse_constant=pytest.fail,
    )
    assert found["verdict"]["r_hat"] is None
    assert found["verdict"]["findings"][0] == {"code": "single_chain", "values": {}}


def test_names_cannot_command_the_terminal():
    Path("odd.csv").write_text('"[red]é","\x1b[31mb"\n1,2\n2,1\n4,4\n5,3\n', encoding="utf-8")
    out = done("fit", "odd.csv", "-k", "1", "--draws", "300", charset="ascii").stdout
    assert "\x1b" not in out
    assert out.startswith("4 observations, 2 columns ([red]\\xe9, [31mb), 1 component\n")
    assert "means[0, [red]\\xe9]" in out
    assert "means[0, [31mb]" in out


def test_names_of_any_kind():
    odd = ["<script>", '"q"', "=SUM(A1)", "🐧", "\u202eleft", 5000 * "x" + "1", 5000 * "x" + "2"]
    own = ["weights", "cluster", "feature", "obs", "x", "chain", "draw"]
    X = np.random.default_rng(0).normal(size=(40, len(odd + own)))
    pd.DataFrame(X, columns=odd + own).to_csv("odd.csv", index=False)
    quick = ["--draws", "50", "--chains", "2", "--method", "nuts", "--quiet", "--save", "fit.nc"]
    out = done("fit", "odd.csv", "-k", "1", *quick).stdout
    heading = out.splitlines()[0]
    assert all(name in heading for name in [*odd[:4], *own])
    assert "\u202e" not in out
    # Names that differ at their ends only do so still.
    assert [f"…{19 * 'x'}{end}" in heading for end in "12"] == [True, True]
    assert 200 * "x" not in out
    assert list(bayesgmm.load("fit.nc").feature_names_in_) == odd + own


@pytest.mark.usefixtures("fitted")
def test_an_existing_file_is_replaced_as_a_whole():
    Path("fit.nc").write_text("old")
    done(*FIT, *QUICK, "--save", "fit.nc", "--quiet")
    assert bayesgmm.load("fit.nc").n_components == 2
    assert not list(Path().glob(".*.part"))


@pytest.mark.slow
def test_neither_home_nor_display(tmp_path):
    environment = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    args = [
        *PROGRAM,
        "select",
        "data.csv",
        "-k",
        "1",
        "--draws",
        "100",
        "--bootstrap",
        "0",
        "--figure",
        "a.png",
    ]
    process = subprocess.run(args, capture_output=True, text=True, env=environment)
    assert process.returncode == 0, process.stderr
    assert Path("a.png").read_bytes().startswith(b"\x89PNG")


# A warning is an error everywhere else in the tests; here it must become a note.
@pytest.mark.filterwarnings("default::sklearn.exceptions.ConvergenceWarning")
def test_warnings_become_notes(monkeypatch, compared):
    monkeypatch.setitem(EMGaussianMixture.__init__.__kwdefaults__, "max_iter", 1)
    result = done(*FIT, *QUICK, "--quiet")
    note, *rest = result.stderr.splitlines()
    assert rest == []
    assert re.fullmatch(r"bayesgmm: note: EM ended .*\.", note)
    assert note.removeprefix("bayesgmm: note: ") in result.stdout.splitlines()


# ------------------------------------------------------------ tables as people have them


def pasted(*args):
    """A command again, with the options that its refusal suggests."""
    found = refusal(*args)
    suggested = found[found.index(" --") :].strip().removesuffix(".")
    return shlex.split(suggested)


@pytest.mark.parametrize("code", ["?", "-", "--", ".", "-,?", "#DIV/0!"])
def test_options_for_missing_values_can_be_pasted(code):
    first, *other = code.split(",")
    rows = "".join(f"{i},{i * i % 7}\n" for i in range(12))
    Path("codes.csv").write_text(f"a,b\n1,{first}\n{other[0] if other else 3},4\n{rows}")
    args = ["fit", "codes.csv", "-k", "1", *QUICK, "--quiet"]
    found = json.loads(done(*args, "--json", *pasted(*args)).stdout)
    assert (found["n_observations"], found["n_dropped"]) == (13 - len(other), 1 + len(other))


def test_options_for_columns_can_be_pasted():
    X = np.random.default_rng(0).normal(size=(20, 9)).round(3)
    frame = pd.DataFrame(X, columns=[f"g{j}" for j in range(9)]).assign(name="s", kind=list("ab") * 10)
    frame.to_csv("wide.csv")
    args = ["select", "wide.csv", "-k", "1", "--draws", "100", "--bootstrap", "0", "--quiet"]
    first = pasted(*args)
    second = pasted(*args, *first)
    assert [*first, *second] == ["--except", '""', "--except", "name,kind"]
    found = json.loads(done(*args, "--json", *first, *second).stdout)
    assert [row["n_components"] for row in found["table"]] == [1]


@pytest.mark.filterwarnings("default::bayesgmm.errors.ColumnWarning")
def test_what_is_no_measurement_is_a_note_and_a_misfit_stands_first(golden):
    rng = np.random.default_rng(1)
    kind = rng.integers(0, 2, (300, 1))
    X = np.where(kind, rng.integers(1, 4, (300, 6)), rng.integers(3, 6, (300, 6)))
    pd.DataFrame(X, columns=[f"q{j}" for j in range(6)]).assign(id=range(300)).to_csv("q.csv", index=False)
    args = ["fit", "q.csv", "-k", "2", "--method", "laplace", "--draws", "200", "--quiet"]
    golden(done(*args, "--columns", "q0,id").stderr)
    result = done(*args, "--except", "id")
    golden(result.stderr)
    assert result.stdout.splitlines()[2].startswith("The mixture does not describe the data: ")
    assert result.stdout.splitlines()[3].startswith("Component-wise summaries ")


def test_parts_of_a_whole_have_a_remedy_of_the_command_line(golden):
    parts = np.random.default_rng(0).dirichlet([3, 2, 4], 60) * 100
    pd.DataFrame(parts, columns=["sand", "silt", "clay"]).to_csv("soil.csv", index=False)
    args = ["fit", "soil.csv", "-k", "1", "--method", "laplace", *QUICK, "--quiet"]
    golden(refusal(*args))
    assert done(*args, "--except", "clay").exit_code == 0


def test_fit_compares_once_and_hands_it_to_the_report(monkeypatch, fitted, expected):
    made, given = [], []

    def compare(bayes, **_):
        made.append(bayes)
        return expected.comparison

    def write_report(bayes, path, *, comparison, progressbar):
        given.append(comparison)
        Path(path).write_text("<html>")

    monkeypatch.setattr(bayesgmm, "compare", compare)
    monkeypatch.setattr("bayesgmm.report.write_report", write_report)
    done(*FIT, *QUICK, "--report", "out.html")
    assert len(made) == 1
    assert given == [expected.comparison]


@pytest.mark.parametrize(("many", "said"), [(100, ["fitting", "comparing"]), (1000, ["fitting"])])
def test_a_long_comparison_is_announced(many, said, monkeypatch, fitted):
    monkeypatch.setattr("bayesgmm.cli.running.ROWS_AT_ONCE", many)
    assert [line.split()[1] for line in done(*FIT, *QUICK).stderr.splitlines()] == said


# ------------------------------------------------------------ the other commands


def test_json_of_compare_is_that_of_fit(request, saved):
    later = json.loads(done("compare", saved, "--json").stdout)
    request.getfixturevalue("fitted")  # not before: the comparison above is to be a real one
    at_first = json.loads(done(*FIT, *QUICK, "--json").stdout)
    for content in (at_first, later):
        del content["files"], content["n_dropped"]
    # Rows lie in another order in memory, and a mean of distances may differ in its last digit.
    first, second = (content.pop("predictive") for content in (at_first, later))
    assert later == at_first
    pd.testing.assert_frame_equal(pd.DataFrame(first), pd.DataFrame(second), rtol=1e-12)


def test_text_of_compare(expected, compared, saved):
    result = done("compare", saved)
    assert result.stderr == ""
    first, *rest = result.stdout.splitlines()
    assert first == "272 observations, 2 columns (eruptions, waiting), 2 components"
    assert expected.comparison.verdict in " ".join(rest)


def test_select_tells_the_table_of_the_python_interface():
    args = ["select", "data.csv", "-k", "1,2", "--draws", "100", "--bootstrap", "0", "--seed", "3"]
    wanted = bayesgmm.select_components(
        pd.read_csv("data.csv"), [1, 2], draws=100, n_bootstrap=0, random_state=3, progressbar=False
    )
    found = json.loads(done(*args, "--json", "--quiet").stdout)
    assert found["best"] == dict(wanted.best)
    assert found["verdict"] == wanted.verdict
    assert [row["n_components"] for row in found["table"]] == [1, 2]
    assert found["table"][1]["log_evidence"] == pytest.approx(wanted.table.loc[2, "log_evidence"])
    assert found["table"][1]["lr_p_value"] is None
    result = done(*args, "--figure", "criteria.png")
    lines = result.stdout.splitlines()
    assert lines[0] == wanted.verdict
    assert lines[2].split()[:2] == ["K", "log-likelihood"]
    assert f"{wanted.table.loc[2, 'bic']:.1f}" in lines[4]
    assert lines[-1] == "Figure written to 'criteria.png'"
    assert Path("criteria.png").read_bytes().startswith(b"\x89PNG")


def test_select_by_em_alone_tells_the_table_of_the_python_interface():
    args = ["select", "data.csv", "-k", "1:3", "--em-only", "--families", "tied, full", "--seed", "3"]
    wanted = bayesgmm.select_components(
        pd.read_csv("data.csv"), [1, 2, 3], families=["tied", "full"], criteria="em", random_state=3
    )
    found = json.loads(done(*args, "--json", "--quiet").stdout, parse_constant=pytest.fail)
    assert found["verdict"] == wanted.verdict
    assert [f["code"] for f in found["findings"]] == [f.code for f in wanted.findings]
    assert found["best"]["bic"] == wanted.best["bic"]._asdict()
    assert found["failures"] == []
    pd.testing.assert_frame_equal(pd.DataFrame(found["table"]), wanted.table.reset_index())
    lines = done(*args, "--figure", "bic.png").stdout.splitlines()
    assert lines[0] == wanted.verdict
    best = wanted.ranking.iloc[0]
    family, k = wanted.best["bic"]
    assert lines[3].split()[:3] == [family, str(k), f"{best['log_likelihood']:.2f}"]
    assert lines[3].split()[4:] == [f"{best[name]:.1f}" for name in ("bic", "icl", "aic")]
    (row,) = [line.split() for line in lines[8:] if line.startswith("tied ")]
    assert row[1:] == [f"{v:.1f}" for v in wanted.wide("bic")["tied"]]
    assert lines[-1] == "Figure written to 'bic.png'"
    assert Path("bic.png").read_bytes().startswith(b"\x89PNG")


def test_select_by_em_alone_tells_why_a_fit_could_not_be_had():
    pd.DataFrame(np.random.default_rng(0).normal(size=(6, 2)), columns=["a", "b"]).to_csv(
        "few.csv", index=False
    )
    args = ["select", "few.csv", "-k", "1,9", "--em-only", "--families", "tied_spherical"]
    found = json.loads(done(*args, "--json", "--quiet").stdout)
    assert [(f["covariance_type"], f["n_components"]) for f in found["failures"]] == [("tied_spherical", 9)]
    assert [row["bic"] is None for row in found["table"]] == [False, True]
    assert done(*args, "--quiet").stdout.splitlines()[-1].split() == [
        "tied_spherical",
        f"{found['table'][0]['bic']:.1f}",
    ]


def test_report(saved, reports):
    result = done("report", saved, "--output", "out.html", "--quiet")
    assert result.stdout == "Report written to 'out.html'\n"
    assert result.stderr == ""
    (call,) = reports
    assert (call.path, call.format, call.interactive, call.progressbar) == ("out.html", "html", True, False)
    assert call.bayes.posterior_.attrs["n_components"] == 2
    done("report", saved, "--output", "out.json", "--format", "json", "--no-interactive")
    assert (reports[1].path, reports[1].format, reports[1].interactive) == ("out.json", "json", False)


def test_demo(reports, folder):
    result = done("demo", "--output", "new/reports")
    (call,) = reports
    assert (call.path, call.title) == ("new/reports/old_faithful.html", "Old Faithful")
    assert (folder / call.path).read_text() == "<html>"
    bayes = call.bayes
    np.testing.assert_array_equal(bayes.posterior_["observed_data"]["x"], datasets.faithful().X)
    attrs = bayes.posterior_.attrs
    assert [attrs[n] for n in ("n_components", "draws", "chains", "random_state")] == [2, 1000, 4, "0"]
    comparison = bayesgmm.compare(bayes)
    assert comparison.verdict in " ".join(result.stdout.splitlines())
    assert result.stdout.splitlines()[-1] == "Report written to 'new/reports/old_faithful.html'"
    assert all(name in result.stdout for name in comparison.parameters.index)


def test_demo_writes_into_reports_unless_told_otherwise():
    (option,) = (p for p in cli.demo.params if p.name == "output")
    assert option.default == "reports"


def test_list_of_datasets():
    header, *rows = done("datasets").stdout.splitlines()
    assert header.split() == ["name", "N", "D", "source"]
    known = [datasets.load(name) for name in datasets.names()]
    assert [re.split("  +", row, maxsplit=3) for row in rows] == [
        [d.name, str(len(d.X)), str(d.X.shape[1]), d.source] for d in known
    ]


@pytest.mark.parametrize("name", datasets.names())
def test_data_set_as_csv(name):
    Path("printed.csv").write_bytes(done("datasets", name).stdout_bytes)
    dataset = datasets.load(name)
    pd.testing.assert_frame_equal(pd.read_csv("printed.csv"), dataset.whole, check_dtype=False)
    if dataset.path is not None:
        assert Path("printed.csv").read_bytes() == dataset.path.read_bytes()


# ------------------------------------------------------------ refusals


@pytest.mark.usefixtures("unfitted")
@pytest.mark.parametrize(
    "command",
    [
        "fit data.csv -k 0",
        "fit data.csv -k -3",
        "fit data.csv -k 2.5",
        "fit data.csv -k abc",
        "fit data.csv -k ''",
        "fit data.csv -k",
        "fit data.csv",
        "fit -k 2",
        "fit a b -k 2",
        "fit data.csv -k 2 --draws 3",
        "fit data.csv -k 2 --draws 1e3",
        "fit data.csv -k 2 --chains 0",
        "fit data.csv -k 2 --cores 0",
        f"fit data.csv -k 2 --cores {'9' * 90}",
        "fit data.csv -k 2 --seed -1",
        "fit data.csv -k 2 --drawz 9",
        "fit data.csv -k 2 -z",
        "fit data.csv -k 2 --json=1",
        "--jsn",
        "fitt",
        "xyzzy",
        "fit dat.csv -k 2",
        "fit 'a\nb' -k 2",
        "fit data.csv -k 2 --columns eruption,waiting",
        "fit constant.csv -k 2",
        "fit gap.csv -k 2",
        "fit words.csv -k 2",
        "fit data.csv -k 2 --save folder",
        "fit data.csv -k 2 --save no/x.nc",
        "fit data.csv -k 2 --report no/x.html",
        "fit data.csv -k 2 --save data.csv/x.nc",
        "fit data.csv -k 2 --save /dev/null",
        "fit data.csv -k 2 --save " + 300 * "x",
        "fit data.csv -k 2 --save folder/../data.csv",
        "fit data.csv -k 2 --save out --report ./out",
        "select data.csv -k 3:1",
        "select data.csv -k 0:2",
        "select data.csv -k two",
        "select data.csv -k 2,2",
        "select data.csv -k 1:2 --bootstrap 5",
        "select data.csv --figure a.gif",
        "select data.csv --families all",
        "select data.csv --em-only --families round",
        "select data.csv --em-only --families ,",
        "select data.csv --em-only --families tied,full,tied",
        "select data.csv --em-only --families all --covariance-type diag",
        "select data.csv --em-only --prior mean_scale=9",
        "select data.csv --em-only --overfitted",
        "demo --output data.csv",
        "demo --output data.csv/new",
        "demo extra",
        "compare no.nc",
        "compare data.csv",
        "report no.nc --output out.html",
        "report no.nc",
        "report data.csv --output data.csv",
        "datasets faithfull",
        "fit data.csv -k 2 --covariance-type round",
        "select data.csv -k 1:2 --covariance-type EVE",
        "fit data.csv -k 2 --prior 'mean_scale=9, mean_loc=far'",
        "fit data.csv -k 2 --prior ''",
        "select data.csv -k 1:2 --prior 'concentration=(1, 2)'",
        "select data.csv -k 1:2 --prior 'mean_loc=(1, 2, 3)'",
    ],
)
def test_refusals(command, golden):
    golden(refusal(*shlex.split(command)))


def test_more_components_than_distinct_rows(golden):
    golden(refusal("fit", "repeated.csv", "-k", "4", *QUICK))


def test_damaged_fit(saved, golden):
    content = bytearray(Path(saved).read_bytes())
    middle = len(content) // 2
    content[middle : middle + len(content) // 4] = bytes(len(content) // 4)
    Path(saved).write_bytes(content)
    golden(refusal("compare", saved))


@pytest.mark.usefixtures("unfitted")
def test_folder_without_permission(monkeypatch, golden):
    # Asked in this way, since the superuser may write anywhere.
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "folder")
    golden(refusal(*FIT, "--save", "folder/x.nc"))
    golden(refusal("demo", "--output", "folder/new"))


@pytest.mark.usefixtures("fitted")
def test_full_disk(reports, monkeypatch, golden):
    def write_report(*args, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bayesgmm.report.write_report", write_report)
    golden(refusal(*FIT, *QUICK, "--report", "out.html"))


def test_folder_that_goes_while_the_fit_is_made(monkeypatch, expected, folder, golden):
    def fit(self, X, y=None, **_):
        (folder / "folder").rmdir()
        return expected.bayes

    monkeypatch.setattr(BayesGaussianMixture, "fit", fit)
    golden(refusal(*FIT, "--save", "folder/fit.nc"))
    (folder / "folder").mkdir()
    # As in a file system that only looks as if it could be written to.
    monkeypatch.setattr("bayesgmm.support.files.check_writable", lambda target: None)
    golden(refusal(*FIT, "--save", "folder/fit.nc"))


# ------------------------------------------------------------ faults, and other ends


def failing(monkeypatch, error):
    def fit(self, X, y=None, **_):
        raise error

    monkeypatch.setattr(BayesGaussianMixture, "fit", fit)


@pytest.mark.parametrize("error", [ValueError("no"), TypeError("no"), RuntimeError("no"), OSError(2, "no")])
def test_a_fault_of_the_program_keeps_its_traceback(monkeypatch, error):
    failing(monkeypatch, error)
    result = run(*FIT)
    assert result.exit_code == 1
    assert result.exception is error


def test_a_type_error_of_validation_is_a_refusal(monkeypatch, golden):
    monkeypatch.setattr(BayesGaussianMixture, "fit", lambda self, X: validation.check_data(sparse.eye(2)))
    golden(refusal(*FIT))


def test_lack_of_memory(monkeypatch, golden):
    failing(monkeypatch, MemoryError())
    golden(refusal(*FIT))


def test_interrupted_before_and_after_the_first_file(fitted, reports, monkeypatch, folder):
    def write_report(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("bayesgmm.report.write_report", write_report)
    result = run(*FIT, *QUICK, "--save", "fit.nc", "--report", "out.html", "--quiet")
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr == "bayesgmm: interrupted, only 'fit.nc' was written\n"
    assert bayesgmm.load("fit.nc").posterior_.attrs["draws"] == 50
    assert not (folder / "out.html").exists()
    failing(monkeypatch, KeyboardInterrupt())
    result = run(*FIT, "--save", "again.nc", "--quiet")
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr == "bayesgmm: interrupted, nothing was written\n"


@pytest.mark.parametrize(
    ("sent", "code", "told"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_a_signal_while_sampling(sent, code, told, folder, golden):
    before = sorted(os.listdir())
    args = [*INTERRUPTIBLE, *FIT, "--draws", "1000000", "--save", "fit.nc"]
    with subprocess.Popen(args, stdout=-1, stderr=-1, text=True) as process:
        try:
            golden(process.stderr.readline())
            time.sleep(1)
            process.send_signal(sent)
            out, err = process.communicate(timeout=120)
        finally:
            process.kill()
    assert (process.returncode, out) == (code, "")
    assert err == f"bayesgmm: {told}, nothing was written\n"
    assert sorted(os.listdir()) == before


@pytest.mark.parametrize("existing", [False, True])
def test_an_interrupt_right_after_a_file_was_replaced_is_not_told_as_nothing(existing, fitted, monkeypatch):
    if existing:
        Path("fit.nc").write_text("old")
    real = bayesgmm.save

    def save(*args):
        real(*args)
        raise KeyboardInterrupt

    monkeypatch.setattr(bayesgmm, "save", save)
    result = run(*FIT, *QUICK, "--save", "fit.nc", "--quiet")
    assert result.exit_code == 130
    assert result.stderr == "bayesgmm: interrupted, only 'fit.nc' was written\n"


def test_an_old_file_that_was_not_replaced_is_not_told_as_written(fitted, monkeypatch):
    Path("fit.nc").write_text("old")

    def save(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(bayesgmm, "save", save)
    result = run(*FIT, *QUICK, "--save", "fit.nc", "--quiet")
    assert result.stderr == "bayesgmm: interrupted, nothing was written\n"
    assert Path("fit.nc").read_text() == "old"


@pytest.mark.slow
def test_termination_leaves_neither_parts_nor_processes(folder):
    """Some of these fall where the page is put together, for which there is a second process."""
    save = [*INTERRUPTIBLE, *FIT, *QUICK, "--save", "fit.nc", "--quiet"]
    subprocess.run(save, check=True, capture_output=True)
    before = sorted(os.listdir())
    for wait in (0.5, 2.0, 3.0, 4.0, 5.0):
        args = [*INTERRUPTIBLE, "report", "fit.nc", "--output", "page.html", "--quiet"]
        with subprocess.Popen(args, stdout=-1, stderr=-1, start_new_session=True) as process:
            time.sleep(wait)
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)
        with pytest.raises(ProcessLookupError):
            os.killpg(process.pid, 0)
        assert set(os.listdir()) - {"page.html"} == set(before)


def test_a_table_from_a_closed_standard_input(folder, golden):
    command = " ".join(map(shlex.quote, [*PROGRAM, "fit", "-", "-k", "2"])) + " <&-"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    golden(done.stderr)


def test_ctrl_c_in_a_callback(monkeypatch):
    @ctypes.CFUNCTYPE(None)
    def interrupted():
        raise KeyboardInterrupt

    def fit(self, X, y=None, **_):
        interrupted()
        for _ in range(1000):
            time.sleep(0.01)
        raise AssertionError("the interrupt was lost")

    monkeypatch.setattr(BayesGaussianMixture, "fit", fit)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        result = run(*FIT, "--quiet")
    finally:
        signal.signal(signal.SIGINT, before)
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr == "bayesgmm: interrupted, nothing was written\n"


# The first ends while options are read, the second while a command runs.
@pytest.mark.parametrize("arg", ["--help", "print"])
def test_reader_that_has_gone(arg):
    process = subprocess.Popen([*PRINTING, arg], stdout=-1, stderr=-1, text=True, env=BUFFERED)
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(60) == 0
    process.stderr.close()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
@pytest.mark.parametrize("arg", ["--help", "print"])
def test_output_that_cannot_be_written(arg, golden):
    with open("/dev/full", "w") as full:
        process = subprocess.run([*PRINTING, arg], stdout=full, stderr=-1, text=True, env=BUFFERED)
    assert process.returncode == 2
    golden(process.stderr)


# ------------------------------------------------------------ help


def test_the_module_is_the_command_line():
    command = [sys.executable, "-m", "bayesgmm", "datasets", "faithful"]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert found.stdout.splitlines()[0] == "eruptions,waiting"
    usage = subprocess.run([*command[:3], "--help"], capture_output=True, text=True, check=True).stdout
    assert usage.startswith("Usage: bayesgmm ")


def test_help_imports_nothing_heavy():
    process = subprocess.run(
        [sys.executable, "-X", "importtime", *PROGRAM[1:], "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    imported = {line.split("|")[-1].strip().split(".")[0] for line in process.stderr.splitlines()}
    assert "click" in imported
    assert imported.isdisjoint({"numpy", "pandas", "scipy", "sklearn", "numba", "xarray", "pymc", "rich"})
    microseconds = max(
        int(line.split("|")[1]) for line in process.stderr.splitlines() if "| bayesgmm" in line
    )
    assert microseconds < 1_000_000


def test_help_without_arguments():
    assert done().stdout == done("--help").stdout
    assert done("-h").stdout == done("--help").stdout
    assert done("--version").stdout == f"bayesgmm {bayesgmm.__version__}\n"


def examples(text):
    """The command lines that a help shows."""
    found = re.findall(r"^ +(bayesgmm .*)$", text.split("Examples:")[1], re.MULTILINE)
    assert found
    return found


def typed(line):
    """Run a line as a shell would, with its pipes and its redirection."""
    pipeline, _, target = line.replace(">>", ">").partition(">")
    passed = None
    for part in pipeline.split("|"):
        program, *args = shlex.split(part)
        assert program == "bayesgmm"
        passed = done(*args, input=passed).stdout_bytes
    if target:
        path = Path(target.strip().replace("~", "home"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(passed)


@pytest.mark.usefixtures("fitted", "reports")
@pytest.mark.parametrize("name", ["", *cli.main.commands])
def test_every_example_runs_in_an_empty_folder(name, monkeypatch, expected):
    (empty := Path("empty")).mkdir()
    monkeypatch.chdir(empty)
    select_components = bayesgmm.select_components

    def quick(*args, criteria="all", **options):
        return select_components(*args, criteria="em", **options) if criteria == "em" else expected.choice

    def check(self, n, **_):
        return CalibrationCheck.of([Refit("accepted", {"log_likelihood": 50}, {}, {})] * n, self.fit_)

    monkeypatch.setattr(bayesgmm, "select_components", quick)
    monkeypatch.setattr(BayesGaussianMixture, "check_calibration", check)
    lines = examples(done(*name.split(), "--help").stdout)
    assert any(line.startswith(f"bayesgmm {name}") for line in lines)
    for line in lines:
        typed(line)


def test_help_names_the_exit_codes():
    codes = re.findall(r"^    (\d+)  ", done("--help").stdout, re.MULTILINE)
    assert codes == ["0", "1", "2", "130"]


# ------------------------------------------------------------ a terminal


def test_narrow_terminal(faithful_fit):
    bayesgmm.save(faithful_fit, "fit.nc")
    comparison = bayesgmm.compare(faithful_fit)
    sent = terminal(["compare", "fit.nc"], 40)
    assert "leave-one-out" in sent  # what takes the time
    text = sent[sent.index("272 observations") - 4 :].replace("\r", "")
    lines = [line.rstrip() for line in ANSI.sub("", text).splitlines()]
    assert max(map(len, lines)) <= 40
    assert comparison.verdict in " ".join(lines)
    assert ["parameter", "em", "mean", "sd"] in [line.split() for line in lines]
    assert "(no room for lower, upper, difference, inside, decided by)" in " ".join(lines)
    first = comparison.parameters.iloc[0]
    numbers = [f"{first[name]:.4g}" for name in ("em", "mean", "sd")]
    assert any(line.split() == ["weights[0]", *numbers] for line in lines)


def test_a_refusal_is_red_and_bold_unless_colours_are_turned_off(saved, monkeypatch):
    assert "\x1b[1;31mComponent-wise summaries must not be used" in terminal(["compare", saved], 200)
    monkeypatch.setenv("NO_COLOR", "1")
    sent = terminal(["compare", saved], 200)
    assert "Component-wise summaries must not be used" in sent
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", sent)


@pytest.mark.parametrize("args", [[], ["fit", "--help"], ["datasets"]])
def test_nothing_is_cut_on_a_narrow_terminal(args):
    wide, narrow = (ANSI.sub("", terminal(args, columns)) for columns in (200, 40))
    words = set(re.findall(r"[\w./-]+", wide))
    joined = re.sub(r"\s+", "", narrow)
    # Examples and exit codes keep their lines.
    assert not [word for word in words if word.rstrip(".") not in joined]
