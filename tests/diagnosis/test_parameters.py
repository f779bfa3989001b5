"""Are parameters, gradients and updates measured right, in float64 and in pieces?"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from relu_jax.diagnosis import parameters
from relu_jax.diagnosis.sums import Leaf
from relu_jax.tap import arguments


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_the_rms_of_a_leaf(scale):
    values = (np.random.default_rng(0).standard_normal((40, 30)) * scale).astype(np.float32)
    ((rms, strange),) = parameters.sizes([values])
    assert rms == pytest.approx(np.sqrt(np.mean(np.square(values, dtype=np.float64))))
    assert strange == 0


def test_long_leaves_are_read_in_pieces(monkeypatch):
    values = np.arange(1000.0, dtype=np.float32)
    whole = parameters.sizes([values])
    monkeypatch.setattr(parameters, "_AT_ONCE", 7)
    assert parameters.sizes([values])[0] == pytest.approx(whole[0])


def test_odd_leaves():
    leaves = [
        jnp.asarray([1.0, jnp.nan, jnp.inf]), jnp.zeros((0, 3)), jnp.float32(2.0),
        jnp.full(4, 0.5, jnp.bfloat16),
    ]  # fmt: skip
    (_, strange), empty, scalar, narrow = parameters.sizes(leaves)
    assert strange == 2
    assert (empty, scalar, narrow) == ((0.0, 0), (2.0, 0), (0.5, 0))


def test_the_first_step_is_the_optimiser_s():
    def loss(_, batch):
        return batch

    params = {"w": jnp.full(3, 2.0), "name": "kept", "b": jnp.ones(2)}
    call = arguments.part(loss, (params, jnp.ones(1)), {})
    own = [params["b"], params["w"]]
    steps = parameters.updates(call, optax.sgd(0.5), own, [np.ones(2), np.full(3, 4.0)])
    assert [step.tolist() for step in steps] == [[-0.5] * 2, [-2.0] * 3]


def test_weight_decay_sees_the_parameters():
    call = arguments.part(lambda _, batch: batch, (jnp.ones(3), jnp.ones(1)), {})
    chain = optax.chain(optax.add_decayed_weights(0.1), optax.sgd(1.0))
    (step,) = parameters.updates(call, chain, [jnp.ones(3)], [np.zeros(3)])
    assert np.allclose(step, -0.1)


def test_one_report_per_leaf():
    own = {"a": jnp.full((2, 2), 2.0), "b": jnp.zeros(2), "c": jnp.ones(1)}
    leaves = [
        Leaf(name, leaf.shape, str(leaf.dtype), False, *size)
        for (name, leaf), size in zip(
            own.items(), parameters.sizes(list(own.values())), strict=True
        )
    ]
    first, second, third = parameters.reports(
        leaves, [np.full((2, 2), 0.5), np.ones(2), np.asarray([np.nan])], np.asarray([2, 1, 0]),
        [np.full((2, 2), 0.02), np.ones(2), np.ones(1)],
    )  # fmt: skip
    assert (first.rms, first.rms_grad, first.ratio) == (2.0, 0.5, 0.25)
    assert first.update_ratio == pytest.approx(0.01)
    assert (first.shape, first.dtype, first.zero_grad) == ((2, 2), "float32", False)
    assert (second.ratio, second.update_ratio) == (None, None)  # its rms is 0
    assert (third.zero_grad, third.nonfinite, third.nonfinite_grad) == (True, 0, 1)


def test_a_rate_means_plain_descent():
    step = parameters.optimiser(None, 0.5)
    assert jax.tree.leaves(step.update(jnp.ones(1), step.init(jnp.ones(1)))[0])[0].tolist() == [
        -0.5
    ]
    assert parameters.optimiser(None, None) is None


@pytest.mark.parametrize(
    ("optimizer", "rate", "kind", "message"),
    [
        (optax.sgd(0.1), 0.1, ValueError, "or from a learning_rate; got both"),
        (3, None, TypeError, "an optax transformation; got int 3"),
        (None, 0.0, ValueError, "positive number; got float 0.0"),
        (
            None,
            optax.constant_schedule(0.1),
            ValueError,
            "got function .*; pass e.g. 1e-3; a sched",
        ),
        (None, "0.1", ValueError, "got str '0.1'"),
        (None, True, ValueError, "got True"),
        (None, float("inf"), ValueError, "got float inf"),
        (None, float("nan"), ValueError, "positive number; got float nan"),
    ],
)
def test_wrong_optimisers(optimizer, rate, kind, message):
    with pytest.raises(kind, match=message):
        parameters.optimiser(optimizer, rate)
