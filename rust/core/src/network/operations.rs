//! Operations on two stored pairs of a demand: swaps and distillation.

use super::comb::seconds;
use super::demand::Demand;
use super::kernel::{Event, Kernel, NONE};
use super::pairs::{Stored, Use};
use super::params::Distillation;
use super::record::{Entry, Happening, NO_PAIR};
use super::rules::{self, Asked, Distilling, WaitingPair};
use crate::error::{Error, Result};
use crate::state::BellState;
use std::collections::VecDeque;

/// An operation on two pairs of a demand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operation {
    pairs: [u32; 2],
    demand: u32,
    kind: Kind,
    /// Whether a distillation worked, and the numbers of its pairs.
    worked: bool,
    parts: [u64; 2],
}

/// What is done with two pairs.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// They become one that reaches further.
    Swap,
    /// They become a better one, with so many rounds behind it, in place of so many heralds' worth of pairs.
    Distill { level: u32, raw: u64 },
}

impl Kernel<'_, '_> {
    /// Starts a swap at a node of a way, if it has a pair to each side.
    pub(super) fn swap(&mut self, number: u32, node: u32) -> Result<()> {
        if self.levels == 0 {
            self.bind_partner(number, node, true)?;
            self.bind_partner(number, node, false)?;
        }
        let Demand { ending, starting, halves, way, .. } = &mut self.demands[number as usize];
        let bounds = halves.as_ref().map(|halves| halves[node as usize]);
        let at = node as usize;
        let left = Self::first(&self.pairs, &mut ending[at], 1, |pair| {
            bounds.is_none_or(|(low, _)| pair.low == low)
        });
        let right = Self::first(&self.pairs, &mut starting[at], 0, |pair| {
            bounds.is_none_or(|(_, high)| pair.high == high)
        });
        let (Some(mut left), Some(mut right)) = (left, right) else { return Ok(()) };
        if let Some((rules, Asked { swap_pair: true, .. })) = self.job.rules {
            let name = way.nodes[at];
            let fits = |pair: &Stored, ends: bool| {
                bounds.is_none_or(|(low, high)| if ends { pair.low == low } else { pair.high == high })
            };
            let now_s = seconds(self.now_ps);
            let chosen = |queue: &VecDeque<(u32, u32)>, ends: bool| -> Result<Option<u32>> {
                let all: Vec<u32> = queue
                    .iter()
                    .map(|(pair, _)| *pair)
                    .filter(|pair| fits(&self.pairs[*pair as usize], ends))
                    .collect();
                let waiting: Vec<WaitingPair> =
                    all.iter().map(|pair| self.pairs[*pair as usize].shown(usize::from(!ends))).collect();
                let place = rules.swap_pair(now_s, name, ends, &waiting);
                place
                    .map(|place| rules::placed("swap_pair", place, all.len()).map(|place| all[place]))
                    .transpose()
            };
            let (Some(first), Some(second)) = (chosen(&ending[at], true)?, chosen(&starting[at], false)?)
            else {
                return Ok(());
            };
            (left, right) = (first, second);
        }
        let operation_ps = self.network.nodes[way.nodes[at] as usize].operation_ps();
        let operation = Operation {
            pairs: [left, right],
            demand: number,
            kind: Kind::Swap,
            worked: true,
            parts: [NO_PAIR; 2],
        };
        self.operate(operation, operation_ps);
        Ok(())
    }

    /// Gives a demand a pair that waits for nobody in particular at a node where it has none that ends (or starts) there.
    fn bind_partner(&mut self, number: u32, node: u32, ends: bool) -> Result<()> {
        let Demand { ending, starting, way, .. } = &mut self.demands[number as usize];
        let (queue, position) =
            if ends { (&mut ending[node as usize], node - 1) } else { (&mut starting[node as usize], node) };
        let link = way.bundles[position as usize][0];
        if Self::first(&self.pairs, queue, usize::from(ends), |_| true).is_some()
            || self.demands[number as usize].wanted(position as usize) == 0
        {
            return Ok(());
        }
        let Some(pair) = Self::first(&self.pairs, &mut self.unbound[link as usize], 0, |_| true) else {
            return Ok(());
        };
        self.unbound[link as usize].retain(|(other, _)| *other != pair);
        self.bind(pair, number, position);
        self.place(pair)
    }

    /// Starts a distillation of two pairs of a link that have the same number of rounds behind them.
    pub(super) fn distill(&mut self, number: u32, place: u32, level: u32) {
        let pool = &mut self.demands[number as usize].pools[place as usize][level as usize];
        if let Some(kept) = Self::first(&self.pairs, pool, 0, |_| true)
            && let Some(spent) = pool.iter().map(|(pair, _)| *pair).find(|pair| *pair != kept)
        {
            self.distill_two(number, kept, spent);
        }
    }

