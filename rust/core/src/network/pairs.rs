//! Stored pairs: how they wait, are swapped, distilled, delivered and thrown away.
//!
//! A pair lies along the way of its demand, from its node `low` to its node `high`. What waiting does to a qubit is applied
//! when the qubit is next used: it commutes with what happens to the other one.

use super::comb::{picoseconds, seconds};
use super::demand::Demand;
use super::kernel::{Event, Kernel, NONE};
use super::params::Distillation;
use super::record::{Delivery, Entry, Happening, NO_PAIR};
use super::rules::{Asked, WaitingPair};
use crate::error::Result;
use crate::state::{BellState, Correlations};
use std::ops::Range;

/// What is being done with a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    /// Nothing: it waits.
    Waiting,
    /// It is part of an operation, or on its way to be delivered.
    Busy,
    /// It is no longer there.
    Gone,
}

/// One qubit of a pair.
#[derive(Debug, Clone, Copy)]
pub(super) struct Half {
    node: u32,
    /// The link it came by, and the side of that link.
    link: u32,
    side: u8,
    /// Whether it is stored on a memory ion.
    stored: bool,
    /// When its ion began to wait, and up to when that has been applied (ps).
    born_ps: u64,
    applied_ps: u64,
    /// Attempts of the node up to then.
    attempts: u64,
}

/// A pair.
#[derive(Debug)]
pub(super) struct Stored {
    pair: Correlations,
    halves: [Half; 2],
    demand: u32,
    low: u32,
    high: u32,
    /// Rounds of distillation behind it.
    level: u32,
    heralds: u32,
    /// Whether swaps made it.
    swapped: bool,
    /// When both ends know what corrections it needs (ps).
    known_ps: u64,
    /// Herald of its oldest part (ps).
    oldest_ps: u64,
    in_use: Use,
    /// Counts the pairs that had this place.
    turn: u32,
    /// Number in the trace.
    number: u64,
}

impl Stored {
    /// What rules of one's own see of it; `far` is its qubit at the other end.
    fn shown(&self, far: usize) -> WaitingPair {
        WaitingPair {
            pair: self.number,
            other_end: self.halves[far].node,
            oldest_s: seconds(self.oldest_ps),
            heralds: self.heralds,
        }
    }

    pub(super) fn is_alive(&self) -> bool {
        self.in_use != Use::Gone
    }
}

/// An operation on two pairs of a demand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operation {
    pairs: [u32; 2],
    demand: u32,
    /// The node of the way at which they are swapped; nothing for distillation.
    swap_at: Option<u32>,
    /// Whether a distillation worked, and the numbers of its pairs.
    worked: bool,
    parts: [u64; 2],
}

impl Kernel<'_, '_> {
    /// Stores the pair of a herald, for the demand whose request is the oldest of those that can use it now; for nobody in
    /// particular while several demands could use it later.
    pub(super) fn take_up(&mut self, link: u32, number: u64, pair: &Correlations) {
        let place = self.network.links[link as usize];
        if self.longest_waiting(link, false).is_none() {
            // its request was served while the link attempted
            self.record.fates.rejected += 1;
            let (event, parts) = (Happening::Unwanted, [NO_PAIR; 2]);
            self.note(Entry { event, subject: link, pair: number, parts, fidelity: f64::NAN });
            self.give_back(place.nodes, 1);
            return;
        }
        let mut pair = *pair;
        let mut ready_ps = self.now_ps;
        let waited_ps = self.network.physics[place.physics as usize].waited_ps;
        let mut halves = [0, 1].map(|side: u8| {
            let node = place.nodes[usize::from(side)];
            let attempts = self.attempts_at(node);
            let born_ps = self.now_ps.saturating_sub(waited_ps[usize::from(side)]);
            Half { node, link, side, stored: false, born_ps, applied_ps: self.now_ps, attempts }
        });
        for (qubit, half) in halves.iter_mut().enumerate() {
            self.links[link as usize].stored[usize::from(half.side)] += 1;
            self.count_stored(half.node, 1);
            let at_work = &mut self.nodes[half.node as usize];
            if at_work.free_memory == 0 {
                continue;
            }
            at_work.free_memory -= 1;
            let (weight, transfer_ps) = self.network.nodes[half.node as usize].transfer();
            pair = pair.depolarized(qubit, weight);
            (half.stored, half.born_ps) = (true, self.now_ps);
            let moved_ps = self.now_ps.saturating_add(transfer_ps);
            ready_ps = ready_ps.max(moved_ps);
            self.at(moved_ps, Event::Freed { node: half.node });
        }
        let pair = self.insert(Stored {
            pair,
            halves,
            demand: NONE,
            low: 0,
            high: 1,
            level: 0,
            heralds: 1,
            swapped: false,
            known_ps: self.now_ps,
            oldest_ps: self.now_ps,
            in_use: Use::Waiting,
            turn: 0,
            number,
        });
        if ready_ps > self.now_ps {
            self.pairs[pair as usize].in_use = Use::Busy;
            self.moving[self.bundle_of[link as usize] as usize] += 1;
            self.at(ready_ps, Event::Ready { pair });
        } else {
            self.offer(pair);
        }
    }

