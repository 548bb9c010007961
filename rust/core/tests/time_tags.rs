//! Time tags against the heralds of the `click` engine with the same seed, found by a plain coincidence count, and their
//! numbers against closed forms.
#![expect(clippy::unwrap_used, reason = "a test says what failed by failing")]

use ionlink_core::{
    BasicLinkParams, EngineChoice, Error, Heralds, Key, Link, Plan, Run, Stop, TAG_KINDS, TimeTags,
};
use std::collections::BTreeMap;

/// Opens its window with the arrival of the photons, as all links here.
fn link_of(encoding: &str, bright: &str, detectors: &str, station: &str, schedule: &str) -> Link {
    let node = |name: &str| {
        format!(
            "[[nodes]]\nname = \"{name}\"\nemission = {{ lifetime_s = 8e-9 {bright} }}\n[nodes.collection]\n\
             kind = \"measured_efficiency\"\nefficiency = 0.4\nincludes = [\"collection\", \"path\", \"detector\"]\n"
        )
    };
    let second = if encoding.contains("ion-photon") { String::new() } else { node("b") };
    let text = format!(
        "encoding = {{ kind = {encoding} }}\n{}{second}[station]\nwindow_duration_s = 40e-9\n{station}\n\
         [station.detectors]\n{detectors}\n[schedule]\n{schedule}\n",
        node("a"),
    );
    Link::from_toml(&text).unwrap()
}

fn polarization(detectors: &str, station: &str, schedule: &str) -> Link {
    link_of("\"polarization\"", "", detectors, station, schedule)
}

const PERIOD: &str = "attempt_period_s = 1e-6";

fn links() -> Vec<(&'static str, Link)> {
    let noisy = "dark_count_rate_hz = 2e6";
    let lit = "dark_count_rate_hz = 2e6\nbackground_probability_per_attempt = 0.1\n\
               background_profile = { kind = \"decaying\", decay_s = 10e-9 }";
    let after = "afterpulse_probability = 0.2\nafterpulse_time_s = 5e-9";
    let even = "dark_count_rate_hz = 2e6\nbackground_probability_per_attempt = 0.1";
    let bins = |detectors: &str, schedule: &str| {
        link_of("\"time-bin\", bin_separation_s = 100e-9", "", detectors, "", schedule)
    };
    vec![
        ("polarization", polarization(noisy, "", PERIOD)),
        ("background", polarization(lit, "", PERIOD)),
        ("blind", polarization(&format!("{lit}\ndead_time_s = 10e-9\nrecovery_time_s = 1e-9"), "", PERIOD)),
        ("blind for long", polarization(&format!("{noisy}\ndead_time_s = 2.5e-6"), "", PERIOD)),
        ("no gate", polarization(&format!("{noisy}\ndead_time_s = 3e-7\ngated = false"), "", PERIOD)),
        ("afterpulses in the window", polarization(&format!("{noisy}\n{after}"), "", PERIOD)),
        (
            "afterpulses later",
            polarization(
                &format!("{noisy}\nafterpulse_probability = 0.2\nafterpulse_time_s = 1e-6"),
                "",
                PERIOD,
            ),
        ),
        ("resolving", polarization(&format!("{lit}\nnumber_resolving = true"), "", PERIOD)),
        (
            "resolving afterpulses",
            polarization(&format!("{noisy}\nnumber_resolving = true\n{after}"), "", PERIOD),
        ),
        ("jitter", polarization(&format!("{noisy}\ntiming_jitter_s = 2e-9"), "", PERIOD)),
        (
            "jitter beyond the gap",
            polarization(&format!("{noisy}\ntiming_jitter_s = 5e-8"), "", "attempt_period_s = 5e-8"),
        ),
        (
            "jitter and a coincidence window",
            polarization(&format!("{noisy}\ntiming_jitter_s = 2e-9"), "coincidence_window_s = 10e-9", PERIOD),
        ),
        (
            "bursts and losses",
            polarization(
                noisy,
                "",
                "attempt_period_s = 1.3e-6\nattempts_per_burst = 11\npause_s = 3e-6\nion_loss_rate_hz = 500.0\nreload_s = 0.1",
            ),
        ),
        (
            "rounds",
            polarization(noisy, "", "attempt_period_s = 3e-6\nions_per_round = 5\nion_spacing_s = 1e-7"),
        ),
        ("some patterns", polarization(noisy, "accepted_patterns = [\"psi-\"]", PERIOD)),
        ("time bins", bins(even, PERIOD)),
        ("bins that blind each other", bins(&format!("{even}\ndead_time_s = 80e-9"), PERIOD)),
        ("bins that are blind for long", bins(&format!("{even}\ndead_time_s = 1.2e-6"), PERIOD)),
        ("barrett-kok", link_of("\"barrett-kok\", round_separation_s = 200e-9", "", noisy, "", PERIOD)),
        ("frequency", link_of("\"frequency\", mode_splitting_rad_per_s = 1e9", "", noisy, "", PERIOD)),
        ("number", link_of("\"number\", bright_fraction = [0.2, 0.3]", "", noisy, "", PERIOD)),
        ("ion-photon", link_of("\"ion-photon\"", "", lit, "", PERIOD)),
        ("double emission", {
            let pulse = ", pulse_duration_s = 2e-9, return_mode = 0";
            link_of("\"polarization\"", pulse, noisy, "", PERIOD)
        }),
    ]
}

