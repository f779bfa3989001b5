"""The firing rate against a simulated membrane, its threshold, its limits and its smooth twin."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from relu_jax.activations.neurons import LIF_RATE, LIF_RATE_SMOOTH, lif_rate, lif_rate_smooth
from relu_jax.core.numerics import tolerance

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")

RTOL = tolerance("float32")


def simulated_rate(current, *, rest, threshold, reset, resistance, tau, refractory):
    """Charge the membrane from reset until it fires, by an ODE solver."""

    def fires(t, v):
        return v[0] - threshold

    fires.terminal = True
    path = solve_ivp(
        lambda t, v: (rest - v + resistance * current) / tau,
        (0, 10), [reset], events=fires, rtol=1e-11, atol=1e-11,
    )  # fmt: skip
    return 1 / (refractory + path.t_events[0][0]) if path.t_events[0].size else 0.0


@pytest.mark.parametrize("current", [0.1, 0.1667, 0.2, 0.5, 3.0])
def test_rate_is_that_of_a_simulated_membrane(current):
    with jax.enable_x64(True):
        rate = float(lif_rate(current))
    assert rate == pytest.approx(simulated_rate(current, **LIF_RATE.params), rel=1e-7)


def test_another_neuron_fires_as_simulated():
    other = LIF_RATE.with_params(rest=-70, threshold=-54, reset=-80, resistance=10, tau=0.01)
    with jax.enable_x64(True):
        rates = other(np.array([1.5, 2.0, 5.0]))
    exact = [simulated_rate(current, **other.params) for current in (1.5, 2.0, 5.0)]
    np.testing.assert_allclose(rates, exact, rtol=1e-7)
    assert exact[0] == 0
    assert other.kinks == (1.6,)


def test_it_starts_at_the_threshold_current_and_not_before():
    onset = np.float32(15 / 90)
    after = np.nextafter(onset, np.float32(1))
    assert lif_rate(onset) == 0
    assert LIF_RATE.derivative(onset) == 0
    assert 0 < lif_rate(after) < 3
    assert np.isfinite(LIF_RATE.derivative(after))
    assert LIF_RATE.derivative(after) > 1e5


def test_without_a_refractory_time_it_grows_linearly():
    """Dayan & Abbott: the rate tends to (u / span) / tau; the next term adds 1 / (2 tau)."""
    rate = lif_rate(1000.0, refractory=1e-12)
    u = 90 * 1000 - 15
    assert float(rate) == pytest.approx(u / (0.03 * 15) + 1 / (2 * 0.03), rel=1e-5)


def test_a_neuron_at_rest_above_threshold_fires_without_input():
    assert float(lif_rate(0.0, rest=-40.0)) == pytest.approx(
        1 / (0.002 + 0.03 * np.log(25 / 10)), rel=RTOL
    )


def test_narrow_threshold_makes_the_smooth_rate_the_hard_one():
    x = np.float32([-1, 0.1, 0.25, 0.5, 2])
    smooth = lif_rate_smooth(x, width=0.01)
    np.testing.assert_allclose(smooth[2:], lif_rate(x)[2:], rtol=1e-5)
    assert float(smooth[0]) < 0.01 * float(lif_rate(x)[2])


def test_smooth_rate_at_the_threshold_has_a_closed_form():
    exact = 1 / (0.002 + 0.03 * np.log1p(15 / (2.5 * np.log(2))))
    assert float(lif_rate_smooth(15 / 90, width=2.5)) == pytest.approx(exact, rel=RTOL)


def test_smooth_rate_falls_as_one_over_the_current_below_threshold():
    far = float(lif_rate_smooth(-1e6))
    assert far == pytest.approx(1 / (0.03 * 90 * 1e6), rel=1e-4)


def test_smooth_derivative_has_no_jump():
    x = np.linspace(0.1, 0.25, 3001, dtype=np.float32)
    slopes = np.asarray(LIF_RATE_SMOOTH.derivative(x))
    assert np.abs(np.diff(slopes)).max() < 0.005 * slopes.max()


@pytest.mark.parametrize("f", [lif_rate, lif_rate_smooth])
def test_gradients_in_parameters_equal_finite_differences(f):
    act = {"lif_rate": LIF_RATE, "lif_rate_smooth": LIF_RATE_SMOOTH}[f.__name__]
    with jax.enable_x64(True):
        slopes = jax.grad(lambda params: f(0.4, **params))(act.params)
        for name, value in act.params.items():
            h = 1e-6 * abs(value)
            up, down = (float(f(0.4, **(act.params | {name: value + s}))) for s in (h, -h))
            assert float(slopes[name]) == pytest.approx((up - down) / (2 * h), rel=1e-6, abs=1e-7)


def test_gradients_in_parameters_are_finite_where_nothing_fires():
    slopes = jax.grad(lambda params: lif_rate(15 / 90, **params))(LIF_RATE.params)
    assert all(slope == 0 for slope in jax.tree.leaves(slopes))
    slopes = jax.grad(lambda params: lif_rate_smooth(-1e4, **params))(LIF_RATE_SMOOTH.params)
    assert all(jnp.isfinite(slope) for slope in jax.tree.leaves(slopes))


@pytest.mark.parametrize("act", [LIF_RATE, LIF_RATE_SMOOTH], ids=lambda act: act.name)
def test_impossible_neurons_are_refused(act):
    with pytest.raises(ValueError, match=rf"{act.name} needs tau > 0; got tau=0.0"):
        act.with_params(tau=0)
    with pytest.raises(ValueError, match=r"refractory > 0; got refractory=-0.1"):
        act.with_params(refractory=-0.1)
    with pytest.raises(ValueError, match=rf"{act.name} needs reset < threshold; got reset=-40.0"):
        act.with_params(reset=-40)


@pytest.mark.parametrize("f", [lif_rate, lif_rate_smooth], ids=lambda f: f.__name__)
def test_in_float16_no_current_times_resistance_overflows(f):
    x = np.float16([-6e4, -1000, 1000, 6e4])
    params = {"resistance": np.float16(90), "tau": np.float16(0.03)}
    rates, slopes = jax.jvp(lambda x: f(x, **params), (jnp.asarray(x),), (jnp.ones(4, "float16"),))
    with jax.enable_x64(True):
        wide = x.astype(np.float64), {k: np.float64(v) for k, v in params.items()}
        exact = jax.jvp(lambda x: f(x, **wide[1]), (jnp.asarray(wide[0]),), (jnp.ones(4),))
    for ours, theirs in zip((rates, slopes), exact, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=tolerance("float16"), atol=2.0**-23)
    for current in x:
        gradients = jax.grad(lambda p, current=current: f(current, **p))(params)
        assert all(jnp.isfinite(g) for g in jax.tree.leaves(gradients))
