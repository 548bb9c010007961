//! The light behind a collection: which polarization each mode has in which direction.

use super::Axis;
use super::lens::{cone, fraction_per_cone};
use crate::emission::Transition;
use crate::math;
use num_complex::Complex64;
use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// Light of a node behind its collection: which polarization a photon of each mode has in each direction.
///
/// In free space an aplanatic lens turns the polar direction of the emitted field into the radial one of its pupil and
/// leaves the azimuthal one, so that a dipole d has the field
///
/// E(θ, φ) = d_t - ρ (v ρ·d_t + sin θ d_z),  v = 1 - cos θ, ρ = (cos φ, sin φ), d_t = (d_x, d_y)
///
/// in the direction θ, φ about the optical axis z. Dipoles and the analyzer's polarizations are
///
/// | axis | mode | dipole | its polarization |
/// |---|---|---|---|
/// | across B (along x) | pi | x | x |
/// | across B (along x) | sigma | (y + iz)/√2 | y |
/// | along B | 0, sigma | (x + iy)/√2 | (x + iy)/√2 |
/// | along B | 1, sigma | (x - iy)/√2 | (x - iy)/√2 |
///
/// and polarization p is the one that belongs to mode p. The vector e_m of mode m is E over the root of its collected
/// light, so that the sum of weight · |e_m|² over the pupil is one. A single-mode fiber, a cavity and a measured
/// efficiency have one direction and mode m in polarization m.
///
/// Assumes an aplanatic lens without aberrations, and that two nodes look at their ions the same way: equal sense of
/// sigma, the field along the same direction of the pupil.
#[derive(Debug, Clone, PartialEq)]
pub struct Pupil {
    lens: Option<LensPupil>,
}

/// The light of a lens without a fiber.
#[derive(Debug, Clone, Copy, PartialEq)]
struct LensPupil {
    numerical_aperture: f64,
    /// Dipole of each mode.
    dipoles: [[Complex64; 3]; 2],
    /// The analyzer's polarizations.
    analyzers: [[Complex64; 2]; 2],
    /// What normalizes each mode for weights that sum to one: sqrt(3x/(4 eta_m)).
    scale: [f64; 2],
}

/// Polarization vectors of both modes at one point: `field[mode][polarization]`.
type Field = [[Complex64; 2]; 2];

/// Overlaps of two pupils: index 2p + a with polarization p and mode a.
type Overlap = [[Complex64; 4]; 4];

/// A point of a pupil.
struct Point {
    weight: f64,
    /// 1 - cos θ.
    v: f64,
    cos_azimuth: f64,
    sin_azimuth: f64,
}

/// Gauss points from the axis to the rim.
const RADIAL_POINTS: usize = 16;
/// Points around the axis; harmonics of the azimuth below this number are integrated exactly.
const AZIMUTH_POINTS: u32 = 16;

impl Pupil {
    /// The light of a single-mode fiber, a cavity or a measured efficiency: one point, mode m in polarization m.
    pub fn uniform() -> Self {
        Self { lens: None }
    }

    /// The light of a lens in free space.
    pub(super) fn of_lens(transitions: [Transition; 2], axis: Axis, numerical_aperture: f64) -> Self {
        let (zero, one) = (Complex64::ZERO, Complex64::ONE);
        let (real, imaginary) = (Complex64::new(FRAC_1_SQRT_2, 0.0), Complex64::new(0.0, FRAC_1_SQRT_2));
        let light = |mode: usize| match (axis, transitions[mode]) {
            (Axis::Perpendicular, Transition::Pi) => ([one, zero, zero], [one, zero]),
            (Axis::Perpendicular, Transition::Sigma) => ([zero, real, imaginary], [zero, one]),
            (Axis::Parallel, _) => {
                let turned = if mode == 0 { imaginary } else { -imaginary };
                ([real, turned, zero], [real, turned])
            }
        };
        let scale = transitions
            .map(|transition| (0.75 / fraction_per_cone(transition, axis, numerical_aperture)).sqrt());
        let lens = LensPupil {
            numerical_aperture,
            dipoles: [light(0).0, light(1).0],
            analyzers: [light(0).1, light(1).1],
            scale,
        };
        Self { lens: Some(lens) }
    }

