"""What happened in a run that was watched: when did units die or recover, what broke first?"""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from relu_jax.core import errors, handover
from relu_jax.core.integers import integer
from relu_jax.core.wording import plural
from relu_jax.diagnosis import watched
from relu_jax.diagnosis.result import as_report

FIELDS = ("rms_pre", "rms_post", "rms_d_pre", "zeros", "saturated")
FLAGS = ("nonfinite", "nonfinite_d")
PATIENCE = 10  # measured steps in a row


class Event(NamedTuple):
    """Something that happened, and when.

    Example:
        >>> print(Event(40, "died", "layers/0", (3, 5), "2 of 64 units"))
        step 40: died at layers/0: 2 of 64 units
    """

    step: int
    kind: str  # "died", "recovered" or "nonfinite"
    name: str  # id of the site, path of the leaf; "" for the loss and the data
    units: tuple[int, ...]  # which ones, as numbers along the unit axes
    what: str

    def __str__(self) -> str:
        where = f" at {self.name}" if self.name else ""
        return f"step {self.step}: {self.kind}{where}: {self.what}"


class SiteSeries(NamedTuple):
    """One site, or one layer of a loop over layers, over T measured steps; NaN: not there."""

    rms_pre: np.ndarray  # (T,), as the others but for active
    rms_post: np.ndarray
    rms_d_pre: np.ndarray
    zeros: np.ndarray
    saturated: np.ndarray
    active: np.ndarray  # (T, units)
    nonfinite: np.ndarray
    nonfinite_d: np.ndarray

    @property
    def silent(self) -> np.ndarray:
        """Number of units that no sample of a step activated, (T,)."""
        return np.sum(~self.active, axis=1)

    @property
    def ran(self) -> np.ndarray:
        """Steps on which the site ran, (T,)."""
        return np.isfinite(self.rms_pre) | self.nonfinite


class Series(NamedTuple):
    """A run over T measured steps.

    Example:
        >>> import jax, jax.numpy as jnp, relu_jax as rj
        >>> step = jax.jit(rj.monitor.value_and_grad(lambda w, x: jnp.sum(jax.nn.relu(x @ w))))
        >>> log = rj.monitor.Log()
        >>> for i, x in enumerate([1.0, -1.0, -1.0, 1.0]):
        ...     (_, stats), _ = step(jnp.ones((2, 3)), jnp.full((4, 2), x))
        ...     log.write(i, stats)
        >>> for event in log.series().events(patience=2):
        ...     print(event)
        step 1: died at w: 3 of 3 units
        step 3: recovered at w: 3 of 3 units
    """

    steps: np.ndarray  # (T,)
    loss: np.ndarray
    sites: Mapping[str, SiteSeries]
    rms: Mapping[str, np.ndarray]  # of every leaf of the parameters
    rms_grad: Mapping[str, np.ndarray]
    nonfinite_data: np.ndarray
    numbers: Mapping[str, np.ndarray]  # what else was written; NaN where it was not
    there: Mapping[str, np.ndarray]  # of every leaf: steps at which it was among the parameters

    def events(self, *, patience: int = PATIENCE) -> tuple[Event, ...]:
        """List what happened, in order.

        Args:
            patience: measured steps in a row that a unit is silent before it counts as dead; a
                unit that few examples activate misses a batch by chance.

        Edges: a unit died at the first of its silent steps, and recovers at its next active one.
        Of NaN and inf the first place of the first step is told: parameters, data, forward in
        program order, loss, backward, gradients. A step on which a site did not run counts for
        neither.

        Raises:
            ValueError: a patience below 1.
        """
        if integer("patience", patience) < 1:
            raise errors.rejected(rule="patience is at least 1", got=str(patience), do="pass 10")
        found = [
            event
            for name, site in self.sites.items()
            for event in _lives(self, name, site, patience)
        ]
        return tuple(sorted([*found, *_broken(self)], key=lambda event: event.step))

    def to_dict(self, *, name: str = "run", patience: int = PATIENCE) -> dict[str, Any]:
        """Turn the run into the part of a report that shows it, as plain data.

        Args:
            name: of the run.
            patience: as in `events`.

        Returns:
            loss, what else was written, and the numbers of every site, step by step; the first 500
            events; and what there is to say, worst first. What a log holds of every leaf of the
            parameters is left to the log.

        Edges: None where a site did not run. A number of float32 is given in the fewest digits
        that tell it apart.
        """
        return watched.as_dict(self, name, patience)

    def report(
        self,
        html_path: str | os.PathLike[str],
        *,
        title: str = "Watched run",
        patience: int = PATIENCE,
        force: bool = False,
    ) -> None:
        """Write the run as one self-contained HTML page.

        Args:
            html_path: where.
            title: of the page.
            patience: as in `events`.
            force: whether to replace a file that is there.

        Raises:
            UsageError: the file exists and `force` is off, or its folder cannot be written.
        """
        made = as_report(title=title, watched=[self.to_dict(name=title, patience=patience)])
        handover.report_writer()(made, html_path, force=force)


