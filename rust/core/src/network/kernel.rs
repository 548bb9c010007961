//! The kernel: events in the order of time, for networks whose links share ions or whose pairs are used together.
//!
//! Time is in whole picoseconds. Of events at one time those that finish something come first (heralds, operations,
//! deliveries), then cut-offs, time-outs and requests; within a kind, lower numbers first.

use super::agenda::Agenda;
use super::comb::{picoseconds, seconds};
use super::demand::Demand;
use super::heralds::{Drawer, Origin, Source};
use super::hub::{self, StationAtWork, SwitchAtWork};
use super::operations::Operation;
use super::pairs::Stored;
use super::record::{
    Delivery, Entry, Happening, LATENCY_BINS, NO_PAIR, NetworkRecord, RecordLevel, Totals, latency_bin,
};
use super::run::{Job, LawsOfLink};
use super::topology::{Network, Saturation, is_flipped};
use super::waiting::Law;
use crate::error::Result;
use crate::pages;
use crate::state::{BellState, Correlations};
use crate::stream::{BlockKey, Xoshiro};
use smallvec::SmallVec;
use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};

/// Events between two looks at the stop flag.
const EVENTS_PER_POLL: u64 = 1 << 10;
/// Number that enters the seed of what is decided by chance beside heralds: swaps, distillation.
const DECISIONS: u64 = 49;
/// No link.
pub(super) const NONE: u32 = u32::MAX;
/// No attempt.
pub(super) const NEVER: u64 = u64::MAX;

/// What happens next. The order of kinds is that of events at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    /// Both nodes know of a herald of the link.
    Herald { link: u32, turn: u32 },
    /// A communication ion has handed its qubit over.
    Freed { node: u32 },
    /// The qubits of a pair have reached their memory ions.
    Ready { pair: u32 },
    /// The gates of an operation are done.
    Operated { operation: u32 },
    /// Both nodes know how a distillation went.
    Distilled { operation: u32 },
    /// Both ends know of their pair.
    Deliver { pair: u32 },
    /// A node loses a qubit of a pair.
    Lose { pair: u32, turn: u32 },
    /// A pair reaches the cut-off.
    Expire { pair: u32, turn: u32 },
    /// A link gives up for now.
    TimeOut { link: u32, turn: u32 },
    /// A request comes.
    Request { demand: u32 },
}

/// What a link is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// It needs no pair, or has no room for one.
    Idle,
    /// It waits for ions, and has that of node A, of node B.
    Waiting([bool; 2]),
    /// It attempts.
    Attempting,
}

/// A link at work: two lines of cache.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct LinkAtWork {
    pub(super) phase: Phase,
    /// Counts what it has begun, so that events of what was given up are known.
    pub(super) turn: u32,
    pub(super) source: Source,
    /// First attempt of this turn.
    pub(super) first: u64,
    /// The attempt that will herald, or [`NEVER`].
    pub(super) next: u64,
    /// First attempt that this turn does not make: it heralded, or its time was over.
    pub(super) end: u64,
    pub(super) since_ps: u64,
    /// Since when it waits.
    pub(super) waiting_ps: u64,
    pub(super) attempts: u64,
    pub(super) attempting_ps: u64,
    /// Qubits of its pairs that each node stores.
    pub(super) stored: [u32; 2],
    /// The analyzer that it has, where it shares a station.
    pub(super) analyzer: u32,
    /// Time of its delivery before, where it works for itself.
    pub(super) last_ps: u64,
}

