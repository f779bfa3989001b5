"""How do the tuples of a diagnosis become plain data, and tuples again?"""

from collections.abc import Mapping
from typing import Any


def plain(value: Any) -> Any:
    """Turn NamedTuples into dicts and tuples into lists, whatever they are nested in.

    Example:
        >>> from relu_jax.diagnosis.types import Flow
        >>> plain((Flow(1.0, None, 2.0, None), (1, 2)))[1], plain(Flow(1.0, None, 2.0, None))
        ([1, 2], {'forward_rate': 1.0, 'backward_rate': None, ...})
    """
    if isinstance(value, tuple):
        fields = getattr(value, "_fields", None)
        if fields is None:
            return [plain(one) for one in value]
        return {name: plain(one) for name, one in zip(fields, value, strict=True)}
    return dict(value) if isinstance(value, Mapping) else value


def tuples(value: Any) -> Any:
    """Turn lists into tuples, whatever lists they are nested in.

    Example:
        >>> tuples([1, [2, [3]]]), tuples("text")
        ((1, (2, (3,))), 'text')
    """
    return tuple(tuples(one) for one in value) if isinstance(value, list) else value