    /// Lets rules of one's own decide about the pairs of a link that wait for distillation, until they want no more.
    pub(super) fn ask_distill(&mut self, number: u32, place: u32) -> Result<()> {
        let Some((rules, _)) = self.job.rules else { return Ok(()) };
        let now_s = seconds(self.now_ps);
        loop {
            let Demand { pools, way, .. } = &mut self.demands[number as usize];
            let nodes = [way.nodes[place as usize], way.nodes[place as usize + 1]];
            let pool = &mut pools[place as usize][0];
            if Self::first(&self.pairs, pool, 0, |_| true).is_none() {
                return Ok(());
            }
            let all: Vec<u32> = pool.iter().map(|(pair, _)| *pair).collect();
            let waiting: Vec<WaitingPair> =
                all.iter().map(|pair| self.pairs[*pair as usize].shown(1)).collect();
            let placed = |place| rules::placed("distill_pair", place, all.len()).map(|place| all[place]);
            match rules.distill_pair(now_s, nodes, &waiting) {
                None => return Ok(()),
                Some(Distilling::Use(one)) => self.use_as_it_is(placed(one)?)?,
                Some(Distilling::Two(kept, spent)) if kept == spent => {
                    let given = format!("{kept} and {spent}");
                    return Err(Error::parameter("rules.distill_pair", given, "two different places", ""));
                }
                Some(Distilling::Two(kept, spent)) => {
                    self.distill_two(number, placed(kept)?, placed(spent)?);
                }
            }
        }
    }

    /// Uses a pair that could have been distilled: from now on it counts as one with all rounds behind it, and no further heralds
    /// are wanted for it.
    fn use_as_it_is(&mut self, pair: u32) -> Result<()> {
        let levels = self.levels;
        let stored = &mut self.pairs[pair as usize];
        let raw = 1 << std::mem::replace(&mut stored.level, levels);
        let (demand, low) = (&mut self.demands[stored.demand as usize], stored.low as usize);
        demand.pools[low][0].retain(|(other, _)| *other != pair);
        demand.supply[low] += demand.raw_per_pair - raw;
        self.place(pair)
    }

    /// Starts a distillation that spends one pair for another.
    fn distill_two(&mut self, number: u32, kept: u32, spent: u32) {
        let levels = [kept, spent].map(|pair| self.pairs[pair as usize].level);
        let operation_ps = self.pairs[kept as usize]
            .halves
            .iter()
            .map(|half| self.network.nodes[half.node as usize].operation_ps())
            .fold(0, u64::max);
        let level = levels[0].max(levels[1]) + 1;
        let raw = levels.iter().map(|level| 1_u64 << level).sum();
        let operation = Operation {
            pairs: [kept, spent],
            demand: number,
            kind: Kind::Distill { level, raw },
            worked: true,
            parts: [NO_PAIR; 2],
        };
        self.operate(operation, operation_ps);
    }

    fn operate(&mut self, operation: Operation, operation_ps: u64) {
        let number = if let Some(free) = self.free_operations.pop() {
            self.operations[free as usize] = operation;
            free
        } else {
            self.operations.push(operation);
            self.operations.len() as u32 - 1
        };
        let [first, second] = operation.pairs;
        if matches!(operation.kind, Kind::Swap) {
            self.pairs[first as usize].swaps[1] = number;
            self.pairs[second as usize].swaps[0] = number;
        } else {
            for pair in operation.pairs {
                self.pairs[pair as usize].in_use = Use::Busy;
            }
        }
        self.at(self.now_ps.saturating_add(operation_ps), Event::Operated { operation: number });
    }

