"""How is another function put in an activation's place, the rest of the program left as it is?"""

import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from relu_jax.core import errors, handover
from relu_jax.tap import arguments, callbacks, compat, eyes, interpret, mixing, program, selectors
from relu_jax.tap.placed import Placed
from relu_jax.tap.program import Program
from relu_jax.tap.selectors import Selectable, Selector
from relu_jax.tap.types import Site

# Makes the change at a site; None: the site is what was asked for already.
_Plan = Callable[[Site], eyes.Change | None]


def swap(
    f: Callable[..., Any], activations: Mapping[Selectable, str | Callable[[Any], Any]]
) -> Callable[..., Any]:
    """Build the function with other activations at some sites, and the same weights.

    Args:
        f: any JAX function; it is not edited.
        activations: {selector: activation}: a name or an entry of the catalogue, or any
            elementwise function of one array.

    Returns:
        a plain JAX function of f's arguments: jit, grad, vmap or scan it. Differentiated, it has
        the derivative of the new activation.

    Raises:
        ValueError: an unknown name; when called: a selector that means no site, two that claim one
            site, a result of another shape or dtype, a function that mixes elements (softmax), an f
            that takes a derivative itself, or a site inside a derivative rule of the user's.
        TypeError: no dictionary of selectors, or an activation that is no name and no function of
            one array.

    Edges: a site that is the named activation already, at the same parameters, is left as it is, so
    swapping a function for itself gives the program's own values bit for bit. At a kink that both
    have, the program's convention is kept (0, between or beyond the two slopes around it, in the
    same proportion); an entry whose slopes were set (`with_slopes`) brings its own. The dtype is
    the site's; where it converts to another, the new function is computed in the wider one. In a
    branch or a loop the change is made there.

    Example:
        >>> import jax, jax.numpy as jnp, relu_jax as rj
        >>> model = lambda w, x: jax.nn.relu(x @ w)
        >>> w, x = jnp.eye(2), jnp.array([[1.0, -2.0]])
        >>> rj.tap.swap(model, {"relu": "relu6"})(w, 8 * x).tolist()
        [[6.0, 0.0]]
    """
    pairs = _pairs(activations, "swap")
    return _changed(f, {selector: _swapped(to) for selector, to in pairs.items()})


def patch(
    f: Callable[..., Any], patches: Mapping[Selectable, Callable[[Any, Any], Any]]
) -> Callable[..., Any]:
    """Build the function in which results of activations are replaced by others.

    Args:
        f: any JAX function; it is not edited.
        patches: {selector: ``patch(pre, post)``}, giving an array of post's shape and dtype.

    Returns:
        a plain JAX function of f's arguments: jit, grad, vmap or scan it.

    Raises:
        ValueError: when called, as for `swap`.
        TypeError: no dictionary of selectors, or a patch that is no function of pre and post.

    Example:
        >>> import jax, jax.numpy as jnp, relu_jax as rj
        >>> half = rj.tap.patch(jax.nn.relu, {"relu": lambda pre, post: post.at[0].set(0.0)})
        >>> half(jnp.array([3.0, 4.0])).tolist()
        [0.0, 4.0]
    """
    pairs = _pairs(patches, "patch")
    return _changed(f, {selector: _patched(to) for selector, to in pairs.items()})


def _pairs(given: Any, verb: str) -> Mapping[Selectable, Any]:
    if isinstance(given, Mapping) and all(isinstance(k, str) or callable(k) for k in given):
        return given
    raise errors.rejected(
        rule=f"what to {verb} is a dictionary of selectors: ids, kinds, patterns or tests",
        got=errors.describe(given),
        do=f'write it as in rj.tap.{verb}(f, {{"relu": …}})',
        kind=TypeError,
    )


