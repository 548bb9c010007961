//! Hubs against the formulas of queues and switches: memory switches, stations with several analyzers, optical switches,
//! multiplexing. Statistical comparisons hold at 4 standard deviations (a false alarm in 16,000), with fixed seeds; each has a
//! negative control that must fail by twice as much.
#![expect(clippy::unwrap_used, reason = "a test says what failed by failing")]
#![expect(clippy::disallowed_methods, reason = "what is expected may be computed by the platform")]

use ionlink_core::network::{
    Asked, Candidate, DemandParams, Discipline, HubStationParams, HubSwitchParams, Network,
    NetworkNodeParams, NetworkPlan, NetworkRun, PolicyParams, RecordLevel, Rules, Saturation, Scheduling,
    StateChoice, Topology,
};
use ionlink_core::{BasicLinkParams, Key, Link, link::params::ScheduleParams};
use std::sync::Arc;

/// A link whose attempts herald with this probability.
fn link(probability: f64, period_s: f64) -> Arc<Link> {
    link_of(probability, ScheduleParams { attempt_period_s: Some(period_s), ..ScheduleParams::default() })
}

fn link_of(probability: f64, schedule: ScheduleParams) -> Arc<Link> {
    // no window cuts these photons: p = eta²/2
    let params = BasicLinkParams {
        efficiency: [(2.0 * probability).sqrt(); 2],
        lifetime_s: [1e-15; 2],
        schedule: Some(schedule),
        ..Default::default()
    };
    let link = Link::new(params.link().unwrap()).unwrap();
    assert!((link.exact().unwrap().attempt_probability / probability - 1.0).abs() < 1e-9);
    Arc::new(link)
}

fn plan(seed: u64, duration_s: f64, repetitions: u64) -> NetworkPlan {
    NetworkPlan {
        states: StateChoice::Mean,
        repetitions,
        ..NetworkPlan::new(Key::from_seed(seed), duration_s)
    }
}

fn run(network: &Network, plan: &NetworkPlan) -> NetworkRun {
    network.run(plan, &mut |_| true).unwrap()
}

/// Mean and its standard error of a figure of each repetition.
fn mean(figures: &[f64]) -> (f64, f64) {
    let count = figures.len() as f64;
    let mean = figures.iter().sum::<f64>() / count;
    let spread = figures.iter().map(|figure| (figure - mean).powi(2)).sum::<f64>() / (count - 1.0);
    (mean, (spread / count).sqrt())
}

/// Standard errors by which a mean misses a value.
fn pull((mean, error): (f64, f64), value: f64) -> f64 {
    (mean - value) / error
}

/// Deliveries of each repetition.
fn counts(run: &NetworkRun) -> Vec<f64> {
    let mut before = 0;
    run.ends.iter().map(|end| (*end - std::mem::replace(&mut before, *end)) as f64).collect()
}

/// k users around a switch that stores up to `buffer` qubits of each.
fn memory_switch(rates_hz: &[f64], buffer: u64, loss_rate_hz: f64) -> Network {
    let mut network = Network::new();
    let switch = NetworkNodeParams {
        buffer_per_link: Some(buffer),
        loss_rate_hz,
        ..NetworkNodeParams::named("switch")
    };
    network.add_node(switch).unwrap();
    for (user, rate_hz) in rates_hz.iter().enumerate() {
        let number = network.add_node(NetworkNodeParams::named(format!("user {user}"))).unwrap();
        // heralds come one by one as long as they are rare: a relative error of 1e-4
        let physics = network.add_physics(link(1e-4, 1e-4 / rate_hz)).unwrap();
        network.add_link(physics, [0, number]).unwrap();
        for other in 0..user {
            let demand = DemandParams {
                in_flight: Some(2 * buffer),
                ..DemandParams::saturated(format!("user {other}"), format!("user {user}"))
            };
            network.add_demand(demand).unwrap();
        }
    }
    network
}

/// Capacity and stored qubits of a memory switch (Vardoyan et al., arXiv:1903.04420): with g the sum of all rates and
/// t(u, j) = product over i <= j of mu_u/(g - mu_u + i alpha), s sum t (g - mu_u)/(1 + sum t) and sum j t/(1 + sum t).
fn memory_switch_formula(rates_hz: &[f64], buffer: u64, loss_rate_hz: f64, success: f64) -> (f64, f64) {
    let all: f64 = rates_hz.iter().sum();
    let (mut sum, mut flow, mut stored) = (0.0, 0.0, 0.0);
    for rate in rates_hz {
        let mut t = 1.0;
        for j in 1..=buffer {
            t *= rate / (all - rate + j as f64 * loss_rate_hz);
            sum += t;
            flow += t * (all - rate);
            stored += j as f64 * t;
        }
    }
    (success * flow / (1.0 + sum), stored / (1.0 + sum))
}

