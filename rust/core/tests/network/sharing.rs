//! Links that share the ions of a node: who attempts when, and that attempts stay what they are.

use crate::common::{Measured, TICK_PS, TICK_S, ions, link, params, plan, run};
use crate::messages::fibers;
use ionlink_core::network::{Contention, NetworkNodeParams, NetworkRun, RecordLevel, Saturation};
use ionlink_core::{BasicLinkParams, Network};

use ionlink_core::link::params::ScheduleParams;

/// Links from a center with one ion to nodes that always have enough.
fn star(links: &[BasicLinkParams]) -> Network {
    let mut network = Network::new();
    network.add_node(ions(0, 1)).unwrap();
    for (number, params) in (1..).zip(links) {
        network.add_node(NetworkNodeParams::named(format!("n{number}"))).unwrap();
        let physics = network.add_physics(link(params)).unwrap();
        network.add_link(physics, [0, number]).unwrap();
    }
    network.saturate(Saturation::Links);
    network
}

/// Heralds per attempt of each link.
fn heralds_per_attempt(run: &NetworkRun, probabilities: &[f64]) {
    for (number, p) in probabilities.iter().enumerate() {
        let share = Measured::share(run.totals[number].count, run.attempts[number], *p);
        share.agrees(&format!("heralds per attempt, p {p}"), *p);
        share.refuses("an attempt too many", *p / (1.0 + *p));
    }
}

#[test]
fn links_of_one_ion_take_turns() {
    let probabilities = [0.05, 0.1, 0.2];
    let network = star(&probabilities.map(params));
    for contention in [Contention::LongestWaiting, Contention::HoldAndWait] {
        let mut plan = plan(41, 4.0);
        plan.policy.contention = contention;
        let run = run(&network, &plan);
        // each keeps the ion for 1/p attempts in the mean, then it is the next one's turn
        let cycle: f64 = probabilities.iter().map(|p| 1.0 / p).sum();
        for number in 0..3 {
            let measured = Measured::latency(&run, number);
            measured.agrees("cycle", cycle);
            measured.refuses("alone", 1.0 / probabilities[number]);
        }
        // the ion is never idle
        assert_eq!(run.attempts.iter().sum::<u64>(), 4_000_000);
        assert_eq!(run.taken_ps[0], 4_000_000 * TICK_PS);
        heralds_per_attempt(&run, &probabilities);
    }
}

#[test]
fn time_outs_change_turns_but_not_attempts() {
    let (probabilities, most) = ([0.05, 0.1, 0.2], 7);
    let network = star(&probabilities.map(params));
    let mut plan = plan(42, 4.0);
    plan.policy.attempt_timeout_s = Some(f64::from(most) * TICK_S);
    let run = run(&network, &plan);
    // a turn lasts min(G, m) attempts, in the mean (1 - q^m)/p, and ends with a herald with probability 1 - q^m
    let works = probabilities.map(|p| 1.0 - libm::pow(1.0 - p, f64::from(most)));
    let cycle: f64 = works.iter().zip(probabilities).map(|(works, p)| works / p).sum();
    for number in 0..3 {
        let measured = Measured::latency(&run, number);
        measured.agrees("cycles", cycle / works[number]);
        measured.refuses("without time-outs", probabilities.iter().map(|p| 1.0 / p).sum());
    }
    assert_eq!(run.attempts.iter().sum::<u64>(), 4_000_000);
    heralds_per_attempt(&run, &probabilities);
}

/// A herald whose message is on its way when the time is over is not lost, and nobody has the ions before.
#[test]
fn time_outs_wait_for_messages() {
    let (p, most, message) = (0.1, 3, 2.0);
    let mut network = Network::new();
    network.add_node(ions(0, 1)).unwrap();
    // to the station and back takes 3 us, of which an attempt of 1 us is the first
    let physics = network.add_physics(fibers(&params(p), [300.0; 2])).unwrap();
    for number in 1..3 {
        network.add_node(ions(number as usize, 1)).unwrap();
        network.add_link(physics, [0, number]).unwrap();
    }
    network.saturate(Saturation::Links);
    let mut plan = plan(45, 4.0);
    plan.policy.attempt_timeout_s = Some(f64::from(most) * TICK_S);
    let run = run(&network, &plan);
    heralds_per_attempt(&run, &[p; 2]);
    let works = 1.0 - libm::pow(1.0 - p, f64::from(most));
    for number in 0..2 {
        let measured = Measured::latency(&run, number);
        measured.agrees("cycles", 2.0 * (works / p + message) / works);
        measured.refuses("without messages", 2.0 / p);
    }
}

#[test]
fn bursts_of_shared_links_keep_their_pauses() {
    let schedule = ScheduleParams {
        attempt_period_s: Some(TICK_S),
        attempts_per_burst: Some(10),
        pause_s: 5.0 * TICK_S,
        ..ScheduleParams::default()
    };
    let probabilities = [0.05, 0.3];
    let network = star(&probabilities.map(|p| BasicLinkParams {
        attempt_period_s: None,
        schedule: Some(schedule.clone()),
        ..params(p)
    }));
    let mut plan = plan(43, 3.0);
    plan.level = RecordLevel::Deliveries;
    for timeout in [None, Some(12.0 * TICK_S)] {
        plan.policy.attempt_timeout_s = timeout;
        let run = run(&network, &plan);
        // 200 000 bursts of ten attempts fill three seconds; a time-out inside a burst cuts no attempt
        assert_eq!(run.attempts.iter().sum::<u64>(), 2_000_000);
        heralds_per_attempt(&run, &probabilities);
        for time_ps in &run.deliveries.time_ps {
            let within = time_ps % (15 * TICK_PS);
            assert!(
                within.is_multiple_of(TICK_PS) && (TICK_PS..=10 * TICK_PS).contains(&within),
                "{time_ps}"
            );
        }
        if timeout.is_none() {
            let cycle: f64 = probabilities.iter().map(|p| 1.0 / p).sum();
            for number in 0..2 {
                let measured = Measured::latency(&run, number);
                measured.agrees("cycle", 1.5 * cycle);
                measured.refuses("without pauses", cycle);
            }
        }
    }
}

#[test]
fn three_links_between_three_ions_exclude_each_other() {
    let p = 0.1;
    let mut network = Network::new();
    for number in 0..3 {
        network.add_node(ions(number, 1)).unwrap();
    }
    let physics = network.add_physics(link(&params(p))).unwrap();
    for nodes in [[0, 1], [1, 2], [2, 0]] {
        network.add_link(physics, nodes).unwrap();
    }
    network.saturate(Saturation::Links);
    for contention in [Contention::LongestWaiting, Contention::HoldAndWait] {
        let mut plan = plan(44, 3.0);
        plan.policy.contention = contention;
        let run = run(&network, &plan);
        for number in 0..3 {
            let measured = Measured::latency(&run, number);
            measured.agrees("three turns", 3.0 / p);
            measured.refuses("two turns", 2.0 / p);
        }
        assert_eq!(run.attempts.iter().sum::<u64>(), 3_000_000);
    }
}
