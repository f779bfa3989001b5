"""Which random weights keep a signal alive under a given activation?

Each builder gives an initialiser ``init(key, shape, dtype)``, as Flax and `jax.nn` take it.
Kernels end in (inputs, outputs); the axes before those are the window of a convolution.
The size of the weights and their law are chosen apart: a law is ``weights(gain)``, such as
`gaussian` or `orthogonal`, and gives weights of variance gain² / fan_in.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike, DTypeLike

from relu_jax.activations import Activation
from relu_jax.core import errors
from relu_jax.core.fans import Draw, Initialiser, fans, normal, scaled, uniform, wide_enough
from relu_jax.core.types import Array, Key
from relu_jax.theory.critical import critical_init
from relu_jax.theory.maps import Params
from relu_jax.theory.moments import average
from relu_jax.theory.scalars import above, at_least, check_scalars, is_known, real

Law: TypeAlias = Callable[..., Initialiser]


class Initialisers(NamedTuple):
    """Hold an initialiser of the kernel and one of the bias."""

    kernel: Initialiser
    bias: Initialiser


def gaussian(gain: ArrayLike = 1.0) -> Initialiser:
    """Draw independent normal weights of variance gain² / fan_in.

    Args:
        gain: at least 0; 1 is LeCun's rule, √2 is He's; may be traced.

    Raises:
        ValueError: a gain that is negative, not finite, or no single number.
        TypeError: a gain that is no number; from the initialiser, no real float type.

    Edges: half precision is drawn in float32 and rounded.

    Source: LeCun, Bottou, Orr & Müller 1998, section 4.6.

    Example:
        >>> w = gaussian(2**0.5)(jax.random.key(0), (200, 100))
        >>> round(float(w.std()), 1)
        0.1
    """
    gain = _gain(gain)
    return scaled(normal, lambda fan_in, _: gain / math.sqrt(fan_in))


def orthogonal(gain: ArrayLike = 1.0) -> Initialiser:
    """Draw a kernel with orthogonal rows or columns, of variance gain² / fan_in.

    The window of a convolution counts as inputs. Where outputs outnumber inputs the kernel is
    larger than an isometry by √(outputs / inputs), so that the mean square of a unit stays;
    `jax.nn.initializers.orthogonal` does not do so. DKS and TAT activations expect this law.

    Args:
        gain: as for `gaussian`.

    Raises: as for `gaussian`; ValueError, from the initialiser, for a shape that is no kernel.

    Edges: half-precision kernels are drawn in float32 and rounded.

    Source: Saxe, McClelland & Ganguli 2014; scaled as in Martens et al. 2021, section 3.

    Example:
        >>> w = orthogonal()(jax.random.key(0), (3, 2))
        >>> (w.T @ w).round(5).tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """
    gain = _gain(gain)

    def init(key: Key, shape: tuple[int, ...], dtype: DTypeLike = jnp.float32) -> Array:
        fan_in, outputs = fans(shape)[0], shape[-1]
        wide = wide_enough(dtype)
        kernel = jax.random.orthogonal(key, fan_in, dtype=wide, m=outputs)
        size = gain * math.sqrt(max(fan_in, outputs) / fan_in)
        return (kernel * jnp.asarray(size, wide)).reshape(shape).astype(dtype)

    return init


def he(*, slope: ArrayLike = 0.0, weights: Law = gaussian) -> Initialiser:
    """Keep the forward signal of a rectifier: variance 2 / ((1 + slope²) fan_in).

    Args:
        slope: of the rectifier's negative side; 0 is relu. May be traced.
        weights: the law, `gaussian` or `orthogonal`.

    Raises: as for `gaussian`, about the slope; TypeError for a law that is no function.

    Source: He, Zhang, Ren & Sun 2015, equations 10 and 15.

    Example:
        >>> w = he()(jax.random.key(0), (200, 100), jnp.float32)
        >>> round(float(w.std()), 1)
        0.1
    """
    do = "pass the slope of leaky_relu, 0.01 say"
    check_scalars(slope=slope)
    at_least(0.0, "the square of the slope", real("slope", slope, do=do) ** 2, do=do)
    return _law(weights)((2 / (1 + slope**2)) ** 0.5)


def lecun(*, weights: Law = gaussian) -> Initialiser:
    """Keep the variance of a linear layer's signal, and of selu's: variance 1 / fan_in.

    Args:
        weights: the law, `gaussian` or `orthogonal`.

    Source: LeCun, Bottou, Orr & Müller 1998, section 4.6.

    Example:
        >>> w = lecun()(jax.random.key(0), (100, 200), jnp.float32)
        >>> round(float(w.std()), 1)
        0.1
    """
    return _law(weights)(1.0)


def xavier(draw: Draw = uniform, *, gain: ArrayLike = 1.0) -> Initialiser:
    """Compromise between forward and backward signal: variance 2 gain² / (fan_in + fan_out).

    Args:
        draw: distribution of variance 1 from `relu_jax.core.fans`; the paper's is `uniform`.
        gain: factor on the standard deviation; as for `gaussian`.

    Raises: as for `gaussian`; TypeError for a draw that is no function.

    Source: Glorot & Bengio 2010, equations 12 and 16.

    Example:
        >>> w = xavier()(jax.random.key(0), (100, 100), jnp.float32)
        >>> round(float(abs(w).max()), 3)  # √(6 / 200)
        0.173
    """
    gain = _gain(gain)
    _refuse_no_function(draw, "a distribution is", "uniform or normal of relu_jax.models")
    return scaled(draw, lambda fan_in, fan_out: gain * math.sqrt(2 / (fan_in + fan_out)))


def delta(weights: Initialiser) -> Initialiser:
    """Put a dense kernel at the centre of a convolution's window, and 0 elsewhere.

    With zero padding every pixel then passes through the same dense layer, whose depth scales
    hold for the convolution.

    Args:
        weights: initialiser of the (inputs, outputs) kernel, such as `orthogonal()`.

    Edges: in a window of even size, the centre is where SAME padding puts the output's pixel.

    Source: Xiao, Bahri, Sohl-Dickstein, Schoenholz & Pennington 2018, section 3.

    Example:
        >>> w = delta(orthogonal())(jax.random.key(0), (3, 3, 4, 4))
        >>> [i.item() for i in (abs(w).sum((2, 3)) > 0).nonzero()]
        [1, 1]
    """

    def init(key: Key, shape: tuple[int, ...], dtype: DTypeLike = jnp.float32) -> Array:
        fans(shape)
        centre = tuple((size - 1) // 2 for size in shape[:-2])
        return jnp.zeros(shape, dtype).at[centre].set(weights(key, shape[-2:], dtype))

    return init


def gain_of(act: Activation, variance: ArrayLike = 1.0, *, params: Params = None) -> Array:
    """Compute the gain that keeps the variance of the pre-activations without a bias.

    gain = √(q / E f(√q z)²): √2 for relu, 1 for selu at q = 1.

    Args:
        act: any activation.
        variance: q, above 0.
        params: what differs from `act.params`; may be traced and differentiated.

    Raises:
        ValueError: an activation that is 0 almost everywhere; a variance of 0 or less.

    Edges: keeps q where it is, but not χ₁ at 1: for that see `critical`.

    Source: He, Zhang, Ren & Sun 2015, section 2.2, for any f.

    Example:
        >>> from relu_jax.activations import get
        >>> round(float(gain_of(get("tanh"))), 5)
        1.59254
    """
    q = above(0.0, "the variance", variance, do="pass the variance of the pre-activations")
    gain = jnp.sqrt(q / average(act, q, "second", params=params))
    if is_known(gain) and not np.isfinite(gain).all():
        raise errors.rejected(
            rule="an activation passes a signal that a gain can keep",
            got=f"{act.name} with E f² = 0 or inf",
            do="take another activation or another variance",
        )
    return gain


def variance_preserving(
    act: Activation,
    *,
    variance: ArrayLike = 1.0,
    params: Params = None,
    weights: Law = gaussian,
) -> Initialiser:
    """Draw weights that keep the variance of the pre-activations, with biases of 0.

    Args:
        act: any activation.
        variance: q, that of the pre-activations; above 0.
        params: what differs from `act.params`.
        weights: the law, `gaussian` or `orthogonal`.

    Raises:
        ValueError: as for `gain_of`.

    Source: He, Zhang, Ren & Sun 2015, equation 10, for any f.

    Example:
        >>> from relu_jax.activations import get
        >>> w = variance_preserving(get("relu"))(jax.random.key(0), (200, 100))
        >>> round(float(w.std()), 1)
        0.1
    """
    return _law(weights)(gain_of(act, variance, params=params))


def critical(
    act: Activation,
    *,
    variance: ArrayLike | None = None,
    bias_std: ArrayLike | None = None,
    params: Params = None,
    weights: Law = gaussian,
) -> Initialisers:
    """Draw kernel and bias at the edge of chaos: signal and gradient both keep their size.

    Args:
        act: any activation.
        variance: as for `critical_init`.
        bias_std: as for `critical_init`.
        params: what differs from `act.params`.
        weights: the law, `gaussian` or `orthogonal`.

    Returns:
        (kernel, bias), two initialisers; the bias is normal, any shape.

    Raises:
        ValueError: as for `critical_init`.

    Source: Schoenholz, Gilmer, Ganguli & Sohl-Dickstein 2017; Pennington, Schoenholz & Ganguli
    2017 for orthogonal weights.

    Example:
        >>> from relu_jax.activations import get
        >>> init = critical(get("tanh"), bias_std=0.05**0.5)
        >>> w, b = init.kernel(jax.random.key(0), (100, 99)), init.bias(jax.random.key(1), (99,))
        >>> round(float(w.std() * 10), 1), b.shape
        (1.3, (99,))
    """
    found = critical_init(act, variance=variance, bias_std=bias_std, params=params)

    def bias(key: Key, shape: tuple[int, ...], dtype: DTypeLike = jnp.float32) -> Array:
        return normal(key, shape, dtype) * found.bias_std.astype(dtype)

    return Initialisers(_law(weights)(found.weight_std), bias)


def _gain(gain: ArrayLike) -> ArrayLike:
    check_scalars(gain=gain)
    at_least(0.0, "gain", gain, do="pass the factor on 1 / sqrt(fan_in), 2**0.5 for relu")
    return gain


def _law(weights: Law) -> Law:
    _refuse_no_function(weights, "a law of weights is", "gaussian or orthogonal")
    return weights


def _refuse_no_function(f: Any, what: str, remedy: str) -> None:
    if not callable(f):
        got = errors.describe(f)
        raise errors.rejected(
            rule=f"{what} a function", got=got, do=f"pass {remedy}", kind=TypeError
        )
