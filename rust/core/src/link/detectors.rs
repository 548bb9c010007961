//! What the detectors of an attempt report, and what they remember of attempts before.
//!
//! A click leaves its detector blind for a while and may be followed by an afterpulse; both can reach into the next bin or
//! the next attempts. A detector that is not gated also counts between its windows, which may leave it blind when one opens.
//! Bins share the detector of their port: times of a detector run on through the bins, t = 0 being the arrival of an
//! undelayed photon of mode 0.

mod clicks;

pub(super) use clicks::{Arrived, Clicks, Listener, Photons, What};

use super::Link;
use crate::detection::{Background, Slot};
use crate::emission::WavePacket;
use crate::encoding::SLOTS;
use crate::error::{Error, Result};
use crate::math;
use crate::stream::{BlockKey, Key, Xoshiro};
use clicks::Event;

/// Enter the seeds of what is drawn in an attempt that others depend on, and of what each detector counts in pauses, beside
/// the engines'.
pub(super) const OWN: u64 = 32;
const PAUSE: u64 = 40;

/// How far the detectors of a link remember.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, not the states of one machine")]
pub(crate) struct Recall {
    /// Whether a window may feel the attempts before it.
    pub(super) carries: bool,
    /// Whether events must be taken in the order of time: windows of one attempt, at least, feel each other.
    pub(super) orders: bool,
    /// Whether events outside the windows matter.
    pub(super) looks_back: bool,
    /// Mean number of counts without photons of each detector outside its windows, per attempt, where they matter.
    pub(super) outside_mean: [f64; SLOTS],
    /// An attempt of the detectors begins with this time (s): with its first light, where what comes before the window matters.
    pub(super) cell_start_s: f64,
    /// Whether some clicks are afterpulses.
    pub(super) afterpulses: bool,
    /// Whether attempts that cannot herald may wait until one comes that can.
    pub(super) waits: bool,
    /// Nothing is felt this long after the last event (s).
    horizon_s: f64,
    /// Nothing is felt so many attempts after the last event.
    attempts_felt: u64,
    /// Why exact results are beyond reach, if they are.
    pub(super) refusal: Option<Error>,
}

