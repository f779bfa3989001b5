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
WIDE = np.longdouble  # x + sqrt(x^2 + b) cancels less in it
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

    def held(self, dtype: str) -> dict[str, np.ndarray]:
        """Give the parameters as `dtype` holds them, in the widest float."""
        return {k: np.asarray(v, jnp.dtype(dtype)).astype(WIDE) for k, v in self.params.items()}

    def exact(self, x: np.ndarray, dtype: str = "float64", **other: np.ndarray) -> np.ndarray:
        """Evaluate the formula in the widest float, at these parameters or others."""
        with np.errstate(all="ignore"):
            return self.formula(np.asarray(x, WIDE), **(self.held(dtype) | other))

    def slope(self, x: np.ndarray, dtype: str) -> np.ndarray:
        """Differentiate the formula in x."""
        x, h = np.asarray(x, WIDE), step(x)
        return (self.exact(x + h, dtype) - self.exact(x - h, dtype)) / (2 * h)

    def pull(self, x: np.ndarray, dtype: str) -> dict[str, np.ndarray]:
        """Differentiate the formula in each number of each parameter: they lead."""
        found = {}
        for name, value in self.held(dtype).items():
            moves = 1e-6 * np.eye(value.size, dtype=WIDE).reshape(-1, *value.shape)
            ends = [[self.exact(x, dtype, **{name: value + s * m}) for s in (-1, 1)] for m in moves]
            found[name] = np.array([(high - low) / 2e-6 for low, high in ends])
        return found


def step(x):
    """Choose how far apart a difference is taken."""
    return 1e-6 * np.maximum(1, np.abs(x) / 1e4)


