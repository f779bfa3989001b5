"""Does `lean` keep k bits of a slope, and no more, where it is asked to?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import relu_jax as rj

pytestmark = pytest.mark.leaks_unchecked("it collects garbage at every trace: test_lean.py has it")

Z = np.random.default_rng(0).normal(scale=3, size=2000).astype(np.float32)


@pytest.mark.parametrize(("kind", "off"), [("gelu", 0.13), ("silu", 0.13), ("tanh", 0.18)])
def test_bits_keep_the_values_and_estimate_the_gradient(kind, off):
    act = rj.activations.get(kind)

    def loss(z):
        return jnp.sum(act(z))

    few = rj.lean(loss, bits=3)
    assert few(Z) == loss(Z)
    told, right = jax.grad(few)(Z), jax.grad(loss)(Z)
    assert len(np.unique(told)) == 8
    assert 0 < jnp.abs(told - right).max() < off


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_with_bits_a_piecewise_linear_gradient_is_exact_where_they_suffice(bits):
    ct = np.cos(np.arange(Z.size, dtype=np.float32))

    def loss(z):
        return jnp.sum(ct * jax.nn.relu6(z))

    np.testing.assert_array_equal(jax.grad(rj.lean(loss, bits=bits))(Z), jax.grad(loss)(Z))


def test_bits_are_all_that_is_kept():
    w = jnp.eye(64)

    def loss(x):
        return jnp.sum(jax.nn.gelu(x @ w) @ w)

    shapes = [
        jnp.shape(x) for x in jax.tree.leaves(jax.vjp(rj.lean(loss, bits=3), jnp.ones((32, 64)))[1])
    ]
    kept = [s for s in shapes if s not in ((64, 64), ())]
    assert kept == [(32, 8)] * 3


@pytest.mark.parametrize("bits", [0, 5, True, 2.5, 3.0, "3", np.array(3), np.array([1, 2])])
def test_a_wrong_number_of_bits_is_refused(bits):
    with pytest.raises(ValueError, match=r"from 1 to 4 bits.*pass 1, 2, 3 or 4"):
        rj.lean(jnp.tanh, bits=bits)


def test_bits_leave_what_is_not_defined_everywhere():
    z = jnp.ones(3)
    np.testing.assert_array_equal(jax.grad(lambda z: rj.lean(jnp.log, bits=2)(z).sum())(z), z)
