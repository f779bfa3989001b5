"""How is a report kept on disk: the page for people, the record for everything else?"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from relu_jax.core import files, strict_json
from relu_jax.core.errors import UsageError, rejected
from relu_jax.report.document import check, page

PathLike = str | os.PathLike[str]


def write(
    report: Mapping[str, Any],
    html_path: PathLike,
    json_path: PathLike | None = None,
    *,
    force: bool = False,
) -> None:
    """Write the page, and the record beside it when `json_path` is given: both or neither.

    Args:
        report: a report dictionary (schema ``relu_jax.report/1``).
        html_path: file for the page.
        json_path: file for the record; None writes the page alone.
        force: replace files that are already there.

    Raises:
        UsageError: a file exists and `force` is off, a folder cannot be written, both paths
            are one file, or the dictionary is no report. Nothing is written then.

    Example:
        >>> import tempfile
        >>> report = {"schema": "relu_jax.report/1", "title": "t", "runs": []}
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write(report, f"{folder}/report.html", f"{folder}/report.json")
        ...     read(f"{folder}/report.json") == report
        True
    """
    paths = [Path(path) for path in (html_path, json_path) if path is not None]
    files.refuse_unwritable(*paths, force=force)
    texts = (page(report), strict_json.to_json(dict(report)))
    files.write_together(dict(zip(paths, map(files.encoded, texts), strict=False)), force=force)


def read(json_path: PathLike) -> dict[str, Any]:
    """Read the record of a report back, exactly as it was written.

    Args:
        json_path: file that `write` or the command line wrote.

    Raises:
        UsageError: the file cannot be read, or holds no report.

    Example:
        >>> read("no_such_report.json")
        Traceback (most recent call last):
        relu_jax.core.errors.UsageError: a report file ... got 'no_such_report.json': ...
    """
    path = Path(json_path)
    try:
        found = strict_json.from_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error
    except ValueError as error:
        raise _unreadable(path, str(error)) from error
    if not isinstance(found, dict):
        raise _unreadable(path, f"a {type(found).__name__}, not a report")
    check(found)
    return found


def _unreadable(path: Path, reason: str) -> Exception:
    return rejected(
        rule="a report file holds the record that write() wrote",
        got=f"{str(path)!r}: {reason}",
        do="name the .json file of a report, or write the report again",
        kind=UsageError,
    )
