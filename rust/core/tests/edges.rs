//! Edges: certain and hopeless links, runs that must end, records that cannot be, states of lost photons.
#![expect(clippy::unwrap_used, reason = "a test says what failed by failing")]

use ionlink_core::link::measure::operators_named;
use ionlink_core::tree::OneOrMany;
use ionlink_core::{
    BasicLinkParams, Cause, EngineChoice, Error, Given, Key, Link, Plan, Precision, Records, Run, Stop, state,
};

const ENGINES: [EngineChoice; 3] = [EngineChoice::Photon, EngineChoice::Click, EngineChoice::Herald];

fn sample(link: &Link, engine: EngineChoice, seed: u64, stop: Stop) -> Run {
    link.sample(&Plan { engine, ..Plan::new(Key::from_seed(seed), stop) }, &mut |_| true).unwrap()
}

#[test]
fn a_link_that_always_heralds_heralds_in_every_attempt() {
    // opposite modes for certain, all photons detected; the sum over ways may round to more than one
    for reflectivity in [vec![0.5, 0.5], vec![0.1, 0.7], vec![0.31, 0.77]] {
        let params = BasicLinkParams {
            efficiency: [1.0; 2],
            amplitudes: Some([[1.0, 0.0], [0.0, 1.0]]),
            reflectivity: OneOrMany::Many(reflectivity),
            window_duration_s: 9e-7,
            ..Default::default()
        };
        let link = params.checked().unwrap();
        let p = link.exact().unwrap().herald_probability;
        assert!(p <= 1.0 && p > 1.0 - 1e-12, "{p}");
        for engine in ENGINES {
            let run = sample(&link, engine, 1, Stop::Heralds(1000));
            assert_eq!(run.attempts, 1000, "{engine:?}");
        }
    }
}

#[test]
fn lone_photons_of_nearly_perfect_links_are_drawn_at_once() {
    // a photon without its partner has probability 1e-6 or none at all; dark counts complete the pattern
    for efficiency in [0.999_999, 1.0] {
        let params = BasicLinkParams {
            efficiency: [efficiency; 2],
            amplitudes: Some([[1.0, 0.0]; 2]),
            number_resolving: true,
            dark_count_rate_hz: 1e6,
            window_duration_s: 401e-9,
            ..Default::default()
        };
        let link = params.checked().unwrap();
        let run = sample(&link, EngineChoice::Herald, 1, Stop::Attempts(1 << 24));
        let expected = link.exact().unwrap().herald_probability * run.attempts as f64;
        assert!((run.heralds.len() as f64 - expected).abs() <= 5.0 * expected.sqrt(), "{expected}");
    }
}

#[test]
fn hopeless_goals_are_refused_and_rare_ones_can_be_stopped() {
    let link = |efficiency: f64| {
        BasicLinkParams { efficiency: [efficiency; 2], ..Default::default() }.checked().unwrap()
    };
    // 5e-21 per attempt: more than 2^62 attempts for one herald
    let hopeless = link(1e-10);
    let refused = hopeless.sample(&Plan::new(Key::from_seed(1), Stop::Heralds(1)), &mut |_| true);
    assert!(matches!(refused, Err(Error::Model { .. })));
    let mut asked = 0;
    let stopped = hopeless.sampler(Key::from_seed(1)).unwrap().next(0.0, &mut || {
        asked += 1;
        asked < 3
    });
    assert!(stopped.is_err() || stopped.unwrap().is_none());
    assert!(asked > 0);
    // nothing at all
    assert!(link(0.0).sampler(Key::from_seed(1)).is_err());
    let none = sample(&link(0.0), EngineChoice::Auto, 1, Stop::Attempts(1 << 40));
    assert_eq!((none.heralds.len(), none.attempts), (0, 1 << 40));
}

