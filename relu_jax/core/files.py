"""How is a file written so that a reader finds all of it or none?"""

import os
import secrets
from pathlib import Path

from relu_jax.core import errors


def write_text(path: str | os.PathLike[str], text: str, *, force: bool = False) -> None:
    r"""Write text as UTF-8, whole or not at all.

    Args:
        path: file to write; its folder exists.
        text: what to write.
        force: replace a file that is already there.

    Raises:
        UsageError: the file exists and `force` is off, or the folder cannot be written.

    Edges:
        A lone surrogate, which UTF-8 cannot hold, is written as its escape (``\udc80``).

    Example:
        >>> import tempfile, pathlib
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_text(pathlib.Path(folder) / "a.txt", "ß")
        ...     print((pathlib.Path(folder) / "a.txt").read_text(encoding="utf-8"))
        ß
    """
    write_bytes(path, text.encode("utf-8", "backslashreplace"), force=force)


def write_bytes(path: str | os.PathLike[str], content: bytes, *, force: bool = False) -> None:
    """Write bytes, whole or not at all: a temporary file, fsync, then one rename.

    Args:
        path: file to write; its folder exists.
        content: what to write.
        force: replace a file that is already there.

    Raises:
        UsageError: the file exists and `force` is off, or the folder cannot be written.

    Edges:
        A run killed midway leaves the old file as it was. A link at `path` is replaced, not
        followed.

    Example:
        >>> import tempfile, pathlib
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_bytes(pathlib.Path(folder) / "a.bin", b"12")
        ...     print((pathlib.Path(folder) / "a.bin").read_bytes())
        b'12'
    """
    path = Path(path)
    refuse_unwritable(path, force=force)
    temporary = path.with_name(f".relu_jax-{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise _unwritable(path, error.strerror or str(error)) from error
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(path.parent)


def refuse_unwritable(path: str | os.PathLike[str], *, force: bool = False) -> None:
    """Refuse, before any work is done, a path that could not be written after it.

    Args:
        path: file that will be written.
        force: a file already there may be replaced.

    Raises:
        UsageError: the file exists and `force` is off, it is a folder, or its own folder is
            missing or closed to writing.

    Example:
        >>> refuse_unwritable("no/such/folder/report.html")
        Traceback (most recent call last):
        relu_jax.core.errors.UsageError: an output file ... make the folder ...
    """
    path = Path(path)
    if os.path.isdir(path):
        raise _unwritable(path, "it is a folder")
    if not os.path.isdir(path.parent):
        raise _unwritable(path, f"no folder {str(path.parent)!r}")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise _unwritable(path, "the folder is closed to writing")
    if os.path.lexists(path) and not force:
        raise errors.rejected(
            rule="an existing file is kept",
            got=f"{str(path)!r}, which exists",
            do="choose another name, or replace it with --force (force=True)",
            kind=errors.UsageError,
        )


def _unwritable(path: Path, reason: str) -> Exception:
    return errors.rejected(
        rule="an output file goes into a folder that can be written",
        got=f"{str(path)!r}: {reason}",
        do="make the folder or choose another place",
        kind=errors.UsageError,
    )


def _sync_folder(folder: Path) -> None:
    # The rename itself reaches the disk only with its folder; Windows opens no folders.
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
