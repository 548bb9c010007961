//! What a run of a network writes down.

use super::heralds::Origin;
use crate::link::one::Circumstances;
use crate::pages;
use crate::state::Correlations;

/// How much is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum RecordLevel {
    /// Counts, means and a histogram.
    Summary,
    /// And every delivered pair.
    #[default]
    Deliveries,
    /// And everything that happened.
    Trace,
}

/// Delivered pairs, ascending in time; columns of one length.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Deliveries {
    /// Number of the demand, or of the link where every link works for itself.
    pub demand: Vec<u32>,
    /// When both ends know that they have the pair (ps).
    pub time_ps: Vec<u64>,
    /// Time since the request, or since the link's delivery before (ps).
    pub latency_ps: Vec<u64>,
    /// Overlap with phi+.
    pub fidelity: Vec<f64>,
    /// Links on the way.
    pub hops: Vec<u32>,
    /// Heralds that went into the pair.
    pub raw_pairs: Vec<u32>,
    /// Number of the pair in the trace.
    pub pair: Vec<u64>,
    /// From what the state follows.
    pub(super) kept: Vec<Kept>,
    pub(super) states: Vec<Correlations>,
}

/// From what the state of a delivered pair follows.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kept {
    /// The circumstances of its herald.
    Seen(Circumstances),
    /// The number of the announced state among those of its link.
    Mean(u8),
    /// It is stored under this number.
    Stored(u64),
}

impl Kept {
    /// What its state follows from, where it is not stored.
    pub(super) fn origin(&self) -> Origin {
        match self {
            Self::Seen(seen) => Origin::Seen(seen.clone()),
            Self::Mean(index) => Origin::Mean(*index),
            Self::Stored(_) => Origin::Mean(0),
        }
    }
}

/// One delivered pair.
#[derive(Debug, Clone)]
pub(super) struct Delivery {
    pub(super) demand: u32,
    pub(super) time_ps: u64,
    pub(super) latency_ps: u64,
    pub(super) fidelity: f64,
    pub(super) hops: u32,
    pub(super) raw_pairs: u32,
    pub(super) origin: Origin,
    pub(super) pair: u64,
}

impl Deliveries {
    /// Memory of one pair, the number of its repetition included; without a state that is stored.
    pub const BYTES: usize =
        4 * size_of::<u32>() + 3 * size_of::<u64>() + size_of::<f64>() + size_of::<Kept>();

    /// Number of pairs.
    pub fn len(&self) -> usize {
        self.demand.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.demand.is_empty()
    }

    pub(super) fn push(&mut self, delivery: Delivery) {
        self.demand.push(delivery.demand);
        self.time_ps.push(delivery.time_ps);
        self.latency_ps.push(delivery.latency_ps);
        self.fidelity.push(delivery.fidelity);
        self.hops.push(delivery.hops);
        self.raw_pairs.push(delivery.raw_pairs);
        self.pair.push(delivery.pair);
        self.kept.push(match delivery.origin {
            Origin::Seen(seen) => Kept::Seen(seen),
            Origin::Mean(index) => Kept::Mean(index),
            Origin::Pair(pair) | Origin::Found(pair, _) => {
                self.states.push(pair);
                Kept::Stored(self.states.len() as u64 - 1)
            }
        });
    }

    /// Forgets those beyond the first so many.
    pub(super) fn truncate(&mut self, count: usize) {
        self.demand.truncate(count);
        self.time_ps.truncate(count);
        self.latency_ps.truncate(count);
        self.fidelity.truncate(count);
        self.hops.truncate(count);
        self.raw_pairs.truncate(count);
        self.pair.truncate(count);
        self.kept.truncate(count);
        let stored = self.kept.iter().filter(|kept| matches!(kept, Kept::Stored(_))).count();
        self.states.truncate(stored);
    }

    /// Empty columns with room for so many: bringing in new memory takes longer than to draw what is written there.
    pub(super) fn with_room_for(count: usize) -> Self {
        Self {
            demand: pages::with_room_for(count),
            time_ps: pages::with_room_for(count),
            latency_ps: pages::with_room_for(count),
            fidelity: pages::with_room_for(count),
            hops: pages::with_room_for(count),
            raw_pairs: pages::with_room_for(count),
            pair: pages::with_room_for(count),
            kept: pages::with_room_for(count),
            states: vec![],
        }
    }

