"""Why does a network not train? Diagnose it on its own data: `relu_jax.diagnose`."""

from relu_jax.diagnosis.build import Build, load_build
from relu_jax.diagnosis.diagnose import diagnose
from relu_jax.diagnosis.result import Diagnosis, as_report, load
from relu_jax.diagnosis.types import (
    Cause,
    Finding,
    Flow,
    Histogram,
    ParameterReport,
    SiteReport,
)

__all__ = [
    "Build",
    "Cause",
    "Diagnosis",
    "Finding",
    "Flow",
    "Histogram",
    "ParameterReport",
    "SiteReport",
    "as_report",
    "diagnose",
    "load",
    "load_build",
]
