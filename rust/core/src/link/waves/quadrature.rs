//! Exchanges of all other photons: Gauss's rule between the points where waves are not smooth.

use super::{COARSE_ORDER, Place, Span, Swap, Waves};
use crate::math;
use num_complex::Complex64;

impl Waves {
    /// Exchange of all others. Tables hold the mean recoil; where that changes along a burst, each record is integrated.
    pub(super) fn integrated_exchange(&self, swap: Swap<'_>, [t, u]: [Span; 2]) -> Complex64 {
        let tabulated = self.rule.len() == COARSE_ORDER && swap.recoil.is_mean();
        match (t, u) {
            (Span::At(t), Span::At(u)) => self.exchanged(t, u, swap),
            (Span::At(t), Span::From(from)) if tabulated => self.tabulated_line(t, from, swap, Place::First),
            (Span::At(t), Span::From(from)) => self.split_integral(from, t, |u| self.exchanged(t, u, swap)),
            (Span::From(from), Span::At(u)) if tabulated => self.tabulated_line(u, from, swap, Place::Second),
            (Span::From(from), Span::At(u)) => self.split_integral(from, u, |t| self.exchanged(t, u, swap)),
            (Span::From(from_t), Span::From(from_u)) if tabulated => {
                self.tabulated_integral(from_t, from_u, swap)
            }
            (Span::From(from_t), Span::From(from_u)) => self.double_integral(from_t, from_u, swap),
        }
    }

    pub(super) fn exchanged(&self, t: f64, u: f64, swap: Swap<'_>) -> Complex64 {
        let [Some(a), Some(b)] = &self.packets else { return Complex64::ZERO };
        let [turn_t, turn_u] = self.turns(swap);
        let mut waves = a.coherence(t, u) * b.coherence(u, t);
        if !swap.recoil.is_still() {
            waves *= swap.recoil.kept(u - t + swap.recoil.apart_s(swap.bins));
        }
        if turn_t == 0.0 && turn_u == 0.0 { waves } else { waves * math::phase(-turn_t * t - turn_u * u) }
    }

    /// Pieces of \[from, end\] between the edges.
    fn pieces(&self, from: f64) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.edges_s
            .windows(2)
            .filter(move |edge| edge[1] > from)
            .map(move |edge| (edge[0].max(from), edge[1]))
    }

    pub(super) fn integral(&self, from: f64, f: impl Fn(f64) -> Complex64) -> Complex64 {
        let mut sum = Complex64::ZERO;
        for (low, high) in self.pieces(from) {
            for (x, weight) in self.rule {
                sum += f(low + (high - low) * x) * (weight * (high - low));
            }
        }
        sum
    }

    /// The same with a kink at `kink`.
    pub(super) fn split_integral(&self, from: f64, kink: f64, f: impl Fn(f64) -> Complex64) -> Complex64 {
        let mut sum = Complex64::ZERO;
        for (low, high) in self.pieces(from) {
            let cut = kink.clamp(low, high);
            for (low, high) in [(low, cut), (cut, high)] {
                if high > low {
                    for (x, weight) in self.rule {
                        sum += f(low + (high - low) * x) * (weight * (high - low));
                    }
                }
            }
        }
        sum
    }

    /// Integral over \[from_t, end\] times \[from_u, end\] of what has a kink where the times meet.
    fn double_integral(&self, from_t: f64, from_u: f64, swap: Swap<'_>) -> Complex64 {
        let f = |t: f64, u: f64| self.exchanged(t, u, swap);
        let mut sum = Complex64::ZERO;
        // without beats of the modes or bins apart the integrand is Hermitian: one side of the diagonal tells the other
        let hermitian = from_t == from_u && self.splitting == 0.0 && swap.bins == 0;
        let corner = from_t.max(from_u);
        // pieces of the two axes agree beyond the later start if both are cut there
        let cut = |from: f64| {
            self.pieces(from).flat_map(move |(low, high)| {
                let middle = corner.clamp(low, high);
                [(low, middle), (middle, high)].into_iter().filter(|(low, high)| high > low)
            })
        };
        for (low_t, high_t) in cut(from_t) {
            for (low_u, high_u) in cut(from_u) {
                if hermitian && low_u > low_t {
                    break;
                }
                let (width_t, width_u) = (high_t - low_t, high_u - low_u);
                for (x, weight_x) in self.rule {
                    for (y, weight_y) in self.rule {
                        let weight = weight_x * weight_y * width_t * width_u;
                        if low_t == low_u && high_t == high_u {
                            // two triangles
                            let (high, low) = (low_t + width_t * x, low_t + width_t * x * y);
                            let lower = f(high, low);
                            let upper = if hermitian { lower.conj() } else { f(low, high) };
                            sum += (lower + upper) * (weight * x);
                        } else {
                            let value = f(low_t + width_t * x, low_u + width_u * y);
                            sum += (if hermitian { value + value.conj() } else { value }) * weight;
                        }
                    }
                }
            }
        }
        sum
    }
}
