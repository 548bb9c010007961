"""Links of which only total efficiencies are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ionlink._core import Link as CoreLink
from ionlink.link import Link
from ionlink.tables import tree

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ionlink.parameters import Memory, Schedule

__all__ = ["basic_link"]


def basic_link(
    *,
    efficiency: Sequence[float],
    encoding: str = "polarization",
    lifetime_s: Sequence[float] = (7.4e-9, 7.4e-9),
    delay_s: Sequence[float] = (0.0, 0.0),
    detuning_rad_per_s: Sequence[float] = (0.0, 0.0),
    mode_splitting_rad_per_s: float = 0.0,
    amplitudes: Sequence[Sequence[float]] | None = None,
    bell_phase_rad: float = 0.0,
    mode_overlap: float = 1.0,
    dephasing_per_photon_per_s: float = 0.0,
    reflectivity: float | Sequence[float] = 0.5,
    dark_count_rate_hz: float = 0.0,
    window_duration_s: float = 40e-9,
    ion_photon_fidelity: Sequence[float] = (1.0, 1.0),
    number_resolving: bool = False,
    dead_time_s: float = 0.0,
    bin_separation_s: float | None = None,
    bright_fraction: Sequence[float] | None = None,
    phase_jitter_rad: float | None = None,
    coincidence_window_s: float | None = None,
    phase_feed_forward: bool = False,
    attempt_period_s: float | None = None,
    schedule: Schedule | None = None,
    memory: Memory | None = None,
) -> Link:
    """Link of which only total efficiencies are known. Phases are raw.

    Parameters
    ----------
    efficiency : (float, float)
        Probability in [0, 1] of each node from excited ion to click, for an endless window.
    encoding : {"polarization", "time-bin", "frequency", "number", "ion-photon"}, default "polarization"
        Kind of photonic qubit. ``"ion-photon"`` uses the first node of each pair.
    lifetime_s : (float, float), default (7.4e-9, 7.4e-9)
        Lifetime of each node's excited state (s), above 0.
    delay_s : (float, float), default (0, 0)
        Residual delay of each photon (s), at least 0.
    detuning_rad_per_s : (float, float), default (0, 0)
        Angular frequency of each photon relative to the reference (rad/s).
    mode_splitting_rad_per_s : float, default 0
        Angular frequency of mode 1 above mode 0 (rad/s); 0 for time bins and number.
    amplitudes : ((float, float), (float, float)), optional
        c0 and c1 of each node, 1/sqrt 2 by default; the squares of each pair sum to 1. Left out for number.
    bell_phase_rad : float, default 0
        Phase that multiplies c1 of node B (rad).
    mode_overlap : float, default 1
        Squared overlap M in [0, 1] of the photons' modes.
    dephasing_per_photon_per_s : float, default 0
        Pure dephasing of each photon (1/s), at least 0.
    reflectivity : float or (float, float), default 0.5
        Reflectivity of the splitter in [0, 1], one or one per mode.
    dark_count_rate_hz : float, default 0
        Dark counts of each detector (1/s), at least 0.
    window_duration_s : float, default 40e-9
        Duration of the detection window (s), above 0.
    ion_photon_fidelity : (float, float), default (1, 1)
        Ion-photon fidelity of each node, in [0, 1].
    number_resolving : bool, default False
        Whether detectors tell one event from more.
    dead_time_s : float, default 0
        Time after a click in which a detector is blind (s), at least 0.
    bin_separation_s : float, optional
        Time from the early to the late bin (s), for time bins; by default `window_duration_s`.
    bright_fraction : (float, float), optional
        Bright fraction alpha of each node in [0, 1]; number encoding needs it, no other has it.
    phase_jitter_rad : float, optional
        Standard deviation of the optical phase between the arms (rad), at least 0, by default 0; number only.
    coincidence_window_s : float, optional
        Longest time between the two clicks of a herald (s), above 0; by default the window.
    phase_feed_forward : bool, default False
        Whether the phase that the click times reveal is removed.
    attempt_period_s : float, optional
        Time from one attempt to the next (s), by default 1e-6; not together with `schedule`.
    schedule : Schedule, optional
        Bursts and pauses; by default there are none.
    memory : Memory, optional
        What happens to both ions while they wait; nothing by default. There are no paths, so that
        ``wait_s="auto"`` does not wait.

    Returns
    -------
    Link
        An ordinary link; errors name parameters by their paths in it.
    """
    return Link._of(CoreLink.basic({name: tree(value) for name, value in locals().items()}))