#[test]
fn memory_switches_reach_their_capacity() {
    let rows: [(&[f64], u64, f64, f64, f64); 3] = [
        (&[1.0; 5], 1, 0.0, 1.0, 2.222_222_2),
        (&[1.0; 5], 100, 0.0, 1.0, 2.5),
        (&[1.0, 2.0, 3.0], 2, 0.5, 0.9, 2.172_705_2),
    ];
    for (rates_hz, buffer, loss_rate_hz, success, capacity) in rows {
        let (formula, stored) = memory_switch_formula(rates_hz, buffer, loss_rate_hz, success);
        assert!((formula - capacity).abs() < 1e-6);
        let policy = PolicyParams { swap_success_probability: success, ..PolicyParams::default() };
        let network = memory_switch(rates_hz, buffer, loss_rate_hz);
        let run = run(&network, &NetworkPlan { policy, ..plan(1, 1000.0, 40) });
        let rates: Vec<f64> = counts(&run).iter().map(|count| count / 1000.0).collect();
        let measured = mean(&rates);
        assert!(pull(measured, capacity).abs() < 4.0, "{measured:?} {capacity}");
        // an eighth less or more would be seen
        assert!(pull(measured, capacity * 1.125).abs() > 8.0);
        let held = run.stored_ps[0] as f64 * 1e-12 / run.duration_s;
        assert!((held / stored - 1.0).abs() < 0.02, "{held} {stored}");
        let fates = run.fates;
        assert_eq!(fates.made, fates.delivered + fates.used + fates.expired + fates.rejected + fates.stored);
    }
}

/// A hundred modules each on two sides of a pool of analyzers, and requests between any two of them: 1 s of service each.
fn pool(count: u64, rate_hz: f64, discipline: Discipline) -> Network {
    const SIDE: u32 = 60;
    let mut network = Network::new();
    for module in 0..2 * SIDE {
        network.add_node(NetworkNodeParams::named(format!("module {module}"))).unwrap();
    }
    let physics = network.add_physics(link(1e-3, 1e-3)).unwrap();
    let scheduling = Scheduling::LongestWaiting;
    let station =
        network.add_station(HubStationParams { name: "pool".into(), count, discipline, scheduling }).unwrap();
    for a in 0..SIDE {
        for b in SIDE..2 * SIDE {
            let link = network.add_link(physics, [a, b]).unwrap();
            network.share(link, station, None).unwrap();
            let demand = DemandParams {
                saturate: false,
                rate_hz: Some(rate_hz / f64::from(SIDE * SIDE)),
                ..DemandParams::saturated(format!("module {a}"), format!("module {b}"))
            };
            network.add_demand(demand).unwrap();
        }
    }
    network
}

/// Probability that all of n servers are busy where nobody waits: Erlang's loss formula.
fn erlang_b(load: f64, servers: u64) -> f64 {
    (1..=servers).fold(1.0, |blocked, n| load * blocked / (n as f64 + load * blocked))
}

#[test]
fn a_pool_without_a_queue_blocks_as_erlang_says() {
    let blocked = erlang_b(4.0, 6);
    assert!((blocked - 0.117_162_5).abs() < 1e-7);
    let network = pool(6, 4.0, Discipline::Loss);
    let mut shares = vec![];
    for seed in 0..30 {
        let run = run(&network, &NetworkPlan { level: RecordLevel::Summary, ..plan(seed, 1000.0, 1) });
        let sum = |place: usize| run.requests.iter().map(|requests| requests[place] as f64).sum::<f64>();
        shares.push(sum(1) / sum(0));
    }
    // a request for the very pair that is being served is blocked too: 4 (1 - B) of 3600 pairs are
    let of_pairs = (1.0 - blocked) * 4.0 * (1.0 - blocked) / 3600.0;
    let measured = mean(&shares);
    assert!(pull(measured, blocked + of_pairs).abs() < 4.0, "{measured:?} {blocked}");
    assert!(pull(measured, erlang_b(4.0, 7)).abs() > 8.0);
}

