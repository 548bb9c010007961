"""What docs/validation.md says about each preset, and the numbers in these texts.

Numbers in braces are computed, so that a text cannot go stale.
"""

import math
import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

import ionlink as il


class Row(NamedTuple):
    """A further comparison: of a changed link, or of a number that runs do not estimate."""

    title: str
    measured: il.Measured
    exact: float
    sampled: str = ""


class Note(NamedTuple):
    """What is special to one preset."""

    text: str
    numbers: Callable[[il.Link], dict[str, str]] = lambda _: {}
    rows: Callable[[il.Link], list[Row]] = lambda _: []
    fitted_to: str | None = None  # the result that an input was fitted to
    fitted_in_part: str | None = None  # a result that one of several inputs was fitted to
    given: str | None = None  # a result that is an input
    reasons: Mapping[str, str] = MappingProxyType({})  # why targets are missed, by the title of their row


HUCUL2015 = """
**Rate.** Fitted: no prediction. p = P² η²/2 with P the catalog's branching ratio; the total efficiency
that gives 4.5 per second depends on the attempt rate, which is not verified.

**Fidelity.** No error of the experiment was found, so nothing in the file lowers it: the difference is
all that is not known, not a disagreement.
"""

KRUTYANSKIY2019_50KM = """
**Inputs.** The split of the efficiency into emission and coupling is the paper's; only the product
enters. The shape of the photon is not published: a flat one as long as the window stands in, so that the
window keeps all of it, as the published chain does.

**Photon clicks.** An output. Heralds are all clicks, background included: {heralds} per attempt, of which
{photons} are photons. The measured 5.3e-4 counts photons, so it is compared with these: the paper's own 0.86
for background alone is what 5.3e-4 photons beside the background leave ({background_measured}); with the
background counted among them it would be {background_among}. The paper expects 6.5(1.6)e-4 from its chain,
which the chain here repeats. Measured and expected differ by {sigmas} of that uncertainty, 0.1 on each
factor of 0.5: the target is missed because the inputs are not known well enough to meet it.

**Fidelity.** An output of the measured source state (0.967) and the background. With a perfect source
the background alone leaves {background} at the chain's efficiency, and {background_measured} where the
efficiency is lowered to the measured 5.3e-4; with the measured source {fidelity} and
{fidelity_measured}. One click of the two detectors at a time gives 1 - 3/4 b/(P/2 + b) with the
background b = 6.0e-5 per window and detector. The unconverted 0.967(6) is an input.

**Without the long fiber**, with the converter and 4.0 background counts per second, the paper measured
0.92(2); further rows of the first table say what the link makes of that, and of the concurrence behind
the fiber. The paper's own models give 0.96 and 0.93 without the fiber (background only; with its other
errors) and 0.86 and 0.83 with it.

**After 20 ms of storage** the paper measured 0.77(4). The coherence time of the ion was not found, so the
row has the fidelity of an ion that keeps its state; a T2 of {storage} ms (exponential law) would explain
the difference.

**Attempts.** The published parts of a period, 50 µs of cooling, 60 µs of preparation, a pulse of 30 µs and
217 µs until the photon has come, add up to 357 µs; the file has the published 453 µs.
"""

