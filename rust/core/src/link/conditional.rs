//! The state of two ions given what was seen: the joint density of clicks and ions at the recorded times.
//!
//! For a herald with clicks at given times in given slots and a cause, the unnormalized operator on the ions is the density
//! of everything that could have led to exactly this record: which photon went where, what was lost, and, in slots that
//! report only their first event, what came later. Its trace is the density of the record per attempt (1/s per click), so
//! posteriors of causes follow from it; normalized, it is the state.

mod ways;

use super::Link;
use super::branch::Extra;
use super::operators::{Ion, Pair};
use super::waves::Grid;
use crate::encoding::{EncodingParams, SLOTS};
use crate::error::{Error, Result};
use crate::herald::{Cause, ExtraKind, Pattern};
use crate::math;
use crate::motion::Recoil;
use crate::state::{self, State};
use ways::{Content, Place, Ways};

/// Densities of records of one link.
#[derive(Debug)]
pub(crate) struct Conditional<'a> {
    link: &'a Link,
    pairs: Vec<Pair<'a>>,
    ways: Ways,
}

/// A record: which slots clicked when (s, from the arrival of an undelayed photon), and since when each could.
#[derive(Debug, Clone)]
pub(crate) struct Seen<'a> {
    pub(crate) pattern: Pattern,
    /// Click time of each column; anything for the missing click of a single-click herald.
    pub(crate) times_s: [f64; 2],
    /// Opening of each slot: that of the window unless the detector was still blind.
    pub(crate) open_s: [f64; SLOTS],
    /// Which clicks are afterpulses, one bit for each column.
    pub(crate) afterpulses: u8,
    /// That of the attempt, or the mean of all.
    pub(crate) recoil: Recoil<'a>,
}

impl<'a> Seen<'a> {
    /// Clicks at these times of detectors that are ready when an attempt's first window opens.
    pub(crate) fn at(link: &'a Link, pattern: Pattern, times_s: [f64; 2]) -> Self {
        let mut open_s = [link.window.start_s; SLOTS];
        link.reopen(&mut open_s, &pattern, &times_s);
        Self { pattern, times_s, open_s, afterpulses: 0, recoil: link.motion.mean() }
    }
}

/// Standard deviations of jitter that are looked at: a normal number made of 53 bits stays below 8.6.
const FARTHEST: f64 = 9.0;

/// Operators and leaked probabilities by cause.
pub(crate) type ByCause = [(State, f64); Cause::COUNT];

impl<'a> Conditional<'a> {
    /// # Errors
    /// [`Error::Model`] for wave packets without closed form that are too long for the motion of the ions.
    pub(crate) fn new(link: &'a Link, grid: Grid) -> Result<Self> {
        let pairs = Pair::all(link, grid);
        if pairs.iter().any(|pair| pair.photons.are_blurred()) {
            return Err(Error::Model {
                parameter: link.moving().into(),
                message: "the motion is too fast for states of photons this long: use exponential wave packets and few \
                          modes, or a shorter window"
                    .into(),
            });
        }
        Ok(Self { link, pairs, ways: Ways::default() })
    }

    /// The time (s) from which on clicks of two counted photons all leave one state, if there is one: that of photons alike in
    /// time, whose densities are one number for every record.
    pub(crate) fn timeless_from_s(&self) -> Option<f64> {
        let [pair] = &self.pairs[..] else { return None };
        let told = self.link.params.phase_feed_forward
            || pair.extras.iter().any(Option::is_some)
            || !self.link.motion.mean().is_still();
        if told { None } else { pair.photons.alike_from_s() }
    }

    /// The ions' normalized state given the record: what happened (the cause, and when clicks came) or, without a cause, only
    /// the recorded times. Nothing for a record that cannot be, such as a counted photon before its arrival.
    pub(crate) fn state(
        &self,
        seen: &Seen<'_>,
        recorded_s: &[f64; 2],
        cause: Option<Cause>,
    ) -> Option<State> {
        let mut rho = state::ZERO;
        if let Some(cause) = cause {
            self.each_density(seen, Some(cause), |_, density, weight, _| {
                state::add(&mut rho, density, weight);
            });
            rho = self.fed_forward(rho, seen, recorded_s);
        } else {
            for (density, _) in &self.recorded(seen, recorded_s, None) {
                state::add(&mut rho, density, 1.0);
            }
        }
        let density = state::trace(&rho);
        let announced = seen.pattern.bell_state;
        (density > 0.0).then(|| self.link.finished(&state::scaled(&rho, 1.0 / density), announced))
    }

