//! What the detectors of an attempt report, and what they remember of attempts before.
//!
//! A click leaves its detector blind for a while and may be followed by an afterpulse; both can reach into the next bin or
//! the next attempts. A detector that is not gated also counts between its windows, which may leave it blind when one opens.
//! Bins share the detector of their port: times of a detector run on through the bins, t = 0 being the arrival of an
//! undelayed photon of mode 0.

mod clicks;

pub(super) use clicks::{Arrived, Clicks, Photons};

use super::Link;
use crate::detection::Slot;
use crate::encoding::SLOTS;
use crate::error::{Error, Result};
use crate::math;
use crate::stream::{BlockKey, Key, Xoshiro};
use clicks::{Event, What};

/// Enter the seeds of what detectors draw in an attempt, and of what each counts outside the windows, beside the engines'.
pub(super) const LATE: u64 = 32;
const OUTSIDE: u64 = 40;

/// How far the detectors of a link remember.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Recall {
    /// Whether a window may feel the attempts before it.
    pub(super) carries: bool,
    /// Whether events must be taken in the order of time: windows of one attempt, at least, feel each other.
    pub(super) orders: bool,
    /// Whether counts outside the windows matter.
    pub(super) looks_back: bool,
    /// Whether some clicks are afterpulses.
    pub(super) afterpulses: bool,
    /// Nothing is felt this long after the last event (s).
    horizon_s: f64,
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
        let mut recall = Self::default();
        for slot in &link.slots {
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
            let outside = slot.dark_count_rate_hz > 0.0 || slot.background_outside_mean > 0.0;
            if !slot.gated && outside && longest_blind_s > 0.0 {
                recall.carries = true;
                recall.looks_back = true;
                refusal = refusal.or_else(|| {
                    refuse("gated", "counts outside the windows leave the detector blind within".into())
                });
            }
            recall.horizon_s = recall.horizon_s.max(longest_blind_s + longest_chain_s);
            recall.refusal = recall.refusal.or(refusal);
        }
        recall.orders |= recall.carries;
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
        for (slot, background) in self.slots.iter().zip(&self.backgrounds) {
            // the number of counts in one window is drawn by inversion, which needs exp(-mean)
            if self.recall.orders && slot.noise_mean() > MOST_REMEMBERED {
                let message = format!(
                    "more than {MOST_REMEMBERED} counts without photons per window and detectors that remember them: lower \
                     one"
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
    /// Last attempt that may have left something behind.
    last_event: Option<u64>,
    /// Whether the past is known: from the first attempt, or since a gap longer than the memory.
    known: bool,
}

impl Detectors {
    /// Ready, as before the first attempt.
    pub(super) fn ready() -> Self {
        Self { last: [None; SLOTS], pending: vec![], last_event: None, known: true }
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

    /// Goes on to an attempt: what detectors that are not gated counts since the last one, and when each is ready (s).
    fn arrive(&mut self, link: &Link, key: Key, attempt: u64) -> [f64; SLOTS] {
        let mut settled = true;
        for detector in 0..SLOTS {
            let slot = &link.slots[detector];
            if !slot.gated && slot.longest_blind_s > 0.0 && link.detector_of(detector) == detector {
                settled &= self.count_outside(link, key, attempt, detector);
            }
        }
        if let (false, Some(event)) = (self.known, self.last_event) {
            let silence_s = link.schedule.between_s(event, attempt) - link.occupied_s();
            self.known = settled && silence_s > link.recall.horizon_s;
        }
        self.last.map(|last| {
            last.map_or(f64::NEG_INFINITY, |last| {
                last.time_s - link.schedule.between_s(last.attempt, attempt) + last.blind_s
            })
        })
    }

    /// Counts of a detector outside its windows since the last attempt that was looked at, as far back as they may matter
    /// now; says whether that is known without what came before them.
    fn count_outside(&mut self, link: &Link, key: Key, attempt: u64, detector: usize) -> bool {
        let slot = &link.slots[detector];
        let start_s = link.window.start_s;
        let visited = self.last_event;
        let mut counts: Vec<(f64, Last)> = vec![];
        // no count before this one is known yet, in this attempt's time
        let mut edge_s = start_s;
        let mut settled = false;
        let mut cell = attempt;
        loop {
            let since_s = link.schedule.between_s(cell, attempt);
            for (time_s, blind_s) in outside(link, key, cell, detector) {
                // an attempt that was looked at has been taken to its end
                let wanted = if cell == attempt { time_s < start_s } else { visited != Some(cell) };
                if wanted {
                    counts.push((time_s - since_s, Last { attempt: cell, time_s, blind_s }));
                    edge_s = edge_s.min(time_s - since_s);
                }
            }
            if visited == Some(cell) {
                break;
            }
            if cell == 0 || start_s - since_s < edge_s - slot.longest_blind_s {
                settled = true;
                break;
            }
            cell -= 1;
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
    fn click(
        &mut self,
        link: &Link,
        attempt: u64,
        event: &Event,
        late: &mut Xoshiro,
    ) -> (f64, Option<Event>) {
        let slot = &link.slots[event.detector];
        let blind_s = event.blind_s.unwrap_or_else(|| blind_s(slot, late));
        self.last[event.detector] = Some(Last { attempt, time_s: event.time_s, blind_s });
        let ready_s = event.time_s + blind_s;
        // dark count rates, as measured, contain the afterpulses of counts outside the windows
        let follows = slot.afterpulse_probability > 0.0
            && event.what != What::Outside
            && late.uniform() < slot.afterpulse_probability;
        if !follows {
            return (ready_s, None);
        }
        let wait_s = slot.dead_time_s + exponential(slot.afterpulse_time_s, late);
        let start_s = link.window.start_s;
        let (then, rest_s) = link.schedule.locate(attempt, event.time_s + wait_s - start_s);
        let pulse = Event {
            time_s: rest_s + start_s,
            slot: link.slot_at(event.detector, rest_s + start_s),
            what: What::Afterpulse,
            blind_s: None,
            ..*event
        };
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

/// How long a click leaves a detector blind (s).
fn blind_s(slot: &Slot, rng: &mut Xoshiro) -> f64 {
    if slot.recovery_time_s > 0.0 {
        slot.dead_time_s + exponential(slot.recovery_time_s, rng)
    } else {
        slot.dead_time_s
    }
}

fn exponential(mean: f64, rng: &mut Xoshiro) -> f64 {
    -mean * math::ln(rng.uniform_open())
}

/// Counts of a detector outside its windows from an attempt's pulse to the next attempt's window, and how long each would
/// leave it blind (s): a function of the key and the attempt alone.
fn outside(link: &Link, key: Key, attempt: u64, detector: usize) -> Vec<(f64, f64)> {
    let slot = &link.slots[detector];
    let mut counts = vec![];
    let mut rng = BlockKey { key, engine: OUTSIDE + detector as u64, block: attempt }.scalar(0);
    if let Some(background) = &link.backgrounds[detector]
        && slot.background_outside_mean > 0.0
    {
        let window = link.window;
        for bin in 0..=u32::from(link.bin_separation_s > 0.0) {
            let mut count = poisson(slot.background_outside_mean, rng.uniform());
            while count > 0 {
                let time_s = background.anywhere_s(&mut rng);
                if (window.start_s..window.end_s).contains(&time_s) {
                    continue;
                }
                count -= 1;
                counts.push((time_s + f64::from(bin) * link.bin_separation_s, blind_s(slot, &mut rng)));
            }
        }
    }
    if slot.dark_count_rate_hz > 0.0 {
        let end_s = link.window.start_s + link.schedule.between_s(attempt, attempt + 1);
        let mut time_s = link.window.start_s;
        loop {
            time_s += exponential(1.0 / slot.dark_count_rate_hz, &mut rng);
            if time_s >= end_s {
                break;
            }
            counts.push((time_s, blind_s(slot, &mut rng)));
        }
    }
    counts.retain(|(time_s, _)| link.slot_at(detector, *time_s).is_none());
    counts
}

/// A Poisson number by inversion, for means of which exp(-mean) is far from underflow.
fn poisson(mean: f64, uniform: f64) -> u32 {
    let (mut left, mut probability, mut count) = (uniform, math::exp(-mean), 0);
    while left >= probability && probability > 0.0 {
        left -= probability;
        count += 1;
        probability *= mean / f64::from(count);
    }
    count
}

impl Link {
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
    /// Adds what falls into an attempt besides: afterpulses of earlier clicks, and counts outside its windows.
    fn collect(&mut self, link: &Link, key: Key, attempt: u64, events: &mut Vec<Event>) {
        self.pending.retain(|pulse| {
            if pulse.attempt == attempt {
                events.push(Event {
                    detector: pulse.detector,
                    slot: link.slot_at(pulse.detector, pulse.time_s),
                    time_s: pulse.time_s,
                    what: What::Afterpulse,
                    blind_s: None,
                });
            }
            pulse.attempt > attempt
        });
        for detector in 0..SLOTS {
            let slot = &link.slots[detector];
            if slot.gated || slot.longest_blind_s == 0.0 || link.detector_of(detector) != detector {
                continue;
            }
            for (time_s, blind_s) in outside(link, key, attempt, detector) {
                if time_s >= link.window.start_s {
                    let blind_s = Some(blind_s);
                    events.push(Event { detector, slot: None, time_s, what: What::Outside, blind_s });
                }
            }
        }
    }
}
