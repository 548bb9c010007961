//! Times until a pair is there: rows TIME, and the repeater of row REP2.

use crate::common::{
    Measured, TICK_S, chain, chain_on_request, ions, link, node, params, plan, row, rows, run,
};
use ionlink_core::gates::GatesParams;
use ionlink_core::link::params::ScheduleParams;
use ionlink_core::memory::MemoryParams;
use ionlink_core::network::{NetworkNodeParams, PolicyParams, Saturation, SwapOrder};
use ionlink_core::{BasicLinkParams, Network};
use std::sync::Arc;

/// Mean of the largest of n geometric numbers: sum over t of 1 - (1 - q^t)^n.
fn mean_of_largest(n: i32, p: f64) -> f64 {
    let (mut sum, mut failed) = (0.0, 1.0);
    while failed > 1e-20 {
        sum += 1.0 - libm::pow(1.0 - failed, f64::from(n));
        failed *= 1.0 - p;
    }
    sum
}

#[test]
fn chains_wait_for_the_slowest_of_their_links() {
    for ((inputs, expected), (count, ticks)) in
        rows("TIME.max").into_iter().zip([(200_000, 1_000), (40_000, 10_000), (400, 2_000)])
    {
        let (n, p) = (inputs["n"].as_i64().unwrap(), inputs["p"].as_f64().unwrap());
        assert!((mean_of_largest(n as i32, p) / expected - 1.0).abs() < 1e-8);
        let links = vec![link(&params(p)); n as usize];
        let (network, duration_s) = chain_on_request(&links, count, ticks, node);
        let rounds = Measured::latency(&run(&network, &plan(1, duration_s)), 0);
        rounds.agrees(&format!("TIME.max n {n}"), expected);
        rounds.refuses("a link less", mean_of_largest(n as i32 / 2, p));
    }
}

#[test]
fn two_unequal_links_wait_for_each_other() {
    let (inputs, expected) = rows("TIME.max2").remove(0);
    let [a, b] = ["pA", "pB"].map(|name| inputs[name].as_f64().unwrap());
    let network = chain(&[link(&params(a)), link(&params(b))], node);
    let rounds = Measured::latency(&run(&network, &plan(2, 10.0)), 0);
    rounds.agrees("TIME.max2", expected);
    rounds.refuses("the slower alone", 1.0 / a);
}

#[test]
fn failed_swaps_start_both_halves_again() {
    for (inputs, expected) in rows("TIME.swap") {
        let (p, a) = (inputs["p"].as_f64().unwrap(), inputs["a"].as_f64().unwrap());
        let segments = inputs["segments"].as_u64().unwrap() as usize;
        let links = vec![link(&params(p)); segments];
        let (network, duration_s) = chain_on_request(&links, 200_000, 10_000, node);
        let mut plan = plan(3, duration_s);
        plan.policy =
            PolicyParams { swap: SwapOrder::Nested, swap_success_probability: a, ..PolicyParams::default() };
        let rounds = Measured::latency(&run(&network, &plan), 0);
        rounds.agrees(&format!("TIME.swap {segments} segments, nested"), expected);
        plan.policy.swap_success_probability = 1.0;
        Measured::latency(&run(&network, &plan), 0).refuses("swaps that work", expected);
        if segments == 4 {
            // swapping as soon as possible loses other pairs when it fails
            plan.policy = PolicyParams { swap: SwapOrder::Asap, swap_success_probability: a, ..plan.policy };
            Measured::latency(&run(&network, &plan), 0).refuses("another order", expected);
        }
    }
}

/// A node whose swaps take so many attempts.
fn slow(number: usize, ticks: f64) -> NetworkNodeParams {
    let gates = GatesParams { duration_s: ticks * TICK_S, ..GatesParams::default() };
    NetworkNodeParams { gates: Some(gates), ..node(number) }
}

#[test]
fn both_ends_of_a_pair_swap_at_once() {
    let (p, ticks) = (0.1, 40.0);
    let links = vec![link(&params(p)); 4];
    let (network, duration_s) = chain_on_request(&links, 20_000, 1_000, |number| slow(number, ticks));
    let latency = Measured::latency(&run(&network, &plan(5, duration_s)), 0);
    // each swap ends so long after the later of its heralds, whatever the other nodes do
    latency.agrees("the slowest link and one swap", mean_of_largest(4, p) + ticks);
    latency.refuses("two swaps one after the other", mean_of_largest(4, p) + 2.0 * ticks);
}

#[test]
fn swaps_of_what_a_failure_has_broken_go_on_in_vain() {
    // all swaps of a round are under way before the first of them is done
    let (p, ticks, works) = (0.4, 1_000.0, 0.6);
    let network = chain(&vec![link(&params(p)); 4], |number| slow(number, ticks));
    let mut plan = plan(6, 40.0);
    plan.policy = PolicyParams { swap_success_probability: works, ..PolicyParams::default() };
    let latency = Measured::latency(&run(&network, &plan), 0);
    let round = mean_of_largest(4, p) + ticks;
    latency.agrees("rounds in which all three swaps work", round / (works * works * works));
    latency.refuses("rounds in which two do", round / (works * works));
}

#[test]
fn a_link_waits_for_its_first_herald_through_its_pauses() {
    for (inputs, expected) in rows("TIME.first") {
        let p = inputs["p"].as_f64().unwrap();
        let schedule = ScheduleParams {
            attempt_period_s: inputs["tau"].as_f64(),
            attempts_per_burst: inputs["N"].as_u64(),
            pause_s: inputs["Tcool"].as_f64().unwrap_or(0.0),
            ..ScheduleParams::default()
        };
        let one = BasicLinkParams { attempt_period_s: None, schedule: Some(schedule), ..params(p) };
        // requests come with the first attempt of a burst of 1000, 200 us before the next one
        let (network, duration_s) = chain_on_request(&[link(&one)], 60_000, 120_000, node);
        let latency = Measured::latency(&run(&network, &plan(5, duration_s)), 0);
        latency.agrees("TIME.first", expected / TICK_S);
        latency.refuses("a tenth more", 1.1 * expected / TICK_S);
    }
}

