//! Networks and their runs as plain data, from which equal ones are made: for other processes.

use super::kernel::NONE;
use super::params::{DemandParams, HubStationParams, HubSwitchParams, NetworkNodeParams};
use super::record::{Deliveries, Fates, Kept, NetworkRecord, Totals, Trace};
use super::run::NetworkRun;
use super::{Network, Saturation, StateChoice};
use crate::error::{Error, Result};
use crate::herald::Cause;
use crate::link::Link;
use crate::link::one::Circumstances;
use crate::state::Correlations;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Tables of a network.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkTables {
    /// Nodes.
    pub nodes: Vec<NetworkNodeParams>,
    /// Stations.
    pub stations: Vec<HubStationParams>,
    /// Switches.
    pub switches: Vec<HubSwitchParams>,
    /// Demands.
    pub demands: Vec<DemandParams>,
}

/// What a network was made of, in the order in which it can be made again.
#[derive(Debug, Clone, Default)]
pub struct NetworkParts {
    /// Nodes, stations, switches and demands.
    pub tables: NetworkTables,
    /// The physics that links have.
    pub physics: Vec<Arc<Link>>,
    /// Of each link the number of its physics, and of its nodes.
    pub links: Vec<(u32, [u32; 2])>,
    /// Numbers of a link, its station and its switch, of links that share one.
    pub shared: Vec<(u32, u32, Option<u32>)>,
    /// Whether every link works for itself.
    pub saturated: bool,
}

impl Network {
    /// What this network is made of.
    pub fn parts(&self) -> NetworkParts {
        let shared = |(number, place): (u32, &super::topology::Place)| {
            let switch = (place.switch != NONE).then_some(place.switch);
            (place.station != NONE).then_some((number, place.station, switch))
        };
        NetworkParts {
            tables: NetworkTables {
                nodes: self.nodes.iter().map(|node| node.params.clone()).collect(),
                stations: self.stations.clone(),
                switches: self.switches.clone(),
                demands: self.demands.clone(),
            },
            physics: self.physics.iter().map(|physics| Arc::clone(&physics.link)).collect(),
            links: self.links.iter().map(|place| (place.physics, place.nodes)).collect(),
            shared: (0..).zip(&self.links).filter_map(shared).collect(),
            saturated: self.saturation == Saturation::Links,
        }
    }

    /// The network that is made of these parts.
    ///
    /// # Errors
    /// As the functions that add them.
    pub fn of_parts(parts: NetworkParts) -> Result<Self> {
        let mut network = Self::new();
        for node in parts.tables.nodes {
            network.add_node(node)?;
        }
        for link in parts.physics {
            network.add_physics(link)?;
        }
        for (physics, nodes) in parts.links {
            network.add_link(physics, nodes)?;
        }
        for station in parts.tables.stations {
            network.add_station(station)?;
        }
        for switch in parts.tables.switches {
            network.add_switch(switch)?;
        }
        for (link, station, switch) in parts.shared {
            network.share(link, station, switch)?;
        }
        for demand in parts.tables.demands {
            network.add_demand(demand)?;
        }
        network.saturate(if parts.saturated { Saturation::Links } else { Saturation::Demands });
        Ok(network)
    }
}

/// First byte of a run's bytes; another layout gets another number.
const LAYOUT: u8 = 1;

impl NetworkRun {
    /// The run as bytes, from which [`NetworkRun::from_bytes`] makes an equal one. Deliveries should be complete.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![LAYOUT];
        self.write(&mut bytes);
        bytes
    }

    /// The run of [`NetworkRun::to_bytes`].
    ///
    /// # Errors
    /// [`Error::Parameter`] for bytes of anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let read = |mut rest: &[u8]| {
            let layout = u8::read(&mut rest)?;
            let run = Self::read(&mut rest)?;
            (layout == LAYOUT && rest.is_empty()).then_some(run)
        };
        let given = || format!("{} bytes", bytes.len());
        read(bytes).ok_or_else(|| Error::parameter("bytes", given(), "those of a run of a network", ""))
    }
}

/// What is written as bytes, least significant first, and read again.
trait Plain: Sized {
    fn write(&self, bytes: &mut Vec<u8>);
    /// Takes its bytes from the rest; none where these are no such thing.
    fn read(rest: &mut &[u8]) -> Option<Self>;
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl Plain for $number {
            fn write(&self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }

            fn read(rest: &mut &[u8]) -> Option<Self> {
                let (first, others) = rest.split_first_chunk()?;
                *rest = others;
                Some(Self::from_le_bytes(*first))
            }
        }
    )*};
}

numbers!(u8, u32, u64, f64);

/// Structures: their fields, one after the other.
macro_rules! fields {
    ($($name:ty { $($field:tt),* })*) => {$(
        impl Plain for $name {
            fn write(&self, bytes: &mut Vec<u8>) {
                $(self.$field.write(bytes);)*
            }

            fn read(rest: &mut &[u8]) -> Option<Self> {
                Some(Self { $($field: Plain::read(rest)?),* })
            }
        }
    )*};
}

fields! {
    Correlations { 0 }
    Totals { count, latency_s, fidelity }
    Fates { made, heralded, delivered, used, expired, rejected, stored }
    Trace { time_ps, event, subject, pair, parts, fidelity }
    Deliveries { demand, time_ps, latency_ps, fidelity, hops, raw_pairs, pair, kept, states }
    NetworkRecord {
        deliveries, totals, sums, latencies, fates, attempts, attempting_ps, taken_ps, analyzing_ps, stored_ps, requests, trace,
        reached_ps
    }
    NetworkRun { record, ends, trace_ends, interrupted, duration_s, pieces, by_link, states, saturation }
}

