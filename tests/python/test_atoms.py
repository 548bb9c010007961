"""Atomic data and the catalog of optics: figures with sources, ready for a link."""

import copy
import dataclasses
import math
import pickle
import re

import numpy as np
import pytest

import ionlink as il
from ionlink.records import Record, with_uncertainty

IONS = ("171Yb+", "133Ba+", "137Ba+", "138Ba+", "88Sr+", "40Ca+", "43Ca+")


def tables(value):
    """Every record in a record, itself included."""
    if isinstance(value, Record):
        yield value
        for below in value.values():
            yield from tables(below)
    elif isinstance(value, tuple):
        for below in value:
            yield from tables(below)


def test_ions_and_lines_are_listed():
    assert il.atoms.ions() == IONS
    for ion in IONS:
        lines = il.atoms.lines(ion)
        assert {line.ion for line in lines} == {ion}
        for line in lines:
            assert il.atoms.line(ion, line.name) == line
            assert il.atoms.line(ion, f"{line.upper}-{line.lower}") == line
            assert il.atoms.line(ion, line.wavelength_nm) == line


def test_a_line_has_figures_with_uncertainties_and_sources():
    line = il.atoms.line("88Sr+", "422")
    assert (line.upper, line.lower, line.wavelength_nm) == ("P1/2", "S1/2", 421.671)
    assert (line.lifetime_s, line.lifetime_uncertainty_s) == (7.39e-9, 7.0e-11)
    assert (line.branching_ratio, line.branching_ratio_uncertainty) == (0.94498, 8.0e-5)
    assert line.wavelength_uncertainty_nm is None
    assert line.lifetime_source == "Pinnington, Berends, Lumsden, J. Phys. B 28, 2095 (1995)"
    assert (line.lifetime_quality, line.wavelength_quality) == ("secondary", "computed")


@pytest.mark.parametrize("name", ["369", "370", 369, 369.5, np.int64(370), np.float64(369.524)])
def test_a_line_is_found_by_what_people_call_it(name):
    assert il.atoms.line("171Yb+", name).lifetime_s == 8.07e-9


def test_lines_print_their_sources():
    assert repr(il.atoms.line("88Sr+", 422)).splitlines() == [
        "88Sr+ 422, P1/2 to S1/2",
        "wavelength       421.671 nm    difference of NIST ASD 5.12 level energies (computed)",
        "lifetime         7.39(7)e-9 s  Pinnington, Berends, Lumsden, J. Phys. B 28, 2095 (1995) (secondary)",
        "branching ratio  0.94498(8)    "
        "Zhang et al., New J. Phys. 18, 123021 (2016), arXiv:1605.04210 (secondary)",
    ]
    for ion in IONS:
        for line in il.atoms.lines(ion):
            for source in (line.wavelength_source, line.lifetime_source, line.branching_ratio_source):
                assert source in repr(line)


@pytest.mark.parametrize(
    ("value", "uncertainty", "text"),
    [
        (7.855e-9, 1.0e-11, "7.855(10)e-9"),
        (6.2615e-9, 7.2e-12, "6.2615(72)e-9"),
        (0.731823, 5.7e-5, "0.731823(57)"),
        (0.1, 0.01, "0.10(1)"),
        (30.14, 0.4, "30.14(40)"),
        (79.8, 4.6, "79.8(4.6)"),
        (3225608286.4, 0.3, "3225608286.4(3)"),
        (421.671, None, "421.671"),
        (6e-11, None, "6e-11"),
        (-11.2e9, None, "-11200000000"),
        (0.0, 0.1, "0.0(1)"),
    ],
)
def test_published_figures_keep_their_digits(value, uncertainty, text):
    assert with_uncertainty(value, uncertainty) == text


def test_lines_are_frozen_hashable_and_picklable():
    line = il.atoms.line("40Ca+", "854")
    with pytest.raises(dataclasses.FrozenInstanceError):
        line.lifetime_s = 1.0
    assert pickle.loads(pickle.dumps(line)) == copy.deepcopy(line) == line
    assert len({line, il.atoms.line("40Ca+", "P3/2-D5/2")}) == 1


def test_a_line_fits_into_an_emission():
    line = il.atoms.line("138Ba+", "493")
    emission = il.Emission(lifetime_s=line.lifetime_s, branching_ratio=line.branching_ratio)
    assert (emission.lifetime_s, emission.branching_ratio) == (7.855e-9, 0.731823)


def test_data_of_an_ion_are_read_only_and_nested():
    data = il.atoms.data("171Yb+")
    assert data["ground"]["hyperfine_splitting_hz"] == 12642812118.5
    assert data["upper"]["P12"]["decay"][0]["wavelength_nm"] == 369.524
    assert data["metastable"]["D52"]["lifetime_s"] == 0.0072
    assert "Olmschenk" in data["ground"]["source"]
    with pytest.raises(TypeError):
        data["label"] = "1H+"
    with pytest.raises(TypeError):
        data["ground"]["g_j"] = 2.0
    assert pickle.loads(pickle.dumps(data)) == copy.deepcopy(data) == data
    assert hash(data) == hash(il.atoms.data("171Yb+"))
    assert repr(data).startswith("Record({'label': '171Yb+'")


def test_natural_linewidths_belong_to_their_lifetimes():
    for ion in IONS:
        for level in il.atoms.data(ion)["upper"].values():
            linewidth_hz = 1 / (2 * math.pi * level["lifetime_s"])
            assert level["natural_linewidth_hz"] == pytest.approx(linewidth_hz, rel=3e-5)