#[test]
fn a_pool_with_a_queue_keeps_waiting_as_erlang_says() {
    // M/M/4 with load 3: mean wait C/(4 - 3), C = B/(1 - 3 (1 - B)/4)
    let blocked = erlang_b(3.0, 4);
    let wait_s = blocked / (1.0 - 0.75 * (1.0 - blocked));
    assert!((wait_s - 0.509_434_0).abs() < 1e-6);
    let network = pool(4, 3.0, Discipline::Queue);
    let mut means = vec![];
    let mut busy = 0.0;
    for seed in 0..30 {
        let run = run(&network, &NetworkPlan { level: RecordLevel::Summary, ..plan(100 + seed, 2000.0, 1) });
        let latency_s: f64 = run.totals.iter().map(|totals| totals.latency_s[0]).sum();
        means.push(latency_s / run.fates.delivered as f64);
        busy += run.analyzing_ps[0] as f64 * 1e-12 / run.duration_s / 30.0;
    }
    // service of 1 s on average; a second request for a pair waits for the first one's, which 3600 pairs make rare
    let measured = mean(&means);
    let of_pairs = 3.0 / 3600.0 * 1.5;
    assert!(pull(measured, 1.0 + wait_s + of_pairs).abs() < 4.0, "{measured:?} {wait_s}");
    assert!(pull(measured, 1.0 + erlang_b(3.0, 5) / (1.0 - 0.6 * (1.0 - erlang_b(3.0, 5)))).abs() > 8.0);
    assert!((busy - 3.0).abs() < 0.05, "{busy}");
}

/// Pairs that take turns at one analyzer behind a switch.
fn turns(scheduling: Scheduling, reconfiguration_s: f64) -> Network {
    let mut network = Network::new();
    let physics = network.add_physics(link(2e-4, 1e-6)).unwrap();
    let name = "hub".to_owned();
    let station = network
        .add_station(HubStationParams { name, count: 1, discipline: Discipline::Queue, scheduling })
        .unwrap();
    let switch = network
        .add_switch(HubSwitchParams {
            name: "crossconnect".into(),
            ports: 34,
            loss_db: 0.0,
            loss_per_stage_db: 0.0,
            reconfiguration_s,
            topology: Topology::Crossbar,
        })
        .unwrap();
    for pair in 0..16 {
        let ends =
            [0, 1].map(|end| network.add_node(NetworkNodeParams::named(format!("{pair} {end}"))).unwrap());
        let link = network.add_link(physics, ends).unwrap();
        network.share(link, station, Some(switch)).unwrap();
    }
    network.saturate(Saturation::Links);
    network
}

#[test]
fn pairs_that_take_turns_share_a_station() {
    // 1/(K (t_switch + tau/p)), K = 16, 1 ms, 1 us, 2e-4; an attempt starts with the comb, half a period later on average
    let expected_hz: f64 = 1.0 / (16.0 * (1e-3 + 1e-6 / 2e-4));
    assert!((expected_hz - 10.416_666_7).abs() < 1e-6);
    for scheduling in [Scheduling::RoundRobin, Scheduling::LongestWaiting] {
        let run = run(&turns(scheduling, 1e-3), &plan(5, 10.0, 40));
        let rates: Vec<f64> = counts(&run).iter().map(|count| count / 160.0).collect();
        assert!(pull(mean(&rates), expected_hz).abs() < 4.0, "{:?}", mean(&rates));
        assert!(pull(mean(&rates), 1.0 / (16.0 * 5e-3)).abs() > 8.0, "without the switch's time");
        // everybody had as many turns, give or take the last one
        let most = run.totals.iter().map(|totals| totals.count).max().unwrap();
        let least = run.totals.iter().map(|totals| totals.count).min().unwrap();
        assert!(most - least <= 40, "{least} to {most}");
    }
}

/// The pair that came last is served first.
struct LastFirst;

impl Rules for LastFirst {
    fn next_link(&self, _now_s: f64, _station: u32, waiting: &[Candidate]) -> Option<usize> {
        assert!(waiting.windows(2).all(|pair| pair[0].since_s <= pair[1].since_s));
        waiting.len().checked_sub(1)
    }

    fn asked(&self) -> Asked {
        Asked { next_link: true, ..Asked::default() }
    }
}

