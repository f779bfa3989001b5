"""The battery of the activations with learned parameters: one row for each, by its formula."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from relu_jax.activations.lookup import get_trainable
from relu_jax.activations.trainable import frozen
from relu_jax.activations.trainable_catalogue import TRAINABLE, trainable_names
from relu_jax.core.numerics import tolerance
from tests.activations.cases_trainable import INF, ROWS, step

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")


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
