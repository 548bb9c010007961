"""The links that are timed: the baselines' reference link, and others that differ from it in one respect."""

import math

import baseline_numpy

import ionlink as il

DEAD_TIME_S = 2e-6  # two attempts


def reference_link(scale: float = 1.0, **changes: object) -> il.Link:
    """The link of the baselines; a scale dims photons and dark counts alike."""
    arguments = {
        "efficiency": (scale * baseline_numpy.EFFICIENCY,) * 2,
        "dark_count_rate_hz": scale * baseline_numpy.DARK_COUNT_RATE_HZ,
    }
    return il.basic_link(**{**arguments, **changes})


def barrett_kok() -> il.Link:
    """Two rounds 200 ns apart."""
    link = reference_link()
    return il.Link(
        *link.nodes,
        encoding=il.BarrettKok(round_separation_s=200e-9),
        station=link.station,
        schedule=link.schedule,
    )


def encodings() -> dict[str, il.Link]:
    """One link of each encoding."""
    return {
        "polarization": reference_link(),
        "time-bin": reference_link(encoding="time-bin"),
        # the qubit of 171Yb+: far more than a linewidth apart, without which no two photons would herald
        "frequency": reference_link(encoding="frequency", mode_splitting_rad_per_s=2 * math.pi * 12.6e9),
        "number": reference_link(encoding="number", bright_fraction=(0.05, 0.05)),
        "barrett-kok": barrett_kok(),
        "ion-photon": reference_link(encoding="ion-photon"),
    }


def far_link() -> il.Link:
    """A station in the middle of 100 km of fiber."""
    link = reference_link()
    includes = ["collection", "station", "detector"]
    collection = il.MeasuredEfficiency(baseline_numpy.EFFICIENCY, includes=includes)
    nodes = [il.Node(node.name, emission=node.emission, collection=collection) for node in link.nodes]
    fiber = il.Fiber(length_m=50e3, attenuation_db_per_km=0.2, group_index=1.468)
    return il.Link(*nodes, paths=([fiber], [fiber]), station=link.station, schedule=link.schedule)


def bright_link() -> il.Link:
    """Half of the photons click: nearly every attempt has an event."""
    return reference_link(efficiency=(0.5, 0.5))
