//! Recoil against formulas, quadrature and loops written here.
#![expect(clippy::unwrap_used, reason = "a test says what failed by failing")]
#![expect(clippy::manual_midpoint, reason = "(1 + M)/2 is the formula everybody knows")]

use ionlink_core::math::gauss_legendre;
use ionlink_core::{Cause, EngineChoice, Error, Exact, Given, Key, Link, Plan, Records, Run, State, Stop};
use std::f64::consts::PI;

/// eta, angular frequency (rad/s), mean phonons, phonons per attempt.
type Mode = (f64, f64, f64, f64);

const MHZ: f64 = 2e6 * PI;
const SLOW: Mode = (0.3, 1.3 * MHZ, 4.0, 0.0);
const FAST: Mode = (0.25, 3.0 * MHZ, 6.0, 0.0);
const OTHER: Mode = (0.4, 2.2 * MHZ, 1.0, 0.0);

struct Setup {
    encoding: &'static str,
    modes: [Vec<Mode>; 2],
    lifetime_s: [f64; 2],
    efficiency: [f64; 2],
    overlap: f64,
    window_s: f64,
    emission: &'static str,
    station: &'static str,
    schedule: &'static str,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            encoding: "kind = \"polarization\"",
            modes: [vec![], vec![]],
            lifetime_s: [8e-9; 2],
            efficiency: [0.02, 0.01],
            overlap: 1.0,
            window_s: 400e-9,
            emission: "",
            station: "",
            schedule: "attempt_period_s = 3e-6",
        }
    }
}

impl Setup {
    fn link(&self) -> Result<Link, Error> {
        let node = |node: usize| {
            let modes: Vec<String> = self.modes[node]
                .iter()
                .map(|(eta, frequency, phonons, added)| {
                    format!(
                        "[[nodes.motion]]\nlamb_dicke = {eta:e}\nfrequency_rad_per_s = {frequency:e}\nmean_phonons = \
                         {phonons:e}\nphonons_per_attempt = {added:e}\n"
                    )
                })
                .collect();
            format!(
                "[[nodes]]\nname = \"{node}\"\n[nodes.emission]\nlifetime_s = {:e}\n{}\n[nodes.collection]\n\
                 kind = \"measured_efficiency\"\nefficiency = {:e}\nincludes = [\"collection\"]\n{}",
                self.lifetime_s[node],
                self.emission,
                self.efficiency[node],
                modes.concat()
            )
        };
        let one = self.encoding.contains("ion-photon");
        Link::from_toml(&format!(
            "mode_overlap = {}\n[encoding]\n{}\n{}{}[station]\nwindow_duration_s = {:e}\n{}\n[schedule]\n{}\n",
            self.overlap,
            self.encoding,
            node(0),
            if one { String::new() } else { node(1) },
            self.window_s,
            self.station,
            self.schedule
        ))
    }

    fn exact(&self) -> Exact {
        self.link().unwrap().exact().unwrap().clone()
    }

    /// Sum over all modes of eta² (2 nbar + 1) times `part`, at a position in the burst.
    fn exponent(&self, position: f64, part: impl Fn(f64) -> f64) -> f64 {
        let modes = self.modes.iter().flatten();
        modes.map(|(eta, w, n, add)| eta * eta * (2.0 * (n + add * position) + 1.0) * part(*w)).sum()
    }

    /// What is left of the exchange of two photons emitted this time apart.
    fn kept(&self, position: f64, time_s: f64) -> f64 {
        libm::exp(-self.exponent(position, |w| 1.0 - libm::cos(w * time_s)))
    }

    /// Mean of K over the emission times of two photons in the window, relative to independent ones: the part of the ions'
    /// coherence that is left.
    fn coherence(&self, position: f64, apart_s: f64) -> f64 {
        let [a, b] = self.lifetime_s;
        let end = self.window_s.min(45.0 * a.max(b));
        let wave = |t: f64| libm::exp(-0.5 * t * (1.0 / a + 1.0 / b)) / (a * b).sqrt();
        let inside = |tau: f64| -libm::expm1(-self.window_s / tau);
        let pieces = 12;
        let edge = |k: i32| end * f64::from(k) / f64::from(pieces);
        let integral = |f: &dyn Fn(f64) -> f64| -> f64 {
            (0..pieces).map(|k| gauss_legendre(edge(k), edge(k + 1), f)).sum()
        };
        let both = integral(&|t| integral(&|u| wave(t) * wave(u) * self.kept(position, u - t + apart_s)));
        both / (inside(a) * inside(b))
    }
}

