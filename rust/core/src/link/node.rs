//! What one node brings to a link: emission, collection, path and local errors, checked and made a source.

use super::Source;
use super::params::{LinkParams, NodeParams};
use crate::channel::{ElementParams, Path};
use crate::collection::{Collection, CollectionParams, Stage};
use crate::emission::Emission;
use crate::encoding::{Carrier, EncodingParams};
use crate::error::{Error, Result};
use crate::math;
use crate::memory::LocalErrors;
use crate::motion;

/// Both nodes share the station: its stages are in both measured efficiencies or in neither.
pub(super) fn check_stages(parts: &[Parts]) -> Result<()> {
    for stage in [Stage::Station, Stage::Detector] {
        if parts.iter().any(|part| part.collection.includes(stage) != parts[0].collection.includes(stage)) {
            return Err(Error::Model {
                parameter: "nodes.1.collection.includes".into(),
                message: format!(
                    "both nodes share the station: either both include \"{}\" in a measured efficiency or neither (a \
                     lens includes nothing but the collection)",
                    stage.name()
                ),
            });
        }
    }
    Ok(())
}

/// Lenses in free space interfere as their pupils overlap, which is worked out for photons of two polarizations.
pub(super) fn check_apertures(params: &LinkParams) -> Result<()> {
    let [first, second] = &params.nodes[..] else { return Ok(()) };
    if params.encoding.carrier() == Carrier::Polarization {
        return Ok(());
    }
    let aperture = |node: &NodeParams| match &node.collection {
        CollectionParams::Lens(lens) if lens.fiber_coupling.is_none() => Some(lens.numerical_aperture),
        _ => None,
    };
    match (aperture(first), aperture(second)) {
        (Some(a), Some(b)) if a != b => Err(Error::Model {
            parameter: "nodes.1.collection.numerical_aperture".into(),
            message: format!(
                "how well light of apertures {a} and {b} overlaps is not modeled for the {} encoding: use equal ones or \
                 `fiber_coupling`",
                params.encoding.name()
            ),
        }),
        _ => Ok(()),
    }
}

/// What one node brings.
pub(super) struct Parts {
    pub(super) emission: Emission,
    pub(super) collection: Collection,
    pub(super) path: Path,
    pub(super) errors: LocalErrors,
}

impl Parts {
    pub(super) fn new(
        params: &NodeParams,
        node: usize,
        elements: &[ElementParams],
        encoding: &EncodingParams,
    ) -> Result<Self> {
        let here = |error: Error| error.within(node).within("nodes");
        let (emission, errors) = check_node(params).map_err(here)?;
        check_emission(params, &emission, encoding).map_err(here)?;
        let collection = Collection::new(&params.collection, &emission)
            .map_err(|error| here(error.within("collection")))?;
        let path = Path::new(elements, emission.wavelength_nm)
            .map_err(|error| error.within(node).within("paths"))?;
        Ok(Self { emission, collection, path, errors })
    }

