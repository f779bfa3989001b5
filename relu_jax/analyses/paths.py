"""Is a network one affine map at each input, and how many paths carry the signal there?

With every activation held to the line it is on at x, and every maximum to its winner, a piecewise
linear network is an affine map of its input. That it gives f(x) is checked, not assumed.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Float, Int

from relu_jax.analyses import hinges
from relu_jax.analyses.hinges import At, Line
from relu_jax.analyses.jacobian import plan, refuse_meeting
from relu_jax.analyses.path_rules import through
from relu_jax.analyses.regions import not_affine
from relu_jax.analyses.samples import refuse_non_finite
from relu_jax.core import errors
from relu_jax.core.types import Array
from relu_jax.tap import compat

_FEWEST = 67  # examples that are computed at a time, at least
_TOLERANCE = 256  # times ε and the largest value met: what rounding may do


class Paths(NamedTuple):
    """The affine map f(x) = A(x) x + b(x) of each of N inputs, and the paths through the network.

    A is `rj.analyses.jacobian`. A path goes from one number of x to one of f(x), through one weight
    that is not 0 in every layer; it is active where no activation on it has the slope 0 at x.
    """

    offset: Float[Array, "N C"]  # b(x)
    off: Float[np.ndarray, " N"]  # the largest |A x + b - f(x)|, over that of |f(x)|
    pattern: Int[np.ndarray, " N"]  # number of the pattern of pieces that x lies in; equal: same A
    active: Float[np.ndarray, "N C"]  # paths to each number of f(x)
    total: Float[np.ndarray, " C"]  # active or not; inf beyond 3e38

    @property
    def patterns(self) -> int:
        """Number of different patterns, at most N."""
        return int(self.pattern.max() + 1)

    @property
    def share(self) -> np.ndarray:
        """Active paths as a fraction of all, (N, C); NaN where that is 0 or inf."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.active / self.total


def paths(f: Callable[[Any], Any], x: ArrayLike) -> Paths:
    """Take a piecewise linear network apart into the affine map that it is at each input.

    Args:
        f: a function of a batch: x, of (N, ...), to (N, ...); any network of piecewise linear
            activations and maxima: `lambda x: model(params, x)`.
        x: N inputs.

    Raises:
        ValueError: an activation is not piecewise linear, f(x) is not what the affine map gives (a
            softmax, a norm), f computes in half precision or mixes examples, or a number is not
            finite.
        NotImplementedError: activations in branches or while loops, or whose slope is an array; an
            operation through which paths are not followed, named with its line.

    Edges: paths are counted in float32: exactly up to 2^24, then to single roundings. An input on a
    kink takes the slope that the program uses there; of several that are the largest, all carry
    their paths on.

    Source: Glorot, Bordes & Bengio 2011, section 3.1 (rectifiers select paths; on those that are
    active the network is linear).

    Example:
        >>> import jax, jax.numpy as jnp
        >>> w, v = jnp.ones((2, 3)), jnp.ones((3, 1))
        >>> f = lambda x: jax.nn.relu(x @ w - jnp.array([[0.0, 1.0, 5.0]])) @ v
        >>> found = paths(f, jnp.array([[1.0, 2.0]]))  # two units of three are active
        >>> found.offset.tolist(), found.active.tolist(), found.total.tolist()
        ([[-1.0]], [[4.0]], [6.0])
    """
    x = jnp.asarray(x)
    plan(f, x)
    refuse_non_finite(np.asarray(x, np.float64), "an input", "leave those examples out")
    refuse_meeting(f, x)
    n = len(x)
    many = jnp.asarray(np.resize(x, (_unusual(n), *x.shape[1:])))
    line = hinges.read(f, many)
    _check(line, many)
    run = jax.jit(lambda consts, x: _followed(line, dict(zip(line.consts, consts, strict=True)), x))
    *found, total = run(list(line.consts.values()), many)
    values, frozen, held, active = (part[:n] for part in found)
    refuse_non_finite(np.asarray(values), "f(x)", "rj.diagnose names what is not")
    slopes = jax.jit(lambda x: jax.jvp(f, (x,), (x,))[1])(x).reshape(n, -1)
    off = _off(values, slopes, frozen)
    _, pattern = np.unique(np.asarray(held), axis=0, return_inverse=True)
    return Paths(frozen, off, pattern.ravel(), _ended(active), _ended(total))


