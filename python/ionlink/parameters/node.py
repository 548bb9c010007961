"""A node: its ion, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, ClassVar

from ionlink.parameters.collection import Cavity, Lens, MeasuredEfficiency
from ionlink.parameters.emission import Emission
from ionlink.tables import Parameters, parts_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Gates", "LocalErrors", "Memory", "MotionalMode", "Node"]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class LocalErrors(Parameters):
    """Local errors of one ion, applied to every herald in the order of the fields.

    Parameters
    ----------
    ion_photon_fidelity : float, default 1
        Measured fidelity F in [0, 1] of the ion-photon state, as depolarization of weight (4F - 1)/3.
    rotation_rad : (float, float, float), default (0, 0, 0)
        Rotation vector of the qubit about x, y, z (rad), finite.
    depolarizing_probability : float, default 0
        Probability in [0, 1] that the qubit's state is replaced by I/2.
    dephasing_probability : float, default 0
        Probability in [0, 1] of a phase flip.
    readout_error : float or (float, float), default 0
        Probability in [0, 1] that the readout shows the wrong outcome, one for both states or one for |0> and
        one for |1>; enters measurements, not states. X and Y are turned to Z first: +1 is read as |0>.
    """

    _kind: ClassVar[str] = "local_errors"

    ion_photon_fidelity: float = 1.0
    rotation_rad: Sequence[float] = (0.0, 0.0, 0.0)
    depolarizing_probability: float = 0.0
    dephasing_probability: float = 0.0
    readout_error: float | Sequence[float] = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class Memory(Parameters):
    """Storage of one ion's qubit: what a wait does to it, after its local errors and in this order.

    Damping by `t1_s`, pure dephasing by `t2_s`, the turn by `frequency_offset_rad_per_s`, the errors of
    decoupling pulses, the loss of the ion. Decoupling is an effective law: N pulses multiply `t2_s` by
    N**`decoupling_exponent` (de Lange et al., Science 330, 60 (2010)) and change nothing else.

    Parameters
    ----------
    t1_s : float, default inf
        1/e time of |1>, which decays to |0> (s), above 0; coherence keeps exp(-t/(2 t1_s)) of it.
    t2_s : float, default inf
        1/e time of the coherence by pure dephasing alone (s), above 0.
    decay : {"exponential", "gaussian"}, default "exponential"
        Pure dephasing keeps exp(-t/t2_s) or exp(-(t/t2_s)**2).
    loss_rate_hz : float, default 0
        Rate at which the ion is lost (1/s), from 0 to 1e18: it enters the state as I/2 and counts as leakage.
    frequency_offset_rad_per_s : float, default 0
        Angular frequency by which the stored qubit misses its frame (rad/s), at most 1e18 either way; the
        phase of |1> grows by it times the wait, and no calibration removes it.
    wait_s : float or "auto", default "auto"
        Time from emission to use (s), from 0 to 1e9; ``"auto"``: until the node knows of the herald, which is
        the delay of its path, `Schedule.decision_s` and the way back.
    decoupling_pulses : int, default 0
        Pulses of dynamical decoupling during the wait, from 0 to 2**53.
    decoupling_exponent : float, default 2/3
        Power of the number of pulses that multiplies `t2_s`, in [0, 2].
    decoupling_pulse_error : float, default 0
        Probability in [0, 1] that a pulse replaces the qubit's state by I/2.
    """

    _kind: ClassVar[str] = "memory"

    t1_s: float = inf
    t2_s: float = inf
    decay: str = "exponential"
    loss_rate_hz: float = 0.0
    frequency_offset_rad_per_s: float = 0.0
    wait_s: float | str = "auto"
    decoupling_pulses: int = 0
    decoupling_exponent: float = 2 / 3
    decoupling_pulse_error: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class MotionalMode(Parameters):
    """A motional mode of an ion along the kick that its photon gives it.

    Kicks at different times leave the mode in different states, which tell when, and so which, ion emitted.

    Parameters
    ----------
    lamb_dicke : float
        Lamb-Dicke parameter along this mode, from 0 to 10: of the difference of absorbed and emitted wave
        vector where the ions are excited at different times, of the emitted one where they are excited
        together.
    frequency_rad_per_s : float
        Angular frequency of the mode (rad/s), above 0 and at most 1e18.
    mean_phonons : float, default 0
        Mean number of phonons in the first attempt of a burst, from 0 to 1e9.
    phonons_per_attempt : float, default 0
        Phonons that every attempt of a burst adds, from 0 to 1e9; 0 without `Schedule.attempts_per_burst`.
    """

    _kind: ClassVar[str] = "motional_mode"

    lamb_dicke: float
    frequency_rad_per_s: float
    mean_phonons: float = 0.0
    phonons_per_attempt: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class Gates(Parameters):
    """Operations of a node on stored qubits: what they take and cost.

    Networks use them; a link alone does nothing after its herald, and none of its numbers depends on them.
    A gate of average fidelity F is perfect and then replaces its qubits by the fully mixed state with
    probability 1 - w, w = 2F - 1 for one qubit and (4F - 1)/3 for two.

    Parameters
    ----------
    one_qubit_fidelity : float, default 1
        Average fidelity in [0.5, 1] of a one-qubit gate, such as the correction after a Bell measurement.
    two_qubit_fidelity : float, default 1
        Average fidelity in [0.25, 1] of a two-qubit gate.
    duration_s : float, default 0
        Duration of a two-qubit gate and the readout after it (s), from 0 to 1e3.
    readout_error : float, default 0
        Probability in [0, 0.5] that a readout after a gate shows the wrong result, the same for |0> and |1>;
        `LocalErrors.readout_error` is that of `Run.measure`.
    transfer_fidelity : float, default 1
        Average fidelity in [0.5, 1] of moving a qubit from a communication to a memory ion.
    transfer_duration_s : float, default 0
        Duration of such a move (s), from 0 to 1e3.
    """

    _kind: ClassVar[str] = "gates"

    one_qubit_fidelity: float = 1.0
    two_qubit_fidelity: float = 1.0
    duration_s: float = 0.0
    readout_error: float = 0.0
    transfer_fidelity: float = 1.0
    transfer_duration_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class Node(Parameters):
    """A node: an ion, and what happens to its photon and to itself.

    Parameters
    ----------
    name : str
        Name of the node, not empty. May be given without ``name=``.
    emission : Emission
        What the ion emits.
    collection : Lens, Cavity or MeasuredEfficiency
        How the photon gets to the path.
    errors : LocalErrors, optional
        Local errors of the ion; none by default.
    memory : Memory, optional
        What happens to the ion while it waits; nothing by default.
    motion : sequence of MotionalMode, default ()
        Motional modes that the photon's recoil excites; without any the ion does not recoil. Not for
        `IonPhoton`, where recoil has no effect.
    gates : Gates, optional
        Operations on stored qubits, for networks; perfect and instantaneous by default. A link alone does not
        use them.
    """

    _kind: ClassVar[str] = "node"

    name: str = field(kw_only=False)
    emission: Emission = field(metadata=parts_of(Emission))
    collection: Lens | Cavity | MeasuredEfficiency = field(
        metadata=parts_of(Lens, Cavity, MeasuredEfficiency)
    )
    errors: LocalErrors = field(default=LocalErrors(), metadata=parts_of(LocalErrors))
    memory: Memory | None = field(default=None, metadata=parts_of(Memory))
    motion: Sequence[MotionalMode] = field(default=(), metadata=parts_of(MotionalMode))
    gates: Gates | None = field(default=None, metadata=parts_of(Gates))
