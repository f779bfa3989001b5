"""How do diagnoses of one network on parts of its data become one?"""

import time
from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np

from relu_jax.core import errors
from relu_jax.diagnosis import totals
from relu_jax.diagnosis.judged import judged
from relu_jax.diagnosis.result import Diagnosis
from relu_jax.diagnosis.sums import Sums


def merge(*diagnoses: Any) -> Diagnosis:
    """Join diagnoses of the same network, with the same parameters, on parts of the data.

    Args:
        diagnoses: of `rj.diagnose(..., mergeable=True)`, or read back by `rj.diagnosis.load`: of
            several processes, or of one after the other.

    Returns:
        what one diagnosis of all their batches is, in the order given: counts are equal, sums of
        floats to single roundings. It can be merged again. What full depth added is that of the
        first that has it. The size of an optimiser's first update is not known: `update_ratio` is
        None.

    Raises:
        TypeError: what is no Diagnosis.
        ValueError: none, one that did not keep its sums, or several of different programs, of
            different parameters, or of other sites (`only`); the first difference is named.

    Edges: that the losses are the same is seen by their sites and parameters alone: another factor
    in front of a loss is not noticed.

    Example:
        >>> import jax, jax.numpy as jnp, relu_jax as rj
        >>> loss, w = lambda w, x: jnp.mean(jax.nn.relu(x @ w)), jnp.eye(3)
        >>> parts = [jnp.ones((4, 3)), -jnp.ones((8, 3))]
        >>> each = [rj.diagnose(loss, w, [x], mergeable=True) for x in parts]
        >>> d = merge(*each)
        >>> d.n_examples, [one.sites["w"].dead for one in (*each, d)]
        (12, [0, 3, 0])
    """
    started = time.perf_counter()
    kept = [_sums(d, i) for i, d in enumerate(diagnoses)]
    if not kept:
        raise errors.rejected(
            rule="one or more diagnoses are merged", got="none", do="merge(first, second)"
        )
    for i, other in enumerate(kept[1:], 1):
        _check_same(kept[0], other, i)
    first = diagnoses[0]
    joined = reduce(_added, kept)
    depth = next((d.depth for d in diagnoses if d.depth is not None), None)
    return judged(joined, first.linear, first.coverage, started=started, depth=depth, keep=True)


def _sums(diagnosis: Any, place: int) -> Sums:
    if not isinstance(diagnosis, Diagnosis):
        raise errors.rejected(
            rule="diagnoses are merged",
            got=f"{errors.describe(diagnosis)} at {place}",
            do="pass what rj.diagnose gave, or rj.diagnosis.load(path); unpack a list: merge(*all)",
            kind=TypeError,
        )
    if diagnosis.sums is None:
        raise errors.rejected(
            rule="a diagnosis that is merged has kept its sums",
            got=f"one without them at {place}",
            do="make it by rj.diagnose(..., mergeable=True)",
        )
    return diagnosis.sums


def _check_same(one: Sums, other: Sums, place: int) -> None:
    pairs: tuple[tuple[str, Sequence[Any], Sequence[Any]], ...] = (
        ("site", [_facts(site) for site in one.sites], [_facts(site) for site in other.sites]),
        ("parameter", [leaf[:4] for leaf in one.leaves], [leaf[:4] for leaf in other.leaves]),
        ("values of parameter", [_values(leaf) for leaf in one.leaves],
         [_values(leaf) for leaf in other.leaves]),
        ("measured site", list(one.total.forward), list(other.total.forward)),
    )  # fmt: skip
    for what, mine, others in pairs:
        if mine == others:
            continue
        same = [a == b for a, b in zip(mine, others, strict=False)]
        at = same.index(False) if False in same else len(same)
        told = [str(side[at]) if at < len(side) else "none" for side in (mine, others)]
        raise errors.rejected(
            rule="merged diagnoses are of one program, with the same parameters and sites",
            got=f"as {what} {at} {told[0]} at first, {told[1]} at {place}",
            do="diagnose each part with the same loss, parameters and selector",
        )


def _facts(site: Any) -> tuple[Any, ...]:
    """Give what does not depend on the batch: not the shape, and not the line of a copy."""
    return (
        site.id, site.kind, tuple(sorted(site.params.items())), site.path, site.dtype,
        site.unit_axes, site.loop, site.branch,
    )  # fmt: skip


def _values(leaf: Any) -> tuple[str, str]:
    return leaf.path, leaf.digest


def _added(one: Sums, other: Sums) -> Sums:
    return one._replace(
        total=totals.add(one.total, other.total),
        origins=one.origins + other.origins,
        gradients=tuple(map(np.add, one.gradients, other.gradients)),
    )
