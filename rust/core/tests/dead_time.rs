//! Detectors that are blind after a click: where attempts stay independent, where they do not, and that the record does
//! not depend on how a run is cut.
#![expect(clippy::unwrap_used, reason = "a test says what failed by failing")]

#[path = "common/runs.rs"]
mod runs;

use ionlink_core::{BasicLinkParams, EngineChoice, Error, Given, Key, Link, Plan, Run, State, Stop, state};
use runs::{joined, run};

fn link(dead_time_s: f64) -> Link {
    BasicLinkParams {
        efficiency: [0.5, 0.4],
        lifetime_s: [8e-9, 6e-9],
        mode_overlap: 0.9,
        dark_count_rate_hz: 5e5,
        dead_time_s,
        ..Default::default()
    }
    .checked()
    .unwrap()
}

/// Share of each pattern and cause among attempts, and the mean of all states, as numbers with their spread.
fn summary(link: &Link, run: &Run) -> Vec<(f64, f64)> {
    let attempts = run.attempts as f64;
    let mut numbers = vec![];
    for pattern in 0..4 {
        for cause in 0..3 {
            let count = (0..run.heralds.len())
                .filter(|i| run.heralds.pattern[*i] == pattern && run.heralds.cause[*i] == cause)
                .count() as f64;
            numbers.push((count / attempts, count.sqrt() / attempts));
        }
    }
    let states: Vec<State> = link.states(run.heralds.records(), Given::Cause).unwrap();
    let count = states.len() as f64;
    for i in 0..4 {
        let mean = states.iter().map(|rho| rho[i][i].re).sum::<f64>() / count;
        let squares: f64 = states.iter().map(|rho| (rho[i][i].re - mean) * (rho[i][i].re - mean)).sum();
        numbers.push((mean, squares.sqrt() / count));
    }
    numbers
}

/// Largest difference in standard deviations.
fn difference(one: &[(f64, f64)], other: &[(f64, f64)]) -> f64 {
    let sigmas = one.iter().zip(other).filter(|(a, b)| a.1 + b.1 > 0.0);
    sigmas.map(|(a, b)| (a.0 - b.0).abs() / (a.1 * a.1 + b.1 * b.1).sqrt()).fold(0.0, f64::max)
}

/// 16 comparisons at 4.5 sigma: a fresh seed fails with probability 1e-4.
const SIGMAS: f64 = 4.5;
/// Attempts of the statistical comparisons.
const MANY: Stop = Stop::Attempts(2_000_000);

#[test]
fn a_dead_time_shorter_than_the_gap_changes_nothing() {
    // 1 us between attempts, 40 ns window: 0.96 us of gap
    let (ready, blind) = (link(0.0), link(0.9e-6));
    assert_eq!(ready.exact().unwrap(), blind.exact().unwrap());
    for engine in [EngineChoice::Photon, EngineChoice::Click, EngineChoice::Herald] {
        let one = run(&ready, engine, 1, 0, Stop::Heralds(2000), 1);
        assert!(one == run(&blind, engine, 1, 0, Stop::Heralds(2000), 1), "{engine:?}");
    }
    let exact: Vec<(f64, f64)> = {
        let exact = blind.exact().unwrap();
        exact
            .patterns
            .iter()
            .flat_map(|p| p.by_cause[..3].iter().map(|rho| (state::trace(rho), 0.0)).collect::<Vec<_>>())
            .collect()
    };
    let seen = summary(&blind, &run(&blind, EngineChoice::Click, 2, 0, MANY, 1));
    assert!(difference(&seen[..12], &exact) < SIGMAS);
}

#[test]
fn a_dead_time_longer_than_the_gap_is_beyond_exact_and_herald() {
    let blind = link(2.5e-6);
    for refused in [
        blind.exact().map(drop),
        blind.error_budget().map(drop),
        blind
            .sample(&Plan { engine: EngineChoice::Herald, ..Plan::new(Key::from_seed(1), MANY) }, &mut |_| {
                true
            })
            .map(drop),
    ] {
        let error = refused.unwrap_err();
        assert!(
            matches!(&error, Error::Model { parameter, .. } if parameter == "station.detectors.dead_time_s"),
            "{error}"
        );
    }
    assert_eq!(blind.engine(EngineChoice::Auto, false).unwrap().0, EngineChoice::Click);
    let photon = summary(&blind, &run(&blind, EngineChoice::Photon, 3, 0, MANY, 1));
    let click = summary(&blind, &run(&blind, EngineChoice::Click, 4, 0, MANY, 1));
    assert!(difference(&photon, &click) < SIGMAS, "{}", difference(&photon, &click));
    // negative control: forgetting the dead time, or taking a longer one, shows at once
    for wrong in [0.0, 3.5e-6] {
        let other = link(wrong);
        let other = summary(&other, &run(&other, EngineChoice::Click, 5, 0, MANY, 1));
        assert!(difference(&photon, &other) > 3.0 * SIGMAS);
    }
}

