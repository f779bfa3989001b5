"""Which known activation does an extracted function behave like, and with which parameters?"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax.numpy as jnp
import numpy as np

from relu_jax.core import handover
from relu_jax.tap import references
from relu_jax.tap.graph import Graph
from relu_jax.tap.pieces import Piece

# Dense where activations bend, wide enough to tell relu from relu6 and a clip at 50. Every dtype
# holds these numbers: a jump at 1/3, which float32 rounds up, is on one side of each.
_GRID = np.unique(
    np.concatenate([
        np.linspace(-8, 8, 129), np.linspace(-0.31, 0.29, 7), -np.geomspace(9, 80, 8),
        np.geomspace(9, 80, 8), [1.0 / 3, -1.0 / 3, 2.0 / 3, -2.0 / 3],
        np.geomspace(1e-4, 0.03, 4), -np.geomspace(1e-4, 0.03, 4),
    ]).astype(jnp.bfloat16)
).astype(np.float64)  # fmt: skip
_MOST = 4096  # matches that are kept
_CORE = np.abs(_GRID) <= 8  # outside, a spelling may overflow where the function itself does not
_FAR = 500.0 * _GRID  # a clip at 100 is no line; one at the end of float16 may pass for one
_ENDS = np.array([-4e4, -4e3, -1e3, -300.0, -100.0, 100.0, 300.0, 1e3, 4e3, 4e4])


@runtime_checkable
class Member(Protocol):
    """What the engine asks of a catalogue entry (relu_jax.activations.Activation has it)."""

    name: str
    fn: Callable[..., Any]
    params: Mapping[str, float]
    plain: bool  # losses, norms and positions use it too: its name alone tells no activation
    fit: Callable[..., dict[str, float] | None] | None

    def with_params(self, **params: float) -> "Member":
        """Build the same activation with other parameters."""
        ...

    @property
    def kinks(self) -> tuple[float, ...]:
        """Places where f′ jumps."""
        ...


class Match(NamedTuple):
    """A function's name in the catalogue, its parameters, and its own slope at the kinks."""

    kind: str
    params: dict[str, float]  # NaN: the parameter is itself an array of the program
    slope_at_kinks: tuple[float, ...]  # NaN: it depends on such an array, or cannot be told
    error: float = 0.0  # largest |f − g| / (1 + |g|) on the probe grid
    rounding: float = 0.0  # error that rounding of the program's constants explains
    rank: int = 0  # its place in the catalogue: the best known come first
    free: int = 0  # how many parameters were solved for and are not the catalogue's own
    scaled: tuple[str, ...] = ()  # names of the same with constant factors and terms around it


AFFINE = Match("affine", {}, ())
_Scored = tuple[float, Member, dict[str, float]]  # distance on the grid, entry, parameters


def told(kind: str, params: Mapping[str, float]) -> str:
    """Word a name with its parameters.

    Example:
        >>> told("hard_tanh", {"low": -0.0, "high": 6.0})
        'hard_tanh(low=0, high=6)'
        >>> told("silu", {"beta": float("nan")})
        'silu(beta=array)'
    """
    words = {k: "array" if np.isnan(v) else f"{v + 0.0:.6g}" for k, v in params.items()}  # no -0
    values = ", ".join(f"{k}={word}" for k, word in words.items())
    return f"{kind}({values})" if values else kind