def test_branching_ratios_of_a_level_add_up():
    for ion in IONS:
        for upper in ("P1/2", "P3/2"):
            total = sum(line.branching_ratio for line in il.atoms.lines(ion) if line.upper == upper)
            assert 0.99 <= total <= 1 + 1e-4


def test_nothing_unverified_is_shipped():
    ions = [il.atoms.data(ion) for ion in IONS]
    records = [*ions, il.catalog.fibers(), il.catalog.converters(), il.catalog.detectors()]
    qualities = {
        text
        for record in records
        for table in tables(record)
        for name, text in table.items()
        if name.endswith("quality")
    }
    assert qualities == {"primary", "abstract", "secondary", "computed"}
    assert "ion_mass_kg" not in il.atoms.data("138Ba+")


@pytest.mark.parametrize("ion", ["9Be+", "", None, 88, "88Sr\N{SUPERSCRIPT PLUS SIGN}", "\ud800"])
def test_unknown_ions_are_refused_with_those_that_exist(ion):
    for ask in (il.atoms.data, il.atoms.lines, lambda ion: il.atoms.line(ion, "422")):
        with pytest.raises(il.ParameterError, match=r'^`ion` must be one of "171Yb\+", "133Ba\+"') as caught:
            ask(ion)
        assert caught.value.path == "ion"


def test_what_was_meant_is_suggested():
    with pytest.raises(il.ParameterError, match=r'did you mean "88Sr\+"\?'):
        il.atoms.lines("Sr88+")
    with pytest.raises(il.ParameterError, match=r'^`line` must be a line of 88Sr\+.*did you mean "422"\?'):
        il.atoms.line("88Sr+", "425")
    with pytest.raises(il.ParameterError, match=r"^`line` must be a line of 88Sr\+"):
        il.atoms.line("88Sr+", None)


def test_fibers_converters_and_detectors_are_listed_with_sources():
    for records in (il.catalog.fibers(), il.catalog.converters(), il.catalog.detectors()):
        assert records
        for record in records:
            assert record["source"]
            assert record["quality"] in {"primary", "abstract", "secondary", "computed"}
            with pytest.raises(TypeError):
                record["efficiency"] = 1.0
    assert {fiber["name"] for fiber in il.catalog.fibers()} >= {"S405-XP", "SM300", "SMF-28 ULL", "G.652.D"}


def test_fibers_of_the_catalog_fit_into_a_link():
    assert il.catalog.fiber("50.47 km spool", 1550, length_m=50.47e3) == il.Fiber(
        length_m=50.47e3, attenuation_db_per_km=0.181, group_index=1.467
    )
    violet = il.catalog.fiber("s405-xp", 421.671, length_m=2.0, group_index=1.49)
    assert violet == il.Fiber(length_m=2.0, attenuation_db_per_km=30.0, group_index=1.49)


def test_ranges_and_limits_count_as_their_worst_end():
    metropolitan = "deployed metropolitan links, joints included"
    fiber = il.catalog.fiber(metropolitan, 1550, length_m=1.0, group_index=1.467)
    assert fiber.attenuation_db_per_km == 0.51
    assert il.catalog.fiber("SM300", 422, length_m=1.0, group_index=1.5).attenuation_db_per_km == 130.0
    assert il.catalog.detector("MoSi nanowire, ultraviolet").efficiency == 0.70


def test_fibers_without_figures_are_refused():
    with pytest.raises(il.ParameterError, match=r"^`group_index` must be given") as caught:
        il.catalog.fiber("S405-XP", 422, length_m=1.0)
    assert caught.value.path == "group_index"
    with pytest.raises(
        il.ParameterError, match=r"^`wavelength_nm` must be within 10 nm of 350 or 430, where"
    ):
        il.catalog.fiber("SM300", 369.5, length_m=1.0)
    with pytest.raises(il.ParameterError, match=r'^`fiber` must be one of .*did you mean "SMF-28 ULL"\?'):
        il.catalog.fiber("SMF-28", 1550, length_m=1.0)
    for wavelength_nm in (math.nan, math.inf, -1.0, "422", None, True):
        with pytest.raises(il.ParameterError, match=r"^`wavelength_nm` must be finite and above 0"):
            il.catalog.fiber("SM300", wavelength_nm, length_m=1.0)
    with pytest.raises(il.ParameterError, match=r"^`length_m`"):
        il.catalog.fiber("G.652.D", 1550, length_m=-1.0)


def test_detectors_of_the_catalog_fit_into_a_link():
    blue = il.catalog.detector("Laser Components COUNT BLUE")
    assert blue == il.Detector(efficiency=0.65, dark_count_rate_hz=60.0)
    assert il.catalog.detector("id230") == il.Detector(
        efficiency=0.10, dark_count_rate_hz=1.9, dead_time_s=20e-6
    )


def test_every_detector_is_usable_or_says_what_it_lacks():
    for record in il.catalog.detectors():
        label = record["label"]
        lacks = [
            figure
            for figure, end in (("efficiency", "min"), ("dark_count_rate_hz", "max"))
            if figure not in record and f"{figure}_{end}" not in record
        ]
        if lacks:
            expected = f"`detector` must be a detector whose source gives {' and '.join(lacks)}: one of"
            with pytest.raises(il.ParameterError, match=f"^{re.escape(expected)}"):
                il.catalog.detector(label)
        else:
            assert 0 < il.catalog.detector(label).efficiency <= 1


def test_unknown_detectors_are_refused_with_those_that_exist():
    with pytest.raises(il.ParameterError, match='did you mean "Laser Components COUNT BLUE"') as caught:
        il.catalog.detector("COUNT BLUE")
    assert caught.value.path == "detector"