STEPHENSON2020 = """
**Inputs.** The click efficiencies are measured per photon emitted on the collected line and contain all
losses, the detectors and the window; fiber, lens and detector efficiency are therefore not applied again.
The ion-photon fidelities are measured with each node by itself. The mode overlap is no independent
measurement: the paper attributes 0.013(5) of infidelity to mode mismatch as the remainder of its error
budget, and 0.013 = (1 - M)/2 gives M = 0.974. It is an input, or a fit, and the fidelity below predicts
only how these parts combine.

**Herald probability.** An output: {herald_probability} where 2.18e-4 was measured. The click efficiencies
are published with two digits, and their rounding covers the gap. The closed form P² η_A η_B/2, with P the
product of preparation, excitation and branching, gives {product} for 0.021 and 0.024, and {mean} for the
mean of 0.023 that the paper also quotes; over both rounding intervals it runs from {lowest} to {highest}.
Dark counts take part in {dark} of the heralds.

**Rate.** An output: the herald probability times the comb of attempts, 500 µs of attempts and 100 µs of
cooling. The comb agrees, {duty} attempts per second against a published mean of 8.33e5; the rate inherits
the difference of the herald probability. The published parts of an attempt add up to 0.98 µs; the file has
the published period of 1 µs.

**Fidelity.** An output of the measured ion-photon fidelities, the splitter, the dark counts and the mode
overlap. The published figure is the mean over four patterns of the fidelity to the closest maximally
entangled state; ours is to the announced state.

**Error budget.** `link.error_budget()` beside the budget of the paper. "Alone" is the infidelity with
every other mechanism ideal, which is how a budget is usually made; "off" is the fidelity gained by
removing this one.

{budget}

- *Ion-photon states.* Two Werner states of F = 0.979 and 0.977 give 3/4 (1 - w_A w_B) = {ion_photon}; the
  paper adds the infidelities, 0.021 + 0.023 = 0.044, without the product.
- *Mode mismatch.* (1 - M)/2, an input: the preset's M comes from the paper's number.
- *Splitter.* The mean of {psi_minus} for Ψ- and {psi_plus} for Ψ+; the paper's bound agrees within
  rounding.
- *Dark counts.* Three quarters of the share of heralds with a dark count, a quarter of which are right by
  chance. With all emissions ideal that share is {dark_alone}, in the link as it is {dark}; the paper's
  bound is the rounded number.
- *Temporal misalignment.* At most 0.0013 in the paper. It is a bound and not a measurement, so it is not
  part of the preset: with it the exact fidelity would lie up to that much lower. {offset} of delay
  between two photons would cost as much.
- *Failed emission.* Not in the paper's budget. Alone it costs nothing, since without both photons there
  is no herald. Removed, there are more true heralds beside the same dark counts, which gains {failure}.
- *Remainder.* What no single removal explains, {remainder}: errors that ruin the same herald do not add
  up. The paper's lines add up to 0.0605; as factors 1 - x they give a fidelity of 0.9407.
- *Not compared.* The ion-photon count rates, 4.0e3 and 5.7e3 per second in one detector, belong to runs
  of each node by itself, whose sequence of attempts is not given; the ion-photon fidelities are inputs
  here.
"""

KRUTYANSKIY2023_230M = """
**The window scan.** Another simulator holds a table of coincidences kept, and of visibilities, against
the coincidence window; whether they were measured or computed there is not stated. Its dark coincidences
are those of two counts at independent, uniform times within 17.5 µs, 1 - (1 - w/17.5 µs)², which fixes
the detection window. The photon is then taken to be flat, and one dephasing rate is fitted to the five
visibilities (least squares). "Here" is exact, of this link with other coincidence windows:

{scan}

- *Two photons.* At most {worst_pp} off: those of the table are a little further apart than flat ones.
- *Dark coincidences.* At most {worst_dd} off, the table's rounding.
- *Photon and dark count.* Up to {worst_pd} off, and no photon reaches the first row: a uniform count
  falls within ±w of any given time with probability 2w/17.5 µs at most, 0.343 for 3 µs where the table
  has 0.355. A photon in the middle of the window would come closer, and spoil the column of two photons.
- *Visibility.* {rms} off in the mean (root of the mean square), at most {worst_v}. Between 7 and 10 µs
  the table falls by 0.01 and then, to 15 µs, by 0.11; one rate cannot follow that, and two (with
  `mode_overlap` free) fit no better, at M = 1.

**Herald probability.** Fitted, for the window of 1 µs that is assumed to belong to the quoted fidelity. A
repeater study (Avis et al., arXiv:2207.10579) takes 0.111 per node for nodes of this kind, before the
loss of the fiber; that would give {avis}, more than ten times as much. The two sources cannot both
describe one experiment, and this file does not decide.

**Fidelity.** An output: {fidelity}. With perfect sources it would be {perfect_source}, without dark
counts {no_dark}. The visibilities may contain what the source fidelity of 0.938 counts a second time.

{budget}
"""

