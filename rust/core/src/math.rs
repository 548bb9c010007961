//! Elementary functions with the same bits on every machine, and divided differences of the exponential.
//!
//! The platform's `ln`, `exp`, `sin` and `cos` differ in their last bits between machines; everything here goes
//! through the `libm` crate, pinned to one version.

use num_complex::Complex64;
use std::sync::OnceLock;

/// Natural logarithm.
pub fn ln(x: f64) -> f64 {
    libm::log(x)
}

/// Natural logarithm of a positive number that is neither subnormal nor infinite: the bits of [`ln`], without its branches, so
/// that loops over it vectorize.
///
/// Source: fdlibm's `e_log.c` (Sun Microsystems, 1993), as `libm` has it: x = 2^k (1 + f) with 1 + f within a factor of
/// sqrt(2) of one, s = f/(2 + f), and ln(1 + f) = f - f²/2 + s (f²/2 + R(s²)) with a polynomial R.
#[inline(always)]
#[expect(clippy::unreadable_literal, clippy::excessive_precision, reason = "as in the source")]
pub(crate) fn ln_normal(x: f64) -> f64 {
    const LN2_HIGH: f64 = 6.93147180369123816490e-01;
    const LN2_LOW: f64 = 1.90821492927058770002e-10;
    const R: [f64; 7] = [
        6.666666666666735130e-01,
        3.999999999940941908e-01,
        2.857142874366239149e-01,
        2.222219843214978396e-01,
        1.818357216161805012e-01,
        1.531383769920937332e-01,
        1.479819860511658591e-01,
    ];
    // upper half of the bits of sqrt(1/2)
    const ROOT_HALF: u64 = 0x3fe6_a09e << 32;
    let bits = x.to_bits().wrapping_add((0x3ff0_0000 << 32) - ROOT_HALF);
    // a small integer below the mantissa of 2^52 is that integer more
    let k = f64::from_bits(0x4330_0000_0000_0000 | bits >> 52) - (TWO_POW_52 + 1023.0);
    let f = f64::from_bits((bits & 0x000f_ffff_ffff_ffff).wrapping_add(ROOT_HALF)) - 1.0;
    let half_square = 0.5 * f * f;
    let s = f / (2.0 + f);
    let z = s * s;
    let w = z * z;
    let even = w * (R[1] + w * (R[3] + w * R[5]));
    let odd = z * (R[0] + w * (R[2] + w * (R[4] + w * R[6])));
    s * (half_square + (odd + even)) + k * LN2_LOW - half_square + f + k * LN2_HIGH
}

/// Largest integer not above a number in \[0, 2^52 - 1\], without the conversion that AVX2 lacks.
#[inline(always)]
pub(crate) fn floor_normal(x: f64) -> u64 {
    let shifted = x + TWO_POW_52;
    let rounded_up = shifted - TWO_POW_52 > x;
    (shifted.to_bits() & 0x000f_ffff_ffff_ffff) - u64::from(rounded_up)
}

/// From here on doubles are whole numbers.
pub(crate) const TWO_POW_52: f64 = (1_u64 << 52) as f64;

/// ln(1 + x), accurate near zero.
pub fn ln_1p(x: f64) -> f64 {
    libm::log1p(x)
}

/// Exponential.
pub fn exp(x: f64) -> f64 {
    libm::exp(x)
}

/// exp(x) - 1, accurate near zero.
pub fn exp_m1(x: f64) -> f64 {
    libm::expm1(x)
}

/// x to the power y.
pub fn pow(x: f64, y: f64) -> f64 {
    libm::pow(x, y)
}

/// Sine.
pub fn sin(x: f64) -> f64 {
    libm::sin(x)
}

/// Cosine.
pub fn cos(x: f64) -> f64 {
    libm::cos(x)
}

/// Complementary error function, 2/√π times the integral of exp(-s²) over s from x on.
pub fn erfc(x: f64) -> f64 {
    libm::erfc(x)
}

