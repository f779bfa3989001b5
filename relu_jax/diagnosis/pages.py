"""How do diagnoses, watched runs, rankings, spectra and slices come onto one page?"""

import os
from collections.abc import Mapping
from typing import Any

from relu_jax.analyses import Cells, Spectrum
from relu_jax.core import errors, handover
from relu_jax.diagnosis import geometry
from relu_jax.diagnosis.comparison import Comparison
from relu_jax.diagnosis.result import Diagnosis, as_report
from relu_jax.diagnosis.series import Series

Part = Diagnosis | Series | Comparison | Spectrum | Cells


def report(
    html_path: str | os.PathLike[str],
    parts: Any,
    *,
    title: str = "Report",
    force: bool = False,
) -> None:
    """Write several results as one self-contained HTML page.

    Args:
        html_path: where.
        parts: {name: part}, what `rj.diagnose`, `Log.series`, `rj.monitor.read`, `rj.what_if`,
            `rj.analyses.singular_values` and `rj.analyses.cells` gave, each under the name it is to
            have on the page, in order.
        title: of the page.
        force: whether to replace a file that is there.

    Raises:
        TypeError: parts without names, or one that is none of these.
        ValueError: no part, or a slice of more than 5,000 cells.
        UsageError: the file exists and `force` is off, or its folder cannot be written.

    Edges: of a `Comparison` the ranking is shown; its diagnoses are on the page of its own
    `report`.

    Example:
        >>> import jax, jax.numpy as jnp, tempfile, pathlib, relu_jax as rj
        >>> loss, x = lambda w, x: jnp.mean(jax.nn.relu(x @ w) ** 2), [jnp.ones((4, 3))]
        >>> parts = {
        ...     "at the start": rj.diagnose(loss, jnp.eye(3), x),
        ...     "what if": rj.what_if(loss, jnp.eye(3), x, swaps={"relu": "gelu"}),
        ... }
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = pathlib.Path(folder) / "page.html"
        ...     report(file, parts, title="Mine")
        ...     file.stat().st_size > 10_000
        True
    """
    if not isinstance(parts, Mapping):
        raise errors.rejected(
            rule="the parts of a page have names",
            got=errors.describe(parts),
            do='pass {"at the start": rj.diagnose(...)}',
            kind=TypeError,
        )
    if not parts:
        raise errors.rejected(
            rule="a page has a part", got="none", do='pass {"at the start": rj.diagnose(...)}'
        )
    for name, part in parts.items():
        if not isinstance(part, Part):
            raise errors.rejected(
                rule="a page is made of diagnoses, watched runs, rankings, spectra and slices",
                got=f"{errors.describe(part)} as {name!r}",
                do="pass what rj.diagnose, Log.series, rj.what_if, rj.analyses.singular_values or "
                "rj.analyses.cells gave",
                kind=TypeError,
            )
    runs = [d.to_dict(name=name) for name, d in parts.items() if isinstance(d, Diagnosis)]
    watched = [s.to_dict(name=name) for name, s in parts.items() if isinstance(s, Series)]
    tried = [c.ranking(name=name) for name, c in parts.items() if isinstance(c, Comparison)]
    spectra = [geometry.spectrum(name, s) for name, s in parts.items() if isinstance(s, Spectrum)]
    slices = [geometry.slice_of(name, c) for name, c in parts.items() if isinstance(c, Cells)]
    made = as_report(
        *runs, title=title, watched=watched, tried=tried, spectra=spectra, slices=slices
    )
    handover.report_writer()(made, html_path, force=force)
