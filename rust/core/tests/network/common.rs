//! Links with a given herald probability, chains of them, and what a mean says of an expectation.

use ionlink_core::memory::MemoryParams;
use ionlink_core::network::{
    DemandParams, Network, NetworkNodeParams, NetworkPlan, NetworkRun, RecordLevel, StateChoice,
};
use ionlink_core::{BasicLinkParams, Key, Link};
use serde_json::Value;
use std::sync::Arc;

const FORMULAS: &str = include_str!("../../../../tests/data/formulas.json");
/// Time of an attempt (s), and the same in picoseconds.
pub(crate) const TICK_S: f64 = 1e-6;
pub(crate) const TICK_PS: u64 = 1_000_000;

/// Rows of a formula: inputs and expected value.
pub(crate) fn rows(formula: &str) -> Vec<(Value, f64)> {
    let formulas: Value = serde_json::from_str(FORMULAS).unwrap();
    let rows = formulas["rows"].as_array().unwrap().iter();
    let found: Vec<_> = rows
        .filter(|row| row["formula_id"] == formula)
        .map(|row| (row["inputs"].clone(), row["expected"].as_f64().unwrap()))
        .collect();
    assert!(!found.is_empty(), "{formula}");
    found
}

/// A perfect link that heralds with probability p: two photons at e^2/2 (LINK2), so short that any window holds them.
pub(crate) fn params(p: f64) -> BasicLinkParams {
    BasicLinkParams {
        efficiency: [(2.0 * p).sqrt(); 2],
        lifetime_s: [1e-15; 2],
        attempt_period_s: Some(TICK_S),
        ..BasicLinkParams::default()
    }
}

pub(crate) fn link(params: &BasicLinkParams) -> Arc<Link> {
    Arc::new(params.checked().unwrap())
}

/// A node with ions of its own for each of two links.
pub(crate) fn node(number: usize) -> NetworkNodeParams {
    ions(number, 2)
}

pub(crate) fn ions(number: usize, count: u64) -> NetworkNodeParams {
    NetworkNodeParams {
        communication_ions: Some(count),
        buffer_per_link: Some(1),
        ..NetworkNodeParams::named(format!("n{number}"))
    }
}

pub(crate) fn with_memory(node: NetworkNodeParams, memory: &MemoryParams) -> NetworkNodeParams {
    NetworkNodeParams { memory: Some(memory.clone()), ..node }
}

/// Nodes in a row with a link from each to the next; demands are up to the caller.
pub(crate) fn row(links: &[Arc<Link>], node: impl Fn(usize) -> NetworkNodeParams) -> Network {
    let mut network = Network::new();
    for number in 0..=links.len() {
        network.add_node(node(number)).unwrap();
    }
    let mut last: Option<(Arc<Link>, u32)> = None;
    for (number, link) in (0..).zip(links) {
        let physics = match &last {
            Some((known, physics)) if Arc::ptr_eq(known, link) => *physics,
            _ => network.add_physics(Arc::clone(link)).unwrap(),
        };
        last = Some((Arc::clone(link), physics));
        network.add_link(physics, [number, number + 1]).unwrap();
    }
    network
}

/// The same, from whose ends one pair more is always wanted.
pub(crate) fn chain(links: &[Arc<Link>], node: impl Fn(usize) -> NetworkNodeParams) -> Network {
    let mut network = row(links, node);
    network.add_demand(DemandParams::saturated("n0", format!("n{}", links.len()))).unwrap();
    network
}

/// The same, with one request every `ticks`, so far apart that each finds the chain empty.
pub(crate) fn chain_on_request(
    links: &[Arc<Link>],
    count: u32,
    ticks: u32,
    node: impl Fn(usize) -> NetworkNodeParams,
) -> (Network, f64) {
    let mut network = row(links, node);
    let times_s = (0..count).map(|request| f64::from(request) * f64::from(ticks) * TICK_S).collect();
    let demand = DemandParams::saturated("n0", format!("n{}", links.len()));
    network.add_demand(DemandParams { saturate: false, times_s: Some(times_s), ..demand }).unwrap();
    (network, f64::from(count) * f64::from(ticks) * TICK_S)
}

/// Mean states and no more than sums, for a time.
pub(crate) fn plan(seed: u64, duration_s: f64) -> NetworkPlan {
    NetworkPlan {
        level: RecordLevel::Summary,
        states: StateChoice::Mean,
        ..NetworkPlan::new(Key::from_seed(seed), duration_s)
    }
}

pub(crate) fn run(network: &Network, plan: &NetworkPlan) -> NetworkRun {
    network.run(plan, &mut |_| true).unwrap()
}

/// A mean and its standard error.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured {
    pub(crate) mean: f64,
    pub(crate) error: f64,
}

impl Measured {
    /// From a number of independent values, their sum and that of their squares.
    pub(crate) fn of_sums(count: f64, [sum, squares]: [f64; 2]) -> Self {
        assert!(count > 10.0, "{count} values");
        let mean = sum / count;
        Self { mean, error: ((squares / count - mean * mean).max(0.0) / count).sqrt() }
    }

    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let (mut count, mut sums) = (0.0, [0.0; 2]);
        for value in values {
            count += 1.0;
            sums[0] += value;
            sums[1] += value * value;
        }
        Self::of_sums(count, sums)
    }

    /// A share of so many independent decisions, the error that of the expected share.
    pub(crate) fn share(yes: u64, of: u64, expected: f64) -> Self {
        Self { mean: yes as f64 / of as f64, error: (expected * (1.0 - expected) / of as f64).sqrt() }
    }

    /// Latency of a demand's pairs, or of those of a link that works for itself (attempts).
    pub(crate) fn latency(run: &NetworkRun, number: usize) -> Self {
        let totals = &run.totals[number];
        let [sum, squares] = totals.latency_s;
        Self::of_sums(totals.count as f64, [sum / TICK_S, squares / (TICK_S * TICK_S)])
    }

    pub(crate) fn fidelity(run: &NetworkRun, number: usize) -> Self {
        Self::of_sums(run.totals[number].count as f64, run.totals[number].fidelity)
    }

    fn pull(&self, expected: f64) -> f64 {
        (self.mean - expected) / self.error
    }

    #[track_caller]
    pub(crate) fn agrees(&self, what: &str, expected: f64) {
        let pull = self.pull(expected);
        assert!(pull.abs() < 4.0, "{what}: {self:?} instead of {expected}: {pull:.1} sigma");
    }

    /// The negative control.
    #[track_caller]
    pub(crate) fn refuses(&self, what: &str, wrong: f64) {
        let pull = self.pull(wrong);
        assert!(pull.abs() > 8.0, "{what}: {self:?} cannot be told from {wrong}: {pull:.1} sigma");
    }
}

#[track_caller]
pub(crate) fn assert_close(actual: f64, expected: f64, tolerance: f64, what: &str) {
    assert!(
        (actual - expected).abs() <= tolerance * expected.abs(),
        "{what}: {actual} instead of {expected}"
    );
}

/// Numbers for networks made at random: `SplitMix64`.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    pub(crate) fn below(&mut self, count: u64) -> u64 {
        self.word() % count
    }

    pub(crate) fn uniform(&mut self) -> f64 {
        (self.word() >> 11) as f64 / (1_u64 << 53) as f64
    }
}
