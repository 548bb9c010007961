//! Links that work for themselves: drawn one after the other, or event by event where others contend; on any number of
//! threads.

use crate::common::{Measured, TICK_S, ions, link, params, plan, run};
use crate::messages::fibers;
use ionlink_core::link::params::ScheduleParams;
use ionlink_core::network::{
    DemandParams, NetworkNodeParams, NetworkPlan, NetworkRun, RecordLevel, Saturation, StateChoice, Weight,
};
use ionlink_core::{BasicLinkParams, EngineChoice, Key, Network, Plan, Stop};

/// Links between nodes with ions enough, and, if others are to contend, two links that share an ion far away.
fn network(links: &[BasicLinkParams], contended: bool) -> Network {
    let mut network = Network::new();
    for number in 0..5 {
        network.add_node(NetworkNodeParams::named(format!("n{number}"))).unwrap();
    }
    for (number, params) in (0..).zip(links) {
        let physics = network.add_physics(link(params)).unwrap();
        network.add_link(physics, [number % 5, (number + 1) % 5]).unwrap();
    }
    if contended {
        let far = [5, 6, 7].map(|number| network.add_node(ions(number, 1)).unwrap());
        let physics = network.add_physics(link(&params(0.1))).unwrap();
        network.add_link(physics, [far[0], far[1]]).unwrap();
        network.add_link(physics, [far[1], far[2]]).unwrap();
    }
    network.saturate(Saturation::Links);
    network
}

/// What is known of the deliveries of the first links.
fn deliveries(network: &Network, run: &NetworkRun, links: u32) -> Vec<(u32, u64, u64, u64, [u64; 2])> {
    let found = &run.deliveries;
    let states = network.states(run, 0..found.len()).unwrap();
    (0..found.len())
        .filter(|index| found.demand[*index] < links)
        .map(|index| {
            let rho = states[index];
            let bits = [rho[0][0].re.to_bits(), rho[0][3].im.to_bits()];
            (
                found.demand[index],
                found.time_ps[index],
                found.latency_ps[index],
                found.fidelity[index].to_bits(),
                bits,
            )
        })
        .collect()
}

#[test]
fn both_roads_lead_to_the_same_deliveries() {
    let rich = BasicLinkParams {
        lifetime_s: [7e-9, 9e-9],
        mode_overlap: 0.9,
        dark_count_rate_hz: 1e5,
        ion_photon_fidelity: [0.97, 0.99],
        ..params(0.1)
    };
    let schedule = ScheduleParams {
        attempt_period_s: Some(TICK_S),
        attempts_per_burst: Some(10),
        pause_s: 5.0 * TICK_S,
        ..ScheduleParams::default()
    };
    let rounds = ScheduleParams { ions_per_round: 4, ion_spacing_s: Some(2e-7), ..schedule.clone() };
    let with =
        |schedule| BasicLinkParams { attempt_period_s: None, schedule: Some(schedule), ..rich.clone() };
    for (what, params) in [("plain", rich.clone()), ("bursts", with(schedule)), ("rounds", with(rounds))] {
        let links = vec![params; 3];
        let (alone, contended) = (network(&links, false), network(&links, true));
        for states in [StateChoice::Sampled, StateChoice::Mean] {
            let plan = NetworkPlan { states, ..NetworkPlan::new(Key::from_seed(71), 2e-3) };
            let (one, other) = (run(&alone, &plan), run(&contended, &plan));
            assert!(one.deliveries.len() > 300);
            assert!(deliveries(&alone, &one, 3) == deliveries(&contended, &other, 3), "{what} {states:?}");
            // links of the kernel count attempts up to the herald of a round, others whole rounds
            if what != "rounds" {
                assert_eq!(one.attempts, other.attempts[..3], "{what}");
            }
            assert_eq!(one.totals, other.totals[..3], "{what}");
        }
        // a seed more is another run
        let plan = NetworkPlan::new(Key::from_seed(72), 2e-3);
        let one = run(&alone, &NetworkPlan::new(Key::from_seed(71), 2e-3));
        assert_ne!(one.deliveries.time_ps, run(&alone, &plan).deliveries.time_ps);
    }
}

#[test]
fn the_trace_of_links_that_never_wait_ascends_too() {
    let network = network(&vec![params(0.1); 3], false);
    let mut plan = plan(73, 1e-3);
    plan.level = RecordLevel::Trace;
    assert!(run(&network, &plan).trace.time_ps.is_sorted());
}

#[test]
fn threads_and_repetitions_change_nothing() {
    let many = network(&vec![params(0.01); 1200], false);
    let few = network(&vec![params(0.1); 3], true);
    let mut demanded = crate::common::row(&vec![link(&params(0.1)); 3], crate::common::node);
    demanded.add_demand(DemandParams::saturated("n0", "n3")).unwrap();
    for network in [&many, &few, &demanded] {
        let plan = |repetitions, threads| NetworkPlan {
            repetitions,
            threads,
            ..NetworkPlan::new(Key::from_seed(74), 1e-3)
        };
        let whole = run(network, &plan(3, 1));
        assert!(whole == run(network, &plan(3, 2)));
        // fewer repetitions are the first of more
        let fewer = run(network, &plan(2, 1));
        let end = fewer.ends[1];
        assert_eq!(fewer.ends, whole.ends[..2]);
        assert_eq!(fewer.deliveries.time_ps, whole.deliveries.time_ps[..end]);
        assert_eq!(fewer.deliveries.fidelity, whole.deliveries.fidelity[..end]);
        let first = run(network, &plan(1, 2));
        assert_eq!(first.deliveries.time_ps, whole.deliveries.time_ps[..whole.ends[0]]);
        let second = &whole.deliveries.time_ps[whole.ends[0]..whole.ends[1]];
        assert_ne!(first.deliveries.time_ps, second);
    }
}

