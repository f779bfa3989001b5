"""How does TensorBoard show a watched run? By a copy of its numbers: the log is the truth."""

import importlib
import os
from types import TracebackType
from typing import Any

import numpy as np

from relu_jax.core import errors
from relu_jax.diagnosis import log, series
from relu_jax.diagnosis.vitals import Stats


class TensorBoard:
    """Write scalars as TensorBoard reads them, such as "layers/0/rms_pre" and "layers/0/silent".

    Args:
        folder: for the event file; made where it is missing.

    Raises:
        ImportError: tensorboardX is not installed.

    Example:
        >>> import jax, jax.numpy as jnp, importlib.util, tempfile, relu_jax as rj
        >>> step = jax.jit(rj.monitor.value_and_grad(lambda w, x: jnp.sum(jnp.tanh(x @ w))))
        >>> (_, stats), _ = step(jnp.ones((2, 1)), jnp.ones((1, 2)))
        >>> if importlib.util.find_spec("tensorboardX"):  # pip install tensorboardX
        ...     with tempfile.TemporaryDirectory() as folder:
        ...         with rj.monitor.TensorBoard(folder) as board:
        ...             board.write(0, stats)
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        try:
            written_by = importlib.import_module("tensorboardX")  # whoever wants it brings it
        except ImportError as missing:
            raise errors.rejected(
                rule="event files are written by tensorboardX",
                got=str(missing),
                do="pip install tensorboardX, or keep the run with rj.monitor.Log",
                kind=ImportError,
            ) from missing
        self._writer = written_by.SummaryWriter(os.fspath(folder))

    def write(self, step: Any, stats: Stats, **numbers: Any) -> None:
        """Take what one step told, or a stack of steps, as `Log.write` does.

        Edges: it waits for the device. Steps may come in any order.
        """
        for row in log.rows(step, stats, numbers):
            shown = {"loss": row["loss"], **row["numbers"]}
            for name, site in row["sites"].items():
                shown |= {f"{name}/{field}": site[field] for field in series.FIELDS}
                shown[f"{name}/silent"] = int(np.sum(~site["active"]))
            for name, leaf in row["parameters"].items():
                shown |= {f"{name}/{field}": value for field, value in leaf.items()}
            for name, value in shown.items():
                self._writer.add_scalar(name, value, row["step"])

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()

    def __enter__(self) -> "TensorBoard":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
