//! Motion: what the recoil of the photons does to the coherence between their ions.
//!
//! A photon that leaves kicks its ion. Kicks at two times leave a motional mode in states that overlap less than fully, so
//! whoever could have emitted at either time is a little known by its motion. Two photons exchanged, T apart, keep the factor
//!
//! K(T) = prod over the modes of both ions of exp(-x (1 - cos wT)), x = eta² (2 nbar + 1),
//!
//! and a photon that either ion may have emitted keeps exp(-sum of x/2) (docs/physics.md, section Moving ions). K is a
//! mixture of beats, exp(-x (1 - cos wT)) = sum over n of e^(-x) I_n(x) e^(i n w T), which keeps integrals over times closed.

use crate::check;
use crate::error::{Error, Result};
use crate::math;
use serde::{Deserialize, Serialize};
use std::sync::OnceLock;

/// One motional mode of an ion, along the kick of its photon.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MotionalModeParams {
    /// Lamb-Dicke parameter eta of the kick along this mode.
    pub lamb_dicke: f64,
    /// Angular frequency of the mode (rad/s).
    pub frequency_rad_per_s: f64,
    /// Mean number of phonons in the first attempt of a burst.
    #[serde(default)]
    pub mean_phonons: f64,
    /// Phonons that every attempt of a burst adds.
    #[serde(default)]
    pub phonons_per_attempt: f64,
}

/// Larger kicks than any trapped ion's.
const MAX_LAMB_DICKE: f64 = 10.0;
/// Hotter than any trapped ion.
const MAX_PHONONS: f64 = 1e9;

impl MotionalModeParams {
    /// Checks the fields.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the field.
    pub fn check(&self) -> Result<()> {
        check::within("lamb_dicke", self.lamb_dicke, 0.0, MAX_LAMB_DICKE, "")?;
        let frequency = check::positive("frequency_rad_per_s", self.frequency_rad_per_s, "rad/s")?;
        check::rate("frequency_rad_per_s", frequency, "rad/s")?;
        check::within("mean_phonons", self.mean_phonons, 0.0, MAX_PHONONS, "")?;
        check::within("phonons_per_attempt", self.phonons_per_attempt, 0.0, MAX_PHONONS, "").map(drop)
    }
}

/// Checks the modes of one node.
///
/// # Errors
/// [`Error::Parameter`] naming mode and field.
pub(crate) fn check_modes(modes: &[MotionalModeParams]) -> Result<()> {
    for (index, mode) in modes.iter().enumerate() {
        mode.check().map_err(|error| error.within(index).within("motion"))?;
    }
    Ok(())
}

/// All modes of one frequency: x = `first` + `growth` times the position in the burst.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Kick {
    frequency: f64,
    first: f64,
    growth: f64,
}

impl Kick {
    fn at(&self, position: f64) -> f64 {
        self.first + self.growth * position
    }
}

/// One term of K(T): weight times exp(i frequency T).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Beat {
    pub(crate) weight: f64,
    /// (rad/s)
    pub(crate) frequency: f64,
}

/// The motion of both ions.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Motion {
    kicks: Vec<Kick>,
    /// Attempts of an ion per burst where the motion heats up, else one.
    attempts: u64,
    ions_per_round: u64,
    /// From the window of mode 0 to that of mode 1 (s).
    bin_separation_s: f64,
    /// K averaged over a burst, as beats; nothing where they are too many.
    beats: Option<(Vec<Beat>, Precision)>,
}

/// Which beats are left out, and how many there may be.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Precision {
    /// Weight of a term that is not looked at.
    not_looked_at: f64,
    /// Weight of all beats that are left out of exact results.
    left_out: f64,
    most_terms: usize,
    most_beats: usize,
}

/// More beats cost more than integrals without closed form.
const FINE: Precision =
    Precision { not_looked_at: 1e-20, left_out: 1e-14, most_terms: 20_000, most_beats: 6000 };
/// Where the modes of the photons beat too fast for integrals without closed form.
const ROUGH: Precision =
    Precision { not_looked_at: 1e-15, left_out: 1e-11, most_terms: 200_000, most_beats: 150_000 };
/// Terms looked at, times positions in a burst.
const MOST_PRODUCTS: usize = 2_000_000;
/// More beats cost each record more than a look at a table.
const MOST_RECORD_BEATS: usize = 100;
/// Weight of all beats that are left out of what dark counts hide.
const LEFT_OUT_BEHIND_DARKS: f64 = 1e-8;
/// An x with more beats than that.
const MOST_KICKED: f64 = 1e4;

