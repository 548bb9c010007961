//! The record of a run: columns of heralds and coincidences, and what states follow from.

use super::Link;
use crate::encoding::SLOTS;
use crate::herald::Cause;
use crate::pages::{self, Ahead};
use crate::simd::{Level, vectorized};
use crate::stream::BATCH;
use std::mem::MaybeUninit;

/// The record of heralds, in attempt order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Heralds {
    /// Number of the attempt.
    pub attempt: Vec<u64>,
    /// Number of the accepted pattern.
    pub pattern: Vec<u8>,
    /// Number of the [`Cause`].
    pub cause: Vec<u8>,
    /// Click times (s), from the opening of the window: of mode 0 and mode 1, or of port 0 and port 1 where modes are not
    /// resolved; NaN for the missing click of a single-click herald.
    pub click_time_s: Vec<[f64; 2]>,
    /// For detectors that remember: time from the opening of the window until each slot was ready (s). Empty otherwise.
    pub blind_s: Vec<[f64; SLOTS]>,
    /// For detectors with timing jitter: how much later than it came each click was recorded (s). Empty otherwise.
    pub jitter_s: Vec<[f64; 2]>,
    /// For detectors with afterpulses: which clicks are some, one bit for each column. Empty otherwise.
    pub afterpulses: Vec<u8>,
}

impl Heralds {
    /// Bytes per herald, the derived columns of a finished run included.
    pub const BYTES: u64 = 8 + 1 + 1 + 16 + 8 + 1;
    /// The same of a link whose records have every column.
    pub const MOST_BYTES: u64 = Self::BYTES + 32 + 16 + 1;

    /// Number of heralds.
    pub fn len(&self) -> usize {
        self.attempt.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.attempt.is_empty()
    }

