"""What does the rest of the package need to know about one activation function?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from typing import Any, SupportsFloat

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from relu_jax.activations.inputs import as_float, refuse_no_array
from relu_jax.activations.ranges import finite_number
from relu_jax.activations.slopes import AtKinks
from relu_jax.core import errors
from relu_jax.core.integers import integer

Params = dict[str, float]
_NO_CONSTANT = "pass a float; for a trained parameter call the activation's fn with an array"

_NO_SLOPE = "pass a float, such as 0.0"


@dataclass(frozen=True)
class Activation:
    """Name an elementwise function, its parameters and its conventions at the kinks.

    Args:
        name: the catalogue's word for it.
        fn: ``fn(x, **params)``, elementwise, differentiable by JAX.
        formula: the function in one line of text.
        source: author and year, and the equation or section.
        params: values of the parameters of `fn`.
        kinks: points where the derivative jumps, ascending.
        slope_at_kinks: the derivative this function takes there, one per kink.
        flat: True where some interval has a derivative of exactly 0 (in real numbers, not
            by underflow).
        plain: True for a function that losses, norms and positions use too (square, exp, sine):
            met in a program, its name alone does not say that it is an activation.
        facts: ``facts(**params)`` gives `kinks`, `slope_at_kinks`, `flat` and `bends` for other
            parameters and refuses impossible ones; None for a function without parameters.
        bends: points where the second derivative jumps, ascending; integrals are cut there and
            at 0, which may be left out.
        fit: ``fit(f)`` proposes parameters for an unknown f, or None. f takes a NumPy array
            elementwise. A proposal is no match: evaluate and compare.

    Edges: two activations are equal when all fields are; the hash reads name and parameters.

    Example:
        >>> import jax.numpy as jnp
        >>> square = Activation("square", lambda x: x * x, "x^2", "definition")
        >>> float(square(jnp.float32(3.0))), float(square.derivative(jnp.float32(3.0)))
        (9.0, 6.0)
    """

    name: str
    fn: Callable[..., jax.Array]
    formula: str
    source: str
    params: Params = field(default_factory=dict)
    kinks: tuple[float, ...] = ()
    slope_at_kinks: tuple[float, ...] = ()
    flat: bool = False
    plain: bool = False
    facts: Callable[..., dict[str, Any]] | None = None
    fit: Callable[[Callable[..., Any]], Params | None] | None = None
    bends: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Refuse kinks that do not ascend, or slopes that are not one per kink."""
        if not all(low < high for low, high in pairwise((-np.inf, *self.kinks, np.inf))):
            raise errors.rejected(
                rule="kinks are finite and ascend",
                got=f"kinks at {_listed(self.kinks)} for {self.name}",
                do="sort them, each with its slope, and name each place once",
            )
        if len(self.slope_at_kinks) != len(self.kinks):
            raise errors.rejected(
                rule="there is one slope for each kink",
                got=f"{len(self.slope_at_kinks)} slopes for kinks at {_listed(self.kinks)}",
                do=f"give {self.name} as many slope_at_kinks as kinks",
            )

    def __hash__(self) -> int:
        """Hash name and parameters, so that an activation can be a static argument."""
        return hash((self.name, tuple(sorted(self.params.items()))))

    def __call__(self, x: ArrayLike) -> jax.Array:
        """Apply the function elementwise; the dtype of a float `x` is kept.

        Raises:
            TypeError: x is no array of real numbers.
        """
        refuse_no_array(x)
        return self.fn(x, **self.params)

    def derivative(self, x: ArrayLike, order: int = 1) -> jax.Array:
        """Differentiate elementwise, in the dtype of `x`, for any shape.

        Args:
            x: where; integers and bools become float32.
            order: how many times, at least 1.

        Raises:
            TypeError: an order that is no whole number, or an x that is no array of real numbers.
            ValueError: order < 1.

        Edges: at a kink the value is `slope_at_kinks`.

        Example:
            >>> from relu_jax.activations.rectifiers import RELU
            >>> import numpy as np
            >>> RELU.derivative(np.float32([-1.0, 0.0, 2.0])).tolist()
            [0.0, 0.0, 1.0]
        """
        order = integer("the order of a derivative", order)
        if order < 1:
            raise errors.rejected(
                rule="the order of a derivative is at least 1",
                got=f"order={order}",
                do="pass order=1 or order=2",
            )
        refuse_no_array(x)
        return _differentiate(self.fn, order, self.params, x)

    def with_params(self, **params: SupportsFloat) -> "Activation":
        """Return the same activation with other parameters, kinks and slopes included.

        Raises:
            TypeError: a name that `fn` has not, or a value that is no finite number.
            ValueError: a value outside the parameter's range.

        Example:
            >>> from relu_jax.activations.rectifiers import LEAKY_RELU
            >>> LEAKY_RELU.with_params(slope=0.2).params
            {'slope': 0.2}
        """
        unknown = sorted(set(params) - set(self.params))
        if unknown:
            raise errors.rejected(
                rule=f"the parameters of {self.name} are {_worded(self.params)}",
                got=", ".join(unknown),
                do="leave it out, or pick another activation",
                kind=TypeError,
            )
        if isinstance(self.fn, AtKinks) and params:
            raise errors.rejected(
                rule="slopes at kinks are set after the parameters",
                got=f"parameters {', '.join(params)} for {self.name} with slopes of its own",
                do="call with_params first, then with_slopes",
            )
        values = self.params | {
            k: finite_number(f"{self.name}.{k}", v, do=_NO_CONSTANT) for k, v in params.items()
        }
        facts = self.facts(**values) if self.facts and not isinstance(self.fn, AtKinks) else {}
        return replace(self, params=values, **facts)

    def with_slopes(self, *slopes: SupportsFloat) -> "Activation":
        """Return the same activation with other derivatives at its kinks.

        Args:
            slopes: one per kink, in their order.

        Raises:
            TypeError: one that is no finite number.
            ValueError: more or fewer than there are kinks.

        Edges: a subnormal x, which XLA flushes to 0 on the CPU, counts as a kink at 0.

        Example:
            >>> from relu_jax.activations.rectifiers import RELU
            >>> half = RELU.with_slopes(0.5)
            >>> half.slope_at_kinks, float(half.derivative(0.0)), float(half.derivative(2.0))
            ((0.5,), 0.5, 1.0)
        """
        if len(slopes) != len(self.kinks):
            raise errors.rejected(
                rule=f"{self.name} takes a slope for each of its kinks at {_listed(self.kinks)}",
                got=f"{len(slopes)} slopes",
                do="pass one slope per kink",
            )
        fn = self.fn.fn if isinstance(self.fn, AtKinks) else self.fn
        known = (finite_number(f"a slope of {self.name}", slope, do=_NO_SLOPE) for slope in slopes)
        at = AtKinks(fn, self.kinks, tuple(known))
        return replace(self, fn=at, slope_at_kinks=at.slopes)


