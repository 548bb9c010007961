//! The state of two ions given what was seen: the joint density of clicks and ions at the recorded times.
//!
//! For a herald with clicks at t_0 (slot of mode 0) and t_1 (slot of mode 1) and a cause, the unnormalized operator on
//! the ions is the density of everything that could have led to exactly this record: which photon went where, what was
//! lost, and, in slots that report only their first event, what came later. Its trace is the density of the record
//! (1/s²) per attempt, so posteriors of causes follow from it; normalized, it is the state.
//!
//! This road shares parameters with `exact`, not formulas: `exact` integrates over times first, this one never does
//! except over what a record leaves open.

use super::{Link, add_cross, projected};
use crate::herald::{Cause, SLOTS};
use crate::math;
use crate::state::{self, State};
use num_complex::Complex64;

/// Densities of records of one link.
#[derive(Debug)]
pub(crate) struct Conditional<'a> {
    link: &'a Link,
    /// Both waves are present from here on (s).
    both_from_s: f64,
    detuning_rad_per_s: f64,
    dephasing_rate_hz: f64,
    /// cross weight times M for each pair of slots.
    cross: [[f64; SLOTS]; SLOTS],
    /// Whether the two ports of a mode lose differently: only then lost photons interfere visibly.
    ports_differ: bool,
}

const MIXED: [f64; 2] = [0.5; 2];

/// A record: which slots clicked when (s, from the arrival of an undelayed photon), and since when each could.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) slots: [usize; 2],
    pub(crate) times_s: [f64; 2],
    /// Opening of each slot: that of the window unless the detector was still blind.
    pub(crate) open_s: [f64; SLOTS],
}

impl<'a> Conditional<'a> {
    pub(crate) fn new(link: &'a Link) -> Self {
        let [a, b] = [&link.sources[0].packet, &link.sources[1].packet];
        let cross: [[f64; SLOTS]; SLOTS] =
            std::array::from_fn(|k| std::array::from_fn(|l| link.mode_overlap * link.cross_weight(k, l)));
        Self {
            link,
            both_from_s: a.delay_s.max(b.delay_s),
            detuning_rad_per_s: a.detuning_rad_per_s - b.detuning_rad_per_s,
            dephasing_rate_hz: a.dephasing_rate_hz + b.dephasing_rate_hz,
            cross,
            ports_differ: link.ports_differ(),
        }
    }

    /// The ions' normalized state given the record and, if known, the cause; nothing for a record that cannot be, such as
    /// a counted photon before its arrival.
    pub(crate) fn state(&self, seen: &Seen, cause: Option<Cause>) -> Option<State> {
        let mut rho = state::ZERO;
        for possible in Cause::ALL {
            if cause.is_none_or(|cause| cause == possible) {
                state::add(&mut rho, &self.density(seen, possible), 1.0);
            }
        }
        let density = state::trace(&rho);
        (density > 0.0).then(|| self.link.finished(&state::scaled(&rho, 1.0 / density)))
    }

    /// Operator density (1/s²) of clicks at these times in exactly these slots, by `cause`, per attempt.
    pub(crate) fn density(&self, seen: &Seen, cause: Cause) -> State {
        let Seen { slots, times_s, .. } = *seen;
        let [a, b] = [0, 1].map(|node: usize| self.link.sources[node].photon_probability);
        let rho = match cause {
            Cause::PhotonPhoton => {
                let weight = a * b * self.photon_factor(seen, 0) * self.photon_factor(seen, 1);
                state::scaled(&self.both_registered(slots, times_s), weight)
            }
            Cause::PhotonDark => {
                let mut rho = state::ZERO;
                for (place, empty) in [(0, 1), (1, 0)] {
                    let weight = self.photon_factor(seen, place) * self.dark_density(seen, empty);
                    if weight > 0.0 {
                        state::add(&mut rho, &self.one_slot(seen, place), weight);
                    }
                }
                rho
            }
            Cause::DarkDark => {
                let weight = self.dark_density(seen, 0) * self.dark_density(seen, 1);
                state::scaled(&self.none_registered(seen), weight)
            }
        };
        let dark_mean: f64 = (0..SLOTS)
            .filter(|slot| !slots.contains(slot))
            .map(|slot| {
                self.link.slots[slot].dark_count_rate_hz * (self.link.window.end_s - seen.open_s[slot])
            })
            .sum();
        state::scaled(&rho, math::exp(-dark_mean))
    }

