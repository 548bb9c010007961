//! Where integrals of waves without closed form are cut.

use super::Grid;
use crate::emission::WavePacket;
use crate::motion::Motion;

/// Where integrals are cut, and what the pieces cannot follow.
#[derive(Debug, Default)]
pub(super) struct Edges {
    pub(super) times_s: Vec<f64>,
    /// Beats of the modes.
    pub(super) unresolved: bool,
    /// The motion.
    pub(super) blurred: bool,
}

impl Edges {
    /// Edges of the window, of the waves and of pieces short enough for their decay and their beat.
    pub(super) fn new(
        packets: &[Option<WavePacket>; 2],
        [start, end]: [f64; 2],
        splitting: f64,
        motion: &Motion,
        grid: Grid,
        step: f64,
    ) -> Self {
        let packets: Vec<&WavePacket> = packets.iter().flatten().collect();
        // where waves jump, and where they have a kink or a smooth piece ends
        let (mut marks, mut seams) = (vec![start, end], vec![]);
        let mut longest = end - start;
        let mut fastest = splitting.abs();
        for packet in &packets {
            marks.extend(packet.jumps());
            seams.extend(packet.kinks());
            longest = longest.min(step * packet.decay_s());
            fastest = fastest.max(packet.dephasing_rate_hz + packet.spectral_diffusion_rad_per_s);
        }
        if let [a, b] = packets[..] {
            fastest = fastest.max((a.detuning_rad_per_s - b.detuning_rad_per_s).abs() + splitting.abs());
        }
        // nothing is left of any wave this long after the last mark but one
        let tail =
            packets.iter().map(|packet| packet.from_s() + 45.0 * packet.decay_s()).fold(start, f64::max);
        let (mut unresolved, mut blurred) = (false, false);
        if fastest > 0.0 {
            let beating = 1.5 * step / fastest;
            let most = if grid == Grid::Coarse { MOST_COARSE_PIECES } else { MOST_PIECES };
            // a fine grid is refused by its length before anything is integrated
            unresolved = grid == Grid::Coarse && (end - start) / beating > most;
            if !unresolved {
                longest = longest.min(beating.max((end - start) / most));
            }
        }
        if let (false, [_, _]) = (motion.is_still(), &packets[..]) {
            let beating = 1.5 * step / motion.fastest();
            let length =
                packets.iter().flat_map(|packet| packet.kinks()).fold(tail, f64::max).min(end) - start;
            let most = if grid == Grid::Coarse { MOST_MOVING_PIECES } else { MOST_PIECES };
            blurred = grid == Grid::Coarse && length / beating > most;
            longest = longest.min(beating.max(length / most));
        }
        if grid == Grid::Coarse {
            for (times, most) in [(&mut seams, MOST_SEAMS), (&mut marks, MOST_JUMPS)] {
                put_in_order(times, [start, end]);
                let stride = times.len().div_ceil(most).max(1);
                *times = times.iter().copied().step_by(stride).collect();
            }
            marks.extend([start, end]);
        }
        marks.append(&mut seams);
        put_in_order(&mut marks, [start, end]);
        let mut edges = vec![start];
        for pair in marks.windows(2) {
            let (low, high) = (pair[0], pair[1].min(tail.max(pair[0])));
            edges.extend(ends_of_pieces([low, high], longest, MOST_PIECES));
            if high < pair[1] {
                edges.push(pair[1]);
            }
        }
        edges.dedup();
        Self { times_s: edges, unresolved, blurred }
    }
}

/// Puts times in order, each once, and leaves out those outside of \[start, end\].
pub(crate) fn put_in_order(times: &mut Vec<f64>, [start, end]: [f64; 2]) {
    times.retain(|time| (start..=end).contains(time));
    times.sort_by(f64::total_cmp);
    times.dedup();
}

/// Ends of equal pieces of \[low, high\]: none longer than `longest`, unless `most` of them are not enough.
pub(crate) fn ends_of_pieces([low, high]: [f64; 2], longest: f64, most: f64) -> impl Iterator<Item = f64> {
    let count = ((high - low) / longest).ceil().clamp(1.0, most);
    (1..=count as usize).map(move |k| low + (high - low) * k as f64 / count)
}

/// Seams that a coarse grid keeps: many pieces that hang together are smooth enough across some of their seams.
const MOST_SEAMS: usize = 24;
/// Jumps that a coarse grid keeps: among more of them each is small.
const MOST_JUMPS: usize = 100;
/// Pieces of a fine grid: more than any that is not refused.
const MOST_PIECES: f64 = 4e3;
/// Pieces of a coarse grid that beats may ask for.
const MOST_COARSE_PIECES: f64 = 60.0;
/// Pieces of a coarse grid that motion may ask for.
const MOST_MOVING_PIECES: f64 = 150.0;
