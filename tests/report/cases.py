"""Test data: reports from closed formulas. Nothing here was measured on a network.

`example` looks like the main job's report: four networks of eight layers, each at two
stages, with the textbook behaviour written in as a gain per layer. `hostile` and `broken`
carry what must not break the page: names that are code, numbers that are no numbers.
"""

import itertools
import math
from typing import Any, NamedTuple

Report = dict[str, Any]


class Network(NamedTuple):
    """One made-up network: gains per layer, and where training takes its loss."""

    name: str
    kind: str
    backward: tuple[float, float]  # gain per layer at initialisation, after training
    forward: tuple[float, float]
    saturated: tuple[float, float]
    zeros: float
    loss: tuple[float, float]
    accuracy: tuple[float, float]
    finding: tuple[str, str] | None


NETWORKS = (
    Network("sigmoid + Xavier", "sigmoid", (0.21, 0.2), (1.0, 1.0), (0.0, 0.02), 0.0,
            (2.311, 2.302), (0.098, 0.101), ("vanishing_gradient", "critical")),
    Network("tanh + Xavier", "tanh", (0.93, 0.96), (0.92, 1.02), (0.004, 0.31), 0.0,
            (2.34, 0.041), (0.112, 0.972), None),
    Network("ReLU + Xavier", "relu", (0.71, 0.95), (0.71, 0.98), (0.5, 0.56), 0.51,
            (2.303, 0.093), (0.104, 0.961), ("vanishing_signal", "warning")),
    Network("ReLU + He", "relu", (0.99, 1.04), (1.01, 1.03), (0.5, 0.6), 0.5,
            (2.41, 0.022), (0.127, 0.981), None),
)  # fmt: skip
STAGES = ("at initialisation", "after training")
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    '\'" onmouseover="alert(3)',
    "👩‍🔬🔥 couche été 層",
    "gnp.\u202eexe\u202c",
    "long-" + "x" * 4_995,
    "{{7*7}} {% raw %} ${7*7}",
    "</script></style></title><!--",
    "[bold red]markup[/] \x1b[31m\x00\t\n",
    "a\ud800b",
)


def example(layers: int = 8, networks: tuple[Network, ...] = NETWORKS) -> Report:
    """Build the main job's report: every network at both stages."""
    return report([_run(n, stage, layers) for n in networks for stage in (0, 1)])


def report(runs: list[dict[str, Any]], title: str = "Eight layers, four ways to start") -> Report:
    """Wrap runs in a report dictionary."""
    return {
        "schema": "relu_jax.report/1",
        "title": title,
        "created": "2024-05-17T09:30:00+00:00",
        "provenance": {
            "note": "test data from closed formulas, not measured",
            "python": "3.11.9",
            "versions": {"jax": "0.10.2", "numpy": "2.3.1"},
            "device": "cpu",
            "device_count": 1,
            "seconds": 41.73,
        },
        "runs": runs,
    }


def wide(layers: int = 20, count: int = 8) -> Report:
    """Build a report with `count` runs of `layers` layers, each its own group."""
    runs = [_run(NETWORKS[i % 4], 0, layers) | {"group": f"network {i}"} for i in range(count)]
    return report(runs)


def single() -> Report:
    """Build the report of one user's model: one run, no group, no stage."""
    run = _run(NETWORKS[3], 0, 3) | {"name": "model.py:build", "group": "", "stage": ""}
    return report([run], title="model.py:build")


def hostile() -> Report:
    """Build a report in which every name from the user is hostile text."""
    runs = []
    for name in HOSTILE:
        run = _run(NETWORKS[0], 0, 2)
        run |= {"name": name, "group": name, "stage": name, "metrics": {name: 0.5}}
        run["sites"] = [s | {"id": name, "path": name + "/p", "source": name} for s in run["sites"]]
        run["parameters"] = [p | {"path": name} for p in run["parameters"]]
        run["linear"] = [{**linear, "path": name, "sites": [name]} for linear in run["linear"]]
        run["coverage"] |= {"ignored": {name: 1}, "opaque": [name]}
        run["findings"] = [
            {"kind": name, "severity": "critical", "site": name, "what": name,
             "evidence": {name: name}, "remedy": name, "source": name},
            {"kind": name, "severity": name, "site": "nowhere", "what": name,
             "evidence": {}, "remedy": "", "source": ""},
        ]  # fmt: skip
        runs.append(run)
    made = report(runs, title=" ".join(HOSTILE))
    return made | {"created": HOSTILE[0], "provenance": {name: name for name in HOSTILE}}


