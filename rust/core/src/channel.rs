//! Channel: the ordered path of elements between a node's collection and the station.

use crate::check;
use crate::constants::SPEED_OF_LIGHT_M_PER_S;
use crate::error::Result;
use crate::kinds;
use crate::math;
use serde::{Deserialize, Serialize};

/// A fiber.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FiberParams {
    /// Length (m).
    pub length_m: f64,
    /// Attenuation (dB/km).
    pub attenuation_db_per_km: f64,
    /// Group index; the delay is group index times length over c.
    pub group_index: f64,
}

/// Any other loss: couplers, facets, mirrors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LossParams {
    /// Probability that a photon passes.
    pub transmission: f64,
}

kinds! {
    /// One element of a path.
    pub enum ElementParams {
        /// A fiber.
        Fiber(FiberParams) = "fiber",
        /// A lumped loss.
        Loss(LossParams) = "loss",
    }
}

/// A checked path: its elements in order, summed up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Path {
    /// Product of the elements' transmissions.
    pub transmission: f64,
    /// Sum of the elements' delays (s). Pulses are timed so that both photons arrive together, so it turns no phase.
    pub delay_s: f64,
}

impl Path {
    /// Checks every element.
    ///
    /// # Errors
    /// The error's path starts with the position of the element.
    pub fn new(elements: &[ElementParams]) -> Result<Self> {
        let mut path = Self { transmission: 1.0, delay_s: 0.0 };
        for (index, element) in elements.iter().enumerate() {
            let (transmission, delay_s) = element.checked().map_err(|error| error.within(index))?;
            path.transmission *= transmission;
            path.delay_s += delay_s;
        }
        Ok(path)
    }
}

impl ElementParams {
    /// Transmission and delay (s) of the element.
    pub(crate) fn checked(&self) -> Result<(f64, f64)> {
        match self {
            Self::Fiber(fiber) => {
                let length = check::non_negative("length_m", fiber.length_m, "m")?;
                let attenuation =
                    check::non_negative("attenuation_db_per_km", fiber.attenuation_db_per_km, "dB/km")?;
                let group_index = check::positive("group_index", fiber.group_index, "")?;
                let loss_db = attenuation * length / 1000.0;
                Ok((math::transmission_of_db(loss_db), group_index * length / SPEED_OF_LIGHT_M_PER_S))
            }
            Self::Loss(loss) => Ok((check::probability("transmission", loss.transmission)?, 0.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_multiply_and_delays_add() {
        let fiber = |length_m| {
            ElementParams::Fiber(FiberParams { length_m, attenuation_db_per_km: 0.2, group_index: 1.468 })
        };
        let path =
            Path::new(&[fiber(10e3), ElementParams::Loss(LossParams { transmission: 0.5 }), fiber(40e3)])
                .unwrap();
        // 50 km at 0.2 dB/km are 10 dB
        assert!((path.transmission - 0.05).abs() < 1e-16);
        assert!((path.delay_s - 1.468 * 50e3 / 299_792_458.0).abs() < 1e-18);
    }

    #[test]
    fn the_error_says_which_element() {
        let error = Path::new(&[
            ElementParams::Loss(LossParams { transmission: 1.0 }),
            ElementParams::Loss(LossParams { transmission: 1.5 }),
        ])
        .unwrap_err();
        assert_eq!(error.to_string(), "`1.transmission` must be in [0, 1], got 1.5");
    }
}
