//! Stored pairs: how they wait, are delivered and thrown away.
//!
//! A pair lies along the way of its demand, from its node `low` to its node `high`. What waiting does to a qubit is applied
//! when the qubit is next used: it commutes with what happens to the other one.

use super::comb::{picoseconds, seconds};
use super::kernel::{Event, Kernel, NONE};
use super::record::{Delivery, Entry, Happening, NO_PAIR};
use super::rules::{Asked, WaitingPair};
use crate::check;
use crate::error::Result;
use crate::state::{BellState, Correlations};
use std::ops::Range;

/// What is being done with a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// Nothing: it waits.
    Waiting,
    /// It moves, is distilled, or is on its way to be delivered.
    Busy,
    /// It is no longer there.
    Gone,
}

/// One qubit of a pair.
#[derive(Debug, Clone, Copy)]
pub(super) struct Half {
    pub(super) node: u32,
    /// The link it came by, and the side of that link.
    pub(super) link: u32,
    side: u8,
    /// Whether it is stored on a memory ion.
    stored: bool,
    /// Whether its ion waits in the other state than the pair notes: a correction by X or Y has only been noted.
    pub(super) flipped: bool,
    /// When its ion began to wait, and up to when that has been applied (ps).
    born_ps: u64,
    applied_ps: u64,
    /// Attempts of the node up to then.
    attempts: u64,
}

/// A pair.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) pair: Correlations,
    pub(super) halves: [Half; 2],
    pub(super) demand: u32,
    pub(super) low: u32,
    pub(super) high: u32,
    /// Rounds of distillation behind it.
    pub(super) level: u32,
    pub(super) heralds: u32,
    /// Whether swaps made it.
    pub(super) swapped: bool,
    /// When both ends know what corrections it needs (ps).
    pub(super) known_ps: u64,
    /// Herald of its oldest part (ps).
    pub(super) oldest_ps: u64,
    /// When its wait ends at the latest (ps).
    pub(super) until_ps: u64,
    pub(super) in_use: Use,
    /// The swaps at its two ends that are under way, or [`NONE`].
    pub(super) swaps: [u32; 2],
    /// Whether a swap of it failed while another one was under way, which goes on in vain.
    pub(super) broken: bool,
    /// Counts the pairs that had this place.
    pub(super) turn: u32,
    /// Number in the trace.
    pub(super) number: u64,
}

impl Stored {
    /// What rules of one's own see of it; `far` is its qubit at the other end.
    pub(super) fn shown(&self, far: usize) -> WaitingPair {
        WaitingPair {
            pair: self.number,
            other_end: self.halves[far].node,
            oldest_s: seconds(self.oldest_ps),
            heralds: self.heralds,
            rounds: self.level,
        }
    }

    pub(super) fn is_alive(&self) -> bool {
        self.in_use != Use::Gone && !self.broken
    }

    /// Whether nothing happens to its qubit at one end: nodes swap without knowing what the other end does.
    fn waits_at(&self, end: usize) -> bool {
        self.in_use == Use::Waiting && self.swaps[end] == NONE
    }
}

