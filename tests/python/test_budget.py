"""The error budget: every infidelity has a name, and removing it gains what the budget says."""

import math

import numpy as np
import pytest

import ionlink as il


def random_link(seed):
    """A link with every mechanism that total efficiencies leave room for."""
    rng = np.random.default_rng(seed)
    angles = rng.uniform(0.6, 0.95, 2)
    return il.basic_link(
        efficiency=rng.uniform(0.05, 0.5, 2),
        lifetime_s=rng.uniform(5e-9, 9e-9, 2),
        delay_s=rng.uniform(0, 1e-9, 2),
        detuning_rad_per_s=rng.uniform(-2e7, 2e7, 2),
        amplitudes=[(math.cos(angle), math.sin(angle)) for angle in angles],
        bell_phase_rad=rng.uniform(-0.2, 0.2),
        mode_overlap=rng.uniform(0.9, 1),
        dephasing_per_photon_per_s=rng.uniform(0, 3e6),
        reflectivity=rng.uniform(0.45, 0.55, 2),
        dark_count_rate_hz=rng.uniform(0, 2e4),
        ion_photon_fidelity=rng.uniform(0.95, 1, 2),
    )


def removals(link):
    """What the absence of each mechanism means in parameters."""
    both = (0, 1)
    lifetime_s = sum(node.emission.lifetime_s for node in link.nodes) / 2
    emission = {
        "amplitude_imbalance": ("amplitudes", (0.5**0.5, 0.5**0.5)),
        "lifetime_mismatch": ("lifetime_s", lifetime_s),
        "detuning": ("detuning_rad_per_s", 0.0),
        "photon_dephasing": ("dephasing_rate_hz", 0.0),
    }
    return {
        **{
            mechanism: {f"nodes.{node}.emission.{field}": value for node in both}
            for mechanism, (field, value) in emission.items()
        },
        "delay": {"delay_s": (min(link.delay_s),) * 2},
        "static_phase": {"bell_phase_rad": 0.0},
        "mode_overlap": {"mode_overlap": 1.0},
        "splitter": {"station.reflectivity": 0.5},
        "dark_counts": {"station.detectors.dark_count_rate_hz": 0.0},
        "ion_photon_fidelity": {f"nodes.{node}.errors.ion_photon_fidelity": 1.0 for node in both},
    }


def test_the_budget_of_the_oxford_link(stephenson):
    """Splitter and dark counts from the published numbers; the percentages are computed outside ionlink."""
    budget = stephenson.error_budget()
    splitter = budget["splitter"]
    assert abs(splitter.alone - 0.174e-2) < 0.002e-2
    assert splitter.alone_by_state["psi+"] < 1e-5
    assert abs(splitter.alone_by_state["psi-"] - 0.347e-2) < 0.0005e-2
    assert abs(budget["dark_counts"].alone - 0.050e-2) < 0.005e-2
    assert abs(budget["mode_overlap"].alone - (1 - 0.974) / 2) < 1e-12
    assert abs(budget.remainder) <= 0.05 * budget.infidelity
    assert budget.infidelity == 1 - stephenson.exact().fidelity
    assert abs(budget.infidelity - sum(row.off for row in budget) - budget.remainder) < 1e-15


@pytest.mark.parametrize("mechanism", ["dark_counts", "mode_overlap", "splitter"])
def test_removing_a_mechanism_of_the_oxford_link_gains_what_the_budget_says(stephenson, mechanism):
    row = stephenson.error_budget()[mechanism]
    better, before = stephenson.replace(removals(stephenson)[mechanism]).exact(), stephenson.exact()
    assert abs(better.fidelity - before.fidelity - row.off) < 1e-13
    assert abs(better.herald_probability - before.herald_probability - row.herald_probability) < 1e-15
    assert row.off > 1e-5


@pytest.mark.parametrize("seed", range(5))
def test_removing_any_mechanism_of_a_random_link_gains_what_the_budget_says(seed):
    """Rounding of numbers near one, 1e-16, times the few hundred operations behind them."""
    link = random_link(seed)
    budget, before = link.error_budget(), link.exact()
    for mechanism, changes in removals(link).items():
        better = link.replace(changes).exact()
        row = budget[mechanism]
        assert abs(better.fidelity - before.fidelity - row.off) < 1e-12, mechanism
        assert abs(better.herald_probability - before.herald_probability - row.herald_probability) < 1e-12
    assert all(abs(row.off) < 1e-12 for row in budget if row.mechanism not in removals(link))


def test_one_mechanism_by_itself_is_the_whole_budget():
    link = il.basic_link(efficiency=(0.3, 0.3), mode_overlap=0.9)
    budget = link.error_budget()
    assert abs(budget["mode_overlap"].alone - budget.infidelity) < 1e-14
    assert abs(budget.remainder) < 1e-14


def test_a_budget_is_a_table_of_what_matters(stephenson):
    budget = stephenson.error_budget()
    assert len(budget) == len(budget.rows) == len(list(budget))
    assert budget["delay"].alone < 1e-12
    lines = str(budget).splitlines()
    printed = {line.split()[0]: line for line in lines}
    assert {"mode_overlap", "splitter", "dark_counts", "ion_photon_fidelity", "remainder", "all"} <= set(
        printed
    )
    assert "delay" not in printed
    assert printed["splitter"].split()[1:5] == ["0.1599", "0.1743", "0.0006", "0.3469"]
    assert len({len(line) for line in lines[:-2]}) == 1
    with pytest.raises(il.ParameterError, match="`mechanism` must be one of emission_failure,"):
        budget["nonsense"]


def test_a_link_that_never_heralds_has_a_budget_of_nothing():
    budget = il.basic_link(efficiency=(0.0, 0.0)).error_budget()
    assert math.isnan(budget.infidelity)
    assert str(budget)
