"""The parameters of a link, field for field as the core and the link files have them.

Every class is frozen, keyword-only, hashable, picklable, and checked by the core when it is made; fields that
hold several values take any sequence and keep a tuple. What prints is what differs from the defaults.
"""

from __future__ import annotations

from ionlink.parameters.collection import Cavity, Lens, MeasuredEfficiency
from ionlink.parameters.emission import Emission, Exponential, Restart, Smeared, Tabulated, WavePacket
from ionlink.parameters.encoding import (
    ENCODINGS,
    BarrettKok,
    Encoding,
    ErasureCheck,
    Frequency,
    IonPhoton,
    Number,
    Polarization,
    TimeBin,
)
from ionlink.parameters.network import Demand, HubStation, HubSwitch, NetworkNode, Policy
from ionlink.parameters.node import Gates, LocalErrors, Memory, MotionalMode, Node
from ionlink.parameters.path import (
    ELEMENTS,
    PORT_OPTICS,
    Converter,
    Element,
    Fiber,
    Filter,
    Loss,
    PolarizationLoss,
    PortOptics,
    Rotation,
    Switch,
    WavePlate,
)
from ionlink.parameters.provenance import HeraldedState, Input, Measured, Published
from ionlink.parameters.schedule import Schedule
from ionlink.parameters.station import BackgroundProfile, DecayingBackground, Detector, Station

__all__ = [
    "ELEMENTS",
    "ENCODINGS",
    "PORT_OPTICS",
    "BackgroundProfile",
    "BarrettKok",
    "Cavity",
    "Converter",
    "DecayingBackground",
    "Demand",
    "Detector",
    "Element",
    "Emission",
    "Encoding",
    "ErasureCheck",
    "Exponential",
    "Fiber",
    "Filter",
    "Frequency",
    "Gates",
    "HeraldedState",
    "HubStation",
    "HubSwitch",
    "Input",
    "IonPhoton",
    "Lens",
    "LocalErrors",
    "Loss",
    "Measured",
    "MeasuredEfficiency",
    "Memory",
    "MotionalMode",
    "NetworkNode",
    "Node",
    "Number",
    "Polarization",
    "PolarizationLoss",
    "Policy",
    "PortOptics",
    "Published",
    "Restart",
    "Rotation",
    "Schedule",
    "Smeared",
    "Station",
    "Switch",
    "Tabulated",
    "TimeBin",
    "WavePacket",
    "WavePlate",
]
