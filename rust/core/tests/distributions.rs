//! Click times and waiting times of every engine against exact distributions (Kolmogorov-Smirnov), and engines against
//! each other where dark counts make the densities long.
#![expect(clippy::unwrap_used, reason = "a test says what failed by failing")]

#[path = "common/distance.rs"]
mod distance;

use distance::distance;
use ionlink_core::tree::Tree;
use ionlink_core::{BasicLinkParams, EngineChoice, Key, Link, Plan, Run, Stop};
use serde_json::Value;

const ENGINES: [EngineChoice; 3] = [EngineChoice::Photon, EngineChoice::Click, EngineChoice::Herald];

/// Critical value of sqrt(n) D: exceeded with probability 2 exp(-2 * 2.5²) = 7.5e-6 (Kolmogorov's limit law). About 200
/// comparisons: a fresh seed fails with probability 1.5e-3; the seeds here are fixed.
const CRITICAL: f64 = 2.5;

fn sample(link: &Link, engine: EngineChoice, heralds: u64, seed: u64) -> Run {
    let plan = Plan { engine, threads: 2, ..Plan::new(Key::from_seed(seed), Stop::Heralds(heralds)) };
    link.sample(&plan, &mut |_| true).unwrap()
}

/// [`distance`] of two samples.
fn two_sample_distance(mut one: Vec<f64>, mut other: Vec<f64>) -> f64 {
    one.sort_by(f64::total_cmp);
    other.sort_by(f64::total_cmp);
    let (n, m) = (one.len() as f64, other.len() as f64);
    let (mut i, mut j, mut largest) = (0, 0, 0.0_f64);
    while i < one.len() && j < other.len() {
        if one[i] <= other[j] {
            i += 1;
        } else {
            j += 1;
        }
        largest = largest.max((i as f64 / n - j as f64 / m).abs());
    }
    largest * (n * m / (n + m)).sqrt()
}

fn row(index: usize) -> BasicLinkParams {
    let rows: Vec<Value> =
        serde_json::from_str(include_str!("../../../tests/data/link_reference.json")).unwrap();
    let rows: Vec<_> = rows.iter().filter(|row| row["inputs"]["encoding"] == "polarization").collect();
    let params: BasicLinkParams =
        Tree::from_json(&rows[index]["inputs"].to_string()).unwrap().read().unwrap();
    // dark counts are compared below; here the densities of photons are exact
    BasicLinkParams { dark_count_rate_hz: 0.0, ..params }
}

/// Distribution of the click time of a mode, photons alone: node A's photon carried it with weight cA_m² cB_m'², node
/// B's with cB_m² cA_m'² (the splitter's exits sum up to one), each with its exponential cut to the window.
fn click_time_cdf(params: &BasicLinkParams, mode: usize, time_s: f64) -> f64 {
    let [a, b] = params.amplitudes.unwrap_or([[std::f64::consts::FRAC_1_SQRT_2; 2]; 2]);
    let square = |c: f64| c * c;
    let weights = [square(a[mode] * b[1 - mode]), square(b[mode] * a[1 - mode])];
    let cut = |node: usize| {
        let (tau, delay, window) = (params.lifetime_s[node], params.delay_s[node], params.window_duration_s);
        if time_s < delay {
            0.0
        } else {
            libm::expm1(-(time_s - delay) / tau) / libm::expm1(-(window - delay) / tau)
        }
    };
    (weights[0] * cut(0) + weights[1] * cut(1)) / (weights[0] + weights[1])
}

#[test]
fn click_times_follow_their_exact_distribution() {
    for index in 0..8 {
        let params = row(index);
        let link = params.checked().unwrap();
        for engine in ENGINES {
            let run = sample(&link, engine, 20_000, 40 + index as u64);
            for mode in 0..2 {
                let times = || run.heralds.click_time_s.iter().map(|times| times[mode]).collect();
                let seen = distance(times(), |time| click_time_cdf(&params, mode, time));
                assert!(seen < CRITICAL, "row {index} {engine:?} mode {mode}: {seen}");
                // negative control: lifetimes wrong by a tenth
                let wrong =
                    BasicLinkParams { lifetime_s: params.lifetime_s.map(|tau| 1.1 * tau), ..params.clone() };
                assert!(distance(times(), |time| click_time_cdf(&wrong, mode, time)) > CRITICAL);
            }
        }
    }
}

