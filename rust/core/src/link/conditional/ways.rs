//! Ways to a record: which photons the clicking slots may hold, and what that is a case of.

use crate::herald::{Cause, Noise};
use crate::link::branch::Extra;
use crate::link::operators::Pair;
use crate::link::waves::Span;
use std::sync::OnceLock;

/// What a slot that clicked holds of one kind of photons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    Absent,
    /// At the time of the click.
    Now,
    /// Later, hidden by the click.
    Later,
}

impl Content {
    const ALL: [Self; 3] = [Self::Absent, Self::Now, Self::Later];

    pub(super) fn span(self, time_s: f64) -> Span {
        if self == Self::Now { Span::At(time_s) } else { Span::From(time_s) }
    }
}

/// Where an extra photon is: nowhere, or in one of the clicking slots.
pub(super) type Place = Option<(usize, Content)>;

/// All places; the first three for single-click heralds.
const PLACES: [Place; 5] = [
    None,
    Some((0, Content::Now)),
    Some((0, Content::Later)),
    Some((1, Content::Now)),
    Some((1, Content::Later)),
];

/// One way to a record.
#[derive(Debug)]
pub(super) struct Way {
    /// Number of the pair of branches.
    pub(super) pair: usize,
    /// What the clicking slots hold of the entangled photons.
    pub(super) photons: [Content; 2],
    /// Where each node's extra photon is.
    pub(super) extras: [Place; 2],
    /// What it is a case of, for each kind of noise, as far as wanted.
    pub(super) causes: [Option<Cause>; 3],
}

/// All ways, found when they are asked for: most belong to other causes than that of a record.
#[derive(Debug, Default)]
pub(super) struct Ways {
    /// By number of clicks, then by cause, all causes last.
    found: [[OnceLock<Vec<Way>>; Cause::COUNT + 1]; 2],
}

impl Ways {
    /// All ways to clicks in so many slots, by one cause or by all.
    pub(super) fn of(&self, pairs: &[Pair<'_>], clicks: usize, wanted: Option<Cause>) -> &[Way] {
        let find = || {
            let mut ways = vec![];
            for (number, pair) in pairs.iter().enumerate() {
                for first in Content::ALL {
                    for &second in if clicks == 2 { &Content::ALL[..] } else { &Content::ALL[..1] } {
                        add(&mut ways, number, pair, [first, second], clicks, wanted);
                    }
                }
            }
            ways
        };
        self.found[clicks - 1][wanted.map_or(Cause::COUNT, |cause| cause as usize)].get_or_init(find)
    }
}

fn add(
    ways: &mut Vec<Way>,
    number: usize,
    pair: &Pair<'_>,
    photons: [Content; 2],
    clicks: usize,
    wanted: Option<Cause>,
) {
    let needed = photons.iter().filter(|content| **content != Content::Absent).count();
    if !pair.photons.can_register(needed) {
        return;
    }
    let places = |extra: Option<&Extra>| if extra.is_some() { &PLACES[..=2 * clicks] } else { &PLACES[..1] };
    for &first in places(pair.extras[0]) {
        for &second in places(pair.extras[1]) {
            let extras = [first, second];
            let in_slot = |click: usize| {
                photons[click] != Content::Absent || extras.iter().flatten().any(|(place, _)| *place == click)
            };
            let kind = (0..2)
                .filter(|node| extras[*node].is_some())
                .filter_map(|node| pair.extras[node].map(|extra| extra.kind))
                .max();
            let with_photon = (0..clicks).filter(|click| in_slot(*click)).count();
            let causes = Noise::ALL.map(|noise| {
                let cause = Cause::of(clicks, with_photon, kind, noise);
                wanted.is_none_or(|wanted| wanted == cause).then_some(cause)
            });
            if causes.iter().any(Option::is_some) {
                ways.push(Way { pair: number, photons, extras, causes });
            }
        }
    }
}
