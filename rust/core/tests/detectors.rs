//! Imperfect detectors, against closed forms and against a plain loop over attempts that knows nothing of the engines.
#![expect(clippy::unwrap_used, reason = "a test says what failed by failing")]

use ionlink_core::detection::{BackgroundProfileParams, DecayingParams, DetectorParams};
use ionlink_core::stream::{BlockKey, Xoshiro};
use ionlink_core::tree::OneOrMany;
use ionlink_core::{
    BasicLinkParams, Cause, EngineChoice, Error, Given, Heralds, Key, Link, LinkParams, Plan, Run, Stop,
    state,
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

/// Clicks of one detector that sees an event with this probability in each attempt, at the window's opening, by a plain loop.
struct Loop {
    rng: Xoshiro,
    period_s: f64,
}

impl Loop {
    fn new(seed: u64) -> Self {
        Self { rng: BlockKey { key: Key::from_seed(seed), engine: 99, block: 0 }.scalar(0), period_s: 1e-6 }
    }

    fn exponential(&mut self, mean: f64) -> f64 {
        -mean * libm::log(self.rng.uniform_open())
    }
}

/// Number encoding, one bright ion, one detector: heralds are its clicks.
fn clicking(detector: &DetectorParams, efficiency: f64, basic: BasicLinkParams) -> Link {
    let params = BasicLinkParams {
        encoding: "number".into(),
        efficiency: [efficiency, 0.0],
        lifetime_s: [1e-12; 2],
        bright_fraction: Some([1.0, 0.0]),
        reflectivity: OneOrMany::One(0.0),
        ..basic
    };
    link(&params, detector, |_| {})
}

#[test]
fn recovery_follows_its_law() {
    // events in every attempt: the share of attempts that click, by a loop over attempts
    let (recovery_s, dead_s) = (1.5e-6, 0.3e-6);
    let detector = DetectorParams { recovery_time_s: recovery_s, dead_time_s: dead_s, ..Default::default() };
    let link = clicking(&detector, 1.0, BasicLinkParams::default());
    let error = link.exact().unwrap_err();
    assert!(
        matches!(&error, Error::Model { parameter, .. } if parameter == "station.detectors.recovery_time_s"),
        "{error}"
    );
    assert_eq!(link.engine(EngineChoice::Auto, false).unwrap().0, EngineChoice::Click);
    // the efficiency after k periods since the last click, as the documentation gives it: renewals of mean length
    // sum_k P(no click in the k attempts after one)
    let efficiency = |since_s: f64| {
        if since_s > dead_s { 1.0 - libm::exp(-(since_s - dead_s) / recovery_s) } else { 0.0 }
    };
    // the detector is ready once and for all: no click in the first k attempts is no readiness before the k-th
    let mean: f64 = (0..400).map(|k| if k == 0 { 1.0 } else { 1.0 - efficiency(f64::from(k) * 1e-6) }).sum();
    for engine in [EngineChoice::Photon, EngineChoice::Click] {
        let run = sample(&link, engine, 5, Stop::Attempts(300_000));
        let expected = 300_000.0 / mean;
        // renewals: the variance of their number is below that of a Poisson process
        assert_counts(run.heralds.len() as f64, expected, &format!("{engine:?}"));
        let wrong = clicking(
            &DetectorParams { recovery_time_s: 1.1 * recovery_s, ..detector.clone() },
            1.0,
            BasicLinkParams::default(),
        );
        let wrong = sample(&wrong, engine, 5, Stop::Attempts(300_000)).heralds.len() as f64;
        assert!((wrong - expected).abs() > 3.0 * SIGMAS * expected.sqrt());
    }
}

#[test]
fn afterpulses_come_as_a_plain_loop_says() {
    let (probability, efficiency) = (0.3, 0.05);
    let detector = DetectorParams {
        afterpulse_probability: probability,
        afterpulse_time_s: 2e-6,
        dead_time_s: 0.1e-6,
        ..Default::default()
    };
    let window_s = 200e-9;
    let basic = BasicLinkParams { window_duration_s: window_s, ..Default::default() };
    for gated in [true, false] {
        let link = clicking(&DetectorParams { gated, ..detector.clone() }, efficiency, basic.clone());
        assert!(link.exact().is_err());
        let attempts = 400_000;
        let (mut slow, mut counted, mut false_clicks) = (Loop::new(8), 0.0, 0.0);
        // the loop: times in units of attempts, one list of afterpulses to come, blindness
        let (mut pending, mut ready_s) = (Vec::<f64>::new(), 0.0);
        for attempt in 0..attempts {
            let start_s = attempt as f64 * slow.period_s;
            let mut events: Vec<(f64, bool)> = vec![];
            if slow.rng.uniform() < efficiency {
                events.push((start_s, false));
            }
            let mut clicked = false;
            loop {
                let end_s = start_s + slow.period_s;
                let due = pending.iter().position(|time| *time < end_s);
                if let Some(due) = due {
                    events.push((pending.swap_remove(due), true));
                }
                if due.is_some() {
                    continue;
                }
                events.sort_by(|a, b| a.0.total_cmp(&b.0));
                if events.is_empty() {
                    break;
                }
                let (time_s, afterpulse) = events.remove(0);
                let inside = time_s < start_s + window_s;
                if time_s < ready_s || (gated && !inside) {
                    continue;
                }
                ready_s = time_s + 0.1e-6;
                if slow.rng.uniform() < probability {
                    let wait_s = 0.1e-6 + slow.exponential(2e-6);
                    pending.push(time_s + wait_s);
                }
                if inside && !clicked {
                    clicked = true;
                    counted += 1.0;
                    false_clicks += f64::from(u8::from(afterpulse));
                }
            }
        }
        for engine in [EngineChoice::Photon, EngineChoice::Click] {
            let run = sample(&link, engine, 9, Stop::Attempts(attempts));
            let heralds = run.heralds.len() as f64;
            let afterpulses = caused(&run, Cause::Afterpulse);
            for (seen, expected) in [(heralds, counted), (afterpulses, false_clicks)] {
                // chains make counts spread more than Poisson's: by less than 1/(1 - p)²
                let spread = (2.0 * expected).sqrt() / (1.0 - probability);
                assert!((seen - expected).abs() < SIGMAS * spread, "{gated} {engine:?}: {seen} {expected}");
            }
            assert!(false_clicks > 300.0);
        }
    }
}

#[test]
fn a_number_resolving_slot_counts_its_afterpulses() {
    // both photons click once, and neither may be followed by an afterpulse within its window, however rare attempts are
    let (probability, wait_s, window_s) = (0.5, 10e-9, 400e-9);
    let detector = DetectorParams {
        number_resolving: true,
        afterpulse_probability: probability,
        afterpulse_time_s: wait_s,
        ..Default::default()
    };
    for period_s in [1e-6, 10e-6] {
        let basic = BasicLinkParams {
            efficiency: [0.5; 2],
            lifetime_s: [1e-12; 2],
            window_duration_s: window_s,
            attempt_period_s: Some(period_s),
            ..Default::default()
        };
        let link = link(&basic, &detector, |_| {});
        let error = link.exact().unwrap_err().to_string();
        assert!(error.contains("afterpulse_probability"), "{error}");
        let attempts = 200_000;
        let alone = 1.0 - probability * (1.0 - libm::exp(-window_s / wait_s));
        let expected = attempts as f64 * 0.125 * alone * alone;
        for engine in [EngineChoice::Photon, EngineChoice::Click] {
            let run = sample(&link, engine, 23, Stop::Attempts(attempts));
            // an afterpulse of an earlier attempt in the same slot changes this by less than exp(-60)
            let heralds = run.heralds.len() as f64;
            let from_photons = caused(&run, Cause::PhotonPhoton);
            assert_counts(from_photons, expected, &format!("{engine:?} {period_s} {heralds}"));
        }
    }
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
fn a_window_as_long_as_the_period_remembers_nothing() {
    let of = |start_s: f64| {
        let basic = BasicLinkParams { window_duration_s: 1e-6, ..basic() };
        link(&basic, &DetectorParams::default(), |params| params.station.window_start_s = start_s)
    };
    // the sum of opening and duration rounds
    assert!(of(55e-9).exact().is_ok() && !of(55e-9).remembers());
}

#[test]
fn dark_counts_blind_detectors_that_are_not_gated() {
    // darks at rate r blind for d each: the detector is ready at a given time with probability 1/(1 + r d) if events of the
    // window are rare
    let (rate_hz, dead_s, efficiency) = (4e4, 20e-6, 0.002);
    let detector = DetectorParams {
        dark_count_rate_hz: rate_hz,
        dead_time_s: dead_s,
        gated: false,
        ..Default::default()
    };
    let basic = BasicLinkParams { window_duration_s: 1e-9, ..Default::default() };
    let free = clicking(&detector, efficiency, basic.clone());
    let error = free.exact().unwrap_err();
    assert!(error.to_string().contains("station.detectors"), "{error}");
    let attempts = 2_000_000_u64;
    // a click of the window blinds as well
    let all_hz = rate_hz + efficiency / 1e-6;
    let expected = attempts as f64 * efficiency / (1.0 + all_hz * dead_s);
    for engine in [EngineChoice::Photon, EngineChoice::Click] {
        let run = sample(&free, engine, 13, Stop::Attempts(attempts));
        let photons = caused(&run, Cause::Photon);
        assert_counts(photons, expected, &format!("{engine:?}"));
        // negative control: a gated detector is blinded by its own clicks alone
        let gated = clicking(&DetectorParams { gated: true, ..detector.clone() }, efficiency, basic.clone());
        let run = sample(&gated, engine, 13, Stop::Attempts(attempts));
        let more = caused(&run, Cause::Photon);
        assert!(more > expected + 3.0 * SIGMAS * expected.sqrt());
    }
}

#[test]
fn clicks_before_the_window_have_afterpulses() {
    // no ions: scattered light is over when the window opens, and what heralds are afterpulses of its clicks
    let (probability, dead_s, wait_s, decay_s) = (0.3, 5e-9, 20e-9, 1e-9);
    let detector = DetectorParams {
        background_probability_per_attempt: 0.5,
        background_profile: Some(BackgroundProfileParams::Decaying(DecayingParams { decay_s })),
        dead_time_s: dead_s,
        afterpulse_probability: probability,
        afterpulse_time_s: wait_s,
        gated: false,
        ..Default::default()
    };
    let params = BasicLinkParams {
        encoding: "number".into(),
        efficiency: [0.0; 2],
        bright_fraction: Some([1.0, 0.0]),
        reflectivity: OneOrMany::One(0.0),
        ..Default::default()
    };
    let link = link(&params, &detector, |params| params.station.window_start_s = 10e-9);
    let attempts = 200_000;
    // by a loop over the attempts of each of the two detectors, one of which must click alone
    let mut slow = Loop::new(12);
    let click = |slow: &mut Loop| {
        let mut events: Vec<f64> = vec![];
        let (mut left, mut term) = (slow.rng.uniform(), 0.5);
        let mut count = 0;
        while left >= term {
            left -= term;
            count += 1;
            term *= std::f64::consts::LN_2 / f64::from(count);
        }
        events.extend((0..count).map(|_| slow.exponential(decay_s)));
        let (mut ready_s, mut clicked) = (0.0, false);
        while let Some(next) = (0..events.len()).min_by(|a, b| events[*a].total_cmp(&events[*b])) {
            let time_s = events.swap_remove(next);
            if time_s < ready_s {
                continue;
            }
            ready_s = time_s + dead_s;
            clicked |= (10e-9..50e-9).contains(&time_s);
            if slow.rng.uniform() < probability {
                events.push(time_s + dead_s + slow.exponential(wait_s));
            }
        }
        clicked
    };
    let loops = 1_000_000;
    let share = (0..loops).filter(|_| click(&mut slow) ^ click(&mut slow)).count() as f64 / f64::from(loops);
    let expected = share * attempts as f64;
    for engine in [EngineChoice::Photon, EngineChoice::Click] {
        let run = sample(&link, engine, 19, Stop::Attempts(attempts));
        // the loop has a fifth of the engine's variance; all heralds are afterpulses but for e^-10 of the light
        let spread = (1.2 * expected).sqrt();
        let seen = run.heralds.len() as f64;
        assert!((seen - expected).abs() < SIGMAS * spread, "{engine:?}: {seen} instead of {expected}");
        assert!(caused(&run, Cause::Afterpulse) > 0.99 * seen && seen > 5_000.0, "{seen}");
    }
}

#[test]
fn photons_before_the_window_blind_a_detector_that_is_not_gated() {
    // a click anywhere blocks the next two attempts: q/(1 + 2 q) clicks per attempt, of which the window sees its part
    let (efficiency, tau_s, start_s) = (0.5, 8e-9, 5e-9);
    let detector = |gated| DetectorParams { dead_time_s: 2.3e-6, gated, ..Default::default() };
    let of = |gated| {
        let params = BasicLinkParams {
            encoding: "number".into(),
            efficiency: [efficiency, 0.0],
            lifetime_s: [tau_s; 2],
            bright_fraction: Some([1.0, 0.0]),
            reflectivity: OneOrMany::One(0.0),
            ..Default::default()
        };
        link(&params, &detector(gated), |params| params.station.window_start_s = start_s)
    };
    let attempts = 300_000;
    let inside = libm::exp(-start_s / tau_s) * (1.0 - libm::exp(-40e-9 / tau_s));
    let free = attempts as f64 * inside * efficiency / (1.0 + 2.0 * efficiency);
    let seen = efficiency * inside;
    let gated = attempts as f64 * seen / (1.0 + 2.0 * seen);
    for engine in [EngineChoice::Photon, EngineChoice::Click] {
        for (is_gated, expected) in [(false, free), (true, gated)] {
            let run = sample(&of(is_gated), engine, 29, Stop::Attempts(attempts));
            assert_counts(run.heralds.len() as f64, expected, &format!("{engine:?} {is_gated}"));
        }
    }
}

#[test]
fn scattered_light_before_the_window_blinds_a_detector_that_is_not_gated() {
    let detector = |gated| DetectorParams {
        background_probability_per_attempt: 0.3,
        background_profile: Some(BackgroundProfileParams::Decaying(DecayingParams { decay_s: 1e-9 })),
        dead_time_s: 100e-9,
        gated,
        ..Default::default()
    };
    // the light is over when the window opens, and the dead time ends before the next pulse
    let efficiency = 0.5;
    let of = |gated| {
        let params = BasicLinkParams {
            encoding: "number".into(),
            efficiency: [efficiency, 0.0],
            delay_s: [45e-9, 45e-9],
            lifetime_s: [1e-12; 2],
            bright_fraction: Some([1.0, 0.0]),
            reflectivity: OneOrMany::One(0.0),
            window_duration_s: 20e-9,
            ..Default::default()
        };
        link(&params, &detector(gated), |params| params.station.window_start_s = 40e-9)
    };
    for engine in [EngineChoice::Photon, EngineChoice::Click] {
        let attempts = 200_000;
        let free = sample(&of(false), engine, 17, Stop::Attempts(attempts)).heralds.len() as f64;
        assert_counts(free, attempts as f64 * efficiency * 0.7, &format!("{engine:?}"));
        let gated = sample(&of(true), engine, 17, Stop::Attempts(attempts)).heralds.len() as f64;
        assert_counts(gated, attempts as f64 * efficiency, &format!("{engine:?} gated"));
    }
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

/// What a link differs by.
type Change = fn(&mut LinkParams);

#[test]
fn runs_of_remembering_detectors_do_not_depend_on_how_they_are_cut() {
    let detector = DetectorParams {
        dark_count_rate_hz: 2e4,
        dead_time_s: 0.4e-6,
        recovery_time_s: 0.3e-6,
        afterpulse_probability: 0.2,
        afterpulse_time_s: 0.5e-6,
        timing_jitter_s: 1e-9,
        gated: false,
        background_probability_per_attempt: 0.001,
        background_profile: Some(BackgroundProfileParams::Decaying(DecayingParams { decay_s: 30e-9 })),
        ..Default::default()
    };
    let plain: Change = |_| {};
    // rounds of three ions, bursts of a prime number of rounds, and pauses
    let rounds: Change = |params| {
        params.schedule.attempt_period_s = Some(3.3e-6);
        params.schedule.ions_per_round = 3;
        params.schedule.attempts_per_burst = Some(17);
        params.schedule.pause_s = 7e-6;
    };
    for (efficiency, change) in [([0.003, 0.002], plain), ([0.5, 0.5], plain), ([0.1, 0.1], rounds)] {
        let link = link(&BasicLinkParams { efficiency, ..basic() }, &detector, change);
        for engine in [EngineChoice::Photon, EngineChoice::Click] {
            let run = |start_attempt, attempts, threads| {
                let plan = Plan {
                    engine,
                    start_attempt,
                    threads,
                    ..Plan::new(Key::from_seed(6), Stop::Attempts(attempts))
                };
                link.sample(&plan, &mut |_| true).unwrap()
            };
            let attempts = 1_500_000;
            let whole = run(0, attempts, 1);
            assert!(whole == run(0, attempts, 2));
            for cut in [1_000_001, 1 << 20] {
                let (first, second) = (run(0, cut, 1).heralds, run(cut, attempts - cut, 2).heralds);
                let joined = |first: Heralds, second: Heralds| Heralds {
                    attempt: [first.attempt, second.attempt].concat(),
                    pattern: [first.pattern, second.pattern].concat(),
                    cause: [first.cause, second.cause].concat(),
                    click_time_s: [first.click_time_s, second.click_time_s].concat(),
                    blind_s: [first.blind_s, second.blind_s].concat(),
                    jitter_s: [first.jitter_s, second.jitter_s].concat(),
                    afterpulses: [first.afterpulses, second.afterpulses].concat(),
                };
                assert!(joined(first, second) == whole.heralds, "{efficiency:?} {engine:?} cut at {cut}");
            }
            // one herald at a time, too
            let mut sampler = ionlink_core::Sampler::new(&link, Key::from_seed(6), engine).unwrap();
            for index in 0..whole.heralds.len().min(50) {
                let herald = sampler.next(0.0, &mut || true).unwrap().unwrap();
                assert_eq!(herald.attempt, whole.heralds.attempt[index]);
                assert_eq!(herald.click_time_s, whole.heralds.click_time_s[index]);
            }
            let refused = link.states(whole.heralds.records(), Given::Record).unwrap_err();
            assert!(matches!(&refused, Error::Model { parameter, .. } if parameter == "given"));
        }
    }
}
