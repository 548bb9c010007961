//! Parameter tables checked one at a time, as soon as they are made.

use super::Link;
use super::node::check_node;
use super::params::{LinkParams, NodeParams, ScheduleParams, StationParams};
use super::provenance::{InputParams, MeasuredParams, PublishedParams};
use super::schedule::Schedule;
use super::station::check_station;
use crate::channel::{
    ConverterParams, ElementParams, FiberParams, FilterParams, LossParams, PolarizationLossParams,
    RotationParams, SwitchParams, WavePlateParams,
};
use crate::collection::{CavityParams, LensParams, MeasuredEfficiencyParams};
use crate::detection::{DecayingParams, DetectorParams, ProfileParams};
use crate::emission::{
    Emission, EmissionParams, ExponentialParams, RestartParams, SmearedParams, TabulatedParams,
};
use crate::encoding::{
    BarrettKokParams, ErasureCheckParams, FrequencyParams, IonPhotonParams, NumberParams, PolarizationParams,
    TimeBinParams,
};
use crate::error::{Error, Result};
use crate::gates::GatesParams;
use crate::memory::{HeraldedState, HeraldedStateParams, LocalErrors, LocalErrorsParams, MemoryParams};
use crate::motion::MotionalModeParams;
use crate::tree::{Tree, fields_of};
use serde::de::DeserializeOwned;

/// A kind of table: its name, its fields, its check.
struct Part {
    name: &'static str,
    fields: fn() -> &'static [&'static str],
    check: fn(&Tree) -> Result<()>,
}

/// Reads the table and applies the check that needs nothing around it.
fn read<T: DeserializeOwned>(tree: &Tree, check: impl FnOnce(&T) -> Result<()>) -> Result<()> {
    check(&tree.read::<T>()?)
}

