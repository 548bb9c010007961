"""The command line: ``ionlink presets``, ``show``, ``budget``, ``run``, ``clicks``, ``sweep``, ``merge``."""

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
from ionlink.errors import IonlinkError, ModelError, ParameterError
from ionlink.link import Link
from ionlink.results import Estimate, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ionlink.parameters import Measured
    from ionlink.results import Exact
    from ionlink.runs import Run

_DEFAULT_HERALDS = 100_000
_REFUSED, _INTERRUPTED = 2, 130
_MOST_NAMED = 8


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
        told = "; ".join([str(error), *getattr(error, "__notes__", ())])
        print(f"ionlink: {' '.join(told.split())}", file=sys.stderr)
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

    budget = commands.add_parser("budget", help="where the infidelity comes from")
    budget.add_argument("link", help="name of a preset, or a link file")
    budget.add_argument("--json", action="store_true", help="print for machines")
    budget.set_defaults(command=_budget)

    run = commands.add_parser("run", help="exact, sampled and published results side by side")
    run.add_argument("link", help="name of a preset, a link file, or a network file")
    stop = run.add_mutually_exclusive_group()
    stop.add_argument(
        "--heralds", type=number, metavar="N", help=f"heralds to draw (default {_DEFAULT_HERALDS})"
    )
    stop.add_argument("--attempts", type=number, metavar="N", help="attempts to make")
    stop.add_argument("--duration", type=number, metavar="S", help="laboratory time (s)")
    run.add_argument("--seed", type=int, metavar="S", help="whole number; default: drawn and reported")
    run.add_argument("--engine", metavar="E", help="auto (default), photon, click or herald")
    run.add_argument("--threads", type=int, metavar="T", help="default: all; changes no result")
    run.add_argument("--record", metavar="R", help="networks: summary, deliveries (default) or trace")
    run.add_argument("--trace", metavar="FILE", help="networks: write every event as a line of JSON")
    run.add_argument("--repetitions", type=int, metavar="N", help="networks: independent runs (default 1)")
    run.add_argument("--out", metavar="FILE", help="save the run (.npz, .parquet or .csv)")
    run.add_argument("--plot", metavar="FILE", help="save a picture of the link, or network, and the run")
    run.add_argument("--json", action="store_true", help="print for machines")
    run.set_defaults(command=_run)

    clicks = commands.add_parser("clicks", help="every click with channel and picosecond, in a file")
    clicks.add_argument("link", help="name of a preset, or a link file")
    length = clicks.add_mutually_exclusive_group(required=True)
    length.add_argument("--attempts", type=number, metavar="N", help="attempts to make")
    length.add_argument("--duration", type=number, metavar="S", help="laboratory time (s)")
    clicks.add_argument(
        "--seed", type=int, metavar="S", help="whole number; default: drawn and kept in the file"
    )
    clicks.add_argument(
        "--out", required=True, metavar="FILE", help="Photon-HDF5 (.h5, .hdf5) or Parquet (.parquet)"
    )
    clicks.set_defaults(command=_clicks)

    from ionlink import cli_sweeps

    cli_sweeps.add(commands)
    return parser


def number(text: str) -> float:
    """Whole number of any size, or a number such as 1e6."""
    try:
        return int(text)
    except ValueError:
        return float(text)


def _presets(_: argparse.Namespace) -> int:
    links = [presets.load(name) for name in presets.names()]
    rows = [(link.name or "", ", ".join(_doubtful(link)), link.reference or "") for link in links]
    print(table(rows, "<<<"))
    return 0


def _doubtful(link: Link) -> list[str]:
    """Statuses of inputs that turn a comparison with the experiment into less than a prediction."""
    statuses = {known.status for known in link.inputs}
    return [status for status in ("fitted", "invented") if status in statuses]


def _warnings(link: Link) -> list[str]:
    """One line for each such status, with the parameters concerned, or how many where they are many."""
    lines = []
    for status in _doubtful(link):
        named = [known.parameter for known in link.inputs if known.status == status]
        many = f"{len(named)} of {len(link.inputs)} inputs"
        lines.append(f"{status}: {', '.join(named) if len(named) <= _MOST_NAMED else many}")
    return lines


def _show(options: argparse.Namespace) -> int:
    name: str = options.link
    if name in presets.names():
        print(presets.text(name), end="")
    else:
        link_named(name)
        print(Path(name).read_text(encoding="utf-8"), end="")
    return 0


def link_named(name: str) -> Link:
    """Link of a preset or of a file."""
    if name in presets.names():
        return presets.load(name)
    if not Path(name).exists():
        raise ParameterError(
            f"{name!r} is neither a preset ({', '.join(presets.names())}) nor a file", path="link"
        )
    return Link.from_toml(name)


def _budget(options: argparse.Namespace) -> int:
    link = link_named(options.link)
    budget = link.error_budget()
    if options.json:
        document = {
            "link": link.name,
            "infidelity": _number(budget.infidelity),
            "remainder": _number(budget.remainder),
            "rows": [
                {
                    "mechanism": row.mechanism,
                    "alone": _number(row.alone),
                    "alone_by_state": {name: _number(alone) for name, alone in row.alone_by_state.items()},
                    "off": _number(row.off),
                    "herald_probability": _number(row.herald_probability),
                }
                for row in budget
            ],
            "version": ionlink.__version__,
        }
        print(json.dumps(document, indent=2, allow_nan=False))
    else:
        print(f"{link}\n\n{budget}")
    return 0


def _number(value: float | None) -> float | None:
    """A number for machines; null where there is none."""
    return value if value is not None and math.isfinite(value) else None


