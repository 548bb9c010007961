//! Runs: from a seed to heralds.

use super::Link;
use super::click::ClickEngine;
use super::conditional::Conditional;
use super::draw::{Drawn, Job, MAX_ATTEMPTS, Record, draw};
use super::herald::HeraldEngine;
use super::photon::PhotonEngine;
use super::record::{Coincidences, Heralds, Records};
use super::rounds::Counted;
use super::states::FidelityMean;
use super::waves::Grid;
use crate::encoding::{Carrier, SLOTS};
use crate::error::{Error, Result, STREAM_INSTEAD};
use crate::estimate::{self, Estimate};
use crate::simd::Level;
use crate::stream::Key;
use std::time::{Duration, Instant};

/// When a run ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stop {
    /// With the attempt of the n-th herald.
    Heralds(u64),
    /// After this many attempts.
    Attempts(u64),
}

/// How attempts are turned into heralds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EngineChoice {
    /// The cheapest that is exact for the parameters.
    #[default]
    Auto,
    /// Every attempt: cost grows with attempts.
    Photon,
    /// From event to event: cost grows with clicks.
    Click,
    /// From herald to herald: cost grows with heralds.
    Herald,
}

impl EngineChoice {
    /// All choices.
    pub const ALL: [Self; 4] = [Self::Auto, Self::Photon, Self::Click, Self::Herald];

    /// The name users type.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Photon => "photon",
            Self::Click => "click",
            Self::Herald => "herald",
        }
    }

    /// The choice of that name.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the choices.
    pub fn named(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|choice| choice.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(|choice| format!("\"{}\"", choice.name())).join(", ");
            Error::parameter("engine", format!("{name:?}"), format!("one of {names}"), "")
        })
    }
}

/// Precision at which a run may end early, relative half-widths of the 95 % intervals.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Precision {
    /// Of the herald probability (and so of the rate).
    pub herald_probability: Option<f64>,
    /// Of the fidelity.
    pub fidelity: Option<f64>,
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
    /// End at the first block's end at which all of these are reached.
    pub until: Option<Precision>,
    /// End at the first block's end after this time (s).
    pub timeout_s: Option<f64>,
    /// Engine.
    pub engine: EngineChoice,
    /// Whether to record coincidences; the `herald` engine knows none.
    pub record_coincidences: bool,
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

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// With the planned herald or attempt.
    AsPlanned,
    /// Early, with the precision asked for or the time allowed.
    Enough,
    /// Early, because the observer said so.
    Interrupted,
}

/// A finished, or interrupted, run.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Heralds in attempt order.
    pub heralds: Heralds,
    /// Coincidences in attempt order, if they were to be recorded.
    pub coincidences: Coincidences,
    /// First attempt.
    pub start_attempt: u64,
    /// Attempts made.
    pub attempts: u64,
    /// When the run was meant to end.
    pub stop: Stop,
    /// Why it ended.
    pub ended: Ended,
    /// The engine used, never `Auto`.
    pub engine: EngineChoice,
    /// Whether detectors remembered, so that attempts are not independent.
    pub remembers: bool,
    /// Ions per round: at most one herald of each round is kept.
    pub ions_per_round: u64,
}

impl Link {
    /// The engine that a choice comes down to, and why.
    ///
    /// # Errors
    /// [`Error::Model`] when the engine is not exact for the link or cannot record what is asked for.
    pub fn engine(
        &self,
        choice: EngineChoice,
        record_coincidences: bool,
    ) -> Result<(EngineChoice, &'static str)> {
        if record_coincidences && (self.optics.carrier == Carrier::Shared || self.params.nodes.len() == 1) {
            return Err(Error::Model {
                parameter: "record_coincidences".into(),
                message: format!(
                    "coincidences are two clicks in one mode and different ports, which the {} encoding does not tell",
                    self.params.encoding.name()
                ),
            });
        }
        match choice {
            EngineChoice::Auto if self.memory().is_some() => {
                Ok((EngineChoice::Click, "detectors remember clicks from one window to the next"))
            }
            EngineChoice::Auto if self.heating().is_some() => {
                Ok((EngineChoice::Click, "the motion heats up, so attempts of a burst differ"))
            }
            EngineChoice::Auto if record_coincidences => {
                Ok((EngineChoice::Click, "coincidences are clicks without a herald"))
            }
            EngineChoice::Auto if self.exact().is_err() => {
                Ok((EngineChoice::Click, "`exact`, which `herald` needs, would take too long for this link"))
            }
            EngineChoice::Auto => {
                Ok((EngineChoice::Herald, "attempts are independent: heralds can be drawn directly"))
            }
            EngineChoice::Herald => {
                if let Some(error) = self.memory().or_else(|| self.heating()) {
                    return Err(error);
                }
                if record_coincidences {
                    let message = "the `herald` engine knows only heralds; record coincidences with `click` or `photon`";
                    return Err(Error::Model {
                        parameter: "record_coincidences".into(),
                        message: message.into(),
                    });
                }
                Ok((choice, "as asked"))
            }
            EngineChoice::Photon | EngineChoice::Click => Ok((choice, "as asked")),
        }
    }

