//! A pulse of finite length: decays during the pulse, after which the ion may be excited again.
//!
//! Model: a resonant square pi pulse of duration T drives a two-level atom that decays at the rate 1/tau; a part r of the
//! decays returns to the driven ground state, the others leave the two levels. Between decays the amplitudes follow the
//! non-Hermitian two-level equation from the ground state, with W = pi/T and m = √(W² - 1/(4 tau²))/2,
//!
//! c_e(t) = W/(2 m) exp(-t/(4 tau)) sin(m t),  c_g(t) = exp(-t/(4 tau)) (cos(m t) + sin(m t)/(4 tau m))
//!
//! (up to a phase), and every return starts them afresh: the quantum-jump form of the two-level master equation, not an
//! approximation to it. Source: J. Dalibard, Y. Castin and K. Mølmer, Phys. Rev. Lett. 68, 580 (1992); photon statistics
//! of a pulsed two-level system: K. A. Fischer et al., Nature Physics 13, 649 (2017).

use crate::math;
use std::f64::consts::PI;

/// Probability that an excited ion emits twice: that its first decay falls into the pulse and returns, and that it is
/// excited again, given that it is excited at all.
///
/// P = (r/tau) int_0^T |c_e(t)|² (1 - |c_g(T - t)|²) dt / (1 - |c_g(T)|²)
///
/// | symbol | argument | domain | unit |
/// |---|---|---|---|
/// | T | `pulse_duration_s` | (0, tau\] | s |
/// | tau | `lifetime_s` | > 0 | s |
/// | r | `return_probability` | \[0, 1\] | |
///
/// The last factor of the integrand is the probability of at least one more decay, during the pulse or after it; whatever
/// follows, a third decay included, is in it. It is two photons or more given one or more, exactly.
///
/// Short pulses: r T/(8 tau), since the first decay comes with density sin²(W t/2)/tau and the rest of the pulse excites
/// with probability cos²(W t/2); their product averages to 1/8. This limit is 3.1 % high at T = 0.1 tau. (Second photons
/// that come before the end of the pulse are counted; they are 1.7 % of P there.)
/// Two Gauss rules of fourteen points: relative error below 1e-13.
pub fn double_emission_probability(pulse_duration_s: f64, lifetime_s: f64, return_probability: f64) -> f64 {
    // in units of the pulse
    let decay = pulse_duration_s / lifetime_s;
    let beat = 0.5 * (PI * PI - 0.25 * decay * decay).sqrt();
    let excited = |t: f64| {
        let amplitude = 0.5 * PI / beat * math::exp(-0.25 * decay * t) * math::sin(beat * t);
        amplitude * amplitude
    };
    let decays_later = |t: f64| {
        let ground = math::cos(beat * t) + 0.25 * decay / beat * math::sin(beat * t);
        1.0 - math::exp(-0.5 * decay * t) * ground * ground
    };
    let twice = |from, to| math::gauss_legendre(from, to, |t| excited(t) * decays_later(1.0 - t));
    return_probability * decay * (twice(0.0, 0.5) + twice(0.5, 1.0)) / decays_later(1.0)
}

/// Density (1/s) of the first of two photons at a time from the beginning of the pulse, (2/T) sin²(pi t/T).
///
/// It is the product of sin² and cos² above, normalized: exact for pulses much shorter than the lifetime.
pub fn first_photon_intensity(pulse_duration_s: f64, time_s: f64) -> f64 {
    if !(0.0..=pulse_duration_s).contains(&time_s) {
        return 0.0;
    }
    let wave = math::sin(PI * time_s / pulse_duration_s);
    2.0 / pulse_duration_s * wave * wave
}

/// Part of the first of two photons inside \[from, to\]: with w the width and m the middle in units of T,
/// w - sin(pi w) cos(2 pi m)/pi.
pub fn first_photon_captured(pulse_duration_s: f64, from_s: f64, to_s: f64) -> f64 {
    let from = (from_s / pulse_duration_s).max(0.0);
    let to = (to_s / pulse_duration_s).min(1.0);
    if to <= from {
        return 0.0;
    }
    // w - sin(pi w)/pi cos(2 pi m) without cancellation: cos(2 pi m) = 1 - 2 sin²(pi m)
    let (width, wave) = (to - from, math::sin(0.5 * PI * (from + to)));
    excess(PI * width) / PI + 2.0 * math::sin(PI * width) / PI * wave * wave
}

