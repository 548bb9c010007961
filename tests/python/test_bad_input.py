"""Whatever users type, they get a link or a clear error, never a panic."""

import inspect
import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import assume, example, given, settings

import ionlink as il
from ionlink import _core

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
    "nodes.0.collection",
    "nodes.0.collection.efficiency",
    "nodes.0.collection.includes",
    "nodes.0.collection.at_window_s",
    "nodes.0.errors.ion_photon_fidelity",
    "nodes.0.errors.rotation_rad",
    "nodes.0.errors.readout_error",
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
    "published.fidelity",
    "published.fidelity.value",
    "published.fidelity.uncertainty",
]
KINDS = [
    "emission",
    "lens",
    "measured_efficiency",
    "fiber",
    "loss",
    "detector",
    "local_errors",
    "polarization",
    "node",
    "station",
    "schedule",
    "measured",
    "published",
    "link",
]
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
        assert "dead time" in str(exact)
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
    assert isinstance(result_or_error(_core.link_from_toml, text), il.ParameterError)


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
