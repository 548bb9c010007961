//! When attempts happen: computed periods, rounds of several ions, reloading after losses.
#![expect(clippy::unwrap_used, reason = "a test says what failed by failing")]

use ionlink_core::link::params::ScheduleParams;
use ionlink_core::{BasicLinkParams, EngineChoice, Error, Key, Link, Plan, Run, Stop};

const ENGINES: [EngineChoice; 3] = [EngineChoice::Photon, EngineChoice::Click, EngineChoice::Herald];
const ALL: Stop = Stop::Attempts(100_000);

fn link_with(efficiency: f64, schedule: ScheduleParams) -> Link {
    let basic = BasicLinkParams {
        efficiency: [efficiency; 2],
        schedule: Some(schedule),
        dark_count_rate_hz: 1e4,
        ..BasicLinkParams::default()
    };
    basic.checked().unwrap()
}

fn train(ions: u64) -> ScheduleParams {
    ScheduleParams {
        attempt_period_s: Some(ions as f64 * 1e-6),
        ions_per_round: ions,
        ..ScheduleParams::default()
    }
}

fn run(link: &Link, engine: EngineChoice, start_attempt: u64, stop: Stop, threads: usize) -> Run {
    let plan = Plan { engine, start_attempt, threads, ..Plan::new(Key::from_seed(7), stop) };
    link.sample(&plan, &mut |_| true).unwrap()
}

/// Heralds per attempt of the link with rounds of one ion, and without the others of each round.
fn first_of_rounds(attempts: &[u64], ions: u64) -> Vec<u64> {
    let mut kept: Vec<u64> = vec![];
    for attempt in attempts {
        if kept.last().is_none_or(|last| last / ions != attempt / ions) {
            kept.push(*attempt);
        }
    }
    kept
}

#[test]
fn one_herald_is_kept_of_each_round() {
    // 4096 is a multiple of 64: with such rounds blocks are those of single ions, and so are the heralds
    for ions in [2, 64] {
        let single = link_with(0.5, train(1));
        let several = link_with(0.5, train(ions));
        for engine in ENGINES {
            let all = run(&single, engine, 0, ALL, 1).heralds;
            let kept = run(&several, engine, 0, ALL, 1).heralds;
            assert_eq!(kept.attempt, first_of_rounds(&all.attempt, ions), "{engine:?}");
            assert!(kept.len() < all.len());
        }
        // coincidences are no heralds: all of them stay
        for engine in [EngineChoice::Photon, EngineChoice::Click] {
            let coincidences = |link: &Link| {
                let plan = Plan { engine, record_coincidences: true, ..Plan::new(Key::from_seed(7), ALL) };
                link.sample(&plan, &mut |_| true).unwrap().coincidences
            };
            assert_eq!(coincidences(&several), coincidences(&single));
            assert!(!coincidences(&single).attempt.is_empty());
        }
    }
}

#[test]
fn rounds_do_not_depend_on_cuts_threads_and_starts() {
    for ions in [7, 10] {
        let link = link_with(0.6, train(ions));
        for engine in ENGINES {
            let whole = run(&link, engine, 0, Stop::Attempts(60_001), 1);
            let threads = run(&link, engine, 0, Stop::Attempts(60_001), 2);
            assert_eq!(whole.heralds, threads.heralds);
            assert!(whole.heralds.attempt.windows(2).all(|pair| pair[0] / ions != pair[1] / ions));
            for cut in [1, 13, 4096, 28_671, 59_995] {
                let mut first = run(&link, engine, 0, Stop::Attempts(cut), 1).heralds.attempt;
                first.extend(run(&link, engine, cut, Stop::Attempts(60_001 - cut), 2).heralds.attempt);
                assert_eq!(first, whole.heralds.attempt, "{engine:?} cut at {cut}");
            }
            let counted = run(&link, engine, 0, Stop::Heralds(500), 1);
            assert_eq!(counted.heralds.attempt[..], whole.heralds.attempt[..500]);
        }
        // the first block of `photon` ends with a whole round after 2^20
        let long = run(&link, EngineChoice::Photon, 0, Stop::Attempts(1_050_000), 2).heralds.attempt;
        for cut in [1 << 20, (1 << 20) + 3, (1_u64 << 20).next_multiple_of(ions)] {
            let rest = run(&link, EngineChoice::Photon, cut, Stop::Attempts(1_050_000 - cut), 1);
            let before = long.partition_point(|attempt| *attempt < cut);
            assert_eq!(rest.heralds.attempt, long[before..], "cut at {cut}");
        }
        let mut sampler = link.sampler(Key::from_seed(7)).unwrap();
        for attempt in &run(&link, EngineChoice::Herald, 0, Stop::Heralds(9000), 1).heralds.attempt {
            let herald = sampler.next(0.0, &mut || true).unwrap().unwrap();
            assert_eq!(herald.attempt, *attempt);
            assert_eq!(herald.time_s, link.schedule().time_s(*attempt));
        }
    }
}

