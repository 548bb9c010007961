"""Whatever users type, they get a link or a clear error, never a panic."""

import inspect
import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import assume, example, given, settings

import ionlink as il
from ionlink import _core
from ionlink.tables import Parameters

EDGES = [math.nan, math.inf, -math.inf, -1.0, -0.0, 0, 1, 1.0000001, 2.0, 5e-324, 1e-300, 1e300]
NUMBERS = st.one_of(st.sampled_from([*EDGES, 10**400]), st.floats(), st.integers())
SCALARS = st.one_of(
    NUMBERS,
    st.none(),
    st.booleans(),
    st.text(max_size=5),
    st.binary(max_size=3),
    st.complex_numbers(),
    st.floats().map(np.float64),
    st.sampled_from([np.int8(-1), np.uint64(2**64 - 1), np.float32(0.5), np.bool_(True)]),
    st.just(object()),
    st.just(np.datetime64("nat", "s")),
    st.just(np.array(0.5)),
    st.just({1, 2}),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.tuples(inner, inner),
        st.dictionaries(st.text(max_size=3), inner, max_size=2),
    ),
    max_leaves=6,
)
NEIGHBORS = st.one_of(VALUES, st.tuples(NUMBERS, NUMBERS), st.tuples(st.floats(0, 1), st.floats(0, 1)))
ARGUMENTS = sorted(inspect.signature(il.basic_link).parameters)
PATHS = [
    "mode_overlap",
    "delay_s",
    "bell_phase_rad",
    "phase_reference",
    "name",
    "nodes",
    "nodes.0",
    "nodes.0.name",
    "nodes.0.emission.lifetime_s",
    "nodes.0.emission.amplitudes",
    "nodes.0.emission.amplitudes.0",
    "nodes.0.emission.transitions",
    "nodes.0.emission.branching_ratio",
    "nodes.0.emission.detuning_rad_per_s",
    "nodes.0.emission.dephasing_rate_hz",
    "nodes.0.emission.ion",
    "nodes.0.emission.line",
    "nodes.0.emission.wavelength_nm",
    "nodes.0.emission.pulse_duration_s",
    "nodes.0.emission.return_mode",
    "nodes.0.emission.return_probability",
    "nodes.0.emission.wavepacket",
    "nodes.0.emission.wavepacket.restarts",
    "nodes.0.emission.spectral_diffusion_rad_per_s",
    "nodes.0.emission.arrival_jitter_s",
    "pulse_offset_s",
    "phase_feed_forward",
    "station.coincidence_window_s",
    "station.extinction_ratio",
    "station.port_optics",
    "station.port_optics.0",
    "nodes.0.collection",
    "nodes.0.collection.efficiency",
    "nodes.0.collection.includes",
    "nodes.0.collection.at_window_s",
    "nodes.0.errors.ion_photon_fidelity",
    "nodes.0.errors.rotation_rad",
    "nodes.0.errors.readout_error",
    "nodes.0.memory",
    "collective_t2_s",
    "heralded_state",
    "encoding",
    "encoding.kind",
    "encoding.mode_splitting_rad_per_s",
    "paths",
    "paths.0",
    "paths.0.0",
    "paths.0.0.length_m",
    "paths.0.0.attenuation_db_per_km",
    "paths.0.0.group_index",
    "station",
    "station.detectors",
    "station.detectors.efficiency",
    "station.detectors.dark_count_rate_hz",
    "station.detectors.number_resolving",
    "station.detectors.dead_time_s",
    "station.reflectivity",
    "station.transmission",
    "station.window_start_s",
    "station.window_duration_s",
    "station.accepted_patterns",
    "schedule.attempt_period_s",
    "schedule.attempts_per_burst",
    "schedule.pause_s",
    "schedule.cooling_s",
    "schedule.preparation_s",
    "schedule.return_delay_s",
    "schedule.decision_s",
    "schedule.ions_per_round",
    "schedule.ion_spacing_s",
    "schedule.ion_loss_rate_hz",
    "schedule.reload_s",
    "published.fidelity",
    "published.fidelity.value",
    "published.fidelity.uncertainty",
]
# for the other encodings
ENCODED = {
    "time-bin": [
        "encoding.bin_separation_s",
        "encoding.rotation_error_rad",
        "encoding.wrong_decay_probability",
        "encoding.coherence_time_s",
        "encoding.erasure_check",
        "phase_feed_forward",
        "station.coincidence_window_s",
    ],
    "frequency": ["encoding.mode_splitting_rad_per_s", "station.coincidence_window_s"],
    "number": ["encoding.bright_fraction", "encoding.phase_jitter_rad", "phase_feed_forward"],
    "ion-photon": ["encoding.mode_splitting_rad_per_s", "nodes", "paths", "paths.0", "bell_phase_rad"],
    "barrett-kok": [
        "encoding.round_separation_s",
        "encoding.phase_jitter_rad",
        "nodes.0.emission.pulse_duration_s",
    ],
}
SMALL = {
    "lens": {"numerical_aperture": 0.6},
    "cavity": {
        "coupling_rad_per_s": 1e7,
        "cavity_half_linewidth_rad_per_s": 4e5,
        "atomic_half_linewidth_rad_per_s": 7e7,
        "drive": "slow",
        "escape_probability": 0.8,
    },
    "emission": {"lifetime_s": 8e-9},
    "exponential": {},
    "smeared": {"rise_s": 1e-9},
    "tabulated": {"times_s": [0.0, 1.0], "intensity": [1.0, 1.0]},
    "restart": {"delay_s": 0.0, "probability": 0.1},
    "gates": {},
    "fiber": {"length_m": 1.0, "attenuation_db_per_km": 1.0, "group_index": 1.5},
    "converter": {"efficiency": 0.5},
    "filter": {"transmission": 0.5},
    "switch": {"loss_db": 1.0},
    "rotation": {"angle_rad": 0.0},
    "wave_plate": {"retardance_rad": 0.0, "angle_rad": 0.0},
    "polarization_loss": {"transmission": [1.0, 1.0]},
    "time-bin": {"bin_separation_s": 1e-6},
    "erasure_check": {},
    "frequency": {"mode_splitting_rad_per_s": 0.0},
    "number": {"bright_fraction": [0.1, 0.1]},
    "barrett-kok": {"round_separation_s": 1e-6},
    "ion-photon": {},
    "station": {"window_duration_s": 40e-9},
    "schedule": {"attempt_period_s": 1e-6},
}
PROBABILITY, FREQUENCY, RATE = ("[0, 1]", ""), ("[-1e18, 1e18]", "rad/s"), ("[0e0, 1e18]", "1/s")
REFUSED = [
    # kind, field, value, path, domain, unit
    ("emission", "wavelength_nm", 0.0, "wavelength_nm", "finite and above 0", "nm"),
    ("emission", "lifetime_s", 1e4, "lifetime_s", "[1e-18, 1e3]", "s"),
    ("emission", "branching_ratio", 1.1, "branching_ratio", *PROBABILITY),
    ("emission", "pulse_duration_s", -1.0, "pulse_duration_s", "[0e0, 1e3]", "s"),
    ("emission", "pulse_duration_s", 9e-9, "pulse_duration_s", "at most the lifetime", "s"),
    ("emission", "return_mode", 0, "return_mode", "left out without pulse_duration_s", ""),
    ("emission", "return_mode", 2, "return_mode", "0 or 1", ""),
    ("emission", "return_probability", 1.5, "return_probability", *PROBABILITY),
    (
        "emission",
        "spectral_diffusion_rad_per_s",
        -1.0,
        "spectral_diffusion_rad_per_s",
        "[0e0, 1e18]",
        "rad/s",
    ),
    ("emission", "arrival_jitter_s", -1e-9, "arrival_jitter_s", "[0e0, 1e3]", "s"),
    ("emission", "arrival_jitter_s", 0.1, "arrival_jitter_s", "at most 1e6 lifetimes", "s"),
    ("smeared", "rise_s", -1.0, "rise_s", "[0e0, 1e3]", "s"),
    ("tabulated", "times_s", [0.0, 0.0], "times_s.1", "later than the time before", "s"),
    ("tabulated", "times_s", [0.0], "times_s", "2 to 100000 points", "s"),
    ("tabulated", "intensity", [1.0, -1.0], "intensity.1", "finite and at least 0", ""),
    ("tabulated", "intensity", [1.0], "intensity", "2 values, one for each time", ""),
    ("restart", "delay_s", -1.0, "delay_s", "[0e0, 1e3]", "s"),
    ("restart", "probability", 2.0, "probability", *PROBABILITY),
    ("gates", "one_qubit_fidelity", 0.4, "one_qubit_fidelity", "[0.5, 1]", ""),
    ("gates", "two_qubit_fidelity", 0.2, "two_qubit_fidelity", "[0.25, 1]", ""),
    ("gates", "duration_s", -1e-6, "duration_s", "[0e0, 1e3]", "s"),
    ("gates", "readout_error", 0.6, "readout_error", "[0, 0.5]", ""),
    ("gates", "transfer_fidelity", math.nan, "transfer_fidelity", "[0.5, 1]", ""),
    ("gates", "transfer_duration_s", math.inf, "transfer_duration_s", "[0e0, 1e3]", "s"),
    ("cavity", "coupling_rad_per_s", -1.0, "coupling_rad_per_s", "[0e0, 1e18]", "rad/s"),
    (
        "cavity",
        "cavity_half_linewidth_rad_per_s",
        0.0,
        "cavity_half_linewidth_rad_per_s",
        "[1e-3, 1e18]",
        "rad/s",
    ),
    (
        "cavity",
        "atomic_half_linewidth_rad_per_s",
        0.0,
        "atomic_half_linewidth_rad_per_s",
        "[1e-3, 1e18]",
        "rad/s",
    ),
    ("cavity", "drive", "fast", "drive", 'one of "slow", "prompt"', ""),
    ("cavity", "escape_probability", 2.0, "escape_probability", *PROBABILITY),
    ("cavity", "transmission", 2.0, "transmission", *PROBABILITY),
    ("cavity", "fiber_coupling", 2.0, "fiber_coupling", *PROBABILITY),
    ("fiber", "wavelength_nm", -1.0, "wavelength_nm", "finite and above 0", "nm"),
    ("converter", "efficiency", 2.0, "efficiency", *PROBABILITY),
    ("converter", "noise_rate_hz", -1.0, "noise_rate_hz", *RATE),
    ("converter", "bandwidth_hz", 0.0, "bandwidth_hz", "finite and above 0", "Hz"),
    ("converter", "wavelength_nm", 0.0, "wavelength_nm", "finite and above 0", "nm"),
    ("filter", "transmission", 2.0, "transmission", *PROBABILITY),
    ("filter", "bandwidth_hz", 0.0, "bandwidth_hz", "finite and above 0", "Hz"),
    ("switch", "loss_db", -1.0, "loss_db", "finite and at least 0", "dB"),
    ("rotation", "angle_rad", math.inf, "angle_rad", "finite", "rad"),
    ("wave_plate", "retardance_rad", math.nan, "retardance_rad", "finite", "rad"),
    ("wave_plate", "angle_rad", math.inf, "angle_rad", "finite", "rad"),
    ("polarization_loss", "transmission", [1.0, 1.5], "transmission.1", *PROBABILITY),
    ("time-bin", "bin_separation_s", 0.0, "bin_separation_s", "finite and above 0", "s"),
    ("time-bin", "rotation_error_rad", [0.0, 4.0], "rotation_error_rad.1", "[-3.14", "rad"),
    ("time-bin", "wrong_decay_probability", [2.0, 0.0], "wrong_decay_probability.0", *PROBABILITY),
    ("time-bin", "coherence_time_s", [1.0, 0.0], "coherence_time_s.1", "above 0", "s"),
    ("time-bin", "erasure_check", {"kept_fraction": 2.0}, "erasure_check.kept_fraction", *PROBABILITY),
    ("erasure_check", "detection_probability", 2.0, "detection_probability", *PROBABILITY),
    ("erasure_check", "kept_fraction", -0.1, "kept_fraction", *PROBABILITY),
    ("frequency", "mode_splitting_rad_per_s", 1e19, "mode_splitting_rad_per_s", *FREQUENCY),
    ("number", "bright_fraction", [0.1, 1.1], "bright_fraction.1", *PROBABILITY),
    ("number", "phase_jitter_rad", [-0.1, 0.0], "phase_jitter_rad.0", "finite and at least 0", "rad"),
    ("barrett-kok", "round_separation_s", -1.0, "round_separation_s", "finite and above 0", "s"),
    ("barrett-kok", "phase_jitter_rad", [0.0, -0.1], "phase_jitter_rad.1", "finite and at least 0", "rad"),
    ("ion-photon", "mode_splitting_rad_per_s", -1e19, "mode_splitting_rad_per_s", *FREQUENCY),
    ("station", "coincidence_window_s", 0.0, "coincidence_window_s", "finite and above 0", "s"),
    ("station", "extinction_ratio", 0.5, "extinction_ratio", "at least 1, or inf", ""),
    ("station", "extinction_ratio", [1.0, 2.0], "extinction_ratio", "one number or one per slot (4)", ""),
    ("station", "accepted_patterns", [], "accepted_patterns", "at least one pattern", ""),
    ("schedule", "attempt_period_s", 0.0, "attempt_period_s", "finite and above 0", "s"),
    ("schedule", "pause_s", 1.0, "pause_s", "0 unless attempts_per_burst is given", "s"),
    ("schedule", "cooling_s", 1e-7, "cooling_s", "left out beside attempt_period_s", "s"),
    ("schedule", "preparation_s", 1e-7, "preparation_s", "left out beside attempt_period_s", "s"),
    ("schedule", "return_delay_s", -1.0, "return_delay_s", "[0e0, 1e9]", "s"),
    ("schedule", "decision_s", math.inf, "decision_s", "[0e0, 1e9]", "s"),
    ("schedule", "ions_per_round", 0, "ions_per_round", "[1, 1048576]", ""),
    ("schedule", "ion_spacing_s", 1e-7, "ion_spacing_s", "left out for one ion per round", "s"),
    ("schedule", "ion_loss_rate_hz", -1.0, "ion_loss_rate_hz", *RATE),
    ("schedule", "ion_loss_rate_hz", 2e6, "ion_loss_rate_hz", "at most one loss per attempt", "1/s"),
    ("schedule", "reload_s", -1.0, "reload_s", "[0e0, 1e9]", "s"),
]
KINDS = sorted({cls._kind for cls in Parameters.__subclasses__()})
TOKENS = [
    "[",
    "]",
    "[[nodes]]",
    "nodes",
    "=",
    "1",
    "nan",
    "'",
    '"',
    "{",
    "}",
    ".",
    "station",
    "#",
    "1e999",
    "[paths]",
]
SAMPLE = [
    "heralds",
    "attempts",
    "duration_s",
    "start_attempt",
    "threads",
    "engine",
    "seed",
    "record_coincidences",
    "until",
    "timeout_s",
]


