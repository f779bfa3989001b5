"""How are values split over the devices of a mesh, and what stands in a shard_map?

Inside a shard_map the type of a value says along which axes of the mesh it varies, and of an
explicit mesh it says how an array is split: what is made beside a program has to have such a type.
"""

import math
from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from relu_jax.tap import compat


class Shards(NamedTuple):
    """What a shard_map asks for beside its body, in the terms of `jax.shard_map`."""

    mesh: Any
    in_specs: tuple[Any, ...]
    out_specs: tuple[Any, ...]
    axes: tuple[str, ...]  # of the mesh: those whose devices run the body on shards of their own
    checked: bool  # whether types tell along which axes a value varies

    @property
    def explicit(self) -> bool:
        """Whether the types of arrays tell how they are split along these axes."""
        kinds = dict(zip(self.mesh.axis_names, self.mesh.axis_types, strict=True))
        return any(kinds[axis] == jax.sharding.AxisType.Explicit for axis in self.axes)

    @property
    def count(self) -> int:
        """How many shards there are."""
        return math.prod(self.mesh.shape[axis] for axis in self.axes)


def read(eqn: Any) -> Shards:
    """Read the parameters of a shard_map."""
    params = eqn.params
    axes = tuple(a for a in params["mesh"].axis_names if a in params["newly_manual_axes"])
    return Shards(
        params["mesh"],
        tuple(params["in_specs"]),
        tuple(params["out_specs"]),
        axes,
        params["check_vma"],
    )


def struct(aval: Any) -> jax.ShapeDtypeStruct:
    """Name the type of a value without those axes along which it varies."""
    sharding = getattr(aval, "sharding", None)
    split = sharding is not None and any(part is not None for part in sharding.spec)
    return jax.ShapeDtypeStruct(aval.shape, aval.dtype, sharding=sharding if split else None)


def zeros(like: jax.ShapeDtypeStruct, ahead: Sequence[int], axes: Collection[str]) -> Any:
    """Make zeros of a type, with more axes ahead, that vary along those of these axes in sight."""
    made = jnp.zeros((*ahead, *like.shape), like.dtype)
    if like.sharding is not None:  # of an explicit mesh
        made = _split(made, like.sharding, jax.P(*(None for _ in ahead), *like.sharding.spec))
    here = jax.sharding.get_abstract_mesh().manual_axes
    return varying(made, set(axes) & set(here))


def full(like: Any, value: Any) -> Any:
    """Make an array of a type, of one number: by the program, not an array of NumPy's in it."""
    kind = struct(like)
    made = lax.full(kind.shape, value, kind.dtype)
    if kind.sharding is not None:
        made = _split(made, kind.sharding, kind.sharding.spec)
    return varying(made, varies(like))


def split_like(x: Any, like: Any) -> Any:
    """Split an array as another of its shape is, where the type of that says so."""
    other = struct(jax.typeof(like))
    return x if other.sharding is None else _split(x, other.sharding, other.sharding.spec)


def split_ahead(x: Any, axes: Sequence[str]) -> Any:
    """Split the leading axis of an array over these axes of an explicit mesh, no other anew."""
    sharding = jax.typeof(x).sharding
    _, *rest = sharding.spec
    return _split(x, sharding, jax.P(tuple(axes), *rest))


def _split(x: Any, like: Any, spec: Any) -> Any:
    """Split an array over the mesh of the context, or where there is none, that of a sharding."""
    here = jax.sharding.get_abstract_mesh()
    return jax.reshard(x, jax.NamedSharding(like.mesh, spec) if here.empty else spec)


def varies(x: Any) -> frozenset[str]:
    """Tell along which axes of a mesh the type of x says that it varies; outside a shard_map: none.

    Args:
        x: an array, or the shape and dtype of one.
    """
    kind = x if hasattr(x, "mat") else jax.typeof(x)
    return frozenset(getattr(getattr(kind, "mat", None), "varying", ()))


def varying(x: Any, axes: Collection[str]) -> Any:
    """Let the type of x say that it varies along these axes of a mesh too, as carries have to."""
    missing = tuple(sorted(set(axes) - varies(x))) if axes else ()
    return jax.lax.pcast(x, missing, to="varying") if missing else x


def trace_beside(eqn: Any, f: Callable[..., Any], *avals: Any) -> compat.OpenJaxpr:
    """Trace a function where an equation stands: inside the shard_maps around it.

    Args:
        eqn: the equation.
        f: the function.
        avals: of its arguments, as they are there: the derivative rules of what stands there are
            made for values that vary along the same axes of a mesh.
    """
    around = getattr(eqn.ctx, "cur_abstract_mesh", None)
    axes = getattr(around, "manual_axes", ())
    if around is None or not axes:
        return compat.trace(f, *map(struct, avals))[0]
    auto = jax.sharding.AxisType.Auto
    kinds = [
        auto if a in axes else k for a, k in zip(around.axis_names, around.axis_types, strict=True)
    ]
    mesh = around.update(axis_types=tuple(kinds))
    along = [tuple(a for a in axes if a in varies(aval)) for aval in avals]

    def stack(aval: Any, those: Sequence[str]) -> jax.ShapeDtypeStruct:
        alone = struct(aval)
        split = alone.sharding and jax.NamedSharding(mesh, jax.P(None, *alone.sharding.spec))
        n = math.prod(mesh.shape[axis] for axis in those)
        return jax.ShapeDtypeStruct((n, *aval.shape), aval.dtype, sharding=split)

    stacked = map(stack, avals, along)

    def on_one(*args: Any) -> Any:
        results = f(*(x.squeeze(0) for x in args))
        return jax.tree.map(lambda y: varying(y[None], axes), results)

    whole = jax.shard_map(
        on_one,
        mesh=mesh,
        in_specs=tuple(map(jax.P, along)),
        out_specs=jax.P(tuple(axes)),
        axis_names=set(axes),
    )
    with jax.sharding.use_abstract_mesh(mesh):
        (inside,) = compat.trace(whole, *stacked)[0].jaxpr.eqns
    return compat.opened(*compat.inner_jaxprs(inside))
