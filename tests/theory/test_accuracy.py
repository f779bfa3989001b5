"""Is an accuracy asked for, reached, refused or marked as it is told?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.activations import get
from relu_jax.theory.accuracy import (
    TRACED,
    Estimate,
    checked,
    is_near,
    refined,
    refuse_unresolved,
    share_allowed,
)
from relu_jax.theory.expectation import expectation
from relu_jax.theory.moments import moments

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")


def rule(off):
    """Be off by so much with the usual panels, by a hundredth of it with finer ones."""

    def integrate(q, grading):
        return Estimate(q, off * q / (1 if grading.panels == 1 else 100), q)

    return integrate


def test_the_share_depends_on_type_and_tracing():
    seen = {}

    def look(name, x):
        seen[name] = share_allowed(None, Estimate(x, x, x))
        return x

    with jax.enable_x64(True):
        look("float64", jnp.float64(1.0))
        look("float32", jnp.float32(1.0))
        jax.jit(lambda x: look("traced", x))(jnp.float64(1.0))
    assert seen == {"float64": 1e-6, "float32": TRACED, "traced": TRACED}


def test_finer_rules_are_asked_where_the_usual_one_fails_and_only_there():
    q = jnp.float32([1.0, 4.0, jnp.nan])
    asked = []

    def picky(at, grading):
        asked.append((np.shape(at), grading.panels))
        bad = (at > 2) & (grading.panels == 1)
        return Estimate(at, jnp.where(bad, at, 0 * at), at)

    found = refined(picky, q, 0.1)
    assert asked == [((3,), 1), ((), 8)]
    assert found.error[:2].tolist() == [0, 0]


def test_what_no_rule_reaches_is_refused_or_marked():
    q = jnp.float32([1.0, 4.0])
    with pytest.raises(ValueError, match=r"0\.001 of E .*; got an estimated error of 1\.0e-02"):
        checked(refined(rule(1.0), q, 1e-3), q, 1e-3, "f")
    assert checked(refined(rule(1.0), q, 0.1), q, 0.1, "f").tolist() == [1, 4]
    traced = jax.jit(lambda q: checked(refined(rule(1.0), q, 0.1), q, 0.1, "f"))
    assert np.isnan(traced(q)).all()


def test_an_overflow_is_no_average():
    # E x² is 1e38 and a float32, but x² at 13 standard deviations is not.
    q = jnp.float32(1e38)
    with pytest.raises(ValueError, match="got an estimated error of"):
        expectation(jnp.square, q)
    assert np.isnan(jax.jit(lambda q: expectation(jnp.square, q))(q))
    assert not is_near(Estimate(q * jnp.inf, q * jnp.nan, q * jnp.inf), q, 1e-6)
    assert moments(get("exponential"), jnp.float32(100.0)).second == jnp.inf  # e^200, by its form


def test_numbers_that_came_out_as_none_are_refused():
    with pytest.raises(ValueError, match="got f, whose averages are not, at a variance"):
        refuse_unresolved("f", jnp.float32(1.0), jnp.float32(jnp.nan))
    assert jax.jit(lambda x: refuse_unresolved("f", x) or x)(1.0) == 1
