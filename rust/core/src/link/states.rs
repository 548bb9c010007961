//! The states of heralds given what was recorded of them, their densities, sums and mean fidelities.

use super::Link;
use super::conditional::{Conditional, Seen};
use super::record::{Given, Records};
use super::waves::Grid;
use crate::check;
use crate::encoding::SLOTS;
use crate::error::{Error, Result};
use crate::estimate::{self, Estimate};
use crate::herald::Cause;
use crate::pages;
use crate::state::{self, State};

impl Link {
    /// Names of the columns of [`Records`] that states of this link need beside pattern, cause and click times.
    pub fn hidden_columns(&self) -> Vec<&'static str> {
        let all =
            [("blind_s", self.recall.orders), ("jitter_s", self.jitters), ("afterpulses", self.afterpulses)];
        all.into_iter().filter_map(|(name, needed)| needed.then_some(name)).collect()
    }

    /// The ions' states given click times and, unless `given` says otherwise, cause: one 4x4 matrix per record.
    ///
    /// # Errors
    /// [`Error::Parameter`] when columns differ in length or a record is not one of this link.
    pub fn states(&self, records: Records<'_>, given: Given) -> Result<Vec<State>> {
        let mut states = Self::room_for_states(records.pattern.len());
        self.add_states(records, given, &mut states)?;
        Ok(states)
    }

    /// Adds the states of heralds, given their causes, to the sum of their announced Bell state.
    ///
    /// # Errors
    /// As [`Link::states`].
    pub fn sum_states(&self, records: Records<'_>, sums: &mut [State; 4]) -> Result<()> {
        self.each_state(records, Given::Cause, |index, rho| {
            let pattern = &self.patterns[usize::from(records.pattern[index])];
            state::add(&mut sums[pattern.bell_state as usize], rho, 1.0);
        })
    }

    /// Room for this many states, 256 bytes each.
    pub fn room_for_states(count: usize) -> Vec<State> {
        pages::with_room_for(count)
    }

    /// Adds the states of more records, as [`Link::states`] gives them; in parts, so that a caller can look after other things
    /// in between.
    ///
    /// # Errors
    /// As [`Link::states`].
    pub fn add_states(&self, records: Records<'_>, given: Given, states: &mut Vec<State>) -> Result<()> {
        self.each_state(records, given, |_, state| states.push(*state))
    }

    /// Hands every state over with the number of its record.
    pub(super) fn each_state(
        &self,
        records: Records<'_>,
        given: Given,
        mut visit: impl FnMut(usize, &State),
    ) -> Result<()> {
        let Records { attempt, pattern, cause, click_time_s, blind_s, jitter_s, afterpulses } = records;
        let count = pattern.len();
        let lengths = [
            ("attempt", attempt.len(), self.motion.heats()),
            ("cause", cause.len(), true),
            ("click_time_s", click_time_s.len(), true),
            ("blind_s", blind_s.len(), self.recall.orders),
            ("jitter_s", jitter_s.len(), self.jitters),
            ("afterpulses", afterpulses.len(), self.afterpulses),
        ];
        for (name, length, needed) in lengths {
            if length != count && (needed || length != 0) {
                let domain = format!("as long as pattern ({count})");
                return Err(Error::parameter(name, format!("{length} records"), domain, ""));
            }
        }
        if given == Given::Record && self.afterpulses {
            return Err(Error::Model {
                parameter: "given".into(),
                message: "which clicks are afterpulses follows from all clicks before, not from the record of a herald: \
                          states of detectors with afterpulses are given the cause"
                    .into(),
            });
        }
        let patterns = self.patterns();
        let inside = |time: &f64| (0.0..=self.window.duration_s()).contains(time);
        for index in 0..count {
            let known =
                usize::from(pattern[index]) < patterns.len() && usize::from(cause[index]) < Cause::ALL.len();
            let blind = blind_s.get(index).is_none_or(|blind| blind.iter().all(inside));
            if !known || !blind {
                return Err(impossible(index));
            }
            let slots = patterns[usize::from(pattern[index])].slots;
            for column in 0..2 {
                let recorded_s = click_time_s[index][column];
                let came_s = jitter_s
                    .get(index)
                    .map_or(recorded_s, |late_s| came(recorded_s, late_s[column], self.window.duration_s()));
                let fits = if slots[column].is_some() { inside(&came_s) } else { recorded_s.is_nan() };
                if !fits {
                    return Err(impossible(index));
                }
            }
        }
        let mut finder = Finder::new(self, given)?;
        let (timeless, start_s) = (finder.timeless(&records), self.window.start_s);
        for index in 0..count {
            let state = match timeless {
                Some(from_s) if tells_nothing(cause[index], &click_time_s[index], start_s, from_s) => {
                    finder.plain(usize::from(pattern[index]), from_s)
                }
                _ => finder.timed(&records, index),
            };
            visit(index, state.ok_or_else(|| impossible(index))?);
        }
        Ok(())
    }

    /// Joint density of click times and ions for one accepted pattern and cause: for each record an unnormalized state whose
    /// trace is the density (1/s for each click) per attempt of clicks at these times (s, from the opening of the window).
    ///
    /// Integrated over the times it is the operator of [`PatternOutcome`](super::exact::PatternOutcome); with several ions
    /// per round, before heralds that are not the first of their round are dropped. Of wave packets
    /// without closed form, photons hidden behind dark counts enter with a relative error of about 1e-3.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a pattern number that the link does not accept or times outside the window.
    pub fn density(&self, pattern: usize, cause: Cause, click_time_s: &[[f64; 2]]) -> Result<Vec<State>> {
        let Some(&pattern) = self.patterns.get(pattern) else {
            let domain = format!("below {}", self.patterns.len());
            return Err(Error::parameter("pattern", pattern, domain, ""));
        };
        let conditional = Conditional::new(self, Grid::Coarse)?;
        let start_s = self.window.start_s;
        let density = |times: &[f64; 2]| {
            for (column, slot) in pattern.clicks() {
                let slack_s = 9.0 * self.slots[slot].timing_jitter_s;
                let (low, high) = (-slack_s, self.window.duration_s() + slack_s);
                check::within("click_time_s", times[column], low, high, "s")?;
            }
            let times_s = times.map(|time| time + start_s);
            let seen = Seen::at(self, pattern, times_s);
            let (density, _) = conditional.recorded(&seen, &times_s, Some(cause))[cause as usize];
            Ok(self.finished(&density, pattern.bell_state))
        };
        click_time_s.iter().map(density).collect()
    }

    /// Mean fidelity of heralds to their announced Bell states, with its 95 % interval.
    ///
    /// # Errors
    /// As [`Link::states`].
    pub fn sampled_fidelity(&self, records: Records<'_>) -> Result<Estimate> {
        let mut mean = FidelityMean::default();
        self.add_fidelities(records, &mut mean)?;
        Ok(mean.estimate())
    }

    /// Takes more heralds into a mean fidelity; in parts, so that a caller can look after other things in between.
    ///
    /// # Errors
    /// As [`Link::states`].
    pub fn add_fidelities(&self, records: Records<'_>, mean: &mut FidelityMean) -> Result<()> {
        self.each_state(records, Given::Cause, |index, rho| {
            mean.add(state::overlap(rho, self.patterns[usize::from(records.pattern[index])].bell_state));
        })
    }
}

