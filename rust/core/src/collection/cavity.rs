//! A cavity around the ion.

use super::{Collection, Pupil, Stage};
use crate::check;
use crate::emission::Emission;
use crate::error::Result;
use serde::{Deserialize, Serialize};

/// An ion in a cavity, resonant with the emission.
///
/// With the cooperativity C = g²/(2 kappa gamma) the probability that the photon is emitted into the cavity mode and
/// leaves it is
///
/// | drive | probability |
/// |---|---|
/// | slow (cavity Raman) | 2C/(2C + 1) |
/// | prompt | kappa/(kappa + gamma) · 2C/(2C + 1) |
///
/// All rates are angular half-widths: amplitudes decay with kappa and gamma. gamma runs over all decay channels of the
/// excited state, so the branching ratio of the emission is contained. Both modes are collected alike.
///
/// | symbol | argument | domain | unit |
/// |---|---|---|---|
/// | g | `coupling_rad_per_s` | \[0, 1e18\] | rad/s |
/// | kappa | `cavity_half_linewidth_rad_per_s` | \[1e-3, 1e18\] | rad/s |
/// | gamma | `atomic_half_linewidth_rad_per_s` | \[1e-3, 1e18\] | rad/s |
///
/// Source: the decay of one excitation and its slow limit, derived in docs/physics.md, Collection; Law and Kimble,
/// J. Mod. Opt. 44, 2067 (1997).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CavityParams {
    /// Coupling g of the ion to the cavity mode, Clebsch-Gordan coefficient included: half the vacuum Rabi frequency
    /// (rad/s).
    pub coupling_rad_per_s: f64,
    /// Half-width kappa of the cavity over all its losses: the field decays with this rate (rad/s).
    pub cavity_half_linewidth_rad_per_s: f64,
    /// Half-width gamma of the excited state over all its decay channels: the amplitude decays with this rate (rad/s).
    pub atomic_half_linewidth_rad_per_s: f64,
    /// How the ion is driven.
    pub drive: Drive,
    /// Probability kappa_out/kappa that a photon leaves the cavity through the output mirror.
    pub escape_probability: f64,
    /// Transmission of the optics behind the cavity.
    #[serde(default = "one")]
    pub transmission: f64,
    /// Efficiency of the coupling into a fiber.
    #[serde(default = "one")]
    pub fiber_coupling: f64,
}

/// How the ion in a cavity is driven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Drive {
    /// Slower than all rates: a cavity-assisted Raman transition, during which the cavity is all but empty.
    Slow,
    /// Faster than all rates: the ion starts in the excited state.
    Prompt,
}

fn one() -> f64 {
    1.0
}

/// No rate of a cavity or an atom is slower (rad/s).
const MIN_RATE: f64 = 1e-3;
/// No rate is faster (rad/s).
const MAX_RATE: f64 = 1e18;

impl CavityParams {
    /// Checks the fields.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) naming the field.
    pub fn check(&self) -> Result<()> {
        check::rate("coupling_rad_per_s", self.coupling_rad_per_s, "rad/s")?;
        for (name, rate) in [
            ("cavity_half_linewidth_rad_per_s", self.cavity_half_linewidth_rad_per_s),
            ("atomic_half_linewidth_rad_per_s", self.atomic_half_linewidth_rad_per_s),
        ] {
            check::within(name, rate, MIN_RATE, MAX_RATE, "rad/s")?;
        }
        check::probability("escape_probability", self.escape_probability)?;
        check::probability("transmission", self.transmission)?;
        check::probability("fiber_coupling", self.fiber_coupling)?;
        Ok(())
    }

    /// C = g²/(2 kappa gamma).
    pub fn cooperativity(&self) -> f64 {
        self.coupling_rad_per_s * self.coupling_rad_per_s
            / (2.0 * self.cavity_half_linewidth_rad_per_s * self.atomic_half_linewidth_rad_per_s)
    }

