"""How fast does a leaky integrate-and-fire neuron fire under a steady current?

The membrane charges towards rest + resistance * x, fires at the threshold, falls to the reset
and stays silent for the refractory time. With u = rest + resistance * x - threshold, the drive
above threshold, the rate is 1 / (refractory + tau log(1 + (threshold - reset) / u)).

Currents are nanoampere, resistances megaohm, so that their products are millivolt; times are
seconds, rates hertz. The defaults are the neuron of Dayan & Abbott 2001, figure 5.6, with a
refractory time, which theirs has not.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from relu_jax.activations.activation import Activation, as_float
from relu_jax.activations.neuron_fits import REST, THRESHOLD, fit_hard, fit_smooth
from relu_jax.activations.ranges import positive
from relu_jax.activations.slopes import with_slope
from relu_jax.activations.tails import finite_product
from relu_jax.core import errors
from relu_jax.core.numerics import widened

RESET, RESISTANCE, TAU, REFRACTORY = -65.0, 90.0, 0.03, 0.002


@jax.jit
def lif_rate(
    x: ArrayLike,
    *,
    rest: ArrayLike = REST,
    threshold: ArrayLike = THRESHOLD,
    reset: ArrayLike = RESET,
    resistance: ArrayLike = RESISTANCE,
    tau: ArrayLike = TAU,
    refractory: ArrayLike = REFRACTORY,
) -> jax.Array:
    """Give the firing rate of a leaky integrate-and-fire neuron, in hertz.

    1 / (refractory + tau log((V - reset) / (V - threshold))) where V = rest + resistance * x is
    above the threshold, else 0.

    Args:
        x: steady input current, nanoampere; any shape.
        rest: potential without input, millivolt.
        threshold: potential at which it fires, millivolt.
        reset: potential after firing, millivolt, below the threshold.
        resistance: of the membrane, megaohm, above 0.
        tau: time constant of the membrane, seconds, above 0.
        refractory: silence after firing, seconds, above 0; 1 / refractory is the rate at inf.

    Edges: at the threshold current, (threshold - rest) / resistance, value and slope are 0, as
    below it. Just above it the slope grows without bound, as 1 / (u log^2 u), but is finite at
    every float. -inf gives 0, inf gives 1 / refractory, both with derivative 0; NaN gives NaN.

    Source: Dayan & Abbott 2001, section 5.4.

    Example:
        >>> [round(float(rate), 1) for rate in lif_rate(jnp.array([0.1, 0.2, 1.0]))]
        [0.0, 17.9, 133.9]
    """
    x = as_float(x)
    above = widened(x - jnp.subtract(threshold, rest) / resistance)
    threshold, reset, resistance, tau, refractory = _as_wide(
        above, threshold, reset, resistance, tau, refractory
    )
    span = threshold - reset
    # Where the quotient span / u would overflow, the rate is that of the threshold itself.
    quiet = resistance * above <= span * 4 * float(jnp.finfo(above.dtype).tiny)
    drive = resistance * jnp.where(quiet, 1, above)
    return jnp.where(quiet, 0, _rate(drive, span, tau, refractory)).astype(x.dtype)


def _as_wide(x: jax.Array, *params: ArrayLike) -> list[jax.Array]:
    """Give parameters the type of x: a current times a resistance overflows in float16."""
    return [jnp.asarray(p, x.dtype) for p in params]


def _rate_bend(u: jax.Array, span: Any, tau: Any, refractory: Any) -> jax.Array:
    rate, slope = (f(u, span, tau, refractory) for f in (_rate, _rate_slope))
    return slope * (2 * (slope / rate) - 1 / u - 1 / (u + span))


@with_slope(_rate_bend)
def _rate_slope(u: jax.Array, span: Any, tau: Any, refractory: Any) -> jax.Array:
    rate = _rate(u, span, tau, refractory)
    return rate * tau * (span / u) * (rate / (u + span))


@with_slope(_rate_slope)
def _rate(u: jax.Array, span: Any, tau: Any, refractory: Any) -> jax.Array:
    return 1 / (refractory + tau * jnp.log1p(span / u))


@jax.jit
def lif_rate_smooth(
    x: ArrayLike,
    *,
    rest: ArrayLike = REST,
    threshold: ArrayLike = THRESHOLD,
    reset: ArrayLike = RESET,
    resistance: ArrayLike = RESISTANCE,
    tau: ArrayLike = TAU,
    refractory: ArrayLike = REFRACTORY,
    width: ArrayLike = 1.0,
) -> jax.Array:
    """Smooth the threshold of `lif_rate`: its drive u becomes width * log(1 + e^(u / width)).

    Args:
        x: steady input current, nanoampere; any shape.
        rest: potential without input, millivolt.
        threshold: potential at which it fires, millivolt.
        reset: potential after firing, millivolt, below the threshold.
        resistance: of the membrane, megaohm, above 0.
        tau: time constant of the membrane, seconds, above 0.
        refractory: silence after firing, seconds, above 0; 1 / refractory is the rate at inf.
        width: of the rounded threshold, millivolt, above 0; 0 would be `lif_rate`.

    Edges: -inf gives 0, inf gives 1 / refractory, both with derivative 0; NaN gives NaN. The
    rate is above 0 everywhere: below threshold it falls as slowly as 1 / |x|.

    Source: Hunsberger & Eliasmith 2015.

    Example:
        >>> [round(float(rate), 1) for rate in lif_rate_smooth(jnp.array([0.1, 0.2, 1.0]))]
        [3.8, 18.1, 133.9]
    """
    x = as_float(x)
    wide = widened(x)
    rest, threshold, reset, resistance, tau, refractory, width = _as_wide(
        wide, rest, threshold, reset, resistance, tau, refractory, width
    )
    onset, span = (threshold - rest) / resistance, (threshold - reset) / width
    rate = _rate_of_current(wide, onset, resistance / width, span, tau, refractory)
    return rate.astype(x.dtype)


def _bend_of_current(x: jax.Array, onset: Any, per_current: Any, *rest: Any) -> jax.Array:
    t = finite_product(per_current, x - onset)
    return (per_current * per_current) * _smooth_rate_bend(t, *rest)


@with_slope(_bend_of_current)
def _slope_of_current(x: jax.Array, onset: Any, per_current: Any, *rest: Any) -> jax.Array:
    return per_current * _smooth_rate_slope(finite_product(per_current, x - onset), *rest)


@with_slope(_slope_of_current)
def _rate_of_current(x: jax.Array, onset: Any, per_current: Any, *rest: Any) -> jax.Array:
    return _smooth_rate(finite_product(per_current, x - onset), *rest)


def _smooth_rate_bend(t: jax.Array, span: Any, tau: Any, refractory: Any) -> jax.Array:
    rate, gain = _smooth_rate(t, span, tau, refractory), _smooth_gain(t, span, tau, refractory)
    turn = _growth_rate(t) - lax.logistic(t) / (jnp.logaddexp(t, 0) + span)
    return rate * gain * (2 * gain + turn)


def _smooth_rate_slope(t: jax.Array, span: Any, tau: Any, refractory: Any) -> jax.Array:
    return _smooth_rate(t, span, tau, refractory) * _smooth_gain(t, span, tau, refractory)


def _smooth_gain(t: jax.Array, span: Any, tau: Any, refractory: Any) -> jax.Array:
    """Take the derivative of log rate, which lives on where the rate is 0."""
    rate, drive = _smooth_rate(t, span, tau, refractory), jnp.logaddexp(t, 0)
    return tau * _growth(t) * (rate * (span / (drive + span)))


def _smooth_rate(t: jax.Array, span: Any, tau: Any, refractory: Any) -> jax.Array:
    # log(1 + span / drive) by the logarithm of the drive, which lives on where the drive is 0.
    return 1 / (refractory + tau * jnp.logaddexp(jnp.log(span) - _log_drive(t), 0))


def _halves(t: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Part t where two terms of a series in e^t are exact: is it there, e^t there, t elsewhere."""
    edge = -15.0 if t.dtype == jnp.float64 else -6.0
    return t < edge, jnp.exp(jnp.minimum(t, edge)), jnp.maximum(t, edge)


