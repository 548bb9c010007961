"""Hubs of networks: the stations and switches that links share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ionlink import _core
from ionlink.errors import refused
from ionlink.link import Link
from ionlink.parameters import HubStation, HubSwitch, Station
from ionlink.tables import branches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ionlink._core import Network as CoreNetwork
    from ionlink.network_known import Known
    from ionlink.parameters import Schedule

__all__ = ["Hub", "WithHubs", "passage_loss_db"]


class Hub:
    """Stations and switches of a network, and which links share them."""

    def __init__(self) -> None:
        self.stations: dict[str, HubStation] = {}
        self.physics: dict[str, Station] = {}
        self.switches: dict[str, HubSwitch] = {}
        self.shared: dict[int, tuple[str, str | None]] = {}
        # physics with the loss of a switch, and what it was without
        self.bare: dict[int, Link] = {}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Hub):
            return NotImplemented
        mine = (self.stations, self.switches, self.shared)
        return mine == (other.stations, other.switches, other.shared)

    __hash__ = None  # type: ignore[assignment]

    def places(self, station: object, switch: object) -> tuple[int, int | None]:
        """Numbers of a station and a switch."""
        if not isinstance(station, str) or station not in self.stations:
            names = ", ".join(f'"{name}"' for name in self.stations)
            known = f"the name of a station: {names}" if names else "left out: there are no stations yet"
            raise refused("station", station, known)
        number = list(self.stations).index(station)
        if switch is None:
            return number, None
        if not isinstance(switch, str) or switch not in self.switches:
            names = ", ".join(f'"{name}"' for name in self.switches)
            known = f"the name of a switch: {names}" if names else "left out: there are no switches yet"
            raise refused("switch", switch, known)
        return number, list(self.switches).index(switch)


def passage_loss_db(switch: HubSwitch) -> float:
    """Loss of each photon on its whole way through a switch (dB)."""
    return _core.switch_loss_db(branches(switch))


class WithHubs:
    """The part of `Network` that is about stations and switches."""

    _core: CoreNetwork
    _hub: Hub
    _known: Known

    if TYPE_CHECKING:

        def add_link(
            self,
            link: Link,
            between: Sequence[str] | None = None,
            name: str | None = None,
            *,
            station: str | None = None,
            switch: str | None = None,
            parallel: int = 1,
        ) -> int:
            """Add a link."""

    def add_station(
        self,
        name: str,
        station: Station | None = None,
        *,
        count: int = 1,
        discipline: str = "queue",
        scheduling: str = "longest_waiting",
    ) -> int:
        """Add a station that links can share.

        Parameters
        ----------
        name : str
            Its name.
        station : Station, optional
            What its analyzers are, for links that `connect` makes; other links bring their own.
        count : int, default 1
            Analyzers, each of which serves one link at a time, from 1 to 2**24.
        discipline : {"queue", "loss"}, default "queue"
            Whether requests that find no analyzer wait or are blocked. Saturated demands, and links that work
            for themselves, always wait.
        scheduling : {"longest_waiting", "round_robin", "max_weight"}, default "longest_waiting"
            Which of the links that wait is served next: first come, first served; one after the other in the
            order of their numbers; the one with the most requests.

        Returns
        -------
        int
            Its number, counted from 0.
        """
        if station is not None and not isinstance(station, Station):
            raise refused("station", station, "an il.Station")
        made = HubStation(name, count=count, discipline=discipline, scheduling=scheduling)
        number = self._core.add_station(branches(made))
        self._hub.stations[name] = made
        if station is not None:
            self._hub.physics[name] = station
        return number

    def add_switch(
        self,
        name: str,
        *,
        ports: int,
        loss_db: float = 0.0,
        loss_per_stage_db: float = 0.0,
        reconfiguration_s: float = 0.0,
        topology: str = "crossbar",
    ) -> int:
        """Add an optical switch that links can pass on their way to a station.

        Parameters
        ----------
        name : str
            Its name.
        ports : int
            Ports, from 4 to 2**24: one for each node and two for each analyzer.
        loss_db : float, default 0
            Loss of each photon on its way through (dB), from 0 to 1000; it enters the physics of the links.
        loss_per_stage_db : float, default 0
            Loss of each photon in each stage of an omega network (dB), beside `loss_db`; of all stages and
            `loss_db` together from 0 to 1000.
        reconfiguration_s : float, default 0
            Time to connect an analyzer to another link (s), from 0 to 1e6.
        topology : {"crossbar", "omega"}, default "crossbar"
            Any free port can be connected with any other; or stages of exchangers, log2 of the ports many
            (rounded up), with one way from port to port, so that connections may block each other.

        Returns
        -------
        int
            Its number, counted from 0.

        Raises
        ------
        ParameterError
            For a name that is there already and for what is outside its domain.
        ModelError
            For a loss per stage of a crossbar, which has no stages.
        """
        made = HubSwitch(
            name,
            ports=ports,
            loss_db=loss_db,
            loss_per_stage_db=loss_per_stage_db,
            reconfiguration_s=reconfiguration_s,
            topology=topology,
        )
        number = self._core.add_switch(branches(made))
        self._hub.switches[name] = made
        return number

    def connect(
        self,
        a: str,
        b: str,
        *,
        station: str | Station,
        schedule: Schedule,
        switch: str | None = None,
        parallel: int = 1,
        name: str | None = None,
        **link: Any,
    ) -> int:
        """Add a link between two nodes that were added as il.Node.

        Parameters
        ----------
        a, b : str
            Names of the nodes, node A of the link first.
        station : str or Station
            Name of a station that was added with its physics, to be shared; or a station of its own.
        schedule : Schedule
            When attempts happen.
        switch : str, optional
            Name of the switch before the shared station.
        parallel : int, default 1
            Links that work side by side, from 1 to 2**20.
        name : str, optional
            Name of the link.
        **link
            Other parameters of `Link`, such as ``paths`` and ``encoding``.

        Returns
        -------
        int
            Number of the (first) link.

        Raises
        ------
        ParameterError, ModelError
            For nodes of which only the name is known, a station without physics, and as `add_link`.
        """
        nodes = []
        for path, end in (("a", a), ("b", b)):
            self._core.node(end, path)
            if end not in self._known.definitions:
                raise refused(path, end, "a node that was added as an il.Node")
            nodes.append(self._known.definitions[end][0])
        physics = station if isinstance(station, Station) else self._hub.physics.get(station)
        if physics is None:
            self._hub.places(station, switch)
            raise refused("station", station, "a station that was added with an il.Station")
        made = Link(*nodes, station=physics, schedule=schedule, **link)
        shared = None if isinstance(station, Station) else station
        return self.add_link(made, (a, b), name, station=shared, switch=switch, parallel=parallel)

    def _behind(self, link: Link, station: str | None, switch: str | None) -> Link:
        """Physics of a link as a switch leaves it."""
        if station is None:
            if switch is not None:
                raise refused("switch", switch, "left out without `station`")
            return link
        self._hub.places(station, switch)
        loss_db = 0.0 if switch is None else passage_loss_db(self._hub.switches[switch])
        return link.through(loss_db) if loss_db > 0 else link

    def _share(self, links: range, station: str | None, switch: str | None) -> None:
        if station is None:
            return
        number, through = self._hub.places(station, switch)
        self._core.share(list(links), number, through)
        self._hub.shared.update(dict.fromkeys(links, (station, switch)))
