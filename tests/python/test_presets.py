"""Shipped links: where their numbers come from, closed forms, and what was published."""

import dataclasses
import math

import numpy as np
import pytest

import ionlink as il
from ionlink.tables import Parameters

NAMES = il.presets.names()
# results that were read in the paper or its abstract: everything else is for orientation
TARGETS = {
    ("krutyanskiy2019_50km", "fidelity"),
    ("stephenson2020", "herald_probability"),
    ("stephenson2020", "rate_hz"),
    ("stephenson2020", "fidelity"),
    ("oreilly2024", "rate_hz"),
    ("oreilly2024", "fidelity"),
    ("saha2025", "fidelity"),
    ("zalewski2025", "fidelity"),
    ("zalewski2025_fiber", "fidelity"),
}
# results that a fitted efficiency or attenuation was fitted to
FITTED_TO = {
    ("hucul2015", "rate_hz"),
    ("krutyanskiy2023_230m", "herald_probability"),
    ("oreilly2024", "rate_hz"),
    ("saha2025", "rate_hz"),
    ("main2025", "rate_hz"),
    ("zalewski2025", "rate_hz"),
    ("zalewski2025_fiber", "rate_hz"),
}
# the reason stands in docs/validation.md: the errors of these experiments were not at hand
MISSED = {
    ("saha2025", "fidelity"),
    ("zalewski2025", "fidelity"),
    ("zalewski2025_fiber", "fidelity"),
}


@pytest.fixture(scope="module")
def links():
    return {name: il.presets.load(name) for name in NAMES}


def results(link):
    """Published results by name."""
    found = {
        name: getattr(link.published, name, None) for name in ("herald_probability", "rate_hz", "fidelity")
    }
    return {name: measured for name, measured in found.items() if measured is not None}


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_is_named_after_its_file_cites_its_source_and_comes_back_equal(name, links, tmp_path):
    link = links[name]
    assert link.name == name
    assert link.reference
    link.to_toml(tmp_path / "copy.toml")
    assert il.Link.from_toml(tmp_path / "copy.toml") == link
    assert 0 < link.exact().herald_probability < 1
    assert 0.5 < link.exact().fidelity < 1 + 1e-12
    assert link.error_budget().infidelity == pytest.approx(1 - link.exact().fidelity, abs=1e-12)


def given(table, path=""):
    """Paths of what a table gives beside its neutral defaults: numbers, and names that look numbers up."""
    for column in dataclasses.fields(table):
        value = getattr(table, column.name)
        if value == column.default or column.name in {
            "name",
            "reference",
            "inputs",
            "published",
            "node_a",
            "node_b",
        }:
            continue
        yield from given_in(value, f"{path}.{column.name}" if path else column.name, column.name)


def given_in(value, path, name):
    if isinstance(value, Parameters):
        yield from given(value, path)
    elif isinstance(value, bool) or (isinstance(value, str) and name not in {"line", "catalog"}):
        return
    elif isinstance(value, tuple) and not all(isinstance(item, int | float) for item in value):
        for index, item in enumerate(value):
            yield from given_in(item, f"{path}.{index}", name)
    elif value != () and value is not None:
        yield path


def all_given(link):
    yield from given(link)
    for index, node in enumerate(link.nodes):
        yield from given(node, f"nodes.{index}")


def covers(outer, path):
    return path == outer or path.startswith(f"{outer}.")


@pytest.mark.parametrize("name", NAMES)
def test_every_number_of_a_preset_has_a_source(name, links):
    named = [known.parameter for known in links[name].inputs]
    paths = list(all_given(links[name]))
    assert len(paths) >= 5
    assert [path for path in paths if not any(covers(outer, path) for outer in named)] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_source_belongs_to_something_that_the_preset_gives(name, links):
    paths = list(all_given(links[name]))
    choices = {"encoding.kind", "encoding.erasure_check"}  # no numbers beside their defaults
    named = {known.parameter for known in links[name].inputs} - choices
    assert [outer for outer in named if not any(covers(outer, path) for path in paths)] == []


def test_the_rule_finds_a_number_without_a_source(stephenson):
    """Negative control."""
    for change in (
        {"station.window_start_s": 1e-9},
        {"nodes.1.errors.readout_error": 0.01},
        {"delay_s": (0.0, 1e-9)},
    ):
        changed = stephenson.replace(change)
        named = [known.parameter for known in changed.inputs]
        missing = [path for path in all_given(changed) if not any(covers(outer, path) for outer in named)]
        assert missing == list(change)