/// Finds the states of records that the link can make, one after the other.
#[derive(Debug)]
pub(super) struct Finder<'a> {
    link: &'a Link,
    given: Given,
    conditional: Conditional<'a>,
    /// Where no time tells anything, two counted photons leave one state for each pattern; from this time on (s).
    timeless_from_s: Option<f64>,
    /// These states, as far as they were asked for.
    known: Vec<Option<State>>,
    last: State,
}

impl<'a> Finder<'a> {
    /// # Errors
    /// [`Error::Model`] as [`Conditional::new`].
    pub(super) fn new(link: &'a Link, given: Given) -> Result<Self> {
        let conditional = Conditional::new(link, Grid::Coarse)?;
        let timeless_from_s = if given == Given::Cause { conditional.timeless_from_s() } else { None };
        let known = vec![None; link.patterns.len()];
        Ok(Self { link, given, conditional, timeless_from_s, known, last: state::ZERO })
    }

    /// The state of one record; nothing for one that the link cannot make.
    pub(super) fn state(&mut self, records: &Records<'_>, index: usize) -> Option<&State> {
        let start_s = self.link.window.start_s;
        match self.timeless(records) {
            Some(from_s)
                if tells_nothing(records.cause[index], &records.click_time_s[index], start_s, from_s) =>
            {
                self.plain(usize::from(records.pattern[index]), from_s)
            }
            _ => self.timed(records, index),
        }
    }

