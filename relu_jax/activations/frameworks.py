"""What does a framework mean by a name: which function, which parameters, which slope at a kink?

Facts of JAX 0.10, PyTorch 2.13 and Keras 3, as data. A name that is not listed for a framework
means the catalogue's own.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from relu_jax.activations.activation import Params
from relu_jax.core import errors

Slopes = Callable[[Params], tuple[float, ...]]


class Meaning(NamedTuple):
    """What one framework's name stands for in the catalogue."""

    name: str
    params: Mapping[str, float] = MappingProxyType({})
    slopes: Slopes | None = None  # at the kinks, by the parameters; None: the catalogue's


def _zeros(n: int) -> Slopes:
    return lambda _: (0.0,) * n


# torch.nn.functional, keras.activations and jax.nn, where they differ from the catalogue.
FRAMEWORKS: Mapping[str, Mapping[str, Meaning]] = {
    "jax": {
        "gelu": Meaning("gelu_tanh"),
    },
    "torch": {
        "leaky_relu": Meaning("leaky_relu", slopes=lambda p: (p["slope"],)),
        "hard_tanh": Meaning("hard_tanh", slopes=_zeros(2)),
        "absolute": Meaning("absolute", slopes=_zeros(1)),
        "rrelu": Meaning("rrelu", slopes=lambda p: ((p["low"] + p["high"]) / 2,)),
    },
    "keras": {
        "leaky_relu": Meaning("leaky_relu", {"slope": 0.2}),
    },
}


def meaning(name: str, framework: str | None) -> Meaning:
    """Look up what a framework means by a name.

    Args:
        name: as in `relu_jax.activations.names()`.
        framework: one of `FRAMEWORKS`; None is the catalogue's own meaning.

    Raises:
        ValueError: a framework that is not listed.

    Example:
        >>> meaning("gelu", "jax").name, meaning("gelu", "torch").name
        ('gelu_tanh', 'gelu')
    """
    if framework is None:
        return Meaning(name)
    return FRAMEWORKS[checked(framework)].get(name, Meaning(name))


def checked(framework: str) -> str:
    """Pass the name of a framework on.

    Raises:
        ValueError: it is not listed in `FRAMEWORKS`.

    Example:
        >>> checked("torch")
        'torch'
    """
    if framework in FRAMEWORKS:
        return framework
    raise errors.rejected(
        rule=f"a framework is one of {', '.join(FRAMEWORKS)}",
        got=errors.describe(framework),
        do="leave it out for the catalogue's own conventions",
    )
