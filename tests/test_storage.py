"""A fit that comes back from a file is the same fit."""

import os
import re
import stat

import h5py
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bayesgmm
from bayesgmm import BayesGaussianMixture, Prior, compare, load, save, write_report
from bayesgmm.errors import FileProblem
from bayesgmm.storage.seal import sealed, unsealed


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
    prior = Prior(mean_loc=10.0, mean_scale=50.0, std_prior=("halfnormal", 20.0), resolution=0.01)
    fit = BayesGaussianMixture(k, covariance_type=family, prior=prior, **settings).fit(
        faithful_frame.iloc[:, columns]
    )
    again = load(save(fit, tmp_path / "fit.nc"))
    assert str(compare(again)) == str(compare(fit))
    assert again.get_params()["prior"] == prior


def test_the_comparison_is_the_same(faithful_fit, stored):
    assert str(compare(load(stored))) == str(compare(faithful_fit))


def test_other_files_are_refused(tmp_path, golden):
    with golden.raises(FileProblem, hide=[str(tmp_path)], path=str(tmp_path / "none.nc")):
        load(tmp_path / "none.nc")
    text = tmp_path / "text.nc"
    text.write_text("hello")
    with golden.raises(FileProblem, hide=[str(tmp_path)], path=str(text)):
        load(text)
    other = tmp_path / "other.nc"
    xr.Dataset({"a": ("x", [1.0])}).to_netcdf(other, engine="h5netcdf")
    with golden.raises(FileProblem, hide=[str(tmp_path)], path=str(other), format=None):
        load(other)


@pytest.mark.parametrize("path", [None, 3, b"fit.nc", ["fit.nc"], "a\0b", "\ud800"])
def test_what_is_no_path_of_a_file_is_refused(path):
    with pytest.raises(FileProblem):
        load(path)


