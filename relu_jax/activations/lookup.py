"""Which function bears a name, and in which of the four registries does it stand?"""

from collections.abc import Sequence
from typing import Any, NamedTuple, SupportsFloat

from relu_jax.activations import frameworks, registry, trainable_frameworks
from relu_jax.activations.activation import Activation
from relu_jax.activations.catalogue import CATALOGUE
from relu_jax.activations.gated import GATED, Gated
from relu_jax.activations.mixing import MIXING, Mixing
from relu_jax.activations.trainable import Trainable
from relu_jax.activations.trainable_catalogue import TRAINABLE


class Home(NamedTuple):
    """Tell of a registry what the others' errors say of a name that stands in it."""

    entries: Sequence[registry.Named]
    rule: str  # what a name has to be
    whole: str  # what it holds
    one: str  # what one entry of it is
    getter: str


ELEMENTWISE = Home(
    CATALOGUE,
    "an elementwise activation is named as in relu_jax.activations.names()",
    "elementwise activations",
    "is elementwise",
    "get",
)
GATES = Home(
    GATED,
    "a gated unit, which takes a value and a gate, is named as in gated_names()",
    "gated units",
    "takes a value and a gate",
    "get_gated",
)
LEARNED = Home(
    TRAINABLE,
    "an activation with learned parameters is named as in trainable_names()",
    "parameters to train",
    "has parameters to train",
    "get_trainable",
)
SEVERAL = Home(
    MIXING,
    "a function that mixes units is named as in mixing_names()",
    "functions that mix units",
    "mixes units",
    "get_mixing",
)
HOMES = (ELEMENTWISE, GATES, LEARNED, SEVERAL)

# What other libraries call a function, spelled as by registry.folded, and our name for it. Names
# that differ from ours in capitals and underscores alone need no row: hardtanh, LeakyReLU.
ALIASES = {
    "linear": "identity",
    "abs": "absolute",
    "step": "heaviside",
    "swish": "silu",
    "hardswish": "hard_silu",
    "relu2": "squared_relu",
    "logistic": "sigmoid",
    "gelunew": "gelu_tanh",
    "exp": "exponential",
    "sin": "sine",
    "cos": "cosine",
    "softmax2d": "softmax",
    "pau": "pade",
}


def get(name: str, *, framework: str | None = None, **params: SupportsFloat) -> Activation:
    """Find an activation by name and set its parameters.

    Args:
        name: one of `names()`.
        framework: "jax", "torch" or "keras" for what that framework means by the name: its form,
            its default parameters and its slope at each kink; None for the catalogue's own.
        params: what differs from the default values.

    Raises:
        ValueError: an unknown name, or a parameter out of range.
        TypeError: a parameter the activation has not.

    Example:
        >>> act = get("leaky_relu", slope=0.2)
        >>> act.kinks, act.slope_at_kinks, act.params
        ((0.0,), (1.0,), {'slope': 0.2})
        >>> get("leaky_relu", framework="torch").slope_at_kinks
        (0.01,)
    """
    meaning = frameworks.meaning(name, framework)
    act = _find(ELEMENTWISE, meaning.name).with_params(**{**meaning.params, **params})
    if meaning.slopes is None or not act.kinks:  # leaky_relu with slope 1 is a line
        return act
    return act.with_slopes(*meaning.slopes(act.params))


def get_gated(name: str) -> Gated:
    """Find a gated unit by name.

    Args:
        name: one of `gated_names()`.

    Raises:
        ValueError: an unknown name, or one of another registry.

    Example:
        >>> get_gated("swiglu").formula
        'v * g / (1 + e^-g)'
    """
    return _find(GATES, name)


def get_trainable(name: str, *, framework: str | None = None) -> Trainable:
    """Find an activation with learned parameters by name.

    Args:
        name: one of `trainable_names()`.
        framework: "jax", "torch" or "keras" for what that framework means by the name: where its
            parameters start and its slope at the kink; None for the registry's own.

    Raises:
        ValueError: an unknown name or framework, or a name of another registry.

    Example:
        >>> get_trainable("prelu").starts, get_trainable("prelu", framework="jax").starts
        ({'slope': 0.25}, {'slope': 0.01})
    """
    return trainable_frameworks.as_in(_find(LEARNED, name), framework)


def get_mixing(name: str) -> Mixing:
    """Find a function that mixes units by name.

    Args:
        name: one of `mixing_names()`.

    Raises:
        ValueError: an unknown name, or one of another registry.

    Example:
        >>> get_mixing("softmax").formula
        'e^x_i / sum over j of e^x_j'
    """
    return _find(SEVERAL, name)


def find_any(name: str) -> Activation | Gated | Trainable | Mixing:
    """Find a name in whichever registry has it; the elementwise one first.

    Raises:
        ValueError: no registry has it.

    Example:
        >>> type(find_any("snake")).__name__, type(find_any("prelu")).__name__
        ('Activation', 'Trainable')
    """
    for home in HOMES:
        if name in _names(home):
            return _find(home, name)
    return _find(ELEMENTWISE, name)


def _find(home: Home, name: str) -> Any:
    found = registry.find(home.entries, name)
    if found is not None:
        return found
    others = [other for other in HOMES if other is not home]
    raise registry.unknown(
        home.entries,
        name,
        rule=home.rule,
        hint=f"found elsewhere: {', '.join(f'{of.whole} by {of.getter}()' for of in others)}",
        elsewhere={
            known: f"{known} {other.one}: {other.getter}({known!r})"
            for other in reversed(others)  # the first one has the last word
            for known in _names(other)
        },
        aliases=ALIASES,
    )


def _names(home: Home) -> list[str]:
    return [entry.name for entry in home.entries]
