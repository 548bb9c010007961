//! Ways of demands: the shortest one, or several for rules of one's own to choose from.

use super::params::{DemandParams, Weight};
use super::rules::{self, CandidateRoute, Rules};
use super::topology::{Network, Physics};
use crate::error::{Error, Result};
use crate::state::BellState;
use petgraph::algo::astar;
use petgraph::graph::NodeIndex;
use petgraph::visit::{EdgeFiltered, EdgeRef};

/// Ways among which rules of one's own choose, at most.
const CANDIDATES: usize = 8;

/// The way of a demand.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Way {
    pub(super) nodes: Vec<u32>,
    /// The best link from each node to the next.
    pub(super) links: Vec<u32>,
    /// All links there, which work side by side.
    pub(super) bundles: Vec<Vec<u32>>,
}

impl Network {
    /// The way of a demand, as rules of one's own choose it if there are any.
    pub(super) fn chosen_way(&self, demand: usize, rules: Option<&dyn Rules>) -> Result<Way> {
        let params = &self.demands[demand];
        let (Some(rules), None) = (rules, &params.route) else { return self.way(demand) };
        let ends = self.ends(demand)?;
        let mut ways = vec![];
        for nodes in self.shortest_ways(ends, params.weight, CANDIDATES) {
            ways.push(self.way_over(demand, nodes)?);
        }
        if ways.is_empty() {
            return Err(not_connected(demand, params));
        }
        let candidates: Vec<CandidateRoute> = ways.iter().map(|way| self.candidate(way)).collect();
        let place = rules.route(demand as u32, &candidates).unwrap_or(0);
        Ok(ways.swap_remove(rules::placed("route", place, ways.len())?))
    }

    /// The way of a demand: the one that is given, or the shortest.
    pub(super) fn way(&self, demand: usize) -> Result<Way> {
        let params = &self.demands[demand];
        let ends = self.ends(demand)?;
        let Some(route) = &params.route else {
            let nodes = self.shortest_ways(ends, params.weight, 1).pop();
            return self.way_over(demand, nodes.ok_or_else(|| not_connected(demand, params))?);
        };
        let nodes = route.iter().map(|name| self.node(name)).collect::<Result<Vec<_>>>()?;
        if nodes.first() != Some(&ends[0]) || nodes.last() != Some(&ends[1]) {
            let value = match route.as_slice() {
                [] => "no node".to_owned(),
                [only] => format!("{only:?} alone"),
                [first, .., last] => format!("from {first:?} to {last:?}"),
            };
            let domain = "from the first to the second node of `between`";
            return Err(within(demand, Error::parameter("route", value, domain, "")));
        }
        self.way_over(demand, nodes)
    }

    /// Nodes of a demand, for which there can be a shortest way.
    fn ends(&self, demand: usize) -> Result<[u32; 2]> {
        let params = &self.demands[demand];
        let ends = [self.node(&params.between[0])?, self.node(&params.between[1])?];
        if params.weight != Weight::Hops {
            // costs are of links whose herald probability is known
            let mut physics = self.links.iter().map(|place| &self.physics[place.physics as usize]);
            if let Some(error) = physics.find_map(|physics| physics.dependence.as_ref()) {
                let message = format!("a link's rate and fidelity are not known beforehand: {error}");
                return Err(within(demand, Error::Model { parameter: "weight".into(), message }));
            }
        }
        Ok(ends)
    }