/// One herald of a round of m ions is kept; also where ions are shared by turns, here by one link alone.
#[test]
fn rounds_of_ions_herald_once() {
    for (inputs, expected) in rows("MUX.rate") {
        let number = |name: &str| inputs[name].as_f64().unwrap();
        let (round_s, m) = (number("T_round"), inputs["m"].as_u64().unwrap());
        let schedule = ScheduleParams {
            attempt_period_s: Some(round_s),
            ions_per_round: m,
            ..ScheduleParams::default()
        };
        let one = BasicLinkParams { attempt_period_s: None, schedule: Some(schedule), ..params(number("p")) };
        let mut saturated = row(&[link(&one)], |number| ions(number, m));
        saturated.saturate(Saturation::Links);
        let demanded = chain(&[link(&one)], |number| ions(number, m));
        for (what, network) in [("MUX.rate, drawn", saturated), ("MUX.rate, by events", demanded)] {
            let measured = run(&network, &plan(6, 5_000.0));
            let rounds = (measured.duration_s / round_s) as u64;
            let share = Measured::share(measured.totals[0].count, rounds, expected * round_s);
            share.agrees(what, expected * round_s);
            share.refuses("an ion more", expected * round_s * (m as f64 + 1.0) / m as f64);
        }
    }
}

/// The torus of row SCALE: 40 by 25 nodes, 10 000 links to ten neighbors each, heralds in one second.
#[test]
fn ten_thousand_links_herald_as_often_as_they_should() {
    let (inputs, expected) = rows("SCALE.metro").remove(0);
    let number = |name: &str| inputs[name].as_f64().unwrap();
    let mut network = Network::new();
    for number in 0..1000 {
        network.add_node(NetworkNodeParams::named(format!("n{number}"))).unwrap();
    }
    let offsets = [(1, 0), (0, 1), (1, 1), (1, 24), (2, 0), (0, 2), (2, 1), (2, 24), (1, 2), (1, 23)];
    for (dx, dy) in offsets {
        let across = f64::from(if dy > 2 { 25 - dy } else { dy });
        let length_km = number("spacing") * (f64::from(dx * dx) + across * across).sqrt();
        let efficiency = number("eta0") * libm::pow(10.0, -number("db") * length_km / 20.0);
        let one = BasicLinkParams { efficiency: [efficiency; 2], ..params(0.5) };
        let physics = network.add_physics(link(&one)).unwrap();
        for (x, y) in (0..40).flat_map(|x| (0..25).map(move |y| (x, y))) {
            let other = (x + dx) % 40 * 25 + (y + dy) % 25;
            network.add_link(physics, [(x * 25 + y) as u32, other as u32]).unwrap();
        }
    }
    network.saturate(Saturation::Links);
    let heralds = run(&network, &plan(7, 1.0)).fates.heralded;
    // the standard deviation that comes with the row
    let measured = Measured { mean: heralds as f64, error: 1303.64 };
    measured.agrees("SCALE.metro", expected);
    measured.refuses("one percent more", 1.01 * expected);
}

/// Two links of L km with a station in their middles; everything else as REP2 says.
fn repeater(inputs: &serde_json::Value, t2_s: f64) -> (Network, f64) {
    let number = |name: &str| inputs[name].as_f64().unwrap();
    let efficiency = number("eta0") * libm::pow(10.0, -number("db") * number("L") / 20.0);
    // group index 1.468, not in the row but in its description
    let round_s = number("t_local") + 1.468 * number("L") * 1e3 / 299_792_458.0;
    let one = link(&BasicLinkParams {
        efficiency: [efficiency; 2],
        mode_overlap: number("M"),
        dark_count_rate_hz: -libm::log1p(-number("pd")) / 40e-9,
        ion_photon_fidelity: [number("FA"), number("FB")],
        attempt_period_s: Some(round_s),
        ..params(0.5)
    });
    let memory = MemoryParams { t2_s, ..MemoryParams::default() };
    let middle = |number| {
        let mut node = node(number);
        if number == 1 {
            node.memory = Some(memory.clone());
        }
        node
    };
    (chain(&[Arc::clone(&one), one], middle), round_s)
}

#[test]
fn the_repeater_delivers_at_the_rate_and_fidelity_of_its_formula() {
    let (inputs, rate_hz) = rows("REP2.rate").remove(0);
    let (_, fidelity) = rows("REP2.F").remove(0);
    let (network, _) = repeater(&inputs, inputs["T2"].as_f64().unwrap());
    let measured = run(&network, &plan(4, 34_000.0));
    assert!(measured.totals[0].count > 1_000_000);
    let latency = Measured::latency(&measured, 0);
    latency.agrees("REP2 1/rate", 1.0 / (rate_hz * TICK_S));
    latency.refuses("one percent more often", 1.0 / (rate_hz * 1.01 * TICK_S));
    let measured = Measured::fidelity(&measured, 0);
    measured.agrees("REP2 F", fidelity);
    let (shorter, _) = repeater(&inputs, 0.5 * inputs["T2"].as_f64().unwrap());
    Measured::fidelity(&run(&shorter, &plan(4, 3_400.0)), 0).refuses("half the memory", fidelity);
    measured.refuses("no decay", {
        let (lasting, _) = repeater(&inputs, f64::INFINITY);
        Measured::fidelity(&run(&lasting, &plan(4, 100.0)), 0).mean
    });
}
