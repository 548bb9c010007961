//! The network itself: nodes, links, demands and their ways, checked.

use super::comb::{Comb, picoseconds};
use super::kernel::NONE;
use super::params::{DemandParams, HubStationParams, HubSwitchParams, NetworkNodeParams};
use super::routes::Way;
use super::waiting::Law;
use crate::error::{Error, Result};
use crate::gates::GatesParams;
use crate::link::Link;
use crate::memory::MemoryParams;
use crate::state::{BellState, Correlations, OperationNoise};
use petgraph::graph::{NodeIndex, UnGraph};
use std::collections::HashMap;
use std::sync::Arc;

/// A checked network, ready to run.
///
/// ```
/// use ionlink_core::network::{DemandParams, Network, NetworkNodeParams, NetworkPlan};
/// use ionlink_core::{BasicLinkParams, Key, Link};
/// use std::sync::Arc;
///
/// let link = Arc::new(Link::new(BasicLinkParams { efficiency: [0.2, 0.2], ..Default::default() }.link()?)?);
/// let mut network = Network::new();
/// for name in ["alice", "carol", "bob"] {
///     network.add_node(NetworkNodeParams { communication_ions: Some(2), ..NetworkNodeParams::named(name) })?;
/// }
/// let physics = network.add_physics(link)?;
/// network.add_link(physics, [0, 1])?;
/// network.add_link(physics, [1, 2])?;
/// network.add_demand(DemandParams::saturated("alice", "bob"))?;
/// let run = network.run(&NetworkPlan::new(Key::from_seed(7), 0.01), &mut |_| true)?;
/// assert!(run.deliveries.len() > 10);
/// # Ok::<(), ionlink_core::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Network {
    pub(super) nodes: Vec<Node>,
    numbers: HashMap<String, u32>,
    pub(super) physics: Vec<Physics>,
    pub(super) links: Vec<Place>,
    pub(super) stations: Vec<HubStationParams>,
    pub(super) switches: Vec<HubSwitchParams>,
    pub(super) demands: Vec<DemandParams>,
    pub(super) saturation: Saturation,
    pub(super) graph: UnGraph<(), u32>,
}

/// What a network works for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Saturation {
    /// Its demands.
    #[default]
    Demands,
    /// Every link for itself: each herald is delivered as a pair of its own.
    Links,
}

/// A node, checked.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) params: NetworkNodeParams,
    /// Of the node itself, or of the links' own nodes.
    pub(super) gates: Option<GatesParams>,
    /// Number of its links.
    pub(super) degree: u32,
}

impl Node {
    pub(super) fn swap_noise(&self) -> OperationNoise {
        self.gates.map_or(OperationNoise::NONE, |gates| gates.swap_noise())
    }

    pub(super) fn correction_weight(&self) -> f64 {
        self.gates.map_or(1.0, |gates| gates.correction_weight())
    }

    pub(super) fn operation_ps(&self) -> u64 {
        self.gates.map_or(0, |gates| picoseconds(gates.duration_s))
    }

    pub(super) fn transfer(&self) -> (f64, u64) {
        self.gates.map_or((1.0, 0), |gates| (gates.transfer_weight(), picoseconds(gates.transfer_duration_s)))
    }
}

/// The physics that links have in common.
#[derive(Debug, Clone)]
pub(super) struct Physics {
    pub(super) link: Arc<Link>,
    pub(super) comb: Comb,
    /// Probability that an attempt heralds.
    pub(super) probability: f64,
    /// Mean state of each announced Bell state, turned to phi+, and the probability that a herald is of it or of an earlier one.
    pub(super) mean: Vec<(BellState, f64, Correlations)>,
    /// Time from the end of an attempt until both nodes know of its herald (ps).
    pub(super) message_ps: u64,
    /// How long each ion has waited when both nodes know of a herald (ps).
    pub(super) age_ps: [u64; 2],
    /// As much of it as the state of the herald contains (ps).
    contained_ps: [u64; 2],
    /// Time that light takes from node to node (ps).
    pub(super) distance_ps: u64,
    /// Memories of the link's own nodes.
    pub(super) laws: [Law; 2],
    /// Why attempts depend on each other, if they do.
    pub(super) dependence: Option<Error>,
}

