"""What do two normal signals have in common behind an activation: E f(u) f(v)?

(u, v) is normal with mean 0, variances q1 and q2 and covariance c. Known activations have a
closed form; any other is integrated over the plane.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from relu_jax.activations import Activation
from relu_jax.core import errors
from relu_jax.core.numerics import widened
from relu_jax.core.types import Array
from relu_jax.theory.accuracy import Estimate, is_near, kept, refuse_unresolved, share_allowed
from relu_jax.theory.closed_forms import CLOSED_FORMS, ClosedForm
from relu_jax.theory.pairs import Pairs, pairs
from relu_jax.theory.parameters import Kinks, cast, known_params, merged, split, where_cut
from relu_jax.theory.plane import Function, over_plane
from relu_jax.theory.quadrature import node_count
from relu_jax.theory.scalars import is_known

Found = TypeVar("Found")
NODES = 12
FINER = 8  # times as many take over where they are too few


def dual(
    f: Activation | Function,
    q1: ArrayLike,
    q2: ArrayLike,
    covariance: ArrayLike,
    *,
    params: Mapping[str, ArrayLike] | None = None,
    kinks: Kinks | None = None,
    nodes: int = NODES,
    rtol: ArrayLike | None = None,
) -> Array:
    """Compute the dual kernel E f(u) f(v) of two normal variables with mean 0.

    Args:
        f: an activation, or an elementwise function that JAX can trace. With the latter, jit
            around the call.
        q1: variance of u, at least 0; broadcasts with the next two.
        q2: variance of v.
        covariance: at most √(q1 q2) in size.
        params: what differs from the activation's parameters; may be traced.
        kinks: where f, f' or f'' jumps; None asks the activation. See `moments`.
        nodes: per panel of the quadrature, at least 4. In float64 12 reach 1e-12 of
            √(E f² E f²), at any correlation, for what is smooth between its kinks at the scale
            of √q / 10 and oscillates no faster than sin(z). 32 reach sin(5 z). Where no value
            is traced, eight times as many take over for what is not.
        rtol: largest estimated error accepted, as a share of E |f(u) f(v)|. None is 1e-6, and
            1.2e-4 where a value is traced and in float32, in which half precision is
            integrated too. A closed form is accurate to rounding, and not looked at.

    Returns:
        the kernel, in the broadcast shape and the common float type. Where a value is traced,
        one that is less accurate than rtol is NaN, with its derivatives.

    Raises:
        ValueError: a variance below 0 or a covariance too large, where they can be seen (NaN,
            and a clip, where they are traced); an error above rtol, where nothing is traced; a
            parameter out of its range; fewer than 4 nodes.
        TypeError: what is no function; a parameter the activation has not, or `params` for a
            bare function; a complex number.

    Edges: at correlation ±1 value and first derivatives are exact; second derivatives in the
    covariance are not, nor is the first one where f itself jumps: it is infinite, and E f' f' is
    returned. With a variance of 0 the value is exact and the derivatives are 0.

    Source: Daniely, Frostig & Singer 2016, for the name.

    Example:
        >>> from relu_jax.activations import get
        >>> round(float(dual(get("relu"), 1.0, 1.0, 0.0)), 4)  # 1 / (2 pi)
        0.1592
    """
    return _kernel(0, f, (q1, q2, covariance), params, kinks, nodes, rtol)


def dual_slope(
    f: Activation | Function,
    q1: ArrayLike,
    q2: ArrayLike,
    covariance: ArrayLike,
    *,
    params: Mapping[str, ArrayLike] | None = None,
    kinks: Kinks | None = None,
    nodes: int = NODES,
    rtol: ArrayLike | None = None,
) -> Array:
    """Compute E f'(u) f'(v), for a continuous f also the derivative of `dual` in the covariance.

    Args: as for `dual`.

    Edges: as for `dual`, but where f' jumps the derivative in the covariance is infinite at
    correlation ±1, and 0 is returned. Jumps of f itself do not count in f', but do in the
    derivative of `dual`: sign has 0 here, and 2 / (π √(q1 q2 - covariance²)) there.

    Example:
        >>> from relu_jax.activations import get
        >>> float(dual_slope(get("relu"), 1.0, 1.0, 0.0))
        0.25
    """
    return _kernel(1, f, (q1, q2, covariance), params, kinks, nodes, rtol)


def _kernel(
    order: int,
    f: Activation | Function,
    covariances: tuple[ArrayLike, ArrayLike, ArrayLike],
    params: Mapping[str, ArrayLike] | None,
    kinks: Kinks | None,
    nodes: int,
    rtol: ArrayLike | None,
) -> Array:
    arrays = pairs(*covariances)
    nodes = node_count(nodes)
    if not isinstance(f, Activation) and callable(f):
        if params:
            raise errors.rejected(
                rule="params belong to an Activation",
                got=f"params of {errors.describe(f)}",
                do="close the function over them",
                kind=TypeError,
            )
        cuts = merged(*split(() if kinks is None else kinks))
        bare = partial(over_plane, f, order, arrays, cuts)
        return _accurate(bare, nodes, arrays, rtol, errors.describe(f))
    known = known_params(f, params)
    row = closed_form(f)
    if row is not None:
        return _closed(row, order, arrays, known)
    fixed, moving = split(where_cut(f, params) if kinks is None else kinks)
    rule = partial(_of_activation, f, order, arrays, known, fixed, moving)
    return _accurate(rule, nodes, arrays, rtol, f.name)


def _accurate(
    rule: Callable[[int], Estimate],
    nodes: int,
    arrays: Pairs,
    rtol: ArrayLike | None,
    name: str,
) -> Array:
    """Give the kernel where it is accurate; refuse it, or make it NaN, where it is not."""
    found = rule(nodes)
    share = share_allowed(rtol, found)
    if not is_known(*arrays, *found):
        return kept(found.value, found.error <= share * found.size)
    asked = sum(arrays[1:], arrays[0])  # NaN where one is
    if not is_near(found, asked, share).all():
        found = rule(FINER * nodes)
        near = is_near(found, asked, share)
        if not near.all():
            raise _inaccurate(found, int(np.argmin(near)), arrays, share, name)
    return found.value


def _inaccurate(found: Estimate, at: int, arrays: Pairs, share: float, name: str) -> Exception:
    _, error, size = (float(np.asarray(part).flat[at]) for part in found)
    q1, q2, c = (float(np.asarray(x).flat[at]) for x in arrays)
    return errors.rejected(
        rule=f"the kernel is accurate to {share:.2g} of E |f(u) f(v)|",
        got=f"an estimated error of {error / size if size else error:.1e} of it for {name} at "
        f"variances {q1:g} and {q2:g} and covariance {c:g}",
        do="name the kinks, raise nodes or pass a larger rtol, none of which helps where it "
        "diverges",
    )


def with_enough_nodes(
    compute: Callable[[int], Found], name: str, *, unless: Callable[[Found], bool] | None = None
) -> Found:
    """Compute something from kernels with the usual nodes, and with more where it comes out NaN.

    Args:
        compute: of the number of nodes; NaN stands for what they do not resolve.
        name: of the activation, for the words.
        unless: says of a known result whether its NaN stand for something else.

    Raises:
        ValueError: a NaN remains.

    Edges: where the result is traced, the usual nodes give it.

    Example:
        >>> float(with_enough_nodes(lambda nodes: jnp.sqrt(jnp.float32(nodes - 60)), "f"))
        6.0
    """
    found = compute(NODES)
    leaves = jax.tree.leaves(found)
    if not is_known(*leaves) or not any(np.isnan(np.asarray(leaf)).any() for leaf in leaves):
        return found
    if unless is not None and unless(found):
        return found
    found = compute(FINER * NODES)
    refuse_unresolved(name, *jax.tree.leaves(found))
    return found


@lru_cache
def closed_form(act: Activation) -> ClosedForm | None:
    """Find the row of `CLOSED_FORMS` for an activation, or None.

    A name alone is not trusted: the values at seven points must agree with the row's formula.

    Example:
        >>> from relu_jax.activations import get
        >>> closed_form(get("relu")).name, closed_form(get("tanh"))
        ('relu', None)
    """
    x = np.array([-2.5, -1.0, -0.3, 0.1, 0.7, 1.0, 3.0], np.float32)
    for row in CLOSED_FORMS:
        if row.name == act.name and set(row.params) == set(act.params):
            with jax.ensure_compile_time_eval():
                ours = np.asarray(act(jnp.asarray(x)))
            if np.allclose(row.formula(x, **act.params), ours, rtol=1e-4, atol=1e-5):
                return row
    return None


@partial(jax.jit, static_argnames=("row", "order"))
def _closed(
    row: ClosedForm,
    order: int,
    arrays: Pairs,
    params: Mapping[str, ArrayLike],
) -> Array:
    kernel = row.slope if order else row.dual
    q1, q2, c = map(widened, arrays)
    values = {k: cast(v, q1) for k, v in params.items()}
    return kernel(q1, q2, c, **values).astype(arrays[0].dtype)


@partial(jax.jit, static_argnames=("act", "order", "fixed", "nodes"))
def _of_activation(
    act: Activation,
    order: int,
    arrays: Pairs,
    params: Mapping[str, ArrayLike],
    fixed: tuple[float | None, ...],
    moving: tuple[ArrayLike, ...],
    nodes: int,
) -> Estimate:
    def f(x: Array) -> Array:
        return act.fn(x, **{k: cast(v, x) for k, v in params.items()})

    return over_plane(f, order, arrays, merged(fixed, moving), nodes)