impl Kernel<'_, '_> {
    /// Stores the pair of a herald, for the demand whose request is the oldest of those that can use it now; for nobody in
    /// particular while several demands could use it later.
    pub(super) fn take_up(
        &mut self,
        link: u32,
        number: u64,
        pair: &Correlations,
        flipped: bool,
    ) -> Result<()> {
        let place = self.network.links[link as usize];
        if self.longest_waiting(link, false).is_none() {
            // its request was served while the link attempted
            self.record.fates.rejected += 1;
            let (event, parts) = (Happening::Unwanted, [NO_PAIR; 2]);
            self.note(Entry { event, subject: link, pair: number, parts, fidelity: f64::NAN });
            self.give_back(place.nodes, 1);
            return Ok(());
        }
        let mut pair = *pair;
        let mut ready_ps = self.now_ps;
        let age_ps = self.network.physics[place.physics as usize].age_ps;
        let mut halves = [0, 1].map(|side: u8| {
            let node = place.nodes[usize::from(side)];
            let attempts = self.attempts_at(node);
            // of a herald in the first instants of a run, the wait began before it
            let born_ps = self.now_ps.saturating_sub(age_ps[usize::from(side)]);
            let flipped = side == 1 && flipped;
            Half { node, link, side, stored: false, flipped, born_ps, applied_ps: self.now_ps, attempts }
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
            until_ps: u64::MAX,
            in_use: Use::Waiting,
            swaps: [NONE; 2],
            broken: false,
            turn: 0,
            number,
        })?;
        if ready_ps > self.now_ps {
            self.pairs[pair as usize].in_use = Use::Busy;
            self.moving[self.bundle_of[link as usize] as usize] += 1;
            self.at(ready_ps, Event::Ready { pair });
            return Ok(());
        }
        self.offer(pair)
    }

    /// The qubits of a pair have reached their ions.
    pub(super) fn ready(&mut self, pair: u32, going: &mut dyn FnMut() -> bool) -> Result<()> {
        let Stored { until_ps, turn, halves, broken, demand, .. } = self.pairs[pair as usize];
        if demand == NONE {
            self.moving[self.bundle_of[halves[0].link as usize] as usize] -= 1;
        }
        self.pairs[pair as usize].in_use = Use::Waiting;
        if broken {
            return self.discard(pair, going);
        }
        if until_ps < self.now_ps {
            // it aged on the way
            self.at(self.now_ps, Event::Expire { pair, turn });
            return Ok(());
        }
        if demand == NONE { self.offer(pair) } else { self.place(pair) }
    }

    /// Moves qubits that wait on communication ions of a node to memory ions that have become free, the oldest first.
    fn move_in(&mut self, node: u32) {
        while self.nodes[node as usize].free_memory > 0 {
            let pairs = &self.pairs;
            let crowded = &mut self.nodes[node as usize].crowded;
            let place =
                |stored: &Stored| stored.halves.iter().position(|half| half.node == node && !half.stored);
            crowded.retain(|(pair, turn)| {
                let stored = &pairs[*pair as usize];
                stored.turn == *turn && stored.is_alive() && place(stored).is_some()
            });
            let found = crowded.iter().find_map(|(pair, _)| {
                let stored = &pairs[*pair as usize];
                let waits = stored.waits_at(0) && stored.waits_at(1);
                place(stored).filter(|_| waits).map(|qubit| (*pair, qubit))
            });
            let Some((pair, qubit)) = found else { return };
            self.settle(pair, qubit);
            self.nodes[node as usize].free_memory -= 1;
            let (weight, transfer_ps) = self.network.nodes[node as usize].transfer();
            let moved_ps = self.now_ps.saturating_add(transfer_ps);
            let stored = &mut self.pairs[pair as usize];
            stored.pair = stored.pair.depolarized(qubit, weight);
            let half = &mut stored.halves[qubit];
            (half.stored, half.born_ps) = (true, self.now_ps);
            let link = half.link;
            if transfer_ps > 0 {
                stored.in_use = Use::Busy;
                let Stored { demand, low, high, .. } = *stored;
                let others = |(other, _): &(u32, u32)| *other != pair;
                // it is placed again when it has moved
                if demand == NONE {
                    let bundle = self.bundle_of[link as usize] as usize;
                    self.moving[bundle] += 1;
                    self.unbound[bundle].retain(others);
                } else {
                    let demand = &mut self.demands[demand as usize];
                    demand.ending[high as usize].retain(others);
                    demand.starting[low as usize].retain(others);
                    if high == low + 1 {
                        demand.pools[low as usize].iter_mut().for_each(|pool| pool.retain(others));
                    }
                }
                self.at(moved_ps, Event::Ready { pair });
            }
            self.at(moved_ps, Event::Freed { node });
        }
    }