#[test]
fn precision_ends_a_run_early_and_keeps_a_prefix() {
    let link =
        BasicLinkParams { efficiency: [0.2; 2], mode_overlap: 0.9, ..Default::default() }.checked().unwrap();
    let until = |herald_probability, fidelity| Some(Precision { herald_probability, fidelity });
    for engine in ENGINES {
        for until in [until(Some(0.02), None), until(Some(0.02), Some(0.01))] {
            let mut plan = Plan { engine, until, ..Plan::new(Key::from_seed(2), Stop::Attempts(1 << 40)) };
            let run = link.sample(&plan, &mut |_| true).unwrap();
            let estimate = run.herald_probability();
            assert!(0.5 * (estimate.high - estimate.low) <= 0.02 * estimate.value);
            plan.threads = 2;
            assert!(link.sample(&plan, &mut |_| true).unwrap() == run, "{engine:?}");
            let again = sample(&link, engine, 2, Stop::Attempts(run.attempts));
            assert!(again.heralds == run.heralds);
        }
    }
    for wrong in
        [until(None, None), until(Some(0.0), None), until(Some(0.6), None), until(Some(f64::NAN), None)]
    {
        let plan = Plan { until: wrong, ..Plan::new(Key::from_seed(2), Stop::Attempts(10)) };
        assert!(link.sample(&plan, &mut |_| true).is_err());
    }
}

#[test]
fn progress_counts_what_is_made_not_what_is_replayed() {
    let link = BasicLinkParams { efficiency: [0.02; 2], ..Default::default() }.checked().unwrap();
    let start_attempt = (1 << 20) - 10;
    let plan = Plan {
        engine: EngineChoice::Photon,
        start_attempt,
        ..Plan::new(Key::from_seed(2), Stop::Attempts(1 << 28))
    };
    let mut last = 0;
    link.sample(&plan, &mut |progress| {
        assert!(progress.done >= last && progress.done <= progress.total);
        last = progress.done;
        true
    })
    .unwrap();
}

#[test]
fn a_dead_time_just_beyond_the_gap_changes_little() {
    // Attempts every 48 ns, window 40 ns: 7.9 ns of dead time fit into the gap, 8.1 ns do not quite. Nothing but the
    // last 0.1 ns of a window can matter, and so no cause and no state may jump; bright and dark to make it visible.
    let link = |dead_time_s: f64| {
        BasicLinkParams {
            efficiency: [1.0; 2],
            lifetime_s: [8e-9; 2],
            mode_overlap: 0.9,
            dark_count_rate_hz: 5e6,
            attempt_period_s: Some(48e-9),
            dead_time_s,
            ..Default::default()
        }
        .checked()
        .unwrap()
    };
    let exact = link(7.9e-9).exact().unwrap().clone();
    let beyond = link(8.1e-9);
    for engine in [EngineChoice::Photon, EngineChoice::Click] {
        let run = sample(&beyond, engine, 3, Stop::Attempts(400_000));
        let n = run.attempts as f64;
        for cause in Cause::ALL {
            let expected: f64 = exact.patterns.iter().map(|pattern| pattern.probability_of(cause)).sum();
            let seen =
                run.heralds.cause.iter().filter(|seen| usize::from(**seen) == cause as usize).count() as f64;
            // 5 sigma, and 0.1 ns out of 40 ns of dark counts and photons may be lost
            assert!(
                (seen / n - expected).abs() <= 5.0 * (expected / n).sqrt() + 0.005 * expected,
                "{engine:?} {cause:?}"
            );
        }
        let fidelity = beyond.sampled_fidelity(run.heralds.records()).unwrap().value;
        assert!(
            (fidelity - exact.fidelity).abs() < 0.003,
            "{engine:?}: {fidelity} instead of {}",
            exact.fidelity
        );
    }
}

#[test]
fn intervals_hold_where_detectors_remember() {
    // Dead times of thirty attempts make counts of heralds far from binomial: the share of runs whose interval misses
    // the mean of all runs. 5 % nominal; 100 runs: more than 14 misses have probability 1e-4.
    let link = BasicLinkParams {
        efficiency: [1.0; 2],
        dark_count_rate_hz: 2e7,
        dead_time_s: 20.3e-6,
        ..Default::default()
    }
    .checked()
    .unwrap();
    let runs: Vec<_> =
        (0..100).map(|seed| sample(&link, EngineChoice::Click, seed, Stop::Attempts(60_000))).collect();
    let mean = runs.iter().map(|run| run.heralds.len() as f64 / run.attempts as f64).sum::<f64>() / 100.0;
    let missed = runs.iter().filter(|run| {
        let estimate = run.herald_probability();
        !(estimate.low..=estimate.high).contains(&mean)
    });
    assert!(missed.count() <= 14);
}

