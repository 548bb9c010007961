"""Parameter objects mirror the core: same fields, same defaults, same checks."""

import copy
import dataclasses
import pickle

import numpy as np
import pytest

import ionlink as il
from ionlink import _core
from ionlink.tables import Parameters, branches

EMISSION = il.Emission(lifetime_s=7.4e-9)
COLLECTION = il.MeasuredEfficiency(0.1, includes=("collection",))
SMALLEST = {
    "emission": EMISSION,
    "lens": il.Lens(numerical_aperture=0.6),
    "measured_efficiency": COLLECTION,
    "fiber": il.Fiber(length_m=1.0, attenuation_db_per_km=30.0, group_index=1.5),
    "loss": il.Loss(transmission=0.5),
    "detector": il.Detector(),
    "local_errors": il.LocalErrors(),
    "polarization": il.Polarization(),
    "node": il.Node("a", emission=EMISSION, collection=COLLECTION),
    "station": il.Station(window_duration_s=40e-9),
    "schedule": il.Schedule(attempt_period_s=1e-6),
    "measured": il.Measured(value=0.94, source="a paper"),
    "published": il.Published(),
}


def link_of(**changes):
    """The smallest link, with changes."""
    parts = {
        "node_a": SMALLEST["node"],
        "node_b": il.Node("b", emission=EMISSION, collection=COLLECTION),
        "station": SMALLEST["station"],
        "schedule": SMALLEST["schedule"],
    }
    return il.Link(**{**parts, **changes})


def without_none(value):
    if isinstance(value, dict):
        return {name: without_none(item) for name, item in value.items() if item is not None}
    return [without_none(item) for item in value] if isinstance(value, list) else value


def test_every_parameter_class_is_covered_here():
    assert {cls._kind for cls in Parameters.__subclasses__()} == {*SMALLEST, "link"}


@pytest.mark.parametrize("kind", SMALLEST)
def test_fields_are_those_of_the_core(kind):
    assert sorted(branches(SMALLEST[kind])) == sorted(_core.fields(kind))


def test_fields_of_a_link_are_those_of_the_core():
    assert sorted(link_of().tree()) == sorted(_core.fields("link"))


def test_defaults_are_those_of_the_core():
    """A tree with only what has no default is filled in by the core; Python must agree in every field."""
    required = {
        "nodes": [
            {
                "name": name,
                "emission": {"lifetime_s": 7.4e-9},
                "collection": {"kind": "measured_efficiency", "efficiency": 0.1, "includes": ["collection"]},
            }
            for name in "ab"
        ],
        "station": {"window_duration_s": 40e-9},
        "schedule": {"attempt_period_s": 1e-6},
    }
    assert _core.link_tree(required) == without_none(link_of().tree())


def test_defaults_of_parts_that_no_smallest_link_has_are_those_of_the_core():
    measured = il.Measured(value=0.9, source="s")
    emission = il.Emission(lifetime_s=7.4e-9, transitions=("sigma", "pi"))
    node = il.Node("a", emission=emission, collection=SMALLEST["lens"])
    link = link_of(node_a=node, published=il.Published(fidelity=measured))
    bare = link.tree()
    bare["nodes"][0]["collection"] = {"kind": "lens", "numerical_aperture": 0.6}
    bare["published"] = {"fidelity": {"value": 0.9, "source": "s"}}
    del bare["encoding"]["mode_splitting_rad_per_s"]
    assert _core.link_tree(bare) == without_none(link.tree())


def test_basic_link_has_the_defaults_of_the_core():
    assert il.basic_link(efficiency=(0.1, 0.2)) == il.Link.from_tree(
        _core.basic_link({"efficiency": (0.1, 0.2)})
    )


@pytest.mark.parametrize("kind", SMALLEST)
def test_parameters_are_frozen_hashable_comparable_and_picklable(kind):
    part = SMALLEST[kind]
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(part, dataclasses.fields(part)[0].name, 1.0)
    twin = pickle.loads(pickle.dumps(part))
    assert twin == part
    assert twin is not part
    assert hash(twin) == hash(part)
    assert copy.deepcopy(part) == dataclasses.replace(part) == part


