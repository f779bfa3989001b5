"""Data: where examples come from, how they are split and batched. NumPy alone."""

from relu_jax.data.batches import Epoch, batch, count, permutation, steps_per_epoch, stream
from relu_jax.data.digits import Digits, Splits, load, split

__all__ = [
    "Digits",
    "Epoch",
    "Splits",
    "batch",
    "count",
    "load",
    "permutation",
    "split",
    "steps_per_epoch",
    "stream",
]
