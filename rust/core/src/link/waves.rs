//! Waves: what two photons do in time, window by window.
//!
//! Every operator on the ions is a product of Gram matrices (where photons go) and of integrals of the photons' temporal
//! coherence rho_s(t, t') (when they come). Three kinds of integrals occur, each at a time or from a time to the window's
//! end ([`Span`]); static phases are left out throughout, they are put back by [`Link::finished`](super::Link).
//!
//! Plain exponential photons have closed forms, by divided differences of the exponential; all others go through Gauss's
//! rule between the points where they are not smooth. What recoil leaves of an exchange is a sum of beats for the former, a
//! factor of the integrand for the latter.

mod closed;
mod edges;
mod quadrature;
mod table;
#[cfg(test)]
mod tests;

use crate::emission::{Exponential, WavePacket};
use crate::math::{self, gauss_rule};
use crate::motion::{Motion, Recoil};
use edges::Edges;
pub(crate) use edges::{ends_of_pieces, put_in_order};
use num_complex::Complex64;
use std::sync::OnceLock;

/// A point of time, or all times from it to the window's end (s).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Span {
    /// At this time: the integrand itself.
    At(f64),
    /// From this time on: its integral.
    From(f64),
}

/// How finely integrals without closed form are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grid {
    /// Relative errors of about 1e-11, for exact results.
    Fine,
    /// Relative errors of about 1e-5 of terms that are corrections themselves: dark counts hiding photons in states.
    Coarse,
}

/// Two photons exchanged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Swap<'a> {
    /// Frequencies at the first and the second time, in units of the mode splitting.
    pub(crate) deltas: [i32; 2],
    /// Bins from the first to the second slot, where ions recoil.
    pub(crate) bins: i32,
    pub(crate) recoil: &'a Recoil<'a>,
}

impl Swap<'_> {
    /// Number of the frequencies and bins.
    fn index(&self) -> usize {
        let [row, column] = self.deltas;
        (9 * (self.bins + 1) + 3 * (row + 1) + column + 1) as usize
    }
}

/// Numbers of frequencies and bins.
const SWAPS: usize = 27;
type OfSwaps<T> = [OnceLock<T>; SWAPS];

/// The waves of both photons of an attempt, up to the end of the window.
#[derive(Debug, Clone)]
pub(crate) struct Waves {
    packets: [Option<WavePacket>; 2],
    /// Both, if they are plain exponentials that beat with few frequencies of motion.
    plain: Option<[Exponential; 2]>,
    end_s: f64,
    /// Angular frequency of mode 1 above mode 0 (rad/s).
    splitting: f64,
    mode_overlap: f64,
    /// Both waves are present from here on (s).
    both_from_s: f64,
    /// w_A - w_B (rad/s).
    detuning: f64,
    /// g_A + g_B (1/s).
    dephasing: f64,
    /// (1/tau_A + 1/tau_B)/2 (1/s).
    decay: f64,
    /// Edges between which a Gauss rule holds, for waves without closed form.
    edges_s: Vec<f64>,
    rule: &'static [(f64, f64)],
    /// Exchange over the whole window with the mean recoil.
    whole: OfSwaps<Complex64>,
    start_s: f64,
    /// Whether the beats are too fast for a coarse grid: then what is integrated over time averages out.
    unresolved: bool,
    /// Whether the motion is.
    blurred: bool,
    /// The integrand of [`Waves::two`] at all pairs of points of a coarse grid.
    table: OfSwaps<Vec<Complex64>>,
    /// Its integral over the second, or the first, time from the window's opening on, at the grid's points.
    line: [OfSwaps<Vec<Complex64>>; 2],
    /// Its integrals from each grid point on: over the second time, over the first, over both.
    integrals: [OfSwaps<Vec<Complex64>>; 3],
    /// Integrals of one photon's beat from each grid point on, by node and sign of its frequency.
    beats: [[OnceLock<Vec<Complex64>>; 2]; 2],
}