    /// Operator density (1/s per click) of recorded times, by cause, per attempt; zero for causes but the one wanted, or of all.
    /// With timing jitter it is the density of the clicks, smeared out.
    pub(crate) fn recorded(&self, seen: &Seen, recorded_s: &[f64; 2], wanted: Option<Cause>) -> ByCause {
        let turned = |by_cause: ByCause| {
            by_cause.map(|(rho, leaked)| (self.fed_forward(rho, seen, recorded_s), leaked))
        };
        if !self.link.jitters {
            return turned(self.densities(seen, wanted));
        }
        let points: [Vec<(f64, f64)>; 2] = [0, 1].map(|column: usize| {
            seen.pattern.slots[column]
                .map_or(vec![(f64::NAN, 1.0)], |slot| self.blurred(slot, recorded_s[column]))
        });
        let mut by_cause = [(state::ZERO, 0.0); Cause::COUNT];
        for &(first_s, weight) in &points[0] {
            for &(second_s, other) in &points[1] {
                let mut seen = Seen { times_s: [first_s, second_s], ..seen.clone() };
                // nobody knows better when a click came that blinded the late bin
                self.link.reopen(&mut seen.open_s, &seen.pattern, &seen.times_s);
                for ((sum, sum_leaked), (rho, leaked)) in
                    by_cause.iter_mut().zip(self.densities(&seen, wanted))
                {
                    state::add(sum, &rho, weight * other);
                    *sum_leaked += weight * other * leaked;
                }
            }
        }
        turned(by_cause)
    }

    /// Times at which a click may have come that was recorded at a time, with their weights: Gauss's rule between the points
    /// at which densities jump, out to nine standard deviations, beyond which no jitter goes.
    fn blurred(&self, slot: usize, recorded_s: f64) -> Vec<(f64, f64)> {
        let (window, jitter_s) = (self.link.window, self.link.slots[slot].timing_jitter_s);
        if jitter_s == 0.0 {
            return vec![(recorded_s, 1.0)];
        }
        let (low, high) = (
            (recorded_s - FARTHEST * jitter_s).max(window.start_s),
            (recorded_s + FARTHEST * jitter_s).min(window.end_s),
        );
        if high <= low {
            return vec![];
        }
        let mut edges = vec![low, high];
        let photons = self.link.branches.iter().flatten().filter_map(|branch| branch.photon.as_ref());
        edges.extend(photons.map(|photon| photon.packet.from_s()).filter(|edge| (low..high).contains(edge)));
        edges.sort_by(f64::total_cmp);
        let mut points = vec![];
        for pair in edges.windows(2) {
            let count = ((pair[1] - pair[0]) / (2.5 * jitter_s)).ceil().max(1.0);
            let width = (pair[1] - pair[0]) / count;
            for k in 0..count as usize {
                for (x, weight) in math::gauss_rule(6) {
                    let time_s = pair[0] + width * (k as f64 + x);
                    let off = (recorded_s - time_s) / jitter_s;
                    let density =
                        math::exp(-0.5 * off * off) / (jitter_s * (2.0 * std::f64::consts::PI).sqrt());
                    points.push((time_s, weight * width * density));
                }
            }
        }
        points
    }

    /// The phase that the recorded times reveal, turned back.
    fn fed_forward(&self, rho: State, seen: &Seen, recorded_s: &[f64; 2]) -> State {
        if !self.link.params.phase_feed_forward {
            return rho;
        }
        let (angle, node) = self.link.revealed_phase_rad(&seen.pattern, recorded_s);
        state::turned(&rho, node, math::phase(angle))
    }

