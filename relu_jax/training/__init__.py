"""Training: a state carried, an info reported, any optax optimiser; knows functions only."""

from relu_jax.training.fit import fit
from relu_jax.training.step import Info, State, build_step, norm, start

__all__ = ["Info", "State", "build_step", "fit", "norm", "start"]
