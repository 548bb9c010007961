//! The state of two ions given what was seen: the joint density of clicks and ions at the recorded times.
//!
//! For a herald with clicks at given times in given slots and a cause, the unnormalized operator on the ions is the density
//! of everything that could have led to exactly this record: which photon went where, what was lost, and, in slots that
//! report only their first event, what came later. Its trace is the density of the record per attempt (1/s per click), so
//! posteriors of causes follow from it; normalized, it is the state.

use super::Link;
use super::branch::Extra;
use super::operators::Pair;
use super::waves::{Grid, Span};
use crate::encoding::{EncodingParams, SLOTS};
use crate::herald::{Cause, ExtraKind, Pattern};
use crate::math;
use crate::state::{self, State};

/// Densities of records of one link.
#[derive(Debug)]
pub(crate) struct Conditional<'a> {
    link: &'a Link,
    pairs: Vec<Pair<'a>>,
}

/// A record: which slots clicked when (s, from the arrival of an undelayed photon), and since when each could.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) pattern: Pattern,
    /// Click time of each column; anything for the missing click of a single-click herald.
    pub(crate) times_s: [f64; 2],
    /// Opening of each slot: that of the window unless the detector was still blind.
    pub(crate) open_s: [f64; SLOTS],
}

/// What a slot that clicked holds of one kind of photons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    Absent,
    /// At the time of the click.
    Now,
    /// Later, hidden by the click.
    Later,
}

impl Content {
    const ALL: [Self; 3] = [Self::Absent, Self::Now, Self::Later];

    fn span(self, time_s: f64) -> Span {
        if self == Self::Now { Span::At(time_s) } else { Span::From(time_s) }
    }
}

/// Where an extra photon is: nowhere, or in one of the clicking slots.
type Place = Option<(usize, Content)>;

/// All places; the first three for single-click heralds.
const PLACES: [Place; 5] = [
    None,
    Some((0, Content::Now)),
    Some((0, Content::Later)),
    Some((1, Content::Now)),
    Some((1, Content::Later)),
];

/// Operators and leaked probabilities by cause.
pub(crate) type ByCause = [(State, f64); Cause::COUNT];

impl<'a> Conditional<'a> {
    pub(crate) fn new(link: &'a Link, grid: Grid) -> Self {
        Self { link, pairs: Pair::all(link, grid) }
    }

    /// The ions' normalized state given the record and, if known, the cause; nothing for a record that cannot be, such as
    /// a counted photon before its arrival.
    pub(crate) fn state(&self, seen: &Seen, cause: Option<Cause>) -> Option<State> {
        let mut rho = state::ZERO;
        for (density, _) in &self.densities(seen, |possible| cause.is_none_or(|cause| cause == possible)) {
            state::add(&mut rho, density, 1.0);
        }
        let density = state::trace(&rho);
        (density > 0.0).then(|| self.link.finished(&state::scaled(&rho, 1.0 / density)))
    }

    /// Operator density (1/s per click) of clicks at these times in exactly these slots, by cause, per attempt; zero for
    /// causes that are not wanted.
    pub(crate) fn densities(&self, seen: &Seen, wanted: impl Fn(Cause) -> bool) -> ByCause {
        let link = self.link;
        let mut by_cause = [(state::ZERO, 0.0); Cause::COUNT];
        let clicks = Clicks::of(seen);
        let silent = (0..SLOTS)
            .filter(|slot| !seen.pattern.contains(*slot))
            .map(|slot| link.slots[slot].dark_count_rate_hz * (link.window.end_s - seen.open_s[slot]));
        let silent = math::exp(-silent.sum::<f64>());
        for pair in &self.pairs {
            for photons in clicks.contents() {
                self.add_contents(pair, &clicks, seen, photons, silent, &wanted, &mut by_cause);
            }
        }
        if link.params.phase_feed_forward {
            for (rho, _) in &mut by_cause {
                *rho = link.fed_forward(rho, seen);
            }
        }
        by_cause
    }