def test_only_results_that_were_read_in_the_paper_are_targets(links):
    found = {
        (name, result)
        for name, link in links.items()
        for result, measured in results(link).items()
        if measured.status == "published"
    }
    assert found == TARGETS


def test_targets_are_met_but_for_those_that_validation_explains(links):
    """Rates within 10 %, fidelities within one published standard deviation and 0.005, bounds kept."""
    missed = set()
    for name, result in TARGETS - FITTED_TO:
        measured, ours = results(links[name])[result], getattr(links[name].exact(), result)
        if measured.limit == "lower":
            met = ours >= measured.value
        elif result == "fidelity":
            met = abs(ours - measured.value) <= (measured.uncertainty or 0) + 0.005
        else:
            met = abs(ours / measured.value - 1) <= 0.1
        if not met:
            missed.add((name, result))
    assert missed == MISSED


def test_what_was_fitted_is_flagged_and_comes_out_as_measured(links):
    """Fitted numbers have four digits; a rate follows an efficiency squared."""
    for name, result in FITTED_TO:
        assert any(known.status == "fitted" for known in links[name].inputs)
        measured = results(links[name])[result]
        assert getattr(links[name].exact(), result) == pytest.approx(measured.value, rel=1e-3)
    with_fits = {
        name for name, link in links.items() if any(known.status == "fitted" for known in link.inputs)
    }
    # the mode overlap of stephenson2020 is the remainder of the paper's own error budget
    assert with_fits == {name for name, _ in FITTED_TO} | {"stephenson2020"}


def test_what_was_invented_says_so(links):
    invented = {
        name for name, link in links.items() if any(known.status == "invented" for known in link.inputs)
    }
    assert invented == {"commercial_module_pair"}
    link = links["commercial_module_pair"]
    assert link.reference.startswith("Invented for planning")
    assert link.published is None
    assert {known.status for known in link.inputs} <= {"invented", "published", "secondary", "computed"}


@pytest.mark.parametrize("name", ["hucul2015", "stephenson2020", "oreilly2024", "saha2025", "main2025"])
def test_two_clicks_herald_with_half_the_product_of_the_efficiencies(name, links):
    """p = P_A P_B eta_A eta_B/2; leaking polarizers exchange patterns and keep their number.

    Dark counts add less than 1e-3.
    """
    link = links[name].replace({"station.detectors.dark_count_rate_hz": 0.0})
    expected = 0.5
    for node in link.nodes:
        emission = node.emission
        branching = emission.branching_ratio
        if branching is None:
            branching = il.atoms.line(emission.ion, emission.line).branching_ratio
        expected *= emission.preparation_probability * emission.excitation_probability * branching
        expected *= node.collection.efficiency
    assert link.exact().herald_probability == pytest.approx(expected, rel=1e-9)
    assert links[name].exact().herald_probability == pytest.approx(expected, rel=1e-3)


def test_the_error_budget_entries_of_oreilly2024_combine_as_products(links):
    """A pair of which one photon leaks is in |00> or |11>: F = (1 - 0.029)(1 - 0.004)."""
    assert links["oreilly2024"].exact().fidelity == pytest.approx((1 - 0.029) * (1 - 0.004), abs=1e-5)


def test_links_without_known_errors_have_none(links):
    for name in ("hucul2015", "saha2025", "zalewski2025"):
        assert links[name].exact().fidelity == pytest.approx(1.0, abs=1e-12)


def test_ion_and_photon_of_zalewski2025_lose_rate_and_no_fidelity_in_the_fiber(links):
    near, far = links["zalewski2025"], links["zalewski2025_fiber"]
    photon = il.atoms.line("88Sr+", "1092").branching_ratio * near.node_a.collection.efficiency
    assert near.exact().herald_probability == pytest.approx(photon, rel=1e-9)
    fiber = far.paths[0][0]
    kept = 10 ** (-fiber.attenuation_db_per_km * fiber.length_m / 1e4)
    assert far.exact().herald_probability == pytest.approx(photon * kept, rel=1e-9)
    assert far.exact().fidelity == pytest.approx(near.published.fidelity.value, abs=1e-12)
    # an attempt takes that of the laboratory and the light's way there and back
    way_s = 2 * fiber.length_m * fiber.group_index / 299_792_458
    assert far.schedule.attempt_period_s is None
    assert far.attempt_period_s == pytest.approx(near.attempt_period_s + way_s, rel=1e-12)


