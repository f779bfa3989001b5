"""What is told of a network that chooses between branches?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax, nn

import relu_jax as rj

DRAW = jax.random.normal(jax.random.key(5), (8, 64, 6))
W = {"first": DRAW[0, :6], "one": DRAW[1, :6], "two": DRAW[2, :6], "last": DRAW[3, :6]}


def _loss(params, x):
    h = nn.relu(x @ params["first"])
    h = lax.cond(x[0, 0] > 0, _tanh, _sigmoid, params, h)
    return jnp.mean(nn.silu(h @ params["last"]) ** 2)


def _tanh(params, h):
    return jnp.tanh(h @ params["one"])


def _sigmoid(params, h):
    return nn.sigmoid(h @ params["two"])


def _as(sign):
    """Give two batches that take one branch."""
    return [batch.at[0, 0].set(sign) for batch in DRAW[4:6]]


@pytest.fixture(scope="module")
def mixed():
    return rj.diagnose(_loss, W, [*_as(1.0), *_as(-1.0)[:1]])


def test_a_branch_is_measured_on_the_batches_that_took_it(mixed):
    one, two = mixed.sites["one"], mixed.sites["two"]
    assert (one.n, two.n, mixed.sites["first"].n) == (128, 64, 192)
    alone = rj.diagnose(lambda params, x: jnp.mean(
        nn.silu(_tanh(params, nn.relu(x @ params["first"])) @ params["last"]) ** 2
    ), W, _as(1.0)).sites["one"]  # fmt: skip
    for name in ("rms_pre", "rms_post", "rms_d_pre", "norm_d_pre", "norm_d_post", "saturated"):
        np.testing.assert_allclose(getattr(one, name), getattr(alone, name), rtol=1e-5)
    assert one.hist_pre == alone.hist_pre


def test_gains_follow_the_way_that_most_examples_took(mixed):
    assert mixed.sites["two"].gain_forward is None
    last, one = mixed.sites["last"], mixed.sites["one"]
    assert last.gain_forward == pytest.approx(last.rms_post / one.rms_post)
    assert one.gain_backward == pytest.approx(one.norm_d_pre / last.norm_d_pre)
    assert mixed.flow.forward_total == pytest.approx(last.rms_post / mixed.sites["first"].rms_post)


def test_a_branch_that_nothing_took_is_told_and_not_judged():
    told = rj.diagnose(_loss, W, _as(1.0))
    assert list(told.sites) == ["first", "one", "last"]
    (found,) = [f for f in told.findings if f.kind == "not_run"]
    assert (found.severity, found.site) == ("info", "two")
    assert "two" in found.what
    assert not [f for f in told.findings if f.site == "two" and f.kind != "not_run"]


def test_a_diagnosis_with_branches_is_read_back(mixed, tmp_path):
    mixed.save(tmp_path / "d.json")
    assert rj.diagnosis.load(tmp_path / "d.json") == mixed
    mixed.report(tmp_path / "d.html")


def test_a_while_loop_is_told_by_its_last_turn():
    def loss(params, x):
        h = nn.relu(x @ params["first"])
        count = jnp.int32(jnp.abs(x[0, 0]))

        def turn(state):
            i, h = state
            return i + 1, jnp.tanh(h @ params["one"])

        found = lax.stop_gradient(lax.while_loop(lambda s: s[0] < count, turn, (0, h))[1])
        return jnp.mean((nn.silu((h + found) @ params["last"])) ** 2)

    told = rj.diagnose(loss, W, _as(3.0))
    assert (told.sites["one"].n, told.sites["one"].rms_d_pre) == (128, None)
    h = np.concatenate([nn.relu(batch @ W["first"]) for batch in _as(3.0)])
    for _ in range(3):
        h = np.tanh(h @ W["one"])
    assert told.sites["one"].rms_post == pytest.approx(np.sqrt(np.mean(h**2)), rel=1e-4)
    assert "one" not in rj.diagnose(loss, W, _as(0.0)).sites


def test_a_loop_whose_turns_choose_is_summed_over_the_turns_that_ran():
    def loss(params, x):
        def step(h, i):
            return lax.cond(i % 3 == 0, _tanh, _sigmoid, params, h), None

        h = lax.scan(step, nn.relu(x @ params["first"]), jnp.arange(4))[0]
        return jnp.mean((h @ params["last"]) ** 2)

    told = rj.diagnose(loss, W, _as(1.0))
    assert (told.sites["one"].n, told.sites["two"].n) == (256, 256)
    assert told.sites["one"].rms_post > 0
