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
