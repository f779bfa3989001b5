"""Which units do nothing, by each definition in use, and how sure is that?

Counts are integers and add up exactly, over batches, devices and processes.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from scipy import stats

from relu_jax.core import errors
from relu_jax.core.numerics import widened

TAU = 0.025  # ReDo's threshold of a dormant unit


class DeadUnits(NamedTuple):
    """What was counted of the units of a site; each definition is a property.

    Fields are per unit, (H,), but for `n`. Add two up with `+`: the same site, other samples.

    Source: Lu et al. 2019 (never active, no slope); Hu, Peng, Tai & Tang 2016, Network trimming,
    equation 1 (APoZ); Sokar, Agarwal, Castro & Evci 2023, The dormant neuron phenomenon,
    definition 3.1 (dormant).

    Example:
        >>> import jax.numpy as jnp
        >>> seen = dead_units(jnp.array([[0.0, 1.0], [0.0, 0.0]]))
        >>> seen.never_active.tolist(), (seen + seen).n, seen.apoz.tolist()
        ([True, False], 4, [1.0, 0.5])
    """

    n: Any  # N, samples
    active: Any  # samples on which f(z) is not 0
    sloped: Any | None  # samples on which |f'(z)| > delta; None: no slopes were given
    reached: Any | None  # samples on which a gradient arrives at z; None: none were given
    largest: Any  # largest |f(z)|
    total: Any  # Σ |f(z)|

    def __add__(self, other: object) -> "DeadUnits":
        """Add up what was seen of the same units on other samples, in int64 and float64."""
        if not isinstance(other, DeadUnits) or _asked(self) != _asked(other):
            raise errors.rejected(
                rule="two counts of the same units, made alike, add up",
                got=_told(self) + " and " + _told(other),
                do="count both with the same arguments",
            )
        mine, its = _wide(self), _wide(other)
        sums = {
            name: None if a is None else np.maximum(a, b) if name == "largest" else a + b
            for name, a, b in zip(self._fields, mine, its, strict=True)
        }
        return DeadUnits(**sums)

    @property
    def never_active(self) -> np.ndarray:
        """Units whose result is exactly 0 on every sample."""
        return np.asarray(self.active) == 0

    @property
    def flat(self) -> np.ndarray:
        """Units with |f'(z)| <= delta on every sample: no gradient passes them."""
        return np.asarray(_given(self.sloped, "slope")) == 0

    @property
    def unreached(self) -> np.ndarray:
        """Units at whose argument no gradient arrives: what feeds them does not learn."""
        return np.asarray(_given(self.reached, "d_pre")) == 0

    @property
    def apoz(self) -> np.ndarray:
        """Average percentage of zeros, as a fraction: how often a unit's result is 0."""
        return 1 - np.asarray(self.active, np.float64) / int(self.n)

    @property
    def score(self) -> np.ndarray:
        """Mean |f(z)| of a unit over the mean of all units; NaN where all are 0."""
        total = np.asarray(self.total, np.float64)
        with np.errstate(invalid="ignore"):
            return total / total.mean()

    def dormant(self, tau: float = TAU) -> np.ndarray:
        """List the units whose score is at most tau; where all results are 0, every unit is."""
        return ~(self.score > tau)

    def small(self, epsilon: float) -> np.ndarray:
        """List the units whose |f(z)| is at most epsilon on every sample."""
        return np.asarray(self.largest) <= epsilon

    def activity_upper(self, confidence: float = 0.95) -> np.ndarray:
        """Bound from above how often a unit is active, from what was seen.

        Clopper and Pearson's one-sided bound: 1 - (1 - confidence)^(1/N) for a unit that never was.

        Edges: samples count as independent; positions of one example are not.

        Source: Clopper & Pearson 1934.
        """
        if not 0 < confidence < 1:
            raise errors.rejected(
                rule="a confidence lies between 0 and 1",
                got=errors.describe(confidence),
                do="pass 0.95, say",
            )
        active = np.asarray(self.active, np.float64)
        bound = stats.beta.ppf(confidence, active + 1, int(self.n) - active)
        return np.where(active == int(self.n), 1.0, bound)


def dead_units(
    post: ArrayLike,
    *,
    slope: ArrayLike | None = None,
    d_pre: ArrayLike | None = None,
    delta: float = 0.0,
) -> DeadUnits:
    """Count, unit by unit, on how many samples it does something.

    Args:
        post: f(z), (N, H): one row per sample, one column per unit; `of_site` makes it of a site.
        slope: f'(z), of the same shape.
        d_pre: the gradient that arrives at z, of the same shape.
        delta: a slope of at most this magnitude is none.

    Returns:
        counts and sums, arrays of JAX: it may be jitted, and added up over batches with `+`.

    Raises:
        ValueError: arrays of other shapes, or no unit.

    Edges: NaN is active, has a slope and is a gradient. N may be 0.

    Example:
        >>> import jax.numpy as jnp
        >>> seen = dead_units(jnp.zeros((60, 1)), slope=jnp.zeros((60, 1)))
        >>> seen.flat.tolist(), round(float(seen.activity_upper()[0]), 3)
        ([True], 0.049)
    """
    result = jnp.asarray(post)
    if result.ndim != 2 or not result.shape[1]:
        raise errors.rejected(
            rule="post has a row per sample and a column per unit",
            got=errors.describe(result),
            do="lay it out by rj.analyses.of_site",
        )
    size = jnp.abs(widened(result))
    return DeadUnits(
        n=result.shape[0],
        active=_count(result != 0),
        sloped=None if slope is None else _count(~(jnp.abs(_like(slope, result)) <= delta)),
        reached=None if d_pre is None else _count(_like(d_pre, result) != 0),
        largest=jnp.max(size, axis=0, initial=0.0),
        total=jnp.sum(size, axis=0),
    )


def _like(values: ArrayLike, result: Any) -> Any:
    array = jnp.asarray(values)
    if array.shape == result.shape:
        return array
    raise errors.rejected(
        rule="slopes and gradients have the shape of post",
        got=f"{array.shape} for {result.shape}",
        do="record them at the same call",
    )


def _count(condition: Any) -> Any:
    return jnp.sum(condition, axis=0, dtype=jnp.int32)


def _asked(seen: DeadUnits) -> tuple[Any, ...]:
    return seen.sloped is None, seen.reached is None, np.shape(seen.active)


def _told(seen: Any) -> str:
    if not isinstance(seen, DeadUnits):
        return errors.describe(seen)
    parts = [name for name in ("sloped", "reached") if getattr(seen, name) is not None]
    return f"{np.size(seen.active)} units with {', '.join(['active', *parts])}"


def _wide(seen: DeadUnits) -> list[Any]:
    whole = ("active", "sloped", "reached")
    return [
        int(value) if name == "n" else value if value is None else np.asarray(value, dtype)
        for name, value in seen._asdict().items()
        for dtype in [np.int64 if name in whole else np.float64]
    ]


def _given(counts: Any, name: str) -> Any:
    if counts is not None:
        return counts
    raise errors.rejected(
        rule=f"this is told from {name}", got="none", do=f"pass {name}= to rj.analyses.dead_units"
    )
