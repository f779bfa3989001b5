"""How does an activation whose parameters are learned say what they are, and where they lie?

``trainable(params, x)`` is a pure function of a dictionary of arrays, so `jax.grad` gives the
parameters' gradients and any optimiser trains them. A parameter is one number for the whole
layer, or one for each unit, channel or element: its shape says which.

An infinite x times a parameter that is 0 is NaN, as multiplication has it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax.core import Tracer
from jax.typing import ArrayLike

from relu_jax.activations.activation import Activation
from relu_jax.activations.axes import from_front
from relu_jax.activations.inputs import as_float, rounded_once
from relu_jax.activations.ranges import finite_number
from relu_jax.activations.starts import Arrays, Drawn, Start
from relu_jax.core import errors
from relu_jax.core.numerics import is_half, wide_dtype


@dataclass(frozen=True)
class Trainable:
    """Name an elementwise function with learned parameters, and how these start.

    Args:
        name: the registry's word for it.
        fn: ``fn(params, x)``, where the arrays in `params` broadcast with `x` and have its dtype,
            float32 or float64; calling the record sees to that.
        init: ``init(key, shape)`` gives the parameters at the start of training, `shape` being
            that of one parameter; `key` may be None where nothing is drawn.
        formula: the function in one line of text.
        source: author and year, and the equation or section.
        parameters: names of the parameters.
        stacked: those with one more axis, in front of all others.
        facts: ``facts(**numbers)`` gives `kinks`, `slope_at_kinks` and `flat` of the `Activation`
            at scalar parameters, and refuses impossible ones; None for a smooth function.
        in_steps: True for a function of the catalogue between products and sums, which the tap
            names by that function: half precision is then rounded after each step.

    Edges: training does not keep a parameter in the range that `fn` names, such as above 0; clip it
    after each update, or learn its logarithm.

    Example:
        >>> import jax.numpy as jnp
        >>> from relu_jax.activations.trainable_rectifiers import PRELU
        >>> params = PRELU.init(None, (3,))
        >>> PRELU(params, -jnp.ones((2, 3))).tolist()[0]
        [-0.25, -0.25, -0.25]
    """

    name: str
    fn: Callable[[Arrays, jax.Array], jax.Array]
    init: Callable[..., Arrays]
    formula: str
    source: str
    parameters: tuple[str, ...]
    stacked: tuple[str, ...] = ()
    facts: Callable[..., dict[str, Any]] | None = None
    in_steps: bool = False

    @property
    def starts(self) -> dict[str, float]:
        """The number each parameter starts at, but for those that are drawn or spread out."""
        if isinstance(self.init, Start):
            return dict(self.init.values)
        return dict(self.init.filled) if isinstance(self.init, Drawn) else {}

    def __call__(
        self, params: Mapping[str, ArrayLike], x: ArrayLike, *, axis: int = -1
    ) -> jax.Array:
        """Apply the function elementwise, in the dtype of `x`.

        Half precision is computed in float32 and rounded once, as by `inputs.elementwise`, but
        for what is `in_steps`.

        Args:
            params: an array for each of `parameters`, of any float type.
            x: floats; integers and bools become float32.
            axis: the axis of `x` along which the last axis of a parameter lies; its other axes
                lie before that one. A scalar is shared by all of `x`.

        Raises:
            TypeError: other parameters than `parameters`, or complex numbers.
            ValueError: a parameter that does not fit `x`, or no such axis.
        """
        x = as_float(x)
        _check_names(self, params)
        laid = {k: _along(k, v, x, axis, k in self.stacked) for k, v in params.items()}
        if self.in_steps:
            return self.fn({k: v.astype(x.dtype) for k, v in laid.items()}, x)
        if is_half(x.dtype):
            return rounded_once(lambda x, **params: self.fn(params, x), x, laid)
        return self.fn(laid, x)


def frozen(trainable: Trainable, params: Mapping[str, ArrayLike]) -> Activation:
    """Look at a trained function as an activation with fixed parameters: kinks, derivatives.

    Args:
        trainable: which function.
        params: one number each.

    Raises:
        TypeError: no `Trainable`, other parameters than it has, or one that is no single number
            or has no value yet, inside jit: freeze one unit at a time. An apl, a replu or a pade
            counts pieces, and cannot be frozen.
        ValueError: a number out of the parameter's range.

    Example:
        >>> import jax.numpy as jnp
        >>> from relu_jax.activations.trainable_rectifiers import PRELU
        >>> act = frozen(PRELU, {"slope": jnp.float32(0.5)})
        >>> act.kinks, act.slope_at_kinks, float(act(-2.0))
        ((0.0,), (1.0,), -1.0)
    """
    if not isinstance(trainable, Trainable):
        raise errors.rejected(
            rule="frozen takes a Trainable and its parameters",
            got=errors.describe(trainable),
            do='pass get_trainable("prelu"), or another',
            kind=TypeError,
        )
    if trainable.stacked:
        raise errors.rejected(
            rule="what is frozen has numbers as its parameters",
            got=f"{trainable.name}, whose {' and '.join(trainable.stacked)} count pieces",
            do="call the Trainable with its parameters",
            kind=TypeError,
        )
    _check_names(trainable, params)
    values = {k: _number(trainable.name, k, v) for k, v in params.items()}
    act = Activation(
        trainable.name,
        Frozen(trainable),
        trainable.formula,
        trainable.source,
        dict.fromkeys(trainable.parameters, 0.0),  # all of them are set below
        facts=trainable.facts,
    )
    return act.with_params(**values)


@dataclass(frozen=True)
class Frozen:
    """Spell the parameters of a trainable function as keywords, as an `Activation` does.

    Example:
        >>> from relu_jax.activations.trainable_rectifiers import PRELU
        >>> float(Frozen(PRELU)(-2.0, slope=0.5))
        -1.0
    """

    trainable: Trainable

    def __call__(self, x: ArrayLike, **params: ArrayLike) -> jax.Array:
        """Apply the function."""
        return self.trainable(params, x)


def _check_names(trainable: Trainable, params: Any) -> None:
    if not isinstance(params, Mapping) or set(params) != set(trainable.parameters):
        names = isinstance(params, Mapping) and (", ".join(sorted(map(str, params))) or "none")
        raise errors.rejected(
            rule=f"the parameters of {trainable.name} are {', '.join(trainable.parameters)}",
            got=names or errors.describe(params),
            do=f"take those that get_trainable({trainable.name!r}).init gives",
            kind=TypeError,
        )


def _along(name: str, value: ArrayLike, x: jax.Array, axis: int, stacked: bool) -> jax.Array:
    """Give a parameter the dtype x is computed in, and axes of length 1 where x has others."""
    value = as_float(value).astype(wide_dtype(x.dtype))
    lead, own = (value.shape[:1], value.shape[1:]) if stacked else ((), value.shape)
    if stacked and not value.ndim:
        raise _misfit(name, value, x, "has an axis in front that counts its pieces")
    if not own:
        return value.reshape(lead + (1,) * x.ndim) if stacked else value
    last = from_front(axis, x)
    first = last + 1 - len(own)
    sizes = x.shape[max(first, 0) : last + 1]
    if first < 0 or any(n not in (1, size) for n, size in zip(own, sizes, strict=True)):
        raise _misfit(name, value, x, f"has the sizes of x up to axis {axis}, or 1")
    return value.reshape(lead + (1,) * first + own + (1,) * (x.ndim - last - 1))


def _misfit(name: str, value: jax.Array, x: jax.Array, rule: str) -> Exception:
    return errors.rejected(
        rule=f"the parameter {name} {rule}",
        got=f"{name} of shape {value.shape} for x of shape {x.shape}",
        do="pass axis= or another init shape",
    )


def _number(owner: str, name: str, value: Any) -> float:
    if isinstance(value, Tracer):
        raise errors.rejected(
            rule=f"a frozen {owner} has numbers, known before it runs",
            got=f"{name} as a traced {errors.describe(value)}",
            do="freeze outside of jit and grad, or call the Trainable with its parameters",
            kind=TypeError,
        )
    if np.shape(value):
        raise errors.rejected(
            rule=f"a frozen {owner} has one number as {name}",
            got=errors.describe(value),
            do="pass the parameters of one unit",
            kind=TypeError,
        )
    return finite_number(f"{owner}.{name}", value, do="pass a float")
