"""What does mean-field theory expect of other activations, given what was measured of those there?

The variances q of the arguments were measured. Between two sites the weights turn E f(√q z)² into
the next q: their factor follows, and is that of the other activations too. Biases count as part of
it, and all is taken for a chain of layers in which nothing rescales.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from relu_jax.activations import Activation
from relu_jax.analyses.averages import mean_squares
from relu_jax.analyses.catalogued import catalogued
from relu_jax.diagnosis import ways
from relu_jax.diagnosis.result import Diagnosis
from relu_jax.diagnosis.types import SiteReport


class Expected(NamedTuple):
    """Factors from one end of the network to the other, as in `Flow`; None: nothing is expected.

    That is so where an activation is in no catalogue or has trained parameters, where the ends
    were not measured, and where an average of a function is not accurate.
    """

    forward_total: float | None
    backward_total: float | None


def expected(measured: Diagnosis, others: Mapping[str, Activation | None]) -> Expected:
    """Carry other activations through a network that was measured.

    Args:
        measured: the network as it is.
        others: {site id: what takes the place of the activation there}; None for a function that
            is in no catalogue.

    Source: Schoenholz, Gilmer, Ganguli & Sohl-Dickstein 2017, sections 3 and 4, layer by layer.

    Example:
        >>> import jax, jax.numpy as jnp, relu_jax as rj
        >>> def loss(params, x):
        ...     for w in params:
        ...         x = jnp.tanh(x @ w)
        ...     return jnp.mean(x)
        >>> params = list(2 * jax.random.normal(jax.random.key(0), (4, 64, 64)) / 8)
        >>> d = rj.diagnose(loss, params, [jax.random.normal(jax.random.key(1), (128, 64))])
        >>> told = expected(d, {site: rj.activations.get("sigmoid") for site in d.sites})
        >>> round(told.backward_total / d.flow.backward_total, 2)
        0.04
    """
    way = ways.main_way(list(measured.sites.values()))
    pairs = []
    for report in way:
        old = catalogued(report.site)
        new = others.get(report.site.id, old)
        if old is None or new is None:
            return Expected(None, None)
        pairs.append((old, new))
    if not way:
        return Expected(None, None)
    forward, backward = _ratios(way, pairs)
    flow = measured.flow
    return Expected(_times(flow.forward_total, forward), _times(flow.backward_total, backward))


def _ratios(
    way: Sequence[SiteReport], pairs: Sequence[tuple[Activation, Activation]]
) -> tuple[float | None, float | None]:
    """Find by what the totals change, forward and backward."""
    q = way[0].rms_pre ** 2
    seconds, slopes = [], []
    for i, (report, (old, new)) in enumerate(zip(way, pairs, strict=True)):
        was, now = mean_squares(old, report.rms_pre**2), mean_squares(new, q)
        if was is None or now is None:
            return None, None
        seconds.append(now[0] / was[0])
        slopes.append(now[1] / was[1])
        if i + 1 < len(way):
            q = way[i + 1].rms_pre ** 2 * seconds[-1]
    return math.sqrt(seconds[-1] / seconds[0]), math.sqrt(math.prod(slopes[:-1]))


def _times(total: float | None, factor: float | None) -> float | None:
    return None if total is None or factor is None else total * factor
