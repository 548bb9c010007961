//! A measured efficiency.

use super::{Collection, Pupil, Stage};
use crate::check;
use crate::emission::Emission;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

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

/// Efficiency for an endless window: the measured one over the part of an undelayed photon inside its window.
pub(super) fn collection(measured: &MeasuredEfficiencyParams, emission: &Emission) -> Result<Collection> {
    measured.check()?;
    let given = measured.efficiency;
    let efficiency = match measured.at_window_s {
        None => given,
        Some([start, duration]) => {
            let inside = emission.packet.captured(start, start + duration);
            if given > inside {
                let domain = format!("at most {inside}, the part of the photon inside at_window_s");
                return Err(Error::parameter("efficiency", given, domain, ""));
            }
            if inside > 0.0 { given / inside } else { 0.0 }
        }
    };
    Ok(Collection {
        amplitudes: emission.amplitudes,
        efficiency,
        includes: measured.includes.clone(),
        pupil: Pupil::uniform(),
        branching_included: false,
    })
}

#[cfg(test)]
mod tests {
    use super::super::CollectionParams;
    use super::super::tests::strontium;
    use super::*;

    fn measured(efficiency: f64) -> CollectionParams {
        CollectionParams::MeasuredEfficiency(MeasuredEfficiencyParams {
            efficiency,
            includes: vec![Stage::Collection, Stage::Window],
            at_window_s: Some([0.0, 30e-9]),
        })
    }

    #[test]
    fn efficiency_measured_in_a_window_is_rescaled_to_an_infinite_one() {
        let collection = Collection::new(&measured(0.021), &strontium()).unwrap();
        let inside = 1.0 - libm::exp(-30.0 / 7.39);
        assert!((collection.efficiency - 0.021 / inside).abs() < 1e-16);
        assert_eq!(collection.amplitudes, strontium().amplitudes);
        assert_eq!(collection.pupil, Pupil::uniform());
        assert!(collection.includes(Stage::Window) && !collection.includes(Stage::Path));
        assert!(!collection.branching_included);
    }

    #[test]
    fn more_than_the_photon_inside_its_window_is_refused() {
        let error = Collection::new(&measured(0.99), &strontium()).unwrap_err();
        assert_eq!(error.path(), Some("efficiency"));
    }
}