    pub(super) fn append(&mut self, other: &mut Self) {
        self.demand.append(&mut other.demand);
        self.time_ps.append(&mut other.time_ps);
        self.latency_ps.append(&mut other.latency_ps);
        self.fidelity.append(&mut other.fidelity);
        self.hops.append(&mut other.hops);
        self.raw_pairs.append(&mut other.raw_pairs);
        self.pair.append(&mut other.pair);
        let before = self.states.len() as u64;
        self.kept.extend(other.kept.drain(..).map(|kept| match kept {
            Kept::Stored(number) => Kept::Stored(before + number),
            other => other,
        }));
        self.states.append(&mut other.states);
    }

    /// Brings the pairs of many links into the order of (time, link), each link's being so already, and numbers them in it; `ends`
    /// are those of repetitions, each of which is in order for itself.
    pub(super) fn sort(&mut self, ends: &[usize]) {
        let mut order = pages::with_room_for(self.len());
        let mut start = 0;
        for &end in ends {
            order.extend(in_order(&self.time_ps[start..end]).into_iter().map(|index| index + start as u32));
            // as events in the order of time would count them
            self.pair[start..end].iter_mut().zip(0..).for_each(|(pair, number)| *pair = number);
            start = end;
        }
        permuted(&mut self.demand, &order);
        permuted(&mut self.latency_ps, &order);
        permuted(&mut self.fidelity, &order);
        permuted(&mut self.kept, &order);
        // hops and raw pairs are one for each of them
        permuted(&mut self.time_ps, &order);
    }
}

/// Indices of times in their order; of equal times in that of the indices, so that the link that was drawn first comes first.
///
/// Digit by digit: an interrupted run must not keep its user waiting while millions are compared.
fn in_order(time_ps: &[u64]) -> Vec<u32> {
    const BITS: u32 = 11;
    let mut order: Vec<u32> = (0..time_ps.len() as u32).collect();
    let latest_ps = time_ps.iter().copied().max().unwrap_or(0);
    let mut sorted = vec![0; order.len()];
    let mut shift = 0;
    while latest_ps >> shift > 0 {
        let digit = |index: u32| (time_ps[index as usize] >> shift) as usize & ((1 << BITS) - 1);
        let mut places = [0_usize; 1 << BITS];
        for index in &order {
            places[digit(*index)] += 1;
        }
        let mut before = 0;
        for place in &mut places {
            before += std::mem::replace(place, before);
        }
        for index in &order {
            let place = &mut places[digit(*index)];
            sorted[*place] = *index;
            *place += 1;
        }
        std::mem::swap(&mut order, &mut sorted);
        shift += BITS;
        if shift >= u64::BITS {
            break;
        }
    }
    order
}

/// A column in another order.
fn permuted<T: Clone>(column: &mut Vec<T>, order: &[u32]) {
    let mut permuted = pages::with_room_for(order.len());
    permuted.extend(order.iter().map(|index| column[*index as usize].clone()));
    *column = permuted;
}

/// Bins of a histogram of latencies: four in each doubling.
pub const LATENCY_BINS: usize = 256;

/// Sums over the deliveries of a demand, or of a link that works for itself.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Totals {
    /// Number of deliveries.
    pub count: u64,
    /// Sum of latencies (s), and of their squares.
    pub latency_s: [f64; 2],
    /// Sum of fidelities, and of their squares.
    pub fidelity: [f64; 2],
}

impl Totals {
    pub(super) fn add(&mut self, latency_s: f64, fidelity: f64) {
        self.count += 1;
        self.latency_s[0] += latency_s;
        self.latency_s[1] += latency_s * latency_s;
        self.fidelity[0] += fidelity;
        self.fidelity[1] += fidelity * fidelity;
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.count += other.count;
        for moment in 0..2 {
            self.latency_s[moment] += other.latency_s[moment];
            self.fidelity[moment] += other.fidelity[moment];
        }
    }
}

/// The bin of a latency: floor(4 log2(t + 1)), t in picoseconds, by whole numbers.
pub(super) fn latency_bin(latency_ps: u64) -> usize {
    // 2^(1/4), 2^(2/4), 2^(3/4) in 2^-32
    const QUARTERS: [u128; 3] = [5_107_605_667, 6_074_001_000, 7_223_245_205];
    let t = u128::from(latency_ps) + 1;
    let octave = t.ilog2();
    let scaled = if octave >= 32 { t >> (octave - 32) } else { t << (32 - octave) };
    let quarter = QUARTERS.iter().filter(|edge| scaled >= **edge).count();
    (4 * octave as usize + quarter).min(LATENCY_BINS - 1)
}

