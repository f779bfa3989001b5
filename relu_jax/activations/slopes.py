"""How does an elementwise function get a derivative that differentiation would not give it?

Differentiating a formula step by step loses digits where its steps cancel (expm1(x) + 1), gives
NaN where a branch that is not taken overflows, and chooses the slope at a kink by accident.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero
from jax.typing import ArrayLike

Formula = Callable[..., jax.Array]


def with_slope(slope: Formula, *, in_params: Formula | None = None) -> Callable[[Formula], Formula]:
    """Differentiate ``formula(x, *params)`` in x by ``slope(x, *params)``.

    Args:
        slope: the derivative in x, elementwise; it is differentiated in turn for higher orders.
        in_params: another spelling of the formula, to be differentiated in `params`.

    Returns:
        a decorator; without `in_params` the function it makes is differentiated in `params` as it
        is written.

    Example:
        >>> import jax
        >>> @with_slope(lambda x: jnp.exp(x))
        ... def shifted(x):
        ...     return jnp.expm1(x)
        >>> float(jax.grad(shifted)(-50.0)) > 0  # expm1(x) + 1 is 0
        True
    """

    def decorate(formula: Formula) -> Formula:
        function = jax.custom_jvp(formula)

        def rule(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
            x, *params = primals
            t, *moved = tangents
            y = formula(x, *params)
            total = jnp.zeros_like(y)
            if not isinstance(t, SymbolicZero):
                total = slope(x, *params) * t
            for i, (value, tangent) in enumerate(zip(params, moved, strict=True)):
                if not isinstance(tangent, SymbolicZero):
                    total = total + _in_parameter(
                        in_params or formula, x, params, i, value, tangent
                    )
            return y, total

        function.defjvp(rule, symbolic_zeros=True)
        return function

    return decorate


def _in_parameter(
    formula: Formula, x: Any, params: list[Any], i: int, value: Any, tangent: Any
) -> Any:
    def moved(p: Any) -> Any:
        return formula(x, *params[:i], p, *params[i + 1 :])

    return jax.jvp(moved, (value,), (tangent,))[1]


@dataclass(frozen=True)
class AtKinks:
    """The same function with other slopes at its kinks.

    Args:
        fn: ``fn(x, **params)``, elementwise.
        kinks: where.
        slopes: the derivative there, one per kink.

    Example:
        >>> from relu_jax.activations.rectifiers import relu
        >>> half = AtKinks(relu, (0.0,), (0.5,))
        >>> float(half(2.0)), float(jax.grad(half)(0.0)), float(jax.grad(half)(2.0))
        (2.0, 0.5, 1.0)
    """

    fn: Formula
    kinks: tuple[float, ...]
    slopes: tuple[float, ...]

    def __call__(self, x: ArrayLike, **params: ArrayLike) -> jax.Array:
        """Apply the function."""
        return _at_kinks(self, jnp.asarray(x), params)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _at_kinks(of: AtKinks, x: jax.Array, params: Mapping[str, Any]) -> jax.Array:
    return of.fn(x, **params)


@_at_kinks.defjvp
def _at_kinks_rule(
    of: AtKinks, primals: tuple[Any, Any], tangents: tuple[Any, Any]
) -> tuple[jax.Array, jax.Array]:
    x, params = primals
    y, smooth = jax.jvp(lambda x: of.fn(x, **params), (x,), (tangents[0],))
    for kink, slope in zip(of.kinks, of.slopes, strict=True):
        smooth = jnp.where(x == kink, slope * tangents[0], smooth)
    rest = jax.jvp(lambda params: of.fn(x, **params), (params,), (tangents[1],))[1]
    return y, smooth + rest
