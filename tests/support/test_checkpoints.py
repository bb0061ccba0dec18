"""Pieces in a folder: read again as they were, and refused in words where they cannot be."""

import json
import os

import numpy as np
import pytest

from bayesgmm.errors import FileProblem
from bayesgmm.support.checkpoints import Checkpoints

AT = np.arange(3.0)


def test_a_piece_is_made_once_and_read_again_to_the_last_bit(tmp_path):
    rng = np.random.default_rng(0)
    piece = {"x": rng.normal(size=(3, 4)), "n": np.array([1, -(2**62)]), "text": np.array("µ")}
    made = []

    def make():
        made.append(1)
        return piece

    for _ in range(3):
        found = Checkpoints(tmp_path / "a" / "b", {"seed": "0"}).within("part").kept("one", AT, make)
        for name, value in piece.items():
            assert found[name].dtype == value.dtype
            np.testing.assert_array_equal(found[name], value)
    assert made == [1]
    assert Checkpoints(tmp_path / "a" / "b", {"seed": "0"}).within("other").get("one", AT) is None


def test_a_piece_that_is_relative_to_something_else_is_made_again(tmp_path):
    kept = Checkpoints(tmp_path / "kept", {})
    kept.put("one", {"x": np.ones(1)}, AT)
    assert kept.get("one", AT + 1e-15 * AT) is None
    assert kept.get("one", AT[:2]) is None
    assert kept.kept("one", AT + 1, lambda: {"x": np.zeros(1)})["x"] == 0
    assert kept.get("one", AT + 1)["x"] == 0


def test_without_a_folder_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    nothing = Checkpoints()
    nothing.put("one", {"x": np.ones(1)}, AT)
    assert nothing.get("one", AT) is None
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_other_work_is_refused_and_what_differs_is_named(tmp_path, golden):
    folder = tmp_path / "kept"
    Checkpoints(folder, {"the data": "a", "draws": "100", "em": "none"}).put("one", {"x": np.ones(1)}, AT)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with golden.raises(FileProblem, hide=[str(tmp_path)], other=["draws"]):
        Checkpoints(folder, {"the data": "a", "draws": "50", "em": "none"})
    with golden.raises(FileProblem, hide=[str(tmp_path)], other=["draws", "em", "the data"]):
        Checkpoints(folder, {"the data": "b"})
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_folders_that_are_none_are_refused(tmp_path, golden):
    (tmp_path / "file").write_text("x")
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "thesis.txt").write_text("x")
    for name in ("file", "used", "file/below", "x" * 300):
        with golden.raises(FileProblem, hide=[str(tmp_path)]):
            Checkpoints(tmp_path / name, {})
    assert os.listdir(tmp_path / "used") == ["thesis.txt"]
    with golden.raises(FileProblem):
        Checkpoints(3, {})


@pytest.mark.parametrize("damaged", ["{", "[]", '{"bayesgmm_checkpoint": 0, "made_of": {}}', "{}"])
def test_a_damaged_head_is_refused(tmp_path, damaged):
    Checkpoints(tmp_path / "kept", {})
    (tmp_path / "kept" / "checkpoint.json").write_text(damaged)
    with pytest.raises(FileProblem, match="damaged, or of another version"):
        Checkpoints(tmp_path / "kept", {})


@pytest.mark.parametrize("damage", [lambda b: b[:50], lambda b: b"", lambda b: b[:200] + b"XXXX" + b[204:]])
def test_a_damaged_piece_is_refused(tmp_path, damage, golden):
    kept = Checkpoints(tmp_path / "kept", {})
    kept.put("one", {"x": np.arange(100.0)}, AT)
    path = tmp_path / "kept" / "one.npz"
    path.write_bytes(damage(path.read_bytes()))
    with golden.raises(FileProblem, hide=[str(tmp_path)]):
        kept.get("one", AT)


def test_what_would_run_code_when_it_is_read_is_refused(tmp_path):
    kept = Checkpoints(tmp_path / "kept", {})
    np.savez(tmp_path / "kept" / "one.npz", x=np.array([{}], dtype=object), tie=AT, allow_pickle=True)
    with pytest.raises(FileProblem, match="damaged"):
        kept.get("one", AT)


def test_a_piece_that_cannot_be_written_ends_the_keeping_and_not_the_work(tmp_path, monkeypatch, golden):
    kept = Checkpoints(tmp_path / "kept", {})

    def full(path, write):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bayesgmm.support.checkpoints.replace_file", full)
    with pytest.warns(RuntimeWarning) as noted:
        assert kept.kept("one", AT, lambda: {"x": np.ones(1)})["x"] == 1.0
    golden(str(noted[0].message), hide=[str(tmp_path)])
    kept.put("two", {"x": np.ones(1)}, AT)
    assert os.listdir(tmp_path / "kept") == ["checkpoint.json"]


def test_what_pieces_depend_on_can_be_read(tmp_path):
    Checkpoints(tmp_path / "kept", {"draws": "100"})
    assert json.loads((tmp_path / "kept" / "checkpoint.json").read_text())["made_of"] == {"draws": "100"}
