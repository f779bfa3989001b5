"""What does a network of infinite width predict after training on some examples?

Every answer is a function of a kernel matrix: Θ drives gradient flow, K is the prior.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Float

from relu_jax.core import errors
from relu_jax.core.types import Array
from relu_jax.theory.scalars import at_least, check_scalars, is_known, real


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
        ValueError: time below 0; shapes that do not fit; a kernel that is not symmetric, or
            numbers that are not finite, where they can be seen.
        TypeError: complex numbers.

    Edges: what no example moves, eigenvalues below N ε of the largest, stays as it was. First
    derivatives in `train` are right where eigenvalues are equal too, to ε / (λ t) of their size,
    λ being the largest; second ones need distinct eigenvalues.

    Source: Jacot, Gabriel & Hongler 2018, section 5; Lee et al. 2019, section 2.2.

    Example:
        >>> one = jnp.ones((1, 1))
        >>> print(gradient_flow(2 * one, one, one, time=0.5).round(4))  # (1 - 1/e) / 2
        [[0.3161]]
    """
    outputs = {} if start is None else {"start[0]": (start[0], "NC"), "start[1]": (start[1], "MC")}
    _check(train=(train, "NN"), cross=(cross, "MN"), targets=(targets, "NC"), **outputs)
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
    for kernels in (prior, tangent):
        _check_kernels(kernels._replace(test=prior.test), targets)
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
    _check_kernels(prior, targets)
    check_scalars(noise=noise)
    variance = at_least(0.0, "noise", noise, do="pass a variance").astype(prior.train.dtype)
    noisy = prior.train + variance * jnp.eye(len(prior.train), dtype=prior.train.dtype)
    weights = prior.cross @ _response(noisy, jnp.full((), jnp.inf, noisy.dtype))
    return Prediction(weights @ targets, prior.test - weights @ prior.cross.T)


def _check_kernels(kernels: Kernels, targets: Array) -> None:
    train, cross, test = kernels
    _check(train=(train, "NN"), cross=(cross, "MN"), targets=(targets, "NC"), test=(test, "MM"))


def _check(**matrices: tuple[Any, str]) -> None:
    """Refuse what are not matrices of one set of examples, each given with its two axes."""
    sizes: dict[str, int] = {}
    for i, (name, (matrix, axes)) in enumerate(matrices.items()):
        real(name, matrix, do="pass matrices of real numbers")
        shape = np.shape(matrix)
        fits = len(shape) == 2 and all(
            sizes.setdefault(axis, n) == n for axis, n in zip(axes, shape, strict=True)
        )
        if not fits or sizes["N"] == 0:
            raise _unfit(dict(list(matrices.items())[: max(3, i + 1)]))
    for name, (matrix, _) in matrices.items():
        if is_known(matrix):
            _refuse_values(name, np.asarray(matrix, np.float64))


def _unfit(matrices: Mapping[str, tuple[Any, str]]) -> Exception:
    *shapes, last = (str(np.shape(matrix)) for matrix, _ in matrices.values())
    others = [f"{name} ({', '.join(axes)})" for name, (_, axes) in list(matrices.items())[3:]]
    rule = "N examples have a kernel (N, N), one with test inputs (M, N) and targets (N, C)"
    return errors.rejected(
        rule=", ".join([rule, *others]),
        got=f"shapes {', '.join(shapes)} and {last}",
        do="take the kernels of the examples whose targets are given, one row each",
    )


def _refuse_values(name: str, matrix: np.ndarray) -> None:
    if not np.isfinite(matrix).all():
        raise errors.rejected(
            rule="kernels and targets are finite",
            got=f"{np.size(matrix) - np.isfinite(matrix).sum()} numbers in {name} that are not",
            do="leave out the examples that they come from",
        )
    if name == "train" and np.abs(matrix - matrix.T).max() > 1e-3 * np.abs(matrix).max():
        raise errors.rejected(
            rule="the kernel of the training inputs is symmetric",
            got=f"entries that differ by {np.abs(matrix - matrix.T).max():.2g} from their mirror's",
            do="pass the kernel of the inputs with themselves",
        )


def _response(kernel: Array, time: Array) -> Array:
    """Return (1 - e^(-kernel t)) / kernel, and 0 where the kernel is."""
    return _of_symmetric((kernel + kernel.T) / 2, time)


@jax.custom_jvp
def _of_symmetric(kernel: Array, time: Array) -> Array:
    values, vectors = jnp.linalg.eigh(kernel)
    return _composed(_gains(values, time), vectors)


@_of_symmetric.defjvp
def _slope_of_symmetric(
    primals: tuple[Array, Array], tangents: tuple[Array, Array]
) -> tuple[Array, Array]:
    # In the basis of the eigenvectors, the derivative of a function of a matrix is that of the
    # matrix times divided differences (Daleckii & Krein 1965), which equal eigenvalues have too.
    (kernel, time), (of_kernel, of_time) = primals, tangents
    values, vectors = jnp.linalg.eigh(kernel)
    inner = _divided_differences(values, time) * (vectors.T @ of_kernel @ vectors)
    left = jnp.where(_is_moved(values), jnp.exp(-values * time), jnp.zeros_like(values))
    slope = vectors @ inner @ vectors.T + of_time * _composed(left, vectors)
    return _composed(_gains(values, time), vectors), slope


def _composed(values: Array, vectors: Array) -> Array:
    """Return the symmetric matrix of these eigenvalues and eigenvectors."""
    return (vectors * values[None]) @ vectors.T


def _is_moved(values: Array) -> Array:
    return values > len(values) * jnp.finfo(values.dtype).eps * jnp.max(jnp.abs(values))


def _gains(values: Array, time: Array) -> Array:
    """Return g = (1 - e^(-λ t)) / λ for each eigenvalue, and 0 for what is within rounding of 0."""
    moved = _is_moved(values)
    safe = jnp.where(moved, values, jnp.ones_like(values))
    return jnp.where(moved, -jnp.expm1(-safe * time) / safe, jnp.zeros_like(values))


def _divided_differences(values: Array, time: Array) -> Array:
    """Return (g_i - g_j) / (λ_i - λ_j), and g' where the two eigenvalues are one."""
    # Ascending, so the larger of two is the later one.
    rank = jnp.arange(len(values))
    later = jnp.maximum(rank[:, None], rank[None])
    earlier = jnp.minimum(rank[:, None], rank[None])
    moved, gain = _is_moved(values), _gains(values, time)[later]
    both, apart = moved[earlier], values[later] - values[earlier]
    ones, zeros = jnp.ones_like(apart), jnp.zeros_like(apart)
    same = apart == 0
    apart = jnp.where(same, ones, apart)
    small = jnp.where(both, values[earlier], ones)
    # g_i - g_j without a difference of the two: with λ_i > λ_j = s and λ_i - λ_j = d it is
    # (e^(-s t) (1 - e^(-d t)) / d - g_i) d / s.
    left = jnp.exp(-small * time)
    grown = jnp.where(same, time, -jnp.expm1(-apart * time) / apart)
    inner = (jnp.where(left == 0, zeros, left * grown) - gain) / small
    across = jnp.where(moved[later] & ~same, gain / apart, zeros)
    return jnp.where(both, inner, across)


def _time(time: ArrayLike, kernel: Array) -> Array:
    real("time", time, do="pass learning rate times steps")
    check_scalars(time=time)
    # at_least refuses infinity, which is a time of its own here.
    if is_known(time) and np.asarray(time, np.float64) == np.inf:
        return jnp.full((), jnp.inf, kernel.dtype)
    return at_least(0.0, "time", time, do="pass learning rate times steps").astype(kernel.dtype)
