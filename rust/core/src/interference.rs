//! Interference: the station's optics, which make two photons indistinguishable by path.
//!
//! Whatever lies between the ions and a slot is linear: a photon of source s and mode a reaches the optical modes x that
//! the slot's detector sees with amplitudes T_s[x, a]. A detector does not tell these modes apart, so all that a slot
//! knows is its Gram matrix over sources and modes,
//!
//! G[(s,a),(s',a')] = sum over x of T_s[x, a] T_s'*[x, a'],
//!
//! and every state of the ions follows from the Gram matrices of the slots (docs/physics.md, section Interference).

use crate::channel::{Jones, product};
use crate::encoding::{Carrier, SLOTS, slot_index};
use crate::error::{Error, Result};
use num_complex::Complex64;

/// Gram matrix of a slot; row and column are 2 source + mode.
pub type Gram = [[Complex64; 4]; 4];

/// A Gram matrix of nothing.
pub const DARK: Gram = [[Complex64::ZERO; 4]; 4];

/// What lies between the collected photons and the slots.
#[derive(Debug, Clone, PartialEq)]
pub struct Optics {
    /// Where photons of the two modes go.
    pub carrier: Carrier,
    /// The splitter.
    pub splitter: Splitter,
    /// Polarization optics of each node's path.
    pub paths: [Jones; 2],
    /// Polarization optics behind each exit of the splitter.
    pub ports: [Jones; 2],
    /// For the polarization of each slot: light that the polarizer sends to this slot over light that it sends to the other.
    pub extinction_ratio: [f64; SLOTS],
    /// Overlaps of the polarizations of two sources' light, see [`Pupil::overlap`](crate::collection::Pupil::overlap).
    pub overlaps: [[Gram; 2]; 2],
}

impl Optics {
    /// Gram matrix of each slot for detectors of efficiency one.
    pub fn grams(&self) -> [Gram; SLOTS] {
        let mut grams = [DARK; SLOTS];
        for port in 0..2 {
            for polarization in 0..2 {
                let seen = self.outgoing(port, polarization);
                match self.carrier {
                    Carrier::Polarization => {
                        let ratio = self.extinction_ratio[slot_index(port, polarization)];
                        let leaked = 1.0 / (1.0 + ratio);
                        add(&mut grams[slot_index(port, polarization)], &seen, 1.0 - leaked);
                        add(&mut grams[slot_index(port, 1 - polarization)], &seen, leaked);
                    }
                    Carrier::Bins => {
                        for bin in 0..2 {
                            let gram = &mut grams[slot_index(port, bin)];
                            for (s, r) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                                gram[2 * s + bin][2 * r + bin] += seen[2 * s + bin][2 * r + bin];
                            }
                        }
                    }
                    Carrier::Shared => add(&mut grams[slot_index(port, 0)], &seen, 1.0),
                }
            }
        }
        grams
    }

    /// Gram matrix of one polarization behind the optics of a port.
    fn outgoing(&self, port: usize, polarization: usize) -> Gram {
        // of a photon of a source and mode (2 source + mode) that entered its path in polarization p
        let amplitudes: [[Complex64; 2]; 4] = std::array::from_fn(|photon| {
            let (source, mode) = (photon / 2, photon % 2);
            [0, 1].map(|p: usize| {
                (0..2)
                    .map(|q| {
                        let reflected = if self.carrier == Carrier::Polarization { q } else { mode };
                        self.ports[port][polarization][q]
                            * self.splitter.amplitude(reflected, port, source)
                            * self.paths[source][q][p]
                    })
                    .sum()
            })
        });
        let mut gram = DARK;
        for row in 0..4 {
            for column in 0..4 {
                let ((s, a), (r, b)) = ((row / 2, row % 2), (column / 2, column % 2));
                if self.carrier != Carrier::Polarization {
                    // photons of both modes leave in one polarization
                    gram[row][column] = amplitudes[row][0] * amplitudes[column][0].conj();
                    continue;
                }
                for p in 0..2 {
                    for q in 0..2 {
                        let (here, there) = (amplitudes[row][p], amplitudes[column][q]);
                        // most polarizations do not get here
                        if here != Complex64::ZERO && there != Complex64::ZERO {
                            gram[row][column] +=
                                here * self.overlaps[s][r][2 * p + a][2 * q + b] * there.conj();
                        }
                    }
                }
            }
        }
        gram
    }

    /// Share of light with the coherency matrix `coherency` at the end of a node's path that reaches each slot.
    pub fn unpolarized(&self, source: usize, coherency: &Jones) -> [f64; SLOTS] {
        let mut shares = [0.0; SLOTS];
        for port in 0..2 {
            for polarization in 0..2 {
                let amplitude = |q: usize, mode: usize| {
                    let reflected = if self.carrier == Carrier::Polarization { q } else { mode };
                    self.ports[port][polarization][q] * self.splitter.amplitude(reflected, port, source)
                };
                let power = |mode: usize| {
                    let mut sum = Complex64::ZERO;
                    for q in 0..2 {
                        for r in 0..2 {
                            sum += amplitude(q, mode) * coherency[q][r] * amplitude(r, mode).conj();
                        }
                    }
                    sum.re
                };
                match self.carrier {
                    Carrier::Polarization => {
                        let leaked = 1.0 / (1.0 + self.extinction_ratio[slot_index(port, polarization)]);
                        shares[slot_index(port, polarization)] += (1.0 - leaked) * power(polarization);
                        shares[slot_index(port, 1 - polarization)] += leaked * power(polarization);
                    }
                    // light that is always there meets the window of every bin
                    Carrier::Bins => {
                        for bin in 0..2 {
                            shares[slot_index(port, bin)] += power(bin);
                        }
                    }
                    // noise of both colors, or of the only one
                    Carrier::Shared => shares[slot_index(port, 0)] += 0.5 * (power(0) + power(1)),
                }
            }
        }
        shares
    }

    /// The photon of the first source as a receiver analyzes it: element (a p, b q) of mode a in polarization p with mode b in
    /// polarization q, at row 2 a + p and column 2 b + q. The polarizer's leak mixes the two polarizations of every basis
    /// alike: it leaves the fraction 1 - 2 leak of the photon's Bloch vector.
    pub fn received(&self) -> Gram {
        let jones = product(&self.ports[0], &self.paths[0]);
        let mut photon = DARK;
        for row in 0..4 {
            for column in 0..4 {
                let ((a, p), (b, q)) = ((row / 2, row % 2), (column / 2, column % 2));
                for k in 0..2 {
                    for l in 0..2 {
                        photon[row][column] +=
                            jones[p][k] * self.overlaps[0][0][2 * k + a][2 * l + b] * jones[q][l].conj();
                    }
                }
            }
        }
        let leaked = 0.5 * (1.0 / (1.0 + self.extinction_ratio[0]) + 1.0 / (1.0 + self.extinction_ratio[1]));
        let pure = photon;
        for row in 0..4 {
            for column in 0..4 {
                let ((a, p), (b, q)) = ((row / 2, row % 2), (column / 2, column % 2));
                photon[row][column] *= 1.0 - 2.0 * leaked;
                if p == q {
                    photon[row][column] += leaked * (pure[2 * a][2 * b] + pure[2 * a + 1][2 * b + 1]);
                }
            }
        }
        photon
    }
}

