"""Shared ground of every layer: types, numbers, errors and records."""
