"""What `sweep` asks of a link, and what a model of another kind would have to bring."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ionlink import checks
from ionlink._core import Link as CoreLink
from ionlink.errors import refused
from ionlink.link import Link

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ionlink.progress import Observer
    from ionlink.results import Estimate

__all__ = ["Effort", "Kind", "Quantity", "kind_named", "kind_of"]


class Quantity(NamedTuple):
    """One exact number of each point, and its sampled twin.

    Parameters
    ----------
    name : str
        Name of the data variable; the sampled ones are ``sampled_...``, ``sampled_..._low``, ``..._high``.
    units : str
        Unit; ``"1"`` for a pure number.
    title : str
        What it is, in a few words.
    """

    name: str
    units: str
    title: str


class Effort(NamedTuple):
    """How a point is sampled: heralds of it, with which engine, on how many threads."""

    heralds: int
    engine: str
    threads: int


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
    quantities : tuple of Quantity
        What a point is reduced to.
    check : callable
        Raises what must be refused before anything runs: (model, engine or None).
    exact : callable
        Numbers of all quantities; raises `ModelError` where only sampling reaches.
    sampled : callable
        Estimates of all quantities: (model, effort, seed, observer); raises `ModelError` where nothing can
        be sampled.
    text, of_text : callable
        The model as the text of a file, and back, equal after a round trip.
    """

    name: str
    quantities: tuple[Quantity, ...]
    check: Callable[[Any, str | None], None]
    exact: Callable[[Any], tuple[float, ...]]
    sampled: Callable[[Any, Effort, int, Observer | None], tuple[Estimate, ...]]
    text: Callable[[Any], str]
    of_text: Callable[[str], Any]


def _check_link(link: Link, engine: str | None) -> None:
    if engine is not None:
        link.core.engine(checks.word(engine), False)


def _exact_link(link: Link) -> tuple[float, ...]:
    exact = link.core.exact()
    return exact["herald_probability"], exact["rate_hz"], exact["fidelity"]


def _sampled_link(link: Link, effort: Effort, seed: int, watch: Observer | None) -> tuple[Estimate, ...]:
    run = link.sample(**effort._asdict(), seed=seed, progress=watch or False)
    return run.herald_probability, run.rate_hz, run.fidelity


_LINK = Kind(
    name="link",
    quantities=(
        Quantity("herald_probability", "1", "herald probability per attempt"),
        Quantity("rate_hz", "1/s", "heralds per second"),
        Quantity("fidelity", "1", "fidelity to the announced Bell state"),
    ),
    check=_check_link,
    exact=_exact_link,
    sampled=_sampled_link,
    text=lambda link: str(link.core.to_toml()),
    of_text=lambda text: Link._of(CoreLink.from_toml(text)),
)

_KINDS: dict[type, Kind] = {Link: _LINK}


def kind_of(model: object) -> Kind:
    """How to sweep this model.

    Raises
    ------
    ParameterError
        For anything that cannot be swept.
    """
    kind = _KINDS.get(type(model))
    if kind is None:
        raise refused("link", model, "an il.Link")
    return kind


def kind_named(name: object) -> Kind:
    """How to sweep models of the kind that a manifest names.

    Raises
    ------
    ValueError
        For an unknown name.
    """
    for kind in _KINDS.values():
        if kind.name == name:
            return kind
    raise ValueError(f"its kind is {name!r}")
