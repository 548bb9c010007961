"""`basic_link(...).exact()` against values of an independent enumeration and against closed formulas."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

import ionlink as il

DATA = Path(__file__).parents[1] / "data"
ROWS = json.loads((DATA / "link_reference.json").read_text())
FORMULAS = json.loads((DATA / "formulas.json").read_text())["rows"]
NS = 1e-9


def formulas(prefix):
    """Rows of one family of formulas, as parameters of a test."""
    rows = [row for row in FORMULAS if row["formula_id"].startswith(prefix)]
    return pytest.mark.parametrize("row", rows, ids=lambda row: row["name"])


def test_there_are_rows_to_compare_with():
    assert len(ROWS) == 24
    assert {row["inputs"]["encoding"] for row in ROWS} == {"polarization", "time-bin", "frequency"}
    families = [row["formula_id"].partition(".")[0] for row in FORMULAS]
    counts = {"LINK1": 6, "LINK2": 8, "HOM": 6, "WIN": 4, "GATE": 4}
    assert {family: families.count(family) for family in counts} == counts


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_exact_agrees_with_the_enumeration(row):
    exact = il.basic_link(**row["inputs"]).exact()
    assert exact.herald_probability == pytest.approx(row["herald_probability"], rel=1e-8)
    assert exact.outcomes.keys() == row["outcomes"].keys()
    for name, expected in row["outcomes"].items():
        outcome = exact.outcomes[name]
        assert outcome.probability == pytest.approx(expected["probability"], rel=1e-8)
        assert outcome.fidelity == pytest.approx(expected["fidelity"], rel=1e-8)
        rho = np.array(expected["rho_real"]) + 1j * np.array(expected["rho_imag"])
        assert np.abs(outcome.rho - rho).max() < 1e-8


@formulas("LINK2.")
def test_exact_agrees_with_the_two_photon_formulas(row):
    inputs = row["inputs"]
    window_s = 40e-9
    link = il.basic_link(
        efficiency=(inputs["eA"], inputs["eB"]),
        lifetime_s=(1e-15, 1e-15),  # so short that the window holds all of the photon
        window_duration_s=window_s,
        mode_overlap=inputs.get("M", 1.0),
        dark_count_rate_hz=-math.log1p(-inputs.get("pd", 0.0)) / window_s,
        ion_photon_fidelity=(inputs.get("FA", 1.0), inputs.get("FB", 1.0)),
    )
    exact = link.exact()
    value = exact.herald_probability if row["formula_id"] == "LINK2.p" else exact.fidelity
    assert value == pytest.approx(row["expected"], rel=1e-9)


@formulas("LINK1.")
def test_exact_agrees_with_the_single_photon_formulas(row):
    inputs = row["inputs"]
    window_s = 40e-9
    link = il.basic_link(
        encoding="number",
        efficiency=(inputs["eA"], inputs["eB"]),
        bright_fraction=(inputs["aA"], inputs["aB"]),
        lifetime_s=(1e-15, 1e-15),
        window_duration_s=window_s,
        mode_overlap=inputs.get("M", 1.0),
        dark_count_rate_hz=-math.log1p(-inputs.get("pd", 0.0)) / window_s,
        phase_jitter_rad=inputs.get("sigma", 0.0),
    )
    exact = link.exact()
    value = exact.herald_probability if row["formula_id"] == "LINK1.p" else exact.fidelity
    assert value == pytest.approx(row["expected"], rel=1e-9)


@formulas("WIN.")
def test_exact_agrees_with_the_formulas_of_a_coincidence_window(row):
    """Time-resolved interference of photons of different frequency; g is the dephasing of both together."""
    inputs = row["inputs"]
    link = il.basic_link(
        efficiency=(0.01, 0.01),
        lifetime_s=(NS / inputs["G"], NS / inputs["G"]),
        detuning_rad_per_s=(0.0, inputs["delta"] / NS),
        dephasing_per_photon_per_s=0.5 * inputs["g"] / NS,
        window_duration_s=400 * NS,
        coincidence_window_s=inputs["W"] * NS,
    )
    exact = link.exact()
    accepted = (
        exact.herald_probability
        / link.replace({"station.coincidence_window_s": None}).exact().herald_probability
    )
    value = accepted if row["formula_id"] == "WIN.acc" else exact.fidelity
    assert value == pytest.approx(row["expected"], rel=1e-9)


@formulas("HOM.M")
def test_the_fidelity_shows_the_overlap_of_two_photons(row):
    """F = (1 + M)/2 for two photons of overlap M and nothing else; g is the dephasing of both together."""
    inputs = row["inputs"]
    link = il.basic_link(
        efficiency=(0.01, 0.01),
        lifetime_s=(NS / inputs["G1"], NS / inputs["G2"]),
        detuning_rad_per_s=(0.0, inputs.get("delta", 0.0) / NS),
        delay_s=(0.0, inputs.get("tau", 0.0) * NS),
        dephasing_per_photon_per_s=0.5 * inputs.get("g", 0.0) / NS,
        window_duration_s=900 * NS,
    )
    assert 2 * link.exact().fidelity - 1 == pytest.approx(row["expected"], rel=1e-9)


@formulas("HOM.pc")
def test_coincidences_happen_as_often_as_the_formula_says(row):
    """Photons in one polarization meet at the splitter, none is lost; five standard deviations."""
    inputs = row["inputs"]
    link = il.basic_link(
        efficiency=(1.0, 1.0),
        lifetime_s=(1e-15, 1e-15),
        amplitudes=((1.0, 0.0), (1.0, 0.0)),
        mode_overlap=inputs["M"],
        reflectivity=inputs.get("R", 0.5),
    )
    run = link.sample(attempts=200_000, seed=1, record_coincidences=True)
    share, expected = len(run.coincidences) / run.attempts, row["expected"]
    assert abs(share - expected) < 5 * math.sqrt(expected * (1 - expected) / run.attempts)
    assert abs(share - 0.5) > 100 * math.sqrt(expected * (1 - expected) / run.attempts)


@formulas("GATE.")
def test_exact_agrees_with_the_formulas_of_a_gate(row):
    """One photon without background, or background without photons, seen by a receiver of two detectors."""
    inputs = row["inputs"]
    photons = row["formula_id"] == "GATE.eff"
    link = il.basic_link(
        encoding="ion-photon",
        efficiency=(1.0, 1.0) if photons else (0.0, 0.0),
        lifetime_s=(1 / inputs["G"], 1 / inputs["G"]),
        dark_count_rate_hz=0.0 if photons else inputs["dark_rate"],
        window_duration_s=inputs["length"],
    ).replace({"station.window_start_s": inputs["start"]})
    p = link.exact().herald_probability
    # exactly one of two detectors clicks: p = 2 q (1 - q)
    value = p if photons else (1 - math.sqrt(1 - 2 * p)) / 2
    assert value == pytest.approx(row["expected"], rel=1e-9)


@pytest.mark.parametrize("mode_overlap", [0.0, 0.5, 0.9, 1.0])
def test_frequencies_far_apart_herald_as_the_closed_formulas_say(mode_overlap):
    """p = eA eB (2 - M)/4 and F = (1 + M)/(4 - 2 M), once the beat of the frequencies averages out."""
    efficiency = (0.02, 0.01)
    splitting, lifetime_s = 1e16, 8e-9
    link = il.basic_link(
        encoding="frequency",
        efficiency=efficiency,
        lifetime_s=(lifetime_s, lifetime_s),
        mode_splitting_rad_per_s=splitting,
        mode_overlap=mode_overlap,
        window_duration_s=400 * NS,
    )
    exact = link.exact()
    p, fidelity = math.prod(efficiency) * (2 - mode_overlap) / 4, (1 + mode_overlap) / (4 - 2 * mode_overlap)
    # what is left of the beat is of the order 1/(splitting * lifetime)
    assert exact.herald_probability == pytest.approx(p, rel=1e-7)
    assert exact.fidelity == pytest.approx(fidelity, rel=1e-7)


def test_first_herald_takes_the_mean_time_of_the_formula():
    # burst of 1,000 attempts, then 0.2 ms of cooling; p = 2e-4
    schedule = il.Schedule(attempt_period_s=1e-6, attempts_per_burst=1000, pause_s=2e-4)
    link = il.basic_link(efficiency=(0.02, 0.02), lifetime_s=(1e-15, 1e-15), schedule=schedule)
    assert link.exact().herald_probability == pytest.approx(2e-4, rel=1e-12)
    assert link.exact().mean_time_s == pytest.approx(0.005903231442603861, rel=1e-9)
