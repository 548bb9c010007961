use super::*;

fn schedule(params: &ScheduleParams) -> Result<Schedule> {
    Schedule::new(params, Passage::default())
}

fn comb(burst: u64, pause_s: f64) -> Schedule {
    train(1, 1e-6, Some(burst), pause_s, None)
}

fn train(ions: u64, period_s: f64, burst: Option<u64>, pause_s: f64, spacing_s: Option<f64>) -> Schedule {
    schedule(&ScheduleParams {
        attempt_period_s: Some(period_s),
        attempts_per_burst: burst,
        pause_s,
        ions_per_round: ions,
        ion_spacing_s: spacing_s,
        ..ScheduleParams::default()
    })
    .unwrap()
}

/// Combs of all kinds.
fn combs() -> Vec<Schedule> {
    vec![
        comb(3, 5e-6),
        comb(1, 0.0),
        train(1, 1e-6, None, 0.0, None),
        train(4, 4e-6, None, 0.0, None),
        train(4, 9e-6, None, 0.0, Some(1e-6)),
        train(4, 9e-6, Some(3), 7e-6, Some(1e-6)),
        train(2, 3e-6, Some(1), 1e-6, Some(1.5e-6)),
    ]
}

/// Ends of the first attempts, one after the other.
fn ends_by_counting(schedule: &Schedule, count: usize) -> Vec<f64> {
    let mut ends = vec![];
    let mut round_begins_s = 0.0;
    let mut rounds = 0;
    while ends.len() < count {
        let round_ends_s = round_begins_s + schedule.round_period_s;
        for ion in 0..schedule.ions_per_round {
            let after = (schedule.ions_per_round - 1 - ion) as f64;
            ends.push(round_ends_s - after * schedule.ion_spacing_s);
        }
        rounds += 1;
        let pause = schedule.rounds_per_burst.is_some_and(|burst| rounds % burst == 0);
        round_begins_s = round_ends_s + if pause { schedule.pause_s } else { 0.0 };
    }
    ends
}

#[test]
fn mean_time_to_the_first_herald() {
    // reference rows TIME.first
    assert!((comb(1000, 0.0).mean_time_s(2e-4) - 0.005).abs() < 1e-9 * 0.005);
    let expected = 0.005_903_231_442_603_861;
    assert!((comb(1000, 2e-4).mean_time_s(2e-4) - expected).abs() < 1e-9 * expected);
}

#[test]
fn mean_time_equals_the_sum_over_attempts() {
    let p = 0.2;
    for schedule in combs() {
        let sum: f64 = (0..400).map(|k| p * libm::pow(1.0 - p, k as f64) * schedule.time_s(k)).sum();
        assert!((schedule.mean_time_s(p) - sum).abs() < 1e-12 * sum, "{schedule:?}");
        assert!((schedule.mean_time_s(1.0) - schedule.time_s(0)).abs() < 1e-20);
    }
    // small x and large x of the cut-off geometric law meet where the method changes
    for x in [0.0999, 0.1001] {
        let direct = 1.0 / libm::expm1(x) - 1.0 / x + 0.5;
        assert!((planck(x) - direct).abs() < 1e-14);
    }
}

#[test]
fn losses_lengthen_the_mean_time_and_lower_the_duty() {
    let params = ScheduleParams {
        attempt_period_s: Some(4e-6),
        attempts_per_burst: Some(5),
        pause_s: 1e-5,
        ions_per_round: 2,
        ion_loss_rate_hz: 1e4,
        reload_s: 1e-3,
        ..ScheduleParams::default()
    };
    let interrupted = schedule(&params).unwrap();
    let comb = schedule(&ScheduleParams { reload_s: 0.0, ..params }).unwrap();
    // 1e4 losses per second of attempting, each attempt 2 µs: 0.02 losses that cost 20 µs
    let p = 0.1;
    let expected = |k: u64| comb.time_s(k) + 0.02 * k as f64 * 1e-3;
    let sum: f64 = (0..900).map(|k| p * libm::pow(1.0 - p, k as f64) * expected(k)).sum();
    assert!((interrupted.mean_time_s(p) - sum).abs() < 1e-12 * sum);
    // a burst of 10 attempts takes 30 µs, and 200 µs of reloading
    assert!((comb.attempt_rate_hz() - 10.0 / 30e-6).abs() < 1e-6);
    assert!((interrupted.attempt_rate_hz() - 10.0 / 230e-6).abs() < 1e-6);
    assert!((interrupted.duty() - 20.0 / 230.0).abs() < 1e-15);
}

#[test]
fn times_are_those_of_counting() {
    for schedule in combs() {
        let ends = ends_by_counting(&schedule, 120);
        for (attempt, end) in ends.iter().enumerate() {
            let attempt = attempt as u64;
            assert!((schedule.time_s(attempt) - end).abs() < 1e-15, "{schedule:?} {attempt}");
            assert!((schedule.duration_s(0, attempt + 1) - end).abs() < 1e-15);
            let between_s = end - ends[attempt as usize / 2];
            assert!((schedule.between_s(attempt / 2, attempt) - between_s).abs() < 1e-15);
        }
        let shortest = ends.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min);
        assert!((schedule.attempt_period_s() - shortest).abs() < 1e-15);
    }
}

