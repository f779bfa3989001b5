"""What is known of an activation before any number is measured?"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from relu_jax import activations
from relu_jax.analyses.catalogued import catalogued
from relu_jax.analyses.saturation import BELOW as SATURATED_BELOW
from relu_jax.tap import Site

_FAR = 30.0


class Known(NamedTuple):
    """Facts about f′ of a kind; None throughout where its function is not known in numbers.

    That is so for a kind in no catalogue, and for one with a parameter that is trained. Where
    |f′| has no end (a square), is 0 everywhere (a step) or goes up and down for ever (a sine),
    saturation means nothing: all but `flat` are None.
    """

    sup: float | None  # the largest |f′|
    flat: bool | None  # whether f′ is exactly 0 on an interval
    bounded: bool | None  # whether |f′| is below the saturation limit far out on both sides
    saturated: float | None  # the saturated fraction under z ~ N(0, 1)

    @property
    def can_saturate(self) -> bool:
        """Whether saturation means anything; an unknown function is measured, to be seen."""
        return self.sup is not None or self.flat is None


def known(site: Site) -> Known:
    """Look a site's kind up.

    Example:
        >>> import jax, relu_jax as rj
        >>> (site,) = rj.tap.sites(jax.nn.tanh, jax.ShapeDtypeStruct((2,), "float32"))
        >>> facts = known(site)
        >>> facts.sup, facts.flat, facts.bounded, round(facts.saturated, 3)
        (1.0, False, True, 0.069)
    """
    if catalogued(site) is None:
        return Known(None, None, None, None)
    return _facts(site.kind, tuple(sorted(site.params.items())))


@lru_cache(maxsize=256)
def _facts(kind: str, params: tuple[tuple[str, float], ...]) -> Known:
    act = activations.get(kind).with_params(**dict(params))
    wide = np.sinh(np.linspace(-5.0, 5.0, 4001))
    normal = np.linspace(-8.0, 8.0, 4001)
    ends = np.asarray([-_FAR, _FAR])
    sup = float(np.max(_slope(act, wide)))
    if not 0 < sup < np.inf or _grows(act, sup) or _waves(act, sup):
        return Known(None, act.flat, None, None)
    below = _slope(act, normal) < SATURATED_BELOW * sup
    weight = np.exp(-(normal**2) / 2)
    return Known(
        sup=sup,
        flat=act.flat,
        bounded=bool(np.all(_slope(act, ends) < SATURATED_BELOW * sup)),
        saturated=float(np.sum(weight * below) / np.sum(weight)),
    )


def _grows(act: activations.Activation, sup: float) -> bool:
    far = np.geomspace(1e3, 1e4, 64)
    return not float(np.max(_slope(act, np.concatenate([-far, far])))) <= 2 * sup


def _waves(act: activations.Activation, sup: float) -> bool:
    """Say whether f′ turns more often than any function does that settles down."""
    rises = np.diff(_slope(act, np.linspace(10.0, 100.0, 4001)))
    rises = rises[np.abs(rises) > 1e-4 * sup]  # the others may be rounding
    return bool(np.sum(rises[1:] * rises[:-1] < 0) > 20)


def _slope(act: activations.Activation, points: np.ndarray) -> np.ndarray:
    return np.abs(np.asarray(act.derivative(points.astype(np.float32)), np.float64))
