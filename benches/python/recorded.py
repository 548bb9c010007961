"""Rates of other packages on the reference link, recorded once: they do not install here, or take minutes.

Medians of 5 to 7 repetitions per second of process CPU time, measured on 2026-11-22 with one short driver
for each package on an AMD EPYC (family 25 model 1), 2 cores, Linux, Python 3.11 or 3.12. Not measured in
the run of the table they stand in. Attempts behind rates of heralds are those of the reference link,
2.376e-4 heralds per attempt.
"""

from typing import NamedTuple

DATE = "2026-11-22"


class Recorded(NamedTuple):
    """One package."""

    package: str
    what: str
    """What ran, and what it leaves out that ionlink does."""
    rate: str
    slower: str = ""
    """Compared with the reference experiment, a million attempts and 236 heralds per second."""


RECORDED = (
    Recorded(
        "SeQUeNCe 1.3.1",
        "`SingleHeralded`: every attempt as events; no wave packets, no two-ion states",
        "4,250 attempts/s",
        "1/236 of real time",
    ),
    Recorded(
        "SeQUeNCe 1.3.1",
        "Barrett-Kok with ket vectors: every attempt as events; no arrival times, no overlap",
        "1,060 attempts/s",
        "1/940 of real time",
    ),
    Recorded(
        "SimQN 0.2.3",
        "a Werner pair sent or dropped per attempt; no emission, no detectors",
        "30,400 attempts/s",
    ),
    Recorded("mqns 0.1.0", "skips failures by one formula, constant state; no clicks", "2,220 heralds/s"),
    Recorded(
        "requsim 0.4", "skips failures by a user's formula, constant state; no clicks", "13,700 heralds/s"
    ),
    Recorded("stim 1.16.0", "Clifford circuit with erasure, post-selected; no times", "2,730 heralds/s"),
    Recorded("qiskit-aer 0.18.2", "density matrix, then sampled, post-selected; no times", "125 heralds/s"),
    Recorded(
        "QuTiP 5.3.1", "`mcsolve` of one ion's decay: dynamics only, two nodes derived", "450 attempts/s"
    ),
    Recorded(
        "Perceval 1.3.1",
        "patterns of two detected photons; no times, dark counts or ions",
        "1.38e7 patterns/s",
    ),
)