def test_published_parts_that_do_not_add_up_leave_the_published_periods(links):
    stephenson, krutyanskiy = links["stephenson2020"], links["krutyanskiy2019_50km"]
    parts_s = {"preparation": 350e-9, "latency": 400e-9, "extinction": 100e-9, "decision": 100e-9}
    window_s = stephenson.station.window_duration_s
    assert sum(parts_s.values()) + window_s == pytest.approx(0.98e-6, rel=1e-12)
    assert stephenson.attempt_period_s == 1e-6
    assert stephenson.schedule.decision_s == parts_s["decision"]
    assert krutyanskiy.attempt_period_s == 453e-6 > 50e-6 + 60e-6 + 30e-6 + 217e-6
    # the nodes know after the decision and the message's way; the spool's end is beside the ion
    way_s = 1.75 * 1.49 / 299_792_458
    assert stephenson.herald_delay_s == pytest.approx((way_s + 100e-9,) * 2, rel=1e-12)
    assert krutyanskiy.herald_delay_s == (0.0,)


def test_photon_clicks_of_krutyanskiy2019_lie_within_the_published_expectation(links):
    """6.5(1.6)e-4 from its chain, and 5.3e-4 measured; the rest of the heralds is background."""
    link = links["krutyanskiy2019_50km"]
    by_cause = {
        cause: sum(pattern.by_cause[index] for pattern in link.exact().patterns)
        for index, cause in enumerate(il.CAUSES)
    }
    click = 0.25 * 0.25 * 0.104 * 0.10
    silent = math.exp(-2.0 * 30e-6)
    # either detector clicks by its photon while the other is silent; 0.8522 has four digits
    assert by_cause["photon"] == pytest.approx(click * silent, rel=1e-4)
    assert by_cause["dark"] == pytest.approx((1 - click) * 2 * (1 - silent) * silent, rel=1e-6)
    assert by_cause["photon"] + by_cause["dark"] == pytest.approx(link.exact().herald_probability, rel=1e-12)
    assert abs(by_cause["photon"] - 5.3e-4) < 1.6e-4 < by_cause["photon"]
    # so no number of the paper stands beside all clicks
    assert link.published.herald_probability is None


WINDOW_S = 17.5e-6
SCAN_S = np.array([3e-6, 5e-6, 7e-6, 10e-6, 15e-6])
VISIBILITY = np.array([0.66, 0.45, 0.37, 0.36, 0.25])


def kept(window_s):
    """Two independent, uniform times within WINDOW_S are closer than window_s."""
    return 1 - (1 - window_s / WINDOW_S) ** 2


def coherence(window_s, rate_hz):
    """Mean of exp(-rate |t - u|) over two such times that are closer than window_s."""
    x = rate_hz * window_s
    integral = (1 - np.exp(-x)) / rate_hz - (1 - np.exp(-x) * (1 + x)) / (rate_hz**2 * WINDOW_S)
    return 2 / WINDOW_S * integral / kept(window_s)


def test_flat_dephased_photons_give_the_window_scan_of_krutyanskiy2023(links):
    link = links["krutyanskiy2023_230m"]
    clean = {f"nodes.{node}.errors.ion_photon_fidelity": 1.0 for node in (0, 1)}
    clean["station.detectors.dark_count_rate_hz"] = 0.0
    eta = link.node_a.collection.efficiency
    rate_hz = 2 * link.node_a.emission.dephasing_rate_hz  # both photons
    for window_s in SCAN_S:
        exact = link.replace({**clean, "station.coincidence_window_s": window_s}).exact()
        assert exact.herald_probability == pytest.approx(eta**2 / 2 * kept(window_s), rel=1e-9)
        assert exact.fidelity == pytest.approx((1 + coherence(window_s, rate_hz)) / 2, rel=1e-9)

    def residual(rate_hz):
        return ((coherence(SCAN_S, rate_hz) - VISIBILITY) ** 2).mean() ** 0.5

    # as far off as docs/validation.md says, and the best that one rate can do
    assert residual(rate_hz) == pytest.approx(0.033, abs=5e-4)
    assert residual(rate_hz) < min(residual(0.98 * rate_hz), residual(1.02 * rate_hz))
    two_photons = np.array([0.313, 0.487, 0.635, 0.811, 0.980])
    two_darks = np.array([0.313, 0.490, 0.640, 0.816, 0.980])
    assert abs(kept(SCAN_S) - two_photons).max() < 0.006
    assert abs(kept(SCAN_S) - two_darks).max() < 6e-4


