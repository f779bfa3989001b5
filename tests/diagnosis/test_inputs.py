"""Does every wrong input give one clear error?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.core import errors
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


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"w": W["w"], "n": jnp.arange(3)}, r"params/n, int32 array of shape \(3,\); keep it out"),
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


def test_params_are_named_by_their_path():
    assert inputs.check_params(call({"a": [W["w"], 2.0]}, X)) == ["params/a/0", "params/a/1"]


@pytest.mark.parametrize(
    ("f", "batch", "words"),
    [
        (loss, jnp.ones((4, 5)), "TypeError: dot_general"),
        (lambda p, b: jnp.mean(p["w"]) * b["x"], X, ""),
        (lambda p, _: p["absent"], X, "KeyError: 'absent'"),
        (lambda _, b: b.absent, X, "AttributeError"),
        (lambda _, b: jnp.add(*b), (X, X, X), "TypeError"),
    ],
)
def test_a_batch_the_loss_does_not_take(f, batch, words):
    with pytest.raises(DataError, match="works on every batch; got ") as caught:
        inputs.check_loss(f, call(W, batch, f), has_aux=None)
    assert words in str(caught.value)
    assert caught.value.__cause__ is not None
    assert "float32 array of shape (3, 2)" in str(caught.value)


def test_what_is_worded_already_stays_as_it_is():
    def refuses(*_):
        raise errors.rejected(rule="the rule", got="this", do="do that")

    with pytest.raises(ValueError, match=r"^the rule; got this; do that"):
        inputs.check_loss(refuses, call(W, X, refuses), has_aux=None)


def test_errors_of_the_code_are_jax_s_to_word():
    def branches(_, batch):
        return 1.0 if jnp.mean(batch) > 0 else 0.0

    with pytest.raises(jax.errors.TracerBoolConversionError):
        inputs.check_loss(branches, call(W, X, branches), has_aux=None)


SCALAR = jnp.float32(1.0)


@pytest.mark.parametrize(
    ("out", "has_aux", "message"),
    [
        (X, None, r"one floating number, or \(number, aux\); got float32 array of shape \(4, 3\)"),
        (jnp.int32(3), None, r"int32 array of shape \(\)"),
        ((X, SCALAR), None, "got tuple of float32 array"),
        ((SCALAR, SCALAR, SCALAR), None, "got tuple of"),
        (None, None, "got None"),
        ((SCALAR, {}), False, "got tuple of"),
        (SCALAR, True, "or drop has_aux"),
    ],
)
def test_a_loss_that_is_no_scalar(out, has_aux, message):
    def f(*_):
        return out

    with pytest.raises(ValueError, match=message) as caught:
        inputs.check_loss(f, call(W, X, f), has_aux=has_aux)
    assert not isinstance(caught.value, DataError)


@pytest.mark.parametrize(("out", "paired"), [(SCALAR, False), ((SCALAR, {"a": X}), True)])
def test_aux_is_found_out(out, paired):
    def f(*_):
        return out

    assert inputs.check_loss(f, call(W, X, f), has_aux=None) is paired
    assert inputs.check_loss(f, call(W, X, f), has_aux=paired) is paired


def test_a_loss_without_a_gradient_is_told():
    def repeated(params, batch):
        total = jnp.mean(batch @ params["w"])
        return jax.lax.while_loop(lambda x: x < 10.0, lambda x: 2.0 * x, total)

    with pytest.raises(ValueError, match="differentiated by its parameters; got ValueError: Rev"):
        inputs.check_gradient(repeated, call(W, X, repeated), has_aux=False)
    inputs.check_gradient(loss, call(W, X), has_aux=False)
