"""In which plain form is a diagnosis kept, so that it is read back exactly?"""

from collections.abc import Mapping
from typing import Any

from relu_jax.diagnosis import depth
from relu_jax.diagnosis.plain import plain
from relu_jax.diagnosis.types import Finding, Flow, Histogram, ParameterReport, SiteReport
from relu_jax.tap import Coverage, Linear, Site

_TUPLES = ("slope_at_kinks", "shape", "unit_axes", "loops", "order", "scaled")
_TURNS = ("turns_post", "turns_d_pre")
_HISTOGRAMS = ("hist_pre", "hist_d_pre")


def encoded(diagnosis: Any) -> dict[str, Any]:
    """Turn the parts of a diagnosis that have a structure into dicts, lists and numbers."""
    return {
        "findings": [plain(found) for found in diagnosis.findings],
        "sites": [_site(report) for report in diagnosis.sites.values()],
        "parameters": [plain(report) for report in diagnosis.parameters],
        "flow": plain(diagnosis.flow),
        "coverage": plain(diagnosis.coverage),
        "linear": [plain(linear) for linear in diagnosis.linear],
        **({"depth": plain(diagnosis.depth)} if diagnosis.depth else {}),
    }


def decoded(run: Mapping[str, Any]) -> dict[str, Any]:
    """Build the parts of a diagnosis again."""
    coverage = {**run["coverage"], "opaque": tuple(run["coverage"]["opaque"])}
    reports = [_report({"examples": run["n_examples"], **entry}) for entry in run["sites"]]
    return {
        "findings": tuple(Finding(**found) for found in run["findings"]),
        "sites": {report.id: report for report in reports},
        "parameters": tuple(
            ParameterReport(**{**entry, "shape": tuple(entry["shape"])})
            for entry in run["parameters"]
        ),
        "flow": Flow(**run["flow"]),
        "coverage": Coverage(**coverage),
        "linear": tuple(
            Linear(**{**entry, "after": tuple(entry["after"]), "sites": tuple(entry["sites"])})
            for entry in run["linear"]
        ),
        **{name: run[name] for name in ("loss", "n_batches", "n_examples")},
        "depth": depth.decoded(run["depth"]) if "depth" in run else None,
    }


def _site(report: SiteReport) -> dict[str, Any]:
    """Put the facts of a site and its numbers side by side; the id is that of the turn."""
    entry = plain(report)
    place = entry.pop("site")
    if entry["hist_pre"]["zeros"] is None:
        entry["hist_pre"].pop("zeros")
    return {**place, "site_id": place["id"], **entry}


def _report(entry: Mapping[str, Any]) -> SiteReport:
    given = {**Site._field_defaults, **entry}  # what an older file does not tell is as it was then
    facts = {name: given[name] for name in Site._fields} | {"id": entry["site_id"]}
    facts |= {name: tuple(facts[name]) for name in _TUPLES}
    facts["branch"] = tuple((cond, number) for cond, number in facts["branch"])
    entry = {**SiteReport._field_defaults, **entry}
    numbers = {name: entry[name] for name in SiteReport._fields if name != "site"}
    numbers["alive"] = tuple(numbers["alive"])
    numbers |= {name: _histogram(entry[name]) for name in _HISTOGRAMS}
    numbers |= {name: tuple(entry[name]) for name in _TURNS if entry[name] is not None}
    return SiteReport(site=Site(**facts), **numbers)


def _histogram(entry: Mapping[str, Any] | None) -> Histogram | None:
    if entry is None:
        return None
    return Histogram(
        tuple(entry["edges"]), tuple(entry["counts"]), entry["below"], entry["above"],
        entry.get("zeros"),
    )  # fmt: skip
