"""Are arguments on a kink counted, and is the gradient under another slope the one it is?"""

import math
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import nn

import relu_jax as rj
from relu_jax.analyses import kinks

W = jnp.array([[1.0, -1.0, 2.0], [1.0, 1.0, -1.0]])
X = jnp.array([[1.0, 1.0], [1.0, 2.0], [0.0, 0.0], [3.0, -1.0]])


def loss(w, x, act=nn.relu):
    y = act(x @ w)
    return jnp.sum(y**2 + 3.0 * y)


def test_relu_of_jax_takes_0_and_another_slope_is_counted_in():
    (one,) = kinks(loss, W, X)
    z = np.asarray(X @ W)
    assert (one.kind, one.kinks, one.slopes, one.beside) == ("relu", (0.0,), (0.0,), ((0.0, 1.0),))
    assert (one.n, one.hits) == (12, (int((z == 0).sum()),))
    on = np.asarray(X).T @ ((3.0 + 2 * z) * (z > 0))
    up = np.asarray(X).T @ ((3.0 + 2 * z) * (z >= 0))
    assert one.below == 0
    assert one.above == pytest.approx(np.linalg.norm(up - on) / np.linalg.norm(on), rel=1e-6)


def test_maximum_takes_a_half_and_lies_between():
    (one,) = kinks(lambda w, x: loss(w, x, lambda z: jnp.maximum(z, 0)), W, X)
    assert one.slopes == (0.5,)
    assert one.below == pytest.approx(one.above)
    assert one.above > 0


def test_every_kink_has_its_count():
    z = jnp.array([0.0, 6.0, 6.0, 3.0, 7.0, -0.0])
    (one,) = kinks(lambda z: jnp.sum(nn.relu6(z)), z)
    assert one.kinks == (0.0, 6.0)
    assert one.hits == (2, 2)
    assert one.beside == ((0.0, 1.0), (1.0, 0.0))
    # jax takes 0 at both: the gradient is 1 at 3 alone; below, 0 at 0 and 1 at 6
    assert one.below == pytest.approx(np.sqrt(2))
    assert one.above == pytest.approx(np.sqrt(2))


def test_where_nothing_lands_nothing_is_run(monkeypatch):
    monkeypatch.setattr(sys.modules["relu_jax.analyses.kinks"], "swap", None)
    found = kinks(
        lambda w, x: jnp.sum(nn.silu(nn.relu(x @ w) @ w.T)), W, X + jnp.array([[0.1234, 0.3]])
    )
    assert [(one.kind, one.hits, one.below, one.above) for one in found] == [("relu", (0,), 0, 0)]


def test_loops_branches_and_trees_are_counted():
    def deep(params, x):
        for _ in range(2):
            x = jax.lax.map(lambda row: nn.relu(row @ params["w"]), x)
        return jax.lax.cond(x.sum() > 0, lambda x: nn.leaky_relu(x), lambda x: x, x).sum()

    params = {"w": jnp.array([[1.0, -1.0], [-1.0, 1.0]])}
    found = kinks(deep, params, jnp.array([[1.0, 1.0], [2.0, 1.0]]))
    assert [one.hits for one in found] == [(2,), (2,), (3,)]
    assert str(found).splitlines()[1].split()[-5:-2] == ["4", "2", "0"]


def test_half_precision_lands_on_kinks_where_float32_does_not():
    x = jnp.float32(6.0) + jnp.linspace(-0.01, 0.01, 200)
    wide, narrow = (
        kinks(lambda x: jnp.sum(nn.relu6(x).astype(jnp.float32)), x.astype(d))[0]
        for d in (jnp.float32, jnp.bfloat16)
    )
    assert wide.hits[1] == 0
    assert narrow.hits[1] == 200


def test_a_site_in_a_rule_of_the_user_s_has_no_other_slope():
    @jax.custom_vjp
    def layer(w, x):
        return nn.relu(x @ w)

    def backward(kept, ct):
        w, x = kept
        d = jnp.where(x @ w > 0, ct, 0)
        return x.T @ d, d @ w.T

    layer.defvjp(lambda w, x: (layer(w, x), (w, x)), backward)
    (one,) = kinks(lambda w, x: jnp.sum(layer(w, x)), W, X)
    assert sum(one.hits) > 0
    assert np.isnan(one.below)
    assert np.isnan(one.above)


def test_no_kink_no_line():
    assert kinks(lambda w: jnp.sum(jnp.tanh(w)), W) == ()
    assert len(str(kinks(lambda w: jnp.sum(jnp.tanh(w)), W)).splitlines()) == 1


def test_a_gradient_of_0_has_no_share():
    (one,) = kinks(lambda z: jnp.sum(nn.relu(z)), jnp.zeros(3))
    assert np.isnan(one.above)


def test_settings_stay_settings():
    def scaled(w, x, rate, act, name):
        y = act(x @ w) * rate if rate > 0 else act(x @ w)
        return jnp.sum(y**2) if name == "square" else jnp.sum(y**3)

    (one,) = kinks(scaled, W, X, 0.5, nn.relu, "square")
    assert sum(one.hits) > 0
    (trees,) = kinks(
        lambda p, batch: loss(p["w"], batch["x"]), {"w": W, "n": jnp.arange(2)}, {"x": X}
    )
    assert trees.above == kinks(loss, W, X)[0].above


def test_a_slope_that_is_one_of_those_beside_changes_nothing():
    (one,) = kinks(lambda w, x: loss(w, x, nn.selu), W, X)
    assert min(one.below, one.above) < 1e-6 < max(one.below, one.above)


def test_more_than_a_number_is_refused():
    for wrong in (lambda w: jnp.argmax(nn.relu(w)), lambda w: (loss(w, X), 1)):
        with pytest.raises(ValueError, match="a loss gives one real number"):
            kinks(wrong, W)
    with pytest.raises(ValueError, match="a loss gives one real number"):
        kinks(nn.relu, W)


def test_of_a_loss_that_takes_a_derivative_the_other_slopes_are_not_known():
    (one,) = kinks(lambda w, x: jnp.sum(jax.grad(loss)(w, x)), W, X)
    (plain,) = kinks(loss, W, X)
    assert (one.n, one.hits) == (plain.n, plain.hits)
    assert math.isnan(one.below)
    assert math.isnan(one.above)


def test_the_swap_is_the_catalogue_s():
    (one,) = kinks(loss, W, X)
    up = rj.tap.swap(loss, {one.site: rj.activations.get("relu").with_slopes(1.0)})
    changed, own = jax.grad(up)(W, X), jax.grad(loss)(W, X)
    assert one.above == pytest.approx(float(jnp.linalg.norm(changed - own) / jnp.linalg.norm(own)))
