//! The paths of the core that runs spend their time on, case by case.
//!
//! ```text
//! cargo bench --bench hot_paths                            times every case once: a rough look
//! cargo bench --bench hot_paths -- --list                  name, number of units and unit of every case
//! cargo bench --bench hot_paths -- CASE [--prepare-only]   does one case, for a profiler, or prepares it
//! ```
//!
//! What judges changes are instruction counts: `tools/check_instructions.py` runs each case under callgrind, subtracts
//! what preparation alone takes, and compares with `benches/instructions.toml`.
#![expect(clippy::print_stdout, reason = "a bench prints")]

use ionlink_core::channel::{ElementParams, FiberParams};
use ionlink_core::collection::{CollectionParams, Stage};
use ionlink_core::encoding::{BarrettKokParams, EncodingParams};
use ionlink_core::simd::Level;
use ionlink_core::{BasicLinkParams, EngineChoice, Given, Key, Link, Plan, Result, Stop};
use std::hint::black_box;
use std::time::Instant;

/// Made ready before, then done once.
type Work = Box<dyn FnMut() -> Result<()>>;

struct Case {
    name: &'static str,
    /// Units of work in the case.
    units: u64,
    unit: &'static str,
    prepare: fn(u64) -> Result<Work>,
}

const fn case(name: &'static str, units: u64, unit: &'static str, prepare: fn(u64) -> Result<Work>) -> Case {
    Case { name, units, unit, prepare }
}

const CASES: &[Case] = &[
    case("herald", 100_000, "heralds", |n| heralds(reference().checked()?, n)),
    case("click", 10_000_000, "attempts", |n| attempts(reference().checked()?, EngineChoice::Click, n)),
    case("click_dead_time", 10_000_000, "attempts", |n| attempts(blind().checked()?, EngineChoice::Click, n)),
    case("photon", 10_000_000, "attempts", |n| attempts(reference().checked()?, EngineChoice::Photon, n)),
    case("states", 10_000, "heralds", states),
    case("construct", 20, "links", construct),
    case("exact", 20, "links", exact),
    case("herald_time_bin", 100_000, "heralds", |n| heralds(encoded("time-bin").checked()?, n)),
    case("herald_frequency", 20_000, "heralds", |n| heralds(frequency().checked()?, n)),
    case("herald_number", 20_000, "heralds", |n| heralds(number().checked()?, n)),
    case("herald_barrett_kok", 100_000, "heralds", |n| heralds(barrett_kok()?, n)),
    case("herald_ion_photon", 100_000, "heralds", |n| heralds(encoded("ion-photon").checked()?, n)),
    case("herald_fiber_100_km", 100_000, "heralds", |n| heralds(far()?, n)),
    case("herald_bright", 100_000, "heralds", |n| heralds(bright().checked()?, n)),
    case("click_bright", 1_000_000, "attempts", |n| attempts(bright().checked()?, EngineChoice::Click, n)),
    case("photon_bright", 1_000_000, "attempts", |n| attempts(bright().checked()?, EngineChoice::Photon, n)),
];

const SEED: u64 = 7;

/// 0.0218 from excited ion to click at both nodes, 60 dark counts/s per detector; window and lifetime are defaults.
fn reference() -> BasicLinkParams {
    BasicLinkParams { efficiency: [0.0218; 2], dark_count_rate_hz: 60.0, ..BasicLinkParams::default() }
}

/// Detectors blind for two attempts after a click.
fn blind() -> BasicLinkParams {
    BasicLinkParams { dead_time_s: 2e-6, ..reference() }
}

fn bright() -> BasicLinkParams {
    BasicLinkParams { efficiency: [0.5; 2], ..reference() }
}

fn encoded(encoding: &str) -> BasicLinkParams {
    BasicLinkParams { encoding: encoding.into(), ..reference() }
}

/// The qubit of 171Yb+: far more than a linewidth apart, without which no two photons would herald.
fn frequency() -> BasicLinkParams {
    BasicLinkParams { mode_splitting_rad_per_s: std::f64::consts::TAU * 12.6e9, ..encoded("frequency") }
}

