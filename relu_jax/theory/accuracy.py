"""Is an integral as accurate as it was asked to be, and what is done where it is not?

Where the numbers can be looked at, finer rules take over, and what they cannot reach either is
refused. Where they are traced there is one rule, and NaN stands for what it does not reach.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from relu_jax.core import errors
from relu_jax.core.numerics import wide_dtype
from relu_jax.core.types import Array
from relu_jax.theory.quadrature import USUAL, Grading, finer
from relu_jax.theory.scalars import above, is_known, known_number


class Estimate(NamedTuple):
    """Hold an integral, an estimate of what it is off by, and the integral of |f|.

    Each is an array, or one tuple of arrays per integrand.
    """

    value: Any
    error: Any
    size: Any


Rule = Callable[[Array, Grading], Estimate]  # integrates at variances of any shape


TRACED = 2.0**-13  # share of E |f| that an estimated error may be; as much as float32 needs


def share_allowed(rtol: ArrayLike | None, found: Estimate) -> float:
    """Tell which share of E |f| an error may be: rtol, or what can be had by default.

    That is 1e-6 in float64, and TRACED in float32 or where no finer rule can take over.

    Raises:
        ValueError: an rtol of 0 or less.
        TypeError: several, or a traced one.

    Example:
        >>> share_allowed(1e-9, Estimate(1.0, 0.0, 1.0))
        1e-09
    """
    if rtol is not None:
        do = "pass rtol=1e-9, say, or leave it out"
        share = known_number("rtol", rtol, do=do)
        above(0.0, "rtol", share, do=do)
        return share  # not what `above` returns: under jit that is traced
    leaves = jax.tree.leaves(found)
    return 1e-6 if leaves[0].dtype == jnp.float64 and is_known(*leaves) else TRACED


def refined(rule: Rule, variance: Array, rtol: ArrayLike | None) -> Estimate:
    """Integrate by the usual panels, and by finer ones where those are too coarse.

    Edges: traced numbers keep what the usual panels give.

    Example:
        >>> def rule(q, grading):
        ...     return Estimate(q, q / (1 + 99 * (grading.panels > 1)), q)
        >>> round(float(refined(rule, jnp.float32(1.0), 0.1).error), 3)
        0.01
    """
    found = rule(variance, USUAL)
    share = share_allowed(rtol, found)
    if not is_known(variance, *jax.tree.leaves(found)):
        return found
    for grading in finer(wide_dtype(variance.dtype)):
        poor = ~is_near(found, variance, share)
        if not poor.any():
            break
        for q in np.unique(np.asarray(variance)[poor]):
            there = np.asarray(poor & (np.asarray(variance) == q))
            found = _replaced(found, there, rule(jnp.asarray(q), grading))
    return found


def checked(found: Estimate, variance: Array, rtol: ArrayLike | None, name: str) -> Any:
    """Give the value of an estimate, refused or NaN where it is off by more than its share.

    Args:
        found: from `refined`.
        variance: at which.
        rtol: see `share_allowed`.
        name: of the function, for the words.

    Raises:
        ValueError: it is off by more, and nothing is traced.

    Edges: NaN where the variance is NaN or, traced, below 0. Where f overflows its average may be
    finite and is not known, and so refused; a closed form that overflows is inf.

    Example:
        >>> one = jnp.float32(1.0)
        >>> float(checked(Estimate(one, 0 * one, one), one, 1e-6, "f"))
        1.0
    """
    share = share_allowed(rtol, found)
    if is_known(variance, *jax.tree.leaves(found)):
        near = is_near(found, variance, share)
        if not near.all():
            raise _inaccurate(found, variance, share, name)
        if not np.isnan(np.asarray(variance)).any():
            return found.value

    def near_or_nan(value: Array, error: Array, size: Array) -> Array:
        return kept(value, (variance >= 0) & (error <= share * size))

    return jax.tree.map(near_or_nan, *found)


def kept(value: Array, known: Array) -> Array:
    """Give a value where it is known, and elsewhere NaN, with derivatives of NaN.

    Example:
        >>> kept(jnp.float32([1.0, 2.0]), jnp.array([True, False])).tolist()
        [1.0, nan]
    """
    return value * jnp.where(known, jnp.ones_like(value), jnp.full_like(value, jnp.nan))


def accurate(rule: Rule, variance: Array, rtol: ArrayLike | None, name: str) -> Any:
    """Integrate, by finer panels where needed and possible, and give what `checked` lets pass.

    Example:
        >>> one = jnp.float32(1.0)
        >>> float(accurate(lambda q, grading: Estimate(q, 0 * q, q), one, None, "f"))
        1.0
    """
    found = rule(variance, USUAL)
    if is_known(variance, *jax.tree.leaves(found)):
        # The usual case first, and looked at once: each look at an array takes its time.
        if is_near(found, variance, share_allowed(rtol, found)).all():
            if not np.isnan(np.asarray(variance)).any():
                return found.value
        else:
            found = refined(rule, variance, rtol)
    return checked(found, variance, rtol, name)


def is_near(found: Estimate, variance: Array, share: float) -> np.ndarray:
    """Say where known errors are within the share; a variance of NaN asks for nothing.

    Example:
        >>> q = jnp.float32([1.0, 1.0])
        >>> is_near(Estimate(q, jnp.float32([0.0, 0.5]), q), q, 0.1).tolist()
        [True, False]
    """
    near = np.ones(np.shape(variance), bool)
    for error, size in zip(*map(jax.tree.leaves, found[1:]), strict=True):
        near = near & (np.asarray(error) <= share * np.asarray(size))
    return np.asarray(near | np.isnan(np.asarray(variance)))


def refuse_unresolved(name: str, *numbers: Array) -> None:
    """Refuse numbers that are NaN because averages were not accurate; traced ones pass.

    Raises:
        ValueError: one is NaN.

    Example:
        >>> refuse_unresolved("relu", jnp.float32(1.0))
    """
    if not is_known(*numbers) or not any(np.isnan(np.asarray(x)).any() for x in numbers):
        return
    raise errors.rejected(
        rule="the averages of an activation are integrated to 1.2e-4 of their size",
        got=f"{name}, whose averages are not, at a variance that was met on the way",
        do="see moments_with_error; enable float64, name its kinks, or keep the variance from "
        "overflowing",
    )


def _replaced(found: Estimate, there: np.ndarray, better: Estimate) -> Estimate:
    """Put one finer estimate where it belongs, for each integrand that gains by it."""
    leaves, tree = jax.tree.flatten(found)
    news = jax.tree.leaves(better)
    third = len(leaves) // 3
    gains = [
        there & ~(np.asarray(old) <= np.asarray(new))
        for old, new in zip(leaves[third : 2 * third], news[third : 2 * third], strict=True)
    ]
    put = [
        jnp.asarray(np.where(gain, np.asarray(new), np.asarray(old)))
        for gain, new, old in zip(3 * gains, news, leaves, strict=True)
    ]
    return jax.tree.unflatten(tree, put)


def _inaccurate(found: Estimate, variance: Array, share: float, name: str) -> Exception:
    errors_of = jax.tree.leaves(found.error)
    parts = getattr(found.value, "_fields", ("it",) * len(errors_of))
    worst = ("it", 0.0, 0.0)
    for part, error, size in zip(parts, errors_of, jax.tree.leaves(found.size), strict=True):
        off = np.asarray(error) / np.maximum(np.asarray(size), jnp.finfo(size.dtype).tiny)
        off = np.where(np.isnan(np.asarray(variance)), 0, np.nan_to_num(off, nan=np.inf))
        if off.max() > worst[1]:
            worst = (part, float(off.max()), float(np.asarray(variance).flat[off.argmax()]))
    part, off, q = worst
    told = f"{part} of {name}" if name else "it"
    wider = "" if variance.dtype == jnp.float64 else "enable float64, "
    return errors.rejected(
        rule=f"the integral is accurate to {share:.2g} of E |f|",
        got=f"an estimated error of {off:.1e} in {wide_dtype(variance.dtype)} for {told} at "
        f"variance {q:g}",
        do=f"name the kinks, {wider}raise nodes, lower the variance or pass a larger rtol, none "
        "of which helps where it diverges; see moments_with_error for each average",
    )
