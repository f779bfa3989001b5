"""Do the rules for single operations count as the network of ones and zeros does?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from relu_jax.analyses.path_rules import through
from relu_jax.tap import compat

W = jnp.array([[2.0, 0.0, -1.0], [0.5, 3.0, 0.0]])
COUNTS = jnp.array([[1.0, 5.0], [2.0, 0.0]])


def counted(f):
    """Count through every equation of f, which takes (2, 2)."""
    jaxpr, consts = compat.opened(jax.make_jaxpr(f)(jnp.ones((2, 2))))
    values = dict(zip(jaxpr.constvars, consts, strict=True)) | {jaxpr.invars[0]: jnp.ones((2, 2))}
    counts = {jaxpr.invars[0]: COUNTS}
    for eqn in jaxpr.eqns:
        args = [v.val if compat.is_literal(v) else values[v] for v in eqn.invars]
        values.update(zip(eqn.outvars, compat.bind(eqn, args), strict=True))
        own = {
            i: counts[v]
            for i, v in enumerate(eqn.invars)
            if not compat.is_literal(v) and v in counts
        }
        if own:
            counts.update(zip(eqn.outvars, through(eqn, args, own), strict=True))
    return np.asarray(counts[jaxpr.outvars[0]])


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda x: x @ W, COUNTS @ (W != 0).astype(jnp.float32)),
        (lambda x: 3.0 * x - x / 2.0 + 7.0, 2 * COUNTS),
        (lambda x: -x * jnp.array([[0.0, 4.0], [1.0, 1.0]]),
         COUNTS * jnp.array([[0.0, 1.0], [1.0, 1.0]])),
        (lambda x: jnp.concatenate([x, jnp.ones((2, 1))], axis=1),
         jnp.concatenate([COUNTS, jnp.zeros((2, 1))], axis=1)),
        (lambda x: jnp.pad(x, 1, constant_values=9.0), jnp.pad(COUNTS, 1)),
        (lambda x: x.sum(axis=0), COUNTS.sum(axis=0)),
        (lambda x: x.mean(axis=1), COUNTS.sum(axis=1)),
        (lambda x: jnp.where(jnp.eye(2, dtype=bool), x, 5.0), COUNTS * jnp.eye(2)),
        (lambda x: x[::-1].T[jnp.array([1, 1])], COUNTS[::-1].T[jnp.array([1, 1])]),
        (lambda x: jax.jit(lambda x: x @ W + 1.0)(x), COUNTS @ (W != 0).astype(jnp.float32)),
        (lambda x: jax.checkpoint(lambda x: 2.0 * x + x)(x), 2 * COUNTS),
        (lambda x: lax.reduce_window(x, 0.0, lax.add, (1, 2), (1, 1), "VALID"),
         COUNTS.sum(axis=1, keepdims=True)),
    ],
)  # fmt: skip
def test_paths_are_those_through_what_is_not_0(f, expected):
    np.testing.assert_array_equal(counted(f), expected)


@pytest.mark.parametrize("f", [lambda x: x * x, jnp.sin, lambda x: 1 / x, lambda x: x @ x])
def test_what_is_not_affine_is_refused(f):
    with pytest.raises(NotImplementedError, match="sums, products by constants, and what moves"):
        counted(f)
