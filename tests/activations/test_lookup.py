"""Is a name found in its registry, and told of by the others, by every word people use for it?"""

import pytest

from relu_jax.activations import gated_names, mixing_names, names, trainable_names
from relu_jax.activations.lookup import (
    ALIASES,
    HOMES,
    find_any,
    get,
    get_gated,
    get_mixing,
    get_trainable,
)
from relu_jax.activations.registry import folded


@pytest.mark.parametrize(
    ("typed", "ours"),
    [
        ("Relu", "relu"), ("LeakyReLU", "leaky_relu"), ("linear", "identity"), ("abs", "absolute"),
        ("step", "heaviside"), ("swish", "silu"), ("hard_swish", "hard_silu"),
        ("hardswish", "hard_silu"), ("hardtanh", "hard_tanh"), ("hardsigmoid", "hard_sigmoid"),
        ("softsign", "soft_sign"), ("logsigmoid", "log_sigmoid"), ("softshrink", "soft_shrink"),
        ("hardshrink", "hard_shrink"), ("tanhshrink", "tanh_shrink"), ("relu2", "squared_relu"),
        ("gelu_new", "gelu_tanh"),
    ],
)  # fmt: skip
def test_the_words_of_others_are_told_ours_and_never_taken(typed, ours):
    with pytest.raises(ValueError, match=rf"got str '{typed}'; did you mean {ours}\?( Or: .*)?$"):
        get(typed)


def test_every_alias_means_a_function_and_hides_none():
    known = {*names(), *gated_names(), *trainable_names(), *mixing_names()}
    assert set(ALIASES.values()) <= known
    assert all(alias == folded(alias) for alias in ALIASES)
    assert set(ALIASES).isdisjoint(map(folded, names()))


@pytest.mark.parametrize(
    ("getter", "name", "told"),
    [
        (get, "swiglu", r"swiglu takes a value and a gate: get_gated\('swiglu'\)$"),
        (get, "PReLU", r"prelu has parameters to train: get_trainable\('prelu'\)$"),
        (get, "softmax", r"softmax mixes units: get_mixing\('softmax'\)$"),
        (get, "swish", r"mean silu\? Or: swish has parameters to train: get_trainable\('swish'"),
        (get_gated, "tanh", r"tanh is elementwise: get\('tanh'\)$"),
        (get_gated, "hardtanh", r"hard_tanh is elementwise: get\('hard_tanh'\)$"),
        (get_gated, "linear", r"identity is elementwise: get\('identity'\)$"),
        (get_gated, "maxout", r"maxout mixes units: get_mixing\('maxout'\)$"),
        (get_trainable, "relu", r"relu is elementwise: get\('relu'\)$"),
        (get_trainable, "geglu", r"geglu takes a value and a gate: get_gated\('geglu'\)$"),
        (get_mixing, "relu", r"relu is elementwise: get\('relu'\)$"),
        (
            get_mixing,
            "sotfmax",
            r"did you mean softmax.*; found elsewhere: elementwise activations by get\(\), ",
        ),
        (get_mixing, "Softmax2d", r"did you mean softmax\?$"),
        (get_trainable, "PAU", r"did you mean pade\?$"),
        (find_any, "relo", r"got str 'relo'; did you mean relu"),
    ],
)
def test_each_getter_points_to_the_others(getter, name, told):
    with pytest.raises(ValueError, match=told):
        getter(name)


def test_every_name_is_found_where_it_stands():
    getters = {"get": get, "get_gated": get_gated, "get_trainable": get_trainable,
               "get_mixing": get_mixing}  # fmt: skip
    for home in HOMES:
        for entry in home.entries:
            assert getters[home.getter](entry.name) == entry
            assert find_any(entry.name).name == entry.name
    assert find_any("snake") == get("snake")


@pytest.mark.parametrize(
    ("name", "params"), [("leaky_relu", {"slope": 1.0}), ("rrelu", {"low": 1.0, "high": 1.0})]
)
def test_a_framework_has_no_slope_where_its_function_has_no_kink(name, params):
    assert get(name, framework="torch", **params).kinks == ()