impl Physics {
    fn new(link: Arc<Link>) -> Result<Self> {
        let nodes = &link.params().nodes;
        if nodes.len() != 2 {
            return Err(Error::Model {
                parameter: "encoding".into(),
                message: "a link of one ion and a receiver leaves no pair of ions: networks need two nodes"
                    .into(),
            });
        }
        let comb = Comb::new(link.schedule())?;
        let dependence = link.dependence().or_else(|| {
            link.schedule().is_interrupted().then(|| Error::Model {
                parameter: "schedule.ion_loss_rate_hz".into(),
                message: "reloading holds attempts up".into(),
            })
        });
        let (mut probability, mut mean) = (f64::NAN, vec![]);
        if dependence.is_none() {
            let exact = link.exact()?;
            probability = exact.attempt_probability;
            let total: f64 = exact.outcomes.iter().map(|outcome| outcome.probability).sum();
            let mut below = 0.0;
            for outcome in exact.outcomes.iter().filter(|outcome| outcome.probability > 0.0) {
                below += outcome.probability / total;
                let pair = Correlations::of(&outcome.rho).carried(outcome.bell_state, BellState::PhiPlus);
                mean.push((outcome.bell_state, below, pair));
            }
        }
        let waits_s = link.wait_s();
        let waited_ps = [waits_s[0], waits_s[1]].map(picoseconds);
        // without a memory of its own the link leaves the wait to that of the network's node
        let contained_ps =
            [0, 1].map(|node: usize| if nodes[node].memory.is_some() { waited_ps[node] } else { 0 });
        let memories = [0, 1].map(|node: usize| nodes[node].memory.clone().unwrap_or_default());
        // a wait that is given says what the state contains, not when the nodes know
        let known_ps = picoseconds(link.known_by_both_after_s());
        let laws = [law(&memories[0])?, law(&memories[1])?];
        let delays_s = link.path_delay_s();
        // photons that meet at the station left the nearer ion later; both wait for the later message
        let message_s = f64::max(link.herald_delay_s(0), link.herald_delay_s(1));
        let age_ps =
            [0, 1].map(|side: usize| contained_ps[side].max(picoseconds(delays_s[side] + message_s)));
        Ok(Self {
            comb,
            probability,
            mean,
            message_ps: known_ps.saturating_sub(comb.spacing_ps()),
            age_ps,
            contained_ps,
            distance_ps: picoseconds(delays_s[0] + delays_s[1]),
            laws,
            dependence,
            link,
        })
    }

    /// What a herald's pair, turned to phi+ from what was announced, has become when both nodes know of it: the nearer one waits for
    /// the farther one.
    pub(super) fn arrived(
        &self,
        mut pair: Correlations,
        announced: BellState,
        laws: [Law; 2],
    ) -> Correlations {
        for side in 0..2 {
            let flipped = side == 1 && is_flipped(announced);
            laws[side].apply(&mut pair, side, flipped, self.contained_ps[side], self.age_ps[side]);
        }
        pair
    }

    /// Mean number of heralds per second of attempting.
    pub(super) fn rate_hz(&self) -> f64 {
        self.link.exact().map_or(f64::NAN, |exact| exact.rate_hz)
    }
}

/// Whether the second qubit of a pair waits flipped against that of the phi+ it is noted as.
pub(super) fn is_flipped(announced: BellState) -> bool {
    matches!(announced, BellState::PsiPlus | BellState::PsiMinus)
}

fn law(params: &MemoryParams) -> Result<Law> {
    Law::new(params)
}

/// Where a link lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) physics: u32,
    pub(super) nodes: [u32; 2],
    /// The station that it shares with others, and the switch before it.
    pub(super) station: u32,
    pub(super) switch: u32,
}

/// What is connected to a switch, in the order of its links.
#[derive(Debug, Default)]
pub(super) struct PortsUsed {
    pub(super) nodes: Vec<u32>,
    pub(super) stations: Vec<u32>,
}

impl Network {
    /// A network without nodes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a node; returns its number.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a field outside its domain and for a name that another node has.
    pub fn add_node(&mut self, params: NetworkNodeParams) -> Result<u32> {
        let number = self.nodes.len();
        params.check().map_err(|error| error.within(number).within("nodes"))?;
        if self.numbers.contains_key(&params.name) {
            let name = format!("{:?}", params.name);
            return Err(Error::parameter(
                format!("nodes.{number}.name"),
                name,
                "different from every other node's",
                "",
            ));
        }
        let number = u32::try_from(number).map_err(|_| too_many("nodes"))?;
        self.numbers.insert(params.name.clone(), number);
        self.nodes.push(Node { gates: params.gates, params, degree: 0 });
        self.graph.add_node(());
        Ok(number)
    }

    /// Makes a link's physics known, for any number of links to have; returns its number.
    ///
    /// # Errors
    /// [`Error::Model`] for a link of one node or one whose `exact` would take too long, [`Error::Parameter`] for one whose
    /// attempts take less than a picosecond.
    pub fn add_physics(&mut self, link: Arc<Link>) -> Result<u32> {
        let number = u32::try_from(self.physics.len()).map_err(|_| too_many("links"))?;
        self.physics.push(Physics::new(link)?);
        Ok(number)
    }