impl Recall {
    pub(super) fn of(link: &Link) -> Self {
        // differences of rounded sums may lie below zero
        let between_s = (link.schedule.attempt_period_s() - link.occupied_s()).max(0.0);
        let bins = link.bin_separation_s > 0.0;
        let bin_gap_s =
            if bins { (link.bin_separation_s - link.window.duration_s()).max(0.0) } else { f64::INFINITY };
        let gap_s = between_s.min(bin_gap_s);
        let mut recall = Self { cell_start_s: link.window.start_s, ..Self::default() };
        for (index, slot) in link.slots.iter().enumerate() {
            let refuse = |field: &str, reason: String| {
                let next = "sample with the `click` or `photon` engine instead";
                Some(Error::Model {
                    parameter: format!("station.detectors.{field}"),
                    message: format!("{reason}; {next}"),
                })
            };
            let blind = |field, longest_s: f64| {
                let what = if field == "dead_time_s" { "a dead time" } else { "a recovery" };
                let who = if gap_s < between_s { "bins" } else { "attempts" };
                refuse(
                    field,
                    format!(
                        "{what} of {longest_s} s outlasts the gap of {gap_s} s between two windows, so {who} are not \
                         independent"
                    ),
                )
            };
            let Slot { dead_time_s, recovery_time_s, longest_blind_s, longest_chain_s, .. } = *slot;
            let mut refusal = None;
            if dead_time_s > between_s || (dead_time_s > bin_gap_s && dead_time_s < link.window.duration_s())
            {
                // in the latter case a second click of the early window moves the opening of the late one
                refusal = blind("dead_time_s", dead_time_s);
            } else if longest_blind_s > gap_s && recovery_time_s > 0.0 {
                refusal = blind("recovery_time_s", longest_blind_s);
            }
            recall.carries |= longest_blind_s > between_s;
            recall.orders |= longest_blind_s > gap_s;
            // a number-resolving slot counts those of its own window, too
            if longest_chain_s > gap_s || (longest_chain_s > 0.0 && slot.number_resolving) {
                recall.carries = true;
                recall.afterpulses = true;
                refusal = refusal
                    .or_else(|| refuse("afterpulse_probability", "afterpulses fall into windows".into()));
            }
            let outside = slot.dark_count_rate_hz > 0.0
                || slot.background_outside_mean > 0.0
                || link.light_outside(bins) > NEXT_WINDOW;
            if !slot.gated && outside && longest_blind_s + longest_chain_s > 0.0 {
                recall.carries = true;
                recall.looks_back = true;
                recall.afterpulses |= longest_chain_s > 0.0;
                if link.detector_of(index) == index {
                    let windows = 1.0 + f64::from(u8::from(bins));
                    let closed_s = link.schedule.attempt_period_s() - windows * link.window.duration_s();
                    recall.outside_mean[index] =
                        slot.dark_count_rate_hz * closed_s.max(0.0) + windows * slot.background_outside_mean;
                }
                refusal = refusal.or_else(|| {
                    refuse("gated", "events outside the windows leave the detector blind within".into())
                });
            }
            recall.horizon_s = recall.horizon_s.max(longest_blind_s + longest_chain_s);
            recall.refusal = recall.refusal.or(refusal);
        }
        recall.orders |= recall.carries;
        let felt_s = recall.horizon_s + link.occupied_s();
        recall.attempts_felt = (felt_s / link.schedule.attempt_period_s()) as u64 + 2;
        recall.waits = recall.carries && !recall.looks_back && !recall.afterpulses;
        if recall.looks_back {
            // light before the window belongs to its own attempt, as far as there is room for it
            let photons = link.branches.iter().flatten().filter_map(|branch| branch.photon.as_ref());
            let light = photons.map(|photon| photon.packet.from_s());
            let light = light.chain(link.backgrounds.iter().flatten().map(Background::earliest_s));
            let lead_s = link.window.start_s - light.fold(link.window.start_s, f64::min);
            recall.cell_start_s -= lead_s.min(0.5 * between_s);
        }
        recall
    }
}

impl Link {
    /// Refuses what the simulation of detectors that remember, or of background, does not reach.
    ///
    /// # Errors
    /// [`Error::Model`] naming the field of the detectors.
    pub(super) fn check_detectors(&self) -> Result<()> {
        let refused = |field: &str, message: String| {
            Err(Error::Model { parameter: format!("station.detectors.{field}"), message })
        };
        let period_s = self.schedule.attempt_period_s();
        let reach_s =
            if self.bin_separation_s > 0.0 { period_s.min(self.bin_separation_s) } else { period_s };
        for ((slot, background), outside) in
            self.slots.iter().zip(&self.backgrounds).zip(self.recall.outside_mean)
        {
            // the number of counts in one window is drawn by inversion, which needs exp(-mean)
            if self.recall.orders && slot.noise_mean() + outside > MOST_REMEMBERED {
                let message = format!(
                    "more than {MOST_REMEMBERED} counts without photons per window, or attempt without gate, and detectors that \
                     remember them: lower one"
                );
                return refused("dark_count_rate_hz", message);
            }
            if background.as_ref().is_some_and(|background| background.beyond(reach_s) > NEXT_WINDOW) {
                let message = format!(
                    "light that comes with one pulse reaches the window of another, {reach_s} s away: give it as dark counts"
                );
                return refused("background_profile", message);
            }
            if slot.gated || slot.longest_blind_s == 0.0 {
                continue;
            }
            if slot.longest_blind_s > MOST_BLIND_ATTEMPTS * period_s {
                let message = format!(
                    "a detector that is not gated and blind for up to {} s, more than {MOST_BLIND_ATTEMPTS} attempts",
                    slot.longest_blind_s
                );
                return refused("gated", message);
            }
            let counts = slot.dark_count_rate_hz * self.schedule.longest_between_s();
            if counts > MOST_OUTSIDE {
                let message = format!(
                    "{counts:.0} counts between two windows of a detector that is not gated, more than {MOST_OUTSIDE}"
                );
                return refused("gated", message);
            }
        }
        Ok(())
    }
}

