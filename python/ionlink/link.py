"""One heralded link: its parameters, its exact results, its runs."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from math import inf
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Self

from ionlink import checks, seeds
from ionlink._core import Link as CoreLink
from ionlink.errors import ParameterError, refused
from ionlink.parameters import (
    ELEMENTS,
    ENCODINGS,
    HeraldedState,
    Input,
    Node,
    Polarization,
    Published,
    Schedule,
    Station,
)
from ionlink.progress import reporter
from ionlink.results import ErrorBudget, Exact
from ionlink.runs import Coincidences, RelativePrecision, Run
from ionlink.sampler import Sampler
from ionlink.tables import Parameters, branches, not_set, parts_of, plant, settle, tree

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping, Sequence

    from ionlink.parameters import Element, Encoding
    from ionlink.progress import Observer
    from ionlink.seeds import Seed
    from ionlink.timetags import ClickStream

__all__ = ["Link", "Source"]


class Source(NamedTuple):
    """One node's photon as the station sees it.

    Parameters
    ----------
    node : str
        Name of the node.
    photon_probability : float
        Probability that an attempt leaves the ion in the qubit: preparation, excitation and decay on the
        collected line.
    efficiency : float
        Probability per emitted photon to be registered by the best detector of an endless window.
    amplitudes : (float, float)
        c0 and c1 of the collected photon.
    lifetime_s : float or None
        Lifetime of the excited state (s); None for a tabulated wave packet.
    wavelength_nm : float or None
        Wavelength as emitted (nm), if known.
    path_delay_s : float
        Delay of the path (s).
    delay_s : float
        Delay at the station beyond what the timing of the pulses compensates (s).
    """

    node: str
    photon_probability: float
    efficiency: float
    amplitudes: tuple[float, float]
    lifetime_s: float | None
    wavelength_nm: float | None
    path_delay_s: float
    delay_s: float


class _Checked:
    """Keeps the core's link beside the parameters, out of comparisons, pickles and field lists."""

    __slots__ = ("core",)
    core: CoreLink


