//! Drawing block after block: the same record for any number of threads.
//!
//! Attempts are cut into blocks whose length follows from the parameters alone. A block's random numbers depend on
//! (key, engine, block) alone, so blocks can be drawn in any order by any thread; records merge in attempt order. A run
//! that starts or ends inside a block replays that block. Where detectors remember clicks, blocks run one after the
//! other; what they remember at a block's start is found by replaying blocks before it back to a gap without events
//! that is longer than their memory.

use super::Link;
use super::attempt::{Heralded, Outcome};
use super::detectors::Detectors;
use super::record::{Coincidences, Heralds, Records, Room};
use super::run::{Ended, Plan, Progress, Stop};
use crate::stream::{BlockKey, Key};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::Thread;
use std::time::{Duration, Instant};

/// Attempts are counted to here, so that sums of two counts cannot overflow.
pub(super) const MAX_ATTEMPTS: u64 = 1 << 62;
/// Longest block, shorter than the longest gap that is drawn: attempts inside it are exact as floating-point numbers.
const LONGEST_BLOCK: f64 = (1_u64 << 51) as f64;

/// More threads than this are never started.
const MAX_THREADS: usize = 1024;
/// Records of copied blocks that a thread keeps to use again.
const MOST_SPARE: usize = 2;
/// Blocks per thread that may be drawn beyond the merged ones.
const BLOCKS_AHEAD: u64 = 8;

/// How attempts are turned into heralds.
pub(super) trait Engine: Sync {
    /// Enters the seeds of its blocks.
    const NUMBER: u64;

    /// Attempts per block, fixed by the parameters: whole rounds, and a power of two for one ion per round.
    fn block_length(&self) -> u64;

    /// Whether an attempt depends on the ones before it.
    fn remembers(&self) -> bool {
        false
    }

    /// Draws the record of the block's attempts, up to `limit` heralds in all. Returns the attempt, counted within the
    /// block, up to which the draw is complete; `stopped` is asked every millisecond or so, with the attempts done.
    fn run_block(
        &self,
        block: &Block,
        limit: usize,
        detectors: &mut Detectors,
        stopped: &mut dyn FnMut(u64) -> bool,
        record: &mut Record,
    ) -> u64;
}

/// A block, and the part of it that is wanted.
#[derive(Debug)]
pub(super) struct Block {
    /// Seeds.
    pub(super) key: BlockKey,
    /// Number of its first attempt.
    pub(super) first_attempt: u64,
    /// Wanted attempts, counted within the block.
    pub(super) attempts: Range<u64>,
}

impl Block {
    pub(super) fn new<E: Engine>(engine: &E, key: Key, number: u64, attempts: Range<u64>) -> Self {
        let key = BlockKey { key, engine: E::NUMBER, block: number };
        Self { key, first_attempt: number * engine.block_length(), attempts }
    }
}

/// Length of blocks that hold about `count` events of this probability: the first power of two that does, then whole
/// rounds.
pub(super) fn block_length_for(count: f64, probability: f64, ions_per_round: u64) -> u64 {
    // a sum over nothing may be a negative zero
    let attempts =
        if probability > 0.0 { (count / probability).clamp(1.0, LONGEST_BLOCK) } else { LONGEST_BLOCK };
    (attempts as u64).next_power_of_two().next_multiple_of(ions_per_round)
}

/// What a run writes down.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Record {
    pub(super) heralds: Heralds,
    pub(super) coincidences: Coincidences,
}

impl Record {
    /// Writes down what an attempt showed.
    pub(super) fn add(&mut self, attempt: u64, outcome: Outcome, link: &Link) {
        match outcome {
            Outcome::Nothing => {}
            Outcome::Herald(herald) => self.add_herald(attempt, &herald, link),
            Outcome::Coincidence(seen) => self.coincidences.push(attempt, seen.mode, seen.click_time_s),
        }
    }

    /// Writes down a herald, with what only the simulator knows of it.
    #[inline]
    pub(super) fn add_herald(&mut self, attempt: u64, herald: &Heralded, link: &Link) {
        self.heralds.push(attempt, herald.pattern, herald.cause, herald.click_time_s);
        if link.recall.orders {
            self.heralds.blind_s.push(herald.blind_s);
        }
        if link.jitters {
            self.heralds.jitter_s.push(herald.jitter_s);
        }
        if link.afterpulses {
            self.heralds.afterpulses.push(herald.afterpulses);
        }
    }

