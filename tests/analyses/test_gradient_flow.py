"""Are the sizes those of NumPy, and does a wide random network do what theory predicts?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import nn

import relu_jax as rj
from relu_jax.analyses import gradient_flow
from relu_jax.analyses.gradient_flow import rate

pytestmark = pytest.mark.leaks_unchecked(
    "it collects garbage at every trace: tests/theory and tests/tap have it"
)
KEY = jax.random.key(3)
X = jax.random.normal(jax.random.key(4), (6, 5))


def weights(depth=3, width=5, gain=1.0):
    return list(gain * jax.random.normal(KEY, (depth, width, width)) / width**0.5)


def chain(act):
    def loss(ws, x):
        for w in ws:
            x = act(x @ w)
        return jnp.mean(x**2)

    return loss


def read_out_at_random(act):
    """Build a loss whose gradient at the end has nothing to do with the signal there."""

    def loss(ws, x):
        for w in ws:
            x = act(x @ w)
        return jnp.sum(x * jax.random.normal(jax.random.key(7), x.shape))

    return loss


def by_hand(ws, x):
    """Backpropagate through relu in float64."""
    zs, h = [], np.asarray(x, np.float64)
    ws = [np.asarray(w, np.float64) for w in ws]
    hs = [h]
    for w in ws:
        zs.append(hs[-1] @ w)
        hs.append(np.maximum(zs[-1], 0))
    d, posts, pres, grads = 2 * hs[-1] / hs[-1].size, [], [], []
    for z, w, h in zip(zs[::-1], ws[::-1], hs[-2::-1], strict=True):
        posts.append(d)
        pres.append(d * (z > 0))
        grads.append(h.T @ pres[-1])
        d = pres[-1] @ w.T
    return zs, hs[1:], pres[::-1], posts[::-1], grads[::-1]


def test_sizes_are_those_of_numpy():
    ws = weights()
    found = gradient_flow(chain(nn.relu), ws, X)
    zs, hs, pres, posts, grads = by_hand(ws, X)
    for one, z, h, pre, post, w in zip(found.sites, zs, hs, pres, posts, ws, strict=True):
        assert one.kind == "relu"
        np.testing.assert_allclose(
            [one.rms_pre, one.rms_post, one.norm_d_pre, one.norm_d_post, one.weight_std],
            [np.sqrt(np.mean(z**2)), np.sqrt(np.mean(h**2)), np.linalg.norm(pre),
             np.linalg.norm(post), np.sqrt(5 * np.mean(np.asarray(w) ** 2))],
            rtol=1e-5,
        )  # fmt: skip
    for leaf, w, grad in zip(found.parameters, ws, grads, strict=True):
        assert leaf.rms == pytest.approx(float(jnp.sqrt(jnp.mean(w**2))), rel=1e-5)
        assert leaf.rms_grad == pytest.approx(np.sqrt(np.mean(grad**2)), rel=1e-5)
    assert [leaf.path for leaf in found.parameters] == ["ws/0", "ws/1", "ws/2"]


def test_gains_and_rates_are_of_the_sizes():
    found = gradient_flow(chain(nn.relu), weights(4), X)
    posts = [one.rms_post for one in found.sites]
    backs = [one.norm_d_pre for one in found.sites]
    assert np.isnan([found.sites[0].gain_forward, found.sites[-1].gain_backward]).all()
    gains = [one.gain_forward for one in found.sites[1:]]
    np.testing.assert_allclose(gains, np.divide(posts[1:], posts[:-1]), rtol=1e-6)
    gains = [one.gain_backward for one in found.sites[:-1]]
    np.testing.assert_allclose(gains, np.divide(backs[:-1], backs[1:]), rtol=1e-6)
    assert found.forward_rate == pytest.approx(np.exp(np.polyfit(range(4), np.log(posts), 1)[0]))
    assert found.backward_rate == pytest.approx(
        np.exp(np.polyfit(range(4), np.log(backs[::-1]), 1)[0])
    )


@pytest.mark.parametrize(("act", "gain"), [(nn.relu, 2**0.5), (jnp.tanh, 1.5), (nn.gelu, 1.3)])
def test_a_wide_random_network_does_as_predicted(act, gain):
    ws = list(gain * jax.random.normal(KEY, (5, 400, 400)) / 20)
    x = jax.random.normal(jax.random.key(5), (100, 400))
    found = gradient_flow(read_out_at_random(act), ws, x)
    for one in found.sites[1:]:
        assert one.gain_forward == pytest.approx(one.predicted_forward, rel=0.1)
    for one in found.sites[:-1]:
        assert one.gain_backward == pytest.approx(one.predicted_backward, rel=0.1)
    assert found.forward_rate == pytest.approx(found.predicted_forward_rate, rel=0.05)
    assert found.backward_rate == pytest.approx(found.predicted_backward_rate, rel=0.05)


def test_he_keeps_both_and_half_the_variance_halves_the_squares():
    """The two published factors of relu: χ₁ = weight_std² / 2."""
    for gain, factor in ((2**0.5, 1.0), (1.0, 0.5**0.5)):
        ws = list(gain * jax.random.normal(KEY, (6, 500, 500)) / 500**0.5)
        x = jax.random.normal(jax.random.key(5), (100, 500))
        found = gradient_flow(read_out_at_random(nn.relu), ws, x)
        assert found.predicted_forward_rate == pytest.approx(factor, rel=0.01)
        assert found.predicted_backward_rate == pytest.approx(factor, rel=0.03)


def normed(axis):
    def act(z):
        return nn.relu((z - z.mean(axis, keepdims=True)) / z.std(axis, keepdims=True))

    return act


def gains_of_normed(axis):
    ws = list(7 * jax.random.normal(KEY, (4, 300, 300)))
    x = jax.random.normal(jax.random.key(5), (200, 300))
    return gradient_flow(read_out_at_random(normed(axis)), ws, x).sites[:-1]


def test_a_layer_norm_counts_in_the_backward_prediction():
    for one in gains_of_normed(axis=1):
        assert one.predicted_backward == pytest.approx(1, rel=0.01)
        assert one.gain_backward == pytest.approx(1, rel=0.05)


def test_a_batch_norm_multiplies_the_gradient_by_more_as_published():
    """By √(π / (π - 1)) per layer of relu, Yang et al. 2019, section 3.2."""
    for one in gains_of_normed(axis=0):
        assert one.gain_backward == pytest.approx((np.pi / (np.pi - 1)) ** 0.5, rel=0.03)


@pytest.mark.parametrize(("reverse", "turns"), [(False, (0, 1, 2)), (True, (2, 1, 0))])
def test_turns_of_a_loop_over_layers_are_sites_of_their_own(reverse, turns):
    ws = weights()

    def looped(stack, x):
        h, _ = jax.lax.scan(lambda h, w: (jnp.tanh(h @ w), None), x, stack, reverse=reverse)
        return jnp.mean(h**2)

    plain = gradient_flow(chain(jnp.tanh), ws, X)
    found = gradient_flow(looped, jnp.stack(ws[::-1] if reverse else ws), X)
    assert [one.site for one in found.sites] == [f"stack[{turn}]" for turn in turns]
    for one, other in zip(found.sites, plain.sites, strict=True):
        np.testing.assert_allclose(one[2:], other[2:], rtol=1e-5)


def test_loops_over_steps_are_added_up_and_branches_that_did_not_run_are_passed_over():
    def loss(w, x, first):
        h = jax.lax.scan(lambda h, s: (jnp.tanh(h @ w + s), None), x[0], x)[0]
        h = jax.lax.cond(first, lambda h: nn.relu(h + 1), lambda h: nn.sigmoid(h), h)
        return jnp.mean(nn.softplus(h @ w) ** 2)

    w = weights(1)[0]
    found = gradient_flow(loss, w, X, jnp.bool_(True))
    kinds = {one.kind: one for one in found.sites}
    assert [one.kind for one in found.sites].count("tanh") == 1
    assert np.isnan(kinds["sigmoid"]._replace(weight_std=np.nan)[2:]).all()
    assert kinds["softplus"].gain_forward == pytest.approx(
        kinds["softplus"].rms_post / kinds["relu"].rms_post
    )
    assert kinds["relu"].gain_backward == pytest.approx(
        kinds["relu"].norm_d_pre / kinds["softplus"].norm_d_pre
    )


def test_gradients_too_small_to_square_are_measured():
    ws = [1e-8 * w for w in weights(4)]
    found = gradient_flow(lambda ws, x: 1e4 * read_out_at_random(nn.relu)(ws, x), ws, X)
    assert 0 < found.sites[0].norm_d_pre < 1e-19
    assert found.backward_rate == pytest.approx(0.7e-8, rel=0.5)


def test_what_is_not_known_is_nan_and_prints_as_a_dash():
    def odd(z):
        return jnp.where(z > 0.3, jnp.sin(z**2), jnp.cos(3 * z))

    found = gradient_flow(chain(odd), weights(2), X)
    assert np.isnan([one.predicted_forward for one in found.sites]).all()
    assert np.isnan([found.predicted_forward_rate, found.predicted_backward_rate]).all()
    assert "–" in str(found)
    none = gradient_flow(lambda w, x: jnp.mean((x @ w) ** 2), weights(1)[0], X)
    assert none.sites == ()
    assert np.isnan(none.forward_rate)
    assert len(str(none).splitlines()) == 2


def test_a_frozen_weight_is_no_parameter_but_the_flow_is_there():
    ws = weights(2)
    found = gradient_flow(lambda own, x: chain(nn.relu)([ws[0], own["w"]], x), {"w": ws[1]}, X)
    assert [leaf.path for leaf in found.parameters] == ["own/w"]
    assert np.isnan(found.sites[0].weight_std)
    assert found.sites[0].norm_d_pre > 0


def test_an_array_for_a_loss_is_refused():
    with pytest.raises(ValueError, match="a loss gives one real number"):
        gradient_flow(lambda w, x: x @ w, weights(1)[0], X)


def test_rates_need_two_sizes_that_are_known():
    assert rate([8.0, 4.0, 2.0]) == pytest.approx(0.5)
    for sizes in ([], [1.0], [1.0, 0.0], [1.0, np.nan], [1.0, np.inf]):
        assert np.isnan(rate(sizes))


def test_it_says_what_diagnose_says():
    ws = weights(4)
    d = rj.diagnose(chain(nn.relu), ws, [X])
    found = gradient_flow(chain(nn.relu), ws, X)
    assert found.forward_rate == pytest.approx(d.flow.forward_rate, rel=1e-5)
    assert found.backward_rate == pytest.approx(d.flow.backward_rate, rel=1e-5)
