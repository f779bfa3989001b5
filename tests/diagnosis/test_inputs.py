"""Does every wrong batch or parameter give one clear error?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.core.errors import DataError
from relu_jax.diagnosis import inputs
from relu_jax.tap import arguments


def loss(params, batch):
    return jnp.mean(batch @ params["w"])


def call(params, batch, f=loss):
    return arguments.part(f, (params, batch), {})


W = {"w": jnp.ones((3, 2))}
X = jnp.ones((4, 3))


@pytest.mark.parametrize(
    ("batches", "message"),
    [
        ([], r"at least one batch; got no batches; pass a list"),
        (iter([]), "an iterator that was used before is empty"),
        (
            [np.ones((0, 3))],
            r"a batch holds examples; got batch 0, float64 array of shape \(0, 3\)",
        ),
        ([{"x": np.ones((2, 3)), "y": np.ones(0)}], "leave empty batches out"),
        ([()], "without any array"),
        ([[np.ones(2), object()]], "made of arrays and numbers; got object"),
        ([np.array(["a", "b"])], r"made of arrays and numbers; got <U1 array of shape \(2,\)"),
        ([np.array([None, 1], object)], "got object array of shape"),
        ([np.array(["2020-01-01"], "datetime64[D]")], r"got datetime64\[D\] array"),
        ([np.array([1], "timedelta64[s]")], r"got timedelta64\[s\] array"),
        ([np.zeros(3, [("a", "f4")])], "made of arrays and numbers"),
        ([b"bytes"], "got bytes"),
        ([jax.ShapeDtypeStruct((2, 3), "float32")], "made of arrays and numbers"),
        ([[np.ones(2), (n for n in [1])]], "batch 0 is a tree of arrays; got list of length 2: "),
        ([{1: X, "a": X}], "a tree of arrays; got dict of length 2: ValueError"),
        (X, r"iterable of batches; got float32 array of shape \(4, 3\); wrap .* \[batch\]"),
        ({"x": X}, "got dict of length 1"),
        ("text", "iterable of batches"),
        (3, "got int 3"),
    ],
)
def test_batches_that_are_none(batches, message):
    with pytest.raises(DataError, match=message):
        list(inputs.stream(batches))


def test_an_empty_batch_is_met_where_it_stands():
    stream = inputs.stream([np.ones((2, 3)), np.ones((0, 3))])
    assert next(stream).examples == 2
    with pytest.raises(DataError, match="batch 1"):
        next(stream)


def test_batches_of_one_shape_share_a_signature():
    first, same, other, flagged = inputs.stream(
        [(np.ones((2, 3)), True), (np.zeros((2, 3)), True), (np.ones((5, 3)), True),
         (np.ones((2, 3)), 1)]
    )  # fmt: skip
    assert first.signature == same.signature
    assert len({first.signature, other.signature, flagged.signature}) == 3


def test_numbers_become_arrays_that_widen_nothing():
    (batch,) = inputs.stream([{"x": np.ones((2, 3)), "scale": 0.5, "name": "a", "train": True}])
    assert batch.tree["scale"].weak_type
    assert (batch.tree["name"], batch.tree["train"]) == ("a", True)
    assert len(batch.arrays) == 2


def test_a_batch_of_one_scalar_counts_as_one_example():
    (batch,) = inputs.stream([jnp.float32(3.0)])
    assert batch.examples == 1


KEY = jax.random.key(0)


@pytest.mark.parametrize(
    ("batch", "examples"),
    [
        ({"x": np.ones((8, 3)), "y": np.ones(8)}, 8),
        ({"key": KEY, "x": np.ones((8, 3))}, 8),
        ({"key": jax.random.PRNGKey(0), "x": np.ones((8, 3))}, 8),
        ({"keys": jax.random.split(KEY, 2), "x": np.ones((8, 3))}, 8),
        ({"keys": jax.random.split(KEY, 8), "x": np.ones((8, 3))}, 8),
        ({"class_weights": np.ones(10), "x": np.ones((8, 3)), "y": np.ones(8)}, 8),
        ({"a_mask": np.ones((1, 3), bool), "x": np.ones((8, 3))}, 8),
        ({"positions": np.arange(5), "x": np.ones((2, 5, 3))}, 2),
        ({"rate": 0.1, "x": np.ones((8, 3)), "name": "a"}, 8),
        ((np.ones((8, 3)), None), 8),
        (np.ones((2, 3), np.uint32), 2),
        (KEY, 1),
        ({"rate": 0.1}, 1),
    ],
)  # fmt: skip
def test_examples_are_what_most_arrays_have_in_common(batch, examples):
    (taken,) = inputs.stream([batch])
    assert taken.examples == examples


def test_batches_know_their_place():
    assert [batch.position for batch in inputs.stream([X, X, X])] == [0, 1, 2]


class Unstartable:
    """An iterable that cannot even begin."""

    def __iter__(self):
        """Fail."""
        raise RuntimeError("no file\nat all")


class Mute(Exception):
    """An error that fails to word itself."""

    def __str__(self):
        """Fail."""
        raise ValueError("no words")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (AssertionError(), "got AssertionError: no message, at batch 1; go through"),
        (RuntimeError("first\nsecond"), "got RuntimeError: first, at batch 1;"),
        (
            OSError(2, "No such file"),
            r"got FileNotFoundError: \[Errno 2\] No such file, at batch 1",
        ),
        (SystemExit(0), "got SystemExit: 0, at batch 1"),
        (Mute(), "got Mute: no message, at batch 1"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_reader_that_fails_is_told_with_the_batch(error, words):
    def reader():
        yield X
        raise error

    stream = inputs.stream(reader())
    next(stream)
    with pytest.raises(DataError, match=words) as caught:
        next(stream)
    assert caught.value.__cause__ is error
    assert len(str(caught.value).splitlines()) == 1


def test_a_reader_that_cannot_begin_is_told():
    with pytest.raises(DataError, match="got RuntimeError: no file, at batch 0"):
        next(inputs.stream(Unstartable()))


def test_ctrl_c_in_a_reader_stays_what_it_is():
    def reader():
        raise KeyboardInterrupt
        yield

    with pytest.raises(KeyboardInterrupt):
        next(inputs.stream(reader()))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"w": np.array(["a"])}, r"params/w, <U1 array of shape \(1,\); make it floating"),
        ({"w": np.array([object()])}, "params/w, object array"),
        ({"w": np.array(["2020"], "datetime64[Y]")}, r"params/w, datetime64\[Y\] array"),
        ({"key": KEY}, r"params/key, key<fry> array"),
        (
            {"w": W["w"], "n": jnp.arange(3)},
            r"params/n, int32 array of shape \(3,\); make it floating",
        ),
        ({"w": np.ones(3, bool)}, "params/w, bool array"),
        ({"w": np.ones(3, np.complex64)}, "params/w, complex64 array"),
        ({}, "at least one array of floats; got dict of length 0"),
        ({"n": 3}, "at least one array of floats"),
        (None, "got None"),
    ],
)
def test_params_that_are_no_floats(params, message):
    with pytest.raises(DataError, match=message):
        inputs.check_params(call(params, X))


def test_a_tree_that_cannot_be_flattened_is_told():
    with pytest.raises(DataError, match="params is a tree of arrays; got dict of length 2: Value"):
        inputs.flattened({1: X, "a": X}, "params")


def test_params_are_named_by_their_path():
    assert inputs.check_params(call({"a": [W["w"], 2.0]}, X)) == ["params/a/0", "params/a/1"]
