//! One herald at a time, for simulators that bring their own clock.

use super::click::ClickEngine;
use super::detectors::Detectors;
use super::draw::{Block, Engine, MAX_ATTEMPTS, Record, remembered_before};
use super::herald::HeraldEngine;
use super::photon::PhotonEngine;
use super::record::Given;
use super::run::{EngineChoice, never};
use super::states::impossible;
use super::{Link, clock::Clock};
use crate::error::{Error, Result};
use crate::herald::{Cause, Pattern};
use crate::simd::Level;
use crate::state::State;
use crate::stream::Key;
use std::ops::Deref;

/// A herald with everything that is known about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Herald {
    /// Number of the attempt.
    pub attempt: u64,
    /// End of the attempt (s), pauses and reloading included.
    pub time_s: f64,
    /// The pattern, and with it the announced Bell state.
    pub pattern: Pattern,
    /// What made the clicks.
    pub cause: Cause,
    /// Click times of mode 0 and mode 1 (s), from the opening of the window.
    pub click_time_s: [f64; 2],
    /// The ions' state given cause and click times.
    pub rho: State,
}

/// Draws the heralds of one seed one at a time: the same heralds as [`Link::sample`], bit for bit.
///
/// ```
/// use ionlink_core::{BasicLinkParams, Key, Link};
///
/// let link = Link::new(BasicLinkParams { efficiency: [0.2, 0.2], ..Default::default() }.link()?)?;
/// let mut sampler = link.sampler(Key::from_seed(7))?;
/// let first = sampler.next(0.0, &mut || true)?.expect("nothing stopped it");
/// // the link is busy for a millisecond, then tries again
/// let second = sampler.next(first.time_s + 1e-3, &mut || true)?.expect("nothing stopped it");
/// assert!(second.time_s > first.time_s + 1e-3);
/// # Ok::<(), ionlink_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Sampler<L> {
    link: L,
    key: Key,
    clock: Clock,
    engine: EngineChoice,
    /// The block in `record`.
    block: Option<u64>,
    record: Record,
    /// First herald of the record that was not handed out or passed over.
    position: usize,
    detectors: Detectors,
    /// States of some heralds of the record, from this one on.
    states: Vec<State>,
    states_from: usize,
}

impl Link {
    /// A sampler that borrows the link.
    ///
    /// # Errors
    /// As [`Sampler::new`].
    pub fn sampler(&self, key: Key) -> Result<Sampler<&Self>> {
        Sampler::new(self, key, EngineChoice::Auto)
    }
}

impl<L: Deref<Target = Link>> Sampler<L> {
    /// A sampler that holds the link by any kind of pointer.
    ///
    /// # Errors
    /// [`Error::Model`] for an engine that is not exact for the link, or a link that never heralds.
    pub fn new(link: L, key: Key, engine: EngineChoice) -> Result<Self> {
        let (engine, _) = link.engine(engine, false)?;
        if link.as_if_forgetful().is_ok_and(|exact| exact.herald_probability <= 0.0) {
            return Err(never("sampler"));
        }
        let (record, detectors) = (Record::default(), Detectors::ready());
        let clock = link.clock(key);
        Ok(Self {
            link,
            key,
            clock,
            engine,
            block: None,
            record,
            position: 0,
            detectors,
            states: vec![],
            states_from: 0,
        })
    }

    /// The engine used.
    pub fn engine(&self) -> EngineChoice {
        self.engine
    }

