"""Which small change of an activation lets a plain network be deep without shortcuts?

Deep Kernel Shaping and Tailored Activation Transforms replace f by γ (f(α x + β) + δ), with
constants for a depth. In terms of E f(√q z)² = Q(q) and of the correlation map C, and with
weights of variance 1 / fan_in and no biases, each layer then has Q(1) = Q'(1) = 1 and

    DKS              C(0) = 0   and   C'(1) = s, where the slopes of all layers make up `slope`
    TAT, smooth f    C'(1) = 1  and   C''(1) = k, where all k add up to `curvature`
    TAT, leaky relu  two inputs at a right angle come out with correlation `eta`

A network is given by its number of layers, or by a function ``network(x, layer)`` that passes
a number through the whole network, as ``layer(layer(x))`` does for two layers.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeAlias

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from relu_jax.activations import Activation, as_float, leaky_relu
from relu_jax.core import errors
from relu_jax.core.integers import integer
from relu_jax.core.types import Array
from relu_jax.theory.parameters import activation, jumps
from relu_jax.theory.scalars import above, known_number
from relu_jax.theory.transform_constants import Closing, Constants, Statistics, advice, solve

Network: TypeAlias = Callable[[float, Callable[[float], float]], float]
DKS_SOURCE = "Martens, Ballard, Desjardins, Swirszcz, Dalibard, Sohl-Dickstein & Schoenholz 2021"
TAT_SOURCE = "Zhang, Botev & Martens 2022"


def chain(depth: Any) -> Network:
    """Build the plain network of so many layers.

    Raises:
        ValueError: a depth below 1.
        TypeError: a depth that is no integer.

    Example:
        >>> chain(3)(1.0, lambda x: 2 * x)
        8.0
    """
    layers = integer("depth", depth)
    if layers < 1:
        raise errors.rejected(rule="depth is at least 1", got=str(layers), do="count the layers")

    def through(x: float, layer: Callable[[float], float]) -> float:
        for _ in range(layers):
            x = layer(x)
        return x

    return through


def leaky_correlation(c: float, slope: float) -> float:
    """Pass a correlation through a layer with a leaky relu, of any scale.

    C(c) = ((1 - a)² (√(1 - c²) + (π - arccos c) c) / π + 2 a c) / (1 + a²)

    Args:
        c: in [-1, 1].
        slope: a, of the negative side.

    Source: Zhang, Botev & Martens 2022, equation 9; Cho & Saul 2009 for a = 0.

    Example:
        >>> round(leaky_correlation(0.0, 0.0), 4), leaky_correlation(0.3, 1.0)
        (0.3183, 0.3)
    """
    c = min(1.0, max(-1.0, c))
    bent = math.sqrt(1 - c * c) + (math.pi - math.acos(c)) * c
    return ((1 - slope) ** 2 * bent / math.pi + 2 * slope * c) / (1 + slope**2)


def tat_slope(network: Any, *, eta: float = 0.9) -> float:
    """Solve for the slope of the leaky relu that a network of that depth needs.

    The correlation of two inputs at a right angle is `eta` at the end.

    Args:
        network: number of layers, or a function; see the module.
        eta: above 0 and below 1; the larger, the nearer to relu.

    Raises:
        ValueError: the network is so shallow that relu stays below eta already; an eta out of
            its range.

    Source: Zhang, Botev & Martens 2022, section 4.1.

    Example:
        >>> round(tat_slope(50), 4)
        0.4305
    """
    through = _network(network)
    eta = known_number("eta", eta, do="pass eta=0.9")
    if not 0 < eta < 1:
        raise errors.rejected(
            rule="eta, a correlation, lies between 0 and 1",
            got=errors.describe(eta),
            do="pass eta=0.9",
        )

    def end(slope: float) -> float:
        return through(0.0, lambda c: leaky_correlation(c, slope))

    if end(0.0) < eta:
        raise errors.rejected(
            rule=f"relu itself brings the correlation to eta={eta} or above",
            got=f"{end(0.0):.4f}, a network too shallow to need a transformation",
            do="use relu, a smaller eta or more layers",
        )
    low, high = 0.0, 1.0
    while high - low > 1e-15:
        middle = (low + high) / 2
        low, high = (middle, high) if end(middle) > eta else (low, middle)
    return (low + high) / 2


def tat_leaky_relu(network: Any, *, eta: float = 0.9) -> Activation:
    """Build the leaky relu that TAT takes for a depth: √(2 / (1 + a²)) leaky_relu(x, a).

    Args:
        network: number of layers, or a function; see the module.
        eta: as for `tat_slope`, which gives a.

    Raises:
        ValueError: as for `tat_slope`.

    Edges: the slope at 0 is that of the positive side, as for `leaky_relu`.

    Source: Zhang, Botev & Martens 2022, section 4.1.

    Example:
        >>> act = tat_leaky_relu(100)
        >>> round(act.params["slope"], 4), round(float(act(1.0)), 4)
        (0.5704, 1.2284)
    """
    slope = tat_slope(network, eta=eta)
    return Activation(
        "tat_leaky_relu",
        _scaled_leaky,
        "sqrt(2 / (1 + slope^2)) * (x for x >= 0, else slope * x)",
        f"{TAT_SOURCE}, section 4.1",
        {"slope": slope},
        **_scaled_leaky_facts(slope),
        facts=_scaled_leaky_facts,
    )


def dks(act: Activation, network: Any, *, slope: float = 1.5) -> Activation:
    """Transform an activation for a depth by Deep Kernel Shaping: γ (f(α x + β) + δ).

    Args:
        act: any activation but a linear one or a rectifier of two slopes, whose correlation
            map no constants change; of several solutions, the least |β| is taken.
        network: number of layers, or a function; see the module.
        slope: largest slope of the correlation map of the whole network, above 1.

    Raises:
        ValueError: no constants were found; an activation that jumps; a slope of 1 or less.

    Source: Martens et al. 2021, the four conditions on Q and C.

    Example:
        >>> from relu_jax.activations import get
        >>> act = dks(get("tanh"), 50)
        >>> list(act.params), round(act.params["beta"], 2)
        (['alpha', 'beta', 'gamma', 'delta'], 0.57)
    """
    act, goal = activation(act), _above("slope", slope, 1)
    if jumps(act):
        raise errors.rejected(
            rule="this transformation is for continuous activations",
            got=f"{act.name}, whose jump gives its correlation map an infinite slope at 1",
            do="take a continuous activation",
        )
    target = _per_layer(_network(network), 1.0, lambda x, s: x * s, goal, 1.0)
    found = solve(
        act, (lambda m: Closing(m.spread**-0.5, 0 * m.mean, m.slopes / m.spread),), target
    )
    return _transformed("dks", act, found, DKS_SOURCE)


def tat(act: Activation, network: Any, *, curvature: float = 0.3) -> Activation:
    """Transform a smooth activation for a depth by TAT: γ (f(α x + β) + δ).

    Args:
        act: an activation without kinks, not linear; for relu see `tat_leaky_relu`. Of several
            solutions, the least |β| is taken.
        network: number of layers, or a function; see the module.
        curvature: second derivative at 1 of the correlation map of the whole network, above 0.

    Raises:
        ValueError: an activation with kinks; no constants were found; a curvature of 0 or less.

    Source: Zhang, Botev & Martens 2022, section 4.2.

    Example:
        >>> from relu_jax.activations import get
        >>> act = tat(get("softplus"), 50)
        >>> list(act.params), round(act.params["beta"], 2)
        (['alpha', 'beta', 'gamma', 'delta'], 0.54)
    """
    if activation(act).kinks:
        raise errors.rejected(
            rule="this transformation is for activations without kinks",
            got=f"{act.name} with kinks at {', '.join(map(str, act.kinks))}",
            do=_advice_for_kinks(act),
        )
    goal = _above("curvature", curvature, 0)
    target = _per_layer(_network(network), 0.0, lambda x, k: x + k, goal, 0.0)

    def closing(sign: int) -> Callable[[Statistics], Closing]:
        # The mean that is left over makes up for the power that the slopes ask for.
        return lambda m: Closing(
            m.slopes**-0.5, sign * np.sqrt(abs(m.slopes - m.spread)), m.bends / m.slopes
        )

    return _transformed("tat", act, solve(act, (closing(1), closing(-1)), target), TAT_SOURCE)


def _advice_for_kinks(act: Activation) -> str:
    told = advice(act)
    return "use dks, which takes kinks" if "more layers" in told else told


def _transformed(name: str, act: Activation, found: Constants, source: str) -> Activation:
    fn, facts = _functions(act)
    formula = f"gamma * (f(alpha x + beta) + delta) with f(x) = {act.formula}"
    params = found._asdict()
    return Activation(
        f"{name}_{act.name}", fn, formula, source, params, **facts(**params), facts=facts
    )


@lru_cache  # one pair for each activation: equal results share what was compiled for them
def _functions(act: Activation) -> tuple[Callable[..., Array], Callable[..., dict[str, Any]]]:
    def fn(x: ArrayLike, *, alpha: Any, beta: Any, gamma: Any, delta: Any) -> Array:
        return gamma * (act(alpha * as_float(x) + beta) + delta)

    def facts(alpha: Any, beta: Any, gamma: Any, delta: Any) -> dict[str, Any]:
        del delta
        if alpha == 0:
            raise errors.rejected(rule="alpha is not 0", got="0", do="pass the one that was found")
        kinks = tuple((kink - beta) / alpha for kink in act.kinks)
        slopes = tuple(gamma * alpha * slope for slope in act.slope_at_kinks)
        order = 1 if alpha > 0 else -1
        return {
            "kinks": kinks[::order],
            "slope_at_kinks": slopes[::order],
            "flat": act.flat,
            "bends": tuple((bend - beta) / alpha for bend in act.bends)[::order],
        }

    return fn, facts


def _scaled_leaky(x: ArrayLike, *, slope: ArrayLike) -> Array:
    x = as_float(x)
    return leaky_relu(x, slope=slope) * jnp.sqrt(2 / (1 + jnp.asarray(slope, x.dtype) ** 2))


def _scaled_leaky_facts(slope: Any) -> dict[str, Any]:
    scale = math.sqrt(2 / (1 + slope**2))
    kinks = () if slope == 1 else (0.0,)
    return {"kinks": kinks, "slope_at_kinks": (scale,) * len(kinks), "flat": slope == 0}


def _per_layer(
    through: Network,
    start: float,
    layer: Callable[[float, float], float],
    goal: float,
    least: float,
) -> float:
    """Find the constant of one layer with which a number comes to `goal` through all layers."""
    low, high = least, least + goal
    for _ in range(100):
        middle = (low + high) / 2
        reached = through(start, lambda x, constant=middle: layer(x, constant))
        low, high = (middle, high) if reached < goal else (low, middle)
    return (low + high) / 2


def _network(network: Any) -> Any:
    return network if callable(network) else chain(network)


def _above(name: str, value: float, limit: float) -> float:
    do = "pass a larger one, or use the activation as it is"
    value = known_number(name, value, do=do)
    above(limit, name, value, do=do)
    return value
