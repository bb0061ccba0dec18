"""The interactive view as it stands in the page: its data, its script, and what it must not say."""

import json
import re
import shutil
from base64 import b64encode
from hashlib import sha256

import numpy as np
import pandas as pd
import pytest
from verdicts import judged

from bayesgmm import BayesGaussianMixture, datasets, partition
from bayesgmm.mixture import density
from bayesgmm.plots import style
from bayesgmm.report import chart, interactive
from bayesgmm.report import points as view_points
from bayesgmm.report.interactive import interactive_view
from bayesgmm.report.names import Name

QUICK = {"draws": 50, "tune": 50, "chains": 2, "random_state": 0, "progressbar": False, "method": "nuts"}


def names_of(bayes):
    return [Name.of(str(f)) for f in bayes.posterior_["posterior"]["feature"].to_numpy()]


def content_of(bayes, part=None):
    return json.loads(interactive_view(bayes, names_of(bayes), part).data)


def points_of(content):
    """The records of the layer that is seen, by row."""
    spec = content["spec"]
    name = spec["layer"][-1]["data"]
    values = name.get("values") or spec["datasets"][name["name"]]
    return {record["row"]: record for record in values}


@pytest.fixture(scope="module")
def content(faithful_fit):
    return content_of(faithful_fit)


def test_each_point_has_its_values_and_memberships(content, faithful_fit, faithful_frame):
    points = points_of(content)
    assert sorted(points) == list(range(272))
    em = density.responsibilities(faithful_frame.to_numpy(), faithful_fit.em_.params_)
    table = faithful_fit.memberships()
    for n in (0, 15, 243):
        assert points[n]["f0"] == pytest.approx(faithful_frame["eruptions"][n], abs=1e-4)
        for c, mean, lower, upper, by_em in points[n]["told"]:
            wanted = (table.mean[n, c], table.lower[n, c], table.upper[n, c], em[n, c])
            assert (mean, lower, upper, by_em) == pytest.approx(wanted, abs=6e-4)
        assert points[n]["group"] == f"component {table.labels[n]}"
    uncertain = {n for n, point in points.items() if point["uncertain"]}
    assert uncertain == set(table.uncertain.tolist())
    assert len(uncertain) == 1


def test_groups_have_the_colours_and_shapes_of_the_figures(content):
    encoding = content["spec"]["layer"][-1]["encoding"]
    assert encoding["color"]["scale"]["range"] == [style.colour(0), style.colour(1)]
    assert encoding["shape"]["scale"]["range"] == ["circle", "square"]


def test_a_group_has_a_colour_and_shape_of_its_own_however_many_there_are():
    def looks(k):
        groups = [f"component {c}" for c in range(k)]
        nothing = np.zeros(1)
        points = view_points.Points(np.zeros(1, int), groups, np.zeros(1, int), nothing, [[]])
        found = chart._look(points)
        scales = [found[name].to_dict()["scale"]["range"] for name in ("color", "shape")]
        return set(zip(*scales, strict=True))

    assert len(looks(8)) == 8
    assert len(looks(20)) == 20


def test_where_names_do_not_hold_points_are_told_by_similarity(faithful_fit):
    refused = judged(faithful_fit, False)
    part = partition(refused)
    view = interactive_view(refused, names_of(refused), part)
    assert "omponent" not in view.data
    assert "membership" not in view.data + view.alt + view.caption
    points, S = points_of(json.loads(view.data)), refused.similarity_
    for n in (0, 243):
        members = part.labels == part.labels[n]
        others = [S[n, m] for m in np.flatnonzero(members) if m != n]
        assert points[n]["told"] == pytest.approx([np.mean(others), S[n, ~members].mean()], abs=6e-4)
        assert points[n]["group"] == f"cluster {part.labels[n]}"


def test_a_row_alone_in_its_cluster_is_sure_where_it_is_like_no_other():
    S = np.array([[1, 0.9, 0.2], [0.9, 1, 0.4], [0.2, 0.4, 1]])
    own, other = view_points._similarities(S, np.array([0, 0, 1]))
    np.testing.assert_allclose(own, [0.9, 0.9, 0.7])
    np.testing.assert_allclose(other, [0.2, 0.4, 0.3])


