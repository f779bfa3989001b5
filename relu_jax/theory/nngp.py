"""Which kernels does a fully connected network have when its layers are infinitely wide?

Layer l maps to σ_w/√n · W f(h) + σ_b · β with W and β standard normal, and is trained in W and
β (the NTK parametrisation). Before training the outputs are a Gaussian process with kernel K,
and gradient flow moves them along the kernel Θ:

    K_1 = σ_b² + σ_w² x·x'/D                Θ_1 = K_1
    K_(l+1) = σ_b² + σ_w² E f(u) f(v)       Θ_(l+1) = K_(l+1) + σ_w² Θ_l E f'(u) f'(v)

with (u, v) normal with the covariances K_l, and as many steps as the network has activations.
"""

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike, DTypeLike
from jaxtyping import Float

from relu_jax.activations import Activation
from relu_jax.core import errors
from relu_jax.core.integers import integer
from relu_jax.core.numerics import wide_dtype, widened
from relu_jax.core.types import Array
from relu_jax.theory.kernels import NODES, closed_form, dual, dual_slope, with_enough_nodes
from relu_jax.theory.moments import average
from relu_jax.theory.parameters import settled
from relu_jax.theory.scalars import at_least, check_scalars

# An activation, how many, both variances, and what is traced of the activation's parameters.
_Network: TypeAlias = tuple[Activation, int, Array, Array, Mapping[str, ArrayLike]]


class _Pairs(NamedTuple):
    """Hold variances of the rows and columns, and both kernels of every pair of them."""

    rows: Array  # (N,)
    columns: Array  # (M,)
    kernel: Array  # (pairs,)
    tangent: Array | None  # (pairs,), where it is asked for


def nngp(
    act: Activation,
    x1: Float[Array | np.ndarray, "N D"],
    x2: Float[Array | np.ndarray, "M D"] | None = None,
    *,
    depth: int,
    weight_std: ArrayLike,
    bias_std: ArrayLike = 0.0,
    params: Mapping[str, ArrayLike] | None = None,
) -> Float[Array, "N M"]:
    """Compute the covariance of the outputs of an infinitely wide network before training.

    Args:
        act: the activation of every hidden layer.
        x1: inputs, one a row.
        x2: other inputs; None means x1, which costs half and keeps the diagonal exact.
        depth: number of hidden layers; 0 is a linear network.
        weight_std: σ_w, such as √2 for relu; may be traced.
        bias_std: σ_b; may be traced.
        params: what differs from the activation's parameters; may be traced.

    Raises:
        ValueError: a depth or a deviation below 0, a deviation with axes; inputs of different or
            of no features, or of no float type; an integral that is not accurate to 1.2e-4 (NaN
            where traced).
        TypeError: no activation; complex inputs.

    Edges: an input of zeros has the kernel of the biases. No input gives an empty matrix. An
    input with NaN or inf has NaN with the others behind an activation. Half precision is
    computed in float32 and rounded. Without a closed form a pair takes 1e5 to 1e6 evaluations
    of the activation per layer.

    Source: Neal 1996, chapter 2; Lee et al. 2018, section 2.

    Example:
        >>> from relu_jax.activations import get
        >>> x = jnp.array([[1.0, 1.0], [1.0, -1.0]])
        >>> print(nngp(get("relu"), x, depth=3, weight_std=2**0.5).round(3))
        [[2.   1.21]
         [1.21 2.  ]]
    """
    rows, columns = _checked(x1, x2)
    network = _network(act, depth, weight_std, bias_std, params, rows.dtype)
    return _resolved(network, rows, columns, tangent=False)


def ntk(
    act: Activation,
    x1: Float[Array | np.ndarray, "N D"],
    x2: Float[Array | np.ndarray, "M D"] | None = None,
    *,
    depth: int,
    weight_std: ArrayLike,
    bias_std: ArrayLike = 0.0,
    params: Mapping[str, ArrayLike] | None = None,
) -> Float[Array, "N M"]:
    """Compute the neural tangent kernel of an infinitely wide network.

    Args: as for `nngp`. Weights and biases of all layers are trained.

    Edges: as for `nngp`. Where f' has jumps, float32 gives inputs that are nearly but not
    quite equal a kernel that may be off by 1e-3 of itself: it knows an angle to 5e-4.

    Source: Jacot, Gabriel & Hongler 2018, theorem 1.

    Example:
        >>> from relu_jax.activations import get
        >>> x = jnp.array([[1.0, 1.0], [1.0, -1.0]])
        >>> print(ntk(get("relu"), x, depth=1, weight_std=2**0.5).round(3))
        [[4.    0.637]
         [0.637 4.   ]]
    """
    rows, columns = _checked(x1, x2)
    network = _network(act, depth, weight_std, bias_std, params, rows.dtype)
    return _resolved(network, rows, columns, tangent=True)