def test_the_invented_pair_multiplies_its_stages(links):
    link = links["commercial_module_pair"]
    silent = {f"paths.{node}.1.noise_rate_hz": 0.0 for node in (0, 1)}
    silent["station.detectors.dark_count_rate_hz"] = 0.0
    line = il.atoms.line("138Ba+", "494")
    lens = 0.4 * (1 - 0.8) / 2  # NA 0.6
    path = 0.19 * 0.5 * 0.8 * 10 ** (-0.2 * 2.5 / 10) * 10 ** (-1.0 / 10)
    window = 1 - math.exp(-40e-9 / line.lifetime_s)
    eta = 0.98 * 0.97 * line.branching_ratio * lens * path * 0.9 * 0.8 * window
    exact = link.replace(silent).exact()
    assert exact.herald_probability == pytest.approx(eta**2 / 2, rel=1e-9)
    # both ions keep their coherence while light and message travel and the station decides
    way_s = 2500 * 1.467 / 299_792_458
    kept = math.exp(-(2 * way_s + 0.1e-6) / 10e-3) ** 2
    weight = (4 * 0.98 - 1) / 3
    # 1/4 + w^2 (F - 1/4), F = (1 + M)/2 with M times what is kept
    fidelity = 0.25 + weight**2 * ((1 + 0.97 * kept) / 2 - 0.25)
    assert exact.fidelity == pytest.approx(fidelity, abs=1e-9)
    assert link.exact().fidelity < fidelity - 0.005
    # bursts of 500 attempts, each a sum of its parts
    period_s = 2.2e-6 + 2 * way_s + 0.1e-6
    assert link.attempt_period_s == pytest.approx(period_s, rel=1e-12)
    assert exact.rate_hz == pytest.approx(500 * eta**2 / 2 / (500 * period_s + 1e-3), rel=1e-9)


def test_detectors_of_the_invented_pair_remember_nothing_from_attempt_to_attempt(links):
    """Negative control: afterpulses that last as long as an attempt have no exact results."""
    link = links["commercial_module_pair"]
    detector = link.station.detectors
    assert min(detector.dead_time_s, detector.afterpulse_probability, detector.timing_jitter_s) > 0
    ideal = {"dead_time_s": 0.0, "afterpulse_probability": 0.0, "timing_jitter_s": 0.0}
    plain = link.replace({f"station.detectors.{name}": value for name, value in ideal.items()}).exact()
    assert link.exact().herald_probability == pytest.approx(plain.herald_probability, rel=1e-12)
    assert link.exact().fidelity == pytest.approx(plain.fidelity, rel=1e-12)
    with pytest.raises(il.ModelError, match="afterpulse_probability"):
        link.replace({"station.detectors.afterpulse_time_s": link.attempt_period_s}).exact()


@pytest.mark.parametrize("name", NAMES)
def test_the_click_engine_agrees_with_exact_results_on_every_preset(name, links):
    """Five standard deviations of 3000 heralds, with a floor for outcomes that so few draws do not show."""
    run, exact = links[name].sample(heralds=3000, seed=11, engine="click"), links[name].exact()
    for quantity in ("herald_probability", "fidelity"):
        estimate, truth = getattr(run, quantity), getattr(exact, quantity)
        sigma = max((estimate.high - estimate.low) / (2 * 1.96), 1e-3 * truth)
        assert abs(estimate.value - truth) < 5 * sigma, quantity


def test_inputs_name_parameters_of_the_link(stephenson):
    source = {"status": "assumed", "source": "a guess"}

    def with_inputs(*paths):
        return stephenson.replace({"inputs": [il.Input(parameter=path, **source) for path in paths]})

    assert [known.parameter for known in with_inputs("mode_overlap", "nodes.1").inputs] == [
        "mode_overlap",
        "nodes.1",
    ]
    for path in ("nodes.2.name", "published.fidelity", "inputs", "station.coincidence_window_s"):
        with pytest.raises(
            il.ParameterError, match=r"`inputs\.0\.parameter` must be the path of a parameter"
        ):
            with_inputs(path)
    with pytest.raises(il.ParameterError, match=r'did you mean "station\.window_duration_s"') as caught:
        with_inputs("mode_overlap", "station.window_durations_s")
    assert caught.value.path == "inputs.1.parameter"
    with pytest.raises(
        il.ParameterError, match=r"`inputs\.1\.parameter` must be a path that no earlier input names"
    ):
        with_inputs("mode_overlap", "mode_overlap")
    with pytest.raises(il.ParameterError, match="`status` must be one of"):
        il.Input(parameter="mode_overlap", status="guessed", source="a guess")
    with pytest.raises(il.ParameterError, match="`source` must be not empty"):
        il.Input(parameter="mode_overlap", status="assumed", source="")


