//! The tree from both sides, on a link with every shape of field.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that panics is a test that fails")]
#![allow(clippy::float_cmp, reason = "numbers are read exactly or refused")]

mod kinds_of_parameters;
mod one_or_many;
mod paths;
mod reading;
mod texts;
mod writing;

use super::{Entry, MAX_DEPTH, Node, OneOrMany, Tree, fields_of, kinds, kinds_of};
use crate::error::{Error, Position};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Detector {
    efficiency: f64,
    #[serde(default)]
    dark_count_rate_hz: f64,
    #[serde(default)]
    dead_time_s: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fiber {
    length_m: f64,
    attenuation_db_per_km: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Loss {
    transmission: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Perfect {}

kinds! {
    /// A stretch of the photon's way.
    enum Stretch {
        /// Glass.
        Fiber(Fiber) = "fiber",
        /// Anything that loses photons.
        Loss(Loss) = "loss",
        /// Nothing.
        Perfect(Perfect) = "perfect",
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Orientation {
    Parallel,
    Perpendicular,
}

/// An enum as serde derives it, with every shape of variant.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Derived {
    Nothing,
    Wrapped(Loss),
    Spread { from_s: f64, to_s: f64 },
    Pair(f64, f64),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Station {
    detectors: OneOrMany<Detector>,
    reflectivity: OneOrMany<f64>,
    orientation: Orientation,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Link {
    name: String,
    heralded: bool,
    attempts: u64,
    window_s: [f64; 2],
    station: Station,
    paths: Vec<Vec<Stretch>>,
    nodes: Vec<Loss>,
    coherence_time_s: f64,
    delay_s: Option<f64>,
}

const LINK: &str = r#"name = "two ions"
heralded = true
attempts = 1e9
window_s = [0, 25e-9]
coherence_time_s = inf
paths = [
    [{ kind = "fiber", length_m = 230, attenuation_db_per_km = 4.0 }, { kind = "perfect" }],
    [{ kind = "loss", transmission = 0.5 }],
]

[station]
reflectivity = 0.5
orientation = "perpendicular"

[station.detectors]
efficiency = 0.7
dark_count_rate_hz = 10

[[nodes]]
transmission = 0.1

[[nodes]]
transmission = 1
"#;

fn toml(text: &str) -> Tree {
    Tree::from_toml(text).unwrap()
}

fn json(text: &str) -> Tree {
    Tree::from_json(text).unwrap()
}

#[allow(clippy::unnecessary_wraps, reason = "positions are compared with those that may be absent")]
fn place(line: usize, column: usize) -> Option<Position> {
    Some(Position { line, column })
}

/// The sentence about a field that does not exist and resembles none that does.
fn unlike_any(path: &str, expected: &[&str], position: Option<Position>) -> String {
    let expected = expected.iter().map(|&name| name.to_owned()).collect();
    Error::UnknownField { path: path.to_owned(), suggestion: None, expected, position }.to_string()
}

/// What reading a `T` from the TOML text is refused with.
fn refusal<T: serde::de::DeserializeOwned + std::fmt::Debug>(text: &str) -> String {
    Tree::from_toml(text).and_then(|tree| tree.read::<T>()).unwrap_err().to_string()
}

/// What reading the link is refused with after one line of it was replaced.
fn link_refusal(from: &str, to: &str) -> String {
    assert!(LINK.contains(from), "{from}");
    refusal::<Link>(&LINK.replacen(from, to, 1))
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct One<T> {
    x: T,
}
