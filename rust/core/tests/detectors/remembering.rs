//! Detectors that remember: dead times, recovery, afterpulses, and what happens to them outside of the window.

use super::{SIGMAS, assert_counts, basic, caused, link, sample};
use crate::runs::{joined, run};
use ionlink_core::detection::{BackgroundProfileParams, DecayingParams, DetectorParams};
use ionlink_core::stream::{BlockKey, Xoshiro};
use ionlink_core::tree::OneOrMany;
use ionlink_core::{BasicLinkParams, Cause, EngineChoice, Error, Given, Key, Link, LinkParams, Stop};

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
                run(&link, engine, 6, start_attempt, Stop::Attempts(attempts), threads)
            };
            let attempts = 1_500_000;
            let whole = run(0, attempts, 1);
            assert!(whole == run(0, attempts, 2));
            for cut in [1_000_001, 1 << 20] {
                let (first, second) = (run(0, cut, 1).heralds, run(cut, attempts - cut, 2).heralds);
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