def _run(options: argparse.Namespace) -> int:
    from ionlink import network_files

    if (
        options.link not in presets.names()
        and Path(options.link).is_file()
        and network_files.is_network(options.link)
    ):
        from ionlink import network_cli

        return network_cli.run(options)
    for name in ("record", "trace", "repetitions"):
        if getattr(options, name) is not None:
            raise ParameterError(f"--{name} is for networks: {options.link} is a link", path=name)
    link = link_named(options.link)
    limits = {"heralds": options.heralds, "attempts": options.attempts, "duration_s": options.duration}
    if all(limit is None for limit in limits.values()):
        limits["heralds"] = _DEFAULT_HERALDS
    _check_outputs(options.out, options.plot)
    if options.plot is not None:
        link.exact()  # the picture shows exact curves: refuse before the run, not after it
    code = 0
    try:
        run = link.sample(
            **limits,
            seed=options.seed,
            engine=options.engine or "auto",
            threads=options.threads,
            progress=True,
        )
    except KeyboardInterrupt as interrupt:
        partial: Run | None = getattr(interrupt, "partial", None)
        if partial is None:
            raise
        run, code = partial, _INTERRUPTED
    exact = _exact(link)
    if options.json:
        print(json.dumps(_document(exact, run), indent=2, allow_nan=False))
    else:
        print(_report(exact, run))
    if options.out is not None:
        run.save(options.out)
    if options.plot is not None:
        from ionlink import plot

        plot.link(link, run).savefig(options.plot, dpi=150)
    return code


def _clicks(options: argparse.Namespace) -> int:
    from ionlink.timetags import save_click_stream

    seed = seeds.replayable(options.seed)
    count = save_click_stream(
        link_named(options.link),
        options.out,
        attempts=options.attempts,
        duration_s=options.duration,
        seed=seed,
        progress=True,
    )
    print(f"{count:,} time tags in {options.out}; seed {seeds.text(seed)}")
    return 0


def _check_outputs(out: str | None, picture: str | None) -> None:
    """Refuse what could not be written before the run, not after it."""
    for path in (out, picture):
        if path is not None and not Path(path).absolute().parent.is_dir():
            raise ParameterError(f"{path}: no such folder")
    if out is not None:
        from ionlink import storage

        storage.writer_for(out)
    if picture is not None:
        from ionlink import plot

        os.environ.setdefault("MPLBACKEND", "agg")
        plot.check_format(picture)


def _exact(link: Link) -> Exact | None:
    """Exact results, or none where only sampling reaches."""
    try:
        return link.exact()
    except ModelError:
        return None


class _Row(NamedTuple):
    exact: float
    sampled: Estimate
    published: Measured | None = None


def _rows(exact: Exact | None, run: Run) -> dict[str, _Row]:
    names = ("herald_probability", "rate_hz", "fidelity")
    published = run.link.published
    return {
        name: _Row(getattr(exact, name, math.nan), getattr(run, name), getattr(published, name, None))
        for name in names
    }


def _outcomes(exact: Exact | None, run: Run) -> dict[str, _Row]:
    """Fidelity of each announced Bell state."""
    return {
        name: _Row(exact.outcomes[name].fidelity if exact else math.nan, sampled)
        for name, sampled in run.fidelities.items()
    }


def _quoted(measured: Measured | None) -> str:
    """A published number; one that was read in another text says so."""
    if measured is None:
        return ""
    return str(measured) if measured.status == "published" else f"{measured} ({measured.status})"


def _report(exact: Exact | None, run: Run) -> str:
    titles = {"herald_probability": "herald probability", "rate_hz": "rate (1/s)"}
    rows = _rows(exact, run) | {f"  {name}": row for name, row in _outcomes(exact, run).items()}
    cells = [
        (
            titles.get(name, name),
            f"{row.exact:.6g}" if exact else "-",
            str(row.sampled),
            _quoted(row.published),
        )
        for name, row in rows.items()
    ]
    state = "interrupted after" if run.interrupted else "from"
    effort = f"{run.attempts:,} attempts, {run.duration_s:.4g} s of laboratory time"
    head = f"{run.link}\n{run.heralds:,} heralds {state} {effort}; seed {seeds.text(run.seed)}"
    text = f"{head}\n\n{table([('', 'exact', 'sampled', 'published'), *cells], '<>>>')}"
    warnings = _warnings(run.link)
    if warnings:
        text += "\n\n" + "\n".join(warnings)
    if exact is None:
        text += f"\n\nNo exact results: {run.engine_reason}. Sampled with the {run.engine} engine."
    return text


def _document(exact: Exact | None, run: Run) -> dict[str, object]:
    """Result for machines; numbers that do not exist are null."""

    def entry(row: _Row) -> dict[str, object]:
        result: dict[str, object] = {
            "exact": _number(row.exact),
            "sampled": {name: _number(value) for name, value in row.sampled._asdict().items()},
        }
        if row.published is not None:
            result["published"] = {
                name: getattr(row.published, name) for name in ("value", "uncertainty", "limit", "status")
            }
        return result

    return {
        "link": run.link.name,
        "fitted": [known.parameter for known in run.link.inputs if known.status == "fitted"],
        "invented": [known.parameter for known in run.link.inputs if known.status == "invented"],
        "heralds": run.heralds,
        "attempts": run.attempts,
        "start_attempt": run.start_attempt,
        "duration_s": run.duration_s,
        "ended": run.ended,
        "seed": seeds.plain(run.seed),
        "engine": run.engine,
        "engine_reason": run.engine_reason,
        "stream_version": run.stream_version,
        "version": run.version,
        "results": {name: entry(row) for name, row in _rows(exact, run).items()},
        "outcomes": {name: {"fidelity": entry(row)} for name, row in _outcomes(exact, run).items()},
    }
