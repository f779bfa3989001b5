"""Do the bounds hold for every input of a box, and are they as tight as interval arithmetic is?"""

import importlib
import itertools
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax import lax, nn

import relu_jax as rj
from relu_jax.activations import CATALOGUE
from relu_jax.analyses import bounds
from tests.sampling import some

DRAW = np.random.default_rng(0)
W1, W2, W3 = (
    jnp.asarray(DRAW.normal(scale=0.7, size=shape), jnp.float32)
    for shape in [(3, 8), (8, 8), (8, 2)]
)
X = jnp.asarray(DRAW.normal(size=(5, 3)), jnp.float32)
E = 0.1


def mlp(act, other=None):
    return lambda x: (other or act)(act(x @ W1) @ W2 + 0.1) @ W3


def inside(low, high, n=200):
    """Draw inputs of each box: some of its corners, and what lies within."""
    part = np.random.default_rng(1).uniform(size=(n, *low.shape))
    part[: n // 2] = part[: n // 2].round()
    return np.clip(np.asarray(low + part * (high - low), low.dtype), low, high)


def held(f, low, high):
    """Check the bounds of f and of its sites on drawn inputs; give the bounds."""
    found = bounds(f, low, high)
    recorded = jax.jit(rj.tap.record(f))
    for x in inside(np.asarray(low), np.asarray(high), 40):
        y, seen = recorded(x)
        jax.tree.map(between, found.low, y, found.high)
        for one in found.sites:
            between(one.low, seen[one.site].pre, one.high)
    return found


def between(low, value, high):
    assert low.shape == value.shape == high.shape
    ran = ~jnp.isnan(value)  # in a branch that was not taken there is nothing to see
    assert bool(((low <= value) | ~ran).all())
    assert bool(((value <= high) | ~ran).all())


@pytest.mark.parametrize("act", [nn.relu, nn.leaky_relu, nn.relu6, nn.tanh, nn.gelu, nn.silu])
def test_the_bounds_hold_inside_the_box(act):
    found = held(mlp(act, nn.softplus), X - E, X + E)
    assert [one.site for one in found.sites] == ["site#1", "site#2"]
    assert bool(jnp.isfinite(found.high).all())


@pytest.mark.parametrize("act", some(CATALOGUE, 12, [act.name for act in CATALOGUE]))
def test_the_range_of_an_activation_is_attained(act):
    low, high = jnp.array([[-3.0, -0.6, 0.2, -9.0]]), jnp.array([[-1.0, 0.7, 0.2, 8.0]])
    found = bounds(act, low, high)
    at = np.linspace(np.asarray(low), np.asarray(high), 20_001)
    values = np.asarray(jax.jit(act)(jnp.asarray(at, jnp.float32)), np.float64)
    with np.errstate(invalid="ignore"):
        least, most = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
    size = 1 + np.maximum(abs(least), abs(most))
    assert (found.low <= least + 1e-6 * size).all()
    assert (found.high >= most - 1e-6 * size).all()
    told = importlib.import_module("relu_jax.analyses.bounds")._known(act) is not None
    if told and act.name in {site.kind for site in rj.tap.sites(act, low)}:
        assert (found.low >= least - 1e-3 * size).all()
        assert (found.high <= most + 1e-3 * size).all()


def exact(low, high, weights):
    """Bound a ReLU network in rational arithmetic: intervals, layer by layer."""
    boxes = [(Fraction(float(a)), Fraction(float(b))) for a, b in zip(low, high, strict=True)]
    arguments = []
    for i, w in enumerate(weights):
        columns = [[Fraction(float(v)) for v in column] for column in np.asarray(w).T]
        boxes = [
            (
                sum(v * boxes[k][v < 0] for k, v in enumerate(column)),
                sum(v * boxes[k][v > 0] for k, v in enumerate(column)),
            )
            for column in columns
        ]
        if i < len(weights) - 1:
            arguments.append(boxes)
            boxes = [(max(a, Fraction(0)), max(b, Fraction(0))) for a, b in boxes]
    return arguments, boxes


@pytest.mark.parametrize("seed", some(range(20), 5))
def test_they_are_those_of_rational_arithmetic(seed):
    draw = np.random.default_rng(seed)
    weights = [draw.normal(size=s).astype(np.float32) for s in [(2, 4), (4, 3), (3, 2)]]
    x, e = draw.normal(size=(1, 2)).astype(np.float32), np.float32(draw.choice([0.0, 0.01, 0.5]))
    low, high = x - e, x + e

    def net(x):
        for w in weights[:-1]:
            x = nn.relu(x @ w)
        return x @ weights[-1]

    found = bounds(net, low, high)
    arguments, result = exact(low[0], high[0], weights)
    pairs = [(one.low, one.high) for one in found.sites] + [(found.low, found.high)]
    for (low, high), boxes in zip(pairs, [*arguments, result], strict=True):
        for a, b, (least, most) in zip(low[0], high[0], boxes, strict=True):
            assert Fraction(float(a)) <= least <= most <= Fraction(float(b))
            size = 1 + max(abs(float(least)), abs(float(most)))
            assert float(a) >= float(least) - 1e-4 * size
            assert float(b) <= float(most) + 1e-4 * size
    for one, boxes in zip(found.sites, arguments, strict=True):
        assert one.dead.tolist() == [most <= 0 for _, most in boxes]
        assert one.active.tolist() == [least >= 0 and most > 0 for least, most in boxes]


def test_what_is_certified_dead_no_input_activates():
    low, high = X[:1] - 0.1, X[:1] + 0.1
    found = bounds(mlp(nn.relu), low, high)
    _, seen = jax.vmap(rj.tap.record(mlp(nn.relu)))(inside(np.asarray(low), np.asarray(high)))
    for one in found.sites:
        active = np.asarray(seen[one.site].post > 0).reshape(-1, 8)
        assert not active[:, one.dead].any()
        assert active[:, one.active].all()
    assert found.sites[0].dead.any()
    assert found.sites[0].active.any()


def test_a_point_is_its_own_box():
    found = bounds(mlp(nn.relu), X, X)
    np.testing.assert_allclose(found.low, mlp(nn.relu)(X), atol=1e-3)
    np.testing.assert_allclose(found.high, mlp(nn.relu)(X), atol=1e-3)


class Block(nnx.Module):
    """A convolution with a norm and a residual, a maximum over windows and a head."""

    def __init__(self, rngs):
        self.first = nnx.Conv(2, 4, (3, 3), rngs=rngs)
        self.second = nnx.Conv(4, 4, (3, 3), rngs=rngs)
        self.norm = nnx.BatchNorm(4, use_running_average=True, rngs=rngs)
        self.head = nnx.Linear(4 * 9, 3, rngs=rngs)

    def __call__(self, x):
        x = nnx.relu(self.first(x))
        x = x + nnx.silu(self.norm(self.second(x)))
        x = nnx.max_pool(x, (2, 2), (2, 2))
        return self.head(x.reshape(len(x), -1))


def scanned(x):
    return lax.scan(lambda h, w: (nn.relu(h @ w), jnp.sum(h)), x, jnp.stack([W2, -W2]))


def branched(x):
    return lax.cond(jnp.sum(x) > 0, lambda x: nn.relu(x @ W2), lambda x: -jnp.abs(x), x)


def normed(x):
    return nn.softmax(nn.relu((x - x.mean(-1, keepdims=True)) / jnp.sqrt(x.var(-1) + 1)[:, None]))


WIDE = jnp.asarray(DRAW.normal(size=(4, 8)), jnp.float32)
NET = Block(nnx.Rngs(0))
PROGRAMS = {
    "convolutions": (lambda x: NET(x), DRAW.normal(size=(2, 6, 6, 2))),
    "a scan": (scanned, WIDE),
    "a reversed scan": (
        lambda x: lax.scan(lambda h, w: (h, nn.relu(x @ w)), 0.0, jnp.stack([W2, -W2]), 2, True),
        WIDE,
    ),
    "a branch": (branched, WIDE),
    "a norm and a softmax": (normed, WIDE),
    "attention": (lambda x: nn.dot_product_attention(*[x.reshape(1, 4, 2, 4)] * 3), WIDE),
    "a jit, a checkpoint and an own rule": (
        jax.jit(jax.checkpoint(lambda x: nn.relu6(nn.elu(x) @ W2))), WIDE,
    ),
    "arithmetic": (
        lambda x: [x * x, x**3, 1 / (x + 9), jnp.sqrt(jnp.abs(x)), jnp.sin(x),
                   jnp.where(x > 0.2, x, 2 * x), jnp.log1p(x * x), lax.rsqrt(x * x + 1), -x - x,
                   jnp.clip(x, -1, 1), x.max(0), jnp.cumsum(x, 0), (x > 0).astype(x.dtype),
                   jnp.linalg.norm(x, axis=1), nn.logsumexp(x, axis=1), jnp.float32(2), 2.0**x],
        WIDE,
    ),
    "an unknown function": (lambda x: x * nn.sigmoid(1.3 * x + 0.2), WIDE),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_they_hold_in(name):
    f, x = PROGRAMS[name]
    x = jnp.asarray(x, jnp.float32)
    held(f, x - E, x + E)


def test_what_is_divided_by_0_has_no_bounds():
    found = bounds(lambda x: x / (x - x), X - E, X + E)
    assert np.isinf(found.low).all()
    assert np.isinf(found.high).all()


def test_one_box_per_example_says_more():
    parts, whole = (
        bounds(mlp(nn.relu), low, high)
        for low, high in [(X - E, X + E), (jnp.broadcast_to(X.min(0) - E, X.shape),
                                           jnp.broadcast_to(X.max(0) + E, X.shape))]
    )  # fmt: skip
    assert (parts.high <= whole.high + 1e-5).all()
    assert all((a.dead >= b.dead).all() for a, b in zip(parts.sites, whole.sites, strict=True))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_rounded_in_its_own_steps(dtype):
    w = W1.astype(dtype)
    x = X.astype(dtype)
    found = bounds(lambda x: nn.relu(x @ w), x - x.dtype.type(E), x + x.dtype.type(E))
    y = nn.relu(x @ w)
    between(found.low, y, found.high)
    assert found.low.dtype == x.dtype


def test_it_prints_a_table():
    told = str(bounds(mlp(nn.relu), X - E, X + E)).splitlines()
    assert told[0].split()[:2] == ["site", "units"]
    assert told[1].split()[:2] == ["site#1", "8"]


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (X, X[:2], "of one shape"),
        (X, X - 1, "15 of 15 elements"),
        (X.at[0, 0].set(jnp.nan), X + 1, "1 of 15 elements"),
        (np.zeros((2, 3), int), np.ones((2, 3), int), "real numbers"),
        (1.0, 2.0, "(N, ...)"),
    ],
)
def test_what_is_no_box_is_refused(low, high, told):
    with pytest.raises(ValueError, match=told.replace("(", r"\(").replace(")", r"\)")):
        bounds(mlp(nn.relu), low, high)


REFUSED = {
    "sort": lambda x: jnp.sort(x),
    "while": lambda x: lax.while_loop(lambda x: x.sum() < 9, lambda x: nn.relu(x) + 1, x),
    "dynamic_slice": lambda x: lax.dynamic_slice(x, (x[0, 0].astype(int), 0), (1, 3)),
    "scan": lambda x: lax.scan(lambda h, _: (nn.relu(h), None), x, None, 600)[0],
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_rule_is_named_with_its_line(name):
    with pytest.raises(NotImplementedError, match=rf"{name}.*test_bounds.py:\d+"):
        bounds(REFUSED[name], X - E, X + E)


def test_corners_are_bounded_too():
    low, high = X[:1] - 0.5, X[:1] + 0.5
    found = bounds(lambda x: x @ W1, low, high)
    corners = [
        jnp.where(jnp.array(which), high, low) @ W1 for which in itertools.product([0, 1], repeat=3)
    ]
    np.testing.assert_allclose(found.low, np.min(corners, axis=0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.high, np.max(corners, axis=0), rtol=1e-4, atol=1e-5)