    /// The way of a demand over these nodes.
    fn way_over(&self, demand: usize, nodes: Vec<u32>) -> Result<Way> {
        let (mut links, mut bundles) = (vec![], vec![]);
        for pair in nodes.windows(2) {
            let mut bundle = self.links_between(pair[0], pair[1]);
            let best = self.best_of(&bundle, self.demands[demand].weight);
            links.push(best.ok_or_else(|| {
                let name = |node: u32| self.name(node).unwrap_or_default();
                let value = format!("{:?} to {:?}", name(pair[0]), name(pair[1]));
                within(demand, Error::parameter("route", value, "nodes that a link connects", ""))
            })?);
            bundle.sort_unstable();
            bundles.push(bundle);
        }
        let mut sorted = nodes.clone();
        sorted.sort_unstable();
        if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(within(demand, Error::parameter("route", "a node twice", "each node once", "")));
        }
        Ok(Way { nodes, links, bundles })
    }

    fn links_between(&self, from: u32, to: u32) -> Vec<u32> {
        let [from, to] = [from, to].map(|node| NodeIndex::new(node as usize));
        self.graph.edges_connecting(from, to).map(|edge| *edge.weight()).collect()
    }

    /// The link of several that makes a way shortest; of equal ones that with the lowest number.
    fn best_of(&self, links: &[u32], weight: Weight) -> Option<u32> {
        let order =
            |a: &&u32, b: &&u32| self.cost(**a, weight).total_cmp(&self.cost(**b, weight)).then(a.cmp(b));
        links.iter().min_by(order).copied()
    }

    /// Up to so many ways between two nodes that visit no node twice, the shortest first; of equally short ones that with fewer nodes,
    /// then that with lower numbers, but the very first, which is what a search for one way finds (Yen, Management Science 17, 712
    /// (1971)).
    fn shortest_ways(&self, ends: [u32; 2], weight: Weight, count: usize) -> Vec<Vec<u32>> {
        let mut found: Vec<Vec<u32>> = self.shortest(ends, weight, |_, _| true).into_iter().collect();
        let mut others: Vec<(f64, Vec<u32>)> = vec![];
        let mut banned = vec![false; self.nodes.len()];
        while found.len() < count
            && let Some(last) = found.last().cloned()
        {
            for spur in 0..last.len() - 1 {
                let (root, from) = (&last[..=spur], last[spur]);
                // each way that leaves the last one here, and goes on as no way that is known does
                let known = found.iter().filter(|way| way.starts_with(root));
                let taken: Vec<u32> = known.filter_map(|way| way.get(spur + 1).copied()).collect();
                let passes = |a: u32, b: u32| {
                    let again = (a == from && taken.contains(&b)) || (b == from && taken.contains(&a));
                    !(again || banned[a as usize] || banned[b as usize])
                };
                if let Some(rest) = self.shortest([from, ends[1]], weight, passes) {
                    let way: Vec<u32> = root[..spur].iter().copied().chain(rest).collect();
                    if others.iter().all(|(_, other)| *other != way) {
                        others.push((self.length(&way, weight), way));
                    }
                }
                banned[from as usize] = true;
            }
            for node in last {
                banned[node as usize] = false;
            }
            let order = |a: &(f64, Vec<u32>), b: &(f64, Vec<u32>)| {
                a.0.total_cmp(&b.0).then(a.1.len().cmp(&b.1.len())).then(a.1.cmp(&b.1))
            };
            let next = (0..others.len()).min_by(|a, b| order(&others[*a], &others[*b]));
            let Some(next) = next else { break };
            found.push(others.swap_remove(next).1);
        }
        found
    }

    /// The shortest way over those links that pass, if there is one of finite length.
    fn shortest(
        &self,
        ends: [u32; 2],
        weight: Weight,
        passes: impl Fn(u32, u32) -> bool,
    ) -> Option<Vec<u32>> {
        let [from, to] = ends.map(|node| NodeIndex::new(node as usize));
        let open = EdgeFiltered::from_fn(&self.graph, |edge| {
            passes(edge.source().index() as u32, edge.target().index() as u32)
        });
        let cost = |edge: petgraph::graph::EdgeReference<'_, u32>| self.cost(*edge.weight(), weight);
        let (cost, nodes) = astar(&open, from, |node| node == to, cost, |_| 0.0)?;
        cost.is_finite().then(|| nodes.into_iter().map(|node| node.index() as u32).collect())
    }

    fn length(&self, nodes: &[u32], weight: Weight) -> f64 {
        let best = |pair: &[u32]| self.best_of(&self.links_between(pair[0], pair[1]), weight);
        nodes.windows(2).map(|pair| best(pair).map_or(f64::INFINITY, |link| self.cost(link, weight))).sum()
    }

    /// What rules of one's own see of a way.
    fn candidate(&self, way: &Way) -> CandidateRoute {
        let of = |link: &u32| &self.physics[self.links[*link as usize].physics as usize];
        let (mut time_s, mut weight) = (0.0, 1.0);
        for physics in way.links.iter().map(of) {
            let known = physics.dependence.is_none();
            time_s += if known { 1.0 / physics.rate_hz() } else { f64::NAN };
            weight *= if known { werner_weight(physics) } else { f64::NAN };
        }
        CandidateRoute { nodes: way.nodes.clone(), time_s, fidelity: 0.25 + 0.75 * weight }
    }

    fn cost(&self, link: u32, weight: Weight) -> f64 {
        let physics = &self.physics[self.links[link as usize].physics as usize];
        match weight {
            Weight::Hops => 1.0,
            Weight::Rate => 1.0 / physics.rate_hz(),
            Weight::Fidelity => {
                let werner = werner_weight(physics);
                if werner > 0.0 { -crate::math::ln(werner.min(1.0)) } else { f64::INFINITY }
            }
        }
    }
}

/// Weight of phi+ in a Werner state as good as a link's mean pair.
fn werner_weight(physics: &Physics) -> f64 {
    let mut fidelity = 0.0;
    let mut before = 0.0;
    for (_, below, pair) in &physics.mean {
        fidelity += (below - before) * pair.fidelity(BellState::PhiPlus);
        before = *below;
    }
    (4.0 * fidelity - 1.0) / 3.0
}

fn within(demand: usize, error: Error) -> Error {
    error.within(demand).within("demands")
}

fn not_connected(demand: usize, params: &DemandParams) -> Error {
    let value = format!("{:?} and {:?}", params.between[0], params.between[1]);
    within(demand, Error::parameter("between", value, "connected by links", ""))
}
