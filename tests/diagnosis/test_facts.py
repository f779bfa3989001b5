"""Do the questions asked of the facts have the right answers?"""

import pytest

from relu_jax.diagnosis import facts as of
from relu_jax.diagnosis import thresholds
from tests.diagnosis import made


def test_a_finding_carries_the_remedy_of_its_kind():
    found = of.finding("saturated", "warning", "a", "so.", {"saturated": 0.6})
    assert found.remedy == thresholds.kind("saturated").remedy
    assert found.source == thresholds.kind("saturated").source


@pytest.mark.parametrize(
    ("changes", "dead"),
    [
        ({"dead": 32}, True),
        ({"dead": 31}, False),
        ({"dead": 32, "nonfinite_forward": 1}, False),
        ({"dead": 0, "units": 0}, False),
    ],
)
def test_a_dead_site_has_no_unit_alive_and_no_nan(changes, dead):
    assert of.is_dead(made.report(**changes)) is dead


def test_blocked_places_are_those_of_dead_sites():
    reports = [made.report("a"), made.report("b", dead=32), made.report("c", dead=3)]
    assert of.blocked(made.facts(reports)) == [1]


def test_flushed_means_at_the_end_of_float32():
    assert of.is_flushed(made.facts([made.report(norm_d_pre=1e-33)]))
    assert not of.is_flushed(made.facts([made.report(norm_d_pre=0.0), made.report()]))
    assert not of.is_flushed(made.facts([]))


def test_cut_means_no_gradient_at_all():
    assert of.is_cut(made.report(norm_d_pre=0.0))
    assert not of.is_cut(made.report(norm_d_pre=None))


def test_an_unknown_function_may_have_a_flat_side():
    assert of.has_flat_side(made.site(kind="relu"))
    assert of.has_flat_side(made.site(kind="unknown"))
    assert not of.has_flat_side(made.site(kind="tanh"))