    /// Keeps the first `count` heralds and what else happened up to the last of them.
    fn truncate(&mut self, count: usize) {
        self.heralds.truncate(count);
        let kept = match self.heralds.attempt.last() {
            Some(last) => self.coincidences.attempt.partition_point(|attempt| attempt <= last),
            None => 0,
        };
        self.coincidences.truncate(kept);
    }
}

/// Everything a run needs beside its engine.
pub(super) struct Job<'a> {
    pub(super) link: &'a Link,
    pub(super) plan: &'a Plan,
    /// Heralds to make room for.
    pub(super) expected: usize,
    /// Told about every complete part of the record, in attempt order, and the attempts so far; says whether it is enough.
    pub(super) enough: &'a mut Enough<'a>,
    /// Asked about every 20 ms on the calling thread whether to go on.
    pub(super) observer: &'a mut dyn FnMut(Progress) -> bool,
}

/// Says of the heralds of a further part, and the attempts so far, whether they are enough.
pub(super) type Enough<'a> = dyn FnMut(Records<'_>, u64) -> bool + Send + 'a;

/// The end of a run: record, attempts made, why it ended.
pub(super) type Drawn = (Record, u64, Ended);

/// Draws block after block.
pub(super) fn draw<E: Engine>(engine: &E, job: Job<'_>) -> Drawn {
    let Job { link, plan, expected, enough, observer } = job;
    let length = engine.block_length();
    let goal = Goal::of(plan);
    let mut record = Record::default();
    if goal.total == 0 {
        return (record, 0, Ended::AsPlanned);
    }
    let alone = plan.threads == 1 || engine.remembers();
    if alone {
        record.heralds = Heralds::with_room_for(link, expected);
    }
    let mut throttle = Throttle::new();
    let mut block = plan.start_attempt / length;
    let mut detectors = Detectors::ready();
    if engine.remembers() {
        let mut stopped = |_| throttle.due() && !observer(Progress { done: 0, total: goal.total });
        match remembered_before(engine, link, plan.key, block, (0, &Detectors::ready()), &mut stopped) {
            Some(found) => detectors = found,
            None => return (record, 0, Ended::Interrupted),
        }
    }
    let first_block = block;
    // One block on the calling thread first: small runs never meet another thread.
    while alone || block == first_block {
        let attempts = goal.attempts_of(plan, block, length);
        let wanted = Block::new(engine, plan.key, block, attempts);
        let so_far = record.heralds.len();
        let mut stopped = |done: u64| {
            // attempts before the first wanted one are replayed, not made
            let made = (wanted.first_attempt + done).saturating_sub(plan.start_attempt);
            throttle.due() && !observer(goal.progress(so_far, made))
        };
        let done = engine.run_block(&wanted, goal.heralds, &mut detectors, &mut stopped, &mut record);
        let reached = wanted.first_attempt + done.max(wanted.attempts.start);
        let attempts = reached - plan.start_attempt;
        if record.heralds.len() >= goal.heralds || reached == goal.end_attempt {
            return (record, attempts, Ended::AsPlanned);
        }
        if done < wanted.attempts.end {
            return (record, attempts, Ended::Interrupted);
        }
        if enough(record.heralds.records().part(so_far..record.heralds.len()), attempts) {
            return (record, attempts, Ended::Enough);
        }
        block += 1;
    }
    draw_parallel(engine, plan, &goal, record, block, Job { link, plan, expected, enough, observer })
}

/// What the detectors remember at the start of a block, given what they remember at the start of an earlier one; nothing
/// if the search was stopped.
pub(super) fn remembered_before<E: Engine>(
    engine: &E,
    link: &Link,
    key: Key,
    block: u64,
    (known_block, known): (u64, &Detectors),
    stopped: &mut dyn FnMut(u64) -> bool,
) -> Option<Detectors> {
    let length = engine.block_length();
    let mut back = 1;
    loop {
        let from = block.saturating_sub(back).max(known_block);
        let mut detectors =
            if from == known_block { known.clone() } else { Detectors::unknown_before(from * length) };
        for number in from..block {
            let replayed = Block::new(engine, key, number, 0..length);
            let mut scratch = Record::default();
            if engine.run_block(&replayed, usize::MAX, &mut detectors, stopped, &mut scratch) < length {
                return None;
            }
        }
        // the silence between the last event and the block's start may be the gap
        if detectors.is_known_at(link, key, block * length) {
            return Some(detectors);
        }
        back *= 2;
    }
}

/// Where a run is meant to end.
struct Goal {
    heralds: usize,
    end_attempt: u64,
    total: u64,
    by_heralds: bool,
}

