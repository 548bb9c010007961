//! The photon engine against `exact` on random links with every effect of the model at once.
#![expect(clippy::unwrap_used, reason = "a test says what failed by failing")]

use ionlink_core::stream::{BlockKey, Xoshiro};
use ionlink_core::{Cause, EngineChoice, Given, Key, Link, Plan, Run, State, Stop, state};
use num_complex::Complex64;
use std::fmt::Write;

/// A link file drawn at random.
fn random_link(rng: &mut Xoshiro) -> String {
    let mut between = |low: f64, high: f64| low + (high - low) * rng.uniform();
    let mut text = format!(
        "mode_overlap = {}\ndelay_s = [{:e}, {:e}]\nbell_phase_rad = {}\nphase_reference = \"raw\"\n",
        between(0.5, 1.0),
        between(0.0, 3e-9),
        between(0.0, 3e-9),
        between(0.0, 6.0)
    );
    for name in ["a", "b"] {
        let angle = between(0.2, 1.3);
        write!(
            text,
            "[[nodes]]\nname = \"{name}\"\n[nodes.emission]\nlifetime_s = {:e}\nexcitation_probability = {}\n\
             amplitudes = [{}, {}]\ntransitions = [\"sigma\", \"pi\"]\ndetuning_rad_per_s = {:e}\n\
             dephasing_rate_hz = {:e}\n",
            between(4e-9, 12e-9),
            between(0.7, 1.0),
            libm::cos(angle),
            libm::sin(angle),
            between(-2e8, 2e8),
            between(0.0, 3e7)
        )
        .unwrap();
        if between(0.0, 1.0) < 0.5 {
            let coupling = if between(0.0, 1.0) < 0.5 { "" } else { "fiber_coupling = 0.7\n" };
            let aperture = between(0.6, 0.95);
            write!(text, "[nodes.collection]\nkind = \"lens\"\nnumerical_aperture = {aperture}\n{coupling}")
                .unwrap();
        } else {
            let efficiency = between(0.1, 0.9);
            write!(
                text,
                "[nodes.collection]\nkind = \"measured_efficiency\"\nefficiency = {efficiency}\n\
                 includes = [\"collection\", \"path\"]\n"
            )
            .unwrap();
        }
        write!(
            text,
            "[nodes.errors]\nion_photon_fidelity = {}\nrotation_rad = [{}, {}, {}]\n",
            between(0.8, 1.0),
            between(-0.3, 0.3),
            between(-0.3, 0.3),
            between(-0.3, 0.3)
        )
        .unwrap();
    }
    write!(
        text,
        "[station]\nreflectivity = [{}, {}]\nwindow_start_s = {:e}\nwindow_duration_s = {:e}\n",
        between(0.3, 0.7),
        between(0.3, 0.7),
        between(-1e-9, 3e-9),
        between(10e-9, 60e-9)
    )
    .unwrap();
    for _ in 0..4 {
        write!(
            text,
            "[[station.detectors]]\nefficiency = {}\ndark_count_rate_hz = {:e}\nnumber_resolving = {}\n",
            between(0.5, 1.0),
            between(0.0, 2e6),
            between(0.0, 1.0) < 0.3
        )
        .unwrap();
    }
    text + "[schedule]\nattempt_period_s = 1e-6\n"
}

/// What a run deviates by: `main` for herald probability and fidelity, `details` for shares of pattern and cause and all
/// elements of the mean states (standard deviations), `waiting` and `times` for distributions (sqrt(n) D).
#[derive(Debug)]
struct Deviation {
    main: f64,
    details: f64,
    waiting: f64,
    times: f64,
}

/// 2 quantities of 200 links and 3 engines: a fresh seed exceeds 4 sigma (6.3e-5 two-sided) with probability 7 %.
const MAIN: f64 = 4.0;
/// About 250 comparisons per link, most of them correlated: 5.5 sigma (3.8e-8 two-sided) keeps the false-alarm rate of
/// fresh seeds below 0.5 % for all links and engines together.
const DETAILS: f64 = 5.5;
/// Kolmogorov's limit law: sqrt(n) D above 2.8 with probability 2 exp(-2 * 2.8²) = 3.1e-7, for 1,800 comparisons 6e-4.
const DISTRIBUTION: f64 = 2.8;

impl Deviation {
    fn acceptable(&self) -> bool {
        self.main < MAIN && self.details < DETAILS && self.waiting < DISTRIBUTION && self.times < DISTRIBUTION
    }
}

