"""``ionlink run`` for network files."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

from ionlink import cli, seeds
from ionlink.errors import ParameterError
from ionlink.network import Network

if TYPE_CHECKING:
    import argparse

    from ionlink.network_run import NetworkRun
    from ionlink.results import Estimate

_OF_LINKS = ("heralds", "attempts", "engine", "out")
_INTERRUPTED = 130


def run(options: argparse.Namespace) -> int:
    """Run the network of a file and print what was delivered; the result is the exit code."""
    for name in _OF_LINKS:
        if getattr(options, name) is not None:
            raise ParameterError(f"--{name} is for links: {options.link} is a network", path=name)
    if options.duration is None:
        raise ParameterError("a network needs --duration, the time to simulate (s)", path="duration")
    record = options.record or ("deliveries" if options.trace is None else "trace")
    if options.trace is not None:
        if record != "trace":
            raise ParameterError(f"--trace needs --record trace, got {record!r}", path="record")
        if not Path(options.trace).absolute().parent.is_dir():
            raise ParameterError(f"{options.trace}: no such folder", path="trace")
    cli._check_outputs(None, options.plot)
    network = Network.from_toml(options.link)
    code = 0
    try:
        made = network.run(
            options.duration,
            seed=options.seed,
            record=record,
            repetitions=1 if options.repetitions is None else options.repetitions,
            threads=options.threads,
            progress=True,
        )
    except KeyboardInterrupt as interrupt:
        partial: NetworkRun | None = getattr(interrupt, "partial", None)
        if partial is None:
            raise
        made, code = partial, _INTERRUPTED
    print(json.dumps(_document(made), indent=2, allow_nan=False) if options.json else made)
    if options.trace is not None:
        made.trace.to_jsonl(options.trace)
    if options.plot is not None:
        from ionlink import plot

        plot.network_run(network, made).savefig(options.plot, dpi=150)
    return code


def _document(made: NetworkRun) -> dict[str, object]:
    """Result for machines; numbers that do not exist are null."""

    def entry(number: int | None) -> dict[str, object]:
        estimates = {
            "rate_hz": made.rate_hz(number),
            "fidelity": made.fidelity(number),
            "latency_s": made.latency_s(number),
        }
        return {"pairs": made.delivered(number)} | {
            name: _plain(estimate) for name, estimate in estimates.items()
        }

    return {
        "results": [{"name": title, **entry(number)} for title, number in made.rows()],
        "all": entry(None),
        "duration_s": made.duration_s,
        "repetitions": made.repetitions,
        "interrupted": made.interrupted,
        "heralds": made.heralds,
        "attempts": int(made.attempts.sum()),
        "pairs": made.pairs,
        "blocked": made.blocked,
        "record": made.record,
        "seed": seeds.plain(made.seed),
        "stream_version": made.stream_version,
        "version": made.version,
    }


def _plain(estimate: Estimate) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in estimate._asdict().items()}
