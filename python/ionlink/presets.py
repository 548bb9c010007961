"""Shipped link files, one per published experiment."""

from __future__ import annotations

from ionlink import _core
from ionlink.link import Link

__all__ = ["load", "names", "text"]


def names() -> tuple[str, ...]:
    """Names of the shipped link files."""
    return tuple(_core.preset_names())


def text(name: str) -> str:
    """Text of a shipped link file, with the source of each number.

    Raises
    ------
    ParameterError
        For an unknown name, with the names that exist.
    """
    return _core.preset_text(name)


def load(name: str) -> Link:
    """Link of a shipped file.

    Raises
    ------
    ParameterError
        For an unknown name, with the names that exist.
    """
    return Link._of(_core.Link.from_toml(text(name)))