static PARTS: [Part; 38] = [
    Part {
        name: "emission",
        fields: fields_of::<EmissionParams>,
        check: |tree| read(tree, |params| Emission::new(params).map(drop)),
    },
    Part {
        name: "exponential",
        fields: fields_of::<ExponentialParams>,
        check: |tree| read(tree, ExponentialParams::check),
    },
    Part {
        name: "smeared",
        fields: fields_of::<SmearedParams>,
        check: |tree| read(tree, SmearedParams::check),
    },
    Part {
        name: "tabulated",
        fields: fields_of::<TabulatedParams>,
        check: |tree| read(tree, TabulatedParams::check),
    },
    Part {
        name: "restart",
        fields: fields_of::<RestartParams>,
        check: |tree| read(tree, RestartParams::check),
    },
    Part { name: "lens", fields: fields_of::<LensParams>, check: |tree| read(tree, LensParams::check) },
    Part { name: "cavity", fields: fields_of::<CavityParams>, check: |tree| read(tree, CavityParams::check) },
    Part {
        name: "measured_efficiency",
        fields: fields_of::<MeasuredEfficiencyParams>,
        check: |tree| read(tree, MeasuredEfficiencyParams::check),
    },
    Part {
        name: "fiber",
        fields: fields_of::<FiberParams>,
        check: |tree| read(tree, |params: &FiberParams| ElementParams::Fiber(params.clone()).check()),
    },
    Part {
        name: "loss",
        fields: fields_of::<LossParams>,
        check: |tree| read(tree, |params: &LossParams| ElementParams::Loss(params.clone()).check()),
    },
    Part {
        name: "converter",
        fields: fields_of::<ConverterParams>,
        check: |tree| read(tree, |params: &ConverterParams| ElementParams::Converter(params.clone()).check()),
    },
    Part {
        name: "filter",
        fields: fields_of::<FilterParams>,
        check: |tree| read(tree, |params: &FilterParams| ElementParams::Filter(params.clone()).check()),
    },
    Part {
        name: "switch",
        fields: fields_of::<SwitchParams>,
        check: |tree| read(tree, |params: &SwitchParams| ElementParams::Switch(params.clone()).check()),
    },
    Part {
        name: "rotation",
        fields: fields_of::<RotationParams>,
        check: |tree| read(tree, |params: &RotationParams| ElementParams::Rotation(params.clone()).check()),
    },
    Part {
        name: "wave_plate",
        fields: fields_of::<WavePlateParams>,
        check: |tree| read(tree, |params: &WavePlateParams| ElementParams::WavePlate(params.clone()).check()),
    },
    Part {
        name: "polarization_loss",
        fields: fields_of::<PolarizationLossParams>,
        check: |tree| {
            read(tree, |params: &PolarizationLossParams| {
                ElementParams::PolarizationLoss(params.clone()).check()
            })
        },
    },
    Part {
        name: "detector",
        fields: fields_of::<DetectorParams>,
        check: |tree| read(tree, DetectorParams::check),
    },
    Part {
        name: "decaying",
        fields: fields_of::<DecayingParams>,
        check: |tree| read(tree, DecayingParams::check),
    },
    Part {
        name: "profile",
        fields: fields_of::<ProfileParams>,
        check: |tree| read(tree, ProfileParams::check),
    },
    Part {
        name: "local_errors",
        fields: fields_of::<LocalErrorsParams>,
        check: |tree| read(tree, |params| LocalErrors::new(params).map(drop)),
    },
    Part { name: "memory", fields: fields_of::<MemoryParams>, check: |tree| read(tree, MemoryParams::check) },
    Part {
        name: "heralded_state",
        fields: fields_of::<HeraldedStateParams>,
        check: |tree| read(tree, |params| HeraldedState::new(params).map(drop)),
    },
    Part {
        name: "motional_mode",
        fields: fields_of::<MotionalModeParams>,
        check: |tree| read(tree, MotionalModeParams::check),
    },
    Part { name: "gates", fields: fields_of::<GatesParams>, check: |tree| read(tree, GatesParams::check) },
    Part {
        name: "polarization",
        fields: fields_of::<PolarizationParams>,
        check: |tree| read(tree, PolarizationParams::check),
    },
    Part {
        name: "time-bin",
        fields: fields_of::<TimeBinParams>,
        check: |tree| read(tree, TimeBinParams::check),
    },
    Part {
        name: "frequency",
        fields: fields_of::<FrequencyParams>,
        check: |tree| read(tree, FrequencyParams::check),
    },
    Part { name: "number", fields: fields_of::<NumberParams>, check: |tree| read(tree, NumberParams::check) },
    Part {
        name: "barrett-kok",
        fields: fields_of::<BarrettKokParams>,
        check: |tree| read(tree, BarrettKokParams::check),
    },
    Part {
        name: "ion-photon",
        fields: fields_of::<IonPhotonParams>,
        check: |tree| read(tree, IonPhotonParams::check),
    },
    Part {
        name: "erasure_check",
        fields: fields_of::<ErasureCheckParams>,
        check: |tree| read(tree, ErasureCheckParams::check),
    },
    Part {
        name: "node",
        fields: fields_of::<NodeParams>,
        // what its collection makes of a measured window depends on the link's delays: checked there
        check: |tree| read(tree, |params| check_node(params).map(drop)),
    },
    Part { name: "station", fields: fields_of::<StationParams>, check: |tree| read(tree, check_station) },
    Part {
        name: "schedule",
        fields: fields_of::<ScheduleParams>,
        // a period that is the sum of its parts depends on the link's paths and pulses: checked there
        check: |tree| read(tree, Schedule::check),
    },
    Part { name: "input", fields: fields_of::<InputParams>, check: |tree| read(tree, InputParams::check) },
    Part {
        name: "measured",
        fields: fields_of::<MeasuredParams>,
        check: |tree| read(tree, MeasuredParams::check),
    },
    Part {
        name: "published",
        fields: fields_of::<PublishedParams>,
        check: |tree| read(tree, PublishedParams::check),
    },
    Part { name: "link", fields: fields_of::<LinkParams>, check: |tree| Link::from_tree(tree).map(drop) },
];

fn part(kind: &str) -> Result<&'static Part> {
    PARTS.iter().find(|part| part.name == kind).ok_or_else(|| {
        let names: Vec<_> = PARTS.iter().map(|part| part.name).collect();
        Error::parameter("kind", format!("{kind:?}"), format!("one of {}", names.join(", ")), "")
    })
}

/// Checks one table of parameters.
///
/// # Errors
/// The first field that is unknown, missing or outside its domain; [`Error::Parameter`] for an unknown kind.
pub fn check_part(kind: &str, tree: &Tree) -> Result<()> {
    (part(kind)?.check)(tree)
}

/// Names of the fields of one kind of table.
///
/// # Errors
/// [`Error::Parameter`] for an unknown kind.
pub fn part_fields(kind: &str) -> Result<&'static [&'static str]> {
    Ok((part(kind)?.fields)())
}
