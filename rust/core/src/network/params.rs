//! The parameters of a network: what stands in a network file beside its links.

use crate::check;
use crate::error::{Error, Result};
use crate::gates::GatesParams;
use crate::memory::MemoryParams;
use crate::tree::{Tree, fields_of};
use serde::{Deserialize, Serialize};

/// Tables of networks that can be checked by themselves.
pub const TABLES: [&str; 5] = ["network_node", "demand", "policy", "hub_station", "hub_switch"];

/// Checks one table of a network.
///
/// # Errors
/// The first field that is unknown, missing or outside its domain; [`Error::Parameter`] for an unknown kind.
pub fn check_table(kind: &str, tree: &Tree) -> Result<()> {
    match kind {
        "network_node" => tree.read::<NetworkNodeParams>()?.check(),
        "demand" => tree.read::<DemandParams>()?.check(),
        "policy" => tree.read::<PolicyParams>()?.check(),
        "hub_station" => tree.read::<HubStationParams>()?.check(),
        "hub_switch" => tree.read::<HubSwitchParams>()?.check(),
        _ => Err(unknown(kind)),
    }
}

/// Names of the fields of one kind of table.
///
/// # Errors
/// [`Error::Parameter`] for an unknown kind.
pub fn table_fields(kind: &str) -> Result<&'static [&'static str]> {
    match kind {
        "network_node" => Ok(fields_of::<NetworkNodeParams>()),
        "demand" => Ok(fields_of::<DemandParams>()),
        "policy" => Ok(fields_of::<PolicyParams>()),
        "hub_station" => Ok(fields_of::<HubStationParams>()),
        "hub_switch" => Ok(fields_of::<HubSwitchParams>()),
        _ => Err(unknown(kind)),
    }
}

fn unknown(kind: &str) -> Error {
    Error::parameter("kind", format!("{kind:?}"), format!("one of {}", TABLES.join(", ")), "")
}

/// A node of a network: its ions and what they can do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkNodeParams {
    /// Name of the node.
    pub name: String,
    /// Ions that attempt links, shared by all links of the node; left out: as many as its links need.
    #[serde(default)]
    pub communication_ions: Option<u64>,
    /// Ions that only store qubits.
    #[serde(default)]
    pub memory_ions: u64,
    /// Qubits of one link that the node stores at most; left out: an even share of its ions.
    #[serde(default)]
    pub buffer_per_link: Option<u64>,
    /// Memory of communication ions; left out: that of the link's own node.
    #[serde(default)]
    pub memory: Option<MemoryParams>,
    /// Memory of memory ions; left out: that of communication ions.
    #[serde(default)]
    pub storage: Option<MemoryParams>,
    /// Gates; left out: those of the links' own nodes, which must not differ.
    #[serde(default)]
    pub gates: Option<GatesParams>,
    /// Probability of a phase flip of each stored qubit with every attempt that the node makes meanwhile.
    #[serde(default)]
    pub dephasing_per_attempt: f64,
    /// Rate at which a stored qubit is lost (1/s), which the node notices: the pair is thrown away.
    #[serde(default)]
    pub loss_rate_hz: f64,
    /// Place in a picture.
    #[serde(default)]
    pub position: Option<[f64; 2]>,
}

