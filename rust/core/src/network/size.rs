//! How much memory deliveries and traces will take, as far as that follows from a network before it runs.

use super::comb::seconds;
use super::kernel::NONE;
use super::record::{Deliveries, RecordLevel, Trace};
use super::routes::Way;
use super::run::NetworkPlan;
use super::topology::{Network, Saturation};
use crate::error::{Error, Result};
use crate::state::Correlations;

/// What [`Error::Size`] of a network advises.
const INSTEAD: &str = "use `record=\"summary\"`, whose memory does not grow, or simulate less time";

/// Entries of a trace for each delivery, at least: a herald and the delivery.
const ENTRIES: usize = 2;

impl Network {
    /// Most bytes that the deliveries and traces of a plan may take, from the links' rates alone; infinite where a rate
    /// is not known beforehand.
    pub fn most_bytes(&self, plan: &NetworkPlan) -> f64 {
        let all_hz: f64 = (0..self.links.len() as u32).map(|link| self.delivery_rate_hz(link)).sum();
        let total = all_hz * plan.duration_s * plan.repetitions as f64;
        if total.is_nan() { f64::INFINITY } else { total * self.bytes_of_one(plan) }
    }

    /// Refuses a plan whose deliveries are expected to take more memory than there is.
    pub(super) fn check_size(&self, plan: &NetworkPlan, ways: &[Way]) -> Result<()> {
        if plan.level == RecordLevel::Summary || plan.memory_bytes == u64::MAX {
            return Ok(());
        }
        let expected = self.expected_deliveries(plan, ways) * plan.repetitions as f64;
        let needed = expected * self.bytes_of_one(plan);
        // what no rate bounds is left to the run
        if needed.is_finite() && needed > plan.memory_bytes as f64 {
            let (needed_bytes, available_bytes) = (needed as u64, plan.memory_bytes);
            return Err(Error::Size { needed_bytes, available_bytes, instead: INSTEAD });
        }
        Ok(())
    }

    fn bytes_of_one(&self, plan: &NetworkPlan) -> f64 {
        let state = if self.saturation == Saturation::Links { 0 } else { size_of::<Correlations>() };
        let trace = if plan.level == RecordLevel::Trace { ENTRIES * Trace::BYTES } else { 0 };
        (Deliveries::BYTES + state + trace) as f64
    }

    /// Mean number of deliveries in one repetition: where links work for themselves that of their heralds, which is an
    /// upper bound where they wait for each other; otherwise at most the requests, and at most what the weakest part of
    /// each way brings.
    pub(super) fn expected_deliveries(&self, plan: &NetworkPlan, ways: &[Way]) -> f64 {
        let every_link = || (0..self.links.len() as u32).collect::<Vec<_>>();
        if self.saturation == Saturation::Links {
            return plan.duration_s * self.most_heralds_hz(&every_link(), 0.0);
        }
        let spent = f64::from(plan.policy.levels()).exp2();
        let mut total = 0.0;
        let mut used = vec![false; self.links.len()];
        for (demand, way) in self.demands.iter().zip(ways) {
            way.bundles.iter().flatten().for_each(|link| used[*link as usize] = true);
            let requests = match (&demand.times_s, demand.rate_hz) {
                (Some(times_s), _) => times_s.partition_point(|time_s| *time_s <= plan.duration_s) as f64,
                (None, Some(rate_hz)) => rate_hz * plan.duration_s,
                (None, None) => f64::INFINITY,
            };
            // each delivery takes the fruit of a successful swap from every part of its way
            let swapped = if way.bundles.len() > 1 { plan.policy.swap_success_probability } else { 1.0 };
            let brought = |bundle: &Vec<u32>| {
                let rate_hz: f64 =
                    bundle.iter().map(|link| known_or(self.delivery_rate_hz(*link), f64::INFINITY)).sum();
                if swapped > 0.0 { rate_hz * swapped / spent * plan.duration_s } else { 0.0 }
            };
            total += way.bundles.iter().map(brought).fold(requests, f64::min);
        }
        let links: Vec<u32> = (0..).zip(&used).filter_map(|(link, used)| used.then_some(link)).collect();
        total.min(plan.duration_s * self.most_heralds_hz(&links, f64::INFINITY) / spent)
    }

