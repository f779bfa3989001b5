"""The record of one activation: its parameters, its derivative, its refusals."""

from inspect import unwrap

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.activations import Activation, as_float, get
from relu_jax.activations.activation import proposal, samples


def test_parameters_move_the_kinks_and_the_slopes():
    act = get("hard_tanh", low=-2, high=3)
    assert act.kinks == (-2.0, 3.0)
    assert get("elu", alpha=0.5).slope_at_kinks == (0.5,)
    assert get("leaky_relu", slope=0).flat


def test_a_parameter_that_removes_the_kink_removes_it_from_the_facts():
    assert get("leaky_relu", slope=1).kinks == ()
    assert get("elu", alpha=1).slope_at_kinks == ()


def test_unknown_parameter_is_named_with_the_known_ones():
    with pytest.raises(TypeError, match=r"parameters of leaky_relu are slope; got alpha; leave"):
        get("leaky_relu", alpha=1.0)
    with pytest.raises(TypeError, match=r"parameters of relu are none; got slope"):
        get("relu", slope=1.0)


@pytest.mark.parametrize("value", [np.nan, np.inf, np.zeros(3)])
def test_parameter_that_is_no_finite_number_is_refused(value):
    with pytest.raises(TypeError, match=r"leaky_relu.slope is a finite number; got .*; pass"):
        get("leaky_relu", slope=value)


@pytest.mark.parametrize(
    ("name", "params", "rule"),
    [
        ("hard_tanh", {"low": 1}, "hard_tanh needs low < high; got low=1.0 and high=1.0; swap"),
        ("softplus", {"beta": 0}, "softplus needs beta > 0; got beta=0.0; pass beta=1"),
        ("silu", {"beta": 0}, "silu needs beta other than 0; got beta=0.0"),
    ],
)
def test_parameter_out_of_range_is_refused(name, params, rule):
    with pytest.raises(ValueError, match=rule):
        get(name, **params)


@pytest.mark.parametrize("order", [0, -1])
def test_derivative_of_no_order_is_refused(order):
    with pytest.raises(ValueError, match=f"order of a derivative is at least 1; got order={order}"):
        get("relu").derivative(1.0, order)


@pytest.mark.parametrize("order", [1.0, True, "1", None])
def test_derivative_of_no_whole_order_is_refused(order):
    with pytest.raises(TypeError, match=r"the order of a derivative is an integer; got"):
        unwrap(Activation.derivative)(get("relu"), 1.0, order)


@pytest.mark.parametrize("slope", [np.nan, np.inf, None, "steep", 1j])
def test_a_slope_at_a_kink_that_is_no_finite_number_is_refused(slope):
    with pytest.raises(TypeError, match=r"a slope of relu is a finite number; got .*; pass a fl"):
        unwrap(Activation.with_slopes)(get("relu"), slope)


def test_derivative_of_third_order_holds_for_the_cube():
    cube = Activation("cube", lambda x: x**3, "x^3", "definition")
    np.testing.assert_allclose(cube.derivative(np.float32([-1, 2]), order=3), [6, 6])


def test_complex_input_is_refused():
    with pytest.raises(TypeError, match=r"takes real numbers; got complex64 array of shape \(2,\)"):
        get("relu")(np.zeros(2, np.complex64))


@pytest.mark.parametrize(
    "x",
    [None, "a", b"a", {"a": 1.0}, np.array(["a"]), np.array([None]), np.datetime64("2020-01-01"),
     jax.random.key(0)],
)  # fmt: skip
def test_what_is_no_array_is_refused_before_jax_sees_it(x):
    act = get("tanh")
    for call in (unwrap(Activation.__call__), unwrap(Activation.derivative)):
        with pytest.raises(
            TypeError, match=r"takes an array of real numbers; got .*; pass an array"
        ):
            call(act, x)
    with pytest.raises(TypeError, match=r"takes an array of real numbers; got"):
        unwrap(as_float)(x)


@pytest.mark.parametrize(
    ("kinks", "slopes", "text"),
    [
        ((1.0, 0.0), (0.0, 0.0), r"kinks are finite and ascend; got kinks at 1, 0 for bent; sort"),
        ((0.0, 0.0), (0.0, 0.0), r"kinks are finite and ascend; got kinks at 0, 0"),
        ((0.0, np.nan), (0.0, 0.0), r"kinks are finite and ascend; got kinks at 0, nan"),
        ((0.0, np.inf), (0.0, 0.0), r"kinks are finite and ascend; got kinks at 0, inf"),
        ((0.0, 1.0), (0.0,), r"one slope for each kink; got 1 slopes for kinks at 0, 1; give bent"),
        ((), (0.5,), r"one slope for each kink; got 1 slopes for kinks at no place"),
    ],
)
def test_kinks_and_their_slopes_that_do_not_fit_are_refused(kinks, slopes, text):
    with pytest.raises(ValueError, match=text):
        Activation("bent", jnp.abs, "", "", kinks=kinks, slope_at_kinks=slopes)


def test_float_dtypes_pass_and_integers_become_float32():
    assert as_float(np.float16(1)).dtype == jnp.float16
    assert as_float(np.int8(1)).dtype == jnp.float32
    assert as_float(1.5).dtype == jnp.float32


def test_an_activation_is_a_static_argument_and_a_key():
    f = jax.jit(lambda act, x: act(x), static_argnums=0)
    assert f(get("relu"), np.float32(-1)) == 0
    assert {get("leaky_relu", slope=0.2): 1}[get("leaky_relu", slope=0.2)] == 1
    assert get("leaky_relu", slope=0.2) != get("leaky_relu", slope=0.3)


def test_parameters_can_be_traced_and_differentiated():
    slope = jax.grad(lambda a: get("leaky_relu").fn(np.float32(-3), slope=a))(0.2)
    assert slope == -3
    channels = get("leaky_relu").fn(-jnp.ones((2, 3)), slope=jnp.array([[0.1, 0.2, 0.3]]))
    np.testing.assert_allclose(channels[1], [-0.1, -0.2, -0.3], rtol=1e-6)


def test_proposals_are_finite_and_lose_the_noise_of_float32():
    assert proposal(slope=float(np.float32(0.01))) == {"slope": 0.01}
    assert proposal(slope=float(np.float32(0.123456))) == {"slope": 0.123456}
    assert proposal(slope=1 / 3) == {"slope": 1 / 3}
    assert proposal(low=-1.0, high=np.inf) is None


def test_samples_of_a_function_that_overflows_are_told_without_a_warning():
    assert samples(np.exp, 0.0, 1e4) == [1.0, np.inf]
