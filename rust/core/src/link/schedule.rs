//! Schedule: the fixed comb of attempts and the times that follow from it.

use super::params::ScheduleParams;
use crate::check;
use crate::error::{Error, Result};
use crate::math;

/// Thirty years.
const MAX_PERIOD_S: f64 = 1e9;
/// Attempts up to here are exact as floating-point numbers.
const MAX_BURST: u64 = 1 << 53;
/// No trap holds as many ions.
const MAX_IONS: u64 = 1 << 20;
/// Rounding of a sum of decimal inputs.
const ROUNDING: f64 = 1.0 + 4.0 * f64::EPSILON;

/// What the rest of a link adds to a computed period.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Passage {
    /// Longest pulse of the nodes (s).
    pub pulse_duration_s: f64,
    /// Longest delay of the paths to the station (s).
    pub outbound_delay_s: f64,
}

/// A checked comb: bursts of rounds with pauses between them. A round is one attempt, or one with each of several ions.
/// Attempts count from 0, attempt k being that of ion k mod m in round floor(k/m); a herald does not reset the comb.
///
/// Reloading after the loss of an ion holds the comb up: [`Clock`](super::clock::Clock) knows when. What is said of times
/// here leaves it out, but for the means [`Schedule::duty`], [`Schedule::attempt_rate_hz`] and [`Schedule::mean_time_s`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    round_period_s: f64,
    ions_per_round: u64,
    ion_spacing_s: f64,
    rounds_per_burst: Option<u64>,
    pause_s: f64,
    /// Mean number of ion losses.
    loss_per_attempt: f64,
    reload_s: f64,
}

impl Schedule {
    /// Checks what a table says by itself.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the field.
    pub fn check(params: &ScheduleParams) -> Result<()> {
        if let Some(period_s) = params.attempt_period_s {
            check::positive("attempt_period_s", period_s, "s")?;
            check::within("attempt_period_s", period_s, 0.0, MAX_PERIOD_S, "s")?;
        }
        let durations = [
            ("pause_s", params.pause_s),
            ("cooling_s", params.cooling_s),
            ("preparation_s", params.preparation_s),
            ("return_delay_s", params.return_delay_s.unwrap_or(0.0)),
            ("decision_s", params.decision_s),
            ("reload_s", params.reload_s),
        ];
        for (name, duration_s) in durations {
            check::within(name, duration_s, 0.0, MAX_PERIOD_S, "s")?;
        }
        check::rate("ion_loss_rate_hz", params.ion_loss_rate_hz, "1/s")?;
        if let Some(burst) = params.attempts_per_burst
            && !(1..=MAX_BURST).contains(&burst)
        {
            return Err(Error::parameter("attempts_per_burst", burst, format!("in [1, {MAX_BURST}]"), ""));
        }
        if params.attempts_per_burst.is_none() && params.pause_s > 0.0 {
            let domain = "0 unless attempts_per_burst is given";
            return Err(Error::parameter("pause_s", params.pause_s, domain, "s"));
        }
        if !(1..=MAX_IONS).contains(&params.ions_per_round) {
            let domain = format!("in [1, {MAX_IONS}]");
            return Err(Error::parameter("ions_per_round", params.ions_per_round, domain, ""));
        }
        if let Some(spacing_s) = params.ion_spacing_s {
            check::positive("ion_spacing_s", spacing_s, "s")?;
            if params.ions_per_round == 1 {
                let domain = "left out for one ion per round";
                return Err(Error::parameter("ion_spacing_s", spacing_s, domain, "s"));
            }
        }
        if params.attempt_period_s.is_some() {
            for (name, part_s) in [("cooling_s", params.cooling_s), ("preparation_s", params.preparation_s)] {
                if part_s > 0.0 {
                    return Err(Error::parameter(name, part_s, "left out beside attempt_period_s", "s"));
                }
            }
            Self::resolved(params, Passage::default())?;
        }
        Ok(())
    }

    /// Checks the parameters and works the comb out.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the field.
    pub fn new(params: &ScheduleParams, passage: Passage) -> Result<Self> {
        Self::check(params)?;
        Self::resolved(params, passage)
    }

