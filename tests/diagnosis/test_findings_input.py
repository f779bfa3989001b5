"""Are inputs of the wrong size found at the first site, and only there?"""

import pytest

from relu_jax.diagnosis import findings_input
from tests.diagnosis import made


def judged(*reports, blamed=(), **changes):
    return findings_input.judge(made.facts(reports, **changes), blamed)


@pytest.mark.parametrize(
    ("size", "severity"),
    [(1e-6, None), (1.0, None), (29.0, None), (30.0, "warning"), (180.0, "warning"),
     (999.0, "warning"), (1e3, "critical"), (2e4, "critical")],
)  # fmt: skip
def test_by_what_enters_the_first_site(size, severity):
    found = judged(*made.chain(3)[1:]) or judged(made.report("a", rms_pre=size), made.report("b"))
    assert [(one.kind, one.severity, one.site) for one in found] == (
        [("input_scale", severity, "a")] if severity else []
    )


def test_only_the_first_is_judged():
    assert judged(made.report("a"), made.report("b", rms_pre=500.0)) == []


def test_a_first_site_with_a_finding_of_its_own_tells_it_itself():
    assert judged(made.report("a", rms_pre=500.0), blamed=["a"]) == []
    assert len(judged(made.report("a", rms_pre=500.0), blamed=["b"])) == 1


@pytest.mark.parametrize("kind", ["unknown", "sin"])
def test_nothing_is_claimed_of_functions_that_may_want_large_arguments(kind):
    assert judged(made.report("a", kind, rms_pre=500.0)) == []


def test_what_no_weight_feeds_is_passed_over():
    raw, fed = made.report("a", path="", rms_pre=500.0), made.report("b", rms_pre=1.0)
    assert judged(raw, fed) == []
    assert [one.site for one in judged(raw, fed._replace(rms_pre=500.0))] == ["b"]


def test_a_site_that_is_not_the_first_of_the_program_is_not_taken_for_it():
    second = made.report("b", rms_pre=500.0)
    assert judged(second, sites=(made.site("a"), second.site)) == []


def test_nan_is_told_elsewhere():
    assert judged(made.report("a", rms_pre=500.0, nonfinite_forward=1)) == []
    assert judged() == []


def test_a_signal_that_explodes_anyway_is_no_matter_of_the_input():
    assert judged(*[r._replace(rms_pre=40 * r.rms_pre) for r in made.chain(5, ahead=40.0)]) == []
    found = judged(*[r._replace(rms_pre=4e3 * r.rms_pre) for r in made.chain(5, ahead=40.0)])
    assert [one.severity for one in found] == ["warning"]


def test_in_a_loop_over_steps_the_first_turn_counts():
    grown = made.report("a", loop="steps", loops=(3,), rms_pre=900.0, turns_post=(1.0, 40.0, 1e3))
    assert judged(grown) == []
    assert len(judged(grown._replace(turns_post=(600.0, 700.0, 800.0)))) == 1
