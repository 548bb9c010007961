use super::*;
use crate::stream::{BlockKey, Key};

const TAU: f64 = 7.39e-9;

fn restarts(list: &[(f64, f64)]) -> Vec<Start> {
    let first = 1.0 - list.iter().map(|(_, weight)| weight).sum::<f64>();
    let later = list.iter().map(|&(shift_s, weight)| Start { weight, shift_s });
    std::iter::once(Start { weight: first, shift_s: 0.0 }).chain(later).collect()
}

fn blurred(packet: WavePacket) -> WavePacket {
    WavePacket {
        delay_s: 0.7e-9,
        detuning_rad_per_s: 3e8,
        dephasing_rate_hz: 2e7,
        spectral_diffusion_rad_per_s: 1e8,
        ..packet
    }
}

/// Every shape, with and without restarts and jitter.
fn variants() -> Vec<(&'static str, WavePacket)> {
    let exponential = || Shape::Exponential { lifetime_s: TAU };
    let smeared = |rise_s| Shape::Smeared { lifetime_s: TAU, rise_s };
    let table = || {
        let table = Table::new(&[-2e-9, 3e-9, 9e-9, 12e-9, 30e-9], &[0.0, 1.0, 0.3, 0.5, 0.1]);
        Shape::Tabulated(Arc::new(table.unwrap()))
    };
    let later = || restarts(&[(5e-9, 0.2), (40e-9, 0.1)]);
    [
        ("plain", exponential(), vec![FIRST], 0.0),
        ("restarts", exponential(), later(), 0.0),
        ("jitter", exponential(), vec![FIRST], 0.4e-9),
        ("little jitter", exponential(), vec![FIRST], 1e-14),
        ("much jitter", exponential(), vec![FIRST], 3.0 * TAU),
        ("jitter and restarts", exponential(), later(), 0.4e-9),
        ("smeared", smeared(0.6e-9), vec![FIRST], 0.0),
        ("smeared and restarts", smeared(0.6e-9), later(), 0.0),
        ("table", table(), vec![FIRST], 0.0),
        ("table and restarts", table(), later(), 0.0),
    ]
    .into_iter()
    .map(|(name, shape, starts, jitter_s)| (name, blurred(WavePacket::new(shape, starts, jitter_s))))
    .collect()
}

/// Ends of pieces for Gauss rules over \[from, to\]: kinks, and steps of a lifetime between them.
fn pieces(packets: &[&WavePacket], from: f64, to: f64, step: f64) -> Vec<[f64; 2]> {
    let mut ends = vec![from, to];
    ends.extend(packets.iter().flat_map(|packet| packet.kinks()));
    ends.retain(|end| (from..=to).contains(end));
    ends.sort_by(f64::total_cmp);
    let cut = |ends: &[f64]| {
        let count = ((ends[1] - ends[0]) / step).ceil().max(1.0);
        let width = (ends[1] - ends[0]) / count;
        let start = ends[0];
        (0..count as usize).map(move |k| [start + width * k as f64, start + width * (k + 1) as f64])
    };
    ends.windows(2).flat_map(cut).collect()
}

fn integral(packet: &WavePacket, from: f64, to: f64, f: impl Fn(f64) -> f64) -> f64 {
    let pieces = pieces(&[packet], from, to, packet.decay_s());
    pieces.iter().map(|[from, to]| math::gauss_legendre(*from, *to, &f)).sum()
}

/// Tr(rho_A rho_B) over the square of a window.
fn overlap(a: &WavePacket, b: &WavePacket, from: f64, to: f64) -> f64 {
    let pieces = pieces(&[a, b], from, to, 0.5 * a.decay_s().min(b.decay_s()));
    let product = |t: f64, u: f64| (a.coherence(t, u) * b.coherence(u, t)).re;
    let mut sum = 0.0;
    for (i, [from_t, to_t]) in pieces.iter().enumerate() {
        sum += 2.0
            * math::gauss_legendre(*from_t, *to_t, |t| {
                let before: f64 = pieces[..i]
                    .iter()
                    .map(|[from, to]| math::gauss_legendre(*from, *to, |u| product(t, u)))
                    .sum();
                before + math::gauss_legendre(*from_t, t, |u| product(t, u))
            });
    }
    sum
}

