"""Errors in three parts: the rule that was broken, what came instead, what to do."""

import difflib
import inspect
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

_MARK = "worded_by_relu_jax"
_NOT_THEIRS = tuple(  # this package, and Python itself
    f"{folder}{os.sep}" for folder in (Path(__file__).parents[1], Path(os.__file__).parent)
)


class DataError(ValueError):
    """Batches are wrong, or do not agree with the parameters (CLI exit 3)."""


class UsageError(ValueError):
    """A command line, a file or a build contract is wrong (CLI exit 2)."""


def rejected(
    *, rule: str, got: str, do: str, kind: Callable[[str], Exception] = ValueError
) -> Exception:
    """Build the exception that says rule, finding and remedy; the caller raises it.

    Args:
        rule: what holds, in one clause.
        got: what came instead.
        do: what the reader can do now.
        kind: exception class, or what builds one from a text.

    Returns:
        What `kind` makes, whose message is ``rule; got ...; do``.

    Example:
        >>> print(rejected(rule="rate is positive", got="-1.0", do="pass rate > 0"))
        rate is positive; got -1.0; pass rate > 0
    """
    error = kind(f"{rule}; got {got}; {do}")
    setattr(error, _MARK, True)
    return error


def is_worded(error: BaseException) -> bool:
    """Say whether an error was worded here, so that its text alone tells a user what to do.

    Example:
        >>> is_worded(rejected(rule="a", got="b", do="c")), is_worded(ValueError("oops"))
        (True, False)
    """
    return getattr(error, _MARK, False)


def told(error: BaseException) -> str:
    """Word someone else's error in one line: its kind, and the line that says why.

    Example:
        >>> told(KeyError("w"))
        "KeyError: 'w'"
    """
    return f"{type(error).__name__}: {first_line(error)}"


def place(error: BaseException) -> str:
    """Name the last line of the user's own code that took part in an error.

    Returns:
        Such as ``" (net.py:20)"``; nothing where only libraries, Python itself and this package
        took part.

    Example:
        >>> place(KeyError("w"))  # never raised
        ''
    """
    found, step = "", error.__traceback__
    while step is not None:
        if _is_theirs(file := step.tb_frame.f_code.co_filename):
            found = f" ({Path(file).name}:{step.tb_lineno})"
        step = step.tb_next
    return found


def _is_theirs(file: str) -> bool:
    if "site-packages" in file or "dist-packages" in file or file.startswith("<frozen"):
        return False
    return not file.startswith(_NOT_THEIRS)


def loss_failed(error: BaseException, position: int, do: str) -> Exception:
    """Word what a loss raised on a batch: a slip in its code, or data that do not fit.

    Args:
        error: what it raised.
        position: of the batch.
        do: what to compare, if it is the data.

    Returns:
        A UsageError for what no data can mend, such as a name that is not defined; else a
        DataError.

    Example:
        >>> print(loss_failed(KeyError("w"), 2, "compare the keys"))
        loss(params, batch) works on every batch; got KeyError: 'w', on batch 2; compare the keys
    """
    got = told(error) + place(error)
    if isinstance(error, NameError | ImportError | SyntaxError):
        return rejected(rule="the loss runs", got=got, do="mend that line", kind=UsageError)
    return rejected(
        rule="loss(params, batch) works on every batch",
        got=f"{got}, on batch {position}",
        do=do,
        kind=DataError,
    )


def first_line(error: BaseException) -> str:
    r"""Take the line of an error's message that says why, at most 300 characters of it.

    Edges: an error that wraps the traceback of another says why in its last line.

    Example:
        >>> first_line(ValueError("shapes differ\nat net.py:3"))
        'shapes differ'
    """
    try:
        lines = str(error).strip().splitlines()
    except Exception:  # a user's error may fail to word itself
        lines = []
    if not lines:
        return "no message"
    return lines[-1 if "Traceback" in lines[0] else 0].strip()[:300]


def nearest(word: str, names: Iterable[str], most: int = 3) -> list[str]:
    """List the names most like a word, those alike in their order.

    Example:
        >>> nearest("layer9", ["layer0", "head", "layer1"], most=2)
        ['layer0', 'layer1']
    """

    def unlike(name: str) -> float:
        return -difflib.SequenceMatcher(None, word, name).ratio()

    return sorted(dict.fromkeys(names), key=unlike)[:most]


def describe(x: object) -> str:
    """Word a value shortly, for the `got` part of an error.

    Args:
        x: anything; arrays are told by dtype and shape alone, never by content.

    Returns:
        One short line.

    Edges:
        A tracer reads like an array. A long repr is cut at 60 characters, with an ellipsis.

    Example:
        >>> import numpy as np
        >>> describe(np.zeros((3, 4), np.float32))
        'float32 array of shape (3, 4)'
        >>> describe(None)
        'None'
    """
    shape, dtype = getattr(x, "shape", None), getattr(x, "dtype", None)
    if isinstance(shape, tuple) and dtype is not None:
        return f"{dtype} array of shape {shape}"
    if x is None or isinstance(x, bool):
        return str(x)
    name = type(x).__name__
    if isinstance(x, (Mapping, Sequence)) and not isinstance(x, (str, bytes)):
        return f"{name} of length {len(x)}"
    if inspect.isroutine(x) or isinstance(x, type):
        return f"{name} {x.__qualname__}"  # its repr holds an address
    text = repr(x)
    return f"{name} {text if len(text) <= 60 else text[:60] + '…'}"
