"""Every kind of error can be raised, read and pickled."""

import pickle

import pytest

import ionlink as il
from ionlink import _core

KINDS = {
    "parameter": (
        il.ParameterError,
        "line 3, column 7: `station.transmission` must be in [0, 1], got 1.5",
        {
            "path": "station.transmission",
            "value": "1.5",
            "domain": "in [0, 1]",
            "unit": "",
            "line": 3,
            "column": 7,
        },
    ),
    "unknown_field": (
        il.ParameterError,
        "did you mean `transmission`?",
        {"path": "station.transmision", "suggestion": "transmission", "line": 3},
    ),
    "missing_field": (il.ParameterError, "`station` is missing", {"path": "station", "value": None}),
    "syntax": (il.ParameterError, "line 3, column 7: unclosed table", {"path": None, "column": 7}),
    "model": (il.ModelError, "`heralds`: the link never heralds", {"path": "heralds"}),
    "size": (il.SizeError, "1024.0 GiB", {"needed_bytes": 1 << 40, "available_bytes": 1 << 30}),
}


def test_missing_packages_are_import_errors_that_survive_pickling():
    error = pickle.loads(pickle.dumps(il.MissingPackageError("pictures need paint", name="paint")))
    assert isinstance(error, il.IonlinkError)
    assert isinstance(error, ImportError)
    assert (str(error), error.name) == ("pictures need paint", "paint")


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_the_core_becomes_an_exception_with_its_attributes(kind):
    cls, message, attributes = KINDS[kind]
    with pytest.raises(cls) as caught:
        _core.raise_kind(kind)
    error = caught.value
    twin = pickle.loads(pickle.dumps(error))
    for candidate in (error, twin):
        assert type(candidate) is cls
        assert message in str(candidate)
        for name, value in attributes.items():
            assert getattr(candidate, name) == value
    assert vars(twin) == vars(error)


@pytest.mark.parametrize("kind", KINDS)
def test_errors_can_be_made_without_their_constructor(kind):
    """As packages do that pickle exceptions of workers in their own way."""
    cls, _, attributes = KINDS[kind]
    error = cls.__new__(cls, "message")
    error.__dict__.update(attributes)
    assert (str(error), vars(error)) == ("message", attributes)


def test_errors_can_be_caught_by_their_builtin_bases():
    assert issubclass(il.ParameterError, il.IonlinkError)
    assert issubclass(il.ParameterError, ValueError)
    assert issubclass(il.ModelError, il.IonlinkError)
    assert issubclass(il.SizeError, il.IonlinkError)
    assert issubclass(il.SizeError, MemoryError)


def test_a_link_that_never_heralds_says_so_instead_of_running_forever():
    dark = il.basic_link(efficiency=(0.0, 0.0))
    with pytest.raises(il.ModelError, match="never heralds"):
        dark.sample(heralds=1, seed=1)
    run = dark.sample(attempts=1000, seed=1)
    assert (run.heralds, run.attempts) == (0, 1000)
    assert run.herald_probability.low == 0.0 < run.herald_probability.high


def test_a_result_larger_than_the_memory_is_refused_before_it_is_drawn(bright):
    with pytest.raises(il.SizeError, match="stream") as caught:
        bright.sample(heralds=10**15, seed=1)
    assert caught.value.needed_bytes > caught.value.available_bytes > 0


@pytest.mark.parametrize(
    "count", [-1, 0.5, float("nan"), float("inf"), True, "7", None, 2**63, 10**30, 1 + 0j, [1]]
)
def test_counts_are_refused_by_name(bright, count):
    limits = [{"heralds": count}, {"attempts": count}] if count is not None else []
    for limit in [*limits, {"heralds": 1, "start_attempt": count}]:
        with pytest.raises(il.ParameterError) as caught:
            bright.sample(**limit, seed=1)
        assert caught.value.path in {"heralds", "attempts", "start_attempt"}
        assert f"`{caught.value.path}` must be a whole number" in str(caught.value)
        assert repr(count) in str(caught.value)


@pytest.mark.parametrize("duration", [-1.0, float("nan"), float("inf"), True, "1", 1j, 1e300])
def test_durations_are_refused_by_name(bright, duration):
    with pytest.raises(il.ParameterError, match="duration_s"):
        bright.sample(duration_s=duration, seed=1)


def test_exactly_one_limit_must_be_given(bright):
    with pytest.raises(il.ParameterError, match="got none of them"):
        bright.sample(seed=1)
    with pytest.raises(il.ParameterError, match="got `heralds` and `duration_s`"):
        bright.sample(heralds=1, duration_s=1.0)


def test_other_arguments_of_sample_are_refused_by_name(bright):
    for engine, got in (
        ("fast", "fast"),
        ("", ""),
        ("Ä", "xc4"),
        ("\ud800", "ud800"),
        (None, "None"),
        (7, "7"),
    ):
        with pytest.raises(
            il.ParameterError,
            match=f'`engine` must be one of "auto", "photon", "click", "herald", got .*{got}',
        ):
            bright.sample(heralds=1, engine=engine)
    for flag in (None, 1, "yes"):
        with pytest.raises(il.ParameterError, match="`record_coincidences` must be True or False"):
            bright.sample(heralds=1, record_coincidences=flag)
    with pytest.raises(il.ParameterError, match="`until` must be a RelativePrecision"):
        bright.sample(heralds=1, until=0.1)
    for timeout_s in (-1, float("nan"), float("inf"), "1", 1e300):
        with pytest.raises(il.ParameterError, match="`timeout_s`"):
            bright.sample(heralds=1, timeout_s=timeout_s)
    for threads in (0, -1, 1.5, "2"):
        with pytest.raises(il.ParameterError, match="`threads`"):
            bright.sample(heralds=1, threads=threads)
    with pytest.raises(il.ParameterError, match="`progress`"):
        bright.sample(heralds=1, progress="yes")
    with pytest.raises(il.ParameterError, match="`chunk`"):
        bright.stream(chunk=0)
