"""The battery of the activations with learned parameters: one row for each, by its formula."""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from scipy import special

from relu_jax.activations.lookup import get_trainable
from relu_jax.activations.trainable import Trainable, frozen
from relu_jax.activations.trainable_catalogue import TRAINABLE, trainable_names
from relu_jax.core.numerics import tolerance

INF = np.inf
pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")


class Row(NamedTuple):
    """A trained function at some parameters, and what is true of it whatever our code says."""

    name: str
    params: dict[str, Any]
    formula: Callable[..., np.ndarray]  # in x and the parameters, as one would write it first
    kinks: tuple[float, ...]
    limits: tuple[float, float]  # f(-inf), f(inf)
    slopes: tuple[float, float]  # f'(-inf), f'(inf)

    @property
    def trainable(self) -> Trainable:
        """Find what the row is about."""
        return get_trainable(self.name)

    def exact(self, x: np.ndarray, dtype: str = "float64") -> np.ndarray:
        """Evaluate the formula in float64, at the parameters as `dtype` holds them."""
        held = {k: np.asarray(v, jnp.dtype(dtype)).astype(float) for k, v in self.params.items()}
        with np.errstate(all="ignore"):
            return self.formula(x, **held)


def bent(x, low, low_slope, high, high_slope):
    """Add two hinges to the identity."""
    return x + (low_slope - 1) * np.minimum(x - low, 0) + (high_slope - 1) * np.maximum(x - high, 0)


def hinged(x, slope, hinge):
    """Add hinges one by one."""
    terms = [s * np.maximum(h - x, 0) for s, h in zip(slope, hinge, strict=True)]
    return np.maximum(x, 0) + sum(terms)


def acon(x, p1, p2, beta):
    """Write ACON-C as in the paper."""
    return (p1 - p2) * x * special.expit(beta * (p1 - p2) * x) + p2 * x


def integrated(x, positive, negative):
    """Write xIELU as in its paper, alpha_n with its lower bound."""
    p, n = np.log1p(np.exp(positive)), 0.5 + np.log1p(np.exp(negative))
    return np.where(x > 0, p * x**2 + 0.5 * x, n * (np.expm1(x) - x) + 0.5 * x)


def risen(x, slope, bend):
    """Add up what lies below each piece, from the first bend on."""
    ends = [*bend[1:], np.inf]
    pieces = zip(slope, bend, ends, strict=True)
    return sum(s * (np.clip(x, low, high) - low) for s, low, high in pieces)


def quotient(x, numerator, denominator):
    """Write the safe Padé unit as in its paper."""
    below = sum(b * x ** (k + 1) for k, b in enumerate(denominator))
    return np.polyval(numerator[::-1], x) / (1 + np.abs(below))


ROWS = (
    Row("prelu", {"slope": 0.3}, lambda x, slope: np.where(x >= 0, x, slope * x),
        (0,), (-INF, INF), (0.3, 1)),
    Row("pelu", {"a": 1.5, "b": 2.5},
        lambda x, a, b: np.where(x >= 0, a / b * x, a * np.expm1(x / b)),
        (), (-1.5, INF), (0, 0.6)),
    Row("mpelu", {"alpha": 1.5, "beta": 0.4},
        lambda x, alpha, beta: np.where(x > 0, x, alpha * np.expm1(beta * x)),
        (0,), (-1.5, INF), (0, 1)),
    Row("srelu", {"low": -1.0, "low_slope": 0.25, "high": 2.0, "high_slope": 0.5}, bent,
        (-1, 2), (-INF, INF), (0.25, 0.5)),
    Row("apl", {"slope": [0.5, 0.75], "hinge": [-1.0, 0.5]}, hinged,
        (-1, 0, 0.5), (INF, INF), (-1.25, 1)),
    Row("replu", {"slope": [0.5, 1.5, 0.25], "bend": [-1.0, 0.5, 2.0]}, risen,
        (-1, 0.5, 2), (0, INF), (0, 0.25)),
    Row("star_relu", {"scale": 1.5, "bias": -0.4},
        lambda x, scale, bias: scale * np.maximum(x, 0) ** 2 + bias,
        (), (-0.4, INF), (0, INF)),
    Row("swish", {"beta": 1.7}, lambda x, beta: x * special.expit(beta * x),
        (), (0, INF), (0, 1)),
    Row("acon_c", {"p1": 1.2, "p2": -0.3, "beta": 1.5}, acon,
        (), (INF, INF), (-0.3, 1.2)),
    Row("snake", {"a": 1.4}, lambda x, a: x + np.sin(a * x) ** 2 / a,
        (), (-INF, INF), (np.nan, np.nan)),
    Row("squareplus", {"b": 2.5}, lambda x, b: (x + np.sqrt(x**2 + b)) / 2,
        (), (0, INF), (0, 1)),
    Row("smu", {"alpha": 0.25, "mu": 1.3},
        lambda x, alpha, mu: (1 + alpha + (1 - alpha) * special.erf(mu * (1 - alpha) * x)) * x / 2,
        (), (-INF, INF), (0.25, 1)),
    Row("xielu", {"positive": 0.2, "negative": -1.0}, integrated,
        (), (INF, INF), (-np.log1p(np.exp(-1)), INF)),
    Row("dyt", {"alpha": 0.6, "gamma": 1.5, "beta": -0.2},
        lambda x, alpha, gamma, beta: gamma * np.tanh(alpha * x) + beta,
        (), (-1.7, 1.3), (0, 0)),
    Row("apa", {"kappa": 0.8, "lam": 0.5},
        lambda x, kappa, lam: (1 + lam * np.exp(-kappa * x)) ** (-1 / lam),
        (), (0, 1), (0, 0)),
    Row("aglu", {"kappa": 0.8, "lam": 0.5},
        lambda x, kappa, lam: x * (1 + lam * np.exp(-kappa * x)) ** (-1 / lam),
        (), (0, INF), (0, 1)),
    Row("pade", {"numerator": [0.1, 0.5, 0.3, 0.2, 0.1, 0.05], "denominator": [0, 1, 0, 0.25]},
        quotient, (), (-INF, INF), (0.2, 0.2)),
)  # fmt: skip
every = pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
DTYPES = ("float16", "bfloat16", "float32", "float64")
NEAR = 41


