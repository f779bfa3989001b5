"""Where is an activation looked at, so that nothing it does goes unseen?

Everything is in float64, whatever the program around it uses, and by one compiled program per
activation: evaluation always has the same shape.
"""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from relu_jax.activations.activation import Activation
from relu_jax.core import errors

CORE = 12.0  # looked at in equal steps; beyond it in equal ratios
STEP = 0.005
NEAREST = 1e-12  # of a kink, times its size where that is above 1
NODES = 32  # per panel of `normal_nodes`
_ROOM = 8192


class Curve(NamedTuple):
    """Hold f, f' and f'' at ascending finite points, and at both infinities."""

    x: np.ndarray  # (n,)
    y: np.ndarray  # (3, n)
    ends: np.ndarray  # (3, 2): at -inf and at inf
    kinks: tuple[float, ...]
    kinked: np.ndarray  # (n,): True at a kink, where f' and f'' are conventions

    def order(self, order: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the points and the finite values of one derivative; no kinks if it is one."""
        seen = np.isfinite(self.y[order])
        if order:
            seen &= ~self.kinked
        return self.x[seen], self.y[order, seen]

    def near(self, kink: float, distance: float) -> np.ndarray:
        """Return f, f' and f'' (rows) before and after a kink (columns)."""
        sides = kink + np.array([-distance, distance]) * max(1.0, abs(kink))
        return self.y[:, np.abs(self.x[:, None] - sides).argmin(axis=0)]


def curve(act: Activation) -> Curve:
    """Evaluate an activation and two derivatives on a grid that is dense at 0 and at kinks.

    Raises:
        ValueError: a function that is not elementwise.

    Example:
        >>> from relu_jax.activations.rectifiers import RELU
        >>> seen = curve(RELU)
        >>> seen.near(0.0, 1e-12)[1].tolist()
        [0.0, 1.0]
    """
    _refuse_unless_elementwise(act)
    kinks = tuple(float(k) for k in act.kinks)
    x = grid(kinks)
    y = evaluate(act, np.concatenate([x, [-np.inf, np.inf]]))
    return Curve(x, y[:, :-2], y[:, -2:], kinks, np.isin(x, kinks))


def _refuse_unless_elementwise(act: Activation) -> None:
    x = jnp.array([-1.25, 0.5, 2.0, 0.75], jnp.float32)
    whole, halves = np.asarray(act(x)), [np.asarray(act(half)) for half in (x[:2], x[2:])]
    if whole.shape == x.shape and all(half.shape == (2,) for half in halves):
        if np.allclose(whole, np.concatenate(halves), rtol=1e-4, atol=1e-6, equal_nan=True):
            return
        got = f"{act.name}, whose value at one x depends on the others"
    else:
        got = f"{act.name}, which gives shape {whole.shape} for {x.shape}"
    raise errors.rejected(
        rule="a card is of an elementwise function",
        got=got,
        do="for what mixes units see relu_jax.activations.get_mixing",
    )


def evaluate(act: Activation, x: np.ndarray) -> np.ndarray:
    """Evaluate f, f' and f'' in float64.

    Args:
        act: any activation.
        x: (n,), any n.

    Returns:
        (3, n).

    Example:
        >>> from relu_jax.activations.rectifiers import RELU
        >>> evaluate(RELU, np.array([-1.0, 2.0])).tolist()
        [[0.0, 2.0], [0.0, 1.0], [0.0, 0.0]]
    """
    padded = np.zeros(max(1, -(-x.size // _ROOM)) * _ROOM)
    padded[: x.size] = x
    with jax.enable_x64(True):
        parts = [np.asarray(_tower(act, jnp.asarray(part))) for part in padded.reshape(-1, _ROOM)]
    return np.concatenate(parts, axis=1)[:, : x.size]


def grid(kinks: Sequence[float]) -> np.ndarray:
    """Choose ascending points: equal steps near 0, ratios far out, both sides of each kink.

    Example:
        >>> x = grid((1.0,))
        >>> bool((np.diff(x) > 0).all()), bool(np.isin([0.0, 1.0, 1.0 + 1e-12], x).all())
        (True, True)
    """
    size = max([1.0, *map(abs, kinks)])
    steps = np.arange(1, round(CORE / STEP) + 1) * STEP
    ratios = np.geomspace(CORE, 1e4 * size, 302)[1:]
    x = [-ratios, -steps, [0.0], steps, ratios]
    offsets = np.concatenate([10.0 ** -np.arange(1, 13), 10.0 ** -np.arange(0.5, 6)])
    x += [kink + side * offsets * max(1.0, abs(kink)) for kink in kinks for side in (-1, 0, 1)]
    return np.unique(np.concatenate(x))


def normal_nodes(kinks: Sequence[float], variance: float) -> tuple[np.ndarray, np.ndarray]:
    """Place nodes and weights so that E g(x) is near sum(w * g(x)), x ~ N(0, variance).

    Gauss and Legendre's nodes between cuts at 0, at the kinks, and at every half standard
    deviation up to 13. Halves that touch a cut are graded, for what is steep there.

    Example:
        >>> x, w = normal_nodes((), 2.0)
        >>> round(float((w * x**2).sum()), 12)
        2.0
    """
    deviation = np.sqrt(variance)
    cuts = np.array([0.0, *kinks]) / deviation
    cuts = cuts[np.abs(cuts) < 13]
    graded = np.concatenate(
        [cuts + side * 0.5 * 8.0**-level for side in (-1, 1) for level in (0, 1, 2, 4, 8)]
    )
    ends = np.concatenate([np.arange(-26, 27) / 2, cuts, graded[np.abs(graded) < 13]])
    ends = np.unique(ends)
    unit, weight = np.polynomial.legendre.leggauss(NODES)
    middle, half = (ends[1:] + ends[:-1]) / 2, np.diff(ends) / 2
    z = (middle[:, None] + half[:, None] * unit).ravel()
    w = (half[:, None] * weight).ravel() * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    return deviation * z, w


def pieces(act: Activation, low: float, high: float, points: int = 401) -> list[np.ndarray]:
    """Sample f, f' and f'' for a drawing, in pieces that end at the kinks.

    Args:
        act: any activation.
        low: first x.
        high: last x.
        points: of all pieces together, about.

    Returns:
        arrays of shape (4, n): x, f, f', f''.

    Example:
        >>> from relu_jax.activations.rectifiers import RELU
        >>> [piece[2, [0, -1]].tolist() for piece in pieces(RELU, -1.0, 1.0)]
        [[0.0, 0.0], [1.0, 1.0]]
    """
    cuts = [low, *(float(k) for k in act.kinks if low < k < high), high]
    found = []
    for left, right in pairwise(cuts):
        count = max(9, round(points * (right - left) / (high - low)))
        x = np.linspace(left, right, count)
        x[[0, -1]] += np.array([NEAREST, -NEAREST]) * max(1.0, abs(left), abs(right))
        found.append(np.vstack([x[None], evaluate(act, x)]))
    return found


@partial(jax.jit, static_argnames="act")
def _tower(act: Activation, x: jax.Array) -> jax.Array:
    return jnp.stack([act(x), act.derivative(x), act.derivative(x, 2)])
