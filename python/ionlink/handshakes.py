"""Handshakes: how long an attempt lasts when nodes must agree over a distance.

An attempt ends when both nodes know how it went. What they say to each other before and after decides how
often they can try; simulators assume different conversations, so that their rates differ by constant factors.

>>> import ionlink as il
>>> [round(1e6 * il.handshakes.period_s(kind, distance_m=30e3, local_s=1e-6)) for kind in il.handshakes.KINDS]
[148, 296, 737]
"""

from __future__ import annotations

from ionlink import checks
from ionlink.errors import refused
from ionlink.parameters import Schedule

__all__ = ["KINDS", "period_s", "schedule"]

_LIGHT_M_PER_S = 299_792_458.0

_TRIPS = {"midpoint": (1, 1), "request": (2, 2), "reservation": (5, 2)}

KINDS = tuple(_TRIPS)
"""Who says what to whom.

- ``"midpoint"``: both nodes send a photon to a station half-way, which answers; nothing is agreed before.
- ``"request"``: one node asks the other before every attempt, as in the link layer of MQNS.
- ``"reservation"``: ions are negotiated before every attempt and confirmed after it, as MQNS models SeQUeNCe.
"""


def period_s(kind: str, *, distance_m: float, local_s: float = 0.0, group_index: float = 1.468) -> float:
    """Duration of an attempt: t + t0, 2 t + 2 t0 or 5 t + 2 t0.

    Light travels from node to node in t, and a step at a node takes t0.

    Parameters
    ----------
    kind : {"midpoint", "request", "reservation"}
        Who says what to whom, in the order of the formulas.
    distance_m : float
        Length of the fiber from node to node (m), at least 0.
    local_s : float, default 0
        Time of one step at a node, such as preparation and excitation (s), at least 0.
    group_index : float, default 1.468
        Group index of the fiber, at least 1.

    Returns
    -------
    float
        The period (s).

    Raises
    ------
    ParameterError
        For an unknown kind and for numbers outside their domains.
    """
    if not isinstance(kind, str) or kind not in _TRIPS:
        raise refused("kind", kind, "one of " + ", ".join(f'"{name}"' for name in KINDS))
    trips, steps = _TRIPS[kind]
    distance = checks.between("distance_m", distance_m, 0.0, 1e9, "m")
    local = checks.between("local_s", local_s, 0.0, 1e3, "s")
    index = checks.between("group_index", group_index, 1.0, 10.0)
    return trips * distance * index / _LIGHT_M_PER_S + steps * local


def schedule(kind: str, *, distance_m: float, local_s: float = 0.0, group_index: float = 1.468) -> Schedule:
    """Schedule with the period of a handshake; parameters as in `period_s`.

    Returns
    -------
    Schedule
        Attempts one after the other, without pauses.
    """
    return Schedule(
        attempt_period_s=period_s(kind, distance_m=distance_m, local_s=local_s, group_index=group_index)
    )
