"""Analyses: one question about a network each; arrays or a function in, a NamedTuple out."""

from relu_jax.analyses.between import Between, between
from relu_jax.analyses.bounds import Bounds, Certificate, bounds
from relu_jax.analyses.buckets import BucketRegions, bucket_regions
from relu_jax.analyses.cells import Cells, cells
from relu_jax.analyses.circles import circle_regions
from relu_jax.analyses.collapse import Collapse, collapse
from relu_jax.analyses.dead_units import DeadUnits, dead_units
from relu_jax.analyses.dimension import Dimension, dimension
from relu_jax.analyses.gradient_flow import GradientFlow, Leaf, Passed, gradient_flow
from relu_jax.analyses.invariance import Invariance, Stability, invariance
from relu_jax.analyses.jacobian import jacobian
from relu_jax.analyses.jacobian import plan as jacobian_plan
from relu_jax.analyses.kinks import Kinked, Kinks, kinks
from relu_jax.analyses.paths import Paths, paths
from relu_jax.analyses.regions import Regions, regions
from relu_jax.analyses.samples import of_site
from relu_jax.analyses.saturation import Saturation, Underflow, saturation
from relu_jax.analyses.separability import Probe, Separability, separability
from relu_jax.analyses.singular_values import singular_values
from relu_jax.analyses.sparsity import Sparsity, sparsity, union_active
from relu_jax.analyses.spectrum import Spectrum, spectrum_of

__all__ = [
    "Between",
    "Bounds",
    "BucketRegions",
    "Cells",
    "Certificate",
    "Collapse",
    "DeadUnits",
    "Dimension",
    "GradientFlow",
    "Invariance",
    "Kinked",
    "Kinks",
    "Leaf",
    "Passed",
    "Paths",
    "Probe",
    "Regions",
    "Saturation",
    "Separability",
    "Sparsity",
    "Spectrum",
    "Stability",
    "Underflow",
    "between",
    "bounds",
    "bucket_regions",
    "cells",
    "circle_regions",
    "collapse",
    "dead_units",
    "dimension",
    "gradient_flow",
    "invariance",
    "jacobian",
    "jacobian_plan",
    "kinks",
    "of_site",
    "paths",
    "regions",
    "saturation",
    "separability",
    "singular_values",
    "sparsity",
    "spectrum_of",
    "union_active",
]
