"""What are mean, power and slope of an activation whose input is normal with mean 0?"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from relu_jax.activations import Activation
from relu_jax.core import errors
from relu_jax.core.types import Array
from relu_jax.theory.accuracy import Estimate, Rule, accurate, refined
from relu_jax.theory.closed_forms import LineForm
from relu_jax.theory.expectation import at_zero, checked_variance, estimated, weighted
from relu_jax.theory.kernels import closed_form
from relu_jax.theory.parameters import cast, known_params, merged, split, where_cut
from relu_jax.theory.quadrature import Grading, node_count, over_each


class Moments(NamedTuple):
    """Hold the averages of one activation f over x ~ N(0, q), each a scalar or shaped as q.

    f' is the derivative away from jumps of f. `bend` counts the jumps of f' at the kinks, so
    that d(E f²)/dq = slope_second + bend holds for every f.
    """

    mean: Array  # E f
    second: Array  # E f²
    slope: Array  # E f'
    slope_second: Array  # E f'²
    cross: Array  # E f f'
    bend: Array  # E f f''


def moments(
    act: Activation,
    variance: ArrayLike = 1.0,
    *,
    params: Mapping[str, ArrayLike] | None = None,
    kinks: Sequence[ArrayLike] | None = None,
    nodes: int = 64,
    rtol: ArrayLike | None = None,
) -> Moments:
    """Average an activation, its square, its slope and their products over x ~ N(0, variance).

    Args:
        act: its kinks and bends are where the integrals are cut.
        variance: as for `expectation`.
        params: what differs from `act.params`; may be traced and differentiated.
        kinks: None asks the activation for the kinks at `params`. To be given, traced too,
            where a traced parameter moves them, such as an end of hard_tanh.
        nodes: as for `expectation`.
        rtol: as for `expectation`, for each of the six.

    Returns:
        the six averages; NaN as for `expectation`. Those of sine, cosine and exponential are
        closed forms, right at any frequency.

    Raises:
        TypeError: no activation; a parameter the activation has not; a complex variance.
        ValueError: as for `expectation`; a parameter out of range; kinks that cannot be known.

    Edges: as for `expectation`; at variance 0 half of the slopes are from either side of a
    kink at 0. Jumps of f itself, as of a step, do not count in f'.

    Source: Price 1958 for d(E f²)/dq = E f'² + E f f'', which gives `bend`.

    Example:
        >>> from relu_jax.activations import get
        >>> m = moments(get("relu"))
        >>> round(float(m.mean), 4), round(float(m.second), 4), round(float(m.slope_second), 4)
        (0.3989, 0.5, 0.5)
    """
    variance = checked_variance(variance)
    rule = _rule(act, params, kinks, nodes)
    return accurate(rule, variance, rtol, act.name)


def moments_with_error(
    act: Activation,
    variance: ArrayLike = 1.0,
    *,
    params: Mapping[str, ArrayLike] | None = None,
    kinks: Sequence[ArrayLike] | None = None,
    nodes: int = 64,
    rtol: ArrayLike | None = None,
) -> Estimate:
    """Average as `moments` does, and estimate the error of each average.

    Args: as for `moments`; finer panels take over where the error is above rtol, but nothing
    is refused.

    Returns:
        an Estimate of three `Moments`: values, errors, and the averages of the magnitudes.

    Example:
        >>> from relu_jax.activations import get
        >>> found = moments_with_error(get("tanh"))
        >>> bool(found.error.second < 1e-5 * found.size.second)
        True
    """
    return refined(_rule(act, params, kinks, nodes), checked_variance(variance), rtol)


def average(
    act: Activation,
    variance: ArrayLike,
    *names: str,
    params: Mapping[str, ArrayLike] | None = None,
) -> Any:
    """Take some of the six averages of `moments`, held to its usual accuracy.

    Args:
        act: as for `moments`.
        variance: as for `moments`.
        names: fields of `Moments`; only these need be accurate.
        params: as for `moments`.

    Returns:
        one array, or a tuple of as many as there are names.

    Raises:
        ValueError: as for `moments`; no name, or another one.
        TypeError: as for `moments`.

    Example:
        >>> from relu_jax.activations import get
        >>> float(average(get("relu"), 3.0, "second").round(5))
        1.5
    """
    variance = checked_variance(variance)
    values = accurate(_rule(act, params, None, 64, names), variance, None, act.name)
    return values if len(names) > 1 else values[0]


def average_with_error(
    act: Activation,
    variance: ArrayLike,
    *names: str,
    params: Mapping[str, ArrayLike] | None = None,
) -> Estimate:
    """Take some of the averages as `average` does, with their errors; nothing is refused.

    Returns:
        an Estimate of three tuples, each in the order of the names.

    Example:
        >>> from relu_jax.activations import get
        >>> (value,), (error,), (size,) = average_with_error(get("tanh"), 1.0, "second")
        >>> bool(error < 1e-5 * size)
        True
    """
    return refined(_rule(act, params, None, 64, names), checked_variance(variance), None)


def _rule(
    act: Activation,
    params: Mapping[str, ArrayLike] | None,
    kinks: Sequence[ArrayLike] | None,
    nodes: int,
    names: tuple[str, ...] = Moments._fields,
) -> Rule:
    known, nodes = known_params(act, params), node_count(nodes)
    if not names or not set(names) <= set(Moments._fields):
        raise errors.rejected(
            rule=f"an average is one of {', '.join(Moments._fields)}",
            got=", ".join(map(str, names)) or "no name",
            do='name those you want, "second" for E f², say',
        )
    row = closed_form(act)
    if row is not None and row.line is not None:
        line = row.line
        return lambda q, _: _part(_closed(line, q, known), names)
    fixed, moving = split(where_cut(act, params) if kinks is None else kinks)

    def rule(q: Array, grading: Grading) -> Estimate:
        return _part(_moments(act, q, known, fixed, moving, nodes, grading), names)

    return rule


def _part(found: Estimate, names: tuple[str, ...]) -> Estimate:
    if names == Moments._fields:
        return found
    return Estimate(*(tuple(getattr(part, name) for name in names) for part in found))


def _rows(act: Activation, params: Mapping[str, ArrayLike], x: Array) -> Array:
    """Stack f, f², f', f'² and f f' at x."""
    # A strict program refuses to mix float types: the parameters take the type of x.
    values = {k: cast(v, x) for k, v in params.items()}
    f, slope = jax.jvp(lambda u: act.fn(u, **values), (x,), (jnp.ones_like(x),))
    return jnp.stack([f, f * f, slope, slope * slope, f * slope])


