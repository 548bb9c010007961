//! The seed contract: heralds are a function of parameters and seed; not of threads, of where a run starts or of how it
//! is cut. docs/reproducibility.md states it.
#![expect(clippy::unwrap_used, reason = "a test says what failed by failing")]

#[path = "common/runs.rs"]
mod runs;

use ionlink_core::stream::STREAM_VERSION;
use ionlink_core::{BasicLinkParams, Ended, EngineChoice, Heralds, Key, Link, Plan, Stop};
use runs::{joined, run};

fn reference_link() -> Link {
    BasicLinkParams { efficiency: [0.0218; 2], dark_count_rate_hz: 60.0, ..Default::default() }
        .checked()
        .unwrap()
}

/// Wave packets that are drawn by inversion of tables, jitter, and a second photon.
fn soft_and_pulsed_link() -> Link {
    let node = |name: &str, emission: &str| {
        format!(
            "[[nodes]]\nname = \"{name}\"\n[nodes.emission]\nlifetime_s = 8e-9\n{emission}\n[nodes.collection]\n\
             kind = \"measured_efficiency\"\nefficiency = 0.3\nincludes = [\"collection\"]\n"
        )
    };
    let text = format!(
        "{}{}[station]\nwindow_duration_s = 40e-9\n[schedule]\nattempt_period_s = 1e-6\n",
        node("a", "wavepacket = { kind = \"smeared\", rise_s = 1e-9 }"),
        node("b", "arrival_jitter_s = 1e-9\npulse_duration_s = 1e-9\nreturn_mode = 0")
    );
    Link::from_toml(&text).unwrap()
}

/// Heralds that are frequent, often with dark counts, and recorded late: everything that batches draw.
fn jittering_link() -> Link {
    let text = r#"
        [[nodes]]
        name = "a"
        emission = { lifetime_s = 8e-9 }
        collection = { kind = "measured_efficiency", efficiency = 0.4, includes = ["collection", "path", "detector"] }
        [[nodes]]
        name = "b"
        emission = { lifetime_s = 8e-9 }
        collection = { kind = "measured_efficiency", efficiency = 0.4, includes = ["collection", "path", "detector"] }
        [station]
        window_duration_s = 40e-9
        detectors = { dark_count_rate_hz = 2e6, timing_jitter_s = 5e-10 }
        [schedule]
        attempt_period_s = 1e-6
    "#;
    Link::from_toml(text).unwrap()
}

const ENGINES: [EngineChoice; 3] = [EngineChoice::Photon, EngineChoice::Click, EngineChoice::Herald];

/// A fingerprint of every bit of a record (FNV-1a).
fn fingerprint(heralds: &Heralds) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut eat = |word: u64| {
        for byte in word.to_le_bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    for index in 0..heralds.len() {
        eat(heralds.attempt[index]);
        eat(u64::from(heralds.pattern[index]));
        eat(u64::from(heralds.cause[index]));
        heralds.click_time_s[index].iter().for_each(|time| eat(time.to_bits()));
    }
    hash
}

#[test]
fn threads_change_nothing() {
    let link = reference_link();
    for engine in ENGINES {
        for stop in [Stop::Heralds(2500), Stop::Attempts(7_654_321), Stop::Heralds(1)] {
            let single = run(&link, engine, 5, 12_345, stop, 1);
            for threads in [2, 7] {
                assert!(
                    run(&link, engine, 5, 12_345, stop, threads) == single,
                    "{threads} threads, {stop:?}"
                );
            }
        }
    }
}

#[test]
fn ten_and_ninety_are_a_hundred() {
    let link = reference_link();
    for engine in ENGINES {
        let whole = run(&link, engine, 9, 0, Stop::Attempts(5_000_000), 1);
        // cuts at a block's edge, inside a group of attempts, and just beside them
        for cut in [1, 31, 500_000, 1 << 20, (1 << 20) + 1, 3_333_333] {
            let first = run(&link, engine, 9, 0, Stop::Attempts(cut), 1);
            let second = run(&link, engine, 9, cut, Stop::Attempts(5_000_000 - cut), 2);
            assert_eq!(first.attempts + second.attempts, whole.attempts);
            assert!(joined(first.heralds, second.heralds) == whole.heralds, "cut at {cut}");
        }
        let first = run(&link, engine, 9, 0, Stop::Heralds(10), 1);
        let second = run(&link, engine, 9, first.attempts, Stop::Heralds(90), 1);
        let hundred = run(&link, engine, 9, 0, Stop::Heralds(100), 1);
        assert_eq!(first.attempts + second.attempts, hundred.attempts);
        assert!(joined(first.heralds, second.heralds) == hundred.heralds);
        assert_eq!(hundred.attempts, hundred.heralds.attempt[99] + 1);
    }
}

#[test]
fn batches_may_be_cut_anywhere() {
    let link = jittering_link();
    for engine in ENGINES {
        let whole = run(&link, engine, 7, 0, Stop::Attempts(40_000), 1);
        assert!(!whole.heralds.jitter_s.is_empty());
        assert!(run(&link, engine, 7, 0, Stop::Attempts(40_000), 2) == whole);
        for cut in [1, 333, 1000, 12_345, 39_999] {
            let first = run(&link, engine, 7, 0, Stop::Attempts(cut), 1);
            let second = run(&link, engine, 7, cut, Stop::Attempts(40_000 - cut), 2);
            let count = first.heralds.len() as u64;
            assert!(
                run(&link, engine, 7, 0, Stop::Heralds(count), 1).heralds == first.heralds,
                "{engine:?} {cut}"
            );
            assert!(joined(first.heralds, second.heralds) == whole.heralds, "{engine:?} {cut}");
        }
    }
}