    /// The next herald, from the first attempt on that starts at `not_before_s` or later and after the last herald.
    ///
    /// The comb of attempts stands still: heralds of attempts that start earlier are passed over. Where detectors
    /// remember, the clicks of those attempts still blind later windows. `going` is asked every millisecond or so;
    /// nothing comes back when it says `false`.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a time that is not a number or beyond the last countable attempt, [`Error::Model`] as
    /// [`Clock::time_s`].
    pub fn next(&mut self, not_before_s: f64, going: &mut dyn FnMut() -> bool) -> Result<Option<Herald>> {
        let earliest = self.clock.first_attempt_from(not_before_s)?.filter(|attempt| *attempt < MAX_ATTEMPTS);
        let Some(earliest) = earliest else {
            return Err(Error::parameter("not_before_s", not_before_s, "a time within 2^62 attempts", "s"));
        };
        loop {
            let attempts = &self.record.heralds.attempt;
            while attempts.get(self.position).is_some_and(|attempt| *attempt < earliest) {
                self.position += 1;
            }
            if self.position < attempts.len() {
                let index = self.position;
                self.position += 1;
                return self.herald(index).map(Some);
            }
            let refilled = match self.engine {
                EngineChoice::Photon => {
                    self.refill(earliest, going, |link, level| Ok(PhotonEngine::new(link, level, false)))
                }
                EngineChoice::Click => {
                    self.refill(earliest, going, |link, level| Ok(ClickEngine::new(link, level, false)))
                }
                EngineChoice::Auto | EngineChoice::Herald => self.refill(earliest, going, HeraldEngine::new),
            };
            if !refilled? {
                return Ok(None);
            }
        }
    }

    /// Draws the next block that may hold a herald; says whether it was completed.
    fn refill<'a, E: Engine>(
        &'a mut self,
        earliest: u64,
        going: &mut dyn FnMut() -> bool,
        engine: impl FnOnce(&'a Link, Level) -> Result<E>,
    ) -> Result<bool> {
        let link: &Link = &self.link;
        let engine = engine(link, Level::chosen()?)?;
        let length = engine.block_length();
        let following = self.block.map_or(0, |block| block + 1);
        let number = following.max(earliest / length);
        if number >= 2 * MAX_ATTEMPTS / length {
            let message = "no herald within 2^62 attempts";
            return Err(Error::Model { parameter: "sampler".into(), message: message.into() });
        }
        let mut stopped = |_| !going();
        if number != following && engine.remembers() {
            let known = (following, &self.detectors);
            match remembered_before(&engine, link, self.key, number, known, &mut stopped) {
                Some(detectors) => self.detectors = detectors,
                None => return Ok(false),
            }
        }
        let mut record = Record::default();
        let mut detectors = self.detectors.clone();
        let block = Block::new(&engine, self.key, number, 0..length);
        if engine.run_block(&block, usize::MAX, &mut detectors, &mut stopped, &mut record) < length {
            return Ok(false);
        }
        self.detectors = detectors;
        self.record = record;
        self.position = 0;
        self.states.clear();
        self.states_from = 0;
        self.block = Some(number);
        Ok(true)
    }

    fn herald(&mut self, index: usize) -> Result<Herald> {
        let rho = self.state(index)?;
        let heralds = &self.record.heralds;
        let time_s = self.clock.time_s(heralds.attempt[index])?;
        let link: &Link = &self.link;
        let pattern = link.patterns[usize::from(heralds.pattern[index])];
        let cause = Cause::ALL[usize::from(heralds.cause[index])];
        let (attempt, click_time_s) = (heralds.attempt[index], heralds.click_time_s[index]);
        Ok(Herald { attempt, time_s, pattern, cause, click_time_s, rho })
    }

    /// The state of a herald. States come in batches, which double while every one of them is asked for: preparing costs more
    /// than a state, and heralds that are passed over need none.
    fn state(&mut self, index: usize) -> Result<State> {
        let end = self.states_from + self.states.len();
        if !(self.states_from..end).contains(&index) {
            let batch = if index == end { (2 * self.states.len()).clamp(1, LARGEST_BATCH) } else { 1 };
            let wanted = index..self.record.heralds.len().min(index + batch);
            let all = self.record.heralds.records();
            self.states = self.link.states(all.part(wanted), Given::Cause)?;
            self.states_from = index;
        }
        self.states.get(index - self.states_from).copied().ok_or_else(|| impossible(index))
    }
}

/// States prepared at once, at most.
const LARGEST_BATCH: usize = 64;
