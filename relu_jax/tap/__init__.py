"""Find, record, differentiate at and change the activations of any JAX function, unedited."""

from relu_jax.tap.backward import cotangents, observed_value_and_grad
from relu_jax.tap.change import patch, swap
from relu_jax.tap.kept import Kept, Memory, memory
from relu_jax.tap.lean import lean
from relu_jax.tap.observe import observe, record, sites
from relu_jax.tap.selectors import Selector, select
from relu_jax.tap.types import Cotangent, Coverage, Linear, Site, Sites, Tapped

__all__ = [
    "Cotangent",
    "Coverage",
    "Kept",
    "Linear",
    "Memory",
    "Selector",
    "Site",
    "Sites",
    "Tapped",
    "cotangents",
    "lean",
    "memory",
    "observe",
    "observed_value_and_grad",
    "patch",
    "record",
    "select",
    "sites",
    "swap",
]
