"""What does a network of infinite width predict after training on some examples?

Every answer is a function of a kernel matrix: Θ drives gradient flow, K is the prior.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Float

from relu_jax.core import errors
from relu_jax.core.types import Array
from relu_jax.theory.scalars import at_least, real


class Kernels(NamedTuple):
    """Hold one kernel between N training inputs and M test inputs."""

    train: Float[Array, "N N"]
    cross: Float[Array, "M N"]
    test: Float[Array, "M M"]


class Prediction(NamedTuple):
    """Hold mean and covariance of the outputs at M test inputs; C outputs share the latter."""

    mean: Float[Array, "M C"]
    covariance: Float[Array, "M M"]


def gradient_flow(
    train: Float[Array, "N N"],
    cross: Float[Array, "M N"],
    targets: Float[Array, "N C"],
    *,
    time: ArrayLike = jnp.inf,
    start: tuple[Float[Array, "N C"], Float[Array, "M C"]] | None = None,
) -> Float[Array, "M C"]:
    """Predict what a network whose kernel does not change gives after training.

    f_t(x) = f_0(x) + Θ(x, X) (1 - e^(-Θ t)) / Θ (Y - f_0(X)), Θ = Θ(X, X): gradient flow on
    half the squared error, summed over examples and outputs.

    Args:
        train: Θ(X, X), symmetric with no negative eigenvalue.
        cross: Θ(x, X).
        targets: Y.
        time: learning rate × steps; inf for the end. For a mean over the N C errors in place
            of the sum over half of them, pass 2 t / (N C).
        start: outputs before training at the training and at the test inputs; None is 0, the
            mean over networks.

    Raises:
        ValueError: time below 0; shapes that do not fit.
        TypeError: complex numbers.

    Edges: what no example moves, eigenvalues below N ε of the largest, stays as it was. The
    derivative in `train` needs distinct eigenvalues.

    Source: Jacot, Gabriel & Hongler 2018, section 5; Lee et al. 2019, section 2.2.

    Example:
        >>> one = jnp.ones((1, 1))
        >>> print(gradient_flow(2 * one, one, one, time=0.5).round(4))  # (1 - 1/e) / 2
        [[0.3161]]
    """
    _check(train, cross, targets)
    response = _response(train, _time(time, train))
    if start is None:
        return cross @ response @ targets
    return start[1] + cross @ response @ (targets - start[0])


def trained(
    tangent: Kernels, prior: Kernels, targets: Float[Array, "N C"], *, time: ArrayLike = jnp.inf
) -> Prediction:
    """Predict mean and covariance over infinitely wide networks after training.

    With A = Θ(x, X) (1 - e^(-Θ t)) / Θ the mean is A Y, and the covariance
    K(x, x) + A K(X, X) Aᵀ - A K(X, x) - K(x, X) Aᵀ.

    Args:
        tangent: Θ, from `ntk`; its `test` is not needed.
        prior: K, from `nngp`.
        targets: Y.
        time: as for `gradient_flow`.

    Raises:
        ValueError: as for `gradient_flow`.

    Source: Lee et al. 2019, equations 14 and 15.

    Example:
        >>> one = jnp.ones((1, 1))
        >>> same = Kernels(one, one, one)
        >>> trained(same, same, 3 * one).covariance.tolist()
        [[0.0]]
    """
    _check(*tangent[:2], targets)
    _check(*prior[:2], targets)
    weights = tangent.cross @ _response(tangent.train, _time(time, tangent.train))
    mixed = weights @ prior.cross.T
    spread = weights @ prior.train @ weights.T
    return Prediction(weights @ targets, prior.test + spread - mixed - mixed.T)


def posterior(
    prior: Kernels, targets: Float[Array, "N C"], *, noise: ArrayLike = 0.0
) -> Prediction:
    """Condition a Gaussian process on examples: what training the last layer alone gives.

    Args:
        prior: K, from `nngp`.
        targets: Y.
        noise: variance of each target around the process.

    Raises:
        ValueError: noise below 0; shapes that do not fit.
        TypeError: complex numbers.

    Source: Rasmussen & Williams 2006, equations 2.23 and 2.24.

    Example:
        >>> one = jnp.ones((1, 1))
        >>> posterior(Kernels(one, one, one), 3 * one, noise=1.0).mean.tolist()
        [[1.5]]
    """
    _check(*prior[:2], targets)
    variance = at_least(0.0, "noise", noise, do="pass a variance").astype(prior.train.dtype)
    noisy = prior.train + variance * jnp.eye(len(prior.train), dtype=prior.train.dtype)
    weights = prior.cross @ _response(noisy, jnp.full((), jnp.inf, noisy.dtype))
    return Prediction(weights @ targets, prior.test - weights @ prior.cross.T)


def _check(train: Array, cross: Array, targets: Array) -> None:
    """Refuse kernels and targets that are not those of one set of examples."""
    for name, matrix in (("train", train), ("cross", cross), ("targets", targets)):
        real(name, matrix, do="pass matrices of real numbers")
    rows, columns, examples = (np.shape(x) for x in (train, cross, targets))
    if len(rows) == len(columns) == len(examples) == 2:
        n = rows[0]
        if n > 0 and rows[1] == columns[1] == examples[0] == n:
            return
    raise errors.rejected(
        rule="N examples have a kernel (N, N), one with test inputs (M, N) and targets (N, C)",
        got=f"shapes {rows}, {columns} and {examples}",
        do="take the kernels of the examples whose targets are given, one row each",
    )


def _response(kernel: Array, time: Array) -> Array:
    """Return (1 - e^(-kernel t)) / kernel, and 0 where the kernel is."""
    values, vectors = jnp.linalg.eigh(kernel)
    least = len(kernel) * jnp.finfo(kernel.dtype).eps * jnp.max(jnp.abs(values))
    moved = values > least
    safe = jnp.where(moved, values, jnp.ones_like(values))
    gains = jnp.where(moved, -jnp.expm1(-safe * time) / safe, jnp.zeros_like(values))
    return (vectors * gains[None]) @ vectors.T


def _time(time: ArrayLike, kernel: Array) -> Array:
    # at_least refuses infinity, which is a time of its own here.
    if isinstance(time, float) and time == jnp.inf:
        return jnp.full((), jnp.inf, kernel.dtype)
    return at_least(0.0, "time", time, do="pass learning rate times steps").astype(kernel.dtype)
