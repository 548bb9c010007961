//! Rules of one's own: what a network asks whoever runs it.

use crate::error::{Error, Result};

/// A link that waits for a station and could start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Number of the link.
    pub link: u32,
    /// Its nodes.
    pub nodes: [u32; 2],
    /// Since when it waits (s).
    pub since_s: f64,
    /// Requests that wait for its pairs.
    pub requests: u64,
}

/// A stored pair.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WaitingPair {
    /// Number of the pair in the trace.
    pub pair: u64,
    /// Node at its other end; the second of its nodes where both are given.
    pub other_end: u32,
    /// Herald of its oldest part (s).
    pub oldest_s: f64,
    /// Heralds that went into it.
    pub heralds: u32,
    /// Rounds of distillation behind it. A pair that was used as it is counts as having all of them.
    pub rounds: u32,
}

/// A way that a demand could take.
#[derive(Debug, Clone, PartialEq)]
pub struct CandidateRoute {
    /// Numbers of the nodes on the way, both ends included.
    pub nodes: Vec<u32>,
    /// Sum of the links' mean times to a herald (s), of links side by side the best by the demand's weight; NaN if attempts of one
    /// of them depend on each other.
    pub time_s: f64,
    /// Fidelity to phi+ of what perfect swaps make of the same links' mean pairs, taken as Werner states.
    pub fidelity: f64,
}

/// What is done with pairs of a link that wait to be distilled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distilling {
    /// The pair at this place is used as it is.
    Use(usize),
    /// The pairs at these places are distilled: the first is kept, the second spent.
    Two(usize, usize),
}

/// Rules of one's own. Only the questions that [`Rules::asked`] names are asked; the policy, the stations and the demands answer all
/// others. Choices are places in what is given, counted from 0. The same questions must get the same answers, or the run is not
/// reproducible; with several threads, repetitions ask at the same time. An answer that is none ends the run with
/// [`Error::Parameter`].
///
/// ```
/// use ionlink_core::network::{Asked, Candidate, Rules};
///
/// struct Newest;
///
/// impl Rules for Newest {
///     fn asked(&self) -> Asked {
///         Asked { next_link: true, ..Asked::default() }
///     }
///
///     fn next_link(&self, _now_s: f64, _station: u32, waiting: &[Candidate]) -> Option<usize> {
///         waiting.len().checked_sub(1)
///     }
/// }
/// ```
pub trait Rules: Sync {
    /// Which questions it wants to be asked.
    fn asked(&self) -> Asked;

    /// The link that a station serves next, in place of the station's own scheduling: of those that wait and could start at once, the
    /// one that has waited longest first. Nothing: all of them wait until something else happens.
    fn next_link(&self, now_s: f64, station: u32, waiting: &[Candidate]) -> Option<usize> {
        let _ = (now_s, station);
        if waiting.is_empty() { None } else { Some(0) }
    }

    /// The pair to one side (`left`: toward the first node of the demand) that a node swaps, asked for each side once both have
    /// one; the one that came first is first. Nothing: all of them wait until something else happens.
    fn swap_pair(&self, now_s: f64, node: u32, left: bool, waiting: &[WaitingPair]) -> Option<usize> {
        let _ = (now_s, node, left);
        if waiting.is_empty() { None } else { Some(0) }
    }

    /// What is done with the pairs of a link that wait to be distilled for one demand; `nodes` are the link's, in the order of the
    /// demand's way.
    ///
    /// Asked whenever a pair joins them, and again after each answer. Of two pairs that are distilled what is left has one round more
    /// behind it than the one of them that had more; a pair that is used as it is counts as having all rounds. Pairs with all of
    /// the policy's rounds behind them are used without a question. Nothing: all of them wait until another one joins them.
    fn distill_pair(&self, now_s: f64, nodes: [u32; 2], waiting: &[WaitingPair]) -> Option<Distilling> {
        let _ = (now_s, nodes);
        equally_far(waiting)
    }

    /// The age that a pair may reach before it is thrown away (s), finite and at least 0; `nodes` are those that hold its qubits.
    ///
    /// Asked once for each pair that a herald, a swap or a distillation makes, when it is made. As with the policy's cut-off, age
    /// counts from the herald of the pair's oldest part. Nothing: what the policy says.
    fn cutoff_s(&self, now_s: f64, nodes: [u32; 2], pair: &WaitingPair) -> Option<f64> {
        let _ = (now_s, nodes, pair);
        None
    }

    /// The way of a demand, asked once for each one without a route of its own, before the run: of the up to eight shortest ways
    /// by the demand's weight that visit no node twice, the shortest first. Nothing: the shortest.
    fn route(&self, demand: u32, ways: &[CandidateRoute]) -> Option<usize> {
        let _ = (demand, ways);
        None
    }

    /// Whether the run is to end now, for whatever reason; looked at after each event. It then holds what was complete.
    fn ends(&self) -> bool {
        false
    }
}

/// Questions that rules want to be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one question")]
pub struct Asked {
    /// [`Rules::next_link`].
    pub next_link: bool,
    /// [`Rules::swap_pair`].
    pub swap_pair: bool,
    /// [`Rules::distill_pair`].
    pub distill_pair: bool,
    /// [`Rules::cutoff_s`].
    pub cutoff_s: bool,
    /// [`Rules::route`].
    pub route: bool,
}

impl Asked {
    /// Refuses questions that could not come up and would leave whoever answers them waiting for an effect.
    pub(super) fn check(self, links_for_themselves: bool, distills: bool) -> Result<()> {
        let refused = |name: &str, message: &str| Error::Model {
            parameter: format!("rules.{name}"),
            message: message.to_owned(),
        };
        let of_pairs = [
            ("swap_pair", self.swap_pair),
            ("distill_pair", self.distill_pair),
            ("cutoff_s", self.cutoff_s),
            ("route", self.route),
        ];
        if let Some((name, _)) = of_pairs.into_iter().find(|(_, asked)| *asked && links_for_themselves) {
            return Err(refused(
                name,
                "links that work for themselves store no pairs and have no ways: add demands",
            ));
        }
        if self.distill_pair && !distills {
            return Err(refused(
                "distill_pair",
                "the policy distills nothing: say how and how often with `distill` and `rounds`",
            ));
        }
        Ok(())
    }
}

/// The first two pairs with the same number of rounds behind them.
fn equally_far(waiting: &[WaitingPair]) -> Option<Distilling> {
    waiting.iter().enumerate().find_map(|(kept, pair)| {
        let later = waiting.iter().enumerate().skip(kept + 1);
        later
            .map(|(spent, other)| (spent, other.rounds))
            .find(|(_, rounds)| *rounds == pair.rounds)
            .map(|(spent, _)| Distilling::Two(kept, spent))
    })
}

/// A place among so many, or the error that names the question.
pub(super) fn placed(question: &str, place: usize, count: usize) -> Result<usize> {
    if place < count {
        return Ok(place);
    }
    let domain = format!("nothing, or a place among {count}, counted from 0");
    Err(Error::parameter(format!("rules.{question}"), place, domain, ""))
}
