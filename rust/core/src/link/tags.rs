//! Time tags: every click of a station with its channel and the picosecond at which it was recorded.
//!
//! The tags are those of the `click` engine: it draws the same attempts with the same numbers, so the same attempts herald,
//! and what it leaves out because no herald depends on it is drawn here from generators of their own: attempts that cannot
//! herald, further clicks of a detector in one window, their afterpulses, the jitter of clicks that belong to no pattern.

mod comb;
mod seen;

use super::Link;
use super::attempt::KINDS;
use super::click::{ClickEngine, SLOW_VISITS_PER_POLL, VISITS_PER_POLL};
use super::clock::Clock;
use super::detectors::Detectors;
use super::draw::{Block, Engine, MAX_ATTEMPTS, remembered_before};
use crate::detection::Slot;
use crate::encoding::{Carrier, SLOTS};
use crate::error::{Error, Result};
use crate::simd::Level;
use crate::stream::{BATCH, BlockKey, Key, Xoshiro};
use comb::Comb;
use seen::Seen;
use std::ops::{Deref, Range};

/// Enters the seeds of what is drawn for tags alone, beside the engines'.
const TAGS: u64 = 44;
/// Latest tag (s): 64 bits hold 106 days of picoseconds.
const LATEST_S: f64 = 9.2e6;
/// No normal number is drawn farther from zero, in standard deviations.
const LONGEST_JITTER: f64 = 10.0;

/// What a tag is of, in the order of the numbers in [`TimeTags::kind`]. Only the simulator knows.
pub const TAG_KINDS: [&str; 4] = ["photon", "dark", "background", "afterpulse"];

/// Time tags, ascending in time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TimeTags {
    /// When the click was recorded (ps): the start of the attempt, at which its first window opens, and the time of the click
    /// from there. The comb starts at 0; with jitter a tag may lie before its window.
    pub time_ps: Vec<i64>,
    /// The detector, see [`Link::channels`].
    pub channel: Vec<u8>,
    /// Number of the attempt.
    pub attempt: Vec<u64>,
    /// Position in [`TAG_KINDS`].
    pub kind: Vec<u8>,
}

impl TimeTags {
    /// Bytes per tag.
    pub const BYTES: u64 = 8 + 1 + 8 + 1;

    /// Number of tags.
    pub fn len(&self) -> usize {
        self.time_ps.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.time_ps.is_empty()
    }

    fn push(&mut self, tag: Tag) {
        self.time_ps.push(tag.time_ps);
        self.channel.push(tag.channel);
        self.attempt.push(tag.attempt);
        self.kind.push(tag.kind);
    }
}

/// One tag; ordered by time, then attempt and channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Tag {
    time_ps: i64,
    attempt: u64,
    channel: u8,
    kind: u8,
}

impl Link {
    /// Names of the channels of time tags, in the order of their numbers: a channel is a detector.
    ///
    /// Polarization: slots, `00` to `11` by port and mode. Bins share the detector of their port, and modes that are not resolved
    /// have one, so there channels are the ports `0` and `1`. The receiver of an ion-photon link: the modes `0` and `1`.
    pub fn channels(&self) -> &'static [&'static str] {
        match (self.optics.carrier, self.params.nodes.len()) {
            (Carrier::Polarization, 2..) => &["00", "01", "10", "11"],
            _ => &["0", "1"],
        }
    }

    fn channel(&self, slot: usize) -> u8 {
        let channel = if self.optics.carrier == Carrier::Polarization { slot } else { slot / 2 };
        channel as u8
    }

    /// Mean number of time tags of an attempt, or somewhat more: the photons of an endless window count.
    pub fn tags_per_attempt(&self) -> f64 {
        let photons: f64 = self
            .sources
            .iter()
            .zip(&self.branches)
            .map(|(source, branches)| {
                let of = branches.iter().map(|branch| {
                    let there = branch.photon.as_ref().map_or(0.0, |photon| {
                        photon.amplitudes.iter().map(|amplitude| amplitude * amplitude).sum::<f64>().min(1.0)
                    });
                    let extra = branch.extra.as_ref().map_or(0.0, |extra| extra.efficiency);
                    branch.probability * (there * source.efficiency + extra)
                });
                of.sum::<f64>()
            })
            .sum();
        let counts: f64 = self.slots.iter().map(Slot::noise_mean).sum();
        let follow = self.slots.iter().fold(0.0, |most: f64, slot| most.max(slot.afterpulse_probability));
        (photons + counts) / (1.0 - follow)
    }

    /// The time tags of these attempts, drawn part by part.
    ///
    /// # Errors
    /// As [`ClickStream::new`].
    pub fn click_stream(&self, key: Key, attempts: Range<u64>) -> Result<ClickStream<&Self>> {
        ClickStream::new(self, key, attempts)
    }
}