OREILLY2024 = """
**Rate.** Fitted: no prediction. At 1 MHz without pauses p = 2.5e-4 = P² η²/2; the duty cycle was not
found, so η is a lower bound of the efficiency that the experiment had during its bursts.

**Fidelity.** Two lines of the published error budget are inputs: polarization mixing, 0.029, as a leak of
the polarizers, and temporal mismatch with dark counts, 0.004, as mode overlap. The output, {fidelity}, is
how they combine, and meets the published bound of 0.94, which leaves up to 0.06 for all errors together;
errors of the ions' rotations and readout are not in the file.

A leak turns pairs of equal polarizations, which leave by the same port, into heralds, so it costs {psi_plus}
on Ψ+ and {psi_minus} on Ψ-. The budget that is quoted gives one number; how the experiment's errors divide is
not known.

{budget}
"""

MAIN2025 = """
**The state is an input.** Every herald leaves the ions in the published matrix, so {fidelity} is a fidelity
of that matrix and no prediction. It was transcribed from a figure with three digits; the file has its nearest
state (`il.bell.nearest_state`), whose concurrence is {concurrence}. The figure that other texts quote for the
fidelity is 0.9689(8).

**Rate.** Fitted: no prediction. Attempt period and window are those of stephenson2020. The efficiency of
{efficiency} per node contains whatever pauses the experiment had, since none is known.

**Gate and algorithm.** The paper's results are a teleported controlled-Z gate, 0.862(9), and a Grover search,
0.71(1). They need local gates, which ionlink does not have. With perfect ones a gate teleported with this
pair would have the average fidelity (4F + 1)/5 = {gate} at most.
"""

SAHA2025 = """
**Rate.** Fitted to a second-hand number with an assumed attempt period: no prediction. Only p = P² η²/2 =
{probability} matters.

**Fidelity.** Inputs missing: no error of the experiment was found, so nothing in the file lowers it, and
the difference to 0.97 is all that is not known. The paper says that recoil alone would allow more than
0.999. The check for erasures has nothing to do here: without dark counts an ion that left the qubit
emitted no photon, and then nothing heralds. With 100 dark counts per second the check finds {found} of
the heralds.
"""

ZALEWSKI2025 = """
**Rate.** Fitted to a second-hand number with an assumed attempt period: no prediction.

**Fidelity.** Inputs missing: no error of the experiment was found, and its own result is no input. The
difference is all that is not known, readout included.
"""

ZALEWSKI2025_FIBER = """
**Rate.** Fitted: the fiber's attenuation is what the ratio of both rates leaves, {loss} dB in all. An
attempt takes the laboratory's 5 µs and the light's way there and back, {period} µs in all. With equal
attempt periods the loss would be {loss_equal} dB.

**Fidelity.** Inputs missing: the laboratory's 0.949(4) is an input, and the exact result repeats it,
since loss alone costs nothing. The measured 0.929(5) is 0.020(6) lower. Background light and polarization
drift of the deployed fiber were not found. Background alone would explain it at {background} clicks per
second in each detector while its window is open.
"""

COMMERCIAL_MODULE_PAIR = """
**Nothing is published** and nothing is compared: a file to start planning from. Its budget:

{budget}

An attempt takes {period} µs, of which light and message travel for {travel} µs, and each ion waits for
{wait} µs until its module knows of the herald. Dead time and afterpulses end long before the next window,
so that exact results hold, and cost nothing; jitter moves recorded times alone. A tenth of the converters'
noise gives a fidelity of {quiet}; conversion in one step of efficiency 0.3 would give {better} heralds per
second.
"""