/// A run of `sampler` against the exact values of `link`.
fn deviation(link: &Link, sampler: &Link, exact_times: &ClickTimes, run: &Run) -> Deviation {
    let exact = link.exact().unwrap();
    let record = &run.heralds;
    let (n, p) = (record.len() as f64, exact.herald_probability);
    let mut main = ((run.attempts as f64 - n / p) / (n * (1.0 - p)).sqrt() * p).abs();
    let states = sampler.states(record.records(), Given::Cause).unwrap();
    let fidelities: Vec<f64> = states
        .iter()
        .zip(&record.pattern)
        .map(|(rho, pattern)| state::overlap(rho, link.patterns()[usize::from(*pattern)].bell_state))
        .collect();
    main = main.max(mean_deviation(&fidelities, exact.fidelity));
    let mut details = 0.0_f64;
    for (number, pattern) in exact.patterns.iter().enumerate() {
        for cause in Cause::ALL {
            let chosen: Vec<&State> = (0..record.len())
                .filter(|i| usize::from(record.pattern[*i]) == number && record.cause[*i] == cause as u8)
                .map(|i| &states[i])
                .collect();
            let probability = pattern.probability_of(cause);
            let expected = n * probability / p;
            // fewer events than this are not normal, and their spread is not known
            if expected < 50.0 {
                continue;
            }
            details = details.max((chosen.len() as f64 - expected).abs() / expected.sqrt());
            let exact = pattern.by_cause[cause as usize];
            for i in 0..4 {
                for j in 0..4 {
                    for part in [|z: Complex64| z.re, |z: Complex64| z.im] {
                        let values: Vec<f64> = chosen.iter().map(|rho| part(rho[i][j])).collect();
                        details = details.max(mean_deviation(&values, part(exact[i][j]) / probability));
                    }
                }
            }
        }
    }
    let mut last = 0;
    let waiting = record.attempt.iter().map(|attempt| {
        let gap = attempt + 1 - last;
        last = attempt + 1;
        gap as f64
    });
    // half a step of the discrete distribution is the distance from a smooth one
    let smooth = |gap: f64| -libm::expm1((gap - 0.5) * libm::log1p(-p));
    let waiting = distance(waiting.collect(), smooth) - 0.5 * p * n.sqrt();
    Deviation { main, details, waiting, times: exact_times.distance(run) }
}

/// Distance of a mean from its exact value in standard deviations of the mean.
fn mean_deviation(values: &[f64], exact: f64) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    // values lie in [-1, 1]: a kind of record too rare to be seen may hold a share of 1/count
    let spread = (squares / (count - 1.0) / count + 1.0 / (count * count)).sqrt();
    (mean - exact).abs() / spread
}

/// sqrt(n) times the largest distance between empirical and exact distribution.
fn distance(mut values: Vec<f64>, cdf: impl Fn(f64) -> f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = values.len() as f64;
    let largest = values.iter().enumerate().map(|(i, value)| {
        let exact = cdf(*value);
        (exact - i as f64 / n).abs().max(((i + 1) as f64 / n - exact).abs())
    });
    largest.fold(0.0, f64::max) * n.sqrt()
}

/// Exact distribution of the click time of each mode, at the edges of pieces of the window: the joint density of all
/// patterns and causes, integrated by Gauss's rule of order six in each piece.
struct ClickTimes {
    edges_s: Vec<f64>,
    below: [Vec<f64>; 2],
}

impl ClickTimes {
    fn of(link: &Link) -> Self {
        // Gauss-Legendre on [0, 1]
        let nodes = [
            (0.033_765_242_898_423_99, 0.085_662_246_189_585_17),
            (0.169_395_306_766_867_74, 0.180_380_786_524_069_3),
            (0.380_690_406_958_401_56, 0.233_956_967_286_345_52),
        ];
        let nodes: Vec<(f64, f64)> = nodes.iter().flat_map(|(x, w)| [(*x, *w), (1.0 - x, *w)]).collect();
        let params = link.params();
        let (start, duration) = (params.station.window_start_s, params.station.window_duration_s);
        let mut kinks: Vec<f64> = params.delay_s.iter().map(|delay| delay - start).collect();
        kinks.extend([0.0, duration]);
        kinks.retain(|kink| (0.0..=duration).contains(kink));
        kinks.sort_by(f64::total_cmp);
        let mut edges_s = vec![0.0];
        for pair in kinks.windows(2) {
            edges_s.extend((1..=5).map(|k| pair[0] + (pair[1] - pair[0]) * f64::from(k) / 5.0));
        }
        let points: Vec<(usize, f64, f64)> = edges_s
            .windows(2)
            .enumerate()
            .flat_map(|(piece, edge)| {
                let width = edge[1] - edge[0];
                nodes.iter().map(move |(x, w)| (piece, edge[0] + width * x, width * w)).collect::<Vec<_>>()
            })
            .collect();
        let mut mass = [vec![0.0; edges_s.len() - 1], vec![0.0; edges_s.len() - 1]];
        for pattern in 0..link.patterns().len() {
            for cause in Cause::ALL {
                for (piece_0, time_0, weight_0) in &points {
                    for (piece_1, time_1, weight_1) in &points {
                        let density =
                            state::trace(&link.density(pattern, cause, [*time_0, *time_1]).unwrap());
                        mass[0][*piece_0] += density * weight_0 * weight_1;
                        mass[1][*piece_1] += density * weight_0 * weight_1;
                    }
                }
            }
        }
        let total = link.exact().unwrap().herald_probability;
        let below = mass.map(|mass| {
            let mut sum = 0.0;
            mass.iter()
                .map(|piece| {
                    sum += piece / total;
                    sum
                })
                .collect::<Vec<_>>()
        });
        assert!(
            (below[0][below[0].len() - 1] - 1.0).abs() < 1e-5,
            "the quadrature misses something: {below:?}"
        );
        Self { edges_s, below }
    }

