"""What does a mask, handed to a backward pass, tell of a function's slopes at its kinks?"""

from collections.abc import Iterable

import numpy as np

from relu_jax.core import handover
from relu_jax.tap.pieces import Piece
from relu_jax.tap.recognise import Match

_BETWEEN = np.linspace(-0.97, 0.97, 16)  # places between kinks, in halves of the gap


class Told:
    """What masks tell of a function's slopes at its kinks."""

    def __init__(self, match: Match, cut: Piece) -> None:
        self.kinks = np.array(handover.lookup()(match.kind, **match.params).kinks)
        ends = np.array([self.kinks[0] - 4, *self.kinks, self.kinks[-1] + 4])
        middle, half = (ends[1:] + ends[:-1]) / 2, np.diff(ends) / 2
        self.grid = (middle[:, None] + half[:, None] * _BETWEEN).ravel()
        self.slope, self.own = cut.slope(self.grid, {}), match.slope_at_kinks

    def __call__(self, masks: Iterable[Piece]) -> set[tuple[float, ...]]:
        """Collect the slopes that masks tell: those that are f′ between the kinks before others."""
        itself, by_mask = set(), set()
        for mask in masks:
            between, at = np.split(self._values(mask), [self.grid.size])
            if np.allclose(between, self.slope, rtol=1e-6, atol=1e-7):
                itself.add(tuple(map(float, at)))
            by_mask.add(_read(between, self.slope, at))
        found = itself or by_mask - {None}
        return {self.own if np.allclose(at, self.own, 1e-5, 1e-6) else at for at in found}

    def is_mask(self, of: Piece) -> bool:
        """Say whether a function takes two values between the kinks."""
        return np.unique(self._values(of)[: self.grid.size]).size == 2

    def _values(self, of: Piece) -> np.ndarray:
        """Evaluate a function between the kinks, and at them; NaN where that is not known."""
        try:
            return of.values(np.concatenate([self.grid, self.kinks]), {})
        except NotImplementedError:  # made of the bits of its argument, say
            return np.full(self.grid.size + self.kinks.size, np.nan)


def _read(told: np.ndarray, slope: np.ndarray, at: np.ndarray) -> tuple[float, ...] | None:
    """Read the slopes at the kinks off a mask of two values; None where it does not tell them.

    A value in between stands for a slope in between: where both sides are equal JAX mixes them.
    """
    found = [(value, np.unique(slope[told == value].round(6))) for value in np.unique(told)]
    if len(found) != 2 or any(len(slopes) != 1 for _, slopes in found):
        return None
    (low, (below,)), (high, (above,)) = found
    share = (at - low) / (high - low)
    inside = np.all((share >= 0) & (share <= 1))
    return tuple(map(float, below + share * (above - below))) if inside else None