class Recogniser:
    """Matches pieces against a catalogue, each distinct function once.

    Args:
        graph: types the variables.
        catalogue: the entries to match against.
        plain: whether to match the plain entries as well.
        kept: matches of other programs with these entries, to be read and added to.
    """

    def __init__(
        self,
        graph: Graph,
        catalogue: Sequence[Member],
        *,
        plain: bool,
        kept: dict[Any, Match | None] | None = None,
    ) -> None:
        """Choose the entries."""
        self._graph = graph
        self._catalogue = tuple(member for member in catalogue if plain or not member.plain)
        self._own: dict[Any, Match | None] = {}
        self._kept = {} if kept is None else kept

    def __call__(self, piece: Piece) -> Match | None:
        """Name the function of a piece; None where nothing in the catalogue behaves like it."""
        dtype = self._graph.dtype(piece.z)
        known = self._kept if piece.lasts else self._own
        try:
            key = (piece.key(), *(str(self._graph.dtype(v)) for v in piece.needed()))
            if key not in known:
                if len(known) >= _MOST:
                    known.clear()
                known[key] = self._match(piece, dtype)
        except NotImplementedError:
            return None
        return known[key]

    def _match(self, piece: Piece, dtype: Any) -> Match | None:
        limit = max(1e-5, 0.5 * float(jnp.finfo(dtype).eps))
        draws = self._draws(piece)
        found = [self._best(piece, draw, dtype, limit) for draw in draws]
        member, params, error = found[0]
        if member is None or any(other is not member for other, _, _ in found):
            return None
        if member is _LINE:
            return AFFINE
        same = {k: v if all(p[k] == v for _, p, _ in found) else np.nan for k, v in params.items()}
        slopes = self._slopes(piece, found, draws)
        return Match(
            member.name,
            same,
            slopes,
            error,
            rounding=float(jnp.finfo(dtype).eps),
            rank=self._catalogue.index(member),
            free=0 if _is_own(member, same) else len(same),
        )

    def _draws(self, piece: Piece) -> list[dict[int, Any]]:
        """Choose values for the parameters: two for numbers, and both ways for every flag."""
        drawn = [
            {v: self._drawn(v, i, turn) for i, v in enumerate(piece.operands)} for turn in range(4)
        ]
        kinds = [getattr(self._graph.dtype(v), "kind", "f") for v in piece.operands]
        integers = any(kind in "iu" for kind in kinds)
        return drawn[: 4 if integers or kinds.count("b") > 1 else 2 if kinds else 1]

    def _drawn(self, v: int, i: int, turn: int) -> Any:
        kind = getattr(self._graph.dtype(v), "kind", "f")
        if kind == "b":  # all off, all on, and every other one
            return np.bool_(turn % 2 if turn < 2 else (i + turn) % 2)
        return np.int64(turn) if kind in "iu" else (0.37, 0.61, 0.45, 0.53)[turn] + 0.07 * i

    def _slopes(
        self, piece: Piece, found: Sequence[Any], draws: Sequence[Mapping[int, Any]]
    ) -> tuple[float, ...]:
        """Measure the program's own slope at the kinks; NaN where it moves with a parameter."""
        slopes = []
        for (member, params, _), draw in zip(found, draws, strict=False):
            kinks = np.array(member.with_params(**params).kinks, np.float64)
            slopes.append(piece.slope(kinks, draw) if kinks.size else kinks)
        first = slopes[0]
        if any(other.shape != first.shape for other in slopes):
            return (np.nan,) * first.size
        steady = np.all([other == first for other in slopes], axis=0)
        return tuple(float(s) for s in np.where(steady, first, np.nan))

    def _best(
        self, piece: Piece, thetas: Mapping[int, Any], dtype: Any, limit: float
    ) -> tuple[Any, dict[str, float], float]:
        """Find the entry nearest to the function; among equals the one with fewest parameters."""
        values = piece.values(_GRID, thetas)
        if _is_line(_GRID, values, limit) and _is_line(_FAR, piece.values(_FAR, thetas), limit):
            return _LINE, {}, 0.0
        ends = piece.values(_ENDS, thetas)

        def function(x: Any) -> np.ndarray:
            return piece.values(np.atleast_1d(np.asarray(x, np.float64)), thetas)

        def kept(entries: Iterable[_Scored]) -> list[_Scored]:
            near = [entry for entry in entries if entry[0] <= limit]
            return [e for e in near if _agree_far_out(ends, e[1], e[2], str(dtype))]

        fixed = [m for m in self._catalogue if not m.params]
        scored = kept((_distance(values, _on_grid(m.fn, str(dtype))), m, {}) for m in fixed)
        # A family that holds the function as well has more parameters, and never the better name:
        # smu(0, 0.7072) is a gelu whose 1 / sqrt(2) was rounded, by hand or to bfloat16.
        exact = max(_WRITTEN, float(jnp.finfo(dtype).eps) / 16)
        if min((error for error, _, _ in scored), default=np.inf) > exact:
            scored += kept(self._families(function, values, str(dtype)))
        if not scored:
            return None, {}, np.inf
        bound = max(exact, 3 * min(error for error, _, _ in scored))
        near = [entry for entry in scored if entry[0] <= bound]
        error, member, params = min(
            near, key=lambda e: (len(e[2]) * (not _is_own(e[1], e[2])), max(_EXACT, e[0]))
        )
        return member, {k: _rounded(v) for k, v in params.items()}, error

    def _families(
        self, function: Callable[[Any], np.ndarray], values: np.ndarray, dtype: str
    ) -> Iterator[_Scored]:
        """Solve every family for its parameters, and say how near it comes."""
        for member in self._catalogue:
            with np.errstate(all="ignore"):  # what is not finite is no member, and no news
                params = member.fit(function) if member.fit else None
            if params is not None and np.all(np.isfinite(list(params.values()))):
                reference = references.read(member.fn, tuple(params), dtype)(_GRID, params)
                yield _distance(values, reference), member, params


