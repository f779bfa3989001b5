"""How does a stored report become one page that needs nothing else?

The page is one file: styles, script and pictures are inside, and its content-security
policy allows nothing but them, by their SHA-256 sums. All text is escaped.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from relu_jax.core import strict_json
from relu_jax.core.errors import UsageError, describe, rejected
from relu_jax.report import (
    coverage,
    definitions,
    depth,
    geometry,
    panels,
    svg,
    text,
    tried,
    verdicts,
    watched,
)

SCHEMA = "relu_jax.report/1"
_PARTS = {
    "runs": "runs", "watched": "watched runs", "tried": "rankings", "spectra": "spectrums",
    "slices": "slices",
}  # fmt: skip
_TEMPLATES = Path(__file__).parent / "templates"


def page(report: Mapping[str, Any]) -> str:
    """Draw a report as one self-contained HTML page.

    Args:
        report: a report dictionary (schema ``relu_jax.report/1``), as `read` gives it.

    Returns:
        The page's text. The same report gives the same text.

    Raises:
        UsageError: the dictionary is not of this schema.

    Edges:
        No run, no site, 200 sites, NaN, ∞, None and hostile names are all drawn; what has
        no place on a scale is marked as a gap.

    Example:
        >>> page({"schema": "relu_jax.report/1", "title": "a < b", "runs": []})[:15]
        '<!doctype html>'
    """
    check(report)
    style, script = _read("page.css"), _read("page.js")
    runs = verdicts.runs(report)
    depths = depth.depths(runs)
    return (
        _environment()
        .get_template("page.html")
        .render(
            report=report,
            runs=runs,
            groups=verdicts.groups(runs),
            paired=_paired(runs),
            covered=_covered(runs),
            headline=verdicts.headline(runs, report),
            policy=_policy(style, script),
            style=Markup(style),
            script=Markup(script),
            data=_inert(report),
            watched=watched.watched(report),
            tried=tried.tried(report),
            depths=depths,
            depth_tables=depth.distinct(depths),
            spectra=geometry.spectra(report),
            slices=geometry.slices(report),
            **_drawn(runs),
        )
    )


def check(report: Mapping[str, Any]) -> None:
    """Refuse what is not a report dictionary of this version.

    Raises:
        UsageError: another schema, or runs or other parts that are no list of dictionaries.

    Example:
        >>> check({"schema": "relu_jax.report/1", "runs": []})
    """
    schema = report.get("schema")
    if schema != SCHEMA:
        raise rejected(
            rule=f"a report has schema {SCHEMA!r}",
            got=describe(schema),
            do="pass a file that relu-jax report or Diagnosis.report wrote",
            kind=UsageError,
        )
    for part, what in _PARTS.items():
        held = report.get(part, None if part == "runs" else [])
        if not isinstance(held, (list, tuple)) or not all(isinstance(one, dict) for one in held):
            raise rejected(
                rule=f"a report's {what} are a list of {what.removesuffix('s')} dictionaries",
                got=describe(held),
                do="write the report again",
                kind=UsageError,
            )


def _drawn(runs: tuple[verdicts.Run, ...]) -> dict[str, Any]:
    return {
        "gradient": panels.flow(runs, "rms_d_pre", "RMS gradient"),
        "signal": panels.flow(runs, "rms_post", "RMS activation"),
        "shares": panels.shares(runs),
        "activity": panels.activity(runs),
        "before": panels.histograms(runs, "hist_pre"),
        "backward": panels.histograms(runs, "hist_d_pre"),
        "curves": panels.curves(runs),
        "sparks": {run.order: panels.spark(run, runs) for run in runs if run.sites},
    }


@cache
def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "number": text.number,
        "factor": text.factor,
        "moment": text.moment,
        "value": text.value,
        "words": text.words,
        "shorten": text.shorten,
    }
    made.globals |= {
        "site_columns": definitions.SITE_COLUMNS,
        "parameter_columns": definitions.PARAMETER_COLUMNS,
        "terms": definitions.TERMS,
        "severity_of": verdicts.severity_of,
        "severity_words": verdicts.WORDS,
        "reassurance": verdicts.reassurance,
        "ends": panels.ends,
        "exact": text.digits,
        "key": _key,
        "complete": coverage.complete,
    }
    return made


def _shown(output: object) -> object:
    return text.visible(output) if type(output) is str else output


def _key(style: int) -> Markup:
    mark = svg.marker(style, 7, 7, size=5.0)
    inner = svg.group([mark], class_=f"series s{style}")
    return svg.element("svg", inner, viewBox="0 0 14 14", class_="key", aria_hidden="true")


def _paired(runs: tuple[verdicts.Run, ...]) -> bool:
    """Say whether panels fit a grid of one column per group and two stages under each."""
    collected = verdicts.groups(runs)
    stages = [tuple(run.stage for run in members) for members in collected.values()]
    whole = [run for members in collected.values() for run in members] == list(runs)
    return whole and len(stages) in (2, 3, 4) and len(set(stages)) == 1 and len(stages[0]) == 2


def _covered(runs: tuple[verdicts.Run, ...]) -> dict[str, list[verdicts.Run]]:
    """Collect the runs whose coverage reads the same."""
    collected: dict[str, list[verdicts.Run]] = {}
    for run in runs:
        told = coverage.coverage_words(run.record.get("coverage"))
        collected.setdefault(told, []).append(run)
    return collected


def _read(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src {_sum(style)}; script-src {_sum(script)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _sum(inline: str) -> str:
    digest = hashlib.sha256(inline.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _inert(report: Mapping[str, Any]) -> Markup:
    """Write the record as JSON that can close no element: <, > and & become escapes."""
    compact = json.dumps(json.loads(strict_json.to_json(dict(report))), separators=(",", ":"))
    for character in "<>&":
        compact = compact.replace(character, f"\\u{ord(character):04x}")
    return Markup(compact)