/// Scaled complementary error function exp(x²) erfc(x): neither factor over- or underflows for x >= 0, where it falls from
/// one to 1/(x √π). Relative error below 1e-15.
///
/// From 12 on by the asymptotic series sum_n (-1)^n (2n - 1)!!/(2 x²)^n / (x √π), whose fourteenth term is below 1e-17.
pub fn erfc_scaled(x: f64) -> f64 {
    if x >= 12.0 {
        let ratio = 0.5 / (x * x);
        let series = (1..14).rev().fold(1.0, |sum, n| 1.0 - f64::from(2 * n - 1) * ratio * sum);
        return series / (x * std::f64::consts::PI.sqrt());
    }
    if x < -27.0 {
        return f64::INFINITY; // as 2 exp(x²) is
    }
    // the square of the upper half of the digits is exact, so that exp does not magnify its rounding
    let upper = f64::from_bits(x.to_bits() & 0xffff_ffff_f800_0000);
    exp(upper * upper) * exp((x - upper) * (x + upper)) * erfc(x)
}

/// Transmission of a loss in decibels, 10^(-dB/10).
pub fn transmission_of_db(loss_db: f64) -> f64 {
    pow(10.0, -loss_db / 10.0)
}

/// exp(z) of a complex number.
pub fn exp_complex(z: Complex64) -> Complex64 {
    let scale = exp(z.re);
    Complex64::new(scale * cos(z.im), scale * sin(z.im))
}

/// exp(i x).
pub fn phase(x: f64) -> Complex64 {
    Complex64::new(cos(x), sin(x))
}

/// exp(z) - 1 without cancellation near zero:
/// (e^a - 1) cos b - 2 sin^2(b/2) + i e^a sin b for z = a + ib.
fn exp_m1_complex(z: Complex64) -> Complex64 {
    let half = sin(z.im / 2.0);
    Complex64::new(exp_m1(z.re) * cos(z.im) - 2.0 * half * half, exp(z.re) * sin(z.im))
}

/// First divided difference of the exponential, (e^x - e^y)/(x - y), which is the integral of
/// e^(y + s (x - y)) over s in \[0, 1\]; e^x where the points meet.
///
/// Real parts of both points must be at most zero, so that nothing overflows.
pub fn exp_difference_1(x: Complex64, y: Complex64) -> Complex64 {
    // Factor out the larger exponential: then the remaining one decays and expm1 stays bounded.
    let (x, y) = if x.re >= y.re { (y, x) } else { (x, y) };
    let gap = x - y;
    if gap.norm_sqr() == 0.0 {
        return exp_complex(y);
    }
    exp_complex(y) * exp_m1_complex(gap) / gap
}

/// Second divided difference of the exponential over three points with real parts at most zero.
///
/// exp\[x0, x1, x2\] is the integral of e^(s0 x0 + s1 x1 + s2 x2) over the simplex s0 + s1 + s2 = 1. The double integrals
/// of two exponential wavepackets over a window are of this form, and this routine has no cancellation for short or
/// long windows: near points go through the Taylor series, distant ones through the recurrence on the widest gap.
/// Relative error below 1e-13 (tests compare it with quadrature and with the equal-point limits).
pub fn exp_difference_2(points: [Complex64; 3]) -> Complex64 {
    let [x0, x1, x2] = points;
    let distance = |a: Complex64, b: Complex64| (a - b).norm_sqr().sqrt();
    let gaps = [distance(x1, x2), distance(x0, x2), distance(x0, x1)];
    let widest = gaps[0].max(gaps[1]).max(gaps[2]);
    if widest < 1.0 {
        // exp[x0,x1,x2] = e^c sum_n h_n(x - c)/(n+2)!, h_n the complete homogeneous polynomials.
        let center = (x0 + x1 + x2) / 3.0;
        let (a, b, c) = (x0 - center, x1 - center, x2 - center);
        let (mut h_a, mut h_ab, mut h_abc) = (Complex64::ONE, Complex64::ONE, Complex64::ONE);
        let mut sum = Complex64::new(0.5, 0.0);
        let mut factorial = 2.0;
        for n in 1..24 {
            h_a *= a;
            h_ab = h_a + b * h_ab;
            h_abc = h_ab + c * h_abc;
            factorial *= f64::from(n) + 2.0;
            sum += h_abc / factorial;
        }
        return exp_complex(center) * sum;
    }
    if gaps[0] >= widest {
        (exp_difference_1(x0, x1) - exp_difference_1(x0, x2)) / (x1 - x2)
    } else if gaps[1] >= widest {
        (exp_difference_1(x1, x0) - exp_difference_1(x1, x2)) / (x0 - x2)
    } else {
        (exp_difference_1(x2, x0) - exp_difference_1(x2, x1)) / (x0 - x1)
    }
}

