"""Networks: many links between many nodes, and what is made of their pairs."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np

from ionlink import checks, seeds
from ionlink._core import Network as CoreNetwork
from ionlink.errors import refused
from ionlink.link import Link
from ionlink.network_arrays import models_of, numbered
from ionlink.network_demands import WithDemands
from ionlink.network_hub import Hub, WithHubs
from ionlink.network_known import Known
from ionlink.network_rules import functions
from ionlink.network_run import NetworkRun
from ionlink.network_trace import Layout, counted
from ionlink.parameters import Demand, Gates, Memory, NetworkNode, Node, Policy
from ionlink.progress import reporter
from ionlink.tables import branches

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from ionlink.progress import Observer
    from ionlink.seeds import Seed

__all__ = ["Network"]


class Network(WithHubs, WithDemands):
    """Nodes with ions, links with their physics, and what is wanted of them.

    Parameters
    ----------
    policy : Policy, optional
        What nodes do with their ions and pairs, for runs that are not given another one.

    Notes
    -----
    Two networks are equal if their nodes, links, demands and policies are, in their order. What an attempt, a
    herald, a swap and a delivery are, and who gets an ion: ``docs/networks.md``.

    Examples
    --------
    >>> import ionlink as il
    >>> link = il.basic_link(efficiency=(0.2, 0.2), attempt_period_s=1e-5)
    >>> network = il.Network()
    >>> for name in ("alice", "carol", "bob"):
    ...     _ = network.add_node(name, communication_ions=2)
    >>> _ = network.add_link(link, between=("alice", "carol"))
    >>> _ = network.add_link(link, between=("carol", "bob"))
    >>> _ = network.demand("alice", "bob", saturate=True)
    >>> run = network.run(duration_s=1.0, seed=7)
    >>> bool(abs(run.rate_hz("alice", "bob").value - 1342) < 100)
    True
    """

    def __init__(self, *, policy: Policy | None = None) -> None:
        if policy is not None and not isinstance(policy, Policy):
            raise refused("policy", policy, "an il.Policy")
        self.policy = Policy() if policy is None else policy
        self._core = CoreNetwork()
        # a name alone is a node of which nothing else is known: 100,000 objects would take a second
        self._nodes: list[NetworkNode | str] = []
        self._numbers: dict[str, int] = {}
        self._known = Known()
        self._hub = Hub()
        self._models: list[Link] = []
        self._model_numbers: dict[Link, int] = {}
        self._physics = array("I")
        self._ends = array("I")
        self._link_names: dict[int, str] = {}
        self._link_numbers: dict[str, int] = {}
        self._demands: list[Demand] = []
        self._saturated = False

    # --- what is there

    @property
    def nodes(self) -> tuple[NetworkNode, ...]:
        """Nodes in the order they were added."""
        return tuple(NetworkNode(node) if isinstance(node, str) else node for node in self._nodes)

    @property
    def node_names(self) -> tuple[str, ...]:
        """Names of the nodes in the order they were added."""
        return tuple(self._numbers)

    @property
    def pairs(self) -> NDArray[np.uint32]:
        """Numbers of each link's nodes, node A first: uint32 (n, 2)."""
        return np.array(self._ends, dtype=np.uint32).reshape(-1, 2)

    @property
    def links(self) -> tuple[Link, ...]:
        """The link, that is the physics, of each place in the order they were added; many are one object."""
        return tuple(self._models[number] for number in self._physics)

    @property
    def demands(self) -> tuple[Demand, ...]:
        """Demands in the order they were added."""
        return tuple(self._demands)

    @property
    def saturated(self) -> bool:
        """Whether every link works for itself."""
        return self._saturated

    def link_name(self, number: int) -> str:
        """Name of a link: the one that was given, or those of its nodes as ``"alice-bob"``."""
        count = checks.count("link", number)
        if count >= len(self._physics):
            raise refused("link", number, f"the number of one of {len(self._physics)} links")
        given = self._link_names.get(count)
        names = self.node_names
        return (
            "-".join(names[end] for end in self._ends[2 * count : 2 * count + 2]) if given is None else given
        )

    def replace(self, changes: Mapping[str, object]) -> Self:
        """Changed copy; keys are dotted paths such as ``nodes.alice.memory_ions``.

        Parameters
        ----------
        changes : mapping of str to object
            New values: numbers, strings, sequences, or parameter objects. The paths are those of network
            files: ``nodes``, ``stations`` and ``switches`` by name or number, ``demands`` by number, each
            with a field of theirs, and ``policy``; ``links`` by name or number, with ``efficiency`` or any
            path of `Link.replace`. A ``*`` in place of a name means all of them, as in
            ``links.*.mode_overlap``.

        Returns
        -------
        Network
            With the same nodes, links and names; physics that many links share is changed once.

        Raises
        ------
        ParameterError
            For a path that does not exist, with a suggestion; for one into a part that is not set; for two
            paths to one parameter; for a value outside its domain; for a node that its links no longer agree
            on. Who is connected with whom is not changed by paths.
        ModelError
            For links that a network cannot have, and gates that differ from those another link brings.

        Examples
        --------
        >>> import ionlink as il
        >>> network = il.Network()
        >>> _ = network.add_link(il.basic_link(efficiency=(0.2, 0.2)))
        >>> network.saturate_links()
        >>> network.replace({"links.*.mode_overlap": 0.9}).links[0].mode_overlap
        0.9
        """
        from ionlink import network_paths

        return network_paths.replaced(self, changes)

    def __repr__(self) -> str:
        wants = "each for itself" if self._saturated else counted(len(self._demands), "demand")
        places = f"{counted(len(self._nodes), 'node')}, {counted(len(self._physics), 'link')}"
        return f"<network of {places}, {wants}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Network):
            return NotImplemented
        mine = (
            self.nodes,
            self._ends,
            self._link_names,
            self._demands,
            self._saturated,
            self.policy,
            self._hub,
        )
        theirs = (
            other.nodes,
            other._ends,
            other._link_names,
            other._demands,
            other._saturated,
            other.policy,
            other._hub,
        )
        if mine != theirs:
            return False
        known: dict[Link, int] = {}
        ours, others = (
            np.array([known.setdefault(model, len(known)) for model in network._models], dtype=np.int64)
            for network in (self, other)
        )
        return np.array_equal(ours[np.array(self._physics)], others[np.array(other._physics)])

    __hash__ = None  # type: ignore[assignment]

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in self.__dict__.items() if name != "_core"}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__dict__.update(state)
        self._core = CoreNetwork()
        for node in self._nodes:
            if isinstance(node, str):
                self._core.add_named_nodes([node])
            else:
                self._core.add_node(branches(node))
        for model in self._models:
            self._core.add_physics(model.core)
        self._core.add_links(np.array(self._physics, dtype=np.uint32), self.pairs)
        for station in self._hub.stations.values():
            self._core.add_station(branches(station))
        for switch in self._hub.switches.values():
            self._core.add_switch(branches(switch))
        for link, (name, through) in self._hub.shared.items():
            self._core.share([link], *self._hub.places(name, through))
        for demand in self._demands:
            self._core.add_demand(branches(demand))
        self._core.saturate(self._saturated)

    # --- nodes

    def add_node(
        self,
        node: Node | str,
        *,
        communication_ions: int | None = None,
        memory_ions: int = 0,
        buffer_per_link: int | None = None,
        memory: Memory | None = None,
        storage: Memory | None = None,
        gates: Gates | None = None,
        dephasing_per_attempt: float = 0.0,
        loss_rate_hz: float = 0.0,
        position: Sequence[float] | None = None,
    ) -> int:
        """Add a node.

        Parameters
        ----------
        node : Node or str
            A node brings its memory and gates, where it has them, and links that bring a node of this name
            must bring the same one. Of a bare name nothing is known but what is given here and what links
            bring.
        communication_ions : int, optional
            Ions that attempt links, shared by all links of the node, from 1 to 2**30; by default as many as
            its links need.
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
            Probability in [0, 0.5] of a phase flip of each stored qubit with every attempt that the node
            makes meanwhile.
        loss_rate_hz : float, default 0
            Rate at which a stored qubit is lost (1/s), from 0 to 1e11, which the node notices: the pair is
            thrown away.
        position : (float, float), optional
            Place in a picture.

        Returns
        -------
        int
            Its number, counted from 0.

        Raises
        ------
        ParameterError
            For a name that is there already and for what is outside its domain.
        """
        if not isinstance(node, Node | str):
            raise refused("node", node, "an il.Node or the name of one")
        name = node if isinstance(node, str) else node.name
        if isinstance(node, Node):
            for field, given in (("memory", memory), ("gates", gates)):
                if given is not None and getattr(node, field) is not None:
                    raise refused(field, given, f"left out: node {name!r} brings its own")
            memory, gates = node.memory or memory, node.gates or gates
        made = NetworkNode(
            name,
            communication_ions=communication_ions,
            memory_ions=memory_ions,
            buffer_per_link=buffer_per_link,
            memory=memory,
            storage=storage,
            gates=gates,
            dephasing_per_attempt=dephasing_per_attempt,
            loss_rate_hz=loss_rate_hz,
            position=position,
        )
        definition = (node, "add_node") if isinstance(node, Node) else None
        return self._add(made, definition)

    def _add(self, node: NetworkNode, definition: tuple[Node, str] | None = None) -> int:
        name = node.name
        if name in self._numbers:
            number = self._numbers[name]
            known = self._known.definitions.get(name)
            same = self.nodes[number] == node and (known and known[0]) == (definition and definition[0])
            what = "there already" if same else "there already, with another definition"
            raise refused("name", name, f"the name of a node that is not {what}")
        number = self._core.add_node(branches(node))
        self._nodes.append(node)
        self._numbers[name] = number
        if definition is not None:
            self._known.definitions[name] = definition
        return number

    def _add_named(self, count: int) -> None:
        names = [str(number) for number in range(count)]
        self._core.add_named_nodes(names)
        self._nodes.extend(names)
        self._numbers.update(zip(names, range(count), strict=True))

    # --- links

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
        """Add a link.

        Parameters
        ----------
        link : Link
            Its physics; any number of places can have the same.
        between : (str, str), optional
            Names of two nodes of the network: that of the link's node A first. By default the names of the
            link's own nodes, which are added if they are not there.
        name : str, optional
            Name of the link, different from every other one's.
        station : str, optional
            Name of the station that it shares with others; by default it has its own.
        switch : str, optional
            Name of the switch before the shared station; its loss is added to the link.
        parallel : int, default 1
            Links that work side by side between the two nodes, each with ions of its own, from 1 to 2**20.

        Returns
        -------
        int
            Its number, counted from 0; of parallel links that of the first one.

        Raises
        ------
        ParameterError
            For names that no node has (with the one that resembles it most), a name that another link has,
            and a node of the link that differs from the network's node of that name.
        ModelError
            For a link of one node, and for gates that differ from those another link brings.
        """
        if not isinstance(link, Link):
            raise refused("link", link, "an il.Link")
        bare, link = link, self._behind(link, station, switch)
        count = checks.count("parallel", parallel, least=1, most=checks.COPIES)
        number = len(self._physics)
        self._check_name(name, f"links.{number}.name")
        physics = self._model(link)
        if bare is not link:
            self._hub.bare[physics] = bare
        own = bare.nodes
        new: list[Node] = []
        if between is None:
            ends = (own[0].name, own[1].name)
            new = [node for node in own if node.name not in self._numbers]
        else:
            ends = self._two(between, f"links.{number}.between")
            for side, end in enumerate(ends):
                if end not in self._numbers:
                    self._core.node(end, f"links.{number}.between.{side}")
        if ends[0] == ends[1]:
            raise refused(f"links.{number}.between.1", ends[1], "another node than the first")
        title = name or f"{ends[0]}-{ends[1]}"
        for node in own:
            self._known.refuse_other(node, ends, title)
        gates = [(self._numbers.get(end), node.gates) for end, node in zip(ends, own, strict=True)]
        there = [(end, brought) for end, brought in gates if end is not None and not self._has_gates(end)]
        self._known.refuse_other_gates(there, number, self._nodes)
        for node in new:
            self._add(NetworkNode(node.name), (node, f"link {title!r}"))
        pair = [self._numbers[end] for end in ends]
        self._place(
            np.full(count, physics, dtype=np.uint32), np.tile(np.array(pair, dtype=np.uint32), (count, 1))
        )
        self._share(range(number, number + count), station, switch)
        brought = zip(pair, (node.gates for node in own), strict=True)
        self._known.keep_gates((end, gates) for end, gates in brought if not self._has_gates(end))
        if name is not None:
            self._link_names[number] = name
            self._link_numbers[name] = number
        return number

    def add_links(
        self,
        link: Link,
        pairs: ArrayLike,
        efficiency: ArrayLike | None = None,
        parameters: Mapping[str, ArrayLike] | None = None,
        names: Sequence[str] | None = None,
        *,
        station: str | None = None,
        switch: str | None = None,
    ) -> range:
        """Add many links that differ in numbers only.

        Parameters
        ----------
        link : Link
            Their physics, but for what the arrays change.
        pairs : int or str (n, 2)
            The nodes of each link, that of its node A first: their numbers in the order they were added, or
            their names. If the network has no nodes yet, numbers make as many as needed, named ``"0"``,
            ``"1"`` and so on.
        efficiency : float (n, 2), optional
            Measured efficiencies of each link's nodes, in place of the link's.
        parameters : mapping of str to array (n, ...), optional
            Values of other parameters for each link, by their paths as in `Link.replace`.
        names : sequence of str (n,), optional
            Names of the links.
        station, switch : str, optional
            Names of the station that they share and of the switch before it, as in `add_link`.

        Returns
        -------
        range
            Their numbers.

        Raises
        ------
        ParameterError, ModelError
            As `add_link`; nothing is added then.

        Notes
        -----
        Links with equal numbers share their physics, which is what costs time.
        """
        if not isinstance(link, Link):
            raise refused("link", link, "an il.Link")
        ends, wanted = numbered(pairs, self._numbers, self._core.node)
        count, first = len(ends), len(self._physics)
        if names is not None:
            names = list(names)
            if len(names) != count:
                raise refused("names", f"{len(names)} names", f"one for each of {count} links")
            for index, name in enumerate(names):
                self._check_name(name, f"names.{index}")
            if len(set(names)) < count:
                twice = next(name for index, name in enumerate(names) if name in names[:index])
                raise refused("names", twice, "different from each other")
        models, of_link = models_of(link, count, efficiency, dict(parameters or {}))
        own = [model.nodes for model in models]
        brought: list[tuple[int, Gates | None]] = []
        for number, nodes in enumerate(own):
            here = ends[of_link == number]
            names_here = {name for name in self._known.definitions if (here == self._numbers[name]).any()}
            for side, node in enumerate(nodes):
                self._known.refuse_other(node, names_here, str(first))
                if node.gates is not None:
                    there = np.unique(here[:, side]).tolist()
                    brought += [(end, node.gates) for end in there if not self._has_gates(end)]
        self._known.refuse_other_gates(brought, first, self._nodes)
        behind = [self._behind(model, station, switch) for model in models]
        numbers = np.array([self._model(model) for model in behind], dtype=np.uint32)
        for physics, bare, lossy in zip(numbers.tolist(), models, behind, strict=True):
            if bare is not lossy:
                self._hub.bare[physics] = bare
        if wanted:
            self._add_named(wanted)
        self._place(numbers[of_link], ends)
        self._share(range(first, first + count), station, switch)
        self._known.keep_gates(brought)
        for index, name in enumerate(names or ()):
            self._link_names[first + index] = name
            self._link_numbers[name] = first + index
        return range(first, first + count)

    def _model(self, link: Link) -> int:
        """Number of a link's physics; links that are equal share it."""
        known = self._model_numbers.get(link)
        if known is None:
            known = self._core.add_physics(link.core)
            self._models.append(link)
            self._model_numbers[link] = known
        return known

    def _place(self, physics: NDArray[np.uint32], pairs: NDArray[np.uint32]) -> None:
        self._core.add_links(physics, pairs)
        self._physics.frombytes(np.ascontiguousarray(physics, dtype=np.uintc).tobytes())
        self._ends.frombytes(np.ascontiguousarray(pairs, dtype=np.uintc).tobytes())

    def _check_name(self, name: object, path: str) -> None:
        if name is None:
            return
        if not isinstance(name, str) or not name:
            raise refused(path, name, "at least one character")
        if name in self._link_numbers:
            raise refused(path, name, f"different from the name of link {self._link_numbers[name]}")

    def _has_gates(self, number: int) -> bool:
        node = self._nodes[number] if number < len(self._nodes) else ""
        return isinstance(node, NetworkNode) and node.gates is not None

    @staticmethod
    def _two(names: object, path: str) -> tuple[str, str]:
        if isinstance(names, str) or not hasattr(names, "__len__") or len(names) != 2:
            raise refused(path, names, "the names of two nodes")
        first, second = cast("Sequence[object]", names)
        for side, name in enumerate((first, second)):
            if not isinstance(name, str):
                raise refused(f"{path}.{side}", name, "the name of a node")
        return cast("tuple[str, str]", (first, second))

    # --- runs

    def run(
        self,
        duration_s: float,
        *,
        seed: Seed = None,
        policy: Policy | None = None,
        record: str = "deliveries",
        states: str = "sampled",
        repetitions: int = 1,
        threads: int | None = None,
        progress: bool | Callable[[float, float], object] = False,
        rules: object | None = None,
    ) -> NetworkRun:
        """Run the network from empty memories.

        Parameters
        ----------
        duration_s : float
            Time to simulate (s), above 0 and at most 1e6.
        seed : int, SeedSequence, Generator, BitGenerator, optional
            Source of the random numbers; None draws one from the system. `NetworkRun.seed` replays the run.
        policy : Policy, optional
            What nodes do with their ions and pairs; by default the network's own `policy`.
        record : {"summary", "deliveries", "trace"}, default "deliveries"
            Counts, means and a histogram; every delivered pair too; everything that happened too.
        states : {"sampled", "mean"}, default "sampled"
            Whether a herald leaves the state that its clicks and their cause make it, or the mean state of
            its announced Bell state.
        repetitions : int, default 1
            Independent runs, one after the other in the record, each from empty memories; up to 2**20.
        threads : int, optional
            Number of threads, by default all this process may use; changes no result. Repetitions, and links
            that work for themselves, are shared among them.
        progress : bool or callable, default False
            True: a bar if stderr is a terminal. A function is called with (done, total), the simulated time
            of all repetitions (s), about every 5 ms.
        rules : Rules, optional
            Rules of one's own, `ionlink.Rules`, in place of what stations, nodes and demands would do. What
            they raise ends the run.

        Returns
        -------
        NetworkRun
            The same for the same network, seed and arguments, whatever the threads or the machine.

        Raises
        ------
        KeyboardInterrupt
            On Ctrl-C, within about 0.1 s; its attribute `partial` holds the run so far.
        ParameterError, ModelError
            For impossible arguments, demands without a way or beyond their nodes' ions, a link that never
            heralds, a network without links or demands, links that work for themselves and demands at once,
            rules whose answers are none or whose questions cannot come up.
        SizeError
            With ``record="deliveries"`` or ``"trace"``, if what will be delivered would not fit into the
            memory at hand.

        Notes
        -----
        How many pairs will be delivered is estimated before the run: where links work for themselves from
        their exact rates, the messages of their heralds and the ions and analyzers they share; for demands
        it is at most their requests, at most what the links of the weakest part of each way bring (divided
        by the pairs that distillation spends, times the probability that a swap works), and at most what
        all links bring that they use. Rates that are not known beforehand bound nothing: such runs are not
        refused.
        """
        span_s = checks.duration("duration_s", duration_s)
        if policy is not None and not isinstance(policy, Policy):
            raise refused("policy", policy, "an il.Policy")
        chosen = self.policy if policy is None else policy
        times = checks.count("repetitions", repetitions, least=1, most=checks.COPIES)
        workers = checks.threads(threads)
        used = seeds.replayable(seed)
        with reporter(cast("bool | Observer", progress), "s") as observer:
            core, ended = self._core.run(
                key=seeds.key(used),
                duration_s=span_s,
                policy=branches(chosen),
                record=checks.word(record),
                states=checks.word(states),
                repetitions=times,
                threads=workers,
                observer=cast("Callable[[float, float], object] | None", observer),
                rules=functions(rules),
            )
        run = NetworkRun(core, self._layout(), seed=used, policy=chosen, record=record, repetitions=times)
        if ended is not None:
            ended.partial = run  # type: ignore[attr-defined]
            raise ended
        return run

    def _layout(self) -> Layout:
        """What results must know of the network as it is now."""
        ions = (node.communication_ions if isinstance(node, NetworkNode) else None for node in self._nodes)
        return Layout(
            nodes=tuple(self._numbers),
            ions=np.array([np.nan if count is None else count for count in ions], dtype=np.float64),
            pairs=self.pairs,
            link_names=dict(self._link_names),
            demands=self.demands,
            saturated=self._saturated,
            analyzers=np.array([station.count for station in self._hub.stations.values()], dtype=np.float64),
        )

    # --- files and graphs

    @classmethod
    def from_toml(cls, path: str | os.PathLike[str]) -> Self:
        """Read a network file; ``docs/networks.md`` says what stands in it.

        Raises
        ------
        ParameterError
            With the file and the path of the parameter, for anything unknown, missing or outside its domain.
        OSError
            If the file, or one it names, cannot be read.
        """
        from ionlink import network_files

        return network_files.read(cls, path)

    def to_toml(self, path: str | os.PathLike[str]) -> None:
        """Write a network file; `from_toml` reads an equal network from it."""
        from ionlink import network_files

        network_files.write(self, path)

    @classmethod
    def from_networkx(cls, graph: Any, link: Link | None = None) -> Self:
        """Network of a `networkx` graph.

        Parameters
        ----------
        graph : networkx.Graph or networkx.MultiGraph
            Nodes are named by their labels as text; their attributes are the arguments of `add_node`, and
            ``node``, an il.Node in place of the name. Attributes of edges: ``link``, an il.Link; ``name``;
            ``efficiency``, a pair in place of the link's; ``between``, labels in the order of the link's
            nodes. Attributes of the graph: ``demands``, ``policy``, ``saturate_links``.
        link : Link, optional
            Link of the edges that have none of their own.

        Raises
        ------
        ParameterError
            For unknown attributes, edges without a link, and as `add_node` and `add_link`.
        """
        from ionlink import network_files

        return network_files.from_graph(cls, graph, link)

    def to_networkx(self) -> Any:
        """The network as a `networkx.MultiGraph`, from which `from_networkx` makes an equal one.

        Raises
        ------
        MissingPackageError
            Without networkx; it is an `ImportError`.
        """
        from ionlink import network_files

        return network_files.graph(self)