#[test]
fn a_photon_that_is_not_collected_leaves_the_emitted_populations() {
    // Strontium: 2/3 sigma, 1/3 pi; the fiber mode makes the collected photon balanced, but nearly all are lost, and
    // heralds of dark counts alone show ions in the populations of the emission: F = (4/9 * ... ) = 2/9.
    let text = r#"
        paths = [[{ kind = "loss", transmission = 1e-6 }], [{ kind = "loss", transmission = 1e-6 }]]
        [[nodes]]
        name = "a"
        emission = { lifetime_s = 7.39e-9, amplitudes = [0.816496580927726, 0.5773502691896258], transitions = ["sigma", "pi"] }
        collection = { kind = "lens", numerical_aperture = 0.6, fiber_coupling = 0.4 }
        [[nodes]]
        name = "b"
        emission = { lifetime_s = 7.39e-9, amplitudes = [0.816496580927726, 0.5773502691896258], transitions = ["sigma", "pi"] }
        collection = { kind = "lens", numerical_aperture = 0.6, fiber_coupling = 0.4 }
        [station]
        window_duration_s = 40e-9
        detectors = { dark_count_rate_hz = 1e5 }
        [schedule]
        attempt_period_s = 1e-6
    "#;
    let link = Link::from_toml(text).unwrap();
    assert!((link.exact().unwrap().fidelity - 2.0 / 9.0).abs() < 1e-4);
    let run = sample(&link, EngineChoice::Click, 1, Stop::Heralds(100));
    let fidelity = link.sampled_fidelity(run.heralds.records()).unwrap().value;
    assert!((fidelity - 2.0 / 9.0).abs() < 1e-4);
}

#[test]
fn amplitude_signs_are_static_phases() {
    let params = BasicLinkParams { amplitudes: Some([[0.6, -0.8], [0.6, 0.8]]), ..Default::default() };
    let raw = params.checked().unwrap();
    let mut calibrated = params.link().unwrap();
    calibrated.phase_reference = ionlink_core::link::params::PhaseReference::Calibrated;
    let calibrated = Link::new(calibrated).unwrap();
    assert!(raw.exact().unwrap().fidelity < 0.1);
    assert!(calibrated.exact().unwrap().fidelity > 0.9);
}

#[test]
fn measuring_in_parts_gives_the_outcomes_of_the_whole() {
    let link = BasicLinkParams { efficiency: [0.3; 2], ..Default::default() }.checked().unwrap();
    let heralds = sample(&link, EngineChoice::Herald, 4, Stop::Heralds(1000)).heralds;
    let records = heralds.records();
    let (operators, key) = (operators_named("XY").unwrap(), Key::from_seed(9));
    let whole = link.measure(&heralds.attempt, records, operators, key).unwrap();
    let tail = records.part(300..1000);
    assert_eq!(link.measure(&heralds.attempt[300..], tail, operators, key).unwrap(), whole[300..]);
    // other operators of one key are other random numbers: agreement by chance only (5 sigma of 1000 coins)
    let other = link.measure(&heralds.attempt, records, operators_named("YX").unwrap(), key).unwrap();
    let same = whole.iter().zip(&other).filter(|(a, b)| a[0] == b[0]).count();
    assert!((420..=580).contains(&same), "{same}");
    assert!(operators_named("XW").is_err() && operators_named("X").is_err() && operators_named("").is_err());
}

#[test]
fn records_that_cannot_be_are_refused() {
    let link =
        BasicLinkParams { efficiency: [0.3; 2], delay_s: [5e-9; 2], ..Default::default() }.checked().unwrap();
    let refuse = |pattern: &[u8], cause: &[u8], click_time_s: &[[f64; 2]]| {
        let records = Records { pattern, cause, click_time_s, blind_s: &[], ..Records::default() };
        assert!(link.states(records, Given::Cause).is_err(), "{records:?}");
        assert!(link.sampled_fidelity(records).is_err());
    };
    refuse(&[9], &[0], &[[6e-9; 2]]);
    refuse(&[0], &[9], &[[6e-9; 2]]);
    refuse(&[0], &[0], &[[6e-9, -1e-9]]);
    refuse(&[0], &[0], &[[f64::NAN; 2]]);
    refuse(&[0, 1], &[0], &[[6e-9; 2]]);
    refuse(&[0], &[0], &[[1e-9; 2]]); // before any photon arrives
    refuse(&[0], &[2], &[[6e-9; 2]]); // dark counts of detectors that have none
    assert!(link.density(9, Cause::PhotonPhoton, &[[6e-9; 2]]).is_err());
    assert!(state::trace(&link.density(0, Cause::PhotonPhoton, &[[6e-9; 2]]).unwrap()[0]) > 0.0);
}