    /// The comb of parameters that are fine by themselves.
    fn resolved(params: &ScheduleParams, passage: Passage) -> Result<Self> {
        let round_period_s = match params.attempt_period_s {
            Some(period_s) => period_s,
            None => computed_period_s(params, passage)?,
        };
        let ions = params.ions_per_round as f64;
        let longest_s = round_period_s / ions;
        let ion_spacing_s = params.ion_spacing_s.unwrap_or(longest_s);
        if ion_spacing_s > longest_s * ROUNDING {
            let domain = format!("at most the period over the number of ions, {longest_s}");
            return Err(Error::parameter("ion_spacing_s", ion_spacing_s, domain, "s"));
        }
        let loss_per_attempt = params.ion_loss_rate_hz * longest_s;
        if loss_per_attempt > 1.0 {
            let domain = format!("at most one loss per attempt, {}", 1.0 / longest_s);
            return Err(Error::parameter("ion_loss_rate_hz", params.ion_loss_rate_hz, domain, "1/s"));
        }
        Ok(Self {
            round_period_s,
            ions_per_round: params.ions_per_round,
            ion_spacing_s,
            rounds_per_burst: params.attempts_per_burst,
            pause_s: params.pause_s,
            loss_per_attempt,
            reload_s: params.reload_s,
        })
    }

    /// End of an attempt (s), of ion i in round r: (r + 1) period + floor(r/N) pause - (m - 1 - i) spacing.
    pub fn time_s(&self, attempt: u64) -> f64 {
        let (round, ion) = self.place(attempt);
        let after_s = (self.ions_per_round - 1 - ion) as f64 * self.ion_spacing_s;
        (round as f64 + 1.0) * self.round_period_s + self.bursts_before(round) as f64 * self.pause_s - after_s
    }

    /// Start of an attempt (s); what goes before the ions of a round belongs to the first of them.
    pub(super) fn begin_s(&self, attempt: u64) -> f64 {
        let begin_s = self.time_s(attempt) - self.ion_spacing_s;
        if attempt.is_multiple_of(self.ions_per_round) { begin_s - self.lead_s() } else { begin_s }
    }

    /// Time from the end of the attempt before `start_attempt` to the end of the last of `attempts` attempts (s); the
    /// pause before the first one belongs to the burst before it.
    pub fn duration_s(&self, start_attempt: u64, attempts: u64) -> f64 {
        if attempts == 0 {
            return 0.0;
        }
        self.time_s(start_attempt.saturating_add(attempts - 1)) - self.begin_s(start_attempt)
    }

    /// Time between the starts of two attempts (s), pauses included; exact differences however late the attempts.
    pub fn between_s(&self, earlier: u64, later: u64) -> f64 {
        let ((first, ion), (last, other)) = (self.place(earlier), self.place(later));
        let pauses = self.bursts_before(last) - self.bursts_before(first);
        let ions_s = (other as f64 - ion as f64) * self.ion_spacing_s;
        (last - first) as f64 * self.round_period_s + pauses as f64 * self.pause_s + ions_s
    }

    /// Whether some attempts follow the one before later than others.
    pub fn pauses(&self) -> bool {
        self.longest_between_s() > self.ion_spacing_s * (1.0 + 1e-9)
    }

    /// Longest time between the starts of two attempts that follow each other (s).
    pub fn longest_between_s(&self) -> f64 {
        let left_s = self.round_period_s - (self.ions_per_round - 1) as f64 * self.ion_spacing_s;
        left_s.max(self.ion_spacing_s) + self.pause_s
    }

