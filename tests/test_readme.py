"""What the README shows runs, and what it says of itself is true."""

import re
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

import bayesgmm
from bayesgmm import plots
from bayesgmm.wording.verdict import readable_sentence

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


@pytest.mark.slow
def test_the_python_example_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})
    told = capsys.readouterr().out
    assert readable_sentence("", 0.0).split(":")[0] in told
    assert "BIC and ICL prefer 2" in told
    assert (tmp_path / "report.html").stat().st_size > 10_000


def test_every_dependency_has_its_reason():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {re.match(r"[\w-]+", d).group() for d in declared}
    table = README[README.index("## What it stands on") : README.index("## Licence")]
    explained = {
        name.strip() for row in re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE) for name in row.split(",")
    } - {"package"}
    assert names == explained


def test_the_reference_holds_all_that_is_public():
    modules = re.search(r"pdoc -d numpy -o api (.*)", README)[1].split()
    of_modules = [import_module(name) for name in modules]
    assert all(module.__doc__ and module.__all__ for module in of_modules)
    public = {name for module in of_modules for name in module.__all__}
    assert set(bayesgmm.__all__) - {"__version__", "datasets"} <= public
    assert {"GaussianMixture", *plots.__all__} <= public
    assert "bayesgmm.rows.datasets" in modules


def test_the_version_to_cite_is_this_one():
    assert f"version = {{{bayesgmm.__version__}}}" in README


@pytest.mark.parametrize("path", re.findall(r"`((?:notebooks|reports|bayesgmm|docs)/[\w/.]+)`", README))
def test_files_that_are_named_exist(path):
    assert (ROOT / path).exists()