impl Goal {
    fn of(plan: &Plan) -> Self {
        match plan.stop {
            Stop::Heralds(n) => Self {
                heralds: usize::try_from(n).unwrap_or(usize::MAX),
                end_attempt: 2 * MAX_ATTEMPTS,
                total: n,
                by_heralds: true,
            },
            Stop::Attempts(n) => {
                Self { heralds: usize::MAX, end_attempt: plan.start_attempt + n, total: n, by_heralds: false }
            }
        }
    }

    /// The attempts of a block that the run wants, counted within it.
    fn attempts_of(&self, plan: &Plan, block: u64, length: u64) -> Range<u64> {
        let start = block * length;
        plan.start_attempt.saturating_sub(start)..(self.end_attempt - start).min(length)
    }

    fn progress(&self, heralds: usize, attempts: u64) -> Progress {
        let done = if self.by_heralds { heralds as u64 } else { attempts };
        Progress { done: done.min(self.total), total: self.total }
    }
}

/// A block drawn by a worker.
struct Part {
    record: Record,
    /// Attempt within the block up to which it is complete.
    done: u64,
    end: u64,
}

/// Blocks that are complete from the first one on.
struct Merge<'a> {
    start_attempt: u64,
    heralds: usize,
    /// Where the heralds of the next block go.
    room: Room<'a>,
    /// Blocks that did not fit into the room: they follow once all is drawn.
    rest: Vec<Record>,
    coincidences: Coincidences,
    next_block: u64,
    waiting: BTreeMap<u64, Part>,
    reached: u64,
    ended: Option<Ended>,
    /// A block was left unfinished: nothing after it is contiguous.
    cut: bool,
    enough: &'a mut Enough<'a>,
}

fn draw_parallel<E: Engine>(
    engine: &E,
    plan: &Plan,
    goal: &Goal,
    mut first: Record,
    first_block: u64,
    job: Job<'_>,
) -> Drawn {
    let Job { link, expected, enough, observer, .. } = job;
    let length = engine.block_length();
    let threads = plan.threads.min(MAX_THREADS);
    let ahead = BLOCKS_AHEAD * threads as u64;
    let next = AtomicU64::new(first_block);
    let stop = AtomicBool::new(false);
    let mut heralds = Heralds::with_room_for(link, expected);
    let filled = AtomicUsize::new(0);
    // about as many as the first block had, and some more
    let usual = first.heralds.len() + first.heralds.len() / 8;
    let mut merge = Merge {
        start_attempt: plan.start_attempt,
        heralds: 0,
        room: heralds.room(link, expected),
        rest: vec![],
        coincidences: std::mem::take(&mut first.coincidences),
        next_block: first_block,
        waiting: BTreeMap::new(),
        reached: first_block * length,
        ended: None,
        cut: false,
        enough,
    };
    let fill =
        |room: Room<'_>, record: &Record| filled.fetch_add(room.fill(&record.heralds), Ordering::Relaxed);
    if let Some((record, room)) = merge.place(first) {
        fill(room, &record);
    }
    let merge = Mutex::new(merge);
    // Workers never panic while holding the lock; a poisoned one still holds whole blocks.
    let lock = || merge.lock().unwrap_or_else(PoisonError::into_inner);

    let worker = |stopped: &mut dyn FnMut(u64) -> bool| {
        // a worker that panics leaves a gap that the others would wait for
        let _guard = StopIfPanicking(&stop);
        // records of blocks that were copied, to be used again
        let mut spare: Vec<Record> = vec![];
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number.saturating_mul(length) >= goal.end_attempt || stop.load(Ordering::Relaxed) {
                return;
            }
            // a block far ahead of the merged ones waits: what is drawn but not merged stays bounded
            while number > lock().next_block + ahead {
                if stopped(0) {
                    return;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
            let block = Block::new(engine, plan.key, number, goal.attempts_of(plan, number, length));
            let mut record = spare.pop().unwrap_or_else(|| Record {
                heralds: Heralds::with_room_for(link, usual),
                ..Record::default()
            });
            let done = engine.run_block(&block, goal.heralds, &mut Detectors::ready(), stopped, &mut record);
            let (placed, ended) = {
                let mut merge = lock();
                merge.waiting.insert(number, Part { record, done, end: block.attempts.end });
                let placed = merge.advance(goal, length);
                (placed, merge.ended.is_some())
            };
            // each block has its place by now: copying needs no lock
            for (mut record, room) in placed {
                fill(room, &record);
                if spare.len() < MOST_SPARE {
                    record.truncate(0);
                    spare.push(record);
                }
            }
            if ended {
                stop.store(true, Ordering::Relaxed);
                return;
            }
        }
    };

    let working = AtomicUsize::new(0);
    let mut throttle = Throttle::new();
    let mut look = |observer: &mut dyn FnMut(Progress) -> bool| {
        if !throttle.due() {
            return;
        }
        let (heralds, reached) = {
            let merge = lock();
            (merge.heralds, merge.reached)
        };
        if !observer(goal.progress(heralds, reached - plan.start_attempt)) {
            stop.store(true, Ordering::Relaxed);
        }
    };
    std::thread::scope(|scope| {
        let (worker, stop, working) = (&worker, &stop, &working);
        let caller = std::thread::current();
        for _ in 1..threads {
            let working = Working::new(working, caller.clone());
            let work = move || {
                let _working = working;
                worker(&mut |_| stop.load(Ordering::Relaxed));
            };
            // A machine that refuses another thread still has this one; the result is the same.
            if std::thread::Builder::new().spawn_scoped(scope, work).is_err() {
                break;
            }
        }
        // The calling thread works too, and is the one that may talk to the observer.
        worker(&mut |_| {
            look(observer);
            stop.load(Ordering::Relaxed)
        });
        while working.load(Ordering::Acquire) > 0 {
            std::thread::park_timeout(Duration::from_millis(1));
            look(observer);
        }
    });
    let merge = merge.into_inner().unwrap_or_else(PoisonError::into_inner);
    let Merge { heralds: count, rest, coincidences, reached, ended, .. } = merge;
    let apart: usize = rest.iter().map(|record| record.heralds.len()).sum();
    // places were given away from the first one on: if as many were filled as given, no gap is among them
    let placed = filled.into_inner();
    assert_eq!(placed, count - apart, "a herald that was given a place was not written there");
    #[expect(unsafe_code, reason = "see `pages::claim`")]
    // SAFETY: the threads that wrote into the room have been joined, and all places up to this one were filled.
    unsafe {
        heralds.claim(link, placed);
    }
    for mut record in rest {
        heralds.append(&mut record.heralds);
    }
    let record = Record { heralds, coincidences };
    (record, reached - plan.start_attempt, ended.unwrap_or(Ended::Interrupted))
}

/// Counts a worker until it ends, however it does, and then wakes the thread that waits for all.
struct Working<'a> {
    count: &'a AtomicUsize,
    caller: Thread,
}

