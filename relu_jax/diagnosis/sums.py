"""What has to be kept of a diagnosis, so that it can be joined with others of the same network?"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from relu_jax.diagnosis.causes import Origin
from relu_jax.diagnosis.plain import plain, tuples
from relu_jax.diagnosis.statistics import Backward, Forward
from relu_jax.diagnosis.totals import Totals, Turns
from relu_jax.tap import Cotangent, Site


class Leaf(NamedTuple):
    """What is known of one leaf of the parameters."""

    path: str
    shape: tuple[int, ...]
    dtype: str
    setting: bool  # a plain Python float: a parameter only if it is used
    rms: float
    nonfinite: int
    digest: str = ""  # SHA-256 of its values, where diagnoses are to be merged


class Sums(NamedTuple):
    """Everything that was added up over batches. In memory as large as the parameters."""

    sites: tuple[Site, ...]  # all, in program order
    leaves: tuple[Leaf, ...]
    total: Totals
    origins: tuple[tuple[Origin, ...], ...]  # per batch
    gradients: tuple[np.ndarray, ...]  # sums of examples · gradient, per leaf


def digest(leaf: np.ndarray) -> str:
    """Give the SHA-256 of the values of a leaf.

    Example:
        >>> digest(np.zeros(2)) == digest(-np.zeros(2)), len(digest(np.zeros(2)))
        (False, 64)
    """
    return hashlib.sha256(np.ascontiguousarray(leaf).tobytes()).hexdigest()


def told(sums: Sums) -> dict[str, Any]:
    """Turn all but the arrays into plain data."""
    total = sums.total
    return {
        "sites": plain(sums.sites),
        "leaves": plain(sums.leaves),
        "origins": plain(sums.origins),
        "loss": total.loss,
        "examples": total.examples,
        "batches": total.batches,
    }


def arrays(sums: Sums) -> dict[str, np.ndarray]:
    """List the arrays under names: sites and leaves are numbered, since their ids are free text."""
    return {name: array for name, array in _named(sums) if array is not None}


def built(entry: Mapping[str, Any], held: Mapping[str, np.ndarray]) -> Sums:
    """Build the sums again, of what `told` and `arrays` gave."""
    sites = tuple(Site(**{k: tuples(v) for k, v in one.items()}) for one in entry["sites"])
    leaves = tuple(Leaf(**{**one, "shape": tuple(one["shape"])}) for one in entry["leaves"])
    ids = {f"{i}": site.id for i, site in enumerate(sites)}
    forward: dict[str, dict[str, Any]] = {}
    ends: dict[str, dict[str, dict[str, Any]]] = {}
    through: dict[str, dict[str, Any]] = {}
    ran = {}
    for name, array in held.items():
        match name.split("/"):
            case ["forward", i, field]:
                forward.setdefault(ids[i], {})[field] = array
            case ["backward", i, end, field]:
                ends.setdefault(ids[i], {"pre": {}, "post": {}})[end][field] = array
            case ["turns", i, field]:
                through.setdefault(ids[i], {"d_pre": None})[field] = array
            case ["ran", i]:
                ran[ids[i]] = array
    total = Totals(
        loss=entry["loss"],
        examples=entry["examples"],
        batches=entry["batches"],
        forward={name: Forward(**fields) for name, fields in forward.items()},
        backward={
            name: Cotangent(Backward(**each["pre"]), Backward(**each["post"]))
            for name, each in ends.items()
        },
        moved=held["moved"],
        turns={name: Turns(**fields) for name, fields in through.items()},
        ran=ran,
    )
    return Sums(
        sites,
        leaves,
        total,
        tuple(tuple(Origin(**one) for one in batch) for batch in entry["origins"]),
        tuple(held[f"gradient/{i}"] for i in range(len(leaves))),
    )


def _named(sums: Sums) -> Iterator[tuple[str, np.ndarray | None]]:
    numbers = {site.id: i for i, site in enumerate(sums.sites)}
    total = sums.total
    for name, ahead in total.forward.items():
        for field, array in ahead._asdict().items():
            yield f"forward/{numbers[name]}/{field}", array
    for name, ends in total.backward.items():
        for end, back in ends._asdict().items():
            for field, array in back._asdict().items():
                yield f"backward/{numbers[name]}/{end}/{field}", array
    for name, turns in total.turns.items():
        for field, array in turns._asdict().items():
            yield f"turns/{numbers[name]}/{field}", array
    for name, array in total.ran.items():
        yield f"ran/{numbers[name]}", array
    yield "moved", total.moved
    for i, array in enumerate(sums.gradients):
        yield f"gradient/{i}", array