impl NetworkNodeParams {
    /// A node of which nothing is known but its name.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            communication_ions: None,
            memory_ions: 0,
            buffer_per_link: None,
            memory: None,
            storage: None,
            gates: None,
            dephasing_per_attempt: 0.0,
            loss_rate_hz: 0.0,
            position: None,
        }
    }

    /// Checks the fields.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the field.
    pub fn check(&self) -> Result<()> {
        if self.name.is_empty() {
            return Err(Error::parameter("name", "\"\"", "at least one character", ""));
        }
        for (name, count) in [
            ("communication_ions", self.communication_ions.unwrap_or(1)),
            ("buffer_per_link", self.buffer_per_link.unwrap_or(1)),
        ] {
            if !(1..=MOST_IONS).contains(&count) {
                return Err(Error::parameter(name, count, format!("in [1, {MOST_IONS}]"), ""));
            }
        }
        if self.memory_ions > MOST_IONS {
            let domain = format!("in [0, {MOST_IONS}]");
            return Err(Error::parameter("memory_ions", self.memory_ions, domain, ""));
        }
        for (name, memory) in [("memory", &self.memory), ("storage", &self.storage)] {
            if let Some(memory) = memory {
                memory.check().map_err(|error| error.within(name))?;
            }
        }
        if self.storage.is_some() && self.memory_ions == 0 {
            return Err(Error::Model {
                parameter: "storage".into(),
                message: "there are no memory ions that it could describe".into(),
            });
        }
        if let Some(gates) = &self.gates {
            gates.check().map_err(|error| error.within("gates"))?;
        }
        check::within("dephasing_per_attempt", self.dephasing_per_attempt, 0.0, 0.5, "")?;
        check::within("loss_rate_hz", self.loss_rate_hz, 0.0, 1e11, "1/s")?;
        for value in self.position.iter().flatten() {
            check::finite("position", *value, "")?;
        }
        Ok(())
    }
}

/// Ions of a node, far beyond any trap.
const MOST_IONS: u64 = 1 << 30;

/// Who wants pairs with whom, how many and how good.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DemandParams {
    /// Names of the two nodes.
    pub between: [String; 2],
    /// Mean rate of requests, which come at random (1/s).
    #[serde(default)]
    pub rate_hz: Option<f64>,
    /// Times of requests (s), ascending.
    #[serde(default)]
    pub times_s: Option<Vec<f64>>,
    /// Whether there is always one request more.
    #[serde(default)]
    pub saturate: bool,
    /// Fidelity to phi+ below which a pair is not delivered but thrown away.
    #[serde(default)]
    pub min_fidelity: f64,
    /// Requests that may wait, the one being served included; further ones are blocked. Left out: any number.
    #[serde(default)]
    pub queue_limit: Option<u64>,
    /// Requests that are worked on at the same time; left out: one for a saturated demand, all that wait for others.
    #[serde(default)]
    pub in_flight: Option<u64>,
    /// Names of all nodes on the way, both ends included; left out: the best way by `weight`.
    #[serde(default)]
    pub route: Option<Vec<String>>,
    /// What makes a way short.
    #[serde(default)]
    pub weight: Weight,
}

/// What makes a way short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// Few links.
    #[default]
    Hops,
    /// A small sum of mean times to a herald.
    Rate,
    /// A large product of Werner weights (4 F - 1)/3.
    Fidelity,
}

impl DemandParams {
    /// A demand that always wants one pair more.
    pub fn saturated(a: impl Into<String>, b: impl Into<String>) -> Self {
        Self {
            between: [a.into(), b.into()],
            rate_hz: None,
            times_s: None,
            saturate: true,
            min_fidelity: 0.0,
            queue_limit: None,
            in_flight: None,
            route: None,
            weight: Weight::Hops,
        }
    }

    /// Checks the fields.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the field.
    pub fn check(&self) -> Result<()> {
        let given = [self.rate_hz.is_some(), self.times_s.is_some(), self.saturate];
        if given.iter().filter(|given| **given).count() != 1 {
            let value = format!("{} of them", given.iter().filter(|given| **given).count());
            return Err(Error::parameter(
                "rate_hz",
                value,
                "exactly one of rate_hz, times_s and saturate",
                "1/s",
            ));
        }
        if let Some(rate_hz) = self.rate_hz {
            check::positive("rate_hz", rate_hz, "1/s")?;
            // so that requests are picoseconds apart
            check::within("rate_hz", rate_hz, 0.0, 1e11, "1/s")?;
        }
        if let Some(times_s) = &self.times_s {
            let mut last_s = 0.0;
            for (index, &time_s) in times_s.iter().enumerate() {
                if !(time_s >= last_s && time_s <= MAX_DURATION_S) {
                    let domain = format!("ascending, in [0, {MAX_DURATION_S:e}]");
                    return Err(Error::parameter(format!("times_s.{index}"), time_s, domain, "s"));
                }
                last_s = time_s;
            }
        }
        check::probability("min_fidelity", self.min_fidelity)?;
        for (name, count) in [("queue_limit", self.queue_limit), ("in_flight", self.in_flight)] {
            if count == Some(0) {
                return Err(Error::parameter(name, 0, "at least 1", ""));
            }
        }
        if self.between[0] == self.between[1] {
            let domain = "another node than the first";
            return Err(Error::parameter("between.1", format!("{:?}", self.between[1]), domain, ""));
        }
        Ok(())
    }
}