/// Mean number of counts per window up to which detectors that remember are simulated.
const MOST_REMEMBERED: f64 = 500.0;
/// Part of the background that may miss its own window by so much that another would see it.
const NEXT_WINDOW: f64 = 1e-9;
/// Attempts that a detector without gate may be blind: so many are looked back at for every click.
const MOST_BLIND_ATTEMPTS: f64 = 1000.0;
/// Mean number of counts between two windows of a detector without gate: all of them are drawn.
const MOST_OUTSIDE: f64 = 1e5;

/// Attempts that wait at once, at most.
const MOST_WAITING: usize = 64;

/// A click that still matters: attempt, time in it, how long it leaves the detector blind (s).
#[derive(Debug, Clone, Copy)]
struct Last {
    attempt: u64,
    time_s: f64,
    blind_s: f64,
}

/// An afterpulse that is still to come.
#[derive(Debug, Clone, Copy)]
struct Afterpulse {
    attempt: u64,
    time_s: f64,
    detector: usize,
}

/// What the detectors remember.
#[derive(Debug, Clone)]
pub(super) struct Detectors {
    last: [Option<Last>; SLOTS],
    pending: Vec<Afterpulse>,
    /// Attempts whose clicks nobody has asked for yet.
    waiting: Vec<(u64, usize)>,
    /// Last attempt that may have left something behind.
    last_event: Option<u64>,
    /// Whether the past is known: from the first attempt, or since a gap longer than the memory.
    known: bool,
}

impl Detectors {
    /// Ready, as before the first attempt.
    pub(super) fn ready() -> Self {
        Self { last: [None; SLOTS], pending: vec![], waiting: vec![], last_event: None, known: true }
    }

    /// Unknown up to `attempt`.
    pub(super) fn unknown_before(attempt: u64) -> Self {
        Self { last_event: Some(attempt - 1), known: false, ..Self::ready() }
    }

    /// The next attempt with an afterpulse.
    pub(super) fn next_afterpulse(&self) -> Option<u64> {
        self.pending.iter().map(|afterpulse| afterpulse.attempt).min()
    }

    /// Whether the past is known at the beginning of an attempt.
    pub(super) fn is_known_at(&mut self, link: &Link, key: Key, attempt: u64) -> bool {
        self.arrive(link, key, attempt);
        self.known
    }

    /// Goes on to an attempt: what detectors that are not gated count in pauses, and when each is ready (s).
    fn arrive(&mut self, link: &Link, key: Key, attempt: u64) -> [f64; SLOTS] {
        let mut settled = true;
        if link.recall.looks_back && link.schedule.pauses() {
            for detector in 0..SLOTS {
                if link.recall.outside_mean[detector] > 0.0 {
                    settled &= self.count_in_pauses(link, key, attempt, detector);
                }
            }
        }
        if let (false, Some(event)) = (self.known, self.last_event) {
            self.known = settled && forgotten(link, event, attempt);
        }
        self.last.map(|last| {
            last.map_or(f64::NEG_INFINITY, |last| {
                last.time_s - link.schedule.between_s(last.attempt, attempt) + last.blind_s
            })
        })
    }

    /// Forgets attempts that can no longer be felt at this one.
    #[inline]
    pub(super) fn forget_before(&mut self, link: &Link, attempt: u64) {
        if let Some(event) = self.last_event
            && forgotten(link, event, attempt)
        {
            self.forget();
        }
    }

    /// Forgets all attempts so far: nothing of them is felt any more.
    #[inline]
    pub(super) fn forget(&mut self) {
        self.waiting.clear();
        self.known = true;
    }