impl Waves {
    pub(crate) fn new(
        packets: [Option<WavePacket>; 2],
        window: [f64; 2],
        splitting: f64,
        mode_overlap: f64,
        motion: &Motion,
        grid: Grid,
    ) -> Self {
        let exponential = |node: usize| packets[node].as_ref().and_then(WavePacket::exponential_parts);
        let beats_close = match grid {
            Grid::Fine => motion.is_closed(),
            Grid::Coarse => motion.is_closed_for_records(splitting != 0.0),
        };
        let plain = exponential(0).zip(exponential(1)).map(|(a, b)| [a, b]).filter(|_| beats_close);
        let from = |node: usize| packets[node].as_ref().map_or(f64::NEG_INFINITY, WavePacket::from_s);
        let of = |node: usize, value: fn(&WavePacket) -> f64| packets[node].as_ref().map_or(0.0, value);
        let (order, step) = match grid {
            // pieces of at most two decays, of a standard deviation of Gaussian edges, of three radians of every beat
            Grid::Fine => (8, 2.0),
            Grid::Coarse => (COARSE_ORDER, 4.0),
        };
        let closed = packets.iter().flatten().all(|packet| packet.exponential_parts().is_some())
            && (plain.is_some() || packets.iter().any(Option::is_none));
        let Edges { times_s: edges_s, unresolved, blurred } = if closed {
            Edges::default()
        } else {
            Edges::new(&packets, window, splitting, motion, grid, step)
        };
        Self {
            both_from_s: from(0).max(from(1)),
            detuning: of(0, |packet| packet.detuning_rad_per_s) - of(1, |packet| packet.detuning_rad_per_s),
            dephasing: of(0, |packet| packet.dephasing_rate_hz) + of(1, |packet| packet.dephasing_rate_hz),
            decay: plain.map_or(0.0, |[a, b]| 0.5 * (1.0 / a.lifetime_s + 1.0 / b.lifetime_s)),
            plain,
            packets,
            end_s: window[1],
            splitting,
            mode_overlap,
            edges_s,
            rule: gauss_rule(order),
            whole: Default::default(),
            start_s: window[0],
            unresolved,
            blurred,
            table: Default::default(),
            line: Default::default(),
            integrals: Default::default(),
            beats: Default::default(),
        }
    }

    /// Points of the one-dimensional grid; zero for closed forms.
    pub(crate) fn points(&self) -> usize {
        self.edges_s.len().saturating_sub(1) * self.rule.len()
    }

    /// Whether a coarse grid cannot follow the motion.
    pub(crate) fn are_blurred(&self) -> bool {
        self.blurred
    }

    /// One photon: |f_s(t)|² exp(-i delta w_1 t).
    pub(crate) fn one(&self, node: usize, delta: i32, span: Span) -> Complex64 {
        let Some(packet) = &self.packets[node] else { return Complex64::ZERO };
        let turn = f64::from(delta) * self.splitting;
        if turn == 0.0 {
            return Complex64::new(
                match span {
                    Span::At(t) => packet.intensity(t),
                    Span::From(t) => packet.captured(t, self.end_s),
                },
                0.0,
            );
        }
        let from = match span {
            Span::At(t) => return packet.intensity(t) * math::phase(-turn * t),
            Span::From(t) => t,
        };
        if let Some(wave) = packet.exponential_parts() {
            let from = from.max(wave.delay_s);
            let length = self.end_s - from;
            if length <= 0.0 {
                return Complex64::ZERO;
            }
            if length.is_infinite() {
                let rate = Complex64::new(1.0 / wave.lifetime_s, turn);
                return packet.intensity(from) * math::phase(-turn * from) / rate;
            }
            let end = Complex64::new(-length / wave.lifetime_s, -turn * length);
            return packet.intensity(from)
                * length
                * math::phase(-turn * from)
                * math::exp_difference_1(Complex64::ZERO, end);
        }
        if self.unresolved {
            return Complex64::ZERO;
        }
        let beat = |t: f64| packet.intensity(t) * math::phase(-turn * t);
        if self.rule.len() == COARSE_ORDER && from > self.start_s {
            let table = self.beats[node][usize::from(delta > 0)]
                .get_or_init(|| self.grid_points().into_iter().map(|t| self.integral(t, beat)).collect());
            let Some((first, values)) = self.interpolation(from) else { return Complex64::ZERO };
            return values.iter().enumerate().map(|(p, value)| table[first + p] * value).sum();
        }
        self.integral(from, beat)
    }

