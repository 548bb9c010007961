//! Waiting: what storage does to one qubit of a pair, step by step.

use super::comb::seconds;
use crate::error::Result;
use crate::math;
use crate::memory::{Decay, Memory, MemoryParams};
use crate::state::Correlations;

/// The law by which one stored qubit decays. Steps may be of any length: what two of them do is what one as long as both does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Law {
    /// 1/s; zero without.
    t1_rate: f64,
    t2_rate: f64,
    gaussian: bool,
    offset_rad_per_s: f64,
    loss_rate: f64,
}

impl Law {
    /// Nothing happens.
    pub(super) const NONE: Self =
        Self { t1_rate: 0.0, t2_rate: 0.0, gaussian: false, offset_rad_per_s: 0.0, loss_rate: 0.0 };

    /// The law of a memory: its T1, T2 as decoupling prolongs it, field offset and loss. Errors of decoupling pulses belong to
    /// the wait for the herald, which the link knows.
    pub(super) fn new(params: &MemoryParams) -> Result<Self> {
        Memory::new(params, 0.0)?;
        Ok(Self {
            t1_rate: 1.0 / params.t1_s,
            t2_rate: 1.0 / params.prolonged_t2_s(),
            gaussian: params.decay == Decay::Gaussian,
            offset_rad_per_s: params.frequency_offset_rad_per_s,
            loss_rate: params.loss_rate_hz,
        })
    }

    /// Whether it tells |0> from |1>, or the directions of phases: then it matters whether a qubit waits as it is noted or flipped.
    pub(super) fn has_poles(&self) -> bool {
        self.t1_rate > 0.0 || self.offset_rad_per_s != 0.0
    }

    /// Applies the wait from one age to another to a qubit of a pair; `flipped` if its ion waits in the other state than the pair
    /// notes, because a correction by X or Y has only been noted.
    pub(super) fn apply(
        &self,
        pair: &mut Correlations,
        qubit: usize,
        flipped: bool,
        from_ps: u64,
        to_ps: u64,
    ) {
        if to_ps <= from_ps || *self == Self::NONE {
            return;
        }
        let (from_s, to_s) = (seconds(from_ps), seconds(to_ps));
        let wait_s = seconds(to_ps - from_ps);
        let sign = if flipped { -1.0 } else { 1.0 };
        if self.t1_rate > 0.0 {
            let there = sign * math::exp(-self.loss_rate * from_s);
            *pair = pair.decayed_if_there(qubit, -math::exp_m1(-wait_s * self.t1_rate), there);
        }
        let exponent = if self.gaussian {
            // (t2² - t1²)/T² without cancellation
            wait_s * self.t2_rate * ((from_s + to_s) * self.t2_rate)
        } else {
            wait_s * self.t2_rate
        };
        let kept = math::exp(-(exponent + 0.5 * wait_s * self.t1_rate));
        if self.offset_rad_per_s == 0.0 {
            *pair = pair.shrunk(qubit, [kept, kept, 1.0]);
        } else {
            *pair = pair.turned(qubit, math::phase(sign * self.offset_rad_per_s * wait_s) * kept);
        }
        if self.loss_rate > 0.0 {
            *pair = pair.depolarized(qubit, math::exp(-self.loss_rate * wait_s));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Storage;
    use crate::state::{BellState, State};
    use crate::tree::AutoOr;

    fn params(decay: Decay) -> MemoryParams {
        MemoryParams {
            t1_s: 2.0,
            t2_s: 0.3,
            decay,
            loss_rate_hz: 0.5,
            frequency_offset_rad_per_s: 3.0,
            ..MemoryParams::default()
        }
    }

    #[test]
    fn two_steps_are_one_and_what_a_link_makes_of_the_same_memory() {
        for decay in [Decay::Exponential, Decay::Gaussian] {
            let params = params(decay);
            let law = Law::new(&params).unwrap();
            // no Bell state, so that everything shows
            let start = Correlations([
                [1.0, 0.1, -0.2, 0.3],
                [0.0, 0.5, 0.1, 0.0],
                [0.2, 0.0, -0.4, 0.1],
                [0.1, 0.2, 0.0, 0.6],
            ]);
            for qubit in 0..2 {
                let (mut once, mut twice) = (start, start);
                law.apply(&mut once, qubit, false, 0, 200_000_000_000);
                law.apply(&mut twice, qubit, false, 0, 70_000_000_000);
                law.apply(&mut twice, qubit, false, 70_000_000_000, 200_000_000_000);
                let waiting = MemoryParams { wait_s: AutoOr::Given(0.2), ..params.clone() };
                let mut ions = [Memory::none(); 2];
                ions[qubit] = Memory::new(&waiting, 0.0).unwrap();
                let of_link: State = Storage::new(ions, f64::INFINITY).apply(&start.state());
                let of_link = Correlations::of(&of_link);
                for p in 0..4 {
                    for q in 0..4 {
                        assert!((once.0[p][q] - twice.0[p][q]).abs() < 1e-14, "{decay:?}");
                        assert!((once.0[p][q] - of_link.0[p][q]).abs() < 1e-14, "{decay:?} {p} {q}");
                    }
                }
                assert!(once.fidelity(BellState::PhiPlus) < start.fidelity(BellState::PhiPlus));
                // a qubit noted flipped decays as if turned, left to wait, and turned back
                let (mut flipped, turned) = (start, start.shrunk(qubit, [1.0, -1.0, -1.0]));
                law.apply(&mut flipped, qubit, true, 0, 200_000_000_000);
                let mut expected = turned;
                law.apply(&mut expected, qubit, false, 0, 200_000_000_000);
                let expected = expected.shrunk(qubit, [1.0, -1.0, -1.0]);
                for p in 0..4 {
                    for q in 0..4 {
                        assert!((flipped.0[p][q] - expected.0[p][q]).abs() < 1e-15, "{decay:?} {p} {q}");
                    }
                }
            }
        }
    }
}
