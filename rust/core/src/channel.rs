//! Channel: the ordered path of elements between a node's collection and the station.
//!
//! Transmissions multiply, delays add, Jones matrices multiply with later elements on the left. Noise photons of an
//! element pass what follows it, not what precedes it.

mod elements;
mod jones;

pub use elements::{
    ConverterParams, FiberParams, FilterParams, LossParams, PolarizationLossParams, RotationParams,
    SwitchParams, WavePlateParams,
};
pub use jones::{Jones, identity, product};

use crate::error::{Error, Result};
use crate::kinds;
use crate::math;

kinds! {
    /// One element of a path.
    pub enum ElementParams {
        /// A fiber.
        Fiber(FiberParams) = "fiber",
        /// A lumped loss.
        Loss(LossParams) = "loss",
        /// A frequency converter.
        Converter(ConverterParams) = "converter",
        /// A spectral filter.
        Filter(FilterParams) = "filter",
        /// An optical switch.
        Switch(SwitchParams) = "switch",
        /// A rotation of the polarization.
        Rotation(RotationParams) = "rotation",
        /// A wave plate.
        WavePlate(WavePlateParams) = "wave_plate",
        /// A loss that differs between the modes.
        PolarizationLoss(PolarizationLossParams) = "polarization_loss",
    }
}

impl ElementParams {
    /// Checks what does not depend on the elements before it.
    ///
    /// # Errors
    /// [`Error::Parameter`] or [`Error::MissingField`] naming the field.
    pub(crate) fn check(&self) -> Result<()> {
        match self {
            Self::Fiber(fiber) => fiber.check(),
            Self::Loss(loss) => loss.check(),
            Self::Converter(converter) => converter.check(),
            Self::Filter(filter) => filter.check(),
            Self::Switch(switch) => switch.check(),
            Self::Rotation(rotation) => rotation.check(),
            Self::WavePlate(plate) => plate.check(),
            Self::PolarizationLoss(loss) => loss.check(),
        }
    }

    /// Whether the element does nothing but transform the polarization: rotation, wave plate, polarization loss.
    pub fn is_polarization_optics(&self) -> bool {
        self.jones().is_some()
    }

    /// The matrix of polarization optics; nothing for the other kinds.
    ///
    /// rotation by a: \[\[cos a, -sin a\], \[sin a, cos a\]\]; wave plate: R(a) diag(e^{-i r/2}, e^{i r/2}) R(-a);
    /// polarization loss: diag(√T0, √T1).
    fn jones(&self) -> Option<Jones> {
        match self {
            Self::Rotation(rotation) => Some(jones::rotation(rotation.angle_rad)),
            Self::WavePlate(plate) => Some(jones::wave_plate(plate.retardance_rad, plate.angle_rad)),
            Self::PolarizationLoss(loss) => Some(jones::diagonal(loss.transmission.map(f64::sqrt))),
            Self::Fiber(_) | Self::Loss(_) | Self::Converter(_) | Self::Filter(_) | Self::Switch(_) => None,
        }
    }

    /// The kind in link files.
    fn kind(&self) -> &'static str {
        match self {
            Self::Fiber(_) => "fiber",
            Self::Loss(_) => "loss",
            Self::Converter(_) => "converter",
            Self::Filter(_) => "filter",
            Self::Switch(_) => "switch",
            Self::Rotation(_) => "rotation",
            Self::WavePlate(_) => "wave_plate",
            Self::PolarizationLoss(_) => "polarization_loss",
        }
    }
}

/// Product of polarization optics alone (rotations, wave plates, polarization loss), for the ports of the station.
///
/// # Errors
/// [`Error::Parameter`] for an element of another kind or a value outside its domain; the error's path starts with the
/// position of the element.
pub fn port_optics(elements: &[ElementParams]) -> Result<Jones> {
    let mut total = identity();
    for (index, element) in elements.iter().enumerate() {
        element.check().map_err(|error| error.within(index))?;
        let Some(jones) = element.jones() else {
            let domain = "one of \"rotation\", \"wave_plate\", \"polarization_loss\"";
            let given = format!("{:?}", element.kind());
            return Err(Error::parameter("kind", given, domain, "").within(index));
        };
        total = product(&jones, &total);
    }
    Ok(total)
}

