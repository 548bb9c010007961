"""Photon-HDF5, version 0.5: A. Ingargiola et al., Biophys. J. 110, 26 (2016), photon-hdf5.readthedocs.io."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ionlink.digests import check_checksum

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray

    from ionlink.link import Link

__all__ = ["Writer", "read"]

_CHUNK = 65_536
_VERSION = "0.5"
_URL = "http://photon-hdf5.org/"
_DESCRIPTIONS = {
    "/": "A file format for photon-counting detector based single-molecule spectroscopy experiments.",
    "acquisition_duration": "Measurement duration in seconds.",
    "description": "A user-defined comment describing the data file.",
    "photon_data": "Group containing arrays of photon-data.",
    "photon_data/timestamps": "Array of photon timestamps. Units specified in timestamps_units (defined in "
    "timestamps_specs/).",
    "photon_data/detectors": "Array of pixel IDs for each timestamp.",
    "photon_data/timestamps_specs": "Specifications for timestamps.",
    "photon_data/timestamps_specs/timestamps_unit": "Value of 1-unit timestamp-increment in seconds.",
    "photon_data/measurement_specs": "Metadata necessary for interpretation of the particular type of "
    "measurement.",
    "photon_data/measurement_specs/measurement_type": "Name of the measurement the data represents.",
    "photon_data/measurement_specs/laser_repetition_rate": "Repetition rate of the pulsed excitation laser "
    "(in Hertz).",
    "photon_data/measurement_specs/detectors_specs": "Mapping between the pixel IDs and the detection "
    "channels.",
    "photon_data/measurement_specs/detectors_specs/polarization_ch1": "Pixel IDs for the first polarization "
    "channel.",
    "photon_data/measurement_specs/detectors_specs/polarization_ch2": "Pixel IDs for the second polarization "
    "channel.",
    "photon_data/measurement_specs/detectors_specs/split_ch1": "Pixel IDs for the first channel split "
    "through a non-polarizing beam splitter.",
    "photon_data/measurement_specs/detectors_specs/split_ch2": "Pixel IDs for the second channel split "
    "through a non-polarizing beam splitter.",
    "setup": "Information about the experimental setup.",
    "setup/num_pixels": "Total number of detector pixels.",
    "setup/num_spots": 'Number of excitation (or detection) "spots" in the sample.',
    "setup/num_spectral_ch": "Number of distinct spectral bands which are acquired.",
    "setup/num_polarization_ch": "Number of distinct polarization states which are acquired.",
    "setup/num_split_ch": "Number of distinct detection channels detecting the same spectral band and "
    "polarization. This value is > 1 when using a non-polarizing beam splitter.",
    "setup/modulated_excitation": "True (i.e. 1) if there is any form of excitation modulation of excitation "
    "wavelength (as in us-ALEX or PAX) or polarization. This field is also True for pulse-interleaved "
    "excitation (PIE) or ns-ALEX measurements.",
    "setup/excitation_alternated": "New in version 0.5. Indicates whether each excitation source is "
    "alternated (True, or 1) or not alternated (False, or 0).",
    "setup/excitation_cw": "For each excitation source, this field indicates whether excitation is "
    "continuous wave (CW), True (i.e. 1), or pulsed, False (i.e. 0).",
    "setup/lifetime": "True (i.e. 1) if the measurement includes a nanotimes array of photon arrival times "
    "with respect to a laser pulse (as in TCSPC measurements).",
    "setup/laser_repetition_rates": "Repetition rates in Hz for each laser. CW lasers have a value of 0.",
    "setup/detectors": "Metadata relative to each detector's pixel. Each field is an array with size equal "
    "to the number of the detectors.",
    "setup/detectors/id": "Detector IDs as they appear on /photon_data/detectors.",
    "setup/detectors/id_hardware": "Original IDs assigned by the acquisition hardware to each detector.",
    "setup/detectors/label": "Labels (strings) describing each detector.",
    "setup/detectors/counts": "Total number of counts detected by each detector.",
    "identity": "Information about the Photon-HDF5 data file.",
    "identity/filename": "Original file name of the current Photon-HDF5 file (i.e. file name at creation "
    "time).",
    "identity/creation_time": "Creation time of the current Photon-HDF5 file.",
    "identity/software": "Name of the software used to create the current Photon-HDF5 file.",
    "identity/software_version": "Version of the software used to create current the Photon-HDF5 file.",
    "identity/format_name": "Name of the file format.",
    "identity/format_version": "Version for the Photon-HDF5 format.",
    "identity/format_url": "Official URL for the Photon-HDF5 format.",
    "provenance": "Information about the original data file.",
    "provenance/software": "Software used to save the original data file.",
    "provenance/software_version": "Version of the software used to save the original data file.",
    "user": "A custom group.",
    "user/ionlink": "What only the simulation knows, and what repeats it.",
    "user/ionlink/attempt": "Number of the attempt of each timestamp.",
    "user/ionlink/attempt_start_ps": "Sync marker of each timestamp: when its attempt started. "
    "Units specified in timestamps_units.",
    "user/ionlink/kind": "What made each click, index into the kinds of the provenance.",
    "user/ionlink/link": "The link file (TOML).",
    "user/ionlink/provenance": "Seed, versions, attempts, names of channels and kinds (JSON).",
}
"""What each field is, which the format wants to be said in these words."""


class Writer:
    """A file that grows part by part."""

    def __init__(
        self,
        h5py: Any,
        unfinished: Path,
        path: Path,
        link: Link,
        provenance: dict[str, Any],
        duration_s: float,
    ) -> None:
        self._file = h5py.File(unfinished, "w")
        root = {"format_name": "Photon-HDF5", "format_version": _VERSION, "format_url": _URL}
        for name, value in root.items():
            self._file.attrs[name] = np.bytes_(value)
        self._file.attrs["TITLE"] = np.bytes_(_DESCRIPTIONS["/"])
        rest = {name: value for name, value in provenance.items() if name not in ("link", "created")}
        software = {"software": "ionlink", "software_version": provenance["version"]}
        fields: dict[str, Any] = {
            "acquisition_duration": duration_s,
            "description": f"Simulated clicks of {link}",
            "photon_data/timestamps_specs/timestamps_unit": 1e-12,
            "photon_data/measurement_specs/measurement_type": "generic",
            "photon_data/measurement_specs/laser_repetition_rate": 1 / link.ion_spacing_s,
            **_detectors(link),
            "setup/modulated_excitation": 0,
            "setup/excitation_alternated": np.array([0], np.uint8),
            "setup/excitation_cw": np.array([0], np.uint8),
            "setup/lifetime": 0,
            "setup/laser_repetition_rates": np.array([1 / link.ion_spacing_s]),
            "identity/filename": path.name,
            "identity/creation_time": provenance["created"],
            **{f"identity/{name}": value for name, value in (software | root).items()},
            **{f"provenance/{name}": value for name, value in software.items()},
            "user/ionlink/link": provenance["link"],
            "user/ionlink/provenance": json.dumps(rest),
        }
        for name, value in fields.items():
            self._add(name, data=np.bytes_(value.encode()) if isinstance(value, str) else value)
        growing = {
            "photon_data/timestamps": np.int64,
            "photon_data/detectors": np.uint8,
            "user/ionlink/attempt": np.uint64,
            "user/ionlink/kind": np.uint8,
            "user/ionlink/attempt_start_ps": np.int64,
        }
        self._columns = [
            self._add(name, shape=(0,), maxshape=(None,), chunks=(_CHUNK,), dtype=dtype, compression="gzip")
            for name, dtype in growing.items()
        ]
        self._counts = np.zeros(len(link.core.channels), np.int64)

    def _add(self, name: str, **content: Any) -> Any:
        group, _, field = name.rpartition("/")
        parts = group.split("/") if group else []
        for depth in range(1, len(parts) + 1):
            path = "/".join(parts[:depth])
            self._file.require_group(path).attrs["TITLE"] = np.bytes_(_DESCRIPTIONS[path])
        where = self._file[group] if group else self._file
        data = where.create_dataset(field, **content)
        data.attrs["TITLE"] = np.bytes_(_DESCRIPTIONS[name])
        if data.shape == ():
            # so that PyTables, which the format's readers use, gives texts and numbers rather than arrays
            for attribute, value in (("CLASS", "ARRAY"), ("FLAVOR", "python"), ("VERSION", "2.4")):
                data.attrs[attribute] = np.bytes_(value)
        return data

    def append(self, columns: tuple[NDArray[Any], ...]) -> None:
        """Add tags at the end."""
        for data, column in zip(self._columns, columns, strict=True):
            before = data.shape[0]
            data.resize((before + len(column),))
            data[before:] = column
        self._counts += np.bincount(columns[1], minlength=len(self._counts))

    def close(self) -> None:
        """Write what is known at the end only."""
        self._add("setup/detectors/counts", data=self._counts)
        self._file.close()


def _detectors(link: Link) -> dict[str, Any]:
    """Fields that say what the detectors are: two modes behind each exit of the splitter, or one."""
    channels = link.core.channels
    number = np.arange(len(channels), dtype=np.uint8)
    tells_polarization = len(channels) == 4 or len(link.nodes) == 1
    splits = len(link.nodes) == 2
    fields: dict[str, Any] = {
        "setup/num_pixels": len(channels),
        "setup/num_spots": 1,
        "setup/num_spectral_ch": 1,
        "setup/num_polarization_ch": 2 if tells_polarization else 1,
        "setup/num_split_ch": 2 if splits else 1,
        "setup/detectors/id": number,
        "setup/detectors/id_hardware": number,
        "setup/detectors/label": np.array([name.encode() for name in channels]),
    }
    specs = "photon_data/measurement_specs/detectors_specs"
    for which in (0, 1):
        if tells_polarization:
            fields[f"{specs}/polarization_ch{which + 1}"] = number[number % 2 == which]
        if splits:
            port = number // 2 if tells_polarization else number
            fields[f"{specs}/split_ch{which + 1}"] = number[port == which]
    return fields


def read(h5py: Any, path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Provenance and columns of a file that ionlink wrote."""
    # first: damaged files can send the library of HDF5 round in circles
    check_checksum(Path(path))
    with h5py.File(path, "r") as file:
        own = file["user/ionlink"]
        provenance = json.loads(own["provenance"][()])
        provenance["link"] = own["link"][()].decode()
        unit_s = float(file["photon_data/timestamps_specs/timestamps_unit"][()])
        if unit_s != 1e-12:
            raise ValueError(f"its times are in units of {unit_s} s")
        return provenance, {
            "time_ps": file["photon_data/timestamps"][()],
            "channel": file["photon_data/detectors"][()],
            "attempt": own["attempt"][()],
            "kind": own["kind"][()],
        }
