"""With which numbers do the learned parameters of an activation start?"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, SupportsFloat

import jax
import jax.numpy as jnp

from relu_jax.activations.ranges import checked_shape, finite_number
from relu_jax.core import errors
from relu_jax.core.types import Key

Arrays = dict[str, jax.Array]
_OWN = "pass a float; parameters of your own need no init"


@dataclass(frozen=True)
class Start:
    """Start every unit with the same numbers.

    Args:
        values: pairs of name and number.
        shared: names of those that stay scalars, whatever the shape asked for.
        facts: ``facts(**numbers)`` refuses impossible numbers; None refuses nothing.

    Example:
        >>> Start((("slope", 0.25),))(None, (2,))["slope"].tolist()
        [0.25, 0.25]
    """

    values: tuple[tuple[str, float], ...]
    shared: tuple[str, ...] = ()
    facts: Callable[..., Any] | None = None

    def __call__(
        self, key: Key | None = None, shape: tuple[int, ...] = (), **numbers: SupportsFloat
    ) -> Arrays:
        """Fill the parameters.

        Args:
            key: not used; there is nothing to draw.
            shape: of one parameter: () for one number, (H,) for one in each unit.
            numbers: instead of `values`.

        Raises:
            TypeError: a name that is no parameter, a value that is no finite number, or no shape.
            ValueError: a number out of the parameter's range, or a size below 0.
        """
        del key
        known = dict(self.values)
        unknown = sorted(set(numbers) - set(known))
        if unknown:
            raise errors.rejected(
                rule=f"what starts here is {', '.join(known)}",
                got=", ".join(unknown),
                do="leave it out",
                kind=TypeError,
            )
        known |= {k: finite_number(f"the start of {k}", v, do=_OWN) for k, v in numbers.items()}
        if self.facts is not None:
            self.facts(**known)
        shape = checked_shape(shape)
        return {k: jnp.full(() if k in self.shared else shape, v) for k, v in known.items()}


@dataclass(frozen=True)
class Drawn:
    """Draw some parameters at the start, and fill the others.

    Args:
        draw: ``draw(key, shape)`` gives one parameter.
        drawn: names of those that are drawn.
        filled: pairs of name and number for the others.

    Example:
        >>> Drawn(jax.random.normal, ("p",), ())(jax.random.key(0), (2,))["p"].shape
        (2,)
    """

    draw: Callable[..., jax.Array]
    drawn: tuple[str, ...]
    filled: tuple[tuple[str, float], ...]

    def __call__(self, key: Key | None = None, shape: tuple[int, ...] = ()) -> Arrays:
        """Draw and fill the parameters, each of the shape given.

        Raises:
            TypeError: there is no key, or no shape.
            ValueError: a size below 0.
        """
        if key is None:
            raise errors.rejected(
                rule=f"{' and '.join(self.drawn)} start as random numbers",
                got="no key",
                do="pass key=jax.random.key(0)",
                kind=TypeError,
            )
        shape = checked_shape(shape)
        keys = jax.random.split(key, len(self.drawn))
        random = {k: self.draw(key, shape) for k, key in zip(self.drawn, keys, strict=True)}
        return random | {k: jnp.full(shape, v) for k, v in self.filled}