    /// Probability that the excitation leaves as a photon of the cavity mode, through whichever mirror or loss:
    /// 2C/(2C + 1) = g²/(g² + kappa gamma), and kappa/(kappa + gamma) of it when the excitation is prompt.
    pub fn extraction_probability(&self) -> f64 {
        let (kappa, gamma) = (self.cavity_half_linewidth_rad_per_s, self.atomic_half_linewidth_rad_per_s);
        let square = self.coupling_rad_per_s * self.coupling_rad_per_s;
        let into_cavity = square / (square + kappa * gamma);
        match self.drive {
            Drive::Slow => into_cavity,
            Drive::Prompt => kappa / (kappa + gamma) * into_cavity,
        }
    }
}

/// Extraction, escape, optics and fiber, one after the other; both modes alike.
pub(super) fn collection(cavity: &CavityParams, emission: &Emission) -> Result<Collection> {
    cavity.check()?;
    Ok(Collection {
        amplitudes: emission.amplitudes,
        efficiency: cavity.extraction_probability()
            * cavity.escape_probability
            * cavity.transmission
            * cavity.fiber_coupling,
        includes: vec![Stage::Collection],
        pupil: Pupil::uniform(),
        branching_included: true,
    })
}

#[cfg(test)]
mod tests {
    use super::super::CollectionParams;
    use super::super::tests::strontium;
    use super::*;
    use crate::tree::Tree;

    fn cavity(rates: [f64; 3], drive: Drive) -> CavityParams {
        CavityParams {
            coupling_rad_per_s: rates[0],
            cavity_half_linewidth_rad_per_s: rates[1],
            atomic_half_linewidth_rad_per_s: rates[2],
            drive,
            escape_probability: 1.0,
            transmission: 1.0,
            fiber_coupling: 1.0,
        }
    }

    fn efficiency(cavity: &CavityParams) -> f64 {
        Collection::new(&CollectionParams::Cavity(cavity.clone()), &strontium()).unwrap().efficiency
    }

