//! Exact distributions of click times.

use ionlink_core::tree::Tree;
use ionlink_core::{Cause, Link, Run, state};

/// Exact distribution of the click time of each mode, at the edges of pieces of the window: the joint density of all
/// patterns and causes, integrated by Gauss's rule of order six in each piece.
pub(crate) struct ClickTimes {
    edges_s: Vec<f64>,
    below: [Vec<f64>; 2],
}

impl ClickTimes {
    pub(crate) fn of(link: &Link) -> Self {
        // Gauss-Legendre on [0, 1]
        let nodes = [
            (0.033_765_242_898_423_99, 0.085_662_246_189_585_17),
            (0.169_395_306_766_867_74, 0.180_380_786_524_069_3),
            (0.380_690_406_958_401_56, 0.233_956_967_286_345_52),
        ];
        let nodes: Vec<(f64, f64)> = nodes.iter().flat_map(|(x, w)| [(*x, *w), (1.0 - x, *w)]).collect();
        let params = link.params();
        let (start, duration) = (params.station.window_start_s, params.station.window_duration_s);
        // finer than any beat and any kink here asks for 1e-5 of the whole
        let fastest = link.params().encoding.mode_splitting_rad_per_s().abs() + 4e8;
        let count = (fastest * duration / 2.5).ceil() as usize;
        // background begins with the pulse
        let mut kinks = vec![-start];
        for source in link.sources() {
            let late_s = source.double.as_ref().map_or(0.0, |double| double.pulse_duration_s);
            for packet in [source.packet.clone(), source.packet.delayed(late_s)] {
                let found = packet.kinks();
                kinks.extend(found.iter().map(|kink| kink - start));
                kinks.push(packet.from_s() - start);
            }
        }
        if let Some(band_s) = params.station.coincidence_window_s {
            // where the band meets a kink of the other time
            let others: Vec<f64> = kinks
                .iter()
                .chain(&[0.0, duration])
                .flat_map(|kink| [kink - band_s, kink + band_s])
                .collect();
            kinks.extend(others);
        }
        kinks.extend((0..count).map(|k| duration * k as f64 / count as f64));
        kinks.push(duration);
        kinks.retain(|kink| (0.0..=duration).contains(kink));
        kinks.sort_by(f64::total_cmp);
        kinks.dedup_by(|a, b| (*a - *b).abs() < 1e-12 * duration);
        let edges_s = kinks;
        let mut mass = [vec![0.0; edges_s.len() - 1], vec![0.0; edges_s.len() - 1]];
        let band_s = params.station.coincidence_window_s.unwrap_or(f64::INFINITY);
        for (number, pattern) in link.patterns().iter().enumerate() {
            let single = pattern.slots.contains(&None);
            for outer in 0..2 {
                if pattern.slots[outer].is_none() {
                    continue;
                }
                let (mut points, mut weights) = (vec![], vec![]);
                for (piece, edge) in edges_s.windows(2).enumerate() {
                    for (x, weight) in &nodes {
                        let t = edge[0] + (edge[1] - edge[0]) * x;
                        let weight = weight * (edge[1] - edge[0]);
                        if single {
                            points.push(if outer == 0 { [t, f64::NAN] } else { [f64::NAN, t] });
                            weights.push((piece, weight));
                            continue;
                        }
                        for inner in edges_s.windows(2) {
                            let (low, high) = (inner[0].max(t - band_s), inner[1].min(t + band_s));
                            if high <= low {
                                continue;
                            }
                            // dephasing has a kink where the times meet
                            let middle = t.clamp(low, high);
                            for (low, high) in [(low, middle), (middle, high)] {
                                for (y, inner_weight) in nodes.iter().filter(|_| high > low) {
                                    let u = low + (high - low) * y;
                                    points.push(if outer == 0 { [t, u] } else { [u, t] });
                                    weights.push((piece, weight * inner_weight * (high - low)));
                                }
                            }
                        }
                    }
                }
                for cause in Cause::ALL {
                    if link.exact().unwrap().patterns[number].probability_of(cause) <= 0.0 {
                        continue;
                    }
                    let densities = link.density(number, cause, &points).unwrap();
                    let mut sum = 0.0;
                    for (density, (piece, weight)) in densities.iter().zip(&weights) {
                        mass[outer][*piece] += state::trace(density) * weight;
                        sum += state::trace(density) * weight;
                    }
                    let exact = link.exact().unwrap().patterns[number].probability_of(cause);
                    let total = link.exact().unwrap().herald_probability;
                    assert!(
                        (sum - exact).abs() < 1e-5 * total,
                        "the density of {cause:?} integrates to {sum:e} instead of {exact:e}: {:?} {}",
                        pattern.slots,
                        Tree::from_params(link.params()).unwrap().to_toml().unwrap()
                    );
                }
            }
        }
        let total = link.exact().unwrap().herald_probability;
        let below = mass.map(|mass| {
            let mut sum = 0.0;
            mass.iter()
                .map(|piece| {
                    sum += piece / total;
                    sum
                })
                .collect::<Vec<_>>()
        });
        let both = below[0][below[0].len() - 1] + below[1][below[1].len() - 1];
        let single = link.patterns().iter().any(|pattern| pattern.slots.contains(&None));
        let expected = if single { 1.0 } else { 2.0 };
        assert!((both - expected).abs() < 1e-5, "the quadrature misses something: {both}");
        Self { edges_s, below }
    }

    /// sqrt(n) times the largest distance at the edges, of both modes.
    pub(crate) fn distance(&self, run: &Run) -> f64 {
        let n = run.heralds.len() as f64;
        let mut largest = 0.0_f64;
        for mode in 0..2 {
            for (edge, exact) in self.edges_s[1..].iter().zip(&self.below[mode]) {
                let seen = run.heralds.click_time_s.iter().filter(|times| times[mode] < *edge).count() as f64;
                largest = largest.max((seen / n - exact).abs());
            }
        }
        largest * n.sqrt()
    }
}