#[test]
fn exact_and_sampled_rounds_agree() {
    let (ions, efficiency) = (5, 0.8);
    let link = link_with(efficiency, train(ions));
    let (exact, single) = (link.exact().unwrap(), link_with(efficiency, train(1)));
    let p = single.exact().unwrap().herald_probability;
    assert_eq!(exact.attempt_probability, p);
    // the sum over the ion that heralds first
    let sum: f64 = (0..ions).map(|ion| p * libm::pow(1.0 - p, ion as f64)).sum::<f64>() / ions as f64;
    assert!((exact.herald_probability - sum).abs() < 1e-14);
    let total: f64 = exact.outcomes.iter().map(|outcome| outcome.probability).sum();
    let patterns: f64 = exact.patterns.iter().map(ionlink_core::PatternOutcome::probability).sum();
    assert!((total - sum).abs() < 1e-14 && (patterns - sum).abs() < 1e-14);
    assert!((exact.fidelity - single.exact().unwrap().fidelity).abs() < 1e-14);
    assert!((exact.leakage - single.exact().unwrap().leakage).abs() < 1e-14);
    assert!((exact.rate_hz - sum / 1e-6).abs() < 1e-12 * exact.rate_hz);
    for engine in ENGINES {
        let run = run(&link, engine, 0, Stop::Attempts(1_000_000), 2);
        let (n, rounds) = (run.heralds.len() as f64, 200_000.0);
        let per_round = 5.0 * sum;
        let spread = (rounds * per_round * (1.0 - per_round)).sqrt();
        assert!((n - rounds * per_round).abs() < 4.0 * spread, "{engine:?}: {n}");
        // negative control: without dropping there would be p per attempt
        assert!((n - 1e6 * p).abs() > 40.0 * spread);
        let estimate = run.herald_probability();
        assert!((estimate.value - n / 1e6).abs() < 1e-15);
        assert!(estimate.low < sum && sum < estimate.high, "{engine:?}: {estimate:?}");
        // which ion heralds is a cut-off geometric number
        for ion in 0..ions {
            let seen = run.heralds.attempt.iter().filter(|attempt| *attempt % ions == ion).count() as f64;
            let mean = rounds * p * libm::pow(1.0 - p, ion as f64);
            assert!((seen - mean).abs() < 4.5 * mean.sqrt(), "{engine:?} ion {ion}: {seen} {mean}");
        }
    }
}