    /// The qubits of a pair have reached their ions.
    pub(super) fn ready(&mut self, pair: u32) {
        let Stored { oldest_ps, turn, halves, .. } = self.pairs[pair as usize];
        self.moving[self.bundle_of[halves[0].link as usize] as usize] -= 1;
        self.pairs[pair as usize].in_use = Use::Waiting;
        if self.cutoff_ps.is_some_and(|cutoff_ps| oldest_ps.saturating_add(cutoff_ps) < self.now_ps) {
            // it aged on the way
            self.at(self.now_ps, Event::Expire { pair, turn });
        } else {
            self.offer(pair);
        }
    }

    /// Gives a link's pair to the demand that is to have it, or lets it wait for one.
    fn offer(&mut self, pair: u32) {
        let link = self.pairs[pair as usize].halves[0].link;
        // distillation needs two pairs of one demand: no use in waiting
        let only_one = self.users[link as usize].len() == 1 || self.levels > 0;
        if let Some((demand, position)) = self.longest_waiting(link, !only_one) {
            self.bind(pair, demand, position);
            self.place(pair);
        } else {
            let turn = self.pairs[pair as usize].turn;
            self.unbound[self.bundle_of[link as usize] as usize].push_back((pair, turn));
        }
    }

    /// The demand whose request for a pair of a link is the oldest, and the place of the link on its way; if `now`, of those alone
    /// that can do something with it at once. The same order at all links keeps two demands from holding one link each that the
    /// other one needs.
    fn longest_waiting(&mut self, link: u32, now: bool) -> Option<(u32, u32)> {
        let mut best = None;
        for index in 0..self.users[link as usize].len() {
            let (demand, position) = self.users[link as usize][index];
            let since = (self.demands[demand as usize].turn_of(position as usize), demand);
            if self.demands[demand as usize].wanted(position as usize) > 0
                && best.is_none_or(|(least, _)| since < least)
                && (!now || self.has_partner(demand, position))
            {
                best = Some((since, (demand, position)));
            }
        }
        best.map(|(_, found)| found)
    }

    /// Whether a pair of a link of a way would be swapped at once, or delivered.
    fn has_partner(&mut self, number: u32, position: u32) -> bool {
        let hops = self.demands[number as usize].way.links.len() as u32;
        let left = position > 0 && self.partner(number, position, true);
        left || (position + 1 < hops && self.partner(number, position + 1, false)) || hops == 1
    }

    /// Whether a pair that ends (or starts) at a node of a way waits there, of this demand or of nobody in particular.
    fn partner(&mut self, number: u32, node: u32, ends: bool) -> bool {
        let demand = &mut self.demands[number as usize];
        let (queue, position) = if ends {
            (&mut demand.ending[node as usize], node - 1)
        } else {
            (&mut demand.starting[node as usize], node)
        };
        if Self::first(&self.pairs, queue, |_| true).is_some() {
            return true;
        }
        let link = demand.way.bundles[position as usize][0];
        let free = Self::first(&self.pairs, &mut self.unbound[link as usize], |_| true).is_some();
        free && self.demands[number as usize].wanted(position as usize) > 0
    }

