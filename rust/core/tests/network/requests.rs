//! Requests that come at random and wait for a link that serves one at a time.

use crate::common::{Measured, TICK_S, ions, link, params, plan, row, run};
use ionlink_core::Network;
use ionlink_core::network::{DemandParams, NetworkNodeParams, NetworkRun};

/// Probability that an attempt heralds, and requests per attempt.
const P: f64 = 0.1;
const A: f64 = 0.07;
const DURATION_S: f64 = 2.0;

fn network(queue_limit: Option<u64>) -> Network {
    let mut network = row(&[link(&params(P))], |number| ions(number, 1));
    let demand = DemandParams::saturated("n0", "n1");
    network
        .add_demand(DemandParams { saturate: false, rate_hz: Some(A / TICK_S), queue_limit, ..demand })
        .unwrap();
    network
}

/// Independent runs, each so long that its empty beginning (a relaxation takes about 2 p/(p - a)^2 attempts) counts for
/// less than a tenth of a standard error of all.
fn repeated(network: &Network, seed: u64) -> Vec<NetworkRun> {
    (0..40).map(|part| run(network, &plan(100 * seed + part, DURATION_S))).collect()
}

/// Attempts start at whole ticks, and those that find a request waiting herald with probability p. With L requests at a
/// tick, E[L'^2] = E[L^2] of L' = L - B + N, B a herald if L > 0, N requests that come during the tick, Poisson of mean
/// a, gives E[L] = a (2 - a)/(2 (p - a)). In the mean over time there are a/2 more; Little's law makes ticks of it.
fn latency(p: f64, a: f64) -> f64 {
    (2.0 - a) / (2.0 * (p - a)) + 0.5
}

#[test]
fn requests_wait_as_in_a_queue_of_geometric_service() {
    let runs = repeated(&network(None), 61);
    let measured =
        Measured::of(runs.iter().map(|run| run.totals[0].latency_s[0] / run.totals[0].count as f64 / TICK_S));
    measured.agrees("latency", latency(P, A));
    // a queue in continuous time
    measured.refuses("M/M/1", 1.0 / (P - A));
    let requests = Measured::of(runs.iter().map(|run| run.requests[0][0] as f64));
    requests.agrees("requests", A * DURATION_S / TICK_S);
    for run in runs {
        let [requests, blocked] = run.requests[0];
        assert_eq!(blocked, 0);
        assert!(run.totals[0].count <= requests);
    }
}

/// Share of requests that find K waiting: stationary distribution of the number at ticks by repetition of one tick, and
/// the requests beyond K in the tick after each number.
fn blocked_share(p: f64, a: f64, limit: usize) -> f64 {
    let poisson: Vec<f64> = (0..60)
        .scan(libm::exp(-a), |weight, n: i32| {
            let now = *weight;
            *weight *= a / f64::from(n + 1);
            Some(now)
        })
        .collect();
    let mut weights = vec![1.0 / (limit as f64 + 1.0); limit + 1];
    for _ in 0..20_000 {
        let mut next = vec![0.0; limit + 1];
        for (number, weight) in weights.iter().enumerate() {
            for (come, probability) in poisson.iter().enumerate() {
                let full = (number + come).min(limit);
                let served = if number > 0 { p } else { 0.0 };
                next[full] += weight * probability * (1.0 - served);
                if number > 0 {
                    next[full - 1] += weight * probability * served;
                }
            }
        }
        weights = next;
    }
    let mut lost = 0.0;
    for (number, weight) in weights.iter().enumerate() {
        for (come, probability) in poisson.iter().enumerate() {
            lost += weight * probability * (number + come).saturating_sub(limit) as f64;
        }
    }
    lost / a
}

#[test]
fn full_queues_block() {
    for limit in [1, 3] {
        let runs = repeated(&network(Some(limit)), 62);
        let measured =
            Measured::of(runs.iter().map(|run| run.requests[0][1] as f64 / run.requests[0][0] as f64));
        let limit = limit as usize;
        measured.agrees(&format!("blocked, limit {limit}"), blocked_share(P, A, limit));
        measured.refuses("room for one more", blocked_share(P, A, limit + 1));
        for run in &runs {
            let [requests, blocked] = run.requests[0];
            assert!(requests - blocked - run.totals[0].count <= limit as u64);
        }
    }
}

/// Two demands over the same two links, with room for one pair of each link: whoever has one of the two gets the other.
#[test]
fn demands_do_not_keep_from_each_other_what_both_need() {
    let one = link(&params(P));
    let mut network = row(&[one.clone(), one], |number| ions(number, 2));
    for names in [["n0", "n2"], ["n2", "n0"]] {
        let demand = DemandParams::saturated(names[0], names[1]);
        network.add_demand(DemandParams { saturate: false, rate_hz: Some(0.02 / TICK_S), ..demand }).unwrap();
    }
    let run = run(&network, &plan(63, 0.5));
    for demand in 0..2 {
        let [requests, _] = run.requests[demand];
        let served = run.totals[demand].count;
        assert!(requests > 9_000 && requests - served < 50, "{served} of {requests}");
    }
}

/// Three demands through a center with fewer ions than links: none may keep the ions that another one needs.
#[test]
fn demands_share_the_ions_of_a_center() {
    let mut network = Network::new();
    network.add_node(ions(0, 2)).unwrap();
    let physics = network.add_physics(link(&params(P))).unwrap();
    for number in 1..4 {
        network.add_node(ions(number as usize, 2)).unwrap();
        network.add_link(physics, [0, number]).unwrap();
    }
    for names in [["n1", "n2"], ["n2", "n3"], ["n3", "n1"]] {
        network.add_demand(DemandParams::saturated(names[0], names[1])).unwrap();
    }
    let run = run(&network, &plan(64, 0.1));
    for totals in &run.totals {
        assert!(totals.count > 1000, "{:?}", run.totals);
    }
}

/// Room for two pairs of each link, but ions for two in all: one link must not take both.
#[test]
fn a_link_leaves_ions_for_its_neighbor() {
    let one = link(&params(P));
    let network = crate::common::chain(&[one.clone(), one], |number| NetworkNodeParams {
        buffer_per_link: Some(2),
        ..ions(number, 2)
    });
    let mut plan = plan(65, 0.1);
    plan.policy.attempt_timeout_s = Some(3.0 * TICK_S);
    assert!(run(&network, &plan).fates.delivered > 1000);
}