#[test]
fn captured_is_the_integral_of_the_intensity() {
    for (name, packet) in variants() {
        let first = packet.from_s();
        for (from, to) in [(first, 200e-9), (first, 1e-9), (0.5e-9, 0.6e-9), (3e-9, 8e-9), (20e-9, 70e-9)] {
            let (sum, captured) =
                (integral(&packet, from, to, |t| packet.intensity(t)), packet.captured(from, to));
            // what lies before the first time is below 1e-17 of the photon
            assert!(
                (sum - captured).abs() < 1e-12 * captured + 1e-16,
                "{name} {from} {to}: {sum} {captured}"
            );
        }
        let everything = packet.captured(f64::NEG_INFINITY, f64::INFINITY);
        assert!((everything - 1.0).abs() < 1e-14, "{name}: {everything}");
        assert!(packet.captured(f64::NEG_INFINITY, first) < 1e-17, "{name}");
        assert_eq!(packet.captured(1e-9, 1e-9), 0.0, "{name}");
        assert_eq!(packet.captured(2e-9, 1e-9), 0.0, "{name}");
    }
}

#[test]
fn captured_is_additive_over_adjoining_windows() {
    for (name, packet) in variants() {
        for (a, b, c) in [(-5e-9, 0.7e-9, 9e-9), (1e-9, 1.001e-9, 30e-9), (2e-9, 50e-9, f64::INFINITY)] {
            let parts = packet.captured(a, b) + packet.captured(b, c);
            let whole = packet.captured(a, c);
            assert!((parts - whole).abs() < 1e-14, "{name}: {parts} {whole}");
        }
    }
}

#[test]
fn the_tiniest_window_captures_its_width_times_the_intensity() {
    for (name, packet) in variants() {
        for time in [0.1e-9, 0.9e-9, 13e-9, 90e-9] {
            let (width, middle) = (1e-15, packet.intensity(time + 0.5e-15));
            let captured = packet.captured(time, time + width);
            // the width is rounded to 1e-16 of the time
            assert!((captured - width * middle).abs() <= 1e-6 * width * middle, "{name} {time}: {captured}");
        }
    }
}

#[test]
fn plain_captured_fraction_is_one_minus_the_tail() {
    let packet = WavePacket::exponential(8e-9, 1e-9, 0.0, 0.0);
    assert_eq!(packet.captured(0.0, 1e-9), 0.0);
    assert!((packet.captured(0.0, 41e-9) - (1.0 - math::exp(-5.0))).abs() < 1e-15);
    assert_eq!(packet.captured(-1.0, f64::INFINITY), 1.0);
}

#[test]
fn coherence_is_hermitian_and_its_diagonal_is_the_intensity() {
    let mut rng = generator(1);
    for (name, packet) in variants() {
        for _ in 0..50 {
            let [t, u] = [0; 2].map(|_| -2e-9 + 60e-9 * rng.uniform());
            let [forth, back] = [packet.coherence(t, u), packet.coherence(u, t).conj()];
            assert!((forth - back).norm_sqr() <= 1e-28 * forth.norm_sqr(), "{name}");
            let diagonal = packet.coherence(t, t);
            assert!((diagonal.re - packet.intensity(t)).abs() <= 1e-14 * packet.intensity(t), "{name}");
            assert_eq!(diagonal.im, 0.0, "{name}");
        }
    }
}

/// Whether a hermitian matrix has no eigenvalue below -`ridge` times its largest diagonal entry, by Cholesky's method.
fn is_positive(mut matrix: Vec<Vec<Complex64>>, ridge: f64) -> bool {
    let size = matrix.len();
    let largest = (0..size).fold(0.0, |largest: f64, i| largest.max(matrix[i][i].re));
    for i in 0..size {
        matrix[i][i].re += ridge * largest;
    }
    for k in 0..size {
        let pivot = matrix[k][k].re;
        if pivot <= 0.0 {
            return false;
        }
        for i in k + 1..size {
            let factor = matrix[i][k] / pivot;
            for j in k + 1..size {
                let change = factor * matrix[k][j];
                matrix[i][j] -= change;
            }
        }
    }
    true
}

