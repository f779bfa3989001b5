"""What does one random layer do to the variance of a signal and to the correlation of two?

Layer l+1 is W f(h_l) + b, with independent weights of variance weight_std² / fan_in and biases
of variance bias_std². As the width grows, a pre-activation is normal with variance q, and those
of two inputs have correlation c:

    q' = V(q) = weight_std² E f(√q z)² + bias_std²
    c' = C(c) = (weight_std² E f(u) f(v) + bias_std²) / V(q)   u, v ~ N(0, q), correlation c

Everything here can be jitted, vmapped, and differentiated in the deviations and in the
parameters of the activation.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike

from relu_jax.activations import Activation
from relu_jax.core import errors
from relu_jax.core.integers import integer
from relu_jax.core.types import Array
from relu_jax.theory.kernels import NODES, dual, with_enough_nodes
from relu_jax.theory.moments import average
from relu_jax.theory.parameters import settled
from relu_jax.theory.scalars import above, at_least, check_scalars, is_known, real

Params: TypeAlias = Mapping[str, Any] | None


class Trajectory(NamedTuple):
    """Hold variance and correlation of the pre-activations, from layer 0 to the last."""

    q: Array  # (L + 1,)
    c: Array  # (L + 1,)


def variance_map(
    act: Activation,
    q: ArrayLike,
    *,
    weight_std: ArrayLike,
    bias_std: ArrayLike = 0.0,
    params: Params = None,
) -> Array:
    """Pass the variance of a pre-activation through one layer.

    V(q) = weight_std² E f(√q z)² + bias_std²

    Args:
        act: any activation.
        q: at least 0, any shape.
        weight_std: of the weights, times √fan_in; broadcasts with q, as bias_std does.
        bias_std: of the biases.
        params: what differs from `act.params`; may be traced.

    Raises:
        ValueError: a negative or infinite number.

    Source: Poole, Lahiri, Raghu, Sohl-Dickstein & Ganguli 2016, equation 3.

    Example:
        >>> from relu_jax.activations import get
        >>> float(variance_map(get("relu"), 3.0, weight_std=1.0, bias_std=0.5).round(5))
        1.75
    """
    q = at_least(0.0, "the variance q", q, do="pass a variance")
    weight_std, bias_std = deviations(weight_std, bias_std, q)
    return weight_std**2 * average(act, q, "second", params=params) + bias_std**2


def correlation_map(
    act: Activation,
    c: ArrayLike,
    *,
    q: ArrayLike,
    weight_std: ArrayLike,
    bias_std: ArrayLike = 0.0,
    params: Params = None,
    nodes: int = NODES,
) -> Array:
    """Pass the correlation of two pre-activations of equal variance through one layer.

    C(c) = (weight_std² E f(u) f(v) + bias_std²) / V(q), so that C(1) = 1.

    Args:
        act: any activation.
        c: in [-1, 1], any shape.
        q: the variance, above 0; a scalar.
        weight_std: of the weights, times √fan_in.
        bias_std: of the biases.
        params: what differs from `act.params`; may be traced.
        nodes: per panel, as for `dual`.

    Raises:
        ValueError: a correlation outside [-1, 1], a negative or infinite number, a signal that
            the layer ends (V(q) = 0) or overflows, or an integral that is not accurate; for the
            last two, NaN where traced (see `dual`).

    Source: Poole et al. 2016, equation 5, with V(q) = q at the fixed point.

    Example:
        >>> from relu_jax.activations import get
        >>> f"{correlation_map(get('relu'), 0.0, q=1.0, weight_std=2**0.5):.4f}"
        '0.3183'
    """
    check_scalars(q=q, weight_std=weight_std, bias_std=bias_std)
    q = above(0.0, "the variance q", q, do="pass a variance")
    c = jnp.asarray(_correlation(c), q.dtype)
    weight_std, bias_std = deviations(weight_std, bias_std, q)
    following, c = _both(act, q, c, weight_std, bias_std, params, nodes)
    if is_known(following) and not 0 < following < np.inf:
        raise errors.rejected(
            rule="a correlation is a share of the variance that a layer passes on",
            got=f"V(q) = {following} of {act.name} at q={q}, weight_std={weight_std} and "
            f"bias_std={bias_std}",
            do="raise weight_std or bias_std, or move q",
        )
    return c


def trajectory(
    act: Activation,
    depth: Any,
    *,
    weight_std: ArrayLike,
    bias_std: ArrayLike = 0.0,
    variance: ArrayLike = 1.0,
    correlation: ArrayLike = 0.0,
    params: Params = None,
) -> Trajectory:
    """Follow the variance of two signals and their correlation through a network.

    Args:
        act: any activation.
        depth: number of layers passed.
        weight_std: of the weights, times √fan_in.
        bias_std: of the biases.
        variance: of the first pre-activations of both, above 0.
        correlation: of the first pre-activations, in [-1, 1].
        params: what differs from `act.params`; may be traced.

    Raises:
        ValueError: a depth below 0, a number out of its range, or an integral that is not
            accurate (NaN where traced; see `dual`).
        TypeError: a depth that is no integer.

    Edges: NaN from where the variance overflows, or is smaller than the smallest number.

    Example:
        >>> from relu_jax.activations import get
        >>> path = trajectory(get("relu"), 3, weight_std=2**0.5)
        >>> [f"{c:.4f}" for c in path.c]
        ['0.0000', '0.3183', '0.4937', '0.6048']
    """
    layers = integer("depth", depth)
    if layers < 0:
        raise errors.rejected(
            rule="depth is at least 0", got=str(layers), do="count the layers passed"
        )
    check_scalars(
        weight_std=weight_std, bias_std=bias_std, variance=variance, correlation=correlation
    )
    q = above(0.0, "the first variance", variance, do="scale the inputs, or pass variance=1.0")
    c = jnp.asarray(_correlation(correlation), q.dtype)
    weight_std, bias_std = deviations(weight_std, bias_std, q)
    act, params = settled(act, params)
    followed = partial(_followed, act, layers, q, c, weight_std, bias_std, params)
    return with_enough_nodes(followed, act.name, unless=_out_of_range)


@partial(jax.jit, static_argnames=("act", "layers", "nodes"))
def _followed(
    act: Activation,
    layers: int,
    q: Array,
    c: Array,
    weight_std: Array,
    bias_std: Array,
    params: Params,
    nodes: int,
) -> Trajectory:
    def layer(state: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], Any]:
        following = _both(act, *state, weight_std, bias_std, params, nodes)
        return following, following

    later = lax.scan(layer, (q, c), None, length=layers)[1]
    pairs = zip((q, c), later, strict=True)
    return Trajectory(*(jnp.concatenate([first[None], rest]) for first, rest in pairs))


def _out_of_range(path: Trajectory) -> bool:
    """Say whether the variance vanished, or grew to where its averages, of 169 q, overflow."""
    info = jnp.finfo(path.q.dtype)
    return bool(np.nanmax(path.q) > info.max / 1e4 or np.nanmin(path.q) < info.tiny / info.eps)


def deviations(weight_std: ArrayLike, bias_std: ArrayLike, q: Array) -> tuple[Array, Array]:
    """Check the two standard deviations and bring them to the float type of `q`.

    Example:
        >>> [float(x) for x in deviations(2, 0.5, jnp.float32(1.0))]
        [2.0, 0.5]
    """
    do = "pass a standard deviation, such as weight_std=2**0.5 and bias_std=0"
    pair = (
        at_least(0.0, "weight_std", weight_std, do=do),
        at_least(0.0, "bias_std", bias_std, do=do),
    )
    return pair[0].astype(q.dtype), pair[1].astype(q.dtype)


def _both(
    act: Activation,
    q: Array,
    c: Array,
    weight_std: Array,
    bias_std: Array,
    params: Params,
    nodes: int,
) -> tuple[Array, Array]:
    following = variance_map(act, q, weight_std=weight_std, bias_std=bias_std, params=params)
    product = dual(act, q, q, q * c, params=params, nodes=nodes)
    # Rounding must not carry a correlation out of [-1, 1], where the next layer has none.
    covariance = weight_std**2 * product + bias_std**2
    return following, jnp.clip(covariance / following, -1, 1)


def _correlation(c: ArrayLike) -> ArrayLike:
    real("a correlation", c, do="pass a number from -1 to 1")
    if is_known(c):
        numbers = np.asarray(c, np.float64)
        bad = numbers[~(np.abs(numbers) <= 1)]
        if bad.size:
            raise errors.rejected(
                rule="a correlation lies between -1 and 1",
                got=", ".join(map(str, bad[:3])),
                do="divide the covariance by the variance",
            )
    return c