def stephenson2020(link: il.Link) -> dict[str, str]:
    """Numbers in the text on this preset."""
    exact = link.exact()

    def closed(first: float, second: float) -> str:
        emission = link.node_a.emission
        photon = emission.preparation_probability * emission.excitation_probability * emission.branching_ratio
        return f"{photon**2 * first * second / 2:.2e}"

    dark_free = link.replace({"station.detectors.dark_count_rate_hz": 0.0})
    budget = link.error_budget()
    published = {
        "ion_photon_fidelity": "0.044, both nodes",
        "mode_overlap": "0.013(5)",
        "splitter": "at most 0.0017",
        "dark_counts": "at most 0.0005",
        "emission_failure": "",
    }
    lines = ["| mechanism | published | alone | off |", "|---|---|---|---|"]
    lines += [
        f"| `{name}` | {value} | {budget[name].alone:.4f} | {budget[name].off:.4f} |"
        for name, value in published.items()
    ]
    lines.append("| temporal misalignment | at most 0.0013 | not in the preset | |")
    lines.append(f"| remainder | | | {budget.remainder:.4f} |")
    lines.append(f"| all | 0.060(5) measured | | {budget.infidelity:.4f} |")
    others = [row.mechanism for row in budget if row.mechanism not in published]
    if any(abs(budget[name].alone) > 1e-12 or abs(budget[name].off) > 1e-12 for name in others):
        sys.exit("a mechanism costs fidelity and is not in the table of docs/make_validation.py")
    splitter = budget["splitter"].alone_by_state
    # exp(-d/tau) = 1 - 2 * 0.0013
    offset_s = -link.node_a.emission.lifetime_s * math.log1p(-2 * 0.0013)
    return {
        "herald_probability": f"{exact.herald_probability:.3e}",
        "product": closed(0.021, 0.024),
        "mean": closed(0.023, 0.023),
        "lowest": closed(0.0205, 0.0235),
        "highest": closed(0.0215, 0.0245),
        "dark": f"{1 - dark_free.exact().herald_probability / exact.herald_probability:.2%}",
        "duty": f"{exact.rate_hz / exact.herald_probability:.2e}",
        "budget": "\n".join(lines),
        "ion_photon": f"{budget['ion_photon_fidelity'].alone:.4f}",
        "psi_minus": f"{splitter['psi-']:.2e}",
        "psi_plus": f"{splitter['psi+']:.1e}",
        "dark_alone": f"{budget['dark_counts'].alone / 0.75:.2%}",
        "offset": f"{1e12 * offset_s:.0f} ps",
        "failure": f"{budget['emission_failure'].off:.1e}",
        "remainder": f"{budget.remainder:.4f}",
    }


MEASURED_PHOTONS = 5.3e-4
EXPECTED_PHOTONS, EXPECTED_UNCERTAINTY = 6.5e-4, 1.6e-4
DARK = "station.detectors.dark_count_rate_hz"


def photon_clicks(link: il.Link) -> float:
    """Probability per attempt of a herald that a photon made."""
    photon = il.CAUSES.index("photon")
    return sum(pattern.by_cause[photon] for pattern in link.exact().patterns)


def bisection(falling: Callable[[float], float], goal: float, low: float, high: float) -> float:
    """Where a falling function has the value `goal`."""
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > goal else (low, middle)
    return low


