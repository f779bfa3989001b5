"""Is a gradient that hangs on a convention told, and nothing else?"""

import math

import pytest

from relu_jax.analyses.gradient_flow import GradientFlow
from relu_jax.analyses.kinks import Kinked
from relu_jax.diagnosis import findings, findings_depth
from relu_jax.diagnosis.depth import Depth
from tests.diagnosis import made


def deep(*sides, hits=7):
    """Make what full depth tells, of sites whose gradients move by so much."""
    kinks = tuple(
        Kinked(f"site {i}", "relu", (0.0,), (0.0,), ((0.0, 1.0),), 640, (hits,), below, above)
        for i, (below, above) in enumerate(sides)
    )
    return Depth(64, GradientFlow((), (), *[math.nan] * 4), kinks, ())


def test_a_gradient_that_moves_is_told_with_its_numbers():
    (found,) = findings_depth.judge(deep((0.0, 0.25), (0.0, 0.001)))
    assert (found.kind, found.severity, found.site) == ("kink", "info", "site 0")
    assert "7 of 640 arguments lie exactly on a kink" in found.what
    assert "moves by 25.0%" in found.what
    assert found.evidence["above"] == 0.25


@pytest.mark.parametrize("sides", [(0.0, 0.0), (math.nan, math.nan), (0.0, 0.009)])
def test_what_moves_little_or_cannot_be_told_is_no_finding(sides):
    assert findings_depth.judge(deep(sides)) == []


def test_one_side_may_be_unknown():
    (found,) = findings_depth.judge(deep((math.nan, 0.5)))
    assert "50.0%" in found.what


def test_it_is_one_of_the_rules():
    told = findings.judge(made.facts(made.chain(3), depth=deep((0.5, 0.0))))
    assert [one.kind for one in told] == ["kink"]
    assert findings_depth.judge(None) == []