    /// Two photons exchanged: M rho_A(t, u) rho_B(u, t) exp(-i w_1 (delta_t t + delta_u u)) and what recoil leaves.
    pub(crate) fn two(&self, swap: Swap<'_>, spans: [Span; 2]) -> Complex64 {
        if self.mode_overlap == 0.0 {
            return Complex64::ZERO;
        }
        if self.unresolved && spans.iter().any(|span| matches!(span, Span::From(_))) {
            return Complex64::ZERO;
        }
        if spans == [Span::From(self.start_s); 2] && swap.recoil.is_mean() {
            return *self.whole[swap.index()].get_or_init(|| self.exchange(swap, spans));
        }
        self.exchange(swap, spans)
    }

    /// When both photons may be there (s), if they are plain exponentials that differ in nothing, keep their phase and do not
    /// beat: then rho_A(t, u) rho_B(u, t) = |f(t)|² |f(u)|², and an exchange has the weight of what it exchanges.
    pub(crate) fn alike_from_s(&self) -> Option<f64> {
        let [a, b] = self.plain.as_ref()?;
        (a == b && self.dephasing == 0.0 && self.splitting == 0.0).then_some(self.both_from_s)
    }

    /// Whether these are the waves of such photons.
    pub(crate) fn are_of(&self, packets: [Option<&WavePacket>; 2]) -> bool {
        self.packets.each_ref().map(Option::as_ref) == packets
    }

    fn exchange(&self, swap: Swap<'_>, spans: [Span; 2]) -> Complex64 {
        let value = if self.plain.is_some() {
            self.closed(swap, spans)
        } else {
            self.integrated_exchange(swap, spans)
        };
        self.mode_overlap * value
    }

    fn turns(&self, swap: Swap<'_>) -> [f64; 2] {
        swap.deltas.map(|delta| f64::from(delta) * self.splitting)
    }

    /// One photon of either ion, in step with its pulse: sqrt(M) <f_A(t)> <f_B(t)>*.
    pub(crate) fn field(&self, span: Span) -> Complex64 {
        let [Some(a), Some(b)] = &self.packets else { return Complex64::ZERO };
        let at = |t: f64| a.mean_amplitude(t) * b.mean_amplitude(t).conj();
        // the phases w_s d_s are static
        let still = math::phase(-a.detuning_rad_per_s * a.delay_s + b.detuning_rad_per_s * b.delay_s);
        let value = match (span, &self.plain) {
            (Span::At(t), _) => at(t),
            (Span::From(from), Some(_)) => {
                let from = from.max(self.both_from_s);
                let length = self.end_s - from;
                if length <= 0.0 {
                    return Complex64::ZERO;
                }
                let end = Complex64::new(-(self.decay + self.dephasing), -self.detuning) * length;
                at(from) * length * math::exp_difference_1(Complex64::ZERO, end)
            }
            (Span::From(from), None) => self.integral(from, at),
        };
        self.mode_overlap.sqrt() * value * still
    }
}

/// Which of the two times a factor belongs to.
#[derive(Debug, Clone, Copy)]
enum Place {
    First = 0,
    Second = 1,
}

impl Place {
    fn detuning(self, detuning: f64, turn: f64) -> f64 {
        match self {
            Self::First => detuning + turn,
            Self::Second => detuning - turn,
        }
    }
}

/// Order of the coarse grid's rule.
const COARSE_ORDER: usize = 6;
