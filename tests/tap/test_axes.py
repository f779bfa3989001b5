"""Are the axes that count units found, whatever the layout?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax, nn

from relu_jax import tap
from relu_jax.tap import axes
from tests.tap import networks as n
from tests.tap.reading import graph_of, made_by

pytestmark = pytest.mark.leaks_unchecked(
    "it collects garbage at every trace: test_observe.py has it"
)

W, HEADS = n.leaf(3, 4), n.leaf(3, 2, 4)
KERNEL = n.leaf(3, 3, 3, 4)


def _conv(dimensions, order):
    def f(w, x):
        x = x.transpose(dimensions)
        return nn.relu(lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=order))

    return f


LAYOUTS = {
    "dense": (lambda w, x: nn.relu(x @ w), W, n.X, (1,), 3, 4),
    "dense on one example": (lambda w, x: nn.relu(x @ w), W, n.X[0], (0,), 3, 4),
    "weight on the left": (lambda w, x: nn.relu(w.T @ x.T), W, n.X, (0,), 3, 4),
    "three axes": (lambda w, x: nn.relu(x @ w), W, n.leaf(2, 5, 3), (2,), 3, 4),
    "bias in between": (lambda w, x: nn.relu(x @ w + w.sum()), W, n.X, (1,), 3, 4),
    "vmap over examples": (
        lambda w, x: jax.vmap(lambda r: nn.relu(w.T @ r))(x), W, n.X, (0,), 3, 4,
    ),
    "vmap, then an activation": (
        lambda w, x: nn.relu(jax.vmap(lambda r: w.T @ r)(x)), W, n.X, (1,), 3, 4,
    ),
    "heads": (lambda w, x: nn.relu(jnp.einsum("bd,dhk->bhk", x, w)), HEADS, n.X, (1, 2), 3, 8),
    "heads moved": (
        lambda w, x: nn.relu(jnp.einsum("btd,dhk->bhtk", x, w)), HEADS, n.leaf(2, 5, 3), (1, 3),
        3, 8,
    ),
    "heads by reshape": (
        lambda w, x: nn.relu((x @ w.reshape(3, 8)).reshape(5, 2, 4)), HEADS, n.X, (1, 2), 3, 8,
    ),
    "one network per head": (
        lambda w, x: nn.relu(jnp.einsum("bd,hdk->bhk", x, w)), n.leaf(2, 3, 4), n.X, (1, 2), 3, 8,
    ),
    "heads flattened": (
        lambda w, x: nn.relu(jnp.einsum("bd,dhk->bhk", x, w).reshape(5, 8)), HEADS, n.X, (1,), 3, 8,
    ),
    "image, channels last": (
        _conv((0, 1, 2, 3), ("NHWC", "HWIO", "NHWC")), KERNEL, n.IMAGES, (3,), 27, 4,
    ),
    "image, channels first": (
        _conv((0, 3, 1, 2), ("NCHW", "HWIO", "NCHW")), KERNEL, n.IMAGES, (1,), 27, 4,
    ),
    "image to patches": (
        lambda w, x: nn.relu(x.reshape(5, 4, 27) @ w.reshape(27, 4)), KERNEL, n.IMAGES, (2,), 27, 4,
    ),
    "mean over positions": (
        lambda w, x: nn.relu((x @ w).mean(1)), W, n.leaf(2, 5, 3), (1,), 3, 4,
    ),
    "units before positions": (
        lambda w, x: nn.relu((x @ w).swapaxes(1, 2)), W, n.leaf(2, 5, 3), (1,), 3, 4,
    ),
    "one unit, one example": (lambda w, x: nn.relu(x @ w[:, :1]), W, n.X[:1], (1,), 3, 1),
}  # fmt: skip


@pytest.mark.parametrize(
    ("f", "w", "x", "units", "n_in", "n_out"), LAYOUTS.values(), ids=LAYOUTS.keys()
)
def test_units_are_the_output_features(f, w, x, units, n_in, n_out):
    sites = tap.sites(f, w, x)
    assert [s.unit_axes for s in sites] == [units]
    assert [(one.n_in, one.n_out) for one in sites.linear] == [(n_in, n_out)]


def test_without_a_product_the_last_axis_counts_units():
    (site,) = tap.sites(jnp.tanh, n.IMAGES)
    assert site.unit_axes == (3,)
    (site,) = tap.sites(jnp.tanh, jnp.float32(1))
    assert site.unit_axes == ()


def test_members_of_an_ensemble_have_units_of_their_own():
    def ensemble(ws, x):
        return jax.vmap(lambda w, v: nn.relu(nn.relu(x @ w) @ v))(*ws)

    sites = tap.sites(ensemble, (n.leaf(2, 3, 4), n.leaf(2, 4, 4)), n.X)
    members = [tuple(s.shape[a] for a in s.unit_axes) for s in sites]
    assert members == [(2, 4), (2, 4)]


def test_an_operation_that_mixes_units_ends_them():
    network = graph_of(lambda x: jnp.sort(x, axis=1)[:, ::-1].reshape(-1), n.X)
    (reshape,) = made_by(network, "reshape")
    (rev,) = made_by(network, "rev")
    assert axes.after(network, rev, [(1,)]) == (1,)
    assert axes.after(network, reshape, [(1,)]) is None


def test_axes_are_plain_ints():
    def f(w, x):
        return nn.relu(lax.broadcast_in_dim(x @ w, (5, 1, 4), tuple(np.array([0, 2]))))

    (site,) = tap.sites(f, W, n.X)
    assert [type(a) for a in site.unit_axes] == [int]


def _heads(x):
    return x.reshape(5, 2, 2).transpose(1, 0, 2)


MOVED = {
    "an axis of one squeezed": (lambda z: z[:, None].squeeze(1), (5, 4), (1,)),
    "ones around": (lambda z: z.reshape(1, 5, 4, 1), (1, 5, 4, 1), (2,)),
    "split with a one in between": (lambda z: z.reshape(5, 1, 2, 2), (5, 1, 2, 2), (2, 3)),
    "to heads": (_heads, (2, 5, 2), (0, 2)),
    "to heads and back": (lambda z: _heads(z).transpose(1, 0, 2).reshape(5, 4), (5, 4), (1,)),
    "summed over the batch": (lambda z: z.sum(0), (4,), (0,)),
    "repeated": (lambda z: jnp.broadcast_to(z[:, None], (5, 3, 4)), (5, 3, 4), (2,)),
}


@pytest.mark.parametrize(("move", "shape", "units"), MOVED.values(), ids=MOVED.keys())
def test_units_are_followed_through_moves(move, shape, units):
    (site,) = tap.sites(lambda w, x: nn.relu(move(x @ w)), W, n.X)
    assert (site.shape, site.unit_axes) == (shape, units)


def test_stacked_weights_times_one_vector_count_every_member_s_units():
    def members(ws, x):
        return jax.vmap(lambda w: nn.relu(w @ x))(ws)

    (site,) = tap.sites(members, n.leaf(2, 4, 3), n.X[0])
    assert (site.shape, site.unit_axes) == ((2, 4), (0, 1))
