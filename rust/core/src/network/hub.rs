//! What links share beside ions: stations with several analyzers, and the optical switches before them.

use super::comb::{picoseconds, seconds};
use super::kernel::{Kernel, NONE};
use super::params::{Discipline, Scheduling, Topology};
use super::rules::{self, Asked, Candidate, Rules};
use super::topology::Network;
use crate::error::Result;
use std::collections::VecDeque;

/// A station at work.
#[derive(Debug)]
pub(super) struct StationAtWork {
    /// The link that each analyzer serves, or served last, and whether it does now.
    analyzers: Vec<(u32, bool)>,
    free: usize,
    /// Links that wait for an analyzer, the one that has waited longest first.
    pub(super) queue: VecDeque<u32>,
    scheduling: Scheduling,
    discipline: Discipline,
    /// The link served last, for taking turns.
    last: u32,
    /// Analyzers' time taken (ps), and since when.
    pub(super) taken_ps: u64,
    since_ps: u64,
}

/// A switch at work.
#[derive(Debug)]
pub(super) struct SwitchAtWork {
    reconfiguration_ps: u64,
    /// Wires between the stages of a switch that may block, taken or not; none otherwise.
    wires: Vec<Vec<bool>>,
    /// Port of each node, by number of the node.
    port_of: Vec<u32>,
    /// First port of each station.
    first_port_of: Vec<u32>,
}

impl SwitchAtWork {
    /// Wires from a port on the nodes' side to one on the analyzers' side of an omega network: after each stage one bit more of
    /// the address has been exchanged (Lawrie, IEEE Trans. Comput. C-24, 1145 (1975)).
    fn wires(&self, from: u32, to: u32) -> impl Iterator<Item = (usize, usize)> + use<> {
        let stages = self.wires.len();
        (0..stages).map(move |stage| {
            let bits = stages + 1;
            let done = stage + 1;
            // the lowest bits of the origin moved up, the highest bits of the goal moved in
            let kept = (from as usize) << done & ((1 << bits) - 1);
            (stage, kept | to as usize >> (bits - done))
        })
    }

    fn passes(&self, pairs: [(u32, u32); 2]) -> bool {
        if self.wires.is_empty() {
            return true;
        }
        let [first, second] = pairs.map(|(from, to)| self.wires(from, to).collect::<Vec<_>>());
        let free = first.iter().chain(&second).all(|(stage, wire)| !self.wires[*stage][*wire]);
        free && first.iter().zip(&second).all(|(a, b)| a != b)
    }

    fn set(&mut self, pairs: [(u32, u32); 2], taken: bool) {
        for (from, to) in pairs {
            for (stage, wire) in self.wires(from, to) {
                self.wires[stage][wire] = taken;
            }
        }
    }
}

/// Stations and switches of a network at the start of a run.
pub(super) fn at_work(network: &Network) -> (Vec<StationAtWork>, Vec<SwitchAtWork>) {
    let stations = network.stations.iter().map(|params| StationAtWork {
        analyzers: vec![(NONE, false); params.count as usize],
        free: params.count as usize,
        queue: VecDeque::new(),
        scheduling: params.scheduling,
        discipline: params.discipline,
        last: NONE,
        taken_ps: 0,
        since_ps: 0,
    });
    let switches = network.switches.iter().enumerate().map(|(number, params)| {
        let used = network.ports_used(number as u32);
        let mut port_of = vec![NONE; network.nodes.len()];
        for (port, node) in used.nodes.iter().enumerate() {
            port_of[*node as usize] = port as u32;
        }
        let mut first_port_of = vec![NONE; network.stations.len()];
        let mut port = 0;
        for station in &used.stations {
            first_port_of[*station as usize] = port;
            port += 2 * network.stations[*station as usize].count as u32;
        }
        let sides = used.nodes.len().max(port as usize);
        let wires = match params.topology {
            Topology::Crossbar => vec![],
            Topology::Omega => {
                let bits = sides.next_power_of_two().trailing_zeros().max(1) as usize;
                vec![vec![false; 1 << bits]; bits - 1]
            }
        };
        SwitchAtWork {
            reconfiguration_ps: picoseconds(params.reconfiguration_s),
            wires,
            port_of,
            first_port_of,
        }
    });
    (stations.collect(), switches.collect())
}

