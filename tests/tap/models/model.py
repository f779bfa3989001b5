"""What the tests of other people's models share."""

from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple


class Model(NamedTuple):
    """A function, its arguments or their shapes, and the activations its configuration lists."""

    f: Callable[..., Any]
    args: tuple[Any, ...]
    expected: Counter[str]
    differentiable: bool = True  # in its first argument