    /// C\[2p + a\]\[2q + b\], the sum over the pupil of weight · e(self, mode a, polarization p) ·
    /// e(other, mode b, polarization q)*.
    ///
    /// Points of two lenses are matched in the coordinates of the pupil, sin θ/NA and azimuth, with the amplitudes that
    /// keep the light of each ring. Opposite a lens, a uniform pupil has the lens's own profile, the root of the mean
    /// intensity of its two modes, with constant polarization.
    ///
    /// A product rule of 16 Gauss points in sqrt(cos θ) and 16 in the azimuth is exact for a lens with itself (and for
    /// equal apertures), where the integrand is a polynomial; for other pairs its error is below 1e-12 up to NA 0.9 and
    /// below 1e-7 up to NA 1.
    ///
    /// `other.overlap(self)` is the adjoint matrix.
    pub fn overlap(&self, other: &Self) -> [[Complex64; 4]; 4] {
        match (&self.lens, &other.lens) {
            (None, None) => product_sum([(1.0, UNIFORM, UNIFORM)].into_iter()),
            (Some(lens), None) => lens.with_uniform::<RADIAL_POINTS>(AZIMUTH_POINTS),
            (None, Some(lens)) => adjoint(&lens.with_uniform::<RADIAL_POINTS>(AZIMUTH_POINTS)),
            // the wider one leads: the narrower one's angles are smooth functions of its angles
            (Some(a), Some(b)) if a.numerical_aperture >= b.numerical_aperture => {
                a.with_narrower::<RADIAL_POINTS>(b, AZIMUTH_POINTS)
            }
            (Some(a), Some(b)) => adjoint(&b.with_narrower::<RADIAL_POINTS>(a, AZIMUTH_POINTS)),
        }
    }
}

/// Mode m in polarization m.
const UNIFORM: Field = [[Complex64::ONE, Complex64::ZERO], [Complex64::ZERO, Complex64::ONE]];

impl LensPupil {
    /// Vectors of both modes in the direction with v = 1 - cos θ.
    fn field(&self, v: f64, cos_azimuth: f64, sin_azimuth: f64) -> Field {
        let sin_polar = (v * (2.0 - v)).sqrt();
        [0, 1].map(|mode| {
            let [x, y, z] = self.dipoles[mode];
            let removed = (x * cos_azimuth + y * sin_azimuth) * v + z * sin_polar;
            let transverse = [x - removed * cos_azimuth, y - removed * sin_azimuth];
            self.analyzers.map(|[to_x, to_y]| {
                (to_x.conj() * transverse[0] + to_y.conj() * transverse[1]) * self.scale[mode]
            })
        })
    }

    /// Points of the cone with weights that sum to one.
    ///
    /// With w = sqrt(cos θ) = 1 - y, v = y (2 - y): the root in [`Self::with_narrower`] is smooth even at NA = 1.
    fn points<const RADIAL: usize>(&self, azimuths: u32) -> impl Iterator<Item = Point> {
        let x = cone(self.numerical_aperture);
        let root = (1.0 - x).sqrt();
        let widest = x / (1.0 + root);
        gauss_legendre::<RADIAL>().into_iter().flat_map(move |(node, weight)| {
            let y = widest * node;
            (0..azimuths).map(move |j| {
                let turn = math::phase(2.0 * PI * f64::from(j) / f64::from(azimuths));
                Point {
                    weight: weight * 2.0 * (1.0 - y) / (1.0 + root) / f64::from(azimuths),
                    v: y * (2.0 - y),
                    cos_azimuth: turn.re,
                    sin_azimuth: turn.im,
                }
            })
        })
    }