    /// Gives a waiting pair of a link to a demand.
    fn bind(&mut self, pair: u32, number: u32, position: u32) {
        let now_ps = self.now_ps;
        let demand = &mut self.demands[number as usize];
        demand.given_ps[position as usize] = now_ps + 1;
        demand.supply[position as usize] += 1;
        let first = demand.way.nodes[position as usize];
        let stored = &mut self.pairs[pair as usize];
        (stored.demand, stored.low, stored.high) = (number, position, position + 1);
        if stored.halves[0].node != first {
            stored.halves.reverse();
            stored.pair = stored.pair.reversed();
        }
    }

    /// Gives a demand pairs that wait for nobody in particular, where it can do something with them.
    pub(super) fn bind_waiting(&mut self, number: u32) {
        for position in 0..self.demands[number as usize].way.links.len() as u32 {
            let link = self.demands[number as usize].way.bundles[position as usize][0];
            while self.demands[number as usize].wanted(position as usize) > 0
                && let Some(pair) = Self::first(&self.pairs, &mut self.unbound[link as usize], |_| true)
            {
                // it would find itself a partner
                self.unbound[link as usize].retain(|(other, _)| *other != pair);
                if !self.has_partner(number, position) {
                    let turn = self.pairs[pair as usize].turn;
                    self.unbound[link as usize].push_front((pair, turn));
                    break;
                }
                self.bind(pair, number, position);
                self.place(pair);
            }
        }
    }

    /// Stores a pair; says where.
    fn insert(&mut self, mut stored: Stored) -> u32 {
        let pair = if let Some(free) = self.free_pairs.pop() {
            stored.turn = self.pairs[free as usize].turn.wrapping_add(1);
            self.pairs[free as usize] = stored;
            free
        } else {
            self.pairs.push(stored);
            self.pairs.len() as u32 - 1
        };
        self.limit(pair);
        pair
    }

    /// Puts the end of a pair's wait on the calendar: the cut-off, and the loss of one of its qubits.
    fn limit(&mut self, pair: u32) {
        let Stored { oldest_ps, turn, halves, .. } = self.pairs[pair as usize];
        if let Some(cutoff_ps) = self.cutoff_ps {
            self.at(oldest_ps.saturating_add(cutoff_ps).max(self.now_ps), Event::Expire { pair, turn });
        }
        let rate_hz: f64 =
            halves.iter().map(|half| self.network.nodes[half.node as usize].params.loss_rate_hz).sum();
        if rate_hz > 0.0 {
            let wait_s = -crate::math::ln(self.rng.uniform_open()) / rate_hz;
            self.at(self.now_ps.saturating_add(picoseconds(wait_s)), Event::Lose { pair, turn });
        }
    }

    /// Puts a pair where it will be found, and starts what can be done with it.
    fn place(&mut self, pair: u32) {
        let Stored { demand: number, low, high, level, turn, .. } = self.pairs[pair as usize];
        let demand = &mut self.demands[number as usize];
        if level < self.levels {
            let pool = &mut demand.pools[low as usize][level as usize];
            pool.push_back((pair, turn));
            self.distill(number, low, level);
            return;
        }
        let hops = demand.way.links.len() as u32;
        if high - low == hops {
            let time_ps = self.pairs[pair as usize].known_ps.max(self.now_ps);
            self.pairs[pair as usize].in_use = Use::Busy;
            self.at(time_ps, Event::Deliver { pair });
            return;
        }
        if high < hops {
            demand.ending[high as usize].push_back((pair, turn));
        }
        if low > 0 {
            demand.starting[low as usize].push_back((pair, turn));
        }
        if high < hops {
            self.swap(number, high);
        }
        if low > 0 && self.pairs[pair as usize].in_use == Use::Waiting {
            self.swap(number, low);
        }
    }

