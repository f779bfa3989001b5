"""Does a function that is to be an activation act element by element?"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from relu_jax.tap import compat, elementwise, flatten

# What leaves every element where it is.
_STILL = {*elementwise.RULES, "broadcast_in_dim", "stop_gradient", "iota"}
_BODIES = {*flatten.OWN_RULE, *flatten.CALLS, "checkpoint", "remat", "remat2"}
_LARGEST = 2**22  # elements that are tried
_ROUNDS = 8  # of random numbers


def mixes(
    act: Callable[[Any], Any], shape: Sequence[int], dtype: Any, units: Sequence[int]
) -> bool:
    """Say whether an element of what a function gives depends on another one's argument.

    A function made of elementwise operations alone is not run. Another one, such as one that
    reduces, sorts or reshapes, is run on a few pairs of random arrays of which half the elements
    differ.

    Args:
        act: a function of one array.
        shape: of its argument.
        dtype: likewise.
        units: the axes that count units; of the others two entries are tried.

    Edges: what cannot be tried is trusted: a callback, an effect, a fixed batch size of more than
    four million numbers, an array of whole numbers that is traced.

    Example:
        >>> import jax
        >>> (
        ...     mixes(jax.nn.softmax, (5, 4), "float32", (1,)),
        ...     mixes(jax.nn.gelu, (5, 4), "float32", ()),
        ... )
        (True, False)
    """
    small = tuple(n if axis in units else min(n, 2) for axis, n in enumerate(shape))
    for tried in dict.fromkeys((small, tuple(shape))):
        if np.prod(tried) > _LARGEST:
            continue
        try:
            opened, out = compat.trace(act, jax.ShapeDtypeStruct(tried, dtype))
        except Exception:  # the user's own, of a shape it is not made for: the site's comes next
            continue
        if out.shape == tried:
            return not _is_still(opened) and _differs(opened, tried, dtype)
    return False


def _is_still(opened: compat.OpenJaxpr) -> bool:
    return all(eqn.primitive.name in _STILL | _BODIES for eqn in _equations(opened.jaxpr))


def _equations(jaxpr: Any) -> Iterator[Any]:
    for eqn in jaxpr.eqns:
        yield eqn
        for inner in compat.inner_jaxprs(eqn):
            yield from _equations(compat.opened(inner).jaxpr)


def _differs(opened: compat.OpenJaxpr, shape: Sequence[int], dtype: Any) -> bool:
    """Change half of the elements, and look at the other half of the results."""
    names = [eqn.primitive.name for eqn in _equations(opened.jaxpr)]
    traced = [c for c in opened.consts if isinstance(c, Tracer)]
    whole = any(not jnp.issubdtype(c.dtype, np.inexact) for c in traced)
    if whole or opened.jaxpr.effects or any("callback" in name for name in names):
        return False
    random = np.random.default_rng(0)
    run = jax.jit(compat.closed_function(opened.jaxpr, [_known(c, random) for c in opened.consts]))

    def values(z: np.ndarray) -> np.ndarray:
        return np.asarray(run(z.astype(dtype))[0], np.float64)

    # The numbers are ours: a NaN among their results is no fault of the user's.
    with jax.ensure_compile_time_eval(), jax.debug_nans(False), jax.debug_infs(False):
        return any(_moves(values, shape, random) for _ in range(_ROUNDS))


def _moves(
    values: Callable[[np.ndarray], np.ndarray], shape: Sequence[int], random: np.random.Generator
) -> bool:
    """Say whether results of elements that are left alone move with the others."""
    size = int(np.prod(shape))
    changed = (random.permutation(size) < size // 2).reshape(shape)
    z, other = random.normal(size=(2, *shape))
    first, second = values(z), values(np.where(changed, 3 * other, z))
    scale = np.abs(first, where=np.isfinite(first), out=np.zeros(shape)).max(initial=0)
    alike = np.isclose(first, second, rtol=1e-3, atol=1e-6 * scale, equal_nan=True)
    return not bool(alike[~changed].all())


def _known(const: Any, random: np.random.Generator) -> Any:
    """Let numbers stand for a weight that is traced, as inside a gradient."""
    if not isinstance(const, Tracer):
        return const
    return random.uniform(0.5, 1.5, size=const.shape).astype(const.dtype)