    /// Draws heralds.
    ///
    /// `observer` is called about every 20 ms on the calling thread; when it returns `false`, the run ends within a
    /// few milliseconds and holds what was complete.
    ///
    /// ```
    /// use ionlink_core::{BasicLinkParams, Key, Link, Plan, Stop};
    ///
    /// let link = Link::new(BasicLinkParams { efficiency: [0.2, 0.2], ..Default::default() }.link()?)?;
    /// let run = link.sample(&Plan::new(Key::from_seed(7), Stop::Heralds(1000)), &mut |_| true)?;
    /// let (estimate, exact) = (run.herald_probability(), link.exact()?.herald_probability);
    /// assert!(estimate.low < exact && exact < estimate.high);
    /// # Ok::<(), ionlink_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Parameter`] for an impossible plan, [`Error::Model`] for an engine that is not exact for the link,
    /// [`Error::Size`] for a record larger than `memory_bytes`.
    pub fn sample(&self, plan: &Plan, observer: &mut dyn FnMut(Progress) -> bool) -> Result<Run> {
        let level = Level::chosen()?;
        let expected = self.check(plan)?;
        let (engine, _) = self.engine(plan.engine, plan.record_coincidences)?;
        let deadline = plan.timeout_s.map(|timeout_s| Instant::now() + Duration::from_secs_f64(timeout_s));
        let mut reached = Reached::new(self, plan);
        let mut enough = |heralds: Records<'_>, attempts: u64| {
            deadline.is_some_and(|deadline| Instant::now() >= deadline) || reached.with(heralds, attempts)
        };
        let job = Job { link: self, plan, expected, enough: &mut enough, observer };
        let (Record { heralds, coincidences }, attempts, ended): Drawn = match engine {
            EngineChoice::Photon => draw(&PhotonEngine::new(self, level, plan.record_coincidences), job),
            EngineChoice::Click => draw(&ClickEngine::new(self, level, plan.record_coincidences), job),
            EngineChoice::Auto | EngineChoice::Herald => draw(&HeraldEngine::new(self, level)?, job),
        };
        if let Some(error) = reached.error {
            return Err(error);
        }
        let start_attempt = plan.start_attempt;
        Ok(Run {
            heralds,
            coincidences,
            start_attempt,
            attempts,
            stop: plan.stop,
            ended,
            engine,
            remembers: self.remembers(),
            ions_per_round: self.schedule.ions_per_round(),
        })
    }

    /// Checks the plan; returns the number of heralds to make room for.
    fn check(&self, plan: &Plan) -> Result<usize> {
        if plan.threads == 0 {
            return Err(Error::parameter("threads", 0, "at least 1", ""));
        }
        if let Some(timeout_s) = plan.timeout_s
            && !(0.0..=MAX_TIMEOUT_S).contains(&timeout_s)
        {
            return Err(Error::parameter("timeout_s", timeout_s, format!("in [0, {MAX_TIMEOUT_S:e}]"), "s"));
        }
        if let Some(Precision { herald_probability, fidelity }) = plan.until {
            for (name, value) in [("herald_probability", herald_probability), ("fidelity", fidelity)] {
                if let Some(value) = value
                    && !(value > 0.0 && value <= 0.5)
                {
                    // stopping after a handful of heralds would bias the estimate by their luck
                    return Err(Error::parameter(format!("until.{name}"), value, "in (0, 0.5]", ""));
                }
            }
            if herald_probability.is_none() && fidelity.is_none() {
                return Err(Error::parameter("until", "nothing", "a precision of something", ""));
            }
            if fidelity.is_some() {
                // rather now than after the first block
                Conditional::new(self, Grid::Coarse)?;
            }
        }
        let bounded = |name: &str, value: u64| {
            if value <= MAX_ATTEMPTS {
                Ok(())
            } else {
                Err(Error::parameter(name, value, format!("at most {MAX_ATTEMPTS}"), ""))
            }
        };
        bounded("start_attempt", plan.start_attempt)?;
        // where `exact` would take too long nothing is known beforehand
        let p = self.as_if_forgetful().map_or(f64::NAN, |exact| exact.herald_probability);
        let attempts = match plan.stop {
            Stop::Heralds(n) if p > 0.0 => n as f64 / p,
            Stop::Heralds(_) => 0.0,
            Stop::Attempts(n) => n as f64,
        };
        let expected = match plan.stop {
            Stop::Heralds(n) => {
                bounded("heralds", n)?;
                if n > 0 && p <= 0.0 {
                    return Err(never("heralds"));
                }
                if n as f64 / p > MAX_ATTEMPTS as f64 {
                    let message =
                        format!("{n} heralds of probability {p:e} would take more than 2^62 attempts");
                    return Err(Error::Model { parameter: "heralds".into(), message });
                }
                n as f64
            }
            Stop::Attempts(n) => {
                bounded("attempts", n)?;
                // six standard deviations above the mean
                let mean = if p.is_nan() { 0.0 } else { n as f64 * p };
                mean + 6.0 * mean.sqrt()
            }
        };
        let mut bytes = Heralds::BYTES as f64;
        if self.recall.orders {
            bytes += size_of::<[f64; SLOTS]>() as f64;
        }
        if self.jitters {
            bytes += size_of::<[f64; 2]>() as f64;
        }
        if self.afterpulses {
            bytes += size_of::<u8>() as f64;
        }
        self.schedule.check_losses(plan.start_attempt as f64 + attempts)?;
        let coincidences =
            if plan.record_coincidences { attempts * self.coincidence_probability() } else { 0.0 };
        let needed_bytes = (expected * bytes + coincidences * Coincidences::BYTES as f64) as u64;
        if needed_bytes > plan.memory_bytes {
            return Err(Error::Size {
                needed_bytes,
                available_bytes: plan.memory_bytes,
                instead: STREAM_INSTEAD,
            });
        }
        Ok(expected.ceil() as usize)
    }
}