    /// Probability that no dark count spoils a photon's click at this time: none before it in a threshold slot, none
    /// at all in a number-resolving one.
    fn photon_factor(&self, seen: &Seen, place: usize) -> f64 {
        let index = seen.slots[place];
        let slot = &self.link.slots[index];
        let until = if slot.number_resolving { self.link.window.end_s } else { seen.times_s[place] };
        math::exp(-slot.dark_count_rate_hz * (until - seen.open_s[index]))
    }

    /// Density (1/s) of a click by dark counts alone at this time.
    fn dark_density(&self, seen: &Seen, place: usize) -> f64 {
        self.link.slots[seen.slots[place]].dark_count_rate_hz * self.photon_factor(seen, place)
    }

    /// Rate at which dark counts hide the time of a later photon: zero where the slot would have counted two events.
    fn hiding_rate(&self, slot: usize) -> f64 {
        let slot = &self.link.slots[slot];
        if slot.number_resolving { 0.0 } else { slot.dark_count_rate_hz }
    }

    /// One photon in each slot; a slot that clicked at t by a dark count has its photon somewhere in (t, end].
    fn both_registered(&self, [j, k]: [usize; 2], [t_j, t_k]: [f64; 2]) -> State {
        let link = self.link;
        let (p, q) = (link.slots[j].mode, link.slots[k].mode);
        let (r_j, r_k) = (self.hiding_rate(j), self.hiding_rate(k));
        let seen = |node: usize, slot: usize, time: f64, rate: f64| {
            let packet = &link.sources[node].packet;
            let hidden = if rate > 0.0 { rate * packet.captured(time, link.window.end_s) } else { 0.0 };
            self.efficiency(node, slot) * (packet.intensity(time) + hidden)
        };
        let mut rho = state::ZERO;
        rho[2 * p + q][2 * p + q].re += seen(0, j, t_j, r_j) * seen(1, k, t_k, r_k);
        rho[2 * q + p][2 * q + p].re += seen(1, j, t_j, r_j) * seen(0, k, t_k, r_k);

        let mut cross = self.product(t_j) * self.product(t_k).conj() * self.kept_phase(t_j - t_k);
        if r_j > 0.0 || r_k > 0.0 {
            let end = link.window.end_s;
            cross += r_j * self.segment(t_j, end, t_k) * self.product(t_k).conj();
            cross += r_k * self.product(t_j) * self.segment(t_k, end, t_j).conj();
            cross += r_j * r_k * self.rectangle(t_j, t_k);
        }
        add_cross(&mut rho, p, q, cross * self.cross[j][k]);
        rho
    }

    /// Photons in one slot only, its first event seen: one photon, or two where the slot cannot tell.
    fn one_slot(&self, seen: &Seen, place: usize) -> State {
        let link = self.link;
        let (slot, time_s) = (seen.slots[place], seen.times_s[place]);
        let mut rho = self.lone_photon(slot, time_s, self.hiding_rate(slot), &seen.open_s);
        // both emitted and both here: the first photon, or a dark count before both, gave the time
        if !link.slots[slot].number_resolving {
            let [a, b] = [0, 1].map(|node: usize| link.sources[node].photon_probability);
            let packets = [&link.sources[0].packet, &link.sources[1].packet];
            let (rate, end) = (self.hiding_rate(slot), link.window.end_s);
            let [p_a, p_b] = [0, 1].map(|node: usize| packets[node].intensity(time_s));
            let [later_a, later_b] = [0, 1].map(|node: usize| packets[node].captured(time_s, end));
            let plain = p_a * later_b + p_b * later_a + rate * later_a * later_b;
            let cross = 2.0 * (self.product(time_s) * self.segment(time_s, end, time_s).conj()).re
                + rate * self.rectangle(time_s, time_s).re;
            let both =
                self.efficiency(0, slot) * self.efficiency(1, slot) * plain + self.cross[slot][slot] * cross;
            let mode = link.slots[slot].mode;
            rho[3 * mode][3 * mode].re += a * b * both;
        }
        rho
    }

