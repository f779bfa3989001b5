"""Reports made by hand, to judge by."""

from collections.abc import Sequence
from typing import Any

from relu_jax.diagnosis.facts import Facts
from relu_jax.diagnosis.summarise import flow
from relu_jax.diagnosis.types import Histogram, ParameterReport, SiteReport
from relu_jax.tap import Site

HISTOGRAM = Histogram((-1.0, 0.0, 1.0), (3, 4), 1, 0)


def site(name: str = "layers/0", kind: str = "relu", **changes: Any) -> Site:
    """Build a site of 64 × 32."""
    facts = {
        "id": name, "kind": kind, "params": {}, "slope_at_kinks": (0.0,),
        "path": f"params/{name}/w", "source": "net.py:3", "shape": (64, 32),
        "dtype": "float32", "unit_axes": (1,), "count": 1, "gates": False, "loop": "", "loops": (),
        "order": (1,) * len(changes.get("loops", ())),
    }  # fmt: skip
    return Site(**(facts | changes))


def report(name: str = "layers/0", kind: str = "relu", **changes: Any) -> SiteReport:
    """Build a healthy report; `dtype` and other facts of the site go into the site."""
    place = site(name, kind, **{k: changes.pop(k) for k in list(changes) if k in Site._fields})
    numbers = {
        "site": place, "id": name, "units": 32, "n": 640, "examples": 640,
        "rms_pre": 1.0, "rms_post": 0.7,
        "rms_d_pre": 1e-3, "rms_d_post": 1.4e-3, "norm_d_pre": 1e-2, "norm_d_post": 1.4e-2,
        "gain_forward": None, "gain_backward": None, "dead": 0, "activity_upper": 0.005,
        "saturated": 0.5 if kind == "relu" else 0.05,
        "saturated_usual": 0.5 if kind == "relu" else 0.05, "zeros": 0.5,
        "underflow": None if kind == "relu" else 0.0, "nonfinite_forward": 0,
        "nonfinite_backward": 0, "alike": 1, "turns_post": None, "turns_d_pre": None,
        "hist_pre": HISTOGRAM, "hist_d_pre": HISTOGRAM._replace(zeros=5),
    }  # fmt: skip
    return SiteReport(**(numbers | changes))


def parameter(path: str = "params/layers/0/w", **changes: Any) -> ParameterReport:
    """Build a healthy leaf."""
    numbers = {
        "path": path, "shape": (32, 32), "dtype": "float32", "rms": 0.2, "rms_grad": 1e-3,
        "ratio": 5e-3, "update_ratio": None, "zero_grad": False, "nonfinite": 0,
        "nonfinite_grad": 0,
    }  # fmt: skip
    return ParameterReport(**(numbers | changes))


def facts(reports: Sequence[SiteReport] = (), **changes: Any) -> Facts:
    """Bind reports into what the rules judge by."""
    given = {
        "reports": tuple(reports), "parameters": (), "flow": flow(tuple(reports)), "causes": (),
        "sites": tuple(r.site for r in reports), "linear": (), "opaque": (), "examples": 640,
    }  # fmt: skip
    return Facts(**(given | changes))


def chain(n: int = 6, *, ahead: float = 1.0, back: float = 1.0, **changes: Any) -> list[SiteReport]:
    """Build a chain whose signal and gradient change by a factor per site."""
    return [
        report(
            f"layers/{i}",
            rms_pre=ahead**i,
            rms_post=0.7 * ahead**i,
            rms_d_pre=1e-3 * back ** (n - 1 - i),
            rms_d_post=1.4e-3 * back ** (n - 1 - i),
            norm_d_pre=1e-2 * back ** (n - 1 - i),
            norm_d_post=1.4e-2 * back ** (n - 1 - i),
            **changes,
        )
        for i in range(n)
    ]
