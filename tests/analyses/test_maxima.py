"""Is what a maximum compares what XLA compares?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from relu_jax.analyses import maxima

X = jax.random.normal(jax.random.key(0), (3, 6, 5))


def pooled(window, strides, padding, dilation):
    def pool(x):
        return lax.reduce_window(
            x, -jnp.inf, lax.max, (1, *window), (1, *strides), ((0, 0), *padding),
            window_dilation=(1, *dilation),
        )  # fmt: skip

    return pool


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x.max(axis=1),
        lambda x: x.max(axis=(1, 2)),
        lambda x: x.min(axis=2),
        lambda x: lax.max(x, x[:, ::-1]),
        lambda x: lax.min(x, x[:, :, ::-1]),
        pooled((2, 3), (2, 1), ((0, 0), (0, 0)), (1, 1)),
        pooled((2, 3), (1, 2), ((1, 0), (2, 1)), (2, 1)),
        pooled((3, 1), (3, 3), ((1, 1), (0, 0)), (1, 1)),
    ],
)
def test_the_largest_of_what_is_listed_is_the_result(f):
    eqn = next(e for e in jax.make_jaxpr(f)(X).jaxpr.eqns if e.primitive.name in maxima.SIGNS)
    flat = [X.reshape(3, -1)]
    if len(eqn.invars) == 2:
        flat.append((X[:, ::-1] if eqn.primitive.name == "max" else X[:, :, ::-1]).reshape(3, -1))
    of, sign = maxima.compared(eqn, ""), maxima.SIGNS[eqn.primitive.name]
    argument = sign * np.concatenate(flat, axis=1)
    largest = np.where(of >= 0, argument[:, of], -np.inf).max(axis=2)
    np.testing.assert_array_equal(sign * largest, np.asarray(f(X)).reshape(3, -1))


def test_windows_over_examples_are_refused():
    closed = jax.make_jaxpr(
        lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (2, 1), (1, 1), "SAME")
    )(jnp.ones((4, 2)))
    eqn = closed.jaxpr.eqns[-1]
    with pytest.raises(NotImplementedError, match=r"here with windows \(2, 1\)"):
        maxima.compared(eqn, "here")
