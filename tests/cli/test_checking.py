"""The command that checks a saved fit: what the Python interface says, and files that stay whole."""

import json
from pathlib import Path

import pytest
from command_line import done, refusal, run

from bayesgmm import save
from bayesgmm.calibration import refit as refitting

ASKED = ["check", "fit.nc", "-n", "2", "--quiet"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, apart):
    monkeypatch.chdir(tmp_path)
    save(apart, "fit.nc")


def test_check_says_what_the_estimator_says(apart):
    expected = apart.check_calibration(2, progressbar=False)
    found = json.loads(done(*ASKED, "--json", "--report", "page.html", "--records", "refits.jsonl").stdout)
    assert found["ranks"] == json.loads(json.dumps(expected.to_json()))["ranks"]
    assert found["files"] == {"records": "refits.jsonl", "report": "page.html"}
    text = done(*ASKED).stdout
    assert all(str(finding) in text for finding in expected.findings)
    assert "means[0, x0]" in text
    page = Path("page.html").read_text()
    assert page.startswith("<!doctype html>") and "means[0, x0]" in page and "data:image/svg+xml" in page


def test_the_same_check_gives_the_same_page():
    for name in ("first.html", "second.html"):
        done(*ASKED, "--report", name, "--records", "refits.jsonl")
    assert Path("first.html").read_bytes() == Path("second.html").read_bytes()


def test_an_interrupted_check_says_what_it_has_written(monkeypatch):
    done(*ASKED, "--records", "refits.jsonl")
    before = Path("refits.jsonl").read_bytes()

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("bayesgmm.calibration.check.refitted", interrupted)
    result = run("check", "fit.nc", "-n", "3", "--records", "refits.jsonl", "--quiet")
    assert (result.exit_code, result.stdout) == (130, "")
    assert "nothing was written" in result.stderr
    assert Path("refits.jsonl").read_bytes() == before
    result = run("check", "fit.nc", "-n", "3", "--records", "other.jsonl", "--quiet")
    assert "nothing was written" in result.stderr
    monkeypatch.undo()


def test_what_cannot_be_is_refused(golden):
    golden(refusal("check", "missing.nc"))
    golden(refusal("check", "fit.nc", "-n", "0"))
    golden(refusal("check", "fit.nc", "--records", "fit.nc"))
    golden(refusal("check", "fit.nc", "--report", "missing/page.html"))
    Path("folder").mkdir()
    golden(refusal("check", "fit.nc", "--records", "folder"))


def test_outcomes_are_counted(monkeypatch):
    failed = refitting.Refit("failed", {}, {}, {})
    monkeypatch.setattr("bayesgmm.calibration.check.refitted", lambda *_: failed)
    found = json.loads(done(*ASKED, "--json").stdout)
    assert found["outcomes"] == {"failed": 2}
    assert found["ranks"] == []
    done(*ASKED, "--report", "page.html")