def broken() -> Report:
    """Build runs whose numbers are NaN, infinite, zero, missing or absent."""
    base = _run(NETWORKS[3], 1, 6)
    strange = [math.nan, math.inf, -math.inf, 0.0, None, 1e-300]
    keys = ("rms_pre", "rms_post", "rms_d_pre", "gain_forward", "saturated", "zeros")
    sites = [s | dict.fromkeys(keys, v) for s, v in zip(base["sites"], strange, strict=True)]
    sites[0] |= {"nonfinite_forward": 3, "nonfinite_backward": 7, "dead": None, "units": 0}
    sites[1] |= {"hist_pre": None, "hist_d_pre": {"edges": [0.0], "counts": [4, 4]}}
    history = {"step": [0, 1, 2, 3], "loss": [2.3, 1.0, math.nan, math.inf], "accuracy": []}
    finding = {
        "kind": "non_finite", "severity": "critical", "site": sites[0]["id"],
        "what": "NaN first appears at the first site, going forward.",
        "evidence": {"value": math.nan, "count": 3}, "remedy": "Look for log(0).", "source": "",
    }  # fmt: skip
    return report(
        [
            base | {"name": "strange", "group": "strange", "sites": sites, "loss": math.nan,
                    "findings": [finding], "history": history},
            base | {"name": "one site", "group": "one site", "sites": sites[5:]},
            base | {"name": "no site", "group": "no site", "sites": [], "findings": [],
                    "flow": {}, "coverage": None, "parameters": [], "history": {}},
            {"name": "bare"},
        ]
    )  # fmt: skip


def _run(network: Network, stage: int, layers: int) -> dict[str, Any]:
    name = f"{network.name} · {STAGES[stage]}"
    sites = [_site(network, stage, i, layers) for i in range(layers)]
    back, ahead = network.backward[stage], network.forward[stage]
    return {
        "name": name, "group": network.name, "stage": STAGES[stage],
        "n_batches": 12, "n_examples": 1437, "loss": network.loss[stage],
        "metrics": {"accuracy": network.accuracy[stage]},
        "history": _history(network) if stage else {},
        "findings": _findings(network, stage, sites),
        "sites": sites,
        "parameters": [_parameter(network, stage, i, layers) for i in range(layers + 1)],
        "flow": {"forward_rate": ahead, "backward_rate": back,
                 "forward_total": ahead ** (layers - 1), "backward_total": back ** (layers - 1)},
        "coverage": {"chains": layers + 3, "recognised": layers, "unknown": 0,
                     "ignored": {"softmax": 1, "loss": 2}, "opaque": []},
        "linear": [_linear(network, i) for i in range(layers + 1)],
    }  # fmt: skip


def _site(network: Network, stage: int, i: int, layers: int) -> dict[str, Any]:
    rms_d = 0.02 * network.backward[stage] ** (layers - 1 - i)
    pre = (1.4 if network.kind == "relu" else 0.9) * network.forward[stage] ** i * (1 + stage)
    post = {"sigmoid": 0.51, "tanh": math.tanh(pre), "relu": pre / math.sqrt(2)}[network.kind]
    dead = (0, 3 * i)[stage] if network.kind == "relu" else 0
    saturated = network.saturated[stage] * (1 - 0.04 * (layers - i) / layers)
    return {
        "id": f"{network.kind}_{i}", "kind": network.kind, "params": {},
        "slope_at_kinks": [0.0] if network.kind == "relu" else [],
        "path": f"layers/{i}/kernel", "source": "mlp.py:41", "shape": [128, 64],
        "dtype": "float32", "unit_axes": [1], "count": 1, "units": 64, "n": 1437,
        "rms_pre": pre, "rms_post": post, "rms_d_pre": rms_d,
        "rms_d_post": rms_d / network.backward[stage] ** 0.8,
        "gain_forward": network.forward[stage] if i else None,
        "gain_backward": network.backward[stage] if i < layers - 1 else None,
        "dead": dead, "activity_upper": 0.0021, "saturated": saturated,
        "zeros": network.zeros * (1 + 0.01 * i), "underflow": 0.0,
        "nonfinite_forward": 0, "nonfinite_backward": 0,
        "alive": [0] * dead + [1437 if network.kind != "relu" else 23 * (k % 60)
                               for k in range(64 - dead)],
        "hist_pre": _histogram(-8.0, 8.0, 0.1 * i * stage, pre),
        "hist_d_pre": {**_histogram(-12.0, 2.0, math.log10(rms_d) - 0.3, 0.55),
                       "zeros": int(40_000 * network.zeros)},
    }  # fmt: skip