def test_inputs_change_no_result(stephenson):
    bare = stephenson.replace({"inputs": ()})
    assert bare != stephenson
    assert bare.exact().fidelity == stephenson.exact().fidelity
    first, second = (link.sample(heralds=100, seed=1) for link in (bare, stephenson))
    assert (first.attempt == second.attempt).all()


def test_replace_drops_the_source_of_what_it_changes(stephenson):
    def named(link):
        return {known.parameter for known in link.inputs}

    changed = stephenson.replace(
        {"nodes.0.collection": stephenson.node_b.collection, "station.window_duration_s": 2e-8}
    )
    assert named(stephenson) - named(changed) == {
        "nodes.0.collection.efficiency",
        "nodes.0.collection.at_window_s",
        "station.window_duration_s",
    }
    assert named(changed) < named(stephenson)
    assert named(stephenson.replace({"paths": ()})) == {
        path for path in named(stephenson) if not path.startswith("paths")
    }


def test_bounds_print_as_such_and_have_no_uncertainty():
    assert str(il.Measured(value=0.94, limit="lower", source="abstract")) == ">= 0.94"
    assert str(il.Measured(value=0.1, limit="upper", source="abstract")) == "<= 0.1"
    with pytest.raises(il.ParameterError, match="`uncertainty` must be left out beside a limit"):
        il.Measured(value=0.94, limit="lower", uncertainty=0.01, source="abstract")
    with pytest.raises(il.ParameterError, match="`limit` must be one of"):
        il.Measured(value=0.94, limit="about", source="abstract")


@pytest.mark.parametrize("status", ["fitted", "guessed"])
def test_the_status_of_a_result_is_one_that_a_measurement_can_have(stephenson, status):
    domain = 'one of "published", "secondary"'
    with pytest.raises(il.ParameterError) as caught:
        il.Measured(value=0.94, status=status, source="abstract")
    assert str(caught.value) == f'`status` must be {domain}, got "{status}"'
    with pytest.raises(il.ParameterError) as caught:
        stephenson.replace({"published.fidelity.status": status})
    assert (caught.value.path, caught.value.domain) == ("published.fidelity.status", domain)
    with pytest.raises(il.ParameterError, match='"computed", "fitted"'):
        il.Input(parameter="mode_overlap", status="guessed", source="a paper")


# of the figure of Main et al.: magnitudes and phases of three digits, as real and imaginary parts of six
MAIN_REAL = [
    [0.012000, 0.012474, 0.011937, 0.000000],
    [0.012474, 0.508000, 0.474991, -0.007624],
    [0.011937, 0.474991, 0.479000, -0.008789],
    [0.000000, -0.007624, -0.008789, 0.000000],
]
MAIN_IMAG = [
    [0.000000, 0.006356, 0.007315, 0.000000],
    [-0.006356, 0.000000, -0.002984, -0.002424],
    [-0.007315, 0.002984, 0.000000, -0.001936],
    [0.000000, 0.002424, 0.001936, 0.000000],
]


def test_heralds_of_main2025_leave_the_nearest_state_of_the_published_matrix(links):
    link = links["main2025"]
    with pytest.warns(UserWarning, match=r"eigenvalues down to -0\.000217 set to 0"):
        rho = il.bell.nearest_state(np.array(MAIN_REAL) + 1j * np.array(MAIN_IMAG))
    given = link.heralded_state
    held = np.array(given.real) + 1j * np.array(given.imag)
    # the file has twelve decimals
    np.testing.assert_allclose(held, rho, atol=1e-12)
    assert round(il.bell.fidelity(held, "psi+"), 4) == 0.9693
    assert link.exact().fidelity == pytest.approx(il.bell.fidelity(rho, "psi+"), abs=1e-11)

    run = link.sample(heralds=500, seed=3)
    announced = np.array(il.BELL_STATES)[run.bell_state]
    assert set(announced) == {"psi+", "psi-"}
    flip = np.diag([1, -1, 1, -1])  # Z on ion B carries psi+ to psi-, up to a sign
    expected = np.where((announced == "psi+")[:, None, None], held, flip @ held @ flip)
    np.testing.assert_allclose(run.states(), expected, atol=1e-12)
    # negative control: the printed matrix itself is another one
    assert abs(np.array(MAIN_REAL) - held.real).max() > 1e-4