#[test]
fn estimates_of_rounds_are_right_however_a_run_ends() {
    let link = link_with(1.0, train(4));
    let exact = link.exact().unwrap().herald_probability;
    let plan = |seed, start_attempt, stop| Plan { start_attempt, ..Plan::new(Key::from_seed(seed), stop) };
    for (start, stop) in [(0, Stop::Heralds(40)), (3, Stop::Heralds(40)), (2, Stop::Attempts(161))] {
        let (mut sum, mut misses) = (0.0, 0);
        for seed in 0..2000 {
            let estimate = link.sample(&plan(seed, start, stop), &mut |_| true).unwrap().herald_probability();
            sum += estimate.value;
            misses += u32::from(exact < estimate.low || exact > estimate.high);
        }
        // 40 rounds of probability 15/16: the spread of one value is below 4 % of it, of their mean 1e-3
        assert!((sum / 2000.0 - exact).abs() < 4e-3 * exact, "{start} {stop:?}: {}", sum / 2000.0);
        // 5 % of 2000, four standard deviations of 10 above
        assert!(misses < 140, "{start} {stop:?}: {misses}");
    }
}

#[test]
fn reference_rows_of_multiplexed_rates() {
    for (p, ions, period_s, expected) in
        [(0.002, 10, 5e-4, 39.641_913_296_101_15), (1e-4, 44, 1.2e-4, 36.587_943_586_964_606)]
    {
        let efficiency = f64::sqrt(2.0 * p);
        let basic = BasicLinkParams {
            efficiency: [efficiency; 2],
            lifetime_s: [1e-15; 2],
            schedule: Some(ScheduleParams {
                attempt_period_s: Some(period_s),
                ions_per_round: ions,
                ..ScheduleParams::default()
            }),
            ..BasicLinkParams::default()
        };
        let rate_hz = basic.checked().unwrap().exact().unwrap().rate_hz;
        assert!((rate_hz - expected).abs() < 1e-9 * expected, "{rate_hz} {expected}");
    }
}

#[test]
fn a_train_with_one_ion_is_no_train() {
    let plain = link_with(0.3, train(1));
    let link = BasicLinkParams { efficiency: [0.3; 2], dark_count_rate_hz: 1e4, ..Default::default() };
    let link = link.checked().unwrap();
    assert_eq!(plain.exact().unwrap(), link.exact().unwrap());
    for engine in ENGINES {
        let stop = Stop::Attempts(20_000);
        assert_eq!(run(&plain, engine, 0, stop, 1), run(&link, engine, 0, stop, 1));
    }
}

#[test]
fn budgets_of_rounds_scale_with_their_heralds() {
    let budget = |schedule| link_with(0.9, schedule).error_budget().unwrap();
    let (single, several) = (budget(train(1)), budget(train(3)));
    assert!((single.infidelity - several.infidelity).abs() < 1e-15);
    let darks = |budget: &ionlink_core::ErrorBudget| {
        budget.contributions.iter().find(|row| row.mechanism == "dark_counts").unwrap().herald_probability
    };
    let p = link_with(0.9, train(1)).exact().unwrap().herald_probability;
    let first = |p: f64| (1.0 - (1.0 - p) * (1.0 - p) * (1.0 - p)) / 3.0;
    let expected = first(p + darks(&single)) - first(p);
    assert!((darks(&several) - expected).abs() < 1e-12);
}

fn interrupted() -> ScheduleParams {
    ScheduleParams {
        attempt_period_s: Some(1e-6),
        attempts_per_burst: Some(1000),
        pause_s: 1e-4,
        ion_loss_rate_hz: 500.0,
        reload_s: 0.01,
        ..ScheduleParams::default()
    }
}

#[test]
fn losses_change_times_and_nothing_else() {
    let plain = ScheduleParams { reload_s: 0.0, ..interrupted() };
    let (plain, interrupted) = (link_with(0.2, plain), link_with(0.2, interrupted()));
    for engine in ENGINES {
        let stop = Stop::Attempts(50_000);
        assert_eq!(run(&plain, engine, 0, stop, 1), run(&interrupted, engine, 0, stop, 2));
    }
    let exact = |link: &Link| link.exact().unwrap().clone();
    let (before, after) = (exact(&plain), exact(&interrupted));
    assert_eq!(before.herald_probability, after.herald_probability);
    // 1.1 µs per attempt, and 5e-4 losses of 10 ms
    assert!((after.rate_hz / before.rate_hz - 1.1 / 6.1).abs() < 1e-12);
    let p = before.herald_probability;
    let added_s = 5e-4 * 0.01 * (1.0 - p) / p;
    assert!((after.mean_time_s - before.mean_time_s - added_s).abs() < 1e-12 * after.mean_time_s);
}

