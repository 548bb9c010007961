"""Documents are true: their Python runs and prints what they say, their paths and links exist."""

import contextlib
import io
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest

from ionlink.cli import main

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "benches" / "RESULTS.md"])
RUN = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
WITH_PATHS = [ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md")]
TOP_LEVEL_FILE = re.compile(r"[A-Z][A-Za-z]*\.(md|toml|cff)|Makefile|LICENSE|pyproject\.toml|clippy\.toml")


@dataclass
class Block:
    """A fenced block and, if it follows at once, the `text` block that holds what it prints."""

    language: str
    text: str
    line: int
    printed: str | None = None


def blocks(path: Path) -> list[Block]:
    text = path.read_text(encoding="utf-8")
    found: list[Block] = []
    end = 0
    for match in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        language, body = match.groups()
        if language == "text" and found and not text[end : match.start()].strip():
            found[-1].printed = body
        else:
            found.append(Block(language, body, text.count("\n", 0, match.start()) + 2))
        end = match.end()
    return found


def save(block: Block, folder: Path) -> None:
    """Write a link file that the next blocks may read; its first comment is its name."""
    (folder / block.text.split("\n")[0].removeprefix("# ")).write_text(block.text, encoding="utf-8")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", RUN, ids=name)
def test_python_blocks_run_in_order_and_print_what_is_written(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "__main__"}
    for block in blocks(path):
        if block.language == "toml":
            save(block, tmp_path)
        if block.language != "python":
            continue
        source = "\n" * (block.line - 1) + block.text
        with contextlib.redirect_stdout(io.StringIO()) as output:
            exec(compile(source, str(path), "exec"), namespace)
        if block.printed is not None:
            assert output.getvalue() == block.printed, f"{name(path)}, line {block.line}"


@pytest.mark.parametrize("path", RUN, ids=name)
def test_commands_print_what_is_written(path, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for block in blocks(path):
        if block.language == "toml":
            save(block, tmp_path)
        if block.language != "console" or block.printed is None:
            continue
        program, *arguments = shlex.split(block.text.removeprefix("$ "))
        assert program == "ionlink"
        assert main(arguments) in (0, None)
        assert capsys.readouterr().out == block.printed, f"{name(path)}, line {block.line}"


@pytest.mark.parametrize("path", WITH_PATHS, ids=name)
def test_every_path_in_backticks_exists(path):
    prose = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    named = [
        token
        for token in re.findall(r"`([\w./*<>-]+)`", prose)
        if ("/" in token and "<" not in token) or TOP_LEVEL_FILE.fullmatch(token)
    ]
    assert named, "no path found: the pattern is broken"
    made = [line.strip("/") for line in (ROOT / ".gitignore").read_text(encoding="utf-8").split()]
    missing = [
        token for token in named if token.split("/")[0] not in made and not any(ROOT.glob(token.strip("/")))
    ]
    assert not missing


def equations() -> list[str]:
    """Labels of the numbered equations, such as I3: each ends its line, apart from what stands before it."""
    text = (ROOT / "docs" / "physics.md").read_text(encoding="utf-8")
    return re.findall(r"  \(([A-Z]\d+)\)$", text, re.MULTILINE)


def test_every_equation_has_a_label_of_its_own():
    labels = equations()
    assert {"E1", "I5", "X9", "R5"} <= set(labels), "the pattern is broken"
    assert sorted(labels) == sorted(set(labels))


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_every_equation_that_is_quoted_exists(path):
    quoted = re.findall(r"\(([A-Z]\d+)\)", path.read_text(encoding="utf-8"))
    assert set(quoted) <= set(equations())


def anchors(path: Path) -> set[str]:
    """Anchors of a document's headings, made as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_every_relative_link_leads_somewhere(path):
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        destination = (path.parent / file).resolve() if file else path
        assert destination.exists(), target
        if anchor:
            assert anchor in anchors(destination), target


def test_sections_that_the_sources_quote_exist():
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "rust").rglob("*.rs")))
    text = re.sub(r"\n\s*//[/!] ?", " ", text)
    quoted = re.findall(r"docs/(\w[\w-]*\.md)(?:, (?:section )?([A-Z]\w+))?", text)
    assert quoted, "no quotation found: the pattern is broken"
    for file, section in quoted:
        path = ROOT / "docs" / file
        assert path.exists(), file
        headings = " ".join(re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE))
        assert not section or section in headings, f"{file} has no section {section}"
