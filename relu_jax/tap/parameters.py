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
    """List the arguments that bear a name of weights, and those that hold what these hold.

    `target_params` is such a name, and `teacher` is one if it has the same parts as `params`.
    """
    parts: dict[int, set[str]] = {}
    for leaf in leaves:
        parts.setdefault(leaf.arg, set()).add(leaf.path.partition("/")[2])
    names = {leaf.arg: _first(leaf) for leaf in leaves}
    found = {arg for arg, name in names.items() if _WEIGHTS & {name, *name.split("_")}}
    alike = [parts[arg] for arg in found if len(parts[arg]) > 1]
    return frozenset(found | {arg for arg, held in parts.items() if held in alike})


def data(leaves: Sequence[Leaf]) -> frozenset[int]:
    """List the arguments that bear a name of data."""
    return frozenset(leaf.arg for leaf in leaves if _first(leaf) in _DATA)


def guessed(leaves: Sequence[Leaf]) -> frozenset[int]:
    """Guess that the first argument not named as data holds the weights."""
    return frozenset([leaf.arg for leaf in leaves if _first(leaf) not in _DATA][:1])


def _first(leaf: Leaf) -> str:
    return leaf.path.split("/")[0]
