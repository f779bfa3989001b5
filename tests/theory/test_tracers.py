"""Does a traced number outlive its trace in what the theory keeps between calls?

The thorough tests of the theory run without the check for escaped tracers; here is each part that
keeps something (rules, compiled averages, solved constants) once under it, traced and then plain.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax import theory
from relu_jax.activations import get

TANH = get("tanh")
X = jnp.asarray(np.random.default_rng(0).standard_normal((2, 3)), jnp.float32)
PARTS = {
    "moments": lambda q: theory.moments(TANH, q).second,
    "dual": lambda q: theory.dual(TANH, q, q, 0.5 * q),
    "chi_1": lambda q: theory.chi_1(TANH, weight_std=q, q=1.0),
    # With a closed form: what the quadrature keeps is the part above.
    "nngp": lambda q: theory.nngp(get("relu"), X, depth=1, weight_std=q)[0, 0],
    "variance_map": lambda q: theory.variance_map(TANH, q, weight_std=1.5),
}


@pytest.mark.parametrize("part", PARTS)
def test_what_was_traced_is_not_kept(part):
    f = PARTS[part]
    traced = jax.jit(f)(jnp.float32(1.0))
    np.testing.assert_allclose(f(jnp.float32(1.0)), traced, rtol=1e-5)


@pytest.mark.thorough("the check traces the quadrature of every layer again and again: seconds")
def test_nor_is_it_by_a_quadrature_inside_the_layers():
    def f(q):
        return theory.nngp(TANH, X, depth=1, weight_std=q)[0, 0]

    with jax.checking_leaks():
        traced = jax.jit(f)(jnp.float32(1.0))
    np.testing.assert_allclose(f(jnp.float32(1.0)), traced, rtol=1e-5)
