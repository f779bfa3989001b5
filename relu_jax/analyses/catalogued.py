"""Which function of the catalogue stands at a site?"""

import math

from relu_jax.activations import Activation, get, names
from relu_jax.tap import Site


def catalogued(site: Site) -> Activation | None:
    """Find the activation of a site, with its parameters; None where they are not numbers.

    Example:
        >>> import jax, relu_jax as rj
        >>> (site,) = rj.tap.sites(jax.numpy.tanh, jax.ShapeDtypeStruct((2,), "float32"))
        >>> catalogued(site).name
        'tanh'
    """
    told = all(map(math.isfinite, site.params.values()))
    return get(site.kind).with_params(**site.params) if told and site.kind in names() else None


def as_in_program(site: Site) -> Activation | None:
    """Find the activation of a site with the slopes that the program takes at its kinks.

    Example:
        >>> import jax, relu_jax as rj
        >>> f = lambda x: jax.numpy.maximum(x, 0)
        >>> (site,) = rj.tap.sites(f, jax.ShapeDtypeStruct((2,), "float32"))
        >>> as_in_program(site).slope_at_kinks
        (0.5,)
    """
    return with_slopes_of(site, catalogued(site))


def with_slopes_of(site: Site, act: Activation | None) -> Activation | None:
    """Give an activation the slopes of a site, where they are known.

    Example:
        >>> import jax, relu_jax as rj
        >>> (site,) = rj.tap.sites(jax.nn.relu, jax.ShapeDtypeStruct((2,), "float32"))
        >>> with_slopes_of(site, get("relu")).slope_at_kinks
        (0.0,)
    """
    told = act is not None and len(site.slope_at_kinks) == len(act.kinks)
    if act is None or not told or not all(map(math.isfinite, site.slope_at_kinks)):
        return act
    return act.with_slopes(*site.slope_at_kinks)
