"""Which kinks has an activation whose parameters differ from its own, or are traced?"""

import inspect
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from relu_jax.activations import Activation, names
from relu_jax.core import errors
from relu_jax.core.types import Array
from relu_jax.theory.scalars import check_scalars, is_known, points

Given = Mapping[str, ArrayLike] | None
Kinks = Sequence[ArrayLike] | ArrayLike  # a sequence of numbers, or an array of one axis


def activation(act: Any) -> Activation:
    """Take an activation, and say what to pass instead of a name or a function.

    Raises:
        TypeError: it is none.

    Example:
        >>> from relu_jax.activations import get
        >>> activation(get("relu")).name
        'relu'
    """
    if isinstance(act, Activation):
        return act
    called = act if isinstance(act, str) else getattr(act, "__name__", None)
    from_catalogue = (
        f"relu_jax.activations.get({called!r})"
        if called in names()
        else ("relu_jax.activations.get(name)")
    )
    raise errors.rejected(
        rule="theory takes an Activation, which knows its kinks",
        got=_told(act),
        do=f"pass {from_catalogue}, or Activation(name, fn, formula, source) for a function of "
        "your own",
        kind=TypeError,
    )


def _told(act: Any) -> str:
    name = getattr(act, "__name__", None)
    if isinstance(name, str) and callable(act) and not inspect.isroutine(act):
        return f"{type(act).__name__} {name}"  # the repr of a compiled function holds its address
    return errors.describe(act)


def known_params(act: Activation, given: Given) -> dict[str, ArrayLike]:
    """Join the activation's parameters with others, which may be traced.

    Raises:
        TypeError: a parameter the activation has not, or one that is no finite number.
        ValueError: one out of its range, or a traced one with axes.

    Example:
        >>> from relu_jax.activations import get
        >>> known_params(get("hard_tanh"), {"high": 2.0})
        {'low': -1.0, 'high': 2.0}
    """
    act, traced = settled(act, given)
    return act.params | traced


def settled(act: Activation, given: Given) -> tuple[Activation, dict[str, ArrayLike]]:
    """Set the parameters that are numbers, and return the traced ones apart.

    Raises: as for `known_params`.

    Example:
        >>> from relu_jax.activations import get
        >>> settled(get("leaky_relu"), {"slope": 0.5})[0].params
        {'slope': 0.5}
    """
    act = activation(act)
    if given is None or isinstance(given, Mapping):
        given = dict(given or {})
    else:
        raise errors.rejected(
            rule="params names parameters and their values",
            got=errors.describe(given),
            do="pass a dict, {'slope': 0.2} for leaky_relu",
            kind=TypeError,
        )
    unknown = [k for k in given if k not in act.params]
    if unknown:
        act.with_params(**dict.fromkeys(unknown, 0.0))  # words the error
    traced = {k: v for k, v in given.items() if not is_known(v)}
    check_scalars(**traced)
    known: dict[str, Any] = {k: v for k, v in given.items() if k not in traced}
    return act.with_params(**known) if known else act, traced


def kinks_at(act: Activation, given: Given) -> tuple[float, ...]:
    """Find the kinks of an activation at other parameters.

    Args:
        act: its `facts` know.
        given: what differs from its own parameters. Where one of them is traced, the kinks are
            those of the activation itself, and must not depend on it.

    Raises:
        ValueError: a parameter out of range; kinks that a traced parameter moves.

    Example:
        >>> from relu_jax.activations import get
        >>> kinks_at(get("hard_tanh"), {"high": 2.0})
        (-1.0, 2.0)
    """
    if act.facts is None or not given:
        return act.kinks
    act, traced = settled(act, given)
    if traced and _moves_kinks(act, list(traced)):
        raise errors.rejected(
            rule=f"the kinks of {act.name} are known where its integrals are built",
            got=f"a traced {' and '.join(traced)}, which moves them",
            do="pass kinks=, which may be traced too, or a number where kinks= is not taken",
        )
    return act.kinks