def samples(f: Callable[..., Any], *points: float) -> list[float]:
    """Evaluate an unknown elementwise f at some points, as Python floats.

    Example:
        >>> samples(lambda x: x * x, -2.0, 3.0)
        [4.0, 9.0]
    """
    with np.errstate(all="ignore"):
        return np.asarray(f(np.asarray(points)), np.float64).tolist()


def proposal(**params: float) -> Params | None:
    """Pass proposed parameters on when all are finite numbers, else None.

    A value within 3e-7 of its size from a number of six significant digits becomes that
    number: samples of a float32 program say 0.009999999776 where its author wrote 0.01.

    Example:
        >>> proposal(slope=0.009999999776), proposal(slope=float("nan"))
        ({'slope': 0.01}, None)
    """
    if not np.isfinite(list(params.values())).all():
        return None
    short = {k: float(f"{v:.6g}") for k, v in params.items()}
    return {k: short[k] if abs(short[k] - v) <= 3e-7 * abs(v) else v for k, v in params.items()}


@partial(jax.jit, static_argnames=("fn", "order"))
def _differentiate(
    fn: Callable[..., jax.Array], order: int, params: Mapping[str, Any], x: ArrayLike
) -> jax.Array:
    if order == 0:
        return fn(x, **params)
    lower = partial(_differentiate, fn, order - 1, params)
    x = as_float(x)
    return jax.jvp(lower, (x,), (jnp.ones_like(x),))[1]


def _listed(kinks: tuple[float, ...]) -> str:
    return ", ".join(f"{kink:g}" for kink in kinks) or "no place"


def _worded(params: Mapping[str, float]) -> str:
    return ", ".join(params) or "none"
