//! Operators on the two ions for what their photons do: one pair of branches at a time.
//!
//! With the Gram matrices G of the slots and the integrals of [`Waves`], the operators of docs/physics.md, section
//! Interference, are sums of products: a photon of source s registered in slot k leaves its ion in
//! reg_s(k)[a, a'] = eta_s c_a c_a' G_k[(s,a),(s,a')] times an integral of its intensity, and two photons registered in
//! slots j and k add the exchange term with G_j[(A,a),(B,b')] G_k[(B,b),(A,a')].

use super::Link;
use super::branch::{Branch, Extra};
use super::waves::{Grid, Span, Swap, Waves};
use crate::encoding::{EncodingParams, SLOTS};
use crate::motion::Recoil;
use crate::state::{self, State};
use num_complex::Complex64;
use std::sync::{Arc, OnceLock};

/// Operator on one ion.
pub(crate) type Ion = [[Complex64; 2]; 2];

/// One exchange term of a pair of slots: row and column of the ions' state, coefficient, frequencies.
#[derive(Debug, Clone, Copy)]
struct Exchange {
    row: usize,
    column: usize,
    weight: Complex64,
    deltas: [i32; 2],
}

/// One branch of each node.
#[derive(Debug)]
pub(crate) struct Pair<'a> {
    /// Probability that both happen and that a herald of them is not given up.
    pub(crate) probability: f64,
    /// Whether an ion is outside the qubit.
    pub(crate) leaked: bool,
    pub(crate) photons: Photons<'a>,
    pub(crate) extras: [Option<&'a Extra>; 2],
}

impl<'a> Pair<'a> {
    /// All pairs of a link's branches.
    pub(crate) fn all(link: &'a Link, grid: Grid) -> Vec<Self> {
        let kept = link.kept_by_check();
        let pass = |branch: &Branch| kept[usize::from(branch.leaked)];
        let mut known = vec![];
        let mut pairs = vec![];
        for a in &link.branches[0] {
            for b in &link.branches[1] {
                pairs.push(Self {
                    probability: a.probability * pass(a) * b.probability * pass(b),
                    leaked: a.leaked || b.leaked,
                    photons: Photons::new(link, [a, b], grid, &mut known),
                    extras: [a.extra.as_ref(), b.extra.as_ref()],
                });
            }
        }
        pairs
    }
}

/// The photons of one branch of each node.
#[derive(Debug)]
pub(crate) struct Photons<'a> {
    link: &'a Link,
    branches: [&'a Branch; 2],
    waves: Arc<Waves>,
    /// State of each ion once its photon, if any, has been traced out.
    emitted: [Ion; 2],
    exchange: [[Vec<Exchange>; SLOTS]; SLOTS],
    /// Whether exchange with a lost photon cancels while all slots are open: both ports of every mode lose equally.
    even: bool,
    /// Coherence weight of a single photon of either ion.
    vacuum: f64,
    /// The ions whose photons are registered in a slot, and nowhere, while all slots are open for the whole window.
    registered_throughout: [[OnceLock<Ion>; SLOTS]; 2],
    lost_throughout: [OnceLock<Ion>; 2],
}

