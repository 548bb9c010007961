//! Runs: from a seed to heralds, the same for any number of threads.
//!
//! Attempts are cut into blocks whose length follows from the parameters alone. A block's random numbers depend on
//! (key, engine, block) alone, so blocks can be drawn in any order by any thread; heralds merge in attempt order. A run
//! that starts or ends inside a block replays that block.

use super::Link;
use super::conditional::Conditional;
use super::photon::PhotonEngine;
use crate::error::{Error, Result};
use crate::estimate::{self, Estimate};
use crate::herald::Cause;
use crate::state::{self, State};
use crate::stream::Key;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Attempts are counted to here, so that sums of two counts cannot overflow.
pub const MAX_ATTEMPTS: u64 = 1 << 62;

/// How attempts are turned into heralds.
pub(crate) trait Engine: Sync {
    /// Enters the seeds of its blocks.
    const NUMBER: u64;
    /// The name users see.
    const NAME: &'static str;

    /// Attempts per block, a power of two fixed by the parameters.
    fn block_length(&self) -> u64;

    /// Draws the heralds of `attempts`, counted within `block`, up to `limit` heralds. Returns the attempt, counted
    /// within the block, up to which the draw is complete; `stopped` is asked every millisecond or so, with the number
    /// of attempts done.
    fn run_block(
        &self,
        key: Key,
        block: u64,
        attempts: Range<u64>,
        limit: usize,
        stopped: &mut dyn FnMut(u64) -> bool,
        heralds: &mut Heralds,
    ) -> u64;
}

/// The record of heralds, in attempt order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Heralds {
    /// Number of the attempt.
    pub attempt: Vec<u64>,
    /// Number of the accepted pattern.
    pub pattern: Vec<u8>,
    /// Number of the [`Cause`].
    pub cause: Vec<u8>,
    /// Click times of mode 0 and mode 1 (s), from the opening of the window once the run is finished.
    pub click_time_s: Vec<[f64; 2]>,
}

impl Heralds {
    /// Bytes per herald, the derived columns of a finished run included.
    pub const BYTES: u64 = 8 + 1 + 1 + 16 + 8 + 1;

    /// Number of heralds.
    pub fn len(&self) -> usize {
        self.attempt.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.attempt.is_empty()
    }

    pub(crate) fn push(&mut self, attempt: u64, pattern: u8, cause: Cause, click_time_s: [f64; 2]) {
        self.attempt.push(attempt);
        self.pattern.push(pattern);
        self.cause.push(cause as u8);
        self.click_time_s.push(click_time_s);
    }

    fn with_capacity(capacity: usize) -> Self {
        Self {
            attempt: Vec::with_capacity(capacity),
            pattern: Vec::with_capacity(capacity),
            cause: Vec::with_capacity(capacity),
            click_time_s: Vec::with_capacity(capacity),
        }
    }

    fn append(&mut self, other: &mut Self) {
        self.attempt.append(&mut other.attempt);
        self.pattern.append(&mut other.pattern);
        self.cause.append(&mut other.cause);
        self.click_time_s.append(&mut other.click_time_s);
    }

    fn truncate(&mut self, length: usize) {
        self.attempt.truncate(length);
        self.pattern.truncate(length);
        self.cause.truncate(length);
        self.click_time_s.truncate(length);
    }
}

/// When a run ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stop {
    /// With the attempt of the n-th herald.
    Heralds(u64),
    /// After this many attempts.
    Attempts(u64),
}

/// What to draw.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
    /// Key of the random numbers.
    pub key: Key,
    /// First attempt.
    pub start_attempt: u64,
    /// When to end.
    pub stop: Stop,
    /// Threads, at least one; they change no result.
    pub threads: usize,
    /// Bytes the record may take.
    pub memory_bytes: u64,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Attempts or heralds so far, whichever the run counts.
    pub done: u64,
    /// Where it ends.
    pub total: u64,
}

/// A finished, or interrupted, run.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Heralds in attempt order.
    pub heralds: Heralds,
    /// First attempt.
    pub start_attempt: u64,
    /// Attempts made.
    pub attempts: u64,
    /// When the run was meant to end.
    pub stop: Stop,
    /// Whether the observer ended it early.
    pub interrupted: bool,
    /// Name of the engine.
    pub engine: &'static str,
}

