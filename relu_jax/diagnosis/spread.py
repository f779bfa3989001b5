"""How is a batch spread over the devices of a mesh? Examples are split, parameters are not."""

from collections.abc import Sequence
from typing import Any

import jax

from relu_jax.core import errors
from relu_jax.core.types import Array
from relu_jax.diagnosis.inputs import Batch

_Mesh = jax.sharding.Mesh


def check(mesh: Any) -> _Mesh | None:
    """Take a mesh whose axes are all split by XLA, whatever types its own have.

    Raises:
        TypeError: it is no mesh of devices.
    """
    if mesh is None:
        return None
    if not isinstance(mesh, _Mesh) or not mesh.devices.size:
        raise errors.rejected(
            rule="mesh is a jax.sharding.Mesh of devices",
            got=errors.describe(mesh),
            do='pass jax.make_mesh((jax.device_count(),), ("data",))',
            kind=TypeError,
        )
    return _Mesh(mesh.devices, mesh.axis_names)


def everywhere(own: Sequence[Array], mesh: _Mesh | None) -> list[Array]:
    """Put every array on all devices."""
    return list(own) if mesh is None else jax.device_put(list(own), _sharding(mesh))


def split(batch: Batch, mesh: _Mesh | None) -> list[Any]:
    """Split arrays of as many rows as there are examples; the others go everywhere.

    Raises:
        DataError: the devices do not divide the examples.
    """
    if mesh is None:
        return batch.arrays
    if batch.examples % mesh.size:
        raise errors.rejected(
            rule="the devices of a mesh divide the examples of every batch",
            got=f"{batch.examples} examples in batch {batch.position} for {mesh.size} devices",
            do="cut batches to a multiple of the devices, or pass a smaller mesh",
            kind=errors.DataError,
        )
    rows, whole = _sharding(mesh, mesh.axis_names), _sharding(mesh)
    return [
        jax.device_put(x, rows if x.ndim and x.shape[0] == batch.examples else whole)
        for x in batch.arrays
    ]


def _sharding(mesh: _Mesh, *first: Any) -> jax.sharding.NamedSharding:
    return jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(*first))