/// A timeout beyond this is no timeout: a hundred years.
const MAX_TIMEOUT_S: f64 = 3.2e9;

pub(super) fn never(parameter: &str) -> Error {
    let message = "the link never heralds (herald probability 0): ask for attempts instead";
    Error::Model { parameter: parameter.into(), message: message.into() }
}

/// Keeps watch over the precision a run is to reach.
struct Reached<'a> {
    link: &'a Link,
    until: Option<Precision>,
    start_attempt: u64,
    /// Attempts of the heralds so far, if their probability matters.
    heralds: Vec<u64>,
    fidelity: FidelityMean,
    /// What went wrong, which ends the run.
    error: Option<Error>,
}

impl<'a> Reached<'a> {
    fn new(link: &'a Link, plan: &Plan) -> Self {
        let Plan { until, start_attempt, .. } = *plan;
        Self { link, until, start_attempt, heralds: vec![], fidelity: FidelityMean::default(), error: None }
    }

    /// With further heralds, and so many attempts in all.
    fn with(&mut self, heralds: Records<'_>, attempts: u64) -> bool {
        let Some(Precision { herald_probability, fidelity }) = self.until else { return false };
        let fine = |estimate: Estimate, relative: f64| {
            0.5 * (estimate.high - estimate.low) <= relative * estimate.value
        };
        let mut reached = true;
        if let Some(relative) = herald_probability {
            self.heralds.extend_from_slice(heralds.attempt);
            let attempts = self.start_attempt..self.start_attempt + attempts;
            let counted = Counted { attempts, heralds: &self.heralds, at_herald: false };
            reached = fine(counted.herald_probability(self.link.schedule.ions_per_round()), relative);
        }
        if let Some(relative) = fidelity {
            if let Err(error) = self.link.add_fidelities(heralds, &mut self.fidelity) {
                self.error = Some(error);
                return true;
            }
            reached &= fine(self.fidelity.estimate(), relative);
        }
        reached
    }
}

impl Plan {
    /// A run from attempt 0 on one thread, by the cheapest exact engine, without a bound on memory.
    pub fn new(key: Key, stop: Stop) -> Self {
        Self {
            key,
            start_attempt: 0,
            stop,
            until: None,
            timeout_s: None,
            engine: EngineChoice::Auto,
            record_coincidences: false,
            threads: 1,
            memory_bytes: u64::MAX,
        }
    }
}

impl Run {
    /// Herald probability with its 95 % interval, right for the way the run ended.
    ///
    /// With several ions per round, whole rounds are counted: attempts of one round are not independent, for only its first
    /// herald is kept. Where detectors remember, no attempts are independent: then the spread of the counts of 32 equal parts of the
    /// run widens the interval, if it has enough heralds to tell.
    pub fn herald_probability(&self) -> Estimate {
        let heralds = self.heralds.len() as u64;
        let attempts = self.start_attempt..self.start_attempt.saturating_add(self.attempts);
        let at_herald = self.ended == Ended::AsPlanned && self.stop == Stop::Heralds(heralds);
        let counted = Counted { attempts, heralds: &self.heralds.attempt, at_herald };
        let independent = counted.herald_probability(self.ions_per_round);
        if !self.remembers || heralds < 2 * estimate::PARTS || self.attempts < estimate::PARTS {
            return independent;
        }
        let part = |index: u64| {
            let upto = u128::from(self.attempts) * u128::from(index) / u128::from(estimate::PARTS);
            let end = self.start_attempt + upto as u64;
            self.heralds.attempt.partition_point(|attempt| *attempt < end)
        };
        let counts = std::array::from_fn(|index| (part(index as u64 + 1) - part(index as u64)) as f64);
        independent.widened(estimate::spread_of_parts(&counts) / self.attempts as f64)
    }
}