def arrays(row, dtype="float32"):
    """Give the parameters as arrays."""
    return {k: jnp.asarray(v, dtype) for k, v in row.params.items()}


def of_all(f):
    """Compile one program that applies f to every row and what it is given for it."""
    return jax.jit(lambda given, *rest: {r.name: f(r, given[r.name], *rest) for r in ROWS})


def with_slope(row, params, x):
    """Give value and slope."""
    y, back = jax.vjp(lambda x: row.trainable(params, x), x)
    return y, back(jnp.ones_like(y))[0]


@cache
def tower(dtype):
    """Points, and value and slope of every row there, compiled once: near, far, at the ends."""
    with jax.enable_x64(dtype == "float64"):
        top = float(jnp.finfo(dtype).max)
        far = [-top, -1e4, 1e4, top, -np.inf, np.inf, np.nan]
        x = jnp.asarray([*np.linspace(-5, 5, NEAR) + 0.013, *far], dtype)
        made = of_all(with_slope)({row.name: arrays(row, dtype) for row in ROWS}, x)
        assert all(part.dtype == x.dtype for pair in made.values() for part in pair)
        return jax.tree.map(lambda part: np.asarray(part, np.float64), (x, made))


@cache
def units():
    """Every row with a parameter for each of three channels, on the second axis of x."""
    x = jnp.asarray(np.linspace(-3, 3, 24).reshape(2, 3, 4), jnp.float32)
    scale = np.float32([0.5, 1.0, 1.25])
    params = {r.name: {k: v[..., None] * scale for k, v in host(r).items()} for r in ROWS}
    return x, params, of_all(lambda row, p, x: row.trainable(p, x, axis=1))(params, x)


@cache
def sets():
    """Every row at two sets of parameters, by vmap."""
    x = jnp.asarray(np.linspace(-4, 4, 9), jnp.float32)
    params = {r.name: {k: np.stack([v, v * 5 / 4]) for k, v in host(r).items()} for r in ROWS}
    f = of_all(lambda row, p, x: jax.vmap(lambda p: row.trainable(p, x))(p))
    return x, params, f(params, x)


def host(row):
    """Give the parameters as NumPy arrays."""
    return {k: np.asarray(v, np.float32) for k, v in row.params.items()}


def test_every_member_has_its_row_in_the_order_of_the_registry():
    assert tuple(row.name for row in ROWS) == trainable_names()
    assert len(set(trainable_names())) == len(TRAINABLE)


@pytest.mark.parametrize("dtype", DTYPES)
@every
def test_values_and_slopes_equal_the_formula_in_every_dtype(row, dtype):
    x, made = tower(dtype)
    x, y, slope = (part[:NEAR] for part in (x, *made[row.name]))
    size = 1 + np.abs(x) + np.abs(row.exact(x, dtype))
    assert (np.abs(y - row.exact(x, dtype)) <= tolerance(dtype) * size).all()
    h = 1e-5
    central = (row.exact(x + h, dtype) - row.exact(x - h, dtype)) / (2 * h)
    assert (np.abs(slope - central) <= tolerance(dtype) * size + 1e-8).all()