    pub(super) fn source(
        &self,
        node: usize,
        params: &LinkParams,
        best_detector: f64,
        station_transmission: f64,
        delay_s: f64,
    ) -> Result<Source> {
        let Self { emission, collection, path, .. } = self;
        let mut efficiency = collection.efficiency * best_detector;
        if !collection.includes(Stage::Path) {
            efficiency *= path.transmission;
        }
        if !collection.includes(Stage::Station) {
            efficiency *= station_transmission;
        }
        // a cavity's cooperativity counts all decay channels
        let branching = if collection.branching_included { 1.0 } else { emission.branching_ratio };
        if collection.branching_included && emission.branching_given {
            return Err(Error::Model {
                parameter: format!("nodes.{node}.emission.branching_ratio"),
                message:
                    "the cooperativity of a cavity counts all decay channels: leave the branching ratio out"
                        .into(),
            });
        }
        // number encoding excites bright ions alone: the others have nothing to lose
        let number = matches!(params.encoding, EncodingParams::Number(_));
        let mut photon_probability = emission.preparation_probability * if number { 1.0 } else { branching };
        let mut bright_leak = 0.0;
        let (mut populations, mut amplitudes) = (emission.amplitudes.map(|c| c * c), collection.amplitudes);
        let (mut rotation_missed, mut wrong_decay_probability, mut coherence) = (0.0, 0.0, 1.0);
        match &params.encoding {
            EncodingParams::Number(number) => {
                let bright = number.bright_fraction[node];
                populations = [1.0 - bright, bright];
                amplitudes = [0.0, 1.0];
                // an ion that was not excited stays bright: a photon less, nothing else
                let excited = emission.excitation_probability;
                bright_leak = excited * (1.0 - branching);
                if bright_leak < 1.0 {
                    efficiency *= excited * branching / (1.0 - bright_leak);
                }
            }
            EncodingParams::TimeBin(bins) => {
                photon_probability *= emission.excitation_probability;
                let half = math::sin(0.5 * bins.rotation_error_rad[node]);
                rotation_missed = half * half;
                wrong_decay_probability = bins.wrong_decay_probability[node];
                coherence = math::exp(-bins.bin_separation_s / bins.coherence_time_s[node]);
            }
            EncodingParams::BarrettKok(rounds) => {
                photon_probability *= emission.excitation_probability;
                let sigma = rounds.phase_jitter_rad[node];
                coherence = math::exp(-0.5 * sigma * sigma);
            }
            _ => photon_probability *= emission.excitation_probability,
        }
        Ok(Source {
            photon_probability,
            efficiency,
            populations,
            amplitudes,
            packet: emission.packet.delayed(delay_s),
            double: emission.double,
            rotation_missed,
            bright_leak,
            wrong_decay_probability,
            coherence,
            static_phase_rad: 0.0,
        })
    }
}

/// Checks what a node's emission, errors, memory, motion and gates say by themselves.
pub(crate) fn check_node(params: &NodeParams) -> Result<(Emission, LocalErrors)> {
    if params.name.is_empty() {
        return Err(Error::parameter("name", "\"\"", "a name", ""));
    }
    let emission = Emission::new(&params.emission).map_err(|error| error.within("emission"))?;
    let errors = LocalErrors::new(&params.errors).map_err(|error| error.within("errors"))?;
    if let Some(memory) = &params.memory {
        memory.check().map_err(|error| error.within("memory"))?;
    }
    motion::check_modes(&params.motion)?;
    if let Some(gates) = &params.gates {
        gates.check().map_err(|error| error.within("gates"))?;
    }
    Ok((emission, errors))
}

/// Checks that emission and motion fit the encoding.
fn check_emission(params: &NodeParams, emission: &Emission, encoding: &EncodingParams) -> Result<()> {
    if matches!(encoding, EncodingParams::IonPhoton(_)) && !params.motion.is_empty() {
        return Err(Error::Model {
            parameter: "motion".into(),
            message: "a single photon leaves its ion with one kick, whatever its state: recoil has no effect in the \
                      ion-photon encoding, leave the modes out"
                .into(),
        });
    }
    let equal = crate::emission::equal_amplitudes();
    if matches!(encoding, EncodingParams::Number(_)) && params.emission.amplitudes != equal {
        return Err(Error::Model {
            parameter: "emission.amplitudes".into(),
            message: "number encoding has `encoding.bright_fraction` in place of amplitudes: leave them out"
                .into(),
        });
    }
    // the bins' own clock, or the absence of a photon, tells the mode of the first photon
    let decided = encoding.carrier() == Carrier::Bins || matches!(encoding, EncodingParams::Number(_));
    match &emission.double {
        Some(double) if !decided && double.return_mode.is_none() => {
            return Err(Error::MissingField { path: "emission.return_mode".into(), position: None });
        }
        Some(double) if decided && double.return_mode.is_some() => {
            return Err(Error::Model {
                parameter: "emission.return_mode".into(),
                message: format!(
                    "in the {} encoding the first photon has the mode of the entangled one: leave it out",
                    encoding.name()
                ),
            });
        }
        _ => {}
    }
    if let (CollectionParams::Lens(lens), Some(transitions)) = (&params.collection, emission.transitions) {
        if encoding.carrier() == Carrier::Polarization {
            lens.check_polarizations(transitions).map_err(|error| error.within("collection"))?;
        } else if transitions[0] != transitions[1] {
            return Err(Error::Model {
                parameter: "emission.transitions".into(),
                message: format!("both modes of the {} encoding leave on one transition", encoding.name()),
            });
        }
    }
    Ok(())
}