/// What became of pairs. Every pair that is made is delivered, used, expired, rejected or still stored at the end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fates {
    /// Heralds, and pairs made of others by swapping and distillation.
    pub made: u64,
    /// Of these, heralds.
    pub heralded: u64,
    /// Delivered.
    pub delivered: u64,
    /// Used up by swapping and distillation, whether it worked or not.
    pub used: u64,
    /// Thrown away at the cut-off, or lost by a node.
    pub expired: u64,
    /// Thrown away because nobody wanted them or their fidelity was too low.
    pub rejected: u64,
    /// There at the end.
    pub stored: u64,
}

impl Fates {
    pub(super) fn merge(&mut self, other: &Self) {
        self.made += other.made;
        self.heralded += other.heralded;
        self.delivered += other.delivered;
        self.used += other.used;
        self.expired += other.expired;
        self.rejected += other.rejected;
        self.stored += other.stored;
    }
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Happening {
    /// A link got its ions: `subject` is the link.
    Start = 0,
    /// A link heralded: `subject` is the link, `pair` the new pair.
    Herald = 1,
    /// A swap worked at node `subject`: `pair` is made of `parts`.
    Swap = 2,
    /// A swap failed at node `subject`: `parts` are lost.
    SwapFailed = 3,
    /// A distillation on link `subject` worked: `pair` is made of `parts`.
    Distill = 4,
    /// A distillation on link `subject` failed: `parts` are lost.
    DistillFailed = 5,
    /// `pair` was delivered to demand `subject` (link, where links work for themselves).
    Deliver = 6,
    /// `pair` of demand `subject` reached the cut-off.
    Expire = 7,
    /// `pair` of demand `subject` was not good enough.
    Reject = 8,
    /// A request of demand `subject`.
    Request = 9,
    /// A request of demand `subject` found its queue full.
    Block = 10,
    /// Link `subject` gave its ions back without a herald.
    TimeOut = 11,
    /// `pair` of link `subject` came when nobody wanted it any more.
    Unwanted = 12,
    /// A node lost a qubit of `pair` of demand `subject`.
    Lose = 13,
}

impl Happening {
    /// All in the order of their numbers.
    pub const NAMES: [&'static str; 14] = [
        "start",
        "herald",
        "swap",
        "swap_failed",
        "distill",
        "distill_failed",
        "deliver",
        "expire",
        "reject",
        "request",
        "block",
        "time_out",
        "unwanted",
        "lose",
    ];
}

/// No pair.
pub const NO_PAIR: u64 = u64::MAX;

/// Everything that happened, ascending in time; columns of one length.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trace {
    /// When (ps).
    pub time_ps: Vec<u64>,
    /// Number of the [`Happening`].
    pub event: Vec<u8>,
    /// Link, node or demand.
    pub subject: Vec<u32>,
    /// The pair it is about, or [`NO_PAIR`].
    pub pair: Vec<u64>,
    /// The pairs it was made of, or [`NO_PAIR`].
    pub parts: Vec<[u64; 2]>,
    /// Overlap of the pair with phi+; nan without.
    pub fidelity: Vec<f64>,
}

/// Entry of a trace.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) event: Happening,
    pub(super) subject: u32,
    pub(super) pair: u64,
    pub(super) parts: [u64; 2],
    pub(super) fidelity: f64,
}

impl Trace {
    /// Memory of one entry, the number of its repetition included.
    pub const BYTES: usize = size_of::<u8>() + 2 * size_of::<u32>() + 4 * size_of::<u64>() + size_of::<f64>();

    pub(super) fn push(&mut self, time_ps: u64, entry: Entry) {
        self.time_ps.push(time_ps);
        self.event.push(entry.event as u8);
        self.subject.push(entry.subject);
        self.pair.push(entry.pair);
        self.parts.push(entry.parts);
        self.fidelity.push(entry.fidelity);
    }

    pub(super) fn append(&mut self, other: &mut Self) {
        self.time_ps.append(&mut other.time_ps);
        self.event.append(&mut other.event);
        self.subject.append(&mut other.subject);
        self.pair.append(&mut other.pair);
        self.parts.append(&mut other.parts);
        self.fidelity.append(&mut other.fidelity);
    }
}