    /// The first waiting pair of a queue that passes; those that are gone leave the queue.
    fn first(
        pairs: &[Stored],
        queue: &mut std::collections::VecDeque<(u32, u32)>,
        passes: impl Fn(&Stored) -> bool,
    ) -> Option<u32> {
        queue.retain(|(pair, turn)| {
            let stored = &pairs[*pair as usize];
            stored.turn == *turn && stored.in_use == Use::Waiting
        });
        queue.iter().map(|(pair, _)| *pair).find(|pair| passes(&pairs[*pair as usize]))
    }

    /// Starts a swap at a node of a way, if it has a pair to each side.
    fn swap(&mut self, number: u32, node: u32) {
        if self.levels == 0 {
            self.bind_partner(number, node, true);
            self.bind_partner(number, node, false);
        }
        let Demand { ending, starting, halves, way, .. } = &mut self.demands[number as usize];
        let bounds = halves.as_ref().map(|halves| halves[node as usize]);
        let at = node as usize;
        let left =
            Self::first(&self.pairs, &mut ending[at], |pair| bounds.is_none_or(|(low, _)| pair.low == low));
        let right = Self::first(&self.pairs, &mut starting[at], |pair| {
            bounds.is_none_or(|(_, high)| pair.high == high)
        });
        let (Some(mut left), Some(mut right)) = (left, right) else { return };
        if let Some((rules, Asked { swap_pair: true, .. })) = self.job.rules {
            let name = way.nodes[at];
            let fits = |pair: &Stored, ends: bool| {
                bounds.is_none_or(|(low, high)| if ends { pair.low == low } else { pair.high == high })
            };
            let now_s = seconds(self.now_ps);
            let chosen = |queue: &std::collections::VecDeque<(u32, u32)>, ends: bool| {
                let all: Vec<u32> = queue
                    .iter()
                    .map(|(pair, _)| *pair)
                    .filter(|pair| fits(&self.pairs[*pair as usize], ends))
                    .collect();
                let waiting: Vec<WaitingPair> =
                    all.iter().map(|pair| self.pairs[*pair as usize].shown(usize::from(!ends))).collect();
                rules.swap_pair(now_s, name, ends, &waiting).and_then(|place| all.get(place).copied())
            };
            let (Some(first), Some(second)) = (chosen(&ending[at], true), chosen(&starting[at], false))
            else {
                return;
            };
            (left, right) = (first, second);
        }
        let operation_ps = self.network.nodes[way.nodes[at] as usize].operation_ps();
        let operation = Operation {
            pairs: [left, right],
            demand: number,
            swap_at: Some(node),
            worked: true,
            parts: [NO_PAIR; 2],
        };
        self.operate(operation, operation_ps);
    }

    /// Starts a distillation of two pairs of a link that have the same number of rounds behind them.
    fn distill(&mut self, number: u32, place: u32, level: u32) {
        let demand = &mut self.demands[number as usize];
        let pool = &mut demand.pools[place as usize][level as usize];
        let Some(kept) = Self::first(&self.pairs, pool, |_| true) else { return };
        let Some(spent) = pool.iter().map(|(pair, _)| *pair).find(|pair| *pair != kept) else { return };
        let operation_ps = self.pairs[kept as usize]
            .halves
            .iter()
            .map(|half| self.network.nodes[half.node as usize].operation_ps())
            .fold(0, u64::max);
        let operation = Operation {
            pairs: [kept, spent],
            demand: number,
            swap_at: None,
            worked: true,
            parts: [NO_PAIR; 2],
        };
        self.operate(operation, operation_ps);
    }

    /// Gives a demand a pair that waits for nobody in particular at a node where it has none that ends (or starts) there.
    fn bind_partner(&mut self, number: u32, node: u32, ends: bool) {
        let Demand { ending, starting, way, .. } = &mut self.demands[number as usize];
        let (queue, position) =
            if ends { (&mut ending[node as usize], node - 1) } else { (&mut starting[node as usize], node) };
        let link = way.bundles[position as usize][0];
        if Self::first(&self.pairs, queue, |_| true).is_some()
            || self.demands[number as usize].wanted(position as usize) == 0
        {
            return;
        }
        let Some(pair) = Self::first(&self.pairs, &mut self.unbound[link as usize], |_| true) else { return };
        self.unbound[link as usize].retain(|(other, _)| *other != pair);
        self.bind(pair, number, position);
        self.place(pair);
    }

