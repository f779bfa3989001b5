"""Is everything that is not looked into, and may hide an activation, named?"""

import jax
import jax.numpy as jnp
import pytest
from jax import lax, nn
from jax.extend.core import Primitive

from relu_jax import tap
from relu_jax.tap import compat, opaque
from tests.tap import networks as n

strange = Primitive("strange")
strange.def_abstract_eval(lambda x: x)


def _thrice(f, x):
    return lax.while_loop(lambda s: s[0] < 3, lambda s: (s[0] + 1, f(s[1])), (0, x))


def _by_platform(f, x):
    return lax.platform_dependent(x, cpu=f, default=lambda x: 2 * x)


@pytest.mark.parametrize(
    ("f", "holds"),
    [
        (lambda x: _by_platform(nn.gelu, x), True),
        (lambda x: _by_platform(lambda x: _thrice(jnp.tanh, x)[1], x), True),
        (lambda x: _by_platform(strange.bind, x), True),
        (lambda x: _by_platform(lambda x: x + 1, x), False),
    ],
)
def test_only_what_may_hide_an_activation_counts_as_opaque(f, holds):
    opened, _ = compat.trace(f, n.X)
    (unentered,) = [e for e in opened.jaxpr.eqns if e.primitive.name == "cond"]
    assert opaque.holds_activation(unentered) == holds
    assert bool(tap.sites(f, n.X).coverage.opaque) == holds


@pytest.mark.parametrize(
    "f",
    [
        strange.bind,
        jax.jit(strange.bind),
        lambda x: lax.scan(lambda h, _: (strange.bind(h), None), x, None, length=2)[0],
    ],
)
def test_a_primitive_that_no_table_knows_is_opaque(f):
    (named,) = tap.sites(lambda x: nn.relu(f(x)), n.X).coverage.opaque
    assert named.startswith("strange at test_opaque.py:")


def test_what_is_no_function_of_the_elements_is_not_opaque():
    def f(x):
        x = jnp.linalg.cholesky(x.T @ x + jnp.eye(x.shape[1]))
        x = jnp.fft.ifft(jnp.fft.fft(x)).real.at[0].multiply(2.0)
        x = jax.ops.segment_max(x, jnp.arange(len(x)), len(x)) + x.at[0].min(1.0)
        return jax.device_put(jnp.tile(lax.approx_max_k(x, x.shape[1])[0], (2, 1)))

    assert not tap.sites(f, n.X).coverage.opaque
