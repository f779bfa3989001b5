"""Which are the largest singular values of Jacobians that are never written down?

Golub and Kahan's bidiagonalisation multiplies by a Jacobian, forward and backward; its vectors are
fully reorthogonalised.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike

from relu_jax.analyses.between import Once
from relu_jax.analyses.jacobian import Plan, chunks
from relu_jax.analyses.spectrum import Spectrum, rounding
from relu_jax.core.numerics import widened
from relu_jax.core.types import Array

_BEYOND = 10  # steps of the first bidiagonalisation beyond twice the values that are kept
_NEAR = 1e-3  # of the largest value: how far off the largest ones may be


def largest(f: Once, planned: Plan, x: Array, k: int, max_bytes: int) -> Spectrum:
    """Bidiagonalise every Jacobian, in twice as many steps until the values are near enough.

    Args:
        f: the function of a batch.
        planned: what its Jacobians take.
        x: N examples.
        k: values to find of each, at most as many as the smaller side has.
        max_bytes: what the vectors of all steps may take.

    Example:
        >>> from relu_jax.analyses.between import once
        >>> from relu_jax.analyses.jacobian import plan
        >>> f, x = once(lambda x: x * jnp.array([2.0, 3.0, 1.0])), jnp.ones((1, 3))
        >>> largest(f, plan(f, x), x, 1, 2**20).values.round(5).tolist()
        [[3.0]]
    """
    sides, dtypes = (planned.n_out, planned.n_in), [end.dtype for end in f.shaped(x)]
    small, one = min(sides), sum(sides) * x.dtype.itemsize  # bytes of a step
    most = max(k, min(small, max_bytes // one))
    steps = min(most, 2 * k + _BEYOND)
    while True:
        parts = chunks(planned, x, max(1, max_bytes // (steps * one)))
        run = _bidiagonal(f, planned, steps)  # compiled once for parts of one size
        found = [_of_bidiagonals(*run(part)) for part in parts]
        values, error = (np.concatenate([part[i][:, :k] for part in found]) for i in (0, 1))
        error = error + rounding(values, sides, dtypes)
        if steps == most or not np.any(error > _NEAR * values[:, :1]):  # NaN is near enough
            return Spectrum(values, error, *sides, whole=k == small)
        steps = min(most, 2 * steps)


def _bidiagonal(f: Once, planned: Plan, steps: int) -> Callable[[Array], tuple[Array, Array]]:
    """Build Golub and Kahan's recurrence, J V = U B for every example, fully reorthogonalised.

    It starts on the shorter side, Jᵀ for J where that is the output: as many steps as that side is
    long then leave nothing over.
    """

    @jax.jit
    def run(x: Array) -> tuple[Array, Array]:
        onward, start = f.opened(x)
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