    /// Heralds per second of a link that never waits for anything but the message of its own herald; nan where attempts
    /// depend on each other.
    fn delivery_rate_hz(&self, link: u32) -> f64 {
        let physics = &self.physics[self.links[link as usize].physics as usize];
        let rate_hz = physics.rate_hz();
        rate_hz / (1.0 + rate_hz * seconds(physics.message_ps))
    }

    /// An upper bound to the heralds per second of some links together. Each link counts where room is scarcest: by
    /// itself, at one of its nodes, whose ions the fastest links get, or at the analyzers of its station. `unknown`
    /// stands for rates that are not known beforehand.
    fn most_heralds_hz(&self, links: &[u32], unknown: f64) -> f64 {
        let nodes = self.nodes.len();
        let ions = |node: usize| self.nodes[node].params.communication_ions;
        let analyzers = self.stations.iter().map(|station| station.count as f64);
        let room: Vec<f64> = (0..nodes)
            .map(|node| ions(node).map_or(f64::INFINITY, |ions| ions as f64))
            .chain(analyzers)
            .collect();
        let places = |link: u32| {
            let place = &self.links[link as usize];
            let ions = self.physics[place.physics as usize].comb.ions() as f64;
            let station = (place.station != NONE).then_some((nodes + place.station as usize, 1.0));
            place.nodes.into_iter().map(move |node| (node as usize, ions)).chain(station)
        };
        let mut wanted = vec![0.0; room.len()];
        for link in links {
            places(*link).for_each(|(place, needed)| wanted[place] += needed);
        }
        let mut total_hz = 0.0;
        let mut sharing = vec![vec![]; room.len()];
        for link in links {
            let rate_hz = known_or(self.delivery_rate_hz(*link), unknown);
            let scarce = |place: usize| room[place] / wanted[place];
            let scarcest = places(*link).min_by(|a, b| scarce(a.0).total_cmp(&scarce(b.0)));
            match scarcest.filter(|(place, _)| scarce(*place) < 1.0) {
                Some((place, needed)) => sharing[place].push((rate_hz, needed)),
                None => total_hz += rate_hz,
            }
        }
        for (mut links, mut left) in sharing.into_iter().zip(room) {
            links.sort_by(|a: &(f64, f64), b| (b.0 / b.1).total_cmp(&(a.0 / a.1)));
            for (rate_hz, needed) in links {
                let share = f64::min(left / needed, 1.0);
                if share > 0.0 {
                    total_hz += share * rate_hz;
                }
                left -= share * needed;
            }
        }
        total_hz
    }
}