    /// Independent road: one excitation in a lossy cavity, da/dt = -gamma a - i g b, db/dt = -kappa b - i g a, by
    /// Runge-Kutta; the cavity's loss is the integral of 2 kappa |b|². With b = -i b' everything is real.
    fn integrated([g, kappa, gamma]: [f64; 3]) -> f64 {
        let slope = |[a, b, _]: [f64; 3]| [-gamma * a - g * b, -kappa * b + g * a, 2.0 * kappa * b * b];
        let step = 1e-3 / g.max(kappa).max(gamma);
        let mut state = [1.0, 0.0, 0.0];
        while state[0] * state[0] + state[1] * state[1] > 1e-14 {
            let along = |slope: [f64; 3], by: f64| std::array::from_fn(|i| state[i] + by * slope[i]);
            let k1 = slope(state);
            let k2 = slope(along(k1, step / 2.0));
            let k3 = slope(along(k2, step / 2.0));
            let k4 = slope(along(k3, step));
            state =
                std::array::from_fn(|i| state[i] + step / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]));
        }
        state[2]
    }

    #[test]
    fn prompt_excitation_is_the_decay_of_one_excitation() {
        for rates in [[1.0, 0.5, 0.2], [0.3, 1.0, 0.4], [0.2, 0.3, 1.0], [1.0, 1.0, 1.0], [5.0, 0.7, 0.7]] {
            let closed = efficiency(&cavity(rates, Drive::Prompt));
            // steps of 1e-3: error of order 1e-12; 1e-14 is left in the system
            assert!((closed - integrated(rates)).abs() < 1e-10, "{rates:?}");
        }
    }

    #[test]
    fn limits_of_the_cooperativity() {
        for drive in [Drive::Slow, Drive::Prompt] {
            assert_eq!(efficiency(&cavity([0.0, 1e6, 1e6], drive)), 0.0);
            // weak coupling: 2C = g²/(kappa gamma)
            let weak = cavity([1e3, 1e7, 1e6], drive);
            let bound = if drive == Drive::Slow { 1.0 } else { 10.0 / 11.0 };
            assert!((weak.cooperativity() - 5e-8).abs() < 1e-22);
            assert!((efficiency(&weak) / (1e-7 * bound) - 1.0).abs() < 2e-7);
        }
        // strong coupling: slow drive gives all, prompt excitation kappa/(kappa + gamma)
        assert!((efficiency(&cavity([1e12, 2e6, 1e6], Drive::Slow)) - 1.0).abs() < 1e-11);
        assert!((efficiency(&cavity([1e12, 2e6, 1e6], Drive::Prompt)) - 2.0 / 3.0).abs() < 1e-11);
        // a cavity much narrower than the atom holds the excitation long enough to lose it there
        let narrow = cavity([1e9, 1e3, 1e8], Drive::Prompt);
        assert!((efficiency(&narrow) / 1e-5 - 1.0).abs() < 2e-5);
        assert!(efficiency(&cavity([1e9, 1e3, 1e8], Drive::Slow)) > 0.999_99);
        // a cavity much wider than the atom: both agree
        let wide = |drive| efficiency(&cavity([1e6, 1e9, 1e2], drive));
        assert!((wide(Drive::Slow) - wide(Drive::Prompt)).abs() < 2e-7);
        // the slowest and fastest rates neither overflow nor divide by zero
        assert_eq!(efficiency(&cavity([0.0, 1e-3, 1e-3], Drive::Prompt)), 0.0);
        assert!((efficiency(&cavity([1e18, 1e18, 1e18], Drive::Prompt)) - 0.25).abs() < 1e-15);
    }

    #[test]
    fn what_follows_multiplies() {
        let rates = [2.0, 1.0, 2.0];
        let ideal = efficiency(&cavity(rates, Drive::Slow));
        // g²/(kappa gamma) = 2
        assert!((ideal - 2.0 / 3.0).abs() < 1e-15);
        let lossy = CavityParams {
            escape_probability: 0.5,
            transmission: 0.8,
            fiber_coupling: 0.25,
            ..cavity(rates, Drive::Slow)
        };
        assert!((efficiency(&lossy) - 0.1 * ideal).abs() < 1e-16);
    }

    #[test]
    fn a_cavity_keeps_the_amplitudes_and_contains_the_branching() {
        let params = CollectionParams::Cavity(cavity([1.0; 3], Drive::Slow));
        let collection = Collection::new(&params, &strontium()).unwrap();
        assert_eq!(collection.amplitudes, strontium().amplitudes);
        assert_eq!(collection.includes, [Stage::Collection]);
        assert_eq!(collection.pupil, Pupil::uniform());
        assert!(collection.branching_included);
    }

    #[test]
    fn fields_outside_their_domains_are_named() {
        let valid = cavity([1.0; 3], Drive::Slow);
        for (params, field) in [
            (CavityParams { coupling_rad_per_s: -1.0, ..valid.clone() }, "coupling_rad_per_s"),
            (
                CavityParams { cavity_half_linewidth_rad_per_s: 0.0, ..valid.clone() },
                "cavity_half_linewidth_rad_per_s",
            ),
            (
                CavityParams { atomic_half_linewidth_rad_per_s: f64::NAN, ..valid.clone() },
                "atomic_half_linewidth_rad_per_s",
            ),
            (CavityParams { escape_probability: 1.1, ..valid.clone() }, "escape_probability"),
            (CavityParams { transmission: -0.1, ..valid.clone() }, "transmission"),
            (CavityParams { fiber_coupling: 2.0, ..valid.clone() }, "fiber_coupling"),
        ] {
            assert_eq!(params.check().unwrap_err().path(), Some(field));
        }
    }

    #[test]
    fn read_from_a_file() {
        let text = "coupling_rad_per_s = 1.0\ncavity_half_linewidth_rad_per_s = 1.0\n\
                    atomic_half_linewidth_rad_per_s = 1.0\ndrive = \"prompt\"\nescape_probability = 1.0\n";
        let read: CavityParams = Tree::from_toml(text).unwrap().read().unwrap();
        assert_eq!(read, cavity([1.0; 3], Drive::Prompt));
    }
}
