"""What do the stored numbers say? One HTML page, one JSON file, one table in the terminal.

Drawn from stored records alone: no model, no data and no JAX are needed to look again.
"""

from relu_jax.report.document import page
from relu_jax.report.files import read, write
from relu_jax.report.terminal import table

__all__ = ["page", "read", "table", "write"]