#[track_caller]
fn assert_close(actual: f64, expected: f64, relative: f64) {
    assert!((actual - expected).abs() < relative * expected.abs(), "{actual} instead of {expected}");
}

fn bins(separation: f64) -> String {
    format!("kind = \"time-bin\"\nbin_separation_s = {separation:e}")
}

fn leaked(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

#[test]
fn two_equal_ions_kicked_at_two_times() {
    // reference rows RECOIL.F
    for (separation, expected) in [(0.5, 0.877_287_727_178_421_6), (1.0, 1.0)] {
        for kind in ["time-bin\"\nbin", "barrett-kok\"\nround"] {
            let setup = Setup {
                encoding: leaked(format!("kind = \"{kind}_separation_s = {separation}")),
                modes: [vec![(0.08, 2.0 * PI, 5.0, 0.0)], vec![(0.08, 2.0 * PI, 5.0, 0.0)]],
                lifetime_s: [1e-15; 2],
                window_s: 40e-9,
                schedule: "attempt_period_s = 2.0",
                ..Default::default()
            };
            let exact = setup.exact();
            assert_close(exact.fidelity, expected, 1e-9);
            assert_close(exact.herald_probability, 1e-4, 1e-9);
        }
    }
}

#[test]
fn contrast_is_the_mean_over_emission_times() {
    for (modes, lifetime_s, window_s) in [
        ([vec![FAST], vec![FAST]], [8e-9; 2], 400e-9),
        ([vec![FAST], vec![]], [8e-9, 20e-9], 25e-9),
        ([vec![SLOW, FAST], vec![OTHER]], [30e-9, 22e-9], 600e-9),
        // more beats than are summed: these go through quadrature
        (
            [vec![SLOW, FAST, OTHER], vec![(0.5, 1.7 * MHZ, 3.0, 0.0), (0.45, 2.6 * MHZ, 3.0, 0.0)]],
            [30e-9, 22e-9],
            600e-9,
        ),
    ] {
        for (encoding, apart_s) in
            [("kind = \"polarization\"".to_string(), 0.0), (bins(1.1e-6), 1.1e-6), (bins(1.43e-6), 1.43e-6)]
        {
            let setup = Setup {
                encoding: leaked(encoding),
                modes: modes.clone(),
                lifetime_s,
                window_s,
                overlap: 0.95,
                ..Default::default()
            };
            let exact = setup.exact();
            let expected = (1.0 + 0.95 * setup.coherence(0.0, apart_s)) / 2.0;
            assert_close(exact.fidelity, expected, 1e-9);
            let still = Setup { modes: [vec![], vec![]], ..setup };
            // opposite modes tell the ions apart: nothing of recoil is in the clicks
            assert_close(exact.herald_probability, still.exact().herald_probability, 1e-12);
            assert!(still.exact().fidelity > exact.fidelity + 1e-3);
        }
    }
}

#[test]
fn other_wave_packets_keep_as_much_as_plain_ones() {
    // an invisible spectral diffusion takes the numerical road; hidden photons and blind ports use all kinds of integrals
    for (encoding, detectors) in [
        (leaked(bins(1.1e-6)), 2),
        ("kind = \"polarization\"", 4),
        ("kind = \"frequency\"\nmode_splitting_rad_per_s = 2e8", 2),
    ] {
        let uneven: Vec<_> = (0..detectors)
            .map(|k| format!("{{ efficiency = {}, dark_count_rate_hz = 1e6 }}", 0.9 - 0.1 * f64::from(k)))
            .collect();
        let setup = |emission: &'static str| Setup {
            encoding,
            modes: [vec![SLOW, FAST], vec![OTHER]],
            efficiency: [0.6, 0.5],
            window_s: 50e-9,
            emission,
            station: leaked(format!("detectors = [{}]", uneven.join(", "))),
            ..Default::default()
        };
        let (plain, other) = (setup(""), setup("spectral_diffusion_rad_per_s = 1e-3"));
        let (a, b) = (plain.exact(), other.exact());
        for (a, b) in a.patterns.iter().zip(&b.patterns) {
            for (a, b) in a.by_cause.iter().flatten().flatten().zip(b.by_cause.iter().flatten().flatten()) {
                assert!((a - b).norm_sqr().sqrt() < 1e-10, "{a} {b}");
            }
        }
        let times = [[3e-9, 11e-9], [30e-9, 8e-9]];
        for cause in [Cause::PhotonPhoton, Cause::PhotonDark, Cause::DarkDark] {
            let density = |setup: &Setup| setup.link().unwrap().density(0, cause, &times).unwrap();
            for (a, b) in density(&plain).iter().zip(density(&other)) {
                let scale = (0..4).map(|i| a[i][i].re).sum::<f64>();
                for (a, b) in a.iter().flatten().zip(b.iter().flatten()) {
                    // hidden photons come from a coarse grid
                    assert!((a - b).norm_sqr().sqrt() < 2e-3 * scale, "{a} {b}");
                }
            }
        }
    }
}

