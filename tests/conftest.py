"""Fits that several tests look at, a fit being made once a run, and the sentences that tests hold against a
file."""

import golden_file
import pytest
from two_clusters import SETTINGS, two_clusters

from bayesgmm import BayesGaussianMixture, datasets


def pytest_addoption(parser):
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write the sentences of the tests that run to tests/golden/sentences.txt, in one process",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config):
    if config.option.update_golden and getattr(config.option, "numprocesses", None):
        # Each of several processes would write what it knows alone.
        config.option.numprocesses = 0


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session, items):
    # Before any are deselected.
    session.config.stash[golden_file.COLLECTED] = [item.nodeid for item in items]


def pytest_sessionfinish(session):
    updated = session.config.stash.get(golden_file.UPDATED, None)
    if not updated or hasattr(session.config, "workerinput"):
        return
    known = golden_file.read()
    for test in updated.values():
        for key in test.left_over():
            known.pop(key, None)
        known |= test.asked
    for key in golden_file.without_a_test(
        known, session.config.stash[golden_file.COLLECTED], session.config.args
    ):
        del known[key]
    golden_file.write(known)


@pytest.fixture(scope="session")
def known_sentences():
    return golden_file.read()


@pytest.fixture
def golden(request, known_sentences):
    """Holds sentences against tests/golden/sentences.txt; see tests/golden_file.py."""
    name = request.node.nodeid.removeprefix("tests/")
    update = request.config.option.update_golden
    test = golden_file.Golden(name, known_sentences, update)
    yield test
    if update:
        request.config.stash.setdefault(golden_file.UPDATED, {})[name] = test
    elif getattr(request.node, "passed", False):
        assert not test.left_over(), "Not asked for; run pytest --update-golden."


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.when == "call":
        item.passed = report.passed
    return report


@pytest.fixture(scope="session")
def faithful_frame():
    data = datasets.load("faithful")
    return data.frame[data.features]


@pytest.fixture(scope="session")
def faithful_fit(faithful_frame):
    return BayesGaussianMixture(2, random_state=0, progressbar=False).fit(faithful_frame)


@pytest.fixture(scope="session")
def apart():
    """A quick fit that the verdict accepts."""
    return BayesGaussianMixture(2, **SETTINGS).fit(two_clusters(6.0))
