//! Jones matrices: 2x2 complex matrices on the amplitudes of the two polarization modes.

use crate::math;
use num_complex::Complex64;

/// A matrix on the two polarization amplitudes: the outgoing amplitude p is the sum over q of `jones[p][q]` times the
/// incoming amplitude q.
pub type Jones = [[Complex64; 2]; 2];

pub(super) const ZERO: Jones = [[Complex64::ZERO; 2]; 2];

/// The matrix that changes nothing.
pub fn identity() -> Jones {
    diagonal([1.0; 2])
}

/// The matrix product: `right` acts first.
pub fn product(left: &Jones, right: &Jones) -> Jones {
    left.map(|row| [0, 1].map(|q| row[0] * right[0][q] + row[1] * right[1][q]))
}

/// A real diagonal matrix.
pub(super) fn diagonal(values: [f64; 2]) -> Jones {
    let mut jones = ZERO;
    for (mode, value) in values.into_iter().enumerate() {
        jones[mode][mode] = Complex64::new(value, 0.0);
    }
    jones
}

/// R(a) = \[\[cos a, -sin a\], \[sin a, cos a\]\].
pub(super) fn rotation(angle_rad: f64) -> Jones {
    let (cos, sin) = (Complex64::new(math::cos(angle_rad), 0.0), Complex64::new(math::sin(angle_rad), 0.0));
    [[cos, -sin], [sin, cos]]
}

/// R(a) diag(e^{-i r/2}, e^{i r/2}) R(-a) = cos(r/2) - i sin(r/2) \[\[cos 2a, sin 2a\], \[sin 2a, -cos 2a\]\].
pub(super) fn wave_plate(retardance_rad: f64, angle_rad: f64) -> Jones {
    let (cos, sin) = (math::cos(retardance_rad / 2.0), math::sin(retardance_rad / 2.0));
    let (along, across) = (sin * math::cos(2.0 * angle_rad), sin * math::sin(2.0 * angle_rad));
    let turned = Complex64::new(0.0, -across);
    [[Complex64::new(cos, -along), turned], [turned, Complex64::new(cos, along)]]
}

/// J N J†: what becomes of a coherency matrix N.
pub(super) fn transformed(jones: &Jones, coherency: &Jones) -> Jones {
    let adjoint = [0, 1].map(|p| [0, 1].map(|q| jones[q][p].conj()));
    product(&product(jones, coherency), &adjoint)
}

/// `matrix` times a number.
pub(super) fn scaled(matrix: &Jones, factor: f64) -> Jones {
    matrix.map(|row| row.map(|element| element * factor))
}

/// The sum of two matrices.
pub(super) fn sum(a: &Jones, b: &Jones) -> Jones {
    [0, 1].map(|p| [0, 1].map(|q| a[p][q] + b[p][q]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI};

    fn assert_close(a: &Jones, b: &Jones) {
        for p in 0..2 {
            for q in 0..2 {
                assert!((a[p][q] - b[p][q]).norm_sqr() < 1e-29, "{a:?} {b:?}");
            }
        }
    }

    fn phase_times(phase_rad: f64, jones: &Jones) -> Jones {
        jones.map(|row| row.map(|element| element * math::phase(phase_rad)))
    }

    #[test]
    fn rotations_and_wave_plates_are_unitary() {
        for angle_rad in [0.0, 0.3, -1.2, 2.0, 40.0] {
            for retardance_rad in [0.0, 0.1, FRAC_PI_2, 2.5, PI, -7.0] {
                for jones in [rotation(angle_rad), wave_plate(retardance_rad, angle_rad)] {
                    assert_close(&transformed(&jones, &identity()), &identity());
                }
            }
        }
    }

    #[test]
    fn rotations_add_their_angles() {
        assert_close(&product(&rotation(0.4), &rotation(0.9)), &rotation(1.3));
        assert_close(&product(&rotation(0.4), &rotation(-0.4)), &identity());
        // mode 0 turned by a quarter of a turn is mode 1
        assert_close(
            &rotation(FRAC_PI_2),
            &[[Complex64::ZERO, Complex64::new(-1.0, 0.0)], [Complex64::new(1.0, 0.0), Complex64::ZERO]],
        );
    }

    #[test]
    fn a_wave_plate_is_retardance_between_two_rotations() {
        for (retardance_rad, angle_rad) in [(0.7, 0.2), (FRAC_PI_2, -0.9), (3.0, 2.2)] {
            let mut retarder = ZERO;
            retarder[0][0] = math::phase(-retardance_rad / 2.0);
            retarder[1][1] = math::phase(retardance_rad / 2.0);
            let built = product(&product(&rotation(angle_rad), &retarder), &rotation(-angle_rad));
            assert_close(&wave_plate(retardance_rad, angle_rad), &built);
        }
        assert_close(&wave_plate(0.0, 0.8), &identity());
        assert_close(&wave_plate(2.0 * PI, 0.8), &scaled(&identity(), -1.0));
    }

    #[test]
    fn a_half_wave_plate_mirrors_and_a_quarter_wave_plate_makes_circles() {
        // mode 0 at an angle a from the axis leaves at -a from it: at 22.5 degrees the modes leave at +-45 degrees
        let half = phase_times(FRAC_PI_2, &wave_plate(PI, FRAC_PI_4 / 2.0));
        let s = Complex64::new(std::f64::consts::FRAC_1_SQRT_2, 0.0);
        assert_close(&half, &[[s, s], [s, -s]]);
        // at 45 degrees it exchanges the modes
        let exchange = phase_times(FRAC_PI_2, &wave_plate(PI, FRAC_PI_4));
        let one = Complex64::new(1.0, 0.0);
        assert_close(&exchange, &[[Complex64::ZERO, one], [one, Complex64::ZERO]]);
        // a quarter-wave plate at 45 degrees: (1, -i)/sqrt 2 and (-i, 1)/sqrt 2
        let quarter = wave_plate(FRAC_PI_2, FRAC_PI_4);
        let turned = Complex64::new(0.0, -std::f64::consts::FRAC_1_SQRT_2);
        assert_close(&quarter, &[[s, turned], [turned, s]]);
        // two quarter-wave plates are a half-wave plate
        assert_close(
            &product(&wave_plate(FRAC_PI_2, 0.3), &wave_plate(FRAC_PI_2, 0.3)),
            &wave_plate(PI, 0.3),
        );
    }

    #[test]
    fn the_right_factor_acts_first() {
        let (project, turn) = (diagonal([1.0, 0.0]), rotation(FRAC_PI_2));
        // mode 1 is removed before the turn, mode 0 leaves as mode 1
        let first_project = product(&turn, &project);
        assert!((first_project[1][0].re - 1.0).abs() < 1e-15 && first_project[1][1].norm_sqr() == 0.0);
        let first_turn = product(&project, &turn);
        assert!((first_turn[0][1].re + 1.0).abs() < 1e-15 && first_turn[1][0].norm_sqr() == 0.0);
    }
}
