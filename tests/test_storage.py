"""A fit that comes back from a file is the same fit."""

import stat

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bayesgmm
from bayesgmm import BayesGaussianMixture, Prior, compare, load, save
from bayesgmm.errors import FileProblem
from bayesgmm.storage import replace_file


@pytest.fixture(scope="module")
def stored(faithful_fit, tmp_path_factory):
    return save(faithful_fit, tmp_path_factory.mktemp("fits") / "fit.nc")


def test_everything_comes_back(faithful_fit, stored, faithful_frame):
    again = load(stored)
    xr.testing.assert_identical(
        again.posterior_["posterior"].dataset, faithful_fit.posterior_["posterior"].dataset
    )
    assert again.prior_ == faithful_fit.prior_
    assert again.verdict_ == faithful_fit.verdict_
    assert np.array_equal(again.relabelling_.permutations, faithful_fit.relabelling_.permutations)
    assert again.em_.log_likelihood_ == faithful_fit.em_.log_likelihood_
    pd.testing.assert_frame_equal(
        again.em_.modes_, faithful_fit.em_.modes_, check_column_type=False, check_index_type=False
    )
    assert np.array_equal(again.predict_proba(faithful_frame), faithful_fit.predict_proba(faithful_frame))


def test_settings_come_back(faithful_fit, stored):
    again = load(stored)
    assert again.get_params() == faithful_fit.get_params() | {"tune": 600, "cores": None, "progressbar": True}


@pytest.mark.parametrize(
    ("k", "columns", "family"), [(1, [0], "full"), (2, [1], "full"), (1, [0, 1], "diag"), (2, [0, 1], "tied")]
)
def test_small_shapes_and_other_families_come_back(k, columns, family, faithful_frame, tmp_path):
    settings = {"draws": 50, "tune": 60, "chains": 2, "random_state": 0, "progressbar": False}
    prior = Prior(mean_loc=10.0, mean_scale=50.0, std_prior=("halfnormal", 20.0))
    fit = BayesGaussianMixture(k, covariance_type=family, prior=prior, **settings).fit(
        faithful_frame.iloc[:, columns]
    )
    again = load(save(fit, tmp_path / "fit.nc"))
    assert str(compare(again)) == str(compare(fit))
    assert again.get_params()["prior"] == prior


def test_the_comparison_is_the_same(faithful_fit, stored):
    assert str(compare(load(stored))) == str(compare(faithful_fit))


def test_nothing_is_left_behind_when_writing_fails(tmp_path):
    target = tmp_path / "out.txt"
    target.write_text("old")

    def fail(path):
        path.write_text("half")
        raise RuntimeError("no more ink")

    with pytest.raises(RuntimeError, match="no more ink"):
        replace_file(target, fail)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_written_file_is_as_public_as_others(tmp_path):
    replace_file(tmp_path / "a", lambda p: p.write_text("x"))
    (tmp_path / "b").write_text("x")
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in "ab"}
    assert len(modes) == 1


def test_unusable_targets_are_refused(tmp_path, golden):
    with golden.raises(FileProblem, hide=[str(tmp_path)], path=str(tmp_path)):
        replace_file(tmp_path, lambda p: None)
    with golden.raises(FileProblem, hide=[str(tmp_path)], folder=str(tmp_path / "no")):
        replace_file(tmp_path / "no" / "f.nc", lambda p: None)


def test_other_files_are_refused(tmp_path, golden):
    with golden.raises(FileProblem, hide=[str(tmp_path)], path=str(tmp_path / "none.nc")):
        load(tmp_path / "none.nc")
    text = tmp_path / "text.nc"
    text.write_text("hello")
    with pytest.raises(FileProblem, match="is not a netCDF file"):
        load(text)
    other = tmp_path / "other.nc"
    xr.Dataset({"a": ("x", [1.0])}).to_netcdf(other, engine="h5netcdf")
    with golden.raises(FileProblem, hide=[str(tmp_path)], path=str(other), format=None):
        load(other)


def test_a_file_of_another_version_is_refused_by_the_name_of_its_writer(faithful_fit, tmp_path, golden):
    with xr.open_datatree(save(faithful_fit, tmp_path / "fit.nc"), engine="h5netcdf") as opened:
        tree = opened.load()
    tree.attrs |= {"bayesgmm_format": 2, "created_by": "bayesgmm 0.1.0"}
    tree.to_netcdf(tmp_path / "old.nc", engine="h5netcdf")
    details = {"format": 2, "expected": 3, "created_by": "bayesgmm 0.1.0"}
    with golden.raises(FileProblem, hide=[str(tmp_path), bayesgmm.__version__], **details):
        load(tmp_path / "old.nc")
