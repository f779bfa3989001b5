"""Which letters name which axis, and which words name which value?

Every annotation and docstring of the project draws its axes from `ALPHABET`, so a shape
reads the same everywhere: ``Float[Array, "B H"]`` is a batch of unit activities. Samples lead.
"""

from types import MappingProxyType
from typing import TypeAlias

import jax
from jaxtyping import PRNGKeyArray
from jaxtyping import PyTree as PyTree

ALPHABET = MappingProxyType(
    {
        "B": "batch",
        "N": "samples seen",
        "D": "input features",
        "H": "units",
        "L": "layers",
        "C": "classes",
        "T": "steps",
        "K": "directions kept",
    }
)

Array: TypeAlias = jax.Array
Key: TypeAlias = PRNGKeyArray
