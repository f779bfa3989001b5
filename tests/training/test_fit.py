"""Training on the shipped digits, and the word for each thing that can be wrong."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from relu_jax.activations import get
from relu_jax.core.errors import DataError, UsageError
from relu_jax.data import split, stream
from relu_jax.models import he, mlp
from relu_jax.training import fit

SGD = optax.sgd(0.1)


def square(w, x):
    """Mean squared distance."""
    return jnp.mean((w - x) ** 2)


def ones(n):
    """Return n equal batches."""
    return [np.ones(2, np.float32)] * n


def test_network_learns_the_digits():
    model = mlp([64, 64, 10], activation=get("relu"), init=he())
    splits = split()

    def loss(params, batch):
        logits = model.apply(params, batch.images)
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, batch.labels)
        return losses.mean(), (logits.argmax(axis=1) == batch.labels).mean()

    state, info = fit(
        loss,
        model.init(jax.random.key(0)),
        stream(splits.train, 64, seed=0),
        optax.adam(3e-3),
        steps=200,
        has_aux=True,
        log_every=20,
    )
    _, accuracy = loss(state.params, splits.validation)
    assert float(accuracy) > 0.93
    assert info.loss[-1] < 0.2 * info.loss[0]
    assert info.aux[-1] > 0.9
    assert info.step.tolist() == [*range(0, 200, 20), 199]


def test_convex_problem_reaches_its_minimum():
    state, info = fit(square, jnp.zeros(2), ones(100), optax.sgd(0.3), steps=100)
    np.testing.assert_allclose(state.params, 1, rtol=1e-5)
    assert info.loss.shape == info.grad_norm.shape == info.update_norm.shape == (100,)
    assert (np.diff(info.loss) <= 0).all()


def test_two_fits_in_a_row_equal_one_bit_for_bit():
    def noisy(w, x, key):
        return square(w, x + jax.random.normal(key, (2,)))

    adam, key = optax.adam(0.1), jax.random.key(0)
    whole, all_info = fit(noisy, jnp.zeros(2), ones(9), adam, steps=9, key=key)
    half, first = fit(noisy, jnp.zeros(2), ones(4), adam, steps=4, key=key)
    rest, second = fit(noisy, half, ones(5), adam, steps=5)
    np.testing.assert_array_equal(rest.params, whole.params)
    np.testing.assert_array_equal(np.append(first.loss, second.loss), all_info.loss)
    assert second.step.tolist() == [4, 5, 6, 7, 8]


def test_callers_parameters_stay_usable():
    params = jnp.zeros(2)
    fit(square, params, ones(2), SGD, steps=2)
    assert params.tolist() == [0, 0]


def test_callback_sees_the_reported_steps():
    seen = []
    report = fit(square, jnp.zeros(2), ones(5), SGD, steps=5, log_every=3, on_step=seen.append)[1]
    assert [int(info.step) for info in seen] == [0, 3, 4] == report.step.tolist()
    assert [float(info.loss) for info in seen] == report.loss.tolist()


def broken_from(step):
    """Return ten batches; from `step` on they hold an infinity."""
    return [np.full(2, 1.0 if k < step else np.inf, np.float32) for k in range(10)]


def test_nonfinite_loss_is_reported_and_training_goes_on():
    state, info = fit(square, jnp.zeros(2), broken_from(3), SGD, steps=10)
    assert np.isfinite(info.loss).tolist() == [True] * 3 + [False] * 7
    assert jnp.isnan(state.params).all()


def test_nonfinite_loss_can_stop_with_the_parameters_that_met_it():
    options = {"steps": 10, "log_every": 5, "stop_on_nonfinite": True}
    state, info = fit(square, jnp.zeros(2), broken_from(3), SGD, **options)
    assert jnp.isfinite(state.params).all()
    assert int(state.step) == 3
    assert info.step.tolist() == [0, 3]
    assert np.isfinite(info.loss).tolist() == [True, False]


def test_batches_are_taken_one_at_a_time():
    taken = []

    def source():
        for k in range(100):
            taken.append(k)
            yield np.ones(2, np.float32)

    fit(square, jnp.zeros(2), source(), SGD, steps=3)
    assert taken == [0, 1, 2]


def test_too_few_batches_are_refused():
    with pytest.raises(DataError, match=r"a batch for each of 5 steps; got 3 batches; pass fewer"):
        fit(square, jnp.zeros(2), ones(3), SGD, steps=5)
    with pytest.raises(DataError, match=r"got 0 batches"):
        fit(square, jnp.zeros(2), [], SGD, steps=1)


@pytest.mark.parametrize("batch", [np.ones((0, 2), np.float32), {}, (np.ones(2), np.ones(0))])
def test_empty_batch_is_refused(batch):
    with pytest.raises(DataError, match=r"at least one example; got an empty one, number 1; drop"):
        fit(square, jnp.zeros(2), [np.ones(2, np.float32), batch], SGD, steps=2)


def test_counts_below_one_are_refused():
    with pytest.raises(ValueError, match=r"steps is at least 1; got 0; raise steps"):
        fit(square, jnp.zeros(2), ones(1), SGD, steps=0)
    with pytest.raises(ValueError, match=r"log_every is at least 1; got 0"):
        fit(square, jnp.zeros(2), ones(1), SGD, steps=1, log_every=0)


def test_key_beside_a_state_is_refused():
    state, _ = fit(square, jnp.zeros(2), ones(1), SGD, steps=1)
    with pytest.raises(ValueError, match=r"a State brings its own key; got a State and a key"):
        fit(square, state, ones(1), SGD, steps=1, key=jax.random.key(0))


class Broken(Exception):
    """What nobody else raises."""


def test_a_batch_that_does_not_fit_the_parameters_is_told_with_its_number():
    def loss(params, batch):
        return jnp.mean(batch["x"] @ params["w"])

    batches = [{"x": np.ones((4, n), np.float32)} for n in (3, 5)]
    words = (
        r"works on every batch; got TypeError: dot_general .* \(test_fit.py:\d+\), on batch 1; "
        r"compare "
        r"batch\['x'\] float32 array of shape \(4, 5\), params\['w'\] float32 array of shape "
        r"\(3, 2\); batches is a list of batches, not one batch"
    )
    with pytest.raises(DataError, match=words) as caught:
        fit(loss, {"w": jnp.ones((3, 2))}, batches, SGD, steps=2)
    assert isinstance(caught.value.__cause__, TypeError)
    assert len(str(caught.value).splitlines()) == 1


def test_a_slip_in_the_code_of_a_loss_is_no_fault_of_the_data():
    def misspelt(params, batch):
        return jnp.mean(batch @ wieghts)  # pyright: ignore

    with pytest.raises(UsageError, match=r"the loss runs; got NameError: .* \(test_fit.py:\d+\)"):
        fit(misspelt, jnp.zeros(2), ones(1), SGD, steps=1)


def test_whatever_else_a_loss_raises_is_told_too():
    def loss(params, batch):
        raise Broken("one\ntwo")

    words = r"got Broken: one \(test_fit.py:\d+\), on batch 0; compare batch float32"
    with pytest.raises(DataError, match=words):
        fit(loss, jnp.zeros(2), ones(1), SGD, steps=1)


def test_jax_s_own_search_for_nan_still_stops():
    with jax.debug_nans(True), pytest.raises(FloatingPointError):
        fit(lambda w, x: jnp.log(w - x).sum(), jnp.zeros(2), ones(1), SGD, steps=1)


# As without pytest, whose checks of annotations would speak first.
bare_fit = inspect.unwrap(fit)


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        ({"batches": None}, DataError, "iterable of batches; got None; wrap a single"),
        ({"batches": np.ones(2)}, DataError, r"got float64 array of shape \(2,\); wrap a single"),
        ({"batches": {"x": np.ones(2)}}, DataError, "got dict of length 1; wrap a single batch"),
        ({"batches": split().test}, DataError, "got Digits of length 2; wrap a single batch"),
        ({"optimizer": "adam"}, TypeError, r"optax transformation; got str 'adam'; pass .*adam\(1"),
        ({"optimizer": optax.adam}, TypeError, "optax transformation; got function adam; pass"),
        ({"optimizer": None}, TypeError, "optax transformation; got None"),
        ({"steps": 2.5}, TypeError, "steps is an integer; got float 2.5; pass a whole"),
        ({"steps": "2"}, TypeError, "steps is an integer; got str '2'"),
        ({"log_every": 0.5}, TypeError, "log_every is an integer; got float 0.5"),
    ],
)
def test_arguments_of_another_kind_are_refused(changes, kind, words):
    given = {"batches": ones(2), "optimizer": SGD, "steps": 1} | changes
    with pytest.raises(kind, match=words):
        bare_fit(square, jnp.zeros(2), **given)
