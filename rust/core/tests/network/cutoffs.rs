//! Cut-offs, and dephasing by what other links of a node attempt.

use crate::common::{Measured, TICK_S, chain, ions, link, node, params, plan, row, run, with_memory};
use ionlink_core::memory::MemoryParams;
use ionlink_core::network::DemandParams;
use std::sync::Arc;

/// Two links with a cut-off of c attempts, q = 1 - p. From nothing stored, the first herald comes after 1/(1 - q^2)
/// attempts in the mean; with it comes the other one with probability p/(2 - p), else the other has c attempts to
/// follow, after which all starts again. Mean time T, mean of x^D over delivered pairs, and pairs thrown away per
/// delivered pair.
fn renewal(p: f64, x: f64, c: i32) -> [f64; 3] {
    let q = 1.0 - p;
    let (both, one) = (p / (2.0 - p), 2.0 * q / (2.0 - p));
    let late = libm::pow(q, f64::from(c));
    let time = (1.0 / (1.0 - q * q) + one * (1.0 - late) / p) / (1.0 - one * late);
    let mut coherence = both;
    for d in 1..=c {
        coherence += one * p * libm::pow(q, f64::from(d - 1)) * libm::pow(x, f64::from(d));
    }
    let delivered = 1.0 - one * late;
    [time, coherence / delivered, one * late / delivered]
}

#[test]
fn cut_offs_renew_two_segments() {
    let (p, x) = (0.1, 0.95);
    let memory = MemoryParams { t2_s: -TICK_S / libm::log(x), ..MemoryParams::default() };
    let one = link(&params(p));
    let network = chain(&[Arc::clone(&one), one], |number| {
        if number == 1 { with_memory(node(number), &memory) } else { node(number) }
    });
    for cutoff in [1, 5, 20] {
        let mut plan = plan(21, 8.0);
        plan.policy.cutoff_s = Some(f64::from(cutoff) * TICK_S);
        let measured = run(&network, &plan);
        let [time, coherence, expired] = renewal(p, x, cutoff);
        let latency = Measured::latency(&measured, 0);
        latency.agrees(&format!("time, cut-off {cutoff}"), time);
        latency.refuses("a longer cut-off", renewal(p, x, cutoff + 1 + cutoff / 4)[0]);
        let fidelity = Measured::fidelity(&measured, 0);
        fidelity.agrees("coherence", 0.5 + 0.5 * coherence);
        fidelity.refuses("a longer cut-off", 0.5 + 0.5 * renewal(p, x, cutoff + 1 + cutoff / 4)[1]);
        // the share of waits that end at the cut-off, each on its own
        let fates = &measured.fates;
        let share = expired / (1.0 + expired);
        Measured::share(fates.expired, fates.expired + fates.delivered, share).agrees("expired", share);
    }
}

#[test]
fn attempts_next_door_dephase() {
    let (p, flip) = (0.1, 0.01);
    let one = link(&params(p));
    // attempts of the other link of the way: one in each round that a pair waits, mean of (1 - 2 flip)^D
    let expected = |attempts: f64| {
        let (x, q) = (libm::pow(1.0 - 2.0 * flip, attempts), 1.0 - p);
        0.5 + 0.5 * p / (2.0 - p) * (1.0 + q * x) / (1.0 - q * x)
    };
    let links = [Arc::clone(&one), Arc::clone(&one), one];
    let mut network = row(&links, |number| {
        let mut node = ions(number, if number == 1 { 3 } else { 2 });
        if number == 1 {
            node.dephasing_per_attempt = flip;
        }
        node
    });
    network.add_demand(DemandParams::saturated("n0", "n2")).unwrap();
    let measured = Measured::fidelity(&run(&network, &plan(22, 8.0)), 0);
    measured.agrees("one link next door", expected(1.0));
    measured.refuses("nothing", 1.0);

    // a third link of the middle node, which attempts all the time
    let mut network = row(&links[..2], |number| {
        let mut node = ions(number, if number == 1 { 3 } else { 2 });
        if number == 1 {
            node.dephasing_per_attempt = flip;
        }
        node
    });
    let third = network.add_node(ions(3, 1)).unwrap();
    let physics = network.add_physics(Arc::clone(&links[0])).unwrap();
    network.add_link(physics, [third, 1]).unwrap();
    network.add_demand(DemandParams::saturated("n0", "n2")).unwrap();
    network.add_demand(DemandParams::saturated("n1", "n3")).unwrap();
    let run = run(&network, &plan(23, 8.0));
    let measured = Measured::fidelity(&run, 0);
    measured.agrees("two links next door", expected(2.0));
    measured.refuses("one link next door", expected(1.0));
    // its own pairs are delivered at once
    let mean = run.totals[1].fidelity[0] / run.totals[1].count as f64;
    assert!((mean - 1.0).abs() < 1e-9, "{mean}");
}
