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
    /// |c_m|² of each node.
    reduced: [[f64; 2]; 2],
    /// Both waves are present from here on (s).
    both_from_s: f64,
    detuning_rad_per_s: f64,
    dephasing_rate_hz: f64,
    /// cross weight times M for each pair of slots.
    cross: [[f64; SLOTS]; SLOTS],
    /// Sum of `cross` over the ports of the second slot's mode: zero where both ports lose equally.
    cross_of_mode: [[f64; 2]; SLOTS],
    /// Whether any of them differs from zero beyond rounding.
    ports_differ: bool,
}

const MIXED: [f64; 2] = [0.5; 2];

impl<'a> Conditional<'a> {
    pub(crate) fn new(link: &'a Link) -> Self {
        let [a, b] = [&link.sources[0].packet, &link.sources[1].packet];
        let cross: [[f64; SLOTS]; SLOTS] =
            std::array::from_fn(|k| std::array::from_fn(|l| link.mode_overlap * link.cross_weight(k, l)));
        let ports_differ = (0..2)
            .any(|mode| link.slots[mode].relative_efficiency != link.slots[2 + mode].relative_efficiency);
        let cross_of_mode = std::array::from_fn(|k| {
            std::array::from_fn(|mode| if ports_differ { cross[k][mode] + cross[k][2 + mode] } else { 0.0 })
        });
        Self {
            link,
            reduced: [0, 1].map(|node: usize| link.sources[node].amplitudes.map(|c| c * c)),
            both_from_s: a.delay_s.max(b.delay_s),
            detuning_rad_per_s: a.detuning_rad_per_s - b.detuning_rad_per_s,
            dephasing_rate_hz: a.dephasing_rate_hz + b.dephasing_rate_hz,
            cross,
            cross_of_mode,
            ports_differ,
        }
    }

    /// The ions' normalized state given cause and click times (s, from the arrival of an undelayed photon).
    pub(crate) fn state(&self, slots: [usize; 2], cause: Cause, times_s: [f64; 2]) -> State {
        let rho = self.density(slots, cause, times_s);
        let rho = state::scaled(&rho, 1.0 / state::trace(&rho));
        self.link.finished(&rho)
    }

    /// Operator density (1/s²) of clicks at `times_s` in exactly `slots`, by `cause`, per attempt.
    pub(crate) fn density(&self, slots: [usize; 2], cause: Cause, times_s: [f64; 2]) -> State {
        let [a, b] = [0, 1].map(|node: usize| self.link.sources[node].photon_probability);
        let rho = match cause {
            Cause::PhotonPhoton => {
                let weight = a
                    * b
                    * self.photon_factor(slots[0], times_s[0])
                    * self.photon_factor(slots[1], times_s[1]);
                state::scaled(&self.both_registered(slots, times_s), weight)
            }
            Cause::PhotonDark => {
                let mut rho = state::ZERO;
                for (seen, empty) in [(0, 1), (1, 0)] {
                    let (slot, time) = (slots[seen], times_s[seen]);
                    let weight =
                        self.photon_factor(slot, time) * self.dark_density(slots[empty], times_s[empty]);
                    if weight > 0.0 {
                        state::add(&mut rho, &self.one_slot(slot, time), weight);
                    }
                }
                rho
            }
            Cause::DarkDark => {
                let weight =
                    self.dark_density(slots[0], times_s[0]) * self.dark_density(slots[1], times_s[1]);
                state::scaled(&self.none_registered(), weight)
            }
        };
        let silent: f64 = (0..SLOTS)
            .filter(|slot| !slots.contains(slot))
            .map(|slot| self.link.slots[slot].silent_probability())
            .product();
        state::scaled(&rho, silent)
    }

    /// Probability that no dark count spoils a photon's click at this time: none before it in a threshold slot, none
    /// at all in a number-resolving one.
    fn photon_factor(&self, slot: usize, time_s: f64) -> f64 {
        let slot = &self.link.slots[slot];
        if slot.number_resolving {
            slot.silent_probability()
        } else {
            math::exp(-slot.dark_count_rate_hz * (time_s - self.link.window.start_s))
        }
    }

