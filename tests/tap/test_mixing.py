"""Are functions that mix elements told from those that act element by element?"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax, nn

from relu_jax import tap
from relu_jax.activations import CATALOGUE
from relu_jax.tap import mixing
from tests.tap import networks as n

pytestmark = pytest.mark.usefixtures("free_ranks")
SHAPE, UNITS = (5, 6), (1,)
SLOPES = np.linspace(0.1, 0.6, 6, dtype=np.float32)
KNOTS = np.linspace(-2, 2, 7, dtype=np.float32)


@pytest.fixture
def free_ranks():
    with jax.numpy_rank_promotion("allow"):
        yield


@jax.custom_jvp
def _forward(z):
    return jnp.sort(jnp.stack([z, 0 * z]), axis=0)[1]


@jax.custom_vjp
def _reverse(z):
    return jnp.stack([z, 0 * z]).max(0)


_forward.defjvps(lambda t, _, z: t)
_reverse.defvjp(lambda z: (z, None), lambda _, ct: (ct,))


def newton(z):
    """Solve y + y³ = z until no element changes."""

    def turn(state):
        y, _ = state
        new = y - (y + y**3 - z) / (1 + 3 * y**2)
        return new, jnp.abs(new - y).max()

    return lax.while_loop(lambda state: state[1] > 1e-6, turn, (0 * z, jnp.float32(1)))[0]


MIXING = {
    "softmax": nn.softmax,
    "log_softmax": nn.log_softmax,
    "over the batch": lambda z: z - z.mean(0),
    "layer norm": lambda z: (z - z.mean(-1, keepdims=True)) / z.std(-1, keepdims=True),
    "norm of all": lambda z: z / jnp.sqrt(jnp.sum(z**2)),
    "sort": lambda z: jnp.sort(z, axis=-1),
    "cumsum": lambda z: jnp.cumsum(z, axis=-1),
    "roll": lambda z: jnp.roll(z, 1, axis=-1),
    "reverse": lambda z: z[:, ::-1],
    "gate": lambda z: jnp.concatenate([z[:, :3] * nn.sigmoid(z[:, 3:]), z[:, 3:]], -1),
    "product": lambda z: z @ jnp.tri(6),
    "largest": lambda z: jnp.where(z == z.max(-1, keepdims=True), z, 0.0),
    "scan": lambda z: lax.associative_scan(jnp.maximum, z, axis=1),
    "jit": jax.jit(lambda z: z / z.sum()),
}

STILL = {
    "sine": lambda z: jnp.sin(z),
    "custom_jvp": _forward,
    "custom_vjp": _reverse,
    "per channel": lambda z: jnp.where(z > 0, z, SLOPES * z),
    "of its dtype": lambda z: z.astype(jnp.bfloat16).astype(z.dtype) * jnp.finfo(z.dtype).max,
    "spline": lambda z: jnp.sum(SLOPES[:, None] * nn.relu(z[..., None] - KNOTS[:6]), -1),
    "basis": lambda z: nn.relu(z[..., None] - KNOTS) @ KNOTS,
    "table": lambda z: jnp.interp(z, KNOTS, KNOTS**2),
    "rows": lambda z: lax.map(jnp.tanh, z),
    "vmap": jax.vmap(jax.vmap(lambda z: jnp.where(z > 0, z, jnp.exp(z)))),
    "reshaped": lambda z: jnp.tanh(z.reshape(-1)).reshape(z.shape),
    "two halves": lambda z: jnp.concatenate([jnp.sin(z[:, :3]), jnp.tanh(z[:, 3:])], -1),
    "moved": lambda z: jnp.moveaxis(nn.relu(jnp.moveaxis(z, 0, -1)), -1, 0),
    "mask": lambda z: jnp.where(jax.random.bernoulli(jax.random.key(0), 0.5, z.shape), z, 0),
    "newton": newton,
    "piecewise": lambda z: jnp.piecewise(z, [z < 0, z > 1], [0.0, 1.0, lambda z: z**2]),
    "remat": jax.checkpoint(lambda z: z * jnp.cos(z)),
    "NaN": lambda z: jnp.log(z),
    "cond": lambda z: lax.cond(SLOPES.sum() > 0, jnp.tanh, jnp.sin, z),
    "partial": partial(nn.leaky_relu, negative_slope=0.1),
    "batch of five": lambda z: z * np.arange(5, dtype=np.float32)[:, None],
    "callback": lambda z: jax.pure_callback(lambda z: z - z.max(), z, z),
}


@pytest.mark.parametrize("act", MIXING.values(), ids=MIXING)
def test_what_mixes_elements_is_found(act):
    assert mixing.mixes(act, SHAPE, np.dtype("float32"), UNITS)


@pytest.mark.parametrize("act", STILL.values(), ids=STILL)
def test_what_acts_element_by_element_is_not_suspected(act):
    assert act(jnp.ones(SHAPE)).shape == SHAPE
    assert not mixing.mixes(act, SHAPE, np.dtype("float32"), UNITS)


def test_nothing_of_the_catalogue_is_suspected_or_run():
    for act in CATALOGUE:
        assert not mixing.mixes(act, SHAPE, np.dtype("float32"), UNITS), act.name


@pytest.mark.parametrize("shape", [(), (0, 3), (1, 2), (1,), (4, 3, 3, 8)])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_any_shape_and_dtype_goes(shape, dtype):
    last = (len(shape) - 1,)
    spline = STILL["basis"] if dtype == "float32" else jnp.tanh
    assert not mixing.mixes(spline, shape, jnp.dtype(dtype), last)
    many = bool(shape) and shape[-1] > 1 and 0 not in shape

    def softmax(z):
        return nn.softmax(z) if z.ndim else z

    assert mixing.mixes(softmax, shape, jnp.dtype(dtype), last) == many


def model(w, x):
    """Give one site, w."""
    return nn.relu(x @ w)


W = n.leaf(n.D, n.H, seed=31)


@pytest.mark.parametrize(
    "around", [lambda f: f, jax.jit, lambda f: jax.grad(lambda w, x: f(w, x).sum())]
)
def test_swap_refuses_it_and_names_the_way_by_patch(around):
    words = r"acts element by element; got .*softmax, which mixes elements, at w; .*rj\.tap\.patch"
    with pytest.raises(ValueError, match=words):
        around(tap.swap(model, {"w": nn.softmax}))(W, n.X)
    patched = tap.patch(model, {"w": lambda pre, post: nn.softmax(pre)})
    np.testing.assert_allclose(patched(W, n.X), nn.softmax(n.X @ W), rtol=1e-6)


def test_weights_of_a_replacement_may_be_trained():
    def loss(slopes, mixed):
        def act(z):
            basis = jnp.sum(slopes * nn.relu(z[..., None] - KNOTS[:3]), -1)
            return basis - basis.max() if mixed else basis

        return jnp.sum(tap.swap(model, {"w": act})(W, n.X))

    got = jax.jit(jax.grad(loss), static_argnums=1)(np.ones(3, np.float32), False)
    want = nn.relu((n.X @ W)[..., None] - KNOTS[:3]).sum((0, 1))
    np.testing.assert_allclose(got, want, rtol=1e-5)
    with pytest.raises(ValueError, match="mixes elements"):
        jax.grad(loss)(np.ones(3, np.float32), True)