/// A node at work. What every herald looks at fills its first line of cache: in large networks, waiting for memory is what an
/// event costs.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct NodeAtWork {
    /// Communication ions that are free; nothing where there are always enough.
    pub(super) free: Option<u64>,
    /// Communication ions taken now, since when, and the sum of the time before (ps).
    pub(super) taken: u64,
    pub(super) taken_since_ps: u64,
    pub(super) taken_ps: u64,
    /// Links that wait for an ion, the one that has waited longest first.
    pub(super) queue: SmallVec<[u32; 4]>,
    pub(super) free_memory: u64,
    /// Qubits of one link that it stores at most.
    pub(super) share: u64,
    /// Attempts made before those of links that attempt now, where they matter.
    pub(super) attempts: u64,
    /// Links that attempt now, where their attempts matter.
    pub(super) attempting: Vec<u32>,
    /// All links, where pairs are passed on and ions are few.
    pub(super) links: Vec<u32>,
    /// Pairs that came when all memory ions were taken.
    pub(super) crowded: Vec<(u32, u32)>,
    /// Qubits stored now, on whatever ions, since when, and the sum of the time before (ps).
    pub(super) stored: u64,
    pub(super) stored_since_ps: u64,
    pub(super) stored_ps: u64,
}

/// A run in progress.
pub(super) struct Kernel<'a, 'd> {
    pub(super) job: &'a Job<'a>,
    pub(super) network: &'a Network,
    pub(super) drawers: &'d mut [Drawer<'a>],
    pub(super) now_ps: u64,
    agenda: Agenda<Event>,
    pub(super) links: Vec<LinkAtWork>,
    pub(super) nodes: Vec<NodeAtWork>,
    pub(super) stations: Vec<StationAtWork>,
    pub(super) switches: Vec<SwitchAtWork>,
    pub(super) demands: Vec<Demand>,
    /// Demands that use each link, and the place of the link on their ways.
    pub(super) users: Vec<Vec<(u32, u32)>>,
    /// The first of all links between the same two nodes, which work side by side.
    pub(super) bundle_of: Vec<u32>,
    /// Waiting pairs of each bundle of links that no demand has been given.
    pub(super) unbound: Vec<VecDeque<(u32, u32)>>,
    /// Pairs of each bundle that are on their way to memory ions.
    pub(super) moving: Vec<u32>,
    /// Bundles whose pairs some demand swaps with each other, the lower number first.
    pub(super) partners: HashSet<(u32, u32)>,
    /// Law of qubits that came by each link, at each side, on a communication and on a memory ion; few of them differ.
    pub(super) laws: Vec<Law>,
    pub(super) law_of: Vec<LawsOfLink>,
    /// Whether any of them has poles: then swaps must know which corrections they ask for.
    pub(super) poles_matter: bool,
    /// Whether any of them does anything, or corrections cost anything: otherwise no herald needs to look.
    after_matters: bool,
    pub(super) pairs: Vec<Stored>,
    pub(super) free_pairs: Vec<u32>,
    pub(super) operations: Vec<Operation>,
    pub(super) free_operations: Vec<u32>,
    pub(super) made: u64,
    pub(super) rng: Xoshiro,
    pub(super) cutoff_ps: Option<u64>,
    pub(super) timeout_ps: Option<u64>,
    pub(super) levels: u32,
    /// Whether attempts dephase what nodes store.
    pub(super) attempts_matter: bool,
    pub(super) record: NetworkRecord,
}