/// A checked path: its elements in order, summed up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Path {
    /// Product of the transmissions that are the same for both modes; polarization loss is in `jones`.
    pub transmission: f64,
    /// Sum of the elements' delays (s). Pulses are timed so that both photons arrive together, so it turns no phase.
    pub delay_s: f64,
    /// Product of the Jones matrices, later elements to the left.
    pub jones: Jones,
    /// Noise photons at the end of the path.
    pub noise: Noise,
    /// Wavelength at the end of the path (nm), if known.
    pub wavelength_nm: Option<f64>,
}

/// Noise photons at the end of a path.
///
/// A converter's noise is born unpolarized, N = rate/2 · I; a transmission T makes it T N, a Jones matrix J N J†, and a
/// filter of bandwidth b multiplies the noise of bandwidth B > b by b/B besides its transmission.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Noise {
    /// Photons per second in each polarization mode: the diagonal of `coherency` (1/s).
    pub rate_hz: [f64; 2],
    /// Coherency matrix N (1/s): a projection on the polarization e receives <e|N|e> photons per second.
    pub coherency: Jones,
}

/// Noise of one converter on its way.
struct Contribution {
    coherency: Jones,
    bandwidth_hz: Option<f64>,
}

impl Contribution {
    fn attenuated(&mut self, transmission: f64) {
        self.coherency = jones::scaled(&self.coherency, transmission);
    }

    /// What a band of this width leaves of white noise: with both widths known and the band narrower, their ratio.
    fn confined(&mut self, band_hz: Option<f64>) {
        if let (Some(noise_hz), Some(band_hz)) = (self.bandwidth_hz, band_hz)
            && band_hz < noise_hz
        {
            self.attenuated(band_hz / noise_hz);
            self.bandwidth_hz = Some(band_hz);
        }
    }
}

/// A path under construction.
struct Walk {
    transmission: f64,
    delay_s: f64,
    jones: Jones,
    noise: Vec<Contribution>,
    wavelength_nm: Option<f64>,
}

impl Walk {
    fn passes(&mut self, element: &ElementParams) -> Result<()> {
        element.check()?;
        match element {
            ElementParams::Fiber(fiber) => {
                let (transmission, delay_s) = fiber.transmission_and_delay_s(self.wavelength_nm)?;
                self.attenuated(transmission);
                self.delay_s += delay_s;
            }
            ElementParams::Loss(loss) => self.attenuated(loss.transmission),
            ElementParams::Converter(converter) => {
                self.confined(converter.bandwidth_hz);
                self.attenuated(converter.efficiency);
                if converter.noise_rate_hz > 0.0 {
                    self.noise.push(Contribution {
                        coherency: jones::scaled(&identity(), converter.noise_rate_hz / 2.0),
                        bandwidth_hz: converter.bandwidth_hz,
                    });
                }
                self.wavelength_nm = converter.wavelength_nm;
            }
            ElementParams::Filter(filter) => {
                self.confined(filter.bandwidth_hz);
                self.attenuated(filter.transmission);
            }
            ElementParams::Switch(switch) => self.attenuated(math::transmission_of_db(switch.loss_db)),
            ElementParams::Rotation(_) | ElementParams::WavePlate(_) | ElementParams::PolarizationLoss(_) => {
                if let Some(jones) = element.jones() {
                    self.jones = product(&jones, &self.jones);
                    for noise in &mut self.noise {
                        noise.coherency = jones::transformed(&jones, &noise.coherency);
                    }
                }
            }
        }
        Ok(())
    }

    fn attenuated(&mut self, transmission: f64) {
        self.transmission *= transmission;
        self.noise.iter_mut().for_each(|noise| noise.attenuated(transmission));
    }

    fn confined(&mut self, band_hz: Option<f64>) {
        self.noise.iter_mut().for_each(|noise| noise.confined(band_hz));
    }
}