def _limit(act: Activation, params: Mapping[str, ArrayLike], zero: Array) -> Array:
    """Return the rows at variance 0, where half of the inputs are on either side of a kink."""
    tiny = jnp.full_like(zero, jnp.finfo(zero.dtype).tiny)
    f = _rows(act, params, zero)[0]
    _, _, slope, squared, _ = (_rows(act, params, tiny) + _rows(act, params, -tiny)) / 2
    return jnp.stack([f, f * f, slope, squared, f * slope])


@partial(jax.jit, static_argnames=("act", "fixed", "nodes", "grading"))
def _moments(
    act: Activation,
    variance: Array,
    params: Mapping[str, ArrayLike],
    fixed: tuple[float | None, ...],
    moving: tuple[ArrayLike, ...],
    nodes: int,
    grading: Grading,
) -> Estimate:
    terms = partial(weighted, partial(_rows, act, params), merged(fixed, moving), nodes, grading)

    def core(q: Array) -> Estimate:
        (parts, left_out), moved = jax.jvp(terms, (q,), (jnp.ones_like(q),))
        exact = _limit(act, params, jnp.zeros((1,), q.dtype))[:, 0]
        value = at_zero(jnp.sum(parts, axis=-1), exact, q)
        # E f f'' = d(E f²)/dq - E f'² (Price's theorem).
        bend = jnp.sum(moved[0][1]) - value[3]
        usual = estimated(value, parts, left_out, nodes)
        at_nodes, missed = moved[0][1] - parts[3], moved[1][1] - left_out[3]
        of_bend = estimated(bend[None], at_nodes[None], missed[None], nodes)
        found = (jnp.concatenate(pair) for pair in zip(usual, of_bend, strict=True))
        return Estimate(*(Moments(*part) for part in found))

    return over_each(core, variance)


@partial(jax.jit, static_argnames="line")
def _closed(line: LineForm, variance: Array, params: Mapping[str, ArrayLike]) -> Estimate:
    def core(q: Array) -> Estimate:
        value = Moments(*line(q, **{k: cast(v, q) for k, v in params.items()}))
        size = jax.tree.map(lambda x: lax.stop_gradient(jnp.abs(x)), value)
        return Estimate(value, jax.tree.map(lambda x: 4 * jnp.finfo(x.dtype).eps * x, size), size)

    return over_each(core, variance)
