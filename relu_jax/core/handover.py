"""What does a higher layer hand to a lower one that may not import it?

The tap engine matches functions against the catalogue of activations, yet stands below it; a
diagnosis writes its own page, yet stands beside the report. The package binds them here, once, in
`relu_jax/__init__.py`.
"""

from collections.abc import Callable
from typing import Any

from relu_jax.core import errors

_PROVIDERS: dict[str, Callable[[], Any]] = {}


def provide(**providers: Callable[[], Any]) -> None:
    """Say where things come from; each is loaded when it is first asked for.

    Args:
        providers: ``catalogue``, ``lookup``, ``report_writer`` and ``theory``, each a function that
            gives what the function of that name here hands over.

    Example:
        >>> from relu_jax import activations
        >>> provide(catalogue=lambda known=activations.CATALOGUE: known)
        >>> len(catalogue()) == len(activations.CATALOGUE)
        True
    """
    _PROVIDERS.update(providers)


def catalogue() -> tuple[Any, ...]:
    """Hand over the catalogue of activations.

    Raises:
        RuntimeError: nothing was provided (relu_jax/__init__.py was bypassed).

    Example:
        >>> catalogue()[0].name
        'identity'
    """
    return _provided("catalogue")


def lookup() -> Callable[..., Any]:
    """Hand over ``get(name, **params)``, which finds an activation.

    Raises:
        RuntimeError: nothing was provided (relu_jax/__init__.py was bypassed).

    Example:
        >>> lookup()("leaky_relu", slope=0.2).params
        {'slope': 0.2}
    """
    return _provided("lookup")


def report_writer() -> Callable[..., None]:
    """Hand over ``write(report, html_path, json_path=None, *, force=False)``.

    Raises:
        RuntimeError: nothing was provided (relu_jax/__init__.py was bypassed).

    Example:
        >>> report_writer().__name__
        'write'
    """
    return _provided("report_writer")


def theory() -> Any:
    """Hand over the module `relu_jax.theory`.

    Raises:
        RuntimeError: nothing was provided (relu_jax/__init__.py was bypassed).

    Example:
        >>> theory().moments.__name__
        'moments'
    """
    return _provided("theory")


def _provided(what: str) -> Any:
    if what not in _PROVIDERS:
        raise errors.rejected(
            rule="the package hands its parts to one another when it is imported",
            got=f"no {what.replace('_', ' ')}",
            do="import relu_jax before its parts",
            kind=RuntimeError,
        )
    return _PROVIDERS[what]()
