"""Is the first NaN named, and only the first?"""

import numpy as np
import pytest

from relu_jax.diagnosis import causes
from relu_jax.diagnosis.causes import Origin
from tests.diagnosis import made
from tests.diagnosis.test_summarise import totals

SITES = [made.site(name) for name in "abc"]


def broken(**bad):
    """Sums of a, b, c; bad[name] says where NaN was: pre, post, d_pre or d_post."""
    sums = totals("abc")
    for name, where in bad.items():
        for end in where.split():
            one = np.array([[0, 2, 0]])
            if end.startswith("d_"):
                ends = sums.backward[name]
                old = getattr(ends, end[2:])
                new = ends._replace(**{end[2:]: old._replace(nonfinite=one)})
                sums.backward[name] = new
            else:
                sums.forward[name] = sums.forward[name]._replace(**{f"nonfinite_{end}": one})
    return sums


def origins(sums, parameters=None, data=None, gradients=("w",)):
    return causes.origins(sums, SITES, parameters or {"w": 0}, data or {"x": 0}, gradients)


ALL = {name: "pre post d_pre d_post" for name in "abc"}


def test_a_finite_batch_has_no_origin():
    assert origins(totals("abc"), gradients=()) == []


def test_parameters_come_before_data_and_data_before_sites():
    assert origins(broken(**ALL), {"w": 3, "v": 0}, {"x": 2}) == [Origin("parameter", "w", "", 3)]
    assert origins(broken(**ALL), None, {"x": 2}) == [Origin("data", "x", "", 2)]
    assert origins(broken(**ALL)) == [Origin("forward", "a", "argument", 2)]


def test_every_leaf_with_nan_is_told():
    assert [o.name for o in origins(broken(), {"w": 1, "v": 2})] == ["w", "v"]


@pytest.mark.parametrize(
    ("bad", "origin"),
    [
        ({"b": "pre post", "c": "pre post"}, ("forward", "b", "argument")),
        ({"b": "post", "c": "pre post"}, ("forward", "b", "result")),
        ({"a": "d_pre d_post", "b": "d_post d_pre"}, ("backward", "b", "argument")),
        ({"a": "d_pre d_post", "b": "d_pre"}, ("backward", "b", "result")),
        ({"c": "d_pre d_post", "b": "d_pre d_post"}, ("backward", "c", "argument")),
    ],
)
def test_the_first_site_in_the_direction_of_the_pass_is_named(bad, origin):
    assert [found[:3] for found in origins(broken(**bad))] == [origin]


def test_the_loss_and_the_gradient_come_last():
    assert origins(totals("abc")._replace(loss=np.nan))[0].place == "loss"
    assert origins(totals("abc"), gradients=["v", "w"]) == [Origin("gradient", "v", "", 1)]


def test_a_loop_over_layers_names_its_turn():
    looped = made.site("a", loop="layers", loops=(3,))
    sums = totals("a", turns=3)
    counts = np.array([[0, 0, 0], [0, 2, 0], [1, 0, 0]])
    ahead = sums.forward["a"]._replace(nonfinite_post=counts)
    found = causes.origins(sums._replace(forward={"a": ahead}), [looped], {}, {}, ["w"])
    assert found == [Origin("forward", "a[1]", "result", 3)]
    ends = sums.backward["a"]
    back = {"a": ends._replace(post=ends.post._replace(nonfinite=counts))}
    found = causes.origins(sums._replace(backward=back), [looped], {}, {}, ())
    assert found[0].name == "a[2]"


def test_a_reversed_loop_begins_at_its_last_turn():
    looped = made.site("a", loop="layers", loops=(3,), order=(-1,))
    counts = np.array([[0, 0, 0], [0, 2, 0], [1, 0, 0]])
    sums = totals("a", turns=3)
    ahead = sums.forward["a"]._replace(nonfinite_post=counts)
    found = causes.origins(sums._replace(forward={"a": ahead}), [looped], {}, {}, ["w"])
    assert found == [Origin("forward", "a[2]", "result", 3)]


def test_batches_are_counted_and_the_first_is_remembered():
    one, other = Origin("data", "x", "", 3), Origin("loss", "", "", 1)
    first, second = causes.gathered([[], [one], [other], [one._replace(count=3)]])
    assert (first.name, first.batches, first.first) == ("x", 2, 1)
    assert (second.place, second.batches, second.first) == ("loss", 1, 2)


def test_what_does_not_spread_is_marked():
    """A mask of -inf in the data: loss and gradients are finite all the same."""
    (found,) = origins(totals("abc"), data={"mask": 7}, gradients=())
    assert found == Origin("data", "mask", "", 7, spreads=False)
    bad, good = found._replace(spreads=True), found
    assert [c.spreads for c in causes.gathered([[good], [bad], [good]])] == [True]
    assert [c.spreads for c in causes.gathered([[good]])] == [False]