#[test]
fn densities_of_records_add_up_to_the_exact_operators() {
    // a coincidence window as long as the window takes the road by records
    let setup = |station: &'static str| Setup {
        modes: [vec![(0.1, 3.0 * MHZ, 2.0, 0.0)], vec![(0.1, 20.0 * MHZ, 1.0, 0.0)]],
        efficiency: [0.6, 0.5],
        window_s: 30e-9,
        station,
        schedule: "attempt_period_s = 3e-6\nattempts_per_burst = 40",
        ..Default::default()
    };
    let (plain, timed) = (
        setup("detectors = { dark_count_rate_hz = 1e6 }"),
        setup("detectors = { dark_count_rate_hz = 1e6 }\ncoincidence_window_s = 30e-9"),
    );
    for added in [0.0, 0.05] {
        let with = |setup: &Setup| {
            let mut modes = setup.modes.clone();
            modes[0][0].3 = added;
            Setup { modes, ..*setup }.exact()
        };
        let (a, b) = (with(&plain), with(&timed));
        assert_close(a.fidelity, b.fidelity, 1e-9);
        assert_close(a.herald_probability, b.herald_probability, 1e-9);
    }
}

#[test]
fn a_single_photon_tells_which_ion_was_kicked() {
    let alpha = 0.1;
    let setup = |modes: [Vec<Mode>; 2]| Setup {
        encoding: "kind = \"number\"\nbright_fraction = [0.1, 0.1]",
        modes,
        efficiency: [0.3; 2],
        overlap: 0.9,
        ..Default::default()
    };
    let (still, moving) = (setup([vec![], vec![]]), setup([vec![SLOW, FAST], vec![OTHER]]));
    let unkicked = libm::exp(-moving.exponent(0.0, |_| 0.5));
    let (a, b) = (still.exact(), moving.exact());
    for (a, b) in a.patterns.iter().zip(&b.patterns) {
        assert_close(b.rho()[2][1].re, a.rho()[2][1].re * unkicked, 1e-12);
    }
    // both bright: two photons bunch as far as recoil lets them, (Q8)
    let eta = 0.3;
    let pair = eta * eta * (1.0 + 0.9 * moving.coherence(0.0, 0.0)) / 4.0;
    let both = alpha * alpha * (pair + eta * (1.0 - eta));
    assert_close(b.patterns[0].rho()[3][3].re, both, 1e-9);
    // equal ions, few photons: F = (1 - alpha)(1 + sqrt(M) exp(-eta² (2 nbar + 1)))/2
    let equal =
        Setup { efficiency: [1e-9; 2], ..setup([vec![(0.1, MHZ, 3.0, 0.0)], vec![(0.1, MHZ, 3.0, 0.0)]]) };
    let expected = 0.9 * (1.0 + 0.9f64.sqrt() * libm::exp(-0.01 * 7.0)) / 2.0;
    assert_close(equal.exact().fidelity, expected, 1e-8);
}

