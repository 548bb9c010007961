//! An exponential decay whose start is blurred by a Gaussian.

use crate::math;
use std::f64::consts::SQRT_2;

/// Standard deviations of a Gaussian beyond which less than 1e-17 of it is left.
const REACH: f64 = 8.5;
/// The same for amplitudes, whose squares are intensities: 1e-32 is left.
const AMPLITUDE_REACH: f64 = 12.0;
/// Standard deviations of a Gaussian beyond which it is zero in floating-point numbers.
const UNDERFLOW: f64 = 39.0;
/// Blur in lifetimes below which differences of the scaled error function lose digits.
const SHARP: f64 = 0.1;

/// Convolution of exp(-x/tau)/tau, x >= 0, with a Gaussian of standard deviation s > 0 about x = 0:
///
/// I(x) = exp(s²/(2 tau²) - x/tau) erfc(z)/(2 tau),  z = (s/tau - x/s)/√2
///
/// the distribution of the sum of a normal and an exponential random number, of integral one. Left of z = 0 it is computed
/// as exp(-x²/(2 s²)) exp(z²) erfc(z)/(2 tau), where nothing overflows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Smeared {
    /// tau (s).
    pub(super) lifetime_s: f64,
    /// s (s).
    pub(super) deviation_s: f64,
}

impl Smeared {
    /// I(x) (1/s).
    pub(super) fn intensity(&self, x: f64) -> f64 {
        let Self { lifetime_s, deviation_s } = *self;
        let (blur, scaled) = (deviation_s / lifetime_s, x / deviation_s);
        let z = (blur - scaled) / SQRT_2;
        if scaled < -UNDERFLOW {
            0.0
        } else if z >= 0.0 {
            0.5 / lifetime_s * math::exp(-0.5 * scaled * scaled) * math::erfc_scaled(z)
        } else {
            0.5 / lifetime_s * math::exp(0.5 * blur * blur - x / lifetime_s) * math::erfc(z)
        }
    }

    /// Integral of I over \[from, to\]; relative error below 1e-12 wherever more than 1e-17 of the whole lies before `to`.
    pub(super) fn captured(&self, from: f64, to: f64) -> f64 {
        let Self { lifetime_s, deviation_s } = *self;
        if to <= from || to < -UNDERFLOW * deviation_s {
            return 0.0;
        }
        let blur = deviation_s / lifetime_s;
        let edge = self.edge_end();
        if from >= edge {
            return -math::exp(0.5 * blur * blur - from / lifetime_s)
                * math::exp_m1(-(to - from) / lifetime_s);
        }
        if to - from <= deviation_s {
            return math::gauss_legendre(from, to, |x| self.intensity(x));
        }
        if blur < SHARP {
            return self.before(to.min(edge)) - self.before(from) + self.captured(edge, to);
        }
        if to <= 0.0 {
            self.before(to) - self.before(from)
        } else if from >= 0.0 {
            self.after(from) - self.after(to)
        } else {
            1.0 - self.before(from) - self.after(to)
        }
    }

    /// Integral of I up to x, exp(-z²) (E(z) - E(z + b))/2 with E(z) = exp(z²) erfc(z), z = -x/(s √2) and b = s/(tau √2).
    ///
    /// Where b is small, the difference is the integral of -E'(z) = 2/√π - 2 z E(z), for any x in reach of the edge;
    /// otherwise for x <= 0.
    fn before(&self, x: f64) -> f64 {
        let z = -x / (self.deviation_s * SQRT_2);
        let blur = self.deviation_s / self.lifetime_s;
        let step = blur / SQRT_2;
        // infinity would spoil the sum
        if x < -UNDERFLOW * self.deviation_s {
            return 0.0;
        }
        let difference = if blur < SHARP {
            let slope = |s: f64| std::f64::consts::FRAC_2_SQRT_PI - 2.0 * s * math::erfc_scaled(s);
            step * math::gauss_legendre(0.0, 1.0, |part| slope(z + part * step))
        } else {
            math::erfc_scaled(z) - math::erfc_scaled(z + step)
        };
        0.5 * math::exp(-z * z) * difference
    }

