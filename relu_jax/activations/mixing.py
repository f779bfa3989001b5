"""Which functions mix units, and by which names?

They look along an axis, so they are no elementwise activations: they have no kinks, derivative
or card. Each takes arguments of its own; call it by its entry, or from `relu_jax.activations`.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax

from relu_jax.activations.groups import crelu, k_winners, maxout, standardize
from relu_jax.activations.gumbel import gumbel_softmax
from relu_jax.activations.simplex import entmax15, log_softmax, softmax, softmin, sparsemax


class Mixing(NamedTuple):
    """Name a function of several units.

    Args:
        name: the registry's word for it.
        fn: its arguments are its own.
        formula: the function in one line of text; x_i is a unit, j runs over all of its axis.
        source: author and year, and the equation or section.

    Example:
        >>> import jax.numpy as jnp
        >>> MIXING[0](jnp.zeros(2)).tolist()
        [0.5, 0.5]
    """

    name: str
    fn: Callable[..., jax.Array]
    formula: str
    source: str

    def __call__(self, *args: Any, **options: Any) -> jax.Array:
        """Apply the function to what it takes."""
        return self.fn(*args, **options)


MIXING: tuple[Mixing, ...] = (
    Mixing("softmax", softmax, "e^x_i / sum over j of e^x_j", "Bridle 1990"),
    Mixing("log_softmax", log_softmax, "x_i - log sum over j of e^x_j", "Bridle 1990"),
    Mixing("softmin", softmin, "e^-x_i / sum over j of e^-x_j", "definition"),
    Mixing(
        "sparsemax",
        sparsemax,
        "max(x_i - tau, 0), with tau such that the sum is 1",
        "Martins & Astudillo 2016, algorithm 1",
    ),
    Mixing(
        "entmax15",
        entmax15,
        "max(x_i/2 - tau, 0)^2, with tau such that the sum is 1",
        "Peters, Niculae & Martins 2019",
    ),
    Mixing(
        "gumbel_softmax",
        gumbel_softmax,
        "softmax((x + g) / temperature), g standard Gumbel noise",
        "Jang, Gu & Poole 2017; Maddison, Mnih & Teh 2017",
    ),
    Mixing("maxout", maxout, "the largest of every k neighbours", "Goodfellow et al. 2013"),
    Mixing("crelu", crelu, "max(x, 0), then max(-x, 0)", "Shang, Sohn, Almeida & Lee 2016"),
    Mixing(
        "k_winners",
        k_winners,
        "x_i where it is one of the k largest, else 0",
        "Makhzani & Frey 2013",
    ),
    Mixing(
        "standardize",
        standardize,
        "(x_i - mean) / sqrt(variance + epsilon)",
        "Ba, Kiros & Hinton 2016, equation 3, without gain and bias",
    ),
)


def mixing_names() -> tuple[str, ...]:
    """List the names of the functions that mix units, in the registry's order.

    Example:
        >>> mixing_names()[:3]
        ('softmax', 'log_softmax', 'softmin')
    """
    return tuple(function.name for function in MIXING)
