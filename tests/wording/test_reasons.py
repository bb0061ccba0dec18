"""A reason is its code and its values, and finds its sentence."""

import inspect
import json
import pickle

import numpy as np
import pytest

from bayesgmm.wording import Reason
from bayesgmm.wording.reasons import CONSOLE, PAGE, sentences


def test_reasons_are_compared_by_code_and_values():
    first = Reason("low_energy_fraction", {"bfmi": 0.25, "wanted": 0.3})
    same = Reason("low_energy_fraction", {"wanted": np.float64(0.3), "bfmi": np.float32(0.25)})
    assert first == same
    assert hash(first) == hash(same)
    assert first not in {Reason("low_energy_fraction", {"bfmi": 0.2, "wanted": 0.3}), Reason("single_chain")}
    assert pickle.loads(pickle.dumps(first)) == first


def test_json_holds_all_of_a_reason():
    why = Reason("transitions_diverged", {"n": np.int64(3)})
    outer = Reason("made_up", {"why": why, "means": np.array([1.5, 2.0]), "name": "x", "none": None})
    assert Reason.from_json(json.loads(json.dumps(outer.to_json()))) == outer
    assert outer.values == {"why": why, "means": (1.5, 2.0), "name": "x", "none": None}
    assert hash(outer) == hash(Reason.from_json(outer.to_json()))


def test_what_json_cannot_hold_is_refused():
    with pytest.raises(TypeError, match="got object"):
        Reason("made_up", {"n": object()})


def test_a_reason_of_the_users_own_needs_no_words():
    assert str(Reason("too_cold")) == "Too cold."
    assert str(Reason("too_cold", {"beta": 0.5, "wanted": 1})) == "Too cold: beta 0.5, wanted 1."


def test_a_page_without_words_of_its_own_has_those_of_the_console():
    reason = Reason("single_chain")
    assert (PAGE, "single_chain") not in sentences()
    assert reason.sentence(PAGE) == reason.sentence(CONSOLE) == str(reason)


def test_a_sentence_has_the_same_values_for_every_audience():
    told = sentences()
    for (audience, code), function in told.items():
        if audience == PAGE and (CONSOLE, code) in told:
            console = inspect.signature(told[CONSOLE, code]).parameters
            assert set(inspect.signature(function).parameters) == set(console), code