    /// What the states of all heralds follow from.
    pub fn records(&self) -> Records<'_> {
        Records {
            attempt: &self.attempt,
            pattern: &self.pattern,
            cause: &self.cause,
            click_time_s: &self.click_time_s,
            blind_s: &self.blind_s,
            jitter_s: &self.jitter_s,
            afterpulses: &self.afterpulses,
        }
    }

    /// Room for this many of a link, so that columns need not be copied as they grow; less where the system refuses.
    pub(super) fn with_room_for(link: &Link, count: usize) -> Self {
        let hidden = |needed: bool| if needed { count } else { 0 };
        Self {
            attempt: pages::with_room_for(count),
            pattern: pages::with_room_for(count),
            cause: pages::with_room_for(count),
            click_time_s: pages::with_room_for(count),
            blind_s: pages::with_room_for(hidden(link.recall.orders)),
            jitter_s: pages::with_room_for(hidden(link.jitters)),
            afterpulses: pages::with_room_for(hidden(link.afterpulses)),
        }
    }

    /// The room of all columns of a link for `count` heralds, to be written by several threads and then to be
    /// [claimed](Self::claim); none if a column has less.
    pub(super) fn room(&mut self, link: &Link, count: usize) -> Room<'_> {
        let hidden = |needed: bool| if needed { count } else { 0 };
        let room = Room {
            attempt: first(&mut self.attempt, count),
            pattern: first(&mut self.pattern, count),
            cause: first(&mut self.cause, count),
            click_time_s: first(&mut self.click_time_s, count),
            blind_s: first(&mut self.blind_s, hidden(link.recall.orders)),
            jitter_s: first(&mut self.jitter_s, hidden(link.jitters)),
            afterpulses: first(&mut self.afterpulses, hidden(link.afterpulses)),
            ahead: <[Ahead; 2]>::default(),
        };
        let whole = [
            room.attempt.len() == count,
            room.pattern.len() == count,
            room.cause.len() == count,
            room.click_time_s.len() == count,
            room.blind_s.len() == hidden(link.recall.orders),
            room.jitter_s.len() == hidden(link.jitters),
            room.afterpulses.len() == hidden(link.afterpulses),
        ];
        if whole == [true; 7] { room } else { Room::default() }
    }

    /// Lets the columns have their first `count` heralds, which were written into their room.
    ///
    /// # Safety
    /// All of them were written, in every column that the link has.
    #[expect(unsafe_code, reason = "see `pages::claim`")]
    pub(super) unsafe fn claim(&mut self, link: &Link, count: usize) {
        let hidden = |needed: bool| if needed { count } else { 0 };
        // SAFETY: the caller says so.
        unsafe {
            pages::claim(&mut self.attempt, count);
            pages::claim(&mut self.pattern, count);
            pages::claim(&mut self.cause, count);
            pages::claim(&mut self.click_time_s, count);
            pages::claim(&mut self.blind_s, hidden(link.recall.orders));
            pages::claim(&mut self.jitter_s, hidden(link.jitters));
            pages::claim(&mut self.afterpulses, hidden(link.afterpulses));
        }
    }

    pub(super) fn push(&mut self, attempt: u64, pattern: u8, cause: Cause, click_time_s: [f64; 2]) {
        self.attempt.push(attempt);
        self.pattern.push(pattern);
        self.cause.push(cause as u8);
        self.click_time_s.push(click_time_s);
    }

    /// Adds the first heralds of a batch.
    pub(super) fn extend(&mut self, batch: &Batch, count: usize) {
        self.attempt.extend_from_slice(&batch.attempt[..count]);
        self.pattern.extend_from_slice(&batch.pattern[..count]);
        self.cause.extend_from_slice(&batch.cause[..count]);
        self.click_time_s.extend_from_slice(&batch.click_time_s[..count]);
    }

    pub(super) fn append(&mut self, other: &mut Self) {
        self.attempt.append(&mut other.attempt);
        self.pattern.append(&mut other.pattern);
        self.cause.append(&mut other.cause);
        self.click_time_s.append(&mut other.click_time_s);
        self.blind_s.append(&mut other.blind_s);
        self.jitter_s.append(&mut other.jitter_s);
        self.afterpulses.append(&mut other.afterpulses);
    }

    pub(super) fn truncate(&mut self, length: usize) {
        self.attempt.truncate(length);
        self.pattern.truncate(length);
        self.cause.truncate(length);
        self.click_time_s.truncate(length);
        self.blind_s.truncate(length);
        self.jitter_s.truncate(length);
        self.afterpulses.truncate(length);
    }
}

/// Places of heralds in a record.
#[derive(Debug, Default)]
pub(super) struct Room<'a> {
    attempt: &'a mut [MaybeUninit<u64>],
    pattern: &'a mut [MaybeUninit<u8>],
    cause: &'a mut [MaybeUninit<u8>],
    click_time_s: &'a mut [MaybeUninit<[f64; 2]>],
    /// Empty for links without, as are those that follow.
    blind_s: &'a mut [MaybeUninit<[f64; SLOTS]>],
    jitter_s: &'a mut [MaybeUninit<[f64; 2]>],
    afterpulses: &'a mut [MaybeUninit<u8>],
    /// Pages of the columns that every link has in plenty, which other threads will write to soon.
    ahead: [Ahead; 2],
}

impl<'a> Room<'a> {
    pub(super) fn len(&self) -> usize {
        self.attempt.len()
    }