/// x - sin x without cancellation near zero.
fn excess(x: f64) -> f64 {
    if x.abs() > 0.5 {
        return x - math::sin(x);
    }
    // x³/6 (1 - x²/20 (1 - x²/42 (1 - ...)))
    let series = (1..8).rev().fold(1.0, |sum, n| {
        let n = f64::from(2 * n + 2);
        1.0 - x * x / (n * (n + 1.0)) * sum
    });
    x * x * x / 6.0 * series
}

/// Time (s), from the beginning of the pulse, of the first of two photons for a uniform number in \[0, 1\], by inversion.
///
/// Solves x - sin(2 pi x)/(2 pi) = uniform for x = t/T: Kepler's equation for an eccentricity of one, by Newton's method
/// inside a bracket.
pub fn first_photon_time_s(pulse_duration_s: f64, uniform: f64) -> f64 {
    // the density is symmetric: solve in the first half
    let (wanted, mirrored) = if uniform > 0.5 { (1.0 - uniform, true) } else { (uniform, false) };
    if wanted <= 0.0 {
        return if mirrored { pulse_duration_s } else { 0.0 };
    }
    let (mut low, mut high) = (0.0, 0.5);
    // near the beginning the part before x is 2 pi² x³/3
    let mut x = math::pow(1.5 * wanted / (PI * PI), 1.0 / 3.0).min(high);
    for _ in 0..100 {
        let difference = excess(2.0 * PI * x) / (2.0 * PI) - wanted;
        if difference > 0.0 {
            high = x;
        } else {
            low = x;
        }
        let wave = math::sin(PI * x);
        let next = x - difference / (2.0 * wave * wave);
        if !(low..=high).contains(&next) {
            x = 0.5 * (low + high);
            continue;
        }
        let step = (next - x).abs();
        x = next;
        // Newton squares the relative error
        if step <= 1e-8 * x {
            break;
        }
    }
    pulse_duration_s * if mirrored { 1.0 - x } else { x }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Independent road: the master equation resolved by the number of decays that returned (0, 1, 2, and so on up to 7),
    /// by Runge and Kutta's method. Each number has the populations of the ground and excited state and the coherence;
    /// decays that leave the two levels are counted by the number of returns before them.
    fn probabilities_of_photon_numbers(decay: f64, returned: f64) -> [f64; 10] {
        const NUMBERS: usize = 8;
        type Levels = [[f64; 4]; NUMBERS];
        let slope = |rho: &Levels| {
            let mut out: Levels = [[0.0; 4]; NUMBERS];
            for n in 0..NUMBERS {
                let [ground, excited, coherence, _] = rho[n];
                let fed = if n > 0 { returned * decay * rho[n - 1][1] } else { 0.0 };
                out[n] = [
                    -PI * coherence + fed,
                    PI * coherence - decay * excited,
                    0.5 * PI * (ground - excited) - 0.5 * decay * coherence,
                    (1.0 - returned) * decay * excited,
                ];
            }
            out
        };
        let moved = |rho: &Levels, slope: &Levels, by: f64| -> Levels {
            std::array::from_fn(|n| std::array::from_fn(|k| rho[n][k] + by * slope[n][k]))
        };
        let mut rho: Levels = [[0.0; 4]; NUMBERS];
        rho[0][0] = 1.0;
        let steps = 4000;
        let h = 1.0 / f64::from(steps);
        for _ in 0..steps {
            let k1 = slope(&rho);
            let k2 = slope(&moved(&rho, &k1, 0.5 * h));
            let k3 = slope(&moved(&rho, &k2, 0.5 * h));
            let k4 = slope(&moved(&rho, &k3, h));
            for n in 0..NUMBERS {
                for k in 0..4 {
                    rho[n][k] += h / 6.0 * (k1[n][k] + 2.0 * k2[n][k] + 2.0 * k3[n][k] + k4[n][k]);
                }
            }
        }
        // who is excited or has left emits one photon beyond its returns
        let mut photons = [0.0; 10];
        for (n, [ground, excited, _, left]) in rho.into_iter().enumerate() {
            photons[n] += ground;
            photons[n + 1] += excited + left;
        }
        photons
    }

    #[test]
    fn double_emission_equals_the_photon_numbers_of_the_master_equation() {
        for decay in [0.01, 0.1, 0.3, 1.0] {
            let [none, one, ..] = probabilities_of_photon_numbers(decay, 1.0);
            let exact = (1.0 - none - one) / (1.0 - none);
            let closed = double_emission_probability(decay * 7e-9, 7e-9, 1.0);
            // Runge-Kutta: pi (pi/4000)^4/120 = 1e-14; rounding: 4000 steps of 1e-16 at random and the difference from
            // one, 6e-15 against P >= 1e-3
            assert!((closed / exact - 1.0).abs() < 1e-11, "{decay}: {closed} {exact}");
        }
    }

    #[test]
    fn partial_returns_scale_the_probability_of_a_returning_first_decay() {
        for returned in [0.9, 0.3] {
            for decay in [0.01, 0.1, 0.3] {
                let photons = probabilities_of_photon_numbers(decay, returned);
                let none = photons[0];
                let exact = photons[2..].iter().sum::<f64>() / (1.0 - none);
                let closed = double_emission_probability(decay, 1.0, returned);
                assert!((closed / exact - 1.0).abs() < 1e-11, "{returned} {decay}: {closed} {exact}");
            }
        }
    }

    #[test]
    fn short_pulses_emit_twice_with_an_eighth_of_their_length() {
        for decay in [1e-9, 1e-6, 1e-4] {
            let ratio = double_emission_probability(decay, 1.0, 0.25) / (0.25 * decay / 8.0);
            // the next order is -0.31 T/tau
            assert!((ratio - 1.0).abs() < 0.4 * decay + 1e-13, "{decay}: {ratio}");
        }
        // the limit is 3 % high at a tenth of the lifetime
        let high = 0.1 / 8.0 / double_emission_probability(0.1, 1.0, 1.0);
        assert!((high - 1.031).abs() < 0.0005, "{high}");
        assert_eq!(double_emission_probability(0.1, 1.0, 0.0), 0.0);
    }

    #[test]
    fn the_first_photon_is_inverted_and_integrated() {
        let pulse_s = 2e-9;
        assert!((first_photon_captured(pulse_s, f64::NEG_INFINITY, f64::INFINITY) - 1.0).abs() < 1e-15);
        for uniform in [0.0, 1e-15, 1e-6, 0.1, 0.37, 0.5, 0.5001, 0.9, 1.0 - 1e-12, 1.0] {
            let time_s = first_photon_time_s(pulse_s, uniform);
            let before = first_photon_captured(pulse_s, 0.0, time_s);
            assert!((before - uniform).abs() <= 1e-15 + 1e-13 * uniform.min(1.0 - uniform), "{uniform}");
            if uniform < 0.5 {
                assert!((before - uniform).abs() <= 1e-13 * uniform, "{uniform}: {before}");
            }
        }
        for (from, to) in [(0.0, 1e-12), (0.3e-9, 0.4e-9), (0.9e-9, 1.9e-9), (1.5e-9, 2e-9)] {
            let integral = math::gauss_legendre(from, to, |time| first_photon_intensity(pulse_s, time));
            let captured = first_photon_captured(pulse_s, from, to);
            assert!((captured / integral - 1.0).abs() < 1e-13, "{from} {to}: {captured} {integral}");
        }
        assert_eq!(first_photon_intensity(pulse_s, -1e-12), 0.0);
        assert_eq!(first_photon_captured(pulse_s, 1e-9, 1e-9), 0.0);
    }
}