@dataclass(frozen=True, slots=True, repr=False)
class Link(Parameters, _Checked):
    """One heralded link; checked when made, then ready for `exact` and `sample`.

    Parameters
    ----------
    node_a, node_b : Node
        The two nodes; in files and paths they are ``nodes.0`` and ``nodes.1``. An `IonPhoton` link has no
        `node_b`.
    encoding : Polarization, TimeBin, Frequency, Number, BarrettKok or IonPhoton, optional
        The photonic qubit; `Polarization` by default.
    paths : sequence of sequence, default ()
        Elements that each node's photon passes, in order, such as `Fiber`, `Loss`, `Converter`: nothing at
        all, or one sequence per node.
    station : Station
        The station in the middle.
    schedule : Schedule
        When attempts happen.
    mode_overlap : float, default 1
        Squared overlap M = Tr(rho_a rho_b) in [0, 1] of the two photons' modes, delays and detunings apart.
    delay_s : (float, float), default (0, 0)
        Residual delay of each photon at the station (s), from 0 to 1e3, beside what pulses and paths bring.
    pulse_offset_s : "auto" or (float, float), default "auto"
        Time of each node's pulse (s), at most 1e3 either way; ``"auto"``: pulses are timed so that both
        photons arrive together.
    bell_phase_rad : float, default 0
        Phase that multiplies the amplitude c1 of node B (rad), finite.
    phase_reference : {"calibrated", "raw"}, default "calibrated"
        Whether states are given in the frame that removes the static phases, or keep them.
    phase_feed_forward : bool, default False
        Whether the phase that the recorded click times reveal is removed from each state, by a turn of ion B;
        not for frequency encoding.
    collective_t2_s : float, default inf
        1/e time of one ion's coherence (s), above 0, in a field that both ions share: its offset is drawn
        once per attempt from a Gaussian. Psi states of equal waits do not notice it; not for one node.
    name : str, optional
        Short name.
    reference : str, optional
        The paper or note the numbers come from.
    heralded_state : HeraldedState, optional
        The state of the ions of every herald, where it was measured; computed by default.
    inputs : sequence of Input, default ()
        Where parameters come from; each names one that this link has, none twice.
    published : Published, optional
        What was measured, for links that exist.

    Examples
    --------
    >>> import ionlink as il
    >>> link = il.presets.load("stephenson2020")
    >>> run = link.sample(heralds=1000, seed=7)
    >>> run.heralds
    1000
    """

    _kind: ClassVar[str] = "link"

    node_a: Node = field(metadata=parts_of(Node))
    node_b: Node | None = field(default=None, metadata=parts_of(Node))
    _: KW_ONLY
    encoding: Encoding = field(default=Polarization(), metadata=parts_of(*ENCODINGS))
    paths: Sequence[Sequence[Element]] = field(default=(), metadata=parts_of(*ELEMENTS))
    station: Station = field(metadata=parts_of(Station))
    schedule: Schedule = field(metadata=parts_of(Schedule))
    mode_overlap: float = 1.0
    delay_s: Sequence[float] = (0.0, 0.0)
    pulse_offset_s: str | Sequence[float] = "auto"
    bell_phase_rad: float = 0.0
    phase_reference: str = "calibrated"
    phase_feed_forward: bool = False
    collective_t2_s: float = inf
    name: str | None = None
    reference: str | None = None
    heralded_state: HeraldedState | None = field(default=None, metadata=parts_of(HeraldedState))
    inputs: Sequence[Input] = field(default=(), metadata=parts_of(Input))
    published: Published | None = field(default=None, metadata=parts_of(Published))

    def __post_init__(self) -> None:
        settle(self)
        object.__setattr__(self, "core", CoreLink(self.tree()))

    def __reduce__(self) -> tuple[object, ...]:
        return (Link.from_tree, (self.core.tree(),))

    def __str__(self) -> str:
        return f"{self.name or 'link'} ({' - '.join(node.name for node in self.nodes)})"

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes, A first: two, or one that sends its photon to a receiver."""
        return (self.node_a,) if self.node_b is None else (self.node_a, self.node_b)

    @property
    def sources(self) -> tuple[Source, ...]:
        """What follows of each node's parameters, defaults and looked-up figures filled in."""
        return tuple(Source(**source) for source in self.core.sources)

    @property
    def attempt_period_s(self) -> float:
        """Time from one round of attempts to the next (s), given or computed.

        With one ion per round it is the time from attempt to attempt.
        """
        return self.core.attempt_period_s

    @property
    def ion_spacing_s(self) -> float:
        """Time from one ion of a round to the next (s); with one ion per round the attempt period."""
        return self.core.ion_spacing_s

    @property
    def herald_delay_s(self) -> tuple[float, ...]:
        """Time from the arrival of the photons at the station until each node knows of the herald (s).

        The station's decision and the message's way back: `Schedule.return_delay_s`, or as long as the node's
        own path. Photons arrive within the window, which is not part of it.
        """
        return tuple(self.core.herald_delay_s)

    def tree(self) -> dict[str, object]:
        """Parameters as plain dicts and lists, as link files hold them."""
        result = branches(self)
        nodes = [node for node in (result.pop("node_a"), result.pop("node_b")) if node is not None]
        return {"nodes": nodes, **result}

    @classmethod
    def from_tree(cls, tree: Mapping[str, object]) -> Self:
        """Link of a tree as `tree` returns it; what is left out takes its default.

        Raises
        ------
        ParameterError
            With the path of the field, for anything unknown, missing or outside its domain.
        """
        return cls._of(CoreLink(tree))

    @classmethod
    def from_toml(cls, path: str | os.PathLike[str]) -> Self:
        """Read a link file.

        Raises
        ------
        ParameterError
            With the file, line and column, for anything unknown, missing or outside its domain.
        OSError
            If the file cannot be read.
        """
        from pathlib import Path  # takes longer to import than all of this module

        try:
            text = Path(path).read_bytes().decode()
        except UnicodeDecodeError as error:
            raise ParameterError(f"{path}: not a text in UTF-8 (byte {error.start})") from None
        try:
            return cls._of(CoreLink.from_toml(text))
        except ParameterError as error:
            error.args = (f"{path}: {error}",)
            raise

    def to_toml(self, path: str | os.PathLike[str]) -> None:
        """Write a link file; `from_toml` reads an equal link from it."""
        from pathlib import Path

        Path(path).write_bytes(self.core.to_toml().encode())

    @classmethod
    def _of(cls, core: CoreLink) -> Self:
        """Link that the core has made and checked; its fields grow when one of them is asked for."""
        link = cls.__new__(cls)
        object.__setattr__(link, "core", core)
        return link

    if not TYPE_CHECKING:  # or every attribute would seem to exist

        def __getattr__(self, name: str) -> object:
            if name in Link.__slots__:  # a field that is not there yet
                branch = self.core.tree()
                nodes = zip(("node_a", "node_b"), branch["nodes"], strict=False)
                plant(self, {**branch, **dict(nodes)})
            return object.__getattribute__(self, name)

    def replace(self, changes: Mapping[str, object]) -> Self:
        """Changed copy; keys are dotted paths such as ``station.transmission`` or ``paths.0.0.length_m``.

        Parameters
        ----------
        changes : mapping of str to object
            New values: numbers, strings, sequences, or parameter objects.

        Notes
        -----
        A changed number has its source no longer: its entry in `inputs` goes, unless the changes say
        themselves what becomes of `inputs`.

        Raises
        ------
        ParameterError
            For a path that does not exist, with a suggestion; for one into a part that is not set, such as
            the memory of a node without any; for a value outside its domain.
        """
        try:
            return self._of(self.core.replaced({path: tree(value) for path, value in changes.items()}))
        except ParameterError as error:
            raise not_set(self, error.path or "", changes) or error from None

    def through(self, loss_db: float) -> Self:
        """Same link with the light of both nodes passing an optical switch before the station.

        The switch becomes the last element of each path; where a measured efficiency contains the path, the
        efficiency gets the loss.

        Parameters
        ----------
        loss_db : float
            Loss of each photon (dB), from 0 to 1000.
        """
        return self._of(self.core.through(checks.between("loss_db", loss_db, 0.0, 1000.0, "dB")))

    def exact(self) -> Exact:
        """Results without random numbers; computed once per link.

        Raises
        ------
        ModelError
            For detectors with a dead time longer than the gap between two windows, whose attempts are not
            independent, and for numerical integrals that would take too long.
        """
        return Exact._of(self.core.exact())

    def error_budget(self) -> ErrorBudget:
        """Infidelity by mechanism, from exact results: what each costs alone, what its removal would gain.

        A mechanism is removed by its ideal value: no dark counts, a balanced splitter, equal lifetimes.

        Raises
        ------
        ModelError
            As `exact`.
        """
        return ErrorBudget._of(self.core.error_budget())

    def sample(
        self,
        heralds: float | None = None,
        attempts: float | None = None,
        duration_s: float | None = None,
        *,
        seed: Seed = None,
        engine: str = "auto",
        threads: int | None = None,
        start_attempt: float = 0,
        record_coincidences: bool = False,
        until: RelativePrecision | None = None,
        timeout_s: float | None = None,
        progress: bool | Observer = False,
    ) -> Run:
        """Draw heralds by Monte Carlo. Exactly one of `heralds`, `attempts` and `duration_s` says how many.

        Parameters
        ----------
        heralds : int, optional
            Number of heralds; the run ends with the attempt of the last one.
        attempts : int, optional
            Number of attempts.
        duration_s : float, optional
            Laboratory time (s), pauses and reloading included; attempts that end within it count.
        seed : int, SeedSequence, Generator, BitGenerator, optional
            Source of the random numbers; None draws one from the system. `Run.seed` replays the run.
        engine : {"auto", "photon", "click", "herald"}, default "auto"
            How attempts become heralds: every attempt (``"photon"``), from click to click (``"click"``), or
            from herald to herald (``"herald"``). ``"auto"`` takes the cheapest that is exact for the link;
            `Run.engine_reason` says why. Engines draw different heralds of the same distribution.
        threads : int, optional
            Number of threads, by default all this process may use; changes no result.
        start_attempt : int, default 0
            Number of the first attempt.
        record_coincidences : bool, default False
            Whether `Run.coincidences` holds attempts with two clicks in one mode and different ports; there
            are none where modes are not told apart.
        until : RelativePrecision, optional
            The run ends early, after the first block of attempts with which these are reached.
        timeout_s : float, optional
            The run ends early, after the first block of attempts that ends later than this (s), at least 0.
        progress : bool or callable, default False
            True: a bar if stderr is a terminal. A function is called with (done, total) about every 20 ms.

        Returns
        -------
        Run
            The same for the same link, seed, engine and attempts, whatever the threads or the machine;
            attempts 0 to 9 and 10 to 99 drawn apart are attempts 0 to 99 drawn at once (`ionlink.merge`).

        Raises
        ------
        KeyboardInterrupt
            On Ctrl-C, within about 0.1 s; its attribute `partial` holds the run so far.
        ParameterError, ModelError, SizeError
            For impossible arguments, a link that never heralds or an engine that is not exact for it, a
            result larger than the memory.
        """
        limits = {"heralds": heralds, "attempts": attempts, "duration_s": duration_s}
        given = [name for name, limit in limits.items() if limit is not None]
        if len(given) != 1:
            names = " and ".join(f"`{name}`" for name in given) or "none of them"
            raise ParameterError(
                f"exactly one of `heralds`, `attempts` and `duration_s` must be given, got {names}",
                path=given[0] if given else "heralds",
                domain="exactly one of heralds, attempts and duration_s",
            )
        record_coincidences = checks.flag("record_coincidences", record_coincidences)
        chosen, reason = self.core.engine(checks.word(engine), record_coincidences)
        if until is not None and not isinstance(until, RelativePrecision):
            raise refused("until", until, "a RelativePrecision")
        patience_s = None if timeout_s is None else checks.duration("timeout_s", timeout_s)
        start = checks.count("start_attempt", start_attempt)
        wanted = None if heralds is None else checks.count("heralds", heralds)
        limit = None if attempts is None else checks.count("attempts", attempts)
        span_s = None if duration_s is None else checks.duration("duration_s", duration_s)
        workers = checks.threads(threads)
        used = seeds.replayable(seed)
        key = seeds.key(used)
        if span_s is not None:
            limit = self.core.attempts_within(key, self.core.duration_s(key, 0, start) + span_s) - start
            limit = checks.count("duration_s", max(limit, 0))
        with reporter(progress, "attempts" if wanted is None else "heralds") as observer:
            record, ended = self.core.sample(
                key=key,
                start_attempt=start,
                heralds=wanted,
                attempts=limit,
                threads=workers,
                observer=observer,
                engine=chosen,
                record_coincidences=record_coincidences,
                until=None if until is None else (until.herald_probability, until.fidelity),
                timeout_s=patience_s,
            )
        coincidences = record.get("coincidences")
        run = Run(
            link=self,
            attempts=record["attempts"],
            attempt=record["attempt"],
            pattern=record["pattern"],
            cause=record["cause"],
            click_time_s=record["click_time_s"],
            blind_s=record["blind_s"],
            jitter_s=record["jitter_s"],
            afterpulses=record["afterpulses"],
            coincidences=None if coincidences is None else Coincidences._of(**coincidences),
            seed=used,
            engine=record["engine"],
            engine_reason=reason,
            start_attempt=start,
            ended=record["ended"],
            at_herald=wanted is not None and record["ended"] == "planned",
        )
        if ended is not None:
            ended.partial = run  # type: ignore[attr-defined]
            raise ended
        return run

    def stream(
        self,
        chunk: float = 1_000_000,
        *,
        seed: Seed = None,
        engine: str = "auto",
        threads: int | None = None,
        start_attempt: float = 0,
        record_coincidences: bool = False,
    ) -> Iterator[Run]:
        """Endless runs of `chunk` heralds each, in bounded memory; together they are one big sample.

        Parameters
        ----------
        chunk : int, default 1_000_000
            Heralds per run, at least 1.
        seed, engine, threads, start_attempt, record_coincidences
            As for `sample`.

        Yields
        ------
        Run
            Each starts with the attempt after the last one of its predecessor.
        """
        heralds = checks.count("chunk", chunk, least=1)
        start = checks.count("start_attempt", start_attempt)
        record_coincidences = checks.flag("record_coincidences", record_coincidences)
        chosen, _ = self.core.engine(checks.word(engine), record_coincidences)

        def draw(used: seeds.Replay, workers: int, start: int) -> Iterator[Run]:
            while True:
                run = self.sample(
                    heralds,
                    seed=used,
                    engine=chosen,
                    threads=workers,
                    start_attempt=start,
                    record_coincidences=record_coincidences,
                )
                start += run.attempts
                yield run

        return draw(seeds.replayable(seed), checks.threads(threads), start)

    def click_stream(
        self,
        attempts: float | None = None,
        duration_s: float | None = None,
        *,
        seed: Seed = None,
        start_attempt: float = 0,
        progress: bool | Observer = False,
    ) -> ClickStream:
        """Draw every click with its channel and picosecond, for a laboratory's own coincidence count.

        Exactly one of `attempts` and `duration_s` says how many. The attempts that herald are those of
        ``sample(engine="click")`` with the same seed. `ionlink.save_click_stream` writes streams that memory
        does not hold.

        Parameters
        ----------
        attempts, duration_s, seed, start_attempt, progress
            As for `sample`.

        Returns
        -------
        ClickStream
            A function of link, seed and attempts alone.

        Raises
        ------
        KeyboardInterrupt
            On Ctrl-C, within about 0.1 s.
        ParameterError, ModelError, SizeError
            For impossible arguments, attempts so late (106 days) that 64 bits do not hold their picoseconds,
            or more tags than memory holds.
        """
        from ionlink.timetags import stream  # most programs want no tags

        return stream.drawn(stream.job(self, attempts, duration_s, seed, start_attempt), progress)

    def sampler(self, seed: Seed = None, engine: str = "auto") -> Sampler:
        """Source of single heralds, for simulators that bring their own clock.

        Parameters
        ----------
        seed, engine
            As for `sample`.

        Returns
        -------
        Sampler
            Its `next` draws the heralds of `sample` one at a time.

        Raises
        ------
        ParameterError, ModelError
            For impossible arguments, a link that never heralds or an engine that is not exact for it.

        Examples
        --------
        >>> import ionlink as il
        >>> sampler = il.presets.load("stephenson2020").sampler(seed=7)
        >>> first = sampler.next()
        >>> sampler.next(not_before_s=first.time_s + 1e-3).time_s > first.time_s + 1e-3
        True
        """
        return Sampler(self, seeds.replayable(seed), checks.word(engine))