    /// The first places, which this room then has no longer; all, if there are fewer.
    pub(super) fn split_off(&mut self, count: usize) -> Room<'a> {
        let (attempt, attempt_ahead) = split_off(&mut self.attempt, count);
        let (click_time_s, times_ahead) = split_off(&mut self.click_time_s, count);
        Room {
            attempt,
            pattern: split_off(&mut self.pattern, count).0,
            cause: split_off(&mut self.cause, count).0,
            click_time_s,
            blind_s: split_off(&mut self.blind_s, count).0,
            jitter_s: split_off(&mut self.jitter_s, count).0,
            afterpulses: split_off(&mut self.afterpulses, count).0,
            ahead: [attempt_ahead, times_ahead],
        }
    }

    /// Copies heralds to their places; says how many, which is none unless there is one for every place.
    pub(super) fn fill(self, heralds: &Heralds) -> usize {
        let count = self.len();
        for page in self.ahead {
            page.bring_in();
        }
        let copied = [
            copy(self.attempt, &heralds.attempt),
            copy(self.pattern, &heralds.pattern),
            copy(self.cause, &heralds.cause),
            copy(self.click_time_s, &heralds.click_time_s),
            copy(self.blind_s, &heralds.blind_s),
            copy(self.jitter_s, &heralds.jitter_s),
            copy(self.afterpulses, &heralds.afterpulses),
        ];
        if copied == [true; 7] { count } else { 0 }
    }
}

/// The room of a column for its first values; less where it has less.
fn first<T>(column: &mut Vec<T>, count: usize) -> &mut [MaybeUninit<T>] {
    column.clear();
    let room = column.spare_capacity_mut();
    let count = count.min(room.len());
    &mut room[..count]
}

#[expect(clippy::mut_mut, reason = "what is borrowed shrinks")]
fn split_off<'a, T>(column: &mut &'a mut [T], count: usize) -> (&'a mut [T], Ahead) {
    let part = column.split_off_mut(..count.min(column.len())).unwrap_or_default();
    let ahead = Ahead::of(part, column);
    (part, ahead)
}

/// Copies one value to every place; says whether there were as many of both.
///
/// In steps of a kilobyte at most: some processors copy longer ranges many times more slowly if they do not begin with a
/// page.
fn copy<T: Copy>(to: &mut [MaybeUninit<T>], from: &[T]) -> bool {
    let fits = to.len() == from.len();
    for (to, from) in to.chunks_mut(BATCH).zip(from.chunks(BATCH)) {
        for (to, from) in to.iter_mut().zip(from) {
            to.write(*from);
        }
    }
    fits
}

/// Some heralds on their way into the record: columns grow by a batch, not by a herald.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) attempt: [u64; BATCH],
    pub(super) pattern: [u8; BATCH],
    pub(super) cause: [u8; BATCH],
    pub(super) click_time_s: [[f64; 2]; BATCH],
}

impl Batch {
    pub(super) fn new() -> Self {
        Self { attempt: [0; BATCH], pattern: [0; BATCH], cause: [0; BATCH], click_time_s: [[0.0; 2]; BATCH] }
    }

    /// Heralds of two photons each, at these times (s) less `start_s`; says whether any of them is rare.
    #[inline]
    pub(super) fn fill(
        &mut self,
        level: Level,
        codes: &[Code; BATCH],
        numbers: &[u64; BATCH],
        first_attempt: u64,
        photon_s: &[[f64; BATCH]; 2],
        start_s: f64,
    ) -> bool {
        let mut rare = false;
        fill(level, self, codes, numbers, first_attempt, photon_s, start_s, &mut rare);
        rare
    }

    /// Moves a herald to an earlier place.
    pub(super) fn shift(&mut self, from: usize, to: usize) {
        self.attempt[to] = self.attempt[from];
        self.pattern[to] = self.pattern[from];
        self.cause[to] = self.cause[from];
        self.click_time_s[to] = self.click_time_s[from];
    }
}

/// Pattern and cause of a herald of two photons, and whether they are exchanged or there is more to it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Code(u32);

impl Code {
    const EXCHANGED: u32 = 1 << 16;
    const RARE: u32 = 1 << 17;

    pub(super) fn new(pattern: u8, cause: Cause, exchanged: bool, rare: bool) -> Self {
        let flag = |set: bool, flag: u32| if set { flag } else { 0 };
        let bytes = u32::from(pattern) | u32::from(cause as u8) << 8;
        Self(bytes | flag(exchanged, Self::EXCHANGED) | flag(rare, Self::RARE))
    }

