//! Exact results where the click times decide: the density of records, integrated by Gauss's rule.

use super::{BlindPart, ByCause, MOST_POINTS};
use crate::error::Result;
use crate::herald::{Cause, Pattern};
use crate::link::Link;
use crate::link::conditional::{Conditional, Seen};
use crate::link::waves::{Grid, ends_of_pieces, put_in_order};
use crate::math;
use crate::state;
use num_complex::Complex64;

/// Order of the Gauss rule for records.
pub(super) const RULE: usize = 10;

/// Points between which densities of records are smooth, coincidence window and diagonal apart.
pub(super) fn record_edges_s(link: &Link) -> Vec<f64> {
    let (start, end) = (link.window.start_s, link.window.end_s);
    let (mut marks, mut grid) = (vec![start, end], vec![]);
    let mut longest = end - start;
    let mut fastest = link.splitting.abs();
    for branch in link.branches.iter().flatten() {
        if let Some(photon) = &branch.photon {
            let packet = &photon.packet;
            if packet.is_smooth() {
                // a fine grid, finer than this rule needs
                grid.extend(packet.kinks().into_iter().step_by(3));
            } else {
                marks.push(packet.from_s());
                marks.extend(packet.kinks());
            }
            longest = longest.min(2.0 * packet.decay_s());
            fastest = fastest.max(packet.dephasing_rate_hz + packet.spectral_diffusion_rad_per_s);
        }
        if let Some(extra) = &branch.extra {
            marks.extend(extra.kinks());
        }
    }
    let [a, b] = &link.sources;
    fastest =
        fastest.max((a.packet.detuning_rad_per_s - b.packet.detuning_rad_per_s).abs() + link.splitting.abs());
    fastest = fastest.max(link.motion.fastest());
    for (slot, background) in link.slots.iter().zip(&link.backgrounds) {
        fastest = fastest.max(slot.dark_count_rate_hz);
        if let Some(background) = background {
            marks.extend(background.kinks());
            longest = longest.min(2.0 * background.decay_s());
        }
    }
    if fastest > 0.0 {
        longest = longest.min(3.0 / fastest);
    }
    // where a kink of the density that moves with one time meets a kink of the other
    let moving = moving_kinks_s(link);
    let others: Vec<f64> = marks.iter().flat_map(|mark| moving.iter().map(move |kink| mark + kink)).collect();
    marks.extend(others);
    marks.extend(grid);
    put_in_order(&mut marks, [start, end]);
    let mut edges = vec![start];
    for pair in marks.windows(2) {
        edges.extend(ends_of_pieces([pair[0], pair[1]], longest, MOST_POINTS as f64));
    }
    edges
}

/// Differences of the two times (s) at which the density of what heralds is not smooth: edges of the coincidence window,
/// smeared by jitter, and where a click in the early bin ends to blind the late one.
fn moving_kinks_s(link: &Link) -> Vec<f64> {
    let mut kinks = vec![];
    if let Some(window_s) = link.coincidence_window_s {
        let widest_s = link.slots.iter().fold(0.0, |most: f64, slot| most.max(slot.timing_jitter_s));
        for side in [-window_s, window_s] {
            kinks.push(side);
            if widest_s > 0.0 {
                kinks.extend(SMEARED.map(|sigmas| side + sigmas * std::f64::consts::SQRT_2 * widest_s));
            }
        }
    }
    for slot in &link.slots {
        if link.recall.orders && link.blind_part(slot) == BlindPart::Some {
            let opens_s = slot.dead_time_s - link.bin_separation_s;
            kinks.extend([opens_s, -opens_s]);
        }
    }
    kinks.sort_by(f64::total_cmp);
    kinks.dedup();
    kinks
}

/// Where a Gaussian edge is cut, in standard deviations.
const SMEARED: [f64; 6] = [-7.0, -3.5, -1.5, 1.5, 3.5, 7.0];

/// Pieces of the integral over the jitter of one record, at most.
pub(super) fn smearing_pieces(link: &Link) -> usize {
    let widest_s = link.slots.iter().fold(0.0, |most: f64, slot| most.max(slot.timing_jitter_s));
    if widest_s == 0.0 || link.coincidence_window_s.is_none() {
        return 1;
    }
    let spread_s = std::f64::consts::SQRT_2 * widest_s;
    let turn = if link.params.phase_feed_forward { link.revealing_rad_per_s().0[1].abs() } else { 0.0 };
    (16.0 * (0.5 * spread_s * turn).max(1.0)).min(1e9) as usize
}

/// Pieces of jitter that take as long as a record.
pub(super) const SMEARED_PER_RECORD: usize = 16;

