"""Where is kept what a watched run tells? One line of JSON per measured step."""

import itertools
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import jax
import numpy as np

from relu_jax.core import errors, files, records, strict_json
from relu_jax.core.integers import integer
from relu_jax.diagnosis import series
from relu_jax.diagnosis.series import Series
from relu_jax.diagnosis.vitals import Stats

SCHEMA = "relu_jax.monitor/1"
_FARTHEST = 2**63  # steps are kept as int64


class Log:
    """Keep what each measured step told, in memory, and in a file where one is named.

    A line is written when the step after it is, so that the device is never waited for; leave the
    ``with`` block, or call `close`, to have the last one too.

    Args:
        path: of a file of JSON lines; None keeps all in memory alone.
        resume: go on with a file that is there. The first step written may lie before its end, as
            after a restart from a checkpoint: what the file holds from that step on is dropped.
        force: replace a file that is there.

    Raises:
        UsageError: the file exists and neither is asked for, it is no log, is damaged, or its
            folder cannot be written.

    Example:
        >>> import jax, jax.numpy as jnp, tempfile, pathlib, relu_jax as rj
        >>> step = jax.jit(rj.monitor.value_and_grad(lambda w, x: jnp.sum(jnp.tanh(x @ w))))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder) / "run.jsonl"
        ...     with rj.monitor.Log(path) as log:
        ...         for i in range(3):
        ...             (_, stats), _ = step(jnp.ones((2, 1)), jnp.ones((1, 2)))
        ...             log.write(i, stats, learning_rate=0.1)
        ...     run = rj.monitor.read(path)
        >>> run.steps.tolist(), run.numbers["learning_rate"].tolist()
        ([0, 1, 2], [0.1, 0.1, 0.1])
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        resume: bool = False,
        force: bool = False,
    ) -> None:
        self._rows: list[dict[str, Any]] = []
        self._pending: list[tuple[Any, Stats, Mapping[str, Any]]] = []
        self._file: Any = None
        self._resumed = self._closed = False
        if path is None:
            return
        place = Path(path)
        if resume and place.exists():
            self._resume(place)
            return
        files.refuse_unwritable(place, force=force)
        self._file = open(place, "wb")  # noqa: SIM115 - it is closed by `close`
        self._put({"schema": SCHEMA, "provenance": records.provenance()})

    def write(self, step: Any, stats: Stats, **numbers: Any) -> None:
        """Take what one step told, or a stack of steps as a scan returns it.

        Args:
            step: its number; for a stack an array of as many. Each is larger than those before.
            stats: of `monitor.value_and_grad`; what was not measured is passed over.
            numbers: what else belongs to the step, such as an accuracy; stacked likewise.

        Raises:
            ValueError: a step that does not come after the last one, stacks of other lengths, or
                a log that is closed. What came before it is kept. Of steps that are arrays it is
                raised by the next call.
        """
        if self._closed:
            raise errors.rejected(
                rule="a log is written before it is closed",
                got=f"step {step}",
                do="write inside the with block, or open it again with resume=True",
            )
        if isinstance(step, int) and not -_FARTHEST <= step < _FARTHEST:
            raise errors.rejected(
                rule="a step is a number of 64 bits", got=str(step), do="count steps from 0"
            )
        if isinstance(step, int):
            self._check_order(step, self._pending[-1][0] if self._pending else None)
        self._pending.append((step, stats, numbers))
        self._flush(keep=1)

    def series(self) -> Series:
        """Give all that was written so far, and what the file that was resumed held."""
        self._flush(keep=0)
        return series.stacked(self._rows)

    def close(self) -> None:
        """Write what is left, and close the file; nothing can be written afterwards."""
        self._closed = True
        try:
            self._flush(keep=0)
        finally:
            if self._file is not None:
                self._file.close()

    def __enter__(self) -> "Log":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _flush(self, keep: int) -> None:
        while len(self._pending) > keep:
            step, stats, numbers = self._pending.pop(0)
            for row in rows(step, stats, numbers):
                self._add(row)

    def _add(self, row: dict[str, Any]) -> None:
        if self._resumed:
            self._drop_from(row["step"])
        self._check_order(row["step"], self._rows[-1]["step"] if self._rows else None)
        if self._file is not None:
            self._put(_line(row))
        self._rows.append(row)

    def _check_order(self, step: int, last: Any) -> None:
        if isinstance(last, int) and step <= last:
            raise errors.rejected(
                rule="steps are written in order, each once",
                got=f"step {step} after step {last}",
                do="number the steps of the whole run; pass resume=True to go on after a restart",
            )

    def _put(self, line: Mapping[str, Any]) -> None:
        self._file.write(strict_json.to_json(line).encode() + b"\n")
        self._file.flush()

    def _resume(self, path: Path) -> None:
        self._rows, self._ends = _read(path)
        self._file = open(path, "r+b")  # noqa: SIM115 - it is closed by `close`
        self._file.truncate(self._ends[-1])  # a line that was cut off
        self._file.seek(self._ends[-1])
        self._resumed = True

    def _drop_from(self, step: int) -> None:
        self._resumed = False
        self._rows = [row for row in self._rows if row["step"] < step]
        self._file.truncate(self._ends[len(self._rows)])
        self._file.seek(self._ends[len(self._rows)])


def read(path: str | os.PathLike[str]) -> Series:
    """Read a log back.

    Edges: a last line that was cut off, as when the run was killed, is left out.

    Raises:
        UsageError: no such file, no log, or a damaged line, which is named.

    Example:
        >>> read("no_such_file.jsonl")
        Traceback (most recent call last):
        relu_jax.core.errors.UsageError: a log is read ... got 'no_such_file.jsonl': ...
    """
    return series.stacked(_read(Path(path))[0])


def rows(step: Any, stats: Stats, numbers: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Turn what one step or a stack of them told into plain data, one row per measured step."""
    here, many = jax.device_get((stats, dict(numbers)))
    measured, steps = np.asarray(here.measured), np.asarray(step)
    sizes = [np.shape(value) for value in many.values()]
    if measured.ndim > 1 or any(shape != measured.shape for shape in (steps.shape, *sizes)):
        raise errors.rejected(
            rule="a stack of steps has a number for each",
            got=f"steps of shape {steps.shape} for stats of shape {measured.shape}",
            do="pass jnp.arange(first, first + T) beside the stats of a scan over T steps",
        )
    if not measured.ndim:
        here, steps, many = jax.tree.map(lambda x: np.asarray(x)[None], (here, steps, many))
    for i in np.flatnonzero(np.atleast_1d(measured)):
        one, others = jax.tree.map(lambda x, i=i: x[i], (here, many))
        yield _row(integer("step", steps[i]), one, others)


