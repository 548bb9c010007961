"""`basic_link(...).exact()` against values of an independent enumeration and against closed formulas."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

import ionlink as il

DATA = Path(__file__).parents[1] / "data"
ROWS = [
    row
    for row in json.loads((DATA / "link_reference.json").read_text())
    if row["inputs"]["encoding"] == "polarization"
]
FORMULAS = [
    row
    for row in json.loads((DATA / "formulas.json").read_text())["rows"]
    if row["formula_id"].startswith("LINK2.")
]


def test_there_are_rows_to_compare_with():
    assert len(ROWS) == 8
    assert len(FORMULAS) == 8


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


@pytest.mark.parametrize("row", FORMULAS, ids=lambda row: row["name"])
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


def test_first_herald_takes_the_mean_time_of_the_formula():
    # burst of 1,000 attempts, then 0.2 ms of cooling; p = 2e-4
    schedule = il.Schedule(attempt_period_s=1e-6, attempts_per_burst=1000, pause_s=2e-4)
    link = il.basic_link(efficiency=(0.02, 0.02), lifetime_s=(1e-15, 1e-15), schedule=schedule)
    assert link.exact().herald_probability == pytest.approx(2e-4, rel=1e-12)
    assert link.exact().mean_time_s == pytest.approx(0.005903231442603861, rel=1e-9)