    /// Exactly one photon registered, in `slot`: at `time_s`, or later behind a dark count that came at `rate`.
    fn lone_photon(&self, slot: usize, time_s: f64, rate: f64, open_s: &[f64; SLOTS]) -> State {
        let link = self.link;
        let [a, b] = [0, 1].map(|node: usize| link.sources[node].photon_probability);
        let mode = link.slots[slot].mode;
        let end = link.window.end_s;
        let at = [0, 1].map(|node: usize| {
            let packet = &link.sources[node].packet;
            self.efficiency(node, slot) * (packet.intensity(time_s) + rate * packet.captured(time_s, end))
        });
        // one node's photon was never emitted: its ion is I/2
        let mut rho = projected(0, mode, a * (1.0 - b) * at[0], MIXED);
        state::add(&mut rho, &projected(1, mode, (1.0 - a) * b * at[1], MIXED), 1.0);
        // both emitted, the other registered nowhere
        let mut both = projected(0, mode, at[0], self.unregistered(1, open_s));
        state::add(&mut both, &projected(1, mode, at[1], self.unregistered(0, open_s)), 1.0);
        if self.uneven(open_s) {
            // what interference moved into registered outcomes is missing here
            for other in 0..SLOTS {
                let here = self.product(time_s) * self.segment(open_s[other], end, time_s).conj()
                    + rate * self.rectangle(time_s, open_s[other]);
                add_cross(&mut both, mode, link.slots[other].mode, -here * self.cross[slot][other]);
            }
        }
        state::add(&mut rho, &both, a * b);
        rho
    }

    /// No photon registered, whatever was emitted.
    fn none_registered(&self, seen: &Seen) -> State {
        let link = self.link;
        let [a, b] = [0, 1].map(|node: usize| link.sources[node].photon_probability);
        let lost = [0, 1].map(|node| self.unregistered(node, &seen.open_s));
        let mut both = state::diagonal_product(lost[0], lost[1]);
        if self.uneven(&seen.open_s) {
            // the unordered pair of slots counts once
            for k in 0..SLOTS {
                for l in 0..SLOTS {
                    let cross = 0.5 * self.cross[k][l] * self.rectangle(seen.open_s[k], seen.open_s[l]);
                    add_cross(&mut both, link.slots[k].mode, link.slots[l].mode, cross);
                }
            }
        }
        let mut rho = state::scaled(&both, a * b);
        state::add(&mut rho, &state::diagonal_product(lost[0], MIXED), a * (1.0 - b));
        state::add(&mut rho, &state::diagonal_product(MIXED, lost[1]), (1.0 - a) * b);
        state::add(&mut rho, &state::diagonal_product(MIXED, MIXED), (1.0 - a) * (1.0 - b));
        rho
    }

    /// Whether lost photons interfere visibly: ports lose differently, by efficiency or because one is still blind.
    fn uneven(&self, open_s: &[f64; SLOTS]) -> bool {
        self.ports_differ || open_s.iter().any(|open| *open > self.link.window.start_s)
    }

    /// Probability that an emitted photon carries the slot's mode and would be registered there at some time.
    fn efficiency(&self, node: usize, slot: usize) -> f64 {
        let amplitude = self.link.sources[node].amplitudes[self.link.slots[slot].mode];
        amplitude * amplitude * self.link.slot_efficiency(node, slot)
    }

    /// Weight of each node's photon as the one registered in `slot`, the other nowhere, interference of the lost one apart.
    pub(super) fn lone_weights(&self, slot: usize) -> [f64; 2] {
        let link = self.link;
        let open_s = [link.window.start_s; SLOTS];
        [0, 1].map(|node: usize| {
            let (source, other) = (&link.sources[node], &link.sources[1 - node]);
            let inside = source.packet.captured(link.window.start_s, link.window.end_s);
            let missing = other.photon_probability * self.unregistered(1 - node, &open_s).iter().sum::<f64>();
            source.photon_probability
                * self.efficiency(node, slot)
                * inside
                * (1.0 - other.photon_probability + missing)
        })
    }

    /// Density of a lone photon in `slot` at a time, relative to twice that of `lone_weights`: what the interference of the
    /// lost photon adds or takes where ports lose differently, one half on average otherwise.
    pub(super) fn lone_fraction(&self, slot: usize, time_s: f64) -> f64 {
        let link = self.link;
        let open_s = [link.window.start_s; SLOTS];
        let [a, b] = [0, 1].map(|node: usize| {
            let captured = link.sources[node].packet.captured(link.window.start_s, link.window.end_s);
            link.sources[node].packet.intensity(time_s) / captured
        });
        let [weight_a, weight_b] = self.lone_weights(slot);
        0.5 * state::trace(&self.lone_photon(slot, time_s, 0.0, &open_s)) / (weight_a * a + weight_b * b)
    }

