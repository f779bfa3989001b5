"""Does a log come back as it was written, also after a kill and a restart?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from relu_jax.core.errors import UsageError
from relu_jax.diagnosis import monitor
from relu_jax.diagnosis.log import Log, read


def loss(params, x):
    def layer(h, w):
        return jax.nn.relu(h @ w), None

    h, _ = lax.scan(layer, jnp.tanh(x @ params["first"]), params["layers"])
    return jnp.mean(h**2)


RNG = np.random.default_rng(0)
PARAMS = {
    "first": jnp.asarray(RNG.standard_normal((3, 10)), jnp.float32),
    "layers": jnp.asarray(RNG.standard_normal((2, 10, 10)), jnp.float32),
}
XS = jnp.asarray(RNG.standard_normal((4, 5, 3)), jnp.float32)
WATCH = monitor.value_and_grad(loss, every=2)


@pytest.fixture(scope="module")
def told():
    """What four steps tell, every other one measured: one by one, and as a scan stacks them."""
    step = jax.jit(WATCH)
    each = [step(PARAMS, x, step=i)[0][1] for i, x in enumerate(XS)]
    return each, jax.tree.map(lambda *x: jnp.stack(x), *each)


def same(one, other):
    jax.tree.map(np.testing.assert_array_equal, one, other)


def filled(path, each, **given):
    with Log(path, **given) as log:
        for i, stats in enumerate(each):
            log.write(i, stats, rate=i / 10)
        return log.series()


def test_what_was_written_comes_back(tmp_path, told):
    each, _ = told
    run = filled(tmp_path / "run.jsonl", each)
    same(read(tmp_path / "run.jsonl"), run)
    assert run.steps.tolist() == [0, 2]  # those that were measured
    assert run.numbers["rate"].tolist() == [0.0, 0.2]
    assert list(run.sites) == ["first", "layers[0]", "layers[1]"]
    for i, step in enumerate(run.steps):
        site = each[step].sites["layers"]
        assert run.sites["layers[1]"].rms_pre[i] == float(site.rms_pre[1])
        assert run.sites["layers[1]"].active[i].tolist() == site.active[1].tolist()
        leaf = each[step].parameters["params/layers"]
        assert run.rms_grad["params/layers"][i] == float(leaf.rms_grad)


def test_a_stack_of_steps_is_the_same_log(tmp_path, told):
    each, stack = told
    one_by_one = filled(tmp_path / "a", each)
    with Log(tmp_path / "b") as log:
        log.write(np.arange(4), stack, rate=jnp.arange(4) / 10)
    same(read(tmp_path / "b").sites, one_by_one.sites)
    assert read(tmp_path / "b").steps.tolist() == [0, 2]


def test_memory_alone_will_do(tmp_path, told):
    assert filled(None, told[0]).steps.tolist() == [0, 2]
    assert list(tmp_path.iterdir()) == []


def test_numbers_that_are_not_finite_come_back(tmp_path, told):
    stats = told[0][0]._replace(loss=jnp.float32(jnp.inf))
    with Log(tmp_path / "a") as log:
        log.write(0, stats, rate=float("nan"))
    run = read(tmp_path / "a")
    assert run.loss.tolist() == [np.inf]
    assert np.isnan(run.numbers["rate"]).all()


def test_a_line_is_there_before_the_run_ends(tmp_path, told):
    log = Log(tmp_path / "a")
    log.write(0, told[0][0])
    log.write(2, told[0][2])
    assert read(tmp_path / "a").steps.tolist() == [0]  # as after kill -9
    log.close()
    assert read(tmp_path / "a").steps.tolist() == [0, 2]


@pytest.mark.parametrize("cut", [1, 40])
def test_a_line_that_was_cut_off_is_left_out_and_written_over(tmp_path, told, cut):
    path = tmp_path / "a"
    whole = filled(path, told[0])
    path.write_bytes(path.read_bytes()[:-cut])
    assert read(path).steps.tolist() == [0]
    with Log(path, resume=True) as log:
        log.write(2, told[0][2], rate=0.2)
    same(read(path), whole)


def test_a_restart_goes_back_to_its_first_step(tmp_path, told):
    path = tmp_path / "a"
    filled(path, told[0])
    with Log(path, resume=True) as log:
        log.write(1, told[0][2])
        log.write(5, told[0][0])
    run = read(path)
    assert run.steps.tolist() == [0, 1, 5]
    assert run.loss[1] == float(told[0][2].loss)


def test_a_restart_without_a_file_begins_one(tmp_path, told):
    assert filled(tmp_path / "a", told[0], resume=True).steps.tolist() == [0, 2]


def test_a_file_that_is_there_is_kept(tmp_path, told):
    path = tmp_path / "a"
    path.write_text("mine")
    with pytest.raises(UsageError, match="an existing file is kept"):
        Log(path)
    with pytest.raises(UsageError, match=r"rj\.monitor\.Log wrote"):
        Log(path, resume=True)
    assert path.read_text() == "mine"
    assert filled(path, told[0], force=True).steps.tolist() == [0, 2]


def test_steps_come_in_order(tmp_path, told):
    log = Log(tmp_path / "a")
    log.write(3, told[0][0])
    with pytest.raises(ValueError, match="step 3 after step 3"):
        log.write(3, told[0][0])
    log.write(jnp.int32(2), told[0][0])  # it is not waited for
    with pytest.raises(ValueError, match="step 2 after step 3"):
        log.close()
    assert read(tmp_path / "a").steps.tolist() == [3]
    with pytest.raises(ValueError, match="before it is closed"):
        log.write(5, told[0][0])


def test_a_stack_has_a_number_for_each_step(told):
    log = Log()
    log.write(0, told[1])
    with pytest.raises(ValueError, match=r"steps of shape \(\) for stats of shape \(4,\)"):
        log.series()


@pytest.mark.parametrize(
    ("line", "match"),
    [("{", "line 2 is damaged"), ("{}", "line 2 is no step"), ('{"step": 1}', "line 2 is no step")],
)
def test_a_damaged_line_is_named(tmp_path, told, line, match):
    path = tmp_path / "a"
    filled(path, told[0])
    head, _, *rest = path.read_text().splitlines()
    path.write_text("\n".join([head, line, *rest, ""]))
    with pytest.raises(UsageError, match=match):
        read(path)


def test_what_is_no_log_is_refused(tmp_path):
    for name in ("missing", "empty"):
        if name == "empty":
            (tmp_path / name).touch()
        with pytest.raises(UsageError, match=r"rj\.monitor\.Log wrote"):
            read(tmp_path / name)


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ('"step": 2', '"step": "two"', "line 3 is no step"),
        ('"units": 10', '"units": 99', "line 3 is no step"),
        ('"step": 2', '"step": 0', "line 3 is no step after that"),
    ],
)
def test_a_line_with_another_number_in_it_is_named(tmp_path, told, old, new, match):
    path = tmp_path / "a"
    filled(path, told[0])
    *lines, last = path.read_text().splitlines()
    assert old in last
    path.write_text("\n".join([*lines, last.replace(old, new), ""]))
    with pytest.raises(UsageError, match=match):
        read(path)


def test_a_step_beyond_64_bits_is_refused_before_it_is_kept(tmp_path, told):
    stats = told[0][0]
    with monitor.Log(tmp_path / "run.jsonl") as log:
        for step in (2**63, -(2**63) - 1):
            with pytest.raises(ValueError, match="a step is a number of 64 bits"):
                log.write(step, stats)
    assert monitor.read(tmp_path / "run.jsonl").steps.tolist() == []
