"""How large are the weights at the start, and which paper says so?

Each rule is a builder: ``he()``, ``xavier(uniform)``, ``lecun(normal)`` give an initialiser
``init(key, shape, dtype)``, so a rule and a distribution are chosen apart. Kernels end in
(inputs, outputs); the axes before those are the window of a convolution.
"""

import math

from relu_jax.core.fans import Draw, Initialiser, normal, scaled, uniform


def he(draw: Draw = normal, *, slope: float = 0.0) -> Initialiser:
    """Keep the forward signal of a rectifier: variance 2 / ((1 + slope^2) fan_in).

    Args:
        draw: distribution of variance 1; `normal` is the paper's.
        slope: of the rectifier's negative side; 0 for ReLU.

    Source: He, Zhang, Ren & Sun 2015, equations 10 and 15.

    Example:
        >>> import jax
        >>> w = he()(jax.random.key(0), (100, 200))
        >>> round(float(w.std()), 2)
        0.14
    """
    return scaled(draw, lambda fan_in, _: math.sqrt(2 / ((1 + slope**2) * fan_in)))


def xavier(draw: Draw = uniform, *, gain: float = 1.0) -> Initialiser:
    """Compromise between forward and backward signal: variance gain^2 2 / (fan_in + fan_out).

    Args:
        draw: distribution of variance 1; `uniform` is the paper's.
        gain: factor on the standard deviation.

    Source: Glorot & Bengio 2010, equations 12 and 16.

    Example:
        >>> import jax
        >>> w = xavier()(jax.random.key(0), (100, 100))
        >>> round(float(abs(w).max()), 3)  # sqrt(6 / 200)
        0.173
    """
    return scaled(draw, lambda fan_in, fan_out: math.sqrt(2 * gain**2 / (fan_in + fan_out)))


def lecun(draw: Draw = normal) -> Initialiser:
    """Keep the variance of a linear layer's signal: variance 1 / fan_in.

    Args:
        draw: distribution of variance 1.

    Source: LeCun, Bottou, Orr & Müller 1998, section 4.6.

    Example:
        >>> import jax
        >>> w = lecun()(jax.random.key(0), (100, 200))
        >>> round(float(w.std()), 1)
        0.1
    """
    return scaled(draw, lambda fan_in, _: math.sqrt(1 / fan_in))
