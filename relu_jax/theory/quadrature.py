"""Where are the nodes of an integral over a normal variable that bends at known points?

The line is cut where the integrand may break and at 0, and from each cut outward into panels
that double in width. Gauss and Legendre's nodes in every panel then reach rounding error for
kinked, steep and smooth functions alike. Where they do not, the values at the nodes of a panel
show it: as a polynomial they have high degrees that do not fade.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike, DTypeLike

from relu_jax.core import errors
from relu_jax.core.integers import integer
from relu_jax.core.numerics import widened
from relu_jax.core.types import Array
from relu_jax.theory.scalars import is_known

CUT = 13.0  # beyond it lies less than 1e-37 of the normal distribution
FEWEST_NODES = 4  # of which the error of a panel can be read
SAFETY = 8.0  # factor on an estimated error: |x|^-0.5 needs 4


class Grading(NamedTuple):
    """Say how the pieces between two cuts become panels."""

    levels: int = 10  # the panel nearest to a cut is at most 2^-levels of the piece wide
    panels: int = 1  # into so many parts the panels that are not near a cut are split again


USUAL = Grading()


def finer(dtype: DTypeLike) -> tuple[Grading, ...]:
    """List the gradings to turn to, one after the other, where the usual one is too coarse.

    Example:
        >>> [grading.panels for grading in finer("float64")]
        [8, 64]
    """
    # Nearer to a cut than rounding of the cut itself no panel makes sense.
    levels = max(USUAL.levels, jnp.finfo(dtype).nmant - 20)
    return Grading(levels, 8), Grading(levels, 64)


def normal_rule(
    scale: Array,
    kinks: Sequence[ArrayLike] = (),
    nodes: int = 64,
    grading: Grading = USUAL,
) -> tuple[Array, Array]:
    """Place nodes z and weights w so that E g(z) is near sum(w · g(z)), z ~ N(0, 1).

    Args:
        scale: a scalar, the standard deviation of x = scale · z; may be traced.
        kinks: points of x at which, as at 0, the integral is cut.
        nodes: per panel.
        grading: how the panels lie.

    Returns:
        (z, w), vectors of the same length, in the dtype of `scale`: panel after panel, the
        first ending at -13 and the last at 13.

    Edges: scale 0 counts as 1. A cut beyond ±13 falls on ±13.

    Example:
        >>> z, w = normal_rule(jnp.float32(1.0))
        >>> float((w * z**2).sum().round(5))
        1.0
    """
    inner, outer = (_on_panels(nodes, _ends(grading, far)) for far in (False, True))
    return _placed(_cuts(scale, kinks), inner, outer)


def rule_between(cuts: Array, nodes: int, levels: int) -> tuple[Array, Array]:
    """Place nodes and weights for an integral over z ~ N(0, 1) that is cut at given points.

    Args:
        cuts: ascending, at least one, within [-13, 13]; may be traced.
        nodes: per panel.
        levels: how often the panels halve towards a cut.

    Example:
        >>> z, w = rule_between(jnp.float32([-1.0, 1.0]), nodes=8, levels=3)
        >>> print(w[abs(z) < 1].sum().round(3))
        0.683
    """
    unit = _graded(nodes, levels)
    return _placed(cuts, unit, unit)


def error_of(terms: Array, nodes: int) -> Array:
    """Estimate how far a sum of weight · value, on the nodes of a rule, is from the integral.

    The terms of a panel tell the first coefficients of its Legendre series; Gauss's rule errs
    by those from degree 2 · nodes on. They are taken to be the last ones told, times their
    decay since half of that degree: right for what decays as a power (a jump, a kink), too
    much for what is smooth, and none for what the nodes do not resolve.

    Args:
        terms: (..., panels · nodes), as `normal_rule` orders them; differentiable, but the
            error is a constant.
        nodes: per panel, at least 4.

    Returns:
        (...), at least 0; NaN or inf where a term is.

    Example:
        >>> z, w = normal_rule(jnp.float32(1.0), nodes=8)
        >>> step, wave = w * (z > 0.7), w * jnp.cos(z)
        >>> bool(error_of(step, 8) > 1e-3), bool(error_of(wave, 8) < 1e-6)
        (True, True)
    """
    terms = jax.lax.stop_gradient(terms)
    shaped = terms.reshape(*terms.shape[:-1], -1, nodes)
    told = jnp.abs(shaped @ jnp.asarray(_coefficients(nodes), terms.dtype))
    half, last = told[..., 0] + told[..., 1], told[..., 2] + told[..., 3]
    decay = jnp.minimum(last / jnp.where(half == 0, jnp.ones_like(half), half), 1)
    return SAFETY * jnp.sum(last * decay, axis=-1)


def unseen(terms: Array, z: Array, nodes: int, grading: Grading) -> Array:
    """Bound what a jump between the end of a panel and its nearest node would hide.

    Both of two panels that meet look smooth then, but say different values where they meet: that
    difference times the distance of the nodes, 0 to within rounding where nothing jumps.

    Args:
        terms: (..., panels · nodes), weight · value on the nodes of `normal_rule`.
        z: the nodes.
        nodes: per panel.
        grading: of the rule.

    Returns:
        (..., meetings), signed; meetings at a cut, where a jump is no error, are left out.

    Example:
        >>> z, w = normal_rule(jnp.float32(1.0), nodes=8)
        >>> step = jnp.where(z > 1.626, w, 0)  # two panels meet at 13 / 8
        >>> hidden = unseen(step, z, 8, USUAL)
        >>> bool(abs(hidden).max() > 1e-3), bool(abs(unseen(w, z, 8, USUAL)).max() < 1e-6)
        (True, True)
    """
    left, right, side = _meetings(grading, len(z) // nodes)
    last = np.polynomial.legendre.leggauss(nodes)[0][-1].item()
    rows = z.reshape(-1, nodes)
    half = jnp.abs(rows[:, -1] - rows[:, 0]) / (2 * last)
    sums = terms.reshape(*terms.shape[:-1], -1, nodes) @ jnp.asarray(_to_ends(nodes), terms.dtype)
    safe = jnp.where(half == 0, jnp.ones_like(half), half)[:, None]
    value = sums / jnp.broadcast_to(safe, sums.shape)
    apart = value[..., left, 1] - value[..., right, side]
    return apart * jnp.broadcast_to((half[left] + half[right]) * (1 - last), apart.shape)


def node_count(nodes: Any) -> int:
    """Take a number of nodes per panel.

    Raises:
        ValueError: fewer than 4, from which no error can be read.
        TypeError: no integer.

    Example:
        >>> node_count(64)
        64
    """
    nodes = integer("nodes", nodes)
    if nodes >= FEWEST_NODES:
        return nodes
    raise errors.rejected(
        rule=f"a panel has at least {FEWEST_NODES} nodes",
        got=f"nodes={nodes}",
        do="leave nodes out, or pass 64, say",
    )


@lru_cache
def _ends(grading: Grading, outermost: bool) -> tuple[float, ...]:
    """Return the ends of panels on [0, 1] that double away from 0 up to a width.

    The outermost piece, where a normal variable needs it, is up to 13 wide, so its panels are
    half as wide as others; the half of it that is further out matters least and is one.
    """
    parts = 16 if outermost else 8
    doubling = [2.0**-level for level in range(grading.levels, 0, -1) if 2**level >= parts]
    last = parts // 2 if outermost else parts
    ends = np.array([0.0, *doubling, *(np.arange(2, last + 1) / parts), *[1.0] * outermost])
    if grading.panels == 1:
        return tuple(ends)
    counts = np.ceil(np.diff(ends) * parts * grading.panels).astype(int)
    pairs = zip(ends[:-1], ends[1:], counts, strict=True)
    cut = [np.linspace(low, high, n, endpoint=False) for low, high, n in pairs]
    return (*np.concatenate(cut), 1.0)


@lru_cache
def _on_panels(nodes: int, ends: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return Gauss and Legendre's nodes and weights for every panel."""
    x, w = np.polynomial.legendre.leggauss(nodes)
    half = np.diff(ends)[:, None] / 2
    return (np.array(ends)[:-1, None] + half * (1 + x)).ravel(), (half * w).ravel()