impl Path {
    /// Checks every element and sums them up, for a photon that enters at `wavelength_nm`.
    ///
    /// # Errors
    /// [`Error::Parameter`] or [`Error::MissingField`] whose path starts with the position of the element.
    pub fn new(elements: &[ElementParams], wavelength_nm: Option<f64>) -> Result<Self> {
        let mut walk =
            Walk { transmission: 1.0, delay_s: 0.0, jones: identity(), noise: Vec::new(), wavelength_nm };
        for (index, element) in elements.iter().enumerate() {
            walk.passes(element).map_err(|error| error.within(index))?;
        }
        let coherency =
            walk.noise.iter().fold(jones::ZERO, |total, noise| jones::sum(&total, &noise.coherency));
        Ok(Self {
            transmission: walk.transmission,
            delay_s: walk.delay_s,
            jones: walk.jones,
            noise: Noise { rate_hz: [coherency[0][0].re, coherency[1][1].re], coherency },
            wavelength_nm: walk.wavelength_nm,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Tree;
    use std::f64::consts::{FRAC_PI_2, FRAC_PI_4};

    fn fiber(length_m: f64) -> ElementParams {
        ElementParams::Fiber(FiberParams {
            length_m,
            attenuation_db_per_km: Some(0.2),
            group_index: Some(1.468),
            catalog: None,
            wavelength_nm: None,
        })
    }

    fn catalog_fiber(group_index: Option<f64>, wavelength_nm: Option<f64>) -> ElementParams {
        ElementParams::Fiber(FiberParams {
            length_m: 100e3,
            attenuation_db_per_km: None,
            group_index,
            catalog: Some("SMF-28 ULL".into()),
            wavelength_nm,
        })
    }

    fn loss(transmission: f64) -> ElementParams {
        ElementParams::Loss(LossParams { transmission })
    }

    fn converter(efficiency: f64, noise_rate_hz: f64, bandwidth_hz: Option<f64>) -> ElementParams {
        let wavelength_nm = Some(1550.0);
        ElementParams::Converter(ConverterParams { efficiency, noise_rate_hz, bandwidth_hz, wavelength_nm })
    }

    fn filter(transmission: f64, bandwidth_hz: Option<f64>) -> ElementParams {
        ElementParams::Filter(FilterParams { transmission, bandwidth_hz })
    }

    fn rotation(angle_rad: f64) -> ElementParams {
        ElementParams::Rotation(RotationParams { angle_rad })
    }

    fn plate(retardance_rad: f64, angle_rad: f64) -> ElementParams {
        ElementParams::WavePlate(WavePlateParams { retardance_rad, angle_rad })
    }

    fn polarization_loss(transmission: [f64; 2]) -> ElementParams {
        ElementParams::PolarizationLoss(PolarizationLossParams { transmission })
    }

    fn path(elements: &[ElementParams]) -> Path {
        Path::new(elements, None).unwrap()
    }

    fn message(elements: &[ElementParams]) -> String {
        Path::new(elements, None).unwrap_err().to_string()
    }

    fn close(value: f64, expected: f64) -> bool {
        // a few operations on doubles
        (value - expected).abs() <= 4e-15 * expected.abs()
    }

    #[test]
    fn losses_multiply_and_delays_add() {
        let path = path(&[fiber(10e3), loss(0.5), fiber(40e3)]);
        // 50 km at 0.2 dB/km are 10 dB
        assert!(close(path.transmission, 0.05));
        assert!((path.delay_s - 1.468 * 50e3 / 299_792_458.0).abs() < 1e-18);
    }

    #[test]
    fn an_empty_path_changes_nothing() {
        let empty = Path::new(&[], Some(493.0)).unwrap();
        assert_eq!((empty.transmission, empty.delay_s, empty.jones), (1.0, 0.0, identity()));
        assert_eq!(empty.noise, Noise { rate_hz: [0.0; 2], coherency: jones::ZERO });
        assert_eq!(empty.wavelength_nm, Some(493.0));
    }

    #[test]
    fn scalar_elements_leave_the_polarization_alone() {
        for (element, transmission) in [
            (loss(0.3), 0.3),
            (converter(0.4, 10.0, None), 0.4),
            (filter(0.9, Some(1e9)), 0.9),
            (ElementParams::Switch(SwitchParams { loss_db: 3.0 }), libm::pow(10.0, -0.3)),
        ] {
            assert!(!element.is_polarization_optics());
            let path = path(&[element]);
            assert!(close(path.transmission, transmission));
            assert_eq!((path.delay_s, path.jones), (0.0, identity()));
        }
    }

    #[test]
    fn polarization_loss_is_in_the_matrix_and_not_in_the_transmission() {
        let path = path(&[polarization_loss([0.81, 0.25])]);
        assert_eq!(path.transmission, 1.0);
        assert!(close(path.jones[0][0].re, 0.9) && close(path.jones[1][1].re, 0.5));
        assert_eq!(path.jones[0][1].norm_sqr() + path.jones[1][0].norm_sqr(), 0.0);
    }

    #[test]
    fn later_polarization_optics_stand_on_the_left() {
        let elements = [polarization_loss([1.0, 0.0]), loss(0.5), rotation(FRAC_PI_2)];
        let jones = path(&elements).jones;
        // mode 0 passes and leaves as mode 1; mode 1 is absorbed
        assert!((jones[1][0].re - 1.0).abs() < 1e-15 && jones[0][0].norm_sqr() < 1e-30);
        assert_eq!(jones[0][1].norm_sqr() + jones[1][1].norm_sqr(), 0.0);
        let optics = [elements[0].clone(), elements[2].clone()];
        assert!(optics.iter().all(ElementParams::is_polarization_optics));
        assert_eq!(port_optics(&optics).unwrap(), jones);
        assert_eq!(port_optics(&[]).unwrap(), identity());
    }

    #[test]
    fn noise_is_attenuated_by_what_follows_and_not_by_what_precedes() {
        let before = path(&[loss(0.1), fiber(50e3), converter(0.4, 100.0, None)]);
        assert_eq!(before.noise.rate_hz, [50.0; 2]);
        let after = path(&[converter(0.4, 100.0, None), loss(0.1), fiber(50e3)]);
        assert!(close(after.noise.rate_hz[0], 0.5) && close(after.noise.rate_hz[1], 0.5));
        assert_eq!(after.transmission, before.transmission);
        // two converters: the first one's noise is converted by the second
        let both = path(&[converter(0.4, 100.0, None), converter(0.5, 30.0, None)]);
        assert!(close(both.noise.rate_hz[0], 25.0 + 15.0));
    }

    #[test]
    fn noise_is_polarized_by_polarization_loss_and_turned_by_what_follows() {
        let polarized = path(&[converter(1.0, 80.0, None), polarization_loss([1.0, 0.5])]);
        assert!(close(polarized.noise.rate_hz[0], 40.0) && close(polarized.noise.rate_hz[1], 20.0));
        let earlier = path(&[polarization_loss([1.0, 0.5]), converter(1.0, 80.0, None)]);
        assert_eq!(earlier.noise.rate_hz, [40.0; 2]);
        let turned =
            path(&[converter(1.0, 80.0, None), polarization_loss([1.0, 0.5]), rotation(FRAC_PI_4)]).noise;
        // 45 degrees: half of each, and the difference becomes coherence
        assert!(close(turned.rate_hz[0], 30.0) && close(turned.rate_hz[1], 30.0));
        assert!(close(turned.coherency[0][1].re, 10.0) && close(turned.coherency[1][0].re, 10.0));
        // unitary optics leave unpolarized light as it is
        let unpolarized = path(&[converter(1.0, 80.0, None), rotation(0.3), plate(1.1, 0.7)]).noise;
        assert!(close(unpolarized.rate_hz[0], 40.0) && unpolarized.coherency[0][1].norm_sqr() < 1e-26);
    }

    #[test]
    fn a_narrower_filter_takes_its_share_of_white_noise() {
        let rate = |elements: &[ElementParams]| path(elements).noise.rate_hz[0] * 2.0;
        let noisy = |bandwidth_hz| converter(0.4, 1000.0, bandwidth_hz);
        assert!(close(rate(&[noisy(Some(1e11)), filter(0.8, Some(1e9))]), 8.0));
        // wider filter, unknown widths: the transmission alone
        assert!(close(rate(&[noisy(Some(1e11)), filter(0.8, Some(1e12))]), 800.0));
        assert!(close(rate(&[noisy(None), filter(0.8, Some(1e9))]), 800.0));
        assert!(close(rate(&[noisy(Some(1e11)), filter(0.8, None)]), 800.0));
        // a filter before the converter cannot help
        assert!(close(rate(&[filter(0.8, Some(1e9)), noisy(Some(1e11))]), 1000.0));
        // filters in a row: the narrowest counts, whatever the order
        for bands in [[1e10, 1e9], [1e9, 1e10]] {
            let filters = bands.map(|band| filter(0.5, Some(band)));
            assert!(close(
                rate(&[noisy(Some(1e11)), filters[0].clone(), filters[1].clone()]),
                1000.0 * 0.25 * 1e-2
            ));
        }
        // a second converter converts its own band only
        assert!(close(rate(&[noisy(Some(1e11)), converter(0.5, 0.0, Some(1e10))]), 50.0));
    }

    #[test]
    fn the_catalog_is_read_at_the_wavelength_behind_the_converters() {
        let length_and_loss = |path: &Path| (path.delay_s * 299_792_458.0 / 1.4682, path.transmission);
        let converted =
            Path::new(&[converter(1.0, 0.0, None), catalog_fiber(Some(1.4682), None)], Some(493.5)).unwrap();
        let (length_m, transmission) = length_and_loss(&converted);
        assert!(close(length_m, 100e3) && close(transmission, libm::pow(10.0, -1.7)));
        assert_eq!(converted.wavelength_nm, Some(1550.0));
        // emitted at the catalog's wavelength, or told
        assert_eq!(
            Path::new(&[catalog_fiber(Some(1.4682), None)], Some(1550.0)).unwrap().transmission,
            transmission
        );
        let told = Path::new(&[catalog_fiber(Some(1.4682), Some(1550.0))], None).unwrap();
        assert_eq!((told.transmission, told.wavelength_nm), (transmission, None));
        // without the converter there is no such entry
        assert!(Path::new(&[catalog_fiber(Some(1.4682), None)], Some(493.5)).is_err());
        // a converter that does not say its output leaves the wavelength unknown
        let silent = ElementParams::Converter(ConverterParams {
            efficiency: 1.0,
            noise_rate_hz: 0.0,
            bandwidth_hz: None,
            wavelength_nm: None,
        });
        assert_eq!(Path::new(std::slice::from_ref(&silent), Some(1550.0)).unwrap().wavelength_nm, None);
        let error = Path::new(&[silent, catalog_fiber(Some(1.4682), None)], Some(1550.0)).unwrap_err();
        assert_eq!(error, Error::MissingField { path: "1.wavelength_nm".into(), position: None });
    }

    #[test]
    fn values_given_go_before_the_catalog() {
        let given = ElementParams::Fiber(FiberParams {
            length_m: 50e3,
            attenuation_db_per_km: Some(0.2),
            group_index: Some(1.5),
            catalog: Some("SMF-28 ULL".into()),
            wavelength_nm: None,
        });
        assert!(close(path(&[given]).transmission, 0.1));
    }

    #[test]
    fn what_a_fiber_misses_is_named() {
        let bare = |attenuation_db_per_km, group_index| {
            ElementParams::Fiber(FiberParams {
                length_m: 1.0,
                attenuation_db_per_km,
                group_index,
                catalog: None,
                wavelength_nm: Some(1550.0),
            })
        };
        let missing = |element: ElementParams| match Path::new(&[loss(1.0), element], None).unwrap_err() {
            Error::MissingField { path, .. } => path,
            other => other.to_string(),
        };
        assert_eq!(missing(bare(None, None)), "1.attenuation_db_per_km");
        assert_eq!(missing(bare(None, Some(1.5))), "1.attenuation_db_per_km");
        assert_eq!(missing(bare(Some(0.2), None)), "1.group_index");
        assert_eq!(missing(catalog_fiber(Some(1.5), None)), "1.wavelength_nm");
        assert_eq!(missing(catalog_fiber(None, Some(1550.0))), "1.group_index");
        let ElementParams::Fiber(params) = catalog_fiber(Some(1.5), Some(1550.0)) else { unreachable!() };
        let unknown = ElementParams::Fiber(FiberParams { catalog: Some("string".into()), ..params });
        assert_eq!(Path::new(&[loss(1.0), unknown], None).unwrap_err().path(), Some("1.catalog"));
        // alone it is not missing: the wavelength may come from the path
        assert!(catalog_fiber(None, None).check().is_ok());
        assert!(catalog_fiber(None, Some(1550.0)).check().is_err());
    }

    #[test]
    fn the_error_says_which_element_and_why() {
        assert_eq!(message(&[loss(1.0), loss(1.5)]), "`1.transmission` must be in [0, 1], got 1.5");
        for (element, field) in [
            (fiber(-1.0), "length_m"),
            (converter(1.1, 0.0, None), "efficiency"),
            (converter(1.0, -1.0, None), "noise_rate_hz"),
            (converter(1.0, 0.0, Some(0.0)), "bandwidth_hz"),
            (filter(f64::NAN, None), "transmission"),
            (filter(1.0, Some(f64::INFINITY)), "bandwidth_hz"),
            (ElementParams::Switch(SwitchParams { loss_db: -0.1 }), "loss_db"),
            (rotation(f64::INFINITY), "angle_rad"),
            (plate(f64::NAN, 0.0), "retardance_rad"),
            (plate(0.0, f64::NAN), "angle_rad"),
            (polarization_loss([1.0, 1.1]), "transmission.1"),
        ] {
            assert!(message(&[loss(1.0), element.clone()]).starts_with(&format!("`1.{field}` ")), "{field}");
            assert!(element.check().unwrap_err().to_string().starts_with(&format!("`{field}` ")));
        }
    }

    #[test]
    fn ports_take_polarization_optics_alone() {
        assert_eq!(
            port_optics(&[rotation(0.1), fiber(1.0)]).unwrap_err().to_string(),
            "`1.kind` must be one of \"rotation\", \"wave_plate\", \"polarization_loss\", got \"fiber\""
        );
        let error = port_optics(&[polarization_loss([1.2, 1.0])]).unwrap_err();
        assert_eq!(error.path(), Some("0.transmission.0"));
    }

    #[test]
    fn elements_are_read_by_their_kind() {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Elements {
            path: Vec<ElementParams>,
        }
        let text = r#"
            path = [
                { kind = "fiber", length_m = 2.0, catalog = "SMF-28 ULL" },
                { kind = "loss", transmission = 0.9 },
                { kind = "converter", efficiency = 0.4 },
                { kind = "filter", transmission = 0.9 },
                { kind = "switch", loss_db = 1.0 },
                { kind = "rotation", angle_rad = 0.1 },
                { kind = "wave_plate", retardance_rad = 1.0, angle_rad = 0.2 },
                { kind = "polarization_loss", transmission = [1.0, 0.9] },
            ]
        "#;
        let read: Elements = Tree::from_toml(text).unwrap().read().unwrap();
        let kinds: Vec<_> = read.path.iter().map(ElementParams::kind).collect();
        assert_eq!(kinds, crate::tree::kinds_of::<ElementParams>());
        assert_eq!(
            read.path[2],
            ElementParams::Converter(ConverterParams {
                efficiency: 0.4,
                noise_rate_hz: 0.0,
                bandwidth_hz: None,
                wavelength_nm: None,
            })
        );
    }
}
