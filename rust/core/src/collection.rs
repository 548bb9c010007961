//! Collection: which part of the emission a lens or a measured efficiency hands to the path.

use crate::check;
use crate::emission::{Emission, Transition, WavePacket};
use crate::error::{Error, Result};
use crate::kinds;
use serde::{Deserialize, Serialize};

impl Stage {
    /// The name in link files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Collection => "collection",
            Self::Path => "path",
            Self::Station => "station",
            Self::Detector => "detector",
            Self::Window => "window",
        }
    }
}

/// A lens of numerical aperture NA, optionally followed by a single-mode fiber.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LensParams {
    /// NA = sin b with b the half angle, in vacuum.
    pub numerical_aperture: f64,
    /// Direction of the optical axis with respect to the magnetic field.
    #[serde(default)]
    pub axis: Axis,
    /// Efficiency of the coupling into a single-mode fiber, relative to the free-space collection (1 - cos b)/2 of
    /// an unpolarized emitter; left out: free space.
    #[serde(default)]
    pub fiber_coupling: Option<f64>,
}

/// Direction of the optical axis with respect to the magnetic field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Axis {
    /// Across the field.
    #[default]
    Perpendicular,
    /// Along the field.
    Parallel,
}

/// A measured efficiency per emitted photon, which replaces the stages it includes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeasuredEfficiencyParams {
    /// Probability per emitted photon to pass all included stages.
    pub efficiency: f64,
    /// The stages contained in the figure; none of them is applied again.
    pub includes: Vec<Stage>,
    /// Start and duration (s) of the window in which the figure was measured; needed with `window` among the stages.
    #[serde(default)]
    pub at_window_s: Option<[f64; 2]>,
}

impl LensParams {
    /// Checks what does not depend on the emission.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the field.
    pub fn check(&self) -> Result<()> {
        let aperture = self.numerical_aperture;
        if !(aperture > 0.0 && aperture <= 1.0) {
            return Err(Error::parameter("numerical_aperture", aperture, "in (0, 1]", ""));
        }
        if let Some(coupling) = self.fiber_coupling {
            check::probability("fiber_coupling", coupling)?;
        }
        Ok(())
    }
}

impl MeasuredEfficiencyParams {
    /// Checks what does not depend on the emission.
    ///
    /// # Errors
    /// [`Error::Parameter`] or [`Error::MissingField`] naming the field.
    pub fn check(&self) -> Result<()> {
        check::probability("efficiency", self.efficiency)?;
        if !self.includes.contains(&Stage::Collection) {
            return Err(Error::parameter("includes", "a list without it", "a list with \"collection\"", ""));
        }
        match (self.includes.contains(&Stage::Window), self.at_window_s) {
            (false, None) => Ok(()),
            (true, Some([start, duration])) => {
                check::finite("at_window_s.0", start, "s")?;
                check::positive("at_window_s.1", duration, "s")?;
                Ok(())
            }
            (true, None) => Err(Error::MissingField { path: "at_window_s".into(), position: None }),
            (false, Some([start, duration])) => {
                let domain = "left out unless `includes` names \"window\"";
                Err(Error::parameter("at_window_s", format!("[{start}, {duration}]"), domain, "s"))
            }
        }
    }
}

/// A stage of the photon's way that a measured efficiency may contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Lens, cavity, fiber coupling.
    Collection,
    /// Fibers and other elements.
    Path,
    /// Optics of the station up to the detectors.
    Station,
    /// Detector efficiency.
    Detector,
    /// The part of the wave packet inside the detection window.
    Window,
}

kinds! {
    /// How photons get from the ion to the path.
    pub enum CollectionParams {
        /// A lens computed from its aperture.
        Lens(LensParams) = "lens",
        /// A measured number.
        MeasuredEfficiency(MeasuredEfficiencyParams) = "measured_efficiency",
    }
}