#[test]
fn the_mean_time_to_a_herald_is_that_of_many_laboratories() {
    let link = link_with(0.2, interrupted());
    let exact = link.exact().unwrap().mean_time_s;
    let (mut sum, mut squares, count) = (0.0, 0.0, 8000);
    for seed in 0..count {
        let mut sampler = link.sampler(Key::from_seed(seed)).unwrap();
        let time_s = sampler.next(0.0, &mut || true).unwrap().unwrap().time_s;
        sum += time_s;
        squares += time_s * time_s;
    }
    let mean = sum / count as f64;
    let spread = (squares / count as f64 - mean * mean).sqrt() / (count as f64).sqrt();
    assert!((mean - exact).abs() < 4.0 * spread, "{mean} {exact} {spread}");
    // negative control: without losses, which are some fourteen spreads
    let plain = link_with(0.2, ScheduleParams { ion_loss_rate_hz: 0.0, ..interrupted() });
    assert!((mean - plain.exact().unwrap().mean_time_s).abs() > 10.0 * spread);
}

#[test]
fn the_sampler_keeps_the_time_of_the_run() {
    let link = link_with(0.2, interrupted());
    let key = Key::from_seed(7);
    let heralds = run(&link, EngineChoice::Herald, 0, Stop::Heralds(3000), 1).heralds.attempt;
    let times = link.clock(key).times_s(&heralds).unwrap();
    assert!(times.windows(2).all(|pair| pair[0] < pair[1]));
    assert!(link.clock(key).losses_before(heralds[2999]).unwrap() > 50);
    let mut sampler = link.sampler(key).unwrap();
    for time_s in &times {
        assert_eq!(sampler.next(0.0, &mut || true).unwrap().unwrap().time_s, *time_s);
    }
    // busy for 2 ms after every herald: the next one is the first of an attempt that starts after that
    let mut sampler = link.sampler(key).unwrap();
    let mut not_before_s = 0.0;
    for _ in 0..100 {
        let herald = sampler.next(not_before_s, &mut || true).unwrap().unwrap();
        let expected = times.iter().find(|time_s| **time_s - 1e-6 >= not_before_s).unwrap();
        assert_eq!(herald.time_s, *expected);
        not_before_s = herald.time_s + 2e-3;
    }
    // a fixed time of the laboratory holds the attempts that ended in it
    let attempts = link.clock(key).attempts_within(times[1234]).unwrap();
    assert_eq!(attempts, heralds[1234] + 1);
}

#[test]
fn a_run_with_too_many_losses_is_refused_before_it_starts() {
    let link = link_with(0.2, interrupted());
    for (start_attempt, stop) in [(0, Stop::Attempts(1 << 50)), (1 << 50, Stop::Heralds(1))] {
        let plan = Plan { start_attempt, ..Plan::new(Key::from_seed(1), stop) };
        let error = link.sample(&plan, &mut |_| true).unwrap_err();
        assert!(matches!(&error, Error::Model { parameter, .. } if parameter == "schedule.ion_loss_rate_hz"));
    }
    let mut sampler = link.sampler(Key::from_seed(1)).unwrap();
    assert!(matches!(sampler.next(1e30, &mut || true), Err(Error::Model { .. })));
}

