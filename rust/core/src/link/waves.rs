//! Waves: what two photons do in time, window by window.
//!
//! Every operator on the ions is a product of Gram matrices (where photons go) and of integrals of the photons' temporal
//! coherence rho_s(t, t') (when they come). Three kinds of integrals occur, each at a time or from a time to the window's
//! end ([`Span`]); static phases are left out throughout, they are put back by [`Link::finished`](super::Link).
//!
//! Plain exponential photons have closed forms, by divided differences of the exponential; all others go through Gauss's
//! rule between the points where they are not smooth. What recoil leaves of an exchange is a sum of beats for the former, a
//! factor of the integrand for the latter.

mod edges;

use crate::emission::{Exponential, WavePacket};
use crate::math::{self, gauss_rule};
use crate::motion::{Beat, Motion, Recoil};
use edges::Edges;
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

    /// Exchange of plain exponentials: recoil is a factor at given times, and beats where they are integrated.
    fn closed(&self, swap: Swap<'_>, spans: [Span; 2]) -> Complex64 {
        let turns = self.turns(swap);
        if let ([Span::At(t), Span::At(u)], false) = (spans, swap.recoil.is_still()) {
            return self.plain_exchange(turns, spans)
                * swap.recoil.kept(u - t + swap.recoil.apart_s(swap.bins));
        }
        if swap.recoil.is_still() {
            return self.plain_exchange(turns, spans);
        }
        let apart_s = swap.recoil.apart_s(swap.bins);
        let beat = |beat: &Beat| {
            let turns = [turns[0] + beat.frequency, turns[1] - beat.frequency];
            self.plain_exchange(turns, spans) * math::phase(beat.frequency * apart_s) * beat.weight
        };
        let coarse = self.rule.len() == COARSE_ORDER;
        let beats = if coarse { swap.recoil.strong_beats() } else { swap.recoil.beats() };
        beats.iter().map(beat).sum()
    }

    fn plain_exchange(&self, turns: [f64; 2], [t, u]: [Span; 2]) -> Complex64 {
        match (t, u) {
            (Span::At(t), Span::At(u)) => {
                self.first(t, turns) * self.second(u, turns).conj() * self.kept(t - u)
            }
            (Span::At(t), Span::From(from)) => {
                self.first(t, turns) * self.segment(from, self.end_s, t, turns[1], Place::Second).conj()
            }
            (Span::From(from), Span::At(u)) => {
                self.segment(from, self.end_s, u, turns[0], Place::First) * self.second(u, turns).conj()
            }
            (Span::From(from_t), Span::From(from_u)) => self.rectangle(from_t, from_u, turns),
        }
    }

    /// Exchange of all others. Tables hold the mean recoil; where that changes along a burst, each record is integrated.
    fn integrated_exchange(&self, swap: Swap<'_>, [t, u]: [Span; 2]) -> Complex64 {
        let tabulated = self.rule.len() == COARSE_ORDER && swap.recoil.is_mean();
        match (t, u) {
            (Span::At(t), Span::At(u)) => self.exchanged(t, u, swap),
            (Span::At(t), Span::From(from)) if tabulated => self.tabulated_line(t, from, swap, Place::First),
            (Span::At(t), Span::From(from)) => self.split_integral(from, t, |u| self.exchanged(t, u, swap)),
            (Span::From(from), Span::At(u)) if tabulated => self.tabulated_line(u, from, swap, Place::Second),
            (Span::From(from), Span::At(u)) => self.split_integral(from, u, |t| self.exchanged(t, u, swap)),
            (Span::From(from_t), Span::From(from_u)) if tabulated => {
                self.tabulated_integral(from_t, from_u, swap)
            }
            (Span::From(from_t), Span::From(from_u)) => self.double_integral(from_t, from_u, swap),
        }
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

    fn exchanged(&self, t: f64, u: f64, swap: Swap<'_>) -> Complex64 {
        let [Some(a), Some(b)] = &self.packets else { return Complex64::ZERO };
        let [turn_t, turn_u] = self.turns(swap);
        let mut waves = a.coherence(t, u) * b.coherence(u, t);
        if !swap.recoil.is_still() {
            waves *= swap.recoil.kept(u - t + swap.recoil.apart_s(swap.bins));
        }
        if turn_t == 0.0 && turn_u == 0.0 { waves } else { waves * math::phase(-turn_t * t - turn_u * u) }
    }

    /// sqrt(|f_A f_B|²) (1/s), zero before both waves are there.
    fn common(&self, time_s: f64) -> f64 {
        let [Some(a), Some(b)] = &self.packets else { return 0.0 };
        (a.intensity(time_s) * b.intensity(time_s)).sqrt()
    }

    /// h(t) = f_A(t) f_B*(t) exp(-i turn t) at the first place.
    fn first(&self, time_s: f64, [turn, _]: [f64; 2]) -> Complex64 {
        self.common(time_s) * math::phase(-(self.detuning + turn) * time_s)
    }

    /// The same at the second place, where its conjugate stands.
    fn second(&self, time_s: f64, [_, turn]: [f64; 2]) -> Complex64 {
        self.common(time_s) * math::phase(-(self.detuning - turn) * time_s)
    }

    /// exp(-g |t|): how much of the photons' relative phase survives between two times.
    fn kept(&self, time_s: f64) -> f64 {
        math::exp(-self.dephasing * time_s.abs())
    }

    /// Integral of h(t) exp(-g |t - anchor|) over \[from, to\] at a place; the anchor may lie anywhere.
    fn segment(&self, from: f64, to: f64, anchor: f64, turn: f64, place: Place) -> Complex64 {
        let from = from.max(self.both_from_s);
        if to <= from {
            return Complex64::ZERO;
        }
        if anchor > from && anchor < to {
            return self.segment(from, anchor, anchor, turn, place)
                + self.segment(anchor, to, anchor, turn, place);
        }
        let detuning = place.detuning(self.detuning, turn);
        let length = to - from;
        let start = Complex64::new(-self.dephasing * (from - anchor).abs(), 0.0);
        let end =
            Complex64::new(-self.decay * length - self.dephasing * (to - anchor).abs(), -detuning * length);
        self.common(from) * math::phase(-detuning * from) * length * math::exp_difference_1(start, end)
    }

    /// Integral over \[from_t, end\] times \[from_u, end\]: before the later corner the two times are ordered, and beyond it
    /// both orders are triangles.
    fn rectangle(&self, from_t: f64, from_u: f64, turns: [f64; 2]) -> Complex64 {
        let (from_t, from_u) = (from_t.max(self.both_from_s), from_u.max(self.both_from_s));
        let end = self.end_s;
        let corner = from_t.max(from_u);
        if corner >= end {
            return Complex64::ZERO;
        }
        let first = |from, to| self.segment(from, to, corner, turns[0], Place::First);
        let second = |from, to| self.segment(from, to, corner, turns[1], Place::Second).conj();
        let strip = if from_t < from_u {
            first(from_t, corner) * second(corner, end)
        } else if from_u < from_t {
            first(corner, end) * second(from_u, corner)
        } else {
            Complex64::ZERO
        };
        let length = end - corner;
        let (d_t, d_u) = (self.detuning + turns[0], self.detuning - turns[1]);
        let both = Complex64::new(-2.0 * self.decay * length, -(d_t - d_u) * length);
        let one = |detuning: f64| Complex64::new(-(self.decay + self.dephasing) * length, detuning * length);
        let triangles = math::exp_difference_2([Complex64::ZERO, one(-d_t), both])
            + math::exp_difference_2([Complex64::ZERO, one(d_u), both]);
        let scale = self.common(corner) * length;
        strip + scale * scale * math::phase(-(d_t - d_u) * corner) * triangles
    }

    /// The double integral on the coarse grid. The kink where the times meet is smoothed.
    fn tabulated_integral(&self, from_t: f64, from_u: f64, swap: Swap<'_>) -> Complex64 {
        for (from, other, place) in [(from_t, from_u, Place::First), (from_u, from_t, Place::Second)] {
            if other <= self.start_s {
                let line = self.line_of(swap, place);
                return line.iter().zip(self.weights_from(from)).map(|(value, weight)| value * weight).sum();
            }
        }
        let table = self.integrals[2][swap.index()]
            .get_or_init(|| self.integrated(self.integrals_of(swap, Place::First), Place::First));
        self.interpolated(table, from_t, from_u)
    }

    /// The integrand's integrals over one time from each grid point on, the other at each grid point.
    fn integrals_of(&self, swap: Swap<'_>, at: Place) -> &[Complex64] {
        self.integrals[at as usize][swap.index()].get_or_init(|| {
            let over = if matches!(at, Place::First) { Place::Second } else { Place::First };
            self.integrated(self.table_of(swap), over)
        })
    }

    /// A table over two times with one of them replaced by the integral from there on.
    fn integrated(&self, table: &[Complex64], place: Place) -> Vec<Complex64> {
        let weights: Vec<Vec<f64>> = self.grid_points().into_iter().map(|t| self.weights_from(t)).collect();
        let count = weights.len();
        let mut result = Vec::with_capacity(count * count);
        for i in 0..count {
            for j in 0..count {
                result.push(match place {
                    Place::Second => (j / COARSE_ORDER * COARSE_ORDER..count)
                        .map(|n| table[i * count + n] * weights[j][n])
                        .sum(),
                    Place::First => (i / COARSE_ORDER * COARSE_ORDER..count)
                        .map(|n| table[n * count + j] * weights[i][n])
                        .sum(),
                });
            }
        }
        result
    }

    /// A table over two times at these times.
    fn interpolated(&self, table: &[Complex64], t: f64, u: f64) -> Complex64 {
        let (Some((row, values_t)), Some((column, values_u))) =
            (self.interpolation(t), self.interpolation(u))
        else {
            return Complex64::ZERO;
        };
        let count = self.points();
        let mut sum = Complex64::ZERO;
        for (p, value_t) in values_t.iter().enumerate() {
            let line = &table[(row + p) * count + column..];
            let inner: Complex64 = line.iter().zip(&values_u).map(|(value, weight)| value * weight).sum();
            sum += inner * value_t;
        }
        sum
    }

    fn table_of(&self, swap: Swap<'_>) -> &[Complex64] {
        self.table[swap.index()].get_or_init(|| {
            let points = self.grid_points();
            points.iter().flat_map(|t| points.iter().map(|u| self.exchanged(*t, *u, swap))).collect()
        })
    }

    /// Accurate integrals over one time from the window's opening on, at the grid's points of the other.
    fn line_of(&self, swap: Swap<'_>, place: Place) -> &[Complex64] {
        self.line[place as usize][swap.index()].get_or_init(|| {
            let at = |t: f64| match place {
                Place::First => self.split_integral(self.start_s, t, |u| self.exchanged(t, u, swap)),
                Place::Second => self.split_integral(self.start_s, t, |u| self.exchanged(u, t, swap)),
            };
            self.grid_points().into_iter().map(at).collect()
        })
    }

    fn grid_points(&self) -> Vec<f64> {
        let piece = |edge: &[f64]| {
            let (low, width) = (edge[0], edge[1] - edge[0]);
            self.rule.iter().map(move |(x, _)| low + width * x)
        };
        self.edges_s.windows(2).flat_map(piece).collect()
    }

    /// The integral over one time, from a start on, at a given other time, on the coarse grid. From the window's opening on,
    /// where it is no small correction, the integrals at the grid's points are accurate.
    fn tabulated_line(&self, time_s: f64, from: f64, swap: Swap<'_>, place: Place) -> Complex64 {
        let Some((first, values)) = self.interpolation(time_s) else { return Complex64::ZERO };
        if from <= self.start_s {
            let line = self.line_of(swap, place);
            return values.iter().enumerate().map(|(p, value)| line[first + p] * value).sum();
        }
        let table = self.integrals_of(swap, place);
        match place {
            Place::First => self.interpolated(table, time_s, from),
            Place::Second => self.interpolated(table, from, time_s),
        }
    }

    /// The grid's points around a time and the value there of the polynomial that is one at each of them; nothing outside the
    /// window.
    fn interpolation(&self, time_s: f64) -> Option<(usize, [f64; COARSE_ORDER])> {
        let pieces = self.edges_s.len().checked_sub(1).filter(|pieces| *pieces > 0)?;
        let piece = self.edges_s.partition_point(|edge| *edge <= time_s).clamp(1, pieces) - 1;
        let (low, high) = (self.edges_s[piece], self.edges_s[piece + 1]);
        let x = (time_s - low) / (high - low);
        if !(0.0..=1.0).contains(&x) {
            return None;
        }
        let values = std::array::from_fn(|p| {
            let others = (0..COARSE_ORDER).filter(|q| *q != p);
            others.map(|q| (x - self.rule[q].0) / (self.rule[p].0 - self.rule[q].0)).product()
        });
        Some((piece * COARSE_ORDER, values))
    }

    /// Weights of the grid's points for the integral from a time on.
    fn weights_from(&self, from: f64) -> Vec<f64> {
        let mut weights = Vec::with_capacity(self.points());
        for edge in self.edges_s.windows(2) {
            let width = edge[1] - edge[0];
            let x = ((from - edge[0]) / width).clamp(0.0, 1.0);
            weights.extend((0..self.rule.len()).map(|p| width * partial_weight(p, x)));
        }
        weights
    }

    /// Pieces of \[from, end\] between the edges.
    fn pieces(&self, from: f64) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.edges_s
            .windows(2)
            .filter(move |edge| edge[1] > from)
            .map(move |edge| (edge[0].max(from), edge[1]))
    }

    fn integral(&self, from: f64, f: impl Fn(f64) -> Complex64) -> Complex64 {
        let mut sum = Complex64::ZERO;
        for (low, high) in self.pieces(from) {
            for (x, weight) in self.rule {
                sum += f(low + (high - low) * x) * (weight * (high - low));
            }
        }
        sum
    }

    /// The same with a kink at `kink`.
    fn split_integral(&self, from: f64, kink: f64, f: impl Fn(f64) -> Complex64) -> Complex64 {
        let mut sum = Complex64::ZERO;
        for (low, high) in self.pieces(from) {
            let cut = kink.clamp(low, high);
            for (low, high) in [(low, cut), (cut, high)] {
                if high > low {
                    for (x, weight) in self.rule {
                        sum += f(low + (high - low) * x) * (weight * (high - low));
                    }
                }
            }
        }
        sum
    }

    /// Integral over \[from_t, end\] times \[from_u, end\] of what has a kink where the times meet.
    fn double_integral(&self, from_t: f64, from_u: f64, swap: Swap<'_>) -> Complex64 {
        let f = |t: f64, u: f64| self.exchanged(t, u, swap);
        let mut sum = Complex64::ZERO;
        // without beats of the modes or bins apart the integrand is Hermitian: one side of the diagonal tells the other
        let hermitian = from_t == from_u && self.splitting == 0.0 && swap.bins == 0;
        let corner = from_t.max(from_u);
        // pieces of the two axes agree beyond the later start if both are cut there
        let cut = |from: f64| {
            self.pieces(from).flat_map(move |(low, high)| {
                let middle = corner.clamp(low, high);
                [(low, middle), (middle, high)].into_iter().filter(|(low, high)| high > low)
            })
        };
        for (low_t, high_t) in cut(from_t) {
            for (low_u, high_u) in cut(from_u) {
                if hermitian && low_u > low_t {
                    break;
                }
                let (width_t, width_u) = (high_t - low_t, high_u - low_u);
                for (x, weight_x) in self.rule {
                    for (y, weight_y) in self.rule {
                        let weight = weight_x * weight_y * width_t * width_u;
                        if low_t == low_u && high_t == high_u {
                            // two triangles
                            let (high, low) = (low_t + width_t * x, low_t + width_t * x * y);
                            let lower = f(high, low);
                            let upper = if hermitian { lower.conj() } else { f(low, high) };
                            sum += (lower + upper) * (weight * x);
                        } else {
                            let value = f(low_t + width_t * x, low_u + width_u * y);
                            sum += (if hermitian { value + value.conj() } else { value }) * weight;
                        }
                    }
                }
            }
        }
        sum
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

/// Integral from x to 1 of the polynomial that is one at point `p` of the coarse rule and zero at the others.
fn partial_weight(p: usize, x: f64) -> f64 {
    static COEFFICIENTS: OnceLock<Vec<[f64; COARSE_ORDER]>> = OnceLock::new();
    let rule = gauss_rule(COARSE_ORDER);
    let (_, full) = rule[p];
    if x <= 0.0 {
        return full;
    }
    let coefficients = COEFFICIENTS.get_or_init(|| {
        (0..COARSE_ORDER)
            .map(|p| {
                let mut polynomial = [0.0; COARSE_ORDER];
                polynomial[0] = 1.0;
                for (_, (point, _)) in rule.iter().enumerate().filter(|(q, _)| *q != p) {
                    // multiply by (x - point)/(point_p - point)
                    let scale = 1.0 / (rule[p].0 - point);
                    for k in (0..COARSE_ORDER).rev() {
                        let lower = if k > 0 { polynomial[k - 1] } else { 0.0 };
                        polynomial[k] = scale * (lower - point * polynomial[k]);
                    }
                }
                polynomial
            })
            .collect()
    });
    let below: f64 = coefficients[p]
        .iter()
        .enumerate()
        .rev()
        .fold(0.0, |sum, (k, coefficient)| sum * x + coefficient / (k as f64 + 1.0))
        * x;
    full - below
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::motion::MotionalModeParams;

    fn smeared(rise_s: f64, delay_s: f64, detuning: f64) -> WavePacket {
        let params = crate::emission::EmissionParams {
            lifetime_s: Some(8e-9),
            wavepacket: crate::emission::WavePacketParams::Smeared(crate::emission::SmearedParams {
                rise_s,
                restarts: vec![],
            }),
            detuning_rad_per_s: detuning,
            dephasing_rate_hz: 1e7,
            ..Default::default()
        };
        crate::emission::Emission::new(&params).unwrap().packet.delayed(delay_s)
    }

    const WINDOW: [f64; 2] = [-2e-9, 40e-9];
    const SPANS: [[Span; 2]; 4] = [
        [Span::At(5e-9), Span::At(9e-9)],
        [Span::At(5e-9), Span::From(3e-9)],
        [Span::From(7e-9), Span::At(2e-9)],
        [Span::From(1e-9), Span::From(6e-9)],
    ];

    /// Ions at rest, ions that move, and ions that heat up.
    fn motions() -> [Motion; 3] {
        let mode = |lamb_dicke, frequency_rad_per_s, phonons_per_attempt| MotionalModeParams {
            lamb_dicke,
            frequency_rad_per_s,
            mean_phonons: 3.0,
            phonons_per_attempt,
        };
        [
            vec![],
            vec![mode(0.3, 2e7, 0.0), mode(0.2, 7e7, 0.0)],
            vec![mode(0.3, 2e7, 0.1), mode(0.2, 7e7, 0.0)],
        ]
        .map(|modes| Motion::new([&modes[..], &[]].into_iter(), Some(30), 1, 1.1e-6, false).unwrap())
    }

    #[test]
    fn closed_forms_agree_with_quadrature() {
        for motion in motions() {
            for recoil in [motion.mean(), motion.at(17)] {
                closed_form_agrees_with_quadrature(&motion, &recoil);
            }
        }
    }

    fn closed_form_agrees_with_quadrature(motion: &Motion, recoil: &Recoil<'_>) {
        // an invisible spectral diffusion takes the numerical road
        let waves = |hidden: f64| {
            let mut packets = [(8e-9, 1e-9, 0.0, 2e7), (5e-9, 2e-9, 3e8, 1e7)]
                .map(|(tau, d, w, g)| WavePacket::exponential(tau, d, w, g));
            for packet in &mut packets {
                packet.spectral_diffusion_rad_per_s = hidden;
            }
            Waves::new(packets.map(Some), WINDOW, 4e8, 0.9, motion, Grid::Fine)
        };
        let (closed, numerical) = (waves(0.0), waves(1e-3));
        assert_eq!(closed.points(), 0);
        assert!(numerical.points() > 0);
        for (deltas, bins) in [([0, 0], 0), ([0, 0], 1), ([1, -1], 0), ([-1, 0], -1), ([1, 1], 0)] {
            for spans in SPANS.into_iter().chain([[Span::From(WINDOW[0]); 2]]) {
                let swap = Swap { deltas, bins, recoil };
                let (a, b) = (closed.two(swap, spans), numerical.two(swap, spans));
                assert!(
                    (a - b).norm_sqr().sqrt() < 1e-10 * b.norm_sqr().sqrt().max(1e-3),
                    "{deltas:?} {spans:?}: {a} {b}"
                );
            }
        }
        for span in [Span::At(4e-9), Span::From(3e-9), Span::From(-1e-9)] {
            let (a, b) = (closed.one(1, 1, span), numerical.one(1, 1, span));
            assert!((a - b).norm_sqr() < 1e-20 * b.norm_sqr(), "{span:?}: {a} {b}");
            let (a, b) = (closed.field(span), numerical.field(span));
            assert!((a - b).norm_sqr() < 1e-20 * b.norm_sqr(), "{span:?}: {a} {b}");
        }
    }

    #[test]
    fn the_coarse_grid_keeps_jumps_among_many_seams() {
        // three late starts of a sharp photon, beside one with a fast Gaussian edge that ends in many pieces
        let restart = |delay_s, probability| crate::emission::RestartParams { delay_s, probability };
        let params = crate::emission::EmissionParams {
            lifetime_s: Some(2e-9),
            wavepacket: crate::emission::WavePacketParams::Exponential(crate::emission::ExponentialParams {
                restarts: vec![restart(7e-9, 0.3), restart(15e-9, 0.3), restart(22e-9, 0.2)],
            }),
            ..Default::default()
        };
        let sharp = crate::emission::Emission::new(&params).unwrap().packet;
        let still = Motion::default();
        let recoil = still.mean();
        let waves = |grid| {
            Waves::new(
                [Some(sharp.clone()), Some(smeared(0.05e-9, 3e-9, 0.0))],
                WINDOW,
                0.0,
                1.0,
                &still,
                grid,
            )
        };
        let (fine, coarse) = (waves(Grid::Fine), waves(Grid::Coarse));
        for from in [-1e-9, 6.5e-9, 14e-9, 21.5e-9] {
            let swap = || Swap { deltas: [0, 0], bins: 0, recoil: &recoil };
            for spans in [[Span::From(from); 2], [Span::From(from), Span::At(23e-9)]] {
                let (a, b) = (fine.two(swap(), spans), coarse.two(swap(), spans));
                assert!((a - b).norm_sqr().sqrt() < 5e-3 * a.norm_sqr().sqrt(), "{spans:?}: {a} {b}");
            }
        }
    }

    #[test]
    fn the_coarse_grid_is_good_enough_for_corrections() {
        let waves = |motion: &Motion, grid| {
            Waves::new(
                [Some(smeared(1e-9, 1e-9, 0.0)), Some(smeared(2e-9, 0.0, 1e8))],
                WINDOW,
                0.0,
                1.0,
                motion,
                grid,
            )
        };
        for motion in motions() {
            let (fine, coarse) = (waves(&motion, Grid::Fine), waves(&motion, Grid::Coarse));
            for recoil in [motion.mean(), motion.at(17)] {
                for spans in SPANS {
                    let swap = Swap { deltas: [0, 0], bins: 0, recoil: &recoil };
                    let (a, b) = (fine.two(swap, spans), coarse.two(swap, spans));
                    // integrals from a time on enter with the probability of a dark count
                    assert!((a - b).norm_sqr().sqrt() < 2e-3 * a.norm_sqr().sqrt(), "{spans:?}: {a} {b}");
                }
            }
        }
    }
}