#[test]
fn coherence_is_positive() {
    let mut rng = generator(2);
    for (name, packet) in variants() {
        for span in [3e-9, 30e-9, 100e-9] {
            let times: Vec<f64> = (0..24).map(|_| -1e-9 + span * rng.uniform()).collect();
            let matrix = |kept: f64| -> Vec<Vec<Complex64>> {
                let entry = |t: f64, u: f64| packet.coherence(t, u) * if t == u { kept } else { 1.0 };
                times.iter().map(|t| times.iter().map(|u| entry(*t, *u)).collect()).collect()
            };
            assert!(is_positive(matrix(1.0), 1e-12), "{name} {span}");
            // negative control: a diagonal too small for its coherences
            assert!(!is_positive(matrix(0.3), 1e-12), "{name} {span}");
        }
    }
}

#[test]
fn coherence_and_amplitude_obey_the_bounds_of_cauchy_and_schwarz() {
    let mut rng = generator(3);
    for (name, packet) in variants() {
        for _ in 0..200 {
            let [t, u] = [0; 2].map(|_| -2e-9 + 60e-9 * rng.uniform());
            let [i, j] = [t, u].map(|time| packet.intensity(time));
            assert!(packet.coherence(t, u).norm_sqr() <= i * j * (1.0 + 1e-12), "{name}");
            assert!(packet.mean_amplitude(t).norm_sqr() <= i * (1.0 + 1e-12), "{name}");
        }
    }
}

#[test]
fn small_blurs_and_no_restarts_give_the_plain_exponential() {
    let plain = blurred(WavePacket::exponential(TAU, 0.0, 0.0, 0.0));
    let packet = |shape, jitter_s| blurred(WavePacket::new(shape, vec![FIRST], jitter_s));
    assert_eq!(packet(Shape::Smeared { lifetime_s: TAU, rise_s: 0.0 }, 0.0), plain);
    assert_eq!(blurred(WavePacket::new(Shape::Exponential { lifetime_s: TAU }, restarts(&[]), 0.0)), plain);
    for blur_s in [1e-13, 1e-15, 1e-40] {
        for blurred in [
            packet(Shape::Exponential { lifetime_s: TAU }, blur_s),
            packet(Shape::Smeared { lifetime_s: TAU, rise_s: blur_s }, 0.0),
        ] {
            // a blur s changes the exponential by s/(2 tau) in the mean time's phase and by s²/(2 tau²) in size
            let tolerance = blur_s / TAU + 1e-14;
            for (t, u) in [(0.8e-9, 3e-9), (5e-9, 1.2e-9), (20e-9, 20e-9)] {
                let (a, b) = (blurred.coherence(t, u), plain.coherence(t, u));
                assert!((a - b).norm_sqr().sqrt() < tolerance * b.norm_sqr().sqrt(), "{blur_s}: {a} {b}");
                let (a, b) = (blurred.mean_amplitude(t), plain.mean_amplitude(t));
                assert!((a - b).norm_sqr().sqrt() < tolerance * b.norm_sqr().sqrt(), "{blur_s}: {a} {b}");
            }
            for (from, to) in [(0.0, 2e-9), (1e-9, 30e-9), (-1.0, 1.0)] {
                assert!(
                    (blurred.captured(from, to) - plain.captured(from, to)).abs() < tolerance,
                    "{blur_s}"
                );
            }
        }
    }
}

