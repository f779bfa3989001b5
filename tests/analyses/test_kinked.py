"""Is the activation of a site found where it is a line between kinks, and refused where not?"""

import jax
import jax.numpy as jnp
import pytest
from jax import lax, nn

from relu_jax.activations import get
from relu_jax.analyses import kinked
from relu_jax.tap import program

X = jnp.ones((5, 3))


def placed(f):
    return program.opened(f, (X,), {})[1].placed


def found(f):
    (one,) = placed(f)
    return kinked.at_site(one.site, 5)


def test_the_slopes_are_those_of_the_program():
    assert found(nn.relu).slope_at_kinks == (0.0,)
    assert found(lambda x: jnp.maximum(x, 0)).slope_at_kinks == (0.5,)


def test_a_slope_may_be_an_array_where_the_kink_is_not():
    slopes = jnp.array([[0.1, 0.2, -0.3]])
    assert found(lambda x: jnp.where(x > 0, x, slopes * x)).kinks == (0.0,)
    with pytest.raises(ValueError, match=r"got hard_tanh at site#1, its parameters arrays"):
        found(lambda x: jnp.clip(x, -slopes - 1, 3.0))


@pytest.mark.parametrize("f", [jnp.tanh, nn.elu, nn.gelu, lambda x: jnp.heaviside(x, 0.0)])
def test_curves_and_jumps_are_refused(f):
    with pytest.raises(ValueError, match="continuous piecewise linear activations; got"):
        found(f)


def test_what_may_not_run_or_has_no_axis_of_examples_is_refused():
    for one in placed(lambda x: lax.cond(x.sum() > 0, nn.relu, nn.relu6, x)):
        with pytest.raises(NotImplementedError, match="in a branch or a while loop"):
            kinked.at_site(one.site, 5)
    (one,) = placed(nn.relu)
    with pytest.raises(NotImplementedError, match=r"got site#1, of shape \(5, 3\)"):
        kinked.at_site(one.site, 4)


def test_functions_made_of_maxima_are_told_from_others():
    (made,) = placed(lambda x: x + nn.relu(x + 1) + jnp.minimum(nn.relu(x - 1), 3.0))
    assert kinked.is_of_maxima(made)
    (named,) = placed(nn.relu)
    assert not kinked.is_of_maxima(named)
    (curved,) = placed(lambda x: jnp.where(x > 0.3, jnp.sin(x**2), jnp.cos(3 * x)))
    assert not kinked.is_of_maxima(curved)


@pytest.mark.parametrize(
    ("name", "linear"),
    [("relu", True), ("hard_silu", False), ("hard_sigmoid", True), ("elu", False),
     ("heaviside", False), ("tanh", False), ("leaky_relu", True)],
)  # fmt: skip
def test_lines_between_kinks_are_told_from_curves_and_jumps(name, linear):
    assert kinked.is_piecewise_linear(get(name)) is linear


def test_jit_around_it_changes_nothing():
    assert found(jax.jit(nn.relu6)).kinks == (0.0, 6.0)
