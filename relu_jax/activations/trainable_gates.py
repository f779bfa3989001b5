"""Which learned sigmoids are there, and the units they gate?"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from relu_jax.activations.ranges import refuse_unless
from relu_jax.activations.starts import Arrays, Drawn
from relu_jax.activations.trainable import Trainable


def apa(params: Arrays, x: jax.Array) -> jax.Array:
    """Learn the shape of a sigmoid: (1 + lam * e^(-kappa x))^(-1/lam).

    Edges: lam is positive; lam = 1 is the logistic function, lam towards 0 the Gompertz curve.
    For kappa > 0, -inf gives 0 and inf gives 1.

    Source: Alexandridis et al. 2024, Adaptive parametric activation (arXiv 2407.08567); both
    start uniform in [0, 1), as in the authors' code.

    Example:
        >>> float(apa({"kappa": jnp.float32(2.0), "lam": jnp.float32(1.0)}, jnp.float32(0.0)))
        0.5
    """
    endless, z = _cut(x)
    # So far out the gate is a constant, and the quotients of its derivative would overflow.
    return jnp.where(endless, lax.stop_gradient(_gate(params, x)), _gate(params, z))


def aglu(params: Arrays, x: jax.Array) -> jax.Array:
    """Weigh x with a sigmoid of learned shape: x * (1 + lam * e^(-kappa x))^(-1/lam).

    Edges: lam is positive; lam = 1 is swish, which is silu at kappa = 1. For kappa > 0, -inf
    gives 0 with derivative 0, and inf gives inf with derivative 1.

    Source: Alexandridis et al. 2024, Adaptive parametric activation (AGLU; arXiv 2407.08567).

    Example:
        >>> params = {"kappa": jnp.float32(1.0), "lam": jnp.float32(1.0)}
        >>> round(float(aglu(params, jnp.float32(1.0))), 6)
        0.731059
    """
    endless, z = _cut(x)
    gate = lax.stop_gradient(_gate(params, x))
    end = jnp.where(gate == 0, 0, jnp.where(endless, x, 0) * gate)
    return jnp.where(endless, end, z * _gate(params, z))


def _gate(params: Arrays, x: jax.Array) -> jax.Array:
    lam, kappa = params["lam"], params["kappa"]
    return jnp.exp(-jax.nn.softplus(jnp.log(lam) - kappa * x) / lam)


def _cut(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Mark where x is beyond the root of the largest float32, and put 0 there."""
    endless = jnp.isinf(x) | (jnp.abs(x) > 1e19)
    return endless, jnp.where(endless, 0, x)


def _apa_facts(kappa: float, lam: float) -> dict[str, Any]:
    refuse_unless(lam > 0, "apa", "lam > 0", kappa=kappa, lam=lam)
    return {"flat": kappa == 0}


def _aglu_facts(kappa: float, lam: float) -> dict[str, Any]:
    refuse_unless(lam > 0, "aglu", "lam > 0", kappa=kappa, lam=lam)
    return {}


_START = partial(jax.random.uniform, minval=1e-6)  # lam = 0 is a limit, and no number
APA = Trainable(
    "apa",
    apa,
    Drawn(_START, ("kappa", "lam"), ()),
    "(1 + lam * e^(-kappa x))^(-1/lam)",
    "Alexandridis et al. 2024 (arXiv 2407.08567)",
    ("kappa", "lam"),
    facts=_apa_facts,
)
AGLU = Trainable(
    "aglu",
    aglu,
    Drawn(_START, ("kappa", "lam"), ()),
    "x * (1 + lam * e^(-kappa x))^(-1/lam)",
    "Alexandridis et al. 2024 (arXiv 2407.08567)",
    ("kappa", "lam"),
    facts=_aglu_facts,
)