impl Kernel<'_, '_> {
    fn ways_through(&self, link: u32, analyzer: u32) -> [(u32, u32); 2] {
        let place = self.network.links[link as usize];
        let switch = &self.switches[place.switch as usize];
        let first = switch.first_port_of[place.station as usize] + 2 * analyzer;
        [0, 1].map(|side: usize| (switch.port_of[place.nodes[side] as usize], first + side as u32))
    }

    /// An analyzer that a link could have now, the one that it had last if that is free; [`NONE`] for links without a station.
    pub(super) fn analyzer_for(&self, link: u32) -> Option<u32> {
        let place = self.network.links[link as usize];
        if place.station == NONE {
            return Some(NONE);
        }
        let station = &self.stations[place.station as usize];
        if station.free == 0 {
            return None;
        }
        let fits = |analyzer: usize| {
            let free = !station.analyzers[analyzer].1;
            free && (place.switch == NONE
                || self.switches[place.switch as usize].passes(self.ways_through(link, analyzer as u32)))
        };
        let count = station.analyzers.len();
        let own = (0..count).find(|analyzer| station.analyzers[*analyzer].0 == link && fits(*analyzer));
        own.or_else(|| (0..count).find(|analyzer| fits(*analyzer))).map(|analyzer| analyzer as u32)
    }

    /// Gives an analyzer to a link; returns the time until the switch has been set for it (ps).
    pub(super) fn take_analyzer(&mut self, link: u32, analyzer: u32) -> u64 {
        self.links[link as usize].analyzer = analyzer;
        let place = self.network.links[link as usize];
        if place.station == NONE {
            return 0;
        }
        self.count_analyzers(place.station);
        let station = &mut self.stations[place.station as usize];
        station.free -= 1;
        station.last = link;
        let before = std::mem::replace(&mut station.analyzers[analyzer as usize], (link, true)).0;
        if place.switch == NONE {
            return 0;
        }
        let ways = self.ways_through(link, analyzer);
        let switch = &mut self.switches[place.switch as usize];
        switch.set(ways, true);
        if before == link { 0 } else { switch.reconfiguration_ps }
    }

    /// Takes a link's analyzer back; nobody is served yet.
    pub(super) fn give_analyzer_back(&mut self, link: u32) {
        let place = self.network.links[link as usize];
        let analyzer = std::mem::replace(&mut self.links[link as usize].analyzer, NONE);
        if place.station == NONE || analyzer == NONE {
            return;
        }
        self.count_analyzers(place.station);
        let station = &mut self.stations[place.station as usize];
        station.free += 1;
        station.analyzers[analyzer as usize].1 = false;
        if place.switch != NONE {
            let ways = self.ways_through(link, analyzer);
            self.switches[place.switch as usize].set(ways, false);
        }
    }

    /// Brings the time that a station's analyzers were taken up to date.
    pub(super) fn count_analyzers(&mut self, station: u32) {
        let station = &mut self.stations[station as usize];
        let taken = (station.analyzers.len() - station.free) as u64;
        station.taken_ps += taken * (self.now_ps - station.since_ps);
        station.since_ps = self.now_ps;
    }