    /// sqrt(n) times the largest distance at the edges, of both modes.
    fn distance(&self, run: &Run) -> f64 {
        let n = run.heralds.len() as f64;
        let mut largest = 0.0_f64;
        for mode in 0..2 {
            for (edge, exact) in self.edges_s[1..].iter().zip(&self.below[mode]) {
                let seen = run.heralds.click_time_s.iter().filter(|times| times[mode] < *edge).count() as f64;
                largest = largest.max((seen / n - exact).abs());
            }
        }
        largest * n.sqrt()
    }
}

fn sample(link: &Link, engine: EngineChoice, heralds: u64, seed: u64) -> Run {
    let plan = Plan { engine, ..Plan::new(Key::from_seed(seed), Stop::Heralds(heralds)) };
    link.sample(&plan, &mut |_| true).unwrap()
}

const ENGINES: [(EngineChoice, u64); 3] =
    [(EngineChoice::Photon, 5_000), (EngineChoice::Click, 20_000), (EngineChoice::Herald, 20_000)];

/// Every fourth link from `first` on.
fn compare(first: usize) {
    let mut rng = BlockKey { key: Key::from_seed(77), engine: 0, block: 0 }.scalar(0);
    for index in 0..200 {
        let text = random_link(&mut rng);
        if index % 4 != first {
            continue;
        }
        let link = Link::from_toml(&text).unwrap();
        let times = ClickTimes::of(&link);
        for (engine, heralds) in ENGINES {
            let seen = deviation(&link, &link, &times, &sample(&link, engine, heralds, 1000 + index as u64));
            assert!(seen.acceptable(), "link {index} {engine:?}: {seen:?}\n{text}");
        }
    }
}

#[test]
fn engines_agree_with_exact_on_random_links_of_the_first_quarter() {
    compare(0);
}

#[test]
fn engines_agree_with_exact_on_random_links_of_the_second_quarter() {
    compare(1);
}

#[test]
fn engines_agree_with_exact_on_random_links_of_the_third_quarter() {
    compare(2);
}

#[test]
fn engines_agree_with_exact_on_random_links_of_the_last_quarter() {
    compare(3);
}

/// Whether a run of a wrong link differs where it should.
type Failed = fn(&Deviation) -> bool;

#[test]
fn a_wrong_link_is_noticed_by_what_it_changes() {
    let mut rng = BlockKey { key: Key::from_seed(78), engine: 0, block: 0 }.scalar(0);
    let text = random_link(&mut rng);
    let link = Link::from_toml(&text).unwrap();
    let times = ClickTimes::of(&link);
    for (engine, _) in ENGINES {
        let seen = deviation(&link, &link, &times, &sample(&link, engine, 20_000, 1));
        assert!(seen.acceptable(), "{engine:?}: {seen:?}");
    }
    // one parameter of the first node or the station replaced
    let wrong = |name: &str, value: &str| {
        let start = text.find(&format!("\n{name} = ")).unwrap() + 1;
        let end = start + text[start..].find('\n').unwrap();
        Link::from_toml(&format!("{}{name} = {value}{}", &text[..start], &text[end..])).unwrap()
    };
    let controls: [(&str, &str, Failed); 4] = [
        ("phase_reference", "\"calibrated\"", |seen| seen.details > DETAILS),
        ("ion_photon_fidelity", "0.7", |seen| seen.main > MAIN && seen.details > DETAILS),
        ("excitation_probability", "0.3", |seen| seen.waiting > DISTRIBUTION),
        ("window_duration_s", "8e-9", |seen| seen.times > DISTRIBUTION),
    ];
    for (name, value, failed) in controls {
        let other = wrong(name, value);
        for (engine, _) in ENGINES {
            let run = sample(&other, engine, 20_000, 2);
            let seen = deviation(&link, &other, &times, &run);
            assert!(failed(&seen), "{name} {engine:?}: {seen:?}");
        }
    }
}
