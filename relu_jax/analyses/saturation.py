"""How much of a gradient do flat stretches of an activation take, and how much rounding?"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from relu_jax.analyses.samples import refuse_non_finite
from relu_jax.core import errors

BELOW = 0.1  # of the largest slope: a flat stretch
_FORMATS = ("bfloat16", "float16")
_DEEPEST = 160  # powers of two that are tried: float32 ends at 149
# Where the largest slope is looked for: the bends of activations lie within.
_GRID = np.linspace(-30, 30, 6001, dtype=np.float32)


class Underflow(NamedTuple):
    """What a number format loses of the gradients that leave a site."""

    dtype: str
    smallest: float  # the smallest power of two that this device does not make 0 in that format
    lost: int  # gradients that are not 0 in the array's own format, and are in this one
    of: int  # gradients that are not 0


class Saturation(NamedTuple):
    """How flat a function is where it is used.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> found = saturation(jax.nn.sigmoid, jnp.array([[0.0, 9.0], [1.0, -9.0]]))
        >>> found.share, found.per_unit.tolist(), found.units_always
        (0.5, [0, 2], 0.5)
    """

    n: int  # N, samples
    units: int  # H
    largest: float  # sup |f′|
    per_unit: np.ndarray  # (H,) samples on which it is saturated
    per_sample: np.ndarray  # (N,) units that are saturated
    passed: float | None  # ‖f′(z) d_post‖ / (largest ‖d_post‖); None: no d_post, NaN: it is all 0
    underflow: tuple[Underflow, ...]  # () without d_post

    @property
    def share(self) -> float:
        """Saturated elements, as a fraction."""
        return float(self.per_unit.sum() / (self.n * self.units))

    @property
    def units_always(self) -> float:
        """Units that are saturated on every sample, as a fraction."""
        return float(np.mean(self.per_unit == self.n))

    @property
    def samples_whole(self) -> float:
        """Samples on which every unit is saturated, as a fraction."""
        return float(np.mean(self.per_sample == self.units))


def saturation(
    f: Callable[[Any], Any],
    pre: ArrayLike,
    *,
    d_post: ArrayLike | None = None,
    below: float = BELOW,
    formats: str | Sequence[str] = _FORMATS,
) -> Saturation:
    """Measure on how many samples each unit lies where f is nearly flat.

    Args:
        f: the activation: an entry of the catalogue, or any elementwise function.
        pre: (N, H), its arguments z; `of_site` lays them out.
        d_post: (N, H), the gradients that arrive at its results, for `passed` and `underflow`.
        below: a unit is saturated where |f′(z)| < below · sup |f′|.
        formats: number formats whose loss is told.

    Returns:
        of every unit and sample how often it is saturated (`per_unit`, `per_sample`, and of all
        `share`), `passed` = ‖f′(z) d_post‖ / (sup |f′| ‖d_post‖), the share of the gradient that
        passes, and per format how many of the gradients that leave it makes 0 (`underflow`).
        sup |f′| is looked for on [-30, 30] and at z.

    Raises:
        ValueError: no (N, H), a d_post of another shape, values that are not finite, a `below`
            that is not between 0 and 1, or a format that is none of floating-point numbers.

    Edges: a constant f is saturated everywhere, and passes nothing. A relu counts as saturated
    below 0: its slope there is 0. `smallest` is measured, since devices differ in what they do with
    subnormal numbers: each power of two is converted and multiplied by 1.

    Source: Glorot & Bengio 2010, section 3 (saturation); Micikevicius et al. 2018, section 3.2
    (gradients that half precision makes 0).

    Example:
        >>> import jax, jax.numpy as jnp
        >>> z = jnp.array([[0.0, -18.0]])
        >>> found = saturation(jax.nn.sigmoid, z, d_post=jnp.ones((1, 2)), formats=("float16",))
        >>> found.underflow[0].lost, found.underflow[0].of, round(found.passed, 3)
        (1, 2, 0.707)
    """
    z = _checked(pre)
    if not 0 < below < 1:
        raise errors.rejected(
            rule="a share of the largest slope lies between 0 and 1",
            got=f"below={below!r}",
            do="pass 0.1, say",
        )
    slope = jax.jit(lambda z: jax.vjp(f, z)[1](jnp.ones_like(z))[0])
    here = slope(z)
    slopes = np.abs(np.asarray(here, np.float64))
    grid = np.abs(np.asarray(slope(jnp.asarray(_GRID, z.dtype)), np.float64))
    largest = float(max(np.max(grid, where=np.isfinite(grid), initial=0), slopes.max()))
    flat = slopes < below * largest if largest > 0 else np.ones(slopes.shape, bool)
    passed, lost = None, ()
    if d_post is not None:
        arriving = _arriving(d_post, z)
        leaving = here * arriving
        size = largest * _norm(arriving)
        passed = 0.0 if largest == 0 else _norm(leaving) / size if size else np.nan
        lost = underflow(leaving, formats)
    return Saturation(
        len(z), z.shape[1], largest, flat.sum(axis=0), flat.sum(axis=1),
        None if passed is None else float(passed), lost,
    )  # fmt: skip


def smallest(dtype: Any) -> float:
    """Measure the smallest power of two that this device does not make 0 in a format.

    Example:
        >>> smallest(jax.numpy.float16) in (2.0**-24, 2.0**-14)  # with subnormals, or without
        True
    """
    powers = np.ldexp(np.float32(1), -np.arange(_DEEPEST)).astype(np.float32)
    kept = np.asarray(_rounded(jnp.asarray(powers), jnp.dtype(dtype)) != 0)
    return float(powers[kept & (powers > 0)].min())


def _norm(x: Any) -> float:
    return float(np.linalg.norm(np.asarray(x, np.float64)))


def underflow(
    gradients: ArrayLike, formats: str | Sequence[str] = _FORMATS
) -> tuple[Underflow, ...]:
    """Count the gradients that number formats make 0.

    Args:
        gradients: of floating-point numbers, of any shape.
        formats: by name.

    Raises:
        ValueError: a format that is none of floating-point numbers.

    Edges: NaN and inf are not lost.

    Example:
        >>> (told,) = underflow(jax.numpy.array([1.0, 1e-9, 0.0]), "float16")
        >>> told.lost, told.of
        (1, 2)
    """
    names = (formats,) if isinstance(formats, str) else formats
    array = jnp.asarray(gradients)
    return tuple(_underflow(array, _named(name)) for name in names)


def _underflow(gradients: Any, dtype: Any) -> Underflow:
    some = gradients != 0
    lost = int(jnp.sum(some & (_rounded(gradients, dtype) == 0)))
    return Underflow(dtype.name, smallest(dtype), lost, int(jnp.sum(some)))


@functools.partial(jax.jit, static_argnums=1)
def _rounded(x: Any, dtype: Any) -> Any:
    # By one, an input: a conversion there and back alone is left out by XLA.
    return x.astype(dtype) * jnp.ones((), dtype)


def _named(name: str) -> Any:
    try:
        dtype = jnp.dtype(name)
    except TypeError:
        dtype = None
    if dtype is None or not jnp.issubdtype(dtype, jnp.floating):
        raise errors.rejected(
            rule="a format is one of floating-point numbers",
            got=errors.describe(name),
            do='name it, as in formats=("bfloat16", "float16")',
        )
    return dtype


def _checked(pre: ArrayLike) -> Any:
    z = jnp.asarray(pre)
    if z.ndim != 2 or not z.size or not jnp.issubdtype(z.dtype, jnp.floating):
        raise errors.rejected(
            rule="arguments are (N, H) floating-point numbers, of at least one sample and one unit",
            got=errors.describe(z),
            do="lay them out with rj.analyses.of_site",
        )
    refuse_non_finite(np.asarray(z, np.float64))
    return z


def _arriving(d_post: ArrayLike, z: Any) -> Any:
    arriving = jnp.asarray(d_post)
    if arriving.shape != z.shape or not jnp.issubdtype(arriving.dtype, jnp.floating):
        raise errors.rejected(
            rule="gradients are floating-point numbers and have the shape of the arguments",
            got=f"{errors.describe(arriving)} for {errors.describe(z)}",
            do="lay out d_post of rj.tap.cotangents as pre is",
        )
    refuse_non_finite(np.asarray(arriving, np.float64))
    return arriving.astype(z.dtype)