def _changed(f: Callable[..., Any], plans: Mapping[Selectable, _Plan]) -> Callable[..., Any]:
    chosen = [(selectors.select(what), plan) for what, plan in plans.items()]

    def planned(read: Program) -> eyes.Plan:
        made = [(one, plan(one.site)) for one, plan in _claims(read, chosen)]
        changes = [(one, change) for one, change in made if change is not None]
        for one, _ in changes:
            _check_changeable(read, one)
        return eyes.Plan(changes)

    return rebuilt(f, planned) if chosen else f


def rebuilt(f: Callable[..., Any], planned: Callable[[Program], eyes.Plan]) -> Callable[..., Any]:
    """Build the function with what `planned` finds to change in its program."""

    @arguments.named_like(f)
    def changed(*args: Any, **kwargs: Any) -> Any:
        call, read = program.opened(f, args, kwargs)
        plan = planned(read)
        if not any(plan):
            return f(*args, **kwargs)
        see = eyes.changing(plan._replace(changes=[*plan.changes, *_beside(read, plan.changes)]))

        def run(*arrays: Any) -> list[Any]:
            return interpret.run(read.graph.frame, arrays, see, {})[0]

        return read.results.filled(compat.without_dead_code(run)(*call.arrays))

    return changed


def _claims(read: Program, chosen: list[tuple[Selector, _Plan]]) -> list[tuple[Placed, _Plan]]:
    """Find the one plan for each site that a selector means."""
    claims: dict[str, tuple[Placed, Selector, _Plan]] = {}
    for selector, plan in chosen:
        for one in selectors.chosen(read, selector):
            if one.site.id in claims:
                other = claims[one.site.id][1]
                raise errors.rejected(
                    rule="a site is changed by one selector",
                    got=f"{other.words} and {selector.words} for {one.site.id}",
                    do="narrow one of them, as in rj.tap.select(…) & ~rj.tap.select(…)",
                )
            claims[one.site.id] = (one, selector, plan)
    return [(one, plan) for one, _, plan in claims.values()]


def _beside(read: Program, changes: eyes.Changes) -> eyes.Changes:
    """Compute anew the sites that compute a changed one inside, as a silu does a sigmoid."""
    results = {one.piece.y for one, _ in changes}
    dealt = {one.site.id for one, _ in changes}
    return [
        (one, lambda _site, act, pre, _post: act(pre))
        for one in read.placed
        if one.site.id not in dealt and not results.isdisjoint(one.piece.inner)
    ]


def _check_changeable(read: Program, one: Placed) -> None:
    """Refuse what could not be changed without a wrong gradient.

    A derivative in the program may be one of any activation: its equations do not tell which.
    """
    if one.ruled:
        raise errors.rejected(
            rule="a site inside a function with its own derivative rule stays as it is, since the "
            "rule would go on with the old derivative",
            got=_where(one.site),
            do="change the function and its rule, or swap in it before the rule is attached",
        )
    if read.differentiates:
        raise too_late(one.site, "jax.grad(rj.tap.swap(loss, …))")


def too_late(site: Site, instead: str) -> Exception:
    """Word that a site's derivative is written out already, and what to write instead."""
    return errors.rejected(
        rule="a function is changed before it is differentiated, since its derivatives are "
        "written out in the program",
        got=f"{_where(site)} in a program that takes a derivative",
        do=f"differentiate the changed function, as in {instead}",
    )


def _where(site: Site) -> str:
    return f"{site.id} ({site.source})" if site.source else site.id


def _patched(patch: Callable[[Any, Any], Any]) -> _Plan:
    callbacks.check(patch, "a patch is a function patch(pre, post)", "pre", "post")

    def change(site: Site, _act: Any, pre: Any, post: Any) -> Any:
        with callbacks.at(site, patch, "the patch"):
            made = patch(pre, post)
        rule = "a patch gives the array that takes post's place, of its shape and dtype"
        do = "return an array such as post.at[:, 0].set(0)"
        return _fitting(site, made, post, (post.dtype,), rule, do)

    return lambda _site: change