fn tags_of(link: &Link, seed: u64, attempts: std::ops::Range<u64>, part: usize) -> TimeTags {
    let mut stream = link.click_stream(Key::from_seed(seed), attempts).unwrap();
    let mut all = TimeTags::default();
    while !stream.is_finished() {
        let tags = stream.next(part, &mut || true).unwrap().unwrap();
        all.time_ps.extend(tags.time_ps);
        all.channel.extend(tags.channel);
        all.attempt.extend(tags.attempt);
        all.kind.extend(tags.kind);
    }
    all
}

fn run_of(link: &Link, seed: u64, attempts: u64) -> Run {
    let plan =
        Plan { engine: EngineChoice::Click, ..Plan::new(Key::from_seed(seed), Stop::Attempts(attempts)) };
    link.sample(&plan, &mut |_| true).unwrap()
}

/// Start of an attempt (ps) as the laboratory's clock has it.
fn starts_ps(link: &Link, seed: u64, attempts: &[u64]) -> Vec<f64> {
    let mut clock = link.clock(Key::from_seed(seed));
    let turn_s = link.schedule().attempt_period_s();
    attempts.iter().map(|attempt| (clock.time_s(*attempt).unwrap() - turn_s) * 1e12).collect()
}

/// First tag of each slot, from the opening of its window (ps), and the number of tags.
type Slots = [Option<(f64, usize)>; 4];

/// A laboratory's coincidence count: tags of each attempt, sorted into slots by channel and, with bins, by time.
fn counted(link: &Link, seed: u64, tags: &TimeTags) -> BTreeMap<u64, Slots> {
    let (four, bins_ps) = (link.channels().len() == 4, bin_separation_s(link) * 1e12);
    let starts = starts_ps(link, seed, &tags.attempt);
    let mut attempts: BTreeMap<u64, Slots> = BTreeMap::new();
    for (index, attempt) in tags.attempt.iter().enumerate() {
        let (mut since_ps, channel) =
            (tags.time_ps[index] as f64 - starts[index], usize::from(tags.channel[index]));
        let late = bins_ps > 0.0 && since_ps > 0.5 * (bins_ps + 40e3);
        if late {
            since_ps -= bins_ps;
        }
        let one_node = link.params().nodes.len() == 1;
        let slot = if four || one_node { channel } else { 2 * channel + usize::from(late) };
        let place = &mut attempts.entry(*attempt).or_default()[slot];
        let (first_ps, count) = place.unwrap_or((since_ps, 0));
        *place = Some((first_ps.min(since_ps), count + 1));
    }
    attempts
}