    /// Density (1/s) of a click by dark counts alone at this time.
    fn dark_density(&self, slot: usize, time_s: f64) -> f64 {
        self.link.slots[slot].dark_count_rate_hz * self.photon_factor(slot, time_s)
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
            self.reduced[node][link.slots[slot].mode]
                * link.slot_efficiency(node, slot)
                * (packet.intensity(time) + hidden)
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

    /// Photons in one slot only, the first event of it at `time_s`: one photon, or two where the slot cannot tell.
    fn one_slot(&self, slot: usize, time_s: f64) -> State {
        let link = self.link;
        let [a, b] = [0, 1].map(|node: usize| link.sources[node].photon_probability);
        let mode = link.slots[slot].mode;
        let (rate, end) = (self.hiding_rate(slot), link.window.end_s);
        let packets = [&link.sources[0].packet, &link.sources[1].packet];
        // density at the time of the click of one photon of a node, or of a hidden later one
        let at = [0, 1].map(|node: usize| {
            self.reduced[node][mode]
                * link.slot_efficiency(node, slot)
                * (packets[node].intensity(time_s) + rate * packets[node].captured(time_s, end))
        });

        // one node's photon was never emitted: its ion is I/2
        let mut rho = projected(0, mode, a * (1.0 - b) * at[0], MIXED);
        state::add(&mut rho, &projected(1, mode, (1.0 - a) * b * at[1], MIXED), 1.0);

        // both emitted: one registered here and the other nowhere
        let mut both = state::ZERO;
        for node in 0..2 {
            let other = 1 - node;
            state::add(&mut both, &projected(node, mode, at[node], self.unregistered(other)), 1.0);
        }
        if self.ports_differ {
            // what interference moved into registered outcomes is missing here
            let here = self.product(time_s) * self.whole_window(time_s).conj()
                + rate * self.strip_and_square(time_s);
            for q in 0..2 {
                add_cross(&mut both, mode, q, -here * self.cross_of_mode[slot][q]);
            }
        }
        // both emitted and both here: the first photon, or a dark count before both, gave the time
        if !link.slots[slot].number_resolving {
            let efficiency = |node: usize| self.reduced[node][mode] * link.slot_efficiency(node, slot);
            let [p_a, p_b] = [0, 1].map(|node: usize| packets[node].intensity(time_s));
            let [later_a, later_b] = [0, 1].map(|node: usize| packets[node].captured(time_s, end));
            let plain = p_a * later_b + p_b * later_a + rate * later_a * later_b;
            let cross = 2.0 * (self.product(time_s) * self.segment(time_s, end, time_s).conj()).re
                + rate * self.rectangle(time_s, time_s).re;
            rho[3 * mode][3 * mode].re +=
                a * b * (efficiency(0) * efficiency(1) * plain + self.cross[slot][slot] * cross);
        }
        state::add(&mut rho, &both, a * b);
        rho
    }

    /// No photon registered, whatever was emitted.
    fn none_registered(&self) -> State {
        let link = self.link;
        let [a, b] = [0, 1].map(|node: usize| link.sources[node].photon_probability);
        let lost = [0, 1].map(|node| self.unregistered(node));
        let mut both = state::diagonal_product(lost[0], lost[1]);
        if self.ports_differ {
            let all = self.rectangle(link.window.start_s, link.window.start_s).re;
            for p in 0..2 {
                // sum over the ports of both photons; the unordered pair counts once
                let by_mode = |q: usize| self.cross_of_mode[p][q] + self.cross_of_mode[2 + p][q];
                add_cross(&mut both, p, 0, Complex64::new(0.5 * by_mode(0) * all, 0.0));
                add_cross(&mut both, p, 1, Complex64::new(0.5 * by_mode(1) * all, 0.0));
            }
        }
        let mut rho = state::scaled(&both, a * b);
        state::add(&mut rho, &state::diagonal_product(lost[0], MIXED), a * (1.0 - b));
        state::add(&mut rho, &state::diagonal_product(MIXED, lost[1]), (1.0 - a) * b);
        state::add(&mut rho, &state::diagonal_product(MIXED, MIXED), (1.0 - a) * (1.0 - b));
        rho
    }

    /// |c_m|² times the probability that an emitted photon of this node and mode is registered nowhere.
    fn unregistered(&self, node: usize) -> [f64; 2] {
        let link = self.link;
        let inside = link.sources[node].packet.captured(link.window.start_s, link.window.end_s);
        std::array::from_fn(|mode| {
            let seen: f64 = (0..2).map(|port| link.slot_efficiency(node, 2 * port + mode)).sum();
            self.reduced[node][mode] * (1.0 - seen * inside)
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

    /// Integral of h over the window with the phase kept relative to `anchor`.
    fn whole_window(&self, anchor: f64) -> Complex64 {
        self.segment(self.link.window.start_s, self.link.window.end_s, anchor)
    }

    /// Integral of h(s) h*(t) exp(-g |s - t|) over s after `time_s` and t in the whole window.
    fn strip_and_square(&self, time_s: f64) -> Complex64 {
        self.rectangle(time_s, self.link.window.start_s)
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
            for exact in &link.exact().patterns {
                let mut total = state::ZERO;
                for cause in Cause::ALL {
                    let mut sum = state::ZERO;
                    for (times, weight) in &points {
                        state::add(
                            &mut sum,
                            &conditional.density(exact.pattern.slots, cause, *times),
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
                        if state::trace(&conditional.density(pattern.slots, cause, *times)) == 0.0 {
                            continue; // a record that cannot be, such as a counted photon before its arrival
                        }
                        let rho = conditional.state(pattern.slots, cause, *times);
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
}