    /// Operator density (1/s per click) of clicks at these times in exactly these slots, by cause, per attempt; zero for
    /// causes but the one wanted, or of all.
    pub(crate) fn densities(&self, seen: &Seen<'_>, wanted: Option<Cause>) -> ByCause {
        let mut by_cause = [(state::ZERO, 0.0); Cause::COUNT];
        self.each_density(seen, wanted, |cause, rho, weight, leaked| {
            let (sum, sum_leaked) = &mut by_cause[cause as usize];
            state::add(sum, rho, weight);
            if leaked {
                *sum_leaked += weight * state::trace(rho);
            }
        });
        by_cause
    }

    /// Hands over the parts of which these densities are the sums: cause, operator, its weight, whether an ion has leaked.
    fn each_density(
        &self,
        seen: &Seen<'_>,
        wanted: Option<Cause>,
        mut visit: impl FnMut(Cause, &State, f64, bool),
    ) {
        let link = self.link;
        let clicks = Clicks::of(seen);
        if (0..clicks.count).any(|click| clicks.times_s[click] < seen.open_s[clicks.slots[click]]) {
            return;
        }
        let silent = (0..SLOTS)
            .filter(|slot| !seen.pattern.contains(*slot))
            .map(|slot| link.noise_between(slot, seen.open_s[slot], link.window.end_s));
        let silent = math::exp(-silent.sum::<f64>());
        let noises = self.noises(&clicks, seen);
        // of the pair and the contents that came last: ways that differ in extra photons alone follow each other
        let (mut last, mut operator, mut ions) = (None, None, Ions::default());
        for way in self.ways.of(&self.pairs, clicks.count, wanted) {
            let pair = &self.pairs[way.pair];
            let Some(weights) = Self::weights(&clicks, &noises, way.photons, way.extras) else { continue };
            if last != Some((way.pair, way.photons)) {
                if last.is_some_and(|(pair, _)| pair != way.pair) {
                    ions.known = Default::default();
                }
                (last, operator) = (Some((way.pair, way.photons)), None);
            }
            let mut others = None;
            for (weight, cause) in weights.into_iter().zip(way.causes) {
                let (Some(cause), true) = (cause, weight != 0.0) else { continue };
                let others = *others.get_or_insert_with(|| {
                    let mut weight = silent * pair.probability;
                    for node in 0..2 {
                        if let Some(extra) = pair.extras[node] {
                            weight *= self.extra_density(node, extra, &clicks, seen, way.extras[node]);
                        }
                    }
                    weight
                });
                let weight = weight * others;
                if weight == 0.0 {
                    continue;
                }
                let rho = operator
                    .get_or_insert_with(|| self.operator(pair, &clicks, seen, way.photons, &mut ions));
                visit(cause, rho, weight, pair.leaked);
            }
        }
    }

    /// Weights of the counts without photons that go with these contents, by the worst of those that make a slot click alone;
    /// nothing if no click at its time comes of them.
    fn weights(
        clicks: &Clicks,
        noises: &[Noises; 2],
        photons: [Content; 2],
        extras: [Place; 2],
    ) -> Option<[f64; 3]> {
        let mut weights = [1.0, 0.0, 0.0];
        for click in 0..clicks.count {
            let Noises { silent, dark, lit, dark_after, afterpulse, number_resolving } = noises[click];
            let (mut now, mut later) = (0, 0);
            let here =
                extras.iter().flatten().filter(|(place, _)| *place == click).map(|(_, content)| content);
            for content in here.chain([&photons[click]]) {
                match content {
                    Content::Absent => {}
                    Content::Now => now += 1,
                    Content::Later => later += 1,
                }
            }
            if now > 1 || number_resolving && later > 0 {
                return None;
            }
            let here = match (now > 0, later > 0, afterpulse) {
                (true, _, true) => return None,
                // the density of an afterpulse is common to all contents
                (true, _, false) | (false, true, true) => [silent, 0.0, 0.0],
                (false, true, false) => [(dark + lit) * silent, 0.0, 0.0],
                (false, false, false) => {
                    [dark * dark_after * silent, (lit + dark * (1.0 - dark_after)) * silent, 0.0]
                }
                (false, false, true) => [0.0, (1.0 - dark_after) * silent, dark_after * silent],
            };
            let mut both = [0.0; 3];
            for (before, weight) in weights.iter().enumerate() {
                for (noise, here) in here.iter().enumerate() {
                    both[before.max(noise)] += weight * here;
                }
            }
            weights = both;
        }
        (weights.iter().sum::<f64>() > 0.0).then_some(weights)
    }

