//! Networks: many links between many nodes, and what is made of their pairs.
//!
//! A network has nodes with ions, links with their physics, and demands. Links advance herald by herald: the number of attempts that
//! fail before the next herald is drawn, never the attempts themselves, so that time costs nothing and events cost the same in
//! small and in large networks. Where links share ions, or their pairs are swapped, distilled and delivered, events are taken in
//! the order of time, in whole picoseconds; links that work for themselves and never wait are drawn one after the other.

mod agenda;
mod comb;
mod copy;
mod demand;
pub mod file;
mod heralds;
mod hub;
mod ions;
mod kernel;
mod operations;
mod pairs;
pub mod params;
pub mod record;
mod routes;
mod rules;
mod run;
mod saturated;
mod size;
mod timeout;
mod topology;
mod waiting;

pub use copy::{NetworkParts, NetworkTables};
pub use heralds::StateChoice;
pub use params::{
    Contention, DemandParams, Discipline, Distillation, HubStationParams, HubSwitchParams, NetworkNodeParams,
    PolicyParams, Scheduling, SwapOrder, Topology, Weight,
};
pub use record::{Deliveries, Fates, Happening, NetworkRecord, RecordLevel, Totals, Trace};
pub use rules::{Asked, Candidate, CandidateRoute, Distilling, Rules, WaitingPair};
pub use run::{NetworkPlan, NetworkRun};
pub use topology::{Network, Saturation};
