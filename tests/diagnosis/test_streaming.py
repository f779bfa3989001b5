"""Are batches taken one at a time, in order, with no more than one ahead?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.core.errors import DataError
from relu_jax.diagnosis import streaming


def loss(params, batch):
    return jnp.mean(jnp.tanh(batch @ params))


W = jnp.ones((3, 2)) * 0.1


def run(batches, **changes):
    given = {"only": None, "has_aux": None, "progress": None} | changes
    return streaming.run(loss, W, batches, **given)


def test_progress_counts_batches():
    told = []
    run([np.ones((4, 3), np.float32)] * 3, progress=told.append)
    assert told == [1, 2, 3]


def test_a_generator_is_read_no_further_than_one_batch_ahead():
    given, at = [], []

    def batches():
        for i in range(4):
            given.append(i)
            yield np.ones((4, 3), np.float32)

    run(batches(), progress=lambda _: at.append(len(given)))
    assert at == [2, 3, 4, 4]


def test_batches_of_two_sizes_are_two_programs_and_one_sum():
    sizes = [4, 4, 2]
    found = run([np.full((n, 3), 2.0, np.float32) for n in sizes])
    assert found.total.examples == 10
    assert found.total.forward["params"].samples.tolist() == [[10]]
    assert np.allclose(
        np.asarray(found.sums[0]) / 10, run([np.full((1, 3), 2.0, np.float32)]).sums[0]
    )


def test_a_wrong_batch_in_the_middle_is_an_error():
    with pytest.raises(DataError, match="works on every batch"):
        run([np.ones((4, 3), np.float32), np.ones((4, 5), np.float32)])


def test_a_loss_that_fails_later_is_told_with_its_batch():
    def picky(params, batch):
        assert batch.shape[0] > 2, "too small"
        return loss(params, batch)

    batches = [np.ones((n, 3), np.float32) for n in (4, 2)]
    words = r"got AssertionError: too small \(test_streaming.py:\d+\), on batch 1; compare"
    with pytest.raises(DataError, match=words):
        streaming.run(picky, W, batches, None, None, None)


@pytest.mark.leaks_unchecked("the error of a callback keeps its frames")
def test_a_loss_that_fails_while_it_runs_is_told_with_its_batch():
    def refuse(x):
        if x > 1:
            raise OSError("the disk is gone")
        return x

    def calls_out(params, batch):
        shape = jax.ShapeDtypeStruct((), batch.dtype)
        return loss(params, batch) + jax.pure_callback(refuse, shape, jnp.max(batch))

    batches = [np.full((4, 3), value, np.float32) for value in (1, 2)]
    with pytest.raises(DataError, match=r"runs on every batch; got .*the disk is gone, on batch 1"):
        streaming.run(calls_out, W, batches, None, None, None)


def test_programs_of_many_shapes_are_not_kept(monkeypatch):
    built = []
    real = streaming.prepare

    def counted(*args):
        built.append(args[2].examples)
        return real(*args)

    monkeypatch.setattr(streaming, "prepare", counted)
    monkeypatch.setattr(streaming, "_KEPT", 2)
    run([np.ones((n, 3), np.float32) for n in (1, 2, 1, 3, 1, 3)])
    assert built == [1, 2, 3, 1]


def test_an_origin_is_found_in_its_batch():
    bad = np.ones((4, 3), np.float32)
    bad[0, 0] = np.nan
    found = run([np.ones((4, 3), np.float32), bad])
    assert [len(one) for one in found.origins] == [0, 1]
    assert found.origins[1][0][:2] == ("data", "batch")