    /// What the slots of the clicks count without photons, common to all contents.
    fn noises(&self, clicks: &Clicks, seen: &Seen<'_>) -> [Noises; 2] {
        let link = self.link;
        let end_s = link.window.end_s;
        let mut noises = [Noises::default(); 2];
        for (click, noise) in noises.iter_mut().enumerate().take(clicks.count) {
            let (index, time_s) = (clicks.slots[click], clicks.times_s[click]);
            let slot = &link.slots[index];
            // none before the click in a threshold slot, none at all in a number-resolving one
            let until_s = if slot.number_resolving { end_s } else { time_s };
            *noise = Noises {
                silent: math::exp(-link.noise_between(index, seen.open_s[index], until_s)),
                dark: slot.dark_count_rate_hz,
                lit: link.background_rate_hz(index, time_s),
                // background that comes after the click makes it a background slot
                dark_after: if slot.number_resolving {
                    1.0
                } else {
                    math::exp(-link.background_between(index, time_s, end_s))
                },
                afterpulse: seen.afterpulses >> clicks.columns[click] & 1 == 1,
                number_resolving: slot.number_resolving,
            };
        }
        noises
    }

    fn extra_density(
        &self,
        node: usize,
        extra: &Extra,
        clicks: &Clicks,
        seen: &Seen<'_>,
        place: Place,
    ) -> f64 {
        let link = self.link;
        match place {
            None => 1.0 - extra.registered(node, &link.grams, &seen.open_s, link.window.end_s),
            Some((click, content)) => {
                let efficiency = extra.slot_efficiency(node, &link.grams[clicks.slots[click]]);
                let time_s = clicks.times_s[click];
                efficiency
                    * match content {
                        Content::Now => extra.intensity(time_s),
                        _ => extra.captured(time_s, link.window.end_s),
                    }
            }
        }
    }

    fn operator(
        &self,
        pair: &Pair<'_>,
        clicks: &Clicks,
        seen: &Seen<'_>,
        contents: [Content; 2],
        ions: &mut Ions,
    ) -> State {
        let span = |click: usize| contents[click].span(clicks.times_s[click]);
        let click = match contents {
            [Content::Absent, Content::Absent] => return pair.photons.none(&seen.open_s, &seen.recoil),
            [_, Content::Absent] => 0,
            [Content::Absent, _] => 1,
            _ => {
                let (slots, spans) = ([clicks.slots[0], clicks.slots[1]], [span(0), span(1)]);
                let later = contents.map(|content| usize::from(content == Content::Later));
                for node in 0..2 {
                    for click in 0..2 {
                        let known = &mut ions.known[node][click][later[click]];
                        if !*known {
                            *known = true;
                            ions.registered[node][click][later[click]] =
                                pair.photons.registered(node, slots[click], spans[click]);
                        }
                    }
                }
                let of = |node: usize| {
                    let clicks = &ions.registered[node];
                    [&clicks[0][later[0]], &clicks[1][later[1]]]
                };
                return pair.photons.pair_of([of(0), of(1)], slots, spans, &seen.recoil);
            }
        };
        let slot = clicks.slots[click];
        let mut rho = pair.photons.lone(slot, span(click), &seen.open_s, &seen.recoil);
        if !self.link.slots[slot].number_resolving {
            state::add(&mut rho, &pair.photons.same_slot(slot, span(click), &seen.recoil), 1.0);
        }
        rho
    }
}

/// What registered photons of one pair of branches leave: by node, click, and whether the photon is the click or comes later.
#[derive(Debug, Default)]
struct Ions {
    registered: [[[Ion; 2]; 2]; 2],
    known: [[[bool; 2]; 2]; 2],
}

/// What the slot of one click counts without photons.
#[derive(Debug, Clone, Copy, Default)]
struct Noises {
    /// Probability of no such count where there must be none.
    silent: f64,
    /// Rates (1/s) at the time of the click: of dark counts and of background.
    dark: f64,
    lit: f64,
    /// Probability that no background follows the click.
    dark_after: f64,
    /// Whether the click is an afterpulse.
    afterpulse: bool,
    number_resolving: bool,
}

