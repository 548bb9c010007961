//! Heralds without their attempts, one at a time: what simulators draw that decide themselves when a link attempts.

use super::Link;
use super::attempt::Heralded;
use super::herald::HeraldEngine;
use super::record::{Given, Records};
use super::states::Finder;
use crate::encoding::SLOTS;
use crate::error::{Error, Result};
use crate::herald::{Cause, Pattern};
use crate::simd::Level;
use crate::state::State;
use crate::stream::{Geometric, Xoshiro};

/// What the station shows of a herald, and what made it.
#[derive(Debug, Clone, PartialEq)]
pub struct Circumstances {
    /// Number of the accepted pattern.
    pub pattern: u8,
    /// What made the clicks.
    pub cause: Cause,
    /// Click times (s), from the opening of the window.
    pub click_time_s: [f64; 2],
    /// What no laboratory sees, of links whose states depend on it.
    hidden: Option<Box<Hidden>>,
}

/// What no laboratory sees of a herald.
#[derive(Debug, Clone, PartialEq)]
struct Hidden {
    /// How much later than it came each click was recorded (s).
    jitter_s: [f64; 2],
    /// From the opening of the window until each slot was ready (s).
    blind_s: [f64; SLOTS],
}

impl Circumstances {
    /// What no laboratory sees, as plain numbers: jitters of both clicks (s), then until when each slot was blind (s).
    pub(crate) fn hidden(&self) -> Option<[f64; 2 + SLOTS]> {
        let Hidden { jitter_s: [first, second], blind_s: [a, b, c, d] } = **self.hidden.as_ref()?;
        Some([first, second, a, b, c, d])
    }

    /// The same with what no laboratory sees.
    pub(crate) fn with_hidden(mut self, hidden: Option<[f64; 2 + SLOTS]>) -> Self {
        self.hidden = hidden.map(|[first, second, a, b, c, d]| {
            Box::new(Hidden { jitter_s: [first, second], blind_s: [a, b, c, d] })
        });
        self
    }

    /// What the station shows, and what made it.
    pub(crate) fn seen(pattern: u8, cause: Cause, click_time_s: [f64; 2]) -> Self {
        Self { pattern, cause, click_time_s, hidden: None }
    }
}

/// Draws heralds of a link whose attempts are independent: how many attempts fail before one, what it looks like, what state it
/// leaves. Everything that does not depend on the single herald is found once.
#[derive(Debug)]
pub struct HeraldsOfLink<'a> {
    link: &'a Link,
    engine: HeraldEngine<'a>,
    finder: Finder<'a>,
}

impl<'a> HeraldsOfLink<'a> {
    /// # Errors
    /// [`Error::Model`] where attempts depend on each other or `exact` would take too long.
    pub fn new(link: &'a Link) -> Result<Self> {
        if let Some(error) = link.dependence() {
            return Err(error);
        }
        Ok(Self {
            link,
            engine: HeraldEngine::new(link, Level::chosen()?)?,
            finder: Finder::new(link, Given::Cause)?,
        })
    }

    /// The number of failures before a herald.
    pub fn gap(&self) -> &Geometric {
        self.engine.gap()
    }

    /// Circumstances of a herald; nothing for a link that never heralds.
    pub fn draw(&self, rng: &mut Xoshiro) -> Option<Circumstances> {
        let Heralded { pattern, cause, click_time_s, blind_s, jitter_s, .. } = self.engine.draw_one(rng)?;
        let needed = self.link.jitters || self.link.recall.orders;
        let hidden = needed.then(|| Box::new(Hidden { jitter_s, blind_s }));
        Some(Circumstances { pattern, cause, click_time_s, hidden })
    }

    /// The pattern of a herald.
    pub fn pattern(&self, seen: &Circumstances) -> Pattern {
        self.link.patterns()[usize::from(seen.pattern)]
    }

    /// The state that a herald leaves the ions in.
    ///
    /// # Errors
    /// [`Error::Parameter`] for circumstances of another link.
    pub fn state(&mut self, seen: &Circumstances) -> Result<State> {
        let link = self.link;
        let count = |has: bool| usize::from(has);
        let (jitter_s, blind_s) =
            seen.hidden.as_ref().map_or(([0.0; 2], [0.0; SLOTS]), |hidden| (hidden.jitter_s, hidden.blind_s));
        let records = Records {
            attempt: &[],
            pattern: &[seen.pattern],
            cause: &[seen.cause as u8],
            click_time_s: &[seen.click_time_s],
            blind_s: &[blind_s][..count(link.recall.orders)],
            jitter_s: &[jitter_s][..count(link.jitters)],
            afterpulses: &[0][..count(link.afterpulses)],
        };
        let known = usize::from(seen.pattern) < link.patterns.len();
        let state = if known { self.finder.state(&records, 0).copied() } else { None };
        state.ok_or_else(|| super::states::impossible(0))
    }
}

impl Link {
    /// Why attempts are not independent of each other, if they are not.
    pub fn dependence(&self) -> Option<Error> {
        self.memory().or_else(|| self.heating())
    }
}