    /// The attempt whose cell holds the time `offset_s` (at least 0) after the start of the cell of `attempt`, and the time
    /// since that cell's start (s).
    ///
    /// The cell of an attempt starts with the excitation of its ion and lasts until the next one starts: a pause belongs to
    /// the last attempt of its burst. Attempts beyond the last countable one count as that one.
    pub fn locate(&self, attempt: u64, offset_s: f64) -> (u64, f64) {
        let (round, ion) = self.place(attempt);
        let mut since_s = ion as f64 * self.ion_spacing_s + offset_s;
        let mut first = round;
        if let Some(burst) = self.rounds_per_burst {
            let within = round % burst;
            let cycle_s = burst as f64 * self.round_period_s + self.pause_s;
            since_s += within as f64 * self.round_period_s;
            let cycles = (since_s / cycle_s).floor();
            since_s -= cycles * cycle_s;
            first = (round - within).saturating_add((cycles as u64).saturating_mul(burst));
        }
        let last = self.rounds_per_burst.map_or(u64::MAX, |burst| burst - 1);
        let rounds = ((since_s / self.round_period_s) as u64).min(last);
        since_s -= rounds as f64 * self.round_period_s;
        let ion = ((since_s / self.ion_spacing_s) as u64).min(self.ions_per_round - 1);
        let mut found = first.saturating_add(rounds).saturating_mul(self.ions_per_round).saturating_add(ion);
        // the divisions round; distances decide
        found = found.max(attempt);
        for _ in 0..2 {
            if found > attempt && self.between_s(attempt, found) > offset_s {
                found -= 1;
            } else if found < u64::MAX && self.between_s(attempt, found + 1) <= offset_s {
                found += 1;
            }
        }
        (found, (offset_s - self.between_s(attempt, found)).max(0.0))
    }

    /// Shortest time from one attempt to the next (s): that between two ions of a round, or between rounds of one ion.
    pub fn attempt_period_s(&self) -> f64 {
        self.ion_spacing_s
    }

    /// Time from one round to the next inside a burst (s).
    pub fn round_period_s(&self) -> f64 {
        self.round_period_s
    }

    /// Ions of each node that are excited in a round.
    pub fn ions_per_round(&self) -> u64 {
        self.ions_per_round
    }

    /// Rounds between two pauses; nothing without pauses.
    pub fn rounds_per_burst(&self) -> Option<u64> {
        self.rounds_per_burst
    }

    /// Pause after each burst (s).
    pub fn pause_s(&self) -> f64 {
        self.pause_s
    }

    /// Mean number of ion losses in an attempt.
    pub fn loss_per_attempt(&self) -> f64 {
        self.loss_per_attempt
    }

    /// Time that a loss costs (s).
    pub fn reload_s(&self) -> f64 {
        self.reload_s
    }

    /// Whether losses hold the comb up.
    pub fn is_interrupted(&self) -> bool {
        self.loss_per_attempt > 0.0 && self.reload_s > 0.0
    }

    /// Share of the time that is spent on attempts: N period/(N period + pause), times 1/(1 + l t/t_attempt) for l losses
    /// per attempt that cost t each and the mean time t_attempt per attempt without them.
    pub fn duty(&self) -> f64 {
        let (duty, round_s) = self.rounds_per_burst.map_or((1.0, self.round_period_s), |burst| {
            let busy_s = burst as f64 * self.round_period_s;
            (busy_s / (busy_s + self.pause_s), self.round_period_s + self.pause_s / burst as f64)
        });
        duty / (1.0 + self.loss_per_attempt * self.reload_s * self.ions_per_round as f64 / round_s)
    }

    /// Attempts per second, pauses and reloading included (1/s).
    pub fn attempt_rate_hz(&self) -> f64 {
        self.duty() / self.round_period_s * self.ions_per_round as f64
    }

    /// Probability per attempt of a herald that is the first of its round: (1 - (1 - p)^m)/m.
    ///
    /// Source: docs/physics.md, Timing.
    pub fn first_of_round(&self, probability: f64) -> f64 {
        if self.ions_per_round == 1 {
            return probability;
        }
        let ions = self.ions_per_round as f64;
        -math::exp_m1(ions * math::ln_1p(-probability)) / ions
    }

    /// Number of attempts that have ended after `duration_s`, counted from attempt 0.
    pub fn attempts_within(&self, duration_s: f64) -> u64 {
        let (rounds, rest_s) = match self.rounds_per_burst {
            None => {
                let rounds = (duration_s / self.round_period_s).floor();
                (rounds as u64, duration_s - rounds * self.round_period_s)
            }
            Some(burst) => {
                let cycle_s = burst as f64 * self.round_period_s + self.pause_s;
                let cycles = (duration_s / cycle_s).floor();
                let rest_s = duration_s - cycles * cycle_s;
                let rounds = (rest_s / self.round_period_s).floor();
                // nothing is tried in a pause
                let rest_s = if rounds < burst as f64 { rest_s - rounds * self.round_period_s } else { 0.0 };
                let rounds = (rounds as u64).min(burst);
                ((cycles as u64).saturating_mul(burst).saturating_add(rounds), rest_s)
            }
        };
        let mut count = rounds.saturating_mul(self.ions_per_round);
        if self.ions_per_round > 1 {
            let ions = ((rest_s - self.lead_s()) / self.ion_spacing_s).floor() as u64;
            count = count.saturating_add(ions.min(self.ions_per_round));
        }
        // The division rounds; the comb itself decides, as far as floating-point times tell attempts apart.
        for _ in 0..4 {
            if count > 0 && self.time_s(count - 1) > duration_s {
                count -= 1;
            } else if count < u64::MAX && self.time_s(count) <= duration_s {
                count += 1;
            }
        }
        count
    }

