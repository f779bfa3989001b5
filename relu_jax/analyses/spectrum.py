"""Which singular values has a network's Jacobian, example by example?

Exact where it fits: rows and columns that are 0 (dead units) are dropped, and the values are the
roots of the eigenvalues of the smaller Gram matrix, in float64. The largest ones alone need no
Jacobian: Golub-Kahan's bidiagonalisation multiplies by it, forward and backward.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike

from relu_jax.analyses.between import opened, shaped
from relu_jax.analyses.jacobian import (
    MAX_BYTES,
    Batched,
    Plan,
    chunks,
    plan,
    refuse_empty,
    refuse_meeting,
    rows,
)
from relu_jax.core import errors
from relu_jax.core.integers import integer
from relu_jax.core.numerics import widened
from relu_jax.core.types import Array

_AT_ONCE = 2**27  # bytes of Jacobians held at a time, where max_bytes allows for it
_BEYOND = 10  # steps of the first bidiagonalisation beyond twice the values that are kept
_NEAR = 1e-3  # of the largest value: how far off the largest ones may be


class Spectrum(NamedTuple):
    """The singular values of N Jacobians, in NumPy's float64, largest first.

    Of the matrix-free ones only the K largest are known: what needs all is NaN.
    """

    values: np.ndarray  # (N, K)
    # (N, K): a value of the Jacobian lies within so much, if f computes in no coarser numbers than
    # its argument and its result are. Where max_bytes stopped the steps and it
    # is not small, it may be another than the k-th.
    error: np.ndarray
    n_out: int
    n_in: int
    whole: bool  # whether these are all

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

    def _if_whole(self, numbers: np.ndarray) -> np.ndarray:
        known = np.isfinite(self.values).all(axis=1) & self.whole
        return numbers if known.all() else np.where(known, numbers, np.nan)


def singular_values(
    f: Batched, x: ArrayLike, *, k: Any = None, max_bytes: int = MAX_BYTES
) -> Spectrum:
    """Find the singular values of every example's Jacobian.

    Args:
        f: a function of a batch: x, of (N, ...), to (N, ...); any network, or a part (`between`).
        x: N examples.
        k: None for all of them, from the Jacobian; a number for the k largest, without it.
        max_bytes: what is held at a time; memory does not grow with N beyond it. With k, steps are
            taken until the values are within 1e-3 of the largest, or this is reached: see `error`.

    Raises:
        ValueError: one example's Jacobian does not fit (the size is told, and nothing runs),
            examples meet in f, or a k below 1 or above the smaller side.
        TypeError: x or the result is no array of real floats.

    Edges: with k, of values that agree to single roundings some may be missed, in favour of lower
    ones. A Jacobian with NaN or inf has NaN for its values. Accurate to 1e-6 of each value down to
    1e-5 of the largest for a Jacobian of float32; of float64 the values are those of an SVD.

    Source: Golub & Kahan 1965 (matrix-free, fully reorthogonalised).

    Example:
        >>> import jax.numpy as jnp
        >>> found = singular_values(lambda x: 3 * x[:, :2], jnp.ones((1, 4)))
        >>> found.values.tolist(), found.rank.tolist()
        ([[3.0, 3.0]], [2])
    """
    planned = plan(f, x)
    refuse_empty(planned)
    if k is None:
        _refuse_large(planned, max_bytes)
    refuse_meeting(f, x)
    x = jnp.asarray(x)
    if k is not None:
        return _largest(f, planned, x, _checked(k, planned), max_bytes)
    at_once = max(1, min(_AT_ONCE, max_bytes) // max(planned.each, 1))
    take = jax.jit(lambda part: rows(f, planned, part))
    found = _in_turn(take, chunks(planned, x, at_once))
    values = np.concatenate([_exact(part) for part in found])
    return Spectrum(
        values, _rounding(values, planned, shaped(f, x)), planned.n_out, planned.n_in, whole=True
    )


def _in_turn(take: Any, parts: Iterator[Array]) -> Iterator[np.ndarray]:
    """Start the next Jacobians before the last are looked at."""
    ahead = None
    for part in parts:
        now = take(part)
        if ahead is not None:
            yield np.asarray(ahead)
        ahead = now
    yield np.asarray(ahead)


def _exact(jacobians: np.ndarray) -> np.ndarray:
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # LAPACK lets go of Python's lock
        return np.stack(list(pool.map(_values, jacobians)))


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


def _rounding(values: np.ndarray, planned: Plan, ends: Sequence[Any]) -> np.ndarray:
    """Bound what rounding does to values: that of products as long as the longer side."""
    eps = max(float(jnp.finfo(end.dtype).eps) for end in ends)
    return np.broadcast_to(
        max(planned.n_out, planned.n_in) ** 0.5 * eps * values[:, :1], values.shape
    )


def _largest(f: Batched, planned: Plan, x: Array, k: int, max_bytes: int) -> Spectrum:
    """Bidiagonalise every Jacobian, in twice as many steps until the values are near enough."""
    small = min(planned.n_out, planned.n_in)
    one = (planned.n_out + planned.n_in) * x.dtype.itemsize  # bytes of a step
    most = max(k, min(small, max_bytes // one))
    steps = min(most, 2 * k + _BEYOND)
    while True:
        parts = chunks(planned, x, max(1, max_bytes // (steps * one)))
        run = _bidiagonal(f, planned, steps)  # compiled once for parts of one size
        found = [_of_bidiagonals(*run(part)) for part in parts]
        values, error = (np.concatenate([part[i][:, :k] for part in found]) for i in (0, 1))
        error = error + _rounding(values, planned, shaped(f, x))
        if steps == most or not np.any(error > _NEAR * values[:, :1]):  # NaN is near enough
            return Spectrum(values, error, planned.n_out, planned.n_in, whole=k == small)
        steps = min(most, 2 * steps)


def _bidiagonal(f: Batched, planned: Plan, steps: int) -> Callable[[Array], tuple[Array, Array]]:
    """Build Golub and Kahan's recurrence, J V = U B for every example, fully reorthogonalised.

    It starts on the shorter side, Jᵀ for J where that is the output: as many steps as that side is
    long then leave nothing over.
    """

    @jax.jit
    def run(x: Array) -> tuple[Array, Array]:
        onward, start = opened(f, x)
        flat = start.reshape(len(x), planned.n_in)

        def flattened(flat: Array) -> Array:
            given = flat.astype(start.dtype).reshape(-1, *start.shape[1:])
            return onward(given).reshape(-1, planned.n_out).astype(flat.dtype)

        flat = widened(flat)  # of half precision, and of results in another
        y, push = jax.linearize(flattened, flat)
        pull = jax.linear_transpose(push, flat)
        sides = (flat, push), (y, lambda u: pull(u)[0])
        (near, there), (far, back) = sides if planned.n_in <= planned.n_out else sides[::-1]
        keys = jax.random.split(jax.random.key(0), 2 * steps + 1)
        right = jnp.zeros((steps, *near.shape), near.dtype)
        left = jnp.zeros((steps, *far.shape), far.dtype)
        nothing = jnp.zeros(len(x), y.dtype)

        def step(i: Array, state: Any) -> Any:
            left, right, alphas, betas, v, u, beta, norm = state
            right = right.at[i].set(v)
            u, alpha = _next(left, there(v) - beta[:, None] * u, norm, keys[2 * i])
            norm, left = jnp.maximum(norm, alpha), left.at[i].set(u)
            v, beta = _next(right, back(u) - alpha[:, None] * v, norm, keys[2 * i + 1])
            return left, right, alphas.at[i].set(alpha), betas.at[i].set(beta), v, u, beta, norm

        v, _ = _next(right, jnp.zeros_like(near), nothing, keys[-1])
        numbers = jnp.zeros((steps, len(x)), y.dtype)
        state = (left, right, numbers, numbers, v, jnp.zeros_like(far), nothing, nothing)
        _, _, alphas, betas, *_ = lax.fori_loop(0, steps, step, state)
        return alphas.T, betas.T

    return run


def _next(basis: Array, v: Array, norm: Array, key: Array) -> tuple[Array, Array]:
    """Take what of v is new, its direction and length; at an end, any new direction, of length 0.

    Without it, a value that is there several times would be found once.
    """
    new = _free_of(basis, v)
    size = _length(new)
    ended = size <= 32 * jnp.finfo(v.dtype).eps * norm

    def replaced() -> Array:
        other = _free_of(basis, jax.random.normal(key, v.shape, v.dtype))
        return jnp.where(ended[:, None], other, new)

    kept = lax.cond(jnp.any(ended), replaced, lambda: new)
    return kept / _length(kept)[:, None], jnp.where(ended, jnp.zeros_like(size), size)


def _length(v: Array) -> Array:
    """Take the norm of each row, of any size: squares alone end at 1e-19 and 1e19."""
    peak = jnp.max(jnp.abs(v), axis=1, keepdims=True)
    safe = jnp.where(peak == 0, jnp.ones_like(peak), peak)
    return peak[:, 0] * jnp.linalg.norm(v / safe, axis=1)


def _free_of(basis: Array, v: Array) -> Array:
    """Take away what lies along a basis, twice: once leaves roundings."""
    for _ in range(2):
        along = jnp.einsum("tnd,nd->tn", basis, v)
        v = v - jnp.einsum("tn,tnd->nd", along, basis)
    return v


def _of_bidiagonals(alphas: ArrayLike, betas: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Find the singular values of upper bidiagonal matrices, and how far they are off."""
    alphas, betas = np.asarray(alphas, np.float64), np.asarray(betas, np.float64)
    n, steps = alphas.shape
    upper = np.zeros((n, steps, steps))
    at = np.arange(steps)
    upper[:, at, at] = alphas
    upper[:, at[:-1], at[1:]] = betas[:, :-1]
    values, error = np.full((2, n, steps), np.nan)
    known = np.isfinite(upper).all(axis=(1, 2))
    left, values[known], _ = np.linalg.svd(upper[known])
    error[known] = betas[known, -1:] * np.abs(left[:, -1, :])
    return values, error


def _refuse_large(planned: Plan, max_bytes: int) -> None:
    if planned.each > max_bytes:
        raise errors.rejected(
            rule=f"the Jacobian of one example fits into max_bytes={max_bytes}",
            got=str(planned),
            do="pass k=10 for the ten largest, which need no Jacobian, or a larger max_bytes",
        )


def _checked(k: Any, planned: Plan) -> int:
    number, most = integer("k", k), min(planned.n_out, planned.n_in)
    if 1 <= number <= most:
        return number
    raise errors.rejected(
        rule=f"k is at least 1 and at most {most}, the smaller side of the Jacobian",
        got=str(number),
        do="leave k out for all values",
    )