/// Nodes and weights of Gauss's rule on \[0, 1\], by Newton's method on the Legendre recurrence; orders up to 16.
pub fn gauss_rule(order: usize) -> &'static [(f64, f64)] {
    static RULES: [OnceLock<Vec<(f64, f64)>>; 17] = [const { OnceLock::new() }; 17];
    let order = order.clamp(1, RULES.len() - 1);
    RULES[order].get_or_init(|| {
        let node = |i: usize| {
            let mut x = cos(std::f64::consts::PI * (i as f64 + 0.75) / (order as f64 + 0.5));
            let mut slope = 1.0;
            // quadratic convergence from a start good to 1e-3
            for _ in 0..8 {
                let (mut previous, mut value) = (1.0, x);
                for k in 2..=order {
                    let k = k as f64;
                    (previous, value) = (value, ((2.0 * k - 1.0) * x * value - (k - 1.0) * previous) / k);
                }
                slope = order as f64 * (x * value - previous) / (x * x - 1.0);
                x -= value / slope;
            }
            (0.5 * (1.0 - x), 1.0 / ((1.0 - x * x) * slope * slope))
        };
        (0..order).map(node).collect()
    })
}

/// Integral over \[from, to\] by Gauss's rule with fourteen points: exact for polynomials up to degree 27.
pub fn gauss_legendre(from: f64, to: f64, mut integrand: impl FnMut(f64) -> f64) -> f64 {
    let length = to - from;
    let sum: f64 = gauss_rule(14).iter().map(|(x, weight)| weight * integrand(from + x * length)).sum();
    sum * length
}

/// Points and weights, summing to one, of Gauss's rule for the mean over the integers 0 to `count` - 1: exact for polynomials
/// of degree 27, the integers themselves where they are few.
///
/// Points are the zeros of the Gram polynomial of order 14, eigenvalues of its recurrence's matrix by bisection.
pub fn integer_rule(count: u64) -> Vec<(f64, f64)> {
    const ORDER: usize = 14;
    let n = count as f64;
    if count <= 2 * ORDER as u64 {
        return (0..count).map(|k| (k as f64, 1.0 / n)).collect();
    }
    // squares of the off-diagonal elements, for integers about their mean in units of their number
    let squares: [f64; ORDER] = std::array::from_fn(|j| {
        let j = j as f64;
        let relative = j / n;
        j * j * (1.0 - relative * relative) / (4.0 * (4.0 * j * j - 1.0))
    });
    let below = |x: f64| {
        let (mut count, mut pivot) = (0, 1.0);
        for square in squares {
            pivot = -x - square / pivot;
            count += usize::from(pivot < 0.0);
        }
        count
    };
    let point = |index: usize| {
        let (mut low, mut high) = (-0.5, 0.5);
        for _ in 0..54 {
            let middle = 0.5 * (low + high);
            if below(middle) > index { high = middle } else { low = middle }
        }
        0.5 * (low + high)
    };
    let weight = |x: f64| {
        let (mut previous, mut value, mut sum) = (0.0, 1.0, 1.0);
        for j in 1..ORDER {
            (previous, value) = (value, (x * value - squares[j - 1].sqrt() * previous) / squares[j].sqrt());
            sum += value * value;
        }
        1.0 / sum
    };
    (0..ORDER).map(point).map(|x| (n * x + 0.5 * (n - 1.0), weight(x))).collect()
}

