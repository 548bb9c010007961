//! What the slots report in one attempt: the clicks that its events make.

use super::super::Link;
use super::{Detectors, exponential};
use crate::encoding::SLOTS;
use crate::herald::ExtraKind;
use crate::math;
use crate::stream::{Key, Xoshiro};

/// What an event is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::link) enum What {
    Photon(Option<ExtraKind>),
    Background,
    Dark,
    Afterpulse,
    /// Not in a window, whatever it is.
    Outside,
}

/// Told what slots register, for time tags. The unit does not listen, which costs nothing.
pub(in crate::link) trait Listener {
    /// An event that a detector reported within a slot's window (s).
    #[inline]
    fn click(&mut self, _slot: usize, _time_s: f64, _what: What) {}
    /// A photon that came to a detector that was ready when its window opened (s).
    #[inline]
    fn photon(&mut self, _slot: usize, _time_s: f64) {}
    /// The first dark count of such a detector (s), which may come after the window.
    #[inline]
    fn dark(&mut self, _slot: usize, _time_s: f64) {}
    /// Its first background event: the part of the background that comes before it.
    #[inline]
    fn background(&mut self, _slot: usize, _part: f64) {}
    /// A number-resolving slot counted several events without photons, not just the one that was told.
    #[inline]
    fn several(&mut self, _slot: usize) {}
    /// How much later than they came the first clicks of slots were recorded (s).
    #[inline]
    fn jitter(&mut self, _slots: [Option<usize>; 2], _jitter_s: [f64; 2]) {}
}

impl Listener for () {}

/// Something that a detector would register.
#[derive(Debug, Clone, Copy)]
pub(super) struct Event {
    pub(super) detector: usize,
    pub(super) slot: Option<usize>,
    /// Bins run on (s).
    pub(super) time_s: f64,
    pub(super) what: What,
}

/// A registered photon, were its detector ready.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::link) struct Arrived {
    pub(in crate::link) slot: usize,
    pub(in crate::link) time_s: f64,
    pub(in crate::link) extra: Option<ExtraKind>,
}

/// At most two photons of each node.
#[derive(Debug, Default)]
pub(in crate::link) struct Photons {
    photons: [Arrived; 4],
    count: usize,
}

