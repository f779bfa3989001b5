"""What is told of a network that chooses between branches?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax, nn

import relu_jax as rj
from relu_jax.diagnosis import stored

pytestmark = pytest.mark.leaks_unchecked(
    "it collects garbage at every trace: test_diagnose.py has it"
)

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
    (found,) = told.findings
    assert (found.kind, found.severity, found.site) == ("not_run", "info", "two")
    assert found.what == "No batch came by two: nothing was measured there."


def test_a_diagnosis_with_branches_is_read_back(mixed, tmp_path):
    mixed.save(tmp_path / "d.json")
    assert rj.diagnosis.load(tmp_path / "d.json") == mixed


def test_a_file_from_before_there_were_branches_is_read_still(mixed, tmp_path):
    plain = rj.diagnose(lambda params, x: nn.relu(x @ params["first"]).sum(), W, _as(1.0))
    told = plain.to_dict()
    for site in told["sites"]:
        for name in ("branch", "in_while", "examples"):
            del site[name]
    again = stored.decoded(told)
    assert again["sites"] == plain.sites


def test_a_dead_branch_hides_no_other_and_counts_its_own_examples():
    def loss(params, x):
        h = nn.relu(x @ params["first"])
        ways = [lambda h, w=params[name]: nn.relu(h @ w - 1e3) for name in ("one", "two")]
        return jnp.mean(lax.cond(x[0, 0] > 0, *ways, h) @ params["last"])

    found = rj.diagnose(loss, W, [*_as(1.0), *_as(-1.0)[:1]]).findings
    dead = {f.site: f for f in found if f.kind == "dead_units"}
    assert {name: f.evidence["examples"] for name, f in dead.items()} == {"one": 128, "two": 64}
    assert not any("see a constant" in f.what for f in dead.values())


def test_the_site_before_a_while_loop_keeps_its_backward_gain():
    def loss(params, x):
        h = nn.relu(x @ params["first"])
        w = lax.stop_gradient(params["one"])
        count = jnp.int32(jnp.abs(x[0, 0]))

        def turn(state):
            return state[0] + 1, jnp.tanh(state[1] @ w)

        start = (0, lax.stop_gradient(h))
        found = lax.while_loop(lambda state: state[0] < count, turn, start)[1]
        return jnp.mean(nn.silu((h + found) @ params["last"]) ** 2)

    told = rj.diagnose(loss, W, _as(1.0))
    first, last = told.sites["first"], told.sites["last"]
    assert first.gain_backward == pytest.approx(first.norm_d_pre / last.norm_d_pre)


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
    h, post = np.concatenate([nn.relu(batch @ W["first"]) for batch in _as(1.0)]), []
    for i in range(4):
        h = np.asarray(_sigmoid(W, h) if i % 3 else _tanh(W, h))
        post.append(np.sqrt(np.mean(h**2)))
    one, two = told.sites["two"], told.sites["one"]
    np.testing.assert_allclose(one.turns_post, [np.nan, *post[1:3], np.nan], rtol=1e-5)
    np.testing.assert_allclose(two.turns_post, [post[0], np.nan, np.nan, post[3]], rtol=1e-5)
    np.testing.assert_allclose(two.rms_post**2, (post[0] ** 2 + post[3] ** 2) / 2, rtol=1e-5)


def test_layers_of_two_kinds_in_one_scan_are_judged_like_the_same_layers_written_out():
    stack = {"deep": 0.6 * DRAW[2, :24].reshape(4, 6, 6), "last": W["last"]}

    def scanned(params, x):
        def layer(h, turn):
            w, i = turn
            return lax.cond(i % 2 == 1, lambda: nn.relu(50 * (h @ w)), lambda: jnp.tanh(h @ w)), 0

        h = lax.scan(layer, x, (params["deep"], jnp.arange(4)))[0]
        return jnp.mean((h @ params["last"]) ** 2)

    def written_out(params, x):
        for i in range(4):
            z = x @ params["deep"][i]
            x = nn.relu(50 * z) if i % 2 else jnp.tanh(z)
        return jnp.mean((x @ params["last"]) ** 2)

    one, other = (rj.diagnose(f, stack, _as(1.0)) for f in (scanned, written_out))
    assert [r.site.kind for r in one.sites.values()] == ["tanh", "relu", "tanh", "relu"]
    np.testing.assert_allclose(
        *([r.gain_forward or 0 for r in d.sites.values()] for d in (one, other)), rtol=1e-5
    )
    np.testing.assert_allclose(one.flow, other.flow, rtol=1e-5)
    assert [f.kind for f in one.findings] == [f.kind for f in other.findings]
