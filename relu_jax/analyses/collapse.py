"""Is a stack of layers one linear map, which one, and of what rank?"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from relu_jax.analyses.jacobian import MAX_BYTES, Batched, jacobian
from relu_jax.core.numerics import tolerance


class Collapse(NamedTuple):
    """The affine map y = matrix x + offset a network was folded into, and how far off it is."""

    matrix: np.ndarray  # (C, D)
    offset: np.ndarray  # (C,)
    rank: int  # singular values above max(C, D) · ε times the largest; 0 where one is not finite
    error: float  # largest |f(x) - matrix x - offset| over the examples, over the largest |f(x)|
    rounding: float  # what roundings of one such sum may come to, times the layers' slack

    @property
    def linear(self) -> bool:
        """Whether the map is the network, but for roundings, on the examples given."""
        return self.error <= self.rounding


def collapse(f: Batched, x: ArrayLike, *, max_bytes: int = MAX_BYTES) -> Collapse:
    """Fold a function into the affine map it is at the first example, and try it on all.

    Without a non-linearity in between, any number of layers is one layer, of at most the rank of
    the narrowest. A network that bends differs from the map on other examples.

    Args:
        f: a function of a batch: x, of (N, ...), to (N, ...); any network.
        x: N examples, two or more, on which the two are compared.
        max_bytes: what the matrix may take.

    Raises:
        ValueError: the matrix does not fit, or examples meet in f.
        TypeError: x or the result is no array of real floats.

    Edges: one example alone agrees always. NaN in a result is an error of NaN, and not linear.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> first, second = jax.random.normal(jax.random.key(0), (2, 3, 3))
        >>> x = jax.random.normal(jax.random.key(1), (8, 3))
        >>> stack = collapse(lambda x: x @ first @ second, x)
        >>> stack.linear, stack.rank, collapse(lambda x: jax.nn.relu(x @ first), x).linear
        (True, 3, False)
    """
    given = jnp.asarray(x)
    matrix = np.asarray(jacobian(f, given[:1], max_bytes=max_bytes)[0], np.float64)
    results = np.asarray(f(given), np.float64).reshape(len(given), -1)
    rows = np.asarray(given, np.float64).reshape(len(given), -1)
    offset = results[0] - matrix @ rows[0]
    off = np.abs(results - rows @ matrix.T - offset).max()
    small = max(matrix.shape) * float(jnp.finfo(given.dtype).eps)
    return Collapse(
        matrix=matrix,
        offset=offset,
        rank=int(np.linalg.matrix_rank(matrix, rtol=small)) if np.isfinite(matrix).all() else 0,
        error=float(off / (np.abs(results).max() or 1.0)),
        rounding=tolerance(given.dtype, n=max(matrix.shape)),
    )
