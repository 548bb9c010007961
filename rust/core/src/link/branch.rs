//! Branches: the ways in which one node's attempt can go, each with its probability.
//!
//! A branch is what the environment knows: branches do not interfere with each other. Inside a branch the ion is
//! entangled with at most one photon; what else it emitted is an extra photon, which says where it came from and
//! interferes with nothing.

use super::Source;
use crate::emission::{Arrival, WavePacket, pulse};
use crate::encoding::{Carrier, EncodingParams, SLOTS};
use crate::herald::ExtraKind;
use crate::interference::Gram;
use crate::stream::Xoshiro;

/// One way in which an attempt of a node can go.
#[derive(Debug, Clone)]
pub(crate) struct Branch {
    pub(crate) probability: f64,
    /// The photon that the ion is entangled with.
    pub(crate) photon: Option<Photon>,
    /// Populations of the ion in a branch without one.
    pub(crate) ion: [f64; 2],
    /// Whether the ion is outside the qubit.
    pub(crate) leaked: bool,
    pub(crate) extra: Option<Extra>,
}

impl Branch {
    /// Nothing happens.
    pub(crate) fn idle() -> Self {
        Self { probability: 1.0, photon: None, ion: [0.5; 2], leaked: false, extra: None }
    }
}

/// A photon entangled with its ion.
#[derive(Debug, Clone)]
pub(crate) struct Photon {
    /// Amplitudes of the collected photon; their squares sum to the probability that there is one.
    pub(crate) amplitudes: [f64; 2],
    /// Populations of the ion at emission.
    pub(crate) populations: [f64; 2],
    /// Coherence of the ion between its states with and without photon, sqrt(alpha (1 - alpha)); zero but for number
    /// encoding.
    pub(crate) vacuum: f64,
    pub(crate) packet: WavePacket,
}

/// A photon besides the entangled one.
#[derive(Debug, Clone)]
pub(crate) struct Extra {
    pub(crate) kind: ExtraKind,
    pub(crate) mode: usize,
    /// Probability to be registered by the best detector of an endless window.
    pub(crate) efficiency: f64,
    wave: ExtraWave,
}

#[derive(Debug, Clone)]
enum ExtraWave {
    Pulse { duration_s: f64, delay_s: f64 },
    Packet(Box<WavePacket>),
}

/// Arrival time of an extra photon inside a window.
#[derive(Debug, Clone)]
pub(crate) enum ExtraArrival {
    /// By inversion between the captured parts at the window's ends.
    Pulse { duration_s: f64, delay_s: f64, parts: [f64; 2], window_s: [f64; 2] },
    /// As any photon's.
    Packet(Arrival),
}

impl ExtraArrival {
    /// The time (s) for a uniform number in \[0, 1).
    pub(crate) fn time_s(&self, uniform: f64) -> f64 {
        match self {
            Self::Pulse { duration_s, delay_s, parts: [before, upto], window_s: [from, to] } => {
                let part = before + (upto - before) * uniform;
                // rounding must not carry it out of the window, which ends before `to`
                (delay_s + pulse::first_photon_time_s(*duration_s, part)).clamp(*from, to.next_down())
            }
            Self::Packet(arrival) => arrival.time_s(uniform),
        }
    }
}

impl Extra {
    /// Density of its arrival (1/s).
    pub(crate) fn intensity(&self, time_s: f64) -> f64 {
        match &self.wave {
            ExtraWave::Pulse { duration_s, delay_s } => {
                pulse::first_photon_intensity(*duration_s, time_s - delay_s)
            }
            ExtraWave::Packet(packet) => packet.intensity(time_s),
        }
    }

    /// Part of it that arrives between two times (s).
    pub(crate) fn captured(&self, from_s: f64, to_s: f64) -> f64 {
        if to_s <= from_s {
            return 0.0;
        }
        match &self.wave {
            ExtraWave::Pulse { duration_s, delay_s } => {
                pulse::first_photon_captured(*duration_s, from_s - delay_s, to_s - delay_s)
            }
            ExtraWave::Packet(packet) => packet.captured(from_s, to_s),
        }
    }

    /// Its arrival, known to lie between two times (s).
    pub(crate) fn inside(&self, from_s: f64, to_s: f64) -> ExtraArrival {
        match &self.wave {
            ExtraWave::Pulse { duration_s, delay_s } => {
                let part = |time_s: f64| pulse::first_photon_captured(*duration_s, 0.0, time_s - delay_s);
                ExtraArrival::Pulse {
                    duration_s: *duration_s,
                    delay_s: *delay_s,
                    parts: [part(from_s), part(to_s)],
                    window_s: [from_s, to_s],
                }
            }
            ExtraWave::Packet(packet) => ExtraArrival::Packet(packet.inside(from_s, to_s)),
        }
    }

    /// An arrival time (s).
    pub(crate) fn sample(&self, rng: &mut Xoshiro) -> f64 {
        match &self.wave {
            ExtraWave::Pulse { duration_s, delay_s } => {
                delay_s + pulse::first_photon_time_s(*duration_s, rng.uniform())
            }
            ExtraWave::Packet(packet) => packet.sample(rng),
        }
    }

    /// Times (s) at which its density is not smooth.
    pub(crate) fn kinks(&self) -> Vec<f64> {
        match &self.wave {
            ExtraWave::Pulse { duration_s, delay_s } => {
                // a whole period of the squared sine: quarters keep Gauss's rule exact to rounding
                (0..=4).map(|quarter| delay_s + duration_s * f64::from(quarter) / 4.0).collect()
            }
            ExtraWave::Packet(packet) => packet.kinks(),
        }
    }

