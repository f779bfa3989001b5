"""How is a file written so that a reader finds all of it or none?"""

import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
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
    write_bytes(path, encoded(text), force=force)


def encoded(text: str) -> bytes:
    r"""Encode text as UTF-8; a lone surrogate becomes its escape.

    Example:
        >>> encoded("a\udc80")
        b'a\\udc80'
    """
    return text.encode("utf-8", "backslashreplace")


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
    write_together({Path(path): content}, force=force)


def write_together(contents: Mapping[Path, bytes], *, force: bool = False) -> None:
    """Write several files, all or none: every temporary file first, then the renames.

    Args:
        contents: what to write, by file; their folders exist.
        force: replace files that are already there.

    Raises:
        UsageError: as `refuse_unwritable`, or the disk is full. The files are then as they were.

    Example:
        >>> import tempfile, pathlib
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     here = pathlib.Path(folder)
        ...     write_together({here / "a": b"1", here / "b": b"2"})
        ...     sorted(file.name for file in here.iterdir())
        ['a', 'b']
    """
    refuse_unwritable(*contents, force=force)
    staged = {path: _beside(path) for path in contents}
    path = Path()
    try:
        for path, temporary in staged.items():
            with temporary.open("xb") as file:
                file.write(contents[path])
                file.flush()
                os.fsync(file.fileno())
        _rename(staged)
    except OSError as error:
        failed = Path(error.filename2 or path)
        raise _unwritable(failed, error.strerror or str(error)) from error
    finally:
        for temporary in staged.values():
            temporary.unlink(missing_ok=True)
    for folder in {path.parent for path in contents}:
        _sync_folder(folder)


def _rename(staged: Mapping[Path, Path]) -> None:
    """Rename all; where one fails, as over another's file in a shared folder, undo the others."""
    fresh = [path for path in staged if not os.path.lexists(path)]
    kept = {path: _beside(path) for path in staged if len(staged) > 1 and path not in fresh}
    for path, old in kept.items():
        with suppress(OSError, NotImplementedError):  # some file systems have no second names
            os.link(path, old, follow_symlinks=False)
    done: list[Path] = []
    try:
        for path, temporary in staged.items():
            temporary.replace(path)
            done.append(path)
    except OSError:
        for path in done:
            if path in fresh:
                path.unlink()
            elif os.path.lexists(kept[path]):
                kept[path].replace(path)
        raise
    finally:
        for old in kept.values():
            old.unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    return path.with_name(f".relu_jax-{secrets.token_hex(8)}.tmp")


def refuse_unwritable(*paths: str | os.PathLike[str], force: bool = False) -> None:
    """Refuse, before any work is done, paths that could not be written after it.

    Args:
        paths: files that will be written.
        force: a file already there may be replaced.

    Raises:
        UsageError: a file exists and `force` is off, it is a folder, its own folder is missing
            or closed to writing, or two paths lead to one file.

    Example:
        >>> refuse_unwritable("no/such/folder/report.html")
        Traceback (most recent call last):
        relu_jax.core.errors.UsageError: an output file ... make the folder first
    """
    real = [os.path.realpath(path) for path in paths if "\0" not in str(path)]
    if len(set(real)) < len(real):
        raise errors.rejected(
            rule="each output goes into a file of its own",
            got=" and ".join(repr(str(path)) for path in paths),
            do="give one of them another name",
            kind=errors.UsageError,
        )
    for path in paths:
        if str(path).endswith("/"):
            raise _unwritable(Path(path), "it ends in /, as a folder does", do="give a file name")
        _refuse(Path(path), force=force)


def _refuse(path: Path, *, force: bool) -> None:
    if "\0" in str(path):
        raise _unwritable(path, "a name holds no NUL character")
    if os.path.isdir(path):
        raise _unwritable(path, "it is a folder")
    if os.path.exists(path) and not os.path.isfile(path):
        raise _unwritable(path, "it is a device, a pipe or a socket, which a rename would replace")
    if not os.path.isdir(path.parent):
        raise _unwritable(path, f"no folder {str(path.parent)!r}", do="make the folder first")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise _unwritable(path, "the folder is closed to writing")
    if os.path.lexists(path) and not force:
        raise errors.rejected(
            rule="an existing file is kept",
            got=f"{str(path)!r}, which exists",
            do="choose another name, or replace it with --force (force=True)",
            kind=errors.UsageError,
        )


def _unwritable(path: Path, reason: str, *, do: str = "choose another place") -> Exception:
    return errors.rejected(
        rule="an output file goes into a folder that can be written",
        got=f"{str(path)!r}: {reason}",
        do=do,
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