#[test]
fn recording_coincidences_changes_no_herald() {
    let link = jittering_link();
    for engine in [EngineChoice::Photon, EngineChoice::Click] {
        let plan = Plan { engine, ..Plan::new(Key::from_seed(3), Stop::Attempts(20_000)) };
        let without = link.sample(&plan, &mut |_| true).unwrap();
        let with = link.sample(&Plan { record_coincidences: true, ..plan }, &mut |_| true).unwrap();
        assert!(with.coincidences.attempt.len() > 100);
        assert!(with.heralds == without.heralds, "{engine:?}");
    }
}

#[test]
fn one_bit_of_the_seed_changes_everything() {
    let link = reference_link();
    for engine in ENGINES {
        let heralds = |key| {
            let plan = Plan { engine, threads: 2, ..Plan::new(key, Stop::Heralds(200)) };
            link.sample(&plan, &mut |_| true).unwrap().heralds
        };
        let Key([low, high]) = Key::from_seed(1);
        let base = heralds(Key([low, high]));
        for bit in [0, 17, 63] {
            for key in [Key([low ^ 1 << bit, high]), Key([low, high ^ 1 << bit])] {
                let other = heralds(key);
                let shared = base.attempt.iter().filter(|attempt| other.attempt.contains(attempt)).count();
                // 200 heralds in about 850,000 attempts: a chance meeting has probability 200²/850,000 = 0.05
                assert!(shared < 5, "bit {bit}: {shared} attempts in common");
            }
        }
    }
}

#[test]
fn a_run_that_is_stopped_holds_a_prefix() {
    let link = reference_link();
    for engine in ENGINES {
        for threads in [1, 2] {
            let plan = Plan { engine, threads, ..Plan::new(Key::from_seed(3), Stop::Attempts(1 << 50)) };
            let mut looks = 0;
            let stopped = link
                .sample(&plan, &mut |progress| {
                    looks += 1;
                    assert!(progress.done <= progress.total);
                    looks < 3
                })
                .unwrap();
            assert_eq!(stopped.ended, Ended::Interrupted);
            let again = run(&link, engine, 3, 0, Stop::Attempts(stopped.attempts), 1);
            assert!(stopped.heralds == again.heralds, "{threads} threads");
        }
    }
}

/// Golden streams: they move only with `STREAM_VERSION`, and the changelog says so under Stream.
#[test]
fn value_stability() {
    assert_eq!(STREAM_VERSION, 2);
    let golden = vec![
        (
            "reference",
            reference_link(),
            [0xd117_5fc3_4710_7838_u64, 0xfef8_9522_8dff_cca1, 0x6792_3ea9_aa4a_0f50],
        ),
        (
            "detuned, dark, unequal",
            BasicLinkParams {
                efficiency: [0.3, 0.1],
                lifetime_s: [8e-9, 5e-9],
                delay_s: [0.0, 1e-9],
                detuning_rad_per_s: [0.0, 2e8],
                amplitudes: Some([[0.6, 0.8], [0.8, 0.6]]),
                mode_overlap: 0.9,
                dephasing_per_photon_per_s: 1e7,
                reflectivity: ionlink_core::tree::OneOrMany::Many(vec![0.45, 0.55]),
                dark_count_rate_hz: 2e5,
                ..Default::default()
            }
            .checked()
            .unwrap(),
            [0xedb1_7e04_8cb7_154d, 0xb47f_d9e0_3a41_7636, 0x944a_7029_916b_342e],
        ),
        (
            "number resolving",
            BasicLinkParams {
                efficiency: [0.5; 2],
                dark_count_rate_hz: 1e6,
                number_resolving: true,
                ..Default::default()
            }
            .checked()
            .unwrap(),
            [0x2a95_31f8_3f3b_9fb5, 0xeb44_b9eb_3041_3646, 0xb129_ed27_17ec_c8a8],
        ),
        (
            "frequency",
            BasicLinkParams {
                encoding: "frequency".into(),
                efficiency: [0.3; 2],
                mode_splitting_rad_per_s: 5e8,
                dark_count_rate_hz: 1e5,
                ..Default::default()
            }
            .checked()
            .unwrap(),
            [0xe75a_3934_054d_3cd9, 0x0a0d_671f_7c10_a064, 0x730f_5f01_dd13_3eb1],
        ),
        (
            "number",
            BasicLinkParams {
                encoding: "number".into(),
                efficiency: [0.1; 2],
                bright_fraction: Some([0.1; 2]),
                dark_count_rate_hz: 1e4,
                ..Default::default()
            }
            .checked()
            .unwrap(),
            [0xe998_9c3b_44ac_bc85, 0x6c64_14cb_c804_5add, 0xe87f_b995_e294_a1c3],
        ),
        (
            "soft and pulsed",
            soft_and_pulsed_link(),
            [0x40c7_8089_dd4c_b00a, 0xafa3_3e97_8a95_0c86, 0xfeff_ef12_cc2c_be95],
        ),
    ];
    let mut moved = vec![];
    for (name, link, expected) in golden {
        for (engine, expected) in ENGINES.into_iter().zip(expected) {
            let seen = fingerprint(&run(&link, engine, 2020, 0, Stop::Heralds(1000), 1).heralds);
            if seen != expected {
                moved.push(format!("{name} {engine:?}: {seen:#018x}"));
            }
        }
    }
    assert!(moved.is_empty(), "streams moved: {moved:#?}");
}