#[test]
fn jitter_is_the_average_over_a_gaussian() {
    for jitter_s in [0.1e-9, 1e-9, 10e-9] {
        let plain = blurred(WavePacket::exponential(TAU, 0.0, 0.0, 0.0));
        let jittered =
            blurred(WavePacket::new(Shape::Exponential { lifetime_s: TAU }, vec![FIRST], jitter_s));
        // the Gaussian cut where the photon starts
        let averaged = |until: f64, value: &dyn Fn(f64) -> Complex64| {
            let until = until.clamp(-9.0 * jitter_s, 9.0 * jitter_s);
            let step = (until + 9.0 * jitter_s) / 40.0;
            let mut sum = Complex64::ZERO;
            for k in 0..40 {
                let from = -9.0 * jitter_s + step * f64::from(k);
                let gaussian = |shift: f64| {
                    let normal = shift / jitter_s;
                    math::exp(-0.5 * normal * normal) / (jitter_s * (2.0 * std::f64::consts::PI).sqrt())
                };
                sum.re += math::gauss_legendre(from, from + step, |shift| gaussian(shift) * value(shift).re);
                sum.im += math::gauss_legendre(from, from + step, |shift| gaussian(shift) * value(shift).im);
            }
            sum
        };
        for (t, u) in [(0.2e-9, 0.9e-9), (1e-9, 1e-9), (7e-9, 3e-9), (25e-9, 40e-9)] {
            let until = f64::min(t, u) - plain.delay_s;
            let average = averaged(until, &|shift| plain.delayed(shift).coherence(t, u));
            let closed = jittered.coherence(t, u);
            // beyond nine standard deviations lies 1e-19
            assert!(
                (average - closed).norm_sqr().sqrt() < 1e-12 * closed.norm_sqr().sqrt(),
                "{jitter_s} {t} {u}"
            );
            // of the amplitude only the size is jittered: phases count from the mean arrival
            let average = averaged(t - plain.delay_s, &|shift| {
                let still = WavePacket::exponential(TAU, plain.delay_s + shift, 0.0, 0.0);
                still.mean_amplitude(t)
            });
            let closed = jittered.mean_amplitude(t) / jittered.turned(t - plain.delay_s);
            assert!(
                (average - closed).norm_sqr().sqrt() < 1e-12 * closed.norm_sqr().sqrt(),
                "{jitter_s} {t}"
            );
        }
    }
}

#[test]
fn jitter_of_both_photons_costs_what_the_closed_form_says() {
    // overlap exp(-|u|/tau) averaged over u from N(0, 2 s²): exp(s²/tau²) erfc(s/tau)
    for jitter in [0.05, 0.3, 1.0] {
        let packet = WavePacket::new(Shape::Exponential { lifetime_s: TAU }, vec![FIRST], jitter * TAU);
        let overlap = overlap(&packet, &packet, packet.from_s(), 45.0 * TAU);
        let closed = math::erfc_scaled(jitter);
        // exp(-45) of the photon and 1e-17 of its edge are left out
        assert!((overlap - closed).abs() < 1e-11, "{jitter}: {overlap} {closed}");
    }
}

#[test]
fn diffusion_of_both_photons_costs_what_the_closed_form_says() {
    // overlap 1/(1 + tau² x²) averaged over x from N(0, 2 s²): √π/(2 s tau) exp(y²) erfc(y) with y = 1/(2 s tau)
    for diffusion in [0.1, 1.0, 2.0] {
        let packet = WavePacket {
            spectral_diffusion_rad_per_s: diffusion / TAU,
            ..WavePacket::exponential(TAU, 0.0, 0.0, 0.0)
        };
        let overlap = overlap(&packet, &packet, 0.0, 45.0 * TAU);
        let y = 0.5 / diffusion;
        let closed = std::f64::consts::PI.sqrt() * y * math::erfc_scaled(y);
        assert!((overlap - closed).abs() < 1e-11, "{diffusion}: {overlap} {closed}");
    }
}

#[test]
fn pure_shapes_overlap_with_themselves_fully() {
    let table = Table::new(&[-2e-9, 3e-9, 9e-9, 12e-9, 30e-9], &[0.0, 1.0, 0.3, 0.5, 0.0]).unwrap();
    for shape in [
        Shape::Exponential { lifetime_s: TAU },
        Shape::Smeared { lifetime_s: TAU, rise_s: 0.1 * TAU },
        Shape::Smeared { lifetime_s: TAU, rise_s: 2.0 * TAU },
        Shape::Tabulated(Arc::new(table)),
    ] {
        let packet = WavePacket::new(shape, vec![FIRST], 0.0);
        let overlap = overlap(&packet, &packet, packet.from_s(), 60.0 * TAU);
        assert!((overlap - 1.0).abs() < 1e-11, "{packet:?}: {overlap}");
    }
}

