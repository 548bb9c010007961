//! Networks made at random: what is made goes somewhere, ions hold one qubit each, time goes on, states are states.

use crate::common::{Dice, TICK_S, link, params, run};
use crate::messages::fibers;
use ionlink_core::gates::GatesParams;
use ionlink_core::memory::{Decay, MemoryParams};
use ionlink_core::network::record::NO_PAIR;
use ionlink_core::network::{
    Contention, DemandParams, Distillation, Happening, NetworkNodeParams, NetworkPlan, NetworkRun,
    PolicyParams, RecordLevel, SwapOrder,
};
use ionlink_core::{BasicLinkParams, Key, Network, State};
use std::collections::HashMap;

struct Made {
    network: Network,
    plan: NetworkPlan,
    links: Vec<[u32; 2]>,
    /// Ions of each node, of both kinds.
    ions: Vec<u64>,
    /// Whether the trace tells at once what becomes of every pair: that of a distillation comes with its message.
    at_once: bool,
}

fn made(seed: u64) -> Made {
    let mut dice = Dice(seed);
    let nodes = 3 + dice.below(5);
    let rounds = dice.below(3);
    let (mut network, mut ions) = (Network::new(), vec![]);
    for number in 0..nodes {
        let communication_ions = 1 + dice.below(4);
        let memory_ions = (2 * (1 + rounds)).saturating_sub(communication_ions) + dice.below(6);
        ions.push(communication_ions + memory_ions);
        let memory = MemoryParams {
            t1_s: 1e-3 * dice.uniform(),
            t2_s: 1e-3 * dice.uniform(),
            decay: if dice.below(2) == 0 { Decay::Gaussian } else { Decay::Exponential },
            loss_rate_hz: 1e3 * dice.uniform(),
            frequency_offset_rad_per_s: 1e3 * dice.uniform(),
            ..MemoryParams::default()
        };
        let gates = GatesParams {
            one_qubit_fidelity: 0.9 + 0.1 * dice.uniform(),
            two_qubit_fidelity: 0.9 + 0.1 * dice.uniform(),
            duration_s: 3.0 * TICK_S * dice.uniform(),
            readout_error: 0.05 * dice.uniform(),
            transfer_fidelity: 0.95 + 0.05 * dice.uniform(),
            transfer_duration_s: 2.0 * TICK_S * dice.uniform(),
        };
        let node = NetworkNodeParams {
            communication_ions: Some(communication_ions),
            memory_ions,
            buffer_per_link: Some(1 + rounds),
            memory: Some(memory),
            gates: Some(gates),
            dephasing_per_attempt: 0.01 * dice.uniform(),
            ..NetworkNodeParams::named(format!("n{number}"))
        };
        network.add_node(node).unwrap();
    }
    let far = dice.below(2) == 0;
    let mut links = vec![];
    for second in 1..nodes {
        for first in [dice.below(second), dice.below(second)] {
            let physics = BasicLinkParams {
                mode_overlap: 0.7 + 0.3 * dice.uniform(),
                ion_photon_fidelity: [0.9 + 0.1 * dice.uniform(), 1.0],
                attempt_period_s: Some(TICK_S * (0.5 + dice.uniform())),
                ..params(0.02 + 0.4 * dice.uniform())
            };
            let physics = if far {
                fibers(&physics, [500.0 * dice.uniform(), 500.0 * dice.uniform()])
            } else {
                link(&physics)
            };
            let physics = network.add_physics(physics).unwrap();
            let ends = if dice.below(2) == 0 {
                [first as u32, second as u32]
            } else {
                [second as u32, first as u32]
            };
            network.add_link(physics, ends).unwrap();
            links.push(ends);
        }
    }
    for number in 0..=dice.below(4) {
        let first = dice.below(nodes);
        let second = (first + 1 + dice.below(nodes - 1)) % nodes;
        let demand = DemandParams::saturated(format!("n{first}"), format!("n{second}"));
        let min_fidelity = if dice.below(2) == 0 { 0.0 } else { 0.6 };
        network
            .add_demand(match number % 2 {
                0 => DemandParams { min_fidelity, ..demand },
                _ => DemandParams {
                    saturate: false,
                    rate_hz: Some(1e4),
                    queue_limit: Some(1 + dice.below(4)),
                    ..demand
                },
            })
            .unwrap();
    }
    let policy = PolicyParams {
        swap: if dice.below(2) == 0 { SwapOrder::Asap } else { SwapOrder::Nested },
        swap_success_probability: 0.5 + 0.5 * dice.uniform(),
        cutoff_s: (dice.below(3) > 0).then(|| TICK_S * (5.0 + 200.0 * dice.uniform())),
        distill: match (rounds, dice.below(2)) {
            (0, _) => None,
            (_, 0) => Some(Distillation::Bbpssw),
            _ => Some(Distillation::Dejmps),
        },
        rounds: (rounds > 0).then_some(rounds),
        contention: if dice.below(2) == 0 { Contention::LongestWaiting } else { Contention::HoldAndWait },
        attempt_timeout_s: (dice.below(2) == 0).then(|| TICK_S * (2.0 + 30.0 * dice.uniform())),
    };
    let plan =
        NetworkPlan { policy, level: RecordLevel::Trace, ..NetworkPlan::new(Key::from_seed(seed), 2e-3) };
    Made { network, plan, links, ions, at_once: !far || rounds == 0 }
}

/// Smallest pivot of the factorization L D L^dagger of a Hermitian matrix that is a little larger: negative for states
/// that are none.
fn smallest_pivot(rho: &State) -> f64 {
    let mut left = *rho;
    let mut smallest = f64::INFINITY;
    for k in 0..4 {
        let pivot = left[k][k].re + 1e-12;
        smallest = smallest.min(pivot);
        for i in k + 1..4 {
            for j in k + 1..4 {
                let update = left[i][k] * left[k][j] / pivot;
                left[i][j] -= update;
            }
        }
    }
    smallest
}