def krutyanskiy2019_50km(link: il.Link) -> dict[str, str]:
    """Numbers in the text on this preset."""
    perfect = link.replace({"nodes.0.errors.ion_photon_fidelity": 1.0})
    chain = link.replace({DARK: 0.0}).exact().herald_probability
    efficiency = link.nodes[0].collection.efficiency
    background = link.exact().herald_probability - photon_clicks(link)

    def with_photons(probability: float) -> dict[str, float]:
        return {"nodes.0.collection.efficiency": efficiency * probability / chain}

    measured = with_photons(MEASURED_PHOTONS)
    among = with_photons(MEASURED_PHOTONS - background)
    storage = bisection(lambda rate_hz: stored(link, 1 / rate_hz).exact().fidelity, 0.77, 1e-3, 1e3)
    return {
        "heralds": f"{link.exact().herald_probability:.2e}",
        "photons": f"{photon_clicks(link):.2e}",
        "sigmas": f"{(EXPECTED_PHOTONS - MEASURED_PHOTONS) / EXPECTED_UNCERTAINTY:.2f}",
        "background": f"{perfect.exact().fidelity:.3f}",
        "background_measured": f"{perfect.replace(measured).exact().fidelity:.3f}",
        "background_among": f"{perfect.replace(among).exact().fidelity:.3f}",
        "fidelity": f"{link.exact().fidelity:.3f}",
        "fidelity_measured": f"{link.replace(measured).exact().fidelity:.3f}",
        "storage": f"{1e3 / storage:.2g}",
    }


def stored(link: il.Link, t2_s: float) -> il.Link:
    """The link with its ion read after 20 ms."""
    return link.replace({"nodes.0.memory": il.Memory(t2_s=t2_s, wait_s=20e-3)})


def krutyanskiy2019_50km_rows(link: il.Link) -> list[Row]:
    """Clicks of photons, the same photons without the long fiber, concurrence and storage behind it."""
    converter = link.paths[0][0]
    near = link.replace({"paths": ((converter,),), DARK: 4.0})
    run = link.sample(heralds=HERALDS, seed=SEED)
    photons = int((run.cause == il.CAUSES.index("photon")).sum())
    sampled = il.Measured(
        value=photons / run.attempts, uncertainty=math.sqrt(photons) / run.attempts, source="counts"
    )
    return [
        Row(
            PHOTON_CLICKS,
            il.Measured(value=MEASURED_PHOTONS, source="probability per attempt to detect the photon"),
            photon_clicks(link),
            str(sampled),
        ),
        Row(
            "fidelity, converted",
            il.Measured(value=0.92, uncertainty=0.02, source="paper; converted, without the long fiber"),
            near.exact().fidelity,
            str(near.sample(heralds=HERALDS, seed=SEED).fidelity),
        ),
        Row(
            "concurrence behind the fiber",
            il.Measured(value=0.73, uncertainty=0.05, source="paper"),
            float(il.bell.concurrence(link.exact().outcomes["phi+"].rho)),
        ),
        Row(
            STORED,
            il.Measured(value=0.77, uncertainty=0.04, source="paper"),
            stored(link, math.inf).exact().fidelity,
        ),
    ]


SCAN_S = (3e-6, 5e-6, 7e-6, 10e-6, 15e-6)
SCAN = {
    "visibility": (0.66, 0.45, 0.37, 0.36, 0.25),
    "two photons": (0.313, 0.487, 0.635, 0.811, 0.980),
    "photon and dark": (0.355, 0.546, 0.698, 0.860, 0.988),
    "two darks": (0.313, 0.490, 0.640, 0.816, 0.980),
}
"""benedikt-baier/qcns, python/components/hardware/connection.py: visibility, coincidences kept."""


def window_scan(link: il.Link) -> dict[str, list[float]]:
    """What the link makes of the table above: exact results of the parts of a coincidence."""
    window, dark = "station.coincidence_window_s", "station.detectors.dark_count_rate_hz"
    eta = [f"nodes.{node}.collection.efficiency" for node in (0, 1)]
    photons = link.replace(
        {dark: 0.0, **{f"nodes.{node}.errors.ion_photon_fidelity": 1.0 for node in (0, 1)}}
    )
    parts = {
        "two photons": photons,
        # so few dark counts that two of them are no part of it
        "photon and dark": link.replace({eta[1]: 0.0, dark: 1e-6}),
        "two darks": link.replace({eta[0]: 0.0, eta[1]: 0.0}),
    }

    def kept(part: il.Link, window_s: float) -> float:
        whole = part.replace({window: None}).exact().herald_probability
        return part.replace({window: window_s}).exact().herald_probability / whole

    found = {name: [kept(part, window_s) for window_s in SCAN_S] for name, part in parts.items()}
    coherence = [2 * photons.replace({window: window_s}).exact().fidelity - 1 for window_s in SCAN_S]
    return {"visibility": coherence, **found}