#[test]
fn the_kinks_are_close_enough_for_a_gauss_rule() {
    let still = |packet: &WavePacket| WavePacket { detuning_rad_per_s: 0.0, ..packet.clone() };
    let packets: Vec<_> = variants().iter().map(|(name, packet)| (*name, still(packet))).collect();
    for (name_a, a) in &packets {
        for (name_b, b) in &packets {
            let from = a.from_s().max(b.from_s());
            let value = |t: f64| (a.intensity(t) * b.intensity(t)).sqrt();
            let sum = |step: f64| -> f64 {
                let pieces = pieces(&[a, b], from, 60e-9, TAU);
                let refined = pieces.iter().flat_map(|[from, to]| {
                    let count = step.max(1.0) as usize;
                    let width = (to - from) / count as f64;
                    (0..count).map(move |k| [from + width * k as f64, from + width * (k + 1) as f64])
                });
                refined.map(|[from, to]| math::gauss_legendre(from, to, value)).sum()
            };
            let (coarse, fine) = (sum(1.0), sum(7.0));
            assert!((coarse - fine).abs() < 1e-12, "{name_a}, {name_b}: {coarse} {fine}");
        }
    }
}

#[test]
fn the_amplitude_of_a_table_keeps_its_digits_at_zeros() {
    // <psi|rho|psi> with the plain exponential: (int √(I_A I_B))², the table's √t beside a smooth factor
    let table = Table::new(&[0.0, 10e-9], &[0.0, 1.0]).unwrap();
    let packet = WavePacket::new(Shape::Tabulated(Arc::new(table)), vec![FIRST], 0.0);
    let pieces = pieces(&[&packet], 0.0, 10e-9, 1.0);
    let amplitude: f64 = pieces
        .iter()
        .map(|[from, to]| math::gauss_legendre(*from, *to, |t| packet.mean_amplitude(t).re))
        .sum();
    // int √(2 t)/T dt from 0 to T = √8/3 √T
    let exact = 8f64.sqrt() / 3.0 * 10e-9f64.sqrt();
    assert!((amplitude / exact - 1.0).abs() < 1e-12, "{}", amplitude / exact - 1.0);
}

#[test]
fn restarts_overlap_as_their_mixture_and_visibility_falls_with_the_window() {
    let starts = restarts(&[(1.5 * TAU, 0.3)]);
    let packet = WavePacket::new(Shape::Exponential { lifetime_s: TAU }, starts, 0.0);
    let full = overlap(&packet, &packet, 0.0, 45.0 * TAU);
    let expected = 0.7 * 0.7 + 0.3 * 0.3 + 2.0 * 0.7 * 0.3 * math::exp(-1.5);
    assert!((full - expected).abs() < 1e-12, "{full} {expected}");
    let mut last = 1.0 + 1e-12;
    for window in [0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0] {
        let captured = packet.captured(0.0, window * TAU);
        let visibility = overlap(&packet, &packet, 0.0, window * TAU) / (captured * captured);
        // before the restart the photon is pure
        assert!(if window <= 1.5 { (visibility - 1.0).abs() < 1e-12 } else { visibility < last }, "{window}");
        last = visibility;
    }
    // what restarts leave of the amplitude is the first start's
    assert!(
        (packet.mean_amplitude(2.0 * TAU).norm_sqr() / (0.7 * math::exp(-2.0) / TAU) - 1.0).abs() < 1e-14
    );
}

#[test]
fn parts_can_be_taken_away() {
    let packet =
        blurred(WavePacket::new(Shape::Exponential { lifetime_s: TAU }, restarts(&[(5e-9, 0.2)]), 0.4e-9));
    assert_eq!(packet.exponential_parts(), None);
    let plain = packet.without_jitter().without_diffusion().without_restarts();
    let parts = plain.exponential_parts().unwrap();
    assert_eq!((parts.lifetime_s, parts.delay_s), (TAU, packet.delay_s));
    assert_eq!(packet.with_lifetime(1e-9).lifetime_s(), Some(1e-9));
    assert_eq!(packet.delayed(1e-9).delay_s, packet.delay_s + 1e-9);
}