impl<'a> Photons<'a> {
    /// `known` are the waves met so far: branches share them.
    fn new(link: &'a Link, branches: [&'a Branch; 2], grid: Grid, known: &mut Vec<Arc<Waves>>) -> Self {
        let packets = branches.map(|branch| branch.photon.as_ref().map(|photon| &photon.packet));
        let waves = known.iter().find(|waves| waves.are_of(packets)).cloned().unwrap_or_else(|| {
            let window = [link.window.start_s, link.window.end_s];
            let packets = packets.map(Option::<&_>::cloned);
            let waves = Waves::new(packets, window, link.splitting, link.mode_overlap, &link.motion, grid);
            known.push(Arc::new(waves));
            Arc::clone(&known[known.len() - 1])
        });
        let emitted = [0, 1].map(|node: usize| {
            let Some(photon) = &branches[node].photon else {
                return diagonal(branches[node].ion);
            };
            diagonal(photon.populations)
        });
        let mut photons = Self {
            link,
            branches,
            waves,
            emitted,
            exchange: std::array::from_fn(|_| std::array::from_fn(|_| vec![])),
            even: false,
            vacuum: 0.0,
            registered_throughout: Default::default(),
            lost_throughout: Default::default(),
        };
        if let [Some(a), Some(b)] = branches.map(|branch| branch.photon.as_ref()) {
            let scale = link.sources[0].efficiency * link.sources[1].efficiency;
            photons.vacuum = a.vacuum * b.vacuum * scale.sqrt() * link.phase_kept;
            photons.exchange = std::array::from_fn(|j| {
                std::array::from_fn(|k| {
                    let mut terms = vec![];
                    for index in 0..16 {
                        let [a0, b0, a1, b1] = [index / 8, index / 4 % 2, index / 2 % 2, index % 2];
                        let [first, second] = [link.grams[j][a0][2 + b1], link.grams[k][2 + b0][a1]];
                        if first == Complex64::ZERO || second == Complex64::ZERO {
                            continue;
                        }
                        let weight = first
                            * second
                            * (a.amplitudes[a0] * b.amplitudes[b0] * a.amplitudes[a1] * b.amplitudes[b1])
                            * scale;
                        if weight.norm_sqr() > 0.0 {
                            terms.push(Exchange {
                                row: 2 * a0 + b0,
                                column: 2 * a1 + b1,
                                weight,
                                deltas: [delta(a0, b1), delta(b0, a1)],
                            });
                        }
                    }
                    terms
                })
            });
            photons.even = link.loses_evenly();
        }
        photons
    }

    /// Points of the grid of its waves; zero for closed forms.
    pub(crate) fn points(&self) -> usize {
        self.waves.points()
    }

    /// Whether the grid of its waves cannot follow the motion of the ions.
    pub(crate) fn are_blurred(&self) -> bool {
        self.waves.are_blurred()
    }

    /// When both photons may be there (s), if they run alike in time: see [`Waves::alike_from_s`].
    pub(crate) fn alike_from_s(&self) -> Option<f64> {
        self.waves.alike_from_s()
    }

    /// Whether there can be this many entangled photons; a receiver knows of one.
    pub(crate) fn can_register(&self, count: usize) -> bool {
        count <= self.link.params.nodes.len()
            && self.branches.iter().filter(|branch| branch.photon.is_some()).count() >= count
    }

    /// No photon registered anywhere, slots open from these times on.
    pub(crate) fn none(&self, open_s: &[f64; SLOTS], recoil: &Recoil<'_>) -> State {
        let mut rho = self.product(&self.lost(0, open_s), &self.lost(1, open_s));
        if self.uneven(open_s) {
            for j in 0..SLOTS {
                for k in 0..SLOTS {
                    let spans = [Span::From(open_s[j]), Span::From(open_s[k])];
                    self.add_exchange(&mut rho, [j, k], spans, recoil, 0.5);
                }
                self.add_field(&mut rho, j, Span::From(open_s[j]), recoil, -1.0);
            }
        }
        rho
    }

    /// Exactly one photon registered anywhere, in this slot.
    pub(crate) fn lone(&self, slot: usize, span: Span, open_s: &[f64; SLOTS], recoil: &Recoil<'_>) -> State {
        if matches!(self.link.params.encoding, EncodingParams::IonPhoton(_)) {
            return self.received(slot, span);
        }
        let [here_a, here_b] = [0, 1].map(|node| self.projected(self.registered(node, slot, span)));
        let mut rho = state::ZERO;
        if self.branches[0].photon.is_some() {
            rho = self.product(&here_a, &self.lost(1, open_s));
        }
        if self.branches[1].photon.is_some() {
            state::add(&mut rho, &self.product(&self.lost(0, open_s), &here_b), 1.0);
        }
        if self.uneven(open_s) {
            // what interference moved into registered outcomes is missing here
            for other in 0..SLOTS {
                let spans = [span, Span::From(open_s[other])];
                self.add_exchange(&mut rho, [slot, other], spans, recoil, -1.0);
            }
        }
        self.add_field(&mut rho, slot, span, recoil, 1.0);
        rho
    }

    /// Two photons in one slot: one at the time and the other later, or both from the time on.
    pub(crate) fn same_slot(&self, slot: usize, span: Span, recoil: &Recoil<'_>) -> State {
        if !self.can_register(2) {
            return state::ZERO;
        }
        match span {
            Span::At(time_s) => self.pair([slot; 2], [span, Span::From(time_s)], recoil),
            // two photons in one slot have no order
            Span::From(_) => state::scaled(&self.pair([slot; 2], [span; 2], recoil), 0.5),
        }
    }

    /// One photon in each of two slots.
    pub(crate) fn pair(&self, slots: [usize; 2], spans: [Span; 2], recoil: &Recoil<'_>) -> State {
        if !self.can_register(2) {
            return state::ZERO;
        }
        let at = |node, place: usize| self.registered(node, slots[place], spans[place]);
        let [first, second] = [[at(0, 0), at(0, 1)], [at(1, 0), at(1, 1)]];
        self.pair_of([[&first[0], &first[1]], [&second[0], &second[1]]], slots, spans, recoil)
    }

    /// The same, given the ions whose photons are registered in each of the slots.
    pub(crate) fn pair_of(
        &self,
        [first, second]: [[&Ion; 2]; 2],
        slots: [usize; 2],
        spans: [Span; 2],
        recoil: &Recoil<'_>,
    ) -> State {
        let mut rho = self.product(first[0], second[1]);
        state::add(&mut rho, &self.product(first[1], second[0]), 1.0);
        self.add_exchange(&mut rho, slots, spans, recoil, 1.0);
        rho
    }

    /// The ion whose photon is registered in a slot.
    pub(crate) fn registered(&self, node: usize, slot: usize, span: Span) -> Ion {
        let new = || self.newly_registered(node, slot, span);
        if span == Span::From(self.link.window.start_s) {
            return *self.registered_throughout[node][slot].get_or_init(new);
        }
        new()
    }

    fn newly_registered(&self, node: usize, slot: usize, span: Span) -> Ion {
        let Some(photon) = &self.branches[node].photon else { return [[Complex64::ZERO; 2]; 2] };
        let gram = &self.link.grams[slot];
        let efficiency = self.link.sources[node].efficiency;
        let [c0, c1] = photon.amplitudes;
        let [first, second] = [2 * node, 2 * node + 1];
        let mut ion = [[Complex64::ZERO; 2]; 2];
        let plain = efficiency * self.waves.one(node, 0, span).re;
        ion[0][0].re = plain * c0 * c0 * gram[first][first].re;
        ion[1][1].re = plain * c1 * c1 * gram[second][second].re;
        if gram[first][second] != Complex64::ZERO {
            ion[0][1] = efficiency * c0 * c1 * gram[first][second] * self.waves.one(node, -1, span);
            ion[1][0] = ion[0][1].conj();
        }
        ion
    }

    /// The ion whose photon is registered nowhere.
    fn lost(&self, node: usize, open_s: &[f64; SLOTS]) -> Ion {
        if open_s.iter().all(|open| *open <= self.link.window.start_s) {
            return *self.lost_throughout[node].get_or_init(|| self.emitted_less_registered(node, open_s));
        }
        self.emitted_less_registered(node, open_s)
    }

    fn emitted_less_registered(&self, node: usize, open_s: &[f64; SLOTS]) -> Ion {
        let mut ion = self.emitted[node];
        if self.branches[node].photon.is_some() {
            for slot in 0..SLOTS {
                let seen = self.registered(node, slot, Span::From(open_s[slot]));
                for a in 0..2 {
                    for b in 0..2 {
                        ion[a][b] -= seen[a][b];
                    }
                }
            }
            // rounding must not make populations negative
            ion[0][0].re = ion[0][0].re.max(0.0);
            ion[1][1].re = ion[1][1].re.max(0.0);
        }
        self.projected(ion)
    }

    /// The ion of a photon that met no other one: of two frequencies it keeps no coherence, which would beat at their
    /// difference.
    fn projected(&self, ion: Ion) -> Ion {
        if matches!(self.link.params.encoding, EncodingParams::Frequency(_)) {
            diagonal([ion[0][0].re, ion[1][1].re])
        } else {
            ion
        }
    }

    /// Ion and photon as the receiver analyzes them, given a click in a slot.
    fn received(&self, slot: usize, span: Span) -> State {
        let Some(photon) = &self.branches[0].photon else { return state::ZERO };
        let seen = self.registered(0, slot, span);
        let probability = seen[0][0].re + seen[1][1].re;
        let received = &self.link.received;
        let mut rho: State = std::array::from_fn(|row| {
            std::array::from_fn(|column| {
                let (a, b) = (row / 2, column / 2);
                let wave = self.waves.one(0, delta(a, b), span);
                received[row][column] * wave * (photon.amplitudes[a] * photon.amplitudes[b])
            })
        });
        let trace = state::trace(&rho);
        if trace > 0.0 {
            rho = state::scaled(&rho, probability / trace);
        }
        rho
    }

    /// Whether exchange with a lost photon leaves traces: ports lose differently, by efficiency or because one is blind.
    fn uneven(&self, open_s: &[f64; SLOTS]) -> bool {
        self.can_register(2) && !(self.even && open_s.iter().all(|open| *open <= self.link.window.start_s))
    }

    /// Adds chi1 chi2† and its adjoint for photons in two slots.
    fn add_exchange(
        &self,
        rho: &mut State,
        [j, k]: [usize; 2],
        spans: [Span; 2],
        recoil: &Recoil<'_>,
        weight: f64,
    ) {
        let bins = if recoil.is_still() { 0 } else { self.link.bins_between(j, k) };
        for term in &self.exchange[j][k] {
            let swap = Swap { deltas: term.deltas, bins, recoil };
            let element = term.weight * self.waves.two(swap, spans) * weight;
            rho[term.row][term.column] += element;
            rho[term.column][term.row] += element.conj();
        }
    }

    /// Adds the coherence of a single photon that either ion may have emitted, |10><01| and its adjoint.
    fn add_field(&self, rho: &mut State, slot: usize, span: Span, recoil: &Recoil<'_>, weight: f64) {
        if self.vacuum > 0.0 {
            let kept = self.vacuum * recoil.unkicked();
            let element = self.link.grams[slot][1][3] * self.waves.field(span) * (kept * weight);
            rho[2][1] += element;
            rho[1][2] += element.conj();
        }
    }

    fn product(&self, a: &Ion, b: &Ion) -> State {
        if matches!(self.link.params.encoding, EncodingParams::IonPhoton(_)) {
            // a receiver that saw no photon knows nothing of its polarization
            return kron(a, &diagonal([0.5; 2]));
        }
        kron(a, b)
    }
}

/// Difference of two modes, in units of the mode splitting.
fn delta(first: usize, second: usize) -> i32 {
    i32::from(first > second) - i32::from(second > first)
}

fn diagonal([first, second]: [f64; 2]) -> Ion {
    [[Complex64::new(first, 0.0), Complex64::ZERO], [Complex64::ZERO, Complex64::new(second, 0.0)]]
}

fn kron(a: &Ion, b: &Ion) -> State {
    let diagonal = [a, b].iter().all(|ion| ion[0][1] == Complex64::ZERO && ion[1][0] == Complex64::ZERO);
    if diagonal {
        return state::diagonal_product([a[0][0].re, a[1][1].re], [b[0][0].re, b[1][1].re]);
    }
    std::array::from_fn(|i| std::array::from_fn(|j| a[i / 2][j / 2] * b[i % 2][j % 2]))
}
