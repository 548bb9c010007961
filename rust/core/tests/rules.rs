//! Rules of one's own: those that do what the network does anyway change nothing; others change what they should, against values found
//! without them; answers that are none are refused.
#![expect(clippy::unwrap_used, reason = "a test says what failed by failing")]
#![expect(clippy::disallowed_methods, reason = "what is expected may be computed by the platform")]

use ionlink_core::memory::MemoryParams;
use ionlink_core::network::{
    Asked, Candidate, CandidateRoute, DemandParams, Discipline, Distillation, Distilling, Happening,
    HubStationParams, Network, NetworkNodeParams, NetworkPlan, NetworkRun, PolicyParams, RecordLevel, Rules,
    Saturation, Scheduling, StateChoice, WaitingPair, Weight,
};
use ionlink_core::{BasicLinkParams, Error, Key, Link};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

type Choice<T> = Option<fn(&[T]) -> Option<usize>>;
type Distill = fn(&[WaitingPair]) -> Option<Distilling>;

/// Rules that ask only what is there.
#[derive(Default, Clone, Copy)]
struct Own {
    next_link: Choice<Candidate>,
    swap_pair: Choice<WaitingPair>,
    distill_pair: Option<Distill>,
    cutoff_s: Option<fn(&WaitingPair) -> Option<f64>>,
    route: Choice<CandidateRoute>,
}

impl Rules for Own {
    fn asked(&self) -> Asked {
        Asked {
            next_link: self.next_link.is_some(),
            swap_pair: self.swap_pair.is_some(),
            distill_pair: self.distill_pair.is_some(),
            cutoff_s: self.cutoff_s.is_some(),
            route: self.route.is_some(),
        }
    }

    fn next_link(&self, now_s: f64, _station: u32, waiting: &[Candidate]) -> Option<usize> {
        assert!(waiting.windows(2).all(|pair| pair[0].since_s <= pair[1].since_s));
        assert!(waiting.iter().all(|link| link.since_s <= now_s));
        self.next_link.unwrap()(waiting)
    }

    fn swap_pair(&self, now_s: f64, _node: u32, _left: bool, waiting: &[WaitingPair]) -> Option<usize> {
        assert!(waiting.iter().all(|pair| pair.oldest_s <= now_s));
        self.swap_pair.unwrap()(waiting)
    }

    fn distill_pair(&self, now_s: f64, nodes: [u32; 2], waiting: &[WaitingPair]) -> Option<Distilling> {
        assert!(waiting.iter().all(|pair| pair.oldest_s <= now_s && pair.other_end == nodes[1]));
        self.distill_pair.unwrap()(waiting)
    }

    fn cutoff_s(&self, now_s: f64, nodes: [u32; 2], pair: &WaitingPair) -> Option<f64> {
        assert!(pair.oldest_s <= now_s && pair.other_end == nodes[1]);
        self.cutoff_s.unwrap()(pair)
    }

    fn route(&self, _demand: u32, ways: &[CandidateRoute]) -> Option<usize> {
        self.route.unwrap()(ways)
    }
}

fn first<T>(waiting: &[T]) -> Option<usize> {
    (!waiting.is_empty()).then_some(0)
}

/// The first two pairs with the same number of rounds behind them, by trying all.
fn equally_far(waiting: &[WaitingPair]) -> Option<Distilling> {
    for (kept, pair) in waiting.iter().enumerate() {
        for (spent, other) in waiting.iter().enumerate().skip(kept + 1) {
            if other.rounds == pair.rounds {
                return Some(Distilling::Two(kept, spent));
            }
        }
    }
    None
}

/// What a network does anyway.
const SAME: Own = Own {
    next_link: Some(first),
    swap_pair: Some(first),
    distill_pair: Some(equally_far),
    cutoff_s: Some(|_| None),
    route: Some(|_| None),
};

fn link(efficiency: f64, mode_overlap: f64) -> Arc<Link> {
    let params = BasicLinkParams {
        efficiency: [efficiency; 2],
        mode_overlap,
        lifetime_s: [1e-15; 2],
        attempt_period_s: Some(1e-5),
        ..BasicLinkParams::default()
    };
    Arc::new(Link::new(params.link().unwrap()).unwrap())
}