impl<'a, 'd> Kernel<'a, 'd> {
    pub(super) fn new(job: &'a Job<'a>, drawers: &'d mut [Drawer<'a>]) -> Result<Self> {
        let network = job.network;
        let ways = &job.ways;
        // links that work for themselves have no users
        let used = if network.saturation == Saturation::Links { 0 } else { network.links.len() };
        let mut users = vec![vec![]; used];
        let mut bundle_of: Vec<u32> = (0..used as u32).collect();
        for (demand, way) in ways.iter().enumerate() {
            for (place, bundle) in way.bundles.iter().enumerate() {
                for link in bundle {
                    users[*link as usize].push((demand as u32, place as u32));
                    bundle_of[*link as usize] = bundle[0];
                }
            }
        }
        let mut links = pages::with_room_for(network.links.len());
        for (number, place) in network.links.iter().enumerate() {
            let source = Source::new(&network.physics[place.physics as usize], job.key, number as u32)?;
            links.push(LinkAtWork {
                phase: Phase::Idle,
                turn: 0,
                source,
                first: 0,
                next: NEVER,
                end: 0,
                since_ps: 0,
                waiting_ps: 0,
                attempts: 0,
                attempting_ps: 0,
                stored: [0; 2],
                analyzer: NONE,
                last_ps: 0,
            });
        }
        let mut partners = HashSet::new();
        let mut passed_on = vec![false; network.nodes.len()];
        for way in ways {
            for (place, pair) in way.bundles.windows(2).enumerate() {
                let (left, right) = (pair[0][0], pair[1][0]);
                partners.insert((left.min(right), left.max(right)));
                passed_on[way.nodes[place + 1] as usize] = true;
            }
        }
        let shares = network.shares(ways, job.policy.levels());
        let nodes = network.nodes.iter().zip(shares).map(|(node, share)| NodeAtWork {
            free: node.params.communication_ions,
            free_memory: node.params.memory_ions,
            share,
            queue: SmallVec::new(),
            attempts: 0,
            attempting: vec![],
            links: vec![],
            crowded: vec![],
            taken: 0,
            taken_since_ps: 0,
            taken_ps: 0,
            stored: 0,
            stored_since_ps: 0,
            stored_ps: 0,
        });
        let mut nodes = pages::collected(nodes);
        for (number, place) in network.links.iter().enumerate() {
            for node in place.nodes {
                if passed_on[node as usize] && nodes[node as usize].free.is_some() {
                    nodes[node as usize].links.push(number as u32);
                }
            }
        }
        let (stations, switches) = hub::at_work(network);
        let (laws, law_of) = job.laws()?;
        let mut demands = vec![];
        for (number, way) in ways.iter().enumerate() {
            demands.push(Demand::new(job, number, way.clone()));
        }
        let working =
            if network.saturation == Saturation::Links { network.links.len() } else { demands.len() };
        let record = NetworkRecord {
            totals: pages::collected((0..working).map(|_| Totals::default())),
            sums: vec![Correlations([[0.0; 4]; 4]); demands.len()],
            latencies: vec![0; LATENCY_BINS],
            requests: vec![[0; 2]; demands.len()],
            ..NetworkRecord::default()
        };
        let policy = &job.policy;
        Ok(Self {
            job,
            network,
            drawers,
            now_ps: 0,
            agenda: Agenda::new(),
            links,
            nodes,
            stations,
            switches,
            demands,
            unbound: vec![VecDeque::new(); users.len()],
            moving: vec![0; users.len()],
            partners,
            bundle_of,
            users,
            poles_matter: laws.iter().any(Law::has_poles),
            after_matters: laws.iter().any(|law| *law != Law::NONE)
                || network.nodes.iter().any(|node| node.correction_weight() != 1.0),
            laws,
            law_of,
            pairs: vec![],
            free_pairs: vec![],
            operations: vec![],
            free_operations: vec![],
            made: 0,
            rng: BlockKey { key: job.key, engine: DECISIONS, block: 0 }.scalar(0),
            cutoff_ps: policy.cutoff_s.map(picoseconds),
            timeout_ps: policy.attempt_timeout_s.map(picoseconds),
            levels: policy.levels(),
            attempts_matter: network.nodes.iter().any(|node| node.params.dephasing_per_attempt > 0.0),
            record,
        })
    }

    /// Runs to the end, or until `going` says no; adds the time that it has simulated (ps) to `done_ps` on the way.
    pub(super) fn run(
        mut self,
        done_ps: &AtomicU64,
        going: &mut dyn FnMut() -> bool,
    ) -> Result<NetworkRecord> {
        for demand in 0..self.demands.len() {
            self.next_request(demand);
        }
        for link in 0..self.links.len() as u32 {
            self.start(link, going)?;
        }
        let (mut count, mut told_ps) = (0_u64, 0);
        while !self.job.is_ended()
            && let Some((time_ps, event)) = self.agenda.pop()
        {
            if time_ps > self.job.duration_ps {
                break;
            }
            self.look_ahead();
            count += 1;
            if count.is_multiple_of(EVENTS_PER_POLL) {
                done_ps.fetch_add(self.now_ps - told_ps, Ordering::Relaxed);
                told_ps = self.now_ps;
                if !going() {
                    let end_ps = self.now_ps;
                    return Ok(self.finish(end_ps));
                }
            }
            self.now_ps = time_ps;
            match event {
                Event::Herald { link, turn } => self.herald(link, turn, going)?,
                Event::Freed { node } => self.free_ions(node, 1, going)?,
                Event::Ready { pair } => self.ready(pair, going)?,
                Event::Operated { operation } => self.operated(operation, going)?,
                Event::Distilled { operation } => self.distilled(operation, going)?,
                Event::Deliver { pair } => self.deliver(pair, going)?,
                Event::Expire { pair, turn } => self.expire(pair, turn, Happening::Expire, going)?,
                Event::Lose { pair, turn } => self.expire(pair, turn, Happening::Lose, going)?,
                Event::TimeOut { link, turn } => self.time_out(link, turn, going)?,
                Event::Request { demand } => self.request(demand as usize, going)?,
            }
        }
        let end_ps = if self.job.is_ended() { self.now_ps } else { self.job.duration_ps };
        Ok(self.finish(end_ps))
    }

    /// Has what the next heralds need brought from memory, while others are dealt with.
    fn look_ahead(&self) {
        if let Some(Event::Herald { link, .. }) = self.agenda.upcoming(8) {
            pages::fetch(&self.network.links[*link as usize]);
            pages::fetch(&self.links[*link as usize]);
            if let Some(totals) = self.record.totals.get(*link as usize) {
                pages::fetch(totals);
            }
        }
        if let Some(Event::Herald { link, .. }) = self.agenda.upcoming(4) {
            for node in self.network.links[*link as usize].nodes {
                pages::fetch(&self.nodes[node as usize]);
            }
        }
        // those that may get the ions, then all that they need
        for (others, nodes_too) in [(2, false), (1, true)] {
            let Some(Event::Herald { link, .. }) = self.agenda.upcoming(others) else { continue };
            for node in self.network.links[*link as usize].nodes {
                let Some(other) = self.nodes[node as usize].queue.first() else { continue };
                if nodes_too {
                    for node in self.network.links[*other as usize].nodes {
                        pages::fetch(&self.nodes[node as usize]);
                    }
                } else {
                    pages::fetch(&self.network.links[*other as usize]);
                    pages::fetch(&self.links[*other as usize]);
                }
            }
        }
    }

    pub(super) fn at(&mut self, time_ps: u64, event: Event) {
        if time_ps <= self.job.duration_ps {
            self.agenda.push(time_ps, event);
        }
    }

    pub(super) fn note(&mut self, entry: Entry) {
        if self.job.level == RecordLevel::Trace {
            self.record.trace.push(self.now_ps, entry);
        }
    }

    /// Writes a delivery down.
    pub(super) fn write(&mut self, delivery: Delivery, pair: &Correlations) {
        let number = delivery.demand as usize;
        self.record.totals[number].add(seconds(delivery.latency_ps), delivery.fidelity);
        self.record.latencies[latency_bin(delivery.latency_ps)] += 1;
        self.record.fates.delivered += 1;
        if let Some(sum) = self.record.sums.get_mut(number) {
            *sum = sum.plus(pair);
        }
        self.note(Entry {
            event: Happening::Deliver,
            subject: delivery.demand,
            pair: delivery.pair,
            parts: [NO_PAIR; 2],
            fidelity: delivery.fidelity,
        });
        if self.job.level >= RecordLevel::Deliveries {
            self.record.deliveries.push(delivery);
        }
    }

    /// A herald that both nodes know of.
    fn herald(&mut self, link: u32, turn: u32, going: &mut dyn FnMut() -> bool) -> Result<()> {
        let place = self.network.links[link as usize];
        let at_work = &mut self.links[link as usize];
        if at_work.turn != turn || at_work.phase != Phase::Attempting {
            return Ok(());
        }
        at_work.next = NEVER;
        self.stop_attempting(link);
        self.give_analyzer_back(link);
        self.links[link as usize].phase = Phase::Idle;
        let drawer = &mut self.drawers[place.physics as usize];
        let origin = drawer.origin(&mut self.links[link as usize].source)?;
        let (pair, announced) = drawer.pair(&origin)?;
        let pair = if self.after_matters {
            let laws = self.law_of[link as usize].map(|of_side| self.laws[usize::from(of_side[0])]);
            self.network.physics[place.physics as usize].arrived(pair, announced, laws)
        } else {
            pair
        };
        let ions = drawer.comb().ions();
        self.record.fates.heralded += 1;
        self.record.fates.made += 1;
        let number = self.made;
        self.made += 1;
        if self.network.saturation == Saturation::Links {
            let pair =
                if self.after_matters { self.job.corrected(&pair, place.nodes[1], false) } else { pair };
            let latency_ps = self.now_ps - self.links[link as usize].last_ps;
            self.links[link as usize].last_ps = self.now_ps;
            let fidelity = pair.fidelity(BellState::PhiPlus);
            let origin = if let Origin::Found(..) = origin { Origin::Pair(pair) } else { origin };
            let (time_ps, hops, raw_pairs) = (self.now_ps, 1, 1);
            let delivery = Delivery {
                demand: link,
                time_ps,
                latency_ps,
                fidelity,
                hops,
                raw_pairs,
                origin,
                pair: number,
            };
            self.note_herald(link, number, fidelity);
            self.write(delivery, &pair);
            // others that wait come first
            self.give_back(place.nodes, ions);
            self.start(link, going)?;
            return self.serve_all(link, going);
        }
        self.note_herald(link, number, pair.fidelity(BellState::PhiPlus));
        if ions > 1 {
            self.give_back(place.nodes, ions - 1);
        }
        self.take_up(link, number, &pair, is_flipped(announced))?;
        self.stop_unwanted(link, going)?;
        self.start(link, going)?;
        self.serve_all(link, going)
    }

    fn note_herald(&mut self, link: u32, pair: u64, fidelity: f64) {
        self.note(Entry { event: Happening::Herald, subject: link, pair, parts: [NO_PAIR; 2], fidelity });
    }

    /// Closes the books.
    fn finish(mut self, end_ps: u64) -> NetworkRecord {
        self.now_ps = end_ps;
        for link in 0..self.links.len() {
            let place = self.network.links[link];
            let comb = &self.network.physics[place.physics as usize].comb;
            let at_work = &mut self.links[link];
            if at_work.phase == Phase::Attempting {
                // a link that waits for a message makes no other attempt
                at_work.attempts += comb.ended_by(end_ps).min(at_work.end).saturating_sub(at_work.first);
                at_work.attempting_ps += end_ps - at_work.since_ps;
            }
        }
        for node in &mut self.nodes {
            node.taken_ps += node.taken * (end_ps - node.taken_since_ps);
        }
        for station in 0..self.stations.len() as u32 {
            self.count_analyzers(station);
        }
        self.record.analyzing_ps = self.stations.iter().map(|station| station.taken_ps).collect();
        self.record.stored_ps = (0..self.nodes.len() as u32)
            .map(|node| {
                self.count_stored(node, 0);
                self.nodes[node as usize].stored_ps
            })
            .collect();
        self.record.attempts = self.links.iter().map(|link| link.attempts).collect();
        self.record.attempting_ps = self.links.iter().map(|link| link.attempting_ps).collect();
        self.record.taken_ps = self.nodes.iter().map(|node| node.taken_ps).collect();
        self.record.fates.stored = self.pairs.iter().filter(|pair| pair.is_alive()).count() as u64;
        self.record.reached_ps = end_ps;
        self.record
    }
}
