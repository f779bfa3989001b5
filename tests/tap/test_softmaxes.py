"""Are softmax and logsumexp known, spelled and differentiated in whatever way?"""

import jax
import jax.numpy as jnp
import pytest
from jax import lax, nn

from relu_jax import tap
from tests.tap import networks as n

pytestmark = pytest.mark.leaks_unchecked(
    "it collects garbage at every trace: test_observe.py has it"
)

W = n.leaf(3, 4)
P = {"w": W, "out": n.leaf(4, 2)}


def test_every_part_of_a_logsumexp_is_a_softmax_s():
    sites = tap.sites(lambda w, x: nn.logsumexp(x @ w, axis=-1), W, n.X)
    assert sites.coverage.ignored == {"softmax": 3}  # and a sign that nobody reads


def test_a_logsumexp_of_two_is_a_softmax_s_as_well():
    def f(params, x):
        a, b = x @ params["w"], x @ params["v"]
        return (jnp.maximum(a, b) + jnp.log1p(jnp.exp(-jnp.abs(a - b)))) @ params["out"]

    sites = tap.sites(f, P | {"v": n.leaf(3, 4, seed=1)}, n.X)
    assert not sites
    assert set(sites.coverage.ignored) == {"softmax", "of several arrays"}


def test_a_softmax_is_one_under_a_gradient_too():
    f = jax.grad(
        lambda params, x: nn.log_softmax(jnp.tanh(x @ params["w"]) @ params["out"])[:, 0].sum()
    )
    sites = tap.sites(f, P, n.X)
    assert [site.kind for site in sites] == ["tanh"]


def _added_up(params, x):
    """Two members with weights of their own, added up."""
    return jax.vmap(lambda w: jnp.exp(x @ w))(params["members"]).sum(0)


MEMBERS = P | {"members": jnp.stack([W, W]), "w4": n.leaf(4, 4)}


def _exp_and_product(params, x):
    h = _added_up(params, x)
    return (h + h @ params["w4"]) @ params["out"]


def _exp_and_while(params, x):
    h = _added_up(params, x)
    held = lax.while_loop(lambda s: s.sum() < 9, lambda s: s @ params["w4"] + 1, h)
    return (h + held) @ params["out"]


def _exp_and_max_pool(params, x):
    h = jnp.exp(x @ params["w"]).reshape(-1, 2, 2).max(-1)
    return h @ params["out"][:2]


@pytest.mark.parametrize("f", [_exp_and_product, _exp_and_while, _exp_and_max_pool])
def test_an_exponential_that_is_added_to_what_it_became_is_no_softmax(f):
    programs = [f] if f is _exp_and_while else [f, jax.grad(lambda p, x: f(p, x).sum())]
    for program in programs:
        assert [site.kind for site in tap.sites(program, MEMBERS, n.X)] == ["exponential"]


def test_a_derivative_of_a_cumulative_logsumexp_is_a_softmax_s():
    @jax.custom_jvp
    def own(h):
        return lax.cumlogsumexp(h, axis=1)

    own.defjvp(lambda primals, tangents: jax.jvp(own.__wrapped__, primals, tangents))

    def loss(params, x):
        h = lax.cond(x.sum() > 0, own, lambda h: h, jnp.tanh(x @ params["w"]))
        return (h @ params["out"]).sum()

    sites = tap.sites(jax.value_and_grad(loss), P, n.X)
    assert [site.kind for site in sites] == ["tanh"]


def test_a_logsumexp_of_which_a_remat_keeps_everything_is_a_softmax_s():
    def loss(params, x):
        keep = jax.checkpoint_policies.everything_saveable
        return jax.checkpoint(nn.logsumexp, policy=keep)(jnp.tanh(x @ params["w"]))

    sites = tap.sites(jax.value_and_grad(loss), P, n.X)
    assert [site.kind for site in sites] == ["tanh"]


def _contrasted(params, x):
    u, v = nn.relu(x @ params["w"]), nn.relu(x[::-1] @ params["w"])
    s = jnp.exp(u @ v.T / 0.1)
    return -jnp.log(jnp.diag(s) / s.sum(1)).mean()


def _off_by_one(params, x):
    s = nn.relu(x @ params["w"])
    most = jnp.maximum(s.max(-1, keepdims=True), 0.0)
    e = jnp.exp(s - most)
    return (e / (jnp.exp(-most) + e.sum(-1, keepdims=True)) @ params["out"]).sum()


def _over_neighbours(params, x):
    of, to = jnp.array([0, 1, 2, 0]), jnp.array([1, 2, 0, 2])
    h = nn.relu(x @ params["w"])
    score = (h[of] * h[to]) @ params["out"][:, 0]
    most = jax.ops.segment_max(score, to, len(x))
    e = jnp.exp(score - most[to])
    share = e / jax.ops.segment_sum(e, to, len(x))[to]
    return (jax.ops.segment_sum(share[:, None] * h[of], to, len(x)) @ params["out"]).sum()


@pytest.mark.parametrize("f", [_contrasted, _off_by_one, _over_neighbours])
def test_a_softmax_is_told_however_it_is_summed_up(f):
    for program in (f, jax.value_and_grad(f)):
        sites = tap.sites(program, P, n.X)
        assert {site.kind for site in sites} == {"relu"}
        assert sites.coverage.ignored["softmax"] >= 1
        assert not sites.coverage.opaque


def test_a_sum_of_exponents_that_is_taken_away_makes_no_softmax_of_an_exponential():
    def actor(params, x):  # the scale of a squashed Gaussian policy
        mean, log_std = jnp.split(x @ params["w"], 2, axis=-1)
        u = mean + jnp.exp(log_std) * x[:, :2]
        own = jnp.sum(-log_std, -1) - jnp.sum(2 * (jnp.log(2.0) - u - nn.softplus(-2 * u)), -1)
        return jnp.mean(own - (jnp.tanh(u) @ params["out"][:2])[:, 0])

    assert [site.kind for site in tap.sites(actor, P, n.X)] == ["exponential", "tanh"]


def test_a_pooled_activation_that_is_added_before_a_softmax_is_one():
    def loss(params, x):
        h = x @ params["w"]
        a = h + nn.relu6(h.mean(-1, keepdims=True))
        return ((a - nn.logsumexp(a, axis=-1, keepdims=True)) @ params["out"]).sum()

    for program in (loss, jax.value_and_grad(loss)):
        assert [site.kind for site in tap.sites(program, P, n.X)] == ["relu6"]
