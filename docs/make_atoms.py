"""Write docs/atoms.md: what `ionlink.atoms` and `ionlink.catalog` hold, with sources.

python docs/make_atoms.py            writes the file
python docs/make_atoms.py --check    fails when the file is stale, as tests/docs/test_atoms.py does
"""

import argparse
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import ionlink as il
from ionlink.records import with_uncertainty

FILE = Path(__file__).with_name("atoms.md")

HEAD = """# Atoms and optics

Written by `docs/make_atoms.py`; `tests/docs/test_atoms.py` fails when it is stale.

Figures of ions, fibers, converters and detectors come with ionlink, so that a link can start from a name:

```python
import ionlink as il

line = il.atoms.line("88Sr+", "422")
emission = il.Emission(lifetime_s=line.lifetime_s, branching_ratio=line.branching_ratio)
fiber = il.catalog.fiber("S405-XP", line.wavelength_nm, length_m=2.0, group_index=1.49)
detector = il.catalog.detector("Laser Components COUNT BLUE")
print(line)
print(fiber)
print(detector)
```

```text
{printed}
```

`il.atoms.data(ion)` has the rest: mass, splitting of the ground state, Zeeman shifts, hyperfine constants,
metastable levels. `il.catalog.fibers()`, `.converters()` and `.detectors()` list records with everything a
source gives. From Rust: `ionlink_core::atoms` and `ionlink_core::catalog`. The files are
`rust/core/data/atoms.toml` and `rust/core/data/optics.toml`.

## How well a figure is known

Every figure has a source and a quality; one standard deviation stands in parentheses.

| quality | meaning |
|---|---|
| primary | read in the full text of the source, or the maker's data sheet |
| abstract | read in the abstract or opening of the source only |
| secondary | read in another publication, data table or program that cites the source |
| computed | arithmetic on figures that have a source |

Where a source gives only a bound or a range, its worst end goes into a link: the highest attenuation, the
lowest efficiency, the highest rate of dark counts.

## Lines

A line's name is its vacuum wavelength rounded to a whole nanometer. Any number within 1 nm of the
wavelength names it too, because customs differ (369 for 370, 493 for 494, 455 for 456), and so do its
levels: `P1/2-S1/2`. A lifetime belongs to the upper level and includes all its decays; decays that carry
less than 1e-4 are left out. Numbers in brackets lead to the sources at the end of this page.
"""

ABSENT = """## What is absent

A figure that was read nowhere is not here, even where one seems to be common knowledge:

- the attenuation of fibers at 369, 397, 493, 650, 780, 1092 and 1259 nm: no data sheet or paper with a
  figure was found (the limits of SM300 at 350 and 430 nm lie on either side of the first two);
- group indices of fibers at visible and ultraviolet wavelengths: give your own;
- the mass of 138Ba+;
- dead times and afterpulse probabilities, but for the dead time of the ID230;
- efficiency or dark counts of the detectors whose row is empty there: `il.catalog.detector` refuses them
  and says what is missing.
"""


class Sources:
    """Sources in the order in which they are first named."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def mark(self, source: str, quality: str) -> str:
        """Number of a source with the quality of the figure."""
        number = self.numbers.setdefault(source, len(self.numbers) + 1)
        return f"[{number}] {quality}"


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Rows as a table of Markdown."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, *rows)).replace(
        "\n", f"\n|{'---|' * len(head)}\n", 1
    )


def ion(label: str, sources: Sources) -> str:
    """Section of one ion."""
    rows = [
        (
            line.name,
            f"{line.upper} to {line.lower}",
            with_uncertainty(line.wavelength_nm, line.wavelength_uncertainty_nm),
            with_uncertainty(line.lifetime_s, line.lifetime_uncertainty_s),
            sources.mark(line.lifetime_source, line.lifetime_quality),
            with_uncertainty(line.branching_ratio, line.branching_ratio_uncertainty),
            sources.mark(line.branching_ratio_source, line.branching_ratio_quality),
        )
        for line in il.atoms.lines(label)
    ]
    head = ("line", "levels", "wavelength (nm)", "lifetime (s)", "source", "branching ratio", "source")
    return f"### {label}\n\n{table(head, rows)}\n"


def figure(record: Mapping[str, object], name: str) -> str:
    """A figure of a record with its bound, range or standard deviation; empty without one."""
    value, uncertainty = record.get(name), record.get(f"{name}_uncertainty")
    ends = [record.get(f"{name}_{end}") for end in ("min", "max")]
    if value is None:
        return " to ".join(f"{end:g}" for end in ends if end is not None)
    if uncertainty is not None:
        return with_uncertainty(value, uncertainty)
    bound = {"upper": "at most ", "lower": "at least ", None: ""}[record.get(f"{name}_limit")]
    return f"{bound}{value:g}"


def optics(
    kind: str, records: Iterable[Mapping[str, object]], columns: dict[str, str], sources: Sources
) -> str:
    """Section of one kind of part; columns map headings to figures."""
    rows = [
        (
            *(
                str(text) if isinstance(text := record.get(name), str) else figure(record, name)
                for name in columns.values()
            ),
            sources.mark(record["source"], record["quality"]),
        )
        for record in records
    ]
    return f"## {kind}\n\n{table((*columns, 'source'), rows)}\n"


def document() -> str:
    """The whole page."""
    sources = Sources()
    line = il.atoms.line("88Sr+", "422")
    printed = [
        line,
        il.catalog.fiber("S405-XP", line.wavelength_nm, length_m=2.0, group_index=1.49),
        il.catalog.detector("Laser Components COUNT BLUE"),
    ]
    wavelengths = {
        sources.mark(line.wavelength_source, line.wavelength_quality)
        for label in il.atoms.ions()
        for line in il.atoms.lines(label)
    }
    fibers = {
        "fiber": "name",
        "wavelength (nm)": "wavelength_nm",
        "attenuation (dB/km)": "attenuation_db_per_km",
        "group index": "group_index",
        "kind": "kind",
    }
    converters = {
        "converter": "label",
        "from (nm)": "input_nm",
        "to (nm)": "output_nm",
        "efficiency": "efficiency",
        "noise (1/s)": "noise_rate_hz",
    }
    detectors = {
        "detector": "label",
        "type": "type",
        "wavelength (nm)": "wavelength_nm",
        "efficiency": "efficiency",
        "dark counts (1/s)": "dark_count_rate_hz",
        "dead time (s)": "dead_time_s",
        "jitter (s)": "timing_jitter_s",
    }
    parts = [
        HEAD.replace("{printed}", "\n".join(map(str, printed))),
        f"Wavelengths: {', '.join(sorted(wavelengths))}, good to 0.01 nm; isotope shifts are smaller.\n",
        *(ion(label, sources) for label in il.atoms.ions()),
        optics("Fibers", il.catalog.fibers(), fibers, sources),
        optics("Frequency converters", il.catalog.converters(), converters, sources),
        optics("Detectors", il.catalog.detectors(), detectors, sources),
        ABSENT,
        "## Sources\n\n"
        + "\n".join(f"{number}. {source}" for source, number in sources.numbers.items())
        + "\n",
    ]
    return "\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="fail when the file is stale")
    if not parser.parse_args().check:
        FILE.write_text(document(), encoding="utf-8")
        return
    if not FILE.exists() or FILE.read_text(encoding="utf-8") != document():
        sys.exit("docs/atoms.md is stale: run `python docs/make_atoms.py` and look at what moved")
    print("ok: docs/atoms.md is fresh")


if __name__ == "__main__":
    main()
