"""How is a run that was watched told on a page: as plain data, and in a few sentences?"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from relu_jax.core.wording import plural
from relu_jax.diagnosis import thresholds

_SHOWN = ("rms_post", "rms_d_pre", "saturated")  # of a site
_MOST_EVENTS = 500
_SEVERITIES = (*thresholds.SEVERITIES, "healthy", "unmeasured")


def as_dict(run: Any, name: str, patience: int) -> dict[str, Any]:
    """Turn a `Series` into plain data: see `Series.to_dict`."""
    found = run.events(patience=patience)
    events = [event._asdict() | {"units": list(event.units)} for event in found[:_MOST_EVENTS]]
    return {
        "name": name,
        "patience": patience,
        "steps": run.steps.tolist(),
        "loss": _told(run.loss),
        "numbers": {key: _told(values) for key, values in run.numbers.items()},
        "sites": [_told_site(key, site) for key, site in run.sites.items()],
        "events": events,
        "n_events": len(found),
        "summary": [
            {"severity": severity, "text": f"{name}: {words}"}
            for severity, words in _summary(run, found, patience)
        ],
    }


def _told(values: np.ndarray, there: np.ndarray | None = None) -> list[float | None]:
    """Give numbers in the fewest digits that tell a float32 apart; None where nothing was."""
    with np.errstate(over="ignore"):  # a float64 beyond float32 is told in full
        narrow = values.astype(np.float32)
    known = np.ones(len(values), bool) if there is None else there
    return [
        _short(few, value) if known_here else None
        for few, value, known_here in zip(narrow, values, known, strict=True)
    ]


def _short(few: np.float32, value: np.float64) -> float:
    return float(str(few)) if few == value or np.isnan(value) else float(value)


def _told_site(name: str, site: Any) -> dict[str, Any]:
    silent = [int(n) if ran else None for n, ran in zip(site.silent, site.ran, strict=True)]
    return {
        "id": name,
        "units": site.active.shape[1],
        "silent": silent,
        **{field: _told(getattr(site, field), site.ran) for field in _SHOWN},
    }


_PLACES = {
    "going forward": "going forward at",
    "going backward": "going backward at",
    "the parameter": "in the parameter",
    "the gradient": "in the gradient of",
}


def _summary(run: Any, events: Sequence[Any], patience: int) -> list[tuple[str, str]]:
    """Say, worst first, what a reader has to know: what broke, and how much is silent now."""
    said = [
        ("critical", f"NaN or inf at step {event.step}, first "
         f"{_PLACES.get(event.what, f'in {event.what}')} {event.name}".rstrip())
        for event in events
        if event.kind == "nonfinite"
    ]  # fmt: skip
    silent: dict[str, list[str]] = {}
    for name, site in run.sites.items():
        last = site.active[site.ran][-patience:]
        n, units = int(np.sum(~last.any(axis=0))), last.shape[1]
        severity = thresholds.severity("dead_units", n / max(1, units))
        if len(last) == patience and severity is not None:
            silent.setdefault(severity, []).append(f"{n} of {units} at {name}")
    said += [
        (severity, f"units silent on the last {patience} measured steps: {_listed(places)}")
        for severity, places in silent.items()
    ]
    if len(run.steps) < patience:
        said.append(("unmeasured", f"too few steps ({len(run.steps)}) to tell that units died"))
    elif not said:
        died = sum(len(event.units) for event in events if event.kind == "died")
        words = (
            f"{died} {plural(died, 'unit', 'units')} fell silent for {patience} steps or more, at "
            "the end less than a tenth of any site"
        )
        said.append(
            ("healthy", words if died else "all that was measured is finite, and no unit died")
        )
    return sorted(said, key=lambda one: _SEVERITIES.index(one[0]))


def _listed(places: Sequence[str], most: int = 3) -> str:
    left = len(places) - most
    more = [f"and {left} more {plural(left, 'site', 'sites')}"] if left > 0 else []
    return ", ".join([*places[:most], *more])