def result_or_error(function, *arguments, **options):
    """What the call returns, or the error that explains why not; anything else fails the test."""
    try:
        return function(*arguments, **options)
    except il.IonlinkError as error:
        return error


def answers(link):
    """Ask everything; every answer is a probability, a time, or NaN where there are no heralds."""
    exact = result_or_error(link.exact)
    run = link.sample(attempts=50, seed=1, threads=1)
    assert len(run.states()) == run.heralds
    assert run.measure("XZ", seed=1).shape == (run.heralds, 2)
    assert str(run)
    if isinstance(exact, il.ModelError):
        assert "dead time" in str(exact) or "numerical integral" in str(exact)
        return
    assert str(link.error_budget())
    assert -1e-12 <= exact.herald_probability <= 1 + 1e-9
    assert not exact.fidelity < -1e-9
    assert not exact.fidelity > 1 + 1e-9
    assert not exact.mean_time_s < 0
    assert str(exact)


@settings(max_examples=600)
@given(name=st.sampled_from(ARGUMENTS), value=NEIGHBORS)
@example(name="efficiency", value=(1.0, 1.0))
@example(name="dark_count_rate_hz", value=1e300)
@example(name="window_duration_s", value=1e300)
@example(name="lifetime_s", value=(5e-324, 1e300))
@example(name="detuning_rad_per_s", value=(1e300, -1e300))
def test_basic_link_accepts_or_explains(name, value):
    arguments = {"efficiency": (0.3, 0.2), "dark_count_rate_hz": 1e4, name: value}
    link = result_or_error(il.basic_link, **arguments)
    if isinstance(link, il.IonlinkError):
        assert str(link)
        assert link.path is not None
    else:
        answers(link)