    fn operate(&mut self, operation: Operation, operation_ps: u64) {
        for pair in operation.pairs {
            self.pairs[pair as usize].in_use = Use::Busy;
        }
        let number = if let Some(free) = self.free_operations.pop() {
            self.operations[free as usize] = operation;
            free
        } else {
            self.operations.push(operation);
            self.operations.len() as u32 - 1
        };
        self.at(self.now_ps.saturating_add(operation_ps), Event::Operated { operation: number });
    }

    /// Applies a qubit's wait up to now.
    fn settle(&mut self, pair: u32, qubit: usize) {
        let half = self.pairs[pair as usize].halves[qubit];
        let index = self.law_of[half.link as usize][usize::from(half.side)][usize::from(half.stored)];
        let law = self.laws[usize::from(index)];
        let flips = self.network.nodes[half.node as usize].params.dephasing_per_attempt;
        let attempts = if flips > 0.0 { self.attempts_at(half.node) } else { 0 };
        let stored = &mut self.pairs[pair as usize];
        law.apply(&mut stored.pair, qubit, half.applied_ps - half.born_ps, self.now_ps - half.born_ps);
        if attempts > half.attempts {
            let kept = crate::math::pow(1.0 - 2.0 * flips, (attempts - half.attempts) as f64);
            stored.pair = stored.pair.shrunk(qubit, [kept, kept, 1.0]);
        }
        stored.halves[qubit].applied_ps = self.now_ps;
        stored.halves[qubit].attempts = attempts;
    }

    /// The gates of an operation are done.
    pub(super) fn operated(&mut self, number: u32, going: &mut dyn FnMut() -> bool) -> Result<()> {
        let operation = self.operations[number as usize];
        let [first, second] = operation.pairs;
        if operation.swap_at.is_some() {
            self.free_operations.push(number);
            return self.swapped(operation, going);
        }
        for pair in operation.pairs {
            for qubit in 0..2 {
                self.settle(pair, qubit);
            }
        }
        let Stored { pair: kept, halves, low, high, .. } = &self.pairs[first as usize];
        let noise = halves.map(|half| self.network.nodes[half.node as usize].swap_noise());
        let other = &self.pairs[second as usize].pair;
        let (pair, probability) = match self.job.policy.distill {
            Some(Distillation::Bbpssw) => kept.bbpssw(other, noise),
            _ => kept.dejmps(other, noise),
        };
        let message_ps = self.demands[operation.demand as usize].between_ps(*low, *high);
        let worked = self.rng.uniform() < probability;
        let heralds = self.pairs[second as usize].heralds;
        let oldest_ps = self.pairs[first as usize].oldest_ps.min(self.pairs[second as usize].oldest_ps);
        let spent = self.pairs[second as usize].number;
        let halves = self.pairs[second as usize].halves;
        let stored = &mut self.pairs[first as usize];
        if worked {
            stored.pair = pair;
            stored.heralds += heralds;
            stored.oldest_ps = oldest_ps;
        }
        // what was to happen to the pair before does not happen to the one that it has become
        stored.turn = stored.turn.wrapping_add(1);
        let parts = [stored.number, spent];
        self.operations[number as usize] = Operation { worked, parts, ..operation };
        // the other one is stored until both nodes know
        self.record.fates.used += 1;
        self.remove(second);
        for half in halves {
            self.release(half, going)?;
        }
        self.at(self.now_ps.saturating_add(message_ps), Event::Distilled { operation: number });
        Ok(())
    }