#[test]
fn waiting_times_are_geometric() {
    for index in 0..8 {
        let link = row(index).checked().unwrap();
        let p = link.exact().unwrap().herald_probability;
        for engine in ENGINES {
            let run = sample(&link, engine, 20_000, 60 + index as u64);
            let mut last = 0;
            let gaps: Vec<f64> = run
                .heralds
                .attempt
                .iter()
                .map(|attempt| {
                    let gap = attempt + 1 - last;
                    last = attempt + 1;
                    gap as f64
                })
                .collect();
            // the distribution has steps of height p; half a step is the distance from a smooth one
            let smooth = |p: f64| move |gap: f64| -libm::expm1((gap - 0.5) * libm::log1p(-p));
            let seen = distance(gaps.clone(), smooth(p)) - 0.5 * p * 20_000_f64.sqrt();
            assert!(seen < CRITICAL, "row {index} {engine:?}: {seen}");
            assert!(distance(gaps, smooth(1.1 * p)) > CRITICAL, "a tenth more heralds must show");
        }
    }
}

#[test]
fn engines_agree_on_click_times_of_every_cause() {
    // bright, dark, detuned, with unequal detectors: bunched pairs, hidden photons, lone photons behind unequal ports
    let text = r#"
        mode_overlap = 0.95
        delay_s = [0.0, 2e-9]
        [[nodes]]
        name = "a"
        emission = { lifetime_s = 8e-9, detuning_rad_per_s = 3e8, amplitudes = [0.8, 0.6], branching_ratio = 0.9 }
        collection = { kind = "measured_efficiency", efficiency = 0.8, includes = ["collection", "path"] }
        [[nodes]]
        name = "b"
        emission = { lifetime_s = 5e-9, amplitudes = [0.6, 0.8], dephasing_rate_hz = 1e7 }
        collection = { kind = "measured_efficiency", efficiency = 0.7, includes = ["collection", "path"] }
        [station]
        window_duration_s = 40e-9
        [[station.detectors]]
        efficiency = 0.9
        dark_count_rate_hz = 1e7
        [[station.detectors]]
        efficiency = 0.4
        dark_count_rate_hz = 2e6
        [[station.detectors]]
        efficiency = 0.5
        dark_count_rate_hz = 1e7
        number_resolving = true
        [[station.detectors]]
        efficiency = 0.8
        dark_count_rate_hz = 5e6
        [schedule]
        attempt_period_s = 1e-6
    "#;
    let link = Link::from_toml(text).unwrap();
    let times = |run: &Run, pattern: u8, cause: u8, mode: usize| -> Vec<f64> {
        let heralds = &run.heralds;
        (0..heralds.len())
            .filter(|i| heralds.pattern[*i] == pattern && heralds.cause[*i] == cause)
            .map(|i| heralds.click_time_s[i][mode])
            .collect()
    };
    let photon = sample(&link, EngineChoice::Photon, 200_000, 80);
    let mut compared = 0;
    for engine in [EngineChoice::Click, EngineChoice::Herald] {
        let other = sample(&link, engine, 200_000, 81);
        for pattern in 0..4 {
            for cause in 0..3 {
                for mode in 0..2 {
                    let (one, two) =
                        (times(&photon, pattern, cause, mode), times(&other, pattern, cause, mode));
                    if one.len().min(two.len()) < 500 {
                        continue;
                    }
                    compared += 1;
                    let seen = two_sample_distance(one, two);
                    assert!(
                        seen < CRITICAL,
                        "{engine:?} pattern {pattern} cause {cause} mode {mode}: {seen}"
                    );
                }
            }
        }
    }
    assert!(compared >= 32, "{compared}");
    // negative control: one lifetime shorter by an eighth
    let shorter = Link::from_toml(&text.replace("lifetime_s = 8e-9", "lifetime_s = 7e-9")).unwrap();
    let shorter = sample(&shorter, EngineChoice::Herald, 200_000, 82);
    let largest = (0..4).map(|pattern| {
        two_sample_distance(times(&photon, pattern, 0, 0), times(&shorter, pattern, 0, 0))
            .max(two_sample_distance(times(&photon, pattern, 0, 1), times(&shorter, pattern, 0, 1)))
    });
    let largest = largest.fold(0.0, f64::max);
    assert!(largest > CRITICAL, "{largest}");
}
