"""The gate on instruction counts fails when it should, and only then."""

import importlib.util
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location("check_instructions", ROOT / "tools" / "check_instructions.py")
gate = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(gate)

HERE = gate.Compiler("1.95.0", "x86_64-unknown-linux-gnu")
CASES = {name: gate.Case(name, 10, "heralds") for name in ("herald", "click")}
STORED = gate.Stored(HERE, {"herald": 100_000, "click": 200_000})


def judged(capsys, counted, compiler=HERE, stored=STORED):
    """Exit status and what was printed."""
    status = gate.judge(stored, compiler, CASES, counted)
    return status, capsys.readouterr().out


def test_equal_counts_pass(capsys):
    status, text = judged(capsys, {"herald": 100_000, "click": 200_000})
    assert status == 0
    assert "FAILS" not in text
    assert "write anew" not in text


@pytest.mark.parametrize(("count", "status"), [(103_000, 0), (103_001, 1)])
def test_a_case_fails_above_three_percent_more(capsys, count, status):
    found, text = judged(capsys, {"herald": count, "click": 200_000})
    assert found == status
    assert ("FAILS: herald." in text) == bool(status)


def test_a_gain_in_one_case_does_not_pay_for_a_loss_in_another(capsys):
    status, text = judged(capsys, {"herald": 110_000, "click": 100_000})
    assert status == 1
    assert "FAILS: herald." in text


@pytest.mark.parametrize(("count", "asks"), [(97_000, False), (96_999, True)])
def test_a_gain_above_three_percent_passes_and_asks_for_new_counts(capsys, count, asks):
    status, text = judged(capsys, {"herald": count, "click": 200_000})
    assert status == 0
    assert ("fewer: write anew" in text) == asks
    assert ("--write" in text) == asks


@pytest.mark.parametrize(
    "compiler", [HERE._replace(rustc="1.96.0"), HERE._replace(target="aarch64-apple-darwin")]
)
def test_counts_of_another_compiler_are_shown_and_not_judged(capsys, compiler):
    status, text = judged(capsys, {"herald": 150_000, "click": 100_000}, compiler)
    assert status == 0
    assert "+50.00%" in text
    assert "NOT JUDGED" in text
    assert "fewer" not in text


def test_cases_and_stored_counts_must_be_the_same_ones_for_every_compiler(capsys):
    for compiler in (HERE, HERE._replace(rustc="1.96.0")):
        status, text = judged(capsys, {"herald": 100_000}, compiler)
        assert status == 1
        assert "FAILS: click." in text
        status, text = judged(capsys, {"herald": 1, "click": 1, "photon": 1}, compiler)
        assert status == 1
        assert "photon" in text.splitlines()[-1]


def test_without_a_file_every_case_fails(capsys, tmp_path):
    stored = gate.read(tmp_path / "none.toml")
    status, text = judged(capsys, {"herald": 1, "click": 1}, stored=stored)
    assert status == 1
    assert "FAILS: herald, click." in text


def test_what_is_written_is_read_back(tmp_path):
    path = tmp_path / "instructions.toml"
    path.write_text(gate.written(HERE, STORED.counts), encoding="utf-8")
    assert gate.read(path) == STORED


def test_the_stored_counts_are_those_of_the_cases():
    source = (ROOT / "benches" / "rust" / "hot_paths.rs").read_text(encoding="utf-8")
    stored = tomllib.loads(gate.STORED.read_text(encoding="utf-8"))["instructions"]
    assert stored
    assert all(f'case("{name}"' in source for name in stored)