    #[expect(clippy::too_many_arguments, reason = "one step of a sum, cut out for its length")]
    fn add_contents(
        &self,
        pair: &Pair<'_>,
        clicks: &Clicks,
        seen: &Seen,
        photons: [Content; 2],
        silent: f64,
        wanted: &impl Fn(Cause) -> bool,
        by_cause: &mut ByCause,
    ) {
        let needed = photons.iter().filter(|content| **content != Content::Absent).count();
        if !pair.photons.can_register(needed) {
            return;
        }
        let mut operator = None;
        let places =
            |extra: Option<&Extra>| if extra.is_some() { &PLACES[..=2 * clicks.count] } else { &PLACES[..1] };
        for &first in places(pair.extras[0]) {
            for &second in places(pair.extras[1]) {
                let extras = [first, second];
                let Some(weight) = self.weight(clicks, seen, photons, extras) else { continue };
                let in_slot = |click: usize| {
                    photons[click] != Content::Absent
                        || extras.iter().flatten().any(|(place, _)| *place == click)
                };
                let kind = (0..2)
                    .filter(|node| extras[*node].is_some())
                    .filter_map(|node| pair.extras[node].map(|extra| extra.kind))
                    .max();
                let cause = Cause::of(clicks.count, (0..clicks.count).filter(|c| in_slot(*c)).count(), kind);
                if !wanted(cause) {
                    continue;
                }
                let mut weight = weight * silent * pair.probability;
                for node in 0..2 {
                    if let Some(extra) = pair.extras[node] {
                        weight *= self.extra_density(node, extra, clicks, seen, extras[node]);
                    }
                }
                if weight == 0.0 {
                    continue;
                }
                let rho = operator.get_or_insert_with(|| self.operator(pair, clicks, seen, photons));
                let (sum, leaked) = &mut by_cause[cause as usize];
                state::add(sum, rho, weight);
                if pair.leaked {
                    *leaked += weight * state::trace(rho);
                }
            }
        }
    }

    /// Weight of the dark counts that go with these contents; nothing if no click at its time comes of them.
    fn weight(&self, clicks: &Clicks, seen: &Seen, photons: [Content; 2], extras: [Place; 2]) -> Option<f64> {
        let mut weight = 1.0;
        for click in 0..clicks.count {
            let slot = &self.link.slots[clicks.slots[click]];
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
            match (now, later) {
                (1, 0) => {}
                (1, _) if !slot.number_resolving => {}
                // the click was a dark count
                (0, 0) => weight *= slot.dark_count_rate_hz,
                (0, _) if !slot.number_resolving => weight *= slot.dark_count_rate_hz,
                _ => return None,
            }
            if weight == 0.0 {
                return None;
            }
            // none before the click in a threshold slot, none at all in a number-resolving one
            let until = if slot.number_resolving { self.link.window.end_s } else { clicks.times_s[click] };
            weight *= math::exp(-slot.dark_count_rate_hz * (until - seen.open_s[clicks.slots[click]]));
        }
        Some(weight)
    }

    fn extra_density(&self, node: usize, extra: &Extra, clicks: &Clicks, seen: &Seen, place: Place) -> f64 {
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

    fn operator(&self, pair: &Pair<'_>, clicks: &Clicks, seen: &Seen, contents: [Content; 2]) -> State {
        let here: Vec<usize> = (0..clicks.count).filter(|c| contents[*c] != Content::Absent).collect();
        let span = |click: usize| contents[click].span(clicks.times_s[click]);
        match here[..] {
            [] => pair.photons.none(&seen.open_s),
            [click] => {
                let slot = clicks.slots[click];
                let mut rho = pair.photons.lone(slot, span(click), &seen.open_s);
                if !self.link.slots[slot].number_resolving {
                    state::add(&mut rho, &pair.photons.same_slot(slot, span(click)), 1.0);
                }
                rho
            }
            _ => pair.photons.pair([clicks.slots[0], clicks.slots[1]], [span(0), span(1)]),
        }
    }
}

/// The clicks of a record, without columns.
struct Clicks {
    count: usize,
    slots: [usize; 2],
    times_s: [f64; 2],
}

impl Clicks {
    fn of(seen: &Seen) -> Self {
        let mut clicks = Self { count: 0, slots: [0; 2], times_s: [0.0; 2] };
        for (column, slot) in seen.pattern.clicks() {
            clicks.slots[clicks.count] = slot;
            clicks.times_s[clicks.count] = seen.times_s[column];
            clicks.count += 1;
        }
        clicks
    }

    /// What the entangled photons can be in the clicking slots.
    fn contents(&self) -> impl Iterator<Item = [Content; 2]> + use<> {
        let second = if self.count == 2 { &Content::ALL[..] } else { &Content::ALL[..1] };
        Content::ALL.into_iter().flat_map(move |a| second.iter().map(move |b| [a, *b]))
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

    /// Turns the second ion (the only one of ion-photon links) back by the phase that the click times reveal.
    fn fed_forward(&self, rho: &State, seen: &Seen) -> State {
        let [a, b] = [0, 1].map(|node: usize| self.sources[node].packet.detuning_rad_per_s);
        let [first, second] = seen.times_s;
        let (angle, node) = match &self.params.encoding {
            // one click, in whichever column
            EncodingParams::Number(_) => {
                ((b - a) * if seen.pattern.slots[0].is_some() { first } else { second }, 1)
            }
            EncodingParams::IonPhoton(_) => {
                (self.splitting * if seen.pattern.slots[0].is_some() { first } else { second }, 0)
            }
            _ => (-(b - a) * (first - second), 1),
        };
        state::turned(rho, node, math::phase(angle))
    }
}

/// Kinds of extra photons are ordered: the pulse's name a cause before the other bin's.
const _: () = assert!((ExtraKind::OtherBin as u8) < (ExtraKind::Pulse as u8));