fn fiber_link(schedule: &str) -> Result<Link, Error> {
    let node = |name: &str, pulse_s: &str| {
        format!(
            "[[nodes]]\nname = \"{name}\"\nemission = {{ lifetime_s = 8e-9, pulse_duration_s = {pulse_s}, \
             return_mode = 0 }}\n\
             collection = {{ kind = \"measured_efficiency\", efficiency = 0.1, includes = [\"collection\"] }}\n"
        )
    };
    let fiber = |length_m: f64| {
        format!(
            "[{{ kind = \"fiber\", length_m = {length_m}, attenuation_db_per_km = 0.2, group_index = 1.5 }}]"
        )
    };
    Link::from_toml(&format!(
        "paths = [{}, {}]\n{}{}[station]\nwindow_duration_s = 40e-9\n[schedule]\n{schedule}\n",
        fiber(2000.0),
        fiber(600.0),
        node("a", "1e-10"),
        node("b", "3e-10"),
    ))
}

#[test]
fn a_computed_period_holds_paths_and_pulses() {
    let delay_s = |length_m: f64| 1.5 * length_m / 299_792_458.0;
    let period_s = |schedule: &str| fiber_link(schedule).unwrap().schedule().round_period_s();
    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-15 * b.max(1e-6), "{a} {b}");
    // both ways of the longer path, and the longer pulse
    close(period_s(""), 2.0 * delay_s(2000.0) + 3e-10);
    close(
        period_s("cooling_s = 2e-5\npreparation_s = 1e-6\ndecision_s = 3e-7"),
        2.0 * delay_s(2000.0) + 3e-10 + 2e-5 + 1e-6 + 3e-7,
    );
    close(period_s("return_delay_s = 0.0"), delay_s(2000.0) + 3e-10);
    // the message takes each node's own path, or what is said
    let link = fiber_link("decision_s = 3e-7").unwrap();
    close(link.herald_delay_s(0), delay_s(2000.0) + 3e-7);
    close(link.herald_delay_s(1), delay_s(600.0) + 3e-7);
    let given = fiber_link("attempt_period_s = 1e-3\nreturn_delay_s = 1e-6\ndecision_s = 3e-7").unwrap();
    assert_eq!(given.schedule().round_period_s(), 1e-3);
    close(given.herald_delay_s(0), 1.3e-6);
    close(given.herald_delay_s(1), 1.3e-6);
}

#[test]
fn a_computed_period_must_be_there_and_hold_the_window() {
    let none = BasicLinkParams { schedule: Some(ScheduleParams::default()), ..Default::default() };
    let error = none.checked().unwrap_err();
    assert_eq!(error.path(), Some("schedule.attempt_period_s"), "{error}");
    let short = ScheduleParams { preparation_s: 30e-9, ..ScheduleParams::default() };
    let error = BasicLinkParams { schedule: Some(short), ..Default::default() }.checked().unwrap_err();
    assert_eq!(error.path(), Some("window_duration_s"), "{error}");
    let tight = ScheduleParams { ion_spacing_s: Some(30e-9), ..train(3) };
    let error = BasicLinkParams { schedule: Some(tight), ..Default::default() }.checked().unwrap_err();
    assert!(error.to_string().contains("spacing of the ions"), "{error}");
    let both = fiber_link("attempt_period_s = 1e-3\ncooling_s = 1e-6").unwrap_err();
    assert_eq!(both.path(), Some("schedule.cooling_s"), "{both}");
}

#[test]
fn detectors_remember_from_ion_to_ion() {
    // a dead time between one and two spacings blocks exactly the next ion's window, also across rounds
    let schedule = |ions: u64| ScheduleParams {
        attempt_period_s: Some(ions as f64 * 100e-9),
        ions_per_round: ions,
        ..ScheduleParams::default()
    };
    let link = |ions: u64| {
        let basic = BasicLinkParams {
            efficiency: [1.0; 2],
            dead_time_s: 150e-9,
            schedule: Some(schedule(ions)),
            ..BasicLinkParams::default()
        };
        basic.checked().unwrap()
    };
    assert!(link(8).exact().is_err());
    let all = run(&link(1), EngineChoice::Click, 0, Stop::Attempts(10_000), 1).heralds.attempt;
    let kept = run(&link(8), EngineChoice::Click, 0, Stop::Attempts(10_000), 1).heralds.attempt;
    assert_eq!(kept, first_of_rounds(&all, 8));
}
