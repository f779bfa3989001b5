"""Which primitives act element by element, and what each computes, in NumPy's float64?

The table serves twice: its keys say what may belong to an activation, its values evaluate an
extracted function on a probe grid without compiling anything.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

Rule = Callable[..., Any]


def _select(which: Any, *cases: Any) -> Any:
    which = np.asarray(which).astype(np.int64)
    return np.choose(which, np.broadcast_arrays(*cases), mode="clip")


def _logical(on_bools: Rule, on_ints: Rule) -> Rule:
    return lambda *xs: (on_bools if np.asarray(xs[0]).dtype == bool else on_ints)(*xs)


def _division(x: Any, y: Any) -> Any:
    if np.issubdtype(np.result_type(x, y), np.integer):
        return np.trunc(np.divide(x, y)).astype(np.result_type(x, y))
    return np.divide(x, y)


def _bits(x: Any, new_dtype: Any) -> Any:
    """Read the bits of a float32 as an integer, or the other way: other widths are not known."""
    x, new = np.asarray(x), np.dtype(new_dtype)
    if new in (np.int32, np.uint32) and x.dtype.kind == "f":
        return x.astype(np.float32).view(new)
    if new == np.float32 and x.dtype in (np.int32, np.uint32):
        return x.view(np.float32).astype(np.float64)
    raise NotImplementedError(f"the bits of {x.dtype} as {new}")


def _shifted(x: Any, by: Any) -> Any:
    """Shift bits to the right, zeros coming in from the left, whatever the sign."""
    x = np.asarray(x)
    unsigned = x.view(x.dtype.str.replace("i", "u"))
    return np.right_shift(unsigned, np.asarray(by).astype(unsigned.dtype)).view(x.dtype)


def _polynomial(x: Any, *coefficients: Any, **_: Any) -> Any:
    """Evaluate a sum of powers, its coefficients from the constant one up."""
    value = np.zeros_like(x)
    for coefficient in reversed(coefficients):
        value = value * x + coefficient
    return value


# Affine in the one array they are applied to, the other operands being constants or parameters.
AFFINE: dict[str, Rule] = {
    "add": np.add,
    "add_any": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": _division,
    "neg": np.negative,
    "copy": lambda x: x,
    "copy_p": lambda x: x,
    "pvary": lambda x: x,
    "reduce_precision": lambda x, **_: x,
    "convert_element_type": lambda x, new_dtype, **_: _converted(x, np.dtype(new_dtype)),
}

NONLINEAR: dict[str, Rule] = {
    "max": np.maximum,
    "min": np.minimum,
    "clamp": lambda low, x, high: np.minimum(np.maximum(x, low), high),
    "select_n": _select,
    "abs": np.abs,
    "sign": np.sign,
    "exp": np.exp,
    "exp2": np.exp2,
    "expm1": np.expm1,
    "log": np.log,
    "log2": np.log2,
    "log1p": np.log1p,
    "logistic": special.expit,
    "tanh": np.tanh,
    "erf": special.erf,
    "erfc": special.erfc,
    "erf_inv": special.erfinv,
    "sqrt": np.sqrt,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "cbrt": np.cbrt,
    "square": np.square,
    "one_minus_square": lambda x: 1 - np.square(x),
    "integer_pow": lambda x, y: np.power(x, float(y)),
    "pow": lambda x, y: np.power(x, y),
    "rem": np.fmod,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "atan2": np.arctan2,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "floor": np.floor,
    "ceil": np.ceil,
    "round": lambda x, **_: np.round(x),
    "nextafter": np.nextafter,
    "lgamma": special.gammaln,
    "digamma": special.digamma,
    "polygamma": special.polygamma,
    "zeta": special.zeta,
    "igamma": special.gammainc,
    "igammac": special.gammaincc,
    "regularized_incomplete_beta": special.betainc,
    "bessel_i0e": special.i0e,
    "bessel_i1e": special.i1e,
    "polynomial": _polynomial,
    "gt": np.greater,
    "ge": np.greater_equal,
    "lt": np.less,
    "le": np.less_equal,
    "eq": np.equal,
    "ne": np.not_equal,
    "is_finite": np.isfinite,
    "and": _logical(np.logical_and, np.bitwise_and),
    "or": _logical(np.logical_or, np.bitwise_or),
    "xor": _logical(np.logical_xor, np.bitwise_xor),
    "not": _logical(np.logical_not, np.bitwise_not),
    "shift_left": np.left_shift,
    "shift_right_arithmetic": np.right_shift,
    "shift_right_logical": _shifted,
    "bitcast_convert_type": _bits,
}

RULES: dict[str, Rule] = {**AFFINE, **NONLINEAR}

# Keep the value of every element and only move it, or repeat it.
MOVES = frozenset({
    "reshape", "transpose", "squeeze", "expand_dims", "broadcast_in_dim", "slice", "rev",
    "dynamic_slice", "gather", "concatenate", "pad", "tile", "copy", "copy_p", "split",
    "stack", "unstack", "dynamic_update_slice", "sharding_constraint", "reshard",
    "layout_constraint", "row_major", "late", "optimization_barrier", "all_gather",
    "all_gather_invariant", "all_to_all", "ppermute", "pbroadcast",
    "stop_gradient",  # ends a function: what follows has another derivative
})  # fmt: skip

# Reductions over the devices of a mesh: of as many arrays of one shape, one.
OVER_DEVICES = frozenset({"psum", "psum_invariant", "pmax", "pmin", "pmean"})

REDUCTIONS = OVER_DEVICES | {
    "reduce_sum", "reduce_max", "reduce_min", "reduce_prod", "cumsum", "cumlogsumexp", "cummax",
    "cummin", "cumprod", "argmax", "argmin", "reduce_and", "reduce_or", "reduce", "reduce_window",
    "reduce_window_sum", "reduce_window_max", "reduce_window_min", "reduce_window_avg", "sort",
    "top_k", "reduce_scatter",
}  # fmt: skip

# Reductions a softmax or a norm subtracts or divides by; no place, and no window's maximum, is one.
TOTALS = REDUCTIONS - {
    "argmax", "argmin", "reduce_and", "reduce_or", "reduce_window_max", "reduce_window_min", "sort",
    "top_k",
}  # fmt: skip

# Reductions that are linear; the others are maxima of some kind.
LINEAR_REDUCTIONS = frozenset({
    "reduce_sum", "cumsum", "reduce_window_sum", "psum", "psum_invariant", "pmean",
    "reduce_scatter",
})  # fmt: skip


def _converted(x: Any, dtype: np.dtype) -> Any:
    """Convert between kinds of number; between floats keep every digit."""
    x = np.asarray(x)
    # ml_dtypes' bfloat16 and float8 are not numpy.floating; jax.numpy's test would start jax.
    floats = dtype.kind == "f" or dtype.name.startswith(("bfloat", "float"))
    if floats:
        return x.astype(np.float64)
    return x.astype(dtype)
