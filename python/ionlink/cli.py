"""The command line: ``ionlink presets``, ``ionlink show`` and ``ionlink run``."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import ionlink
from ionlink import presets, seeds
from ionlink.errors import IonlinkError, ParameterError
from ionlink.link import Link
from ionlink.results import Estimate, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ionlink.parameters import Measured
    from ionlink.results import Exact, Run

_DEFAULT_HERALDS = 100_000
_REFUSED, _INTERRUPTED = 2, 130


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(_REFUSED, f"{self.prog}: {message}\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the result is the exit code."""
    options = _parser().parse_args(argv)
    try:
        code: int = options.command(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # the reader has seen enough; keep the interpreter from complaining when it closes stdout
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (IonlinkError, OSError, ImportError) as error:
        print(f"ionlink: {' '.join(str(error).split())}", file=sys.stderr)
        return _REFUSED
    except KeyboardInterrupt:
        return _INTERRUPTED
    return code


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="ionlink", description="Monte-Carlo simulation of trapped-ion photonic links.")
    parser.add_argument("--version", action="version", version=f"ionlink {ionlink.__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")

    listing = commands.add_parser("presets", help="list the shipped links")
    listing.set_defaults(command=_presets)

    show = commands.add_parser("show", help="print a link file")
    show.add_argument("link", help="name of a preset, or a link file")
    show.set_defaults(command=_show)

    run = commands.add_parser("run", help="exact, sampled and published results side by side")
    run.add_argument("link", help="name of a preset, or a link file")
    stop = run.add_mutually_exclusive_group()
    stop.add_argument(
        "--heralds", type=_number, metavar="N", help=f"heralds to draw (default {_DEFAULT_HERALDS})"
    )
    stop.add_argument("--attempts", type=_number, metavar="N", help="attempts to make")
    stop.add_argument("--duration", type=_number, metavar="S", help="laboratory time (s)")
    run.add_argument("--seed", type=int, metavar="S", help="whole number; default: drawn and reported")
    run.add_argument("--threads", type=int, metavar="T", help="default: all; changes no result")
    run.add_argument("--out", metavar="FILE", help="save the run (.npz or .csv)")
    run.add_argument("--plot", metavar="FILE", help="save a picture of the link and the run")
    run.add_argument("--json", action="store_true", help="print for machines")
    run.set_defaults(command=_run)
    return parser


def _number(text: str) -> float:
    try:
        return int(text)
    except ValueError:
        return float(text)


def _presets(_: argparse.Namespace) -> int:
    print(table([(name, presets.load(name).reference or "") for name in presets.names()], "<<"))
    return 0


def _show(options: argparse.Namespace) -> int:
    name: str = options.link
    if name in presets.names():
        print(presets.text(name), end="")
    else:
        _link(name)
        print(Path(name).read_text(encoding="utf-8"), end="")
    return 0


def _link(name: str) -> Link:
    if name in presets.names():
        return presets.load(name)
    if not Path(name).exists():
        raise ParameterError(
            f"{name!r} is neither a preset ({', '.join(presets.names())}) nor a file", path="link"
        )
    return Link.from_toml(name)


def _run(options: argparse.Namespace) -> int:
    link = _link(options.link)
    limits = {"heralds": options.heralds, "attempts": options.attempts, "duration_s": options.duration}
    if all(limit is None for limit in limits.values()):
        limits["heralds"] = _DEFAULT_HERALDS
    for name, path in (("out", options.out), ("plot", options.plot)):
        if path is not None and not Path(path).absolute().parent.is_dir():
            raise ParameterError(f"--{name} {path}: no such folder", path=name)
    code = 0
    try:
        run = link.sample(**limits, seed=options.seed, threads=options.threads, progress=True)
    except KeyboardInterrupt as interrupt:
        partial: Run | None = getattr(interrupt, "partial", None)
        if partial is None:
            raise
        run, code = partial, _INTERRUPTED
    exact = link.exact()
    rows = _rows(exact, run)
    if options.json:
        print(json.dumps(_document(run, rows), indent=2, allow_nan=False))
    else:
        print(_report(run, rows))
    if options.out is not None:
        run.save(options.out)
    if options.plot is not None:
        from ionlink import plot

        plot.link(link, run).savefig(options.plot, dpi=150)
    return code


class _Row(NamedTuple):
    quantity: str
    exact: float
    sampled: Estimate
    published: Estimate | None


def _rows(exact: Exact, run: Run) -> list[_Row]:
    return [
        _Row(
            "herald_probability",
            exact.herald_probability,
            run.herald_probability,
            _published(run, "herald_probability"),
        ),
        _Row("rate_hz", exact.rate_hz, run.rate_hz, _published(run, "rate_hz")),
        _Row("fidelity", exact.fidelity, run.fidelity, _published(run, "fidelity")),
        *(
            _Row(f"fidelity {name}", outcome.fidelity, run.fidelities[name], None)
            for name, outcome in exact.outcomes.items()
        ),
    ]


def _published(run: Run, quantity: str) -> Estimate | None:
    """Published value with its 95 % interval, of no width if no uncertainty was published."""
    measured: Measured | None = getattr(run.link.published, quantity, None)
    if measured is None:
        return None
    spread = 1.96 * (measured.uncertainty or 0.0)
    return Estimate(measured.value, measured.value - spread, measured.value + spread)


def _report(run: Run, rows: list[_Row]) -> str:
    titles = {"herald_probability": "herald probability", "rate_hz": "rate (1/s)"}
    lines = [("", "exact", "sampled", "published")]
    for row in rows:
        published = ""
        if row.published is not None:
            exactly = row.published.low == row.published.high
            published = f"{row.published.value:g}" if exactly else str(row.published)
        lines.append(
            (titles.get(row.quantity, row.quantity), f"{row.exact:.6g}", str(row.sampled), published)
        )
    state = "interrupted after" if run.interrupted else "from"
    effort = f"{run.attempts:,} attempts, {run.duration_s:.4g} s of laboratory time"
    head = f"{run.link}\n{run.heralds:,} heralds {state} {effort}; seed {run.seed}"
    return f"{head}\n\n{table(lines, '<>>>')}"


def _document(run: Run, rows: list[_Row]) -> dict[str, object]:
    """Result for machines; numbers that do not exist are null."""

    def number(value: float) -> float | None:
        return value if math.isfinite(value) else None

    def interval(estimate: Estimate | None) -> dict[str, float | None] | None:
        return estimate and {name: number(value) for name, value in estimate._asdict().items()}

    return {
        "link": run.link.name,
        "heralds": run.heralds,
        "attempts": run.attempts,
        "start_attempt": run.start_attempt,
        "duration_s": run.duration_s,
        "interrupted": run.interrupted,
        "seed": seeds.plain(run.seed),
        "engine": run.engine,
        "stream_version": run.stream_version,
        "version": run.version,
        "results": {
            row.quantity: {
                "exact": number(row.exact),
                "sampled": interval(row.sampled),
                "published": interval(row.published),
            }
            for row in rows
        },
    }
