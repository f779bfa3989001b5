"""Is every loss that cannot be called, traced or differentiated told in words?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.core import errors
from relu_jax.core.errors import DataError
from relu_jax.diagnosis import losses
from relu_jax.tap import arguments


def loss(params, batch):
    return jnp.mean(batch @ params["w"])


def call(params, batch, f=loss):
    return arguments.part(f, (params, batch), {})


W = {"w": jnp.ones((3, 2))}
X = jnp.ones((4, 3))


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
        losses.check_loss(f, call(W, batch, f), has_aux=None)
    assert words in str(caught.value)
    assert caught.value.__cause__ is not None
    assert "float32 array of shape (3, 2)" in str(caught.value)


def test_what_is_worded_already_stays_as_it_is():
    def refuses(*_):
        raise errors.rejected(rule="the rule", got="this", do="do that")

    with pytest.raises(ValueError, match=r"^the rule; got this; do that"):
        losses.check_loss(refuses, call(W, X, refuses), has_aux=None)


class Mine(Exception):
    """A kind of error nobody else knows."""


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (AssertionError(), "AssertionError: no message"),
        (RuntimeError("first\nsecond"), "RuntimeError: first"),
        (Mine("so"), "Mine: so"),
        (StopIteration(), "StopIteration: no message"),
        (SystemExit(0), "SystemExit: 0"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_whatever_a_loss_raises_is_told_in_one_line(error, words):
    def raises(params, batch):
        raise error

    place = r" \(test_losses.py:\d+\), on batch 3; compare"
    with pytest.raises(DataError, match=f"got {words}{place}") as caught:
        losses.check_loss(raises, call(W, X, raises), has_aux=None, position=3)
    assert caught.value.__cause__ is error
    assert len(str(caught.value).splitlines()) == 1


def test_a_mistake_in_the_code_of_a_loss_is_no_fault_of_the_data():
    def misspelt(params, batch):
        return jnp.mean(batch @ wieghts)  # pyright: ignore

    words = r"the loss runs; got NameError: name 'wieghts' is not defined \(test_losses.py:\d+\)"
    with pytest.raises(errors.UsageError, match=words):
        losses.check_loss(misspelt, call(W, X, misspelt), has_aux=None)


@pytest.mark.parametrize("position", [0, 1])
def test_one_batch_for_a_list_of_them_is_asked_about_where_the_first_fails(position):
    def raises(params, batch):
        raise IndexError

    with pytest.raises(DataError) as caught:
        losses.check_loss(raises, call(W, X, raises), has_aux=None, position=position)
    assert ("a list of batches" in str(caught.value)) == (position == 0)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (lambda x: 1.0 if x > 0 else 0.0, "got TracerBoolConversionError: "),
        (lambda x: jnp.float32(float(x)), "got ConcretizationTypeError: "),
        (lambda x: jnp.ones(3)[jnp.ones(3) > x].sum(), "got NonConcreteBooleanIndexError: "),
    ],
    ids=["if", "float", "index"],
)
def test_a_loss_that_cannot_be_traced_is_about_the_code(value, words):
    def untraceable(_, batch):
        return value(jnp.mean(batch))

    message = rf"JAX can trace the loss; {words}.*; replace Python's if, .* by jnp\.where"
    with pytest.raises(ValueError, match=message) as caught:
        losses.check_loss(untraceable, call(W, X, untraceable), has_aux=None)
    assert not isinstance(caught.value, DataError)


@pytest.mark.parametrize("out", [(1.0, {"name": "a"}), (1.0, object()), "a"])
def test_what_is_no_array_in_the_result_is_told(out):
    def f(*_):
        return out

    with pytest.raises(
        ValueError, match=r"returns arrays and numbers; got .*; leave names and obj"
    ):
        losses.check_loss(f, call(W, X, f), has_aux=None)


@pytest.mark.parametrize(
    ("f", "got"),
    [
        (None, "None"),
        ("loss", "str 'loss'"),
        ({"w": np.ones(3)}, "dict of length 1"),
        (lambda params: 0.0, "too many positional arguments"),
        (lambda params, batch, key: 0.0, "missing a required argument: 'key'"),
        (lambda params, batch, *, key: 0.0, "missing a required .*'key'"),  # worded by Python
    ],
    ids=["none", "text", "table", "one", "three", "keyword"],
)
def test_what_is_no_function_of_params_and_batch_is_told(f, got):
    words = rf"a function of \(params, batch\); got .*{got}; wrap it: lambda params, batch"
    with pytest.raises(TypeError, match=words) as caught:
        losses.check_function(f)
    assert "array" not in str(caught.value)  # parameters in its place are not poured out


@pytest.mark.parametrize(
    "f", [loss, jax.jit(loss), lambda *args: 0.0, lambda p, b, k=None: 0.0, dict.get]
)
def test_what_can_be_called_with_params_and_batch_is_fine(f):
    losses.check_function(f)


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
        losses.check_loss(f, call(W, X, f), has_aux=has_aux)
    assert not isinstance(caught.value, DataError)


@pytest.mark.parametrize(("out", "paired"), [(SCALAR, False), ((SCALAR, {"a": X}), True)])
def test_aux_is_found_out(out, paired):
    def f(*_):
        return out

    assert losses.check_loss(f, call(W, X, f), has_aux=None) is paired
    assert losses.check_loss(f, call(W, X, f), has_aux=paired) is paired


def test_a_loss_without_a_gradient_is_told():
    def repeated(params, batch):
        total = jnp.mean(batch @ params["w"])
        return jax.lax.while_loop(lambda x: x < 10.0, lambda x: 2.0 * x, total)

    with pytest.raises(ValueError, match="differentiated by its parameters; got ValueError: Rev"):
        losses.check_gradient(repeated, call(W, X, repeated), has_aux=False)
    losses.check_gradient(loss, call(W, X), has_aux=False)


def test_a_derivative_rule_that_fails_is_told():
    @jax.custom_vjp
    def ruled(x):
        return x

    def backward(_, g):
        raise AssertionError("not here")

    ruled.defvjp(lambda x: (x, None), backward)

    def through(params, batch):
        return ruled(loss(params, batch))

    with pytest.raises(ValueError, match=r"differentiated by .*; got AssertionError: not here"):
        losses.check_gradient(through, call(W, X, through), has_aux=False)
