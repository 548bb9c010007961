//! What the detectors of an attempt report, and what they remember of attempts before.
//!
//! A click leaves its detector blind for a while and may be followed by an afterpulse; both can reach into the next bin or
//! the next attempts. A detector that is not gated also counts between its windows, which may leave it blind when one opens.
//! Bins share the detector of their port: times of a detector run on through the bins, t = 0 being the arrival of an
//! undelayed photon of mode 0.

use super::Link;
use crate::detection::Slot;
use crate::encoding::SLOTS;
use crate::error::Error;
use crate::herald::ExtraKind;
use crate::math;
use crate::stream::{BlockKey, Key, Xoshiro};

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
    /// Nothing is felt this long after the last event (s).
    horizon_s: f64,
    /// Why exact results are beyond reach, if they are.
    pub(super) refusal: Option<Error>,
}

impl Recall {
    pub(super) fn of(link: &Link) -> Self {
        let between_s = link.schedule.attempt_period_s() - link.occupied_s();
        let bins = link.bin_separation_s > 0.0;
        let bin_gap_s = if bins { link.bin_separation_s - link.window.duration_s() } else { f64::INFINITY };
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
            if longest_chain_s > gap_s {
                recall.carries = true;
                refusal = refusal.or_else(|| {
                    refuse("afterpulse_probability", "afterpulses fall into later windows".into())
                });
            }
            let outside = slot.dark_count_rate_hz > 0.0 || slot.background_outside_mean > 0.0;
            if !slot.gated && outside && longest_blind_s > 0.0 {
                recall.carries = true;
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
                let wanted = if cell == attempt {
                    time_s < start_s
                } else {
                    // an attempt that was looked at has been taken up to the end of its windows
                    visited != Some(cell) || time_s >= start_s + link.occupied_s()
                };
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

/// What an event is.
#[derive(Debug, Clone, Copy, PartialEq)]
enum What {
    Photon(Option<ExtraKind>),
    Background,
    Dark,
    Afterpulse,
    /// Not in a window, whatever it is.
    Outside,
}

/// Something that a detector would register.
#[derive(Debug, Clone, Copy)]
struct Event {
    detector: usize,
    slot: Option<usize>,
    /// Bins run on (s).
    time_s: f64,
    what: What,
    /// How long its click would leave the detector blind (s), where that is drawn already.
    blind_s: Option<f64>,
}

/// A registered photon, were its detector ready.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Arrived {
    pub(super) slot: usize,
    pub(super) time_s: f64,
    pub(super) extra: Option<ExtraKind>,
}

/// At most two photons of each node.
#[derive(Debug, Default)]
pub(super) struct Photons {
    photons: [Arrived; 4],
    count: usize,
}

impl Photons {
    pub(super) fn push(&mut self, photon: Arrived) {
        if let Some(place) = self.photons.get_mut(self.count) {
            *place = photon;
            self.count += 1;
        }
    }

    fn iter(&self) -> impl Iterator<Item = &Arrived> {
        self.photons[..self.count].iter()
    }
}

/// What the slots report in one attempt.
pub(super) struct Clicks {
    /// First event of each slot (s), infinite without one.
    pub(super) first: [f64; SLOTS],
    /// Registered events.
    pub(super) count: [u32; SLOTS],
    /// Whether a photon is among them.
    pub(super) photon: [bool; SLOTS],
    /// Kind of the extra photon among them.
    pub(super) extra: [Option<ExtraKind>; SLOTS],
    /// Whether background is among them.
    pub(super) background: [bool; SLOTS],
    /// Whether the first of them is an afterpulse.
    pub(super) afterpulse: [bool; SLOTS],
    /// When each slot became ready (s): the window's opening, or later after a click before.
    pub(super) open: [f64; SLOTS],
}

impl Clicks {
    fn new(start_s: f64) -> Self {
        Self {
            first: [f64::INFINITY; SLOTS],
            count: [0; SLOTS],
            photon: [false; SLOTS],
            extra: [None; SLOTS],
            background: [false; SLOTS],
            afterpulse: [false; SLOTS],
            open: [start_s; SLOTS],
        }
    }

    fn add(&mut self, slot: usize, time_s: f64) {
        self.first[slot] = self.first[slot].min(time_s);
        self.count[slot] += 1;
    }

    /// Notes what is in a slot.
    fn mark(&mut self, slot: usize, what: What) {
        match what {
            What::Photon(extra) => {
                self.photon[slot] = true;
                self.extra[slot] = self.extra[slot].max(extra);
            }
            What::Background => self.background[slot] = true,
            What::Dark | What::Afterpulse | What::Outside => {}
        }
    }

    /// Clicks of detectors that are ready when the window opens: only the first event of a slot matters.
    pub(super) fn of_ready(link: &Link, photons: &Photons, noisy: [bool; SLOTS], rng: &mut Xoshiro) -> Self {
        let mut clicks = Self::new(link.window.start_s);
        for photon in photons.iter() {
            clicks.add(photon.slot, photon.time_s);
            clicks.mark(photon.slot, What::Photon(photon.extra));
        }
        for index in (0..SLOTS).filter(|index| noisy[*index]) {
            let slot = &link.slots[index];
            // a number-resolving slot that counts several events rejects the attempt, whenever they came
            let several = slot.number_resolving && {
                let exactly_one = slot.noise_mean() * slot.silent_probability() / slot.noise_probability;
                rng.uniform() >= exactly_one
            };
            clicks.count[index] += u32::from(several);
            let Some(background) = link.backgrounds[index].as_ref().filter(|_| slot.background_mean > 0.0)
            else {
                clicks.add(index, slot.dark_click_time_s(&link.window, rng.uniform()));
                continue;
            };
            let lit = slot.background_click_probability();
            if rng.uniform() * (lit + slot.dark_click_probability()) >= lit {
                clicks.add(index, slot.dark_click_time_s(&link.window, rng.uniform()));
                continue;
            }
            clicks.mark(index, What::Background);
            if slot.number_resolving {
                clicks.add(index, background.time_s(rng.uniform()));
                continue;
            }
            // the first of at least one, unless a dark count comes before it
            let part = -math::ln_1p(-rng.uniform() * lit) / slot.background_mean;
            let mut time_s = background.time_s(part);
            if slot.dark_count_rate_hz > 0.0 {
                time_s = time_s.min(link.window.start_s + exponential(1.0 / slot.dark_count_rate_hz, rng));
            }
            clicks.add(index, time_s);
        }
        clicks
    }

    /// Clicks of detectors that may still be blind: every event in the order of time. What `rng` draws does not depend on
    /// what the detectors remember; `late` belongs to this attempt alone where they remember earlier ones.
    #[expect(clippy::too_many_arguments, reason = "everything that an attempt depends on")]
    pub(super) fn in_order(
        link: &Link,
        key: Key,
        attempt: u64,
        photons: &Photons,
        noisy: [bool; SLOTS],
        rng: &mut Xoshiro,
        late: Option<&mut Xoshiro>,
        detectors: &mut Detectors,
    ) -> Self {
        let mut events = drawn(link, photons, noisy, rng);
        let late = late.unwrap_or(rng);
        let carries = link.recall.carries;
        let mut ready =
            if carries { detectors.arrive(link, key, attempt) } else { [f64::NEG_INFINITY; SLOTS] };
        if carries {
            detectors.collect(link, key, attempt, &mut events);
        }
        events.sort_by(|a, b| a.time_s.total_cmp(&b.time_s));
        let window = link.window;
        let offset_s = |slot: usize| link.slots[slot].mode as f64 * link.bin_separation_s;
        let open = |slot: usize, ready: &[f64; SLOTS]| {
            (ready[link.detector_of(slot)] - offset_s(slot)).clamp(window.start_s, window.end_s)
        };
        let mut clicks = Self::new(window.start_s);
        // of late bins once they begin
        let late_bins = |slot: &usize| link.detector_of(*slot) != *slot;
        for slot in (0..SLOTS).filter(|slot| !late_bins(slot)) {
            clicks.open[slot] = open(slot, &ready);
        }
        let mut begun = link.bin_separation_s == 0.0;
        let mut next = 0;
        while let Some(event) = events.get(next).copied() {
            next += 1;
            if !begun && event.time_s >= window.start_s + link.bin_separation_s {
                begun = true;
                for slot in (0..SLOTS).filter(late_bins) {
                    clicks.open[slot] = open(slot, &ready);
                }
            }
            let resolving = link.slots[event.detector].number_resolving && event.slot.is_some();
            let time_s = event.time_s - event.slot.map_or(0.0, offset_s);
            let ready_s = match event.slot {
                // all events of one window are told apart
                Some(slot) if resolving => clicks.open[slot] + offset_s(slot),
                _ => ready[event.detector],
            };
            if let Some(slot) = event.slot
                && time_s >= clicks.open[slot]
            {
                // a slot with photon and dark count is a photon slot, whichever of them clicked
                clicks.mark(slot, event.what);
            }
            if event.time_s < ready_s {
                continue;
            }
            if let Some(slot) = event.slot {
                if clicks.count[slot] == 0 {
                    clicks.afterpulse[slot] = event.what == What::Afterpulse;
                }
                clicks.add(slot, time_s);
            }
            let (until_s, afterpulse) = detectors.click(link, attempt, &event, late);
            ready[event.detector] = until_s;
            if let Some(afterpulse) = afterpulse {
                let place = next + events[next..].partition_point(|other| other.time_s <= afterpulse.time_s);
                events.insert(place, afterpulse);
            }
        }
        if !begun {
            for slot in (0..SLOTS).filter(late_bins) {
                clicks.open[slot] = open(slot, &ready);
            }
        }
        detectors.last_event = Some(attempt);
        clicks
    }
}

/// Events of the windows of an attempt: photons, and counts without photons where there are any.
fn drawn(link: &Link, photons: &Photons, noisy: [bool; SLOTS], rng: &mut Xoshiro) -> Vec<Event> {
    let event = |slot: usize, time_s: f64, what: What| Event {
        detector: link.detector_of(slot),
        slot: Some(slot),
        time_s: time_s + link.slots[slot].mode as f64 * link.bin_separation_s,
        what,
        blind_s: None,
    };
    let mut events: Vec<Event> =
        photons.iter().map(|photon| event(photon.slot, photon.time_s, What::Photon(photon.extra))).collect();
    for index in (0..SLOTS).filter(|index| noisy[*index]) {
        let slot = &link.slots[index];
        // at least one, by inversion
        let mut left = rng.uniform() * slot.noise_probability;
        let (mut count, mut probability) = (1, slot.noise_mean() * slot.silent_probability());
        while left >= probability && probability > 0.0 {
            left -= probability;
            count += 1;
            probability *= slot.noise_mean() / f64::from(count);
        }
        let background = link.backgrounds[index].as_ref().filter(|_| slot.background_mean > 0.0);
        for _ in 0..count {
            let lit = background.filter(|_| rng.uniform() * slot.noise_mean() < slot.background_mean);
            let uniform = rng.uniform();
            events.push(match lit {
                Some(background) => event(index, background.time_s(uniform), What::Background),
                None => event(index, link.window.start_s + link.window.duration_s() * uniform, What::Dark),
            });
        }
    }
    events
}

impl Detectors {
    /// Adds what falls into an attempt besides: afterpulses of earlier clicks, and counts between its windows.
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
        if link.bin_separation_s == 0.0 {
            return;
        }
        let between = link.window.start_s..link.window.start_s + link.bin_separation_s;
        for detector in 0..SLOTS {
            let slot = &link.slots[detector];
            if slot.gated || slot.longest_blind_s == 0.0 || link.detector_of(detector) != detector {
                continue;
            }
            for (time_s, blind_s) in outside(link, key, attempt, detector) {
                if between.contains(&time_s) {
                    let blind_s = Some(blind_s);
                    events.push(Event { detector, slot: None, time_s, what: What::Outside, blind_s });
                }
            }
        }
    }
}