/// Draws the time tags of a run's attempts in their order: a function of (parameters, key, attempts) alone, however they are
/// cut into parts. The attempts that herald are those of the `click` engine with this key.
///
/// ```
/// use ionlink_core::{BasicLinkParams, Key, Link};
///
/// let link = Link::new(BasicLinkParams { efficiency: [0.2, 0.2], ..Default::default() }.link()?)?;
/// let mut stream = link.click_stream(Key::from_seed(7), 0..10_000)?;
/// let mut tags = 0;
/// while !stream.is_finished() {
///     tags += stream.next(1000, &mut || true)?.map_or(0, |part| part.len());
/// }
/// // half of the ions' photons pass the splitter to either side, none is lost there
/// assert!((3500..4500).contains(&tags));
/// # Ok::<(), ionlink_core::Error>(())
/// ```
#[derive(Debug)]
pub struct ClickStream<L> {
    link: L,
    key: Key,
    clock: Clock,
    comb: Comb,
    /// Attempts that were not drawn yet.
    left: Range<u64>,
    /// What the detectors remember before the first of them, if that is known.
    detectors: Option<Detectors>,
    /// Tags that jitter may put after some that were not drawn yet.
    held: Vec<Tag>,
}

impl<L: Deref<Target = Link>> ClickStream<L> {
    /// A stream that holds the link by any kind of pointer.
    ///
    /// # Errors
    /// [`Error::Parameter`] for more than 2^62 attempts; [`Error::Model`] for attempts later than 64 bits of picoseconds can
    /// tell, and as [`Clock::time_s`].
    pub fn new(link: L, key: Key, attempts: Range<u64>) -> Result<Self> {
        if attempts.end > 2 * MAX_ATTEMPTS {
            let domain = format!("at most {}", 2 * MAX_ATTEMPTS);
            return Err(Error::parameter("attempts", attempts.end, domain, ""));
        }
        let mut clock = link.clock(key);
        if let Some(last) = attempts.end.checked_sub(1).filter(|_| !attempts.is_empty()) {
            // the comb first: counting losses of the far future takes long
            let too_late = |time_s: f64| {
                let message =
                    format!("the last attempt ends after {time_s:e} s; tags reach to {LATEST_S:e} s");
                Err(Error::Model { parameter: "attempts".into(), message })
            };
            let comb_s = link.schedule.time_s(last);
            if comb_s > LATEST_S {
                return too_late(comb_s);
            }
            let time_s = clock.time_s(last)?;
            if time_s > LATEST_S {
                return too_late(time_s);
            }
        }
        let detectors = (!link.recall.carries).then(Detectors::ready);
        let comb = Comb::new(&link);
        Ok(Self { link, key, clock, comb, left: attempts, detectors, held: vec![] })
    }

    /// Whether all tags were handed out.
    pub fn is_finished(&self) -> bool {
        self.left.is_empty() && self.held.is_empty()
    }

    /// The next part: tags of whole blocks of attempts until there are so many, fewer only at the end. Parts follow each other
    /// in time. `going` is asked every few milliseconds; nothing comes back when it says `false`, and nothing is lost.
    ///
    /// # Errors
    /// [`Error::Model`] as [`Clock::time_s`].
    pub fn next(&mut self, at_least: usize, going: &mut dyn FnMut() -> bool) -> Result<Option<TimeTags>> {
        let engine = ClickEngine::new(&self.link, Level::chosen()?, false);
        let length = engine.block_length();
        let mut tags = std::mem::take(&mut self.held);
        while tags.len() < at_least.max(1) && !self.left.is_empty() {
            let number = self.left.start / length;
            let first = number * length;
            let within = self.left.start - first..(self.left.end - first).min(length);
            let before = if let Some(detectors) = &self.detectors {
                Some(detectors.clone())
            } else {
                let ready = Detectors::ready();
                let mut stopped = |_| !going();
                remembered_before(&engine, &self.link, self.key, number, (0, &ready), &mut stopped)
            };
            let kept = tags.len();
            let mut detectors = match before {
                Some(detectors) if going() => detectors,
                _ => {
                    self.held = tags;
                    return Ok(None);
                }
            };
            self.detectors = Some(detectors.clone());
            let block = Block::new(&engine, self.key, number, within);
            let mut drawing = Drawing { engine: &engine, clock: &mut self.clock, comb: self.comb, tags };
            let complete = drawing.block(&block, &mut detectors, going);
            tags = drawing.tags;
            if !complete? {
                tags.truncate(kept);
                self.held = tags;
                return Ok(None);
            }
            self.left.start = first + block.attempts.end;
            self.detectors = Some(detectors);
        }
        tags.sort_unstable();
        if !self.left.is_empty() {
            let most_s = self.link.slots.iter().fold(0.0, |most: f64, slot| most.max(slot.timing_jitter_s));
            let start_zs = self.comb.start_zs(self.left.start, &mut self.clock)?;
            let safe_ps = comb::picoseconds(start_zs - comb::zeptoseconds(LONGEST_JITTER * most_s));
            self.held = tags.split_off(tags.partition_point(|tag| tag.time_ps < safe_ps));
        }
        let mut part = TimeTags::default();
        for tag in tags {
            part.push(tag);
        }
        Ok(Some(part))
    }
}

