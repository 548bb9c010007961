//! What waiting costs: rows WAIT, and sums over |N1 - N2|, the attempts that the earlier of two pairs waits.

use crate::common::{Measured, TICK_S, chain, link, node, params, plan, rows, run, with_memory};
use ionlink_core::Network;
use ionlink_core::memory::{Decay, MemoryParams};
use std::sync::Arc;

/// Two links that herald with probability p each, and a memory at the middle node or at all three.
fn two(p: f64, memory: &MemoryParams, everywhere: bool) -> Network {
    let one = link(&params(p));
    chain(&[Arc::clone(&one), one], |number| {
        if everywhere || number == 1 { with_memory(node(number), memory) } else { node(number) }
    })
}

/// Mean over D = |N1 - N2|: P(0) = p/(2 - p), P(d) = 2 p q^d/(2 - p).
fn over_waits(p: f64, of: impl Fn(f64) -> f64) -> f64 {
    let (mut sum, mut weight, mut wait) = (0.0, p / (2.0 - p), 0.0);
    while weight > 1e-18 {
        sum += weight * of(wait);
        weight *= (1.0 - p) * if wait == 0.0 { 2.0 } else { 1.0 };
        wait += 1.0;
    }
    sum
}

fn t2_of(coherence: f64) -> MemoryParams {
    MemoryParams { t2_s: -TICK_S / libm::log(coherence), ..MemoryParams::default() }
}

#[test]
fn coherence_of_two_segments_is_that_of_the_formula() {
    for (inputs, expected) in rows("WAIT.2") {
        let (p, x) = (inputs["p"].as_f64().unwrap(), inputs["x"].as_f64().unwrap());
        assert!((over_waits(p, |wait| libm::pow(x, wait)) / expected - 1.0).abs() < 1e-9);
        let fidelity =
            Measured::fidelity(&run(&two(p, &t2_of(x), false), &plan(11, 40.0 * TICK_S / p * 1e5)), 0);
        // coherence is 2 F - 1
        fidelity.agrees(&format!("WAIT.2 p {p}"), 0.5 * (1.0 + expected));
        fidelity.refuses("twice the wait", 0.5 + 0.5 * over_waits(p, |wait| libm::pow(x, 2.0 * wait)));
        let everywhere = run(&two(p, &t2_of(x), true), &plan(12, 10.0 * TICK_S / p * 1e5));
        Measured::fidelity(&everywhere, 0)
            .agrees("both qubits wait", 0.5 + 0.5 * over_waits(p, |wait| libm::pow(x, 2.0 * wait)));
    }
}

#[test]
fn coherence_of_three_segments_is_that_of_the_formula() {
    let (inputs, expected) = rows("WAIT.n").remove(0);
    let (p, x) = (inputs["p"].as_f64().unwrap(), inputs["x"].as_f64().unwrap());
    let links = vec![link(&params(p)); 3];
    let memory = t2_of(x);
    let network = chain(&links, |number| match number {
        1 | 2 => with_memory(node(number), &memory),
        _ => node(number),
    });
    let fidelity = Measured::fidelity(&run(&network, &plan(13, 20.0)), 0);
    fidelity.agrees("WAIT.n", 0.5 * (1.0 + expected));
    fidelity.refuses("two segments", 0.5 + 0.5 * over_waits(p, |wait| libm::pow(x, wait)));
}

#[test]
fn every_kind_of_decay_is_the_sum_over_waits() {
    let p = 0.05;
    let base = MemoryParams {
        t1_s: 200.0 * TICK_S,
        t2_s: 60.0 * TICK_S,
        loss_rate_hz: 1.0 / (150.0 * TICK_S),
        frequency_offset_rad_per_s: 0.02 / TICK_S,
        ..MemoryParams::default()
    };
    let ever = MemoryParams::default();
    // phi+ whose second qubit has waited: XX = -YY = l sqrt(s) k cos(w t), ZZ = l s, with the shares s, k, l that are
    // left
    let fidelity = |memory: &MemoryParams, wait: f64| {
        let t_s = wait * TICK_S;
        let power = if memory.decay == Decay::Gaussian { 2.0 } else { 1.0 };
        let s = libm::exp(-t_s / memory.t1_s);
        let k = libm::exp(-libm::pow(t_s / memory.t2_s, power));
        let l = libm::exp(-t_s * memory.loss_rate_hz);
        let turned = libm::cos(memory.frequency_offset_rad_per_s * t_s);
        0.25 * (1.0 + l * s + 2.0 * l * s.sqrt() * k * turned)
    };
    for (what, memory) in [
        ("T1", MemoryParams { t1_s: base.t1_s, ..ever.clone() }),
        ("T2", MemoryParams { t2_s: base.t2_s, ..ever.clone() }),
        ("T2 gaussian", MemoryParams { t2_s: base.t2_s, decay: Decay::Gaussian, ..ever.clone() }),
        ("loss", MemoryParams { loss_rate_hz: base.loss_rate_hz, ..ever.clone() }),
        ("offset", MemoryParams { frequency_offset_rad_per_s: 0.02 / TICK_S, ..ever.clone() }),
        ("all", base.clone()),
        ("all gaussian", MemoryParams { decay: Decay::Gaussian, ..base }),
    ] {
        let measured = Measured::fidelity(&run(&two(p, &memory, false), &plan(14, 6.0)), 0);
        measured.agrees(what, over_waits(p, |wait| fidelity(&memory, wait)));
        measured.refuses(what, over_waits(p, |wait| fidelity(&memory, wait + 1.0)));
    }
}

/// A memory ion takes over: the storage's law holds from the herald on.
#[test]
fn memory_ions_follow_the_law_of_the_storage() {
    let (p, x) = (0.1, 0.98);
    let one = link(&params(p));
    let network = chain(&[Arc::clone(&one), one], |number| {
        let mut node = node(number);
        if number == 1 {
            node.communication_ions = Some(2);
            node.memory_ions = 2;
            node.memory = Some(t2_of(0.5));
            node.storage = Some(t2_of(x));
        }
        node
    });
    let measured = Measured::fidelity(&run(&network, &plan(15, 10.0)), 0);
    measured.agrees("storage", 0.5 + 0.5 * over_waits(p, |wait| libm::pow(x, wait)));
    measured.refuses("memory", 0.5 + 0.5 * over_waits(p, |wait| libm::pow(0.5, wait)));
}
