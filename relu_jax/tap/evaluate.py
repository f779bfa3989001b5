"""What does an elementwise function give, in NumPy's float64, without compiling anything?"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from relu_jax.tap import compat, elementwise

# Moves that leave one number as it is.
STILL = ("broadcast_in_dim", "reshape", "squeeze", "full", "stop_gradient")


def equation(eqn: Any, args: Sequence[Any]) -> list[Any]:
    """Evaluate one elementwise equation in NumPy, entering bodies; constants stay scalars.

    Raises:
        NotImplementedError: the primitive has no rule in elementwise.py.
    """
    name = eqn.primitive.name
    with np.errstate(all="ignore"):
        if name in elementwise.RULES:
            params = {k: v for k, v in eqn.params.items() if k in ("new_dtype", "y")}
            return [elementwise.RULES[name](*args, **params)]
        if compat.rounds(eqn):  # a conversion: every digit is kept
            return [args[0]]
        if bodies := compat.inner_jaxprs(eqn):
            return program(compat.opened(bodies[0]), args)
        if name in STILL and args and np.ndim(args[0]) <= 1:
            return [args[0]]
    raise NotImplementedError(
        f"every primitive of an extracted function has a NumPy rule; got {name}; "
        "add it to relu_jax/tap/elementwise.py"
    )


def program(opened: compat.OpenJaxpr, args: Sequence[Any]) -> list[Any]:
    """Evaluate an elementwise jaxpr in NumPy, in float64 whatever dtype it was traced for."""
    jaxpr = opened.jaxpr
    env = dict(zip(jaxpr.constvars, map(number, opened.consts), strict=True))
    env.update(zip(jaxpr.invars, args, strict=True))

    for eqn in jaxpr.eqns:
        env.update(zip(eqn.outvars, equation(eqn, _read(env, eqn.invars)), strict=True))
    return _read(env, jaxpr.outvars)


def _read(env: dict[Any, Any], atoms: Sequence[Any]) -> list[Any]:
    return [number(a.val) if compat.is_literal(a) else env[a] for a in atoms]


def number(value: Any) -> Any:
    """Read a constant as a NumPy scalar, floats widened to float64."""
    array = np.asarray(value)
    if array.size != 1:
        raise NotImplementedError(
            f"a function of one array holds scalar constants; got shape {array.shape}; "
            "pass the array as a parameter"
        )
    if array.dtype.kind == "c":
        raise NotImplementedError(
            f"activations are functions of real numbers; got the constant {array}; "
            "apply the function to the real and the imaginary part"
        )
    array = array.reshape(())
    return array[()] if array.dtype.kind in "biu" else np.float64(array)