def test_names_are_data_only_and_stay_distinct():
    rng = np.random.default_rng(0)
    long = "x" * 10_000
    names = ["</script><!--", "told", "a.b[0]", f"{long}1{long}", f"{long}2{long}"]
    X = pd.DataFrame(rng.normal(size=(60, 5)) + 20 * rng.integers(0, 2, (60, 1)), columns=names)
    bayes = judged(BayesGaussianMixture(2, **QUICK).fit(X), True)
    view = interactive_view(bayes, names_of(bayes), None)
    assert "<" not in view.data
    content = json.loads(view.data)
    shown = [content["names"][f"f{j}"] for j in range(5)]
    assert len(set(shown)) == 5
    assert shown[:3] == names[:3]
    # Beside their one place as labels of the selects, no name is in the description of the plot.
    rest = json.dumps(content["spec"] | {"params": []})
    assert not any(name in rest for name in ("a.b", "xxx", "<!--"))
    fields = {"f0", "f1", "f2", "f3", "f4", "row", "u", "uncertain", "told", "group"}
    assert all(set(record) == fields for record in points_of(content).values())


def test_one_feature_stands_against_doubt_and_one_group_has_none():
    galaxies = datasets.galaxies().X
    one = judged(BayesGaussianMixture(2, **QUICK).fit(galaxies), True)
    content = content_of(one)
    values = {p["name"]: p["value"] for p in content["spec"]["params"]}
    assert (values["x_feature"], values["y_feature"]) == ("f0", "u")
    assert not any("bind" in p and p["bind"]["input"] == "select" for p in content["spec"]["params"])
    doubt = [point["u"] for _, point in sorted(points_of(content).items())]
    np.testing.assert_allclose(doubt, 1 - one.membership_.max(axis=1), atol=1e-4)
    single = BayesGaussianMixture(1, **QUICK).fit(galaxies)
    assert interactive_view(single, names_of(single), None) is None
    flat = judged(BayesGaussianMixture(1, **QUICK).fit(datasets.faithful().X), True)
    assert [p["name"] for p in content_of(flat)["spec"]["params"]] == ["x_feature", "y_feature", "row"]


def test_of_many_points_and_features_some_are_shown_and_the_page_says_so(faithful_fit, monkeypatch, golden):
    monkeypatch.setattr(view_points, "MOST_POINTS", 100)
    monkeypatch.setattr(interactive, "MOST_FEATURES", 1)
    view = interactive_view(faithful_fit, names_of(faithful_fit), None)
    golden(view.note)
    rows = sorted(points_of(json.loads(view.data)))
    assert len(rows) == len(set(rows)) == 100
    # One out of each stretch of two or three.
    assert (rows[0] <= 2, rows[-1] >= 269) == (True, True)
    assert max(np.diff(rows)) <= 5


def test_values_keep_the_digits_that_a_plot_could_show():
    column = 1e8 + np.random.default_rng(0).normal(size=50)
    np.testing.assert_allclose(view_points._rounded(column), column, rtol=0, atol=1e-4)
    np.testing.assert_allclose(view_points._rounded(1e-9 * column), 1e-9 * column, rtol=1e-11)


def test_the_same_fit_gives_the_same_view_and_the_script_is_the_one_that_may_run(faithful_fit):
    first, again = (interactive_view(faithful_fit, names_of(faithful_fit), None) for _ in range(2))
    assert first == again
    digest = b64encode(sha256(first.script.encode("utf-8")).digest()).decode()
    assert first.fingerprint == f"sha256-{digest}"
    assert not re.search(r"</script|<!--", first.script)
    assert "\r" not in first.script
    assert len(first.script) < 1_100_000


@pytest.mark.parametrize(
    "way", ["frozen", "no interpreter", "none known", "no vl-convert in it", "another program"]
)
def test_the_script_is_the_same_where_no_process_of_its_own_can_put_it_together(monkeypatch, tmp_path, way):
    expected = interactive.view_script.__wrapped__()
    if way == "frozen":
        monkeypatch.setattr(interactive.sys, "frozen", True, raising=False)
        monkeypatch.setattr(interactive.subprocess, "run", lambda *a, **k: pytest.fail("a process was made"))
    else:
        others = {
            "no interpreter": str(tmp_path / "python"),
            "none known": None,
            "no vl-convert in it": shutil.which("false"),
            "another program": shutil.which("true"),
        }
        monkeypatch.setattr(interactive.sys, "executable", others[way])
    assert interactive.view_script.__wrapped__() == expected