impl Photons {
    pub(in crate::link) fn push(&mut self, photon: Arrived) {
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
pub(in crate::link) struct Clicks {
    /// First event of each slot (s), infinite without one.
    pub(in crate::link) first: [f64; SLOTS],
    /// Registered events.
    pub(in crate::link) count: [u32; SLOTS],
    /// Whether a photon is among them.
    pub(in crate::link) photon: [bool; SLOTS],
    /// Kind of the extra photon among them.
    pub(in crate::link) extra: [Option<ExtraKind>; SLOTS],
    /// Whether background is among them.
    pub(in crate::link) background: [bool; SLOTS],
    /// Whether the first of them is an afterpulse.
    pub(in crate::link) afterpulse: [bool; SLOTS],
    /// When each slot became ready (s): the window's opening, or later after a click before.
    pub(in crate::link) open: [f64; SLOTS],
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
    pub(in crate::link) fn of_ready(
        link: &Link,
        photons: &Photons,
        noisy: [bool; SLOTS],
        rng: &mut Xoshiro,
        listener: &mut impl Listener,
    ) -> Self {
        let mut clicks = Self::new(link.window.start_s);
        for photon in photons.iter() {
            clicks.add(photon.slot, photon.time_s);
            clicks.mark(photon.slot, What::Photon(photon.extra));
            listener.photon(photon.slot, photon.time_s);
        }
        for index in (0..SLOTS).filter(|index| noisy[*index]) {
            let slot = &link.slots[index];
            // a number-resolving slot that counts several events rejects the attempt, whenever they came
            let several = slot.number_resolving && {
                let exactly_one = slot.noise_mean() * slot.silent_probability() / slot.noise_probability;
                rng.uniform() >= exactly_one
            };
            clicks.count[index] += u32::from(several);
            if several {
                listener.several(index);
            }
            let Some(background) = link.backgrounds[index].as_ref().filter(|_| slot.background_mean > 0.0)
            else {
                let time_s = slot.dark_click_time_s(&link.window, rng.uniform());
                listener.dark(index, time_s);
                clicks.add(index, time_s);
                continue;
            };
            let lit = slot.background_click_probability();
            if rng.uniform() * (lit + slot.dark_click_probability()) >= lit {
                let time_s = slot.dark_click_time_s(&link.window, rng.uniform());
                listener.dark(index, time_s);
                clicks.add(index, time_s);
                continue;
            }
            clicks.mark(index, What::Background);
            if slot.number_resolving {
                let part = rng.uniform();
                listener.background(index, part);
                clicks.add(index, background.time_s(part));
                continue;
            }
            // the first of at least one, unless a dark count comes before it
            let part = -math::ln_1p(-rng.uniform() * lit) / slot.background_mean;
            listener.background(index, part);
            let mut time_s = background.time_s(part);
            if slot.dark_count_rate_hz > 0.0 {
                let dark_s = link.window.start_s + exponential(1.0 / slot.dark_count_rate_hz, rng);
                listener.dark(index, dark_s);
                time_s = time_s.min(dark_s);
            }
            clicks.add(index, time_s);
        }
        clicks
    }

    /// Clicks of detectors that may still be blind: every event in the order of time.
    pub(in crate::link) fn in_order(
        link: &Link,
        (key, attempt): (Key, u64),
        photons: &Photons,
        noisy: [bool; SLOTS],
        rng: &mut Xoshiro,
        detectors: &mut Detectors,
        listener: &mut impl Listener,
    ) -> Self {
        let mut events = drawn(link, photons, noisy, rng);
        let carries = link.recall.carries;
        let mut ready =
            if carries { detectors.arrive(link, key, attempt) } else { [f64::NEG_INFINITY; SLOTS] };
        if carries {
            detectors.collect(link, attempt, &mut events);
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
                listener.click(slot, time_s, event.what);
            }
            let (until_s, afterpulse) = detectors.click(link, attempt, &event, rng);
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

/// Events of an attempt: photons, and counts without photons where there are any.
fn drawn(link: &Link, photons: &Photons, noisy: [bool; SLOTS], rng: &mut Xoshiro) -> Vec<Event> {
    let inside = |time_s: f64| (link.window.start_s..link.window.end_s).contains(&time_s);
    let event = |slot: usize, time_s: f64, what: What| Event {
        detector: link.detector_of(slot),
        slot: inside(time_s).then_some(slot),
        time_s: time_s + link.slots[slot].mode as f64 * link.bin_separation_s,
        what,
    };
    let mut events: Vec<Event> =
        photons.iter().map(|photon| event(photon.slot, photon.time_s, What::Photon(photon.extra))).collect();
    for index in (0..SLOTS).filter(|index| noisy[*index]) {
        let slot = &link.slots[index];
        let outside = link.recall.outside_mean[index];
        let mean = slot.noise_mean() + outside;
        // at least one, by inversion
        let mut left = rng.uniform() * -math::exp_m1(-mean);
        let (mut count, mut probability) = (1, mean * math::exp(-mean));
        while left >= probability && probability > 0.0 {
            left -= probability;
            count += 1;
            probability *= mean / f64::from(count);
        }
        let background = link.backgrounds[index].as_ref().filter(|_| slot.background_mean > 0.0);
        for _ in 0..count {
            if outside > 0.0 && rng.uniform() * mean < outside {
                let time_s = outside_s(link, index, rng);
                events.push(Event { detector: index, slot: None, time_s, what: What::Outside });
                continue;
            }
            let lit = background.filter(|_| rng.uniform() * slot.noise_mean() < slot.background_mean);
            let uniform = rng.uniform();
            events.push(match lit {
                Some(background) => event(index, background.time_s(uniform), What::Background),
                None => event(index, link.window.start_s + link.window.duration_s() * uniform, What::Dark),
            });
        }
    }
    // a gate is closed outside the windows
    let counts = |event: &Event| !link.slots[event.detector].gated && link.in_cell(event.time_s);
    events.retain(|event| event.slot.is_some() || counts(event));
    events
}

/// Time (s) of a count without photon outside the windows of a detector.
fn outside_s(link: &Link, detector: usize, rng: &mut Xoshiro) -> f64 {
    let slot = &link.slots[detector];
    let bins = u8::from(link.bin_separation_s > 0.0);
    let lit = slot.background_outside_mean * (1.0 + f64::from(bins));
    if let Some(background) = &link.backgrounds[detector]
        && rng.uniform() * link.recall.outside_mean[detector] < lit
    {
        let late = bins > 0 && rng.uniform() < 0.5;
        let offset_s = if late { link.bin_separation_s } else { 0.0 };
        loop {
            let time_s = background.anywhere_s(rng);
            if !(link.window.start_s..link.window.end_s).contains(&time_s) {
                return time_s + offset_s;
            }
        }
    }
    loop {
        let time_s = link.recall.cell_start_s + link.schedule.attempt_period_s() * rng.uniform();
        if link.slot_at(detector, time_s).is_none() {
            return time_s;
        }
    }
}