def _swapped(to: str | Callable[[Any], Any]) -> _Plan:
    act = handover.lookup()(to) if isinstance(to, str) else to
    rule = "an activation is a name in the catalogue or a function of one array"
    callbacks.check(act, rule, "z")

    def plan(site: Site) -> eyes.Change | None:
        if _is_entry(act):
            return None if _is_same(site, act) else _swap_in(_with_convention(site, act))
        return _swap_in(act, mixes)

    @lru_cache
    def mixes(*like: Any) -> bool:
        return mixing.mixes(act, *like)

    return plan


def _swap_in(
    act: Callable[[Any], Any], mixes: Callable[..., bool] = lambda *_: False
) -> eyes.Change:
    def change(site: Site, _act: Any, pre: Any, post: Any) -> Any:
        wide = pre.astype(max(pre.dtype, post.dtype, key=lambda dtype: jnp.finfo(dtype).bits))
        with callbacks.at(site, act, "the replacement"):
            made = act(wide)
        rule = "what takes an activation's place keeps shape and dtype"
        do = "act element by element, and convert the result with .astype"
        made = _fitting(site, made, post, (wide.dtype, post.dtype), rule, do)
        if mixes(wide.shape, wide.dtype, site.unit_axes):
            raise errors.rejected(
                rule="what takes an activation's place acts element by element",
                got=f"{errors.describe(act)}, which mixes elements, at {site.id}",
                do="if that is meant, rj.tap.patch(f, {…: lambda pre, post: …}) puts it there",
            )
        return made.astype(post.dtype)

    return change


def _fitting(site: Site, made: Any, post: Any, dtypes: tuple[Any, ...], rule: str, do: str) -> Any:
    shape, dtype = getattr(made, "shape", None), getattr(made, "dtype", None)
    if shape != post.shape or dtype not in dtypes:
        raise errors.rejected(
            rule=rule,
            got=f"{errors.describe(made)} for {errors.describe(post)} at {site.id}",
            do=do,
        )
    return jnp.asarray(made)


def _is_entry(act: Any) -> bool:
    """Say whether a function is one of the catalogue, its slopes at kinks not set by the user."""
    return any(
        member.name == getattr(act, "name", None) and member.fn is getattr(act, "fn", None)
        for member in handover.catalogue()
    )


def _is_same(site: Site, act: Any) -> bool:
    return site.kind == act.name and all(
        math.isclose(site.params[k], v, rel_tol=1e-5, abs_tol=1e-12) for k, v in act.params.items()
    )


def _with_convention(site: Site, act: Any) -> Any:
    """Give an entry the program's convention at the kinks that both have."""
    if site.kind == "unknown" or not all(map(math.isfinite, site.params.values())):
        return act
    old = handover.lookup()(site.kind, **site.params)
    slopes = []
    for kink, own in zip(act.kinks, act.slope_at_kinks, strict=True):
        share = math.nan
        if kink in old.kinks:
            share = _share(_sides(old, kink), site.slope_at_kinks[old.kinks.index(kink)])
        left, right = _sides(act, kink) if math.isfinite(share) else (own, own)
        slopes.append(left + share * (right - left) if right != left else own)
    same = np.allclose(slopes, act.slope_at_kinks, rtol=1e-5, atol=1e-7)
    return act if same else act.with_slopes(*slopes)


def _share(sides: tuple[float, float], slope: float) -> float:
    """Say where a slope lies between those to the left (0) and to the right (1) of a kink."""
    left, right = sides
    return (slope - left) / (right - left) if right != left else math.nan


@lru_cache(maxsize=512)
def _sides(act: Any, kink: float) -> tuple[float, float]:
    """Differentiate next to a kink, to the left and to the right."""
    ends = np.array([-np.inf, np.inf], np.float32)
    # The numbers next to 0 are subnormal: XLA takes them for 0.
    beside = np.nextafter(np.float32(kink), ends) if kink else np.float32(1e-30) * np.sign(ends)
    with jax.ensure_compile_time_eval():
        left, right = np.asarray(act.derivative(beside), np.float64)
    return float(left), float(right)
