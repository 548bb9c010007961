"""Periods of attempts by what nodes say to each other."""

import pytest

import ionlink as il

LIGHT_M_PER_S = 299_792_458.0


@pytest.mark.parametrize(
    ("kind", "trips", "steps"), [("midpoint", 1, 1), ("request", 2, 2), ("reservation", 5, 2)]
)
def test_a_period_is_the_sum_of_its_messages(kind, trips, steps):
    travel = 30e3 * 1.468 / LIGHT_M_PER_S
    period = il.handshakes.period_s(kind, distance_m=30e3, local_s=1e-6)
    assert period == pytest.approx(trips * travel + steps * 1e-6, rel=1e-14)
    assert il.handshakes.schedule(kind, distance_m=30e3, local_s=1e-6).attempt_period_s == period


def test_a_midpoint_period_is_the_computed_one_of_a_link_with_two_half_fibers():
    fiber = [il.Fiber(length_m=15e3, group_index=1.468, attenuation_db_per_km=0.2)]
    node = il.Node(
        "alice",
        emission=il.Emission(lifetime_s=8e-9),
        collection=il.MeasuredEfficiency(0.1, includes=("collection",)),
    )
    link = il.Link(
        node,
        il.Node("bob", emission=node.emission, collection=node.collection),
        paths=(fiber, fiber),
        station=il.Station(window_duration_s=50e-9),
        schedule=il.Schedule(preparation_s=1e-6),
    )
    assert link.attempt_period_s == pytest.approx(
        il.handshakes.period_s("midpoint", distance_m=30e3, local_s=1e-6), rel=1e-12
    )


@pytest.mark.parametrize(
    ("changes", "unit"),
    [
        ({"kind": "phone"}, ""),
        ({"distance_m": -1.0}, "m"),
        ({"local_s": float("nan")}, "s"),
        ({"group_index": 0.9}, ""),
    ],
)
def test_impossible_handshakes_are_refused(changes, unit):
    arguments = {"kind": "midpoint", "distance_m": 1.0, **changes}
    with pytest.raises(il.ParameterError, match=next(iter(changes))) as caught:
        il.handshakes.period_s(arguments.pop("kind"), **arguments)
    assert caught.value.unit == unit
