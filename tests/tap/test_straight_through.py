"""Is a function whose derivative is another's (`stop_gradient`) one site, with its own values?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax, nn

import relu_jax as rj
from relu_jax import tap
from tests.tap import networks as n

pytestmark = pytest.mark.leaks_unchecked(
    "it collects garbage at every trace: test_observe.py has it"
)

P = {"w": n.leaf(3, 4), "out": n.leaf(4, 2)}
stop = lax.stop_gradient


def _surrogate(z):
    soft = nn.sigmoid(z)
    return soft + stop((z > 0).astype(z.dtype) - soft)


def _quantised(z):
    r = nn.relu(z)
    return r + stop(jnp.clip(jnp.round(r * 15), 0, 15) / 15 - r)


def _clipped_sign(z):
    c = jnp.clip(z, -1, 1)
    return c + stop(jnp.sign(c) - c)


# The function, the kind of its last site, and the slope at the kink.
SPELLINGS = {
    "around a difference": (lambda z: z + stop(jnp.sign(z) - z), "sign", (1.0,)),
    "the other way round": (lambda z: stop(jnp.sign(z) - z) + z, "sign", (1.0,)),
    "taken away": (lambda z: z - stop(z - jnp.sign(z)), "sign", (1.0,)),
    "in two parts": (lambda z: stop(jnp.sign(z)) + z - stop(z), "sign", (1.0,)),
    "a surrogate": (_surrogate, "heaviside", (0.25,)),
    "after a relu": (_quantised, "unknown", ()),
    "after a clip": (_clipped_sign, "sign", (1.0,)),
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_values_and_slope_are_those_of_the_program(name):
    f, kind, slopes = SPELLINGS[name]

    def loss(params, x):
        return jnp.mean((f(x @ params["w"]) @ params["out"]) ** 2)

    def with_tanh(params, x):
        return jnp.mean((jnp.tanh(x @ params["w"]) @ params["out"]) ** 2)

    for program in (loss, jax.value_and_grad(loss)):
        site = tap.sites(program, P, n.X)[-1]
        assert (site.kind, site.slope_at_kinks) == (kind, slopes)
    _, seen = tap.record(loss)(P, n.X)
    np.testing.assert_allclose(seen[site.id].post, f(n.X @ P["w"]), rtol=1e-6, atol=1e-6)
    want = jax.grad(loss)(P, n.X)
    jax.tree.map(np.testing.assert_array_equal, jax.grad(rj.lean(loss))(P, n.X), want)
    itself = tap.swap(loss, {site.id: f}) if len(seen) == 1 else loss
    jax.tree.map(np.testing.assert_array_equal, jax.grad(itself)(P, n.X), want)
    if len(seen) == 1:
        swapped = tap.swap(loss, {site.id: "tanh"})
        got = jax.value_and_grad(swapped)(P, n.X)
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7),
            got, jax.value_and_grad(with_tanh)(P, n.X),
        )  # fmt: skip


def test_what_is_cut_off_altogether_stays_a_site():
    def loss(params, x):
        return jnp.mean((nn.relu(stop(x @ params["w"])) @ params["out"]) ** 2)

    (site,) = tap.sites(loss, P, n.X)
    assert (site.id, site.kind) == ("w", "relu")


def test_another_array_is_another_root():
    def loss(params, x):
        z = x @ params["w"]
        target = stop(nn.relu(x @ params["v"]))
        return jnp.mean((jnp.tanh(z) * target) @ params["out"])

    sites = tap.sites(loss, P | {"v": n.leaf(3, 4, seed=5)}, n.X)
    assert sorted(site.kind for site in sites) == ["relu", "tanh"]