#[test]
fn rules_of_ones_own_decide_who_is_next() {
    let network = turns(Scheduling::LongestWaiting, 0.0);
    let run = network.run_by(&plan(5, 10.0, 1), Some(&LastFirst), &mut |_| true).unwrap();
    // whoever has just been served came last: the same two or so have it all
    let served = run.totals.iter().filter(|totals| totals.count > 0).count();
    assert!(served <= 2, "{served}");
    // and the total does not change without a time to switch
    let total: u64 = run.totals.iter().map(|totals| totals.count).sum();
    assert!((total as f64 / 2000.0 - 1.0).abs() < 4.0 / 2000_f64.sqrt(), "{total}");
}

#[test]
fn modes_of_a_round_and_links_side_by_side_multiplex() {
    // MUX: (1 - (1 - p)^m)/T; p = 2e-3, m = 10, T = 0.5 ms
    let expected_hz = (1.0 - 0.998_f64.powi(10)) / 0.5e-3;
    assert!((expected_hz - 39.641_913).abs() < 1e-6);
    let trains =
        ScheduleParams { attempt_period_s: Some(0.5e-3), ions_per_round: 10, ..ScheduleParams::default() };
    let mut rounds = Network::new();
    let mut parallel = Network::new();
    for network in [&mut rounds, &mut parallel] {
        for name in ["a", "b"] {
            network.add_node(NetworkNodeParams::named(name)).unwrap();
        }
    }
    let physics = rounds.add_physics(link_of(2e-3, trains)).unwrap();
    rounds.add_link(physics, [0, 1]).unwrap();
    rounds.saturate(Saturation::Links);
    let physics = parallel.add_physics(link(2e-3, 0.5e-3)).unwrap();
    for _ in 0..10 {
        parallel.add_link(physics, [0, 1]).unwrap();
    }
    // one pair at a time: the first of ten, and then all start again
    parallel.add_demand(DemandParams::saturated("a", "b")).unwrap();
    for network in [&rounds, &parallel] {
        let run = run(network, &plan(8, 100.0, 40));
        let rates: Vec<f64> = counts(&run).iter().map(|count| count / 100.0).collect();
        assert!(pull(mean(&rates), expected_hz).abs() < 4.0, "{:?}", mean(&rates));
        assert!(pull(mean(&rates), 10.0 * 2e-3 / 0.5e-3 * 1.02).abs() > 8.0);
    }
}

#[test]
fn an_omega_switch_blocks_where_a_crossbar_does_not() {
    let blocked = |topology: Topology| {
        let mut network = Network::new();
        for module in 0..16 {
            network.add_node(NetworkNodeParams::named(format!("module {module}"))).unwrap();
        }
        let physics = network.add_physics(link(1e-3, 1e-3)).unwrap();
        let (discipline, scheduling) = (Discipline::Loss, Scheduling::LongestWaiting);
        let station = network
            .add_station(HubStationParams { name: "pool".into(), count: 8, discipline, scheduling })
            .unwrap();
        let switch = HubSwitchParams {
            name: "switch".into(),
            ports: 32,
            loss_db: 0.0,
            loss_per_stage_db: 0.0,
            reconfiguration_s: 0.0,
            topology,
        };
        let switch = network.add_switch(switch).unwrap();
        for a in 0..16 {
            for b in 0..a {
                let link = network.add_link(physics, [a, b]).unwrap();
                network.share(link, station, Some(switch)).unwrap();
                let demand = DemandParams {
                    saturate: false,
                    rate_hz: Some(3.0 / 120.0),
                    ..DemandParams::saturated(format!("module {a}"), format!("module {b}"))
                };
                network.add_demand(demand).unwrap();
            }
        }
        let run = run(&network, &NetworkPlan { level: RecordLevel::Summary, ..plan(3, 5000.0, 1) });
        let sum = |place: usize| run.requests.iter().map(|requests| requests[place]).sum::<u64>() as f64;
        sum(1) / sum(0)
    };
    let (crossbar, omega) = (blocked(Topology::Crossbar), blocked(Topology::Omega));
    // eight analyzers for a load of three are nearly always enough; the pair itself is busy with 3/120
    assert!((0.02..0.04).contains(&crossbar), "{crossbar}");
    assert!(omega > 2.0 * crossbar, "{omega}");
}

