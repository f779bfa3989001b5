"""Which arguments hold weights, by what people call them?"""

from collections.abc import Sequence

from relu_jax.tap.facts import Leaf

# What people call the argument that holds the weights, and the one that holds the examples.
_WEIGHTS = frozenset({
    "params", "parameters", "param", "weights", "weight", "w", "W", "model", "net", "network",
    "variables", "theta", "module", "kernel", "kernels", "p", "ps",
})  # fmt: skip
_DATA = frozenset({"x", "xs", "inputs", "input", "batch", "obs", "data", "images", "tokens"})


def named(leaves: Sequence[Leaf]) -> frozenset[int]:
    """List the arguments that bear a name of weights."""
    return frozenset(leaf.arg for leaf in leaves if _first(leaf) in _WEIGHTS)


def data(leaves: Sequence[Leaf]) -> frozenset[int]:
    """List the arguments that bear a name of data."""
    return frozenset(leaf.arg for leaf in leaves if _first(leaf) in _DATA)


def guessed(leaves: Sequence[Leaf]) -> frozenset[int]:
    """Guess that the first argument not named as data holds the weights."""
    return frozenset([leaf.arg for leaf in leaves if _first(leaf) not in _DATA][:1])


def _first(leaf: Leaf) -> str:
    return leaf.path.split("/")[0]
