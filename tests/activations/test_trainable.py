"""The record of a trained activation: where its parameters lie, how they start, what it refuses."""

from inspect import unwrap

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.activations import as_float
from relu_jax.activations.lookup import get_trainable
from relu_jax.activations.starts import Start
from relu_jax.activations.trainable import Trainable, frozen
from relu_jax.activations.trainable_catalogue import TRAINABLE
from relu_jax.activations.trainable_rectifiers import PRELU, SRELU
from relu_jax.activations.trainable_smooth import DYT
from relu_jax.activations.trainable_sums import APL, PADE, REPLU

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")

SCALED = Trainable(
    "scaled",
    lambda p, x: p["a"] * x,
    Start((("a", 2.0), ("b", 3.0)), shared=("b",)),
    "a x",
    "definition",
    ("a",),
)


@pytest.mark.parametrize(
    ("shape", "axis", "laid"),
    [
        ((), -1, (1, 1, 1, 1)),
        ((5,), -1, (1, 1, 1, 5)),
        ((3,), 1, (1, 3, 1, 1)),
        ((3,), -3, (1, 3, 1, 1)),
        ((3, 4, 5), -1, (1, 3, 4, 5)),
        ((3, 1, 1), -1, (1, 3, 1, 1)),
        ((2, 3), 1, (2, 3, 1, 1)),
    ],
)
def test_a_parameter_ends_at_the_axis_and_is_shared_along_the_others(shape, axis, laid):
    a = 1 + np.arange(np.prod(shape, dtype=int), dtype=np.float32).reshape(shape)
    x = jnp.ones((2, 3, 4, 5))
    np.testing.assert_array_equal(
        SCALED({"a": a}, x, axis=axis), np.ones(x.shape) * a.reshape(laid)
    )


def test_hinges_lie_in_front_of_the_units():
    x = np.linspace(-2, 2, 24, dtype=np.float32).reshape(2, 3, 4)
    slope = np.float32([[0.1, 0.2, 0.3], [0.5, 0.6, 0.7]])
    hinge = np.float32([[0, 1, 2], [-1, 0, 1]])
    y = APL({"slope": slope, "hinge": hinge}, x, axis=1)
    for channel in range(3):
        one = {"slope": slope[:, channel], "hinge": hinge[:, channel]}
        np.testing.assert_array_equal(y[:, channel], APL(one, x[:, channel]))


@pytest.mark.parametrize(
    ("shape", "axis", "text"),
    [
        ((4,), -1, r"a has the sizes of x up to axis -1, or 1; got a of shape \(4,\) for x of sha"),
        ((2, 2, 5), -1, r"parameter a has the sizes of x .*; pass axis= or another init shape"),
        (
            (5,),
            2,
            r"axis is one of the 2 axes of x; got axis=2 for float32 array of shape \(2, 5\)",
        ),
    ],
)
def test_a_parameter_that_does_not_fit_is_refused(shape, axis, text):
    with pytest.raises(ValueError, match=text):
        SCALED({"a": np.ones(shape, np.float32)}, np.ones((2, 5), np.float32), axis=axis)


def test_hinges_without_their_axis_are_refused():
    with pytest.raises(ValueError, match=r"parameter slope has an axis in front that counts"):
        APL({"slope": np.float32(1), "hinge": np.zeros(1, np.float32)}, 1.0)


def test_the_wrong_parameters_are_refused_by_name():
    with pytest.raises(
        TypeError, match=r"prelu are slope; got alpha; take .*get_trainable\('prelu"
    ):
        PRELU({"alpha": 1.0}, 1.0)
    with pytest.raises(TypeError, match=r"parameters of prelu are slope; got none"):
        PRELU({}, 1.0)
    for params in (None, [1], "slope"):
        with pytest.raises(TypeError, match=r"parameters of prelu are slope; got (None|list|str)"):
            unwrap(Trainable.__call__)(PRELU, params, 1.0)
    with pytest.raises(TypeError, match=r"parameters of prelu are slope; got 3, slope; take"):
        unwrap(Trainable.__call__)(PRELU, {3: 1.0, "slope": 1.0}, 1.0)
    with pytest.raises(TypeError, match=r"parameters of dyt are alpha, gamma, beta; got alpha"):
        frozen(DYT, {"alpha": 1.0})


def test_complex_numbers_are_refused_in_x_and_in_a_parameter():
    for params, x in (({"slope": 0.1}, 1j), ({"slope": 1j}, 1.0)):
        with pytest.raises(TypeError, match=r"takes real numbers; got complex64"):
            PRELU(params, jnp.asarray(x, jnp.result_type(x)))


