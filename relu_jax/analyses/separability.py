"""How well does a linear readout tell the classes apart by a code, and a curved one?"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jax.typing import ArrayLike

from relu_jax.analyses.samples import refuse_non_finite
from relu_jax.core import errors

_RIDGES = np.geomspace(1e-6, 1e3, 19)  # of the mean of the kernel's diagonal
_MOST = 4000  # samples: a probe takes time of their third power
_Z95 = 1.959964


class Probe(NamedTuple):
    """One readout, tried on every sample by those that were made without it."""

    errors: int  # samples whose class it did not tell
    error: float  # as a share of N
    low: float  # 95 % interval of that share (Wilson)
    high: float
    ridge: float  # the penalty it was made with, in shares of the kernel's mean diagonal


class Separability(NamedTuple):
    """How separable the classes are in a code."""

    n: int  # N, samples
    units: int  # H
    classes: int
    chance: float  # the error of always naming the largest class
    linear: Probe
    kernel: Probe  # Gaussian kernel, as wide as the median distance
    gap: float  # linear.error - kernel.error: what is there, and no straight line shows


def separability(
    code: ArrayLike, labels: ArrayLike, *, ridges: Sequence[float] = ()
) -> Separability:
    """Measure the error of a linear probe, and of one with a Gaussian kernel beside it.

    Args:
        code: (N, H), one row per sample; `of_site` makes it of a site.
        labels: (N,), whole numbers, one class each.
        ridges: penalties to choose from, in shares of the mean of the kernel's diagonal; by default
            19 from 1e-6 to 1e3.

    Returns:
        see `Separability`. A probe is ridge regression onto the classes (one against all), and its
        error that of leaving one out: every sample is told by the probe made of all others. The
        ridge is the one with the least squared error so.

    Raises:
        ValueError: shapes that do not fit, fewer than two classes or three samples, more than 4,000
            samples, a code that is not finite, or a ridge that is not above 0.
        TypeError: labels that are no whole numbers.

    Edges: units are centred and divided by their standard deviation, all samples together; one that
    never varies tells nothing. A class with one sample is always missed. The ridge is chosen on the
    same samples as the error is told of, so that the error is a little low where N is small.

    Source: Alain & Bengio 2016 (linear probes); Hastie, Tibshirani & Friedman 2009, section 7.10
    and eq. 7.64 (leaving one out in closed form); Wilson 1927 (the interval).

    Example:
        >>> code = np.array([[0, 1], [2, 0], [1, 2], [10, 11], [9, 10], [12, 9]])
        >>> found = separability(code, np.array([0, 0, 0, 1, 1, 1]))
        >>> found.linear.errors, found.chance
        (0, 0.5)
    """
    x, y = _checked(code, labels)
    chosen = np.asarray(ridges if len(ridges) else _RIDGES, np.float64)
    if not (np.isfinite(chosen) & (chosen > 0)).all():
        raise errors.rejected(
            rule="a ridge is above 0", got=f"{chosen.tolist()}", do="leave it out, or pass shares"
        )
    names, which = np.unique(y, return_inverse=True)
    spread = x.std(axis=0)
    x = (x - x.mean(axis=0)) / np.where(spread > 0, spread, 1)
    apart = np.maximum(_squares(x), 0)
    middle = np.median(apart[np.triu_indices(len(x), 1)])
    curved = np.exp(-apart / (2 * middle)) if middle > 0 else np.ones_like(apart)
    linear, kernel = (_probe(k, which, chosen) for k in (x @ x.T, curved))
    largest = np.bincount(which).max()
    return Separability(
        len(x), x.shape[1], len(names), float(1 - largest / len(x)), linear, kernel,
        linear.error - kernel.error,
    )  # fmt: skip


def _checked(code: ArrayLike, labels: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.asarray(code, np.float64), np.asarray(labels)
    if y.dtype.kind not in "iub":
        raise errors.rejected(
            rule="labels are whole numbers, one per sample",
            got=errors.describe(y),
            do="pass labels.astype(int), or the largest of each row of a one-hot array",
            kind=TypeError,
        )
    fits = x.ndim == 2 and y.shape == x.shape[:1] and x.shape[1] > 0
    if not fits or not 3 <= len(x) <= _MOST or len(np.unique(y)) < 2:
        raise errors.rejected(
            rule=f"a code is (N, H) and its labels (N,), of 3 to {_MOST:,} samples and 2 classes",
            got=f"{errors.describe(x)} and {errors.describe(y)}"
            + (f" with {len(np.unique(y))} classes" if fits else ""),
            do="lay it out with rj.analyses.of_site, and take a sample of the rows",
        )
    refuse_non_finite(x)
    return x, y


def _squares(x: np.ndarray) -> np.ndarray:
    size = np.sum(x * x, axis=1)
    return size[:, None] + size - 2 * x @ x.T


def _probe(kernel: np.ndarray, which: np.ndarray, ridges: np.ndarray) -> Probe:
    """Leave every sample out in turn, in closed form, for every ridge."""
    n = len(kernel)
    targets = np.where(which[:, None] == np.arange(which.max() + 1), 1.0, -1.0)
    # A constant beside the kernel is the intercept; it is not penalised in effect.
    scale = max(float(np.trace(kernel)) / n, np.finfo(float).tiny)
    values, vectors = np.linalg.eigh(kernel / scale + 1e3)
    within = vectors.T @ targets
    best = (np.inf, np.inf, n)
    for ridge in ridges:
        weight = 1 / (np.maximum(values, 0) + ridge)
        left = (vectors * weight) @ within
        off = left / np.sum(vectors**2 * weight, axis=1)[:, None]  # y - ŷ without the sample
        missed = int(((targets - off).argmax(axis=1) != which).sum())
        best = min(best, (float(np.square(off).sum()), float(ridge), missed))
    missed = best[2]
    share, z2 = missed / n, _Z95**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z95 * np.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return Probe(missed, share, max(0.0, middle - half), min(1.0, middle + half), best[1])