/// Blocks being drawn.
struct Drawing<'a> {
    engine: &'a ClickEngine<'a>,
    clock: &'a mut Clock,
    comb: Comb,
    tags: Vec<Tag>,
}

impl Drawing<'_> {
    /// Draws the tags of a block's attempts as the `click` engine draws its heralds, but looks at every attempt with an event;
    /// says whether nobody stopped it.
    fn block(
        &mut self,
        block: &Block,
        detectors: &mut Detectors,
        going: &mut dyn FnMut() -> bool,
    ) -> Result<bool> {
        let engine = self.engine;
        let Some(events) = &engine.events else { return Ok(true) };
        let mut lanes = block.key.lanes(engine.level);
        let mut rng = block.key.scalar(0);
        if detectors.waits() {
            // each of those that wait has a generator of its own
            engine.attempts.settle(block.key.key, &mut rng.clone(), detectors);
        }
        let recall = &engine.attempts.link.recall;
        let per_poll = if recall.looks_back { SLOW_VISITS_PER_POLL } else { VISITS_PER_POLL };
        let (mut words, mut numbers) = ([0; BATCH], [0; BATCH]);
        let end = block.attempts.end;
        let (mut done, mut visits, mut polled) = (0, 0, 0);
        while done < end {
            lanes.fill(&mut words);
            engine.gap.successes(engine.level, &words, done, &mut numbers);
            lanes.fill(&mut words);
            for (number, word) in numbers.into_iter().zip(words) {
                let set = events.choose(word);
                let next = number.min(end);
                while let Some(attempt) = detectors.next_afterpulse().filter(|_| recall.afterpulses)
                    && attempt < block.first_attempt + next
                {
                    visits += 1;
                    self.visit(block, attempt - block.first_attempt, 0, &mut rng, detectors)?;
                }
                if next == end {
                    return Ok(true);
                }
                visits += 1;
                self.visit(block, next, set, &mut rng, detectors)?;
                if visits - polled >= per_poll {
                    polled = visits;
                    if !going() {
                        return Ok(false);
                    }
                }
            }
            done = numbers[BATCH - 1].min(end) + 1;
        }
        Ok(true)
    }

    /// Resolves an attempt, the kinds that happened given as bits, and notes its tags if it is wanted.
    fn visit(
        &mut self,
        block: &Block,
        within: u64,
        set: usize,
        rng: &mut Xoshiro,
        detectors: &mut Detectors,
    ) -> Result<()> {
        let attempts = &self.engine.attempts;
        let link = attempts.link;
        let wanted = block.attempts.contains(&within);
        let drawn_by_engine = self.engine.visited >> set & 1 == 1;
        if !wanted && !drawn_by_engine && !link.recall.carries {
            return Ok(());
        }
        let (key, attempt) = (block.key.key, block.first_attempt + within);
        let happened: [bool; KINDS] = std::array::from_fn(|kind| set >> kind & 1 == 1);
        let mut own = BlockKey { key, engine: TAGS, block: attempt }.scalar(0);
        let mut seen = Seen::default();
        // detectors that do not remember start afresh in each attempt
        let mut fresh = Detectors::ready();
        let detectors = if link.recall.carries { detectors } else { &mut fresh };
        // what the engine passes over must not move what it draws
        let rng = if drawn_by_engine { rng } else { &mut own };
        attempts.resolve_told(key, attempt, happened, rng, detectors, &mut seen);
        if !wanted {
            return Ok(());
        }
        let start_zs = self.comb.start_zs(attempt, self.clock)?;
        let bin_zs = comb::zeptoseconds(link.bin_separation_s);
        for slot in 0..SLOTS {
            let mut latest_ps = i64::MIN;
            for click in seen.recorded(link, slot, &mut own) {
                let late_zs = if link.detector_of(slot) == slot { 0 } else { bin_zs };
                let time_ps = comb::picoseconds(start_zs + late_zs + comb::zeptoseconds(click.time_s));
                // a detector reports its clicks in their order
                latest_ps = latest_ps.max(time_ps);
                self.tags.push(Tag {
                    time_ps: latest_ps,
                    attempt,
                    channel: link.channel(slot),
                    kind: click.kind,
                });
            }
        }
        Ok(())
    }
}