def where_cut(act: Activation, given: Given) -> tuple[float, ...]:
    """Find where an integral of an activation or of its slope is cut: at kinks and bends.

    Args, Raises: as for `kinks_at`. The bends are those at the parameters that are known.

    Example:
        >>> from relu_jax.activations import get
        >>> where_cut(get("smelu"), {"beta": 1.0})
        (-1.0, 1.0)
    """
    kinks = kinks_at(act, given)
    return tuple(sorted({*kinks, *settled(act, given)[0].bends}))


def jumps(act: Activation, given: Given = None) -> Array:
    """Say whether f itself, not only f', jumps at one of its kinks, as a step does.

    Averages of f' leave a jump out, where f' is no function but infinite.

    Args, Raises: as for `kinks_at`.

    Edges: a continuous f that leaves a kink more steeply than any power of the distance, as
    1 / ln x does 0, counts as one that jumps.

    Example:
        >>> from relu_jax.activations import get
        >>> [bool(jumps(get(name))) for name in ("relu", "sign", "hard_shrink")]
        [False, True, True]
    """
    kinks = jnp.asarray(kinks_at(act, given), jnp.result_type(float))
    info = jnp.finfo(kinks.dtype)
    values = {k: cast(v, kinks) for k, v in known_params(act, given).items()}

    def across(step: Array) -> tuple[Array, Array]:
        left, right = act.fn(kinks - step, **values), act.fn(kinks + step, **values)
        return jnp.abs(right - left), jnp.abs(left) + jnp.abs(right)

    near = 16 * jnp.maximum(info.eps * jnp.abs(kinks), info.tiny)
    # What is continuous differs less the nearer the two sides are, down to rounding.
    (close, size), (wide, _) = across(near), across(64 * near)
    return ((close > wide / 2) & (close > 64 * info.eps * size)).any()


def split(kinks: Kinks) -> tuple[tuple[float | None, ...], tuple[ArrayLike, ...]]:
    """Part kinks into numbers, which a program can be built for, and traced values.

    Returns:
        (the numbers, with None where a kink is traced; the traced ones). `merged` is the way
        back.

    Raises:
        ValueError, TypeError: as for `points`, and where one is infinite.

    Example:
        >>> split([0, 6.0])
        ((0.0, 6.0), ())
    """
    found = points("kinks", kinks)
    fixed = tuple(float(np.asarray(k)) if is_known(k) else None for k in found)
    if not all(k is None or math.isfinite(k) for k in fixed):
        raise errors.rejected(rule="kinks are finite", got=str(fixed), do="leave out the others")
    return fixed, tuple(k for k in found if not is_known(k))


def merged(fixed: tuple[float | None, ...], moving: tuple[ArrayLike, ...]) -> tuple[ArrayLike, ...]:
    """Put the traced kinks back among the numbers.

    Example:
        >>> merged((0.0, None), (6.0,))
        (0.0, 6.0)
    """
    rest = iter(moving)
    return tuple(next(rest) if k is None else k for k in fixed)


def cast(value: ArrayLike, x: Array) -> ArrayLike:
    """Give a parameter the float type of x; numbers and integers pass as they are.

    Example:
        >>> cast(jnp.float16(0.5), jnp.float32(1.0)).dtype
        dtype('float32')
    """
    if isinstance(value, (int, float)):
        return value
    value = jnp.asarray(value)
    return value.astype(x.dtype) if jnp.issubdtype(value.dtype, jnp.floating) else value


def _moves_kinks(act: Activation, traced: list[str]) -> bool:
    """Say whether nudging a traced parameter moves a kink; one at 0 is always cut at."""
    found = {tuple(k for k in act.kinks if k != 0)}
    for nudge in (-0.01, 0.01):
        near = {k: act.params[k] * (1 + nudge) + nudge / 10 for k in traced}
        with suppress(ValueError):  # a parameter at the end of its range is nudged inwards alone
            found.add(tuple(k for k in act.with_params(**near).kinks if k != 0))
    return len(found) > 1
