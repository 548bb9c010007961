//! The wave packet of one photon: its shape, what blurs it from attempt to attempt, and when it arrives.

use super::arrival::{Arrival, Course, Piece};
use super::smeared::Smeared;
use super::table::Table;
use crate::error::Result;
use crate::math;
use crate::stream::Xoshiro;
use num_complex::Complex64;
use std::sync::Arc;

/// What one start of the photon looks like.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    /// exp(-t/tau)/tau.
    Exponential { lifetime_s: f64 },
    /// The same convolved with a Gaussian, pure.
    Smeared { lifetime_s: f64, rise_s: f64 },
    /// Point by point.
    Tabulated(Arc<Table>),
}

/// One of the photon's possible starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Start {
    pub(super) weight: f64,
    pub(super) shift_s: f64,
}

/// The intensity of one start, jitter included.
#[derive(Debug, Clone, Copy)]
enum Profile<'a> {
    Sharp { lifetime_s: f64 },
    Smeared(Smeared),
    Tabulated(&'a Table),
}

impl Profile<'_> {
    fn intensity(&self, x: f64) -> f64 {
        match self {
            Self::Sharp { .. } if x < 0.0 => 0.0,
            Self::Sharp { lifetime_s } => math::exp(-x / lifetime_s) / lifetime_s,
            Self::Smeared(smeared) => smeared.intensity(x),
            Self::Tabulated(table) => table.intensity(x),
        }
    }

    fn captured(&self, start_s: f64, end_s: f64, onset_s: f64) -> f64 {
        match self {
            Self::Sharp { lifetime_s } => {
                let from = start_s.max(onset_s);
                if end_s <= from {
                    return 0.0;
                }
                -math::exp(-(from - onset_s) / lifetime_s) * math::exp_m1(-(end_s - from) / lifetime_s)
            }
            Self::Smeared(smeared) => smeared.captured(start_s - onset_s, end_s - onset_s),
            Self::Tabulated(table) => table.captured(start_s - onset_s, end_s - onset_s),
        }
    }
}

/// The wave packet of one photon at the station, of integral one over all times.
///
/// t = 0 is the arrival of an undelayed photon. With the amplitude psi of one start, its density operator is
///
/// rho(t, u) = <psi(t - d) psi*(u - d)> exp(-i w (t - u) - g |t - u| - s² (t - u)²/2)
///
/// averaged over the starts and the arrival jitter; w is the detuning, g the pure dephasing, s the spectral diffusion.
/// The exponential has psi(x) = exp(-x/(2 tau))/√tau for x >= 0; smeared and tabulated shapes are pure photons,
/// psi(x) = √I(x).
#[derive(Debug, Clone, PartialEq)]
pub struct WavePacket {
    shape: Shape,
    /// The first start first, even if its weight is zero; all others have a weight.
    starts: Vec<Start>,
    jitter_s: f64,
    /// d (s).
    pub delay_s: f64,
    /// Angular frequency w of mode 0 relative to the reference (rad/s).
    pub detuning_rad_per_s: f64,
    /// Pure dephasing g (1/s).
    pub dephasing_rate_hz: f64,
    /// Standard deviation s of the angular frequency from attempt to attempt (rad/s).
    pub spectral_diffusion_rad_per_s: f64,
}

/// The numbers of a plain exponential: f(t) = exp(-(t - d)/(2 tau) - i w (t - d))/√tau for t >= d.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exponential {
    /// tau (s).
    pub lifetime_s: f64,
    /// d (s).
    pub delay_s: f64,
    /// w (rad/s).
    pub detuning_rad_per_s: f64,
    /// Pure dephasing g (1/s).
    pub dephasing_rate_hz: f64,
}

impl WavePacket {
    /// A plain exponential.
    pub fn exponential(
        lifetime_s: f64,
        delay_s: f64,
        detuning_rad_per_s: f64,
        dephasing_rate_hz: f64,
    ) -> Self {
        Self {
            delay_s,
            detuning_rad_per_s,
            dephasing_rate_hz,
            ..Self::new(Shape::Exponential { lifetime_s }, vec![FIRST], 0.0)
        }
    }

