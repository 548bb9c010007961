//! One attempt, photon by photon: what both click-level engines do once they know that something happened.

use super::Link;
use super::draw::{Detectors, Record};
use crate::emission::Arrival;
use crate::herald::{Cause, SLOTS};
use crate::math;
use crate::stream::Xoshiro;

/// Kinds of things that can happen in an attempt: a photon of each node, dark counts in each slot.
pub(super) const KINDS: usize = 2 + SLOTS;

/// Whether emission times may lie anywhere or are known to lie inside the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Times {
    /// Any time after the pulse; the window is tested afterwards.
    Free,
    /// Inside the window.
    Inside,
}

/// Rules by which attempts of a link are resolved.
#[derive(Debug)]
pub(super) struct Attempts<'a> {
    pub(super) link: &'a Link,
    times: Times,
    /// Arrival of each node's photon, for [`Times::Inside`].
    inside: [Arrival; 2],
    /// Number of the accepted pattern for each set of clicking slots.
    pattern_of_mask: [Option<u8>; 1 << SLOTS],
    record_coincidences: bool,
    /// Whether detectors remember clicks from one window to the next.
    pub(super) remembers: bool,
}

impl<'a> Attempts<'a> {
    pub(super) fn new(link: &'a Link, times: Times, record_coincidences: bool) -> Self {
        let mut pattern_of_mask = [None; 1 << SLOTS];
        for (index, pattern) in link.patterns.iter().enumerate() {
            pattern_of_mask[pattern.mask() as usize] = Some(index as u8);
        }
        Self {
            link,
            times,
            inside: [0, 1].map(|node: usize| link.arrival_inside(node)),
            pattern_of_mask,
            record_coincidences,
            remembers: link.remembers(),
        }
    }

    /// Probability that each kind happens; with [`Times::Inside`] a photon counts only inside the window.
    pub(super) fn probabilities(&self) -> [f64; KINDS] {
        std::array::from_fn(|kind| {
            if kind >= 2 {
                return self.link.slots[kind - 2].dark_probability;
            }
            let source = &self.link.sources[kind];
            let window = match self.times {
                Times::Free => 1.0,
                Times::Inside => source.packet.captured(self.link.window.start_s, self.link.window.end_s),
            };
            source.photon_probability * source.efficiency * window
        })
    }

    /// Number of kinds that must happen for anything to be recorded or remembered.
    pub(super) fn least(&self) -> usize {
        if self.remembers { 1 } else { 2 }
    }

    /// Resolves an attempt in which `happened` is known and records what comes of it.
    pub(super) fn resolve(
        &self,
        attempt: u64,
        wanted: bool,
        happened: [bool; KINDS],
        rng: &mut Xoshiro,
        detectors: &mut Detectors,
        record: &mut Record,
    ) {
        let [a, b, dark @ ..] = happened;
        let photons = self.photons([a, b], rng);
        let clicks = if self.remembers {
            self.clicks_remembering(attempt, photons, dark, rng, detectors)
        } else {
            self.clicks(photons, dark, rng)
        };
        if !wanted {
            return;
        }
        let opening = self.link.window.start_s;
        let mut mask = 0;
        for index in 0..SLOTS {
            if self.link.slots[index].number_resolving && clicks.count[index] > 1 {
                return;
            }
            mask |= usize::from(clicks.count[index] > 0) << index;
        }
        if let Some(number) = self.pattern_of_mask[mask] {
            let slots = self.link.patterns[usize::from(number)].slots;
            let cause = match slots.iter().filter(|slot| clicks.photon[**slot]).count() {
                2 => Cause::PhotonPhoton,
                1 => Cause::PhotonDark,
                _ => Cause::DarkDark,
            };
            record.heralds.push(attempt, number, cause, slots.map(|slot| clicks.first[slot] - opening));
            if self.remembers {
                record.heralds.blind_s.push(clicks.open.map(|open| open - opening));
            }
        } else if self.record_coincidences {
            for mode in 0..2 {
                let slots = [mode, 2 + mode];
                if mask == 1 << slots[0] | 1 << slots[1] {
                    let times = slots.map(|slot| clicks.first[slot] - opening);
                    record.coincidences.push(attempt, mode as u8, times);
                }
            }
        }
    }

    /// Slot and time of each registered photon, were its detector ready.
    fn photons(&self, survived: [bool; 2], rng: &mut Xoshiro) -> [Option<(usize, f64)>; 2] {
        let link = self.link;
        let mut mode = [0; 2];
        let mut time = [0.0; 2];
        for node in 0..2 {
            if survived[node] {
                let source = &link.sources[node];
                mode[node] = usize::from(rng.uniform() >= source.amplitudes[0] * source.amplitudes[0]);
                time[node] = match self.times {
                    Times::Free => {
                        source.packet.delay_s - source.packet.lifetime_s * math::ln(rng.uniform_open())
                    }
                    Times::Inside => self.inside[node].time_s(rng.uniform()),
                };
            }
        }
        let port = self.ports(survived, mode, time, rng);
        let mut registered = [None; 2];
        for node in 0..2 {
            if !survived[node] {
                continue;
            }
            let index = 2 * port[node] + mode[node];
            let slot = &link.slots[index];
            let kept = slot.relative_efficiency >= 1.0 || rng.uniform() < slot.relative_efficiency;
            if kept && time[node] >= link.window.start_s && time[node] < link.window.end_s {
                registered[node] = Some((index, time[node]));
            }
        }
        registered
    }