class _Held(NamedTuple):
    """What a hinge does at x: a line per element, or a choice per unit."""

    pre: Any
    post: Any
    slope: Any  # None of a maximum
    piece: Any  # (N, units), whole numbers
    won: Any  # (N, units, k) of a maximum: which elements are the largest, as shares


def _unusual(n: int) -> int:
    """Choose a number of examples, n or more, that no axis of a network has: a prime."""
    return next(
        m
        for m in itertools.count(max(n, _FEWEST))
        if all(m % d for d in range(2, math.isqrt(m) + 1))
    )


def _ended(counts: Array) -> np.ndarray:
    """Tell what is at the end of the numbers as inf."""
    return np.where(counts >= jnp.finfo(counts.dtype).max, np.inf, counts)


def _check(line: Line, x: Array) -> None:
    result = line.results[0]
    fits = len(line.results) == 1 and result in line.moving
    if not fits or result.aval.shape[:1] != x.shape[:1]:
        raise errors.rejected(
            rule="f gives one array that depends on its input, examples first",
            got=", ".join(errors.describe(one.aval) for one in line.results),
            do="pick one in a lambda, and do not sum over examples",
        )
    if line.arrays:
        raise errors.rejected(
            rule="the slopes of activations are numbers",
            got=f"{', '.join(line.arrays)}, whose parameters are arrays",
            do="swap it, as by rj.tap.swap(f, {...: act}) with act = get('leaky_relu', ...)",
            kind=NotImplementedError,
        )


def _off(values: Array, slopes: Array, frozen: Array) -> np.ndarray:
    """Compare A x + b with f(x); refuse where they differ by more than rounding."""
    y, along, b = (np.asarray(part, np.float64) for part in (values, slopes, frozen))
    size = np.abs(y).max(axis=1)
    apart = np.abs(along + b - y).max(axis=1)
    met = np.maximum(size, np.maximum(np.abs(along).max(axis=1), np.abs(b).max(axis=1)))
    if (apart > _TOLERANCE * np.finfo(np.float32).eps * met).any():
        far = (apart / np.where(met > 0, met, 1)).max()
        raise not_affine(f"{far:.2g} between f(x) and A x + b")
    return apart / np.where(size > 0, size, 1)


def _followed(line: Line, consts: dict[Any, Any], x: Array) -> Any:
    """Compute f(x), b(x), the pieces, and the paths, active and all."""
    n = len(x)
    values = consts | {line.x: x}
    for eqn in line.eqns:
        args = [_value(values, v) for v in eqn.invars]
        values.update(zip(eqn.outvars, hinges.run(eqn, args), strict=True))
    result = line.results[0]
    needed = _needed(line)
    ran = {eqn.outvars[0] for eqn in needed}
    ends = [at for at in line.hinges if at.eqn.outvars[0] in ran]
    held = {at.eqn.outvars[0]: _held(line, at, values, n) for at in ends}
    at_zero = _frozen(line, needed, held, values)
    active, total = (
        _counted(line, needed, held, values, every=every)[result].reshape(n, -1)
        for every in (False, True)
    )
    pieces = [one.piece for one in held.values()] or [jnp.zeros((n, 1), jnp.int32)]
    return (
        values[result].reshape(n, -1), at_zero.reshape(n, -1), jnp.concatenate(pieces, axis=1),
        active, total[0],
    )  # fmt: skip


def _value(values: dict[Any, Any], v: Any) -> Any:
    return v.val if compat.is_literal(v) else values[v]


def _needed(line: Line) -> list[Any]:
    """List the equations between the hinges that the result depends on; insides are left out."""
    ends = {at.eqn.outvars[0]: at for at in line.hinges}
    wanted, found = {line.results[0]}, []
    for eqn in reversed(line.eqns):
        if wanted.isdisjoint(eqn.outvars):
            continue
        found.append(eqn)
        at = ends.get(eqn.outvars[0])
        wanted.update(v for v in (at.operands if at else eqn.invars) if not compat.is_literal(v))
    return found[::-1]