#[test]
fn blind_time_follows_the_textbook_loss_where_one_click_blocks_one_attempt() {
    // One node that always yields a photon in slot 00 (R = 0, mode 0 only), dark counts elsewhere: the slot clicks in
    // every second attempt, because a dead time between one and two periods blocks exactly the next window.
    let blind = BasicLinkParams {
        efficiency: [1.0, 0.0],
        amplitudes: Some([[1.0, 0.0], [1.0, 0.0]]),
        reflectivity: ionlink_core::tree::OneOrMany::One(0.0),
        dark_count_rate_hz: 1e5,
        dead_time_s: 1.5e-6,
        window_duration_s: 200e-9,
        ..Default::default()
    }
    .checked()
    .unwrap();
    for engine in [EngineChoice::Photon, EngineChoice::Click] {
        let run = run(&blind, engine, 6, 0, Stop::Attempts(400_000), 1);
        let pp = run.heralds.cause.iter().filter(|cause| u32::from(**cause) == 0).count();
        assert_eq!(pp, 0);
        // heralds: slot 00 by its photon, one of two mode-1 slots by a dark count, the others silent. Darks in the
        // photon's slot may come first and keep it blind a little differently: a correction of order r W = 2 %.
        let q = libm::exp(-1e5 * 200e-9);
        let with_photon = 0.5 * 2.0 * (1.0 - q) * q * q;
        let share = run.heralds.cause.iter().filter(|cause| u32::from(**cause) == 1).count() as f64
            / run.attempts as f64;
        assert!((share / with_photon - 1.0).abs() < 0.05, "{engine:?}: {share} instead of {with_photon}");
    }
}

#[test]
fn runs_of_blind_detectors_do_not_depend_on_how_they_are_cut() {
    // rare clicks with gaps longer than the memory, and clicks so dense that detectors never forget
    for efficiency in [[0.01, 0.01], [0.9, 0.9]] {
        let blind =
            BasicLinkParams { efficiency, dark_count_rate_hz: 1e4, dead_time_s: 30e-6, ..Default::default() };
        let blind = blind.checked().unwrap();
        for engine in [EngineChoice::Photon, EngineChoice::Click] {
            let attempts = 2_500_000;
            let whole = run(&blind, engine, 8, 0, Stop::Attempts(attempts), 1);
            assert!(whole.heralds.len() > 100);
            assert!(whole == run(&blind, engine, 8, 0, Stop::Attempts(attempts), 2));
            for cut in [17, 1 << 20, 2_000_001] {
                let first = run(&blind, engine, 8, 0, Stop::Attempts(cut), 1);
                let second = run(&blind, engine, 8, cut, Stop::Attempts(attempts - cut), 2);
                assert!(joined(first.heralds, second.heralds) == whole.heralds, "{engine:?} cut at {cut}");
            }
        }
    }
}

#[test]
fn the_sampler_gives_the_heralds_of_a_run() {
    for blind in [link(0.0), link(2.5e-6)] {
        for engine in [EngineChoice::Photon, EngineChoice::Click, EngineChoice::Auto] {
            let run = run(&blind, engine, 11, 0, Stop::Heralds(300), 2);
            let states = blind.states(run.heralds.records(), Given::Cause).unwrap();
            let mut sampler = ionlink_core::Sampler::new(&blind, Key::from_seed(11), engine).unwrap();
            for index in 0..300 {
                let herald = sampler.next(0.0, &mut || true).unwrap().unwrap();
                assert_eq!(herald.attempt, run.heralds.attempt[index]);
                assert_eq!(herald.click_time_s, run.heralds.click_time_s[index]);
                assert_eq!(herald.rho, states[index]);
            }
            // a jump ahead finds the first herald of the run that starts late enough
            let later = blind.sampler(Key::from_seed(11)).unwrap().next(1e-3, &mut || true).unwrap().unwrap();
            assert!(later.time_s - 1e-6 >= 1e-3 - 1e-12);
        }
    }
}
