//! The elements of a path: their parameters and what can be checked of each alone.

use crate::catalog;
use crate::check;
use crate::constants::SPEED_OF_LIGHT_M_PER_S;
use crate::error::{Error, Result};
use crate::math;
use serde::{Deserialize, Serialize};

fn missing(name: &str) -> Error {
    Error::MissingField { path: name.into(), position: None }
}

fn optional_positive(name: &str, value: Option<f64>, unit: &'static str) -> Result<()> {
    value.map_or(Ok(()), |value| check::positive(name, value, unit).map(drop))
}

/// A fiber of length L: transmission 10^(-attenuation L/10), delay n L/c with the group index n.
///
/// Attenuation and group index are either given or looked up in the catalog by the fiber's name. A value given here
/// goes before the catalog's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FiberParams {
    /// Length L (m).
    pub length_m: f64,
    /// Attenuation (dB/km); needed without `catalog`.
    #[serde(default)]
    pub attenuation_db_per_km: Option<f64>,
    /// Group index n; needed where the catalog has none.
    #[serde(default)]
    pub group_index: Option<f64>,
    /// Name of the fiber in the catalog.
    #[serde(default)]
    pub catalog: Option<String>,
    /// Wavelength at which the catalog is read (nm); left out: that of the photon, behind the converters so far.
    #[serde(default)]
    pub wavelength_nm: Option<f64>,
}

impl FiberParams {
    pub(super) fn check(&self) -> Result<()> {
        check::non_negative("length_m", self.length_m, "m")?;
        if let Some(attenuation) = self.attenuation_db_per_km {
            check::non_negative("attenuation_db_per_km", attenuation, "dB/km")?;
        }
        optional_positive("group_index", self.group_index, "")?;
        optional_positive("wavelength_nm", self.wavelength_nm, "nm")?;
        if self.catalog.is_none() || self.wavelength_nm.is_some() {
            self.medium(self.wavelength_nm)?;
        }
        Ok(())
    }

    /// Transmission and delay (s) for a photon of this wavelength, if known.
    pub(super) fn transmission_and_delay_s(&self, wavelength_nm: Option<f64>) -> Result<(f64, f64)> {
        self.check()?;
        let (attenuation_db_per_km, group_index) = self.medium(self.wavelength_nm.or(wavelength_nm))?;
        let loss_db = attenuation_db_per_km * self.length_m / 1000.0;
        Ok((math::transmission_of_db(loss_db), group_index * self.length_m / SPEED_OF_LIGHT_M_PER_S))
    }

    /// Attenuation (dB/km) and group index.
    fn medium(&self, wavelength_nm: Option<f64>) -> Result<(f64, f64)> {
        match (self.attenuation_db_per_km, self.group_index, &self.catalog) {
            (Some(attenuation), Some(group_index), _) => Ok((attenuation, group_index)),
            (None, _, None) => Err(missing("attenuation_db_per_km")),
            (Some(_), None, None) => Err(missing("group_index")),
            (attenuation, group_index, Some(name)) => {
                let wavelength_nm = wavelength_nm.ok_or_else(|| missing("wavelength_nm"))?;
                let data = catalog::fiber(name, wavelength_nm)
                    .map_err(|error| error.renamed(|path| (path == "fiber").then(|| "catalog".to_owned())))?;
                let group_index = group_index.or(data.group_index).ok_or_else(|| missing("group_index"))?;
                Ok((attenuation.unwrap_or(data.attenuation_db_per_km), group_index))
            }
        }
    }
}

/// Any other loss: couplers, facets, mirrors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LossParams {
    /// Probability that a photon passes.
    pub transmission: f64,
}

impl LossParams {
    pub(super) fn check(&self) -> Result<()> {
        check::probability("transmission", self.transmission).map(drop)
    }
}

/// A frequency converter: it passes the photon to another wavelength and adds noise photons of its pump.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConverterParams {
    /// Probability that a photon is converted and leaves.
    pub efficiency: f64,
    /// Noise photons of the pump at the converter's output, both polarizations together (1/s).
    #[serde(default)]
    pub noise_rate_hz: f64,
    /// Width of the band that the converter converts and that its noise fills (Hz); left out: unknown, so that filters
    /// reduce its noise by their transmission alone.
    #[serde(default)]
    pub bandwidth_hz: Option<f64>,
    /// Wavelength behind the converter (nm); left out: unknown.
    #[serde(default)]
    pub wavelength_nm: Option<f64>,
}

impl ConverterParams {
    pub(super) fn check(&self) -> Result<()> {
        check::probability("efficiency", self.efficiency)?;
        check::rate("noise_rate_hz", self.noise_rate_hz, "1/s")?;
        optional_positive("bandwidth_hz", self.bandwidth_hz, "Hz")?;
        optional_positive("wavelength_nm", self.wavelength_nm, "nm")
    }
}

/// A spectral filter around the photon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilterParams {
    /// Probability that a photon passes.
    pub transmission: f64,
    /// Width of its band (Hz); left out: noise loses by `transmission` alone.
    #[serde(default)]
    pub bandwidth_hz: Option<f64>,
}

impl FilterParams {
    pub(super) fn check(&self) -> Result<()> {
        check::probability("transmission", self.transmission)?;
        optional_positive("bandwidth_hz", self.bandwidth_hz, "Hz")
    }
}

/// An optical switch on the photon's way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SwitchParams {
    /// Insertion loss (dB).
    pub loss_db: f64,
}

impl SwitchParams {
    pub(super) fn check(&self) -> Result<()> {
        check::non_negative("loss_db", self.loss_db, "dB").map(drop)
    }
}

/// A rotation of the polarization in the basis of the two modes: \[\[cos a, -sin a\], \[sin a, cos a\]\].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RotationParams {
    /// Angle a (rad).
    pub angle_rad: f64,
}

impl RotationParams {
    pub(super) fn check(&self) -> Result<()> {
        check::finite("angle_rad", self.angle_rad, "rad").map(drop)
    }
}

/// A wave plate of retardance r at the angle a: R(a) diag(e^{-i r/2}, e^{i r/2}) R(-a), R the rotation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WavePlateParams {
    /// Retardance r: pi for a half-wave plate, pi/2 for a quarter-wave plate (rad).
    pub retardance_rad: f64,
    /// Angle a of the fast axis from mode 0 (rad).
    pub angle_rad: f64,
}

impl WavePlateParams {
    pub(super) fn check(&self) -> Result<()> {
        check::finite("retardance_rad", self.retardance_rad, "rad")?;
        check::finite("angle_rad", self.angle_rad, "rad").map(drop)
    }
}

/// A loss that differs between the two modes; the amplitude of each is multiplied by the root of its transmission.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolarizationLossParams {
    /// Probability that a photon of mode 0, of mode 1 passes.
    pub transmission: [f64; 2],
}

impl PolarizationLossParams {
    pub(super) fn check(&self) -> Result<()> {
        for (mode, transmission) in self.transmission.into_iter().enumerate() {
            check::probability(&format!("transmission.{mode}"), transmission)?;
        }
        Ok(())
    }
}