fn generator(block: u64) -> Xoshiro {
    BlockKey { key: Key::from_seed(20_260), engine: 9, block }.scalar(0)
}

/// Greatest distance between the empirical distribution and `cdf`, times the root of the number.
fn kolmogorov_smirnov(mut times: Vec<f64>, cdf: impl Fn(f64) -> f64) -> f64 {
    times.sort_by(f64::total_cmp);
    let n = times.len() as f64;
    let distance = times.iter().enumerate().fold(0.0, |greatest: f64, (k, time)| {
        let expected = cdf(*time);
        greatest.max(expected - k as f64 / n).max((k + 1) as f64 / n - expected)
    });
    distance * n.sqrt()
}

/// False alarms 2 exp(-2 x²) = 2e-6 for each comparison.
const CRITICAL: f64 = 2.63;

#[test]
fn samples_follow_the_distribution() {
    for (block, (name, packet)) in variants().into_iter().enumerate() {
        let mut rng = generator(100 + block as u64);
        let times: Vec<f64> = (0..20_000).map(|_| packet.sample(&mut rng)).collect();
        let distance = kolmogorov_smirnov(times.clone(), |time| packet.captured(f64::NEG_INFINITY, time));
        assert!(distance < CRITICAL, "{name}: {distance}");
        // negative control: the same photon with a later pulse
        let wrong = packet.delayed(0.1 * TAU + 0.3 * packet.jitter_s);
        let distance = kolmogorov_smirnov(times, |time| wrong.captured(f64::NEG_INFINITY, time));
        assert!(distance > CRITICAL, "{name}: {distance}");
    }
}

#[test]
fn arrivals_follow_the_distribution_inside_the_window() {
    let windows = [(-3e-9, 10e-9), (1e-9, 6e-9), (0.5e-9, f64::INFINITY), (30e-9, 45e-9), (2e-9, 2.1e-9)];
    for (block, (name, packet)) in variants().into_iter().enumerate() {
        for (k, (from, to)) in windows.into_iter().enumerate() {
            let whole = packet.captured(from, to);
            if whole <= 0.0 {
                continue;
            }
            let mut rng = generator((1000 * (k + 1) + block) as u64);
            let arrival = packet.inside(from, to);
            let times: Vec<f64> = (0..2000).map(|_| arrival.time_s(rng.uniform())).collect();
            assert!(times.iter().all(|time| (from..=to).contains(time)), "{name}");
            let distance = kolmogorov_smirnov(times.clone(), |time| packet.captured(from, time) / whole);
            assert!(distance < CRITICAL, "{name} {from} {to}: {distance}");
            // negative control: a distribution that is a little too even
            let distance =
                kolmogorov_smirnov(times, |time| math::pow(packet.captured(from, time) / whole, 1.4));
            assert!(distance > CRITICAL, "{name} {from} {to}: {distance}");
        }
    }
}

#[test]
fn arrivals_invert_the_captured_part_to_rounding() {
    for (name, packet) in variants() {
        for (from, to) in [(-3e-9, 60e-9), (1e-9, 6e-9), (0.5e-9, f64::INFINITY), (2e-9, 2.001e-9)] {
            let whole = packet.captured(from, to);
            let arrival = packet.inside(from, to);
            let mut last = f64::NEG_INFINITY;
            for k in 0..400 {
                let uniform = f64::from(k) / 400.0;
                let time = arrival.time_s(uniform);
                assert!(time >= last, "{name}: {time} {last}");
                last = time;
                // 1e-12 of the window in time, and rounding of the time itself
                let slack =
                    packet.intensity(time) / whole * (1e-12 * (to - from).min(100e-9) + 1e-23) + 1e-13;
                let part = packet.captured(from, time) / whole;
                assert!((part - uniform).abs() < slack, "{name} {from} {to} {uniform}: {part}");
            }
        }
    }
}

#[test]
fn a_window_without_light_answers_with_a_time_inside_it() {
    for (name, packet) in variants() {
        for (from, to) in [(-1.0, -0.5), (1e-9, 1e-9)] {
            let time = packet.inside(from, to).time_s(0.5);
            assert!(time.is_finite(), "{name}: {time}");
        }
    }
}
