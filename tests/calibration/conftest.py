"""A check of a quick fit."""

import pytest


@pytest.fixture(scope="session")
def check(apart):
    return apart.check_calibration(6, random_state=1, progressbar=False)
