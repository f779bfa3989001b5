"""What does a higher layer hand to a lower one that may not import it?

The tap engine matches functions against the catalogue of activations, yet stands below it; a
diagnosis writes its own page, yet stands beside the report. The package binds them here, once, in
`relu_jax/__init__.py`.
"""

from collections.abc import Callable
from typing import Any

from relu_jax.core import errors

_PROVIDERS: list[Callable[[], tuple[Any, ...]]] = []
_WRITERS: list[Callable[[], Callable[..., None]]] = []
_THEORIES: list[Callable[[], Any]] = []


def provide_catalogue(provider: Callable[[], tuple[Any, ...]]) -> None:
    """Say where the catalogue comes from; it is loaded when first asked for.

    Example:
        >>> from relu_jax import activations
        >>> provide_catalogue(lambda known=activations.CATALOGUE: known)
        >>> len(catalogue()) == len(activations.CATALOGUE)
        True
    """
    _PROVIDERS[:] = [provider]


def catalogue() -> tuple[Any, ...]:
    """Hand over the catalogue of activations.

    Raises:
        RuntimeError: nothing was provided (relu_jax/__init__.py was bypassed).

    Example:
        >>> catalogue()[0].name
        'identity'
    """
    if not _PROVIDERS:
        raise errors.rejected(
            rule="the package hands the engine its catalogue when it is imported",
            got="no catalogue",
            do="import relu_jax before its parts",
            kind=RuntimeError,
        )
    return _PROVIDERS[0]()


def provide_report_writer(provider: Callable[[], Callable[..., None]]) -> None:
    """Say what writes a report as a page; it is loaded when first asked for.

    Example:
        >>> from relu_jax import report
        >>> provide_report_writer(lambda write=report.write: write)
        >>> report_writer() is report.write
        True
    """
    _WRITERS[:] = [provider]


def report_writer() -> Callable[..., None]:
    """Hand over ``write(report, html_path, json_path=None, *, force=False)``.

    Raises:
        RuntimeError: nothing was provided (relu_jax/__init__.py was bypassed).

    Example:
        >>> report_writer().__name__
        'write'
    """
    if not _WRITERS:
        raise errors.rejected(
            rule="the package hands a diagnosis the writer of its page when it is imported",
            got="no writer",
            do="import relu_jax before its parts",
            kind=RuntimeError,
        )
    return _WRITERS[0]()


def provide_theory(provider: Callable[[], Any]) -> None:
    """Say where the averages of an activation come from; loaded when first asked for.

    Example:
        >>> import relu_jax.theory
        >>> provide_theory(lambda found=relu_jax.theory: found)
        >>> theory() is relu_jax.theory
        True
    """
    _THEORIES[:] = [provider]


def theory() -> Any:
    """Hand over the module `relu_jax.theory`.

    Raises:
        RuntimeError: nothing was provided (relu_jax/__init__.py was bypassed).

    Example:
        >>> theory().moments.__name__
        'moments'
    """
    if not _THEORIES:
        raise errors.rejected(
            rule="the package hands an activation's card its averages when it is imported",
            got="no theory",
            do="import relu_jax before its parts",
            kind=RuntimeError,
        )
    return _THEORIES[0]()
