//! Interference: the beam splitter that makes two photons indistinguishable by path.

use crate::error::{Error, Result};

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
