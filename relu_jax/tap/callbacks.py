"""Can what a user hands in be called as it will be, and at which site did it fail?"""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from relu_jax.core import errors
from relu_jax.tap import tracing
from relu_jax.tap.types import Site


def check(given: Any, rule: str, *names: str, do: str = "") -> None:
    """Check that something can be called with so many arguments.

    Args:
        given: what should be a function; one that tells no signature is trusted.
        rule: what it should be.
        names: of its arguments.
        do: what to do; "" words it from the names.

    Raises:
        TypeError: it is no function, or takes another number of arguments.
    """
    if callable(given) and _takes(given, len(names)):
        return
    how = f", which takes {inspect.signature(given)}" if callable(given) else ""
    raise errors.rejected(
        rule=rule,
        got=errors.describe(given) + how,
        do=do or f"pass a function, as in lambda {', '.join(names)}: …",
        kind=TypeError,
    )


def _takes(given: Callable[..., Any], n: int) -> bool:
    """Ask a function, and where it is wrapped, the wrapper: one of them tells the truth."""
    known = []
    for follow in (True, False):
        try:
            inspect.signature(given, follow_wrapped=follow).bind(*[None] * n)
        except TypeError:
            known.append(False)
        except ValueError:  # it tells no signature
            continue
        else:
            return True
    return not known


@contextmanager
def at(site: Site, given: Callable[..., Any], role: str) -> Iterator[None]:
    """Tell of what goes wrong inside at which site it was, and in which function.

    Args:
        site: where it is called.
        given: what the user handed in.
        role: what it is for.
    """
    name = getattr(given, "__name__", None) or type(given).__name__
    try:
        yield
    except tracing.UNKNOWN_VALUES as error:
        if errors.is_worded(error):
            raise
        raise tracing.unknown_values(error, f"{role} {name} at {site.id} is traced") from error
    except Exception as error:  # goes on as it is, with a note of the place
        if not errors.is_worded(error):
            error.add_note(f"raised in {role} {name} at {site.id}")
        raise


def told(given: Callable[..., Any], role: str, *names: str) -> Callable[..., Any]:
    """Build the callback, of a site first, that tells at which site it failed.

    Args:
        given: what the user handed in.
        role: the name of the argument it was handed in by.
        names: of its own arguments.

    Raises:
        TypeError: it is no function of these arguments.
    """
    check(given, f"{role} is a function {role}({', '.join(names)})", *names)

    def called(site: Site, *rest: Any) -> Any:
        with at(site, given, role):
            return given(site, *rest)

    return called