def test_links_are_frozen_hashable_comparable_and_picklable(stephenson):
    with pytest.raises(dataclasses.FrozenInstanceError):
        stephenson.mode_overlap = 1.0
    twin = pickle.loads(pickle.dumps(stephenson))
    assert twin == stephenson
    assert hash(twin) == hash(stephenson)
    assert copy.deepcopy(stephenson) == stephenson
    assert twin.exact().fidelity == stephenson.exact().fidelity
    assert dataclasses.replace(stephenson, mode_overlap=0.5) == stephenson.replace({"mode_overlap": 0.5})
    assert stephenson != stephenson.replace({"mode_overlap": 0.5})


def test_only_names_and_efficiencies_may_be_positional():
    with pytest.raises(TypeError):
        il.Emission(7.4e-9)
    with pytest.raises(TypeError):
        link_of().__class__(SMALLEST["node"], SMALLEST["node"], il.Polarization())


def test_sequences_become_tuples_and_numpy_values_are_plain_numbers_to_the_core():
    emission = il.Emission(
        lifetime_s=np.float64(7.4e-9), amplitudes=np.array([0.6, 0.8]), transitions=["sigma", "pi"]
    )
    assert emission.amplitudes == (0.6, 0.8)
    assert emission.transitions == ("sigma", "pi")
    assert emission == il.Emission(lifetime_s=7.4e-9, amplitudes=(0.6, 0.8), transitions=("sigma", "pi"))
    schedule = il.Schedule(attempt_period_s=np.float32(1e-6), attempts_per_burst=np.int64(500), pause_s=0)
    assert hash(schedule) is not None
    link = link_of(paths=[[SMALLEST["fiber"]], [SMALLEST["loss"], SMALLEST["fiber"]]], delay_s=np.zeros(2))
    assert link.paths == ((SMALLEST["fiber"],), (SMALLEST["loss"], SMALLEST["fiber"]))
    assert link.delay_s == (0.0, 0.0)


def test_a_part_of_the_wrong_class_is_named():
    with pytest.raises(
        il.ParameterError, match=r"^`collection` must be Lens or MeasuredEfficiency, got Emission"
    ):
        il.Node("a", emission=EMISSION, collection=EMISSION)
    with pytest.raises(il.ParameterError, match=r"^`paths\.1\.0` must be Fiber or Loss, got Detector"):
        link_of(paths=((), (il.Detector(),)))
    with pytest.raises(il.ParameterError, match="`emission` is missing"):
        il.Node("a", emission=None, collection=COLLECTION)


def test_parts_are_checked_when_made_with_their_own_paths():
    with pytest.raises(
        il.ParameterError, match=r"^`lifetime_s` must be in \[1e-18, 1e3\] \(s\), got -1"
    ) as caught:
        il.Emission(lifetime_s=-1.0)
    assert (caught.value.path, caught.value.unit) == ("lifetime_s", "s")
    with pytest.raises(il.ParameterError, match=r"`detectors\.2\.efficiency`"):
        _core.check("station", {"window_duration_s": 1e-9, "detectors": [{}, {}, {"efficiency": 2.0}, {}]})


def test_links_name_parameters_by_their_whole_path():
    with pytest.raises(il.ParameterError, match=r"^`nodes\.1\.name` must be different"):
        link_of(node_b=SMALLEST["node"])
    with pytest.raises(il.ModelError, match=r"`nodes\.0\.collection\.kind`.*transitions"):
        link_of(node_a=il.Node("a", emission=EMISSION, collection=SMALLEST["lens"]))


def test_published_numbers_print_their_uncertainty():
    assert str(il.Measured(value=0.94, uncertainty=0.005, source="s")) == "0.940(5)"
    assert str(il.Measured(value=2.18e-4, source="s")) == "0.000218"
