//! The `photon` engine: every attempt, photon by photon.
//!
//! An attempt draws, without skipping, whether each node's photon survives the product of its losses and whether each
//! slot has dark counts. Attempts in which fewer events remain than a pattern needs end there; in all others modes,
//! emission times, exits of the splitter, detection and dark count times are drawn one after the other.
//!
//! Draws for 32 attempts stand side by side: one step of the eight generators gives 32 digits of 16 bits, the leading
//! digits of the uniform numbers that 32 attempts compare with one probability. A digit decides unless it equals the
//! leading digit of the probability; then further bits do, so that every probability is exact.

use super::Link;
use super::run::{Engine, Heralds};
use crate::herald::{Cause, SLOTS};
use crate::math;
use crate::stream::{BlockKey, Key, Threshold, Xoshiro};
use std::ops::Range;

/// Attempts that share one step of the generators.
const GROUP: u64 = 32;
/// Kinds of draws per attempt: a photon of each node, dark counts in each slot.
const KINDS: usize = 2 + SLOTS;
/// Attempts between two looks at the stop flag: below a millisecond at ordinary speed.
const ATTEMPTS_PER_POLL: u64 = 1 << 14;

/// The engine, ready to draw.
#[derive(Debug)]
pub(crate) struct PhotonEngine<'a> {
    link: &'a Link,
    thresholds: [Threshold; KINDS],
    /// Kinds with a probability above zero, the only ones that are drawn.
    active: Vec<usize>,
    dark_probability: [f64; SLOTS],
    /// Number of the accepted pattern for each set of clicking slots.
    pattern_of_mask: [Option<u8>; 1 << SLOTS],
}

impl<'a> PhotonEngine<'a> {
    pub(crate) fn new(link: &'a Link) -> Self {
        let photon =
            [0, 1].map(|node: usize| link.sources[node].photon_probability * link.sources[node].efficiency);
        let dark_probability = std::array::from_fn(|slot| link.slots[slot].dark_probability());
        let probability: [f64; KINDS] =
            std::array::from_fn(|kind| if kind < 2 { photon[kind] } else { dark_probability[kind - 2] });
        let mut pattern_of_mask = [None; 1 << SLOTS];
        for (index, pattern) in link.patterns.iter().enumerate() {
            pattern_of_mask[pattern.mask() as usize] = Some(index as u8);
        }
        Self {
            link,
            thresholds: probability.map(Threshold::new),
            active: (0..KINDS).filter(|kind| probability[*kind] > 0.0).collect(),
            dark_probability,
            pattern_of_mask,
        }
    }

    /// One attempt in which at least two events are possible.
    fn resolve(
        &self,
        photons: [bool; 2],
        dark: [bool; SLOTS],
        rng: &mut Xoshiro,
    ) -> Option<(u8, Cause, [f64; 2])> {
        let link = self.link;
        let mut mode = [0; 2];
        let mut time = [0.0; 2];
        for node in 0..2 {
            if photons[node] {
                let source = &link.sources[node];
                mode[node] = usize::from(rng.uniform() >= source.amplitudes[0] * source.amplitudes[0]);
                time[node] = source.packet.delay_s - source.packet.lifetime_s * math::ln(rng.uniform_open());
            }
        }
        let port = self.ports(photons, mode, time, rng);

        let mut first = [f64::INFINITY; SLOTS];
        let mut count = [0_u32; SLOTS];
        for node in 0..2 {
            if !photons[node] {
                continue;
            }
            let index = 2 * port[node] + mode[node];
            let slot = &link.slots[index];
            let registered = slot.relative_efficiency >= 1.0 || rng.uniform() < slot.relative_efficiency;
            if registered && time[node] >= link.window.start_s && time[node] < link.window.end_s {
                first[index] = first[index].min(time[node]);
                count[index] += 1;
            }
        }
        let with_photon = count;
        for index in 0..SLOTS {
            if dark[index] {
                self.add_darks(index, &mut first[index], &mut count[index], rng);
            }
        }

        let mut mask = 0;
        for index in 0..SLOTS {
            if link.slots[index].number_resolving && count[index] > 1 {
                return None;
            }
            mask |= usize::from(count[index] > 0) << index;
        }
        let number = self.pattern_of_mask[mask]?;
        let slots = link.patterns[usize::from(number)].slots;
        let cause = match slots.iter().filter(|slot| with_photon[**slot] > 0).count() {
            2 => Cause::PhotonPhoton,
            1 => Cause::PhotonDark,
            _ => Cause::DarkDark,
        };
        Some((number, cause, slots.map(|slot| first[slot])))
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

    /// Adds the dark counts of a slot that has at least one: the first one's time, and how many where that matters.
    fn add_darks(&self, index: usize, first: &mut f64, count: &mut u32, rng: &mut Xoshiro) {
        let slot = &self.link.slots[index];
        let start = self.link.window.start_s;
        if slot.number_resolving {
            let exactly_one = slot.dark_click_probability() / self.dark_probability[index];
            *count += if rng.uniform() < exactly_one { 1 } else { 2 };
            *first = first.min(start + self.link.window.duration_s() * rng.uniform());
        } else {
            let within =
                -math::ln_1p(-rng.uniform() * self.dark_probability[index]) / slot.dark_count_rate_hz;
            *first = first.min(start + within);
            *count += 1;
        }
    }
}

impl Engine for PhotonEngine<'_> {
    const NUMBER: u64 = 1;
    const NAME: &'static str = "photon";

    fn block_length(&self) -> u64 {
        1 << 20
    }

    fn run_block(
        &self,
        key: Key,
        block: u64,
        attempts: Range<u64>,
        limit: usize,
        stopped: &mut dyn FnMut(u64) -> bool,
        heralds: &mut Heralds,
    ) -> u64 {
        let block_key = BlockKey { key, engine: Self::NUMBER, block };
        let mut lanes = block_key.lanes();
        let mut rng = block_key.scalar(0);
        let first_attempt = block * self.block_length();
        let mut done = 0;
        while done < attempts.end {
            if done.is_multiple_of(ATTEMPTS_PER_POLL) && stopped(done.max(attempts.start) - attempts.start) {
                return done.max(attempts.start);
            }
            let mut digits = [[0_u16; GROUP as usize]; KINDS];
            let mut masks = [0_u32; KINDS];
            let (mut once, mut twice) = (0, 0);
            for &kind in &self.active {
                digits[kind] = lanes.digits();
                let mask = self.thresholds[kind].mask(&digits[kind]);
                masks[kind] = mask;
                twice |= once & mask;
                once |= mask;
            }
            while twice != 0 {
                let lane = twice.trailing_zeros() as usize;
                twice &= twice - 1;
                let happened: [bool; KINDS] = std::array::from_fn(|kind| {
                    masks[kind] >> lane & 1 == 1 && self.thresholds[kind].decide(digits[kind][lane], &mut rng)
                });
                if happened.iter().filter(|happened| **happened).count() < 2 {
                    continue;
                }
                let [a, b, dark @ ..] = happened;
                let Some((pattern, cause, times)) = self.resolve([a, b], dark, &mut rng) else { continue };
                let attempt = done + lane as u64;
                if attempts.contains(&attempt) {
                    heralds.push(first_attempt + attempt, pattern, cause, times);
                    if heralds.len() >= limit {
                        return attempt + 1;
                    }
                }
            }
            done += GROUP;
        }
        attempts.end
    }
}