impl Link {
    /// Draws heralds with the `photon` engine.
    ///
    /// `observer` is called about every 20 ms on the calling thread; when it returns `false`, the run ends within a
    /// few milliseconds and holds what was complete.
    ///
    /// ```
    /// use ionlink_core::{BasicLinkParams, Key, Link, Plan, Stop};
    ///
    /// let link = Link::new(BasicLinkParams { efficiency: [0.2, 0.2], ..Default::default() }.link()?)?;
    /// let run = link.sample(&Plan::new(Key::from_seed(7), Stop::Heralds(1000)), &mut |_| true)?;
    /// let estimate = run.herald_probability();
    /// assert!(estimate.low < link.exact().herald_probability && link.exact().herald_probability < estimate.high);
    /// # Ok::<(), ionlink_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Parameter`] for an impossible plan, [`Error::Size`] for a record larger than `memory_bytes`.
    pub fn sample(&self, plan: &Plan, observer: &mut dyn FnMut(Progress) -> bool) -> Result<Run> {
        let expected = self.check(plan)?;
        let engine = PhotonEngine::new(self);
        let (mut heralds, attempts, interrupted) =
            draw(&engine, plan, Heralds::with_capacity(expected), observer);
        for times in &mut heralds.click_time_s {
            *times = times.map(|time| time - self.window.start_s);
        }
        Ok(Run {
            heralds,
            start_attempt: plan.start_attempt,
            attempts,
            stop: plan.stop,
            interrupted,
            engine: PhotonEngine::NAME,
        })
    }

    /// Checks the plan; returns the number of heralds to make room for.
    fn check(&self, plan: &Plan) -> Result<usize> {
        if plan.threads == 0 {
            return Err(Error::parameter("threads", 0, "at least 1", ""));
        }
        let bounded = |name: &str, value: u64| {
            if value <= MAX_ATTEMPTS {
                Ok(())
            } else {
                Err(Error::parameter(name, value, format!("at most {MAX_ATTEMPTS}"), ""))
            }
        };
        bounded("start_attempt", plan.start_attempt)?;
        let p = self.exact().herald_probability;
        let expected = match plan.stop {
            Stop::Heralds(n) => {
                bounded("heralds", n)?;
                if n > 0 && p <= 0.0 {
                    let message = "the link never heralds (herald probability 0): ask for attempts instead";
                    return Err(Error::Model { parameter: "heralds".into(), message: message.into() });
                }
                n as f64
            }
            Stop::Attempts(n) => {
                bounded("attempts", n)?;
                // six standard deviations above the mean
                let mean = n as f64 * p;
                mean + 6.0 * mean.sqrt()
            }
        };
        let needed_bytes = (expected * Heralds::BYTES as f64) as u64;
        if needed_bytes > plan.memory_bytes {
            return Err(Error::Size { needed_bytes, available_bytes: plan.memory_bytes });
        }
        Ok(expected.ceil() as usize)
    }

    /// The ions' states given cause and click times (s, from the opening of the window), one 4x4 matrix per record.
    ///
    /// The three slices hold pattern number, cause number and click times, as in [`Heralds`].
    ///
    /// # Errors
    /// [`Error::Parameter`] when the slices differ in length or a record is not one of this link.
    pub fn states(&self, pattern: &[u8], cause: &[u8], click_time_s: &[[f64; 2]]) -> Result<Vec<State>> {
        Ok(self.each_state(pattern, cause, click_time_s)?.collect())
    }

