"""The rooms of the core use the toolbox and the rooms before them, in the order ARCHITECTURE.md gives."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "rust" / "core" / "src"


def rooms() -> tuple[list[str], list[str]]:
    """Toolbox and ordered rooms, read from the block of ARCHITECTURE.md that lists them."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    lists = {
        name: re.findall(r"\w+", names)
        for name, names in re.findall(r"^(toolbox|path|whole): +(.*)$", text, re.MULTILINE)
    }
    assert set(lists) == {"toolbox", "path", "whole"}
    return lists["toolbox"], lists["path"] + lists["whole"]


def exported() -> dict[str, str]:
    """Room behind each name that lib.rs exports a second time at the top of the crate."""
    text = (SOURCES / "lib.rs").read_text(encoding="utf-8")
    uses = re.findall(r"^pub(?:\(crate\))? use (\w+)::([^;]+);", text, re.MULTILINE)
    return {name: room for room, names in uses for name in re.findall(r"\w+", names)}


def used_rooms(source: str) -> set[str]:
    """Modules of the crate that a file uses, its comments and unit tests left out."""
    code = re.sub(r"#\[cfg\(test\)\]\s+mod \w+ \{.*", "", source, flags=re.DOTALL)
    code = re.sub(r"//.*", "", code)
    used = set(re.findall(r"\bcrate::(\w+)\b(?!!)", code))  # macros belong to the toolbox
    for group in re.findall(r"\bcrate::\{([^;]*)\}", code):
        flat = re.sub(r"\{[^{}]*\}", "", group)
        used |= {part.split("::")[0].strip() for part in flat.split(",")} - {""}
    return {exported().get(name, name) for name in used}


def violations(room: str, used: set[str]) -> set[str]:
    """The modules that a room uses and must not."""
    toolbox, ordered = rooms()
    allowed = {*toolbox, room}
    if room in ordered:
        allowed |= set(ordered[: ordered.index(room)])
    return used - allowed


def files() -> list[tuple[str, Path]]:
    """Every source file of the core with its room; unit tests may use what they like."""
    found = []
    for path in sorted(SOURCES.rglob("*.rs")):
        modules = path.relative_to(SOURCES).with_suffix("").parts
        if modules != ("lib",) and "tests" not in modules:
            found.append((modules[0], path))
    return found


def test_every_module_has_its_place_in_the_list():
    toolbox, ordered = rooms()
    assert {room for room, _ in files()} == {*toolbox, *ordered}


def test_no_room_uses_a_room_after_it():
    wrong = {
        str(path.relative_to(ROOT)): sorted(found)
        for room, path in files()
        if (found := violations(room, used_rooms(path.read_text(encoding="utf-8"))))
    }
    assert not wrong


def test_a_step_backwards_would_be_found():
    source = (
        "use crate::detection::Slot;\nuse crate::{math, link::{Link, run}};\nfn f() { crate::memory::g() }"
    )
    tests = "// use crate::link::Link;\n#[cfg(test)]\nmod tests {\nuse crate::link::Link;\n}\n"
    assert used_rooms(source) == {"detection", "math", "link", "memory"}
    assert used_rooms(tests) == set()
    assert used_rooms("use crate::Link;") == {"link"}
    assert violations("emission", used_rooms(source)) == {"detection", "link", "memory"}
    assert violations("link", used_rooms(source)) == set()
    assert violations("math", {"error", "emission"}) == {"emission"}


def test_the_core_does_not_know_python():
    manifest = (SOURCES.parent / "Cargo.toml").read_text(encoding="utf-8")
    assert "pyo3" not in manifest
