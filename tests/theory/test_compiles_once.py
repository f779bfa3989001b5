"""Does a second call, at other numbers of the same shapes, run what the first one compiled?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax import theory
from relu_jax.activations import get
from tests.theory.compiling import compilations

pytestmark = pytest.mark.thorough("each case compiles: the check for tracers would count, too")

TANH, LEAKY = get("tanh"), get("leaky_relu")
KEY = jax.random.key(0)
X = jnp.asarray(np.random.default_rng(0).standard_normal((3, 4)), jnp.float32)
CALLS = {
    "variance_map": lambda v: theory.variance_map(TANH, v, weight_std=v),
    "correlation_map": lambda v: theory.correlation_map(TANH, 0.3 * v, q=v, weight_std=v),
    "trajectory": lambda v: theory.trajectory(TANH, 3, weight_std=v),
    "variance_fixed_points": lambda v: theory.variance_fixed_points(TANH, weight_std=v),
    "nngp": lambda v: theory.nngp(TANH, X, depth=2, weight_std=v),
    "ntk": lambda v: theory.ntk(LEAKY, X, depth=2, weight_std=v),
    "dual": lambda v: theory.dual(LEAKY, v, v, 0.5 * v, params={"slope": v / 3}),
    "dual_slope": lambda v: theory.dual_slope(TANH, v, v, 0.5 * v),
    "arc_cosine": lambda v: theory.arc_cosine(1, v, v, 0.5 * v),
    "polynomial": lambda v: theory.polynomial([v, 1.0], v, v, 0.5 * v),
    "gain_of": lambda v: theory.gain_of(LEAKY, v, params={"slope": v / 3}),
    "orthogonal": lambda v: theory.orthogonal(v)(KEY, (4, 3)),
    "critical": lambda v: theory.critical(TANH, variance=v).kernel(KEY, (4, 3)),
}


def test_compilations_are_seen():
    with compilations() as compiled:
        jax.jit(lambda x: x * 1.2345)(X)
    assert compiled


@pytest.mark.parametrize("name", CALLS)
def test_a_second_call_compiles_nothing(name):
    CALLS[name](1.1)
    with compilations() as compiled:
        CALLS[name](1.2)
    assert compiled == []
