"""Test data: a run of training and a ranking, from closed formulas; nothing was measured."""

import math
from typing import Any

from tests.report import cases


def watched(layers: int = 6, steps: int = 60) -> dict[str, Any]:
    """Build a run whose first layers lose their gradient, and whose last lose units."""
    at = list(range(0, 10 * steps, 10))
    sites = [
        {
            "id": f"layers/{i}", "units": 64,
            "silent": [min(64, j // 10 * i) for j in range(steps)],
            "rms_post": [round(0.7 + 0.1 * math.sin(i + j / 9), 7) for j in range(steps)],
            "rms_d_pre": [
                float(f"{1e-3 * 0.3 ** (layers - i) * math.exp(-j / 300):.7g}")
                for j in range(steps)
            ],
            "saturated": [round(0.5 + j / steps / 4, 7) for j in range(steps)],
        }
        for i in range(layers)
    ]  # fmt: skip
    return {
        "name": "training", "patience": 10, "steps": at,
        "loss": [round(2.3 * math.exp(-j / 20) + 0.02, 7) for j in range(steps)],
        "numbers": {"accuracy": [round(1 - math.exp(-j / 20), 7) for j in range(steps)]},
        "sites": sites, "n_events": 53,
        "events": [
            {"step": 10 * j, "kind": "died", "name": f"layers/{j % layers}", "units": [j],
             "what": "1 of 64 units"}
            for j in range(45)
        ],
        "summary": [{"severity": "warning", "text": "training: 40 of 64 silent at layers/5"}],
    }  # fmt: skip


def ranking(seeds: int = 3, steps: int = 40) -> dict[str, Any]:
    """Build a ranking of three changes and the network as it is."""
    names = ("sigmoid → tanh", "sigmoid → relu", "as it is", "lsuv")
    variants = [
        {
            "name": name, "own": name == "as it is", "score": 0.5 + i / 10,
            "gain": {"value": 0.2 - i / 10, "low": 0.1 - i / 10, "high": 0.3 - i / 10},
            "removed": [], "added": ["dead_units"] if i == 1 else [],
            "warnings": [["dead_units"], ["vanishing_gradient"]][i - 1] if i in (1, 2) else [],
            "expected": {"forward_total": 0.4, "backward_total": None},
            "flow": {"forward_total": 0.123456789, "backward_total": 1e-4},
            "losses": [[1.0 + s / 10 - j * 0.01 * (4 - i) for j in range(steps)]
                       for s in range(seeds)],
        }
        for i, name in enumerate(names)
    ]  # fmt: skip
    return {
        "name": "What if", "measure": "loss", "steps": steps, "variants": variants,
        "headline": f"loss after {steps} steps, {seeds} seeds; lower is better",
        "summary": [{"severity": "healthy", "text": "What if: sigmoid → tanh is the best of 4"}],
    }  # fmt: skip


def deep(layers: int = 3) -> dict[str, Any]:
    """Build what full depth adds to a run."""
    names = [f"layers/{i}" for i in range(layers)]
    lost = [{"dtype": "bfloat16", "smallest": 1e-38, "lost": 0, "of": 500},
            {"dtype": "float16", "smallest": 6e-8, "lost": 7, "of": 500}]  # fmt: skip
    return {
        "examples": 64,
        "flow": {
            "forward_rate": 0.7, "backward_rate": 0.8, "predicted_forward_rate": 0.71,
            "predicted_backward_rate": 0.82, "parameters": [],
            "sites": [
                {"site": name, "kind": "relu", "rms_pre": 1.0, "rms_post": 0.7,
                 "norm_d_pre": 0.1, "norm_d_post": 0.2, "weight_std": 1.0,
                 "gain_forward": 0.7 if i else math.nan, "gain_backward": 0.8,
                 "predicted_forward": 0.71, "predicted_backward": math.nan}
                for i, name in enumerate(names)
            ],
        },
        "kinks": [{"site": names[0], "kind": "relu", "kinks": [0.0], "slopes": [0.0],
                   "beside": [[0.0, 1.0]], "n": 640, "hits": [3], "below": 0.0, "above": 0.125}],
        "codes": [
            {"site": name, "n": 64, "units": 10, "zeros": 0.5, "hoyer": 0.25, "gini": 0.3,
             "population": 0.4, "lifetime": 0.5, "top": 0.2, "active_mean": 5.0, "active_std": 1.5,
             "silent": 0, "never": 1, "always": 0, "patterns": 60, "nonfinite": 0,
             "lost": lost}
            for name in names
        ],
    }  # fmt: skip


def spectrum() -> dict[str, Any]:
    """Build the singular values of 32 Jacobians of 512 × 512."""
    median = [2.0 * 0.98**i for i in range(512)]
    return {
        "name": "layer 1 → 2", "examples": 32, "n_out": 512, "n_in": 512, "whole": True,
        "median": median, "low": [x / 1.5 for x in median], "high": [x * 1.5 for x in median],
        "expected": [1.9 * 0.981**i for i in range(512)],
        "numbers": {"rank": 230.0, "effective_rank": 123.456789, "condition": math.inf},
    }  # fmt: skip


def slice_of() -> dict[str, Any]:
    """Build a slice of three cells."""
    return {
        "name": "between three images", "cells": 3, "outputs": 10, "grid": 4,
        "polygons": [[0, 0, 2, 0, 2, 4, 0, 4], [2, 0, 4, 0, 4, 2, 2, 2], [2, 2, 4, 2, 4, 4, 2, 4]],
        "strongest": [0, 2, 2], "value": [1.0, 2.0, 3.0],
    }  # fmt: skip


def report(layers: int = 6, steps: int = 60) -> cases.Report:
    """Build a page of a run of training and a ranking, without a diagnosis."""
    made = cases.report([], title="A run and what else was tried")
    return made | {"watched": [watched(layers, steps)], "tried": [ranking()]}


def whole() -> cases.Report:
    """Build a page with everything."""
    made = cases.single() | {"watched": [watched()], "tried": [ranking()]}
    made["runs"][0]["depth"] = deep()
    return made | {"spectra": [spectrum()], "slices": [slice_of()]}


def everything() -> cases.Report:
    """Build a page with every kind of control: what `whole` has, beside runs to compare."""
    made, runs = whole(), cases.example()["runs"]
    runs[-1] |= {"depth": deep()}
    for i, site in enumerate(runs[0]["sites"]):
        site["zeros"] = i / 7
    return made | {"runs": runs, "watched": [watched(), watched(3, 12) | {"name": "again"}]}


def hostile() -> cases.Report:
    """Build one in which every name is hostile text."""
    made = cases.report([], title="hostile")
    runs, rankings = [], []
    for name in cases.HOSTILE:
        run = watched(2, 12)
        run |= {"name": name, "numbers": {name: run["loss"]}}
        run["sites"] = [site | {"id": name} for site in run["sites"]]
        run["events"] = [{"step": 1, "kind": name, "name": name, "units": [], "what": name}]
        run["summary"] = [{"severity": name, "text": name}]
        runs.append(run)
        one = ranking(1, 3)
        one |= {"name": name, "measure": name, "headline": name}
        one["variants"] = [v | {"name": name, "warnings": [name]} for v in one["variants"]]
        rankings.append(one)
    (name, *_) = cases.HOSTILE
    told = deep()
    for part in (told["flow"]["sites"], told["kinks"], told["codes"]):
        part[0] |= {"site": name, "kind": name}
    made["runs"] = [cases.single()["runs"][0] | {"depth": told}]
    made |= {"spectra": [spectrum() | {"name": name}], "slices": [slice_of() | {"name": name}]}
    return made | {"watched": runs, "tried": rankings}


def broken() -> cases.Report:
    """Build one whose numbers are NaN, infinite, zero, missing or absent."""
    strange = [math.nan, math.inf, -math.inf, 0.0, None, 1e-300]
    site = {"id": "a", "units": 0, "silent": [None, 0, 1, 2, 3, 4]}
    run = {"name": "strange", "steps": [0, 1, 2, 3, 4, 5], "loss": strange, "numbers": {"x": []},
           "sites": [site | dict.fromkeys(("rms_post", "rms_d_pre", "saturated"), strange),
                     {"id": "b"}, {}], "events": [{}]}  # fmt: skip
    variants = [
        {"name": "a", "score": math.nan, "gain": {"value": math.inf, "low": None, "high": None}},
        {"name": "b", "score": None, "gain": None, "losses": [[math.nan, math.inf], []]},
        {},
    ]
    made = cases.report([])
    made |= {"spectra": [{"median": strange, "name": "strange"}, {}], "slices": [{}]}
    made["runs"] = [{"name": "bare", "depth": {"flow": {"sites": [{}]}, "kinks": [{}]}}]
    return made | {"watched": [run, {}, {"steps": [3]}], "tried": [{"variants": variants}, {}]}