def krutyanskiy2023_230m(link: il.Link) -> dict[str, str]:
    """Numbers in the text on this preset."""
    scan = window_scan(link)
    lines = [
        f"| window (µs) | {' | '.join(f'{name} | here' for name in SCAN)} |",
        f"|---|{'---|---|' * len(SCAN)}",
    ]
    for index, window_s in enumerate(SCAN_S):
        cells = [f"{SCAN[name][index]:g} | {scan[name][index]:.3f}" for name in SCAN]
        lines.append(f"| {1e6 * window_s:g} | {' | '.join(cells)} |")
    off = {name: np.abs(np.subtract(scan[name], SCAN[name])) for name in SCAN}
    perfect = link.replace({f"nodes.{node}.errors.ion_photon_fidelity": 1.0 for node in (0, 1)})
    repeater = link.replace({f"nodes.{node}.collection.efficiency": 0.111 for node in (0, 1)})
    return {
        "scan": "\n".join(lines),
        "worst_pp": f"{off['two photons'].max():.3f}",
        "worst_pd": f"{off['photon and dark'].max():.3f}",
        "worst_dd": f"{off['two darks'].max():.4f}",
        "worst_v": f"{off['visibility'].max():.3f}",
        "rms": f"{np.sqrt((off['visibility'] ** 2).mean()):.3f}",
        "avis": f"{repeater.exact().herald_probability:.1e}",
        "fidelity": f"{link.exact().fidelity:.3f}",
        "perfect_source": f"{perfect.exact().fidelity:.3f}",
        "no_dark": f"{link.replace({'station.detectors.dark_count_rate_hz': 0.0}).exact().fidelity:.3f}",
        "budget": budget(link),
    }


def budget(link: il.Link) -> str:
    """The error budget as a table of the mechanisms that cost anything."""
    found = link.error_budget()
    lines = ["| mechanism | alone | off |", "|---|---|---|"]
    lines += [
        f"| `{row.mechanism}` | {row.alone:.4f} | {row.off:.4f} |"
        for row in found
        if abs(row.alone) > 5e-5 or abs(row.off) > 5e-5
    ]
    lines += [f"| remainder | | {found.remainder:.4f} |", f"| all | | {found.infidelity:.4f} |"]
    return "\n".join(lines)


def oreilly2024(link: il.Link) -> dict[str, str]:
    """Numbers in the text on this preset."""
    by_state = link.error_budget()["polarization_optics"].alone_by_state
    return {
        "fidelity": f"{link.exact().fidelity:.4f}",
        "psi_plus": f"{by_state['psi+']:.4f}",
        "psi_minus": f"{by_state['psi-']:.4f}",
        "budget": budget(link),
    }


def main2025(link: il.Link) -> dict[str, str]:
    """Numbers in the text on this preset."""
    exact = link.exact()
    return {
        "fidelity": f"{exact.fidelity:.4f}",
        "concurrence": f"{il.bell.concurrence(exact.outcomes['psi+'].rho):.4f}",
        "efficiency": f"{link.nodes[0].collection.efficiency:.4f}",
        "gate": f"{(4 * exact.fidelity + 1) / 5:.3f}",
    }


def saha2025(link: il.Link) -> dict[str, str]:
    """Numbers in the text on this preset."""
    noisy = link.replace({"station.detectors.dark_count_rate_hz": 100.0})
    unchecked = noisy.replace({"encoding.erasure_check": None})
    found = 1 - noisy.exact().herald_probability / unchecked.exact().herald_probability
    return {"probability": f"{link.exact().herald_probability:.2g}", "found": f"{found:.2%}"}


