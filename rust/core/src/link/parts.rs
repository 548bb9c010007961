//! Parameter tables checked one at a time, as soon as they are made.

use super::params::{LinkParams, MeasuredParams, NodeParams, PublishedParams, ScheduleParams, StationParams};
use super::schedule::Schedule;
use super::{Link, Station, check_measured, check_published};
use crate::channel::{ElementParams, FiberParams, LossParams};
use crate::collection::{LensParams, MeasuredEfficiencyParams};
use crate::detection::DetectorParams;
use crate::emission::{Emission, EmissionParams, PolarizationParams};
use crate::error::{Error, Result};
use crate::memory::{LocalErrors, LocalErrorsParams};
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

static PARTS: [Part; 14] = [
    Part {
        name: "emission",
        fields: fields_of::<EmissionParams>,
        check: |tree| read(tree, |params| Emission::new(params).map(drop)),
    },
    Part { name: "lens", fields: fields_of::<LensParams>, check: |tree| read(tree, LensParams::check) },
    Part {
        name: "measured_efficiency",
        fields: fields_of::<MeasuredEfficiencyParams>,
        check: |tree| read(tree, MeasuredEfficiencyParams::check),
    },
    Part {
        name: "fiber",
        fields: fields_of::<FiberParams>,
        check: |tree| {
            read(tree, |params: &FiberParams| ElementParams::Fiber(params.clone()).checked().map(drop))
        },
    },
    Part {
        name: "loss",
        fields: fields_of::<LossParams>,
        check: |tree| {
            read(tree, |params: &LossParams| ElementParams::Loss(params.clone()).checked().map(drop))
        },
    },
    Part {
        name: "detector",
        fields: fields_of::<DetectorParams>,
        check: |tree| read(tree, DetectorParams::check),
    },
    Part {
        name: "local_errors",
        fields: fields_of::<LocalErrorsParams>,
        check: |tree| read(tree, |params| LocalErrors::new(params).map(drop)),
    },
    Part {
        name: "polarization",
        fields: fields_of::<PolarizationParams>,
        check: |tree| read(tree, PolarizationParams::check),
    },
    Part {
        name: "node",
        fields: fields_of::<NodeParams>,
        // what its collection makes of a measured window depends on the link's delays: checked there
        check: |tree| {
            read(tree, |params: &NodeParams| {
                Emission::new(&params.emission).map_err(|error| error.within("emission"))?;
                LocalErrors::new(&params.errors).map(drop).map_err(|error| error.within("errors"))
            })
        },
    },
    Part {
        name: "station",
        fields: fields_of::<StationParams>,
        check: |tree| read(tree, |params| Station::new(params).map(drop)),
    },
    Part {
        name: "schedule",
        fields: fields_of::<ScheduleParams>,
        check: |tree| read(tree, |params: &ScheduleParams| Schedule::new(params).map(drop)),
    },
    Part { name: "measured", fields: fields_of::<MeasuredParams>, check: |tree| read(tree, check_measured) },
    Part {
        name: "published",
        fields: fields_of::<PublishedParams>,
        check: |tree| read(tree, check_published),
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
