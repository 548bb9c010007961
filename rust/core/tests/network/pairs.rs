//! States: rows SWAP and DIST, and Bell-diagonal pairs with noisy gates.

use crate::common::{Measured, assert_close, chain, ions, link, node, params, plan, rows, run};
use ionlink_core::gates::GatesParams;
use ionlink_core::network::{Distillation, Happening, NetworkNodeParams, NetworkRun, RecordLevel};
use ionlink_core::{BasicLinkParams, Link};
use std::collections::HashMap;
use std::sync::Arc;

/// Weights of phi+, phi-, psi+, psi-.
type Weights = [f64; 4];

/// A link of mode overlap M and ion-photon fidelity F, and the weights of its pairs: (1 ± M)/2 of phi± by the exchange
/// of photons (LINK2), of which (4 F - 1)/3 are left.
fn diagonal(overlap: f64, fidelity: f64) -> (Arc<Link>, Weights) {
    let params =
        BasicLinkParams { mode_overlap: overlap, ion_photon_fidelity: [fidelity, 1.0], ..params(0.5) };
    let weight = (4.0 * fidelity - 1.0) / 3.0;
    let pure = [0.5 * (1.0 + overlap), 0.5 * (1.0 - overlap), 0.0, 0.0];
    (link(&params), pure.map(|share| weight * share + 0.25 * (1.0 - weight)))
}

/// Weights over the Pauli group, whose elements multiply as the exclusive or of their numbers.
fn convolved(a: Weights, b: Weights) -> Weights {
    let mut result = [0.0; 4];
    for i in 0..4 {
        for j in 0..4 {
            result[i ^ j] += a[i] * b[j];
        }
    }
    result
}

/// A swap with the weight w of its gate, each of its two results wrong with probability e: one is a phase, one a bit
/// flip.
fn swapped(a: Weights, b: Weights, w: f64, e: f64) -> Weights {
    let mixed = convolved(a, b).map(|share| w * share + 0.25 * (1.0 - w));
    convolved(mixed, [(1.0 - e) * (1.0 - e), e * (1.0 - e), e * (1.0 - e), e * e])
}

fn only_fidelity(run: &NetworkRun) -> f64 {
    assert!(run.totals[0].count > 100);
    let measured = Measured::fidelity(run, 0);
    // squares of equal numbers differ from the square of their mean by rounding alone
    assert!(measured.error < 1e-8, "{measured:?}");
    measured.mean
}

#[test]
fn werner_weights_multiply() {
    for (inputs, expected) in rows("SWAP.W") {
        let (fidelity, n) = (inputs["F"].as_f64().unwrap(), inputs["n"].as_u64().unwrap());
        let links = vec![diagonal(1.0, fidelity).0; n as usize];
        assert_close(only_fidelity(&run(&chain(&links, node), &plan(31, 5e-3))), expected, 1e-9, "SWAP.W");
    }
    // 999 links: F = 1/4 + 3/4 w^999
    let links = vec![diagonal(1.0, 0.999).0; 999];
    let expected = 0.25 + 0.75 * libm::pow((4.0 * 0.999 - 1.0) / 3.0, 999.0);
    assert_close(expected, 0.447_785_8, 1e-6, "closed form");
    assert_close(only_fidelity(&run(&chain(&links, node), &plan(32, 2e-3))), expected, 1e-9, "999 links");
}

#[test]
fn bell_diagonal_pairs_are_convolved_with_the_noise_of_gates() {
    // the row of the formula first, by the convolution of this test
    for (inputs, expected) in rows("SWAP.BD") {
        let read = |name: &str| std::array::from_fn(|i| inputs[name][i].as_f64().unwrap());
        let (w, e) = (inputs["w"].as_f64().unwrap_or(1.0), inputs["em"].as_f64().unwrap_or(0.0));
        assert_close(swapped(read("a"), read("b"), w, e)[0], expected, 1e-12, "SWAP.BD");
    }
    for n in [2, 10] {
        let gates = GatesParams { two_qubit_fidelity: 0.985, readout_error: 0.01, ..GatesParams::default() };
        let w = (4.0 * gates.two_qubit_fidelity - 1.0) / 3.0;
        let (links, weights): (Vec<_>, Vec<_>) =
            (0..n).map(|i| diagonal(0.9 + 0.01 * f64::from(i), 0.99 - 0.002 * f64::from(i))).unzip();
        let expected = weights.iter().copied().reduce(|a, b| swapped(a, b, w, gates.readout_error)).unwrap();
        let noisy = |number: usize| NetworkNodeParams { gates: Some(gates), ..node(number) };
        let network = chain(&links, noisy);
        let mut plan = plan(33, 5e-3);
        plan.level = RecordLevel::Deliveries;
        let run = run(&network, &plan);
        assert_close(only_fidelity(&run), expected[0], 1e-9, "phi+");
        // and the other three, from the state
        let rho = network.states(&run, 0..1).unwrap()[0];
        let found = [
            0.5 * (rho[0][0] + rho[3][3] + rho[0][3] + rho[3][0]).re,
            0.5 * (rho[0][0] + rho[3][3] - rho[0][3] - rho[3][0]).re,
            0.5 * (rho[1][1] + rho[2][2] + rho[1][2] + rho[2][1]).re,
            0.5 * (rho[1][1] + rho[2][2] - rho[1][2] - rho[2][1]).re,
        ];
        for (found, expected) in found.into_iter().zip(expected) {
            assert_close(found, expected, 1e-9, "weights");
        }
    }
}