    fn each_state<'a>(
        &'a self,
        pattern: &'a [u8],
        cause: &'a [u8],
        click_time_s: &'a [[f64; 2]],
    ) -> Result<impl Iterator<Item = State> + 'a> {
        let count = pattern.len();
        for (name, length) in [("cause", cause.len()), ("click_time_s", click_time_s.len())] {
            if length != count {
                let domain = format!("as long as pattern ({count})");
                return Err(Error::parameter(name, format!("{length} records"), domain, ""));
            }
        }
        let patterns = self.patterns();
        for index in 0..count {
            let known =
                usize::from(pattern[index]) < patterns.len() && usize::from(cause[index]) < Cause::ALL.len();
            let inside = |time: &f64| (0.0..=self.window.duration_s()).contains(time);
            if !known || !click_time_s[index].iter().all(inside) {
                let domain = "made of patterns, causes and click times of this link";
                return Err(Error::parameter("record", format!("record {index}"), domain, ""));
            }
        }
        let conditional = Conditional::new(self);
        Ok((0..count).map(move |index| {
            let slots = patterns[usize::from(pattern[index])].slots;
            let times = click_time_s[index].map(|time| time + self.window.start_s);
            conditional.state(slots, Cause::ALL[usize::from(cause[index])], times)
        }))
    }

    /// Mean fidelity of heralds to their announced Bell states, with its 95 % interval.
    ///
    /// # Errors
    /// As [`Link::states`].
    pub fn sampled_fidelity(
        &self,
        pattern: &[u8],
        cause: &[u8],
        click_time_s: &[[f64; 2]],
    ) -> Result<Estimate> {
        let (mut count, mut mean, mut squares) = (0_u64, 0.0, 0.0);
        for (rho, pattern) in self.each_state(pattern, cause, click_time_s)?.zip(pattern) {
            // Welford's recurrence: no cancellation for nearly equal fidelities
            let fidelity = state::overlap(&rho, self.patterns[usize::from(*pattern)].bell_state);
            count += 1;
            let offset = fidelity - mean;
            mean += offset / count as f64;
            squares += offset * (fidelity - mean);
        }
        Ok(estimate::bounded_mean(count, mean * count as f64, squares))
    }
}

impl Plan {
    /// A run from attempt 0 on one thread, without a bound on memory.
    pub fn new(key: Key, stop: Stop) -> Self {
        Self { key, start_attempt: 0, stop, threads: 1, memory_bytes: u64::MAX }
    }
}

impl Run {
    /// Herald probability with its 95 % interval, right for the way the run ended.
    pub fn herald_probability(&self) -> Estimate {
        let heralds = self.heralds.len() as u64;
        match self.stop {
            Stop::Heralds(_) if !self.interrupted => estimate::negative_binomial(heralds, self.attempts),
            _ => estimate::binomial(heralds, self.attempts),
        }
    }
}

/// Draws block after block; returns heralds, attempts made and whether the observer stopped the run.
fn draw<E: Engine>(
    engine: &E,
    plan: &Plan,
    mut merged: Heralds,
    observer: &mut dyn FnMut(Progress) -> bool,
) -> (Heralds, u64, bool) {
    let length = engine.block_length();
    let end_attempt = match plan.stop {
        Stop::Attempts(n) => plan.start_attempt + n,
        Stop::Heralds(_) => 2 * MAX_ATTEMPTS,
    };
    let wanted = match plan.stop {
        Stop::Heralds(n) => usize::try_from(n).unwrap_or(usize::MAX),
        Stop::Attempts(_) => usize::MAX,
    };
    let total = match plan.stop {
        Stop::Heralds(n) | Stop::Attempts(n) => n,
    };
    if total == 0 {
        return (merged, 0, false);
    }
    let first_block = plan.start_attempt / length;
    let attempts_of = |block: u64| {
        let start = block * length;
        plan.start_attempt.saturating_sub(start)..(end_attempt - start).min(length)
    };
    let progress = |heralds: usize, attempts: u64| Progress {
        done: match plan.stop {
            Stop::Heralds(_) => heralds as u64,
            Stop::Attempts(_) => attempts,
        },
        total,
    };

    // One block on the calling thread first: small runs never meet a thread pool.
    let mut throttle = Throttle::new();
    let mut block = first_block;
    while plan.threads == 1 || block == first_block {
        let attempts = attempts_of(block);
        let before = block * length + attempts.start - plan.start_attempt;
        let so_far = merged.len();
        let mut stopped = |done: u64| throttle.due() && !observer(progress(so_far, before + done));
        let done = engine.run_block(plan.key, block, attempts.clone(), wanted, &mut stopped, &mut merged);
        let reached = block * length + done;
        if merged.len() >= wanted || reached == end_attempt {
            return (merged, reached - plan.start_attempt, false);
        }
        if done < attempts.end {
            return (merged, reached - plan.start_attempt, true);
        }
        block += 1;
    }
    draw_parallel(engine, plan, merged, block, wanted, end_attempt, observer)
}