    /// An intensity given point by point, see [`TabulatedParams`](super::TabulatedParams).
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) naming `times_s` or `intensity`.
    pub fn tabulated(times_s: &[f64], intensity: &[f64]) -> Result<Self> {
        Ok(Self::new(Shape::Tabulated(Arc::new(Table::new(times_s, intensity)?)), vec![FIRST], 0.0))
    }

    /// From checked parts; jitter goes with exponentials only.
    pub(super) fn new(shape: Shape, starts: Vec<Start>, jitter_s: f64) -> Self {
        let shape = match shape {
            Shape::Smeared { lifetime_s, rise_s } if rise_s <= 0.0 => Shape::Exponential { lifetime_s },
            other => other,
        };
        Self {
            shape,
            starts,
            jitter_s,
            delay_s: 0.0,
            detuning_rad_per_s: 0.0,
            dephasing_rate_hz: 0.0,
            spectral_diffusion_rad_per_s: 0.0,
        }
    }

    /// The same photon, everything later by this.
    #[must_use]
    pub fn delayed(&self, by_s: f64) -> Self {
        Self { delay_s: self.delay_s + by_s, ..self.clone() }
    }

    /// The same photon with another lifetime; a tabulated one stays as it is.
    #[must_use]
    pub fn with_lifetime(&self, lifetime_s: f64) -> Self {
        let shape = match &self.shape {
            Shape::Exponential { .. } => Shape::Exponential { lifetime_s },
            Shape::Smeared { rise_s, .. } => Shape::Smeared { lifetime_s, rise_s: *rise_s },
            Shape::Tabulated(table) => Shape::Tabulated(Arc::clone(table)),
        };
        Self { shape, ..self.clone() }
    }

    /// The same photon with the shape of another one; plain decays differ by their lifetimes alone and stay as they are.
    #[must_use]
    pub fn with_shape_of(&self, other: &Self) -> Self {
        if let (Shape::Exponential { .. }, Shape::Exponential { .. }) = (&self.shape, &other.shape) {
            return self.clone();
        }
        Self { shape: other.shape.clone(), ..self.clone() }
    }

    /// The same photon without arrival jitter.
    #[must_use]
    pub fn without_jitter(&self) -> Self {
        Self { jitter_s: 0.0, ..self.clone() }
    }

    /// The same photon without spectral diffusion.
    #[must_use]
    pub fn without_diffusion(&self) -> Self {
        Self { spectral_diffusion_rad_per_s: 0.0, ..self.clone() }
    }

    /// The same photon when it always starts at its first start.
    #[must_use]
    pub fn without_restarts(&self) -> Self {
        Self { starts: vec![FIRST], ..self.clone() }
    }

    /// tau (s), unless the shape is tabulated.
    pub fn lifetime_s(&self) -> Option<f64> {
        match self.shape {
            Shape::Exponential { lifetime_s } | Shape::Smeared { lifetime_s, .. } => Some(lifetime_s),
            Shape::Tabulated(_) => None,
        }
    }

    /// The numbers of a plain exponential, if it is one: sharp, with one start, no jitter and no spectral diffusion.
    pub fn exponential_parts(&self) -> Option<Exponential> {
        let Shape::Exponential { lifetime_s } = self.shape else { return None };
        let plain =
            self.starts.len() == 1 && self.jitter_s <= 0.0 && self.spectral_diffusion_rad_per_s <= 0.0;
        plain.then_some(Exponential {
            lifetime_s,
            delay_s: self.delay_s,
            detuning_rad_per_s: self.detuning_rad_per_s,
            dephasing_rate_hz: self.dephasing_rate_hz,
        })
    }

    fn profile(&self) -> Profile<'_> {
        match &self.shape {
            Shape::Exponential { lifetime_s } if self.jitter_s <= 0.0 => {
                Profile::Sharp { lifetime_s: *lifetime_s }
            }
            Shape::Exponential { lifetime_s } => {
                Profile::Smeared(Smeared { lifetime_s: *lifetime_s, deviation_s: self.jitter_s })
            }
            Shape::Smeared { lifetime_s, rise_s } => {
                Profile::Smeared(Smeared { lifetime_s: *lifetime_s, deviation_s: *rise_s })
            }
            Shape::Tabulated(table) => Profile::Tabulated(table),
        }
    }

    /// Whether amplitudes are square roots of the intensity, so that its faint parts count for more.
    fn is_root(&self) -> bool {
        !matches!(self.shape, Shape::Exponential { .. })
    }

    /// Weight and onset of the starts that there are.
    fn onsets(&self) -> impl Iterator<Item = (f64, f64)> {
        let present = self.starts.iter().filter(|start| start.weight > 0.0);
        present.map(|start| (start.weight, self.delay_s + start.shift_s))
    }

    /// rho(t, t): the probability density of the arrival time (1/s).
    pub fn intensity(&self, time_s: f64) -> f64 {
        let profile = self.profile();
        self.onsets().map(|(weight, onset_s)| weight * profile.intensity(time_s - onset_s)).sum()
    }

    /// The part of the photon inside \[start, end\]; zero if the end does not come after the start.
    ///
    /// Accurate to all but a few digits of its own value, not only of one, for short and for endless windows.
    pub fn captured(&self, start_s: f64, end_s: f64) -> f64 {
        if end_s <= start_s {
            return 0.0;
        }
        let profile = self.profile();
        let captured: f64 =
            self.onsets().map(|(weight, onset_s)| weight * profile.captured(start_s, end_s, onset_s)).sum();
        captured.min(1.0)
    }

    /// rho(t, u) (1/s), see [`WavePacket`].
    ///
    /// Of an exponential, jittered or not, <psi(t) psi*(u)> = exp(-|t - u|/(2 tau)) I(min(t, u)).
    pub fn coherence(&self, t: f64, u: f64) -> Complex64 {
        let apart = t - u;
        let profile = self.profile();
        let size = match self.shape {
            Shape::Exponential { lifetime_s } => {
                math::exp(-0.5 * apart.abs() / lifetime_s) * self.intensity(t.min(u))
            }
            _ => self
                .onsets()
                .map(|(weight, onset_s)| {
                    let [at_t, at_u] = [t, u].map(|time| profile.intensity(time - onset_s));
                    weight * (at_t.sqrt() * at_u.sqrt())
                })
                .sum(),
        };
        self.turned(apart) * size
    }

    /// <psi(t)> (1/√s): the amplitude averaged over what changes from attempt to attempt, for protocols that compare the
    /// photon with the laser's phase.
    ///
    /// Phases count from the mean arrival d: √P(0) <psi(x)> exp(-i w x - g |x| - s² x²/2) with x = t - d. The jitter's
    /// average of the exponential's amplitude is 2 √tau I(x; 2 tau), with I of twice the lifetime. Restarts are told
    /// apart by the ion's surroundings, so only the first start, of probability P(0), has an amplitude.
    pub fn mean_amplitude(&self, time_s: f64) -> Complex64 {
        let x = time_s - self.delay_s;
        let size = match self.shape {
            Shape::Exponential { lifetime_s } if self.jitter_s > 0.0 => {
                let longer = Smeared { lifetime_s: 2.0 * lifetime_s, deviation_s: self.jitter_s };
                2.0 * lifetime_s.sqrt() * longer.intensity(x)
            }
            _ => self.profile().intensity(x).sqrt(),
        };
        let first = self.starts.first().map_or(0.0, |start| start.weight);
        self.turned(x) * (first.sqrt() * size)
    }

    /// exp(-i w x - g |x| - s² x²/2).
    fn turned(&self, x: f64) -> Complex64 {
        let spread = self.spectral_diffusion_rad_per_s * x;
        let kept = math::exp(-self.dephasing_rate_hz * x.abs() - 0.5 * spread * spread);
        math::phase(-self.detuning_rad_per_s * x) * kept
    }

    /// The earliest time (s) with light; with a Gaussian edge, where less than 1e-17 of the photon has come.
    pub fn from_s(&self) -> f64 {
        let before = match self.profile() {
            Profile::Sharp { .. } => 0.0,
            Profile::Smeared(smeared) => smeared.edge(self.is_root())[0],
            Profile::Tabulated(table) => table.first_light_s(),
        };
        self.onsets().map(|(_, onset_s)| onset_s + before).fold(f64::INFINITY, f64::min)
    }

    /// The longest time scale of the tail (s): the lifetime, or the length of the table.
    pub fn decay_s(&self) -> f64 {
        match &self.shape {
            Shape::Exponential { lifetime_s } | Shape::Smeared { lifetime_s, .. } => *lifetime_s,
            Shape::Tabulated(table) => table.length_s(),
        }
    }

    /// Whether its intensity is smooth everywhere, so that [`WavePacket::kinks`] are no kinks but a fine grid.
    pub fn is_smooth(&self) -> bool {
        self.jitter_s > 0.0 || matches!(self.shape, Shape::Smeared { .. })
    }

    /// Times (s), in order, between which a Gauss rule of fourteen points integrates intensity and amplitude to twelve
    /// digits: where they have kinks, and inside Gaussian edges. After the last one, and between starts that lie far
    /// apart, the photon is a pure exponential, whose length is the caller's concern.
    pub fn kinks(&self) -> Vec<f64> {
        let mut kinks: Vec<f64> = match self.profile() {
            Profile::Sharp { .. } => self.onsets().map(|(_, onset_s)| onset_s).collect(),
            Profile::Smeared(smeared) => {
                let piece_s = smeared.piece_s(self.is_root());
                let mut kinks = vec![];
                for [from, to] in self.edges(&smeared) {
                    let pieces = ((to - from) / piece_s).ceil().max(1.0);
                    let step = (to - from) / pieces;
                    kinks.extend((0..pieces as usize).map(|k| from + step * k as f64));
                    kinks.push(to);
                }
                kinks
            }
            Profile::Tabulated(table) => {
                let own = table.kinks();
                self.onsets().flat_map(|(_, onset_s)| own.iter().map(move |kink| onset_s + kink)).collect()
            }
        };
        kinks.sort_by(f64::total_cmp);
        kinks.dedup();
        kinks
    }

    /// Times (s) at which its intensity may jump.
    pub fn jumps(&self) -> Vec<f64> {
        match self.profile() {
            Profile::Sharp { .. } => self.onsets().map(|(_, onset_s)| onset_s).collect(),
            Profile::Smeared(_) => vec![],
            Profile::Tabulated(table) => {
                let own = table.kinks();
                let ends = [own.first().copied(), own.last().copied()];
                let ends: Vec<f64> = ends.into_iter().flatten().collect();
                self.onsets()
                    .flat_map(|(_, onset_s)| ends.iter().map(move |end| onset_s + end).collect::<Vec<_>>())
                    .collect()
            }
        }
    }

    /// Gaussian edges of all starts, those that overlap joined.
    fn edges(&self, smeared: &Smeared) -> Vec<[f64; 2]> {
        let [from, to] = smeared.edge(self.is_root());
        let mut onsets: Vec<f64> = self.onsets().map(|(_, onset_s)| onset_s).collect();
        onsets.sort_by(f64::total_cmp);
        let mut edges: Vec<[f64; 2]> = vec![];
        for onset in onsets {
            match edges.last_mut() {
                Some(last) if onset + from <= last[1] => last[1] = onset + to,
                _ => edges.push([onset + from, onset + to]),
            }
        }
        edges
    }

    /// An arrival time (s), made as nature makes it: a start, a jitter, a decay.
    pub fn sample(&self, rng: &mut Xoshiro) -> f64 {
        let mut onset_s = self.delay_s;
        if self.starts.len() > 1 {
            let mut left = rng.uniform();
            let mut chosen = self.starts[self.starts.len() - 1];
            for start in &self.starts {
                left -= start.weight;
                if left < 0.0 {
                    chosen = *start;
                    break;
                }
            }
            onset_s += chosen.shift_s;
        }
        let (lifetime_s, deviation_s) = match &self.shape {
            Shape::Exponential { lifetime_s } => (*lifetime_s, self.jitter_s),
            Shape::Smeared { lifetime_s, rise_s } => (*lifetime_s, *rise_s),
            Shape::Tabulated(table) => return onset_s + table.time_s(rng.uniform()),
        };
        if deviation_s > 0.0 {
            onset_s += deviation_s * normal(rng);
        }
        onset_s - lifetime_s * math::ln(rng.uniform_open())
    }

    /// The arrival of a photon that is known to lie inside \[start, end\].
    pub fn inside(&self, start_s: f64, end_s: f64) -> Arrival {
        if self.starts.len() == 1
            && let Profile::Sharp { lifetime_s } = self.profile()
        {
            let from_s = start_s.max(self.delay_s);
            let captured = -math::exp_m1(-(end_s - from_s).max(0.0) / lifetime_s);
            return Arrival::plain(from_s, captured, lifetime_s);
        }
        let from_s = start_s.max(self.from_s()).min(end_s);
        let mut points = vec![from_s];
        points.extend(self.kinks().into_iter().filter(|kink| *kink > from_s && *kink < end_s));
        points.push(end_s);
        let edges = match self.profile() {
            Profile::Smeared(smeared) => self.edges(&smeared),
            _ => vec![],
        };
        let lifetime_s = self.decay_s();
        let pieces = points.windows(2).map(|ends| {
            let [from_s, to_s] = [ends[0], ends[1]];
            let course = if matches!(self.shape, Shape::Tabulated(_)) {
                // at its first and last point a table may jump: two points inside give the line
                let quarter = 0.25 * (to_s - from_s);
                let [near, far] = [from_s + quarter, to_s - quarter].map(|time| self.intensity(time));
                Course::Linear((1.5 * near - 0.5 * far).max(0.0), (1.5 * far - 0.5 * near).max(0.0))
            } else {
                let next = edges.partition_point(|edge| edge[1] <= from_s);
                if edges.get(next).is_some_and(|edge| edge[0] <= from_s) {
                    Course::Smooth
                } else {
                    Course::Exponential(lifetime_s)
                }
            };
            Piece { from_s, to_s, weight: self.captured(from_s, to_s), course }
        });
        Arrival::numeric(self, pieces.collect(), from_s)
    }
}

/// The only start of a photon without restarts.
const FIRST: Start = Start { weight: 1.0, shift_s: 0.0 };

/// A number from the normal distribution, by Box and Muller's transformation.
pub(crate) fn normal(rng: &mut Xoshiro) -> f64 {
    let radius = (-2.0 * math::ln(rng.uniform_open())).sqrt();
    radius * math::cos(2.0 * std::f64::consts::PI * rng.uniform())
}

#[cfg(test)]
mod tests;