    /// Adds a link between two nodes, its node A first; returns its number.
    ///
    /// # Errors
    /// [`Error::Parameter`] for numbers of nothing and for gates that differ from what is known of a node.
    pub fn add_link(&mut self, physics: u32, nodes: [u32; 2]) -> Result<u32> {
        let number = self.links.len();
        let Some(known) = self.physics.get(physics as usize) else {
            return Err(Error::parameter(
                format!("links.{number}"),
                physics,
                "the number of a link's physics",
                "",
            ));
        };
        for (side, &node) in nodes.iter().enumerate() {
            if node as usize >= self.nodes.len() {
                let domain = format!("one of {} nodes, counted from 0", self.nodes.len());
                return Err(Error::parameter(format!("links.{number}.between.{side}"), node, domain, ""));
            }
        }
        if nodes[0] == nodes[1] {
            let name = format!("{:?}", self.nodes[nodes[1] as usize].params.name);
            return Err(Error::parameter(
                format!("links.{number}.between.1"),
                name,
                "another node than the first",
                "",
            ));
        }
        let own = [0, 1].map(|side: usize| known.link.params().nodes[side].gates);
        for (side, gates) in own.into_iter().enumerate() {
            let node = &mut self.nodes[nodes[side] as usize];
            if node.params.gates.is_some() || gates.is_none() {
                continue;
            }
            if node.gates.is_some() && node.gates != gates {
                return Err(Error::Model {
                    parameter: format!("links.{number}.nodes.{side}.gates"),
                    message: format!(
                        "another link brings other gates for node {:?}: give them with the node",
                        node.params.name
                    ),
                });
            }
            node.gates = gates;
        }
        let number = u32::try_from(number).map_err(|_| too_many("links"))?;
        for node in nodes {
            self.nodes[node as usize].degree += 1;
        }
        self.links.push(Place { physics, nodes, station: NONE, switch: NONE });
        self.graph.add_edge(NodeIndex::new(nodes[0] as usize), NodeIndex::new(nodes[1] as usize), number);
        Ok(number)
    }

    /// Adds a station that links can share; returns its number.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a field outside its domain and for a name that another station has.
    pub fn add_station(&mut self, params: HubStationParams) -> Result<u32> {
        let number = self.stations.len();
        params.check().map_err(|error| error.within(number).within("stations"))?;
        if self.stations.iter().any(|other| other.name == params.name) {
            let domain = "different from every other station's";
            return Err(Error::parameter(
                format!("stations.{number}.name"),
                format!("{:?}", params.name),
                domain,
                "",
            ));
        }
        self.stations.push(params);
        u32::try_from(number).map_err(|_| too_many("stations"))
    }

    /// Adds a switch that links can pass; returns its number. Its loss belongs to the physics of the links: see
    /// [`HubSwitchParams::passage_loss_db`] and [`Link::through`].
    ///
    /// # Errors
    /// [`Error::Parameter`] for a field outside its domain and for a name that another switch has.
    pub fn add_switch(&mut self, params: HubSwitchParams) -> Result<u32> {
        let number = self.switches.len();
        params.check().map_err(|error| error.within(number).within("switches"))?;
        if self.switches.iter().any(|other| other.name == params.name) {
            let domain = "different from every other switch's";
            return Err(Error::parameter(
                format!("switches.{number}.name"),
                format!("{:?}", params.name),
                domain,
                "",
            ));
        }
        self.switches.push(params);
        u32::try_from(number).map_err(|_| too_many("switches"))
    }

    /// Lets a link share a station, which it reaches through a switch or directly.
    ///
    /// # Errors
    /// [`Error::Parameter`] for numbers of nothing, and for a switch that has too few ports.
    pub fn share(&mut self, link: u32, station: u32, switch: Option<u32>) -> Result<()> {
        let known = |name: &str, number: u32, count: usize| {
            if (number as usize) < count {
                Ok(())
            } else {
                Err(Error::parameter(name, number, format!("one of {count}, counted from 0"), ""))
            }
        };
        known("link", link, self.links.len())?;
        known("station", station, self.stations.len())?;
        if let Some(switch) = switch {
            known("switch", switch, self.switches.len())?;
        }
        let place = &mut self.links[link as usize];
        (place.station, place.switch) = (station, switch.unwrap_or(NONE));
        Ok(())
    }

    /// What is connected to a switch.
    pub(super) fn ports_used(&self, switch: u32) -> PortsUsed {
        let mut used = PortsUsed::default();
        let mut node_seen = vec![false; self.nodes.len()];
        let mut station_seen = vec![false; self.stations.len()];
        for place in self.links.iter().filter(|place| place.switch == switch) {
            for node in place.nodes {
                if !std::mem::replace(&mut node_seen[node as usize], true) {
                    used.nodes.push(node);
                }
            }
            if !std::mem::replace(&mut station_seen[place.station as usize], true) {
                used.stations.push(place.station);
            }
        }
        used
    }