def test_integers_become_float32_and_parameters_take_the_dtype_of_x():
    assert PRELU({"slope": 2}, np.int32(-3)).dtype == jnp.float32
    assert PRELU({"slope": np.float32(2)}, jnp.bfloat16(-3)).dtype == jnp.bfloat16
    slope = jax.grad(lambda p: PRELU(p, jnp.bfloat16(-3)).astype("float32"))({"slope": 0.25})
    assert slope["slope"] == -3
    assert as_float(slope["slope"]).dtype == jnp.float32


def test_no_finite_x_makes_the_derivative_in_a_parameter_nan():
    top = float(jnp.finfo("float32").max)
    size = np.geomspace(1.2e-38, top, 301).clip(max=top)
    x = np.float32([*-size, 0.0, *size])
    starts = {t.name: t.init(jax.random.key(0)) for t in TRAINABLE}

    def moved(trainable, name, params):
        one = (params[name],), (jnp.ones_like(params[name]),)
        return jax.jvp(lambda value: trainable(params | {name: value}, x), *one)[1]

    slopes = jax.jit(lambda p: [[moved(t, k, p[t.name]) for k in t.parameters] for t in TRAINABLE])
    found = zip(TRAINABLE, slopes(starts), strict=True)
    assert not [t.name for t, of in found if any(np.isnan(slope).any() for slope in of)]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_computed_in_float32_and_rounded_once(dtype):
    eps = float(jnp.finfo(dtype).eps)
    x = jnp.linspace(-4.0, 4.0, 61).astype(dtype)
    starts = {t.name: t.init(jax.random.key(0)) for t in TRAINABLE}

    def slopes(x, p):
        made = [jax.vjp(lambda x, t=t: t(p[t.name], x), x) for t in TRAINABLE]
        return [(y, back(jnp.ones_like(y))[0]) for y, back in made]

    half, wide = jax.jit(slopes)(x, starts), jax.jit(slopes)(x.astype("float32"), starts)
    for t, ours, exact in zip(TRAINABLE, half, wide, strict=True):
        rtol = (4 if t.in_steps else 0.51) * eps
        for y, want in zip(ours, exact, strict=True):
            assert y.dtype == x.dtype
            np.testing.assert_allclose(np.float32(y), want, rtol=rtol, atol=1e-7, err_msg=t.name)
    assert [t.name for t in TRAINABLE if t.in_steps] == ["dyt"]


def test_frozen_is_an_activation_with_kinks_and_derivatives():
    act = frozen(SRELU, {"low": -1.0, "low_slope": 0.5, "high": 2.0, "high_slope": jnp.float32(0)})
    assert act.kinks == (-1.0, 2.0)
    assert act.slope_at_kinks == (0.5, 0.0)
    assert act.flat
    np.testing.assert_array_equal(
        act.derivative(np.float32([-3, -1, 0, 2, 5])), [0.5, 0.5, 1, 0, 0]
    )
    assert act.with_params(low_slope=1).kinks == (2.0,)


def test_two_frozen_at_the_same_numbers_are_one_and_compile_once():
    one, two = (frozen(PRELU, {"slope": 0.5}) for _ in range(2))
    assert one == two
    assert hash(one) == hash(two)
    assert one != frozen(PRELU, {"slope": 0.6})


def test_frozen_refuses_arrays_and_numbers_out_of_range():
    with pytest.raises(TypeError, match=r"a frozen prelu has one number as slope; got float32 arr"):
        frozen(PRELU, {"slope": np.zeros(3, np.float32)})
    for slope in (np.nan, None, "0.5", 1j, True):
        with pytest.raises(TypeError, match=r"prelu.slope is a finite number; got"):
            unwrap(frozen)(PRELU, {"slope": slope})
    with pytest.raises(ValueError, match=r"srelu needs low < high; got low=1.0 and high=0.0"):
        frozen(SRELU, {"low": 1.0, "low_slope": 0.1, "high": 0.0, "high_slope": 1.0})


@pytest.mark.parametrize("trainable", [APL, REPLU, PADE], ids=["apl", "replu", "pade"])
def test_what_counts_pieces_is_not_frozen(trainable):
    for params in (trainable.init(), dict.fromkeys(trainable.parameters, 1.0)):
        with pytest.raises(TypeError, match=f"parameters; got {trainable.name}, whose .* and"):
            frozen(trainable, params)


def test_frozen_refuses_a_name_and_a_number_without_a_value():
    with pytest.raises(TypeError, match=r"takes a Trainable .*; got str 'prelu'; pass get_train"):
        unwrap(frozen)("prelu", {})
    with pytest.raises(TypeError, match=r"a frozen prelu has numbers.*; got slope as a traced flo"):
        jax.jit(lambda slope: frozen(PRELU, {"slope": slope})(-2.0))(0.5)


def test_the_record_is_found_by_its_name():
    assert get_trainable("prelu") is PRELU