@lru_cache
def _graded(nodes: int, levels: int) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and weights on [0, 1], in panels that double away from 0."""
    return _on_panels(nodes, (0.0, *(2.0 ** np.arange(-levels, 1))))


@lru_cache
def _meetings(grading: Grading, panels: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """List the pairs of panels of `normal_rule` that meet, and with which end the second does."""
    inner, outer = (len(_ends(grading, far)) - 1 for far in (False, True))
    pieces = (panels - 2 * outer) // (2 * inner)
    starts = np.cumsum([0, outer, *[inner] * (2 * pieces)])
    runs = zip(starts, [*starts[1:], panels], strict=True)
    pairs = [(k, k + 1, 0) for start, stop in runs for k in range(start, stop - 1)]
    # A piece is filled from both of its ends: the last panels of both fillings meet.
    lasts = starts[1 : pieces + 1] + inner - 1
    pairs += [(last, last + pieces * inner, 1) for last in lasts.tolist()]
    left, right, side = np.array(pairs, np.int32).T
    return left, right, side


@lru_cache
def _to_ends(nodes: int) -> np.ndarray:
    """Return what makes weighted values of a panel the values at its two ends, times half of it."""
    x, _ = np.polynomial.legendre.leggauss(nodes)
    degrees = np.arange(nodes)
    series = np.polynomial.legendre.legvander(x, nodes - 1) * (degrees + 0.5)
    return np.stack([series @ (-1.0) ** degrees, series.sum(axis=1)], axis=1)


@lru_cache
def _coefficients(nodes: int) -> np.ndarray:
    """Return what makes weighted values of a panel coefficients, times half its width.

    The columns are the two degrees below half of the nodes, and the two below their number.
    """
    x, _ = np.polynomial.legendre.leggauss(nodes)
    degrees = np.array([nodes // 2 - 2, nodes // 2 - 1, nodes - 2, nodes - 1])
    return np.polynomial.legendre.legvander(x, nodes - 1)[:, degrees] * (degrees + 0.5)


Unit = tuple[np.ndarray, np.ndarray]


def _placed(cuts: Array, inner: Unit, outer: Unit) -> tuple[Array, Array]:
    """Place rules for [0, 1] on the two ends of the line, and from both ends of each piece."""
    half = (cuts[1:] - cuts[:-1]) / 2
    low, high = cuts[:1] + CUT, CUT - cuts[-1:]
    (u, v), (u_out, v_out) = ([jnp.asarray(x, cuts.dtype) for x in unit] for unit in (inner, outer))
    rising = cuts[:-1, None] + half[:, None] * u[None]
    falling = cuts[1:, None] - half[:, None] * u[None]
    middle = (half[:, None] * v[None]).ravel()
    # The first node is the one nearest to -13, the last that nearest to 13.
    z = [cuts[:1] - low * u_out[::-1], rising.ravel(), falling.ravel(), cuts[-1:] + high * u_out]
    z = jnp.concatenate(z)
    widths = jnp.concatenate([low * v_out[::-1], middle, middle, high * v_out])
    return z, widths * jnp.exp(-(z**2) / 2) / np.sqrt(2 * np.pi).item()


def _cuts(scale: Array, kinks: Sequence[ArrayLike]) -> Array:
    """Return the ascending cuts in z: 0 and the kinks."""
    zero = jnp.zeros((1,), scale.dtype)
    # Known zeros are dropped before tracing: a second cut at 0 would only cost time.
    others = [k for k in kinks if not (is_known(k) and k == 0)]
    if not others:
        return zero
    points = jnp.stack([jnp.asarray(k, scale.dtype).reshape(()) for k in others])
    points = points / jnp.where(scale > 0, scale, jnp.ones_like(scale))
    return jnp.sort(jnp.concatenate([zero, jnp.clip(points, -CUT, CUT)]))


def over_each(core: Callable[[Array], Any], variance: Array) -> Any:
    """Apply a function of one scalar to every element, in float32 or better.

    Example:
        >>> over_each(lambda q: (q, 2 * q), jnp.array([[1.0, 2.0]]))[1].tolist()
        [[2.0, 4.0]]
    """
    wide = widened(variance)
    out = core(wide) if wide.ndim == 0 else jax.vmap(core)(wide.ravel())
    return jax.tree.map(lambda y: y.reshape(variance.shape).astype(variance.dtype), out)