    pub(super) fn is_rare(self) -> bool {
        self.0 & Self::RARE != 0
    }
}

vectorized! {
    fn fill(
        batch: &mut Batch,
        codes: &[Code; BATCH],
        numbers: &[u64; BATCH],
        first_attempt: u64,
        photon_s: &[[f64; BATCH]; 2],
        start_s: f64,
        rare: &mut bool,
    ) {
        for (attempt, number) in batch.attempt.iter_mut().zip(numbers) {
            *attempt = first_attempt + number;
        }
        let mut flags = 0;
        for ((pattern, cause), code) in batch.pattern.iter_mut().zip(&mut batch.cause).zip(codes) {
            *pattern = code.0 as u8;
            *cause = (code.0 >> 8) as u8;
            flags |= code.0;
        }
        *rare = Code(flags).is_rare();
        let [a, b] = photon_s;
        for (((times, code), a), b) in batch.click_time_s.iter_mut().zip(codes).zip(a).zip(b) {
            let exchanged = code.0 & Code::EXCHANGED != 0;
            let first = if exchanged { b } else { a };
            let second = if exchanged { a } else { b };
            *times = [first - start_s, second - start_s];
        }
    }
}

/// Columns of a record from which states follow; all of one length. `attempt` may be empty unless the motion heats up along
/// bursts, the last three where the link has no use for them.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Records<'a> {
    /// See [`Heralds::attempt`].
    pub attempt: &'a [u64],
    /// See [`Heralds::pattern`].
    pub pattern: &'a [u8],
    /// See [`Heralds::cause`].
    pub cause: &'a [u8],
    /// See [`Heralds::click_time_s`].
    pub click_time_s: &'a [[f64; 2]],
    /// See [`Heralds::blind_s`].
    pub blind_s: &'a [[f64; SLOTS]],
    /// See [`Heralds::jitter_s`].
    pub jitter_s: &'a [[f64; 2]],
    /// See [`Heralds::afterpulses`].
    pub afterpulses: &'a [u8],
}

impl Records<'_> {
    /// Some of them.
    #[must_use]
    pub fn part(&self, range: std::ops::Range<usize>) -> Self {
        Self {
            attempt: self.attempt.get(range.clone()).unwrap_or_default(),
            pattern: &self.pattern[range.clone()],
            cause: &self.cause[range.clone()],
            click_time_s: &self.click_time_s[range.clone()],
            blind_s: self.blind_s.get(range.clone()).unwrap_or_default(),
            jitter_s: self.jitter_s.get(range.clone()).unwrap_or_default(),
            afterpulses: self.afterpulses.get(range).unwrap_or_default(),
        }
    }
}

/// What a state is conditioned on, beside the clicks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    /// The cause, which the simulator knows.
    Cause,
    /// Nothing: the causes are mixed by their posterior at the recorded times, as a laboratory would.
    Record,
}

/// Two clicks in one mode and different ports, where interference shows: no herald, but a measurement.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Coincidences {
    /// Number of the attempt.
    pub attempt: Vec<u64>,
    /// The mode.
    pub mode: Vec<u8>,
    /// Click times in port 0 and port 1 (s), from the opening of the window.
    pub click_time_s: Vec<[f64; 2]>,
}

impl Coincidences {
    /// Bytes per coincidence.
    pub const BYTES: u64 = 8 + 1 + 16;

    pub(super) fn push(&mut self, attempt: u64, mode: u8, click_time_s: [f64; 2]) {
        self.attempt.push(attempt);
        self.mode.push(mode);
        self.click_time_s.push(click_time_s);
    }

    pub(super) fn append(&mut self, other: &mut Self) {
        self.attempt.append(&mut other.attempt);
        self.mode.append(&mut other.mode);
        self.click_time_s.append(&mut other.click_time_s);
    }

    pub(super) fn truncate(&mut self, length: usize) {
        self.attempt.truncate(length);
        self.mode.truncate(length);
        self.click_time_s.truncate(length);
    }
}
