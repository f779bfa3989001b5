"""How does a record become JSON that any reader accepts, and come back exactly?

JSON has no nan and no infinity, so a non-finite float is written ``{"$float": "nan"}``. A key
of the caller's own that begins with ``$`` gets a second one, so no text can pass for a float.
"""

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from relu_jax.core import errors

_FLOAT = "$float"
_NAMED = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def to_json(obj: object) -> str:
    """Write plain data as strict ASCII JSON that `from_json` reads back exactly.

    Args:
        obj: None, bool, int, float, str, NumPy scalars, and lists, tuples, NamedTuples,
            dataclasses and mappings with text keys made of them.

    Returns:
        One line of JSON, keys in the order given. Equal data give equal text.

    Raises:
        TypeError: something else is inside, an array for instance.

    Edges:
        A tuple comes back as a list; a NamedTuple or a dataclass as a dict of its fields; a
        NumPy scalar as the Python number of the same value. -0.0, nan and ±inf come back.
        Lone surrogates and control characters in text come back.

    Example:
        >>> to_json({"rms": float("nan"), "sites": (1, 2)})
        '{"rms": {"$float": "nan"}, "sites": [1, 2]}'
    """
    return json.dumps(_encoded(obj), allow_nan=False)


def from_json(text: str) -> Any:
    """Read what `to_json` wrote.

    Args:
        text: strict JSON.

    Returns:
        Dicts, lists, text, numbers, booleans and None.

    Raises:
        ValueError: the text is not JSON, repeats a key, holds a bare NaN or Infinity, or an
            unknown ``$`` form.

    Example:
        >>> from_json('{"rms": {"$float": "-inf"}}')
        {'rms': -inf}
    """
    try:
        return json.loads(text, object_pairs_hook=_decoded, parse_constant=_refuse_constant)
    except (json.JSONDecodeError, RecursionError) as error:
        raise errors.rejected(
            rule="a record is strict JSON",
            got=str(error) or type(error).__name__,
            do="write it with relu_jax.core.records.to_json",
        ) from error


def _encoded(obj: object) -> object:
    if isinstance(obj, np.generic):
        obj = obj.item()
    if obj is None or isinstance(obj, (bool, int, str)):
        return obj
    if isinstance(obj, float):
        return obj if math.isfinite(obj) else {_FLOAT: str(obj)}
    if dataclasses.is_dataclass(obj) and not isinstance(obj, type):
        obj = {field.name: getattr(obj, field.name) for field in dataclasses.fields(obj)}
    elif isinstance(obj, tuple) and (names := getattr(obj, "_fields", None)) is not None:
        obj = dict(zip(names, obj, strict=True))
    if isinstance(obj, Mapping):
        return {_escaped(key): _encoded(value) for key, value in obj.items()}
    if isinstance(obj, (list, tuple)):
        return [_encoded(value) for value in obj]
    raise errors.rejected(
        rule="JSON holds text, numbers, booleans, None, lists and dicts",
        got=errors.describe(obj),
        do="put arrays under Record.arrays, or convert the value first",
        kind=TypeError,
    )


def _escaped(key: object) -> str:
    if not isinstance(key, str):
        raise errors.rejected(
            rule="keys are text", got=f"the key {errors.describe(key)}", do="use str(key)",
            kind=TypeError,
        )  # fmt: skip
    return f"${key}" if key.startswith("$") else key


def _decoded(pairs: list[tuple[str, object]]) -> object:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise errors.rejected(
            rule="a key stands once in an object",
            got=f"the keys {[key for key, _ in pairs][:8]}",
            do="remove the repeated key",
        )
    name = found.get(_FLOAT)
    if len(found) == 1 and isinstance(name, str) and name in _NAMED:
        return _NAMED[name]
    for key in found:
        if key.startswith("$") and not key.startswith("$$"):
            raise errors.rejected(
                rule='only {"$float": "nan" | "inf" | "-inf"} begins with one $',
                got=f"the key {key[:60]!r}",
                do="write the text with relu_jax.core.records.to_json",
            )
    return {key[1:] if key.startswith("$$") else key: value for key, value in found.items()}


def _refuse_constant(name: str) -> object:
    raise errors.rejected(
        rule="JSON has no NaN and no Infinity",
        got=name,
        do='write {"$float": "nan"}, {"$float": "inf"} or {"$float": "-inf"}',
    )
