"""How many dimensions does a code fill: by its variance, and by the distances to neighbours?"""

from typing import NamedTuple

import numpy as np
from jax.typing import ArrayLike
from scipy.spatial import distance

from relu_jax.analyses.samples import refuse_non_finite
from relu_jax.core import errors

_ROWS = 512  # whose distances are held at a time
_Z95 = 1.959964


class Dimension(NamedTuple):
    """How many dimensions a code fills."""

    n: int  # N, samples
    units: int  # H
    participation: float  # (Σ λ)² / Σ λ² of the covariance's eigenvalues: 1 to H
    rank: int  # eigenvalues above rounding
    neighbours: float  # the dimension that ratios of distances to neighbours tell; NaN: too few
    low: float  # 95 % interval of it
    high: float
    used: int  # samples it was told of: those with two neighbours at different distances
    copies: int  # samples that are equal to another one: left out of `neighbours`


def dimension(code: ArrayLike) -> Dimension:
    """Measure how many dimensions a code fills, linearly and along a curved sheet.

    Args:
        code: (N, H), one row per sample; `of_site` makes it of a site.

    Returns:
        see `Dimension`.

    Raises:
        ValueError: no (N, H), fewer than two samples, no unit, or values that are not finite.

    Edges: a code that never varies has the participation NaN and rank 0. `neighbours` is the
    maximum of the likelihood of μ = r₂/r₁ over the samples (each once, copies left out), whose
    interval takes them as independent; noise of the size of the distances raises it towards H, and
    few samples of a high dimension lower it.

    Source: Gao et al. 2017, eq. 5 (participation ratio); Facco et al. 2017 and Denti et al. 2022,
    eq. 5 (two nearest neighbours, by maximum likelihood).

    Example:
        >>> import numpy as np
        >>> t = np.random.default_rng(0).uniform(0, 6, size=300)
        >>> found = dimension(np.stack([np.cos(t), np.sin(t), t], axis=1))  # a curve
        >>> round(found.neighbours), found.rank
        (1, 3)
    """
    x = np.asarray(code, np.float64)
    if x.ndim != 2 or len(x) < 2 or not x.shape[1]:
        raise errors.rejected(
            rule="a code is (N, H), of at least two samples and one unit",
            got=errors.describe(x),
            do="lay it out with rj.analyses.of_site",
        )
    refuse_non_finite(x)
    spread = np.abs(x).max()
    x = x / spread if spread > 0 else x
    values = np.linalg.svd(x - x.mean(axis=0), compute_uv=False)
    rank = int((values > values.max() * max(x.shape) * np.finfo(float).eps).sum())
    squares = values[:rank] ** 2
    filled = float(squares.sum() ** 2 / np.square(squares).sum()) if rank else float("nan")
    told, used, copies = _neighbours(x)
    half = _Z95 * told / np.sqrt(used) if used else float("nan")
    return Dimension(
        len(x), x.shape[1], filled, rank, told, told - half, told + half, used, copies
    )  # fmt: skip


def _neighbours(x: np.ndarray) -> tuple[float, int, int]:
    kept = np.unique(x, axis=0)
    copies = len(x) - len(kept)
    if len(kept) < 3:
        return float("nan"), 0, copies
    ratios = []
    for i in range(0, len(kept), _ROWS):
        away = distance.cdist(kept[i : i + _ROWS], kept)
        first, second = np.partition(away, (1, 2), axis=1)[:, 1:3].T  # the least is its own, 0
        ratios.append(np.log(second / np.where(first > 0, first, second)))
    logs = np.concatenate(ratios)
    logs = logs[logs > 0]
    if len(logs) < 2:
        return float("nan"), len(logs), copies
    return (len(logs) - 1) / float(logs.sum()), len(logs), copies
