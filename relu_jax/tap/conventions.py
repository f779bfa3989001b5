"""Which slope does a program that was differentiated use at a kink?

Inside a loop or a branch JAX writes a derivative rule out and forgets it: of relu the maximum is
left, whose own slope at 0 is another one. But the backward pass is handed what the rule made of the
argument, such as the mask z > 0. A mask that tells f′ everywhere else tells it at the kinks.
"""

import math
from collections.abc import Iterator

import numpy as np

from relu_jax.core import handover
from relu_jax.tap.pieces import Piece
from relu_jax.tap.reach import Reaches
from relu_jax.tap.recognise import Match
from relu_jax.tap.regions import Regions, piece

_BETWEEN = np.linspace(-0.97, 0.97, 16)  # places between kinks, in halves of the gap


def slopes(regions: Regions, reaches: Reaches, cut: Piece, match: Match) -> tuple[float, ...]:
    """List f′ at the kinks of a function, as the backward pass of the program has it.

    Args:
        regions: the frame it stands in.
        reaches: where values go.
        cut: the function.
        match: its name, with the slopes of its own equations.

    Returns:
        the slopes of the match where the program holds no backward pass, or no mask that tells;
        NaN where masks differ.
    """
    if not match.slope_at_kinks or cut.operands:
        return match.slope_at_kinks
    kinks = np.array(handover.lookup()(match.kind, **match.params).kinks)
    ends = np.array([kinks[0] - 4, *kinks, kinks[-1] + 4])
    middle, half = (ends[1:] + ends[:-1]) / 2, np.diff(ends) / 2
    grid = (middle[:, None] + half[:, None] * _BETWEEN).ravel()
    slope = cut.slope(grid, {})
    masks = set()
    for handed in _handed(regions, reaches, cut):
        told, at = np.split(handed.values(np.concatenate([grid, kinks]), {}), [grid.size])
        if np.allclose(told, slope, rtol=1e-6, atol=1e-7):
            return tuple(map(float, at))  # f′ itself
        masks.add(_read(told, slope, at))
    masks.discard(None)
    if len(masks) > 1:
        return (math.nan,) * len(match.slope_at_kinks)
    return next(iter(masks), None) or match.slope_at_kinks


def _handed(regions: Regions, reaches: Reaches, cut: Piece) -> Iterator[Piece]:
    """Yield the functions of the argument that nothing but a backward pass is given."""
    own = {cut.z, cut.y, *cut.inner}
    for node in regions.frame.nodes:
        for v in node.outs:
            ours = regions.root.get(v) == regions.root.get(cut.z, cut.z) and v not in own
            if not ours or reaches.live(v) or not regions.depends(v, cut.z):
                continue
            kept = v in regions.frame.outs or any(u.backward for u in regions.users.get(v, ()))
            handed = piece(regions, cut.z, v)
            if kept and not handed.operands:
                yield handed


def _read(told: np.ndarray, slope: np.ndarray, at: np.ndarray) -> tuple[float, ...] | None:
    """Read the slopes at the kinks off a mask of two values; None where it does not tell them."""
    found = [(value, np.unique(slope[told == value].round(6))) for value in np.unique(told)]
    if len(found) != 2 or any(len(slopes) != 1 for _, slopes in found):
        return None
    read = {value: float(slopes[0]) for value, slopes in found}
    return tuple(read[value] for value in at) if read.keys() >= set(at) else None