fn known_or(rate_hz: f64, unknown: f64) -> f64 {
    if rate_hz.is_nan() { unknown } else { rate_hz }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{DemandParams, HubStationParams, NetworkNodeParams};
    use crate::{BasicLinkParams, Key};
    use std::sync::Arc;

    /// A star of links of rates that differ, from node 0 to each of the others.
    fn star(links: usize, ions_in_the_middle: Option<u64>) -> (Network, Vec<f64>) {
        let mut network = Network::new();
        let middle = NetworkNodeParams {
            communication_ions: ions_in_the_middle,
            ..NetworkNodeParams::named("middle")
        };
        network.add_node(middle).unwrap();
        let mut rates_hz = vec![];
        for number in 0..links {
            let efficiency = [0.1 + 0.1 * number as f64; 2];
            let link = BasicLinkParams { efficiency, attempt_period_s: Some(1e-5), ..Default::default() };
            let link = Arc::new(link.checked().unwrap());
            rates_hz.push(link.exact().unwrap().rate_hz);
            network.add_node(NetworkNodeParams::named(format!("leaf {number}"))).unwrap();
            let physics = network.add_physics(link).unwrap();
            network.add_link(physics, [0, number as u32 + 1]).unwrap();
        }
        (network, rates_hz)
    }

    fn expected(network: &Network, plan: &NetworkPlan) -> f64 {
        let ways: Vec<Way> = (0..network.demands.len()).map(|demand| network.way(demand).unwrap()).collect();
        network.expected_deliveries(plan, &ways)
    }

    fn assert_near(value: f64, expected: f64) {
        assert!((value / expected - 1.0).abs() < 1e-9, "{value} {expected}");
    }

    #[test]
    fn links_that_work_for_themselves_bring_what_their_rates_say_and_ions_bound_it() {
        let plan = NetworkPlan::new(Key::from_seed(7), 10.0);
        for (ions, most) in [(None, 4), (Some(4), 4), (Some(2), 2), (Some(1), 1)] {
            let (mut network, rates_hz) = star(4, ions);
            network.saturate(Saturation::Links);
            // the fastest ones were added last
            assert_near(expected(&network, &plan), 10.0 * rates_hz[4 - most..].iter().sum::<f64>());
        }
        let (mut network, rates_hz) = star(4, None);
        network.saturate(Saturation::Links);
        let count = 3;
        let (discipline, scheduling) = Default::default();
        let hub = HubStationParams { name: "hub".into(), count, discipline, scheduling };
        network.add_station(hub).unwrap();
        (0..4).for_each(|link| network.share(link, 0, None).unwrap());
        assert_near(expected(&network, &plan), 10.0 * rates_hz[1..].iter().sum::<f64>());
    }

    #[test]
    fn demands_bring_no_more_than_requests_and_the_weakest_part_of_the_way() {
        let (mut network, rates_hz) = star(3, None);
        let mut plan = NetworkPlan::new(Key::from_seed(7), 10.0);
        network.add_demand(DemandParams::saturated("leaf 0", "leaf 2")).unwrap();
        assert_near(expected(&network, &plan), 10.0 * rates_hz[0]);
        plan.policy.swap_success_probability = 0.25;
        assert_near(expected(&network, &plan), 2.5 * rates_hz[0]);
        plan.policy.swap_success_probability = 1.0;
        let some = DemandParams {
            saturate: false,
            rate_hz: Some(0.5),
            ..DemandParams::saturated("leaf 1", "leaf 2")
        };
        network.add_demand(some).unwrap();
        assert_near(expected(&network, &plan), 10.0 * rates_hz[0] + 5.0);
        let few = DemandParams {
            saturate: false,
            times_s: Some(vec![1.0, 2.0, 30.0]),
            ..DemandParams::saturated("middle", "leaf 2")
        };
        network.add_demand(few).unwrap();
        assert_near(expected(&network, &plan), 10.0 * rates_hz[0] + 7.0);
    }

    #[test]
    fn what_memory_does_not_hold_is_refused_and_a_summary_is_not() {
        let (mut network, rates_hz) = star(2, None);
        network.saturate(Saturation::Links);
        let count = 1e3 * rates_hz.iter().sum::<f64>();
        let bytes = (count * Deliveries::BYTES as f64) as u64;
        let plan = |memory_bytes, level| NetworkPlan {
            level,
            memory_bytes,
            ..NetworkPlan::new(Key::from_seed(7), 1e3)
        };
        network.check(&plan(bytes + 2, RecordLevel::Deliveries)).unwrap();
        let refused = network.check(&plan(bytes - 2, RecordLevel::Deliveries)).unwrap_err();
        assert!(
            matches!(refused, Error::Size { .. }) && refused.to_string().contains("summary"),
            "{refused}"
        );
        network.check(&plan(bytes + 2, RecordLevel::Trace)).unwrap_err();
        network.check(&plan(0, RecordLevel::Summary)).unwrap();
        // the estimate that asks nothing of the ways is no smaller
        assert!(network.most_bytes(&plan(0, RecordLevel::Deliveries)) >= bytes as f64);
    }
}