/// A ring of nodes with room and memories, whose links share the analyzers of a station; what is wanted is up to the caller.
fn ring(nodes: u32) -> Network {
    let mut network = Network::new();
    let memory = MemoryParams { t2_s: 0.02, ..MemoryParams::default() };
    for node in 0..nodes {
        let named = NetworkNodeParams::named(format!("n{node}"));
        let memory = Some(memory.clone());
        let params = NetworkNodeParams { communication_ions: Some(12), memory, loss_rate_hz: 5.0, ..named };
        network.add_node(params).unwrap();
    }
    let station = HubStationParams {
        name: "pool".into(),
        count: 2,
        discipline: Discipline::Queue,
        scheduling: Scheduling::LongestWaiting,
    };
    let station = network.add_station(station).unwrap();
    let physics = network.add_physics(link(0.2, 0.9)).unwrap();
    for node in 0..nodes {
        let link = network.add_link(physics, [node, (node + 1) % nodes]).unwrap();
        network.share(link, station, None).unwrap();
    }
    network
}

fn policy(rounds: u64) -> PolicyParams {
    PolicyParams {
        distill: Some(Distillation::Dejmps),
        rounds: Some(rounds),
        cutoff_s: Some(0.03),
        ..PolicyParams::default()
    }
}

fn plan(policy: PolicyParams, duration_s: f64) -> NetworkPlan {
    NetworkPlan { policy, states: StateChoice::Mean, ..NetworkPlan::new(Key::from_seed(11), duration_s) }
}

fn run(network: &Network, plan: &NetworkPlan, rules: Option<&Own>) -> NetworkRun {
    network.run_by(plan, rules.map(|own| own as &dyn Rules), &mut |_| true).unwrap()
}

/// Two nodes, one link of fidelity (1 + M)/2 that shares nothing.
fn two() -> Network {
    let mut network = Network::new();
    for name in ["a", "b"] {
        let params = NetworkNodeParams { buffer_per_link: Some(4), ..NetworkNodeParams::named(name) };
        network.add_node(params).unwrap();
    }
    let physics = network.add_physics(link(0.3, 0.8)).unwrap();
    network.add_link(physics, [0, 1]).unwrap();
    network.add_demand(DemandParams::saturated("a", "b")).unwrap();
    network
}

#[test]
fn rules_that_do_what_is_done_anyway_change_nothing() {
    let mut network = ring(6);
    for (a, b, in_flight) in [(0, 3, 3), (1, 2, 1), (5, 2, 2)] {
        let demand = DemandParams::saturated(format!("n{a}"), format!("n{b}"));
        network.add_demand(DemandParams { in_flight: Some(in_flight), ..demand }).unwrap();
    }
    for rounds in [1, 2] {
        let mut plan = NetworkPlan { repetitions: 4, ..plan(policy(rounds), 2.0) };
        let built_in = run(&network, &plan, None);
        assert!(built_in.deliveries.len() > 200 && built_in.fates.expired > 50, "{:?}", built_in.fates);
        for threads in [1, 3] {
            plan.threads = threads;
            assert!(run(&network, &plan, Some(&SAME)) == built_in, "{rounds} rounds, {threads} threads");
        }
        // the trace has entries without a fidelity, which equal nothing
        let traced = NetworkPlan { level: RecordLevel::Trace, repetitions: 1, ..plan };
        let [own, same] = [Some(&SAME), None].map(|rules| format!("{:?}", run(&network, &traced, rules)));
        assert!(own == same);
    }
    // each other rule does change it
    let plan = plan(policy(1), 2.0);
    let built_in = run(&network, &plan, None);
    let last = |waiting: &[WaitingPair]| waiting.len().checked_sub(1);
    for (what, other) in [
        ("next_link", Own { next_link: Some(|waiting| waiting.len().checked_sub(1)), ..Own::default() }),
        ("swap_pair", Own { swap_pair: Some(last), ..Own::default() }),
        ("distill_pair", Own { distill_pair: Some(|_| Some(Distilling::Use(0))), ..Own::default() }),
        ("cutoff_s", Own { cutoff_s: Some(|_| Some(0.01)), ..Own::default() }),
        ("route", Own { route: Some(|ways| ways.len().checked_sub(1)), ..Own::default() }),
    ] {
        assert!(run(&network, &plan, Some(&other)) != built_in, "{what}");
    }
}

#[test]
fn a_cut_off_by_rule_is_the_policys() {
    let mut network = ring(5);
    network.add_demand(DemandParams::saturated("n0", "n2")).unwrap();
    for distilled in [false, true] {
        let with = |cutoff_s| {
            let policy = PolicyParams { cutoff_s, ..policy(1) };
            plan(if distilled { policy } else { PolicyParams { distill: None, rounds: None, ..policy } }, 5.0)
        };
        let constant = Own { cutoff_s: Some(|_| Some(0.004)), ..Own::default() };
        let own = run(&network, &with(None), Some(&constant));
        assert!(own == run(&network, &with(Some(0.004)), None) && own.fates.expired > 20, "{:?}", own.fates);
        // in place of the policy's, not beside it
        assert!(own == run(&network, &with(Some(0.001)), Some(&constant)));
        assert!(own != run(&network, &with(Some(0.005)), None));
    }
}

