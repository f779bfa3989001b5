"""Batches are pure functions of (seed, epoch, step)."""

import inspect
from typing import NamedTuple

import numpy as np
import pytest

from relu_jax.core.errors import DataError
from relu_jax.data import Epoch, batch, count, permutation, steps_per_epoch, stream


class Pair(NamedTuple):
    """Inputs with their row number."""

    x: np.ndarray
    y: np.ndarray


DATA = Pair(np.arange(20.0).reshape(10, 2), np.arange(10))


def test_batches_of_an_epoch_hold_each_row_at_most_once():
    rows = np.concatenate([b.y for b in Epoch(DATA, 3, seed=0)])
    assert len(rows) == 9
    assert len(set(rows.tolist())) == 9


def test_rows_of_all_arrays_stay_together():
    taken = batch(DATA, 4, seed=3, epoch=2, step=1)
    np.testing.assert_array_equal(taken.x[:, 0], 2 * taken.y)


def test_rows_come_in_the_order_of_the_permutation():
    taken = [batch(np.arange(10), 4, seed=2, epoch=1, step=step) for step in range(2)]
    np.testing.assert_array_equal(np.concatenate(taken), permutation(10, 2, 1)[:8])


def test_a_batch_can_be_made_again_in_any_order():
    later = batch(DATA, 4, seed=0, epoch=5, step=1)
    batch(DATA, 4, seed=0, epoch=4, step=0)
    np.testing.assert_array_equal(later.y, batch(DATA, 4, seed=0, epoch=5, step=1).y)


def test_seed_and_epoch_each_change_the_order():
    order = permutation(100, 0, 0)
    assert (order != permutation(100, 1, 0)).any()
    assert (order != permutation(100, 0, 1)).any()
    assert (permutation(100, 1, 0) != permutation(100, 0, 1)).any()


def test_permutation_is_the_one_all_machines_draw():
    assert permutation(10, 0, 0).tolist() == [0, 2, 9, 1, 8, 5, 4, 3, 6, 7]
    assert sorted(permutation(1000, 7, 9).tolist()) == list(range(1000))


def test_permutation_puts_every_number_first_about_equally_often():
    firsts = np.array([permutation(5, 1, epoch)[0] for epoch in range(2000)])
    share = np.bincount(firsts, minlength=5) / 2000
    assert np.abs(share - 0.2).max() < 5 * np.sqrt(0.2 * 0.8 / 2000)


def test_a_batch_is_a_copy():
    whole = np.arange(4)
    batch(whole, 4, seed=0, epoch=0, step=0)[:] = -1
    assert whole.tolist() == [0, 1, 2, 3]


def test_an_epoch_is_lazy_and_can_be_walked_twice():
    batches = Epoch(DATA, 4, seed=0)
    assert len(batches) == 2
    first, second = ([b.y.tolist() for b in batches] for _ in range(2))
    assert first == second
    assert iter(batches) is not iter(batches)


def test_stream_runs_through_the_epochs_and_starts_anywhere():
    endless = stream(DATA, 4, seed=0)
    taken = [next(endless).y.tolist() for _ in range(5)]
    whole = [b.y.tolist() for epoch in range(2) for b in Epoch(DATA, 4, seed=0, epoch=epoch)]
    assert taken[:4] == whole
    assert next(stream(DATA, 4, seed=0, start=4)).y.tolist() == taken[4]


@pytest.mark.parametrize(
    "data",
    [np.arange(6), (np.arange(6), np.ones(6)), [np.arange(6)], {"a": {"b": np.arange(6)}}],
)
def test_structure_is_kept(data):
    taken = batch(data, 2, seed=0, epoch=0, step=0)
    assert type(taken) is type(data)
    assert count(taken) == 2


@pytest.mark.parametrize(
    ("data", "got"),
    [
        ((np.ones(3), np.ones(4)), r"shapes \(3,\), \(4,\)"),
        (np.ones((0, 5)), r"shapes \(0, 5\)"),
        (np.float32(1), r"shapes \(\)"),
        ({}, r"shapes \(none\)"),
    ],
)
def test_data_without_common_rows_is_refused(data, got):
    with pytest.raises(DataError, match=rf"same number of rows, at least 1; got arrays of {got}"):
        count(data)


def test_batch_larger_than_the_data_is_refused():
    with pytest.raises(DataError, match=r"no larger than the data, 10 rows; got size=11; pass"):
        steps_per_epoch(DATA, 11)
    with pytest.raises(DataError, match=r"got size=11"):
        len(Epoch(DATA, 11, seed=0))


def test_numbers_out_of_range_are_refused():
    with pytest.raises(ValueError, match=r"a batch has at least 1 row; got 0; pass size"):
        batch(DATA, 0, seed=0, epoch=0, step=0)
    with pytest.raises(ValueError, match=r"step is 0 to 1 for batches of 4; got 2; take divmod"):
        batch(DATA, 4, seed=0, epoch=0, step=2)
    with pytest.raises(ValueError, match=r"seed is 0 to 2\^64 - 1; got -1"):
        batch(DATA, 4, seed=-1, epoch=0, step=0)
    with pytest.raises(ValueError, match=r"epoch is 0 to 2\^64 - 1; got -1"):
        batch(DATA, 4, seed=0, epoch=-1, step=0)
    with pytest.raises(ValueError, match=r"start is at least 0; got -2"):
        stream(DATA, 4, seed=0, start=-2)
    with pytest.raises(ValueError, match=r"n is at least 0; got -1"):
        permutation(-1, 0, 0)


# As without pytest, whose checks of annotations would speak first.
BARE = [inspect.unwrap(f) for f in (permutation, batch, stream, steps_per_epoch)]
bare_permutation, bare_batch, bare_stream, bare_steps = BARE


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("n", lambda: bare_permutation(10.0, 0, 0)),
        ("seed", lambda: bare_permutation(10, 0.5, 0)),
        ("seed", lambda: bare_permutation(10, [0], 0)),
        ("epoch", lambda: bare_permutation(10, 0, "0")),
        ("size", lambda: bare_steps(DATA, 2.5)),
        ("step", lambda: bare_batch(DATA, 4, seed=0, epoch=0, step=0.5)),
        ("start", lambda: bare_stream(DATA, 4, seed=0, start=1.5)),
    ],
)
def test_what_is_no_integer_is_refused_not_cut(name, call):
    with pytest.raises(TypeError, match=rf"{name} is an integer; got .*; pass a whole number as"):
        call()


def test_a_float_is_refused_where_its_integer_was_drawn_before():
    permutation(10, 0, 0)
    for seed in (0.0, False):
        with pytest.raises(TypeError, match="seed is an integer"):
            bare_permutation(10, seed, 0)


def test_integers_of_numpy_are_integers():
    np.testing.assert_array_equal(
        bare_permutation(np.int64(9), np.uint8(1), 0), permutation(9, 1, 0)
    )