    /// Lets an attempt wait, the last one with an event so far.
    #[inline]
    pub(super) fn wait(&mut self, attempt: u64, set: usize) {
        self.waiting.push((attempt, set));
        self.last_event = Some(attempt);
    }

    /// Whether so many attempts wait that they are to be resolved, so that memory stays bounded.
    #[inline]
    pub(super) fn full(&self) -> bool {
        self.waiting.len() >= MOST_WAITING
    }

    /// Whether attempts wait.
    pub(super) fn waits(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The attempts that wait, which they do no longer, with the kinds of events of each as bits.
    pub(super) fn take_waiting(&mut self) -> Vec<(u64, usize)> {
        std::mem::take(&mut self.waiting)
    }

    /// Dark counts of a detector in the pauses since the last attempt that was looked at, as far back as they may matter now;
    /// says whether that is known without what came before them.
    fn count_in_pauses(&mut self, link: &Link, key: Key, attempt: u64, detector: usize) -> bool {
        let slot = &link.slots[detector];
        let mut counts: Vec<(f64, Last)> = vec![];
        // no count before this one is known yet, in this attempt's time
        let mut edge_s = link.recall.cell_start_s;
        let mut settled = false;
        let mut next = attempt;
        loop {
            let until_s = link.recall.cell_start_s - link.schedule.between_s(next, attempt);
            if next == 0 || until_s < edge_s - slot.longest_blind_s {
                settled = true;
                break;
            }
            if self.last_event == Some(next) {
                break;
            }
            let cell = next - 1;
            let since_s = link.schedule.between_s(cell, attempt);
            for (time_s, blind_s) in in_pause(link, key, cell, detector) {
                counts.push((time_s - since_s, Last { attempt: cell, time_s, blind_s }));
                edge_s = edge_s.min(time_s - since_s);
            }
            next = cell;
        }
        counts.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (time_s, count) in counts {
            let ready = self.last[detector].is_none_or(|last| {
                last.time_s - link.schedule.between_s(last.attempt, attempt) + last.blind_s <= time_s
            });
            if ready {
                self.last[detector] = Some(count);
            }
        }
        settled
    }

    /// Notes a click, and the afterpulse that may follow it, which comes back if it falls into this attempt.
    fn click(&mut self, link: &Link, attempt: u64, event: &Event, rng: &mut Xoshiro) -> (f64, Option<Event>) {
        let slot = &link.slots[event.detector];
        let blind_s = blind_s(slot, rng);
        self.last[event.detector] = Some(Last { attempt, time_s: event.time_s, blind_s });
        let ready_s = event.time_s + blind_s;
        let follows = slot.afterpulse_probability > 0.0 && rng.uniform() < slot.afterpulse_probability;
        if !follows {
            return (ready_s, None);
        }
        let wait_s = slot.dead_time_s + exponential(slot.afterpulse_time_s, rng);
        let cell_start_s = link.recall.cell_start_s;
        let since_s = (event.time_s + wait_s - cell_start_s).max(0.0);
        let (then, rest_s) = link.schedule.locate(attempt, since_s);
        let time_s = rest_s + cell_start_s;
        let pulse =
            Event { time_s, slot: link.slot_at(event.detector, time_s), what: What::Afterpulse, ..*event };
        if slot.gated && pulse.slot.is_none() {
            return (ready_s, None);
        }
        if then == attempt {
            return (ready_s, Some(pulse));
        }
        self.pending.push(Afterpulse { attempt: then, time_s: pulse.time_s, detector: event.detector });
        (ready_s, None)
    }
}

/// Whether nothing of an attempt with an event is felt at a later one.
#[inline]
pub(super) fn forgotten(link: &Link, event: u64, attempt: u64) -> bool {
    // pauses only add to the periods between the two
    attempt > event
        && (attempt - event >= link.recall.attempts_felt
            || link.schedule.between_s(event, attempt) > link.recall.horizon_s + link.occupied_s())
}

/// How long a click leaves a detector blind (s).
pub(super) fn blind_s(slot: &Slot, rng: &mut Xoshiro) -> f64 {
    if slot.recovery_time_s > 0.0 {
        slot.dead_time_s + exponential(slot.recovery_time_s, rng)
    } else {
        slot.dead_time_s
    }
}

pub(super) fn exponential(mean: f64, rng: &mut Xoshiro) -> f64 {
    -mean * math::ln(rng.uniform_open())
}

/// Dark counts of a detector in the pause after an attempt, and how long each would leave it blind (s): a function of the key
/// and the attempt alone.
fn in_pause(link: &Link, key: Key, attempt: u64, detector: usize) -> Vec<(f64, f64)> {
    let slot = &link.slots[detector];
    let mut counts = vec![];
    let from_s = link.recall.cell_start_s + link.schedule.attempt_period_s();
    let end_s = link.recall.cell_start_s + link.schedule.between_s(attempt, attempt + 1);
    // attempts follow each other without pause but for rounding
    if slot.dark_count_rate_hz == 0.0 || end_s - from_s < 1e-9 * link.schedule.attempt_period_s() {
        return counts;
    }
    let mut rng = BlockKey { key, engine: PAUSE + detector as u64, block: attempt }.scalar(0);
    let mut time_s = from_s;
    loop {
        time_s += exponential(1.0 / slot.dark_count_rate_hz, &mut rng);
        if time_s >= end_s {
            return counts;
        }
        counts.push((time_s, blind_s(slot, &mut rng)));
    }
}

impl Link {
    /// Part of the ions' light that may blind a window although it comes outside of one: before it or, with bins, after.
    fn light_outside(&self, bins: bool) -> f64 {
        let photons = self.branches.iter().flatten().filter_map(|branch| branch.photon.as_ref());
        let part = |packet: &WavePacket| {
            let before = packet.captured(f64::NEG_INFINITY, self.window.start_s);
            before + if bins { packet.captured(self.window.end_s, f64::INFINITY) } else { 0.0 }
        };
        photons.map(|photon| part(&photon.packet)).fold(0.0, f64::max)
    }