impl<'a> Working<'a> {
    fn new(count: &'a AtomicUsize, caller: Thread) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self { count, caller }
    }
}

impl Drop for Working<'_> {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Release);
        self.caller.unpark();
    }
}

/// Stops a run whose worker unwinds.
struct StopIfPanicking<'a>(&'a AtomicBool);

impl Drop for StopIfPanicking<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

impl<'a> Merge<'a> {
    /// Takes up waiting blocks in their order, as far as they reach; says which records to copy where.
    fn advance(&mut self, goal: &Goal, length: u64) -> Vec<(Record, Room<'a>)> {
        let mut placed = vec![];
        while self.ended.is_none() && !self.cut {
            let Some(mut part) = self.waiting.remove(&self.next_block) else { break };
            self.reached = self.next_block * length + part.done;
            self.next_block += 1;
            let wanted = goal.heralds - self.heralds;
            if part.record.heralds.len() >= wanted {
                part.record.truncate(wanted);
                self.reached = part.record.heralds.attempt.last().map_or(self.reached, |last| last + 1);
                self.ended = Some(Ended::AsPlanned);
            } else if self.reached == goal.end_attempt {
                self.ended = Some(Ended::AsPlanned);
            } else if part.done < part.end {
                self.cut = true;
            } else if (self.enough)(part.record.heralds.records(), self.reached - self.start_attempt) {
                self.ended = Some(Ended::Enough);
            }
            placed.extend(self.place(part.record));
        }
        placed
    }

    /// Counts a record as merged; says where its heralds go, unless they follow at the end.
    fn place(&mut self, mut record: Record) -> Option<(Record, Room<'a>)> {
        self.coincidences.append(&mut record.coincidences);
        let count = record.heralds.len();
        self.heralds += count;
        if !self.rest.is_empty() || count > self.room.len() {
            self.rest.push(record);
            return None;
        }
        Some((record, self.room.split_off(count)))
    }
}

/// Lets the observer through about every 20 ms: talking to it may mean waiting for an interpreter.
struct Throttle {
    last: Instant,
}

impl Throttle {
    const INTERVAL: Duration = Duration::from_millis(20);

    fn new() -> Self {
        Self { last: Instant::now() }
    }

    fn due(&mut self) -> bool {
        let now = Instant::now();
        let due = now - self.last >= Self::INTERVAL;
        if due {
            self.last = now;
        }
        due
    }
}