    /// The same for a pair that has come to wait.
    fn move_in_with(&mut self, pair: u32) {
        for half in self.pairs[pair as usize].halves {
            if !half.stored {
                self.move_in(half.node);
            }
        }
    }

    /// Gives a link's pair to the demand that is to have it, or lets it wait for one.
    fn offer(&mut self, pair: u32) -> Result<()> {
        let link = self.pairs[pair as usize].halves[0].link;
        // distillation needs two pairs of one demand: no use in waiting
        let only_one = self.users[link as usize].len() == 1 || self.levels > 0;
        if let Some((demand, position)) = self.longest_waiting(link, !only_one) {
            self.bind(pair, demand, position);
            return self.place(pair);
        }
        let turn = self.pairs[pair as usize].turn;
        self.unbound[self.bundle_of[link as usize] as usize].push_back((pair, turn));
        self.move_in_with(pair);
        Ok(())
    }

    /// The demand whose request for a pair of a link is the oldest, and the place of the link on its way; if `now`, of those alone
    /// that can do something with it at once. The same order at all links keeps two demands from holding one link each that the
    /// other one needs.
    fn longest_waiting(&mut self, link: u32, now: bool) -> Option<(u32, u32)> {
        let mut best = None;
        for index in 0..self.users[link as usize].len() {
            let (demand, position) = self.users[link as usize][index];
            // pairs of several demands that all lack some for distillation could fill a link's room for good
            let begun = self.demands[demand as usize].has_begun(position as usize);
            let since = (!begun, self.demands[demand as usize].turn_of(position as usize), demand);
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
        if Self::first(&self.pairs, queue, usize::from(ends), |_| true).is_some() {
            return true;
        }
        let link = demand.way.bundles[position as usize][0];
        let free = Self::first(&self.pairs, &mut self.unbound[link as usize], 0, |_| true).is_some();
        free && self.demands[number as usize].wanted(position as usize) > 0
    }

    /// Gives a waiting pair of a link to a demand.
    pub(super) fn bind(&mut self, pair: u32, number: u32, position: u32) {
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
    pub(super) fn bind_waiting(&mut self, number: u32, positions: Range<u32>) -> Result<()> {
        for position in positions {
            let link = self.demands[number as usize].way.bundles[position as usize][0];
            while self.demands[number as usize].wanted(position as usize) > 0
                && let Some(pair) = Self::first(&self.pairs, &mut self.unbound[link as usize], 0, |_| true)
            {
                // it would find itself a partner
                self.unbound[link as usize].retain(|(other, _)| *other != pair);
                // distillation needs two pairs of one demand: no use in waiting
                if self.levels == 0 && !self.has_partner(number, position) {
                    let turn = self.pairs[pair as usize].turn;
                    self.unbound[link as usize].push_front((pair, turn));
                    break;
                }
                self.bind(pair, number, position);
                self.place(pair)?;
            }
        }
        Ok(())
    }

    /// Stores a pair; says where.
    pub(super) fn insert(&mut self, mut stored: Stored) -> Result<u32> {
        let pair = if let Some(free) = self.free_pairs.pop() {
            stored.turn = self.pairs[free as usize].turn.wrapping_add(1);
            self.pairs[free as usize] = stored;
            free
        } else {
            self.pairs.push(stored);
            self.pairs.len() as u32 - 1
        };
        self.limit(pair)?;
        self.limit_by_loss(pair);
        let Stored { turn, halves, .. } = self.pairs[pair as usize];
        for half in halves {
            if !half.stored && self.network.nodes[half.node as usize].params.memory_ions > 0 {
                let pairs = &self.pairs;
                let crowded = &mut self.nodes[half.node as usize].crowded;
                crowded.retain(|(other, turn)| pairs[*other as usize].turn == *turn);
                crowded.push((pair, turn));
            }
        }
        Ok(pair)
    }

    /// Puts the end of a pair's wait on the calendar: the cut-off.
    pub(super) fn limit(&mut self, pair: u32) -> Result<()> {
        let cutoff_ps = self.cutoff_of(pair)?;
        let stored = &mut self.pairs[pair as usize];
        stored.until_ps = cutoff_ps.map_or(u64::MAX, |cutoff_ps| stored.oldest_ps.saturating_add(cutoff_ps));
        let Stored { until_ps, turn, .. } = *stored;
        if cutoff_ps.is_some() {
            self.at(until_ps.max(self.now_ps), Event::Expire { pair, turn });
        }
        Ok(())
    }

    /// The same: the loss of one of its qubits, whatever is done with it until then.
    pub(super) fn limit_by_loss(&mut self, pair: u32) {
        let Stored { turn, halves, .. } = self.pairs[pair as usize];
        let rate_hz: f64 =
            halves.iter().map(|half| self.network.nodes[half.node as usize].params.loss_rate_hz).sum();
        if rate_hz > 0.0 {
            let wait_s = -crate::math::ln(self.rng.uniform_open()) / rate_hz;
            self.at(self.now_ps.saturating_add(picoseconds(wait_s)), Event::Lose { pair, turn });
        }
    }

    /// The age that a pair may reach (ps).
    fn cutoff_of(&self, pair: u32) -> Result<Option<u64>> {
        let Some((rules, Asked { cutoff_s: true, .. })) = self.job.rules else { return Ok(self.cutoff_ps) };
        let stored = &self.pairs[pair as usize];
        let nodes = stored.halves.map(|half| half.node);
        match rules.cutoff_s(seconds(self.now_ps), nodes, &stored.shown(1)) {
            Some(cutoff_s) => Ok(Some(picoseconds(check::non_negative("rules.cutoff_s", cutoff_s, "s")?))),
            None => Ok(self.cutoff_ps),
        }
    }

    /// Puts a pair where it will be found, and starts what can be done with it.
    pub(super) fn place(&mut self, pair: u32) -> Result<()> {
        let Stored { demand: number, low, high, level, turn, .. } = self.pairs[pair as usize];
        let demand = &mut self.demands[number as usize];
        if level < self.levels {
            // rules of one's own choose among all of them
            let asked = matches!(self.job.rules, Some((_, Asked { distill_pair: true, .. })));
            let round = if asked { 0 } else { level };
            demand.pools[low as usize][round as usize].push_back((pair, turn));
            if asked {
                self.ask_distill(number, low)?;
            } else {
                self.distill(number, low, level);
            }
            self.move_in_with(pair);
            return Ok(());
        }
        let hops = demand.way.links.len() as u32;
        if high - low == hops {
            let time_ps = self.pairs[pair as usize].known_ps.max(self.now_ps);
            self.pairs[pair as usize].in_use = Use::Busy;
            self.at(time_ps, Event::Deliver { pair });
            return Ok(());
        }
        if high < hops {
            demand.ending[high as usize].push_back((pair, turn));
        }
        if low > 0 {
            demand.starting[low as usize].push_back((pair, turn));
        }
        if high < hops {
            self.swap(number, high)?;
        }
        if low > 0 {
            self.swap(number, low)?;
        }
        self.move_in_with(pair);
        Ok(())
    }

    /// The first pair of a queue that waits at one of its ends and passes; those that do not wait there any more leave the queue.
    pub(super) fn first(
        pairs: &[Stored],
        queue: &mut std::collections::VecDeque<(u32, u32)>,
        end: usize,
        passes: impl Fn(&Stored) -> bool,
    ) -> Option<u32> {
        queue.retain(|(pair, turn)| {
            let stored = &pairs[*pair as usize];
            stored.turn == *turn && stored.waits_at(end)
        });
        queue.iter().map(|(pair, _)| *pair).find(|pair| passes(&pairs[*pair as usize]))
    }

    /// Applies a qubit's wait up to now.
    pub(super) fn settle(&mut self, pair: u32, qubit: usize) {
        let half = self.pairs[pair as usize].halves[qubit];
        let index = self.law_of[half.link as usize][usize::from(half.side)][usize::from(half.stored)];
        let law = self.laws[usize::from(index)];
        let flips = self.network.nodes[half.node as usize].params.dephasing_per_attempt;
        let attempts = if flips > 0.0 { self.attempts_at(half.node) } else { 0 };
        let stored = &mut self.pairs[pair as usize];
        let (from_ps, to_ps) = (half.applied_ps - half.born_ps, self.now_ps - half.born_ps);
        law.apply(&mut stored.pair, qubit, half.flipped, from_ps, to_ps);
        if attempts > half.attempts {
            let kept = crate::math::pow(1.0 - 2.0 * flips, (attempts - half.attempts) as f64);
            stored.pair = stored.pair.shrunk(qubit, [kept, kept, 1.0]);
        }
        stored.halves[qubit].applied_ps = self.now_ps;
        stored.halves[qubit].attempts = attempts;
    }

    /// Both ends know of their pair.
    pub(super) fn deliver(&mut self, pair: u32, going: &mut dyn FnMut() -> bool) -> Result<()> {
        if self.pairs[pair as usize].broken {
            return self.discard(pair, going);
        }
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

    /// A pair reaches the cut-off, or a node loses one of its qubits. What is under way with a pair goes on: without regard to the
    /// cut-off, but in vain if a qubit is lost.
    pub(super) fn expire(
        &mut self,
        pair: u32,
        turn: u32,
        event: Happening,
        going: &mut dyn FnMut() -> bool,
    ) -> Result<()> {
        let stored = &mut self.pairs[pair as usize];
        let waits = stored.waits_at(0) && stored.waits_at(1);
        if stored.turn != turn || stored.broken || !(waits || event == Happening::Lose) {
            return Ok(());
        }
        stored.broken = true;
        let (subject, parts) = (stored.demand, [NO_PAIR; 2]);
        let number = std::mem::replace(&mut stored.number, NO_PAIR);
        self.record.fates.expired += 1;
        self.note(Entry { event, subject, pair: number, parts, fidelity: f64::NAN });
        if waits { self.discard(pair, going) } else { Ok(()) }
    }

    /// Frees the ions of a pair that is none any more.
    pub(super) fn discard(&mut self, pair: u32, going: &mut dyn FnMut() -> bool) -> Result<()> {
        let Stored { halves, demand, low, high, level, .. } = self.pairs[pair as usize];
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

    pub(super) fn remove(&mut self, pair: u32) {
        let stored = &mut self.pairs[pair as usize];
        stored.in_use = Use::Gone;
        stored.turn = stored.turn.wrapping_add(1);
        self.free_pairs.push(pair);
    }

    /// A part of a way has so many heralds' worth of pairs less.
    pub(super) fn lose(&mut self, demand: u32, places: Range<u32>, raw: u64) {
        for supply in &mut self.demands[demand as usize].supply[places.start as usize..places.end as usize] {
            *supply -= raw;
        }
    }

    /// Frees both qubits of a pair and lets links start that now may.
    pub(super) fn let_go(
        &mut self,
        demand: u32,
        halves: [Half; 2],
        places: Range<u32>,
        going: &mut dyn FnMut() -> bool,
    ) -> Result<()> {
        for half in halves {
            self.release(half, going)?;
        }
        // pairs that came when nobody wanted them serve those who want one now
        self.bind_waiting(demand, places.clone())?;
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
    pub(super) fn release(&mut self, half: Half, going: &mut dyn FnMut() -> bool) -> Result<()> {
        self.links[half.link as usize].stored[usize::from(half.side)] -= 1;
        self.count_stored(half.node, -1);
        if half.stored {
            self.nodes[half.node as usize].free_memory += 1;
            self.move_in(half.node);
        }
        // the link waits behind those that waited before
        self.start(half.link, going)?;
        if half.stored { Ok(()) } else { self.free_ions(half.node, 1, going) }
    }
}