    /// Density of two photons in one mode leaving by one exit at these times, relative to twice that of independent ones.
    pub(super) fn bunching(&self, [x, y]: [f64; 2]) -> f64 {
        let [a, b] = [0, 1].map(|node: usize| &self.link.sources[node].packet);
        let plain = a.intensity(x) * b.intensity(y) + a.intensity(y) * b.intensity(x);
        let cross = (self.product(x) * self.product(y).conj()).re * self.kept_phase(x - y);
        0.5 + self.link.mode_overlap * cross / plain
    }

    /// Population of each mode's ion state whose emitted photon is registered nowhere.
    fn unregistered(&self, node: usize, open_s: &[f64; SLOTS]) -> [f64; 2] {
        let link = self.link;
        let source = &link.sources[node];
        std::array::from_fn(|mode| {
            let seen: f64 = [mode, 2 + mode]
                .into_iter()
                .map(|slot| {
                    self.efficiency(node, slot) * source.packet.captured(open_s[slot], link.window.end_s)
                })
                .sum();
            // rounding must not make it negative
            (source.populations[mode] - seen).max(0.0)
        })
    }

    /// h(t) = f_A(t) f_B*(t) without static phases (1/s).
    fn product(&self, time_s: f64) -> Complex64 {
        if time_s < self.both_from_s {
            return Complex64::ZERO;
        }
        let [a, b] = [0, 1].map(|node: usize| self.link.sources[node].packet.intensity(time_s));
        (a * b).sqrt() * math::phase(-self.detuning_rad_per_s * time_s)
    }

    /// exp(-g |t|): how much of the photons' relative phase survives between two times.
    fn kept_phase(&self, time_s: f64) -> f64 {
        math::exp(-self.dephasing_rate_hz * time_s.abs())
    }

    /// Integral of h(t) exp(-g |t - anchor|) over \[from, to\]; the anchor may lie anywhere.
    fn segment(&self, from: f64, to: f64, anchor: f64) -> Complex64 {
        let from = from.max(self.both_from_s);
        if to <= from {
            return Complex64::ZERO;
        }
        if anchor > from && anchor < to {
            return self.segment(from, anchor, anchor) + self.segment(anchor, to, anchor);
        }
        let [a, b] = [0, 1].map(|node: usize| self.link.sources[node].packet.lifetime_s);
        let length = to - from;
        let turn = Complex64::new(-0.5 * (1.0 / a + 1.0 / b) * length, -self.detuning_rad_per_s * length);
        let start = Complex64::new(-self.dephasing_rate_hz * (from - anchor).abs(), 0.0);
        let end = turn - self.dephasing_rate_hz * (to - anchor).abs();
        self.product(from) * length * math::exp_difference_1(start, end)
    }