impl Plain for bool {
    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.push((*self).into());
    }

    fn read(rest: &mut &[u8]) -> Option<Self> {
        match u8::read(rest)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

impl Plain for usize {
    fn write(&self, bytes: &mut Vec<u8>) {
        (*self as u64).write(bytes);
    }

    fn read(rest: &mut &[u8]) -> Option<Self> {
        Self::try_from(u64::read(rest)?).ok()
    }
}

impl Plain for StateChoice {
    fn write(&self, bytes: &mut Vec<u8>) {
        (*self == Self::Mean).write(bytes);
    }

    fn read(rest: &mut &[u8]) -> Option<Self> {
        Some(if bool::read(rest)? { Self::Mean } else { Self::Sampled })
    }
}

impl Plain for Saturation {
    fn write(&self, bytes: &mut Vec<u8>) {
        (*self == Self::Links).write(bytes);
    }

    fn read(rest: &mut &[u8]) -> Option<Self> {
        Some(if bool::read(rest)? { Self::Links } else { Self::Demands })
    }
}

impl<T: Plain, const N: usize> Plain for [T; N] {
    fn write(&self, bytes: &mut Vec<u8>) {
        for item in self {
            item.write(bytes);
        }
    }

    fn read(rest: &mut &[u8]) -> Option<Self> {
        let items = (0..N).map(|_| T::read(rest)).collect::<Option<Vec<_>>>()?;
        items.try_into().ok()
    }
}

impl<T: Plain> Plain for Vec<T> {
    fn write(&self, bytes: &mut Vec<u8>) {
        self.len().write(bytes);
        for item in self {
            item.write(bytes);
        }
    }

    fn read(rest: &mut &[u8]) -> Option<Self> {
        let count = usize::read(rest)?;
        // everything takes at least a byte: damaged bytes must not ask for more memory than they are themselves
        let mut items = Self::with_capacity(count.min(rest.len() / size_of::<T>().max(1) + 1));
        for _ in 0..count {
            items.push(T::read(rest)?);
        }
        Some(items)
    }
}

impl Plain for Kept {
    fn write(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Seen(seen) => {
                let hidden = seen.hidden();
                bytes.extend([u8::from(hidden.is_some()), seen.pattern, seen.cause as u8]);
                seen.click_time_s.write(bytes);
                if let Some(hidden) = hidden {
                    hidden.write(bytes);
                }
            }
            Self::Mean(index) => bytes.extend([2, *index]),
            Self::Stored(number) => {
                bytes.push(3);
                number.write(bytes);
            }
        }
    }

    fn read(rest: &mut &[u8]) -> Option<Self> {
        Some(match u8::read(rest)? {
            kind @ (0 | 1) => {
                let (pattern, cause) = (u8::read(rest)?, *Cause::ALL.get(usize::from(u8::read(rest)?))?);
                let seen = Circumstances::seen(pattern, cause, Plain::read(rest)?);
                Self::Seen(seen.with_hidden(if kind == 1 { Some(Plain::read(rest)?) } else { None }))
            }
            2 => Self::Mean(u8::read(rest)?),
            3 => Self::Stored(u64::read(rest)?),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{NetworkPlan, RecordLevel};
    use crate::{BasicLinkParams, Key};

    fn network(link: &BasicLinkParams, saturated: bool) -> Network {
        let mut network = Network::new();
        for name in ["a", "b", "c"] {
            let ions = (!saturated).then_some(2);
            network
                .add_node(NetworkNodeParams { communication_ions: ions, ..NetworkNodeParams::named(name) })
                .unwrap();
        }
        let physics = network.add_physics(Arc::new(link.checked().unwrap())).unwrap();
        network.add_link(physics, [0, 1]).unwrap();
        network.add_link(physics, [1, 2]).unwrap();
        if saturated {
            network.saturate(Saturation::Links);
        } else {
            network.add_demand(DemandParams::saturated("a", "c")).unwrap();
        }
        network
    }

    #[test]
    fn runs_and_networks_are_made_again_from_plain_data() {
        let link =
            BasicLinkParams { efficiency: [0.2, 0.3], dark_count_rate_hz: 1e4, ..BasicLinkParams::default() };
        let remembering = BasicLinkParams { dead_time_s: 5e-6, ..link.clone() };
        for (link, saturated) in [(link.clone(), true), (link, false), (remembering, true)] {
            let network = network(&link, saturated);
            for states in [StateChoice::Sampled, StateChoice::Mean] {
                let level = RecordLevel::Trace;
                let plan = NetworkPlan { level, states, ..NetworkPlan::new(Key::from_seed(7), 1e-3) };
                let Ok(run) = network.run(&plan, &mut |_| true) else {
                    // attempts that depend on each other have no mean states
                    assert_eq!(states, StateChoice::Mean);
                    continue;
                };
                assert!(run.deliveries.len() > 5);
                let bytes = run.to_bytes();
                let again = NetworkRun::from_bytes(&bytes).unwrap();
                // a trace has nan where there is no fidelity
                assert_eq!(bytes, again.to_bytes());
                assert_eq!(again.deliveries, run.deliveries);
                let other = Network::of_parts(network.parts()).unwrap();
                assert_eq!(
                    network.states(&run, 0..run.deliveries.len()).unwrap(),
                    other.states(&again, 0..run.deliveries.len()).unwrap()
                );
                assert_eq!(other.run(&plan, &mut |_| true).unwrap().to_bytes(), bytes);
                for damaged in [
                    &bytes[..bytes.len() - 1],
                    &bytes[1..],
                    &[],
                    &[LAYOUT, 255, 255, 255, 255, 255, 255, 255, 255],
                ] {
                    NetworkRun::from_bytes(damaged).unwrap_err();
                }
            }
        }
    }
}