def stacked(rows: Sequence[Mapping[str, Any]]) -> Series:
    """Put the rows of a log side by side."""
    first = {k: list(dict.fromkeys(n for row in rows for n in row[k])) for k in _NAMED}
    return Series(
        steps=np.asarray([row["step"] for row in rows], np.int64),
        loss=_column(rows, "loss"),
        sites={name: _site([row["sites"].get(name) for row in rows]) for name in first["sites"]},
        rms={n: _nested(rows, "parameters", n, "rms") for n in first["parameters"]},
        rms_grad={n: _nested(rows, "parameters", n, "rms_grad") for n in first["parameters"]},
        nonfinite_data=np.asarray([row["nonfinite_data"] for row in rows], bool),
        numbers={n: _column([row["numbers"] for row in rows], n) for n in first["numbers"]},
        there={
            n: np.asarray([n in row["parameters"] for row in rows], bool)
            for n in first["parameters"]
        },
    )


_NAMED = ("sites", "parameters", "numbers")


def _column(rows: Sequence[Mapping[str, Any]], name: str) -> np.ndarray:
    return np.asarray([row.get(name, np.nan) for row in rows], np.float64)


def _nested(rows: Sequence[Mapping[str, Any]], *path: str) -> np.ndarray:
    outer, inner, name = path
    return np.asarray([row[outer].get(inner, {}).get(name, np.nan) for row in rows], np.float64)


def _site(rows: Sequence[Mapping[str, Any] | None]) -> SiteSeries:
    units = max(len(row["active"]) for row in rows if row is not None)
    filled = [row or {"active": np.zeros(units, bool)} for row in rows]
    # A layer that was made wider on the way: units that are not there yet are not silent.
    active = [np.pad(r["active"], (0, units - len(r["active"])), constant_values=True)
              for r in filled]  # fmt: skip
    numbers = {name: _column(filled, name) for name in FIELDS}
    flags = {name: np.asarray([row.get(name, False) for row in filled], bool) for name in FLAGS}
    return SiteSeries(**numbers, active=np.stack(active), **flags)


def _lives(run: Series, name: str, site: SiteSeries, patience: int) -> Iterator[Event]:
    """Find where units fall silent for long, and where they come back."""
    steps, active = run.steps[site.ran], site.active[site.ran]
    died: dict[int, list[int]] = {}
    back: dict[int, list[int]] = {}
    for unit in np.flatnonzero(~active.all(axis=0)):
        edges = np.diff(np.concatenate([[True], active[:, unit], [True]]).astype(np.int8))
        for start, end in zip(np.flatnonzero(edges < 0), np.flatnonzero(edges > 0), strict=True):
            if end - start < patience:
                continue
            died.setdefault(int(steps[start]), []).append(int(unit))
            if end < len(steps):
                back.setdefault(int(steps[end]), []).append(int(unit))
    n = active.shape[1]
    for kind, at in (("died", died), ("recovered", back)):
        for step, units in at.items():
            words = f"{len(units)} of {n} {plural(n, 'unit', 'units')}"
            yield Event(step, kind, name, tuple(units), words)


def _broken(run: Series) -> Iterator[Event]:
    """Name the first place of the first step at which something was not finite."""
    for i, step in enumerate(run.steps):
        place = _first_place(run, i)
        if place is not None:
            yield Event(int(step), "nonfinite", place[0], (), place[1])
            return


def _first_place(run: Series, i: int) -> tuple[str, str] | None:
    for name, values in run.rms.items():
        if run.there[name][i] and not np.isfinite(values[i]):
            return name, "the parameter"
    if run.nonfinite_data[i]:
        return "", "the data"
    for name, site in run.sites.items():
        if site.nonfinite[i]:
            return name, "going forward"
    if not np.isfinite(run.loss[i]):
        return "", "the loss"
    for name, site in reversed(list(run.sites.items())):
        if site.nonfinite_d[i]:
            return name, "going backward"
    for name, values in run.rms_grad.items():
        if run.there[name][i] and not np.isfinite(values[i]):
            return name, "the gradient"
    return None