def _histogram(low: float, high: float, mean: float, deviation: float) -> dict[str, Any]:
    bins, total = 56, 91_968
    edges = [low + (high - low) * i / bins for i in range(bins + 1)]
    below = [0.5 + 0.5 * math.erf((e - mean) / deviation / math.sqrt(2)) for e in edges]
    counts = [round(total * (b - a)) for a, b in itertools.pairwise(below)]
    outside = {"below": round(total * below[0]), "above": round(total * (1 - below[-1]))}
    return {"edges": edges, "counts": counts, **outside}


def _history(network: Network) -> dict[str, list[float]]:
    steps = list(range(0, 600, 4))
    shares = [math.exp(-step / 90) for step in steps]
    start, end = network.loss
    low, high = network.accuracy
    return {
        "step": steps,
        "loss": [end + (start - end) * s * (1 + 0.1 * math.sin(9 * s)) for s in shares],
        "accuracy": [high + (low - high) * s for s in shares],
    }


def _findings(network: Network, stage: int, sites: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = []
    if network.finding == ("vanishing_gradient", "critical"):
        total = network.backward[stage] ** (len(sites) - 1)
        found.append({
            "kind": "vanishing_gradient", "severity": "critical", "site": sites[0]["id"],
            "what": f"Only {total:.1e} of the last layer’s gradient reaches the first: the "
            f"gradient shrinks to {network.backward[stage]:.2f} of itself at every site.",
            "evidence": {"rate per site": network.backward[stage], "total": total, "sites": 8},
            "remedy": "Use a ReLU with He initialisation, or tanh with Xavier.",
            "source": "Glorot & Bengio 2010, section 4.2",
        })  # fmt: skip
    if network.finding == ("vanishing_signal", "warning") and stage == 0:
        found.append({
            "kind": "vanishing_signal", "severity": "warning", "site": sites[-1]["id"],
            "what": "The signal loses 29 % of its size at every site: Xavier’s variance is "
            "half of what a ReLU needs.",
            "evidence": {"rate per site": 0.71, "total": 0.71**7},
            "remedy": "Initialise with He’s variance 2 / n_in.",
            "source": "He et al. 2015, section 2.2",
        })  # fmt: skip
    if network.kind == "relu" and stage == 1:
        found.append({
            "kind": "dead_units", "severity": "info", "site": sites[-1]["id"],
            "what": f"{sites[-1]['dead']} of 64 units were never active on 1,437 examples.",
            "evidence": {"dead": sites[-1]["dead"], "units": 64, "upper bound": 0.0021},
            "remedy": "Nothing to do below 50 %; else lower the rate or use a leaky ReLU.",
            "source": "Lu et al. 2019",
        })  # fmt: skip
    return found


def _parameter(network: Network, stage: int, i: int, layers: int) -> dict[str, Any]:
    gradient = 1e-3 * network.backward[stage] ** (layers - i)
    return {
        "path": f"layers/{i}/kernel", "shape": [64, 64 if i < layers else 10], "rms": 0.125,
        "rms_grad": gradient, "ratio": gradient / 0.125,
        "update_ratio": gradient / 1.25 if stage else None, "zero_grad": False, "nonfinite": 0,
    }  # fmt: skip


def _linear(network: Network, i: int) -> dict[str, Any]:
    return {
        "path": f"layers/{i}/kernel", "source": "mlp.py:40", "n_in": 64, "n_out": 64,
        "after": [], "sites": [f"{network.kind}_{i - 1}"] if i else [],
    }  # fmt: skip
