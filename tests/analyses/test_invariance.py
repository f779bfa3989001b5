"""Is the share of units that change sides the one that is known, and counted?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import nn

from relu_jax.analyses import invariance

KEY = jax.random.key(0)


@pytest.mark.parametrize("act", [nn.relu, nn.gelu, nn.leaky_relu, jnp.tanh])
def test_a_wide_random_layer_flips_by_the_angle(act):
    x = jax.random.normal(KEY, (4, 30))
    w = jax.random.normal(jax.random.key(1), (30, 4000))
    scales = (0.05, 0.5, 2.0)
    found = invariance(lambda x: act(x @ w), x, jax.random.key(2), scales=scales, draws=6)
    for one, scale in zip(found, scales, strict=True):
        ways = [jax.random.normal(k, x.shape) for k in jax.random.split(jax.random.key(2), 6)]
        moved = [
            x + scale * v * np.linalg.norm(x, axis=1, keepdims=True)
            / np.linalg.norm(v, axis=1, keepdims=True) for v in ways
        ]  # fmt: skip
        cosines = [np.sum(x * m, 1) / np.linalg.norm(x, axis=1) / np.linalg.norm(m, axis=1)
                   for m in moved]  # fmt: skip
        # units of one layer are drawn apart: 4 examples and 6 draws share 4000 of them
        assert one.share == pytest.approx(np.mean(np.arccos(cosines)) / np.pi, abs=0.01)
        assert one.elements == 4 * 4000 * 6
        assert one.share == one.flipped / one.elements
        # of two half-spaces: both (1 - θ/π) / 2, either (1 + θ/π) / 2
        assert one.overlap == pytest.approx((1 - one.share) / (1 + one.share), abs=0.02)


def test_counts_are_those_of_numpy():
    x = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    w = np.random.default_rng(1).normal(size=(4, 7)).astype(np.float32)
    found = invariance(lambda x: nn.relu6(3 * x @ w), x, KEY, scales=(0.3,), draws=2)
    flips = both = either = 0
    for k in jax.random.split(KEY, 2):
        way = np.asarray(jax.random.normal(k, x.shape), np.float64)
        step = 0.3 * np.linalg.norm(x, axis=1) / np.linalg.norm(way, axis=1)
        a, b = (x @ w > 0, (x + way * step[:, None]) @ w > 0)  # at 6 a unit is active
        flips, both, either = flips + (a ^ b).sum(), both + (a & b).sum(), either + (a | b).sum()
    (one,) = found
    assert (one.flipped, one.elements, one.overlap) == (flips, 42, both / either)
    assert one.active_by == "an output that is not 0"


def test_every_site_and_size_has_a_line():
    def f(x):
        return nn.silu(jax.lax.map(nn.relu, x[:, None]) @ jnp.ones((3, 2)))

    found = invariance(f, jnp.ones((2, 3)), KEY, scales=(1e-6, 1e-3))
    assert [(one.active_by, one.scale, one.flipped) for one in found] == [
        ("an output that is not 0", 1e-6, 0), ("an output that is not 0", 1e-3, 0),
        ("an argument above 0", 1e-6, 0), ("an argument above 0", 1e-3, 0),
    ]  # fmt: skip
    assert [one.elements for one in found] == [6 * 8, 6 * 8, 4 * 8, 4 * 8]
    assert len(str(found).splitlines()) == 5


def test_edges():
    nothing = invariance(nn.relu, jnp.zeros((2, 3)), KEY, draws=1)
    assert all(one.flipped == 0 for one in nothing)
    assert all(np.isnan(one.overlap) and np.isnan(one.spread) for one in nothing)
    (half,) = invariance(nn.relu, jnp.ones((2, 3), jnp.bfloat16), KEY, scales=(0.1,))
    assert half.flipped == 0


@pytest.mark.parametrize("by", [1.0, 1e25, 1e-25])
def test_the_length_of_an_input_does_not_matter(by):
    x = jax.random.normal(KEY, (3, 40))
    w = jax.random.normal(jax.random.key(1), (40, 50))
    plain, other = (
        invariance(lambda x: nn.relu(x @ w), x * c, KEY, scales=jnp.array([0.1, 0.5]))
        for c in (1.0, by)
    )
    assert [one.flipped for one in other] == pytest.approx([o.flipped for o in plain], abs=3)


def test_half_precision_takes_lengths_in_float32():
    x = 20 * jax.random.normal(KEY, (3, 400))
    w = jax.random.normal(jax.random.key(1), (400, 50)) / 20
    wide, half = (
        invariance(lambda x, d=d: nn.relu(x @ w.astype(d)), x.astype(d), KEY)
        for d in (jnp.float32, jnp.float16)
    )
    assert [o.share for o in half] == pytest.approx([o.share for o in wide], abs=0.01)
    with pytest.raises(ValueError, match="within the numbers of float16"):
        invariance(nn.relu, x.astype(jnp.float16), KEY, scales=1e5)


@pytest.mark.parametrize(
    ("kind", "args", "words"),
    [
        (TypeError, {"x": jnp.ones((2, 3), int)}, "floating-point"),
        (ValueError, {"x": jnp.ones((0, 3))}, "at least one example"),
        (ValueError, {"x": jnp.float32(1)}, "at least one example"),
        (ValueError, {"x": jnp.array([[jnp.nan]])}, "1 of 1 values"),
        (ValueError, {"scales": (0.0,)}, "above 0"),
        (ValueError, {"scales": ()}, "above 0"),
        (ValueError, {"draws": 0}, "at least 1"),
        (ValueError, {"f": lambda x: 2 * x}, "no site"),
    ],
)
def test_what_cannot_be_asked_is_refused(kind, args, words):
    given = {"f": nn.relu, "x": jnp.ones((2, 3)), "key": KEY, **args}
    with pytest.raises(kind, match=words):
        invariance(given.pop("f"), given.pop("x"), given.pop("key"), **given)
