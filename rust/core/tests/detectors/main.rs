//! Imperfect detectors, against closed forms and against a plain loop over attempts that knows nothing of the engines.
#![expect(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod remembering;
#[path = "../common/runs.rs"]
mod runs;

use ionlink_core::detection::{BackgroundProfileParams, DecayingParams, DetectorParams};
use ionlink_core::tree::OneOrMany;
use ionlink_core::{
    BasicLinkParams, Cause, EngineChoice, Error, Given, Key, Link, LinkParams, Plan, Run, Stop, state,
};

/// A polarization link with these detectors.
fn link(basic: &BasicLinkParams, detector: &DetectorParams, change: impl FnOnce(&mut LinkParams)) -> Link {
    let mut params = basic.link().unwrap();
    params.station.detectors = OneOrMany::One(detector.clone());
    change(&mut params);
    Link::new(params).unwrap()
}

fn sample(link: &Link, engine: EngineChoice, seed: u64, stop: Stop) -> Run {
    link.sample(&Plan { engine, ..Plan::new(Key::from_seed(seed), stop) }, &mut |_| true).unwrap()
}

/// Number of heralds with this cause.
fn caused(run: &Run, cause: Cause) -> f64 {
    run.heralds.cause.iter().map(|found| f64::from(u8::from(*found == cause as u8))).sum()
}

fn basic() -> BasicLinkParams {
    BasicLinkParams {
        efficiency: [0.5, 0.4],
        lifetime_s: [8e-9, 6e-9],
        mode_overlap: 0.9,
        ..Default::default()
    }
}

/// Two-sided 4.5 sigma: about 60 comparisons in this file, so that fresh seeds fail somewhere with probability 4e-4.
const SIGMAS: f64 = 4.5;

fn assert_counts(count: f64, expected: f64, what: &str) {
    let sigmas = (count - expected).abs() / expected.sqrt().max(1.0);
    assert!(sigmas < SIGMAS, "{what}: {count} instead of {expected}, {sigmas} sigma");
}

/// Heralds whose states are asked for given the record, which takes up to milliseconds each with jitter.
const KNOWN: usize = 400;

/// Mean state elements and shares of all engines against exact.
fn assert_engines_agree(link: &Link, seed: u64, attempts: u64) {
    let exact = link.exact().unwrap();
    for engine in [EngineChoice::Photon, EngineChoice::Click, EngineChoice::Herald] {
        let run = sample(link, engine, seed, Stop::Attempts(attempts));
        let states = link.states(run.heralds.records(), Given::Cause).unwrap();
        // what the laboratory knows has the same mean, pattern by pattern
        let known = link.states(run.heralds.records().part(0..KNOWN), Given::Record).unwrap();
        for (number, pattern) in exact.patterns.iter().enumerate() {
            let chosen: Vec<usize> =
                (0..KNOWN).filter(|i| usize::from(run.heralds.pattern[*i]) == number).collect();
            let rho = state::scaled(&pattern.rho(), 1.0 / pattern.probability());
            for (i, j) in [(0, 0), (1, 1), (1, 2), (2, 2)] {
                let values: Vec<f64> = chosen.iter().map(|k| known[*k][i][j].re).collect();
                let count = values.len() as f64;
                let mean = values.iter().sum::<f64>() / count;
                let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
                let sigmas = (mean - rho[i][j].re).abs() / (squares.sqrt() / count + 1e-9);
                assert!(count < 30.0 || sigmas < SIGMAS, "{engine:?} {number} {i}{j}: {mean} {sigmas}");
            }
        }
        for (number, pattern) in exact.patterns.iter().enumerate() {
            for cause in Cause::ALL {
                let chosen: Vec<usize> = (0..run.heralds.len())
                    .filter(|i| {
                        usize::from(run.heralds.pattern[*i]) == number && run.heralds.cause[*i] == cause as u8
                    })
                    .collect();
                let expected = pattern.probability_of(cause) * attempts as f64;
                assert_counts(chosen.len() as f64, expected, &format!("{engine:?} {number} {cause:?}"));
                if chosen.len() < 100 {
                    continue;
                }
                // the coherence between 01 and 10, whose spread bounds its error
                let mean = |part: fn(num_complex::Complex64) -> f64| {
                    let values: Vec<f64> = chosen.iter().map(|i| part(states[*i][1][2])).collect();
                    let mean = values.iter().sum::<f64>() / values.len() as f64;
                    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
                    (mean, squares.sqrt() / values.len() as f64)
                };
                let element = pattern.by_cause[cause as usize][1][2] / pattern.probability_of(cause);
                for ((seen, spread), expected) in [(mean(|z| z.re), element.re), (mean(|z| z.im), element.im)]
                {
                    let sigmas = (seen - expected).abs() / (spread + 1e-9);
                    assert!(sigmas < SIGMAS, "{engine:?} {number} {cause:?}: {seen} instead of {expected}");
                }
            }
        }
    }
}

