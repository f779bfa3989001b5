"""In which order do the turns of a loop run, and which of them follow one another in time?"""

from itertools import product

import numpy as np

from relu_jax.tap import Site


def running(site: Site) -> list[tuple[int, ...]]:
    """List the turns of the loops around a site in the order in which they run.

    Example:
        >>> import jax, jax.numpy as jnp, relu_jax as rj
        >>> def back(x, steps):
        ...     return jax.lax.scan(lambda h, s: (jnp.tanh(h + s), None), x, steps, reverse=True)
        >>> (site,) = rj.tap.sites(back, jnp.float32(0), jnp.ones(3))
        >>> running(site)
        [(2,), (1,), (0,)]
    """
    ways = zip(site.loops, site.order, strict=True)
    return list(product(*(range(n)[:: -1 if order < 0 else 1] for n, order in ways)))


def flat(site: Site, place: tuple[int, ...]) -> int:
    """Give the place of a turn among all turns, the innermost loop being the fastest.

    Example:
        >>> import jax, jax.numpy as jnp, relu_jax as rj
        >>> def layers(x, ws):
        ...     return jax.lax.scan(lambda h, w: (jnp.tanh(h * w), None), x, ws)
        >>> (site,) = rj.tap.sites(layers, jnp.float32(0), jnp.ones(3))
        >>> flat(site, (2,)), site.loops
        (2, (3,))
    """
    return int(np.ravel_multi_index(place, site.loops)) if site.loops else 0


def has_time(site: Site) -> bool:
    """Say whether a site stands in a loop over steps that hands something on from turn to turn."""
    return site.loop == "steps" and any(site.order)


def through_time(site: Site, sums: np.ndarray) -> np.ndarray:
    """Put sums, one per turn, in running order; add up over loops that hand nothing on.

    Args:
        site: with loops.
        sums: shape `site.loops`.
    """
    idle = tuple(axis for axis, order in enumerate(site.order) if order == 0)
    ways = [order for order in site.order if order]
    kept = sums.sum(axis=idle) if idle else sums
    back = tuple(axis for axis, order in enumerate(ways) if order < 0)
    return np.flip(kept, back).reshape(-1)


def elements(site: Site, samples: np.ndarray, units: int) -> np.ndarray:
    """Count the values that each turn in time is made of, in running order.

    Args:
        site: with loops.
        samples: of one unit, shape `site.loops`.
        units: of the site.
    """
    return through_time(site, samples) * units
