"""How does a user's file hand over a model? As FILE.py:build; build() → (loss, params, batches)."""

import importlib.util
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from relu_jax.core import errors


class Build(NamedTuple):
    """What a build function returns."""

    loss: Callable[..., Any]  # loss(params, batch) -> scalar or (scalar, aux)
    params: Any
    batches: Iterable[Any]


def load_build(target: str) -> Build:
    """Run the build function of a user's file.

    Args:
        target: ``path/to/file.py:function``; without a function, ``build`` is meant.

    Returns:
        loss, params and batches, as the function returned them.

    Raises:
        UsageError: no such file or function, one that fails, or one that returns something else.

    Edges: the file's folder is importable while it runs, as it is under ``python file.py``.

    Example:
        >>> import tempfile, pathlib
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = pathlib.Path(folder) / "mine.py"
        ...     _ = file.write_text("def build(): return (lambda p, b: p * b), 2.0, [1.0]")
        ...     build = load_build(f"{file}:build")
        >>> build.loss(build.params, build.batches[0])
        2.0
    """
    file, name = _parted(target)
    function = getattr(_module(file), name, None)
    if not callable(function):
        raise errors.rejected(
            rule=f"{file.name} defines a function {name}()",
            got="no such function" if function is None else errors.describe(function),
            do="write def build(): return loss, params, batches",
            kind=errors.UsageError,
        )
    returned = _guarded(f"{name}() of {file.name}", function)
    if not (isinstance(returned, tuple | list) and len(returned) == 3 and callable(returned[0])):
        raise errors.rejected(
            rule=f"{name}() returns (loss, params, batches), loss being a function",
            got=_worded(returned),
            do="return loss(params, batch), its parameters, and an iterable of batches",
            kind=errors.UsageError,
        )
    return Build(*returned)


def _parted(target: str) -> tuple[Path, str]:
    path, _, name = target.rpartition(":") if ".py:" in target else (target, "", "build")
    file = Path(path)
    if file.suffix == ".py" and file.is_file():
        return file, name or "build"
    raise errors.rejected(
        rule="the model is named FILE.py:function",
        got=f"no such file: {str(file)!r}" if file.suffix == ".py" else repr(target),
        do="e.g. relu-jax diagnose my_model.py:build",
        kind=errors.UsageError,
    )


def _module(file: Path) -> ModuleType:
    """Import a file by its path, its folder first on the path as under ``python file.py``."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    loader = spec.loader if spec else None
    assert spec is not None  # true for any .py file
    assert loader is not None
    module = importlib.util.module_from_spec(spec)
    folder = str(file.resolve().parent)
    sys.path.insert(0, folder)
    sys.modules.setdefault(file.stem, module)  # dataclasses look themselves up here
    try:
        _guarded(f"importing {file.name}", lambda: loader.exec_module(module))
    finally:
        sys.path.remove(folder)
    return module


def _guarded(what: str, run: Callable[[], Any]) -> Any:
    """Run a user's code; word whatever it raises, with the line of their file."""
    try:
        return run()
    # Any error at all may come out of a user's file, and each deserves the same clear words;
    # sys.exit(0) would pass for success.
    except (Exception, SystemExit) as wrong:
        raise errors.rejected(
            rule=f"{what} runs without an error",
            got=f"{errors.told(wrong)}{errors.place(wrong)}",
            do="run the file by itself with python to see the whole traceback",
            kind=errors.UsageError,
        ) from wrong


def _worded(returned: Any) -> str:
    if isinstance(returned, tuple | list):
        return f"({', '.join(type(part).__name__ for part in returned)})"
    return errors.describe(returned)
