"""Do errors say the rule, what came and what to do, in one fixed form?"""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.core import errors


def test_the_place_is_the_last_line_of_the_users_own_code():
    with pytest.raises(TypeError) as caught:
        jnp.dot(jnp.ones(2), "a")
    assert re.fullmatch(r" \(test_errors.py:\d+\)", errors.place(caught.value))


@pytest.mark.parametrize(
    "kind", [ValueError, TypeError, NotImplementedError, errors.DataError, errors.UsageError]
)
def test_message_is_rule_got_do(kind):
    error = errors.rejected(rule="rates are positive", got="-1", do="pass rate > 0", kind=kind)
    assert type(error) is kind
    assert str(error) == "rates are positive; got -1; pass rate > 0"


def test_kind_is_value_error_unless_told():
    assert type(errors.rejected(rule="a", got="b", do="c")) is ValueError


def test_data_and_usage_errors_are_value_errors_of_their_own():
    assert issubclass(errors.DataError, ValueError)
    assert issubclass(errors.UsageError, ValueError)
    assert not issubclass(errors.DataError, errors.UsageError)


def test_only_errors_worded_here_count_as_worded():
    assert errors.is_worded(errors.rejected(rule="a", got="b", do="c", kind=TypeError))
    assert not errors.is_worded(TypeError("a; got b; c"))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.zeros((3, 4), np.float32), "float32 array of shape (3, 4)"),
        (np.float64(2.0), "float64 array of shape ()"),
        (jax.ShapeDtypeStruct((2,), jnp.bfloat16), "bfloat16 array of shape (2,)"),
        (None, "None"),
        (True, "True"),
        (3, "int 3"),
        ("a'b", 'str "a\'b"'),
        ([1, 2], "list of length 2"),
        ({}, "dict of length 0"),
        (len, "builtin_function_or_method len"),
        (errors.describe, "function describe"),
        (dict, "type dict"),
    ],
)
def test_describe_words_values(value, words):
    assert errors.describe(value) == words


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (KeyError("w"), "KeyError: 'w'"),
        (ValueError("  shapes differ\nat net.py:3\n"), "ValueError: shapes differ"),
        (AssertionError(), "AssertionError: no message"),
        (RuntimeError("INTERNAL: Traceback (most recent call last):\n  x\nOSError: gone"),
         "RuntimeError: OSError: gone"),
        (SystemExit(0), "SystemExit: 0"),
    ],
)  # fmt: skip
def test_errors_of_others_are_told_in_one_line(error, words):
    assert errors.told(error) == words


def test_a_long_message_is_cut():
    assert len(errors.first_line(ValueError("x" * 10_000))) == 300


def test_an_error_that_fails_to_word_itself_is_told_by_its_kind():
    class Mute(Exception):
        def __str__(self):
            raise ValueError("no words")

    assert errors.told(Mute()) == "Mute: no message"


def test_describe_stays_short():
    assert len(errors.describe("x" * 10_000)) < 80


def test_describe_words_a_tracer_without_reading_it():
    said = []

    @jax.jit
    def traced(x):
        said.append(errors.describe(x))
        return x

    traced(jnp.zeros((2, 3)))
    assert said == ["float32 array of shape (2, 3)"]


def test_the_nearest_names_come_first_and_each_once():
    names = ["head", "layer2", "layer1", "layer1"]
    assert errors.nearest("layer1", names) == ["layer1", "layer2", "head"]
    assert errors.nearest("layer9", names, most=2) == ["layer2", "layer1"]
    assert errors.nearest("layer9", []) == []
