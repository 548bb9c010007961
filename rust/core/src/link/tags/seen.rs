//! What the slots of one attempt registered, and what follows that no herald depends on.

use super::super::Link;
use super::super::detectors::{Listener, What, blind_s, exponential};
use crate::detection::Slot;
use crate::emission::normal;
use crate::encoding::SLOTS;
use crate::math;
use crate::stream::Xoshiro;

const PHOTON: u8 = 0;
const DARK: u8 = 1;
const BACKGROUND: u8 = 2;
const AFTERPULSE: u8 = 3;

/// Means up to which the number of events is drawn by inversion.
const SMALL_MEAN: f64 = 1.0;

/// A click: time, and position of its kind in [`TAG_KINDS`](super::TAG_KINDS).
#[derive(Debug, Clone, Copy)]
pub(super) struct Click {
    pub(super) time_s: f64,
    pub(super) kind: u8,
}

/// What a slot registered in one attempt.
#[derive(Debug, Default)]
struct InSlot {
    /// Clicks if detectors were followed in time, else photons.
    clicks: Vec<Click>,
    /// First dark count (s).
    dark_s: Option<f64>,
    /// Part of the background before its first event.
    background: Option<f64>,
    several: bool,
    jitter_s: Option<f64>,
}

/// What a listener to an attempt heard.
#[derive(Debug, Default)]
pub(super) struct Seen {
    slots: [InSlot; SLOTS],
}

impl Listener for Seen {
    fn click(&mut self, slot: usize, time_s: f64, what: What) {
        let kind = match what {
            What::Photon(_) => PHOTON,
            What::Background => BACKGROUND,
            What::Dark | What::Outside => DARK,
            What::Afterpulse => AFTERPULSE,
        };
        self.slots[slot].clicks.push(Click { time_s, kind });
    }

    fn photon(&mut self, slot: usize, time_s: f64) {
        self.slots[slot].clicks.push(Click { time_s, kind: PHOTON });
    }

    fn dark(&mut self, slot: usize, time_s: f64) {
        self.slots[slot].dark_s = Some(time_s);
    }

    fn background(&mut self, slot: usize, part: f64) {
        self.slots[slot].background = Some(part);
    }

    fn several(&mut self, slot: usize) {
        self.slots[slot].several = true;
    }

    fn jitter(&mut self, slots: [Option<usize>; 2], jitter_s: [f64; 2]) {
        for (slot, jitter_s) in slots.into_iter().zip(jitter_s) {
            if let Some(slot) = slot {
                self.slots[slot].jitter_s = Some(jitter_s);
            }
        }
    }
}

impl Seen {
    /// Clicks of a slot as recorded, from the opening of its window (s), in the order in which they happened; what was not drawn
    /// yet comes from `rng`.
    pub(super) fn recorded(&mut self, link: &Link, index: usize, rng: &mut Xoshiro) -> Vec<Click> {
        let slot = &link.slots[index];
        let seen = std::mem::take(&mut self.slots[index]);
        let mut jitter_s = seen.jitter_s;
        let mut clicks = if link.recall.orders {
            seen.clicks
        } else {
            let events = seen.events(link, index, rng);
            if slot.number_resolving { events } else { clicks_of(events, link, slot, rng) }
        };
        for click in &mut clicks {
            // the first click of a slot that is part of a pattern was recorded with the engine's jitter
            let late_s = jitter_s.take().unwrap_or_else(|| {
                if slot.timing_jitter_s > 0.0 { slot.timing_jitter_s * normal(rng) } else { 0.0 }
            });
            click.time_s = click.time_s - link.window.start_s + late_s;
        }
        clicks
    }
}

