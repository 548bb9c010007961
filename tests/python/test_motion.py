"""Moving ions: recoil in link objects, exact results, runs and the budget."""

import math

import numpy as np
import pytest

import ionlink as il

SEPARATION_S = 1.1e-6
MODE = il.MotionalMode(lamb_dicke=0.1, frequency_rad_per_s=2 * math.pi * 1.3e6, mean_phonons=2.0)


def moving(*modes, burst=None):
    """A time-bin link of two equal ions with these modes."""
    link = il.basic_link(
        encoding="time-bin",
        efficiency=(0.4, 0.4),
        lifetime_s=(1e-15, 1e-15),
        bin_separation_s=SEPARATION_S,
        attempt_period_s=3e-6,
    )
    burst_of = {"schedule.attempts_per_burst": burst}
    return link.replace({**burst_of, **{f"nodes.{node}.motion": modes for node in (0, 1)}})


def kept(phonons, eta=MODE.lamb_dicke, frequency=MODE.frequency_rad_per_s):
    return np.exp(-4 * eta**2 * math.sin(frequency * SEPARATION_S / 2) ** 2 * (2 * phonons + 1))


@pytest.mark.parametrize(("separation_s", "expected"), [(0.5, 0.8772877271784216), (1.0, 1.0)])
def test_two_kicks(separation_s, expected):
    """The reference rows RECOIL.F."""
    mode = il.MotionalMode(lamb_dicke=0.08, frequency_rad_per_s=2 * math.pi, mean_phonons=5.0)
    link = il.basic_link(
        encoding="time-bin",
        efficiency=(0.01, 0.01),
        lifetime_s=(1e-15, 1e-15),
        bin_separation_s=separation_s,
        attempt_period_s=2.0,
    )
    link = link.replace({f"nodes.{node}.motion": [mode] for node in (0, 1)})
    assert math.isclose(link.exact().fidelity, expected, rel_tol=1e-9)


def test_states_of_a_run_know_their_attempts(tmp_path):
    heating = il.MotionalMode(
        lamb_dicke=MODE.lamb_dicke,
        frequency_rad_per_s=MODE.frequency_rad_per_s,
        mean_phonons=2.0,
        phonons_per_attempt=0.5,
    )
    link = moving(heating, burst=20)
    run = link.sample(heralds=500, seed=3)
    assert (run.engine, "heats" in run.engine_reason) == ("click", True)
    expected = kept(2 + 0.5 * (run.attempt % 20))
    np.testing.assert_allclose(2 * abs(run.states()[:, 1, 2]), expected, atol=1e-6)
    np.testing.assert_allclose(2 * abs(run.states(7)[1, 2]), expected[7], atol=1e-6)
    np.testing.assert_allclose(run.fidelity.value, (1 + expected.mean()) / 2, atol=1e-6)
    assert math.isclose(link.exact().fidelity, (1 + kept(2 + 0.5 * np.arange(20)).mean()) / 2, rel_tol=1e-9)
    part = run.select(window_duration_s=1e-9)
    np.testing.assert_array_equal(part.states(), run.states()[np.isin(run.attempt, part.attempt)])
    run.save(tmp_path / "run.npz")
    np.testing.assert_array_equal(il.load_run(tmp_path / "run.npz").states(), run.states())
    herald = link.sampler(seed=3).next()
    np.testing.assert_array_equal(herald.rho, run.states(0))
    # outcomes: the coherence of the attempts, five standard deviations
    announced = np.where(run.bell_state == il.BELL_STATES.index("psi+"), 1, -1)
    mean = (announced * run.measure("XX", seed=1).prod(axis=1)).mean()
    assert abs(mean - expected.mean()) < 5 / run.heralds**0.5
    with pytest.raises(il.ModelError, match=r"nodes\.0\.motion\.0\.phonons_per_attempt"):
        link.sample(heralds=10, engine="herald")
    with pytest.raises(il.ModelError, match=r"nodes\.0\.motion\.0\.phonons_per_attempt"):
        moving(heating)


def test_a_link_with_modes_survives_a_file_and_has_a_budget(tmp_path):
    link = moving(MODE, il.MotionalMode(lamb_dicke=0.05, frequency_rad_per_s=2e7))
    link.to_toml(tmp_path / "link.toml")
    assert il.Link.from_toml(tmp_path / "link.toml") == link
    row = moving(MODE).error_budget()["recoil"]
    assert math.isclose(row.alone, (1 - kept(2.0)) / 2, rel_tol=1e-9)
    still = link.replace({f"nodes.{node}.motion": [] for node in (0, 1)})
    assert still.exact().fidelity == moving().exact().fidelity
    row = link.error_budget()["recoil"]
    assert math.isclose(row.off, still.exact().fidelity - link.exact().fidelity, rel_tol=1e-9)


def test_an_ion_and_its_photon_refuse_modes():
    link = il.presets.load("krutyanskiy2019_50km")
    with pytest.raises(il.ModelError, match=r"nodes\.0\.motion"):
        link.replace({"nodes.0.motion": [MODE]})