def _held(line: Line, at: At, values: dict[Any, Any], n: int) -> _Held:
    operands, post = [_value(values, v) for v in at.operands], values[at.eqn.outvars[0]]
    if at.hinge.of is None:
        (pre,) = operands
        laid_out = hinges.flat(at.operands[0], pre, n)
        piece = sum((laid_out > kink).astype(jnp.int32) for kink in at.hinge.kinks)
        return _Held(pre, post, line.acts[at.hinge.site].derivative(pre), piece, None)
    entries = _entries(at, operands, -jnp.inf)
    first = entries.argmax(axis=2)
    # As the derivative has it: equal values share, but in a window the first has all.
    if at.eqn.primitive.name == "reduce_window_max":
        won = jax.nn.one_hot(first, entries.shape[2], dtype=entries.dtype)
    else:
        largest = (entries == entries.max(axis=2, keepdims=True)).astype(entries.dtype)
        won = largest / largest.sum(axis=2, keepdims=True)
    return _Held(None, post, None, first.astype(jnp.int32), won)


def _entries(at: At, operands: Sequence[Any], none: float) -> Any:
    """Lay out what each unit of a maximum compares, (N, units, k)."""
    of = np.asarray(at.hinge.of)
    laid_out = hinges.argument(at, operands, at.eqn.outvars[0].aval.shape[0])
    return jnp.where(of >= 0, laid_out[:, of], jnp.full_like(laid_out[:1, :1, None], none))


def _frozen(
    line: Line, needed: Sequence[Any], held: dict[Any, _Held], values: dict[Any, Any]
) -> Any:
    """Evaluate at 0, every hinge held to what it does at x."""
    ends = {at.eqn.outvars[0]: at for at in line.hinges}
    env = {line.x: jnp.zeros_like(values[line.x])}

    def read(v: Any) -> Any:
        return env[v] if not compat.is_literal(v) and v in env else _value(values, v)

    for eqn in needed:
        end = eqn.outvars[0]
        if end in ends:
            at, one = ends[end], held[end]
            if at.hinge.of is not None:
                entries = _entries(at, [read(v) for v in at.operands], 0.0)
                env[end] = at.sign * (one.won * entries).sum(axis=2).reshape(end.aval.shape)
            else:
                env[end] = one.post + one.slope * (read(at.operands[0]) - one.pre)
        elif not line.moving.isdisjoint(eqn.outvars):
            results = compat.bind(eqn, [read(v) for v in eqn.invars])
            env.update(zip(eqn.outvars, results, strict=True))
    return env[line.results[0]]


def _counted(
    line: Line, needed: Sequence[Any], held: dict[Any, _Held], values: dict[Any, Any],
    *, every: bool,
) -> dict[Any, Any]:  # fmt: skip
    """Count the paths from the input to every array; all of them, or the active ones alone."""
    ends = {at.eqn.outvars[0]: at for at in line.hinges}
    counts = {line.x: jnp.ones_like(values[line.x])}
    for eqn in needed:
        end = eqn.outvars[0]
        if end in ends:
            at, one = ends[end], held[end]
            counts[end] = _through_hinge(at, one, counts, every=every)
        elif not line.moving.isdisjoint(eqn.outvars):
            moving = {
                i: counts[v]
                for i, v in enumerate(eqn.invars)
                if not compat.is_literal(v) and v in counts
            }
            args = [_value(values, v) for v in eqn.invars]
            # Kept finite: no path leads through a weight of 0, however many come there.
            made = [
                jnp.minimum(count, jnp.finfo(count.dtype).max)
                for count in through(eqn, args, moving)
            ]
            counts.update(zip(eqn.outvars, made, strict=True))
    return counts


def _through_hinge(at: At, one: _Held, counts: dict[Any, Any], *, every: bool) -> Any:
    shape = at.eqn.outvars[0].aval.shape
    of = at.hinge.of
    if of is None:
        count = counts[at.operands[0]]
        return count if every else count * (one.slope != 0).astype(count.dtype)
    # What is compared with a constant has no path on that side.
    zero = jnp.zeros((), at.eqn.outvars[0].aval.dtype)
    parts = [zero if compat.is_literal(v) else counts.get(v, zero) for v in at.operands]
    entries = at.sign * _entries(at, parts, 0.0)
    chosen = entries if every else entries * (one.won > 0).astype(entries.dtype)
    return chosen.sum(axis=2).reshape(shape)
