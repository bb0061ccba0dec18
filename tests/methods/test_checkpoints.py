"""A fit that was ended by force goes on where it was, and gives the same draws to the last bit."""

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bayesgmm import BayesGaussianMixture, EMGaussianMixture, Prior, datasets
from bayesgmm.errors import FileProblem, ParameterError
from bayesgmm.methods import tempering

SETTINGS = {"draws": 200, "chains": 3, "random_state": 4, "progressbar": False}
X = datasets.galaxies().X


def estimator(method, **changes):
    return BayesGaussianMixture(2, method=method, **SETTINGS | changes)


@pytest.fixture(scope="module", params=["nuts", "smc"])
def whole(request):
    return estimator(request.param).fit(X)


def same(one, other):
    """Everything that depends on draws."""
    for name, value in one.fit_.draws.values.items():
        np.testing.assert_array_equal(value, other.fit_.draws.values[name])
    for name, value in one.fit_.sampler.items():
        np.testing.assert_array_equal(value, other.fit_.sampler[name])
    assert one.log_evidence_ == other.log_evidence_
    assert one.verdict_.reasons == other.verdict_.reasons


def test_a_checkpoint_changes_no_draw_and_is_read_again(whole, tmp_path):
    method = whole.method_
    same(whole, estimator(method).fit(X, checkpoint=tmp_path / "kept"))
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "kept").iterdir()}
    assert len(before) >= 3
    same(whole, estimator(method, cores=1).fit(X, checkpoint=tmp_path / "kept"))
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "kept").iterdir()} == before


def test_any_part_of_the_pieces_is_enough(whole, tmp_path):
    """Whichever had been written when the program was ended."""
    estimator(whole.method_).fit(X, checkpoint=tmp_path / "kept")
    pieces = sorted(path.name for path in (tmp_path / "kept").glob("*.npz"))
    rng = np.random.default_rng(0)
    for trial in range(3):
        folder = tmp_path / str(trial)
        shutil.copytree(tmp_path / "kept", folder)
        for name in rng.choice(pieces, len(pieces) // 2, replace=False):
            (folder / name).unlink()
        same(whole, estimator(whole.method_).fit(X, checkpoint=folder))


def test_tempering_goes_on_from_the_middle_of_a_run(tmp_path, monkeypatch):
    whole = estimator("smc").fit(X)
    monkeypatch.setattr(tempering, "SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    sweep, sweeps = tempering.Population.sweep, []

    def interrupted(self):
        sweeps.append(self.beta)
        if len(sweeps) == 40:
            raise KeyboardInterrupt
        sweep(self)

    monkeypatch.setattr(tempering.Population, "sweep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        estimator("smc", cores=1).fit(X, checkpoint=tmp_path / "kept")
    betas = [float(np.load(path)["beta"]) for path in (tmp_path / "kept").glob("*.npz")]
    assert betas and any(beta < 1.0 for beta in betas)
    del sweeps[:]
    monkeypatch.setattr(tempering.Population, "sweep", lambda self: (sweeps.append(1), sweep(self))[1])
    same(whole, estimator("smc").fit(X, checkpoint=tmp_path / "kept"))
    again = len(sweeps)
    del sweeps[:]
    estimator("smc").fit(X)
    assert again < len(sweeps)


PROGRAM = """
import sys
from bayesgmm import BayesGaussianMixture, datasets, save
from bayesgmm.methods import tempering
tempering.SECONDS_BETWEEN_CHECKPOINTS = 0.0
print("ready", flush=True)
bayes = BayesGaussianMixture(2, method=sys.argv[1], draws=200, chains=3, random_state=4, progressbar=False)
bayes.fit(datasets.galaxies().X, checkpoint="kept")
print("done", flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("method", ["nuts", "smc"])
def test_a_fit_survives_being_killed(method, tmp_path):
    """At any moment, many times."""
    whole, rng = estimator(method).fit(X), np.random.default_rng(7)
    kills = 0
    for _ in range(8):
        with subprocess.Popen(
            [sys.executable, "-c", PROGRAM, method], cwd=tmp_path, stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdout.readline() == "ready\n"
            time.sleep(rng.uniform(0.2, 5.0))
            child.send_signal(signal.SIGKILL)
            kills += child.wait() == -signal.SIGKILL
            if "done" in child.stdout.read():
                shutil.rmtree(tmp_path / "kept")
    assert kills
    same(whole, estimator(method).fit(X, checkpoint=tmp_path / "kept"))
    assert not list((tmp_path / "kept").glob("*.part"))


def test_other_data_and_settings_are_refused_in_words(tmp_path, golden):
    folder = tmp_path / "kept"
    kinder = EMGaussianMixture(2, n_init=3)
    estimator("laplace").fit(X, checkpoint=folder)
    others = [
        (estimator("laplace"), X + 1.0, ["the data", "the prior"]),
        (estimator("laplace", draws=100), X, ["draws"]),
        (estimator("laplace", random_state=5), X, ["random_state"]),
        (estimator("laplace", em=kinder), X, ["em"]),
        (estimator("laplace", prior=replace(Prior.from_data(X), mean_scale=99.0)), X, ["the prior"]),
        (estimator("nuts", tune=100), X, ["method", "tune"]),
    ]
    for other, rows, differing in others:
        with golden.raises(FileProblem, hide=[str(tmp_path)], other=differing):
            other.fit(rows, checkpoint=folder)
    with golden.raises(FileProblem, hide=[str(tmp_path)]):
        estimator("laplace").fit(X, sample_weight=np.full(len(X), 2.0), checkpoint=folder)
    estimator("laplace", cores=1).fit(pd.DataFrame(X), checkpoint=folder)


def test_fits_that_cannot_be_repeated_are_refused(tmp_path, golden):
    for changes in ({"random_state": None}, {"random_state": np.random.default_rng(0)}, {"max_time": 60.0}):
        with golden.raises(ParameterError):
            estimator("laplace", **changes).fit(X, checkpoint=tmp_path / "kept")
    assert not (tmp_path / "kept").exists()


def test_a_folder_that_cannot_be_written_to_is_refused_before_any_work(tmp_path, monkeypatch, golden):
    estimator("laplace").fit(X, checkpoint=tmp_path / "kept")
    # Root may write anywhere.
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    for name in ("kept", "new"):
        with golden.raises(FileProblem, hide=[str(tmp_path)]):
            estimator("laplace").fit(X, checkpoint=tmp_path / name)


def test_a_damaged_piece_is_named(tmp_path):
    estimator("nuts").fit(X, checkpoint=tmp_path / "kept")
    path = Path(tmp_path / "kept" / "nuts-0-chains.npz")
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(FileProblem, match="is damaged; delete it"):
        estimator("nuts").fit(X, checkpoint=tmp_path / "kept")
    path.unlink()
    same(estimator("nuts").fit(X), estimator("nuts").fit(X, checkpoint=tmp_path / "kept"))