def _row(step: int, stats: Stats, numbers: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "step": step,
        "loss": float(stats.loss),
        "sites": dict(_layers(stats)),
        "parameters": {
            name: {"rms": float(leaf.rms), "rms_grad": float(leaf.rms_grad)}
            for name, leaf in stats.parameters.items()
        },
        "nonfinite_data": bool(stats.nonfinite_data),
        "numbers": {name: float(value) for name, value in numbers.items()},
    }


def _layers(stats: Stats) -> Iterator[tuple[str, dict[str, Any]]]:
    """Tell the layers of a loop apart: "layers[0]", as in a diagnosis."""
    for name, site in stats.sites.items():
        for place in itertools.product(*map(range, np.shape(site.rms_pre))):
            one = jax.tree.map(lambda x, place=place: x[place], site)
            mark = f"[{','.join(map(str, place))}]" if place else ""
            numbers = {field: float(getattr(one, field)) for field in series.FIELDS}
            flags = {flag: bool(getattr(one, flag)) for flag in series.FLAGS}
            yield name + mark, {**numbers, "active": np.asarray(one.active, bool), **flags}


def _line(row: Mapping[str, Any]) -> dict[str, Any]:
    """Write the units of a site as bits in hexadecimal, with their number."""
    sites = {
        name: {**site, "active": np.packbits(site["active"]).tobytes().hex(),
               "units": len(site["active"])}
        for name, site in row["sites"].items()
    }  # fmt: skip
    return {**row, "sites": sites}


def _read(path: Path) -> tuple[list[dict[str, Any]], list[int]]:
    """Read the rows of a file, and where the head and each of them end."""
    try:
        content = path.read_bytes()
    except OSError as wrong:
        raise _unreadable(path, wrong.strerror or str(wrong)) from wrong
    *lines, _ = content.split(b"\n")
    if not lines or _parsed(path, lines[0], 1).get("schema") != SCHEMA:
        raise _unreadable(path, f"its first line does not say {SCHEMA}")
    ends = list(itertools.accumulate(len(line) + 1 for line in lines))
    found = [_row_of(path, line, i) for i, line in enumerate(lines[1:], 2)]
    for i, (before, after) in enumerate(itertools.pairwise(found), 3):
        if after["step"] <= before["step"]:
            raise _unreadable(path, f"line {i} is no step after that of the line before")
    return found, ends


def _parsed(path: Path, line: bytes, number: int) -> dict[str, Any]:
    try:
        found = strict_json.from_json(line.decode())
    except ValueError as wrong:
        raise _unreadable(path, f"line {number} is damaged ({errors.first_line(wrong)})") from wrong
    return found if isinstance(found, dict) else {}


def _row_of(path: Path, line: bytes, number: int) -> dict[str, Any]:
    row = _parsed(path, line, number)
    try:
        sites = {
            name: {**site, "active": _units(site["active"], site["units"])}
            for name, site in row["sites"].items()
        }
        if not -_FARTHEST <= integer("step", row["step"]) < _FARTHEST:
            raise ValueError(row["step"])
        return {name: row[name] for name in _ROW} | {"sites": sites}
    except (KeyError, TypeError, ValueError, AttributeError) as wrong:
        raise _unreadable(path, f"line {number} is no step of a log") from wrong


_ROW = ("step", "loss", "parameters", "nonfinite_data", "numbers")


def _units(bits: str, units: int) -> np.ndarray:
    packed = np.frombuffer(bytes.fromhex(bits), np.uint8)
    if len(packed) != -(-units // 8):
        raise ValueError(units)  # worded by the caller, with the line
    return np.unpackbits(packed, count=units).astype(bool)


def _unreadable(path: Path, reason: str) -> Exception:
    return errors.rejected(
        rule="a log is read from a file that rj.monitor.Log wrote",
        got=f"{str(path)!r}: {reason}",
        do="name another file; lines before a damaged one can be kept by cutting the file there",
        kind=errors.UsageError,
    )
