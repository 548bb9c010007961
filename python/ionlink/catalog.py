"""Published figures of fibers, frequency converters and detectors, each with its source.

The records show what a source gives. Where that is only a bound or a range, its worst end goes into a link:
the highest attenuation, the lowest efficiency, the highest rate of dark counts.

>>> import ionlink as il
>>> il.catalog.fiber("G.652.D", 1550, length_m=10e3)
Fiber(length_m=10000.0, attenuation_db_per_km=0.2, group_index=1.467)
"""

from __future__ import annotations

from typing import cast

from ionlink import _core
from ionlink.checks import word
from ionlink.errors import ParameterError, refused
from ionlink.parameters import Detector, Fiber
from ionlink.records import Record

__all__ = ["converters", "detector", "detectors", "fiber", "fibers"]


def fibers() -> tuple[Record, ...]:
    """Fibers, one record for each fiber and wavelength."""
    return _records("fiber")


def converters() -> tuple[Record, ...]:
    """Frequency converters, one record for each."""
    return _records("converter")


def detectors() -> tuple[Record, ...]:
    """Detectors, one record for each."""
    return _records("detector")


def fiber(name: str, wavelength_nm: float, *, length_m: float, group_index: float | None = None) -> Fiber:
    """Fiber of a link with the attenuation, and where it is known the group index, that a source gives.

    Parameters
    ----------
    name : str
        Name in the catalog; upper and lower case do not matter.
    wavelength_nm : float
        Vacuum wavelength (nm), within 10 nm of an entry; the nearest counts.
    length_m : float
        Length (m), at least 0.
    group_index : float, optional
        Group index, above 0; needed where the catalog has none, and used instead of the catalog's otherwise.

    Raises
    ------
    ParameterError
        For an unknown fiber, a wavelength without figures, or a group index that is missing.
    """
    if isinstance(wavelength_nm, bool | str | bytes):
        raise refused("wavelength_nm", wavelength_nm, "finite and above 0", "nm")
    try:
        wavelength_nm = float(wavelength_nm)
    except (TypeError, ValueError, OverflowError):
        raise refused("wavelength_nm", wavelength_nm, "finite and above 0", "nm") from None
    figures = _core.catalog_fiber(word(name), wavelength_nm)
    if group_index is None:
        group_index = figures.get("group_index")
    if group_index is None:
        message = f"`group_index` must be given: no source gives that of {name!r} at {wavelength_nm:g} nm"
        raise ParameterError(message, path="group_index", domain="given")
    return Fiber(
        length_m=length_m, attenuation_db_per_km=figures["attenuation_db_per_km"], group_index=group_index
    )


def detector(label: str) -> Detector:
    """Detector of a link with the efficiency, the dark counts and the dead time that a source gives.

    Without a published dead time it has none, and it does not resolve numbers: the defaults of `Detector`.
    The figures hold at the wavelength of the detector's record.

    Parameters
    ----------
    label : str
        Label in the catalog; upper and lower case do not matter.

    Raises
    ------
    ParameterError
        For an unknown detector, or one whose source gives no efficiency or no dark counts; says which.
    """
    figures = _core.catalog_detector(word(label))
    return Detector(
        efficiency=figures["efficiency"],
        dark_count_rate_hz=figures["dark_count_rate_hz"],
        dead_time_s=figures.get("dead_time_s", 0.0),
    )


def _records(kind: str) -> tuple[Record, ...]:
    return cast("tuple[Record, ...]", Record(_core.catalog_table())[kind])