#[test]
fn photons_of_moving_ions_bunch_less() {
    let doppler = |frequency: f64| (0.08, frequency * MHZ, 10.0, 0.0);
    for modes in [
        [vec![FAST], vec![FAST]],
        [vec![SLOW, FAST], vec![OTHER]],
        [vec![doppler(3.0), doppler(2.7), doppler(1.0)], vec![doppler(2.9), doppler(2.6), doppler(1.1)]],
    ] {
        let setup = Setup {
            // so fast that what beats averages out
            encoding: "kind = \"frequency\"\nmode_splitting_rad_per_s = 1e14",
            modes,
            lifetime_s: [30e-9; 2],
            window_s: 2e-6,
            overlap: 0.9,
            ..Default::default()
        };
        let (exact, m) = (setup.exact(), 0.9 * setup.coherence(0.0, 0.0));
        assert_close(exact.herald_probability, 2e-4 * (2.0 - m) / 4.0, 1e-9);
        assert_close(exact.fidelity, (1.0 + m) / (4.0 - 2.0 * m), 1e-9);
    }
}

fn sampled(link: &Link, engine: EngineChoice, stop: Stop, coincidences: bool) -> Run {
    let plan =
        Plan { engine, record_coincidences: coincidences, threads: 2, ..Plan::new(Key::from_seed(21), stop) };
    link.sample(&plan, &mut |_| true).unwrap()
}

/// Deviation of a count from its mean in standard deviations.
fn deviation(count: usize, attempts: u64, probability: f64) -> f64 {
    let mean = attempts as f64 * probability;
    (count as f64 - mean) / (mean * (1.0 - probability)).sqrt()
}

fn fidelity(rho: &State, sign: f64) -> f64 {
    0.5 * (rho[1][1].re + rho[2][2].re) + sign * rho[1][2].re
}

/// Deviation of the mean fidelity of a run's states from a value, in standard deviations.
fn fidelity_deviation(link: &Link, run: &Run, expected: f64) -> f64 {
    let states = link.states(run.heralds.records(), Given::Cause).unwrap();
    let values: Vec<f64> = states
        .iter()
        .zip(&run.heralds.pattern)
        .map(|(rho, pattern)| {
            let slots = link.patterns()[usize::from(*pattern)].slots.map(|slot| slot.unwrap_or(0));
            fidelity(rho, if slots[0] / 2 == slots[1] / 2 { 1.0 } else { -1.0 })
        })
        .collect();
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / count;
    (mean - expected) / (variance / count).sqrt()
}

#[test]
fn every_engine_samples_what_exact_computes() {
    let dark = "detectors = { dark_count_rate_hz = 2e5 }";
    let setups = [
        Setup { encoding: "kind = \"polarization\"", station: dark, ..Default::default() },
        Setup { encoding: leaked(bins(1.1e-6)), station: dark, ..Default::default() },
        Setup { encoding: "kind = \"frequency\"\nmode_splitting_rad_per_s = 2e8", ..Default::default() },
        Setup { encoding: "kind = \"number\"\nbright_fraction = [0.3, 0.2]", ..Default::default() },
    ];
    for setup in setups {
        let setup = Setup {
            modes: [vec![SLOW, FAST], vec![OTHER]],
            lifetime_s: [60e-9, 40e-9],
            efficiency: [0.5, 0.4],
            ..setup
        };
        let link = setup.link().unwrap();
        let exact = link.exact().unwrap();
        let still = Setup { modes: [vec![], vec![]], ..setup }.exact();
        for engine in [EngineChoice::Photon, EngineChoice::Click, EngineChoice::Herald] {
            let run = sampled(&link, engine, Stop::Attempts(150_000), false);
            let count = run.heralds.len();
            let off = deviation(count, 150_000, exact.herald_probability);
            assert!(off.abs() < 4.0, "{} {engine:?}: {off}", setup_name(&link));
            if !matches!(link.params().encoding, ionlink_core::encoding::EncodingParams::Number(_)) {
                let off = fidelity_deviation(&link, &run, exact.fidelity);
                assert!(off.abs() < 4.0, "{} {engine:?}: {off}", setup_name(&link));
                // negative control: ions at rest
                assert!(fidelity_deviation(&link, &run, still.fidelity) < -8.0);
            }
            if matches!(link.params().encoding, ionlink_core::encoding::EncodingParams::Frequency(_)) {
                let control = deviation(count, 150_000, still.herald_probability);
                assert!(control.abs() > 8.0, "{engine:?}: {control}");
            }
        }
    }
}

