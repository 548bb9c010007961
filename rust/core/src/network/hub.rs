//! What links share beside ions: stations with several analyzers, and the optical switches before them.

use super::comb::{picoseconds, seconds};
use super::kernel::{Kernel, NONE};
use super::params::{Discipline, Scheduling};
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
    /// Stages of a switch that may block; 0 otherwise.
    stages: u32,
    /// Wires between its stages, one bit each, taken or not: wire `w` after stage `k`, counted from 0, is bit
    /// `k << stages | w`.
    taken: Vec<u64>,
    /// Input of each node, by number of the node.
    input_of: Vec<u32>,
    /// First analyzer of each station among all behind the switch.
    first_analyzer_of: Vec<u32>,
}

impl SwitchAtWork {
    fn new(stages: u32, reconfiguration_ps: u64, input_of: Vec<u32>, first_analyzer_of: Vec<u32>) -> Self {
        let wires = (stages.saturating_sub(1) as usize) << stages;
        Self { reconfiguration_ps, stages, taken: vec![0; wires.div_ceil(64)], input_of, first_analyzer_of }
    }

    /// Outputs of an analyzer: one in each half of them. Ways to different halves part at the first stage and never meet again,
    /// so that an analyzer can be connected with any two inputs; ways to neighboring outputs share their last wire if the inputs'
    /// numbers are both even or both odd.
    fn outputs(&self, analyzer: u32) -> [u32; 2] {
        [analyzer, analyzer | 1 << self.stages.saturating_sub(1)]
    }

    /// Wires from an input to an output of an omega network, one between each stage and the next: after each stage one bit more
    /// of the address has been exchanged (Lawrie, IEEE Trans. Comput. C-24, 1145 (1975)).
    fn wires(&self, from: u32, to: u32) -> impl Iterator<Item = usize> + use<> {
        let stages = self.stages as usize;
        (1..stages).map(move |done| {
            // the lowest bits of the origin moved up, the highest bits of the goal moved in
            let kept = (from as usize) << done & ((1 << stages) - 1);
            (done - 1) << stages | kept | to as usize >> (stages - done)
        })
    }

    /// Whether a way from an input to an output is free. The two ways to one analyzer are never in each other's way.
    fn passes(&self, ways: [(u32, u32); 2]) -> bool {
        ways.iter().all(|(from, to)| {
            self.wires(*from, *to).all(|wire| self.taken[wire / 64] >> (wire % 64) & 1 == 0)
        })
    }