@pytest.fixture(params=["itself", "by a link"])
def pipe(request, tmp_path):
    """A named pipe, which stands for every file that is not an ordinary one."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    return tmp_path / ("pipe" if request.param == "itself" else "link")


@pytest.mark.parametrize("write", [save, write_report])
def test_what_is_no_ordinary_file_stays_what_it_is(write, pipe, faithful_fit, golden):
    with golden.raises(FileProblem, hide=[str(pipe.parent)], path=str(pipe)):
        write(faithful_fit, pipe)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert sorted(os.listdir(pipe.parent)) == ["link", "pipe"]


def test_a_name_that_is_too_long_is_refused(tmp_path, faithful_fit, golden):
    path = str(tmp_path / ("x" * 300))
    for refused in (lambda: save(faithful_fit, path), lambda: load(path)):
        with golden.raises(FileProblem, hide=[str(tmp_path), "x{300}"], path=path):
            refused()


def test_links_in_a_circle_are_refused(tmp_path, faithful_fit):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(FileProblem):
        save(faithful_fit, tmp_path / "a")


def test_a_folder_that_only_looks_writable(faithful_fit, tmp_path, monkeypatch, golden):
    """As /proc does; the file that is meant is named, not the one beside it."""

    def mkstemp(dir, prefix, suffix):
        raise FileNotFoundError(2, "No such file or directory", f"{dir}/{prefix}{suffix}")

    monkeypatch.setattr("tempfile.mkstemp", mkstemp)
    with golden.raises(FileProblem, hide=[str(tmp_path)], path=str(tmp_path / "x.nc")):
        save(faithful_fit, tmp_path / "x.nc")


def test_row_names_of_several_kinds_come_back_as_they_were(faithful_frame, tmp_path):
    names = ["a", 1, 2.5, True, 2**70, "1", "é\0"] * 9
    index = pd.Index(names, dtype=object, name="mixed")
    settings = {"method": "laplace", "draws": 60, "chains": 2, "random_state": 0, "progressbar": False}
    fit = BayesGaussianMixture(2, **settings).fit(faithful_frame[: len(index)].set_axis(index))
    again = load(save(fit, tmp_path / "fit.nc"))
    kept = [name if name != "é\0" else "é\\0" for name in names]
    assert [*map(repr, again.rows_.index)] == [*map(repr, kept)]
    assert [*map(type, load(save(again, tmp_path / "b.nc")).rows_.index)] == [*map(type, names)]
    assert again.rows_.row(1) == fit.rows_.row(1)


def test_a_foreign_file_is_not_filled(tmp_path):
    """Two kilobytes that declare 64 gigabytes."""
    path = tmp_path / "large.nc"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", (8_000_000_000,), dtype="f8", chunks=(1_000_000,))
    assert path.stat().st_size < 4000
    with pytest.raises(FileProblem, match=r"not written by bayesgmm\.save"):
        load(path)


def test_a_file_of_another_version_is_refused_by_the_name_of_its_writer(faithful_fit, tmp_path, golden):
    with xr.open_datatree(save(faithful_fit, tmp_path / "fit.nc"), engine="h5netcdf") as opened:
        tree = opened.load()
    tree.attrs |= {"bayesgmm_format": 4, "created_by": "bayesgmm 0.2.0"}
    tree.to_netcdf(tmp_path / "old.nc", engine="h5netcdf")
    details = {"format": 4, "expected": 5, "created_by": "bayesgmm 0.2.0"}
    with golden.raises(FileProblem, hide=[str(tmp_path), bayesgmm.__version__], **details):
        load(tmp_path / "old.nc")


# ------------------------------------------------------------ damage


@pytest.mark.parametrize("seed", range(5))
def test_a_flipped_bit_anywhere_is_seen(seed, stored, tmp_path):
    rng, whole = np.random.default_rng(seed), bytearray(stored.read_bytes())
    # The last bytes are those of the checksum.
    for at in [*rng.integers(len(whole), size=20), len(whole) - 1 - seed, len(whole) - 20 * (seed + 1)]:
        damaged = whole.copy()
        damaged[at] ^= 1 << rng.integers(8)
        (tmp_path / "damaged.nc").write_bytes(damaged)
        with pytest.raises(FileProblem):
            load(tmp_path / "damaged.nc")


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_a_file_that_was_cut_short_is_refused(share, stored, tmp_path):
    whole = stored.read_bytes()
    for content in (whole[: int(share * len(whole))], whole[:-1], whole + b"x"):
        (tmp_path / "cut.nc").write_bytes(content)
        with pytest.raises(FileProblem):
            load(tmp_path / "cut.nc")


@pytest.mark.parametrize("signature", [b"OHDR", b"OCHK", b"FRHP", b"BTHD"])
def test_damage_that_was_sealed_is_a_problem_of_the_file(signature, stored, tmp_path):
    """Of the parts that HDF5 puts a file together from; it raises errors of many types."""
    whole = unsealed(stored)
    places = [found.start() for found in re.finditer(signature, whole)]
    for at in places[:: max(1, len(places) // 8)]:
        damaged = bytearray(whole)
        damaged[at + 12] ^= 1
        (tmp_path / "damaged.nc").write_bytes(sealed(bytes(damaged)))
        with pytest.raises(FileProblem) as caught:
            load(tmp_path / "damaged.nc")
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


def test_damage_is_told_from_another_programs_file(stored, tmp_path, golden):
    whole = bytearray(stored.read_bytes())
    whole[len(whole) // 2] ^= 1
    (tmp_path / "damaged.nc").write_bytes(whole)
    with golden.raises(FileProblem, hide=[str(tmp_path)], path=str(tmp_path / "damaged.nc")):
        load(tmp_path / "damaged.nc")
    with xr.open_datatree(stored, engine="h5netcdf") as opened:
        opened.load().to_netcdf(tmp_path / "again.nc", engine="h5netcdf")
    with golden.raises(FileProblem, hide=[str(tmp_path)], path=str(tmp_path / "again.nc")):
        load(tmp_path / "again.nc")


# ------------------------------------------------------------ files made to deceive, with a right checksum


@pytest.fixture
def made(stored, tmp_path):
    """A function that changes the content of a saved fit, and gives it a checksum of its own."""

    def changed(change):
        path = tmp_path / "made.nc"
        path.write_bytes(unsealed(stored))
        with h5py.File(path, "r+") as file:
            change(file)
        path.write_bytes(sealed(path.read_bytes()))
        return path

    return changed


def test_the_helper_itself_makes_a_file_that_loads(made):
    assert load(made(lambda file: None)).fit_.settings.n_components == 2


def external_link(file):
    file["other"] = h5py.ExternalLink("secret.h5", "/x")


def soft_link(file):
    file["observed_data/y"] = h5py.SoftLink("/posterior/means")


def circle(file):
    file["posterior/again"] = h5py.SoftLink("/posterior")


def external_storage(file):
    file.create_dataset("secret", (4,), dtype="u1", external=[("/etc/hostname", 0, 4)])


def virtual(file):
    layout = h5py.VirtualLayout((4,), dtype="f8")
    layout[:] = h5py.VirtualSource("secret.h5", "x", shape=(4,))
    file.create_virtual_dataset("secret", layout)


def unfilled(file):
    file.create_dataset("large", (8_000_000_000,), dtype="f8", chunks=(1_000_000,))


@pytest.mark.parametrize("change", [external_link, soft_link, circle, external_storage, virtual, unfilled])
def test_nothing_outside_the_file_is_read_and_nothing_filled(change, made, monkeypatch):
    path = made(change)
    monkeypatch.setattr(xr, "open_datatree", None)
    with pytest.raises(FileProblem):
        load(path)


def put(name, at, value):
    """A change of single numbers."""

    def change(file):
        file[name][at] = value

    return change


def attribute(name, value):
    def change(file):
        file.attrs[name] = value

    return change


def at_group(group, name, value):
    def change(file):
        file[group].attrs[name] = value

    return change


def without(name):
    def change(file):
        del file[name]

    return change


IMPOSSIBLE = {
    "a negative weight": put("posterior/weights", (0, 0), [-1.0, 2.0]),
    "weights that do not sum to one": put("posterior/weights", (0, 0), [0.5, 0.6]),
    "a weight that is no number": put("posterior/weights", (0, 0), [np.nan, 1.0]),
    "an infinite mean": put("posterior/means", (1, 3, 0, 0), np.inf),
    "a negative standard deviation": put("posterior/stds", (1, 3, 0, 0), -1.0),
    "no correlation matrix": put("posterior/corr_chol", (1, 3, 0, 1, 1), 3.0),
    "a row that is no number": put("observed_data/x", (3, 0), np.nan),
    "a membership above one": put("membership/mean", (0,), [2.0, 1.0]),
    "a negative membership": put("membership/mean", (0,), [2.0, -1.0]),
    "a permutation that is none": put("relabelling/permutations", (0, 0), [1, 1]),
    "a log-likelihood that is no number": put("sample_stats/total_log_likelihood", (0, 0), np.nan),
    "a negative number of components": attribute("n_components", -5),
    "another number of components": attribute("n_components", 3),
    "no method": attribute("method", "magic"),
    "no family": attribute("covariance_type", "round"),
    "a prior that is none": attribute("prior_fields", '{"mean_loc": "x"}'),
    "a prior that is no JSON": attribute("prior_fields", "{"),
    "other rows than were fitted": put("observed_data/x", (3, 0), 2.5),
    "no draws": without("posterior"),
    "no memberships": without("membership/mean"),
    "no EM estimate": without("em/weights"),
    "kinds of row names that are none": at_group("observed_data", "row_kinds", "sx"),
    "an EM estimate with a negative weight": put("em/weights", slice(None), [-1.0, 2.0]),
    "an EM estimate that is no mixture": put("em/covariances", (0, 0, 0), -1.0),
}


@pytest.mark.parametrize("what", IMPOSSIBLE)
def test_a_record_that_no_fit_can_leave_is_refused(what, made):
    path = made(IMPOSSIBLE[what])
    with pytest.raises(FileProblem) as caught:
        load(path)
    assert "made.nc" in str(caught.value)
