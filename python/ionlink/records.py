"""Read-only tables of figures with their sources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

__all__ = ["Record", "with_uncertainty"]


class Record(Mapping[str, object]):
    """A mapping that nobody can change; what it holds is a number, a text, another record or a tuple of them.

    Parameters
    ----------
    figures : mapping of str
        Names and values; tables become records and lists tuples.
    """

    __slots__ = ("_figures",)

    def __init__(self, figures: Mapping[str, object]) -> None:
        self._figures = {name: _frozen(value) for name, value in figures.items()}

    def __getitem__(self, name: str) -> object:
        return self._figures[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._figures)

    def __len__(self) -> int:
        return len(self._figures)

    def __repr__(self) -> str:
        return f"Record({self._figures})"

    def __hash__(self) -> int:
        return hash(frozenset(self._figures.items()))

    def __reduce__(self) -> tuple[type[Record], tuple[dict[str, object]]]:
        return Record, (self._figures,)


def _frozen(value: object) -> object:
    if isinstance(value, Mapping):
        return value if isinstance(value, Record) else Record(value)
    if isinstance(value, list | tuple):
        return tuple(_frozen(item) for item in value)
    return value


def with_uncertainty(value: float, uncertainty: float | None) -> str:
    """A published figure with every digit it was given and one standard deviation: ``7.855(10)e-9``."""
    exponent = Decimal(repr(value)).adjusted() if 0 < abs(value) < 1e-3 else 0
    suffix = f"e{exponent}" if exponent else ""
    number = _plain(value, exponent)
    if uncertainty is None:
        return number + suffix
    spread = _plain(uncertainty, exponent)
    digits = max(len(text.partition(".")[2]) for text in (number, spread))
    number, spread = (f"{Decimal(text):.{digits}f}" for text in (number, spread))
    # below one, only the digits that count
    spread = spread.replace("0.", "", 1).lstrip("0") if spread.startswith("0.") else spread
    return f"{number}({spread}){suffix}"


def _plain(value: float, exponent: int) -> str:
    """The digits of a float over ten to a power, without zeros that say nothing."""
    text = f"{Decimal(repr(value)).scaleb(-exponent):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
