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


@pytest.mark.parametrize(
    ("dtype", "rms", "flushed"),
    [
        ("float32", 1e-33, True),
        ("float32", 1e-8, False),
        ("bfloat16", 1e-33, True),
        ("bfloat16", 1e-8, False),
        ("float16", 1e-6, True),  # its smallest number is 6e-8
        ("float16", 1e-4, False),
        ("float16", 0.0, False),  # nothing arrived: what cut it is told elsewhere
        ("float16", None, False),
    ],
)
def test_flushed_means_at_the_end_of_the_number_format(dtype, rms, flushed):
    small = made.report(dtype=dtype, rms_d_pre=rms, norm_d_pre=1.0)
    assert of.is_flushed(made.facts([small, made.report()])) is flushed


def test_without_sites_nothing_is_flushed():
    assert not of.is_flushed(made.facts([]))


def test_half_is_float16_alone():
    dtypes = ("float16", "bfloat16", "float32")
    assert [of.is_half(made.report(dtype=dtype)) for dtype in dtypes] == [True, False, False]


def test_cut_means_no_gradient_at_all():
    assert of.is_cut(made.report(norm_d_pre=0.0))
    assert not of.is_cut(made.report(norm_d_pre=None))


def test_an_unknown_function_may_have_a_flat_side():
    assert of.has_flat_side(made.site(kind="relu"))
    assert of.has_flat_side(made.site(kind="unknown"))
    assert not of.has_flat_side(made.site(kind="tanh"))