def test_derivatives_in_x_and_parameters_agree_with_finite_differences_to_order_two():
    hinges = {p for row in ROWS for p in row.kinks}
    x = np.linspace(-3.1, 3.2, 31)
    x = x[[all(abs(v - p) > 0.03 for p in hinges) for v in x]]
    with jax.enable_x64(True):
        params = {row.name: arrays(row, "float64") for row in ROWS}
        f = of_all(lambda row, p, x: row.trainable(p, x))
        check_grads(f, (params, x), order=2, modes=("fwd",))


@every
def test_kinks_are_where_the_slope_jumps_and_the_frozen_one_knows_them(row):
    points = np.unique([-2.5, -1.0, 0.0, 0.5, 2.0, 3.5, *row.kinks])

    def slope(x):
        return (row.exact(x + 1e-6) - row.exact(x - 1e-6)) / 2e-6

    jumps = np.abs(slope(points + 2e-6) - slope(points - 2e-6)) > 1e-3
    assert tuple(points[jumps]) == row.kinks
    if row.trainable.stacked:
        return
    act = frozen(row.trainable, row.params)
    assert act.kinks == row.kinks
    x = np.concatenate([np.linspace(-6.01, 5, 101), act.kinks])
    slopes = np.asarray(act.derivative(np.float32(x)))
    np.testing.assert_array_equal(slopes[101:], np.float32(act.slope_at_kinks))
    level = slopes[:101] == 0
    assert act.flat == bool((level[1:] & level[:-1]).any())


@pytest.mark.parametrize("dtype", DTYPES)
@every
def test_infinities_give_the_limits_and_nan_stays_nan(row, dtype):
    y, slope = (part[-3:] for part in tower(dtype)[1][row.name])
    np.testing.assert_allclose(y, [*row.limits, np.nan], rtol=tolerance(dtype))
    np.testing.assert_allclose(slope[:2], row.slopes, rtol=tolerance(dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@every
def test_largest_finite_numbers_give_no_nan(row, dtype):
    _, made = tower(dtype)
    assert not np.isnan([part[NEAR:-3] for part in made[row.name]]).any()


@every
def test_a_parameter_of_each_unit_acts_on_its_unit_along_any_axis(row):
    x, params, made = units()
    for unit in range(3):
        one = {k: np.float64(v[..., unit]) for k, v in params[row.name].items()}
        alone = row.formula(np.float64(x[:, unit]), **one)
        np.testing.assert_allclose(made[row.name][:, unit], alone, rtol=1e-5, atol=1e-5)


@every
def test_vmap_over_parameters_equals_one_by_one(row):
    x, params, made = sets()
    for i in range(2):
        alone = row.formula(
            np.float64(x), **{k: np.float64(v[i]) for k, v in params[row.name].items()}
        )
        np.testing.assert_allclose(made[row.name][i], alone, rtol=1e-5, atol=1e-5)


@every
def test_empty_arrays_and_integers_pass(row):
    params = arrays(row)
    empty = jax.eval_shape(row.trainable, params, np.zeros((0, 3), np.float32))
    assert empty.shape == (0, 3)
    assert jax.eval_shape(row.trainable, params, np.int32([-2, 3])).dtype == jnp.float32
    assert jax.eval_shape(row.trainable, params, np.array([True])).dtype == jnp.float32


def test_the_start_has_the_parameters_in_the_shape_asked_for_and_finite_gradients():
    params = {row.name: row.trainable.init(jax.random.key(1), (4,)) for row in ROWS}
    x = jnp.asarray(np.linspace(-3, 3, 12).reshape(3, 4), jnp.float32)
    slopes = of_all(lambda row, p, x: jax.grad(lambda p: row.trainable(p, x).sum())(p))(params, x)
    for row in ROWS:
        assert set(params[row.name]) == set(row.trainable.parameters)
        assert all(v.shape in ((), (4,), (2, 4), (6, 4), (4, 4)) for v in params[row.name].values())
        assert all(np.isfinite(v).all() for v in slopes[row.name].values())


@pytest.mark.parametrize("trainable", TRAINABLE, ids=trainable_names())
def test_the_row_of_the_registry_is_complete(trainable):
    assert trainable.source
    assert trainable.formula
    assert trainable.fn.__name__ == trainable.name
    assert "Example:" in trainable.fn.__doc__


def test_an_unknown_name_is_answered_with_near_ones_and_the_other_registries():
    with pytest.raises(
        ValueError, match=r"got str 'preelu'; did you mean prelu.*activations by get\(\)"
    ):
        get_trainable("preelu")
    with pytest.raises(ValueError, match=r"pick one of prelu, .*gated units by get_gated\(\)"):
        get_trainable("zzzz")