#[test]
fn pairs_with_more_parts_may_have_less_time() {
    let mut network = ring(7);
    let demand = DemandParams { in_flight: Some(3), ..DemandParams::saturated("n0", "n3") };
    network.add_demand(demand).unwrap();
    // what a swap has made is swapped on at once or thrown away
    let rules = Own { cutoff_s: Some(|pair| (pair.heralds > 1).then_some(0.0)), ..Own::default() };
    let plan = NetworkPlan { level: RecordLevel::Trace, ..plan(PolicyParams::default(), 5.0) };
    let [own, built_in] = [Some(&rules), None].map(|rules| run(&network, &plan, rules));
    let longest_ps = |run: &NetworkRun| {
        let trace = &run.record.trace;
        let is = |index: usize, event: Happening| trace.event[index] == event as u8;
        let mut longest_ps = 0;
        for made in (0..trace.event.len()).filter(|index| is(*index, Happening::Swap)) {
            let number = trace.pair[made];
            let next = (made + 1..trace.event.len())
                .find(|index| trace.pair[*index] == number || trace.parts[*index].contains(&number));
            longest_ps =
                next.map_or(longest_ps, |next| longest_ps.max(trace.time_ps[next] - trace.time_ps[made]));
        }
        longest_ps
    };
    assert!(own.deliveries.len() > 20, "{}", own.deliveries.len());
    assert_eq!(longest_ps(&own), 0);
    assert!(longest_ps(&built_in) > 1_000_000_000, "{}", longest_ps(&built_in));
}

#[test]
fn pairs_that_are_used_as_they_are_are_not_distilled() {
    let network = two();
    let as_they_are = Own { distill_pair: Some(|_| Some(Distilling::Use(0))), ..Own::default() };
    let with = |policy: PolicyParams| plan(PolicyParams { cutoff_s: None, ..policy }, 1.0);
    let plain = run(&network, &with(PolicyParams::default()), None);
    for rounds in [1, 3] {
        let own = run(&network, &with(policy(rounds)), Some(&as_they_are));
        assert!(own == plain && own.deliveries.len() > 1000, "{}", own.deliveries.len());
    }
    assert!(run(&network, &with(policy(1)), None) != plain);
}

/// BBPSSW on two Werner states (Bennett et al., Phys. Rev. Lett. 76, 722 (1996), with unequal fidelities): fidelity, probability.
fn bbpssw(a: f64, b: f64) -> (f64, f64) {
    let (x, y) = (1.0 - a, 1.0 - b);
    let probability = a * b + (a * y + b * x) / 3.0 + 5.0 * x * y / 9.0;
    ((a * b + x * y / 9.0) / probability, probability)
}

#[test]
fn entanglement_is_pumped() {
    let pump = |waiting: &[WaitingPair]| {
        let kept = (0..waiting.len()).rev().max_by_key(|place| waiting[*place].rounds)?;
        let spent = (0..waiting.len()).find(|place| *place != kept)?;
        Some(Distilling::Two(kept, spent))
    };
    let rules = Own { distill_pair: Some(pump), ..Own::default() };
    let network = two();
    let policy = PolicyParams { distill: Some(Distillation::Bbpssw), cutoff_s: None, ..policy(3) };
    let run = run(&network, &plan(policy, 10.0), Some(&rules));
    // one raw pair more in each round; whatever fails begins anew
    let raw = f64::midpoint(1.0, 0.8);
    let (mut fidelity, mut heralds) = (raw, 1.0);
    for _ in 0..3 {
        let (better, probability) = bbpssw(fidelity, raw);
        (fidelity, heralds) = (better, (heralds + 1.0) / probability);
    }
    let count = run.deliveries.len() as f64;
    assert!(count > 1000.0, "{count}");
    assert!(run.deliveries.raw_pairs.iter().all(|raw| *raw == 4));
    assert!(run.deliveries.fidelity.iter().all(|found| (found / fidelity - 1.0).abs() < 1e-9));
    // a geometric number of heralds per pair has a spread as large as its mean at most
    let found = run.fates.heralded as f64 / count;
    assert!((found / heralds - 1.0).abs() < 4.0 / count.sqrt(), "{found} {heralds}");
    let nested = 8.0;
    assert!((found / nested - 1.0).abs() > 8.0 / count.sqrt());
}