/// exp(-x) I_n(x), I the modified Bessel functions, for n = 0, 1, ... until nothing is left; x >= 0.
///
/// By Miller's downward recurrence I_(n-1) = (2n/x) I_n + I_(n+1), scaled so that I_0 + 2 I_1 + 2 I_2 + ... = exp(x).
pub fn bessel_weights(x: f64) -> Vec<f64> {
    if x < 1e-30 {
        return vec![1.0 - x, 0.5 * x];
    }
    let orders = (30.0 + 12.0 * x.sqrt()) as usize;
    let mut weights = vec![0.0; orders + 1];
    let mut next = 0.0;
    weights[orders] = f64::MIN_POSITIVE;
    for n in (1..=orders).rev() {
        let lower = 2.0 * n as f64 / x * weights[n] + next;
        next = weights[n];
        weights[n - 1] = lower;
        if lower > 1e200 {
            // what underflows is nothing beside what is left
            let scale = 1.0 / lower;
            weights[n - 1..].iter_mut().for_each(|weight| *weight *= scale);
            next *= scale;
        }
    }
    let sum = weights[0] + 2.0 * weights[1..].iter().sum::<f64>();
    for weight in &mut weights {
        *weight /= sum;
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::{BlockKey, Key};

    /// Independent road: Gauss-Legendre on the simplex integral after mapping it to the unit square.
    fn by_quadrature(points: [Complex64; 3]) -> Complex64 {
        let steps = 400;
        let node = |k: usize| {
            // composite two-point Gauss
            let h = 1.0 / f64::from(steps);
            let offset = 0.5 / 3f64.sqrt();
            let cell = (k / 2) as f64;
            (cell + 0.5 + if k.is_multiple_of(2) { -offset } else { offset }) * h
        };
        let mut sum = Complex64::ZERO;
        for i in 0..2 * steps as usize {
            for j in 0..2 * steps as usize {
                let (s, t) = (node(i), node(j));
                // s1 = s (1 - t), s2 = s t, Jacobian s
                let z = points[0] * (1.0 - s) + points[1] * (s * (1.0 - t)) + points[2] * (s * t);
                sum += exp_complex(z) * s;
            }
        }
        sum / (4.0 * f64::from(steps) * f64::from(steps))
    }

    #[test]
    fn the_logarithm_without_branches_has_the_bits_of_the_other() {
        let mut rng = BlockKey { key: Key::from_seed(3), engine: 0, block: 0 }.scalar(0);
        for _ in 0..1_000_000 {
            let (unit, any) = (rng.uniform_open(), f64::from_bits(rng.next_u64() >> 1));
            assert_eq!(ln_normal(unit).to_bits(), ln(unit).to_bits(), "{unit:e}");
            if any.is_normal() {
                assert_eq!(ln_normal(any).to_bits(), ln(any).to_bits(), "{any:e}");
            }
        }
        for x in
            [1.0, 0.5, 2.0f64.sqrt(), 0.5f64.sqrt(), f64::MIN_POSITIVE, f64::MAX, 1.0 - f64::EPSILON / 2.0]
        {
            assert_eq!(ln_normal(x).to_bits(), ln(x).to_bits(), "{x:e}");
        }
    }

    #[test]
    fn the_floor_without_conversion_is_the_floor() {
        let mut rng = BlockKey { key: Key::from_seed(4), engine: 0, block: 0 }.scalar(0);
        for _ in 0..100_000 {
            let x = rng.uniform() * exp(36.0 * rng.uniform());
            assert_eq!(floor_normal(x), x as u64, "{x}");
        }
        for x in [0.0, 0.5, 1.0, 1.5, 2.5, 3.0f64.next_down(), TWO_POW_52 - 1.5, TWO_POW_52 - 1.0] {
            assert_eq!(floor_normal(x), x as u64, "{x}");
        }
    }

    #[test]
    fn second_difference_equals_the_simplex_integral() {
        for points in [
            [Complex64::ZERO, Complex64::new(-0.3, 0.4), Complex64::new(-0.6, 0.0)],
            [Complex64::ZERO, Complex64::new(-1.7, 2.0), Complex64::new(-2.6, 0.0)],
            [Complex64::ZERO, Complex64::new(-3.0, -1.0), Complex64::new(-3.0, 0.0)],
            [Complex64::ZERO, Complex64::ZERO, Complex64::new(-4.0, 0.0)],
            [Complex64::new(-2.0, 1.0); 3],
        ] {
            let (closed, integral) = (exp_difference_2(points), by_quadrature(points));
            // two-point Gauss on 400 cells: error (1/400)^4 |x|^4 / 4320 of the value, below 1e-10 here
            assert!(
                (closed - integral).norm_sqr() < 1e-20 * integral.norm_sqr(),
                "{points:?}: {closed} {integral}"
            );
        }
    }

    #[test]
    fn second_difference_is_continuous_where_the_method_changes() {
        let at = |size: f64| {
            exp_difference_2([Complex64::ZERO, Complex64::new(-size, 0.0), Complex64::new(-0.5 * size, 0.0)])
        };
        let (below, above) = (at(1.0 - 1e-9), at(1.0 + 1e-9));
        // the derivative is about -1/6 per unit of size: 2e-9 apart means 4e-10
        assert!((below - above).norm_sqr() < 1e-18);
        // exact value for points 0, -1, -1/2 is (1 - e^(-1/2))^2 / (2 * 1/4)
        let exact = (1.0 - exp(-0.5)) * (1.0 - exp(-0.5)) * 2.0;
        assert!((at(1.0).re - exact).abs() < 1e-14 * exact);
        assert!((below.re - exact).abs() < 1e-9);
    }

    #[test]
    fn far_points_do_not_overflow() {
        let value = exp_difference_2([Complex64::ZERO, Complex64::new(-4e7, 3.0), Complex64::new(-8e7, 0.0)]);
        assert!((value.re - 1.0 / (4e7 * 8e7)).abs() < 1e-7 * value.re);
    }

    #[test]
    fn scaled_error_function_agrees_with_values_of_many_digits() {
        // series and continued fraction in decimal arithmetic with 120 digits
        for (x, expected) in [
            (-3.0, 1.620_598_885_399_958_7e4),
            (-1.0, 5.008_980_080_762_283),
            (0.0, 1.0),
            (0.125, 8.732_218_450_821_508e-1),
            (1.0, 4.275_835_761_558_07e-1),
            (2.5, 2.108_063_640_611_436e-1),
            (9.5, 5.906_467_835_256_389e-2),
            (11.5, 4.887_654_689_598_227_6e-2),
            (12.5, 4.499_209_900_102_792e-2),
            (100.0, 5.641_613_782_989_433e-3),
        ] {
            assert!((erfc_scaled(x) / expected - 1.0).abs() < 1e-15, "{x}: {}", erfc_scaled(x));
        }
        assert_eq!(erfc_scaled(f64::INFINITY), 0.0);
        assert_eq!(erfc_scaled(f64::NEG_INFINITY), f64::INFINITY);
        let (below, above) = (erfc_scaled(12.0f64.next_down()), erfc_scaled(12.0));
        assert!((below / above - 1.0).abs() < 1e-15);
    }

    #[test]
    fn the_rule_for_integers_is_exact_for_polynomials() {
        for count in [1, 5, 28, 29, 100, 5000] {
            let n = f64::from(count);
            for degree in 0..28 {
                let power = |k: f64| (0..degree).fold(1.0, |product, _| product * (k / n - 0.3));
                let sum = (0..count).map(|k| power(f64::from(k))).sum::<f64>() / n;
                let rule: f64 =
                    integer_rule(u64::from(count as u32)).iter().map(|(k, w)| w * power(*k)).sum();
                assert!((rule - sum).abs() < 1e-13, "{count} {degree}: {rule} {sum}");
            }
        }
        // so many that sums are integrals
        let largest = (1_u64 << 53) as f64;
        let squares: f64 = integer_rule(1 << 53).iter().map(|(k, w)| w * (k / largest) * (k / largest)).sum();
        assert!((squares - 1.0 / 3.0).abs() < 1e-14);
    }

    #[test]
    fn bessel_weights_are_the_fourier_coefficients_of_their_generating_function() {
        for x in [1e-300, 1e-9, 0.1, 1.0, 30.0, 2000.0] {
            let weights = bessel_weights(x);
            // the trapezoidal rule of a periodic function with more points than it has harmonics
            let points = 4 * weights.len() + 64;
            for order in [0, 1, 2, 7].into_iter().filter(|order| *order < weights.len()) {
                let at = |k: usize| {
                    let angle = 2.0 * std::f64::consts::PI * k as f64 / points as f64;
                    let half = sin(0.5 * angle);
                    exp(-2.0 * x * half * half) * cos(order as f64 * angle)
                };
                let integral = (0..points).map(at).sum::<f64>() / points as f64;
                assert!(
                    (weights[order] - integral).abs() < 1e-14,
                    "{x} {order}: {} {integral}",
                    weights[order]
                );
            }
        }
    }

    #[test]
    fn gauss_legendre_is_exact_for_polynomials() {
        for degree in 0..28 {
            let power = |x: f64| (0..degree).fold(1.0, |product, _| product * x);
            let integral = gauss_legendre(-0.5, 1.0, power);
            let exact = (1.0 - (-0.5) * power(-0.5)) / f64::from(degree + 1);
            assert!((integral - exact).abs() < 1e-15, "{degree}");
        }
    }
}
