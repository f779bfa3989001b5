"""How do the sums over batches become a diagnosis?"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from relu_jax.core import records
from relu_jax.diagnosis import causes, findings, parameters, summarise
from relu_jax.diagnosis.depth import Depth
from relu_jax.diagnosis.facts import Facts
from relu_jax.diagnosis.result import Diagnosis
from relu_jax.diagnosis.sums import Sums
from relu_jax.tap import Coverage, Linear


def judged(
    sums: Sums,
    linear: tuple[Linear, ...],
    coverage: Coverage,
    *,
    started: float,
    steps: Sequence[Any] | None = None,
    depth: Depth | None = None,
    keep: bool = False,
) -> Diagnosis:
    """Turn sums into numbers, and judge them.

    Args:
        sums: over all batches.
        linear: the linear maps of the program.
        coverage: of the program.
        started: when the work began, by `time.perf_counter`.
        steps: the optimiser's updates; None without one.
        depth: what full depth adds.
        keep: whether the diagnosis holds on to the sums.
    """
    total, leaves = sums.total, sums.leaves
    told = parameters.reports(leaves, mean_gradients(sums), total.moved, steps)
    own = {leaf.path for leaf in leaves if not leaf.setting}
    told = tuple(report for report in told if report.path in own or not report.zero_grad)
    reports = summarise.site_reports(sums.sites, total)
    flow = summarise.flow(tuple(reports.values()))
    facts = Facts(
        tuple(reports.values()), told, flow, causes.gathered(sums.origins), sums.sites,
        linear, coverage.opaque, total.examples,
        summarise.idle(sums.sites, total), depth,
    )  # fmt: skip
    return Diagnosis(
        findings=findings.judge(facts),
        sites=reports,
        parameters=told,
        flow=flow,
        coverage=coverage,
        linear=linear,
        loss=total.loss / total.examples,
        n_batches=total.batches,
        n_examples=total.examples,
        provenance=records.provenance(started=started),
        depth=depth,
        sums=sums if keep else None,
    )


def mean_gradients(sums: Sums) -> list[np.ndarray]:
    """Average the gradients over all examples, leaf by leaf."""
    return [np.asarray(np.asarray(one) / sums.total.examples) for one in sums.gradients]