#[test]
fn an_empty_omega_switch_connects_any_two_modules() {
    // one connection at a time, over as few ports as there can be and over more
    for (modules, ports) in [(2, 4), (4, 6), (8, 10), (8, 1 << 20), (16, 18), (16, 64)] {
        let mut network = Network::new();
        for module in 0..modules {
            network.add_node(NetworkNodeParams::named(format!("module {module}"))).unwrap();
        }
        let physics = network.add_physics(link(0.5, 1e-4)).unwrap();
        let (discipline, scheduling) = (Discipline::Queue, Scheduling::RoundRobin);
        let station = network
            .add_station(HubStationParams { name: "pool".into(), count: 1, discipline, scheduling })
            .unwrap();
        let switch = HubSwitchParams {
            name: "switch".into(),
            ports,
            loss_db: 0.0,
            loss_per_stage_db: 0.0,
            reconfiguration_s: 0.0,
            topology: Topology::Omega,
        };
        let switch = network.add_switch(switch).unwrap();
        for a in 0..modules {
            for b in 0..a {
                let link = network.add_link(physics, [a, b]).unwrap();
                network.share(link, station, Some(switch)).unwrap();
            }
        }
        network.saturate(Saturation::Links);
        let run = run(&network, &plan(3, 0.5, 1));
        assert!(
            run.record.attempts.iter().all(|attempts| *attempts > 10),
            "{modules} {ports}: {:?}",
            run.record.attempts
        );
    }
}

#[test]
fn stages_lose_light_each() {
    let mut switch = HubSwitchParams {
        name: "switch".into(),
        ports: 4,
        loss_db: 0.5,
        loss_per_stage_db: 0.3,
        reconfiguration_s: 0.0,
        topology: Topology::Omega,
    };
    for (ports, stages) in [(4, 2), (5, 3), (8, 3), (9, 4), (24, 5), (1024, 10), (1 << 24, 24)] {
        switch.ports = ports;
        switch.check().unwrap();
        assert_eq!(switch.stages(), stages);
        assert!((switch.passage_loss_db() - (0.5 + 0.3 * f64::from(stages))).abs() < 1e-12);
    }
    let refused = |switch: &HubSwitchParams| switch.check().unwrap_err().to_string();
    let all = HubSwitchParams { loss_per_stage_db: 100.0, ..switch.clone() };
    assert!(refused(&all).contains("`loss_per_stage_db` must be in [0, 41.645"), "{}", refused(&all));
    let crossbar = HubSwitchParams { topology: Topology::Crossbar, ..switch.clone() };
    assert!(refused(&crossbar).contains("a crossbar has no stages"), "{}", refused(&crossbar));
    let plain = HubSwitchParams { loss_per_stage_db: 0.0, ..crossbar };
    assert!(plain.check().is_ok() && plain.stages() == 0 && plain.passage_loss_db() == 0.5);
}

#[test]
fn a_time_out_that_no_attempt_fits_into_is_refused() {
    // 1 us for an attempt, 1 ms for the switch; to the picosecond
    let network = turns(Scheduling::LongestWaiting, 1e-3);
    let with = |timeout_s: f64| {
        let mut plan = plan(1, 0.1, 1);
        plan.policy.attempt_timeout_s = Some(timeout_s);
        network.run(&plan, &mut |_| true)
    };
    let error = with(1.000_999e-3).unwrap_err().to_string();
    for part in ["`policy.attempt_timeout_s`", "at least 1.001e-3", "link 0", "\"crossconnect\" 1e-3", "(s)"]
    {
        assert!(error.contains(part), "{error}");
    }
    assert!(with(1.001e-3).unwrap().record.attempts.iter().all(|attempts| *attempts > 0));
}

#[test]
fn impossible_hubs_are_refused() {
    let mut network = turns(Scheduling::LongestWaiting, 0.0);
    let nodes =
        [0, 1].map(|end| network.add_node(NetworkNodeParams::named(format!("too many {end}"))).unwrap());
    let link = network.add_link(0, nodes).unwrap();
    network.share(link, 0, Some(0)).unwrap();
    let error = network.run(&plan(1, 1.0, 1), &mut |_| true).unwrap_err().to_string();
    assert!(error.contains("switches.0.ports") && error.contains("34"), "{error}");
    assert!(network.share(link, 1, None).is_err() && network.share(link, 0, Some(1)).is_err());
    let station = HubStationParams {
        name: "none".into(),
        count: 0,
        discipline: Discipline::Queue,
        scheduling: Scheduling::LongestWaiting,
    };
    assert!(network.add_station(station.clone()).is_err());
    assert!(network.add_station(HubStationParams { name: "hub".into(), count: 1, ..station }).is_err());
}