@settings(max_examples=1200)
@given(path=st.sampled_from(PATHS), value=NEIGHBORS)
def test_replace_accepts_or_explains(stephenson, path, value):
    link = result_or_error(stephenson.replace, {path: value})
    if isinstance(link, il.IonlinkError):
        assert str(link)
    else:
        answers(link)


@settings(max_examples=800)
@given(choice=st.sampled_from([(name, path) for name in ENCODED for path in ENCODED[name]]), value=NEIGHBORS)
def test_replace_accepts_or_explains_for_every_encoding(choice, value):
    encoding, path = choice
    bright = {"bright_fraction": (0.1, 0.2)} if encoding == "number" else {}
    basic = "polarization" if encoding == "barrett-kok" else encoding
    link = il.basic_link(encoding=basic, efficiency=(0.3, 0.2), dark_count_rate_hz=1e5, **bright)
    if encoding == "barrett-kok":
        link = link.replace({"encoding": il.BarrettKok(round_separation_s=100e-9)})
    changed = result_or_error(link.replace, {path: value})
    if isinstance(changed, il.IonlinkError):
        assert str(changed)
    else:
        answers(changed)


@pytest.mark.parametrize(
    ("kind", "field", "value", "path", "domain", "unit"), REFUSED, ids=lambda value: str(value)[:20]
)
def test_a_wrong_value_names_path_value_domain_and_unit(kind, field, value, path, domain, unit):
    assert _core.check(kind, SMALL[kind]) is None
    with pytest.raises(il.ParameterError) as caught:
        _core.check(kind, {**SMALL[kind], field: value})
    error = caught.value
    assert (error.path, error.unit) == (path, unit)
    assert domain in error.domain
    assert error.value is not None
    assert str(error).startswith(f"`{path}` must be {error.domain}")
    assert f", got {error.value}" in str(error)


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ({"encoding": "photon"}, "encoding"),
        ({"encoding": "number"}, "bright_fraction"),
        ({"encoding": "number", "bright_fraction": (0.1, 2.0)}, "bright_fraction.1"),
        (
            {"encoding": "number", "bright_fraction": (0.1, 0.1), "phase_jitter_rad": -1.0},
            "phase_jitter_rad",
        ),
        ({"bright_fraction": (0.1, 0.1)}, "bright_fraction"),
        ({"phase_jitter_rad": 0.1}, "phase_jitter_rad"),
        ({"bin_separation_s": 1e-6}, "bin_separation_s"),
        ({"encoding": "time-bin", "bin_separation_s": 1e-9}, "bin_separation_s"),
        ({"encoding": "time-bin", "mode_splitting_rad_per_s": 1.0}, "mode_splitting_rad_per_s"),
        ({"coincidence_window_s": -1.0}, "coincidence_window_s"),
        ({"encoding": "frequency", "phase_feed_forward": True}, "phase_feed_forward"),
        ({"encoding": "ion-photon", "coincidence_window_s": 1e-9}, "coincidence_window_s"),
        ({"phase_feed_forward": 1}, "phase_feed_forward"),
    ],
    ids=str,
)
def test_basic_link_names_the_argument_that_does_not_fit(arguments, path):
    with pytest.raises((il.ParameterError, il.ModelError)) as caught:
        il.basic_link(**{"efficiency": (0.1, 0.1), **arguments})
    assert caught.value.path == path


