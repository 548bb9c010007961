//! Arrival time of a photon that is known to lie inside a window.

use super::table::linear_part;
use crate::math;
use crate::simd::{Level, vectorized};
use crate::stream::{BATCH, uniform, uniform_in_lanes};

/// Arrival time of a photon inside a window.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrival(Kind);

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    /// An exponential cut off at the window's end.
    Plain { from_s: f64, captured: f64, lifetime_s: f64 },
    /// Anything else.
    Numeric(Box<Numeric>),
}

/// How the intensity runs inside a piece of the window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Course {
    /// exp(-t/tau): tau in s.
    Exponential(f64),
    /// A straight line between these values.
    Linear(f64, f64),
    /// Smooth enough for one Gauss rule.
    Smooth,
}

/// A piece of the window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Piece {
    pub(super) from_s: f64,
    pub(super) to_s: f64,
    pub(super) weight: f64,
    pub(super) course: Course,
}

#[derive(Debug, Clone, PartialEq)]
struct Numeric {
    pieces: Vec<Piece>,
    /// Part of the photon that comes before each piece.
    before: Vec<f64>,
    /// For every part of equal probability the first piece that reaches into it.
    guide: Vec<u32>,
    packet: super::WavePacket,
    /// Answer where the window holds no light.
    default_s: f64,
}

impl Arrival {
    pub(super) fn plain(from_s: f64, captured: f64, lifetime_s: f64) -> Self {
        Self(Kind::Plain { from_s, captured, lifetime_s })
    }

    /// From pieces in the order of time.
    pub(super) fn numeric(packet: &super::WavePacket, pieces: Vec<Piece>, default_s: f64) -> Self {
        let pieces: Vec<Piece> = pieces.into_iter().filter(|piece| piece.weight > 0.0).collect();
        let total: f64 = pieces.iter().map(|piece| piece.weight).sum();
        let mut sum = 0.0;
        let mut before = Vec::with_capacity(pieces.len());
        for piece in &pieces {
            before.push(sum / total);
            sum += piece.weight;
        }
        let parts = pieces.len().next_power_of_two();
        let mut index = 0;
        let guide = (0..parts)
            .map(|part| {
                let uniform = part as f64 / parts as f64;
                while index + 1 < before.len() && before[index + 1] <= uniform {
                    index += 1;
                }
                index as u32
            })
            .collect();
        Self(Kind::Numeric(Box::new(Numeric { pieces, before, guide, packet: packet.clone(), default_s })))
    }

    /// The time (s) for a uniform number in \[0, 1): the part `uniform` of what the window captures comes before it.
    #[inline]
    pub fn time_s(&self, uniform: f64) -> f64 {
        match &self.0 {
            Kind::Plain { from_s, captured, lifetime_s } => {
                let log = if *captured >= MUCH {
                    math::ln_normal(1.0 - uniform * captured)
                } else {
                    math::ln_1p(-uniform * captured)
                };
                from_s - lifetime_s * log
            }
            Kind::Numeric(numeric) => numeric.time_s(uniform),
        }
    }
}

impl Arrival {
    /// The times (s) for random words, as [`Arrival::time_s`] gives them for their uniform numbers.
    #[inline]
    pub(crate) fn each(&self, level: Level, words: &[u64; BATCH], times_s: &mut [f64; BATCH]) {
        match &self.0 {
            Kind::Plain { from_s, captured, lifetime_s } if *captured >= MUCH => {
                each_plain(level, [*from_s, *captured, *lifetime_s], words, times_s);
            }
            _ => {
                for (time_s, word) in times_s.iter_mut().zip(words) {
                    *time_s = self.time_s(uniform(*word));
                }
            }
        }
    }
}

/// Part of the photon in the window from which on 1 - u c is exact enough: times then come in steps of at most 2^-49 of the
/// window.
const MUCH: f64 = 1.0 / 16.0;

vectorized! {
    fn each_plain(plain: [f64; 3], words: &[u64; BATCH], times_s: &mut [f64; BATCH]) {
        let [from_s, captured, lifetime_s] = plain;
        for (time_s, word) in times_s.iter_mut().zip(words) {
            *time_s = from_s - lifetime_s * math::ln_normal(1.0 - uniform_in_lanes(*word) * captured);
        }
    }
}

impl Numeric {
    fn time_s(&self, uniform: f64) -> f64 {
        if self.pieces.is_empty() {
            return self.default_s;
        }
        let part = ((uniform * self.guide.len() as f64) as usize).min(self.guide.len() - 1);
        let mut index = self.guide[part] as usize;
        while index + 1 < self.before.len() && self.before[index + 1] <= uniform {
            index += 1;
        }
        let piece = &self.pieces[index];
        let until = self.before.get(index + 1).copied().unwrap_or(1.0);
        let share = until - self.before[index];
        let inside = if share > 0.0 { ((uniform - self.before[index]) / share).clamp(0.0, 1.0) } else { 0.0 };
        self.within(piece, inside).clamp(piece.from_s, piece.to_s)
    }

    /// The time before which a part of the piece's light comes.
    fn within(&self, piece: &Piece, part: f64) -> f64 {
        let length = piece.to_s - piece.from_s;
        match piece.course {
            Course::Exponential(lifetime_s) => {
                piece.from_s - lifetime_s * math::ln_1p(part * math::exp_m1(-length / lifetime_s))
            }
            Course::Linear(left, right) => piece.from_s + length * linear_part(left, right, part),
            Course::Smooth => self.solved(piece, part),
        }
    }

    /// Newton's method inside a shrinking bracket, for the integral from the piece's beginning.
    fn solved(&self, piece: &Piece, part: f64) -> f64 {
        let intensity = |time: f64| self.packet.intensity(time);
        let length = piece.to_s - piece.from_s;
        let wanted = part * piece.weight;
        let (mut low, mut high) = (piece.from_s, piece.to_s);
        let (left, right) = (intensity(low), intensity(high));
        let mut time = low + length * linear_part(left, right, part);
        for _ in 0..100 {
            let excess = math::gauss_legendre(piece.from_s, time, intensity) - wanted;
            if excess > 0.0 {
                high = time;
            } else {
                low = time;
            }
            let next = time - excess / intensity(time);
            // a step that leaves the bracket, or is no number, gives way to halving
            if !(low..=high).contains(&next) {
                time = 0.5 * (low + high);
                continue;
            }
            let step = (next - time).abs();
            time = next;
            // Newton squares the error: the step after this one would be below the rounding
            if step <= 1e-8 * length {
                break;
            }
        }
        time
    }
}