def erf(x):
    """Take the error function; SciPy has none in the widest float."""
    return special.erf(np.float64(x))


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
        (), (np.nan, np.nan), (np.nan, np.nan)),
    Row("squareplus", {"b": 2.5}, lambda x, b: (x + np.sqrt(x**2 + b)) / 2,
        (), (0, INF), (0, 1)),
    Row("smu", {"alpha": 0.25, "mu": 1.3},
        lambda x, alpha, mu: (1 + alpha + (1 - alpha) * erf(mu * (1 - alpha) * x)) * x / 2,
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


def arrays(row, dtype="float32"):
    """Give the parameters as arrays."""
    return {k: jnp.asarray(v, dtype) for k, v in row.params.items()}


def of_all(f):
    """Compile one program that applies f to every row and what it is given for it."""
    return jax.jit(lambda given, *rest: {r.name: f(r, given[r.name], *rest) for r in ROWS})


def with_slopes(row, params, x):
    """Give value, slope, and slopes in the parameters, one point at a time and backward."""
    f = row.trainable
    pull, slope = jax.vmap(jax.grad(f, argnums=(0, 1)), (None, 0))(params, x)
    return f(params, x), slope, {k: v.reshape(len(x), -1).T for k, v in pull.items()}


@cache
def tower(dtype):
    """Points of each kind, and what every row has there, compiled once."""
    least, top = float(jnp.finfo(dtype).tiny), float(jnp.finfo(dtype).max)
    far = np.array([300, 1e4, 1.5 * top**0.5, top / 4])  # the phase of a snake is 2.8 x
    points = {"near": np.linspace(-5, 5, 41) + 0.013, "far": [*-far, *far], "end": [-INF, INF]}
    points |= {"nan": [np.nan], "zero": [-0.0, 0.0], "subnormal": [-least / 2, least / 2]}
    with jax.enable_x64(dtype == "float64"):
        x = np.concatenate(list(points.values())).astype(jnp.dtype(dtype))
        made = of_all(with_slopes)({row.name: arrays(row, dtype) for row in ROWS}, x)
        assert all(part.dtype == x.dtype for part in jax.tree.leaves(made))
        wide = jax.tree.map(lambda part: np.asarray(part, np.float64), (x, made))
    ends = np.cumsum([len(part) for part in points.values()])
    cuts = dict(zip(points, map(slice, [0, *ends], ends), strict=True))
    return {k: jax.tree.map(lambda part, c=c: part[..., c], wide) for k, c in cuts.items()}


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


@pytest.mark.parametrize("kind", ["near", "far"])
@pytest.mark.parametrize("dtype", DTYPES)
@every
def test_values_and_slopes_equal_the_formula_in_every_dtype(row, dtype, kind):
    x, made = tower(dtype)[kind]
    y, slope, pull = made[row.name]
    f, top = row.exact(x, dtype), float(jnp.finfo(dtype).max)
    central = row.slope(x, dtype)
    size = 1 + np.abs(f) + np.abs(x * central)
    near_enough(y, f, tolerance(dtype) * size, top)
    doubt = 1e-8 + 1e-18 * np.abs(f) / step(x)  # of the difference itself
    near_enough(slope, central, tolerance(dtype) * (1 + np.abs(x) + np.abs(central)) + doubt, top)
    if kind == "near":
        for name, rows in row.pull(x, dtype).items():
            near_enough(pull[name], rows, tolerance(dtype) * (size + np.abs(rows)) + 1e-8, top)


def near_enough(y, f, room, top):
    """Compare within some room, where the largest float may be infinity."""
    error = np.abs(np.clip(y, -top, top) - np.clip(f, -top, top))
    bad = ~((error <= room) & ((np.abs(f) - room <= top) | np.isinf(y)))
    assert not bad.any(), (np.argwhere(bad), y[bad], f[bad])


@pytest.mark.parametrize("dtype", DTYPES)
@every
def test_without_jit_it_is_the_formula_as_well(row, dtype):
    x, _ = tower(dtype)["near"]
    x = x[::8]
    with jax.enable_x64(dtype == "float64"), jax.disable_jit():
        y = row.trainable(arrays(row, dtype), x.astype(jnp.dtype(dtype)))
    assert y.dtype == jnp.dtype(dtype)
    f = row.exact(x, dtype)
    assert (np.abs(np.float64(y) - f) <= tolerance(dtype) * (1 + np.abs(x) + np.abs(f))).all()


@pytest.mark.parametrize("dtype", DTYPES)
@every
def test_zeros_have_one_value_and_subnormal_numbers_are_near_it(row, dtype):
    zero, tiny = (tower(dtype)[kind][1][row.name] for kind in ("zero", "subnormal"))
    for at_zero, beside in zip(jax.tree.leaves(zero), jax.tree.leaves(tiny), strict=True):
        np.testing.assert_array_equal(at_zero[..., 0], at_zero[..., 1])
        assert np.isfinite(beside).all()
    room = tolerance(dtype) * (1 + np.abs(zero[0]))
    assert (np.abs(tiny[0] - zero[0]) <= room).all()


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
    y, slope, _ = tower(dtype)["end"][1][row.name]
    np.testing.assert_allclose(y, row.limits, rtol=tolerance(dtype))
    np.testing.assert_allclose(slope, row.slopes, rtol=tolerance(dtype))
    assert np.isnan(tower(dtype)["nan"][1][row.name][0]).all()


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
def test_empty_arrays_and_integers_pass_and_complex_numbers_do_not(row):
    params = arrays(row)
    empty = jax.eval_shape(row.trainable, params, np.zeros((0, 3), np.float32))
    assert empty.shape == (0, 3)
    assert jax.eval_shape(row.trainable, params, np.int32([-2, 3])).dtype == jnp.float32
    assert jax.eval_shape(row.trainable, params, np.array([True])).dtype == jnp.float32
    with pytest.raises(TypeError, match=r"an activation takes real numbers; got .*complex64"):
        row.trainable(params, np.complex64([1.0]))


def test_the_start_has_the_parameters_in_the_shape_asked_for_and_finite_gradients():
    params = {row.name: row.trainable.init(jax.random.key(1), (4,)) for row in ROWS}
    x = jnp.asarray(np.linspace(-3, 3, 12).reshape(3, 4), jnp.float32)
    slopes = of_all(lambda row, p, x: jax.grad(lambda p: row.trainable(p, x).sum())(p))(params, x)
    for row in ROWS:
        assert set(params[row.name]) == set(row.trainable.parameters)
        assert all(v.shape in ((), (4,), (2, 4), (6, 4), (4, 4)) for v in params[row.name].values())
        assert all(np.isfinite(v).all() for v in slopes[row.name].values())


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(
    ("name", "pieces"), [("apl", "hinges"), ("replu", "pieces")], ids=["apl", "replu"]
)
def test_any_number_of_pieces_starts_as_a_relu_and_trains(name, pieces, count):
    trainable = get_trainable(name)
    params = trainable.init(None, (4,), **{pieces: count})
    assert {v.shape for v in params.values()} == {(count, 4)}
    x = jnp.asarray(np.linspace(-3, 3, 12).reshape(3, 4), jnp.float32)
    np.testing.assert_allclose(trainable(params, x), np.maximum(x, 0), rtol=1e-6)
    moved = {k: v + 0.25 * jnp.arange(1.0, count + 1)[:, None] for k, v in params.items()}
    row = next(row for row in ROWS if row.name == name)
    held = {k: np.float64(v[:, 0]) for k, v in moved.items()}
    np.testing.assert_allclose(trainable(moved, x), row.formula(np.float64(x), **held), rtol=1e-5)


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
