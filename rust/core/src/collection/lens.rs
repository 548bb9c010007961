//! A lens: collected fractions, polarization mixing in free space, coupling into a single-mode fiber.

use super::{Collection, Pupil, Stage};
use crate::check;
use crate::emission::{Emission, Transition};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

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

impl LensParams {
    /// Whether the two modes are two orthogonal polarizations behind the lens: across the field a rotating and a parallel
    /// dipole, along it two dipoles rotating in opposite senses.
    ///
    /// # Errors
    /// [`Error::Model`] if not.
    pub fn check_polarizations(&self, transitions: [Transition; 2]) -> Result<()> {
        let orthogonal = match self.axis {
            Axis::Perpendicular => transitions[0] != transitions[1],
            Axis::Parallel => transitions == [Transition::Sigma; 2],
        };
        if orthogonal {
            return Ok(());
        }
        Err(Error::Model {
            parameter: "axis".into(),
            message:
                "the two modes would not be two orthogonal polarizations on this axis: across the field one \
                      transition must be sigma and the other pi, along it both sigma (of opposite senses)"
                    .into(),
        })
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
    cone(numerical_aperture) * fraction_per_cone(transition, axis, numerical_aperture)
}

/// [`collected_fraction`] over x = 1 - cos b, which stays finite for small cones.
pub(super) fn fraction_per_cone(transition: Transition, axis: Axis, numerical_aperture: f64) -> f64 {
    let x = cone(numerical_aperture);
    match (axis, transition) {
        (Axis::Parallel, Transition::Pi) => x * (3.0 - x) / 4.0,
        (Axis::Perpendicular, Transition::Sigma) => (6.0 + x * (3.0 - x)) / 16.0,
        (Axis::Parallel, Transition::Sigma) | (Axis::Perpendicular, Transition::Pi) => {
            (6.0 - x * (3.0 - x)) / 8.0
        }
    }
}

/// 1 - cos b without cancellation.
pub(super) fn cone(numerical_aperture: f64) -> f64 {
    let square = numerical_aperture * numerical_aperture;
    square / (1.0 + (1.0 - square).sqrt())
}

/// Probability that a photon collected in free space leaves a fixed analyzer in the wrong output.
///
/// (1 - c)(5 + c)/24, c = cos b = sqrt(1 - NA²)
///
/// Two parts of sigma and one of pi, optical axis z across the magnetic field along x, aplanatic lens: it turns the
/// polar direction of the field into the radial one and leaves the azimuthal one, so that the dipole d leaves as
///
/// E = d_t - ρ (v ρ·d_t + sin θ d_z),  v = 1 - cos θ, ρ = (cos φ, sin φ), d_t = (d_x, d_y)
///
/// with d = x for pi and (y + iz)/√2 for sigma. The analyzer, the same for all directions, sends x to pi and y to
/// sigma. The result is 2/3 ∫|E_x(sigma)|² + 1/3 ∫|E_y(pi)|² over the cone, divided by all collected light,
/// 2/3 ∫|E(sigma)|² + 1/3 ∫|E(pi)|².
///
/// | symbol | argument | domain | unit |
/// |---|---|---|---|
/// | NA | `numerical_aperture` | \[0, 1\] | |
///
/// Assumes a single lens; two lenses whose photons interfere are compared by [`Pupil::overlap`]. Source: derived in
/// docs/physics.md, Collection. Small apertures: NA²/8.
pub fn wrong_polarization_fixed(numerical_aperture: f64) -> f64 {
    let x = cone(numerical_aperture);
    x * (6.0 - x) / 24.0
}

/// Probability that a photon collected in free space has the wrong polarization about the magnetic field.
///
/// (1 - c)(2 + c)/12, c = cos b = sqrt(1 - NA²)
///
/// As [`wrong_polarization_fixed`], but each direction has an analyzer of its own: the polar and the azimuthal
/// direction e_θ, e_φ about the magnetic field, as the ion emits. pi light is polar everywhere; what is wrong is the
/// polar field of sigma, 2/3 ∫|e_θ·d(sigma)|² = 2/3 ∫cos²θ_B/2 over the cone, divided by all collected light, with θ_B
/// measured from the field. Small apertures: NA²/8.
pub fn wrong_polarization_adapted(numerical_aperture: f64) -> f64 {
    let x = cone(numerical_aperture);
    x * (3.0 - x) / 12.0
}

/// Infidelity of the ion-photon state behind a lens in free space: one minus the squared overlap with the ideal one.
///
/// (1 - c)(8 + c)/24, c = cos b = sqrt(1 - NA²)
///
/// As [`wrong_polarization_fixed`]. A photon found in the direction n leaves √(2/3) |0> E(sigma, n) +
/// √(1/3) |1> E(pi, n), E the field that the lens makes of each dipole. The ideal state is (|0>|y> + |1>|x>)/√2 in
/// every direction. The squared overlap, summed over the cone and divided by all collected light, is
///
/// ½ ∫|√(2/3) E_y(sigma) + √(1/3) E_x(pi)|² / (2/3 ∫|E(sigma)|² + 1/3 ∫|E(pi)|²)
///
/// It contains sigma's phase e^{iφ} about the magnetic field. The polarizations e_φ, e_θ of each direction in place of
/// y, x, with that phase left in the field, give the same number direction by direction. Small apertures: 3 NA²/16.
pub fn polarization_overlap_infidelity(numerical_aperture: f64) -> f64 {
    let x = cone(numerical_aperture);
    x * (9.0 - x) / 24.0
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

/// Amplitudes c_m sqrt(eta_m), normalized, and efficiency, the sum of c_m² eta_m.
pub(super) fn collection(lens: &LensParams, emission: &Emission) -> Result<Collection> {
    lens.check()?;
    let aperture = lens.numerical_aperture;
    let transitions = emission.transitions.ok_or_else(|| Error::Model {
        parameter: "kind".into(),
        message: "a lens collects by dipole pattern: the emission of this node must have its `transitions`, such as \
                  [\"sigma\", \"pi\"]"
            .into(),
    })?;
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
    let pupil = match lens.fiber_coupling {
        Some(_) => Pupil::uniform(),
        // modes that are not told apart by polarization share one
        None if lens.check_polarizations(transitions).is_err() => Pupil::uniform(),
        None => Pupil::of_lens(transitions, lens.axis, aperture),
    };
    Ok(Collection {
        amplitudes,
        efficiency,
        includes: vec![Stage::Collection],
        pupil,
        branching_included: false,
    })
}

#[cfg(test)]
mod tests {
    use super::super::CollectionParams;
    use super::super::pupil::gauss_legendre;
    use super::super::tests::{emission, strontium};
    use super::*;
    use num_complex::Complex64;
    use std::f64::consts::{FRAC_1_SQRT_2, PI};

    const APERTURES: [f64; 9] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];

    type Vector = [Complex64; 3];

    fn dot(real: [f64; 3], vector: Vector) -> Complex64 {
        vector[0] * real[0] + vector[1] * real[1] + vector[2] * real[2]
    }

    fn complex(re: f64, im: f64) -> Complex64 {
        Complex64::new(re, im)
    }

    fn sum_of_squares(vector: &[Complex64]) -> f64 {
        vector.iter().map(Complex64::norm_sqr).sum()
    }

    const ZERO: Complex64 = Complex64::ZERO;

    /// B along x.
    fn pi_across() -> Vector {
        [complex(1.0, 0.0), ZERO, ZERO]
    }

    fn sigma_across() -> Vector {
        [ZERO, complex(FRAC_1_SQRT_2, 0.0), complex(0.0, FRAC_1_SQRT_2)]
    }

    /// B along z, the optical axis.
    fn pi_along() -> Vector {
        [ZERO, ZERO, complex(1.0, 0.0)]
    }

    fn sigma_along() -> Vector {
        [complex(FRAC_1_SQRT_2, 0.0), complex(0.0, FRAC_1_SQRT_2), ZERO]
    }

    /// A direction with its unit vectors.
    struct Direction {
        normal: [f64; 3],
        polar: [f64; 3],
        azimuthal: [f64; 3],
        radial: [f64; 3],
    }

    impl Direction {
        /// Far field of a dipole: d - n (n·d).
        fn far_field(&self, dipole: Vector) -> Vector {
            let along = dot(self.normal, dipole);
            [0, 1, 2].map(|i| dipole[i] - along * self.normal[i])
        }

        /// Behind an aplanatic lens: the polar component becomes radial, the azimuthal one stays.
        fn behind_lens(&self, dipole: Vector) -> Vector {
            let field = self.far_field(dipole);
            let (polar, azimuthal) = (dot(self.polar, field), dot(self.azimuthal, field));
            [0, 1, 2].map(|i| polar * self.radial[i] + azimuthal * self.azimuthal[i])
        }

        /// Unit vectors e_θ, e_φ about the x axis, and the right-handed azimuth φ about it from the z axis, where they
        /// are -x and -y.
        fn about_x(&self) -> ([f64; 3], [f64; 3], f64) {
            let [cos_polar, y, z] = self.normal;
            let sin_polar = (y * y + z * z).sqrt();
            let (cos, sin) = (z / sin_polar, -y / sin_polar);
            ([-sin_polar, -cos_polar * sin, cos_polar * cos], [0.0, -cos, -sin], libm::atan2(sin, cos))
        }
    }

    /// 3/8π times the integral over the cone: 40 Gauss points in cos θ, 64 in the azimuth.
    fn over_cone(numerical_aperture: f64, integrand: impl Fn(&Direction) -> f64) -> f64 {
        let lowest = (1.0 - numerical_aperture * numerical_aperture).sqrt();
        let azimuths = 64;
        let mut sum = 0.0;
        for (node, weight) in gauss_legendre::<40>() {
            let cos = lowest + (1.0 - lowest) * node;
            let sin = (1.0 - cos * cos).sqrt();
            for j in 0..azimuths {
                let azimuth = 2.0 * PI * (f64::from(j) + 0.25) / f64::from(azimuths);
                let (sin_azimuth, cos_azimuth) = (libm::sin(azimuth), libm::cos(azimuth));
                let direction = Direction {
                    normal: [sin * cos_azimuth, sin * sin_azimuth, cos],
                    polar: [cos * cos_azimuth, cos * sin_azimuth, -sin],
                    azimuthal: [-sin_azimuth, cos_azimuth, 0.0],
                    radial: [cos_azimuth, sin_azimuth, 0.0],
                };
                sum += weight * integrand(&direction);
            }
        }
        3.0 / (8.0 * PI) * sum * (1.0 - lowest) * 2.0 * PI / f64::from(azimuths)
    }

    /// Two parts of sigma's integral and one of pi's over the same of all the light, across the field.
    fn relative(aperture: f64, sigma: impl Fn(&Direction) -> f64, pi: impl Fn(&Direction) -> f64) -> f64 {
        let all = |dipole| move |direction: &Direction| sum_of_squares(&direction.far_field(dipole));
        (2.0 * over_cone(aperture, sigma) + over_cone(aperture, pi))
            / (2.0 * over_cone(aperture, all(sigma_across())) + over_cone(aperture, all(pi_across())))
    }

    /// At NA 0.2, 0.4, 0.6, 0.8.
    fn assert_quoted(function: fn(f64) -> f64, quoted: [f64; 4]) {
        for (aperture, quoted) in [0.2, 0.4, 0.6, 0.8].into_iter().zip(quoted) {
            let half_a_digit = if aperture == 0.2 { 5e-6 } else { 5e-5 };
            assert!((function(aperture) - quoted).abs() <= half_a_digit, "{aperture}: {quoted}");
        }
    }

    #[test]
    fn collected_fractions_are_the_integrals_of_the_dipole_fields() {
        for (transition, axis, dipole) in [
            (Transition::Sigma, Axis::Perpendicular, sigma_across()),
            (Transition::Pi, Axis::Perpendicular, pi_across()),
            (Transition::Sigma, Axis::Parallel, sigma_along()),
            (Transition::Pi, Axis::Parallel, pi_along()),
        ] {
            for aperture in APERTURES {
                let closed = collected_fraction(transition, axis, aperture);
                let integral = over_cone(aperture, |direction| sum_of_squares(&direction.far_field(dipole)));
                assert!((closed - integral).abs() < 1e-13, "{transition:?} {axis:?} {aperture}");
            }
        }
    }

    #[test]
    fn dipole_fields_have_the_patterns_of_their_transitions() {
        over_cone(0.9, |direction| {
            let squares = |dipole| sum_of_squares(&direction.far_field(dipole));
            let [x, _, z] = direction.normal;
            assert!((squares(pi_across()) - (1.0 - x * x)).abs() < 1e-14);
            assert!((2.0 * squares(sigma_across()) - (1.0 + x * x)).abs() < 1e-14);
            assert!((squares(pi_along()) - (1.0 - z * z)).abs() < 1e-14);
            assert!((2.0 * squares(sigma_along()) - (1.0 + z * z)).abs() < 1e-14);
            0.0
        });
    }

    #[test]
    fn published_fractions_at_aperture_0_6() {
        let across = |transition| collected_fraction(transition, Axis::Perpendicular, 0.6);
        assert!((across(Transition::Sigma) - 0.0820).abs() < 5e-5);
        assert!((across(Transition::Pi) - 0.1360).abs() < 5e-5);
        let mixed = 2.0 / 3.0 * across(Transition::Sigma) + across(Transition::Pi) / 3.0;
        assert!((mixed - 0.1).abs() < 1e-15);
    }

    #[test]
    fn half_the_sphere_is_half_the_light_and_small_cones_do_not_cancel() {
        for transition in [Transition::Sigma, Transition::Pi] {
            for axis in [Axis::Perpendicular, Axis::Parallel] {
                assert!((collected_fraction(transition, axis, 1.0) - 0.5).abs() < 1e-15);
            }
        }
        // x = NA²/2 for small apertures
        let tiny = collected_fraction(Transition::Pi, Axis::Perpendicular, 1e-9);
        assert!((tiny / (0.375e-18) - 1.0).abs() < 1e-15);
        assert!((wrong_polarization_fixed(1e-9) / 0.125e-18 - 1.0).abs() < 1e-15);
        assert!((wrong_polarization_adapted(1e-9) / 0.125e-18 - 1.0).abs() < 1e-15);
        assert!((polarization_overlap_infidelity(1e-9) / 0.1875e-18 - 1.0).abs() < 1e-15);
    }

    #[test]
    fn a_fixed_analyzer_errs_as_the_fields_behind_the_lens_say() {
        for aperture in APERTURES {
            let integral = relative(
                aperture,
                |direction| direction.behind_lens(sigma_across())[0].norm_sqr(),
                |direction| direction.behind_lens(pi_across())[1].norm_sqr(),
            );
            assert!((wrong_polarization_fixed(aperture) - integral).abs() < 1e-13, "{aperture}");
        }
        assert_quoted(wrong_polarization_fixed, [0.00503, 0.0206, 0.0483, 0.0933]);
    }

    #[test]
    fn an_analyzer_that_follows_the_field_errs_by_the_polar_light_of_sigma() {
        for aperture in APERTURES {
            let integral = relative(
                aperture,
                |direction| dot(direction.about_x().0, direction.far_field(sigma_across())).norm_sqr(),
                |direction| dot(direction.about_x().1, direction.far_field(pi_across())).norm_sqr(),
            );
            assert!((wrong_polarization_adapted(aperture) - integral).abs() < 1e-13, "{aperture}");
            assert!(wrong_polarization_adapted(aperture) < wrong_polarization_fixed(aperture));
        }
        assert_quoted(wrong_polarization_adapted, [0.00502, 0.0203, 0.0467, 0.0867]);
    }

    #[test]
    fn the_overlap_infidelity_is_that_of_the_state_of_each_direction() {
        let amplitudes = ((2.0f64 / 3.0).sqrt(), (1.0f64 / 3.0).sqrt());
        let overlap =
            |sigma: Complex64, pi: Complex64| (sigma * amplitudes.0 + pi * amplitudes.1).norm_sqr() / 2.0;
        for aperture in APERTURES {
            let behind = |direction: &Direction| {
                overlap(direction.behind_lens(sigma_across())[1], direction.behind_lens(pi_across())[0])
            };
            // sigma in the azimuthal polarization about B, its phase e^{iφ} left in; pi in the polar one
            let about_field = |direction: &Direction| {
                let (polar, azimuthal, _) = direction.about_x();
                overlap(
                    dot(azimuthal, direction.far_field(sigma_across())),
                    dot(polar, direction.far_field(pi_across())),
                )
            };
            let closed = 1.0 - polarization_overlap_infidelity(aperture);
            assert!((closed - relative(aperture, behind, behind)).abs() < 1e-13, "{aperture}");
            over_cone(aperture, |direction| {
                assert!((behind(direction) - about_field(direction)).abs() < 1e-14);
                0.0
            });
        }
        assert_quoted(polarization_overlap_infidelity, [0.00756, 0.0310, 0.0733, 0.1433]);
    }

    #[test]
    fn sigma_turns_its_phase_about_the_field() {
        over_cone(0.8, |direction| {
            let (_, azimuthal, azimuth) = direction.about_x();
            let field = dot(azimuthal, direction.far_field(sigma_across()));
            let expected = complex(libm::cos(azimuth), libm::sin(azimuth)) * -FRAC_1_SQRT_2;
            assert!((field - expected).norm_sqr() < 1e-29);
            0.0
        });
    }

    fn lens(numerical_aperture: f64, axis: Axis, fiber_coupling: Option<f64>) -> CollectionParams {
        CollectionParams::Lens(LensParams { numerical_aperture, axis, fiber_coupling })
    }

    #[test]
    fn single_mode_fiber_across_the_field_makes_the_modes_equal() {
        let collection = Collection::new(&lens(0.6, Axis::Perpendicular, Some(0.8)), &strontium()).unwrap();
        assert!((collection.amplitudes[0] - collection.amplitudes[1]).abs() < 1e-15);
        assert!((collection.efficiency - 0.08).abs() < 1e-15);
        assert_eq!(collection.pupil, Pupil::uniform());
        assert!(!collection.branching_included);
    }

    #[test]
    fn free_space_reweights_the_amplitudes() {
        let collection = Collection::new(&lens(0.6, Axis::Perpendicular, None), &strontium()).unwrap();
        assert!((collection.efficiency - 0.1).abs() < 1e-15);
        assert!(
            (collection.amplitudes[0] * collection.amplitudes[0] - 2.0 / 3.0 * 0.082 / 0.1).abs() < 1e-15
        );
        assert_ne!(collection.pupil, Pupil::uniform());
    }

    /// Squared overlap with (|0>|0> + |1>|1>)/√2 and probability of the wrong polarization, from the pupil.
    fn of_pupil(collection: &Collection) -> (f64, f64) {
        let overlap = collection.pupil.overlap(&collection.pupil);
        let [c0, c1] = collection.amplitudes;
        let wrong = c0 * c0 * overlap[2][2].re + c1 * c1 * overlap[1][1].re;
        let coherence = c0 * c1 * (overlap[0][3] + overlap[3][0]).re;
        ((c0 * c0 * overlap[0][0].re + c1 * c1 * overlap[3][3].re + coherence) / 2.0, wrong)
    }

    #[test]
    fn the_pupil_of_a_node_holds_the_closed_forms() {
        for aperture in APERTURES.into_iter().chain([1e-6, 1.0]) {
            for (population, transitions) in
                [(2.0 / 3.0, "[\"sigma\", \"pi\"]"), (1.0 / 3.0, "[\"pi\", \"sigma\"]")]
            {
                let emission = emission(population, transitions);
                let collection =
                    Collection::new(&lens(aperture, Axis::Perpendicular, None), &emission).unwrap();
                let (fidelity, wrong) = of_pupil(&collection);
                assert!((wrong - wrong_polarization_fixed(aperture)).abs() < 1e-14, "{aperture}");
                assert!(
                    (1.0 - fidelity - polarization_overlap_infidelity(aperture)).abs() < 1e-14,
                    "{aperture}"
                );
            }
        }
    }

    #[test]
    fn lenses_that_cannot_be_are_refused() {
        let collect = |axis, transitions, numerical_aperture, fiber_coupling| {
            Collection::new(&lens(numerical_aperture, axis, fiber_coupling), &emission(0.5, transitions))
        };
        let (sigma_pi, sigma_sigma) = ("[\"sigma\", \"pi\"]", "[\"sigma\", \"sigma\"]");
        // both sigma across the field are one polarization, a pi dipole along the field has no light on the axis
        for (axis, transitions) in [
            (Axis::Perpendicular, sigma_sigma),
            (Axis::Perpendicular, "[\"pi\", \"pi\"]"),
            (Axis::Parallel, sigma_pi),
        ] {
            let transitions = emission(0.5, transitions).transitions.unwrap();
            let lens = LensParams { numerical_aperture: 0.3, axis, fiber_coupling: None };
            assert!(matches!(lens.check_polarizations(transitions), Err(Error::Model { .. })));
        }
        assert!(collect(Axis::Parallel, sigma_sigma, 0.3, Some(0.5)).is_ok());
        // at NA 0.6 the pi light behind the lens bounds the coupling to 0.1360/0.15 = 0.907
        assert!(collect(Axis::Perpendicular, sigma_pi, 0.6, Some(0.90)).is_ok());
        assert!(collect(Axis::Perpendicular, sigma_pi, 0.6, Some(0.91)).is_err());
        for aperture in [0.0, -0.1, 1.01, f64::NAN] {
            assert!(collect(Axis::Perpendicular, sigma_pi, aperture, None).is_err());
        }
    }
}