impl InSlot {
    /// All events in the window of a slot that was ready when it opened, in the order of time.
    fn events(self, link: &Link, index: usize, rng: &mut Xoshiro) -> Vec<Click> {
        let slot = &link.slots[index];
        let window = link.window;
        let mut events = self.clicks;
        let lit = link.backgrounds[index].as_ref().filter(|_| slot.background_mean > 0.0);
        if self.several {
            for _ in 0..at_least_two(slot.noise_mean(), rng) {
                let background = lit.filter(|_| rng.uniform() * slot.noise_mean() < slot.background_mean);
                let uniform = rng.uniform();
                events.push(match background {
                    Some(background) => Click { time_s: background.time_s(uniform), kind: BACKGROUND },
                    None => Click { time_s: window.start_s + window.duration_s() * uniform, kind: DARK },
                });
            }
        } else {
            // Poisson processes go on after their first event as if it had not been
            let mut dark_s = self.dark_s.unwrap_or(f64::INFINITY);
            while dark_s < window.end_s {
                events.push(Click { time_s: dark_s, kind: DARK });
                dark_s += exponential(1.0 / slot.dark_count_rate_hz, rng);
                if slot.number_resolving {
                    break;
                }
            }
            if let (Some(mut part), Some(background)) = (self.background, lit) {
                while part < 1.0 {
                    events.push(Click { time_s: background.time_s(part), kind: BACKGROUND });
                    part += exponential(1.0 / slot.background_mean, rng);
                    if slot.number_resolving {
                        break;
                    }
                }
            }
        }
        events.sort_by(|a, b| a.time_s.total_cmp(&b.time_s));
        events
    }
}

/// Events that find their detector ready, and their afterpulses: as `Clicks::in_order`, within one window.
fn clicks_of(events: Vec<Click>, link: &Link, slot: &Slot, rng: &mut Xoshiro) -> Vec<Click> {
    if slot.longest_blind_s + slot.longest_chain_s == 0.0 {
        return events;
    }
    let mut events = events;
    let mut clicks = vec![];
    let (mut next, mut ready_s) = (0, f64::NEG_INFINITY);
    while let Some(event) = events.get(next).copied() {
        next += 1;
        if event.time_s < ready_s {
            continue;
        }
        clicks.push(event);
        ready_s = event.time_s + blind_s(slot, rng);
        if slot.afterpulse_probability > 0.0 && rng.uniform() < slot.afterpulse_probability {
            let time_s = event.time_s + slot.dead_time_s + exponential(slot.afterpulse_time_s, rng);
            if time_s < link.window.end_s {
                let place = next + events[next..].partition_point(|other| other.time_s <= time_s);
                events.insert(place, Click { time_s, kind: AFTERPULSE });
            }
        }
    }
    clicks
}

/// A Poisson number, given that it is at least two.
fn at_least_two(mean: f64, rng: &mut Xoshiro) -> u32 {
    if mean > SMALL_MEAN {
        loop {
            let (mut count, mut sum) = (0, exponential(1.0, rng));
            while sum < mean {
                count += 1;
                sum += exponential(1.0, rng);
            }
            if count >= 2 {
                return count;
            }
        }
    }
    // p(2) + p(3) + ..., smallest last: a difference from one would lose all digits of a small mean
    let mut terms = vec![0.5 * mean * mean * math::exp(-mean)];
    while let Some(term) = terms.last().copied().filter(|term| *term > f64::EPSILON * terms[0]) {
        terms.push(term * mean / (terms.len() + 2) as f64);
    }
    let mut left = rng.uniform() * terms.iter().rev().sum::<f64>();
    let mut count = 2;
    for term in terms {
        if left < term {
            break;
        }
        left -= term;
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::{BlockKey, Key};

    #[test]
    fn numbers_of_at_least_two_have_their_mean() {
        // E[n | n >= 2] = m (1 - e^-m)/(1 - e^-m (1 + m)), which tends to 2 + m/3
        let mut rng = BlockKey { key: Key::from_seed(5), engine: 0, block: 0 }.scalar(0);
        for (mean, expected) in [(1e-6, 2.0), (0.5, 2.180_7), (1.0, 2.392_2), (3.0, 3.559_2_f64)] {
            let tail = 1.0 - math::exp(-mean) * (1.0 + mean);
            let exact = if mean < 1e-3 { 2.0 } else { mean * (1.0 - math::exp(-mean)) / tail };
            assert!((exact - expected).abs() < 1e-3, "{exact}");
            let draws = 200_000;
            let sum: u64 = (0..draws).map(|_| u64::from(at_least_two(mean, &mut rng))).sum();
            // the variance of what is left above two is below that of the whole, m
            let error = (mean / f64::from(draws)).sqrt();
            let found = sum as f64 / f64::from(draws);
            assert!((found - exact).abs() < 4.0 * error + 1e-6, "{mean}: {found}");
            // negative control: not the mean of all Poisson numbers above zero
            let of_any = mean / (1.0 - math::exp(-mean));
            assert!((found - of_any).abs() > 4.0 * error, "{mean}: {found}");
        }
    }
}