    /// Probability to be registered in a slot of an endless window.
    pub(crate) fn slot_efficiency(&self, node: usize, gram: &Gram) -> f64 {
        let index = 2 * node + self.mode;
        self.efficiency * gram[index][index].re
    }

    /// Probability to be registered somewhere, given when each slot opens (s).
    pub(crate) fn registered(
        &self,
        node: usize,
        grams: &[Gram; SLOTS],
        open_s: &[f64; SLOTS],
        end_s: f64,
    ) -> f64 {
        (0..SLOTS).map(|k| self.slot_efficiency(node, &grams[k]) * self.captured(open_s[k], end_s)).sum()
    }
}

impl Source {
    /// Probability of an emitted photon of one mode to be registered by the best detector of an endless window.
    fn mode_efficiency(&self, mode: usize) -> f64 {
        if self.populations[mode] > 0.0 {
            self.efficiency * self.amplitudes[mode] * self.amplitudes[mode] / self.populations[mode]
        } else {
            0.0
        }
    }

    /// The branches of an attempt; their probabilities sum to one.
    ///
    /// Errors of one attempt exclude each other: where two could happen, the earlier one in the order bin rotation, wrong
    /// decay, double emission decides the branch.
    pub(crate) fn branches(&self, encoding: &EncodingParams) -> Vec<Branch> {
        let emitted = self.photon_probability;
        let double = self.double.as_ref().map_or(0.0, |double| double.probability);
        let mut branches = vec![];
        let mut add = |branch: Branch| {
            if branch.probability > 0.0 {
                branches.push(branch);
            }
        };
        let photon = |amplitudes: [f64; 2], populations, packet: WavePacket| {
            Some(Photon { amplitudes, populations, vacuum: 0.0, packet })
        };
        let with =
            |probability, photon, extra| Branch { probability, photon, ion: [0.0; 2], leaked: false, extra };
        let dark = |probability, ion, leaked| Branch { probability, photon: None, ion, leaked, extra: None };
        let efficiency = |mode| match encoding {
            // all photons of number encoding are of one kind
            EncodingParams::Number(_) => self.efficiency,
            _ => self.mode_efficiency(mode),
        };
        let first_photon = |mode| {
            self.double.as_ref().map(|double| Extra {
                kind: ExtraKind::Pulse,
                mode,
                efficiency: efficiency(mode),
                wave: ExtraWave::Pulse { duration_s: double.pulse_duration_s, delay_s: self.packet.delay_s },
            })
        };
        // excited afresh at the end of the pulse
        let late = || {
            let wait_s = self.double.as_ref().map_or(0.0, |double| double.pulse_duration_s);
            self.packet.delayed(wait_s)
        };
        let only = |mode: usize| if mode == 0 { [1.0, 0.0] } else { [0.0, 1.0] };
        match encoding {
            EncodingParams::Number(_) => {
                let bright = self.populations[1];
                let leak = bright * self.bright_leak;
                let again = (bright - leak) * double;
                let single = 1.0 - leak - again;
                if single > 0.0 {
                    let alpha = (bright - leak - again).max(0.0) / single;
                    let amplitudes = [0.0, alpha.sqrt()];
                    add(with(
                        emitted * single,
                        Some(Photon {
                            amplitudes,
                            populations: [1.0 - alpha, alpha],
                            vacuum: (alpha * (1.0 - alpha)).sqrt(),
                            packet: self.packet.clone(),
                        }),
                        None,
                    ));
                }
                let second = photon([0.0, 1.0], only(1), late());
                add(with(emitted * again, second, first_photon(1)));
                add(dark(emitted * leak, [0.5; 2], true));
            }
            _ if encoding.carrier() == Carrier::Bins => {
                let [c0, c1] = self.populations;
                let missed = self.rotation_missed;
                let wrong = self.wrong_decay_probability;
                let right = emitted * (1.0 - missed);
                let good = right * (1.0 - wrong) * (1.0 - double);
                add(with(good, photon(self.amplitudes, self.populations, self.packet.clone()), None));
                for (mode, population) in [(0, c0), (1, c1)] {
                    let again = photon(only(mode), only(mode), late());
                    add(with(right * (1.0 - wrong) * double * population, again, first_photon(mode)));
                }
                // bright in both bins: a photon in each, or in neither
                let both = Extra {
                    kind: ExtraKind::OtherBin,
                    mode: 0,
                    efficiency: efficiency(0),
                    wave: ExtraWave::Packet(Box::new(self.packet.clone())),
                };
                let second = || photon(only(1), only(1), self.packet.clone());
                add(with(emitted * missed * c0, second(), Some(both)));
                add(dark(emitted * missed * c1, only(0), false));
                // a filtered photon, and the ion bright again in the late bin
                add(with(right * wrong * (1.0 - wrong) * c0, second(), None));
                add(dark(right * wrong * (c1 + wrong * c0), only(0), false));
            }
            _ => {
                let alone = photon(self.amplitudes, self.populations, self.packet.clone());
                add(with(emitted * (1.0 - double), alone, None));
                let mode = self.double.as_ref().and_then(|double| double.return_mode).unwrap_or(0);
                let again = photon(self.amplitudes, self.populations, late());
                add(with(emitted * double, again, first_photon(mode)));
            }
        }
        add(dark(1.0 - emitted, [0.5; 2], true));
        if branches.is_empty() {
            branches.push(dark(1.0, [0.5; 2], true));
        }
        branches
    }
}