/// What one run wrote down.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NetworkRecord {
    /// Delivered pairs, unless only a summary was asked for.
    pub deliveries: Deliveries,
    /// Sums of each demand, or of each link that works for itself.
    pub totals: Vec<Totals>,
    /// Sum of the delivered pairs of each demand; empty where links work for themselves.
    pub sums: Vec<Correlations>,
    /// Number of latencies in each bin, of all deliveries.
    pub latencies: Vec<u64>,
    /// What became of pairs.
    pub fates: Fates,
    /// Attempts of each link.
    pub attempts: Vec<u64>,
    /// Time that each link attempted (ps).
    pub attempting_ps: Vec<u64>,
    /// Time that communication ions of each node were taken, summed over ions (ps).
    pub taken_ps: Vec<u64>,
    /// Time that analyzers of each station were taken, summed over analyzers (ps).
    pub analyzing_ps: Vec<u64>,
    /// Time that qubits were stored in each node, summed over qubits (ps); nothing where links work for themselves.
    pub stored_ps: Vec<u64>,
    /// Requests of each demand, and how many of them found the queue full.
    pub requests: Vec<[u64; 2]>,
    /// Everything that happened, if that was asked for.
    pub trace: Trace,
    /// Time up to which the run is complete (ps).
    pub reached_ps: u64,
}

impl NetworkRecord {
    /// Adds another run of the same network.
    pub(super) fn append(&mut self, mut other: Self) {
        fn add<T: Copy>(mine: &mut Vec<T>, theirs: &[T], add: impl Fn(&mut T, &T)) {
            if mine.is_empty() {
                *mine = theirs.to_vec();
            } else {
                mine.iter_mut().zip(theirs).for_each(|(mine, theirs)| add(mine, theirs));
            }
        }
        add(&mut self.totals, &other.totals, Totals::merge);
        add(&mut self.sums, &other.sums, |mine, theirs| *mine = mine.plus(theirs));
        add(&mut self.latencies, &other.latencies, |mine, theirs| *mine += theirs);
        self.fates.merge(&other.fates);
        add(&mut self.attempts, &other.attempts, |mine, theirs| *mine += theirs);
        add(&mut self.attempting_ps, &other.attempting_ps, |mine, theirs| *mine += theirs);
        add(&mut self.taken_ps, &other.taken_ps, |mine, theirs| *mine += theirs);
        add(&mut self.analyzing_ps, &other.analyzing_ps, |mine, theirs| *mine += theirs);
        add(&mut self.stored_ps, &other.stored_ps, |mine, theirs| *mine += theirs);
        add(&mut self.requests, &other.requests, |mine, theirs| {
            mine[0] += theirs[0];
            mine[1] += theirs[1];
        });
        self.trace.append(&mut other.trace);
        self.reached_ps += other.reached_ps;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_times_keep_the_order_of_their_indices() {
        let mut rng = crate::stream::BlockKey { key: crate::Key([1, 2]), engine: 0, block: 0 }.scalar(0);
        for most in [1, 5, 1 << 11, 1 << 40, u64::MAX] {
            let times: Vec<u64> = (0..3000).map(|_| rng.next_u64() % most).collect();
            let mut expected: Vec<u32> = (0..3000).collect();
            expected.sort_by_key(|index| times[*index as usize]);
            assert_eq!(in_order(&times), expected);
        }
        assert!(in_order(&[]).is_empty());
    }

    #[test]
    fn four_bins_span_a_doubling() {
        assert_eq!([0, 1, 3, 7].map(latency_bin), [0, 4, 8, 12]);
        for exponent in [1_u32, 10, 31, 32, 40, 60] {
            let edge = |quarter: u32| (f64::from(exponent) + f64::from(quarter) / 4.0).exp2();
            for quarter in 0..4 {
                let above = (edge(quarter) * 1.01) as u64 + 1;
                if above as f64 > edge(quarter) && (above as f64) < edge(quarter + 1) * 0.99 {
                    assert_eq!(
                        latency_bin(above - 1),
                        (4 * exponent + quarter) as usize,
                        "{exponent} {quarter}"
                    );
                }
            }
        }
        assert_eq!(latency_bin(u64::MAX), LATENCY_BINS - 1);
    }
}