@settings(max_examples=600)
@given(kind=st.sampled_from(KINDS), data=st.data())
def test_tables_are_accepted_or_explained(kind, data):
    fields = _core.fields(kind)
    names = st.sampled_from([*fields, "nonsense", ""])
    table = data.draw(st.dictionaries(names, VALUES, max_size=len(fields)))
    error = result_or_error(_core.check, kind, table)
    assert error is None or str(error)


@settings(max_examples=400)
@given(
    text=st.one_of(
        st.text(max_size=60), st.lists(st.sampled_from([*TOKENS, "\n"]), max_size=20).map(" ".join)
    )
)
def test_texts_are_explained(text):
    assert isinstance(result_or_error(_core.Link.from_toml, text), il.ParameterError)


def large(value):
    """Whether a limit is allowed but would take long."""
    return isinstance(value, int | float) and 1e5 < value < 1e30


@settings(max_examples=500)
@given(name=st.sampled_from(SAMPLE), value=VALUES)
def test_sample_accepts_or_explains(bright, name, value):
    limit = {} if name in {"attempts", "duration_s"} else {"heralds": 3}
    if name in {"heralds", "attempts"}:
        assume(not large(value))
    if name == "duration_s":
        assume(not (isinstance(value, int | float) and 0.1 < value < 1e30))
    if name == "threads":
        assume(not (isinstance(value, int | float) and value > 64))
    run = result_or_error(bright.sample, **{"seed": 1, "threads": 1, **limit, name: value})
    if isinstance(run, il.IonlinkError):
        assert str(run)
    else:
        assert run.heralds <= run.attempts


@pytest.mark.parametrize("tree", [None, 1, "text", [], [1], {"nodes": 1}, {1: 2}, object()])
def test_trees_of_the_wrong_shape_are_explained(tree):
    with pytest.raises(il.ParameterError):
        il.Link.from_tree(tree)


def test_a_tree_that_contains_itself_is_explained(stephenson):
    knot = []
    knot.append(knot)
    with pytest.raises((il.ParameterError, RecursionError)):
        stephenson.replace({"paths": knot})