/// What a worker made of one block.
struct Drawn {
    heralds: Heralds,
    /// Attempt within the block up to which it is complete.
    done: u64,
    end: u64,
}

/// Blocks that are complete from the first one on.
struct Merge {
    heralds: Heralds,
    next_block: u64,
    waiting: BTreeMap<u64, Drawn>,
    reached: u64,
    finished: bool,
    /// A block was left unfinished: nothing after it is contiguous.
    cut: bool,
}

fn draw_parallel<E: Engine>(
    engine: &E,
    plan: &Plan,
    merged: Heralds,
    first_block: u64,
    wanted: usize,
    end_attempt: u64,
    observer: &mut dyn FnMut(Progress) -> bool,
) -> (Heralds, u64, bool) {
    let length = engine.block_length();
    let next = AtomicU64::new(first_block);
    let stop = AtomicBool::new(false);
    let merge = Mutex::new(Merge {
        heralds: merged,
        next_block: first_block,
        waiting: BTreeMap::new(),
        reached: first_block * length,
        finished: false,
        cut: false,
    });
    // Workers never panic while holding the lock; a poisoned one still holds whole blocks.
    let lock = || merge.lock().unwrap_or_else(PoisonError::into_inner);

    let worker = |stopped: &mut dyn FnMut(u64) -> bool| {
        loop {
            let block = next.fetch_add(1, Ordering::Relaxed);
            let start = block.saturating_mul(length);
            if start >= end_attempt || stop.load(Ordering::Relaxed) {
                return;
            }
            let end = (end_attempt - start).min(length);
            let mut heralds = Heralds::default();
            let done = engine.run_block(plan.key, block, 0..end, wanted, stopped, &mut heralds);
            let mut merge = lock();
            merge.waiting.insert(block, Drawn { heralds, done, end });
            while !merge.finished && !merge.cut {
                let expected = merge.next_block;
                let Some(mut drawn) = merge.waiting.remove(&expected) else { break };
                merge.heralds.append(&mut drawn.heralds);
                merge.reached = expected * length + drawn.done;
                merge.next_block += 1;
                if merge.heralds.len() >= wanted {
                    merge.heralds.truncate(wanted);
                    merge.reached = merge.heralds.attempt.last().map_or(merge.reached, |last| last + 1);
                    merge.finished = true;
                } else if merge.reached == end_attempt {
                    merge.finished = true;
                } else {
                    merge.cut = drawn.done < drawn.end;
                }
            }
            if merge.finished {
                stop.store(true, Ordering::Relaxed);
                return;
            }
        }
    };

    let mut throttle = Throttle::new();
    let mut look = |observer: &mut dyn FnMut(Progress) -> bool| {
        if !throttle.due() {
            return;
        }
        let (heralds, reached) = {
            let merge = lock();
            (merge.heralds.len() as u64, merge.reached)
        };
        let (done, total) = match plan.stop {
            Stop::Heralds(n) => (heralds, n),
            Stop::Attempts(n) => (reached - plan.start_attempt, n),
        };
        if !observer(Progress { done, total }) {
            stop.store(true, Ordering::Relaxed);
        }
    };
    std::thread::scope(|scope| {
        let worker = &worker;
        let stop = &stop;
        let mut others = Vec::new();
        for _ in 1..plan.threads {
            let work = move || worker(&mut |_| stop.load(Ordering::Relaxed));
            // A machine that refuses another thread still has this one; the result is the same.
            let Ok(other) = std::thread::Builder::new().spawn_scoped(scope, work) else { break };
            others.push(other);
        }
        // The calling thread works too, and is the one that may talk to the observer.
        worker(&mut |_| {
            look(observer);
            stop.load(Ordering::Relaxed)
        });
        while others.iter().any(|other| !other.is_finished()) {
            std::thread::sleep(Duration::from_millis(1));
            look(observer);
        }
    });
    let merge = merge.into_inner().unwrap_or_else(PoisonError::into_inner);
    (merge.heralds, merge.reached - plan.start_attempt, !merge.finished)
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
