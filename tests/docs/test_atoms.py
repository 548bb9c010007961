"""docs/atoms.md says what `ionlink.atoms` and `ionlink.catalog` hold."""

import re
import runpy
from pathlib import Path

import ionlink as il

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "atoms.md").read_text(encoding="utf-8")


def test_the_page_is_fresh():
    document = runpy.run_path(str(DOCS / "make_atoms.py"))["document"]()
    assert document == PAGE, "run `python docs/make_atoms.py` and look at what moved"


def test_every_line_is_on_the_page():
    for ion in il.atoms.ions():
        section = PAGE.split(f"### {ion}\n")[1].split("\n#")[0]
        rows = re.findall(r"^\| (\d+) \| (\S+) to (\S+) \| ([\d.]+) \|", section, re.MULTILINE)
        lines = [(line.name, line.upper, line.lower, str(line.wavelength_nm)) for line in il.atoms.lines(ion)]
        assert rows == lines


def test_every_source_on_the_page_exists():
    listed = re.findall(r"^(\d+)\. \S", PAGE.split("## Sources\n")[1], re.MULTILINE)
    named = re.findall(r"\[(\d+)\]", PAGE)
    assert listed == [str(number) for number in range(1, len(listed) + 1)]
    assert set(named) == set(listed)
