//! Physical constants (CODATA 2022; exact by definition of the SI).

/// Speed of light in vacuum (m/s).
pub const SPEED_OF_LIGHT_M_PER_S: f64 = 299_792_458.0;
