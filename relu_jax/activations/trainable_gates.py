"""Which learned sigmoids are there, and the units they gate?"""

from typing import Any

import jax
import jax.numpy as jnp

from relu_jax.activations.trainable import Arrays, Drawn, Trainable, refuse_unless


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
    lam = params["lam"]
    return jnp.exp(-jax.nn.softplus(jnp.log(lam) - params["kappa"] * x) / lam)


def aglu(params: Arrays, x: jax.Array) -> jax.Array:
    """Weigh x with a sigmoid of learned shape: x * (1 + lam * e^(-kappa x))^(-1/lam).

    Edges: lam is positive; lam = 1 is swish, which is silu at kappa = 1. For kappa > 0, -inf
    gives 0 with derivative 0, and inf gives inf with derivative 1.

    Source: Alexandridis et al. 2024, Adaptive parametric activation (AGLU; arXiv 2407.08567).

    Example:
        >>> round(float(aglu({"kappa": jnp.float32(1.0), "lam": jnp.float32(1.0)}, 1.0)), 6)
        0.731059
    """
    endless = jnp.isinf(x)
    # There the gate is a constant, and 0 closes it for good.
    gate = jax.lax.stop_gradient(apa(params, x))
    end = jnp.where(gate == 0, 0, jnp.where(endless, x, 0) * gate)
    z = jnp.where(endless, 0, x)
    return jnp.where(endless, end, z * apa(params, z))


def _apa_facts(kappa: float, lam: float) -> dict[str, Any]:
    refuse_unless(lam > 0, "apa", "lam > 0", kappa=kappa, lam=lam)
    return {"flat": kappa == 0}


def _aglu_facts(kappa: float, lam: float) -> dict[str, Any]:
    refuse_unless(lam > 0, "aglu", "lam > 0", kappa=kappa, lam=lam)
    return {}


APA = Trainable(
    "apa",
    apa,
    Drawn(jax.random.uniform, ("kappa", "lam"), ()),
    "(1 + lam * e^(-kappa x))^(-1/lam)",
    "Alexandridis et al. 2024 (arXiv 2407.08567)",
    ("kappa", "lam"),
    facts=_apa_facts,
)
AGLU = Trainable(
    "aglu",
    aglu,
    Drawn(jax.random.uniform, ("kappa", "lam"), ()),
    "x * (1 + lam * e^(-kappa x))^(-1/lam)",
    "Alexandridis et al. 2024 (arXiv 2407.08567)",
    ("kappa", "lam"),
    facts=_aglu_facts,
)