fn bin_separation_s(link: &Link) -> f64 {
    use ionlink_core::encoding::EncodingParams;
    match &link.params().encoding {
        EncodingParams::TimeBin(bins) => bins.bin_separation_s,
        EncodingParams::BarrettKok(rounds) => rounds.round_separation_s,
        _ => 0.0,
    }
}

/// The heralds among them: attempt, pattern, click times (ps).
fn heralds_among(link: &Link, attempts: &BTreeMap<u64, Slots>) -> Vec<(u64, u8, [f64; 2])> {
    let resolving = link.params().station.detectors.iter().all(|detector| detector.number_resolving);
    let ions = link.schedule().ions_per_round();
    let mut found: Vec<(u64, u8, [f64; 2])> = vec![];
    for (attempt, slots) in attempts {
        if resolving && slots.iter().flatten().any(|(_, count)| *count > 1) {
            continue;
        }
        let mask = (0..4).filter(|slot| slots[*slot].is_some()).map(|slot| 1 << slot).sum::<u32>();
        let Some(number) = link.patterns().iter().position(|pattern| pattern.mask() == mask) else {
            continue;
        };
        let times = link.patterns()[number]
            .slots
            .map(|slot| slot.map_or(f64::NAN, |slot| slots[slot].map_or(f64::NAN, |(first_ps, _)| first_ps)));
        let window_s = link.params().station.coincidence_window_s;
        if window_s.is_some_and(|window_s| (times[0] - times[1]).abs() > window_s * 1e12) {
            continue;
        }
        if found.last().is_some_and(|(last, ..)| ions > 1 && last / ions == attempt / ions) {
            continue;
        }
        found.push((*attempt, number as u8, times));
    }
    found
}

fn agree(heralds: &Heralds, found: &[(u64, u8, [f64; 2])]) -> bool {
    heralds.len() == found.len()
        && found.iter().enumerate().all(|(index, (attempt, pattern, times))| {
            let same = heralds.attempt[index] == *attempt && heralds.pattern[index] == *pattern;
            same && times.iter().zip(heralds.click_time_s[index]).all(|(time_ps, time_s)| {
                // half a picosecond of rounding, and of the clock's floating-point times at the end
                time_ps.is_nan() && time_s.is_nan() || (time_ps - time_s * 1e12).abs() < 0.51
            })
        })
}

#[test]
fn a_coincidence_count_finds_the_heralds_of_the_run() {
    const ATTEMPTS: u64 = 20_000;
    for (name, link) in links() {
        let run = run_of(&link, 7, ATTEMPTS);
        let tags = tags_of(&link, 7, 0..ATTEMPTS, 1000);
        assert!(tags.time_ps.is_sorted(), "{name}");
        assert!(run.heralds.len() > 100, "{name}: {}", run.heralds.len());
        let found = heralds_among(&link, &counted(&link, 7, &tags));
        assert!(agree(&run.heralds, &found), "{name}: {} and {}", run.heralds.len(), found.len());
        // negative controls: another seed, and a tag that is missing
        let other = run_of(&link, 8, ATTEMPTS);
        assert!(!agree(&other.heralds, &found), "{name}");
        let mut fewer = tags.clone();
        let place = tags.attempt.iter().position(|attempt| *attempt == run.heralds.attempt[50]).unwrap();
        fewer.time_ps.remove(place);
        fewer.channel.remove(place);
        fewer.attempt.remove(place);
        assert!(!agree(&run.heralds, &heralds_among(&link, &counted(&link, 7, &fewer))), "{name}");
    }
}

