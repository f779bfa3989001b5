"""Why does a network not train, and what if it were another? `relu_jax.diagnose` and `what_if`."""

from relu_jax.diagnosis import monitor
from relu_jax.diagnosis.build import Build, load_build
from relu_jax.diagnosis.changes import Changes, SiteChange, compare
from relu_jax.diagnosis.comparison import Comparison, Gain, Trial, Variant
from relu_jax.diagnosis.diagnose import diagnose
from relu_jax.diagnosis.expected import Expected
from relu_jax.diagnosis.merging import merge
from relu_jax.diagnosis.pages import report
from relu_jax.diagnosis.reinitialise import lsuv
from relu_jax.diagnosis.result import Diagnosis, as_report, load
from relu_jax.diagnosis.types import (
    Cause,
    Finding,
    Flow,
    Histogram,
    ParameterReport,
    SiteReport,
)
from relu_jax.diagnosis.what_if import what_if

__all__ = [
    "Build",
    "Cause",
    "Changes",
    "Comparison",
    "Diagnosis",
    "Expected",
    "Finding",
    "Flow",
    "Gain",
    "Histogram",
    "ParameterReport",
    "SiteChange",
    "SiteReport",
    "Trial",
    "Variant",
    "as_report",
    "compare",
    "diagnose",
    "load",
    "load_build",
    "lsuv",
    "merge",
    "monitor",
    "report",
    "what_if",
]
