"""See what activation functions do to the signal and the gradient of any JAX network.

Importing this package is light: every part is loaded when it is first named, so
``import relu_jax as rj`` starts no backend and imports no framework.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from relu_jax.core.handover import provide

if TYPE_CHECKING:
    from relu_jax import (
        activations,
        analyses,
        data,
        diagnosis,
        experiments,
        models,
        report,
        tap,
        theory,
        training,
    )
    from relu_jax.diagnosis import diagnose, monitor, what_if
    from relu_jax.tap import lean, memory

__version__ = "0.1.0"
__all__ = [
    "activations",
    "analyses",
    "data",
    "diagnose",
    "diagnosis",
    "experiments",
    "lean",
    "memory",
    "models",
    "monitor",
    "report",
    "tap",
    "theory",
    "training",
    "what_if",
]

_VERBS = {
    "diagnose": "relu_jax.diagnosis",
    "lean": "relu_jax.tap",
    "memory": "relu_jax.tap",
    "monitor": "relu_jax.diagnosis",
    "what_if": "relu_jax.diagnosis",
}
_PARTS = tuple(name for name in __all__ if name not in _VERBS)

provide(
    catalogue=lambda: import_module("relu_jax.activations").CATALOGUE,
    lookup=lambda: import_module("relu_jax.activations").get,
    report_writer=lambda: import_module("relu_jax.report").write,
    theory=lambda: import_module("relu_jax.theory"),
)


def __getattr__(name: str) -> object:
    if name in _PARTS:
        return import_module(f"relu_jax.{name}")
    if name in _VERBS:
        return getattr(import_module(_VERBS[name]), name)
    raise AttributeError(f"module 'relu_jax' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