#[test]
fn tags_do_not_depend_on_how_they_are_cut() {
    for (name, link) in links() {
        let whole = tags_of(&link, 3, 0..5000, usize::MAX);
        assert!(tags_of(&link, 3, 0..5000, 1) == whole, "{name}");
        let mut parts: Vec<_> = [0..1, 1..2222, 2222..5000]
            .into_iter()
            .flat_map(|attempts| {
                let tags = tags_of(&link, 3, attempts, 100);
                (0..tags.len())
                    .map(move |i| (tags.time_ps[i], tags.attempt[i], tags.channel[i], tags.kind[i]))
                    .collect::<Vec<_>>()
            })
            .collect();
        // jitter may put tags of one piece among those of the next
        parts.sort_unstable();
        let all =
            (0..whole.len()).map(|i| (whole.time_ps[i], whole.attempt[i], whole.channel[i], whole.kind[i]));
        assert!(parts.into_iter().eq(all), "{name}");
        assert!(tags_of(&link, 4, 0..5000, 100) != whole, "{name}");
    }
}

#[test]
fn a_stream_that_was_stopped_goes_on() {
    for name in ["polarization", "blind for long", "jitter beyond the gap", "afterpulses later"] {
        let link = links().into_iter().find(|(other, _)| *other == name).unwrap().1;
        let whole = tags_of(&link, 5, 100_000..120_000, usize::MAX);
        let mut stream = link.click_stream(Key::from_seed(5), 100_000..120_000).unwrap();
        let (mut count, mut stops, mut asked) = (0, 0, 0);
        while !stream.is_finished() {
            // a search for what detectors remember begins anew, so it must not be stopped for ever
            let mut going = || {
                asked += 1;
                stops > 5 || asked % 3 != 0
            };
            match stream.next(100, &mut going).unwrap() {
                Some(part) => {
                    assert_eq!(part.time_ps, whole.time_ps[count..count + part.len()], "{name}");
                    count += part.len();
                }
                None => stops += 1,
            }
        }
        assert!(count == whole.len() && stops > 0, "{name}: {stops}");
    }
}

/// Tags of a link without photons: of noise alone.
fn dark_link(detectors: &str) -> Link {
    let text = format!(
        "[[nodes]]\nname = \"a\"\nemission = {{ lifetime_s = 8e-9 }}\n[nodes.collection]\n\
         kind = \"measured_efficiency\"\nefficiency = 0.0\nincludes = [\"collection\"]\n\
         [[nodes]]\nname = \"b\"\nemission = {{ lifetime_s = 8e-9 }}\n[nodes.collection]\n\
         kind = \"measured_efficiency\"\nefficiency = 0.0\nincludes = [\"collection\"]\n\
         [station]\nwindow_duration_s = 40e-9\n[station.detectors]\n{detectors}\n[schedule]\n{PERIOD}\n"
    );
    Link::from_toml(&text).unwrap()
}

/// Mean number of clicks of one detector and window, with its standard error.
fn clicks_per_window(link: &Link) -> (f64, f64) {
    const ATTEMPTS: u64 = 100_000;
    let tags = tags_of(link, 11, 0..ATTEMPTS, usize::MAX);
    let mut counts: BTreeMap<(u64, u8), f64> = BTreeMap::new();
    for (attempt, channel) in tags.attempt.iter().zip(&tags.channel) {
        *counts.entry((*attempt, *channel)).or_default() += 1.0;
    }
    let windows = 4.0 * ATTEMPTS as f64;
    let mean = tags.len() as f64 / windows;
    let square: f64 = counts.values().map(|count| count * count).sum::<f64>() / windows;
    (mean, ((square - mean * mean) / windows).sqrt())
}

fn within_four(found: (f64, f64), expected: f64) -> bool {
    (found.0 - expected).abs() < 4.0 * found.1
}

