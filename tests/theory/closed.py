"""Parameters, none of them a default, for the functions whose kernels have closed forms."""

PARAMS = {
    "slope": 0.3,
    "left": -0.2,
    "right": 1.4,
    "low": 0.125,
    "high": 0.375,
    "scale": 0.9,
    "bias": -0.4,
    "at_zero": 0.0,
    "frequency": 1.7,
    "width": 0.8,
}
