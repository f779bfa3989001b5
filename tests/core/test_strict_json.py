"""Does plain data come back from JSON exactly, and is everything else refused?"""

import json
import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest

from relu_jax.core.strict_json import from_json, to_json


@dataclass(frozen=True)
class Config:
    """A config as experiments have them."""

    depth: int
    rate: float


class Result(NamedTuple):
    """A result as analyses have them."""

    loss: float
    names: tuple


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0,
        10**30,
        -0.0,
        0.1,
        5e-324,
        math.inf,
        -math.inf,
        "",
        "<script>alert('x')</script>\n\x00\u2028\U0001f600\udc80",
        [1, [2.0, []], {}],
        {"$float": "nan"},
        {"$float": 1.0},
        {"$$float": "inf", "$": [{"$float": math.inf}]},
        {"": {"a b": None}},
    ],
    ids=repr,
)
def test_values_come_back_exactly(value):
    text = to_json(value)
    assert text.isascii()
    back = from_json(text)
    assert back == value
    assert repr(back) == repr(value)


def test_nan_comes_back_and_the_text_is_strict():
    text = to_json([float("nan")])
    assert text == '[{"$float": "nan"}]'
    assert math.isnan(from_json(text)[0])


def test_every_float32_keeps_its_value():
    values = np.array([0.1, 1e-45, 3.4e38, -1 / 3], np.float32)
    assert np.array(from_json(to_json(list(values))), np.float32).tolist() == values.tolist()


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ((1, 2), [1, 2]),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.float16("inf"), math.inf),
        (Config(2, 0.1), {"depth": 2, "rate": 0.1}),
        (Result(1.0, ("a",)), {"loss": 1.0, "names": ["a"]}),
    ],
    ids=repr,
)
def test_what_is_like_plain_data_becomes_it(value, plain):
    back = from_json(to_json(value))
    assert back == plain
    assert type(back) is type(plain)


@pytest.mark.parametrize("value", [np.zeros(3), {1, 2}, object(), b"x", 1j, Config])
def test_other_values_are_refused(value):
    with pytest.raises(TypeError, match=r"JSON holds text, numbers.*; got .*; put arrays under"):
        to_json({"x": [value]})


def test_keys_that_are_no_text_are_refused():
    with pytest.raises(TypeError, match=r"keys are text; got the key int 3; use str\(key\)"):
        to_json({3: 1})


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", '{"a": -Infinity}'])
def test_bare_constants_are_refused(text):
    json.loads(text)
    with pytest.raises(ValueError, match="JSON has no NaN and no Infinity; got"):
        from_json(text)


@pytest.mark.parametrize("text", ["", "{", "[1,]", "[" * 200_000])
def test_what_is_no_json_is_refused(text):
    with pytest.raises(ValueError, match=r"a record is strict JSON; got .*; write it with"):
        from_json(text)


def test_repeated_keys_are_refused():
    with pytest.raises(ValueError, match="a key stands once in an object; got the keys"):
        from_json('{"a": 1, "a": 2}')


@pytest.mark.parametrize("text", ['{"$float": "big"}', '{"$x": 1}', '{"$float": "nan", "b": 1}'])
def test_unknown_dollar_forms_are_refused(text):
    with pytest.raises(ValueError, match=r"begins with one \$; got the key"):
        from_json(text)