    fn with_uniform<const RADIAL: usize>(&self, azimuths: u32) -> Overlap {
        product_sum(self.points::<RADIAL>(azimuths).map(|point| {
            let field = self.field(point.v, point.cos_azimuth, point.sin_azimuth);
            let light: f64 = field.iter().flatten().map(Complex64::norm_sqr).sum();
            let profile = (light / 2.0).sqrt();
            (point.weight * profile, field, UNIFORM)
        }))
    }

    /// With r = NA'/NA, sin θ' = r sin θ, cos θ' = sqrt(1 - r² + r² cos² θ), and the ring between θ and θ + dθ holds
    /// r² cos θ/cos θ' times the solid angle.
    fn with_narrower<const RADIAL: usize>(&self, narrower: &Self, azimuths: u32) -> Overlap {
        let ratio = narrower.numerical_aperture / self.numerical_aperture;
        let square = ratio * ratio;
        // r² x/x', for x = NA²/(1 + cos b)
        let cones = (2.0 - cone(narrower.numerical_aperture)) / (2.0 - cone(self.numerical_aperture));
        product_sum(self.points::<RADIAL>(azimuths).map(move |point| {
            let cos = 1.0 - point.v;
            let narrower_cos = ((1.0 - square) + square * (cos * cos)).sqrt();
            let narrower_v = square * point.v * (2.0 - point.v) / (1.0 + narrower_cos);
            let ring = (cos / narrower_cos * cones).sqrt();
            (
                point.weight * ring,
                self.field(point.v, point.cos_azimuth, point.sin_azimuth),
                narrower.field(narrower_v, point.cos_azimuth, point.sin_azimuth),
            )
        }))
    }
}

/// The sum of weight · a · b*, index 2 polarization + mode.
fn product_sum(terms: impl Iterator<Item = (f64, Field, Field)>) -> Overlap {
    let mut sum = [[Complex64::ZERO; 4]; 4];
    for (weight, left, right) in terms {
        for (row, line) in sum.iter_mut().enumerate() {
            for (column, element) in line.iter_mut().enumerate() {
                *element += left[row % 2][row / 2] * right[column % 2][column / 2].conj() * weight;
            }
        }
    }
    sum
}

fn adjoint(matrix: &Overlap) -> Overlap {
    std::array::from_fn(|row| std::array::from_fn(|column| matrix[column][row].conj()))
}

