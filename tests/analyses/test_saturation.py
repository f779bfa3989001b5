"""Are flat stretches and lost gradients counted as NumPy counts them?"""

import jax.numpy as jnp
import numpy as np
import pytest
from jax import nn

from relu_jax import activations
from relu_jax.analyses import saturation
from relu_jax.analyses.saturation import smallest


@pytest.fixture
def draw():
    return np.random.default_rng(0)


def test_counts_are_those_of_numpy(draw):
    z = draw.normal(scale=3, size=(40, 7)).astype(np.float32)
    d = draw.normal(size=z.shape).astype(np.float32)
    found = saturation(jnp.tanh, z, d_post=d)
    slope = 1 - np.tanh(z.astype(np.float64)) ** 2
    flat = slope < 0.1
    np.testing.assert_array_equal(found.per_unit, flat.sum(axis=0))
    np.testing.assert_array_equal(found.per_sample, flat.sum(axis=1))
    assert found.share == pytest.approx(flat.mean())
    assert (found.n, found.units, found.largest) == (40, 7, 1.0)
    assert found.passed == pytest.approx(
        np.linalg.norm(slope * d) / np.linalg.norm(d.astype(np.float64)), rel=1e-5
    )


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "relu", "gelu", "hard_tanh", "soft_sign"])
def test_under_a_normal_argument_the_share_is_an_integral(draw, name):
    act = activations.get(name)
    z = draw.normal(size=(2000, 20)).astype(np.float32)
    at = np.linspace(-9, 9, 200_001)
    slope = np.abs(np.asarray(act.derivative(jnp.asarray(at, jnp.float32)), float))
    weight = np.exp(-(at**2) / 2)
    want = np.sum(weight * (slope < 0.1 * slope.max())) / weight.sum()
    assert saturation(act, z).share == pytest.approx(want, abs=4 * 0.5 / np.sqrt(z.size) + 1e-4)


def test_units_and_samples_that_are_flat_throughout():
    z = jnp.array([[20.0, 0.0, -20.0], [20.0, 20.0, 20.0]])
    found = saturation(nn.sigmoid, z)
    assert found.per_unit.tolist() == [2, 1, 2]
    assert found.units_always == pytest.approx(2 / 3)
    assert found.samples_whole == 0.5
    assert (found.passed, found.underflow) == (None, ())


def test_what_a_format_loses_is_what_rounds_to_0(draw):
    d = np.exp2(draw.uniform(-60, 0, size=(50, 4))).astype(np.float32)
    d[0] = 0
    z = np.full(d.shape, 0.5, np.float32)  # a relu passes all
    assert len(saturation(nn.relu, z, d_post=d, formats="float16").underflow) == 1
    found = saturation(nn.relu, z, d_post=d, formats=("float16", "bfloat16", "float32"))
    half, brain, single = found.underflow
    least = half.smallest  # half of the smallest subnormal goes to 0, by rounding to even
    limit = least / 2 if least == 2.0**-24 else least
    assert half.lost == int(((d > 0) & (d <= limit)).sum())
    assert half.of == brain.of == single.of == 49 * 4
    assert (brain.lost, single.lost) == (0, 0)
    assert found.passed == 1.0


def test_the_smallest_number_of_a_format_is_measured():
    assert smallest(jnp.float16) in (2.0**-24, 2.0**-14)
    assert smallest(jnp.bfloat16) in (2.0**-133, 2.0**-126)
    assert smallest(jnp.float32) in (2.0**-149, 2.0**-126)


def test_edges():
    z = jnp.ones((3, 2))
    constant = saturation(lambda z: 0 * z, z, d_post=z)
    assert (constant.share, constant.passed, constant.largest) == (1.0, 0.0, 0.0)
    assert np.isnan(saturation(jnp.tanh, z, d_post=0 * z).passed)
    assert saturation(nn.relu, z.astype(jnp.bfloat16)).share == 0
    assert saturation(nn.relu, -z).share == 1


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"pre": jnp.ones(3)}, r"\(N, H\)"),
        ({"pre": jnp.ones((0, 3))}, r"\(N, H\)"),
        ({"pre": jnp.ones((2, 3), int)}, r"\(N, H\)"),
        ({"pre": jnp.full((2, 3), jnp.inf)}, "6 of 6"),
        ({"below": 1.0}, "between 0 and 1"),
        ({"d_post": jnp.ones((3, 2))}, "have the shape"),
        ({"d_post": jnp.ones((2, 3), complex)}, "floating-point numbers"),
        ({"d_post": jnp.full((2, 3), jnp.nan)}, "6 of 6"),
        ({"d_post": jnp.ones((2, 3)), "formats": ("int8",)}, "floating-point"),
        ({"d_post": jnp.ones((2, 3)), "formats": ("half a byte",)}, "floating-point"),
    ],
)
def test_what_cannot_be_asked_is_refused(args, words):
    given = {"pre": jnp.ones((2, 3)), **args}
    with pytest.raises(ValueError, match=words):
        saturation(nn.relu, given.pop("pre"), **given)