def _network(
    act: Activation,
    depth: int,
    weight_std: ArrayLike,
    bias_std: ArrayLike,
    params: Mapping[str, ArrayLike] | None,
    dtype: DTypeLike,
) -> _Network:
    """Check what describes a network, and part what a program is built for from what it takes."""
    depth = integer("depth", depth)
    if depth < 0:
        raise errors.rejected(
            rule="depth counts hidden layers, from 0 on", got=str(depth), do="pass 1 or more"
        )
    do = "pass a standard deviation, times the root of the layer's width"
    check_scalars(weight_std=weight_std, bias_std=bias_std)
    wide = wide_dtype(dtype)
    w2 = at_least(0.0, "weight_std", weight_std, do=do).astype(wide) ** 2
    b2 = at_least(0.0, "bias_std", bias_std, do=do).astype(wide) ** 2
    act, traced = settled(act, params)
    return act, depth, w2, b2, traced


def _resolved(network: _Network, x1: Array, x2: Array | None, *, tangent: bool) -> Array:
    """Refuse what no nodes resolve; NaN that comes from the inputs stays."""
    rows = [x for x in (x1, x2) if x is not None]

    def holes(_: Array) -> bool:
        return not all(np.isfinite(np.asarray(x)).all() for x in rows)

    compute = partial(_kernels, *network, x1, x2, tangent=tangent)
    if closed_form(network[0]) is not None:
        return compute(NODES)
    return with_enough_nodes(compute, network[0].name, unless=holes)


@partial(jax.jit, static_argnames=("act", "depth", "nodes", "tangent"))
def _kernels(
    act: Activation,
    depth: int,
    w2: Array,
    b2: Array,
    params: Mapping[str, ArrayLike],
    x1: Array,
    x2: Array | None,
    nodes: int,
    *,
    tangent: bool,
) -> Array:
    """Return the NNGP or the tangent kernel of the output as a matrix."""
    i, j = _indices(len(x1), None if x2 is None else len(x2))
    start = _inputs(widened(x1), widened(x1 if x2 is None else x2), w2, b2, i, j)
    start = start if tangent else start._replace(tangent=None)
    step = partial(_step, act, params, w2, b2, i, j, x2 is None, nodes)
    pairs, _ = lax.scan(lambda pairs, _: (step(pairs), None), start, length=depth)
    values = (pairs.kernel if pairs.tangent is None else pairs.tangent).astype(x1.dtype)
    if x2 is not None:
        return values.reshape(len(x1), len(x2))
    square = jnp.zeros((len(x1), len(x1)), values.dtype)
    return square.at[i, j].set(values).at[j, i].set(values)


def _indices(n: int, m: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Return row and column of every pair; of a symmetric matrix those of its upper half."""
    if m is None:
        return np.triu_indices(n)
    i, j = np.indices((n, m))
    return i.ravel(), j.ravel()


def _inputs(x1: Array, x2: Array, w2: Array, b2: Array, i: np.ndarray, j: np.ndarray) -> _Pairs:
    def kernel(a: Array, b: Array) -> Array:
        return b2 + w2 * jnp.mean(a * b, axis=-1)

    # Row by row, not as a matrix product: accelerators round that to fewer digits.
    mixed = kernel(x1[i], x2[j])
    return _Pairs(kernel(x1, x1), kernel(x2, x2), mixed, mixed)


def _step(
    act: Activation,
    params: Mapping[str, ArrayLike] | None,
    w2: Array,
    b2: Array,
    i: np.ndarray,
    j: np.ndarray,
    symmetric: bool,
    nodes: int,
    pairs: _Pairs,
) -> _Pairs:
    """Take both kernels through an activation and a layer of weights."""
    q1, q2, k, tangent = pairs
    rows = b2 + w2 * _power(act, q1, params)
    columns = rows if symmetric else b2 + w2 * _power(act, q2, params)
    kernel = b2 + w2 * dual(act, q1[i], q2[j], k, params=params, nodes=nodes)
    if symmetric:
        kernel = jnp.where(jnp.asarray(i == j), rows[i], kernel)
    if tangent is not None:
        slope = dual_slope(act, q1[i], q2[j], k, params=params, nodes=nodes)
        tangent = kernel + w2 * tangent * slope
    return _Pairs(rows, columns, kernel, tangent)


def _power(act: Activation, q: Array, params: Mapping[str, ArrayLike] | None) -> Array:
    """Return E f(u)², over a line where there is no closed form."""
    if closed_form(act) is None:
        return average(act, q, "second", params=params)
    return dual(act, q, q, q, params=params)


def _checked(x1: ArrayLike, x2: ArrayLike | None) -> tuple[Array, Array | None]:
    pair = [(np.shape(x), getattr(x, "dtype", None)) for x in (x1, x1 if x2 is None else x2)]
    (one, dtype), (two, other) = pair
    floats = dtype is not None and dtype == other and jnp.issubdtype(dtype, jnp.floating)
    if floats and len(one) == len(two) == 2 and one[1] == two[1] > 0:
        return jnp.asarray(x1), None if x2 is None else jnp.asarray(x2)
    complex_rows = any(np.dtype(d).kind == "c" for _, d in pair if d is not None)
    raise errors.rejected(
        rule="inputs are rows of one number of features and one float type",
        got=f"{errors.describe(x1)} and {errors.describe(x1 if x2 is None else x2)}",
        do="flatten images to rows, and cast both to one real float type",
        kind=TypeError if complex_rows else ValueError,
    )
