"""Which singular values have matrices, such as the Jacobians of examples?

Rows and columns that are 0 (dead units) are dropped; the values are the roots of the eigenvalues of
the smaller Gram matrix, in float64.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike, DTypeLike

from relu_jax.core import errors


class Spectrum(NamedTuple):
    """The singular values of N matrices, in NumPy's float64, largest first.

    Of the matrix-free ones only the K largest are known: what needs all is NaN.
    """

    values: np.ndarray  # (N, K)
    # (N, K): a value lies within so much. Of a Jacobian, if f computes in no coarser numbers than
    # its argument and its result are; where max_bytes stopped the steps and it is not small, it may
    # be another than the k-th.
    error: np.ndarray
    n_out: int
    n_in: int
    whole: bool  # whether these are all
    expected: np.ndarray | None = None  # (K,): what theory says, for a picture beside them

    @property
    def rank(self) -> np.ndarray:
        """Number of values above max(n_out, n_in) · ε(float32) times the largest, (N,)."""
        floor = max(self.n_out, self.n_in) * np.finfo(np.float32).eps * self.values[:, :1]
        return self._if_whole(np.sum(self.values > floor, axis=1))

    @property
    def norm(self) -> np.ndarray:
        """Frobenius norm, (N,)."""
        return self._if_whole(np.sqrt(np.sum(self.values**2, axis=1)))

    @property
    def mean_square(self) -> np.ndarray:
        """Mean eigenvalue of J Jᵀ, ‖J‖² / n_out, (N,): what theory.jacobian_spectrum predicts."""
        return self.norm**2 / self.n_out

    @property
    def relative_variance(self) -> np.ndarray:
        """Variance of the eigenvalues of J Jᵀ over their squared mean, (N,)."""
        fourth = np.sum(self.values**4, axis=1) / self.n_out
        return self._if_whole(fourth / self.mean_square**2 - 1)

    @property
    def condition(self) -> np.ndarray:
        """Largest over smallest value, (N,); inf where one is 0, NaN where all are."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self._if_whole(self.values[:, 0] / self.values[:, -1])

    @property
    def effective_rank(self) -> np.ndarray:
        """Exponential of the entropy of the values over their sum, (N,); 0 where all are 0.

        Source: Roy & Vetterli 2007.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            share = self.values / np.sum(self.values, axis=1, keepdims=True)
            each = np.where(share > 0, share * np.log(share), 0)
        found = np.where(self.norm > 0, np.exp(-np.sum(each, axis=1)), self.norm)  # 0, NaN
        return self._if_whole(found)

    @property
    def from_isometry(self) -> np.ndarray:
        """RMS of the values minus 1, (N,): 0 where every direction keeps its length."""
        return self._if_whole(np.sqrt(np.mean((self.values - 1) ** 2, axis=1)))

    @property
    def shares(self) -> np.ndarray:
        """Rank of each value as a share of the shorter side, (K,): (rank - 0.5) / min(C, D)."""
        return (np.arange(self.values.shape[1]) + 0.5) / min(self.n_out, self.n_in)

    def beside(self, expected: Any) -> "Spectrum":
        """Put what theory expects beside the values.

        Args:
            expected: (K,), largest first, such as `theory.singular_value_law` at `shares`.

        Raises:
            ValueError: not as many finite numbers as values, below 0, or in another order.

        Example:
            >>> import relu_jax as rj
            >>> found = spectrum_of(np.random.default_rng(0).standard_normal((1, 64, 64)) / 8)
            >>> line = rj.activations.get("identity")
            >>> law = rj.theory.singular_value_law(line, 1, weight_std=1.0, shares=found.shares)
            >>> both = found.beside(law)
            >>> bool(np.abs(both.values[0] - both.expected).max() < 0.1)
            True
        """
        told = np.asarray(expected, np.float64)
        shape = self.values.shape[1:]
        if (
            told.shape != shape
            or not (np.isfinite(told) & (told >= 0)).all()
            or (np.diff(told) > 0).any()
        ):
            raise errors.rejected(
                rule=f"theory gives {shape[0]} numbers of at least 0, the largest first",
                got=errors.describe(expected),
                do="pass rj.theory.singular_value_law(act, depth, ..., shares=spectrum.shares)",
            )
        return self._replace(expected=told)

    def _if_whole(self, numbers: np.ndarray) -> np.ndarray:
        known = np.isfinite(self.values).all(axis=1) & self.whole
        return numbers if known.all() else np.where(known, numbers, np.nan)


def spectrum_of(matrices: ArrayLike) -> Spectrum:
    """Find all singular values of matrices that are there, as `jacobian` gives them.

    Args:
        matrices: (N, C, D), real floats; on the host they are one at a time in float64.

    Raises:
        ValueError: not three axes, or one without entries.
        TypeError: no array of real floats.

    Edges: a matrix with NaN or inf has NaN for its values. Of float32 and coarser ones each value
    is accurate to 1e-6 down to 1e-5 of the largest; of float64 they are those of an SVD.

    Example:
        >>> import jax.numpy as jnp
        >>> spectrum_of(jnp.array([[[0.0, 2.0], [0.0, 0.0]]])).values.tolist()
        [[2.0, 0.0]]
    """
    if not jnp.issubdtype(getattr(matrices, "dtype", bool), jnp.floating):
        raise errors.rejected(
            rule="matrices are an array of real floats", got=errors.describe(matrices),
            do="convert them", kind=TypeError,
        )  # fmt: skip
    found = np.asarray(matrices)
    if found.ndim != 3 or not found.size:
        raise errors.rejected(
            rule="matrices have three axes, (N, C, D), of one or more",
            got=errors.describe(matrices),
            do="pass w[None] for a single one",
        )
    values, sides = values_of(found), found.shape[1:]
    return Spectrum(values, rounding(values, sides, [found.dtype]), *sides, whole=True)


def values_of(matrices: Iterable[np.ndarray]) -> np.ndarray:
    """Find the singular values of matrices of one shape, in order.

    Example:
        >>> values_of([np.eye(2), 3 * np.eye(2)]).tolist()
        [[1.0, 1.0], [3.0, 3.0]]
    """
    return np.stack([_values(one) for one in matrices])


def rounding(values: np.ndarray, sides: tuple[int, ...], dtypes: Iterable[DTypeLike]) -> np.ndarray:
    """Bound what rounding does to values: that of products as long as the longer side.

    Example:
        >>> rounding(np.array([[2.0, 1.0]]), (4, 1), [np.float32]).round(9).tolist()
        [[4.77e-07, 4.77e-07]]
    """
    eps = max(float(jnp.finfo(dtype).eps) for dtype in dtypes)
    return np.broadcast_to(max(sides) ** 0.5 * eps * values[:, :1], values.shape)


def _values(one: np.ndarray) -> np.ndarray:
    """Find the singular values of one matrix."""
    found = np.zeros(min(one.shape))
    if not np.isfinite(one).all():
        return np.full_like(found, np.nan)
    kept = one[one.any(axis=1)][:, one.any(axis=0)].astype(np.float64)
    if not kept.size:
        return found
    if one.dtype == np.float64:
        values = np.linalg.svd(kept, compute_uv=False)
    else:
        scale = np.abs(kept).max()
        kept = (kept if kept.shape[0] <= kept.shape[1] else kept.T) / scale
        values = np.sqrt(np.maximum(np.linalg.eigvalsh(kept @ kept.T)[::-1], 0)) * scale
    found[: len(values)] = values
    return found
