"""From what can the slope at each site of a program be made for the backward pass?"""

from collections.abc import Callable
from typing import Any

import numpy as np

from relu_jax.core import handover
from relu_jax.tap import compat
from relu_jax.tap.placed import Placed
from relu_jax.tap.program import Program
from relu_jax.tap.slope_laws import Pieces, Steps, law, steps
from relu_jax.tap.slope_levels import Levels, levels

OWN = "of y, by its own rule"
DIFFERENTIATED = "left: the program takes a derivative; make lean what it differentiates"
Law = Steps | Pieces | Levels
# Largest errors of a slope, as a share of the largest; the first that a law meets. Of half
# precision the function itself may be an approximation, whose slope is off by as much.
_LIMITS = {
    "float64": (1e-12,), "float32": (4e-7,), "bfloat16": (3e-4, 1e-3), "float16": (3e-4, 1e-3),
}  # fmt: skip
_FOUND: dict[Any, Any] = {}  # laws, and what rules keep, of functions in other programs too


def laws(read: Program, bits: int | None = None) -> list[tuple[Placed, Law | str]]:
    """Find from what the slope at each site can be made, once per function, or why it stays.

    Args:
        read: the program.
        bits: None for what follows from the result; else how many bits tell the slope alone.
    """
    own: dict[Any, Any] = {}

    def once(what: Any, make: Callable[[], Any]) -> Any:
        known = _FOUND if one.piece.lasts else own
        key = (what, one.piece.key(), one.site.dtype)
        if key not in known:
            known[key] = make()
        return known[key]

    found = []
    for one in read.placed:
        how: Law | str | None = _hindrance(one)
        if how is None and bits is None:
            how = _by_own_rule(one, once("keeps", lambda one=one: one.piece.keeps))
        if how is None:
            how = once(bits, lambda one=one: _law(one, bits)) or "left: no short law of y"
            how = DIFFERENTIATED if read.differentiates and not isinstance(how, str) else how
        found.append((one, how))
    return found


def _hindrance(one: Placed) -> str | None:
    if one.blind:
        return "left: in a derivative rule" if one.ruled else "left: no gradient in a while loop"
    if any(compat.is_lean(node.eqn) for node in one.piece.nodes):
        return "left: lean already; ask of what it was made of"
    if one.site.dtype not in _LIMITS:
        return f"left: of {one.site.dtype}"
    if one.piece.operands:
        return "left: a parameter is an array"
    return None


def _by_own_rule(one: Placed, kept: str) -> str | None:
    """Say that a site's own rule keeps nothing but y; a loop stacks what is made of y, too.

    Outside a loop XLA makes it anew, as it does with 1 - y² of tanh.
    """
    return OWN if kept == "y" or (kept == "of y" and not one.around) else None


def _law(one: Placed, bits: int | None) -> Law | None:
    piece, site = one.piece, one.site
    known = None if site.kind == "unknown" else handover.lookup()(site.kind, **site.params)
    kinks, bends = (known.kinks, known.bends) if known else ((), ())

    def f(z: np.ndarray) -> np.ndarray:
        return piece.values(z, {})

    def slope(z: np.ndarray) -> np.ndarray:
        found = piece.slope(z, {})
        unread = known is not None and not kinks and np.isnan(found).all()
        return _differences(f, z) if unread else found

    if bits is None:
        tried = (law(f, slope, kinks, bends, limit) for limit in _LIMITS[site.dtype])
        return next(filter(None, tried), None)
    exact = steps(f, slope, kinks)
    return exact if exact and len(exact.slopes) <= 2**bits else levels(f, slope, 2**bits)


def _differences(f: Callable[[np.ndarray], np.ndarray], z: np.ndarray) -> np.ndarray:
    """Differentiate a smooth function whose rule is written for one precision alone."""
    h = 1e-3
    return (f(z - 2 * h) - 8 * f(z - h) + 8 * f(z + h) - f(z + 2 * h)) / (12 * h)