    /// Both nodes know how a distillation went.
    pub(super) fn distilled(&mut self, number: u32, going: &mut dyn FnMut() -> bool) -> Result<()> {
        let Operation { pairs: [pair, _], demand, worked, parts, .. } = self.operations[number as usize];
        self.free_operations.push(number);
        self.record.fates.used += 1;
        let Stored { halves, low, high, level, .. } = self.pairs[pair as usize];
        let subject = halves[0].link;
        if !worked {
            self.note(Entry {
                event: Happening::DistillFailed,
                subject,
                pair: NO_PAIR,
                parts,
                fidelity: f64::NAN,
            });
            let raw = 1 << (level + 1);
            self.remove(pair);
            self.lose(demand, low..high, raw);
            return self.let_go(demand, halves, low..high, going);
        }
        let number = self.made;
        self.made += 1;
        self.record.fates.made += 1;
        let now_ps = self.now_ps;
        let stored = &mut self.pairs[pair as usize];
        (stored.level, stored.number, stored.in_use) = (level + 1, number, Use::Waiting);
        stored.known_ps = now_ps;
        let fidelity = stored.pair.fidelity(BellState::PhiPlus);
        self.note(Entry { event: Happening::Distill, subject, pair: number, parts, fidelity });
        self.limit(pair);
        self.place(pair);
        Ok(())
    }

    /// A swap is done.
    fn swapped(&mut self, operation: Operation, going: &mut dyn FnMut() -> bool) -> Result<()> {
        let [left, right] = operation.pairs;
        let number = operation.demand;
        self.settle(left, 1);
        self.settle(right, 0);
        let (first, second) = (&self.pairs[left as usize], &self.pairs[right as usize]);
        let (low, middle, high) = (first.low, first.high, second.high);
        let [inner_left, inner_right] = [first.halves[1], second.halves[0]];
        let outer = [first.halves[0], second.halves[1]];
        let parts = [first.number, second.number];
        let noise = self.network.nodes[inner_left.node as usize].swap_noise();
        let pair = first.pair.swapped(&second.pair, noise);
        let heralds = first.heralds.saturating_add(second.heralds);
        let oldest_ps = first.oldest_ps.min(second.oldest_ps);
        let demand = &self.demands[number as usize];
        let message_ps = demand.between_ps(low, middle).max(demand.between_ps(middle, high));
        let known_ps = first.known_ps.max(second.known_ps).max(self.now_ps.saturating_add(message_ps));
        let level = first.level;
        let probability = self.job.policy.swap_success_probability;
        let works = probability >= 1.0 || self.rng.uniform() < probability;
        self.record.fates.used += 2;
        self.remove(left);
        self.remove(right);
        let subject = inner_left.node;
        if works {
            let stored_number = self.made;
            self.made += 1;
            self.record.fates.made += 1;
            let fidelity = pair.fidelity(BellState::PhiPlus);
            self.note(Entry { event: Happening::Swap, subject, pair: stored_number, parts, fidelity });
            let stored = Stored {
                pair,
                halves: outer,
                demand: number,
                low,
                high,
                level,
                heralds,
                swapped: true,
                known_ps,
                oldest_ps,
                in_use: Use::Waiting,
                turn: 0,
                number: stored_number,
            };
            let pair = self.insert(stored);
            self.place(pair);
            for half in [inner_left, inner_right] {
                self.release(half, going)?;
            }
            return Ok(());
        }
        self.note(Entry { event: Happening::SwapFailed, subject, pair: NO_PAIR, parts, fidelity: f64::NAN });
        let raw = self.demands[number as usize].raw_per_pair;
        self.lose(number, low..high, raw);
        for half in [inner_left, inner_right] {
            self.release(half, going)?;
        }
        self.let_go(number, outer, low..high, going)
    }

