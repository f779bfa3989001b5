"""Experiments: one file, one question, a Config fixed before the run and a result after it."""

from relu_jax.experiments import gradient_report

__all__ = ["gradient_report"]
