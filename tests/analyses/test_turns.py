"""Are turns put in the order in which they run?"""

import numpy as np
import pytest

from relu_jax.analyses import turns
from tests.diagnosis import made


def site(loops=(), order=(), loop="steps"):
    return made.site(loop=loop, loops=loops, order=order)


@pytest.mark.parametrize(
    ("loops", "order", "places"),
    [
        ((), (), [()]),
        ((3,), (1,), [(0,), (1,), (2,)]),
        ((3,), (-1,), [(2,), (1,), (0,)]),
        ((3,), (0,), [(0,), (1,), (2,)]),
        ((2, 2), (1, -1), [(0, 1), (0, 0), (1, 1), (1, 0)]),
        ((2, 2), (-1, 1), [(1, 0), (1, 1), (0, 0), (0, 1)]),
    ],
)
def test_a_reversed_loop_runs_from_its_last_turn(loops, order, places):
    assert turns.running(site(loops, order)) == places


def test_a_place_is_numbered_as_arrays_are():
    nested = site((2, 3), (1, 1))
    assert [turns.flat(nested, place) for place in turns.running(nested)] == list(range(6))
    assert turns.flat(site(), ()) == 0


@pytest.mark.parametrize(
    ("loop", "order", "has_time"),
    [("steps", (1,), True), ("steps", (0,), False), ("steps", (0, -1), True),
     ("layers", (1,), False), ("", (), False)],
)  # fmt: skip
def test_time_is_in_loops_over_steps_that_hand_something_on(loop, order, has_time):
    assert turns.has_time(site((2,) * len(order), order, loop)) == has_time


@pytest.mark.parametrize(
    ("order", "sums"),
    [
        ((1, 1), [0, 1, 2, 3, 4, 5]),
        ((1, -1), [2, 1, 0, 5, 4, 3]),
        ((-1, -1), [5, 4, 3, 2, 1, 0]),
        ((0, 1), [3, 5, 7]),
        ((0, -1), [7, 5, 3]),
        ((-1, 0), [12, 3]),
    ],
)
def test_sums_are_put_in_running_order(order, sums):
    found = turns.through_time(site((2, 3), order), np.arange(6).reshape(2, 3))
    assert found.tolist() == sums


def test_the_values_of_a_turn_are_counted():
    samples = np.full((2, 3), 10)
    assert turns.elements(site((2, 3), (1, 1)), samples, 4).tolist() == [40] * 6
    assert turns.elements(site((2, 3), (0, 1)), samples, 4).tolist() == [80] * 3
    some = np.array([[1, 0, 2], [0, 0, 3]])
    assert turns.elements(site((2, 3), (1, -1)), some, 2).tolist() == [4, 0, 2, 6, 0, 0]
