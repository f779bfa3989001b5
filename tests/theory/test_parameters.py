"""Are kinks found at other parameters, and is a traced one that moves them refused?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.activations import CATALOGUE, get
from relu_jax.theory.parameters import (
    cast,
    jumps,
    kinks_at,
    known_params,
    merged,
    settled,
    split,
)

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")


def test_parameters_are_joined_and_unknown_ones_refused():
    assert known_params(get("relu"), None) == {}
    assert known_params(get("leaky_relu"), {"slope": 0.5}) == {"slope": 0.5}
    with pytest.raises(TypeError, match=r"parameters of leaky_relu are slope; got alpha; leave"):
        known_params(get("leaky_relu"), {"alpha": 0.5})


def test_kinks_follow_the_parameters():
    assert kinks_at(get("relu6"), None) == (0.0, 6.0)
    assert kinks_at(get("hard_tanh"), {"low": -2.0}) == (-2.0, 1.0)
    assert kinks_at(get("leaky_relu", slope=1), {"slope": 0.5}) == (0.0,)
    with pytest.raises(ValueError, match="hard_tanh needs low < high"):
        kinks_at(get("hard_tanh"), {"low": 2.0})


def test_a_traced_parameter_that_moves_no_kink_passes():
    seen = []

    def note(value, name, param):
        seen.append(kinks_at(get(name), {param: value}))
        return value

    jax.jit(lambda v: note(v, "leaky_relu", "slope"))(0.5)
    jax.jit(lambda v: note(v, "silu", "beta"))(0.5)
    assert seen == [(0.0,), ()]


@pytest.mark.parametrize("transform", [jax.jit, jax.grad])
def test_a_traced_parameter_that_moves_a_kink_is_refused(transform):
    rule = r"kinks of hard_tanh are known where .* a traced high, which moves them; pass kinks="
    with pytest.raises(ValueError, match=rule):
        transform(lambda high: kinks_at(get("hard_tanh"), {"high": high})[1])(2.0)


def test_numbers_are_set_and_traced_parameters_kept_apart():
    act, traced = settled(get("hard_tanh"), {"high": np.float32(3)})
    assert (act.params, act.kinks, traced) == ({"low": -1.0, "high": 3.0}, (-1.0, 3.0), {})
    seen = []
    jax.jit(lambda v: seen.append(list(settled(get("hard_tanh"), {"low": v, "high": 3})[1])))(0.0)
    assert seen == [["low"]]


def test_kinks_are_parted_and_put_back():
    assert split((0, np.float32(6))) == ((0.0, 6.0), ())
    seen = []

    def note(kink):
        fixed, moving = split((1, kink, 2))
        seen.append((fixed, len(moving), merged(fixed, moving)[1] is kink))
        return kink

    jax.jit(note)(1.5)
    assert seen == [((1.0, None, 2.0), 1, True)]


def test_parameters_take_the_float_type_of_the_input():
    x = jnp.ones((), jnp.bfloat16)
    assert cast(np.float32(0.5), x).dtype == jnp.bfloat16
    assert cast(jnp.int32(3), x).dtype == jnp.int32
    assert cast(0.5, x) == 0.5


@pytest.mark.parametrize(
    ("bad", "kind", "rule"),
    [
        ({"width": -1.0}, ValueError, r"gaussian needs width > 0"),
        ({"width": np.nan}, TypeError, r"gaussian\.width is a finite number; got float nan"),
        (
            {"width": np.ones(2)},
            TypeError,
            r"width is a finite number; got float64 array",
        ),
    ],
)
def test_parameters_out_of_range_are_refused(bad, kind, rule):
    with pytest.raises(kind, match=rule):
        known_params(get("gaussian"), bad)


def test_a_traced_parameter_is_one_number():
    with pytest.raises(ValueError, match=r"width is one number; got .*; use jax\.vmap"):
        jax.jit(lambda w: known_params(get("gaussian"), {"width": w})["width"])(jnp.ones(2))


@pytest.mark.parametrize(
    ("bad", "rule"),
    [
        (0.5, "kinks is a sequence of numbers; got float 0.5; pass kinks="),
        ([1j], "each of kinks is a real number; got complex 1j"),
        ([np.inf], r"kinks are finite; got \(inf,\); leave out"),
        ([np.ones(2)], r"each of kinks is one point; got float64 array of shape \(2,\)"),
    ],
)
def test_what_makes_no_kinks_is_refused(bad, rule):
    with pytest.raises((TypeError, ValueError), match=rule):
        split(bad)


def test_the_steps_of_the_catalogue_jump_and_nothing_else_does():
    found = {act.name for act in CATALOGUE if jumps(act)}
    steps = {"sign", "heaviside", "hard_shrink", "threshold", "thresholded_relu"}
    assert found == steps | {"lif_rate"}  # which rises as -1 / ln x


def test_a_traced_parameter_makes_and_closes_a_jump():
    by_value = jax.jit(lambda value: jumps(get("threshold"), {"value": value}))
    assert [bool(by_value(v)) for v in (0.0, 1.0, 1.001)] == [True, False, True]
    assert not jumps(get("threshold"), {"threshold": 0.0})


def test_a_parameter_at_the_end_of_its_range_is_nudged_inwards():
    seen = []
    jax.jit(lambda v: seen.append(kinks_at(get("heaviside"), {"at_zero": v})))(0.0)
    assert seen == [(0.0,)]
    with pytest.raises(
        ValueError, match=r"the kinks of relu_general are .* traced threshold, which"
    ):
        jax.jit(lambda v: kinks_at(get("relu_general"), {"threshold": v})[0])(0.0)


def test_a_parameter_is_one_number():
    with pytest.raises(TypeError, match=r"leaky_relu\.slope is a finite number; got"):
        settled(get("leaky_relu"), {"slope": jnp.ones(2)})
