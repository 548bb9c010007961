"""Monte-Carlo simulation of photonic links between trapped-ion quantum computers.

>>> import ionlink as il
>>> link = il.presets.load("stephenson2020")
>>> print(f"{link.exact().rate_hz:.0f} heralds per second")
175 heralds per second
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ionlink._core import BELL_STATES, CAUSES, STREAM_VERSION, __version__
from ionlink.errors import IonlinkError, MissingPackageError, ModelError, ParameterError, SizeError

if TYPE_CHECKING:
    from ionlink import apps, atoms, bell, catalog, cli, handshakes, plot, presets
    from ionlink.basic import basic_link
    from ionlink.joining import merge
    from ionlink.link import Link, Source
    from ionlink.network import Network
    from ionlink.network_rules import Candidate, CandidateRoute, Rules, WaitingPair
    from ionlink.network_run import Deliveries, NetworkRun, Utilization
    from ionlink.network_trace import Event, Trace
    from ionlink.parameters import (
        BackgroundProfile,
        BarrettKok,
        Cavity,
        Converter,
        DecayingBackground,
        Demand,
        Detector,
        Emission,
        ErasureCheck,
        Exponential,
        Fiber,
        Filter,
        Frequency,
        Gates,
        HeraldedState,
        HubStation,
        HubSwitch,
        Input,
        IonPhoton,
        Lens,
        LocalErrors,
        Loss,
        Measured,
        MeasuredEfficiency,
        Memory,
        MotionalMode,
        NetworkNode,
        Node,
        Number,
        Polarization,
        PolarizationLoss,
        Policy,
        Published,
        Restart,
        Rotation,
        Schedule,
        Smeared,
        Station,
        Switch,
        Tabulated,
        TimeBin,
        WavePlate,
    )
    from ionlink.results import Contribution, ErrorBudget, Estimate, Exact, Outcome, PatternOutcome
    from ionlink.runs import Coincidences, RelativePrecision, Run
    from ionlink.sampler import Herald, Sampler
    from ionlink.storage import load_run
    from ionlink.sweeping import load_sweep, point_seed, sample_split, save_sweep, sweep
    from ionlink.timetags import ClickStream, load_click_stream, save_click_stream

__all__ = [
    "BELL_STATES",
    "CAUSES",
    "STREAM_VERSION",
    "BackgroundProfile",
    "BarrettKok",
    "Candidate",
    "CandidateRoute",
    "Cavity",
    "ClickStream",
    "Coincidences",
    "Contribution",
    "Converter",
    "DecayingBackground",
    "Deliveries",
    "Demand",
    "Detector",
    "Emission",
    "ErasureCheck",
    "ErrorBudget",
    "Estimate",
    "Event",
    "Exact",
    "Exponential",
    "Fiber",
    "Filter",
    "Frequency",
    "Gates",
    "Herald",
    "HeraldedState",
    "HubStation",
    "HubSwitch",
    "Input",
    "IonPhoton",
    "IonlinkError",
    "Lens",
    "Link",
    "LocalErrors",
    "Loss",
    "Measured",
    "MeasuredEfficiency",
    "Memory",
    "MissingPackageError",
    "ModelError",
    "MotionalMode",
    "Network",
    "NetworkNode",
    "NetworkRun",
    "Node",
    "Number",
    "Outcome",
    "ParameterError",
    "PatternOutcome",
    "Polarization",
    "PolarizationLoss",
    "Policy",
    "Published",
    "RelativePrecision",
    "Restart",
    "Rotation",
    "Rules",
    "Run",
    "Sampler",
    "Schedule",
    "SizeError",
    "Smeared",
    "Source",
    "Station",
    "Switch",
    "Tabulated",
    "TimeBin",
    "Trace",
    "Utilization",
    "WaitingPair",
    "WavePlate",
    "__version__",
    "apps",
    "atoms",
    "basic_link",
    "bell",
    "catalog",
    "cli",
    "handshakes",
    "load_click_stream",
    "load_run",
    "load_sweep",
    "merge",
    "plot",
    "point_seed",
    "presets",
    "sample_split",
    "save_click_stream",
    "save_sweep",
    "sweep",
]

# a program pays for what it uses only: making all classes would take longer than loading the core
_MODULES = ("apps", "atoms", "bell", "catalog", "cli", "handshakes", "plot", "presets")
_HOMES = (
    "link",
    "basic",
    "parameters",
    "results",
    "runs",
    "sampler",
    "joining",
    "storage",
    "sweeping",
    "network",
    "network_run",
    "network_trace",
    "network_rules",
    "timetags",
)


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"ionlink.{name}")
    if name in __all__:
        for home in _HOMES:
            module = importlib.import_module(f"ionlink.{home}")
            if name in module.__all__:
                globals()[name] = found = getattr(module, name)
                return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