fn setup_name(link: &Link) -> &'static str {
    link.params().encoding.name()
}

#[test]
fn coincidences_show_how_far_the_ions_moved() {
    let setup = Setup {
        modes: [vec![SLOW, FAST], vec![OTHER]],
        lifetime_s: [60e-9; 2],
        window_s: 3e-6,
        efficiency: [0.9; 2],
        schedule: "attempt_period_s = 4e-6",
        ..Default::default()
    };
    let link = setup.link().unwrap();
    // both photons in one mode, half of all, leave by different ports with (1 - K)/2
    let expected = 0.81 * (1.0 - setup.coherence(0.0, 0.0)) / 4.0;
    for engine in [EngineChoice::Photon, EngineChoice::Click] {
        let run = sampled(&link, engine, Stop::Attempts(200_000), true);
        let off = deviation(run.coincidences.attempt.len(), 200_000, expected);
        assert!(off.abs() < 4.0, "{engine:?}: {off}");
        // negative control: resting ions make none, distinguishable photons a quarter
        assert!(run.coincidences.attempt.len() > 1000 && run.coincidences.attempt.len() < 30_000);
    }
}

#[test]
fn photons_that_bunch_in_one_slot_do_so_in_every_engine() {
    // the partner of a dark count: mean and spread of its time follow from how two photons bunch
    let setup = Setup {
        modes: [vec![(0.8, 3.0 * MHZ, 6.0, 0.0)], vec![OTHER]],
        lifetime_s: [60e-9; 2],
        window_s: 400e-9,
        efficiency: [1.0; 2],
        station: "detectors = { dark_count_rate_hz = 1e5 }",
        ..Default::default()
    };
    let link = setup.link().unwrap();
    let means = [EngineChoice::Click, EngineChoice::Herald].map(|engine| {
        let run = sampled(&link, engine, Stop::Heralds(200_000), false);
        let times: Vec<f64> = run
            .heralds
            .cause
            .iter()
            .zip(&run.heralds.click_time_s)
            .filter(|(cause, _)| **cause == Cause::PhotonDark as u8)
            .map(|(_, times)| times[0].min(times[1]))
            .collect();
        let count = times.len() as f64;
        let mean = times.iter().sum::<f64>() / count;
        let variance = times.iter().map(|time| (time - mean) * (time - mean)).sum::<f64>() / count;
        (mean, variance / count)
    });
    let [(a, variance_a), (b, variance_b)] = means;
    assert!((a - b).abs() < 4.0 * (variance_a + variance_b).sqrt(), "{a} {b}");
}

fn heating(attempts_per_burst: u64, modes: [Vec<Mode>; 2]) -> Setup {
    Setup {
        encoding: leaked(bins(1.1e-6)),
        modes,
        lifetime_s: [1e-15; 2],
        window_s: 40e-9,
        schedule: leaked(format!(
            "attempt_period_s = 3e-6\nattempts_per_burst = {attempts_per_burst}\npause_s = 1e-5"
        )),
        ..Default::default()
    }
}

