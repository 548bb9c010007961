"""Check that no hot path of the core takes more instructions than it did.

Instructions hardly depend on what else a machine does, so a few percent can be told from noise, which times
cannot. Each case of benches/rust/hot_paths.rs runs twice under callgrind: in full and prepared only; the
difference is the case. The counts stand in benches/instructions.toml. A case fails that takes over 3 %
more; one that takes over 3 % less passes, but the file should be written anew, so that the gain is kept.
The build is that of the wheel users get.

Another compiler makes other instructions of the same sources: with another rustc, for another target, or on a
processor that has not the stored instruction set, counts are printed and fail nothing. A change of the
compiler therefore goes with `--write`.

Usage: python tools/check_instructions.py [--write]
"""
# ruff: noqa: T201 (a script prints)

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
STORED = ROOT / "benches" / "instructions.toml"
TOLERANCE = 0.03
WRITE = "python tools/check_instructions.py --write"
BUILD = "cargo bench --workspace --bench hot_paths --profile wheel --locked --no-run --message-format=json"
HEAD = f"""\
# Instructions of each case of benches/rust/hot_paths.rs, in the build of the wheel.
# Written by `{WRITE}`, compared by `make check-instructions`.
"""


class Compiler(NamedTuple):
    """What made the instructions."""

    rustc: str
    target: str

    def __str__(self) -> str:
        """As the messages name it."""
        return f"rustc {self.rustc} for {self.target}"


class Case(NamedTuple):
    """A hot path: so many units of work."""

    name: str
    units: int
    unit: str


class Stored(NamedTuple):
    """What benches/instructions.toml holds."""

    compiler: Compiler | None
    counts: dict[str, int]


class Line(NamedTuple):
    """One case compared."""

    name: str
    stored: int | None
    counted: int | None
    verdict: str
    fails: bool


def compare(stored: dict[str, int], counted: dict[str, int], *, same_compiler: bool) -> list[Line]:
    """Hold counts against the stored ones, case by case; a case without a partner always fails."""
    lines = []
    for name in [*counted, *(name for name in stored if name not in counted)]:
        before, now = stored.get(name), counted.get(name)
        verdict, fails = "", False
        if now is None:
            verdict, fails = "stored, but no case: write anew", True
        elif before is None:
            verdict, fails = "not stored: write anew", True
        elif not same_compiler:
            verdict = "not judged"
        elif now > before * (1 + TOLERANCE):
            verdict, fails = f"FAILS: more than {TOLERANCE:.0%} above", True
        elif now < before * (1 - TOLERANCE):
            verdict = "fewer: write anew"
        lines.append(Line(name, before, now, verdict, fails))
    return lines


def table(lines: list[Line], cases: dict[str, Case]) -> str:
    """One row per case."""
    rows = [("case", "stored", "counted", "change", "per unit", "")]
    for line in lines:
        change = f"{line.counted / line.stored - 1:+.2%}" if line.counted and line.stored else ""
        per_unit = ""
        if line.counted is not None and line.name in cases:
            case = cases[line.name]
            per_unit = f"{line.counted / case.units:.1f}/{case.unit.removesuffix('s')}"
        counts = ("" if count is None else f"{count:,}" for count in (line.stored, line.counted))
        rows.append((line.name, *counts, change, per_unit, line.verdict))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    align = ("<", ">", ">", ">", ">", "<")
    texts = [
        "  ".join(f"{cell:{to}{width}}" for cell, to, width in zip(row, align, widths, strict=True))
        for row in rows
    ]
    return "\n".join(text.rstrip() for text in texts)


def judge(stored: Stored, compiler: Compiler, cases: dict[str, Case], counted: dict[str, int]) -> int:
    """Print the table and what follows from it; the exit status."""
    same_compiler = stored.compiler == compiler
    lines = compare(stored.counts, counted, same_compiler=same_compiler)
    print(table(lines, cases))
    if not same_compiler:
        print(
            f"\nNOT JUDGED: stored counts are of {stored.compiler or 'no compiler'}, this is {compiler}. "
            f"Another compiler makes other instructions of the same sources, so a difference says nothing."
        )
    elif any("fewer" in line.verdict for line in lines):
        print(f"\nSome cases take fewer instructions than stored. Keep the gain: {WRITE}")
    failing = [line.name for line in lines if line.fails]
    if failing:
        print(
            f"\nFAILS: {', '.join(failing)}. Where more instructions are meant, "
            f"say why in the commit and run: {WRITE}"
        )
    return 1 if failing else 0


def read(path: Path) -> Stored:
    """The stored counts; none where there is no file."""
    if not path.exists():
        return Stored(None, {})
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    return Stored(Compiler(content["rustc"], content["target"]), content["instructions"])


def written(compiler: Compiler, counts: dict[str, int]) -> str:
    """The file's text."""
    rows = "".join(f"{name} = {count}\n" for name, count in counts.items())
    return f'{HEAD}rustc = "{compiler.rustc}"\ntarget = "{compiler.target}"\n\n[instructions]\n{rows}'


def current_compiler(program: str) -> Compiler:
    """The rustc that cargo uses, and the instruction set that hot loops take on this processor."""
    text = run("rustc", "-vV")
    found = dict(re.findall(r"^(release|host): (\S+)$", text, re.MULTILINE))
    return Compiler(found["release"], f"{found['host']}, {run(program, '--instruction-set').strip()}")


def built() -> str:
    """Build the bench; the path of the program."""
    # --workspace: the features of the wheel, and so the compiled crates of the wheel where they exist
    messages = [json.loads(text) for text in run(*BUILD.split()).splitlines()]
    (program,) = (
        message["executable"]
        for message in messages
        if message["reason"] == "compiler-artifact" and message["target"]["name"] == "hot_paths"
    )
    return str(program)


def listed(program: str) -> dict[str, Case]:
    """The cases that the bench has."""
    rows = (text.split() for text in run(program, "--list").splitlines())
    return {name: Case(name, int(units), unit) for name, units, unit in rows}


def instructions(program: str, *arguments: str) -> int:
    """Instructions of one run, start of the program included."""
    with tempfile.TemporaryDirectory() as folder:
        out = f"--callgrind-out-file={folder}/out"
        run("valgrind", "--tool=callgrind", out, program, *arguments)
        (total,) = re.findall(
            r"^summary: (\d+)$", Path(folder, "out").read_text(encoding="utf-8"), re.MULTILINE
        )
    return int(total)


def count(program: str, case: str) -> int:
    """Instructions of a case without its preparation."""
    return instructions(program, case) - instructions(program, case, "--prepare-only")


def run(*command: str) -> str:
    """Run a command; show what it said only when it fails."""
    try:
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        hint = " (Debian and Ubuntu: apt install valgrind)" if command[0] == "valgrind" else ""
        sys.exit(f"`{command[0]}` was not found{hint}")
    if result.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{result.stdout}{result.stderr}")
    return result.stdout


def main() -> None:
    """Count, then compare or write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="store the counts in benches/instructions.toml")
    arguments = parser.parse_args()

    program = built()
    compiler = current_compiler(program)
    cases = listed(program)
    # counts do not suffer from company
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        counted = dict(zip(cases, pool.map(lambda name: count(program, name), cases), strict=True))
    if arguments.write:
        STORED.write_text(written(compiler, counted), encoding="utf-8")
    sys.exit(judge(read(STORED), compiler, cases, counted))


if __name__ == "__main__":
    main()