impl Motion {
    /// Of the checked modes of each node; `beating` photons are those whose own modes beat.
    ///
    /// # Errors
    /// [`Error::Model`] for heating without bursts.
    pub(crate) fn new<'a>(
        nodes: impl Iterator<Item = &'a [MotionalModeParams]>,
        rounds_per_burst: Option<u64>,
        ions_per_round: u64,
        bin_separation_s: f64,
        beating: bool,
    ) -> Result<Self> {
        let mut kicks: Vec<Kick> = vec![];
        for (node, modes) in nodes.enumerate() {
            for (index, mode) in modes.iter().enumerate() {
                if mode.phonons_per_attempt > 0.0 && rounds_per_burst.is_none() {
                    return Err(Error::Model {
                        parameter: format!("nodes.{node}.motion.{index}.phonons_per_attempt"),
                        message:
                            "phonons are added along a burst, which `schedule.attempts_per_burst` must end"
                                .into(),
                    });
                }
                let squared = mode.lamb_dicke * mode.lamb_dicke;
                let kick = Kick {
                    frequency: mode.frequency_rad_per_s,
                    first: squared * (2.0 * mode.mean_phonons + 1.0),
                    growth: squared * 2.0 * mode.phonons_per_attempt,
                };
                if squared == 0.0 {
                    continue;
                }
                match kicks.iter_mut().find(|known| known.frequency == kick.frequency) {
                    Some(known) => {
                        known.first += kick.first;
                        known.growth += kick.growth;
                    }
                    None => kicks.push(kick),
                }
            }
        }
        let heats = kicks.iter().any(|kick| kick.growth > 0.0);
        let attempts = if heats { rounds_per_burst.unwrap_or(1) } else { 1 };
        let mut motion = Self { kicks, attempts, ions_per_round, bin_separation_s, beats: None };
        let precisions = if beating { &[FINE, ROUGH][..] } else { &[FINE] };
        motion.beats = precisions.iter().find_map(|precision| motion.averaged_beats(*precision));
        Ok(motion)
    }

    /// Whether nothing moves.
    pub(crate) fn is_still(&self) -> bool {
        self.kicks.is_empty()
    }

    /// Whether attempts of a burst differ.
    pub(crate) fn heats(&self) -> bool {
        self.attempts > 1
    }

    /// Whether K is a sum of few beats.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_still() || self.beats.is_some()
    }

    /// Whether the state of every record sums beats: where they are few, or where a table of integrals could not hold them.
    pub(crate) fn is_closed_for_records(&self, beating: bool) -> bool {
        self.is_closed() && (beating || self.heats() || self.mean().strong_beats().len() <= MOST_RECORD_BEATS)
    }

    /// Angular frequency of the fastest beats that matter (rad/s).
    pub(crate) fn fastest(&self) -> f64 {
        let last = (self.attempts.max(1) - 1) as f64;
        let square = |kick: &Kick| kick.at(last) * kick.frequency * kick.frequency;
        let spread = self.kicks.iter().map(square).sum::<f64>().sqrt();
        self.kicks.iter().fold(0.0, |fastest: f64, kick| fastest.max(kick.frequency)) + 4.0 * spread
    }

    /// The recoil of an attempt.
    pub(crate) fn at(&self, attempt: u64) -> Recoil<'_> {
        let position = self.heats().then(|| (attempt / self.ions_per_round % self.attempts) as f64);
        Recoil { motion: self, position, beats: OnceLock::new() }
    }

    /// The mean recoil of all attempts.
    pub(crate) fn mean(&self) -> Recoil<'_> {
        Recoil { motion: self, position: None, beats: OnceLock::new() }
    }

    fn averaged_beats(&self, precision: Precision) -> Option<(Vec<Beat>, Precision)> {
        let last = (self.attempts.max(1) - 1) as f64;
        if self.kicks.iter().any(|kick| kick.at(last) > MOST_KICKED) {
            return None;
        }
        let positions = self.positions();
        let beats =
            self.beats_of(&positions, precision, precision.most_terms.min(MOST_PRODUCTS / positions.len()))?;
        (beats.len() <= precision.most_beats).then_some((beats, precision))
    }

    /// Positions of a burst with weights that average e^(-x) I_n(x): Gauss's rule for equally weighted integers, piece by
    /// piece, each short enough for no x to grow by more than itself, or by one.
    fn positions(&self) -> Vec<(f64, f64)> {
        let count = self.attempts.max(1);
        let mut positions = vec![];
        let mut start = 0;
        while start < count {
            let mut length = count - start;
            for kick in self.kicks.iter().filter(|kick| kick.growth > 0.0) {
                let longest = kick.at(start as f64).max(1.0) / kick.growth;
                // a float beyond all integers is the largest one
                length = length.min((longest as u64).max(1));
            }
            let share = length as f64 / count as f64;
            for (offset, weight) in math::integer_rule(length) {
                positions.push((start as f64 + offset, share * weight));
            }
            start += length;
        }
        positions
    }

    /// K at weighted positions as beats, the strongest first; nothing if more than `most` terms have to be looked at.
    fn beats_of(&self, positions: &[(f64, f64)], precision: Precision, most: usize) -> Option<Vec<Beat>> {
        let weights: Vec<Vec<Vec<f64>>> = positions
            .iter()
            .map(|(position, _)| {
                self.kicks.iter().map(|kick| math::bessel_weights(kick.at(*position))).collect()
            })
            .collect();
        // the largest weight of each order over all positions
        let bounds: Vec<Vec<f64>> = (0..self.kicks.len())
            .map(|kick| {
                let orders = weights.iter().map(|at| at[kick].len()).max().unwrap_or(0);
                let largest = |order: usize| {
                    weights.iter().filter_map(|at| at[kick].get(order)).fold(0.0, |most: f64, w| most.max(*w))
                };
                (0..orders).map(largest).collect()
            })
            .collect();
        let mut chosen = vec![vec![]];
        for (kick, bounds_here) in bounds.iter().enumerate() {
            // nothing that follows weighs more than its order zero
            let after: f64 = bounds[kick + 1..].iter().map(|bounds| bounds[0]).product();
            let mut longer = vec![];
            for orders in &chosen {
                let before: f64 = std::iter::zip(orders, &bounds)
                    .map(|(order, bounds): (&i32, _)| bounds[order.unsigned_abs() as usize])
                    .product();
                for (order, bound) in (0..).zip(bounds_here) {
                    if before * bound * after < precision.not_looked_at {
                        break;
                    }
                    let signs: &[i32] = if order == 0 { &[1] } else { &[1, -1] };
                    for sign in signs {
                        let mut orders = orders.clone();
                        orders.push(sign * order);
                        longer.push(orders);
                    }
                }
                if longer.len() > most {
                    return None;
                }
            }
            chosen = longer;
        }
        let beat = |orders: &Vec<i32>| {
            let weight = |at: &Vec<Vec<f64>>| -> f64 {
                let of = |(order, weights): (&i32, &Vec<f64>)| {
                    weights.get(order.unsigned_abs() as usize).copied().unwrap_or(0.0)
                };
                std::iter::zip(orders, at).map(of).product()
            };
            Beat {
                weight: std::iter::zip(positions, &weights).map(|((_, share), at)| share * weight(at)).sum(),
                frequency: std::iter::zip(orders, &self.kicks)
                    .map(|(n, k)| f64::from(*n) * k.frequency)
                    .sum(),
            }
        };
        let mut beats: Vec<Beat> = chosen.iter().map(beat).collect();
        beats.sort_by(|a, b| b.weight.total_cmp(&a.weight).then(a.frequency.total_cmp(&b.frequency)));
        beats.truncate(strongest(&beats, precision.left_out).len());
        Some(beats)
    }
}

