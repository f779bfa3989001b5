"""Theory: what an activation does to normal signals, and what follows for wide networks."""

from relu_jax.theory.accuracy import Estimate
from relu_jax.theory.arc_cosine import arc_cosine, two_slope, two_slope_slope
from relu_jax.theory.born_dead import (
    born_dead_at_least,
    born_dead_at_most,
    width_against_birth_death,
)
from relu_jax.theory.closed_forms import CLOSED_FORMS, ClosedForm, polynomial
from relu_jax.theory.critical import Critical, critical_init
from relu_jax.theory.expectation import expectation, expectation_with_error
from relu_jax.theory.fixed_points import FixedPoints, variance_fixed_points
from relu_jax.theory.initialise import (
    Initialisers,
    critical,
    delta,
    gain_of,
    gaussian,
    he,
    lecun,
    orthogonal,
    variance_preserving,
    xavier,
)
from relu_jax.theory.kernels import closed_form, dual, dual_slope
from relu_jax.theory.maps import Trajectory, correlation_map, trajectory, variance_map
from relu_jax.theory.mean_field import (
    CHAOTIC,
    CRITICAL,
    ORDERED,
    MeanField,
    Phase,
    chi_1,
    depth_scale,
    mean_field,
    phase_diagram,
)
from relu_jax.theory.moments import (
    Moments,
    average,
    average_with_error,
    moments,
    moments_with_error,
)
from relu_jax.theory.nngp import nngp, ntk
from relu_jax.theory.prediction import Kernels, Prediction, gradient_flow, posterior, trained
from relu_jax.theory.quadrature import error_of
from relu_jax.theory.singular_values import singular_value_law
from relu_jax.theory.spectrum import (
    GAUSSIAN,
    ORTHOGONAL,
    LogNorm,
    Spectrum,
    jacobian_spectrum,
    largest_squared_singular_value,
    log_norm_law,
)
from relu_jax.theory.transform import chain, dks, leaky_correlation, tat, tat_leaky_relu, tat_slope

__all__ = [
    "CHAOTIC",
    "CLOSED_FORMS",
    "CRITICAL",
    "GAUSSIAN",
    "ORDERED",
    "ORTHOGONAL",
    "ClosedForm",
    "Critical",
    "Estimate",
    "FixedPoints",
    "Initialisers",
    "Kernels",
    "LogNorm",
    "MeanField",
    "Moments",
    "Phase",
    "Prediction",
    "Spectrum",
    "Trajectory",
    "arc_cosine",
    "average",
    "average_with_error",
    "born_dead_at_least",
    "born_dead_at_most",
    "chain",
    "chi_1",
    "closed_form",
    "correlation_map",
    "critical",
    "critical_init",
    "delta",
    "depth_scale",
    "dks",
    "dual",
    "dual_slope",
    "error_of",
    "expectation",
    "expectation_with_error",
    "gain_of",
    "gaussian",
    "gradient_flow",
    "he",
    "jacobian_spectrum",
    "largest_squared_singular_value",
    "leaky_correlation",
    "lecun",
    "log_norm_law",
    "mean_field",
    "moments",
    "moments_with_error",
    "nngp",
    "ntk",
    "orthogonal",
    "phase_diagram",
    "polynomial",
    "posterior",
    "singular_value_law",
    "tat",
    "tat_leaky_relu",
    "tat_slope",
    "trained",
    "trajectory",
    "two_slope",
    "two_slope_slope",
    "variance_fixed_points",
    "variance_map",
    "variance_preserving",
    "width_against_birth_death",
    "xavier",
]
