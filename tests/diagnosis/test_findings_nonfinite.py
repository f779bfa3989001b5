"""Is NaN told as where it came from?"""

import pytest

from relu_jax.diagnosis import findings_nonfinite
from relu_jax.diagnosis.types import Cause
from tests.diagnosis import made


def judged(*causes):
    return findings_nonfinite.judge(made.facts(causes=causes))


@pytest.mark.parametrize(
    ("place", "detail", "words"),
    [
        ("parameter", "", "The parameter a holds 3 NaN"),
        ("data", "", "The data leaf a holds 3 NaN"),
        ("forward", "argument", "first appears in what enters a;"),
        ("forward", "result", "a gives NaN or inf for finite arguments"),
        ("loss", "", "The loss is NaN or inf although"),
        ("backward", "argument", "where it arrives at a: it is born after that site"),
        ("backward", "result", "The derivative of a itself"),
        ("gradient", "", "The gradient of a is NaN or inf although"),
    ],
)
def test_each_place_has_its_words(place, detail, words):
    (found,) = judged(Cause(place, "a", detail, 2, 1, 3))
    assert words in found.what
    assert (found.kind, found.severity, found.site) == ("non_finite", "critical", "a")
    assert (found.evidence["batches"], found.evidence["first batch"]) == (2, 1)


def test_many_leaves_are_one_finding():
    (found,) = judged(*(Cause("parameter", f"w{i}", "", 1, 0, 5) for i in range(6)))
    assert found.site == "w0"
    assert found.what.endswith("So do w1, w2, w3 and 2 more.")
    assert found.evidence["leaves"] == 6


def test_causes_of_different_places_are_told_apart_the_deepest_first():
    found = judged(Cause("loss", "", "", 1, 0, 1), Cause("data", "x", "", 1, 3, 1))
    assert [one.evidence["place"] for one in found] == ["data", "loss"]


def test_no_cause_no_finding():
    assert judged() == []


def test_what_does_not_spread_is_mild_and_last():
    found = judged(
        Cause("data", "mask", "", 1, 0, 1, spreads=False), Cause("loss", "", "", 1, 0, 1)
    )
    assert [(one.site, one.severity) for one in found] == [("", "critical"), ("mask", "info")]
    assert "a mask, perhaps" in found[1].what
