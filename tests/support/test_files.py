"""Files that are written whole or not at all."""

import os
import stat
import subprocess
import sys
from contextlib import ExitStack

import pytest

from bayesgmm.errors import FileProblem
from bayesgmm.support.files import replace_file


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


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666])
def test_a_file_that_is_written_again_keeps_its_permissions(mode, tmp_path):
    target = tmp_path / "out.txt"
    target.write_text("old")
    target.chmod(mode)
    replace_file(target, lambda p: p.write_text("new"))
    assert target.read_text() == "new"
    assert stat.S_IMODE(target.stat().st_mode) == mode


@pytest.mark.parametrize("name", ["link.txt", "twice.txt"])
def test_of_a_link_the_target_is_written(name, tmp_path):
    (tmp_path / "folder").mkdir()
    target = tmp_path / "folder" / "out.txt"
    target.write_text("old")
    (tmp_path / "link.txt").symlink_to(os.path.join("folder", "out.txt"))
    (tmp_path / "twice.txt").symlink_to("link.txt")
    assert replace_file(tmp_path / name, lambda p: p.write_text("new")) == tmp_path / name
    assert target.read_text() == "new"
    assert (tmp_path / name).is_symlink()
    assert sorted(p.name for p in (tmp_path / "folder").iterdir()) == ["out.txt"]


def test_a_link_to_nowhere_makes_the_file_and_one_into_no_folder_is_refused(tmp_path):
    (tmp_path / "link.txt").symlink_to("new.txt")
    replace_file(tmp_path / "link.txt", lambda p: p.write_text("new"))
    assert (tmp_path / "new.txt").read_text() == "new"
    (tmp_path / "lost.txt").symlink_to(os.path.join("no", "new.txt"))
    with pytest.raises(FileProblem):
        replace_file(tmp_path / "lost.txt", lambda p: p.write_text("new"))


def test_what_a_killed_program_has_left_is_removed_and_what_another_writes_is_not(tmp_path):
    writing = (
        "import os, sys, time\n"
        "from bayesgmm.support.files import replace_file\n"
        "replace_file(sys.argv[1], lambda path: (print('writing', flush=True), time.sleep(60)))\n"
    )
    target = tmp_path / "a[b].nc"
    with ExitStack() as stack:
        children = [
            stack.enter_context(
                subprocess.Popen([sys.executable, "-c", writing, str(target)], stdout=subprocess.PIPE)
            )
            for _ in range(2)
        ]
        for child in children:
            stack.callback(child.kill)
            assert child.stdout.readline() == b"writing\n"
        children[0].kill()
        children[0].wait()
        assert len(list(tmp_path.glob(".*.part"))) == 2
        replace_file(target, lambda path: path.write_text("whole"))
        assert target.read_text() == "whole"
        (left,) = tmp_path.glob(".*.part")
        assert f"-{children[1].pid}-" in left.name
    replace_file(target, lambda path: path.write_text("again"))
    assert [path.name for path in tmp_path.iterdir()] == ["a[b].nc"]
