"""What `sweep` asks of a model, and the kinds there are: links here, networks in `networks`."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ionlink import checks
from ionlink._core import Link as CoreLink
from ionlink.errors import ModelError, refused
from ionlink.link import Link

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ionlink.progress import Observer

__all__ = ["Arguments", "Column", "Effort", "Kind", "Quantity", "columns", "kind_named", "kind_of", "width"]


class Quantity(NamedTuple):
    """One number of each point, or one for each of several things.

    Parameters
    ----------
    name : str
        Name of the data variable; the sampled ones are ``sampled_...``, ``sampled_..._low``, ``..._high``.
    units : str
        Unit; ``"1"`` for a pure number.
    title : str
        What it is, in a few words.
    exact : bool
        Whether there is an exact number beside the sampled one.
    ends : bool
        Whether the sampled one is an estimate with an interval; otherwise it was counted.
    dimension : str or None
        Dimension of the things that each have this number.
    things : tuple of str
        Their names.
    """

    name: str
    units: str
    title: str
    exact: bool = True
    ends: bool = True
    dimension: str | None = None
    things: tuple[str, ...] = ("",)


class Column(NamedTuple):
    """Numbers of a quantity in the row of a point: where they begin, how many there are and how far apart."""

    quantity: Quantity
    block: str
    start: int
    step: int

    @property
    def stop(self) -> int:
        """End of them."""
        return self.start + self.step * len(self.quantity.things)


def columns(quantities: tuple[Quantity, ...], sampled: bool) -> list[Column]:
    """What stands where in rows: exact numbers, then value, low and high of each estimate, or a count."""
    found, place = [], 0
    for quantity in quantities:
        if quantity.exact:
            found.append(Column(quantity, "", place, 1))
            place += len(quantity.things)
    for quantity in quantities if sampled else ():
        blocks = ("value", "low", "high") if quantity.ends else ("count",)
        found += [Column(quantity, block, place + index, len(blocks)) for index, block in enumerate(blocks)]
        place += len(blocks) * len(quantity.things)
    return found


def width(quantities: tuple[Quantity, ...], sampled: bool) -> int:
    """Numbers in the row of a point."""
    each = ((1 if one.exact else 0) + (3 if one.ends else 1) * sampled for one in quantities)
    return sum(count * len(one.things) for count, one in zip(each, quantities, strict=True))


class Arguments(NamedTuple):
    """What the user said of how points are sampled, unchecked."""

    heralds: object = None
    engine: object = "auto"
    duration_s: object = None
    repetitions: object = None
    by_demand: object = False


class Effort(NamedTuple):
    """How a point of a link is sampled: heralds of it (None: not at all), engine, threads."""

    heralds: int | None
    engine: str
    threads: int = 1


class Model(Protocol):
    """Something with parameters that paths name."""

    def replace(self, changes: Mapping[str, object]) -> Model:
        """Changed copy."""


class Kind(NamedTuple):
    """How one kind of model is swept; its functions get the changed model of a point.

    Parameters
    ----------
    name : str
        Its name in manifests.
    effort : callable
        How points are sampled, from (model, arguments); refuses impossible arguments. A named tuple whose
        fields, but for `threads`, stand in manifests under their names.
    samples : callable
        Whether points are sampled with an effort.
    quantities : callable
        What a point is reduced to: (model, effort).
    check : callable
        Raises what must be refused before anything runs: (model, effort, or None if nothing is sampled).
    exact : callable or None
        Numbers of all quantities; raises `ModelError` where only sampling reaches. None where it never does.
    sampled : callable
        Numbers of all quantities, value, low and high of estimates: (model, effort, seed, observer); raises
        `ModelError` where nothing can be sampled.
    text, of_text : callable
        The model as the text of a file, and back, equal after a round trip.
    heralds : callable
        Heralds of a point as far as they are known beforehand: (effort); None if points are cheap.
    points_per_shard : int
        Points that a shard has at most.
    """

    name: str
    effort: Callable[[Any, Arguments], Any]
    samples: Callable[[Any], bool]
    quantities: Callable[[Any, Any], tuple[Quantity, ...]]
    check: Callable[[Any, Any], None]
    exact: Callable[[Any], tuple[float, ...]] | None
    sampled: Callable[[Any, Any, int, Observer | None], tuple[float, ...]]
    text: Callable[[Any], str]
    of_text: Callable[[str], Any]
    heralds: Callable[[Any], int | None]
    points_per_shard: int = 1000


def _effort_of_link(link: Link, given: Arguments) -> Effort:
    for name in ("duration_s", "repetitions"):
        if getattr(given, name) is not None:
            raise refused(name, getattr(given, name), "left out: it is for networks, links have `heralds`")
    if checks.flag("by_demand", given.by_demand):
        raise refused("by_demand", given.by_demand, "left out: a link has no demands")
    count = None if given.heralds is None else checks.count("heralds", given.heralds, least=1)
    effort = Effort(count, checks.word(given.engine))
    with suppress(ModelError):  # an engine that is not exact here may be so at the points
        _check_link(link, effort)
    return effort


def _check_link(link: Link, effort: Effort | None) -> None:
    if effort is not None:
        link.core.engine(effort.engine, False)


def _exact_link(link: Link) -> tuple[float, ...]:
    exact = link.core.exact()
    return exact["herald_probability"], exact["rate_hz"], exact["fidelity"]


def _sampled_link(link: Link, effort: Effort, seed: int, watch: Observer | None) -> tuple[float, ...]:
    run = link.sample(**effort._asdict(), seed=seed, progress=watch or False)
    return (*run.herald_probability, *run.rate_hz, *run.fidelity)


_OF_LINKS = (
    Quantity("herald_probability", "1", "herald probability per attempt"),
    Quantity("rate_hz", "1/s", "heralds per second"),
    Quantity("fidelity", "1", "fidelity to the announced Bell state"),
)

_LINK = Kind(
    name="link",
    effort=_effort_of_link,
    samples=lambda effort: effort.heralds is not None,
    quantities=lambda _link, _effort: _OF_LINKS,
    check=_check_link,
    exact=_exact_link,
    sampled=_sampled_link,
    text=lambda link: str(link.core.to_toml()),
    of_text=lambda text: Link._of(CoreLink.from_toml(text)),
    heralds=lambda effort: effort.heralds,
)


def kind_of(model: object) -> Kind:
    """How to sweep this model.

    Raises
    ------
    ParameterError
        For anything that cannot be swept.
    """
    if isinstance(model, Link):
        return _LINK
    from ionlink.network import Network  # sweeps of links do not pay for it

    if isinstance(model, Network):
        return kind_named("network")
    raise refused("link", model, "an il.Link or an il.Network")


def kind_named(name: object) -> Kind:
    """How to sweep models of the kind that a manifest names.

    Raises
    ------
    ValueError
        For an unknown name.
    """
    if name == _LINK.name:
        return _LINK
    if name == "network":
        from ionlink.sweeping.networks import NETWORK

        return NETWORK
    raise ValueError(f"its kind is {name!r}")
