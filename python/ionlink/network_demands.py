"""Demands of networks: what is wanted of their links."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ionlink import checks
from ionlink.errors import refused
from ionlink.parameters import Demand
from ionlink.tables import branches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ionlink._core import Network as CoreNetwork

__all__ = ["WithDemands"]


class WithDemands:
    """The part of `Network` that is about demands."""

    _core: CoreNetwork
    _demands: list[Demand]
    _numbers: dict[str, int]
    _saturated: bool

    def demand(
        self,
        a: str,
        b: str,
        *,
        rate_hz: float | None = None,
        times_s: Sequence[float] | None = None,
        saturate: bool = False,
        min_fidelity: float = 0.0,
        queue_limit: int | None = None,
        in_flight: int | None = None,
        route: Sequence[str] | None = None,
        weight: str = "hops",
    ) -> int:
        """Add a demand; exactly one of `rate_hz`, `times_s` and `saturate` says how many pairs it wants.

        Parameters
        ----------
        a, b : str
            Names of the two nodes; the first qubit of delivered states is that of `a`.
        rate_hz : float, optional
            Mean rate of requests, which come at random (1/s), above 0 and at most 1e11.
        times_s : sequence of float, optional
            Times of requests (s), ascending, from 0 to 1e6.
        saturate : bool, default False
            Whether there is always one request more.
        min_fidelity : float, default 0
            Fidelity to phi+ in [0, 1] below which a pair is not delivered but thrown away.
        queue_limit : int, optional
            Requests that may wait, the one being served included, at least 1; further ones are blocked. By
            default any number.
        in_flight : int, optional
            Requests that are worked on at the same time, at least 1; by default one for a saturated demand,
            all that wait for others.
        route : sequence of str, optional
            Names of all nodes on the way, both ends included; by default the best way by `weight`.
        weight : {"hops", "rate", "fidelity"}, default "hops"
            What makes a way short: few links, a small sum of mean times to a herald, or a large product of
            Werner weights (4 F - 1)/3.

        Returns
        -------
        int
            Its number, counted from 0.

        Raises
        ------
        ParameterError
            For a name that no node has, and for what is outside its domain.
        """
        demand = Demand(
            between=(a, b),
            rate_hz=rate_hz,
            times_s=times_s,
            saturate=saturate,
            min_fidelity=min_fidelity,
            queue_limit=queue_limit,
            in_flight=in_flight,
            route=route,
            weight=weight,
        )
        return self._add_demand(demand)

    def _add_demand(self, demand: Demand) -> int:
        number = self._core.add_demand(branches(demand))
        self._demands.append(demand)
        return number

    def saturate_links(self) -> None:
        """Let every link work for itself: each herald is delivered as a pair of its own.

        Then there are no demands, and what `NetworkRun` tells by demand it tells by link.
        """
        self._core.saturate(True)
        self._saturated = True

    def route(self, demand: int) -> tuple[str, ...]:
        """Names of the nodes on the way of a demand, both ends included.

        Raises
        ------
        ParameterError
            For ends that no links connect, and a route that links do not.
        """
        number = checks.count("demand", demand)
        if number >= len(self._demands):
            raise refused("demand", demand, f"the number of one of {len(self._demands)} demands")
        names = tuple(self._numbers)
        return tuple(names[node] for node in self._core.route(number))