def _growth_rate(t: jax.Array) -> jax.Array:
    """Divide the derivative of `_growth` by it: sigmoid(-t) - growth."""
    low, e, near = _halves(t)
    direct = lax.logistic(-near) - lax.logistic(near) / jnp.logaddexp(near, 0)
    return jnp.where(low, e * (7 / 12 * e - 0.5), direct)


def _growth(t: jax.Array) -> jax.Array:
    """Take the derivative of `_log_drive`: sigmoid(t) / log(1 + e^t), near 1 far below 0."""
    low, e, near = _halves(t)
    direct = lax.logistic(near) / jnp.logaddexp(near, 0)
    return jnp.where(low, 1 + e * (5 / 12 * e - 0.5), direct)


@with_slope(_growth)
def _log_drive(t: jax.Array) -> jax.Array:
    """Take log(log(1 + e^t)), near t far below 0."""
    low, e, near = _halves(t)
    return jnp.where(low, t + e * (5 / 24 * e - 0.5), jnp.log(jnp.logaddexp(near, 0)))


def _facts(name: str, reset: float, threshold: float, **above_zero: float) -> None:
    positive(name, **above_zero)
    if not reset < threshold:
        raise errors.rejected(
            rule=f"{name} needs reset < threshold",
            got=f"reset={reset} and threshold={threshold}",
            do="swap them, or move them apart",
        )


def _lif_facts(
    rest: float, threshold: float, reset: float, resistance: float, tau: float, refractory: float
) -> dict[str, Any]:
    _facts("lif_rate", reset, threshold, resistance=resistance, tau=tau, refractory=refractory)
    kink = (threshold - rest) / resistance
    return {"kinks": (kink,), "slope_at_kinks": (0.0,), "flat": True}


def _smooth_facts(
    rest: float, threshold: float, reset: float, **above_zero: float
) -> dict[str, Any]:
    del rest  # any finite potential will do
    _facts("lif_rate_smooth", reset, threshold, **above_zero)
    return {}


_NEURON = {
    "rest": REST,
    "threshold": THRESHOLD,
    "reset": RESET,
    "resistance": RESISTANCE,
    "tau": TAU,
    "refractory": REFRACTORY,
}

LIF_RATE = Activation(
    "lif_rate",
    lif_rate,
    "1 / (refractory + tau log((V - reset) / (V - threshold))), V = rest + resistance x, else 0",
    "Dayan & Abbott 2001, section 5.4",
    _NEURON,
    kinks=((THRESHOLD - REST) / RESISTANCE,),
    slope_at_kinks=(0.0,),
    flat=True,
    facts=_lif_facts,
    fit=fit_hard,
)
LIF_RATE_SMOOTH = Activation(
    "lif_rate_smooth",
    lif_rate_smooth,
    "1 / (refractory + tau log(1 + (threshold - reset) / u)), u = width softplus(drive / width)",
    "Hunsberger & Eliasmith 2015",
    _NEURON | {"width": 1.0},
    facts=_smooth_facts,
    fit=fit_smooth,
)