#[test]
fn links_whose_detectors_remember_herald_as_they_do_alone() {
    let params = BasicLinkParams { dead_time_s: 2.5 * TICK_S, dark_count_rate_hz: 5e5, ..params(0.1) };
    let params = BasicLinkParams { lifetime_s: [8e-9; 2], mode_overlap: 0.9, ..params };
    let alone = link(&params);
    assert!(alone.exact().is_err());
    let forgetful = link(&BasicLinkParams { dead_time_s: 0.0, ..params.clone() });
    let (mut heralds, mut fidelities) = (vec![], vec![]);
    for seed in 0..40 {
        let plan =
            Plan { engine: EngineChoice::Click, ..Plan::new(Key::from_seed(seed), Stop::Attempts(50_000)) };
        let run = alone.sample(&plan, &mut |_| true).unwrap();
        heralds.push(run.heralds.len() as f64 / 50_000.0);
        let states = alone.states(run.heralds.records(), ionlink_core::Given::Cause).unwrap();
        let fidelity = |index: usize| {
            let pattern = alone.patterns()[usize::from(run.heralds.pattern[index])];
            ionlink_core::state::overlap(&states[index], pattern.bell_state)
        };
        fidelities.push((0..states.len()).map(fidelity).sum::<f64>() / states.len() as f64);
    }
    let (heralds, fidelities) = (Measured::of(heralds), Measured::of(fidelities));
    for contended in [false, true] {
        let network = network(std::slice::from_ref(&params), contended);
        let runs: Vec<_> = (0..40)
            .map(|seed| {
                let plan =
                    NetworkPlan { states: StateChoice::Sampled, ..plan(1000 + seed, 50_000.0 * TICK_S) };
                run(&network, &plan)
            })
            .collect();
        let together = |a: Measured, b: Measured| Measured {
            mean: a.mean - b.mean,
            error: (a.error * a.error + b.error * b.error).sqrt(),
        };
        let rate = Measured::of(runs.iter().map(|run| run.totals[0].count as f64 / 50_000.0));
        together(rate, heralds).agrees("rate", 0.0);
        rate.refuses("detectors that forget", forgetful.exact().unwrap().herald_probability);
        let mean = |run: &NetworkRun| run.totals[0].fidelity[0] / run.totals[0].count as f64;
        together(Measured::of(runs.iter().map(mean)), fidelities).agrees("fidelity", 0.0);
    }
}

/// Links whose mean rate nobody knows beforehand: ways by rate or fidelity are refused, ways by the number of links are
/// not.
#[test]
fn ways_by_what_is_not_known_are_refused() {
    let blind = link(&BasicLinkParams { dead_time_s: 2.5 * TICK_S, dark_count_rate_hz: 5e5, ..params(0.1) });
    for weight in [Weight::Hops, Weight::Rate, Weight::Fidelity] {
        let mut network = crate::common::row(std::slice::from_ref(&blind), crate::common::node);
        network.add_demand(DemandParams { weight, ..DemandParams::saturated("n0", "n1") }).unwrap();
        let plan = NetworkPlan { states: StateChoice::Sampled, ..plan(75, 1e-3) };
        match (weight, network.run(&plan, &mut |_| true)) {
            (Weight::Hops, run) => assert!(run.unwrap().fates.delivered > 10),
            (_, run) => {
                let error = run.unwrap_err().to_string();
                assert!(error.contains("weight") && error.contains("dead_time_s"), "{error}");
            }
        }
    }
}

/// What happens far away is nothing to a link, also where messages outlast an attempt.
#[test]
fn both_roads_treat_messages_alike() {
    let count = |contended: bool| {
        let mut network = Network::new();
        let ends = [8, 9].map(|number| network.add_node(ions(number, 1)).unwrap());
        let physics = network.add_physics(fibers(&params(0.1), [300.0; 2])).unwrap();
        network.add_link(physics, ends).unwrap();
        if contended {
            let far = [5, 6, 7].map(|number| network.add_node(ions(number, 1)).unwrap());
            let physics = network.add_physics(link(&params(0.1))).unwrap();
            network.add_link(physics, [far[0], far[1]]).unwrap();
            network.add_link(physics, [far[1], far[2]]).unwrap();
        }
        network.saturate(Saturation::Links);
        let run = run(&network, &plan(76, 0.1));
        let found: Vec<u64> = (0..run.deliveries.len())
            .filter(|k| run.deliveries.demand[*k] == 0)
            .map(|k| run.deliveries.time_ps[k])
            .collect();
        (run.attempts[0], found)
    };
    assert_eq!(count(false), count(true));
}