    /// Probability that a slot's detector counts something without photon in an attempt, as far as that matters.
    pub(super) fn count_probability(&self, slot: usize) -> f64 {
        let outside = self.recall.outside_mean[slot];
        let slot = &self.slots[slot];
        if outside == 0.0 { slot.noise_probability } else { -math::exp_m1(-slot.noise_mean() - outside) }
    }

    /// Whether an event at a time of the detectors (s) belongs to the attempt it was drawn in.
    pub(super) fn in_cell(&self, time_s: f64) -> bool {
        let since_s = time_s - self.recall.cell_start_s;
        (0.0..self.schedule.attempt_period_s()).contains(&since_s)
    }

    /// The slot that a detector's event at a time (s, bins run on) belongs to; nothing outside the windows.
    fn slot_at(&self, detector: usize, time_s: f64) -> Option<usize> {
        let inside = |time_s: f64| (self.window.start_s..self.window.end_s).contains(&time_s);
        if inside(time_s) {
            Some(detector)
        } else if self.bin_separation_s > 0.0 && inside(time_s - self.bin_separation_s) {
            Some(detector + 1)
        } else {
            None
        }
    }
}

impl Detectors {
    /// Adds the afterpulses of earlier clicks that fall into an attempt.
    fn collect(&mut self, link: &Link, attempt: u64, events: &mut Vec<Event>) {
        self.pending.retain(|pulse| {
            if pulse.attempt == attempt {
                events.push(Event {
                    detector: pulse.detector,
                    slot: link.slot_at(pulse.detector, pulse.time_s),
                    time_s: pulse.time_s,
                    what: What::Afterpulse,
                });
            }
            pulse.attempt > attempt
        });
    }
}