    /// Integral of I from x >= 0 on.
    fn after(&self, x: f64) -> f64 {
        0.5 * math::erfc(x / (self.deviation_s * SQRT_2)) + self.lifetime_s * self.intensity(x)
    }

    /// From here on I is a pure exponential, to 1e-17 of its value.
    fn edge_end(&self) -> f64 {
        self.deviation_s * (self.deviation_s / self.lifetime_s + REACH)
    }

    /// Where I, or its square root, rises from nothing and where its edge ends: a pure exponential or nothing follows.
    pub(super) fn edge(&self, amplitude: bool) -> [f64; 2] {
        let Self { lifetime_s, deviation_s } = *self;
        let (reach, lifetimes) = if amplitude { (AMPLITUDE_REACH, 80.0) } else { (REACH, 40.0) };
        let lag = (deviation_s * (deviation_s / lifetime_s)).min(lifetimes * lifetime_s);
        [-reach * deviation_s, reach * deviation_s + lag]
    }

    /// Width (s) of the pieces of the edge that a Gauss rule of fourteen points integrates to all digits, also times
    /// exp(-x/tau); at most two hundred pieces.
    pub(super) fn piece_s(&self, amplitude: bool) -> f64 {
        let [from, to] = self.edge(amplitude);
        self.deviation_s.min(6.0 * self.lifetime_s).max((to - from) / 200.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Independent road: the convolution by Gauss rules over the Gaussian.
    fn averaged(smeared: &Smeared, x: f64) -> f64 {
        let Smeared { lifetime_s, deviation_s } = *smeared;
        let integrand = |shift: f64| {
            let normal = shift / deviation_s;
            let gaussian =
                math::exp(-0.5 * normal * normal) / (deviation_s * (2.0 * std::f64::consts::PI).sqrt());
            gaussian * math::exp(-(x - shift) / lifetime_s) / lifetime_s
        };
        let to = x.min(12.0 * deviation_s);
        let from = -12.0 * deviation_s;
        // an early shift is suppressed by its exponential too: start where the integrand does
        let from = from.max(to - 60.0 * lifetime_s - 12.0 * deviation_s);
        let step = (to - from) / 200.0;
        (0..200)
            .map(|k| {
                let left = from + step * f64::from(k);
                math::gauss_legendre(left, left + step, integrand)
            })
            .sum()
    }

    #[test]
    fn the_closed_form_is_the_average_over_the_gaussian() {
        for deviation_s in [1e-3, 0.05, 0.5, 1.0, 3.0] {
            let smeared = Smeared { lifetime_s: 1.0, deviation_s };
            for k in -6..=20 {
                let x = 0.5 * f64::from(k) * deviation_s;
                let (closed, average) = (smeared.intensity(x), averaged(&smeared, x));
                // rounding of exponents of up to 72 in the average
                assert!((closed / average - 1.0).abs() < 1e-12, "{deviation_s} {x}: {closed} {average}");
            }
        }
    }

    #[test]
    fn captured_is_the_integral_of_the_intensity_for_any_blur() {
        for deviation_s in [1e-40, 1e-7, 1e-4, 1e-2, 0.099, 0.101, 0.3, 1.0, 5.0, 30.0, 1e3, 1e6] {
            let smeared = Smeared { lifetime_s: 1.0, deviation_s };
            let points: Vec<f64> = (-60..=90).map(|k| 0.13 * f64::from(k) * deviation_s).collect();
            let pieces: Vec<f64> = points
                .windows(2)
                .map(|p| math::gauss_legendre(p[0], p[1], |x| smeared.intensity(x)))
                .collect();
            for (i, j) in [(0, 150), (0, 30), (10, 60), (50, 90), (58, 150), (65, 67), (60, 120), (100, 130)]
            {
                let sum: f64 = pieces[i..j].iter().sum();
                let closed = smeared.captured(points[i], points[j]);
                // the relative error promised, or nothing left at all
                assert!(
                    (closed - sum).abs() <= 2e-12 * sum + 1e-17 * deviation_s.min(1.0),
                    "{deviation_s} {i} {j}: {closed} {sum}"
                );
            }
            let everything = smeared.captured(f64::NEG_INFINITY, f64::INFINITY);
            assert!((everything - 1.0).abs() < 1e-14, "{deviation_s}: {everything}");
        }
    }
}