/// What nodes do with their ions and pairs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyParams {
    /// When a node swaps.
    #[serde(default)]
    pub swap: SwapOrder,
    /// Probability that a swap works; otherwise both pairs are lost.
    #[serde(default = "one")]
    pub swap_success_probability: f64,
    /// Age at which a waiting pair is thrown away, counted from the herald of its oldest part (s); left out: never.
    #[serde(default)]
    pub cutoff_s: Option<f64>,
    /// How pairs of a link are distilled before they are used; left out: not at all.
    #[serde(default)]
    pub distill: Option<Distillation>,
    /// Rounds of distillation: 2 to this power pairs for one, if all goes well.
    #[serde(default)]
    pub rounds: Option<u64>,
    /// How links share a node's ions.
    #[serde(default)]
    pub contention: Contention,
    /// Time after which a link without a herald stops attempting, gives its ions back when it has heard of its last attempt, and
    /// waits again (s), no less than an attempt of each link in use and the reconfiguration of its switch; left out: never.
    #[serde(default)]
    pub attempt_timeout_s: Option<f64>,
}

fn one() -> f64 {
    1.0
}

impl Default for PolicyParams {
    fn default() -> Self {
        Self {
            swap: SwapOrder::default(),
            swap_success_probability: 1.0,
            cutoff_s: None,
            distill: None,
            rounds: None,
            contention: Contention::default(),
            attempt_timeout_s: None,
        }
    }
}

/// When a node swaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SwapOrder {
    /// As soon as it has a pair to each side.
    #[default]
    Asap,
    /// Only pairs that span the two halves of a part of the way, halved again and again.
    Nested,
}

/// How two pairs are made one better one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distillation {
    /// Bennett et al., Phys. Rev. Lett. 76, 722 (1996).
    Bbpssw,
    /// Deutsch et al., Phys. Rev. Lett. 77, 2818 (1996).
    Dejmps,
}

/// How links share a node's ions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Contention {
    /// Of the links whose two nodes both have a free ion the one that has waited longest gets them, and keeps them until its herald
    /// or time-out.
    #[default]
    LongestWaiting,
    /// A free ion goes to the link that has waited longest and waits there for its partner, however long that takes: simple,
    /// fair, and slow where many links share few ions.
    HoldAndWait,
}

/// A station that several links share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HubStationParams {
    /// Name of the station.
    pub name: String,
    /// Analyzers, each of which serves one link at a time.
    #[serde(default = "one_analyzer")]
    pub count: u64,
    /// What happens to requests that find no analyzer.
    #[serde(default)]
    pub discipline: Discipline,
    /// Which of the links that wait is served next.
    #[serde(default)]
    pub scheduling: Scheduling,
}

fn one_analyzer() -> u64 {
    1
}

/// What happens to requests that find no analyzer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Discipline {
    /// They wait.
    #[default]
    Queue,
    /// They are blocked.
    Loss,
}

/// Which of the links that wait for a station is served next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheduling {
    /// The one that has waited longest: first come, first served.
    #[default]
    LongestWaiting,
    /// One after the other in the order of their numbers.
    RoundRobin,
    /// The one with the most requests.
    MaxWeight,
}

/// An optical switch between nodes and stations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HubSwitchParams {
    /// Name of the switch.
    pub name: String,
    /// Ports: one for each node and two for each analyzer.
    pub ports: u64,
    /// Loss of each photon on its way through (dB), which belongs to the physics of its links.
    #[serde(default)]
    pub loss_db: f64,
    /// Loss of each photon in each stage of an omega network (dB), beside `loss_db`.
    #[serde(default)]
    pub loss_per_stage_db: f64,
    /// Time to connect an analyzer to another link (s).
    #[serde(default)]
    pub reconfiguration_s: f64,
    /// Whether connections can be in each other's way.
    #[serde(default)]
    pub topology: Topology,
}