#[test]
fn background_is_exact_in_all_engines() {
    let profiles = [None, Some(BackgroundProfileParams::Decaying(DecayingParams { decay_s: 10e-9 }))];
    for (index, profile) in profiles.into_iter().enumerate() {
        for number_resolving in [false, true] {
            let detector = DetectorParams {
                dark_count_rate_hz: 4e5,
                background_probability_per_attempt: 0.05,
                background_profile: profile.clone(),
                number_resolving,
                ..Default::default()
            };
            let link = link(&basic(), &detector, |params| params.station.window_start_s = 5e-9);
            assert_engines_agree(&link, 10 + index as u64, 150_000);
        }
    }
}

#[test]
fn background_dies_with_the_opening_of_the_window() {
    // dark-dark heralds of a link without photons, by hand: q of the rest, 1 - q of the two that click
    let of = |start_s: f64| {
        let detector = DetectorParams {
            background_probability_per_attempt: 0.02,
            background_profile: Some(BackgroundProfileParams::Decaying(DecayingParams { decay_s: 10e-9 })),
            ..Default::default()
        };
        let basic = BasicLinkParams { efficiency: [0.0; 2], ..basic() };
        let link = link(&basic, &detector, |params| params.station.window_start_s = start_s);
        link.exact().unwrap().herald_probability
    };
    for start_s in [0.0, 20e-9, 50e-9] {
        let captured = libm::exp(-start_s / 10e-9) - libm::exp(-(start_s + 40e-9) / 10e-9);
        let mean = -libm::log(0.98) * captured;
        let (click, silent) = (1.0 - libm::exp(-mean), libm::exp(-mean));
        let expected = 4.0 * click * click * silent * silent;
        assert!((of(start_s) - expected).abs() < 1e-12 * expected, "{start_s}");
    }
}

#[test]
fn jitter_blurs_recorded_times_and_nothing_else() {
    let sharp = link(&basic(), &DetectorParams::default(), |_| {});
    let detector = DetectorParams { timing_jitter_s: 2e-9, ..Default::default() };
    let blurred = link(&basic(), &detector, |_| {});
    assert_eq!(sharp.exact().unwrap(), blurred.exact().unwrap());
    let run = sample(&blurred, EngineChoice::Click, 3, Stop::Heralds(20_000));
    let count = run.heralds.len() as f64;
    let mean = run.heralds.jitter_s.iter().flatten().sum::<f64>() / (2.0 * count);
    let square = run.heralds.jitter_s.iter().flatten().map(|late| late * late).sum::<f64>() / (2.0 * count);
    // spread of the mean and of the variance of 2 n Gaussian numbers
    assert!(mean.abs() < SIGMAS * 2e-9 / (2.0 * count).sqrt(), "{mean}");
    assert!((square / 4e-18 - 1.0).abs() < SIGMAS / count.sqrt(), "{square}");
}

#[test]
fn jitter_blurs_the_phase_turned_back() {
    // no coincidence window: the coherence of opposite-mode heralds is multiplied by exp(-(detuning jitter)²), the
    // difference of two recorded times having twice the variance
    let basic = BasicLinkParams { detuning_rad_per_s: [0.0, 2e8], ..basic() };
    let fidelity = |jitter_s: f64| {
        let detector = DetectorParams { timing_jitter_s: jitter_s, ..Default::default() };
        link(&basic, &detector, |params| params.phase_feed_forward = true).exact().unwrap().fidelity
    };
    let kept = libm::exp(-(2e8 * 1.5e-9) * (2e8 * 1.5e-9));
    let (sharp, blurred) = (fidelity(0.0), fidelity(1.5e-9));
    assert!(((blurred - 0.5) / (sharp - 0.5) - kept).abs() < 1e-9, "{sharp} {blurred}");
    let detector = DetectorParams { timing_jitter_s: 1.5e-9, ..Default::default() };
    assert_engines_agree(&link(&basic, &detector, |params| params.phase_feed_forward = true), 21, 100_000);
}

