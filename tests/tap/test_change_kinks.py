"""Which slope has a swapped function at a kink?"""

import jax
import jax.numpy as jnp
import pytest
from jax import nn

from relu_jax import activations, tap

pytestmark = pytest.mark.leaks_unchecked(
    "it collects garbage at every trace: test_change.py has it"
)


# The slope at 0 of max(x, 0) is 0.5, of jax.nn.relu 0, of where(x >= 0, x, 0) 1.
@pytest.mark.parametrize(
    ("relu", "share"),
    [
        (lambda x: jnp.maximum(x, 0), 0.5),
        (nn.relu, 0.0),
        (lambda x: jnp.where(x >= 0, x, 0), 1.0),
    ],
    ids=["between", "left", "right"],
)
def test_the_convention_at_the_kink_is_the_program_s(relu, share):
    def slope(act):
        return float(jax.grad(tap.swap(relu, {"relu": act}))(0.0))

    leaky, elu = activations.get("leaky_relu", slope=0.25), activations.get("elu", alpha=0.5)
    assert slope(leaky) == 0.25 + 0.75 * share
    assert slope(elu) == pytest.approx(0.5 + 0.5 * share)
    assert slope(leaky.with_slopes(0.75)) == 0.75  # told otherwise
    assert slope("gelu") == 0.5  # no kink
    assert slope("relu") == share


def test_kinks_elsewhere_keep_their_own_convention():
    act = activations.get("hard_tanh", low=0, high=2)
    slope = jax.grad(tap.swap(lambda x: jnp.maximum(x, 0), {"relu": act}))
    assert [float(slope(x)) for x in (0.0, 2.0)] == [0.5, act.slope_at_kinks[1]]


def test_the_same_function_with_other_slopes_is_another_one():
    leaky = activations.get("leaky_relu", slope=0.2)
    w, x = jnp.eye(3), jnp.zeros((1, 3))

    def both(w, x):
        return leaky.with_slopes(0.9)(x @ w), leaky.with_slopes(0.2)(x @ w[:, ::-1])

    told = [site.slope_at_kinks[0] for site in tap.sites(both, w, x)]
    assert told == pytest.approx([0.9, 0.2])
    swapped = tap.swap(both, {"leaky_relu": activations.get("leaky_relu", slope=0.4)})
    for i, (plain, changed) in enumerate([(0.9, 0.925), (0.2, 0.4)]):
        for f, slope in ((tap.lean(both), plain), (swapped, changed)):
            grad = jax.grad(lambda x, f=f, i=i: f(w, x)[i].sum())(x)
            assert grad[0].tolist() == pytest.approx([slope] * 3)
