"""What is told in a few lines of a function that has no card, because it is not elementwise?"""

import inspect

from relu_jax.activations.gated import Gated
from relu_jax.activations.mixing import Mixing
from relu_jax.activations.trainable import Trainable

_KINDS = {
    Gated: ("a gated unit", "get_gated"),
    Mixing: ("a function that mixes units", "get_mixing"),
    Trainable: ("an activation with parameters to train", "get_trainable"),
}


def entry_text(entry: Gated | Mixing | Trainable) -> str:
    """Tell name, formula, source and parameters of an entry of a registry.

    Example:
        >>> from relu_jax.activations.gated import SWIGLU
        >>> print(entry_text(SWIGLU))
        swiglu: v * g / (1 + e^-g)
          a gated unit: relu_jax.activations.get_gated('swiglu')
          source      Shazeer 2020
          parameters  value, gate, beta=1.0
    """
    kind, getter = _KINDS[type(entry)]
    told = _starts(entry) if isinstance(entry, Trainable) else _arguments(entry)
    return "\n".join(
        (
            f"{entry.name}: {entry.formula}",
            f"  {kind}: relu_jax.activations.{getter}({entry.name!r})",
            f"  source      {entry.source}",
            f"  parameters  {', '.join(told)}",
        )
    )


def _arguments(entry: Gated | Mixing) -> list[str]:
    told = []
    for name, argument in inspect.signature(entry.fn).parameters.items():
        default = argument.default
        named = default is not inspect.Parameter.empty
        value = getattr(default, "__name__", repr(default))  # a function by its name alone
        told.append(f"{name}={value}" if named else name)
    return told


def _starts(entry: Trainable) -> list[str]:
    numbers = entry.starts
    return [f"{p} from {numbers[p]:g}" if p in numbers else p for p in entry.parameters]
