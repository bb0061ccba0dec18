"""Completion by the Tab key, as a shell asks for it."""

import os
import shutil
import subprocess

import pytest
from command_line import PROGRAM, done


def completions(words, place):
    """What bash would be told for these words, the one at `place` being typed."""
    request = {"_BAYESGMM_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(place)}
    process = subprocess.run(PROGRAM, capture_output=True, text=True, env=os.environ | request, check=True)
    return process.stdout.splitlines()


@pytest.mark.parametrize(
    ("words", "place", "expected"),
    [
        ("bayesgmm f", 1, ["plain,fit"]),
        ("bayesgmm datasets gal", 2, ["plain,galaxies"]),
        (
            "bayesgmm datasets ",
            2,
            [f"plain,{n}" for n in ["faithful", "galaxies", "penguins", "banknote", "iris"]],
        ),
        ("bayesgmm fit data.csv --met", 3, ["plain,--method"]),
        ("bayesgmm fit --method l", 3, ["plain,laplace"]),
        ("bayesgmm fit --covariance-type s", 3, ["plain,spherical"]),
        ("bayesgmm report --format ", 3, ["plain,html", "plain,json"]),
        ("bayesgmm completion z", 2, ["plain,zsh"]),
        ("bayesgmm fit da", 2, ["file,da"]),
        ("bayesgmm demo --output re", 3, ["dir,re"]),
    ],
)
def test_completions(words, place, expected):
    assert completions(words, place) == expected


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_ask_by_the_name_that_is_answered(shell):
    text = done("completion", shell).stdout
    assert f"_BAYESGMM_COMPLETE={shell}_complete" in text


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_a_word(tmp_path):
    program = tmp_path / "bayesgmm"
    program.write_text(f"#!{PROGRAM[0]}\n{PROGRAM[2]}\n")
    program.chmod(0o755)
    (tmp_path / "script.sh").write_text(done("completion", "bash").stdout)
    typed = (
        "source script.sh; COMP_WORDS=(bayesgmm datasets ir); COMP_CWORD=2; "
        "_bayesgmm_completion bayesgmm; echo ${COMPREPLY[@]}"
    )
    process = subprocess.run(
        ["bash", "-c", typed],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
    )
    assert process.stdout.split() == ["iris"], process.stderr