/// Fraction of the emission of one transition inside a cone of numerical aperture NA.
///
/// With c = cos b = sqrt(1 - NA²), in a form without cancellation for small apertures (x = 1 - c):
///
/// | axis | sigma | pi |
/// |---|---|---|
/// | along B | 1/2 - 3c/8 - c³/8 = (6x - 3x² + x³)/8 | 1/2 - 3c/4 + c³/4 = (3x² - x³)/4 |
/// | across B | 1/2 - 9c/16 + c³/16 = (6x + 3x² - x³)/16 | 1/2 - 3c/8 - c³/8 = (6x - 3x² + x³)/8 |
///
/// Source: the dipole patterns 3(1 + cos²θ)/16π and 3 sin²θ/8π integrated over the cone (docs/physics.md, Collection).
pub fn collected_fraction(transition: Transition, axis: Axis, numerical_aperture: f64) -> f64 {
    let x = cone(numerical_aperture);
    match (axis, transition) {
        (Axis::Parallel, Transition::Pi) => x * x * (3.0 - x) / 4.0,
        (Axis::Perpendicular, Transition::Sigma) => x * (6.0 + x * (3.0 - x)) / 16.0,
        (Axis::Parallel, Transition::Sigma) | (Axis::Perpendicular, Transition::Pi) => {
            x * (6.0 - x * (3.0 - x)) / 8.0
        }
    }
}

/// 1 - cos b without cancellation.
fn cone(numerical_aperture: f64) -> f64 {
    let square = numerical_aperture * numerical_aperture;
    square / (1.0 + (1.0 - square).sqrt())
}

/// Strength of a transition's on-axis field, relative to a dipole across the axis.
///
/// A fiber mode, focused by the lens, has a purely transverse field at the ion; by reciprocity it takes from the
/// dipole just the projection onto that field: a pi dipole across the axis counts fully, a rotating one half when the
/// axis lies in its plane and fully when the axis is that of its rotation.
fn on_axis_weight(transition: Transition, axis: Axis) -> f64 {
    match (axis, transition) {
        (Axis::Perpendicular, Transition::Pi) | (Axis::Parallel, Transition::Sigma) => 1.0,
        (Axis::Perpendicular, Transition::Sigma) => 0.5,
        (Axis::Parallel, Transition::Pi) => 0.0,
    }
}

/// What the collection makes of an emitted photon.
#[derive(Debug, Clone, PartialEq)]
pub struct Collection {
    /// Amplitudes of the collected photon, normalized. What is not collected leaves its ion in the emitted populations.
    pub amplitudes: [f64; 2],
    /// Probability per emitted photon to pass the stages below, for an infinite detection window.
    pub efficiency: f64,
    /// Stages after the collection that `efficiency` contains already.
    pub includes: Vec<Stage>,
}

impl Collection {
    /// Checks the parameters and applies them to what the node emits.
    ///
    /// An efficiency measured inside a window is that of an undelayed photon.
    ///
    /// # Errors
    /// [`Error::Parameter`] or [`Error::MissingField`] naming the field.
    pub fn new(params: &CollectionParams, emission: &Emission) -> Result<Self> {
        match params {
            CollectionParams::Lens(lens) => Self::from_lens(lens, emission),
            CollectionParams::MeasuredEfficiency(measured) => Self::from_measurement(measured, emission),
        }
    }