/// Adds `weight` times `term`.
fn add(gram: &mut Gram, term: &Gram, weight: f64) {
    for (row, term) in gram.iter_mut().zip(term) {
        for (element, term) in row.iter_mut().zip(term) {
            *element += term * weight;
        }
    }
}

/// A lossless splitter with its own reflectivity R for each mode:
/// U\[port, source\] = \[\[√(1-R), √R\], \[√R, -√(1-R)\]\].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Splitter {
    amplitudes: [[[f64; 2]; 2]; 2],
}

impl Splitter {
    /// A splitter with reflectivity `reflectivity[mode]`.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a reflectivity outside \[0, 1\].
    pub fn new(reflectivity: [f64; 2]) -> Result<Self> {
        for r in reflectivity {
            if !(0.0..=1.0).contains(&r) {
                return Err(Error::parameter("reflectivity", r, "in [0, 1]", ""));
            }
        }
        Ok(Self::of(reflectivity))
    }

    /// R = 1/2 for both modes.
    pub fn balanced() -> Self {
        Self::of([0.5; 2])
    }

    fn of(reflectivity: [f64; 2]) -> Self {
        let amplitudes = reflectivity.map(|r| {
            let (through, across) = ((1.0 - r).sqrt(), r.sqrt());
            [[through, across], [across, -through]]
        });
        Self { amplitudes }
    }

    /// U\[port, source\] for a mode; real.
    pub fn amplitude(&self, mode: usize, port: usize, source: usize) -> f64 {
        self.amplitudes[mode][port][source]
    }

    /// |U\[port, source\]|² for a mode.
    pub fn probability(&self, mode: usize, port: usize, source: usize) -> f64 {
        let amplitude = self.amplitude(mode, port, source);
        amplitude * amplitude
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_orthonormal() {
        let splitter = Splitter::new([0.45, 0.7]).unwrap();
        for mode in 0..2 {
            for a in 0..2 {
                for b in 0..2 {
                    let product: f64 = (0..2)
                        .map(|port| splitter.amplitude(mode, port, a) * splitter.amplitude(mode, port, b))
                        .sum();
                    assert!((product - f64::from(u8::from(a == b))).abs() < 1e-15);
                }
            }
        }
    }
}