#[test]
fn dark_counts_have_their_numbers() {
    let rate_hz = 3e7;
    let mean = rate_hz * 40e-9;
    for resolving in [false, true] {
        let detectors = format!("dark_count_rate_hz = {rate_hz:e}\nnumber_resolving = {resolving}");
        let found = clicks_per_window(&dark_link(&detectors));
        assert!(within_four(found, mean), "{found:?}");
        assert!(!within_four(found, 0.97 * mean), "negative control: {found:?}");
        assert!(!within_four(found, -libm::expm1(-mean)), "not the first of each window alone: {found:?}");
    }
    // with a dead time d the n-th click comes before t with the probability that a Poisson process has n by t - (n - 1) d
    let poisson_at_least = |n: u32, mean: f64| {
        let below: f64 = (0..n)
            .scan(1.0, |term, k| {
                if k > 0 {
                    *term *= mean / f64::from(k);
                }
                Some(*term)
            })
            .sum();
        1.0 - below * libm::exp(-mean)
    };
    let dead_s = 15e-9;
    let expected: f64 =
        (1..=3).map(|n| poisson_at_least(n, rate_hz * (40e-9 - f64::from(n - 1) * dead_s))).sum();
    let found =
        clicks_per_window(&dark_link(&format!("dark_count_rate_hz = {rate_hz:e}\ndead_time_s = {dead_s:e}")));
    assert!(within_four(found, expected), "{found:?} {expected}");
    assert!(!within_four(found, mean), "negative control: {found:?}");
}

#[test]
fn afterpulses_have_their_numbers() {
    // every count is followed by another with probability p after a time of mean tau: the rate is
    // r (1 - p exp(-(1 - p) t/tau))/(1 - p), its integral over the window the mean number
    let (rate_hz, p, tau_s, window_s) = (5e6, 0.3, 5e-9, 40e-9);
    let after = format!("afterpulse_probability = {p}\nafterpulse_time_s = {tau_s:e}");
    let link = dark_link(&format!("dark_count_rate_hz = {rate_hz:e}\n{after}"));
    assert!(!link.remembers());
    let built_up = p * tau_s / (1.0 - p) * -libm::expm1(-(1.0 - p) * window_s / tau_s);
    let expected = rate_hz / (1.0 - p) * (window_s - built_up);
    let found = clicks_per_window(&link);
    assert!(within_four(found, expected), "{found:?} {expected}");
    assert!(!within_four(found, rate_hz * window_s), "negative control: {found:?}");
    let tags = tags_of(&link, 11, 0..100_000, usize::MAX);
    let darks = tags.kind.iter().filter(|kind| TAG_KINDS[usize::from(**kind)] == "dark").count() as f64;
    let mean = rate_hz * window_s * 4e5;
    assert!((darks - mean).abs() < 4.0 * mean.sqrt(), "{darks} {mean}");
}

#[test]
fn background_comes_when_its_profile_says() {
    let (probability, decay_s) = (0.6_f64, 12e-9);
    for resolving in [false, true] {
        let link = dark_link(&format!(
            "dark_count_rate_hz = 1e7\nnumber_resolving = {resolving}\nbackground_probability_per_attempt = {probability}\n\
             background_profile = {{ kind = \"decaying\", decay_s = {decay_s:e} }}"
        ));
        let times_ps = [2e3, 10e3, 25e3, 40e3];
        let mut found = BTreeMap::<_, [f64; 4]>::new();
        for seed in 13..23 {
            let tags = tags_of(&link, seed, 0..50_000, usize::MAX);
            for (kind, time_ps) in tags.kind.iter().zip(&tags.time_ps) {
                let counts = found.entry(TAG_KINDS[usize::from(*kind)]).or_default();
                for (count, before_ps) in counts.iter_mut().zip(times_ps) {
                    *count += f64::from(u8::from(((time_ps % 1_000_000) as f64) < before_ps));
                }
            }
        }
        // mean numbers before a time t: m (1 - exp(-t/tau)) of background, r t of dark counts, per window
        let mean = -libm::log1p(-probability);
        for (index, time_ps) in times_ps.into_iter().enumerate() {
            let background = 2e6 * mean * -libm::expm1(-time_ps * 1e-12 / decay_s);
            let dark = 2e6 * 1e7 * time_ps * 1e-12;
            for (kind, expected) in [("background", background), ("dark", dark)] {
                let count = found[kind][index];
                assert!((count - expected).abs() < 4.0 * expected.sqrt(), "{kind} {count} {expected}");
                assert!((count - 0.95 * expected).abs() > 4.0 * expected.sqrt(), "negative control");
            }
        }
    }
}