    fn from_lens(lens: &LensParams, emission: &Emission) -> Result<Self> {
        lens.check()?;
        let aperture = lens.numerical_aperture;
        let transitions = emission.transitions.ok_or_else(|| Error::Model {
            parameter: "kind".into(),
            message: "a lens collects by dipole pattern: the emission of this node must have its `transitions`, such as \
                      [\"sigma\", \"pi\"]"
                .into(),
        })?;
        // Behind the lens the two modes must be two polarizations: across the field a rotating and a parallel dipole,
        // along it two dipoles rotating in opposite senses.
        let expected = match lens.axis {
            Axis::Perpendicular => transitions[0] != transitions[1],
            Axis::Parallel => transitions == [Transition::Sigma; 2],
        };
        if !expected {
            return Err(Error::Model {
                parameter: "axis".into(),
                message: "the two modes would not be two orthogonal polarizations on this axis: across the field one \
                          transition must be sigma and the other pi, along it both sigma (of opposite senses)"
                    .into(),
            });
        }
        let fractions = transitions.map(|transition| {
            let collected = collected_fraction(transition, lens.axis, aperture);
            let Some(coupling) = lens.fiber_coupling else { return Ok(collected) };
            // 3/2: an emitter across the axis against the isotropic (1 - c)/2, for small cones
            let coupled = 1.5 * on_axis_weight(transition, lens.axis) * coupling * cone(aperture) / 2.0;
            if coupled > collected {
                let domain = format!(
                    "at most {}: a fiber takes no more than the lens collects",
                    coupling * collected / coupled
                );
                return Err(Error::parameter("fiber_coupling", coupling, domain, ""));
            }
            Ok(coupled)
        });
        let [fraction_0, fraction_1] = fractions;
        let [c0, c1] = emission.amplitudes;
        let (w0, w1) = (c0 * c0 * fraction_0?, c1 * c1 * fraction_1?);
        let efficiency = w0 + w1;
        let amplitudes = if efficiency > 0.0 {
            let sign = |mode: usize| if emission.amplitudes[mode] < 0.0 { -1.0 } else { 1.0 };
            [sign(0) * (w0 / efficiency).sqrt(), sign(1) * (w1 / efficiency).sqrt()]
        } else {
            emission.amplitudes
        };
        Ok(Self { amplitudes, efficiency, includes: vec![Stage::Collection] })
    }

    fn from_measurement(measured: &MeasuredEfficiencyParams, emission: &Emission) -> Result<Self> {
        measured.check()?;
        let given = measured.efficiency;
        let efficiency = match measured.at_window_s {
            None => given,
            Some([start, duration]) => {
                let packet = WavePacket {
                    lifetime_s: emission.lifetime_s,
                    delay_s: 0.0,
                    detuning_rad_per_s: 0.0,
                    dephasing_rate_hz: 0.0,
                };
                let inside = packet.captured(start, start + duration);
                if given > inside {
                    let domain = format!("at most {inside}, the part of the photon inside at_window_s");
                    return Err(Error::parameter("efficiency", given, domain, ""));
                }
                if inside > 0.0 { given / inside } else { 0.0 }
            }
        };
        Ok(Self { amplitudes: emission.amplitudes, efficiency, includes: measured.includes.clone() })
    }

