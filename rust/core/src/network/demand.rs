//! Demands at work: requests, and the pairs that wait on their ways.

use super::comb::{PS_PER_S, picoseconds};
use super::kernel::{Event, Kernel};
use super::params::SwapOrder;
use super::record::{Entry, Happening, NO_PAIR};
use super::routes::Way;
use super::run::Job;
use crate::error::Result;
use crate::math;
use crate::stream::{BlockKey, Xoshiro};
use std::collections::VecDeque;

/// Number that enters the seeds of requests.
const REQUESTS: u64 = 50;

/// A demand at work.
#[derive(Debug)]
pub(super) struct Demand {
    pub(super) way: Way,
    /// Time that light takes from the first node to each node of the way (ps).
    pub(super) distance_ps: Vec<u64>,
    /// Times of requests that were not served yet, where they come one by one.
    pub(super) pending: VecDeque<u64>,
    /// Time of the request that is there always, where there is one.
    pub(super) always: Option<u64>,
    pub(super) min_fidelity: f64,
    queue_limit: usize,
    in_flight: u64,
    rng: Xoshiro,
    /// Scheduled requests that have not come.
    scheduled: VecDeque<u64>,
    rate_hz: Option<f64>,
    /// Heralds' worth of pairs that span each link of the way, and the number that one pair to deliver needs.
    pub(super) supply: Vec<u64>,
    pub(super) raw_per_pair: u64,
    /// Time of the last herald that each link gave to this demand.
    pub(super) given_ps: Vec<u64>,
    /// Pairs that end, and pairs that start, at each node of the way; some of them are gone.
    pub(super) ending: Vec<VecDeque<(u32, u32)>>,
    pub(super) starting: Vec<VecDeque<(u32, u32)>>,
    /// Pairs of each link of the way that wait for distillation, by round.
    pub(super) pools: Vec<Vec<VecDeque<(u32, u32)>>>,
    /// Ends of the part of the way that a swap at each node joins, for nested swapping.
    pub(super) halves: Option<Vec<(u32, u32)>>,
}

impl Demand {
    pub(super) fn new(job: &Job<'_>, number: usize, way: Way) -> Self {
        let params = &job.network.demands[number];
        let hops = way.links.len();
        let mut distance_ps = vec![0];
        for link in &way.links {
            let physics = job.network.links[*link as usize].physics;
            let last = distance_ps[distance_ps.len() - 1];
            distance_ps.push(last + job.network.physics[physics as usize].distance_ps);
        }
        let levels = job.policy.levels();
        let halves = (job.policy.swap == SwapOrder::Nested).then(|| {
            let mut halves = vec![(0, 0); hops + 1];
            split(&mut halves, 0, hops as u32);
            halves
        });
        Self {
            distance_ps,
            pending: VecDeque::new(),
            always: params.saturate.then_some(0),
            min_fidelity: params.min_fidelity,
            queue_limit: params
                .queue_limit
                .map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX)),
            in_flight: params.in_flight.unwrap_or(if params.saturate { 1 } else { u64::MAX }),
            rng: BlockKey { key: job.key, engine: REQUESTS, block: number as u64 }.scalar(0),
            scheduled: params.times_s.iter().flatten().map(|time_s| picoseconds(*time_s)).collect(),
            rate_hz: params.rate_hz,
            supply: vec![0; hops],
            raw_per_pair: 1 << levels,
            given_ps: vec![0; hops],
            ending: vec![VecDeque::new(); hops + 1],
            starting: vec![VecDeque::new(); hops + 1],
            pools: vec![vec![VecDeque::new(); levels as usize]; hops],
            halves,
            way,
        }
    }

    /// Heralds of a link of its way that it could use.
    pub(super) fn wanted(&self, place: usize) -> u64 {
        let requests = if self.always.is_some() { u64::MAX } else { self.pending.len() as u64 };
        requests.min(self.in_flight).saturating_mul(self.raw_per_pair).saturating_sub(self.supply[place])
    }

    /// Who comes first at a link of its way, lower first: time of the request that its next pair of this link is for, and, for
    /// pairs that no request waits for yet, when it got its last one.
    pub(super) fn turn_of(&self, place: usize) -> (u64, u64) {
        let served = self.supply[place] / self.raw_per_pair;
        let asked_ps = match self.always {
            Some(asked_ps) => (served == 0).then_some(asked_ps),
            None => self.pending.get(usize::try_from(served).unwrap_or(usize::MAX)).copied(),
        };
        asked_ps.map_or((u64::MAX, self.given_ps[place]), |asked_ps| (asked_ps, 0))
    }

    /// Whether it has some, but not all heralds of a link that one pair takes.
    pub(super) fn has_begun(&self, place: usize) -> bool {
        !self.supply[place].is_multiple_of(self.raw_per_pair)
    }

    /// Time between two nodes of the way, for light (ps).
    pub(super) fn between_ps(&self, low: u32, high: u32) -> u64 {
        self.distance_ps[high as usize] - self.distance_ps[low as usize]
    }
}

/// Halves of a part of the way: for the node at which each is cut, its ends.
fn split(halves: &mut [(u32, u32)], low: u32, high: u32) {
    if high - low < 2 {
        return;
    }
    let middle = u32::midpoint(low, high);
    halves[middle as usize] = (low, high);
    split(halves, low, middle);
    split(halves, middle, high);
}

impl Kernel<'_, '_> {
    /// Puts the next request of a demand on the calendar.
    pub(super) fn next_request(&mut self, number: usize) {
        let now_ps = self.now_ps;
        let demand = &mut self.demands[number];
        let time_ps = if let Some(rate_hz) = demand.rate_hz {
            let wait_ps = (-math::ln(demand.rng.uniform_open()) / rate_hz * PS_PER_S) as u64;
            Some(now_ps.saturating_add(wait_ps))
        } else {
            demand.scheduled.pop_front()
        };
        if let Some(time_ps) = time_ps {
            self.at(time_ps, Event::Request { demand: number as u32 });
        }
    }

    /// A request comes.
    pub(super) fn request(&mut self, number: usize, going: &mut dyn FnMut() -> bool) -> Result<()> {
        let demand = &self.demands[number];
        let blocked = demand.pending.len() >= demand.queue_limit || self.turned_away(&demand.way.bundles);
        self.record.requests[number][0] += 1;
        if blocked {
            self.record.requests[number][1] += 1;
        } else {
            self.demands[number].pending.push_back(self.now_ps);
        }
        let event = if blocked { Happening::Block } else { Happening::Request };
        let (subject, fidelity) = (number as u32, f64::NAN);
        self.note(Entry { event, subject, pair: NO_PAIR, parts: [NO_PAIR; 2], fidelity });
        self.next_request(number);
        if blocked {
            return Ok(());
        }
        let hops = self.demands[number].way.links.len();
        self.bind_waiting(number as u32, 0..hops as u32)?;
        self.start_way(number as u32, 0..hops, going)
    }
}
