//! Exchanges on the coarse grid: tables of the integrand and of its integrals from each grid point on.

use super::{COARSE_ORDER, Place, Swap, Waves};
use crate::math::gauss_rule;
use num_complex::Complex64;
use std::sync::OnceLock;

impl Waves {
    /// The double integral on the coarse grid. The kink where the times meet is smoothed.
    pub(super) fn tabulated_integral(&self, from_t: f64, from_u: f64, swap: Swap<'_>) -> Complex64 {
        for (from, other, place) in [(from_t, from_u, Place::First), (from_u, from_t, Place::Second)] {
            if other <= self.start_s {
                let line = self.line_of(swap, place);
                return line.iter().zip(self.weights_from(from)).map(|(value, weight)| value * weight).sum();
            }
        }
        let table = self.integrals[2][swap.index()]
            .get_or_init(|| self.integrated(self.integrals_of(swap, Place::First), Place::First));
        self.interpolated(table, from_t, from_u)
    }

    /// The integrand's integrals over one time from each grid point on, the other at each grid point.
    fn integrals_of(&self, swap: Swap<'_>, at: Place) -> &[Complex64] {
        self.integrals[at as usize][swap.index()].get_or_init(|| {
            let over = if matches!(at, Place::First) { Place::Second } else { Place::First };
            self.integrated(self.table_of(swap), over)
        })
    }

    /// A table over two times with one of them replaced by the integral from there on.
    fn integrated(&self, table: &[Complex64], place: Place) -> Vec<Complex64> {
        let weights: Vec<Vec<f64>> = self.grid_points().into_iter().map(|t| self.weights_from(t)).collect();
        let count = weights.len();
        let mut result = Vec::with_capacity(count * count);
        for i in 0..count {
            for j in 0..count {
                result.push(match place {
                    Place::Second => (j / COARSE_ORDER * COARSE_ORDER..count)
                        .map(|n| table[i * count + n] * weights[j][n])
                        .sum(),
                    Place::First => (i / COARSE_ORDER * COARSE_ORDER..count)
                        .map(|n| table[n * count + j] * weights[i][n])
                        .sum(),
                });
            }
        }
        result
    }

    /// A table over two times at these times.
    fn interpolated(&self, table: &[Complex64], t: f64, u: f64) -> Complex64 {
        let (Some((row, values_t)), Some((column, values_u))) =
            (self.interpolation(t), self.interpolation(u))
        else {
            return Complex64::ZERO;
        };
        let count = self.points();
        let mut sum = Complex64::ZERO;
        for (p, value_t) in values_t.iter().enumerate() {
            let line = &table[(row + p) * count + column..];
            let inner: Complex64 = line.iter().zip(&values_u).map(|(value, weight)| value * weight).sum();
            sum += inner * value_t;
        }
        sum
    }

    fn table_of(&self, swap: Swap<'_>) -> &[Complex64] {
        self.table[swap.index()].get_or_init(|| {
            let points = self.grid_points();
            points.iter().flat_map(|t| points.iter().map(|u| self.exchanged(*t, *u, swap))).collect()
        })
    }

    /// Accurate integrals over one time from the window's opening on, at the grid's points of the other.
    fn line_of(&self, swap: Swap<'_>, place: Place) -> &[Complex64] {
        self.line[place as usize][swap.index()].get_or_init(|| {
            let at = |t: f64| match place {
                Place::First => self.split_integral(self.start_s, t, |u| self.exchanged(t, u, swap)),
                Place::Second => self.split_integral(self.start_s, t, |u| self.exchanged(u, t, swap)),
            };
            self.grid_points().into_iter().map(at).collect()
        })
    }

    pub(super) fn grid_points(&self) -> Vec<f64> {
        let piece = |edge: &[f64]| {
            let (low, width) = (edge[0], edge[1] - edge[0]);
            self.rule.iter().map(move |(x, _)| low + width * x)
        };
        self.edges_s.windows(2).flat_map(piece).collect()
    }

    /// The integral over one time, from a start on, at a given other time, on the coarse grid. From the window's opening on,
    /// where it is no small correction, the integrals at the grid's points are accurate.
    pub(super) fn tabulated_line(&self, time_s: f64, from: f64, swap: Swap<'_>, place: Place) -> Complex64 {
        let Some((first, values)) = self.interpolation(time_s) else { return Complex64::ZERO };
        if from <= self.start_s {
            let line = self.line_of(swap, place);
            return values.iter().enumerate().map(|(p, value)| line[first + p] * value).sum();
        }
        let table = self.integrals_of(swap, place);
        match place {
            Place::First => self.interpolated(table, time_s, from),
            Place::Second => self.interpolated(table, from, time_s),
        }
    }

    /// The grid's points around a time and the value there of the polynomial that is one at each of them; nothing outside the
    /// window.
    pub(super) fn interpolation(&self, time_s: f64) -> Option<(usize, [f64; COARSE_ORDER])> {
        let pieces = self.edges_s.len().checked_sub(1).filter(|pieces| *pieces > 0)?;
        let piece = self.edges_s.partition_point(|edge| *edge <= time_s).clamp(1, pieces) - 1;
        let (low, high) = (self.edges_s[piece], self.edges_s[piece + 1]);
        let x = (time_s - low) / (high - low);
        if !(0.0..=1.0).contains(&x) {
            return None;
        }
        let values = std::array::from_fn(|p| {
            let others = (0..COARSE_ORDER).filter(|q| *q != p);
            others.map(|q| (x - self.rule[q].0) / (self.rule[p].0 - self.rule[q].0)).product()
        });
        Some((piece * COARSE_ORDER, values))
    }

    /// Weights of the grid's points for the integral from a time on.
    fn weights_from(&self, from: f64) -> Vec<f64> {
        let mut weights = Vec::with_capacity(self.points());
        for edge in self.edges_s.windows(2) {
            let width = edge[1] - edge[0];
            let x = ((from - edge[0]) / width).clamp(0.0, 1.0);
            weights.extend((0..self.rule.len()).map(|p| width * partial_weight(p, x)));
        }
        weights
    }
}

/// Integral from x to 1 of the polynomial that is one at point `p` of the coarse rule and zero at the others.
fn partial_weight(p: usize, x: f64) -> f64 {
    static COEFFICIENTS: OnceLock<Vec<[f64; COARSE_ORDER]>> = OnceLock::new();
    let rule = gauss_rule(COARSE_ORDER);
    let (_, full) = rule[p];
    if x <= 0.0 {
        return full;
    }
    let coefficients = COEFFICIENTS.get_or_init(|| {
        (0..COARSE_ORDER)
            .map(|p| {
                let mut polynomial = [0.0; COARSE_ORDER];
                polynomial[0] = 1.0;
                for (_, (point, _)) in rule.iter().enumerate().filter(|(q, _)| *q != p) {
                    // multiply by (x - point)/(point_p - point)
                    let scale = 1.0 / (rule[p].0 - point);
                    for k in (0..COARSE_ORDER).rev() {
                        let lower = if k > 0 { polynomial[k - 1] } else { 0.0 };
                        polynomial[k] = scale * (lower - point * polynomial[k]);
                    }
                }
                polynomial
            })
            .collect()
    });
    let below: f64 = coefficients[p]
        .iter()
        .enumerate()
        .rev()
        .fold(0.0, |sum, (k, coefficient)| sum * x + coefficient / (k as f64 + 1.0))
        * x;
    full - below
}
