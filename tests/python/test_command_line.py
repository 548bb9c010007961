"""The command line, as users call it."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

import ionlink as il

SHORT = ("--heralds", "300", "--seed", "7")


def ionlink(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "ionlink", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **options,
    )


def test_presets_are_listed_with_their_papers():
    result = ionlink("presets")
    assert result.returncode == 0
    assert "stephenson2020" in result.stdout
    assert "Phys. Rev. Lett. 124, 110501" in result.stdout
    assert "npj Quantum Inf. 5, 72" in result.stdout


def test_fitted_and_invented_inputs_are_named():
    rows = {line.split()[0]: line.split()[1] for line in ionlink("presets").stdout.splitlines()}
    assert rows["oreilly2024"] == "fitted"
    assert rows["commercial_module_pair"] == "invented"
    assert rows["krutyanskiy2019_50km"] == "Krutyanskiy"
    fitted = ["nodes.0.collection.efficiency", "nodes.1.collection.efficiency"]
    result = ionlink("run", "oreilly2024", *SHORT)
    assert result.stdout.endswith(f"\n\nfitted: {', '.join(fitted)}\n")
    assert ">= 0.94" in result.stdout
    answer = json.loads(ionlink("run", "oreilly2024", *SHORT, "--json").stdout)
    assert (answer["fitted"], answer["invented"]) == (fitted, [])
    assert answer["results"]["fidelity"]["published"]["limit"] == "lower"
    assert "invented: 36 of " in ionlink("run", "commercial_module_pair", *SHORT).stdout
    assert "0.78 (secondary)" in ionlink("run", "hucul2015", *SHORT).stdout


def test_show_prints_a_preset_or_a_file(tmp_path):
    assert ionlink("show", "stephenson2020").stdout == il.presets.text("stephenson2020")
    path = tmp_path / "my.toml"
    il.basic_link(efficiency=(0.1, 0.1)).to_toml(path)
    assert ionlink("show", str(path)).stdout == path.read_text(encoding="utf-8")


def test_run_puts_exact_sampled_and_published_values_side_by_side(stephenson):
    result = ionlink("run", "stephenson2020", *SHORT)
    assert (result.returncode, result.stderr) == (0, "")
    lines = {
        line.split("  ")[0].strip() or line.split()[0]: line for line in result.stdout.splitlines() if line
    }
    assert lines["exact"].split() == ["exact", "sampled", "published"]
    run = stephenson.sample(heralds=300, seed=7)
    assert lines["herald probability"].split()[2:] == [
        f"{stephenson.exact().herald_probability:.6g}", *str(run.herald_probability).split(), "0.000218"
    ]  # fmt: skip
    assert "182" in lines["rate (1/s)"]
    assert "0.940(5)" in lines["fidelity"]
    assert {"psi+", "psi-"} <= set(lines)
    assert "seed 7" in result.stdout


def test_a_link_of_one_node_is_shown_run_and_drawn(tmp_path):
    name, out, picture = "krutyanskiy2019_50km", tmp_path / "run.npz", tmp_path / "run.png"
    assert ionlink("show", name).stdout == il.presets.text(name)
    result = ionlink("run", name, *SHORT, "--out", str(out), "--plot", str(picture))
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("krutyanskiy2019_50km (ion)\n")
    assert "phi+" in result.stdout
    assert "0.86(3)" in result.stdout
    assert il.load_run(out) == il.presets.load(name).sample(heralds=300, seed=7)
    assert picture.stat().st_size > 1000
    document = json.loads(ionlink("run", name, *SHORT, "--json").stdout)
    assert list(document["outcomes"]) == ["phi+"]
    assert ionlink("budget", name).returncode == 0


def test_run_answers_machines_in_json(stephenson):
    result = ionlink("run", "stephenson2020", *SHORT, "--threads", "1", "--json")
    assert result.returncode == 0
    answer = json.loads(result.stdout)
    run = stephenson.sample(heralds=300, seed=7)
    assert answer["heralds"] == 300
    assert answer["attempts"] == run.attempts
    assert answer["seed"] == 7
    assert answer["results"]["fidelity"]["sampled"]["value"] == run.fidelity.value
    assert answer["results"]["fidelity"]["published"] == {
        "value": 0.94, "uncertainty": 0.005, "limit": None, "status": "published"
    }  # fmt: skip
    assert answer["results"]["rate_hz"]["exact"] == stephenson.exact().rate_hz
    assert answer["outcomes"]["psi+"]["fidelity"]["exact"] == stephenson.exact().outcomes["psi+"].fidelity


def test_numbers_that_do_not_exist_are_null_in_json(tmp_path):
    path = tmp_path / "dark.toml"
    il.basic_link(efficiency=(0.0, 0.0)).to_toml(path)
    result = ionlink("run", str(path), "--attempts", "1e3", "--json")
    assert (result.returncode, result.stderr) == (0, "")
    answer = json.loads(result.stdout, parse_constant=pytest.fail)
    assert answer["results"]["fidelity"]["exact"] is None


def test_links_beyond_exact_results_are_still_sampled(tmp_path):
    path = tmp_path / "blind.toml"
    il.basic_link(efficiency=(0.5, 0.4), dead_time_s=5e-6).to_toml(path)
    result = ionlink("run", str(path), *SHORT, "--json")
    assert (result.returncode, result.stderr) == (0, "")
    answer = json.loads(result.stdout)
    assert answer["results"]["rate_hz"]["exact"] is None
    assert answer["outcomes"]["psi-"]["fidelity"]["sampled"]["value"] > 0
    assert ionlink("run", str(path), *SHORT).returncode == 0
    refused = ionlink("run", str(path), *SHORT, "--plot", str(tmp_path / "picture.png"))
    assert refused.returncode == 2
    assert "dead time" in refused.stderr


def test_run_saves_results_and_pictures(stephenson, tmp_path):
    out, picture = tmp_path / "run.npz", tmp_path / "picture.png"
    result = ionlink("run", "stephenson2020", *SHORT, "--out", str(out), "--plot", str(picture))
    assert (result.returncode, result.stderr) == (0, "")
    assert il.load_run(out) == stephenson.sample(heralds=300, seed=7)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_run_saves_parquet(stephenson, tmp_path):
    pytest.importorskip("pyarrow")
    out = tmp_path / "run.parquet"
    result = ionlink("run", "stephenson2020", *SHORT, "--out", str(out))
    assert (result.returncode, result.stderr) == (0, "")
    assert il.load_run(out) == stephenson.sample(heralds=300, seed=7)


def test_the_engine_can_be_chosen_and_is_told(stephenson):
    answers = [json.loads(ionlink("run", "stephenson2020", *SHORT, *extra, "--json").stdout) for extra in
               ((), ("--engine", "click"))]  # fmt: skip
    assert [answer["engine"] for answer in answers] == ["herald", "click"]
    assert [answer["ended"] for answer in answers] == ["planned"] * 2
    assert answers[1]["engine_reason"] == "as asked"
    assert answers[1]["attempts"] == stephenson.sample(heralds=300, seed=7, engine="click").attempts


def test_the_budget_is_a_table_or_json(stephenson, tmp_path):
    result = ionlink("budget", "stephenson2020")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == f"{stephenson}\n\n{stephenson.error_budget()}\n"
    path = tmp_path / "link.toml"
    stephenson.to_toml(path)
    answer = json.loads(ionlink("budget", str(path), "--json").stdout)
    budget = stephenson.error_budget()
    assert answer["infidelity"] == budget.infidelity
    rows = {row.pop("mechanism"): row for row in answer["rows"]}
    assert list(rows) == [row.mechanism for row in budget]
    assert rows["splitter"]["alone_by_state"] == budget["splitter"].alone_by_state
    il.basic_link(efficiency=(0.0, 0.0)).to_toml(path)
    answer = json.loads(ionlink("budget", str(path), "--json").stdout, parse_constant=pytest.fail)
    assert answer["infidelity"] is None


def test_duration_is_laboratory_time():
    result = ionlink("run", "stephenson2020", "--duration", "0.06", "--seed", "1", "--json")
    assert json.loads(result.stdout)["attempts"] == 50_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "required"),
        (("fly",), "invalid choice"),
        (("show", "nonsense"), f"neither a preset ({', '.join(il.presets.names())}) nor a file"),
        (("run", "stephenson2020", "--heralds", "many"), "--heralds"),
        (("run", "stephenson2020", "--heralds", "0.5"), "`heralds` must be a whole number"),
        (("run", "stephenson2020", "--heralds", "nan"), "`heralds` must be a whole number"),
        (("run", "stephenson2020", "--heralds", "1", "--attempts", "1"), "not allowed with"),
        (("run", "stephenson2020", "--seed", "-1"), "`seed`"),
        (("run", "stephenson2020", "--heralds", "1e12", "--out", "run.arrow"), ".npz, .parquet or .csv"),
        (("run", "stephenson2020", "--heralds", "1e12", "--plot", "run.docx"), "ending in one of"),
        (("run", "stephenson2020", "--heralds", "1e12", "--out", "no/such/folder/run.npz"), "no such folder"),
        (("run", "stephenson2020", "--engine", "fast"), '`engine` must be one of "auto"'),
        (("run", "."), "directory"),
        (("budget", "nonsense"), "neither a preset"),
    ],
)
def test_errors_are_one_line_and_exit_code_two(arguments, message):
    result = ionlink(*arguments)
    assert result.returncode == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert "Traceback" not in result.stderr


def test_errors_in_files_say_where(tmp_path):
    path = tmp_path / "link.toml"
    path.write_text(
        il.presets.text("stephenson2020").replace("mode_overlap = 0.974", "mode_overlap = 9.74"), "utf-8"
    )
    result = ionlink("run", str(path))
    assert result.returncode == 2
    assert f"{path}: line " in result.stderr
    assert "`mode_overlap` must be in [0, 1], got 9.74" in result.stderr


def test_a_reader_that_has_seen_enough_is_no_error():
    process = subprocess.Popen(
        [sys.executable, "-m", "ionlink", "show", "stephenson2020"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(timeout=60) == 0


@pytest.mark.skipif(os.name == "nt", reason="SIGINT cannot be sent to one process")
def test_ctrl_c_prints_what_was_drawn_and_exits_130(ended):
    with subprocess.Popen(
        [sys.executable, "-m", "ionlink", "run", "stephenson2020", "--heralds", "1e8", "--engine", "photon"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        time.sleep(1.5)
        process.send_signal(signal.SIGINT)
        output, errors = ended(process)
    assert process.returncode == 130
    assert "interrupted after" in output
    assert "fidelity" in output
    assert errors == ""