    /// Both ends know of their pair.
    pub(super) fn deliver(&mut self, pair: u32, going: &mut dyn FnMut() -> bool) -> Result<()> {
        for qubit in 0..2 {
            self.settle(pair, qubit);
        }
        let Stored { pair: state, halves, demand: number, low, high, heralds, swapped, number: name, .. } =
            self.pairs[pair as usize];
        let state = self.job.corrected(&state, halves[1].node, swapped);
        let fidelity = state.fidelity(BellState::PhiPlus);
        let demand = &mut self.demands[number as usize];
        let good = fidelity >= demand.min_fidelity;
        let requested_ps = match (&mut demand.always, good) {
            (_, false) => None,
            (Some(requested_ps), true) => Some(std::mem::replace(requested_ps, self.now_ps)),
            (None, true) => demand.pending.pop_front(),
        };
        let raw = demand.raw_per_pair;
        self.remove(pair);
        self.lose(number, low..high, raw);
        if let Some(requested_ps) = requested_ps {
            let delivery = Delivery {
                demand: number,
                time_ps: self.now_ps,
                latency_ps: self.now_ps - requested_ps,
                fidelity,
                hops: high - low,
                raw_pairs: heralds,
                origin: super::heralds::Origin::Pair(state),
                pair: name,
            };
            self.write(delivery, &state);
        } else {
            self.record.fates.rejected += 1;
            let (event, parts) = (Happening::Reject, [NO_PAIR; 2]);
            self.note(Entry { event, subject: number, pair: name, parts, fidelity });
        }
        self.let_go(number, halves, low..high, going)
    }

    /// A pair reaches the cut-off, or a node loses one of its qubits.
    pub(super) fn expire(
        &mut self,
        pair: u32,
        turn: u32,
        event: Happening,
        going: &mut dyn FnMut() -> bool,
    ) -> Result<()> {
        let Stored { halves, demand, low, high, level, in_use, number, turn: current, .. } =
            self.pairs[pair as usize];
        if current != turn || in_use != Use::Waiting {
            return Ok(());
        }
        self.record.fates.expired += 1;
        let parts = [NO_PAIR; 2];
        self.note(Entry { event, subject: demand, pair: number, parts, fidelity: f64::NAN });
        self.remove(pair);
        if demand == NONE {
            self.unbound[self.bundle_of[halves[0].link as usize] as usize]
                .retain(|(other, _)| *other != pair);
            for half in halves {
                self.release(half, going)?;
            }
            return Ok(());
        }
        self.lose(demand, low..high, 1 << level);
        self.let_go(demand, halves, low..high, going)
    }

    fn remove(&mut self, pair: u32) {
        let stored = &mut self.pairs[pair as usize];
        stored.in_use = Use::Gone;
        stored.turn = stored.turn.wrapping_add(1);
        self.free_pairs.push(pair);
    }

    /// A part of a way has so many heralds' worth of pairs less.
    fn lose(&mut self, demand: u32, places: Range<u32>, raw: u64) {
        for supply in &mut self.demands[demand as usize].supply[places.start as usize..places.end as usize] {
            *supply -= raw;
        }
    }

    /// Frees both qubits of a pair and lets links start that now may.
    fn let_go(
        &mut self,
        demand: u32,
        halves: [Half; 2],
        places: Range<u32>,
        going: &mut dyn FnMut() -> bool,
    ) -> Result<()> {
        for half in halves {
            self.release(half, going)?;
        }
        self.start_way(demand, places.start as usize..places.end as usize, going)
    }

    /// Counts a qubit more or less that a node stores.
    pub(super) fn count_stored(&mut self, node: u32, change: i64) {
        let now_ps = self.now_ps;
        let node = &mut self.nodes[node as usize];
        node.stored_ps += node.stored * (now_ps - node.stored_since_ps);
        (node.stored, node.stored_since_ps) = (node.stored.saturating_add_signed(change), now_ps);
    }

    /// Frees a qubit's ion.
    fn release(&mut self, half: Half, going: &mut dyn FnMut() -> bool) -> Result<()> {
        self.links[half.link as usize].stored[usize::from(half.side)] -= 1;
        self.count_stored(half.node, -1);
        if half.stored {
            self.nodes[half.node as usize].free_memory += 1;
        }
        // the link waits behind those that waited before
        self.start(half.link, going)?;
        if half.stored { Ok(()) } else { self.free_ions(half.node, 1, going) }
    }
}
