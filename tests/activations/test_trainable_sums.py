"""Sums of hinges and quotients of polynomials: what they contain, how they start."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.activations import leaky_relu, relu, soft_sign
from relu_jax.activations.trainable_sums import (
    APL,
    PADE,
    REPLU,
    start_apl,
    start_pade,
    start_replu,
)

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")
X = np.linspace(-4, 4, 33, dtype=np.float32)


def pade(numerator, denominator):
    return {"numerator": numerator, "denominator": denominator}


@pytest.mark.parametrize(
    ("trainable", "params", "special"),
    [
        (APL, start_apl(), relu),
        (APL, {"slope": [-0.01], "hinge": [0.0]}, leaky_relu),
        (REPLU, start_replu(), relu),
        (REPLU, start_replu(pieces=1), relu),
        (REPLU, {"slope": [1.0, 0.0], "bend": [0.0, 3.0]}, lambda x: np.clip(x, 0, 3)),
        (PADE, pade([0.0, 1.0], [1.0]), soft_sign),
        (PADE, pade([0.0, 0.0, 1.0], [0.0]), lambda x: x**2),
        (PADE, pade([1.0], [0.0, 1.0]), lambda x: 1 / (1 + x**2)),
        (PADE, pade([0.0, 1.0], [0.0, 0.0, 1.0]), lambda x: x / (1 + abs(x) ** 3)),
        (PADE, pade([3.0], [0.0]), lambda x: 3 + 0 * x),
    ],
)
def test_special_cases_are_the_functions_they_are_named_for(trainable, params, special):
    params = {k: jnp.asarray(v) for k, v in params.items()}
    np.testing.assert_allclose(trainable(params, X), special(X), rtol=1e-6, atol=1e-7)


def test_hinges_start_apart_so_that_their_gradients_are():
    params = start_apl(hinges=5)
    np.testing.assert_allclose(params["hinge"], [-1, -0.5, 0, 0.5, 1], atol=1e-7)
    slopes = jax.grad(lambda p: APL(p, X).sum())(params)["slope"]
    np.testing.assert_allclose(slopes, [(np.maximum(h - X, 0)).sum() for h in params["hinge"]])
    assert start_apl(hinges=1)["hinge"].tolist() == [0]


def test_the_slopes_of_a_replu_have_gradients_of_their_own():
    params = start_replu(pieces=3)
    slopes = jax.grad(lambda p: REPLU(p, X).sum())(params)["slope"]
    ends = [(0, 1), (1, 2), (2, np.inf)]
    np.testing.assert_allclose(slopes, [(np.clip(X, *end) - end[0]).sum() for end in ends])
    bends = jax.grad(lambda p: REPLU(p, X).sum())(params)["bend"]
    assert bends.tolist() == [-np.sum(X > 0), 0, 0]


def test_a_pade_unit_starts_near_leaky_relu():
    x = np.linspace(-3, 3, 601, dtype=np.float32)
    assert np.abs(PADE(start_pade(), x) - leaky_relu(x)).max() < 0.034
    shifted = {k: v + 1e-3 for k, v in start_pade().items()}
    assert loss(shifted, x) > loss(start_pade(), x)


def loss(params, x):
    return float(jnp.mean((PADE(params, x) - leaky_relu(x)) ** 2))


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_a_pade_unit_does_not_overflow_where_its_powers_would(dtype):
    x = jnp.asarray([-3e4, -1e3, 1e3, 3e4], dtype)
    y, back = jax.vjp(lambda x: PADE(start_pade(), x), x)
    leading = 0.15154 / 0.30007
    np.testing.assert_allclose(y, leading * x, rtol=1e-2)
    np.testing.assert_allclose(back(jnp.ones_like(y))[0], leading, rtol=1e-2)


@pytest.mark.parametrize("x", [-np.inf, -1e38, 1e38, np.inf])
def test_far_out_a_pade_unit_has_its_slope_forward_as_backward(x):
    x = jnp.float32(x)
    forward = jax.jvp(lambda x: PADE(start_pade(), x), (x,), (jnp.float32(1),))[1]
    assert float(forward) == pytest.approx(0.15154 / 0.30007)
    assert jax.grad(lambda x: PADE(start_pade(), x))(x) == forward


@pytest.mark.parametrize(
    ("numerator", "denominator", "x", "slope"),
    [
        ([0.0, 1.0], [0.0], jnp.bfloat16(300), 1.0),
        ([0.0, 0.0, 1.0, 0.0], [1.0], jnp.bfloat16(300), 1.0),
        ([0.0, 1.0, 1e-3], [0.0], jnp.float16(3000), 7.0),
        ([0.0, 0.0, 1.0], [1.0, 1e-3], jnp.bfloat16(300), 0.593),
        ([0.0, 1.0, 1e-9], [0.0], jnp.float32(3e7), 1.06),
        ([0.0, 1.0], [0.0], jnp.float32(1e15), 1.0),
    ],
)
def test_the_slope_is_right_far_out_where_the_leading_terms_are_not_all(
    numerator, denominator, x, slope
):
    params = {k: jnp.asarray(v) for k, v in pade(numerator, denominator).items()}
    assert float(jax.grad(lambda x: PADE(params, x))(x)) == pytest.approx(slope, rel=1e-2)


@pytest.mark.parametrize("trainable", [APL, REPLU], ids=["apl", "replu"])
def test_parameters_that_count_different_pieces_are_refused(trainable):
    one, other = trainable.parameters
    for sizes in ((3, 2), (1, 3)):
        params = {one: jnp.ones(sizes[0]), other: jnp.arange(float(sizes[1]))}
        with pytest.raises(ValueError, match=f"{one} and {other} count the same pieces along"):
            trainable(params, X)
    with pytest.raises(ValueError, match="slope has at least one piece along its first axis; got"):
        trainable({one: jnp.ones(0), other: jnp.ones(0)}, X)


@pytest.mark.parametrize(
    ("start", "text"),
    [
        (
            lambda: start_apl(hinges=0),
            "an apl has at least 1 hinge; got hinges=0; pass hinges=1, or relu",
        ),
        (
            lambda: start_replu(pieces=-1),
            "a replu has at least 1 piece; got pieces=-1; pass pieces=1, or relu",
        ),
    ],
)
def test_a_number_of_pieces_below_one_is_refused(start, text):
    with pytest.raises(ValueError, match=text):
        start()
