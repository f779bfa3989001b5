"""Do sums made by hand amount to the numbers they should?"""

import numpy as np
import pytest

from relu_jax.diagnosis.judged import judged, mean_gradients
from relu_jax.diagnosis.sums import Leaf, Sums
from relu_jax.diagnosis.totals import Totals
from relu_jax.tap import Coverage

COVERAGE = Coverage(0, 0, 0, {}, ())


def made(*gradients, settings=(), moved=None):
    total = Totals(
        loss=12.0, examples=6, batches=2, forward={}, backward={},
        moved=np.asarray(moved or [2] * len(gradients)), turns={}, ran={},
    )  # fmt: skip
    leaves = tuple(
        Leaf(f"w{i}", g.shape, "float32", i in settings, 2.0, 0) for i, g in enumerate(gradients)
    )
    return Sums((), leaves, total, ((), ()), gradients)


def test_loss_and_gradients_are_means_over_examples():
    sums = made(np.full(3, 12.0))
    d = judged(sums, (), COVERAGE, started=0.0)
    assert (d.loss, d.n_examples, d.n_batches) == (2.0, 6, 2)
    assert mean_gradients(sums)[0].tolist() == [2.0] * 3
    (leaf,) = d.parameters
    assert (leaf.rms_grad, leaf.ratio, leaf.update_ratio) == (2.0, 1.0, None)


def test_a_setting_that_nothing_uses_is_no_parameter():
    sums = made(np.ones(2), np.zeros(()), np.zeros(2), settings={1}, moved=[2, 0, 0])
    assert [leaf.path for leaf in judged(sums, (), COVERAGE, started=0.0).parameters] == [
        "w0",
        "w2",
    ]


def test_updates_are_told_where_there_are_some():
    d = judged(made(np.ones(2)), (), COVERAGE, started=0.0, steps=[np.full(2, 0.5)])
    assert d.parameters[0].update_ratio == pytest.approx(0.25)


@pytest.mark.parametrize("keep", [True, False])
def test_sums_are_kept_where_that_is_asked_for(keep):
    sums = made(np.ones(2))
    assert (judged(sums, (), COVERAGE, started=0.0, keep=keep).sums is sums) == keep
