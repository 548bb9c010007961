"""Parameter objects mirror the core: same fields, same defaults, same checks."""

import copy
import dataclasses
import pickle

import numpy as np
import pytest

import ionlink as il
from ionlink import _core
from ionlink.parameters import ELEMENTS, ENCODINGS, PORT_OPTICS
from ionlink.tables import Parameters, branches

EMISSION = il.Emission(lifetime_s=7.4e-9)
COLLECTION = il.MeasuredEfficiency(0.1, includes=("collection",))
SMALLEST = {
    "emission": EMISSION,
    "exponential": il.Exponential(),
    "smeared": il.Smeared(rise_s=1e-9),
    "tabulated": il.Tabulated(times_s=(0.0, 1e-6, 2e-6), intensity=(0.0, 1.0, 0.0)),
    "restart": il.Restart(delay_s=1e-9, probability=0.1),
    "lens": il.Lens(numerical_aperture=0.6),
    "cavity": il.Cavity(
        coupling_rad_per_s=1e7,
        cavity_half_linewidth_rad_per_s=4e5,
        atomic_half_linewidth_rad_per_s=7e7,
        drive="slow",
        escape_probability=0.8,
    ),
    "measured_efficiency": COLLECTION,
    "fiber": il.Fiber(length_m=1.0, attenuation_db_per_km=30.0, group_index=1.5),
    "loss": il.Loss(transmission=0.5),
    "converter": il.Converter(efficiency=0.3),
    "filter": il.Filter(transmission=0.9),
    "switch": il.Switch(loss_db=0.5),
    "rotation": il.Rotation(angle_rad=0.1),
    "wave_plate": il.WavePlate(retardance_rad=3.0, angle_rad=0.1),
    "polarization_loss": il.PolarizationLoss(transmission=(0.9, 1.0)),
    "decaying": il.DecayingBackground(decay_s=5e-9),
    "profile": il.BackgroundProfile(times_s=(0.0, 1e-8), intensity=(1.0, 0.0)),
    "detector": il.Detector(),
    "local_errors": il.LocalErrors(),
    "memory": il.Memory(),
    "heralded_state": il.HeraldedState(np.diag([0.0, 0.5, 0.5, 0.0]), bell_state="psi+"),
    "motional_mode": il.MotionalMode(lamb_dicke=0.1, frequency_rad_per_s=1e7),
    "gates": il.Gates(),
    "polarization": il.Polarization(),
    "time-bin": il.TimeBin(bin_separation_s=50e-9),
    "erasure_check": il.ErasureCheck(),
    "frequency": il.Frequency(mode_splitting_rad_per_s=1e10),
    "number": il.Number(bright_fraction=(0.1, 0.1)),
    "barrett-kok": il.BarrettKok(round_separation_s=100e-9),
    "ion-photon": il.IonPhoton(),
    "node": il.Node("a", emission=EMISSION, collection=COLLECTION),
    "station": il.Station(window_duration_s=40e-9),
    "schedule": il.Schedule(attempt_period_s=1e-6),
    "input": il.Input(parameter="mode_overlap", status="fitted", source="a fit"),
    "measured": il.Measured(value=0.94, source="a paper"),
    "published": il.Published(),
    "network_node": il.NetworkNode("a"),
    "demand": il.Demand(between=("a", "b"), saturate=True),
    "hub_station": il.HubStation("hub"),
    "hub_switch": il.HubSwitch("crossconnect", ports=8),
    "policy": il.Policy(),
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


def links():
    """For each kind of table that only some links have, a link with the smallest table of its kind."""
    for kind, part in SMALLEST.items():
        if isinstance(part, ENCODINGS):
            node_b = {"node_b": None} if kind == "ion-photon" else {}
            yield kind, "encoding", link_of(encoding=part, **node_b)
        elif isinstance(part, ELEMENTS):
            yield kind, "paths.1.0", link_of(paths=((), (part,)))
        elif kind in {"exponential", "smeared", "tabulated"}:
            lifetime_s = None if kind == "tabulated" else 7.4e-9
            emission = il.Emission(lifetime_s=lifetime_s, wavepacket=part)
            yield kind, "nodes.0.emission.wavepacket", link_of(node_a=node_of(emission=emission))
        elif kind == "restart":
            emission = il.Emission(lifetime_s=7.4e-9, wavepacket=il.Exponential(restarts=[part]))
            yield kind, "nodes.0.emission.wavepacket.restarts.0", link_of(node_a=node_of(emission=emission))
        elif kind == "erasure_check":
            encoding = il.TimeBin(bin_separation_s=50e-9, erasure_check=part)
            yield kind, "encoding.erasure_check", link_of(encoding=encoding)
        elif kind == "memory":
            yield kind, "nodes.0.memory", link_of(node_a=node_of(memory=part))
        elif kind == "gates":
            yield kind, "nodes.0.gates", link_of(node_a=node_of(gates=part))
        elif kind == "heralded_state":
            yield kind, "heralded_state", link_of(heralded_state=part)
        elif kind == "motional_mode":
            yield kind, "nodes.0.motion.0", link_of(node_a=node_of(motion=[part]))
        elif kind == "cavity":
            yield kind, "nodes.0.collection", link_of(node_a=node_of(collection=part))


def node_of(**changes):
    return dataclasses.replace(SMALLEST["node"], **changes)


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
    assert _core.Link(required).tree() == without_none(link_of().tree())


def test_defaults_of_parts_that_no_smallest_link_has_are_those_of_the_core():
    measured = il.Measured(value=0.9, source="s")
    emission = il.Emission(lifetime_s=7.4e-9, transitions=("sigma", "pi"))
    node = il.Node("a", emission=emission, collection=SMALLEST["lens"])
    link = link_of(node_a=node, published=il.Published(fidelity=measured))
    bare = link.tree()
    bare["nodes"][0]["collection"] = {"kind": "lens", "numerical_aperture": 0.6}
    bare["published"] = {"fidelity": {"value": 0.9, "source": "s"}}
    del bare["encoding"]["mode_splitting_rad_per_s"]
    assert _core.Link(bare).tree() == without_none(link.tree())


@pytest.mark.parametrize(
    ("kind", "path", "link"), [*links()], ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_kind_of_part_has_the_defaults_of_the_core_and_comes_back_equal(kind, path, link, tmp_path):
    tree = link.tree()
    *steps, last = (int(step) if step.isdecimal() else step for step in path.split("."))
    place = tree
    for step in steps:
        place = place[step]
    part = SMALLEST[kind]
    required = {column.name for column in dataclasses.fields(part) if column.default is dataclasses.MISSING}
    if kind == "fiber":
        required |= {"attenuation_db_per_km", "group_index"}  # or a name in the catalog
    place[last] = {name: value for name, value in place[last].items() if name in {"kind", *required}}
    assert _core.Link(tree).tree() == without_none(link.tree())
    assert il.Link.from_tree(tree) == link
    link.to_toml(tmp_path / "link.toml")
    again = il.Link.from_toml(tmp_path / "link.toml")
    assert again == link == pickle.loads(pickle.dumps(link))
    assert hash(again) == hash(link)
    assert link.replace({path: part}) == link
    assert link.exact().herald_probability > 0
    for name in required:
        missing = {key: value for key, value in branches(part).items() if key != name}
        with pytest.raises(il.ParameterError, match=f"`{name}` is missing"):
            _core.check(kind, missing)


def test_nested_fields_have_paths():
    plate = SMALLEST["wave_plate"]
    station = il.Station(window_duration_s=40e-9, port_optics=([], [SMALLEST["rotation"], plate]))
    link = link_of(station=station, paths=((), (SMALLEST["fiber"], SMALLEST["converter"])))
    changes = {
        "paths.1.0.length_m": 1000.0,
        "paths.1.1.noise_rate_hz": 5.0,
        "station.coincidence_window_s": 10e-9,
        "station.extinction_ratio": (1e3, 1e3, 1e4, 1e4),
        "station.port_optics.1.0.angle_rad": 0.2,
        "nodes.0.emission.arrival_jitter_s": 1e-9,
        "nodes.1.emission.wavepacket": il.Smeared(rise_s=1e-10),
        "pulse_offset_s": (0.0, 1e-9),
        "phase_feed_forward": True,
    }
    changed = link.replace(changes)
    assert changed.paths[1][0].length_m == 1000.0
    assert changed.paths[1][1].noise_rate_hz == 5.0
    assert changed.station.coincidence_window_s == 10e-9
    assert changed.station.extinction_ratio == (1e3, 1e3, 1e4, 1e4)
    assert changed.station.port_optics == ((), (il.Rotation(angle_rad=0.2), plate))
    assert changed.node_b.emission.wavepacket == il.Smeared(rise_s=1e-10)
    assert changed.pulse_offset_s == (0.0, 1e-9)
    assert changed.phase_feed_forward is True
    assert changed.replace({"pulse_offset_s": "auto"}).pulse_offset_s == "auto"
    number = link_of(encoding=SMALLEST["number"]).replace({"encoding.bright_fraction.0": 0.2})
    assert number.encoding.bright_fraction == (0.2, 0.1)


def test_every_element_has_a_class_that_paths_and_ports_take():
    assert {cls._kind for cls in PORT_OPTICS} == {"rotation", "wave_plate", "polarization_loss"}
    with pytest.raises(il.ParameterError, match=r"`port_optics\.0\.0` must be Rotation or WavePlate or"):
        il.Station(window_duration_s=1e-9, port_optics=([SMALLEST["fiber"]], []))


def test_what_prints_is_what_differs_from_the_defaults():
    assert repr(EMISSION) == "Emission(lifetime_s=7.4e-09)"
    assert repr(il.TimeBin(bin_separation_s=1e-6)) == "TimeBin(bin_separation_s=1e-06)"
    link = link_of(encoding=SMALLEST["number"], paths=((), (SMALLEST["fiber"],)))
    assert eval(repr(link), vars(il)) == link


def test_an_ion_and_its_line_fill_in_what_is_left_out():
    line = il.atoms.line("88Sr+", "422")
    link = link_of(node_a=node_of(emission=il.Emission(ion="88Sr+", line="422")))
    first, second = link.sources
    assert (first.node, second.node) == ("a", "b")
    assert first.lifetime_s == line.lifetime_s
    assert first.wavelength_nm == line.wavelength_nm
    assert first.photon_probability == line.branching_ratio
    assert (second.lifetime_s, second.wavelength_nm, second.photon_probability) == (7.4e-9, None, 1.0)
    assert link.node_a.emission.lifetime_s is None
    given = il.Emission(ion="88Sr+", line="422", lifetime_s=8e-9, branching_ratio=1.0, wavelength_nm=400.0)
    source = link_of(node_a=node_of(emission=given)).sources[0]
    assert (source.lifetime_s, source.wavelength_nm, source.photon_probability) == (8e-9, 400.0, 1.0)


def test_sources_tell_delays_and_efficiencies():
    fiber = il.Fiber(length_m=1000.0, attenuation_db_per_km=10.0, group_index=1.5)
    link = link_of(paths=((), (fiber,)), delay_s=(0.0, 2e-9))
    assert [source.efficiency for source in link.sources] == pytest.approx([0.1, 0.01])
    assert link.sources[1].path_delay_s == pytest.approx(1000 * 1.5 / 299_792_458)
    assert [source.delay_s for source in link.sources] == [0.0, 2e-9]
    late = link.replace({"pulse_offset_s": (0.0, 0.0)})
    assert late.sources[1].delay_s == pytest.approx(2e-9 + 1000 * 1.5 / 299_792_458)


def test_gates_have_paths_and_change_nothing_in_a_link():
    gates = il.Gates(two_qubit_fidelity=0.9, duration_s=1e-4, readout_error=0.1, transfer_fidelity=0.8)
    plain = link_of(encoding=SMALLEST["polarization"])
    link = plain.replace({"nodes.0.gates": gates})
    assert link.replace({"nodes.0.gates.readout_error": 0.2}).node_a.gates.readout_error == 0.2
    with pytest.raises(il.ParameterError) as caught:
        link.replace({"nodes.0.gates.duration_s": -1.0})
    assert caught.value.path == "nodes.0.gates.duration_s"
    assert link.exact().rate_hz == plain.exact().rate_hz
    np.testing.assert_array_equal(*(k.exact().outcomes["psi+"].rho for k in (link, plain)))
    runs = [k.sample(heralds=100, seed=1) for k in (link, plain)]
    np.testing.assert_array_equal(*(run.attempt for run in runs))
    np.testing.assert_array_equal(*(run.states() for run in runs))
    np.testing.assert_array_equal(*(run.measure("XX", seed=2) for run in runs))


def test_the_number_of_nodes_follows_the_encoding():
    with pytest.raises(il.ParameterError, match="`nodes` must be 2 for the polarization encoding"):
        link_of(node_b=None)
    with pytest.raises(il.ParameterError, match="`nodes` must be 1 for the ion-photon encoding"):
        link_of(encoding=il.IonPhoton())
    with pytest.raises(il.ParameterError, match=r"`paths` must be one path per node \(1\)"):
        link_of(encoding=il.IonPhoton(), node_b=None, paths=((), ()))
    link = il.Link(
        SMALLEST["node"],
        encoding=il.IonPhoton(),
        paths=[[SMALLEST["fiber"]]],
        station=SMALLEST["station"],
        schedule=SMALLEST["schedule"],
    )
    assert link.nodes == (SMALLEST["node"],)
    assert str(link) == "link (a)"
    assert dataclasses.replace(link, name="c").replace({"name": None}) == link


def test_basic_link_has_the_defaults_of_the_core():
    bare = _core.Link.basic({"efficiency": (0.1, 0.2)})
    assert il.basic_link(efficiency=(0.1, 0.2)) == il.Link.from_tree(bare.tree())


@pytest.mark.parametrize("column", dataclasses.fields(il.Link), ids=lambda column: column.name)
def test_a_link_that_the_core_made_has_every_field_whichever_is_asked_for_first(column):
    def made():
        return il.basic_link(efficiency=(0.1, 0.2), memory=il.Memory(t2_s=1.0))

    given = il.Link(**{field.name: getattr(made(), field.name) for field in dataclasses.fields(il.Link)})
    assert getattr(made(), column.name) == getattr(given, column.name)
    assert made() == given == copy.deepcopy(made())
    assert (hash(made()), repr(made()), made().tree()) == (hash(given), repr(given), given.tree())
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(made(), column.name, getattr(given, column.name))
    with pytest.raises(dataclasses.FrozenInstanceError):
        delattr(made(), column.name)


def test_links_have_no_other_attributes():
    link = il.basic_link(efficiency=(0.1, 0.2))
    with pytest.raises(AttributeError, match="'Link' object has no attribute 'detectors'"):
        assert link.detectors
    assert not hasattr(link, "__dict__")
    assert link.nodes == (link.node_a, link.node_b)


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
    assert dataclasses.replace(stephenson, mode_overlap=0.5, inputs=()) == stephenson.replace(
        {"mode_overlap": 0.5, "inputs": ()}
    )
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
        il.ParameterError, match=r"^`collection` must be Lens or Cavity or MeasuredEfficiency, got Emission"
    ):
        il.Node("a", emission=EMISSION, collection=EMISSION)
    with pytest.raises(il.ParameterError, match=r"^`paths\.1\.0` must be Fiber or Loss or .*, got Detector"):
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
