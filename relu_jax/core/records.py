"""What does a run leave behind, and how is it read back exactly years later?

A `Record` is saved as two files: ``NAME.json`` (config, metrics, provenance, and the list of
arrays) and ``NAME.<sum>.npz`` (the arrays, if any). The sum in the name is that of the
contents, so the JSON, renamed into place last, always finds the arrays it was written with.
"""

import hashlib
import io
import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np

from relu_jax.core import errors
from relu_jax.core.files import refuse_unwritable, write_bytes, write_text
from relu_jax.core.provenance import provenance
from relu_jax.core.strict_json import from_json, to_json

__all__ = [
    "Record",
    "from_json",
    "load",
    "provenance",
    "refuse_unwritable",
    "save",
    "to_json",
    "write_bytes",
    "write_text",
]

SCHEMA = "relu_jax.record/1"


class Record(NamedTuple):
    """What a run was asked, what it measured, and where that comes from."""

    config: Any  # plain data: what was asked
    metrics: Mapping[str, Any]  # plain data: what came out
    arrays: Mapping[str, np.ndarray]  # what is too long for JSON
    provenance: Mapping[str, Any]  # plain data: see `provenance`


def save(record: Record, path: str | os.PathLike[str], *, force: bool = False) -> None:
    """Write a record so that `load` gives it back exactly, or not at all.

    Args:
        record: plain data, and arrays (NumPy or JAX, any dtype but object).
        path: the JSON file, ending in ``.json``; the arrays go beside it.
        force: replace the record that is already there, its arrays included.

    Raises:
        UsageError: the name does not end in .json, the file exists and `force` is off, or the
            folder cannot be written.
        TypeError: something in the record is not plain data, or an array holds objects.

    Example:
        >>> import tempfile, numpy as np
        >>> record = Record({"depth": 8}, {"loss": float("inf")}, {"w": np.arange(3)}, {})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save(record, f"{folder}/run.json")
        ...     back = load(f"{folder}/run.json")
        >>> back.metrics["loss"], back.arrays["w"].tolist()
        (inf, [0, 1, 2])
    """
    path = Path(path)
    if path.suffix != ".json":
        raise errors.rejected(
            rule="a record's name ends in .json",
            got=repr(path.name),
            do=f"call it {path.stem}.json",
            kind=errors.UsageError,
        )
    refuse_unwritable(path, force=force)
    stale = _arrays_file(path)
    packed, members = _packed(record.arrays)
    name = _file_name(path, _sum(packed)) if members else None
    body = {
        "config": record.config,
        "metrics": record.metrics,
        "provenance": record.provenance,
        "arrays": {"file": name, "sha256": _sum(packed), "members": members},
    }
    text = to_json({"schema": SCHEMA, "sha256": _sum(to_json(body).encode()), "record": body})
    with ExitStack() as undo:
        if name is not None:
            target = path.with_name(name)
            if not target.exists():
                undo.callback(target.unlink, missing_ok=True)
            write_bytes(target, packed, force=True)
        write_text(path, text, force=force)
        undo.pop_all()
    if stale is not None and stale.name != name:
        stale.unlink(missing_ok=True)


def load(path: str | os.PathLike[str]) -> Record:
    """Read a record that `save` wrote, and refuse one that changed since.

    Args:
        path: the JSON file.

    Returns:
        The record: plain data as `from_json` gives it, arrays with their dtype and shape.

    Raises:
        UsageError: a file is missing, is no record, is damaged, or points outside its folder;
            the message names the file.

    Example:
        >>> load("no_such_record.json")
        Traceback (most recent call last):
        relu_jax.core.errors.UsageError: a record is read ... got 'no_such_record.json': ...
    """
    path = Path(path)
    body = _body(path)
    listed = body["arrays"]
    arrays = {}
    if listed["file"] is not None:
        arrays = _unpacked(_beside(path, listed["file"]), listed["sha256"], listed["members"])
    return Record(body["config"], body["metrics"], arrays, body["provenance"])


def _sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _packed(arrays: Mapping[str, Any]) -> tuple[bytes, list[dict[str, Any]]]:
    """Pack arrays under numbers: their names are free text and stay out of the archive."""
    stored, members = {}, []
    for number, (name, array) in enumerate(arrays.items()):
        values = np.asarray(array)
        if values.dtype.hasobject:
            raise errors.rejected(
                rule="a record's arrays hold numbers or text",
                got=f"{name!r}, {errors.describe(values)}",
                do="store the numbers, and describe the objects in config or metrics",
                kind=TypeError,
            )
        members.append({"name": name, "dtype": values.dtype.name, "shape": list(values.shape)})
        stored[f"a{number}"] = values
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **stored)
    return (buffer.getvalue() if stored else b""), members


def _unpacked(path: Path, expected: str, members: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error
    if _sum(content) != expected:
        raise _unreadable(path, "its contents changed since it was written")
    try:
        return _read_members(content, members)
    except (BadZipFile, KeyError, TypeError, ValueError) as error:
        raise _unreadable(path, f"no archive of the arrays listed: {error}") from error


def _read_members(content: bytes, members: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    arrays = {}
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        for number, member in enumerate(members):
            values = archive[f"a{number}"]
            # NumPy's format keeps the bytes of JAX's own types (bfloat16, float8), not their names.
            same = values.dtype.name == member["dtype"]
            arrays[member["name"]] = values if same else values.view(np.dtype(member["dtype"]))
    return arrays


def _body(path: Path) -> dict[str, Any]:
    try:
        found = from_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error
    except ValueError as error:
        raise _unreadable(path, str(error)) from error
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise _unreadable(path, f"no record of the form {SCHEMA}")
    if _sum(to_json(found.get("record")).encode()) != found.get("sha256"):
        raise _unreadable(path, "its contents changed since it was written")
    if not _is_well_formed(found["record"]):
        raise _unreadable(path, "parts of the record are missing")
    return found["record"]


def _is_well_formed(body: object) -> bool:
    if not isinstance(body, dict) or not {*Record._fields} <= body.keys():
        return False
    listed = body["arrays"]
    return (
        isinstance(listed, dict)
        and isinstance(listed.get("file"), str | None)
        and isinstance(listed.get("sha256"), str)
        and isinstance(listed.get("members"), list)
    )


def _beside(path: Path, name: str) -> Path:
    if Path(name).name != name or not name.endswith(".npz") or (path.parent / name).is_symlink():
        raise _unreadable(path, f"its arrays are no plain .npz file of its folder, but {name!r}")
    return path.parent / name


def _arrays_file(path: Path) -> Path | None:
    """Name the arrays `save` wrote for the record that stands at `path`, if one does."""
    if not path.exists():
        return None
    try:
        listed = _body(path)["arrays"]
    except errors.UsageError:
        return None
    own = _file_name(path, listed["sha256"])
    return path.with_name(own) if listed["file"] == own else None


def _file_name(path: Path, digest: str) -> str:
    return f"{path.stem}.{digest[:16]}.npz"


def _unreadable(path: Path, reason: str) -> Exception:
    return errors.rejected(
        rule="a record is read as it was written",
        got=f"{str(path)!r}: {reason}",
        do="run it again, or restore the file from a copy",
        kind=errors.UsageError,
    )