/// How a switch is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Topology {
    /// Any free port can be connected with any other.
    #[default]
    Crossbar,
    /// Stages of exchangers, log2 of the ports many (rounded up), with one way from port to port: connections may block each
    /// other.
    Omega,
}

/// Ports of a switch.
const MOST_PORTS: u64 = 1 << 24;

impl HubStationParams {
    /// Checks the fields.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the field.
    pub fn check(&self) -> Result<()> {
        if (1..=MOST_PORTS).contains(&self.count) {
            Ok(())
        } else {
            Err(Error::parameter("count", self.count, format!("in [1, {MOST_PORTS}]"), ""))
        }
    }
}

impl HubSwitchParams {
    /// Checks the fields.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the field.
    pub fn check(&self) -> Result<()> {
        if !(4..=MOST_PORTS).contains(&self.ports) {
            return Err(Error::parameter("ports", self.ports, format!("in [4, {MOST_PORTS}]"), ""));
        }
        check::within("loss_db", self.loss_db, 0.0, MOST_LOSS_DB, "dB")?;
        check::within("loss_per_stage_db", self.loss_per_stage_db, 0.0, MOST_LOSS_DB, "dB")?;
        if self.loss_per_stage_db > 0.0 && self.topology != Topology::Omega {
            return Err(Error::Model {
                parameter: "loss_per_stage_db".into(),
                message: "a crossbar has no stages: give its loss as `loss_db`, or topology \"omega\"".into(),
            });
        }
        if self.passage_loss_db() > MOST_LOSS_DB {
            let most_db = (MOST_LOSS_DB - self.loss_db) / f64::from(self.stages());
            let domain = format!(
                "in [0, {most_db}]: {} stages and `loss_db` lose {MOST_LOSS_DB} at most",
                self.stages()
            );
            return Err(Error::parameter("loss_per_stage_db", self.loss_per_stage_db, domain, "dB"));
        }
        check::within("reconfiguration_s", self.reconfiguration_s, 0.0, MAX_DURATION_S, "s")?;
        Ok(())
    }

    /// Stages of exchangers of an omega network with as many inputs and outputs as the switch has ports, rounded up to a power of
    /// two; 0 of a crossbar.
    pub fn stages(&self) -> u32 {
        match self.topology {
            Topology::Crossbar => 0,
            Topology::Omega => self.ports.next_power_of_two().trailing_zeros(),
        }
    }

    /// Loss of each photon on its whole way through (dB), for [`Link::through`](crate::Link::through).
    pub fn passage_loss_db(&self) -> f64 {
        self.loss_db + f64::from(self.stages()) * self.loss_per_stage_db
    }
}

/// Largest loss of a switch (dB).
const MOST_LOSS_DB: f64 = 1e3;

/// Longest run (s): its picoseconds fit into 64 bits several times.
pub(crate) const MAX_DURATION_S: f64 = 1e6;
/// Pairs that 2^rounds would be.
const MOST_ROUNDS: u64 = 16;

impl PolicyParams {
    /// Checks the fields.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the field.
    pub fn check(&self) -> Result<()> {
        check::probability("swap_success_probability", self.swap_success_probability)?;
        for (name, time_s) in [("cutoff_s", self.cutoff_s), ("attempt_timeout_s", self.attempt_timeout_s)] {
            if let Some(time_s) = time_s {
                check::positive(name, time_s, "s")?;
                check::within(name, time_s, 1e-12, MAX_DURATION_S, "s")?;
            }
        }
        match (self.distill, self.rounds) {
            (None, Some(rounds)) => Err(Error::parameter("rounds", rounds, "left out without `distill`", "")),
            (Some(_), Some(rounds)) if !(1..=MOST_ROUNDS).contains(&rounds) => {
                Err(Error::parameter("rounds", rounds, format!("in [1, {MOST_ROUNDS}]"), ""))
            }
            _ => Ok(()),
        }
    }

    /// Rounds of distillation.
    pub(super) fn levels(&self) -> u32 {
        if self.distill.is_some() { self.rounds.unwrap_or(1) as u32 } else { 0 }
    }
}