#[test]
fn photons_of_attempts_that_cannot_herald_are_there() {
    let link = BasicLinkParams { efficiency: [0.02, 0.03], ..Default::default() }.checked().unwrap();
    let tags = tags_of(&link, 17, 0..1_000_000, 65_536);
    let captured = -libm::expm1(-40e-9 / 7.4e-9);
    let expected = 0.05 * captured * 1e6;
    assert!((tags.len() as f64 - expected).abs() < 4.0 * expected.sqrt(), "{}", tags.len());
    assert!((tags.len() as f64 - 0.97 * expected).abs() > 4.0 * expected.sqrt());
    assert!(link.tags_per_attempt() >= 0.05 * captured && link.tags_per_attempt() < 0.0501);
    for channel in 0..4 {
        let count = tags.channel.iter().map(|other| f64::from(u8::from(*other == channel))).sum::<f64>();
        assert!((count - expected / 4.0).abs() < 4.0 * (expected / 4.0).sqrt(), "{channel}: {count}");
    }
    // waiting times after the opening are exponential: half of them within the lifetime times ln 2
    let early = tags
        .time_ps
        .iter()
        .filter(|time| (**time % 1_000_000) as f64 <= 7.4e3 * std::f64::consts::LN_2)
        .count();
    let half = 0.5 / captured * tags.len() as f64;
    assert!((early as f64 - half).abs() < 4.0 * (0.5 * half).sqrt(), "{early} {half}");
}

#[test]
fn channels_are_detectors() {
    for (name, link) in links() {
        let expected: &[&str] = match name {
            "time bins"
            | "bins that blind each other"
            | "bins that are blind for long"
            | "barrett-kok"
            | "frequency"
            | "number"
            | "ion-photon" => &["0", "1"],
            _ => &["00", "01", "10", "11"],
        };
        assert_eq!(link.channels(), expected, "{name}");
        let tags = tags_of(&link, 1, 0..2000, usize::MAX);
        let mut seen: Vec<u8> = tags.channel.clone();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, (0..expected.len() as u8).collect::<Vec<_>>(), "{name}");
    }
}

#[test]
fn streams_that_64_bits_cannot_hold_are_refused() {
    let link = BasicLinkParams::default().checked().unwrap();
    for attempts in [0..1 << 62, (1 << 45)..(1 << 45) + 1] {
        let error = link.click_stream(Key::from_seed(1), attempts).unwrap_err();
        assert!(matches!(&error, Error::Model { parameter, .. } if parameter == "attempts"), "{error}");
    }
    assert!(matches!(link.click_stream(Key::from_seed(1), 0..u64::MAX), Err(Error::Parameter { .. })));
    // 90 days: still exact to the picosecond
    let (first, period_ps) = (7_776_000_000_000_u64, 1_000_000);
    let tags = tags_of(&link_bright(), 1, first..first + 1000, 100);
    assert!(!tags.is_empty());
    for (time_ps, attempt) in tags.time_ps.iter().zip(&tags.attempt) {
        assert!((0..40_000).contains(&(time_ps - attempt.cast_signed() * period_ps)));
    }
    let mut empty = link.click_stream(Key::from_seed(1), 7..7).unwrap();
    assert!(empty.is_finished() && empty.next(1, &mut || true).unwrap().unwrap().is_empty());
}

fn link_bright() -> Link {
    BasicLinkParams { efficiency: [0.4, 0.3], ..Default::default() }.checked().unwrap()
}