/// Nodes and weights of Gauss-Legendre quadrature on \[0, 1\], by Newton's iteration on the Legendre polynomial.
pub(super) fn gauss_legendre<const N: usize>() -> [(f64, f64); N] {
    let order = N as f64;
    std::array::from_fn(|index| {
        // from about 1e-3 of the distance between nodes, six steps are more than enough
        let mut node = math::cos(PI * (index as f64 + 0.75) / (order + 0.5));
        let mut slope = 0.0;
        for _ in 0..6 {
            let (mut value, mut before) = (1.0, 0.0);
            for degree in 0..N {
                let degree = degree as f64;
                let next = ((2.0 * degree + 1.0) * node * value - degree * before) / (degree + 1.0);
                (before, value) = (value, next);
            }
            slope = order * (before - node * value) / (1.0 - node * node);
            node -= value / slope;
        }
        ((1.0 - node) / 2.0, 1.0 / ((1.0 - node * node) * slope * slope))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGMA_PI: [Transition; 2] = [Transition::Sigma, Transition::Pi];
    const SIGMA_SIGMA: [Transition; 2] = [Transition::Sigma; 2];

    fn across(numerical_aperture: f64) -> Pupil {
        Pupil::of_lens(SIGMA_PI, Axis::Perpendicular, numerical_aperture)
    }

    fn along(numerical_aperture: f64) -> Pupil {
        Pupil::of_lens(SIGMA_SIGMA, Axis::Parallel, numerical_aperture)
    }

    fn distance(a: &Overlap, b: &Overlap) -> f64 {
        let gaps = a.iter().flatten().zip(b.iter().flatten()).map(|(a, b)| (a - b).norm_sqr().sqrt());
        gaps.fold(0.0, f64::max)
    }

    fn mode_traces(overlap: &Overlap) -> [Complex64; 2] {
        [0, 1].map(|mode| overlap[mode][mode] + overlap[2 + mode][2 + mode])
    }

    #[test]
    fn gauss_points_integrate_polynomials_exactly() {
        for degree in 0..32 {
            let terms =
                gauss_legendre::<16>().map(|(node, weight)| weight * libm::pow(node, f64::from(degree)));
            let integral: f64 = terms.iter().sum();
            assert!((integral - 1.0 / f64::from(degree + 1)).abs() < 1e-15, "{degree}");
        }
        // the first power that is not: with n points x^(2n) misses n!^4/((2n + 1) (2n)!²)
        let four: f64 =
            gauss_legendre::<4>().iter().map(|(node, weight)| weight * libm::pow(*node, 8.0)).sum();
        let error = 24f64 * 24.0 * 24.0 * 24.0 / (9.0 * 40_320.0 * 40_320.0);
        assert!((1.0 / 9.0 - four - error).abs() < 1e-15);
    }

    #[test]
    fn uniform_pupils_overlap_mode_by_mode() {
        let overlap = Pupil::uniform().overlap(&Pupil::uniform());
        for row in 0..4 {
            for column in 0..4 {
                // polarization equals mode at 0 = (0,0) and 3 = (1,1)
                let expected = f64::from(u8::from([0, 3].contains(&row) && [0, 3].contains(&column)));
                assert_eq!(overlap[row][column], Complex64::new(expected, 0.0));
            }
        }
    }

    #[test]
    fn each_mode_is_normalized() {
        for aperture in [1e-9, 0.1, 0.5, 0.9, 1.0] {
            for pupil in [across(aperture), along(aperture)] {
                for trace in mode_traces(&pupil.overlap(&pupil)) {
                    assert!((trace - Complex64::ONE).norm_sqr() < 1e-29, "{aperture}");
                }
            }
        }
    }

    #[test]
    fn along_the_field_the_wrong_circle_is_a_vortex() {
        // E is (1 + cos θ)/2 in the own circular polarization and (1 - cos θ)/2 · e^{±2iφ} in the other. With
        // x = 1 - cos b the integral over cos θ of the wrong light is x³/12, that of all light x - x²/2 + x³/6
        for aperture in [0.2, 0.6, 0.9] {
            let x = cone(aperture);
            let pupil = along(aperture);
            let overlap = pupil.overlap(&pupil);
            let all = x - x * x / 2.0 + x * x * x / 6.0;
            let wrong = x * x * x / 12.0 / all;
            assert!((overlap[2][2].re - wrong).abs() < 1e-15 && (overlap[1][1].re - wrong).abs() < 1e-15);
            // the vortex is orthogonal to everything else
            for (row, column) in [(0, 1), (0, 2), (1, 2), (1, 3), (2, 3)] {
                assert!(overlap[row][column].norm_sqr() < 1e-30);
            }
            assert!((overlap[0][3].re - (1.0 - wrong)).abs() < 1e-14);
        }
    }

    #[test]
    fn small_apertures_are_uniform() {
        let uniform = Pupil::uniform().overlap(&Pupil::uniform());
        for pupil in [across(1e-5), along(1e-5)] {
            assert!(distance(&pupil.overlap(&pupil), &uniform) < 1e-9);
            assert!(distance(&pupil.overlap(&Pupil::uniform()), &uniform) < 1e-9);
            assert!(distance(&pupil.overlap(&across(1e-7)), &uniform) < 1e-9);
        }
        // down to apertures whose square underflows
        let (least, most) = (across(f64::MIN_POSITIVE), across(1.0));
        for overlap in [least.overlap(&least), least.overlap(&most), most.overlap(&least)] {
            assert!(overlap.iter().flatten().all(|element| element.re.is_finite() && element.im.is_finite()));
        }
    }

    #[test]
    fn the_other_order_is_the_adjoint() {
        let pupils = [Pupil::uniform(), across(0.4), across(0.7), along(0.6), along(0.6)];
        for a in &pupils {
            for b in &pupils {
                assert!(distance(&a.overlap(b), &adjoint(&b.overlap(a))) < 1e-15);
            }
        }
    }

    #[test]
    fn overlaps_obey_cauchy_and_schwarz() {
        let pupils = [Pupil::uniform(), across(0.3), across(0.9), along(0.6), across(1.0)];
        for a in &pupils {
            for b in &pupils {
                let (cross, own, others) = (a.overlap(b), a.overlap(a), b.overlap(b));
                for row in 0..4 {
                    for column in 0..4 {
                        let bound = own[row][row].re * others[column][column].re;
                        assert!(cross[row][column].norm_sqr() <= bound + 1e-14);
                    }
                }
            }
        }
        // a profile of its own costs a wide lens little beside its polarization
        let opposite_fiber = across(0.6).overlap(&Pupil::uniform());
        assert!(opposite_fiber[3][3].re > 0.97 && opposite_fiber[3][3].re < 1.0);
    }

    #[test]
    fn overlaps_change_continuously_with_the_aperture() {
        let same = across(0.6).overlap(&across(0.6));
        assert!(distance(&same, &across(0.6).overlap(&across(0.6 - 1e-9))) < 1e-8);
        assert!(distance(&same, &across(0.6).overlap(&across(0.6 + 1e-9))) < 1e-8);
    }

    /// Independent road: both lenses on a grid of the pupil, sin θ/NA and azimuth, by the midpoint rule.
    fn on_a_grid(a: &LensPupil, b: &LensPupil) -> Overlap {
        let (rings, azimuths) = (1500u32, 16u32);
        let terms = (0..rings).flat_map(move |ring| {
            (0..azimuths).map(move |j| {
                let radius = (f64::from(ring) + 0.5) / f64::from(rings);
                let azimuth = 2.0 * PI * f64::from(j) / f64::from(azimuths);
                let fields = [a, b].map(|lens| {
                    let cos =
                        (1.0 - lens.numerical_aperture * lens.numerical_aperture * radius * radius).sqrt();
                    let field = lens.field(1.0 - cos, libm::cos(azimuth), libm::sin(azimuth));
                    // solid angle over pupil area, relative to the cone: NA²/(cos θ) / (2x)
                    let solid = lens.numerical_aperture * lens.numerical_aperture
                        / (cos * cone(lens.numerical_aperture));
                    field.map(|mode| mode.map(|component| component * solid.sqrt()))
                });
                let weight = radius / f64::from(rings) / f64::from(azimuths);
                (weight, fields[0], fields[1])
            })
        });
        product_sum(terms)
    }

    #[test]
    fn lenses_of_different_apertures_meet_in_pupil_coordinates() {
        for (a, b) in [(across(0.6), across(0.3)), (across(0.5), along(0.8)), (along(0.2), along(0.9))] {
            let (Some(first), Some(second)) = (&a.lens, &b.lens) else { continue };
            // midpoint rule with 1500 rings: of order (1/1500)²/24
            assert!(distance(&a.overlap(&b), &on_a_grid(first, second)) < 1e-6);
        }
    }

    #[test]
    fn sixteen_points_are_enough() {
        for (wide, tolerance) in [(0.6, 1e-13), (0.9, 1e-12), (1.0, 1e-7)] {
            let Some(lens) = across(wide).lens else { continue };
            let uniform = lens.with_uniform::<60>(96);
            assert!(distance(&lens.with_uniform::<RADIAL_POINTS>(AZIMUTH_POINTS), &uniform) < tolerance);
            for narrow in [0.1, 0.5, 0.99 * wide, wide] {
                for pupil in [across(narrow), along(narrow)] {
                    let Some(narrower) = pupil.lens else { continue };
                    let gap = distance(
                        &lens.with_narrower::<RADIAL_POINTS>(&narrower, AZIMUTH_POINTS),
                        &lens.with_narrower::<60>(&narrower, 96),
                    );
                    assert!(gap < tolerance, "{wide} {narrow} {gap:e}");
                }
            }
        }
    }
}