    /// Mean time to the first herald (s) if every attempt heralds with probability p, the heralds that are dropped because
    /// they are not the first of their round included.
    ///
    /// With P = 1 - (1 - p)^m per round, Q = (1 - p)^(m N), l losses per attempt that cost t each:
    /// period/P + pause Q/(1 - Q) - spacing (mean number of ions after the one that heralds) + l t (1 - p)/p.
    ///
    /// Source: geometric waiting time; a pause falls due after every N failures (docs/physics.md, Timing).
    pub fn mean_time_s(&self, herald_probability: f64) -> f64 {
        if herald_probability <= 0.0 {
            return f64::INFINITY;
        }
        let ions = self.ions_per_round as f64;
        let rounds_s = self.round_period_s / (ions * self.first_of_round(herald_probability));
        let pauses = self.rounds_per_burst.filter(|_| herald_probability < 1.0).map_or(0.0, |burst| {
            let log_failure = burst as f64 * ions * math::ln_1p(-herald_probability);
            -math::exp(log_failure) / math::exp_m1(log_failure)
        });
        let mut mean_s = rounds_s + pauses * self.pause_s;
        if self.ions_per_round > 1 {
            let rate = -math::ln_1p(-herald_probability);
            // the ion that heralds is geometric, cut off at m: 1/(e^x - 1) - m/(e^(m x) - 1) ions before it
            let after = 0.5 * (ions - 1.0) - planck(rate) + ions * planck(ions * rate);
            mean_s -= after * self.ion_spacing_s;
        }
        if self.is_interrupted() {
            let failures = (1.0 - herald_probability) / herald_probability;
            mean_s += self.loss_per_attempt * self.reload_s * failures;
        }
        mean_s
    }

    /// Time of a round before its first ion (s).
    fn lead_s(&self) -> f64 {
        (self.round_period_s - self.ions_per_round as f64 * self.ion_spacing_s).max(0.0)
    }

    /// Round of an attempt and ion in it.
    fn place(&self, attempt: u64) -> (u64, u64) {
        match self.ions_per_round {
            1 => (attempt, 0),
            ions => (attempt / ions, attempt % ions),
        }
    }

    fn bursts_before(&self, round: u64) -> u64 {
        self.rounds_per_burst.map_or(0, |burst| round / burst)
    }
}

/// Sum of the parts of a period (s).
fn computed_period_s(params: &ScheduleParams, passage: Passage) -> Result<f64> {
    let period_s = params.cooling_s
        + params.preparation_s
        + passage.pulse_duration_s
        + passage.outbound_delay_s
        + params.return_delay_s.unwrap_or(passage.outbound_delay_s)
        + params.decision_s;
    if period_s <= 0.0 {
        let domain = "given, or above 0 as the sum of cooling, preparation, pulse, path delays and decision";
        return Err(Error::parameter("attempt_period_s", period_s, domain, "s"));
    }
    check::within("attempt_period_s", period_s, 0.0, MAX_PERIOD_S, "s")
}

/// 1/(e^x - 1) - 1/x + 1/2, without the cancellation at small x.
fn planck(x: f64) -> f64 {
    if x < 0.1 {
        // Bernoulli numbers; the next term is below 1e-17
        let y = x * x;
        return x
            * (1.0 / 12.0
                - y * (1.0 / 720.0 - y * (1.0 / 30240.0 - y * (1.0 / 1_209_600.0 - y / 47_900_160.0))));
    }
    1.0 / math::exp_m1(x) - 1.0 / x + 0.5
}

#[cfg(test)]
mod tests;