    /// Integral of h(s) h*(t) exp(-g |s - t|) over s in \[from_s, end\] and t in \[from_t, end\].
    fn rectangle(&self, from_s: f64, from_t: f64) -> Complex64 {
        let (from_s, from_t) = (from_s.max(self.both_from_s), from_t.max(self.both_from_s));
        let end = self.link.window.end_s;
        let corner = from_s.max(from_t);
        if corner >= end {
            return Complex64::ZERO;
        }
        // before the corner the two times are ordered, and the phase factor splits there
        let strip = if from_s < from_t {
            self.segment(from_s, corner, corner) * self.segment(corner, end, corner).conj()
        } else {
            self.segment(corner, end, corner) * self.segment(from_t, corner, corner).conj()
        };
        let [a, b] = [0, 1].map(|node: usize| self.link.sources[node].packet.lifetime_s);
        let (length, decay) = (end - corner, 0.5 * (1.0 / a + 1.0 / b));
        let difference = math::exp_difference_2([
            Complex64::ZERO,
            Complex64::new(-(decay + self.dephasing_rate_hz) * length, -self.detuning_rad_per_s * length),
            Complex64::new(-2.0 * decay * length, 0.0),
        ]);
        strip + 2.0 * (self.product(corner) * length).norm_sqr() * difference.re
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Link;
    use crate::link::basic::BasicLinkParams;
    use crate::link::params::LinkParams;
    use crate::tree::OneOrMany;

    /// Nodes and weights of the Gauss-Legendre rule on [0, 1], by Newton's method on the Legendre recurrence.
    fn gauss_legendre(order: usize) -> Vec<(f64, f64)> {
        (0..order)
            .map(|i| {
                let mut x = math::cos(std::f64::consts::PI * (i as f64 + 0.75) / (order as f64 + 0.5));
                let mut slope = 0.0;
                for _ in 0..100 {
                    let (mut previous, mut value) = (1.0, x);
                    for k in 2..=order {
                        let k = k as f64;
                        (previous, value) = (value, ((2.0 * k - 1.0) * x * value - (k - 1.0) * previous) / k);
                    }
                    slope = order as f64 * (x * value - previous) / (x * x - 1.0);
                    x -= value / slope;
                }
                (0.5 * (1.0 - x), 1.0 / ((1.0 - x * x) * slope * slope))
            })
            .collect()
    }

    /// Points and weights over the square of the window, with no kink inside a piece: waves start at the delays, and
    /// dephasing and first-event densities change form where the two times meet.
    fn square(link: &Link) -> Vec<([f64; 2], f64)> {
        let rule = gauss_legendre(14);
        let mut edges = vec![link.window.start_s, link.window.end_s];
        edges.extend(link.sources.iter().map(|source| source.packet.delay_s));
        edges.retain(|edge| (link.window.start_s..=link.window.end_s).contains(edge));
        edges.sort_by(f64::total_cmp);
        edges.dedup();
        let pieces: Vec<(f64, f64)> = edges
            .windows(2)
            .flat_map(|edge| {
                (0..4)
                    .map(|k| (edge[0] + (edge[1] - edge[0]) * f64::from(k) / 4.0, (edge[1] - edge[0]) / 4.0))
            })
            .collect();
        let mut points = vec![];
        for (i, &(from_s, width_s)) in pieces.iter().enumerate() {
            for (j, &(from_t, width_t)) in pieces.iter().enumerate() {
                for &(u, weight_u) in &rule {
                    for &(v, weight_v) in &rule {
                        let weight = weight_u * weight_v * width_s * width_t;
                        if i == j {
                            // two triangles
                            let (high, low) = (from_s + width_s * u, from_s + width_s * u * v);
                            points.push(([high, low], weight * u));
                            points.push(([low, high], weight * u));
                        } else {
                            points.push(([from_s + width_s * u, from_t + width_t * v], weight));
                        }
                    }
                }
            }
        }
        points
    }

    fn seen(link: &Link, slots: [usize; 2], times_s: [f64; 2]) -> Seen {
        Seen { slots, times_s, open_s: [link.window.start_s; SLOTS] }
    }

    fn variants() -> Vec<(&'static str, LinkParams)> {
        let base = BasicLinkParams {
            efficiency: [0.6, 0.4],
            lifetime_s: [8e-9, 5e-9],
            delay_s: [1e-9, 3e-9],
            detuning_rad_per_s: [0.0, 3e8],
            amplitudes: [[0.6, 0.8], [0.8, 0.6]],
            bell_phase_rad: 0.7,
            mode_overlap: 0.9,
            dephasing_per_photon_per_s: 2e7,
            reflectivity: OneOrMany::Many(vec![0.45, 0.6]),
            dark_count_rate_hz: 4e6,
            window_duration_s: 30e-9,
            ..Default::default()
        };
        let plain = base.link().unwrap();
        let mut leaky = plain.clone();
        leaky.nodes[0].emission.excitation_probability = 0.7;
        leaky.nodes[1].emission.branching_ratio = 0.8;
        let mut unequal = leaky.clone();
        for node in &mut unequal.nodes {
            let crate::collection::CollectionParams::MeasuredEfficiency(measured) = &mut node.collection
            else {
                panic!("basic links are measured")
            };
            measured.includes.retain(|stage| *stage != crate::collection::Stage::Detector);
        }
        let OneOrMany::One(detector) = unequal.station.detectors.clone() else { panic!("one detector") };
        let with = |efficiency, dark_count_rate_hz, number_resolving| crate::detection::DetectorParams {
            efficiency,
            dark_count_rate_hz,
            number_resolving,
            dead_time_s: 0.0,
        };
        unequal.station.detectors = OneOrMany::Many(vec![
            with(0.9, 1e6, false),
            with(0.5, 5e6, false),
            with(0.7, 2e6, false),
            with(0.8, detector.dark_count_rate_hz, false),
        ]);
        let mut resolving = unequal.clone();
        resolving.station.detectors = OneOrMany::Many(vec![
            with(0.9, 1e6, true),
            with(0.5, 5e6, false),
            with(0.7, 2e6, false),
            with(0.8, 3e6, true),
        ]);
        let mut late = unequal.clone();
        late.station.window_start_s = 2e-9;
        vec![
            ("plain", plain),
            ("leaky", leaky),
            ("unequal", unequal),
            ("resolving", resolving),
            ("late", late),
        ]
    }

    #[test]
    fn densities_integrate_to_the_exact_operators_by_cause() {
        for (name, params) in variants() {
            let link = Link::new(params).unwrap();
            let conditional = Conditional::new(&link);
            let points = square(&link);
            for exact in &link.exact().unwrap().patterns {
                let mut total = state::ZERO;
                for cause in Cause::ALL {
                    let mut sum = state::ZERO;
                    for (times, weight) in &points {
                        state::add(
                            &mut sum,
                            &conditional.density(&seen(&link, exact.pattern.slots, *times), cause),
                            *weight,
                        );
                    }
                    let (expected, actual) = (exact.probability_of(cause), state::trace(&sum));
                    assert!(
                        (actual - expected).abs() < 1e-10 * expected,
                        "{name} {cause:?}: {actual} {expected}"
                    );
                    state::add(&mut total, &sum, 1.0);
                }
                let total = link.finished(&total);
                for i in 0..4 {
                    for j in 0..4 {
                        let difference = (total[i][j] - exact.rho()[i][j]).norm_sqr().sqrt();
                        assert!(difference < 1e-10 * exact.probability(), "{name} rho[{i}][{j}]");
                    }
                }
            }
        }
    }

    #[test]
    fn every_conditional_state_is_positive() {
        for (name, params) in variants() {
            let link = Link::new(params).unwrap();
            let conditional = Conditional::new(&link);
            for pattern in &link.patterns {
                for cause in Cause::ALL {
                    for (times, _) in square(&link).iter().step_by(97) {
                        // a record that cannot be, such as a counted photon before its arrival, has no state
                        let Some(rho) = conditional.state(&seen(&link, pattern.slots, *times), Some(cause))
                        else {
                            continue;
                        };
                        assert!((state::trace(&rho) - 1.0).abs() < 1e-12);
                        // block structure: populations and one coherence, |c|² at most the product of its populations
                        let bound = rho[1][1].re * rho[2][2].re;
                        assert!(
                            rho[1][2].norm_sqr() <= bound * (1.0 + 1e-9) + 1e-24,
                            "{name} {cause:?} {times:?}"
                        );
                        assert!((0..4).all(|i| rho[i][i].re >= -1e-15));
                    }
                }
            }
        }
    }

    #[test]
    fn a_slot_blind_for_the_whole_window_is_a_slot_without_detector() {
        // densities with one slot blind integrate to the exact operators of a link whose detector there sees nothing
        for blind in 0..SLOTS {
            let (_, params) = variants().swap_remove(2);
            let mut without = params.clone();
            let OneOrMany::Many(detectors) = &mut without.station.detectors else { panic!("four detectors") };
            detectors[blind].efficiency = 0.0;
            detectors[blind].dark_count_rate_hz = 0.0;
            let link = Link::new(params).unwrap();
            let conditional = Conditional::new(&link);
            let mut open_s = [link.window.start_s; SLOTS];
            open_s[blind] = link.window.end_s;
            let points = square(&link);
            for exact in &Link::new(without).unwrap().exact().unwrap().patterns {
                if exact.pattern.slots.contains(&blind) {
                    continue;
                }
                for cause in Cause::ALL {
                    let mut sum = state::ZERO;
                    for (times_s, weight) in &points {
                        let seen = Seen { slots: exact.pattern.slots, times_s: *times_s, open_s };
                        state::add(&mut sum, &conditional.density(&seen, cause), *weight);
                    }
                    let sum = link.finished(&sum);
                    for i in 0..4 {
                        for j in 0..4 {
                            let difference =
                                (sum[i][j] - exact.by_cause[cause as usize][i][j]).norm_sqr().sqrt();
                            assert!(
                                difference < 1e-10 * exact.probability_of(cause),
                                "{blind} {cause:?} {i}{j}"
                            );
                        }
                    }
                }
            }
        }
    }
}
