"""The functions of the catalogue as NumPy evaluates them, each traced once."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import jax
import numpy as np

from relu_jax.tap import compat, evaluate

Values = Callable[[np.ndarray, Mapping[str, float]], np.ndarray]


@lru_cache(maxsize=2048)
def read(fn: Callable[..., Any], names: tuple[str, ...], dtype: str) -> Values:
    """Read a catalogue function once, so that NumPy can evaluate it without compiling.

    It is traced in the program's dtype: a bfloat16 program has rounded the same constants.

    Example:
        >>> import jax
        >>> read(jax.nn.relu, (), "float32")(np.array([-1.0, 2.0]), {})
        array([0., 2.])
    """
    x = jax.ShapeDtypeStruct((4,), dtype)
    scalars = [jax.ShapeDtypeStruct((), dtype)] * len(names)
    with jax.ensure_compile_time_eval():
        opened, _ = compat.trace(
            lambda z, *ps: fn(z, **dict(zip(names, ps, strict=True))), x, *scalars
        )

    program = evaluate.read(opened)

    def values(z: np.ndarray, params: Mapping[str, float]) -> np.ndarray:
        with np.errstate(all="ignore"):
            (result,) = program([z, *(np.float64(params[k]) for k in names)])
        return np.broadcast_to(np.asarray(result, np.float64), z.shape)

    return values
