"""Monte-Carlo simulation of photonic links between trapped-ion quantum computers.

>>> import ionlink as il
>>> link = il.presets.load("stephenson2020")
>>> print(f"{link.exact().rate_hz:.0f} heralds per second")
175 heralds per second
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ionlink import atoms, catalog, presets
from ionlink._core import BELL_STATES, CAUSES, STREAM_VERSION, __version__
from ionlink.errors import IonlinkError, MissingPackageError, ModelError, ParameterError, SizeError
from ionlink.joining import merge
from ionlink.link import Link, basic_link
from ionlink.parameters import (
    Detector,
    Emission,
    Fiber,
    Lens,
    LocalErrors,
    Loss,
    Measured,
    MeasuredEfficiency,
    Node,
    Polarization,
    Published,
    Schedule,
    Station,
)
from ionlink.results import Contribution, ErrorBudget, Estimate, Exact, Outcome, PatternOutcome
from ionlink.runs import Coincidences, RelativePrecision, Run
from ionlink.sampler import Herald, Sampler

if TYPE_CHECKING:
    from ionlink import cli, plot
    from ionlink.storage import load_run

__all__ = [
    "BELL_STATES",
    "CAUSES",
    "STREAM_VERSION",
    "Coincidences",
    "Contribution",
    "Detector",
    "Emission",
    "ErrorBudget",
    "Estimate",
    "Exact",
    "Fiber",
    "Herald",
    "IonlinkError",
    "Lens",
    "Link",
    "LocalErrors",
    "Loss",
    "Measured",
    "MeasuredEfficiency",
    "MissingPackageError",
    "ModelError",
    "Node",
    "Outcome",
    "ParameterError",
    "PatternOutcome",
    "Polarization",
    "Published",
    "RelativePrecision",
    "Run",
    "Sampler",
    "Schedule",
    "SizeError",
    "Station",
    "__version__",
    "atoms",
    "basic_link",
    "catalog",
    "cli",
    "load_run",
    "merge",
    "plot",
    "presets",
]

_LAZY = {"cli": "cli", "plot": "plot", "load_run": "storage"}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"ionlink.{_LAZY[name]}")
    return getattr(module, name, module)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