#[test]
fn exact_results_are_means_over_a_burst() {
    let modes =
        [vec![(0.1, 1.3 * MHZ, 1.0, 0.2), (0.05, 3.0 * MHZ, 2.0, 0.0)], vec![(0.08, 2.2 * MHZ, 0.5, 0.1)]];
    for count in [1, 7, 50, 3000] {
        let setup = heating(count, modes.clone());
        let sum: f64 = (0..count).map(|k| setup.kept(k as f64, 1.1e-6)).sum();
        let exact = setup.exact();
        assert_close(exact.fidelity, (1.0 + sum / count as f64) / 2.0, 1e-10);
        let number = Setup {
            encoding: "kind = \"number\"\nbright_fraction = [0.1, 0.1]",
            efficiency: [1e-9; 2],
            ..heating(count, modes.clone())
        };
        let sum: f64 = (0..count).map(|k| libm::exp(-number.exponent(k as f64, |_| 0.5))).sum();
        assert_close(number.exact().fidelity, 0.9 * (1.0 + sum / count as f64) / 2.0, 1e-8);
    }
    // a geometric sum where the loop would be long
    for (count, added) in [(1_000_000_000, 1e-9), (1_000_000_000, 2e-7), (1 << 53, 1e-16)] {
        let setup =
            heating(count, [vec![(0.1, 1.3 * MHZ, 1.0, added)], vec![(0.08, 2.2 * MHZ, 0.5, 0.5 * added)]]);
        let growth = setup.exponent(1.0, |w| 1.0 - libm::cos(w * 1.1e-6))
            - setup.exponent(0.0, |w| 1.0 - libm::cos(w * 1.1e-6));
        let modes = setup.modes.iter().flatten();
        let step: f64 =
            modes.map(|(eta, w, _, add)| 2.0 * eta * eta * add * (1.0 - libm::cos(w * 1.1e-6))).sum();
        assert!((growth - step).abs() < 1e-15);
        let n = count as f64;
        let mean = setup.kept(0.0, 1.1e-6) * libm::expm1(-n * step) / (n * libm::expm1(-step));
        assert_close(setup.exact().fidelity, (1.0 + mean) / 2.0, 1e-10);
    }
}

#[test]
fn a_herald_has_the_recoil_of_its_attempt() {
    let modes = [vec![(0.2, 1.3 * MHZ, 1.0, 0.4)], vec![(0.1, 2.2 * MHZ, 0.5, 0.2)]];
    let setup = Setup { efficiency: [0.4; 2], ..heating(20, modes.clone()) };
    let link = setup.link().unwrap();
    let run = sampled(&link, EngineChoice::Auto, Stop::Heralds(2000), false);
    assert_eq!(run.engine, EngineChoice::Click);
    let states = link.states(run.heralds.records(), Given::Cause).unwrap();
    for (rho, attempt) in states.iter().zip(&run.heralds.attempt) {
        let expected = 0.5 * setup.kept((attempt % 20) as f64, 1.1e-6);
        assert!((rho[1][2].re.abs() - expected).abs() < 1e-6, "{attempt}: {} {expected}", rho[1][2].re);
    }
    let off = fidelity_deviation(&link, &run, link.exact().unwrap().fidelity);
    assert!(off.abs() < 4.0, "{off}");
    // without the attempts nothing is known of the phonons
    let nameless = Records { attempt: &[], ..run.heralds.records() };
    assert!(link.states(nameless, Given::Cause).unwrap_err().to_string().contains("attempt"));
    // frequencies: the later in the burst, the less do photons bunch, and the more often do they herald
    let setup = Setup {
        encoding: "kind = \"frequency\"\nmode_splitting_rad_per_s = 1e14",
        efficiency: [0.9; 2],
        lifetime_s: [60e-9; 2],
        window_s: 2e-6,
        ..heating(4, [vec![(0.3, 2.0 * MHZ, 0.0, 4.0)], vec![]])
    };
    let link = setup.link().unwrap();
    let mean: f64 = (0..4).map(|k| setup.coherence(f64::from(k), 0.0)).sum::<f64>() / 4.0;
    assert_close(link.exact().unwrap().herald_probability, 0.81 * (2.0 - mean) / 4.0, 1e-9);
    for engine in [EngineChoice::Click, EngineChoice::Photon] {
        let run = sampled(&link, engine, Stop::Attempts(400_000), false);
        for position in 0..4 {
            let count = run.heralds.attempt.iter().filter(|attempt| **attempt % 4 == position).count();
            let probability = 0.81 * (2.0 - setup.coherence(position as f64, 0.0)) / 4.0;
            let off = deviation(count, 100_000, probability);
            assert!(off.abs() < 4.0, "{engine:?} {position}: {off}");
        }
        let last = run.heralds.attempt.iter().filter(|attempt| **attempt % 4 == 3).count();
        assert!(deviation(last, 100_000, 0.81 * (2.0 - setup.coherence(0.0, 0.0)) / 4.0) > 8.0);
    }
}