#[test]
fn a_demand_goes_the_chosen_way() {
    let mut network = ring(5);
    network.add_demand(DemandParams::saturated("n0", "n2")).unwrap();
    let plan = plan(PolicyParams::default(), 2.0);
    for (rules, hops) in [
        (Own { route: Some(|ways| Some(ways.len() - 2)), ..Own::default() }, 2),
        (Own { route: Some(|ways| Some(ways.len() - 1)), ..Own::default() }, 3),
    ] {
        let run = run(&network, &plan, Some(&rules));
        assert!(run.deliveries.len() > 20 && run.deliveries.hops.iter().all(|found| *found == hops));
    }
    // the way that a demand has of its own is nobody else's choice
    let route = Some(["n0", "n1", "n2"].map(str::to_owned).to_vec());
    let mut other = ring(5);
    other.add_demand(DemandParams { route, ..DemandParams::saturated("n0", "n2") }).unwrap();
    let never = Own { route: Some(|_| unreachable!()), ..Own::default() };
    assert!(run(&other, &plan, Some(&never)) == run(&network, &plan, None));
}

/// All ways from the last node of one that visit no node twice.
fn extended(way: &[u32], to: u32, ends: &[[u32; 2]], found: &mut Vec<Vec<u32>>) {
    let last = way[way.len() - 1];
    if last == to {
        found.push(way.to_vec());
        return;
    }
    for pair in ends {
        for next in [(pair[0], pair[1]), (pair[1], pair[0])] {
            if next.0 == last && !way.contains(&next.1) {
                extended(&[way, &[next.1]].concat(), to, ends, found);
            }
        }
    }
}

#[test]
fn the_shortest_ways_are_those_that_trying_all_finds() {
    use std::sync::Mutex;
    struct Seen(Mutex<Vec<CandidateRoute>>);
    impl Rules for Seen {
        fn asked(&self) -> Asked {
            Asked { route: true, ..Asked::default() }
        }
        fn route(&self, _demand: u32, ways: &[CandidateRoute]) -> Option<usize> {
            *self.0.lock().unwrap() = ways.to_vec();
            None
        }
    }
    // a grid of three by three, no two links alike
    let mut ends: Vec<[u32; 2]> = vec![];
    for place in 0..9_u32 {
        if place % 3 < 2 {
            ends.push([place, place + 1]);
        }
        if place < 6 {
            ends.push([place + 3, place]);
        }
    }
    let links: Vec<Arc<Link>> = (0..ends.len())
        .map(|number| {
            link(0.1 + 0.013 * ((number * 7) % 12) as f64, 0.95 - 0.021 * ((number * 5) % 12) as f64)
        })
        .collect();
    let exact = |number: usize| links[number].exact().unwrap();
    let joins = |number: usize, pair: &[u32]| {
        ends[number] == [pair[0], pair[1]] || ends[number] == [pair[1], pair[0]]
    };
    let sum = |way: &[u32], of: &dyn Fn(usize) -> f64| -> f64 {
        way.windows(2).map(|pair| of((0..ends.len()).find(|number| joins(*number, pair)).unwrap())).sum()
    };
    for weight in [Weight::Hops, Weight::Rate, Weight::Fidelity] {
        let mut network = Network::new();
        for place in 0..9 {
            network.add_node(NetworkNodeParams::named(format!("n{place}"))).unwrap();
        }
        for (link, pair) in links.iter().zip(&ends) {
            let physics = network.add_physics(Arc::clone(link)).unwrap();
            network.add_link(physics, *pair).unwrap();
        }
        network.add_demand(DemandParams { weight, ..DemandParams::saturated("n0", "n5") }).unwrap();
        let seen = Seen(Mutex::new(vec![]));
        let plan = plan(PolicyParams::default(), 1e-3);
        let own = network.run_by(&plan, Some(&seen), &mut |_| true).unwrap();
        assert!(own == network.run(&plan, &mut |_| true).unwrap());
        let time_s = |number: usize| 1.0 / exact(number).rate_hz;
        let logarithm = |number: usize| -((4.0 * exact(number).fidelity - 1.0) / 3.0).ln();
        let cost = |way: &[u32]| match weight {
            Weight::Hops => way.len() as f64 - 1.0,
            Weight::Rate => sum(way, &time_s),
            Weight::Fidelity => sum(way, &logarithm),
        };
        let mut all = vec![];
        extended(&[0], 5, &ends, &mut all);
        all.sort_by(|a, b| cost(a).total_cmp(&cost(b)));
        assert!(all.len() > 8);
        let found = seen.0.into_inner().unwrap();
        assert_eq!(found.len(), 8);
        assert_eq!(found[0].nodes, network.route(0).unwrap());
        for (way, expected) in found.iter().zip(&all) {
            assert!(
                (cost(&way.nodes) - cost(expected)).abs() < 1e-12 * cost(expected),
                "{way:?} {expected:?}"
            );
            assert!(weight == Weight::Hops || way.nodes == *expected);
            assert!((way.time_s / sum(&way.nodes, &time_s) - 1.0).abs() < 1e-12);
            let fidelity = 0.25 + 0.75 * (-sum(&way.nodes, &logarithm)).exp();
            assert!((way.fidelity / fidelity - 1.0).abs() < 1e-12, "{way:?} {fidelity}");
        }
        for (place, way) in found.iter().enumerate() {
            assert!(all.contains(&way.nodes) && !found[..place].iter().any(|other| other.nodes == way.nodes));
        }
    }
}