    /// Exits of the splitter. Two photons in one mode leave it together more often than apart: given their times, the
    /// four pairs of exits have the probabilities |A1|² + |A2|² + 2 V Re(A1 A2*), where A1 has node A's photon at the
    /// time drawn for it and A2 has the two exchanged. The marginal of the times knows nothing of interference.
    fn ports(&self, photons: [bool; 2], mode: [usize; 2], time: [f64; 2], rng: &mut Xoshiro) -> [usize; 2] {
        let link = self.link;
        let splitter = &link.splitter;
        if !(photons[0] && photons[1] && mode[0] == mode[1]) {
            let mut port = [0; 2];
            for node in 0..2 {
                if photons[node] {
                    port[node] = usize::from(rng.uniform() >= splitter.probability(mode[node], 0, node));
                }
            }
            return port;
        }
        let [a, b] = [&link.sources[0].packet, &link.sources[1].packet];
        let [x, y] = time;
        // |f_B(x) f_A(y)|² / |f_A(x) f_B(y)|²
        let exchanged = if x >= b.delay_s && y >= a.delay_s {
            math::exp((x - y) * (1.0 / a.lifetime_s - 1.0 / b.lifetime_s))
        } else {
            0.0
        };
        let visibility =
            link.mode_overlap * math::exp(-(a.dephasing_rate_hz + b.dephasing_rate_hz) * (x - y).abs());
        let beat = math::cos((a.detuning_rad_per_s - b.detuning_rad_per_s) * (x - y));
        let interference = 2.0 * visibility * exchanged.sqrt() * beat;
        let u = |port, source| splitter.amplitude(mode[0], port, source);
        let mut left = rng.uniform() * (1.0 + exchanged);
        for (d, e) in [(0, 0), (0, 1), (1, 0)] {
            let (direct, swapped) = (u(d, 0) * u(e, 1), u(d, 1) * u(e, 0));
            left -= direct * direct + swapped * swapped * exchanged + direct * swapped * interference;
            if left < 0.0 {
                return [d, e];
            }
        }
        [1, 1]
    }

    /// Clicks of detectors that are ready when the window opens: only the first event of a slot matters.
    fn clicks(&self, photons: [Option<(usize, f64)>; 2], dark: [bool; SLOTS], rng: &mut Xoshiro) -> Clicks {
        let mut clicks = Clicks::new(self.link.window.start_s);
        for (slot, time) in photons.into_iter().flatten() {
            clicks.add(slot, time, true);
        }
        for index in 0..SLOTS {
            if !dark[index] {
                continue;
            }
            let slot = &self.link.slots[index];
            // a number-resolving slot that counts several events rejects the attempt, whenever they came
            let several = slot.number_resolving && {
                let exactly_one = slot.dark_click_probability() / slot.dark_probability;
                rng.uniform() >= exactly_one
            };
            clicks.add(index, slot.dark_click_time_s(&self.link.window, rng.uniform()), false);
            clicks.count[index] += u32::from(several);
        }
        clicks
    }

    /// Clicks of detectors that may still be blind: every event in the order of time. The random numbers drawn do not
    /// depend on what the detectors remember.
    fn clicks_remembering(
        &self,
        attempt: u64,
        photons: [Option<(usize, f64)>; 2],
        dark: [bool; SLOTS],
        rng: &mut Xoshiro,
        detectors: &mut Detectors,
    ) -> Clicks {
        let link = self.link;
        let window = link.window;
        let mut events: Vec<(f64, usize, bool)> =
            photons.into_iter().flatten().map(|(slot, time)| (time, slot, true)).collect();
        for index in 0..SLOTS {
            if dark[index] {
                for _ in 0..self.dark_count(index, rng) {
                    events.push((window.start_s + window.duration_s() * rng.uniform(), index, false));
                }
            }
        }
        events.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut clicks = Clicks::new(window.start_s);
        clicks.open = detectors.open_s(link, attempt);
        let mut ready = clicks.open;
        for (time, index, photon) in events {
            if time < ready[index] {
                // a slot with photon and dark count is a photon slot, whichever of them clicked
                clicks.photon[index] |= photon && time >= clicks.open[index];
                continue;
            }
            clicks.add(index, time, photon);
            detectors.click(index, attempt, time);
            let slot = &link.slots[index];
            if !slot.number_resolving {
                ready[index] = time + slot.dead_time_s;
            }
        }
        detectors.seen(attempt);
        clicks
    }

    /// Number of dark counts in a window that has at least one: Poisson by inversion.
    fn dark_count(&self, index: usize, rng: &mut Xoshiro) -> u32 {
        let slot = &self.link.slots[index];
        let mut left = rng.uniform() * slot.dark_probability;
        let (mut count, mut probability) = (1, slot.dark_mean * slot.silent_probability());
        while left >= probability && probability > 0.0 {
            left -= probability;
            count += 1;
            probability *= slot.dark_mean / f64::from(count);
        }
        count
    }
}

/// What the slots report in one window.
struct Clicks {
    /// First event of each slot (s), infinite without one.
    first: [f64; SLOTS],
    /// Registered events.
    count: [u32; SLOTS],
    /// Whether a photon is among them.
    photon: [bool; SLOTS],
    /// When each slot became ready (s): the window's opening, or later after a click in an earlier window.
    open: [f64; SLOTS],
}

impl Clicks {
    fn new(start_s: f64) -> Self {
        Self {
            first: [f64::INFINITY; SLOTS],
            count: [0; SLOTS],
            photon: [false; SLOTS],
            open: [start_s; SLOTS],
        }
    }

    fn add(&mut self, slot: usize, time_s: f64, photon: bool) {
        self.first[slot] = self.first[slot].min(time_s);
        self.count[slot] += 1;
        self.photon[slot] |= photon;
    }
}
