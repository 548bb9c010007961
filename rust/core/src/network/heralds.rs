//! Heralds of a network's links: how long until the next one, what it looks like, what state it leaves.

use super::comb::{Comb, seconds};
use super::topology::Physics;
use crate::error::{Error, Result};
use crate::link::Link;
use crate::link::one::{Circumstances, HeraldsOfLink};
use crate::link::run::EngineChoice;
use crate::link::sampler::Sampler;
use crate::math;
use crate::state::{BellState, Correlations};
use crate::stream::{BlockKey, Geometric, Key, Xoshiro};
use std::sync::Arc;

/// What of a herald's state is taken into account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StateChoice {
    /// The state given the clicks and their cause.
    #[default]
    Sampled,
    /// The mean state of the announced Bell state.
    Mean,
}

/// What is kept of a herald, from which its state follows.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Origin {
    /// Its circumstances.
    Seen(Circumstances),
    /// The number of the announced state among those of its link.
    Mean(u8),
    /// The state itself, turned to phi+ from the announced one.
    Found(Correlations, BellState),
    /// The pair as it was delivered.
    Pair(Correlations),
}

/// Draws for all links of one physics; one for each thread.
#[derive(Debug)]
pub(super) struct Drawer<'a> {
    physics: &'a Physics,
    gap: Geometric,
    /// For sampled states of links whose attempts are independent.
    sampled: Option<HeraldsOfLink<'a>>,
}

/// Number that enters the seeds of a network's links.
const LINKS: u64 = 48;
/// The same for links whose attempts depend on each other.
const DEPENDENT_LINKS: u64 = 51;

/// Where the numbers of one link come from.
#[derive(Debug)]
pub(super) enum Source {
    /// Attempts are independent: a generator is all that is left to remember.
    Independent(Xoshiro),
    /// Detectors remember, the motion heats up or ions are lost: the comb runs on, and heralds are found along it.
    Dependent(Box<Along>),
}

/// Heralds found along a comb.
#[derive(Debug)]
pub(super) struct Along {
    sampler: Sampler<Arc<Link>>,
    /// The last one that was found, and its state turned to phi+.
    found: Option<(u64, Correlations, BellState)>,
}

impl Source {
    pub(super) fn new(physics: &Physics, key: Key, link: u32) -> Result<Self> {
        let block = BlockKey { key, engine: LINKS, block: link.into() };
        if physics.dependence.is_none() {
            return Ok(Self::Independent(block.scalar(0)));
        }
        let [low, high, ..] = BlockKey { engine: DEPENDENT_LINKS, ..block }.words(0);
        let sampler = Sampler::new(Arc::clone(&physics.link), Key([low, high]), EngineChoice::Auto)?;
        Ok(Self::Dependent(Box::new(Along { sampler, found: None })))
    }
}

impl<'a> Drawer<'a> {
    pub(super) fn new(physics: &'a Physics, states: StateChoice) -> Result<Self> {
        if let (Some(error), StateChoice::Mean) = (&physics.dependence, states) {
            return Err(error.clone());
        }
        let independent = physics.dependence.is_none();
        let sampled = (independent && states == StateChoice::Sampled)
            .then(|| HeraldsOfLink::new(&physics.link))
            .transpose()?;
        Ok(Self {
            physics,
            gap: Geometric::from_log_failure(math::ln_1p(-physics.probability.min(1.0))),
            sampled,
        })
    }

    pub(super) fn comb(&self) -> &Comb {
        &self.physics.comb
    }

    /// The attempt of the first herald from this attempt on; nothing before all counting ends, or if the search was stopped.
    pub(super) fn next(
        &self,
        source: &mut Source,
        first: u64,
        going: &mut dyn FnMut() -> bool,
    ) -> Result<Option<u64>> {
        let along = match source {
            Source::Independent(rng) => {
                let gap = self.gap.sample(MOST_ATTEMPTS, rng);
                return Ok(gap.map(|gap| first.saturating_add(gap)));
            }
            Source::Dependent(along) => along,
        };
        // a link that gave up before its herald finds the same again
        if let Some((attempt, ..)) = along.found
            && attempt >= first
        {
            return Ok(Some(attempt));
        }
        // half a picosecond of rounding must not cost an attempt
        let from_s = (seconds(self.comb().start_ps(first)) - 0.75e-12).max(0.0);
        let herald = match along.sampler.next(from_s, going) {
            Ok(herald) => herald,
            // beyond the last countable attempt
            Err(Error::Parameter { .. }) => None,
            Err(error) => return Err(error),
        };
        along.found = herald.map(|herald| {
            let announced = herald.pattern.bell_state;
            (herald.attempt, Correlations::of(&herald.rho).carried(announced, BellState::PhiPlus), announced)
        });
        Ok(along.found.map(|(attempt, ..)| attempt))
    }

    /// What is kept of the herald that was found last.
    pub(super) fn origin(&self, source: &mut Source) -> Result<Origin> {
        let rng = match source {
            Source::Independent(rng) => rng,
            Source::Dependent(along) => {
                let found = along.found.take();
                return found.map(|(_, pair, bell)| Origin::Found(pair, bell)).ok_or_else(lost);
            }
        };
        if let Some(sampled) = &self.sampled {
            return sampled.draw(rng).map(Origin::Seen).ok_or_else(lost);
        }
        let draw = rng.uniform();
        let last = self.physics.mean.len() - 1;
        let found = self.physics.mean.iter().position(|(_, below, _)| draw < *below);
        Ok(Origin::Mean(found.unwrap_or(last) as u8))
    }

    /// The pair that a herald leaves, turned to phi+ in software, and the announced state.
    pub(super) fn pair(&mut self, origin: &Origin) -> Result<(Correlations, BellState)> {
        Ok(match origin {
            Origin::Pair(pair) => (*pair, BellState::PhiPlus),
            Origin::Found(pair, announced) => (*pair, *announced),
            Origin::Mean(index) => {
                let (announced, _, pair) = self.physics.mean[usize::from(*index)];
                (pair, announced)
            }
            Origin::Seen(seen) => {
                let sampled = self.sampled.as_mut().ok_or_else(lost)?;
                let bell = sampled.pattern(seen).bell_state;
                (Correlations::of(&sampled.state(seen)?).carried(bell, BellState::PhiPlus), bell)
            }
        })
    }
}

/// Attempts are counted to here.
const MOST_ATTEMPTS: u64 = 1 << 62;

fn lost() -> Error {
    Error::Model { parameter: "links".into(), message: "a herald without its circumstances".into() }
}
