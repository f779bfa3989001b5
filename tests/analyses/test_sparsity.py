"""Every measure against a slow one in NumPy float64, and against codes whose answer is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.analyses import sparsity, union_active
from relu_jax.core.numerics import tolerance

pytestmark = pytest.mark.leaks_unchecked(
    "it collects garbage at every trace, minutes in all: tests/tap has it"
)

measured = jax.jit(sparsity)
NEAR = {"rtol": tolerance("float32", n=64), "atol": tolerance("float32", n=64)}


def _codes():
    rng = np.random.default_rng(0)
    z = rng.standard_normal((50, 24)).astype(np.float32)
    relu = np.maximum(z - 0.5, 0)
    relu[3], relu[:, 5] = 0, 0  # a silent example, a unit that is never active
    return {
        "dense": z,
        "relu": relu,
        "few": np.where(z > 1.8, z, 0),
        "sigmoid": 1 / (1 + np.exp(-z)),
    }


CODES = _codes()


def _slow(code, top=0.1):
    """Write every definition out, example by example, in float64."""
    a = np.abs(np.asarray(code, np.float64))
    n, units = a.shape
    hoyer, gini, held, population = [], [], [], []
    for row in a[a.any(axis=1)]:
        hoyer.append((np.sqrt(units) - row.sum() / np.sqrt((row**2).sum())) / (np.sqrt(units) - 1))
        gaps = np.abs(row[:, None] - row[None, :]).sum()  # half the mean gap over the mean
        gini.append(gaps / (2 * units * row.sum()))
        held.append(np.sort(row)[::-1][: max(1, round(top * units))].sum() / row.sum())
        population.append((1 - row.mean() ** 2 / (row**2).mean()) / (1 - 1 / units))
    lifetime = [
        (1 - unit.mean() ** 2 / (unit**2).mean()) / (1 - 1 / n) for unit in a.T[a.any(axis=0)]
    ]
    active = [int(np.count_nonzero(row)) for row in a]
    return {
        "zeros": np.mean(a == 0),
        "nearly": np.mean(a <= 1e-3 * np.sqrt((a**2).mean())),
        "l1": a.mean(),
        "hoyer": np.mean(hoyer),
        "gini": np.mean(gini),
        "population": np.mean(population),
        "lifetime": np.mean(lifetime),
        "top": np.mean(held),
        "active": active,
        "active_mean": np.mean(active),
        "active_std": np.std(active),
        "silent": active.count(0),
        "never": sum(not unit.any() for unit in a.T),
        "always": sum(unit.all() for unit in a.T),
        "patterns": len({tuple(row != 0) for row in a}),
    }


@pytest.mark.parametrize("name", CODES)
def test_every_measure_is_its_definition(name):
    got, want = measured(CODES[name]), _slow(CODES[name])
    for key, value in want.items():
        np.testing.assert_allclose(getattr(got, key), value, err_msg=key, **NEAR)
    assert {*want, "n", "units"} == {*got._fields}


def test_codes_whose_sparsity_is_known():
    alone, even = measured(jnp.eye(8)), measured(jnp.ones((3, 8)))
    for name in ("hoyer", "population", "lifetime", "top"):
        np.testing.assert_allclose(getattr(alone, name), 1, **NEAR)
    for name in ("hoyer", "gini", "population", "lifetime"):
        np.testing.assert_allclose(getattr(even, name), 0, **NEAR)
    # Gini of one unit alone among H is 1 - 1/H, and never 1.
    np.testing.assert_allclose(alone.gini, 1 - 1 / 8, **NEAR)
    assert (int(alone.patterns), int(even.patterns)) == (8, 1)
    assert (float(alone.zeros), float(even.zeros)) == (7 / 8, 0)
    # Half of a normal code passes a relu: E r² = 1/2, (E r)² = 1/(2π).
    z = jax.random.normal(jax.random.key(0), (4000, 400))
    relu = measured(jax.nn.relu(z))
    assert abs(float(relu.zeros) - 0.5) < 5 * 0.5 / np.sqrt(z.size)
    np.testing.assert_allclose(relu.population, 1 - 1 / np.pi, atol=5e-3)


def test_scale_changes_the_l1_norm_alone():
    code = CODES["relu"]
    plain = measured(code)
    for scale in (2.0**-70, 2.0**70):  # whose squares float32 does not hold
        scaled = measured(code * np.float32(scale))
        np.testing.assert_allclose(scaled.l1, plain.l1 * scale, rtol=1e-6)
        for name in ("zeros", "nearly", "hoyer", "gini", "population", "lifetime", "top"):
            np.testing.assert_allclose(getattr(scaled, name), getattr(plain, name), rtol=1e-6)


def test_a_gate_tells_which_units_are_active():
    gate, other = jnp.array([[0.0, 1.0, 2.0, 0.0]]), jnp.array([[5.0, 0.0, 1.0, 0.0]])
    s = measured(gate * other, gate=gate)
    assert s.active.tolist() == [2]
    assert measured(gate * other).active.tolist() == [1]


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "int8", "bool"])
def test_counts_are_those_of_the_numbers_as_they_are(dtype):
    code = jnp.asarray(CODES["relu"]).astype(dtype)
    s = measured(code)
    assert s.active.tolist() == np.count_nonzero(np.asarray(code), axis=1).tolist()
    assert bool(jnp.isfinite(s.hoyer))


def test_patterns_are_told_apart_whatever_their_number():
    rng = np.random.default_rng(1)
    for n, units in ((1, 1), (300, 9), (500, 100)):
        active = rng.random((n, units)) < 0.5
        active[n // 2 :] = active[: n - n // 2]  # pairs of equal rows
        got = int(measured(active).patterns)
        assert got == len({tuple(row) for row in active}), (n, units)


def test_what_is_silent_has_no_sparsity():
    s = measured(jnp.zeros((3, 4)))
    assert (int(s.silent), int(s.never), int(s.patterns)) == (3, 4, 1)
    for name in ("hoyer", "gini", "population", "lifetime", "top"):
        assert bool(jnp.isnan(getattr(s, name))), name
    one = measured(jnp.ones((4, 1)))
    assert all(bool(jnp.isnan(getattr(one, name))) for name in ("hoyer", "gini", "population"))
    assert float(one.top) == 1.0
    assert bool(jnp.isnan(measured(jnp.ones((1, 4))).lifetime))


def test_nan_is_active_and_shows():
    s = measured(jnp.array([[0.0, jnp.nan], [0.0, 1.0]]))
    assert s.active.tolist() == [1, 1]
    assert float(s.zeros) == 0.5
    assert bool(jnp.isnan(s.l1))


def test_it_goes_under_vmap():
    codes = jnp.stack([CODES["dense"], CODES["relu"]])
    both = jax.vmap(measured)(codes)
    np.testing.assert_allclose(both.hoyer[1], measured(codes[1]).hoyer, rtol=1e-6)


@pytest.mark.parametrize("window", [1, 2, 7, 50])
def test_a_window_needs_the_units_that_any_of_its_examples_needs(window):
    code = CODES["few"]
    got = union_active(code, window)
    want = [np.mean((code[i : i + window] != 0).any(axis=0)) for i in range(51 - window)]
    np.testing.assert_allclose(got, want, rtol=1e-6)


def test_bad_input_is_answered():
    with pytest.raises(ValueError, match=r"row per example .* got float32 array of shape \(3,\)"):
        sparsity(jnp.ones(3))
    with pytest.raises(ValueError, match=r"at least one of each; got float32 array of shape \(0"):
        sparsity(jnp.ones((0, 3)))
    with pytest.raises(TypeError, match=r"real numbers; got complex64 .* jnp\.abs"):
        sparsity(jnp.ones((2, 2), jnp.complex64))
    with pytest.raises(ValueError, match=r"shape of its code; got \(2, 3\) for \(2, 2\)"):
        sparsity(jnp.ones((2, 2)), gate=jnp.ones((2, 3)))
    with pytest.raises(ValueError, match=r"epsilon lies between 0 and 1; got float -1"):
        sparsity(jnp.ones((2, 2)), epsilon=-1.0)
    with pytest.raises(ValueError, match=r"top lies between 0 and 1; got float nan"):
        sparsity(jnp.ones((2, 2)), top=float("nan"))
    with pytest.raises(ValueError, match=r"from 1 to N examples; got 3 of 2"):
        union_active(jnp.ones((2, 2)), 3)
