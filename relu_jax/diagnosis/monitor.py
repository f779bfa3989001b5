"""Watch a training run: what a step tells, where it is kept, and what happened. `rj.monitor`."""

from relu_jax.diagnosis.log import Log, read
from relu_jax.diagnosis.monitored import value_and_grad
from relu_jax.diagnosis.series import Event, Series, SiteSeries
from relu_jax.diagnosis.tensorboard import TensorBoard
from relu_jax.diagnosis.vitals import LeafStats, SiteStats, Stats

__all__ = [
    "Event",
    "LeafStats",
    "Log",
    "Series",
    "SiteSeries",
    "SiteStats",
    "Stats",
    "TensorBoard",
    "read",
    "value_and_grad",
]
