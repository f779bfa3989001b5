"""Is a function cut out of a program the same function, in NumPy and in JAX?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import nn

from relu_jax.tap import regions
from tests.tap import networks as n
from tests.tap.reading import regions_of

pytestmark = pytest.mark.leaks_unchecked(
    "it collects garbage at every trace: test_observe.py has it"
)

GRID = np.linspace(-3, 3, 13)


def _piece(f, *args):
    flow = regions_of(f, *args)
    (y,) = regions.exits(flow, lambda _: True, flow.frame.outs)
    return regions.piece(flow, flow.root[y], y)


def test_values_are_those_of_the_function():
    piece = _piece(lambda x: jnp.tanh(x) * nn.sigmoid(x) + jnp.sqrt(jnp.float32(2)), n.X)
    want = np.tanh(GRID) / (1 + np.exp(-GRID)) + np.sqrt(2)
    np.testing.assert_allclose(piece.values(GRID, {}), want, rtol=1e-7)
    assert piece.operands == ()


def test_parameters_are_taken_from_outside():
    piece = _piece(lambda x, a, b: a * jnp.tanh(x) + b[None], n.X, jnp.float32(2), n.X[0])
    a, b = piece.operands
    got = piece.values(GRID, {a: 3.0, b: 0.5})
    np.testing.assert_allclose(got, 3 * np.tanh(GRID) + 0.5, rtol=1e-12)


def test_bound_runs_the_program_s_own_equations_on_any_shape():
    piece = _piece(nn.gelu, n.X)
    act = piece.bound({})
    np.testing.assert_array_equal(act(n.X), nn.gelu(n.X))
    np.testing.assert_array_equal(act(n.X[0]), nn.gelu(n.X[0]))


@pytest.mark.parametrize("f", [nn.relu, nn.selu, nn.softplus, jnp.abs, nn.silu])
def test_slope_is_the_derivative_by_the_program_s_rules(f):
    want = jax.vmap(jax.grad(f))(jnp.asarray(GRID, jnp.float32))
    np.testing.assert_allclose(_piece(f, n.X).slope(GRID, {}), want, rtol=2e-6, atol=1e-6)


def test_equal_functions_have_equal_keys_whatever_their_shape():
    assert _piece(nn.silu, n.X).key() == _piece(nn.silu, n.IMAGES).key()
    assert _piece(nn.relu, n.X).key() == _piece(nn.relu, n.X[0]).key()


@pytest.mark.parametrize(
    ("f", "g"),
    [
        (lambda x: jnp.maximum(x, 0), lambda x: jnp.minimum(x, 0)),
        (lambda x: jnp.maximum(x, 0), lambda x: jnp.maximum(x, 1)),
        (lambda x: x**2, lambda x: x**3),
        (lambda x: jnp.where(x > 0, x, 0.1 * x), lambda x: jnp.where(x > 0, 0.1 * x, x)),
        (lambda x: nn.elu(x, 0.5), lambda x: nn.elu(x, 0.25)),
    ],
)
def test_different_functions_have_different_keys(f, g):
    assert _piece(f, n.X).key() != _piece(g, n.X).key()


@jax.custom_jvp
def _slope_of_its_own(x):
    return jnp.maximum(x, 0)


_slope_of_its_own.defjvps(lambda t, _ans, x: jnp.where(x > 0, t, 0.25 * t))


@jax.custom_vjp
def _straight_through(x):
    return jnp.round(x)


_straight_through.defvjp(lambda x: (jnp.round(x), None), lambda _, ct: (ct,))


def _positive(x):
    return np.maximum(x, 0)


def _expit(x):
    return 1 / (1 + np.exp(-x))


def _stepped(at_zero, below=0.0):
    return lambda x: np.where(x > 0, 1.0, np.where(x < 0, below, at_zero))


FORMULAS = {
    "relu": (nn.relu, _positive, _stepped(0.0)),
    "maximum": (lambda x: jnp.maximum(x, 0), _positive, _stepped(0.5)),
    "where x > 0": (lambda x: jnp.where(x > 0, x, 0), _positive, _stepped(0.0)),
    "where x >= 0": (lambda x: jnp.where(x >= 0, x, 0), _positive, _stepped(1.0)),
    "half of x + |x|": (lambda x: (x + jnp.abs(x)) / 2, _positive, _stepped(1.0)),
    "custom_jvp": (_slope_of_its_own, _positive, _stepped(0.25, below=0.25)),
    "custom_vjp": (_straight_through, np.round, np.ones_like),
    "tanh": (jnp.tanh, np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    "silu": (nn.silu, lambda x: x * _expit(x), lambda x: _expit(x) * (1 + x * _expit(-x))),
    "cube": (lambda x: x**3, lambda x: x**3, lambda x: 3 * x**2),
}


@pytest.mark.parametrize(("f", "values", "slope"), FORMULAS.values(), ids=FORMULAS.keys())
def test_values_and_slope_are_those_of_the_formula_in_double_precision(f, values, slope):
    piece = _piece(f, n.X)
    np.testing.assert_allclose(piece.values(GRID, {}), values(GRID), rtol=1e-12)
    np.testing.assert_allclose(piece.slope(GRID, {}), slope(GRID), rtol=1e-12, atol=1e-15)


def test_a_slope_without_a_numpy_rule_is_not_measurable():
    piece = _piece(lambda x: jax.lax.igamma(x, jnp.ones_like(x)), n.X)
    assert np.isnan(piece.slope(GRID, {})).all()  # it is igamma_grad_a, which has none
    assert np.isfinite(_piece(jax.scipy.special.gammaln, n.X).slope(GRID[GRID > 0], {})).all()


def test_equal_bodies_with_another_rule_have_another_key():
    def again(x):
        return jnp.maximum(x, 0)

    other = jax.custom_jvp(again)
    other.defjvps(lambda t, _ans, _x: t)
    assert _piece(_slope_of_its_own, n.X).key() != _piece(other, n.X).key()


def test_the_slope_is_taken_at_the_parameter_s_value():
    piece = _piece(lambda x, a: jnp.where(x > 0, x, a * x), n.X, jnp.float32(0.1))
    (a,) = piece.operands
    np.testing.assert_array_equal(piece.slope(GRID, {a: 0.3}), _stepped(0.3, below=0.3)(GRID))


def test_a_key_lasts_where_no_rule_of_the_user_s_is_in_it():
    assert _piece(nn.relu, n.X).lasts
    assert _piece(lambda x: jax.jit(nn.gelu)(x), n.X).lasts
    assert not _piece(_slope_of_its_own, n.X).lasts