#[test]
fn jitter_moves_clicks_across_the_coincidence_window() {
    // equal exponentials without darks, an endless window: the difference of the times of a pair is Laplace, its recorded
    // one Laplace + normal
    let (tau, sigma, window) = (8e-9, 1e-9, 5e-9);
    let basic = BasicLinkParams {
        efficiency: [0.5, 0.4],
        lifetime_s: [tau; 2],
        window_duration_s: 400e-9,
        ..Default::default()
    };
    let detector = DetectorParams { timing_jitter_s: sigma, ..Default::default() };
    let cut = |params: &mut LinkParams| params.station.coincidence_window_s = Some(window);
    let whole = link(&basic, &detector, |_| {}).exact().unwrap().herald_probability;
    let jittering = link(&basic, &detector, cut);
    let kept = jittering.exact().unwrap().herald_probability / whole;
    let spread = sigma * std::f64::consts::SQRT_2;
    // midpoint rule in the true difference: 2e-9 of what it sums
    let (steps, range) = (400_000, 60.0 * tau);
    let normal = |x: f64| 0.5 * libm::erfc(-x / std::f64::consts::SQRT_2);
    let expected: f64 = (0..steps)
        .map(|k| {
            let x = range * (f64::from(k) + 0.5) / f64::from(steps);
            let laplace = libm::exp(-x / tau) / tau;
            laplace * (normal((window - x) / spread) - normal((-window - x) / spread))
        })
        .sum::<f64>()
        * range
        / f64::from(steps);
    assert!((kept - expected).abs() < 1e-8, "{kept} instead of {expected}");
    assert_engines_agree(&jittering, 31, 60_000);
    // negative control: without jitter another share is kept
    let sharp = link(&basic, &DetectorParams::default(), cut).exact().unwrap().herald_probability / whole;
    assert!((sharp - (1.0 - libm::exp(-window / tau))).abs() < 1e-9);
    assert!((sharp - expected).abs() > 1e-3);
}

#[test]
fn background_that_another_window_would_see_is_refused() {
    let detector = DetectorParams {
        background_probability_per_attempt: 0.1,
        background_profile: Some(BackgroundProfileParams::Decaying(DecayingParams { decay_s: 1e-7 })),
        ..Default::default()
    };
    let mut params = basic().link().unwrap();
    params.station.detectors = OneOrMany::One(detector);
    let error = Link::new(params).unwrap_err();
    assert!(
        matches!(&error, Error::Model { parameter, .. } if parameter == "station.detectors.background_profile"),
        "{error}"
    );
}

#[test]
fn bins_that_blind_each_other_are_exact() {
    // R = 1/2, no darks: same-detector pairs are lost, p = eA eB/4 and F = (1 + M)/2
    let bins = |dead_time_s: f64| BasicLinkParams {
        encoding: "time-bin".into(),
        bin_separation_s: Some(100e-9),
        dead_time_s,
        lifetime_s: [8e-9; 2],
        window_duration_s: 60e-9,
        ..basic()
    };
    let captured = 1.0 - libm::exp(-60.0 / 8.0);
    let blind = bins(170e-9).checked().unwrap();
    let exact = blind.exact().unwrap();
    let expected = 0.5 * 0.4 * captured * captured / 4.0;
    assert!((exact.herald_probability - expected).abs() < 1e-12, "{}", exact.herald_probability);
    assert!((exact.fidelity - 0.95).abs() < 1e-12);
    assert!(exact.outcomes.iter().any(|outcome| outcome.probability == 0.0));
    // in between: a same-detector pair is kept if the late photon comes more than dead - separation after the early one
    let late = 105e-9;
    let partly = bins(late).checked().unwrap();
    let wait = late - 100e-9;
    let (steps, tau, window) = (20_000, 8e-9, 60e-9);
    let kept: f64 = (0..steps)
        .map(|k| {
            let early = window * (f64::from(k) + 0.5) / f64::from(steps);
            let from = (early + wait).min(window);
            let tail = libm::exp(-from / tau) - libm::exp(-window / tau);
            libm::exp(-early / tau) / tau * tail * window / f64::from(steps)
        })
        .sum();
    let same = 0.5 * 0.4 / 4.0 * kept;
    let exact = partly.exact().unwrap();
    let psi_plus =
        exact.outcomes.iter().find(|outcome| outcome.bell_state == ionlink_core::BellState::PsiPlus);
    let seen = psi_plus.unwrap().probability;
    // the midpoint rule errs by a part of 1e-7
    assert!((seen - same).abs() < 1e-6 * same, "{seen} instead of {same}");
    for (link, seed) in [(blind, 41), (partly, 43)] {
        assert_engines_agree(&link, seed, 150_000);
    }
    // with dark counts too, and with number resolution
    for number_resolving in [false, true] {
        let dark = BasicLinkParams { dark_count_rate_hz: 1e6, number_resolving, ..bins(105e-9) };
        assert_engines_agree(&dark.checked().unwrap(), 45, 150_000);
    }
}