    fn set(&mut self, ways: [(u32, u32); 2], taken: bool) {
        for (from, to) in ways {
            for wire in self.wires(from, to) {
                let bit = 1 << (wire % 64);
                let word = &mut self.taken[wire / 64];
                *word = if taken { *word | bit } else { *word & !bit };
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
        let mut input_of = vec![NONE; network.nodes.len()];
        for (input, node) in used.nodes.iter().enumerate() {
            input_of[*node as usize] = input as u32;
        }
        let mut first_analyzer_of = vec![NONE; network.stations.len()];
        let mut analyzers = 0;
        for station in &used.stations {
            first_analyzer_of[*station as usize] = analyzers;
            analyzers += network.stations[*station as usize].count as u32;
        }
        let reconfiguration_ps = picoseconds(params.reconfiguration_s);
        SwitchAtWork::new(params.stages(), reconfiguration_ps, input_of, first_analyzer_of)
    });
    (stations.collect(), switches.collect())
}

impl Kernel<'_, '_> {
    fn ways_through(&self, link: u32, analyzer: u32) -> [(u32, u32); 2] {
        let place = self.network.links[link as usize];
        let switch = &self.switches[place.switch as usize];
        let outputs = switch.outputs(switch.first_analyzer_of[place.station as usize] + analyzer);
        [0, 1].map(|side: usize| (switch.input_of[place.nodes[side] as usize], outputs[side]))
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

    fn omega(stages: u32) -> SwitchAtWork {
        SwitchAtWork::new(stages, 0, vec![], vec![])
    }

    /// Where light is after each stage but the last, light by light: all lines are shuffled as two halves of a deck of cards are,
    /// then the exchanger sends it to its upper or lower line, as the next digit of its goal says.
    fn followed(stages: u32, from: usize, to: usize) -> Vec<usize> {
        let lines = 1_usize << stages;
        let deck: Vec<usize> = (0..lines / 2).flat_map(|line| [line, line + lines / 2]).collect();
        let (mut at, mut low, mut high) = (from, 0, lines);
        let mut passed = vec![];
        for _ in 0..stages {
            let shuffled = deck.iter().position(|line| *line == at).unwrap();
            let middle = usize::midpoint(low, high);
            at = shuffled / 2 * 2;
            if to < middle {
                high = middle;
            } else {
                (low, at) = (middle, at + 1);
            }
            passed.push(at);
        }
        assert_eq!(passed.pop(), Some(to));
        passed
    }

    fn meet(one: &[usize], other: &[usize]) -> bool {
        one.iter().zip(other).any(|(a, b)| a == b)
    }

    #[test]
    fn wires_are_those_that_light_takes() {
        for stages in 2..=6 {
            let switch = omega(stages);
            for from in 0..1 << stages {
                for to in 0..1 << stages {
                    let wires = switch.wires(from, to).enumerate();
                    let wires: Vec<usize> = wires.map(|(after, wire)| wire - (after << stages)).collect();
                    assert_eq!(
                        wires,
                        followed(stages, from as usize, to as usize),
                        "{stages}: {from} to {to}"
                    );
                }
            }
        }
    }

    #[test]
    fn an_analyzer_can_be_connected_with_any_two_inputs_of_an_empty_switch() {
        for stages in 2..=6_u32 {
            let lines = 1 << stages;
            let switch = omega(stages);
            let ways: Vec<Vec<Vec<usize>>> =
                (0..lines).map(|from| (0..lines).map(|to| followed(stages, from, to)).collect()).collect();
            let mut seen = vec![false; lines];
            for analyzer in 0..lines / 2 {
                let outputs = switch.outputs(analyzer as u32).map(|output| output as usize);
                for output in outputs {
                    assert!(!std::mem::replace(&mut seen[output], true), "{output} belongs to two analyzers");
                }
                let mut neighbors_meet = 0;
                for a in 0..lines {
                    for b in (0..lines).filter(|b| *b != a) {
                        assert!(!meet(&ways[a][outputs[0]], &ways[b][outputs[1]]), "{stages}: {a}, {b}");
                        neighbors_meet +=
                            usize::from(meet(&ways[a][2 * analyzer], &ways[b][2 * analyzer + 1]));
                    }
                }
                // the negative control: neighboring outputs exclude inputs that are both even or both odd
                assert_eq!(neighbors_meet, lines * (lines / 2 - 1));
            }
            assert!(seen.iter().all(|seen| *seen));
        }
    }

    #[test]
    fn connections_of_an_omega_network_exclude_each_other_where_they_share_a_wire() {
        let stages = 4;
        let lines = 16;
        let (mut free, mut blocked) = (0, 0);
        for analyzers in [[0, 1], [0, 7], [2, 6], [5, 3]] {
            for first in 0..lines * lines {
                let (a, b) = (first / lines, first % lines);
                for second in 0..lines * lines {
                    let (c, d) = (second / lines, second % lines);
                    let mut inputs = [a, b, c, d];
                    inputs.sort_unstable();
                    if inputs.windows(2).any(|pair| pair[0] == pair[1]) {
                        continue;
                    }
                    let mut switch = omega(stages);
                    let to = analyzers.map(|analyzer| switch.outputs(analyzer));
                    let ways = [[(a, to[0][0]), (b, to[0][1])], [(c, to[1][0]), (d, to[1][1])]];
                    let light =
                        ways.map(|ways| ways.map(|(from, to)| followed(stages, from as usize, to as usize)));
                    let expected = light[0].iter().all(|one| light[1].iter().all(|other| !meet(one, other)));
                    switch.set(ways[0], true);
                    assert_eq!(switch.passes(ways[1]), expected, "{ways:?}");
                    switch.set(ways[0], false);
                    assert!(switch.passes(ways[1]));
                    *(if expected { &mut free } else { &mut blocked }) += 1;
                }
            }
        }
        assert!(free > 1000 && blocked > 1000, "{free} {blocked}");
    }

    /// The permutations that an omega network of N ports carries: 2^(N/2 log2 N), one setting of its exchangers each.
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
                        let mut wires: Vec<usize> =
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
