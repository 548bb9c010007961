//! Exchanges of plain exponential photons: closed forms.

use super::{COARSE_ORDER, Place, Span, Swap, Waves};
use crate::math;
use crate::motion::Beat;
use num_complex::Complex64;

impl Waves {
    /// Exchange of plain exponentials: recoil is a factor at given times, and beats where they are integrated.
    pub(super) fn closed(&self, swap: Swap<'_>, spans: [Span; 2]) -> Complex64 {
        let turns = self.turns(swap);
        if let ([Span::At(t), Span::At(u)], false) = (spans, swap.recoil.is_still()) {
            return self.plain_exchange(turns, spans)
                * swap.recoil.kept(u - t + swap.recoil.apart_s(swap.bins));
        }
        if swap.recoil.is_still() {
            return self.plain_exchange(turns, spans);
        }
        let apart_s = swap.recoil.apart_s(swap.bins);
        let beat = |beat: &Beat| {
            let turns = [turns[0] + beat.frequency, turns[1] - beat.frequency];
            self.plain_exchange(turns, spans) * math::phase(beat.frequency * apart_s) * beat.weight
        };
        let coarse = self.rule.len() == COARSE_ORDER;
        let beats = if coarse { swap.recoil.strong_beats() } else { swap.recoil.beats() };
        beats.iter().map(beat).sum()
    }

    fn plain_exchange(&self, turns: [f64; 2], [t, u]: [Span; 2]) -> Complex64 {
        match (t, u) {
            (Span::At(t), Span::At(u)) => {
                self.first(t, turns) * self.second(u, turns).conj() * self.kept(t - u)
            }
            (Span::At(t), Span::From(from)) => {
                self.first(t, turns) * self.segment(from, self.end_s, t, turns[1], Place::Second).conj()
            }
            (Span::From(from), Span::At(u)) => {
                self.segment(from, self.end_s, u, turns[0], Place::First) * self.second(u, turns).conj()
            }
            (Span::From(from_t), Span::From(from_u)) => self.rectangle(from_t, from_u, turns),
        }
    }

    /// sqrt(|f_A f_B|²) (1/s), zero before both waves are there.
    fn common(&self, time_s: f64) -> f64 {
        let [Some(a), Some(b)] = &self.packets else { return 0.0 };
        (a.intensity(time_s) * b.intensity(time_s)).sqrt()
    }

    /// h(t) = f_A(t) f_B*(t) exp(-i turn t) at the first place.
    fn first(&self, time_s: f64, [turn, _]: [f64; 2]) -> Complex64 {
        self.common(time_s) * math::phase(-(self.detuning + turn) * time_s)
    }

    /// The same at the second place, where its conjugate stands.
    fn second(&self, time_s: f64, [_, turn]: [f64; 2]) -> Complex64 {
        self.common(time_s) * math::phase(-(self.detuning - turn) * time_s)
    }

    /// exp(-g |t|): how much of the photons' relative phase survives between two times.
    fn kept(&self, time_s: f64) -> f64 {
        math::exp(-self.dephasing * time_s.abs())
    }

    /// Integral of h(t) exp(-g |t - anchor|) over \[from, to\] at a place; the anchor may lie anywhere.
    fn segment(&self, from: f64, to: f64, anchor: f64, turn: f64, place: Place) -> Complex64 {
        let from = from.max(self.both_from_s);
        if to <= from {
            return Complex64::ZERO;
        }
        if anchor > from && anchor < to {
            return self.segment(from, anchor, anchor, turn, place)
                + self.segment(anchor, to, anchor, turn, place);
        }
        let detuning = place.detuning(self.detuning, turn);
        let length = to - from;
        let start = Complex64::new(-self.dephasing * (from - anchor).abs(), 0.0);
        let end =
            Complex64::new(-self.decay * length - self.dephasing * (to - anchor).abs(), -detuning * length);
        self.common(from) * math::phase(-detuning * from) * length * math::exp_difference_1(start, end)
    }

    /// Integral over \[from_t, end\] times \[from_u, end\]: before the later corner the two times are ordered, and beyond it
    /// both orders are triangles.
    fn rectangle(&self, from_t: f64, from_u: f64, turns: [f64; 2]) -> Complex64 {
        let (from_t, from_u) = (from_t.max(self.both_from_s), from_u.max(self.both_from_s));
        let end = self.end_s;
        let corner = from_t.max(from_u);
        if corner >= end {
            return Complex64::ZERO;
        }
        let first = |from, to| self.segment(from, to, corner, turns[0], Place::First);
        let second = |from, to| self.segment(from, to, corner, turns[1], Place::Second).conj();
        let strip = if from_t < from_u {
            first(from_t, corner) * second(corner, end)
        } else if from_u < from_t {
            first(corner, end) * second(from_u, corner)
        } else {
            Complex64::ZERO
        };
        let length = end - corner;
        let (d_t, d_u) = (self.detuning + turns[0], self.detuning - turns[1]);
        let both = Complex64::new(-2.0 * self.decay * length, -(d_t - d_u) * length);
        let one = |detuning: f64| Complex64::new(-(self.decay + self.dephasing) * length, detuning * length);
        let triangles = math::exp_difference_2([Complex64::ZERO, one(-d_t), both])
            + math::exp_difference_2([Complex64::ZERO, one(d_u), both]);
        let scale = self.common(corner) * length;
        strip + scale * scale * math::phase(-(d_t - d_u) * corner) * triangles
    }
}