    /// Refuses switches with more connections than ports.
    pub(super) fn check_ports(&self) -> Result<()> {
        for (number, switch) in self.switches.iter().enumerate() {
            let used = self.ports_used(number as u32);
            let analyzers: u64 =
                used.stations.iter().map(|station| self.stations[*station as usize].count).sum();
            let needed = used.nodes.len() as u64 + 2 * analyzers;
            if needed > switch.ports {
                let domain = format!(
                    "at least {needed}: one for each of {} nodes, two for each of {analyzers} analyzers",
                    used.nodes.len()
                );
                return Err(Error::parameter(format!("switches.{number}.ports"), switch.ports, domain, ""));
            }
        }
        Ok(())
    }

    /// Adds a demand; its way is looked for when the network runs.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a field outside its domain or an unknown node.
    pub fn add_demand(&mut self, params: DemandParams) -> Result<u32> {
        let number = self.demands.len();
        let here = |error: Error| error.within(number).within("demands");
        params.check().map_err(here)?;
        for (side, name) in params.between.iter().enumerate() {
            self.node(name).map_err(|error| here(error.within(side).within("between")))?;
        }
        for (place, name) in params.route.iter().flatten().enumerate() {
            self.node(name).map_err(|error| here(error.within(place).within("route")))?;
        }
        self.demands.push(params);
        u32::try_from(number).map_err(|_| too_many("demands"))
    }

    /// Lets every link work for itself, or all for the demands.
    pub fn saturate(&mut self, saturation: Saturation) {
        self.saturation = saturation;
    }

    /// Number of a node.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a name that no node has, with the one that resembles it most.
    pub fn node(&self, name: &str) -> Result<u32> {
        self.numbers.get(name).copied().ok_or_else(|| {
            let closest = crate::tree::closest(name, self.nodes.iter().map(|node| node.params.name.as_str()));
            let hint = closest.map_or(String::new(), |closest| format!("; did you mean \"{closest}\"?"));
            Error::parameter("", format!("{name:?}"), format!("the name of a node of the network{hint}"), "")
        })
    }

    /// Name of a node.
    pub fn name(&self, node: u32) -> Option<&str> {
        self.nodes.get(node as usize).map(|node| node.params.name.as_str())
    }

    /// Numbers of nodes, links and demands.
    pub fn counts(&self) -> [usize; 3] {
        [self.nodes.len(), self.links.len(), self.demands.len()]
    }

    /// Nodes of each link.
    pub fn link_nodes(&self, link: u32) -> Option<[u32; 2]> {
        self.links.get(link as usize).map(|place| place.nodes)
    }

    /// Numbers of the nodes on the way of a demand.
    ///
    /// # Errors
    /// As [`Network::run`].
    pub fn route(&self, demand: u32) -> Result<Vec<u32>> {
        self.way(demand as usize).map(|way| way.nodes)
    }

    /// Qubits of one link that each node stores at most, for these ways of demands and rounds of distillation: an even share of
    /// its ions. A node with as many ions as its links need has one for each, and as many as distillation needs; where no way goes
    /// on, its qubits are in nobody's way.
    pub(super) fn shares(&self, ways: &[Way], levels: u32) -> Vec<u64> {
        let mut passed = vec![false; self.nodes.len()];
        for way in ways {
            for node in &way.nodes[1..way.nodes.len() - 1] {
                passed[*node as usize] = true;
            }
        }
        let share = |(node, passed): (&Node, bool)| {
            let degree = u64::from(node.degree.max(1));
            node.params.buffer_per_link.unwrap_or_else(|| match node.params.communication_ions {
                None if !passed => u64::MAX,
                None => 1 + u64::from(levels) + node.params.memory_ions / degree,
                Some(ions) => ((ions + node.params.memory_ions) / degree).max(1),
            })
        };
        self.nodes.iter().zip(passed).map(share).collect()
    }

    /// The law by which a qubit that came by a link decays, on a communication or on a memory ion.
    pub(super) fn law(&self, link: u32, side: usize, stored: bool) -> Result<Law> {
        let place = self.links[link as usize];
        let node = &self.nodes[place.nodes[side] as usize].params;
        let own = node.memory.as_ref();
        match if stored { node.storage.as_ref().or(own) } else { own } {
            Some(params) => Law::new(params),
            None => Ok(self.physics[place.physics as usize].laws[side]),
        }
    }
}

fn too_many(what: &str) -> Error {
    Error::parameter(what, "more than 4294967295", "at most 2^32 - 1", "")
}
