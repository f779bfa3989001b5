"""The command line: reports and diagnoses. Imports stay inside the chosen command."""

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from relu_jax import __version__
from relu_jax.core import errors

# Exit codes; 1 says that --fail-on found something, 130 is what a shell gives for Ctrl-C.
USAGE, DATA, STOPPED = 2, 3, 130
# What `what-if` tries where nothing is named: the common ones of each family.
USUAL = ("relu", "leaky_relu", "gelu", "silu", "tanh")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command of ``relu-jax``.

    Args:
        argv: the words after the program's name; None takes them from the command line.

    Returns:
        0, or 1 where --fail-on asked for it and a finding is that severe, 2 for a wrong command
        line, file or build function, 3 for wrong parameters or batches, 130 after Ctrl-C.

    Example:
        >>> main(["diagnose", "no_such_file.py:build"])
        2
    """
    args = _parser().parse_args(argv)
    try:
        return args.run(args)
    except KeyboardInterrupt:
        print("relu-jax: stopped", file=sys.stderr)
        return STOPPED
    except (ValueError, TypeError, NotImplementedError, RuntimeError) as wrong:
        if not errors.is_worded(wrong):
            raise  # a defect: its traceback is wanted
        print(f"relu-jax: error: {wrong}", file=sys.stderr)
        return DATA if isinstance(wrong, errors.DataError) else USAGE


def _say(text: str) -> None:
    """Print, whatever standard output is: a reader that left, a full disk, an old encoding."""
    stream = sys.stdout
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        print(text.encode(encoding, "backslashreplace").decode(encoding), flush=True)
    except BrokenPipeError:  # as after `| head`: nobody listens, the verdict still counts
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    except OSError as wrong:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        raise errors.rejected(
            rule="standard output takes the table",
            got=wrong.strerror or str(wrong),
            do="write it to another place",
            kind=errors.UsageError,
        ) from wrong


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="relu-jax",
        description="See what activation functions do to the signal and the gradient.",
        epilog="Exit codes: 0, or 1 if --fail-on found something that severe; 2 for a wrong "
        "command line, file or build function; 3 for wrong parameters or batches.",
    )
    parser.add_argument("--version", action="version", version=f"relu-jax {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    report = commands.add_parser(
        "report",
        help="train one deep network four ways on real digits and write the gradient report",
        description="Train the same 8-layer network on handwritten digits with sigmoid, tanh and "
        "ReLU, Xavier and He, diagnose each before and after, and write one page.",
    )
    report.add_argument("--out", default="report.html", help="the page (default: %(default)s)")
    report.add_argument("--json", help="the record (default: beside the page)")
    report.add_argument("--force", action="store_true", help="replace files that exist")
    report.add_argument("--steps", type=int, default=600, help="of training (default: %(default)s)")
    report.add_argument("--depth", type=int, default=8, help="weight layers (default: %(default)s)")
    report.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")
    report.set_defaults(run=_report)
    diagnose = commands.add_parser(
        "diagnose",
        help="diagnose a model of your own",
        description="Diagnose the model that FILE.py's function returns: build() gives "
        "(loss, params, batches) with loss(params, batch) -> scalar or (scalar, aux).",
    )
    diagnose.add_argument("target", metavar="FILE.py:build", help="the file and the function")
    diagnose.add_argument("--out", help="also write the page here")
    diagnose.add_argument("--json", help="also write the record here")
    diagnose.add_argument("--force", action="store_true", help="replace files that exist")
    diagnose.add_argument(
        "--depth",
        choices=("fast", "full"),
        default="fast",
        help="full also measures the first batch against theory (default: %(default)s)",
    )
    diagnose.add_argument(
        "--fail-on", choices=("warning", "critical"), help="exit with 1 if a finding is that severe"
    )
    diagnose.set_defaults(run=_diagnose)
    what_if = commands.add_parser(
        "what-if",
        help="try other activations and starts on a model of your own, and rank them",
        description="Try changes, one at a time, on the model that FILE.py's function returns, as "
        "for diagnose. Without --swap and --lsuv, the usual ones: "
        f"{', '.join(USUAL)} at every activation, and a start that gives every layer the same "
        "signal (LSUV). Without --steps, starts are compared and nothing is trained.",
    )
    what_if.add_argument("target", metavar="FILE.py:build", help="the file and the function")
    what_if.add_argument(
        "--swap",
        action="append",
        default=[],
        metavar="SELECTOR=NAME[:parameter=value,...]",
        help="put an activation in the place of those a selector means (an id, a kind, a pattern "
        "of paths); may be given several times",
    )
    what_if.add_argument("--lsuv", action="store_true", help="also try the LSUV start")
    what_if.add_argument("--steps", type=int, default=0, help="of training (default: %(default)s)")
    what_if.add_argument("--seeds", type=int, default=3, help="(default: %(default)s)")
    what_if.add_argument(
        "--learning-rate", type=float, help="of plain descent (default: Adam at 1e-3)"
    )
    what_if.add_argument("--out", help="also write the page here")
    what_if.add_argument("--json", help="also write the numbers here")
    what_if.add_argument("--force", action="store_true", help="replace files that exist")
    what_if.set_defaults(run=_what_if)
    activations = commands.add_parser(
        "activations",
        help="list all activation functions, or tell everything about some",
        description="Without a name, list the catalogue in a table, and the names of what is not "
        "elementwise below it. With names, print the card "
        "of each: range, kinks, extrema, averages under a normal input, gains, and where the "
        "derivative is rounded to 0 on this machine. Of a gated unit, a function that mixes units "
        "or one with parameters to train, print its formula, source and parameters.",
    )
    activations.add_argument(
        "names",
        nargs="*",
        metavar="NAME[:parameter=value,...]",
        help="such as relu, leaky_relu:slope=0.2 or hard_tanh:low=-2,high=2",
    )
    activations.add_argument(
        "--variance", type=float, default=1.0, help="of the normal input (default: %(default)s)"
    )
    activations.add_argument(
        "--plot", action="store_true", help="also plot f, f' and f'' of each name"
    )
    activations.set_defaults(run=_activations)
    return parser


def _report(args: argparse.Namespace) -> int:
    from pathlib import Path

    from relu_jax.core import files

    json_path = args.json or str(Path(args.out).with_suffix(".json"))
    files.refuse_unwritable(args.out, json_path, force=args.force)

    from relu_jax import report
    from relu_jax.experiments import gradient_report

    config = gradient_report.Config(depth=args.depth, steps=args.steps, seed=args.seed)
    with _progress() as tell:
        made = gradient_report.run(config, tell)
    for run in made["runs"]:
        _say(report.table(run))
    for run in made["runs"]:  # once more, where the reader's eye is
        _say(report.table(run).splitlines()[0])
    report.write(made, args.out, json_path, force=args.force)
    _say(f"{args.out} and {json_path} written")
    return 0


def _diagnose(args: argparse.Namespace) -> int:
    from pathlib import Path

    from relu_jax.core import files

    wanted = [path for path in (args.out, args.json) if path is not None]
    files.refuse_unwritable(*wanted, force=args.force)

    from relu_jax import diagnosis, report
    from relu_jax.core import strict_json

    loss, params, batches = diagnosis.load_build(args.target)
    with _progress() as tell:
        found = diagnosis.diagnose(
            loss, params, batches, progress=lambda n: tell(None, f"batch {n}"), depth=args.depth
        )
    run = found.to_dict(name=args.target)
    command = f"relu-jax diagnose {Path(args.target).name}"
    made = diagnosis.as_report(
        run,
        title=f"Diagnosis of {args.target}",
        provenance={**found.provenance, "command": command},
    )
    _say(report.table(run))  # first: no full disk shall cost the diagnosis
    if args.out:
        report.write(made, args.out, args.json, force=args.force)
    elif args.json:
        files.write_text(args.json, strict_json.to_json(made), force=args.force)
    for path in wanted:
        _say(f"{path} written")
    return int(_severe(found.findings, args.fail_on))


def _what_if(args: argparse.Namespace) -> int:
    from relu_jax.core import files

    wanted = [path for path in (args.out, args.json) if path is not None]
    files.refuse_unwritable(*wanted, force=args.force)
    swaps: dict[Any, list[Any]] = {}
    for word in args.swap:
        selector, equals, name = word.partition("=")
        if not (selector and equals):
            raise errors.rejected(
                rule="a swap is written SELECTOR=NAME",
                got=repr(word),
                do="as in --swap relu=gelu, or --swap layers/0=leaky_relu:slope=0.2",
                kind=errors.UsageError,
            )
        swaps.setdefault(selector, []).append(_named(name))

    from relu_jax import diagnosis, tap

    loss, params, batches = diagnosis.load_build(args.target)
    batches = list(batches)
    if not (swaps or args.lsuv):
        swaps = {tap.Selector(lambda sites: {site.id for site in sites}, "all"): list(USUAL)}
    asked = args.lsuv or not args.swap
    inits = {"lsuv": diagnosis.lsuv(loss, batches[0])} if asked and batches else None
    with _progress() as tell:
        found = diagnosis.what_if(
            loss,
            params,
            batches,
            swaps=swaps,
            inits=inits,
            steps=args.steps,
            seeds=args.seeds,
            learning_rate=args.learning_rate,
            progress=lambda done, total, name: tell(done / total, name),
        )
    _say(str(found))  # first: no full disk shall cost the comparison
    if args.out:
        found.report(args.out, title=f"What if: {args.target}", force=args.force)
    if args.json:
        found.save(args.json, force=args.force)
    for path in wanted:
        _say(f"{path} written")
    return 0


def _activations(args: argparse.Namespace) -> int:
    from relu_jax import activations
    from relu_jax.activations import lookup
    from relu_jax.activations.card_text import value_range
    from relu_jax.activations.cards import card, summaries
    from relu_jax.activations.entry_text import entry_text
    from relu_jax.report.cards import activation_table, plot_text

    chosen = [_named(word) for word in args.names]  # every mistake before any work
    for act in chosen:
        if not isinstance(act, activations.Activation):
            _say(f"{entry_text(act)}\n")
            continue
        told = card(act, variance=args.variance)
        _say(f"{told}\n")
        if args.plot:
            _say(plot_text(_panels(act, told)) + "\n")
    if not chosen:
        rows, count = [], len(activations.CATALOGUE)
        with _progress() as tell:
            for told in summaries(activations.CATALOGUE, variance=args.variance):
                rows.append(told._asdict() | {"range": value_range(told.lowest, told.highest)})
                tell(len(rows) / count, told.name)
        _say(activation_table(rows))
        for home in lookup.HOMES[1:]:
            _say(f"{home.whole}: {', '.join(entry.name for entry in home.entries)}")
    return 0


def _named(word: str) -> Any:
    """Read NAME:parameter=value,... as an activation; a bare NAME as an entry of any registry."""
    from relu_jax.activations import lookup

    name, _, rest = word.partition(":")
    params = {}
    for pair in rest.split(",") if rest else []:
        key, equals, value = pair.partition("=")
        try:
            params[key.strip()] = float(value)
        except ValueError:
            equals = ""
        if not equals:
            raise errors.rejected(
                rule="parameters follow a name as NAME:parameter=value,...",
                got=repr(pair),
                do="write a number after =, such as leaky_relu:slope=0.2",
                kind=errors.UsageError,
            )
    return lookup.get(name, **params) if params else lookup.find_any(name)


def _panels(act: Any, told: Any) -> list[Any]:
    from relu_jax.activations.cards import window
    from relu_jax.activations.curves import pieces
    from relu_jax.report.cards import Panel

    parts = [part.tolist() for part in pieces(act, *window(told))]
    dots = [(), [(kink.x, kink.taken) for kink in told.kinks], ()]
    return [
        Panel(name, [list(zip(part[0], part[i + 1], strict=True)) for part in parts], dots[i])
        for i, name in enumerate(("f", "f'", "f''"))
    ]


def _severe(findings: Sequence[Any], fail_on: str | None) -> bool:
    severe = {"warning": ("warning", "critical"), "critical": ("critical",)}.get(fail_on or "", ())
    return any(finding.severity in severe for finding in findings)


@contextmanager
def _progress() -> Iterator[Callable[[float | None, str], None]]:
    """Show a bar on a terminal's standard error; say nothing elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (SpinnerColumn(), BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("", total=None)

        def tell(fraction: float | None, what: str) -> None:
            total = None if fraction is None else 1.0
            bar.update(task, completed=fraction, total=total, description=rich_text(what))

        yield tell


def rich_text(text: str) -> str:
    r"""Keep square brackets in a name from being read as colours.

    Example:
        >>> rich_text("layers[0]")
        'layers\\[0]'
    """
    return text.replace("[", r"\[")


if __name__ == "__main__":
    sys.exit(main())