/// The clicks of a record, without columns.
struct Clicks {
    count: usize,
    columns: [usize; 2],
    slots: [usize; 2],
    times_s: [f64; 2],
}

impl Clicks {
    fn of(seen: &Seen<'_>) -> Self {
        let mut clicks = Self { count: 0, columns: [0; 2], slots: [0; 2], times_s: [0.0; 2] };
        for (column, slot) in seen.pattern.clicks() {
            clicks.columns[clicks.count] = column;
            clicks.slots[clicks.count] = slot;
            clicks.times_s[clicks.count] = seen.times_s[column];
            clicks.count += 1;
        }
        clicks
    }
}

impl Link {
    /// Probability that an ion inside, and one outside the qubit, passes the erasure check.
    pub(super) fn kept_by_check(&self) -> [f64; 2] {
        match &self.params.encoding {
            EncodingParams::TimeBin(params) => params
                .erasure_check
                .map_or([1.0; 2], |check| [check.kept_fraction, 1.0 - check.detection_probability]),
            _ => [1.0; 2],
        }
    }

    /// Opens late slots when the click of their detector in the early bin, at these times, no longer blinds it.
    fn reopen(&self, open_s: &mut [f64; SLOTS], pattern: &Pattern, times_s: &[f64; 2]) {
        if !self.recall.orders || self.bin_separation_s == 0.0 {
            return;
        }
        for (column, early) in pattern.clicks().filter(|(_, slot)| self.detector_of(*slot) == *slot) {
            let slot = &self.slots[early];
            // how long a recovering detector takes is on record alone
            if slot.recovery_time_s == 0.0 {
                let ready_s = times_s[column] - self.bin_separation_s + slot.dead_time_s;
                open_s[early + 1] = ready_s.clamp(self.window.start_s, self.window.end_s);
            }
        }
    }

    /// The phase that the recorded times reveal (rad), and the ion that is turned back by it: the second one, the only one of
    /// ion-photon links.
    pub(super) fn revealed_phase_rad(&self, pattern: &Pattern, [first, second]: &[f64; 2]) -> (f64, usize) {
        let ([alone, a, b], node) = self.revealing_rad_per_s();
        match pattern.slots {
            // one click, in whichever column
            [Some(_), None] => (alone * first, node),
            [None, _] => (alone * second, node),
            _ => (a * first + b * second, node),
        }
    }

    /// Angular frequencies (rad/s) at which the revealed phase grows with the time of a lone click, of the first, of the
    /// second of two; and the ion.
    pub(super) fn revealing_rad_per_s(&self) -> ([f64; 3], usize) {
        let [a, b] = [0, 1].map(|node: usize| self.sources[node].packet.detuning_rad_per_s);
        match &self.params.encoding {
            EncodingParams::Number(_) => ([b - a, 0.0, 0.0], 1),
            EncodingParams::IonPhoton(_) => ([self.splitting, 0.0, 0.0], 0),
            _ => ([0.0, a - b, b - a], 1),
        }
    }

    /// Rate of background at a time inside the window (1/s).
    fn background_rate_hz(&self, slot: usize, time_s: f64) -> f64 {
        match &self.backgrounds[slot] {
            Some(background) => self.slots[slot].background_mean * background.density(time_s),
            None => 0.0,
        }
    }

    /// Mean number of background events between two times inside the window.
    fn background_between(&self, slot: usize, from_s: f64, to_s: f64) -> f64 {
        match &self.backgrounds[slot] {
            Some(background) => self.slots[slot].background_mean * background.between(from_s, to_s),
            None => 0.0,
        }
    }

    /// Mean number of counts without photons between two times inside the window.
    fn noise_between(&self, slot: usize, from_s: f64, to_s: f64) -> f64 {
        self.slots[slot].dark_count_rate_hz * (to_s - from_s) + self.background_between(slot, from_s, to_s)
    }
}

/// Kinds of extra photons are ordered: the pulse's name a cause before the other bin's.
const _: () = assert!((ExtraKind::OtherBin as u8) < (ExtraKind::Pulse as u8));
