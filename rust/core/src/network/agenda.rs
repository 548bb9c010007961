//! Events in the order of their times.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Events that are put in order at once: enough to look ahead, few enough to stay in the nearest cache.
const AT_ONCE: usize = 256;

/// A queue of events that lie in the future of the one taken last, as a radix heap.
///
/// Events wait in buckets by the highest bit in which their time differs from a time of reference, so that one bucket is over
/// before the next begins. Only the nearest few are sorted; a crowded bucket is split when its turn comes. An event
/// is moved about as often as a binary heap would compare it, but from the end of one column to the end of another, where a
/// heap of many events jumps through memory.
#[derive(Debug)]
pub(super) struct Agenda<E> {
    /// The nearest events, the first of them at the end.
    near: Vec<(u64, E)>,
    /// Events that came after those were sorted, and belong among them.
    late: BinaryHeap<Reverse<(u64, E)>>,
    /// All other events are not before this time.
    near_end: u64,
    reference: u64,
    /// Events whose time first differs from that of reference in each bit.
    far: [Vec<(u64, E)>; u64::BITS as usize],
    /// Bits whose bucket holds any.
    filled: u64,
}

impl<E: Copy + Ord> Agenda<E> {
    pub(super) fn new() -> Self {
        Self {
            near: vec![],
            late: BinaryHeap::new(),
            near_end: 0,
            reference: 0,
            far: [const { Vec::new() }; u64::BITS as usize],
            filled: 0,
        }
    }

    /// Takes an event up; none may be before the one that was taken last.
    pub(super) fn push(&mut self, time: u64, event: E) {
        if time < self.near_end {
            self.late.push(Reverse((time, event)));
        } else if time == self.reference {
            // before anything was taken
            self.near.push((time, event));
            self.near_end = time + 1;
        } else {
            self.put_away(time, event);
        }
    }

    /// The event with the earliest time; of one time, the lowest event.
    pub(super) fn pop(&mut self) -> Option<(u64, E)> {
        if self.near.is_empty() && self.late.is_empty() {
            self.draw_near();
        }
        match (self.near.last(), self.late.peek()) {
            (Some(near), Some(Reverse(late))) if late < near => self.late.pop().map(|Reverse(late)| late),
            (None, _) => self.late.pop().map(|Reverse(late)| late),
            _ => self.near.pop(),
        }
    }

    /// The event that comes after so many others, if it is known by now and nothing comes between.
    pub(super) fn upcoming(&self, others: usize) -> Option<&E> {
        self.near.len().checked_sub(others + 1).map(|place| &self.near[place].1)
    }

    fn put_away(&mut self, time: u64, event: E) {
        let bit = (time ^ self.reference).ilog2();
        self.far[bit as usize].push((time, event));
        self.filled |= 1 << bit;
    }

    /// Sorts the nearest events.
    fn draw_near(&mut self) {
        while self.filled != 0 {
            let bit = self.filled.trailing_zeros();
            let mut bucket = std::mem::take(&mut self.far[bit as usize]);
            if self.near.len() + bucket.len() <= AT_ONCE {
                self.filled ^= 1 << bit;
                self.near.append(&mut bucket);
                self.near_end = (self.reference | (u64::MAX >> (u64::BITS - 1 - bit))).saturating_add(1);
            } else if self.near.is_empty() {
                self.filled ^= 1 << bit;
                self.reference = bucket.iter().map(|(time, _)| *time).fold(u64::MAX, u64::min);
                self.near_end = self.reference.saturating_add(1);
                for (time, event) in bucket.drain(..) {
                    if time == self.reference {
                        self.near.push((time, event));
                    } else {
                        self.put_away(time, event);
                    }
                }
            } else {
                self.far[bit as usize] = bucket;
                break;
            }
            // its room is used again
            self.far[bit as usize] = bucket;
        }
        self.near.sort_unstable_by(|one, other| other.cmp(one));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::{BlockKey, Key};

    /// Events as they come and go in a network, against a heap.
    #[test]
    fn events_come_in_the_order_of_a_heap() {
        let mut rng = BlockKey { key: Key::from_seed(1), engine: 0, block: 0 }.scalar(0);
        // spreads from many events at one time to few in all times; sizes below and above what is sorted at once
        for (bits, size) in [(0, 3000), (3, 3000), (12, 10), (20, 400), (40, 5000), (62, 5000)] {
            let (mut agenda, mut heap) = (Agenda::new(), BinaryHeap::new());
            let mut now = 0;
            for step in 0..20_000_u32 {
                // first more come than go, then as many, then they go
                let come = step < size || (step < 15_000 && rng.uniform() < 0.5);
                if come {
                    let time = now + if bits == 0 { 0 } else { rng.next_u64() >> (64 - bits) };
                    if time < 1 << 63 {
                        let event = (rng.next_u64() % 7) as u32;
                        agenda.push(time, event);
                        heap.push(Reverse((time, event)));
                    }
                } else {
                    let expected = heap.pop().map(|Reverse(first)| first);
                    assert_eq!(agenda.pop(), expected, "{bits} bits, step {step}");
                    now = expected.map_or(now, |(time, _)| time);
                }
            }
            while let Some(Reverse(first)) = heap.pop() {
                assert_eq!(agenda.pop(), Some(first), "{bits} bits");
            }
            assert_eq!(agenda.pop(), None);
        }
    }

    #[test]
    fn what_comes_next_is_seen_ahead() {
        let mut agenda = Agenda::new();
        for time in [5_u64, 3, 9, 7] {
            agenda.push(time, time);
        }
        assert_eq!(agenda.pop(), Some((3, 3)));
        assert_eq!((agenda.upcoming(0), agenda.upcoming(2), agenda.upcoming(3)), (Some(&5), Some(&9), None));
    }
}