    /// Whether a later stage is contained in the efficiency already.
    pub fn includes(&self, stage: Stage) -> bool {
        self.includes.contains(&stage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::PI;

    /// Independent road: the dipole pattern integrated over the cone by the midpoint rule.
    fn integrated(transition: Transition, axis: Axis, numerical_aperture: f64) -> f64 {
        let half_angle = libm::asin(numerical_aperture);
        let (polar_steps, azimuth_steps) = (2000, 200);
        let mut sum = 0.0;
        for i in 0..polar_steps {
            let polar = (f64::from(i) + 0.5) * half_angle / f64::from(polar_steps);
            for j in 0..azimuth_steps {
                let azimuth = (f64::from(j) + 0.5) * 2.0 * PI / f64::from(azimuth_steps);
                let along_field = match axis {
                    Axis::Parallel => libm::cos(polar),
                    Axis::Perpendicular => libm::sin(polar) * libm::cos(azimuth),
                };
                let pattern = match transition {
                    Transition::Sigma => 3.0 * (1.0 + along_field * along_field) / (16.0 * PI),
                    Transition::Pi => 3.0 * (1.0 - along_field * along_field) / (8.0 * PI),
                };
                sum += pattern * libm::sin(polar);
            }
        }
        sum * half_angle / f64::from(polar_steps) * 2.0 * PI / f64::from(azimuth_steps)
    }

    #[test]
    fn collected_fractions_are_the_integrals_of_the_dipole_patterns() {
        for transition in [Transition::Sigma, Transition::Pi] {
            for axis in [Axis::Parallel, Axis::Perpendicular] {
                for aperture in [0.1, 0.3, 0.6, 0.9] {
                    let (closed, sum) = (
                        collected_fraction(transition, axis, aperture),
                        integrated(transition, axis, aperture),
                    );
                    // midpoint rule with 2000 steps: relative error of order (1/2000)²
                    assert!((closed - sum).abs() < 1e-6 * closed, "{transition:?} {axis:?} {aperture}");
                }
            }
        }
    }

    #[test]
    fn published_fractions_at_aperture_0_6() {
        let across = |transition| collected_fraction(transition, Axis::Perpendicular, 0.6);
        assert!((across(Transition::Sigma) - 0.0820).abs() < 5e-5);
        assert!((across(Transition::Pi) - 0.1360).abs() < 5e-5);
        let mixed = 2.0 / 3.0 * across(Transition::Sigma) + across(Transition::Pi) / 3.0;
        assert!((mixed - 0.1).abs() < 1e-15);
    }

    fn strontium() -> Emission {
        Emission {
            photon_probability: 1.0,
            amplitudes: [(2.0f64 / 3.0).sqrt(), (1.0f64 / 3.0).sqrt()],
            transitions: Some([Transition::Sigma, Transition::Pi]),
            lifetime_s: 7.39e-9,
            detuning_rad_per_s: 0.0,
            dephasing_rate_hz: 0.0,
        }
    }

    #[test]
    fn single_mode_fiber_across_the_field_makes_the_modes_equal() {
        let lens =
            LensParams { numerical_aperture: 0.6, axis: Axis::Perpendicular, fiber_coupling: Some(0.8) };
        let collection = Collection::new(&CollectionParams::Lens(lens), &strontium()).unwrap();
        assert!((collection.amplitudes[0] - collection.amplitudes[1]).abs() < 1e-15);
        assert!((collection.efficiency - 0.08).abs() < 1e-15);
    }

    #[test]
    fn free_space_reweights_the_amplitudes() {
        let lens = LensParams { numerical_aperture: 0.6, axis: Axis::Perpendicular, fiber_coupling: None };
        let collection = Collection::new(&CollectionParams::Lens(lens), &strontium()).unwrap();
        assert!((collection.efficiency - 0.1).abs() < 1e-15);
        assert!(
            (collection.amplitudes[0] * collection.amplitudes[0] - 2.0 / 3.0 * 0.082 / 0.1).abs() < 1e-15
        );
    }

    #[test]
    fn efficiency_measured_in_a_window_is_rescaled_to_an_infinite_one() {
        let measured = MeasuredEfficiencyParams {
            efficiency: 0.021,
            includes: vec![Stage::Collection, Stage::Window],
            at_window_s: Some([0.0, 30e-9]),
        };
        let collection =
            Collection::new(&CollectionParams::MeasuredEfficiency(measured), &strontium()).unwrap();
        let inside = 1.0 - libm::exp(-30.0 / 7.39);
        assert!((collection.efficiency - 0.021 / inside).abs() < 1e-16);
    }

    #[test]
    fn lenses_that_cannot_be_are_refused() {
        use Transition::{Pi, Sigma};
        let collect = |axis, transitions, numerical_aperture, fiber_coupling| {
            let emission = Emission { transitions: Some(transitions), ..strontium() };
            Collection::new(
                &CollectionParams::Lens(LensParams { numerical_aperture, axis, fiber_coupling }),
                &emission,
            )
        };
        // both sigma across the field are one polarization, a pi dipole along the field has no light on the axis
        for (axis, transitions) in [
            (Axis::Perpendicular, [Sigma, Sigma]),
            (Axis::Perpendicular, [Pi, Pi]),
            (Axis::Parallel, [Sigma, Pi]),
        ] {
            assert!(matches!(collect(axis, transitions, 0.3, None), Err(Error::Model { .. })));
        }
        assert!(collect(Axis::Parallel, [Sigma, Sigma], 0.3, Some(0.5)).is_ok());
        // at NA 0.6 the pi light behind the lens bounds the coupling to 0.1360/0.15 = 0.907
        assert!(collect(Axis::Perpendicular, [Sigma, Pi], 0.6, Some(0.90)).is_ok());
        assert!(collect(Axis::Perpendicular, [Sigma, Pi], 0.6, Some(0.91)).is_err());
    }
}