#[test]
fn corrections_cost_a_gate_where_they_turn() {
    let gates = GatesParams { one_qubit_fidelity: 0.97, ..GatesParams::default() };
    let weight = 2.0 * gates.one_qubit_fidelity - 1.0;
    // a pair of one link needs its correction, one that a swap made needs none in one case of four
    for (n, kept) in [(1, weight), (2, 0.25 + 0.75 * weight)] {
        let links = vec![diagonal(1.0, 1.0).0; n];
        let network = chain(&links, |number| NetworkNodeParams { gates: Some(gates), ..node(number) });
        let expected = kept + 0.25 * (1.0 - kept);
        assert_close(only_fidelity(&run(&network, &plan(34, 1e-3))), expected, 1e-9, "correction");
    }
}

fn bbpssw(a: Weights, b: Weights) -> (Weights, f64) {
    let (x, y) = ((1.0 - a[0]) / 3.0, (1.0 - b[0]) / 3.0);
    let p = (a[0] + x) * (b[0] + y) + 4.0 * x * y;
    let fidelity = (a[0] * b[0] + x * y) / p;
    // what is left is made a Werner state before the next round
    ([fidelity, (1.0 - fidelity) / 3.0, (1.0 - fidelity) / 3.0, (1.0 - fidelity) / 3.0], p)
}

fn dejmps(s: Weights, t: Weights) -> (Weights, f64) {
    let p = (s[0] + s[3]) * (t[0] + t[3]) + (s[1] + s[2]) * (t[1] + t[2]);
    let weights = [
        s[0] * t[0] + s[3] * t[3],
        s[0] * t[3] + s[3] * t[0],
        s[1] * t[1] + s[2] * t[2],
        s[1] * t[2] + s[2] * t[1],
    ];
    (weights.map(|weight| weight / p), p)
}

/// Distillations that worked, and all of them, by the rounds behind their pairs.
fn counted(run: &NetworkRun, rounds: usize) -> Vec<[u64; 2]> {
    let trace = &run.trace;
    let mut level_of = HashMap::new();
    let mut counts = vec![[0; 2]; rounds];
    for index in 0..trace.event.len() {
        let worked = trace.event[index] == Happening::Distill as u8;
        if trace.event[index] == Happening::Herald as u8 {
            level_of.insert(trace.pair[index], 0);
        } else if worked || trace.event[index] == Happening::DistillFailed as u8 {
            let levels = trace.parts[index].map(|part| level_of.remove(&part).unwrap());
            assert_eq!(levels[0], levels[1]);
            counts[levels[0]][1] += 1;
            counts[levels[0]][0] += u64::from(worked);
            if worked {
                level_of.insert(trace.pair[index], levels[0] + 1);
            }
        }
    }
    counts
}

#[test]
fn distillation_works_as_often_and_as_well_as_the_formulas_say() {
    for (inputs, expected) in rows("DIST.BBPSSW.F") {
        let werner = |f: f64| [f, (1.0 - f) / 3.0, (1.0 - f) / 3.0, (1.0 - f) / 3.0];
        let [a, b] = ["F1", "F2"].map(|name| werner(inputs[name].as_f64().unwrap()));
        assert_close(bbpssw(a, b).0[0], expected, 1e-12, "DIST.BBPSSW.F");
    }
    for (inputs, expected) in rows("DIST.DEJMPS.F") {
        let [s, t] = ["s", "t"].map(|name| std::array::from_fn(|i| inputs[name][i].as_f64().unwrap()));
        assert_close(dejmps(s, t).0[0], expected, 1e-12, "DIST.DEJMPS.F");
    }
    for (overlap, fidelity) in [(1.0, 0.8), (1.0, 0.95), (0.8, 0.9)] {
        for (protocol, both) in [
            (Distillation::Bbpssw, bbpssw as fn(Weights, Weights) -> (Weights, f64)),
            (Distillation::Dejmps, dejmps),
        ] {
            for rounds in [1, 2] {
                let (link, mut weights) = diagonal(overlap, fidelity);
                let share = NetworkNodeParams { buffer_per_link: None, ..ions(0, 1 + rounds) };
                let network = chain(&[link], |number| NetworkNodeParams {
                    name: format!("n{number}"),
                    ..share.clone()
                });
                let mut plan = plan(35, 0.2);
                plan.level = RecordLevel::Trace;
                plan.policy.distill = Some(protocol);
                plan.policy.rounds = Some(rounds);
                let run = run(&network, &plan);
                let (mut raw, mut variance) = (1.0, 0.0);
                for (round, [worked, of]) in counted(&run, rounds as usize).into_iter().enumerate() {
                    let (next, p) = both(weights, weights);
                    let what = format!("{protocol:?} {fidelity} round {round}");
                    let share = Measured::share(worked, of, p);
                    share.agrees(&what, p);
                    share.refuses("unlike", p - 0.1);
                    weights = next;
                    // a sum over twice a geometric number of tries, of mean 1/p and variance (1 - p)/p^2
                    variance = 2.0 / p * variance + 4.0 * raw * raw * (1.0 - p) / (p * p);
                    raw *= 2.0 / p;
                }
                assert_close(only_fidelity(&run), weights[0], 1e-9, "fidelity");
                let delivered = run.fates.delivered as f64;
                assert!(run.deliveries.raw_pairs.iter().all(|raw| u64::from(*raw) == 1 << rounds));
                let measured = Measured {
                    mean: run.fates.heralded as f64 / delivered,
                    error: (variance / delivered).sqrt(),
                };
                measured.agrees("raw pairs", raw);
                measured.refuses("all works", f64::from(1 << rounds));
            }
        }
    }
}
