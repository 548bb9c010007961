//! Rules of one's own: what a network asks whoever runs it.

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

/// A pair that waits at a node and could be swapped there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WaitingPair {
    /// Number of the pair in the trace.
    pub pair: u64,
    /// Node at its other end.
    pub other_end: u32,
    /// Herald of its oldest part (s).
    pub oldest_s: f64,
    /// Heralds that went into it.
    pub heralds: u32,
}

/// Rules of one's own. Each answer is the place of what is chosen among those that are given, in the order of their waiting, or
/// nothing: to let all of them wait until something else happens. The same questions must get the same answers, or the run is not
/// reproducible; a place that is not there counts as nothing.
///
/// ```
/// use ionlink_core::network::{Candidate, Rules};
///
/// struct Newest;
///
/// impl Rules for Newest {
///     fn next_link(&self, _now_s: f64, _station: u32, waiting: &[Candidate]) -> Option<usize> {
///         waiting.len().checked_sub(1)
///     }
/// }
/// ```
pub trait Rules: Sync {
    /// The link that a station serves next; asked in place of the station's own scheduling.
    fn next_link(&self, now_s: f64, station: u32, waiting: &[Candidate]) -> Option<usize> {
        let _ = (now_s, station);
        if waiting.is_empty() { None } else { Some(0) }
    }

    /// The pair to one side (`left`: toward the first node of the demand) that a node swaps, asked for each side once both have one.
    fn swap_pair(&self, now_s: f64, node: u32, left: bool, waiting: &[WaitingPair]) -> Option<usize> {
        let _ = (now_s, node, left);
        if waiting.is_empty() { None } else { Some(0) }
    }

    /// Which questions it wants to be asked; all others are answered by the policy.
    fn asked(&self) -> Asked {
        Asked { next_link: true, swap_pair: true }
    }
}

/// Questions that rules want to be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Asked {
    /// [`Rules::next_link`].
    pub next_link: bool,
    /// [`Rules::swap_pair`].
    pub swap_pair: bool,
}