/// Ends the run after a hundred pairs.
#[derive(Default)]
struct Enough(AtomicUsize);

impl Rules for Enough {
    fn asked(&self) -> Asked {
        Asked { cutoff_s: true, ..Asked::default() }
    }

    fn cutoff_s(&self, _now_s: f64, _nodes: [u32; 2], _pair: &WaitingPair) -> Option<f64> {
        self.0.fetch_add(1, Ordering::Relaxed);
        None
    }

    fn ends(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= 100
    }
}

#[test]
fn a_run_that_rules_end_is_a_prefix() {
    let mut network = ring(5);
    network.add_demand(DemandParams::saturated("n0", "n2")).unwrap();
    let plan = plan(PolicyParams::default(), 5.0);
    let mut part = network.run_by(&plan, Some(&Enough::default()), &mut |_| true).unwrap();
    part.complete();
    assert!(part.interrupted && part.fates.made == 100, "{:?}", part.fates);
    let whole = run(&network, &plan, None);
    let count = part.deliveries.len();
    assert!((10..whole.deliveries.len()).contains(&count) && part.duration_s < 5.0);
    assert_eq!(part.deliveries.time_ps, whole.deliveries.time_ps[..count]);
}

#[test]
fn answers_that_are_none_end_the_run() {
    let mut network = ring(5);
    network.add_demand(DemandParams::saturated("n0", "n2")).unwrap();
    let refused = |rules: &Own, policy: PolicyParams| {
        network.run_by(&plan(policy, 1.0), Some(rules), &mut |_| true).unwrap_err()
    };
    for (what, rules) in [
        ("next_link", Own { next_link: Some(|waiting| Some(waiting.len())), ..Own::default() }),
        ("swap_pair", Own { swap_pair: Some(|waiting| Some(waiting.len())), ..Own::default() }),
        ("distill_pair", Own { distill_pair: Some(|_| Some(Distilling::Two(0, 0))), ..Own::default() }),
        ("distill_pair", Own { distill_pair: Some(|_| Some(Distilling::Use(99))), ..Own::default() }),
        ("cutoff_s", Own { cutoff_s: Some(|_| Some(-1e-9)), ..Own::default() }),
        ("cutoff_s", Own { cutoff_s: Some(|_| Some(f64::NAN)), ..Own::default() }),
        ("cutoff_s", Own { cutoff_s: Some(|_| Some(f64::INFINITY)), ..Own::default() }),
        ("route", Own { route: Some(|ways| Some(ways.len())), ..Own::default() }),
    ] {
        let error = refused(&rules, policy(1));
        assert!(
            matches!(&error, Error::Parameter { path, .. } if *path == format!("rules.{what}")),
            "{what}: {error}"
        );
    }
    // questions that cannot come up
    let error = refused(&Own { distill_pair: SAME.distill_pair, ..Own::default() }, PolicyParams::default());
    assert!(matches!(&error, Error::Model { parameter, .. } if parameter == "rules.distill_pair"), "{error}");
    let mut alone = ring(5);
    alone.saturate(Saturation::Links);
    for (what, rules) in [
        ("swap_pair", Own { swap_pair: SAME.swap_pair, ..Own::default() }),
        ("cutoff_s", Own { cutoff_s: SAME.cutoff_s, ..Own::default() }),
        ("route", Own { route: SAME.route, ..Own::default() }),
    ] {
        let error =
            alone.run_by(&plan(PolicyParams::default(), 1.0), Some(&rules), &mut |_| true).unwrap_err();
        assert!(matches!(&error, Error::Model { parameter, .. } if *parameter == format!("rules.{what}")));
    }
}