fn number() -> BasicLinkParams {
    BasicLinkParams { bright_fraction: Some([0.05; 2]), ..encoded("number") }
}

/// Two rounds 200 ns apart.
fn barrett_kok() -> Result<Link> {
    let mut params = reference().link()?;
    params.encoding = EncodingParams::BarrettKok(BarrettKokParams {
        round_separation_s: 200e-9,
        phase_jitter_rad: [0.0; 2],
    });
    Link::new(params)
}

/// A station in the middle of 100 km of fiber.
fn far() -> Result<Link> {
    let mut params = reference().link()?;
    for node in &mut params.nodes {
        if let CollectionParams::MeasuredEfficiency(measured) = &mut node.collection {
            measured.includes.retain(|stage| *stage != Stage::Path);
        }
    }
    let fiber = FiberParams {
        length_m: 50e3,
        attenuation_db_per_km: Some(0.2),
        group_index: Some(1.468),
        catalog: None,
        wavelength_nm: None,
    };
    params.paths = vec![vec![ElementParams::Fiber(fiber)]; 2];
    Link::new(params)
}

/// Heralds of the `herald` engine with their record.
fn heralds(link: Link, count: u64) -> Result<Work> {
    sampled(link, EngineChoice::Herald, Stop::Heralds(count))
}

/// Attempts with the record of their heralds.
fn attempts(link: Link, engine: EngineChoice, count: u64) -> Result<Work> {
    sampled(link, engine, Stop::Attempts(count))
}

fn sampled(link: Link, engine: EngineChoice, stop: Stop) -> Result<Work> {
    // what a link computes once is not part of the case
    link.sample(&plan(engine, Stop::Attempts(1)), &mut |_| true)?;
    Ok(Box::new(move || {
        black_box(link.sample(&plan(engine, stop), &mut |_| true)?);
        Ok(())
    }))
}

fn plan(engine: EngineChoice, stop: Stop) -> Plan {
    Plan { engine, ..Plan::new(Key::from_seed(SEED), stop) }
}

/// States of heralds given their cause.
fn states(count: u64) -> Result<Work> {
    let link = reference().checked()?;
    let run = link.sample(&plan(EngineChoice::Herald, Stop::Heralds(count)), &mut |_| true)?;
    Ok(Box::new(move || {
        black_box(link.states(run.heralds.records(), Given::Cause)?);
        Ok(())
    }))
}

/// Links from their parameters.
fn construct(count: u64) -> Result<Work> {
    let params = reference().link()?;
    Ok(Box::new(move || {
        for _ in 0..count {
            black_box(Link::new(params.clone())?);
        }
        Ok(())
    }))
}

/// Exact results of links that are ready.
fn exact(count: u64) -> Result<Work> {
    let links = (0..count).map(|_| reference().checked()).collect::<Result<Vec<_>>>()?;
    Ok(Box::new(move || {
        for link in &links {
            black_box(link.exact()?);
        }
        Ok(())
    }))
}

fn main() -> Result<()> {
    // cargo adds "--bench"
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let prepare_only = arguments.iter().any(|argument| argument == "--prepare-only");
    let wanted = arguments.iter().map(String::as_str).find(|argument| *argument != "--prepare-only");
    if wanted == Some("--list") {
        for case in CASES {
            println!("{} {} {}", case.name, case.units, case.unit);
        }
        return Ok(());
    }
    if wanted == Some("--instruction-set") {
        println!("{}", Level::chosen()?.name());
        return Ok(());
    }
    let cases: Vec<&Case> = CASES.iter().filter(|case| wanted.is_none_or(|name| name == case.name)).collect();
    if cases.is_empty() {
        println!("no such case; --list names them");
        std::process::exit(2);
    }
    for case in cases {
        let mut work = (case.prepare)(case.units)?;
        let start = Instant::now();
        if !prepare_only {
            work()?;
        }
        let nanoseconds = 1e9 * start.elapsed().as_secs_f64() / case.units as f64;
        println!("{:20} {nanoseconds:14.2} ns for each of {} {}", case.name, case.units, case.unit);
    }
    Ok(())
}