_LINE = object()
_EXACT = 1e-7  # no rounding of constants, whatever the spelling
_WRITTEN = 1e-5  # constants as people write them: 0.7071 for 1 / sqrt(2), 1e-6 added to a divisor
_SIX_DIGITS = 3e-6  # what a match leaves of its parameters


@lru_cache(maxsize=2048)
def also(kind: str, params: tuple[tuple[str, float], ...]) -> tuple[str, ...]:
    """List the other names in the catalogue of one function, with their parameters.

    Example:
        >>> import relu_jax
        >>> also("relu6", ())[:2]
        ('relu_n(n=6)', 'hard_tanh(low=0, high=6)')
    """
    catalogue = handover.catalogue()
    (member,) = (m for m in catalogue if m.name == kind)

    def function(x: Any) -> np.ndarray:
        z = np.atleast_1d(np.asarray(x, np.float64))
        return references.read(member.fn, tuple(dict(params)), "float32")(z, dict(params))

    values, ends, names = function(_GRID), function(_ENDS), []
    for other in catalogue:
        found = other.fit(function) if other.fit else None if other.params else {}
        if other.name == kind or found is None or not np.isfinite(list(found.values())).all():
            continue
        reference = references.read(other.fn, tuple(found), "float32")(_GRID, found)
        near = _distance(values, reference) <= _SIX_DIGITS
        if near and _agree_far_out(ends, other, found, "float32"):
            names.append(told(other.name, found))
    return tuple(names)


@lru_cache(maxsize=2048)
def _on_grid(fn: Callable[..., Any], dtype: str) -> np.ndarray:
    return references.read(fn, (), dtype)(_GRID, {})


def _is_line(grid: np.ndarray, values: np.ndarray, limit: float) -> bool:
    if np.all(values == values[0]) or np.all(np.isnan(values)):  # a mask's -inf, too
        return True
    low, high = np.searchsorted(grid, (grid[0] / 80, grid[-1] / 80))
    with np.errstate(all="ignore"):  # values that are not finite are no line, and no news
        slope = (values[high] - values[low]) / (grid[high] - grid[low])
        return _distance(values, values[low] + slope * (grid - grid[low])) <= limit


def _agree_far_out(
    far: np.ndarray, member: Member, params: Mapping[str, float], dtype: str
) -> bool:
    """Say whether nothing happens beyond the grid: a clip at 256 after a leaky relu does.

    Roughly, as a wave's phase is known roughly there; beyond 1000 only where f still grows.
    """
    with np.errstate(all="ignore"):
        reference = references.read(member.fn, tuple(params), dtype)(_ENDS, params)
        apart = np.abs(far - reference) > 0.1 * (1 + np.abs(reference))
        telling = (np.abs(_ENDS) <= 1000) | (np.abs(reference) > 0.01 * np.abs(_ENDS))
        return not np.any(apart & telling & np.isfinite(far) & np.isfinite(reference))


def _distance(values: np.ndarray, reference: np.ndarray) -> float:
    """Take the largest |f − g| / (s + |g|); infinite where f is not finite near zero.

    s is 1, or the size of a smaller f: everything is near 0 where the values are.
    """
    finite = np.isfinite(values)
    if not np.all(finite[_CORE]):
        return np.inf
    with np.errstate(all="ignore"):
        size = min(1.0, float(np.max(np.abs(values[_CORE]))) or 1.0)
        error = np.abs(values - reference) / (size + np.abs(reference))
    worst = float(np.max(error[finite]))
    return worst if np.isfinite(worst) else np.inf  # NaN would be nearer than everything


def _is_own(member: Member, params: Mapping[str, float]) -> bool:
    """Say whether parameters are the catalogue's own, as far as people write them out."""
    return all(abs(params[k] - v) <= _WRITTEN * abs(v) for k, v in member.params.items())


def _rounded(value: float) -> float:
    """Drop the digits that float32 literals cannot carry (0.009999999776 is 0.01)."""
    return float(f"{value:.6g}")