def zalewski2025_fiber(link: il.Link) -> dict[str, str]:
    """Numbers in the text on this preset."""
    fiber = link.paths[0][0]
    assert isinstance(fiber, il.Fiber)
    assert fiber.attenuation_db_per_km is not None
    background = bisection(lambda rate_hz: link.replace({DARK: rate_hz}).exact().fidelity, 0.929, 0.0, 1e6)
    return {
        "loss": f"{fiber.attenuation_db_per_km * fiber.length_m / 1000:.1f}",
        "loss_equal": f"{-10 * math.log10(15.9 / 350.0):.1f}",
        "period": f"{1e6 * link.attempt_period_s:.1f}",
        "background": f"{float(f'{background:.2g}'):g}",
    }


def commercial_module_pair(link: il.Link) -> dict[str, str]:
    """Numbers in the text on this preset."""
    quiet = link.replace({f"paths.{node}.1.noise_rate_hz": 20.0 for node in (0, 1)})
    step = {f"paths.{node}.0.efficiency": 0.3 for node in (0, 1)}
    better = link.replace({**step, **{f"paths.{node}.1.efficiency": 1.0 for node in (0, 1)}})
    schedule = link.schedule
    return {
        "budget": budget(link),
        "period": f"{1e6 * link.attempt_period_s:.1f}",
        "travel": f"{1e6 * (link.attempt_period_s - schedule.preparation_s - schedule.decision_s):.1f}",
        "wait": f"{1e6 * (link.sources[0].path_delay_s + link.herald_delay_s[0]):.1f}",
        "quiet": f"{quiet.exact().fidelity:.4f}",
        "better": f"{better.exact().rate_hz:.1g}",
    }


HERALDS = 300_000
SEED = 2020

PHOTON_CLICKS = "photon clicks per attempt"
STORED = "fidelity after 20 ms of storage"
NO_ERRORS = {"fidelity": "inputs missing"}

NOTES = {
    "hucul2015": Note(HUCUL2015, fitted_to="rate_hz"),
    "krutyanskiy2019_50km": Note(
        KRUTYANSKIY2019_50KM,
        krutyanskiy2019_50km,
        krutyanskiy2019_50km_rows,
        reasons={PHOTON_CLICKS: "within the inputs' uncertainty", STORED: "inputs missing"},
    ),
    "stephenson2020": Note(STEPHENSON2020, stephenson2020, fitted_in_part="fidelity"),
    "krutyanskiy2023_230m": Note(KRUTYANSKIY2023_230M, krutyanskiy2023_230m, fitted_to="herald_probability"),
    "oreilly2024": Note(OREILLY2024, oreilly2024, fitted_to="rate_hz"),
    "saha2025": Note(SAHA2025, saha2025, fitted_to="rate_hz", reasons=NO_ERRORS),
    "main2025": Note(MAIN2025, main2025, fitted_to="rate_hz", given="fidelity"),
    "zalewski2025": Note(ZALEWSKI2025, fitted_to="rate_hz", reasons=NO_ERRORS),
    "zalewski2025_fiber": Note(
        ZALEWSKI2025_FIBER, zalewski2025_fiber, fitted_to="rate_hz", reasons=NO_ERRORS
    ),
    "commercial_module_pair": Note(COMMERCIAL_MODULE_PAIR, commercial_module_pair),
}

ABSENT = {
    "Moehring et al., Nature 449, 68 (2007)": (
        "no efficiency, attempt rate, herald probability or fidelity could be read in the paper; figures "
        "that circulate for it are not corroborated"
    ),
    "Olmschenk et al., Science 323, 486 (2009)": (
        "the abstract gives the fidelity of a teleported state, 0.90(2), and the scheme; nothing that a "
        "link file needs"
    ),
    "Slodička et al., Phys. Rev. Lett. 110, 083603 (2013)": (
        "efficiency, attempt rate and the ions' motion, its dominant error, were not found"
    ),
    "IonQ, announcement of 14 April 2026": "no figure of the link was published",
}
"""Experiments without a preset, and why."""