    /// Gives a station's free analyzers to links that wait for them.
    pub(super) fn serve_station(&mut self, station: u32, going: &mut dyn FnMut() -> bool) -> Result<()> {
        if station == NONE {
            return Ok(());
        }
        while self.stations[station as usize].free > 0 {
            if let Some((rules, Asked { next_link: true, .. })) = self.job.rules {
                let Some(link) = self.asked_for(rules, station)? else { return Ok(()) };
                self.grant(link, going)?;
                continue;
            }
            let at_work = &self.stations[station as usize];
            let ready = at_work.queue.iter().copied().filter(|link| self.may_have_all(*link).is_some());
            let chosen = match at_work.scheduling {
                Scheduling::LongestWaiting => { ready }.next(),
                // the next one after the last, around the circle
                Scheduling::RoundRobin => {
                    let last = at_work.last.wrapping_add(1);
                    ready.min_by_key(|link| link.wrapping_sub(last))
                }
                Scheduling::MaxWeight => {
                    let mut best = None;
                    for link in ready {
                        let waiting = self.waiting_requests(link);
                        if best.is_none_or(|(_, most)| waiting > most) {
                            best = Some((link, waiting));
                        }
                    }
                    best.map(|(link, _)| link)
                }
            };
            let Some(link) = chosen else { return Ok(()) };
            self.grant(link, going)?;
        }
        Ok(())
    }

    /// The link that rules of one's own choose.
    fn asked_for(&self, rules: &dyn Rules, station: u32) -> Result<Option<u32>> {
        let queue = self.stations[station as usize].queue.iter();
        let waiting: Vec<Candidate> = queue
            .filter(|link| self.may_have_all(**link).is_some())
            .map(|link| Candidate {
                link: *link,
                nodes: self.network.links[*link as usize].nodes,
                since_s: seconds(self.links[*link as usize].waiting_ps),
                requests: self.waiting_requests(*link) as u64,
            })
            .collect();
        if waiting.is_empty() {
            return Ok(None);
        }
        let Some(place) = rules.next_link(seconds(self.now_ps), station, &waiting) else { return Ok(None) };
        Ok(Some(waiting[rules::placed("next_link", place, waiting.len())?].link))
    }

    /// Requests that wait for a pair of a link.
    fn waiting_requests(&self, link: u32) -> usize {
        let of = |demand: u32| {
            let demand = &self.demands[demand as usize];
            demand.pending.len() + usize::from(demand.always.is_some())
        };
        self.users.get(link as usize).into_iter().flatten().map(|(demand, _)| of(*demand)).sum()
    }

    /// Whether a request over these links must be turned away: where a station keeps nobody waiting, a link that cannot start at
    /// once is not served.
    pub(super) fn turned_away(&self, bundles: &[Vec<u32>]) -> bool {
        let refuses = |link: u32| {
            let station = self.network.links[link as usize].station;
            station != NONE
                && self.stations[station as usize].discipline == Discipline::Loss
                && !(self.is_idle(link) && self.may_have_all(link).is_some())
        };
        bundles.iter().any(|bundle| bundle.iter().all(|link| refuses(*link)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn omega(bits: usize) -> SwitchAtWork {
        SwitchAtWork {
            reconfiguration_ps: 0,
            wires: vec![vec![false; 1 << bits]; bits - 1],
            port_of: vec![],
            first_port_of: vec![],
        }
    }

    /// The permutations that an omega network of N ports carries: N^(N/2), one setting of its N/2 log2 N exchangers each.
    #[test]
    fn an_omega_network_carries_as_many_permutations_as_it_has_settings() {
        let switch = omega(2);
        let mut carried = 0;
        let ports = [0_u32, 1, 2, 3];
        for a in ports {
            for b in ports {
                for c in ports {
                    for d in ports {
                        let goals = [a, b, c, d];
                        if (0..4).any(|i| goals[..i].contains(&goals[i])) {
                            continue;
                        }
                        let mut wires: Vec<(usize, usize)> =
                            ports.iter().zip(goals).flat_map(|(from, to)| switch.wires(*from, to)).collect();
                        let count = wires.len();
                        wires.sort_unstable();
                        wires.dedup();
                        carried += usize::from(wires.len() == count);
                    }
                }
            }
        }
        assert_eq!(carried, 16);
    }
}