    /// The time (s) from which on clicks of two photons tell nothing, in records like these, if there is one.
    fn timeless(&self, records: &Records<'_>) -> Option<f64> {
        self.timeless_from_s.filter(|_| records.jitter_s.is_empty() && records.blind_s.is_empty())
    }

    /// The state of a pattern whose times tell nothing.
    #[inline]
    fn plain(&mut self, number: usize, from_s: f64) -> Option<&State> {
        let known = &mut self.known[number];
        if known.is_none() {
            // of a record of its own, so that no bit depends on which record comes first
            let times_s = [from_s.max(self.link.window.start_s); 2];
            let seen = Seen::at(self.link, self.link.patterns[number], times_s);
            *known = self.conditional.state(&seen, &times_s, Some(Cause::PhotonPhoton));
        }
        known.as_ref()
    }

    /// The state of a record whose times tell something.
    #[inline(never)]
    fn timed(&mut self, records: &Records<'_>, index: usize) -> Option<&State> {
        let Records { attempt, pattern, cause, click_time_s, blind_s, jitter_s, afterpulses } = *records;
        let (link, start_s) = (self.link, self.link.window.start_s);
        let number = usize::from(pattern[index]);
        let recorded_s = click_time_s[index].map(|time| time + start_s);
        let mut times_s = recorded_s;
        if let Some(late_s) = jitter_s.get(index) {
            for column in 0..2 {
                let came_s = came(click_time_s[index][column], late_s[column], link.window.duration_s());
                times_s[column] = start_s + came_s;
            }
        }
        let seen = Seen {
            pattern: link.patterns[number],
            times_s,
            open_s: blind_s.get(index).map_or([start_s; SLOTS], |blind| blind.map(|time| time + start_s)),
            afterpulses: afterpulses.get(index).copied().unwrap_or(0),
            recoil: attempt.get(index).map_or_else(|| link.motion.mean(), |k| link.motion.at(*k)),
        };
        let cause = match self.given {
            Given::Cause => Some(Cause::ALL[usize::from(cause[index])]),
            Given::Record => None,
        };
        self.last = self.conditional.state(&seen, &recorded_s, cause)?;
        Some(&self.last)
    }
}

/// Whether a record is of two photons that were both counted where times tell nothing.
#[inline]
fn tells_nothing(cause: u8, click_time_s: &[f64; 2], start_s: f64, from_s: f64) -> bool {
    cause == Cause::PhotonPhoton as u8 && click_time_s.iter().all(|time_s| time_s + start_s >= from_s)
}

/// When a click came that was recorded this much later; rounding does not carry it out of the window.
fn came(recorded_s: f64, late_s: f64, duration_s: f64) -> f64 {
    // what is left of a time after jitter has been added and taken away
    let rounding_s = 4.0 * f64::EPSILON * (recorded_s.abs() + late_s.abs());
    let came_s = recorded_s - late_s;
    if came_s < 0.0 && came_s > -rounding_s {
        0.0
    } else if came_s > duration_s && came_s < duration_s + rounding_s {
        duration_s
    } else {
        came_s
    }
}

pub(super) fn impossible(index: usize) -> Error {
    let domain = "one that this link can make, with its patterns, causes and click times";
    Error::parameter("record", format!("record {index}"), domain, "")
}

/// Mean and spread of fidelities by Welford's recurrence: no cancellation for nearly equal numbers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FidelityMean {
    count: u64,
    center: f64,
    squares: f64,
}

impl FidelityMean {
    fn add(&mut self, value: f64) {
        self.count += 1;
        let offset = value - self.center;
        self.center += offset / self.count as f64;
        self.squares += offset * (value - self.center);
    }

    /// The mean with its 95 % interval.
    pub fn estimate(&self) -> Estimate {
        estimate::bounded_mean(self.count, self.center * self.count as f64, self.squares)
    }
}