/// All of these beats, the strongest first, but for weak ones of this weight together.
fn strongest(beats: &[Beat], left_out: f64) -> &[Beat] {
    let mut weight = 0.0;
    let dropped = beats.iter().rev().take_while(|beat| {
        weight += beat.weight;
        weight <= left_out
    });
    &beats[..beats.len() - dropped.count()]
}

/// The recoil of one attempt, or its mean over a burst.
#[derive(Debug, Clone)]
pub(crate) struct Recoil<'a> {
    motion: &'a Motion,
    /// In the burst, where attempts of a burst differ.
    position: Option<f64>,
    beats: OnceLock<Vec<Beat>>,
}

impl Recoil<'_> {
    /// Whether nothing moves.
    pub(crate) fn is_still(&self) -> bool {
        self.motion.is_still()
    }

    /// Whether it is that of all attempts, or their mean.
    pub(crate) fn is_mean(&self) -> bool {
        self.position.is_none()
    }

    /// From a time in one bin to the same time some bins later (s).
    pub(crate) fn apart_s(&self, bins: i32) -> f64 {
        f64::from(bins) * self.motion.bin_separation_s
    }

    /// K(T): what is left of the coherence of two photons exchanged, emitted this time apart (s).
    pub(crate) fn kept(&self, time_s: f64) -> f64 {
        self.mean_of(|kick| {
            let sine = math::sin(0.5 * kick.frequency * time_s);
            2.0 * sine * sine
        })
    }

    /// K(T) as fewer beats, good enough for what dark counts hide.
    pub(crate) fn strong_beats(&self) -> &[Beat] {
        strongest(self.beats(), LEFT_OUT_BEHIND_DARKS)
    }

    /// What is left of the coherence between a photon of one ion and a photon of the other.
    pub(crate) fn unkicked(&self) -> f64 {
        self.mean_of(|_| 0.5)
    }

    /// K(T) as beats; for a motion that is closed.
    pub(crate) fn beats(&self) -> &[Beat] {
        let Some((mean, precision)) = &self.motion.beats else { return &[] };
        let Some(position) = self.position else { return mean };
        self.beats.get_or_init(|| {
            self.motion.beats_of(&[(position, 1.0)], *precision, usize::MAX).unwrap_or_default()
        })
    }

    /// exp(-sum of x times `part`), its mean over the positions a geometric sum.
    fn mean_of(&self, part: impl Fn(&Kick) -> f64) -> f64 {
        if self.is_still() {
            return 1.0;
        }
        let (mut first, mut growth) = (0.0, 0.0);
        for kick in &self.motion.kicks {
            let part = part(kick);
            first += part * kick.at(self.position.unwrap_or(0.0));
            growth += part * kick.growth;
        }
        let kept = math::exp(-first);
        if self.position.is_some() || !self.motion.heats() || growth == 0.0 {
            return kept;
        }
        let count = self.motion.attempts as f64;
        kept * math::exp_m1(-count * growth) / (count * math::exp_m1(-growth))
    }
}
