"""Parameters of networks: nodes, demands and what nodes do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from ionlink.parameters.node import Gates, Memory
from ionlink.tables import Parameters, parts_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Demand", "HubStation", "HubSwitch", "NetworkNode", "Policy"]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class NetworkNode(Parameters):
    """A node of a network: its ions and what they can do. `Network.add_node` makes it.

    Parameters
    ----------
    name : str
        Name of the node, not empty, different from every other one's. May be given without ``name=``.
    communication_ions : int, optional
        Ions that attempt links, shared by all links of the node, from 1 to 2**30; by default as many as its
        links need.
    memory_ions : int, default 0
        Ions that only store qubits, from 0 to 2**30.
    buffer_per_link : int, optional
        Qubits of one link that the node stores at most, from 1 to 2**30; by default an even share of its
        ions.
    memory : Memory, optional
        Memory of communication ions; by default that of the links' own nodes.
    storage : Memory, optional
        Memory of memory ions; by default that of communication ions.
    gates : Gates, optional
        Operations; by default those of the links' own nodes, which must not differ.
    dephasing_per_attempt : float, default 0
        Probability in [0, 0.5] of a phase flip of each stored qubit with every attempt that the node makes
        meanwhile.
    loss_rate_hz : float, default 0
        Rate at which a stored qubit is lost (1/s), from 0 to 1e11, which the node notices: the pair is thrown
        away.
    position : (float, float), optional
        Place in a picture; finite.
    """

    _kind: ClassVar[str] = "network_node"

    name: str = field(kw_only=False)
    communication_ions: int | None = None
    memory_ions: int = 0
    buffer_per_link: int | None = None
    memory: Memory | None = field(default=None, metadata=parts_of(Memory))
    storage: Memory | None = field(default=None, metadata=parts_of(Memory))
    gates: Gates | None = field(default=None, metadata=parts_of(Gates))
    dephasing_per_attempt: float = 0.0
    loss_rate_hz: float = 0.0
    position: Sequence[float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class Demand(Parameters):
    """Who wants pairs with whom, how many and how good. `Network.demand` makes it.

    Parameters
    ----------
    between : (str, str)
        Names of the two nodes, not the same one twice.
    rate_hz : float, optional
        Mean rate of requests, which come at random (1/s), above 0 and at most 1e11.
    times_s : sequence of float, optional
        Times of requests (s), ascending, from 0 to 1e6.
    saturate : bool, default False
        Whether there is always one request more. Exactly one of `rate_hz`, `times_s` and this is given.
    min_fidelity : float, default 0
        Fidelity to phi+ in [0, 1] below which a pair is not delivered but thrown away.
    queue_limit : int, optional
        Requests that may wait, the one being served included, at least 1; further ones are blocked. By
        default any number.
    in_flight : int, optional
        Requests that are worked on at the same time, at least 1; by default one for a saturated demand, all
        that wait for others.
    route : sequence of str, optional
        Names of all nodes on the way, both ends included; by default the best way by `weight`.
    weight : {"hops", "rate", "fidelity"}, default "hops"
        What makes a way short: few links, a small sum of mean times to a herald, or a large product of Werner
        weights (4 F - 1)/3.
    """

    _kind: ClassVar[str] = "demand"

    between: Sequence[str]
    rate_hz: float | None = None
    times_s: Sequence[float] | None = None
    saturate: bool = False
    min_fidelity: float = 0.0
    queue_limit: int | None = None
    in_flight: int | None = None
    route: Sequence[str] | None = None
    weight: str = "hops"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class Policy(Parameters):
    """What nodes do with their ions and pairs.

    Parameters
    ----------
    swap : {"asap", "nested"}, default "asap"
        When a node swaps: as soon as it has a pair to each side, or only pairs that span the two halves of a
        part of the way, halved again and again.
    swap_success_probability : float, default 1
        Probability in [0, 1] that a swap works; otherwise both pairs are lost.
    cutoff_s : float, optional
        Age at which a waiting pair is thrown away, counted from the herald of its oldest part (s), from 1e-12
        to 1e6; by default never.
    distill : {"bbpssw", "dejmps"}, optional
        How pairs of a link are distilled before they are used; by default not at all.
    rounds : int, optional
        Rounds of distillation, from 1 to 16, by default 1: 2**rounds pairs for one, if all goes well. Only
        with `distill`.
    contention : {"longest_waiting", "hold_and_wait"}, default "longest_waiting"
        How links share a node's ions: of the links whose two nodes both have a free ion the one that has
        waited longest gets them; or a free ion goes to the link that has waited longest and waits there for
        its partner.
    attempt_timeout_s : float, optional
        Time after which a link without a herald gives its ions back and waits again (s), from 1e-12 to 1e6,
        at least that of one attempt of each link used and of the reconfiguration of its switch; by default
        never.
    """

    _kind: ClassVar[str] = "policy"

    swap: str = "asap"
    swap_success_probability: float = 1.0
    cutoff_s: float | None = None
    distill: str | None = None
    rounds: int | None = None
    contention: str = "longest_waiting"
    attempt_timeout_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class HubStation(Parameters):
    """A station that links share. `Network.add_station` makes it.

    Parameters
    ----------
    name : str
        Name of the station, different from every other one's. May be given without ``name=``.
    count : int, default 1
        Analyzers, each of which serves one link at a time, from 1 to 2**24.
    discipline : {"queue", "loss"}, default "queue"
        Whether requests that find no analyzer wait or are blocked; what is saturated always waits.
    scheduling : {"longest_waiting", "round_robin", "max_weight"}, default "longest_waiting"
        Which of the links that wait is served next: first come, first served; one after the other in the
        order of their numbers; the one with the most requests.
    """

    _kind: ClassVar[str] = "hub_station"

    name: str = field(kw_only=False)
    count: int = 1
    discipline: str = "queue"
    scheduling: str = "longest_waiting"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class HubSwitch(Parameters):
    """An optical switch between nodes and stations. `Network.add_switch` makes it.

    Parameters
    ----------
    name : str
        Name of the switch, different from every other one's. May be given without ``name=``.
    ports : int
        Ports, from 4 to 2**24: one for each node and two for each analyzer.
    loss_db : float, default 0
        Loss of each photon on its way through (dB), from 0 to 1000; it becomes part of the links' physics.
    loss_per_stage_db : float, default 0
        Loss of each photon in each stage (dB), beside `loss_db`; of all stages and `loss_db` together from
        0 to 1000. Only for an omega topology.
    reconfiguration_s : float, default 0
        Time to connect an analyzer to another link (s), from 0 to 1e6.
    topology : {"crossbar", "omega"}, default "crossbar"
        Any free port can be connected with any other; or stages of exchangers, log2 of the ports many
        (rounded up), with one way from port to port, so that connections may block each other.
    """

    _kind: ClassVar[str] = "hub_switch"

    name: str = field(kw_only=False)
    ports: int
    loss_db: float = 0.0
    loss_per_stage_db: float = 0.0
    reconfiguration_s: float = 0.0
    topology: str = "crossbar"