#[test]
fn attempts_within_a_time_are_those_that_ended() {
    for schedule in combs() {
        for attempt in 0..100 {
            let end = schedule.time_s(attempt);
            assert_eq!(schedule.attempts_within(end), attempt + 1, "{schedule:?}");
            assert_eq!(schedule.attempts_within(end - 1e-9), attempt);
        }
        // far away, from the middle of whatever lies between two attempts
        for attempt in [1_000_003, 1_000_000_007] {
            let middle = 0.5 * (schedule.time_s(attempt) + schedule.time_s(attempt + 1));
            assert_eq!(schedule.attempts_within(middle), attempt + 1, "{schedule:?}");
        }
        assert_eq!(schedule.attempts_within(0.0), 0);
    }
    assert!((comb(3, 5e-6).duty() - 3.0 / 8.0).abs() < 1e-15);
}

#[test]
fn a_time_lies_in_the_cell_that_a_loop_finds() {
    for schedule in combs() {
        for attempt in 0..13 {
            for step in 0..400 {
                let offset_s = 0.13e-6 * f64::from(step) + 1e-9;
                let mut found = attempt;
                while schedule.between_s(attempt, found + 1) <= offset_s {
                    found += 1;
                }
                let (cell, rest_s) = schedule.locate(attempt, offset_s);
                assert_eq!(cell, found, "{schedule:?} {attempt} {offset_s}");
                assert!((rest_s - (offset_s - schedule.between_s(attempt, found))).abs() < 1e-18);
            }
            // the very starts
            for later in attempt..attempt + 40 {
                let (cell, rest_s) = schedule.locate(attempt, schedule.between_s(attempt, later));
                assert_eq!((cell, rest_s), (later, 0.0), "{schedule:?}");
            }
        }
        assert!(schedule.locate(5, f64::MAX).0 > 1 << 60);
        let (far, rest_s) = schedule.locate(7, schedule.between_s(7, 1 << 40) + 0.25e-6);
        assert_eq!(far, 1 << 40);
        assert!((rest_s - 0.25e-6).abs() < 1e-9);
    }
}

#[test]
fn the_first_herald_of_a_round_counts() {
    let schedule = train(10, 5e-4, None, 0.0, None);
    // reference row MUX.rate
    let p = 0.002;
    let rate_hz = schedule.first_of_round(p) * schedule.attempt_rate_hz();
    assert!((rate_hz - 39.641_913_296_101_15).abs() < 1e-9 * rate_hz);
    assert_eq!(schedule.first_of_round(1.0), 0.1);
    assert_eq!(schedule.first_of_round(0.0), 0.0);
    assert_eq!(comb(3, 0.0).first_of_round(0.123), 0.123);
}

#[test]
fn a_period_is_given_or_the_sum_of_its_parts() {
    let parts =
        ScheduleParams { cooling_s: 1e-5, preparation_s: 2e-6, decision_s: 5e-7, ..Default::default() };
    let passage = Passage { pulse_duration_s: 1e-9, outbound_delay_s: 4e-6 };
    let period_s = |params: &ScheduleParams| Schedule::new(params, passage).unwrap().round_period_s();
    assert!((period_s(&parts) - (1e-5 + 2e-6 + 1e-9 + 2.0 * 4e-6 + 5e-7)).abs() < 1e-20);
    let spool = ScheduleParams { return_delay_s: Some(0.0), ..parts.clone() };
    assert!((period_s(&spool) - (1e-5 + 2e-6 + 1e-9 + 4e-6 + 5e-7)).abs() < 1e-20);
    let given = ScheduleParams {
        attempt_period_s: Some(1e-3),
        return_delay_s: Some(1e-5),
        decision_s: 1e-6,
        ..Default::default()
    };
    assert_eq!(period_s(&given), 1e-3);
    assert!(Schedule::check(&parts).is_ok() && Schedule::check(&given).is_ok());
}

#[test]
fn what_does_not_fit_is_refused() {
    let given = || ScheduleParams { attempt_period_s: Some(1e-6), ..ScheduleParams::default() };
    let refused = [
        ("pause_s", ScheduleParams { pause_s: 1.0, ..given() }),
        ("cooling_s", ScheduleParams { cooling_s: 1e-7, ..given() }),
        ("preparation_s", ScheduleParams { preparation_s: 1e-7, ..given() }),
        ("attempt_period_s", ScheduleParams::default()),
        ("attempt_period_s", ScheduleParams { attempt_period_s: Some(0.0), ..given() }),
        ("ions_per_round", ScheduleParams { ions_per_round: 0, ..given() }),
        ("ion_spacing_s", ScheduleParams { ion_spacing_s: Some(1e-7), ..given() }),
        ("ion_spacing_s", ScheduleParams { ions_per_round: 3, ion_spacing_s: Some(4e-7), ..given() }),
        ("ion_loss_rate_hz", ScheduleParams { ion_loss_rate_hz: 1.1e6, ..given() }),
        ("ion_loss_rate_hz", ScheduleParams { ion_loss_rate_hz: -1.0, ..given() }),
        ("reload_s", ScheduleParams { reload_s: f64::NAN, ..given() }),
        ("decision_s", ScheduleParams { decision_s: -1e-9, ..given() }),
        ("return_delay_s", ScheduleParams { return_delay_s: Some(f64::INFINITY), ..given() }),
        ("cooling_s", ScheduleParams { attempt_period_s: None, cooling_s: -1.0, ..given() }),
    ];
    for (name, params) in refused {
        let error = schedule(&params).unwrap_err();
        assert_eq!(error.path(), Some(name), "{error}");
    }
}