#[test]
fn other_wave_packets_heat_alike() {
    let setup = |emission: &'static str| Setup {
        encoding: "kind = \"polarization\"",
        lifetime_s: [8e-9, 11e-9],
        efficiency: [0.5, 0.4],
        station: "detectors = { dark_count_rate_hz = 1e6 }",
        emission,
        ..heating(20, [vec![(0.3, 1.3 * MHZ, 1.0, 0.4)], vec![(0.1, 2.2 * MHZ, 0.5, 0.2)]])
    };
    let (plain, other) =
        (setup("").link().unwrap(), setup("spectral_diffusion_rad_per_s = 1e-3").link().unwrap());
    assert_close(plain.exact().unwrap().fidelity, other.exact().unwrap().fidelity, 1e-10);
    let run = sampled(&plain, EngineChoice::Auto, Stop::Heralds(50), false);
    let states = [&plain, &other].map(|link| link.states(run.heralds.records(), Given::Cause).unwrap());
    for (a, b) in states[0].iter().flatten().flatten().zip(states[1].iter().flatten().flatten()) {
        assert!((a - b).norm_sqr().sqrt() < 1e-3, "{a} {b}");
    }
}

#[test]
fn the_budget_names_recoil() {
    let setup =
        Setup { modes: [vec![FAST], vec![FAST]], overlap: 0.9, lifetime_s: [30e-9; 2], ..Default::default() };
    let budget = setup.link().unwrap().error_budget().unwrap();
    let row = budget.contributions.iter().find(|row| row.mechanism == "recoil").unwrap();
    let kept = setup.coherence(0.0, 0.0);
    assert!((row.alone - (1.0 - kept) / 2.0).abs() < 1e-9, "{}", row.alone);
    assert!((row.off - 0.9 * (1.0 - kept) / 2.0).abs() < 1e-9, "{}", row.off);
}

#[test]
fn what_recoil_cannot_do_is_refused_by_name() {
    let refused = |setup: Setup| setup.link().unwrap_err().to_string();
    let with = |mode: Mode| Setup { modes: [vec![SLOW], vec![FAST, mode]], ..Default::default() };
    assert!(
        refused(with((-0.1, MHZ, 0.0, 0.0))).contains("`nodes.1.motion.1.lamb_dicke` must be in [0e0, 1e1]")
    );
    assert!(refused(with((0.1, 0.0, 0.0, 0.0))).contains("nodes.1.motion.1.frequency_rad_per_s"));
    assert!(refused(with((0.1, MHZ, -1.0, 0.0))).contains("nodes.1.motion.1.mean_phonons"));
    assert!(refused(with((0.1, MHZ, 0.0, 0.1))).contains("nodes.1.motion.1.phonons_per_attempt"));
    let one = Setup { encoding: "kind = \"ion-photon\"", ..with(SLOW) };
    assert!(refused(one).contains("nodes.0.motion"));
    let link = heating(5, [vec![SLOW], vec![(0.1, MHZ, 0.0, 0.1)]]).link().unwrap();
    let error = link.engine(EngineChoice::Herald, false).unwrap_err().to_string();
    assert!(error.contains("nodes.1.motion.0.phonons_per_attempt"), "{error}");
    // a photon that lasts for thousands of oscillations
    let long = Setup {
        modes: [vec![SLOW], vec![FAST]],
        window_s: 1e-3,
        emission: "spectral_diffusion_rad_per_s = 1.0",
        lifetime_s: [1e-3; 2],
        schedule: "attempt_period_s = 2e-3",
        ..Default::default()
    };
    let link = long.link().unwrap();
    assert!(
        link.density(0, Cause::PhotonPhoton, &[[1e-6, 2e-6]])
            .unwrap_err()
            .to_string()
            .contains("nodes.0.motion")
    );
}
