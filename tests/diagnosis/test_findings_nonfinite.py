"""Is NaN told as where it came from?"""

import pytest

from relu_jax.diagnosis import findings_nonfinite, thresholds
from relu_jax.diagnosis.types import Cause
from tests.diagnosis import made

FORWARD = Cause("forward", "a", "argument", 1, 0, 1)
LOSS = Cause("loss", "", "", 1, 0, 1)
BACKWARD = Cause("backward", "a", "argument", 1, 0, 1)
GRADIENT = Cause("gradient", "w", "", 1, 0, 1)
CERTAIN = [
    Cause("parameter", "w", "", 1, 0, 1),
    Cause("data", "x", "", 1, 0, 1),
    Cause("forward", "a", "result", 1, 0, 1),
    Cause("backward", "a", "result", 1, 0, 1),
]
ALL = [made.report("a"), made.report("b")]
RULED = [ALL[0], ALL[1]._replace(norm_d_pre=None, norm_d_post=None)]


def judged(*causes, reports=(), **changes):
    return findings_nonfinite.judge(made.facts(reports, causes=causes, **changes))


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
    assert found.remedy == thresholds.NON_FINITE[place, detail]


def test_many_leaves_are_one_finding():
    (found,) = judged(*(Cause("data", f"w{i}", "", 1, 0, 5) for i in range(6)))
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


def test_where_every_site_was_measured_all_of_them_speak():
    assert "parameters, data and the sites before it are" in judged(FORWARD, reports=ALL)[0].what
    assert judged(LOSS, reports=ALL)[0].what.endswith("although every site before it is finite.")
    assert judged(GRADIENT, reports=ALL)[0].what.endswith(
        "although the gradient is finite at every site: it is born in what w itself goes into."
    )


def test_a_loop_over_layers_is_one_site_that_was_measured():
    turns = [made.report("a")._replace(id=f"a[{i}]") for i in range(3)]
    sites = (turns[0].site,)
    assert "every site before it" in judged(LOSS, reports=turns, sites=sites)[0].what


def test_without_any_site_nothing_is_said_of_sites():
    for cause, finite in ((LOSS, "parameters and data are finite"), (GRADIENT, "loss is finite")):
        (found,) = judged(cause)
        assert f"{finite}; no activation was found to look at in between." in found.what
        assert "site" not in found.what


def test_where_some_sites_were_left_out_only_the_others_speak():
    some = {"reports": ALL[:1], "sites": tuple(report.site for report in ALL)}
    assert "the observed sites before it are finite" in judged(FORWARD, **some)[0].what
    assert judged(LOSS, **some)[0].what.endswith("although every observed site is finite.")
    assert "at every site where it was measured:" in judged(GRADIENT, **some)[0].what


def test_sites_without_cotangents_do_not_speak_of_the_gradient():
    assert "at every site where it was measured:" in judged(GRADIENT, reports=RULED)[0].what
    assert "every site before it is finite" in judged(LOSS, reports=RULED)[0].what


@pytest.mark.parametrize("cause", [FORWARD, LOSS, BACKWARD, GRADIENT], ids=lambda one: one.place)
def test_what_was_not_entered_may_have_made_it(cause):
    (found,) = judged(cause, reports=ALL, opaque=("while at net.py:9",))
    assert found.what.endswith(" Not entered: while at net.py:9; it may be born there.")


@pytest.mark.parametrize("cause", CERTAIN, ids=lambda one: f"{one.place}-{one.detail}")
def test_what_was_seen_needs_no_reservation(cause):
    (found,) = judged(cause, reports=ALL, opaque=("while at net.py:9",))
    assert "Not entered" not in found.what


def test_parameters_that_are_mostly_nan_tell_of_a_training_that_diverged():
    leaves = [made.parameter(path=name) for name in "abc"]
    causes = [Cause("parameter", name, "", 1, 0, 5) for name in "ab"]
    (found,) = findings_nonfinite.judge(made.facts(causes=tuple(causes), parameters=tuple(leaves)))
    assert (found.site, found.severity) == ("", "critical")
    assert "2 of 3 parameters hold NaN" in found.what
    assert "learning rate" in found.remedy
