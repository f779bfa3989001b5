"""Does each rule bound what its operation gives for everything between the bounds?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from relu_jax.analyses.interval_rules import RULES, Interval, apart, ends
from relu_jax.analyses.intervals import evaluate

LOW = np.array([-3.0, -1.0, 0.5, -7.0], np.float32)
HIGH = np.array([-1.0, 2.0, 0.5, 9.0], np.float32)
UNARY = {
    "neg": jnp.negative, "abs": jnp.abs, "square": jnp.square, "cube": lambda x: x**3,
    "inverse": lambda x: (x + 20) ** -2, "sin": jnp.sin, "cos": jnp.cos, "exp": jnp.exp,
    "erfc": jax.scipy.special.erfc, "tanh": jnp.tanh, "log": lambda x: jnp.log(x + 8),
    "sqrt": lambda x: jnp.sqrt(x + 8), "rsqrt": lambda x: lax.rsqrt(x + 8), "floor": jnp.floor,
    "select": lambda x: jnp.where(x > 0, -x, x * x), "not": lambda x: (~(x > 0)).astype(x.dtype),
    "ne": lambda x: (x != 0.5).astype(x.dtype), "eq": lambda x: (x == 0.5).astype(x.dtype),
    "pow": lambda x: (x + 8) ** 1.5, "quotient": lambda x: 3 / (x - 30), "itself": lambda x: x * x,
    "finite": lambda x: jnp.isfinite(x).astype(x.dtype), "half": lambda x: x.astype(jnp.float16),
}  # fmt: skip


def bounded(f):
    (found,) = evaluate(jax.make_jaxpr(f)(LOW), [Interval(jnp.asarray(LOW), jnp.asarray(HIGH))], {})
    return Interval(*map(np.asarray, found))


@pytest.mark.parametrize("name", UNARY)
def test_every_value_lies_between(name):
    f = UNARY[name]
    found = bounded(f)
    part = np.linspace(0, 1, 401, dtype=np.float32)[:, None]
    at = np.clip(LOW + part * (HIGH - LOW), LOW, HIGH)
    values = np.asarray(jax.jit(f)(at), np.float64)
    assert (found.low <= values).all()
    assert (values <= found.high).all()
    size = 1 + np.abs(values).max(axis=0)
    if name not in ("select", "eq", "ne"):  # whose cases are bounded apart, or hardly ever met
        assert (found.low >= values.min(axis=0) - 0.02 * size).all()
        assert (found.high <= values.max(axis=0) + 0.02 * size).all()


def test_where_nothing_is_known_the_bound_is_infinite():
    found = bounded(lambda x: 1 / x)
    assert np.isinf(found.low).tolist() == [False, True, False, True]
    assert np.isinf(bounded(jnp.log).low)[[0, 1, 3]].all()
    assert apart(jnp.float32(jnp.nan), jnp.float32(jnp.nan)) == (-jnp.inf, jnp.inf)


def test_what_is_no_interval_has_two_equal_ends():
    assert ends(3.0) == (3.0, 3.0)
    assert "dot_general" in RULES
