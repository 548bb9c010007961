"""Atomic data: lines, lifetimes and branching ratios of ions, each figure with its source.

>>> import ionlink as il
>>> line = il.atoms.line("88Sr+", "422")
>>> line.lifetime_s, line.branching_ratio
(7.39e-09, 0.94498)
>>> emission = il.Emission(lifetime_s=line.lifetime_s, branching_ratio=line.branching_ratio)
"""

from __future__ import annotations

from dataclasses import dataclass

from ionlink import _core
from ionlink.checks import word
from ionlink.records import Record, with_uncertainty
from ionlink.results import table

__all__ = ["Line", "data", "ions", "line", "lines"]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Line:
    """A spectral line: one decay of an excited level; prints with its sources.

    Parameters
    ----------
    ion : str
        The ion, such as ``"88Sr+"``.
    name : str
        Vacuum wavelength rounded to a whole nanometer, such as ``"422"``.
    upper, lower : str
        Excited level and level after the decay, such as ``"P1/2"`` and ``"S1/2"``.
    wavelength_nm : float
        Vacuum wavelength (nm).
    lifetime_s : float
        Lifetime of the excited level (s), all decays together.
    branching_ratio : float
        Probability that the excited level decays on this line.
    wavelength_uncertainty_nm, lifetime_uncertainty_s, branching_ratio_uncertainty : float, optional
        One standard deviation.
    wavelength_source, lifetime_source, branching_ratio_source : str
        Where the figure stands.
    wavelength_quality, lifetime_quality, branching_ratio_quality : str
        How it was read: ``"primary"``, ``"secondary"`` (where another publication or table quotes the source)
        or ``"computed"``.
    """

    ion: str
    name: str
    upper: str
    lower: str
    wavelength_nm: float
    wavelength_uncertainty_nm: float | None = None
    wavelength_source: str
    wavelength_quality: str
    lifetime_s: float
    lifetime_uncertainty_s: float | None = None
    lifetime_source: str
    lifetime_quality: str
    branching_ratio: float
    branching_ratio_uncertainty: float | None = None
    branching_ratio_source: str
    branching_ratio_quality: str

    def __repr__(self) -> str:
        wavelength = with_uncertainty(self.wavelength_nm, self.wavelength_uncertainty_nm)
        lifetime = with_uncertainty(self.lifetime_s, self.lifetime_uncertainty_s)
        branching_ratio = with_uncertainty(self.branching_ratio, self.branching_ratio_uncertainty)
        rows = [
            ("wavelength", f"{wavelength} nm", f"{self.wavelength_source} ({self.wavelength_quality})"),
            ("lifetime", f"{lifetime} s", f"{self.lifetime_source} ({self.lifetime_quality})"),
            (
                "branching ratio",
                branching_ratio,
                f"{self.branching_ratio_source} ({self.branching_ratio_quality})",
            ),
        ]
        return f"{self.ion} {self.name}, {self.upper} to {self.lower}\n{table(rows)}"


def ions() -> tuple[str, ...]:
    """Labels of the ions, such as ``"88Sr+"``."""
    return tuple(_core.atom_ions())


def line(ion: str, line: str | float) -> Line:
    """One line of an ion, by its wavelength in nanometers or by its levels.

    Parameters
    ----------
    ion : str
        Label of the ion, such as ``"88Sr+"``.
    line : str or float
        Wavelength such as ``"422"``, which may be off by 1 nm because customs differ (369 and 370 are both
        the 369.524 nm of 171Yb+), or levels such as ``"P1/2-S1/2"``.

    Raises
    ------
    ParameterError
        For an unknown ion or line, with those that exist.
    """
    return Line(**_core.atom_line(word(ion), word(str(line))))


def lines(ion: str) -> tuple[Line, ...]:
    """All lines of an ion, level by level, the strongest first within a level.

    Raises
    ------
    ParameterError
        For an unknown ion, with those that exist.
    """
    return tuple(Line(**figures) for figures in _core.atom_lines(word(ion)))


def data(ion: str) -> Record:
    """Everything known of an ion, read-only.

    Mass, ground-state splitting, Zeeman shifts, hyperfine constants, metastable and excited levels, as far as
    a source gives them; ``source`` and ``quality`` hold for the table they stand in, ``lifetime_s_source``
    for one figure.

    Raises
    ------
    ParameterError
        For an unknown ion, with those that exist.
    """
    return Record(_core.atom_data(word(ion)))