/// What is left of a herald with this difference of its click times (s) once jitter has moved the recorded times across the
/// coincidence window and blurred the phase turned back: the probability to be kept, and the mean phase factor of what is
/// kept, less the phase of the click times themselves.
fn smeared(link: &Link, pattern: Pattern, difference_s: f64) -> (f64, Complex64) {
    let ([alone, a, b], _) = link.revealing_rad_per_s();
    let turns = if link.params.phase_feed_forward { [alone, a, b] } else { [0.0; 3] };
    let sigma = |slot: Option<usize>| slot.map_or(0.0, |slot| link.slots[slot].timing_jitter_s);
    let [first, second] = pattern.slots.map(sigma);
    let spread_s = (first * first + second * second).sqrt();
    let turn = if pattern.slots.contains(&None) { turns[0] } else { turns[1] };
    if spread_s == 0.0 {
        return (1.0, Complex64::ONE);
    }
    let Some(window_s) = link.coincidence_window_s else {
        return (1.0, Complex64::new(math::exp(-0.5 * (turn * spread_s) * (turn * spread_s)), 0.0));
    };
    // both phases grow with the difference of the times alone
    let (low, high) =
        ((-window_s - difference_s).max(-8.0 * spread_s), (window_s - difference_s).min(8.0 * spread_s));
    if high <= low {
        return (0.0, Complex64::ONE);
    }
    let pieces = ((high - low) / spread_s.min(2.0 / turn.abs().max(1e-300))).ceil().max(1.0);
    let width = (high - low) / pieces;
    let (mut kept, mut phase) = (0.0, Complex64::ZERO);
    for piece in 0..pieces as usize {
        for (x, weight) in math::gauss_rule(RULE) {
            let late_s = low + width * (piece as f64 + x);
            let off = late_s / spread_s;
            let density = weight * width * math::exp(-0.5 * off * off)
                / (spread_s * (2.0 * std::f64::consts::PI).sqrt());
            kept += density;
            phase += density * math::phase(turn * late_s);
        }
    }
    (kept, if kept > 0.0 { phase / kept } else { Complex64::ONE })
}

/// The density of records integrated over the click times that herald.
pub(super) fn integrated(link: &Link, pattern: Pattern) -> Result<ByCause> {
    // records with dark counts need an integral each where waves have no closed form
    let conditional = Conditional::new(link, Grid::Coarse)?;
    let (start, end) = (link.window.start_s, link.window.end_s);
    let edges = record_edges_s(link);
    let moving = moving_kinks_s(link);
    let rule = math::gauss_rule(RULE);
    let node = link.revealing_rad_per_s().1;
    let mut sum = [(state::ZERO, 0.0); Cause::COUNT];
    let mut add = |times_s: [f64; 2], weight: f64| {
        let (kept, phase) = smeared(link, pattern, times_s[0] - times_s[1]);
        if kept == 0.0 {
            return;
        }
        let phase = if link.params.phase_feed_forward {
            phase * math::phase(link.revealed_phase_rad(&pattern, &times_s).0)
        } else {
            Complex64::ONE
        };
        let densities = conditional.densities(&Seen::at(link, pattern, times_s), None);
        for ((sum, sum_leaked), (rho, leaked)) in sum.iter_mut().zip(densities) {
            let rho = if phase == Complex64::ONE { rho } else { state::turned(&rho, node, phase) };
            state::add(sum, &rho, weight * kept);
            *sum_leaked += weight * kept * leaked;
        }
    };
    let single = pattern.slots.contains(&None);
    let jitters = link.jitters;
    for outer in edges.windows(2) {
        for (x, weight_x) in rule {
            let width = outer[1] - outer[0];
            let t = outer[0] + width * x;
            if single {
                add([t; 2], weight_x * width);
                continue;
            }
            let (low, high) = match link.coincidence_window_s {
                Some(window_s) if !jitters => ((t - window_s).max(start), (t + window_s).min(end)),
                _ => (start, end),
            };
            for inner in edges.windows(2) {
                let (from, to) = (inner[0].max(low), inner[1].min(high));
                if to <= from {
                    continue;
                }
                // the diagonal is a kink
                let mut cuts = vec![from, t.clamp(from, to), to];
                cuts.extend(moving.iter().map(|kink| (t + kink).clamp(from, to)));
                cuts.sort_by(f64::total_cmp);
                for cut in cuts.windows(2).filter(|cut| cut[1] > cut[0]) {
                    for (y, weight_y) in rule {
                        let (low, span) = (cut[0], cut[1] - cut[0]);
                        add([t, low + span * y], weight_x * width * weight_y * span);
                    }
                }
            }
        }
    }
    Ok(sum)
}
