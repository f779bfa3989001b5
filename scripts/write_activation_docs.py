"""Write docs/activations.md and its pictures from the cards of the catalogue.

Claim:   every number in docs/activations.md is computed, and a test notices when it is stale.
Cost:    about a minute on two cores.
Expect:  "N activations written"; with --check "up to date", or a list of stale files and exit 1.
Command: python scripts/write_activation_docs.py [--check]
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import relu_jax as rj
from relu_jax.activations import Activation
from relu_jax.activations.card_text import facts, number, settings, value_range
from relu_jax.activations.cards import Card, Summary, card, summaries, window
from relu_jax.activations.curves import pieces
from relu_jax.report.cards import Panel, picture

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE = "activations.md"
HEAD = """# The activation functions

Written by `python scripts/write_activation_docs.py`; do not edit. The same facts, for any
parameters and any variance, come from `relu-jax activations NAME:parameter=value`, which also
measures where this machine rounds f' to 0; such facts differ from machine to machine and are not
printed here.

- **range**: a square bracket says that the bound is attained.
- **kinks**: the slope before, at and after each; at it, the slope that our derivative takes.
- **extrema**: the bounds of f' and f'' away from kinks, and the turns nearest to 0.
- **x ~ N(0, 1)**: averages over a normal input.
- **gains**: *signal* is 1/√(E f²), which keeps the variance of the pre-activations; *gradient* is
  1/√(E f'²), which keeps the mean squared gradient; *PyTorch* is `calculate_gain`.
- **variance map**: the variances q that a wide layer with the signal gain and no bias leaves as
  they are, in q → gain² E f(√q z)², between 1/100 and 100, and 0. A slope within ±1 is stable.
- **like a neuron**: *one-sidedness* is 1 − E |f(−|x|)| / E |f(|x|)|, at least 0. *Width* is 2h/U,
  at most 1, where h is the first x above 0 at which f is halfway from f(0+) to f(U), and U = 10;
  0 where f(U) is not above f(0+). *Sparsity* is P(f(x) = 0). The three measures are ours.

| name | formula | range | E f | signal gain | kinks |
| --- | --- | --- | --- | --- | --- |
"""


def row(told: Summary) -> str:
    """Write the line of one activation in the overview."""
    formula = told.formula.replace("|", "\\|")
    kinks = ", ".join(map(number, told.kinks)) or "–"
    bounds = value_range(told.lowest, told.highest)
    numbers = f"{number(told.mean)} | {number(told.gain)}"
    return f"| [{told.name}](#{told.name}) | `{formula}` | {bounds} | {numbers} | {kinks} |\n"


def section(told: Card) -> str:
    """Write the section of one activation."""
    lines = [f"- **{label}** {words}\n" for label, words in facts(told)]
    return (
        f"\n## {told.name}\n\n`{told.formula}`{settings(told.params) and ' with '}"
        f"{settings(told.params).strip('()')}\n\n"
        f"![f, f' and f'' of {told.name}](activations/{told.name}.svg)\n\n{''.join(lines)}"
    )


def drawing(act: Activation, told: Card) -> str:
    """Draw f, f' and f'', with a dot at the slope that is taken at each kink."""
    parts = [
        [[float(f"{x:.9g}") for x in line] for line in part] for part in pieces(act, *window(told))
    ]
    dots = [(), [(kink.x, kink.taken) for kink in told.kinks], ()]
    panels = [
        Panel(name, [list(zip(part[0], part[i + 1], strict=True)) for part in parts], dots[i])
        for i, name in enumerate(("f", "f′", "f″"))
    ]
    return picture(f"f, f' and f'' of {told.name}", panels)


def overview(acts: Sequence[Activation]) -> str:
    """Write everything above the first section."""
    return HEAD + "".join(map(row, summaries(acts)))


def written(acts: Sequence[Activation]) -> Iterator[tuple[str, str]]:
    """Yield the name below docs/ and the text of every file."""
    with ThreadPoolExecutor(2) as pool:
        cards = list(pool.map(lambda act: card(act, dtypes=()), acts))
    yield PAGE, overview(acts) + "".join(map(section, cards))
    for act, told in zip(acts, cards, strict=True):
        yield f"activations/{act.name}.svg", drawing(act, told)


def main(words: Sequence[str] | None = None) -> int:
    """Write the files, or compare them with what stands there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 if stale")
    checked = parser.parse_args(words).check
    files = dict(written(rj.activations.CATALOGUE))
    there = [DOCS / PAGE, *(DOCS / "activations").glob("*.svg")]
    stale = [path for path in there if path.relative_to(DOCS).as_posix() not in files]
    for name, text in files.items():
        path = DOCS / name
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(path)
        if not checked:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if checked:
        print("\n".join(str(path) for path in stale) or "up to date")
        return int(bool(stale))
    for path in set(there) - {DOCS / name for name in files}:
        path.unlink(missing_ok=True)
    print(f"{len(files) - 1} activations written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