    /// The gates of an operation are done.
    pub(super) fn operated(&mut self, number: u32, going: &mut dyn FnMut() -> bool) -> Result<()> {
        let operation = self.operations[number as usize];
        let [first, second] = operation.pairs;
        if matches!(operation.kind, Kind::Swap) {
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
        let whole = operation.pairs.iter().all(|pair| !self.pairs[*pair as usize].broken);
        let worked = self.rng.uniform() < probability && whole;
        let heralds = self.pairs[second as usize].heralds;
        let oldest_ps = self.pairs[first as usize].oldest_ps.min(self.pairs[second as usize].oldest_ps);
        let spent = self.pairs[second as usize].number;
        let halves = self.pairs[second as usize].halves;
        let stored = &mut self.pairs[first as usize];
        if worked {
            stored.pair = pair;
            // its corrections have been made, not only noted
            stored.halves.iter_mut().for_each(|half| half.flipped = false);
            stored.heralds += heralds;
            stored.oldest_ps = oldest_ps;
        }
        // what was to happen to the pair before does not happen to the one that it has become
        stored.turn = stored.turn.wrapping_add(1);
        let first_broken = stored.broken;
        let parts = [stored.number, spent];
        self.operations[number as usize] = Operation { worked, parts, ..operation };
        // the other one is stored until both nodes know
        self.record.fates.used += u64::from(!self.pairs[second as usize].broken);
        self.remove(second);
        if !first_broken {
            self.limit_by_loss(first);
        }
        for half in halves {
            self.release(half, going)?;
        }
        self.at(self.now_ps.saturating_add(message_ps), Event::Distilled { operation: number });
        Ok(())
    }

    /// Both nodes know how a distillation went.
    pub(super) fn distilled(&mut self, number: u32, going: &mut dyn FnMut() -> bool) -> Result<()> {
        let Operation { pairs: [pair, _], demand, kind, worked, mut parts } =
            self.operations[number as usize];
        self.free_operations.push(number);
        let Kind::Distill { level, raw } = kind else { return Ok(()) };
        let Stored { halves, low, high, broken, .. } = self.pairs[pair as usize];
        self.record.fates.used += u64::from(!broken);
        let subject = halves[0].link;
        if !worked || broken {
            if broken {
                parts[0] = NO_PAIR;
            }
            self.note(Entry {
                event: Happening::DistillFailed,
                subject,
                pair: NO_PAIR,
                parts,
                fidelity: f64::NAN,
            });
            self.remove(pair);
            self.lose(demand, low..high, raw);
            return self.let_go(demand, halves, low..high, going);
        }
        let number = self.made;
        self.made += 1;
        self.record.fates.made += 1;
        let now_ps = self.now_ps;
        let stored = &mut self.pairs[pair as usize];
        (stored.level, stored.number, stored.in_use) = (level, number, Use::Waiting);
        stored.known_ps = now_ps;
        let fidelity = stored.pair.fidelity(BellState::PhiPlus);
        self.note(Entry { event: Happening::Distill, subject, pair: number, parts, fidelity });
        // unequal rounds make a pair that is worth more heralds than went in
        self.demands[demand as usize].supply[low as usize] += (1 << level) - raw;
        self.limit(pair)?;
        self.place(pair)
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
        let mut outer = [first.halves[0], second.halves[1]];
        let parts = [first.number, second.number];
        let noise = self.network.nodes[inner_left.node as usize].swap_noise();
        let pair = if self.poles_matter {
            let plain = first.pair.swapped_given(&second.pair, noise, false);
            let flipped = self.rng.uniform() >= plain.trace();
            outer[1].flipped ^= flipped;
            let part = if flipped { first.pair.swapped_given(&second.pair, noise, true) } else { plain };
            part.normalized()
        } else {
            first.pair.swapped(&second.pair, noise)
        };
        let heralds = first.heralds.saturating_add(second.heralds);
        let oldest_ps = first.oldest_ps.min(second.oldest_ps);
        let demand = &self.demands[number as usize];
        let message_ps = demand.between_ps(low, middle).max(demand.between_ps(middle, high));
        let known_ps = first.known_ps.max(second.known_ps).max(self.now_ps.saturating_add(message_ps));
        let level = first.level;
        let probability = self.job.policy.swap_success_probability;
        let broken = [first, second].map(|part| part.broken);
        let works = broken == [false; 2] && (probability >= 1.0 || self.rng.uniform() < probability);
        // swaps at its ends that began before this one was done take over what it leaves
        let swaps = [first.swaps[0], second.swaps[1]];
        self.record.fates.used += broken.iter().filter(|broken| !**broken).count() as u64;
        self.remove(left);
        self.remove(right);
        let mut stored = Stored {
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
            until_ps: u64::MAX,
            in_use: Use::Waiting,
            swaps,
            broken: !works,
            turn: 0,
            number: NO_PAIR,
        };
        let event = if works { Happening::Swap } else { Happening::SwapFailed };
        let mut fidelity = f64::NAN;
        if works {
            (Happening::Swap, f64::NAN)
        } else {
            (Happening::SwapFailed, f64::NAN)
        };
        if works {
            stored.number = self.made;
            self.made += 1;
            self.record.fates.made += 1;
            fidelity = stored.pair.fidelity(BellState::PhiPlus);
        }
        let subject = inner_left.node;
        self.note(Entry { event, subject, pair: stored.number, parts, fidelity });
        if works || swaps != [NONE; 2] {
            let pair = self.insert(stored)?;
            for (end, swap) in swaps.into_iter().enumerate().filter(|(_, swap)| *swap != NONE) {
                self.operations[swap as usize].pairs[1 - end] = pair;
            }
            if works {
                self.place(pair)?;
            }
        } else {
            let raw = self.demands[number as usize].raw_per_pair;
            self.lose(number, low..high, raw);
        }
        for half in [inner_left, inner_right] {
            self.release(half, going)?;
        }
        if works || swaps != [NONE; 2] { Ok(()) } else { self.let_go(number, outer, low..high, going) }
    }
}