/// Follows every pair from its herald to its end, and counts the qubits of each node at the end of each instant.
fn replay(made: &Made, run: &NetworkRun) {
    let trace = &run.trace;
    let mut ends: HashMap<u64, [u32; 2]> = HashMap::new();
    let mut attempting = vec![false; made.links.len()];
    let check = |ends: &HashMap<u64, [u32; 2]>, attempting: &[bool]| {
        let mut held = vec![0; made.ions.len()];
        for node in ends.values().flatten() {
            held[*node as usize] += 1;
        }
        for (link, _) in attempting.iter().enumerate().filter(|(_, attempting)| **attempting) {
            for node in made.links[link] {
                held[node as usize] += 1;
            }
        }
        for (node, held) in held.into_iter().enumerate() {
            assert!(held <= made.ions[node], "{held} qubits on {} ions of node {node}", made.ions[node]);
        }
    };
    for index in 0..trace.event.len() {
        if index > 0 && trace.time_ps[index] != trace.time_ps[index - 1] {
            assert!(trace.time_ps[index] > trace.time_ps[index - 1], "time goes back");
            if made.at_once {
                check(&ends, &attempting);
            }
        }
        let (event, subject, pair) = (trace.event[index], trace.subject[index], trace.pair[index]);
        let mut taken = |pair: u64| ends.remove(&pair).unwrap();
        match Happening::NAMES[usize::from(event)] {
            "start" => attempting[subject as usize] = true,
            "time_out" => attempting[subject as usize] = false,
            "herald" => {
                attempting[subject as usize] = false;
                assert!(ends.insert(pair, made.links[subject as usize]).is_none());
            }
            // of pairs that an earlier failure has broken
            // of pairs that an earlier failure or loss has broken
            "swap_failed" | "distill_failed" if trace.parts[index].contains(&NO_PAIR) => {
                for part in trace.parts[index].into_iter().filter(|part| *part != NO_PAIR) {
                    taken(part);
                }
            }
            "swap" | "swap_failed" => {
                let [first, second] = trace.parts[index].map(&mut taken);
                let far = |ends: [u32; 2]| {
                    assert!(ends.contains(&subject));
                    ends[usize::from(ends[0] == subject)]
                };
                let joined = [far(first), far(second)];
                assert_ne!(joined[0], joined[1]);
                if event == Happening::Swap as u8 {
                    assert!(ends.insert(pair, joined).is_none());
                }
            }
            "distill" | "distill_failed" => {
                let [mut first, mut second] = trace.parts[index].map(&mut taken);
                if event == Happening::Distill as u8 {
                    assert!(ends.insert(pair, first).is_none());
                }
                first.sort_unstable();
                second.sort_unstable();
                assert_eq!(first, second);
            }
            "deliver" | "expire" | "reject" | "unwanted" | "lose" => drop(taken(pair)),
            _ => assert!(["request", "block"].contains(&Happening::NAMES[usize::from(event)])),
        }
    }
    // a kept pair whose distillation is being read out counts among the stored, the spent one no longer does
    assert!(ends.len() as u64 >= run.fates.stored, "{} {}", ends.len(), run.fates.stored);
}

#[test]
fn random_networks_keep_their_books() {
    let (mut delivered, mut operations) = (0, 0);
    for seed in 0..400 {
        let made = made(seed);
        let run = run(&made.network, &made.plan);
        let fates = run.fates;
        let sum = fates.delivered + fates.used + fates.expired + fates.rejected + fates.stored;
        assert_eq!(fates.made, sum, "seed {seed}: {fates:?}");
        assert_eq!(fates.delivered as usize, run.deliveries.len());
        assert_eq!(run.totals.iter().map(|totals| totals.count).sum::<u64>(), fates.delivered);
        assert_eq!(run.latencies.iter().sum::<u64>(), fates.delivered);
        assert!(run.deliveries.time_ps.is_sorted());
        replay(&made, &run);
        for (index, rho) in made.network.states(&run, 0..run.deliveries.len()).unwrap().iter().enumerate() {
            let trace: f64 = (0..4).map(|i| rho[i][i].re).sum();
            assert!((trace - 1.0).abs() < 1e-12, "seed {seed}: trace {trace}");
            assert!(smallest_pivot(rho) > 0.0, "seed {seed}, delivery {index}: {rho:?}");
            let fidelity = 0.5 * (rho[0][0] + rho[3][3] + rho[0][3] + rho[3][0]).re;
            assert!((fidelity - run.deliveries.fidelity[index]).abs() < 1e-12);
        }
        delivered += fates.delivered;
        operations += run.trace.parts.iter().filter(|parts| parts[0] != NO_PAIR).count();
        // and it is the same again
        let again = made.network.run(&made.plan, &mut |_| true).unwrap();
        assert!(run.deliveries == again.deliveries && run.fates == again.fates);
        assert_eq!(run.trace.time_ps, again.trace.time_ps);
    }
    assert!(delivered > 10_000 && operations > 5_000, "{delivered} deliveries, {operations} operations");
}

/// The test of positivity itself.
#[test]
fn a_state_that_is_none_is_noticed() {
    let mut rho = ionlink_core::state::ZERO;
    for i in 0..4 {
        rho[i][i].re = 0.25;
    }
    assert!(smallest_pivot(&rho) > 0.0);
    (rho[0][3].re, rho[3][0].re) = (0.26, 0.26);
    assert!(smallest_pivot(&rho) < 0.0);
}
