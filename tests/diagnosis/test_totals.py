"""Do batches add up on the host, turn by turn?"""

import numpy as np
import pytest

from relu_jax.diagnosis import totals
from relu_jax.diagnosis.statistics import SCALES, Backward, Forward
from relu_jax.diagnosis.step import Seen
from relu_jax.tap import Cotangent
from tests.diagnosis import made


def seen(loops=(), units=3, value=1.0):
    shape = (*loops, units)
    each = [np.full(shape, x, np.float32) for x in (value, np.inf, 0.0)]
    scaled = np.stack(each, axis=len(loops))
    counts = [np.full(shape, n, np.float32) for n in (0, 0, 2, 5, 4)]
    ahead = Forward(
        np.full(loops, 7, np.int32), scaled, scaled, *counts, np.full((*loops, 9), 6, np.int32)
    )
    back = Backward(scaled, counts[0], np.full((*loops, 9), 6, np.float32))
    ends = Cotangent(back, back._replace(at_least=np.zeros((*loops, 0), np.float32)))
    return Seen(np.float32(0.5), {"a": ahead}, {"a": ends}, [np.float32(1.0)], [])


def read(loops=(), loop="", **changes):
    site = made.site("a", loops=loops, loop=loop)
    return totals.of_batch(seen(loops, **changes), {"a": site}, 10)


def test_batches_add_up_exactly():
    total = totals.add(totals.add(None, read()), read())
    assert (total.examples, total.batches, total.loss) == (20, 2, 10.0)
    assert total.forward["a"].alive.tolist() == [[10, 10, 10]]
    assert total.forward["a"].alive.dtype == np.int64
    assert total.backward["a"].pre.squares.tolist() == [[2.0, 2.0, 2.0]]
    assert total.moved.tolist() == [2]


def test_steps_are_summed_and_layers_kept_apart():
    steps, layers = read((4,), "steps"), read((4,), "layers")
    assert steps.forward["a"].alive.tolist() == [[20, 20, 20]]
    assert steps.forward["a"].samples.tolist() == [[28]]
    assert layers.forward["a"].alive.shape == (4, 3)
    assert layers.forward["a"].squares_pre.tolist() == [[1.0, 1.0, 1.0]] * 4


def test_the_turns_of_a_loop_over_steps_are_kept_summed_over_units():
    total = totals.add(read((4,), "steps"), read((4,), "steps"))
    kept = total.turns["a"]
    assert kept.post.tolist() == kept.d_pre.tolist() == [6.0] * 4
    assert kept.elements.tolist() == [2 * 7 * 3] * 4
    assert read((4,), "layers").turns == read().turns == {}


def test_where_the_number_of_steps_changes_the_longest_is_told():
    each = [read((n,), "steps", value=value) for n, value in ((4, 1.0), (6, 2.0), (5, 1.0))]
    kept = totals.add(totals.add(each[0], each[1]), each[2]).turns["a"]
    assert kept.post.tolist() == kept.d_pre.tolist() == [6.0] * 6
    assert kept.elements.tolist() == [7 * 3] * 6


def test_turns_are_in_the_order_they_run():
    found = seen((3,))
    found.forward["a"].squares_post[:, 0] *= np.arange(1, 4)[:, None]
    site = made.site("a", loops=(3,), loop="steps", order=(-1,))
    kept = totals.of_batch(found, {"a": site}, 10).turns["a"]
    assert kept.post.tolist() == [9.0, 6.0, 3.0]


def test_nested_loops_over_layers_are_flattened():
    assert read((2, 3), "layers").forward["a"].alive.shape == (6, 3)


def test_a_changing_number_of_units_is_counted_as_one():
    total = totals.add(totals.add(read(), read(units=5)), read(units=5))
    ahead, back = total.forward["a"], total.backward["a"]
    assert ahead.alive.tolist() == [[5 * (3 + 5 + 5)]]
    assert ahead.samples.tolist() == [[7 * (3 + 5 + 5)]]
    assert ahead.at_least.tolist() == [[18] * 9]
    assert back.pre.squares.tolist() == [[13.0]]


@pytest.mark.parametrize("value", [0.0, 1e-30, 1.0, 1e30])
def test_the_scale_that_kept_the_sum_is_taken(value):
    with np.errstate(over="ignore", under="ignore"):
        scaled = np.asarray([np.float32(value * s**2) for s in SCALES], np.float32)[:, None]
    assert totals.combined(scaled)[0] == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_stays_so(value):
    assert totals.combined(np.full((3, 1), value, np.float32))[0] == pytest.approx(
        value, nan_ok=True
    )