#[test]
fn more_threads_than_any_machine_has_are_no_problem() {
    let link = BasicLinkParams { efficiency: [0.3; 2], ..Default::default() }.checked().unwrap();
    let plan = Plan { threads: usize::MAX, ..Plan::new(Key::from_seed(1), Stop::Heralds(20_000)) };
    assert!(
        link.sample(&plan, &mut |_| true).unwrap()
            == sample(&link, EngineChoice::Auto, 1, Stop::Heralds(20_000))
    );
}

#[test]
fn the_tail_of_a_second_photon_is_drawn_at_once() {
    // 27 lifetimes after the pulse a photon in 1e12 arrives; ions bright in both bins emit two
    let text = "[encoding]\nkind = \"time-bin\"\nbin_separation_s = 5e-7\nrotation_error_rad = [0.3, 0.3]\n\
        [[nodes]]\nname = \"a\"\nemission = { lifetime_s = 7.4e-9 }\n\
        collection = { kind = \"measured_efficiency\", efficiency = 0.9, includes = [\"collection\"] }\n\
        [[nodes]]\nname = \"b\"\nemission = { lifetime_s = 7.4e-9 }\n\
        collection = { kind = \"measured_efficiency\", efficiency = 0.9, includes = [\"collection\"] }\n\
        [station]\nwindow_start_s = 2e-7\nwindow_duration_s = 4e-8\ndetectors = { dark_count_rate_hz = 1.0 }\n\
        [schedule]\nattempt_period_s = 2e-6\n";
    let link = Link::from_toml(text).unwrap();
    for engine in [EngineChoice::Click, EngineChoice::Herald] {
        let run = sample(&link, engine, 1, Stop::Attempts(10_000_000_000_000));
        assert_eq!(run.attempts, 10_000_000_000_000);
    }
}

#[test]
fn coincidences_alone_count_as_memory() {
    // a pure interference experiment: both ions in one state, nothing heralds
    let params = BasicLinkParams {
        efficiency: [0.5; 2],
        mode_overlap: 0.5,
        amplitudes: Some([[1.0, 0.0]; 2]),
        ..Default::default()
    };
    let link = params.checked().unwrap();
    assert_eq!(link.exact().unwrap().herald_probability, 0.0);
    let plan = |attempts| Plan {
        record_coincidences: true,
        memory_bytes: 1 << 20,
        ..Plan::new(Key::from_seed(1), Stop::Attempts(attempts))
    };
    assert!(matches!(link.sample(&plan(10_000_000_000), &mut |_| true), Err(Error::Size { .. })));
    let run = link.sample(&plan(10_000), &mut |_| true).unwrap();
    // eta² (1 - M)/2 of 10,000: 625, five standard deviations
    assert!((run.coincidences.attempt.len() as f64 - 625.0).abs() < 122.0);
}

#[test]
fn states_of_beats_beyond_every_grid_take_no_memory() {
    let node = |name: &str| {
        format!(
            "[[nodes]]\nname = \"{name}\"\nemission = {{ lifetime_s = 8e-9, arrival_jitter_s = 1e-9 }}\n\
             collection = {{ kind = \"measured_efficiency\", efficiency = 0.3, includes = [\"collection\"] }}\n"
        )
    };
    let text = format!(
        "[encoding]\nkind = \"frequency\"\nmode_splitting_rad_per_s = 7.9e10\n{}{}[station]\nwindow_duration_s = 1e-7\n\
         detectors = {{ dark_count_rate_hz = 1e6 }}\n[schedule]\nattempt_period_s = 1e-6\n",
        node("a"),
        node("b")
    );
    let link = Link::from_toml(&text).unwrap();
    assert!(matches!(link.exact(), Err(Error::Model { .. })));
    assert_eq!(link.engine(EngineChoice::Auto, false).unwrap().0, EngineChoice::Click);
    let run = sample(&link, EngineChoice::Auto, 1, Stop::Heralds(500));
    for given in [Given::Cause, Given::Record] {
        for rho in link.states(run.heralds.records(), given).unwrap() {
            assert!((state::trace(&rho) - 1.0).abs() < 1e-12);
        }
    }
}
