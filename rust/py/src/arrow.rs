//! Runs as Arrow tables, handed over by the C stream interface: readers need no library that we know of.

use crate::columns::Columns;
use crate::errors::translate;
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::types::Int8Type;
use arrow_array::{
    ArrayRef, DictionaryArray, Float64Array, Int8Array, RecordBatch, RecordBatchIterator, StringArray,
    UInt8Array, UInt64Array,
};
use arrow_schema::{ArrowError, Field, Schema};
use ionlink_core::encoding::SLOTS;
use ionlink_core::{BellState, Cause, Error, Link, Pattern};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use std::collections::HashMap;
use std::sync::Arc;

/// Capsule with one batch of rows, one per herald, and metadata for the schema.
pub(crate) fn stream<'py>(
    py: Python<'py>,
    link: &Link,
    attempt: Vec<u64>,
    times_s: Vec<f64>,
    columns: &Columns,
    metadata: HashMap<String, String>,
) -> PyResult<Bound<'py, PyCapsule>> {
    let stream = py.detach(|| -> Result<_, ArrowError> {
        let batch = table(link, attempt, times_s, columns, metadata)?;
        let schema = batch.schema();
        let reader = RecordBatchIterator::new([Ok(batch)], schema);
        Ok(FFI_ArrowArrayStream::new(Box::new(reader)))
    });
    // what cannot be made a table has columns of different lengths or indices without a name
    let stream = stream.map_err(|error| {
        let domain = "made of patterns, causes and click times of this link";
        translate(Error::parameter("record", error, domain, ""))
    })?;
    PyCapsule::new_with_value(py, stream, c"arrow_array_stream")
}

fn table(
    link: &Link,
    attempt: Vec<u64>,
    times_s: Vec<f64>,
    columns: &Columns,
    metadata: HashMap<String, String>,
) -> Result<RecordBatch, ArrowError> {
    let patterns = link.patterns();
    let records = columns.records();
    let bell_state =
        |pattern: &u8| patterns.get(usize::from(*pattern)).map_or(NAMELESS, |it| it.bell_state as u8);
    let names: Vec<String> = patterns.iter().map(Pattern::name).collect();
    let mut arrays: Vec<(String, ArrayRef)> = vec![
        ("attempt".into(), Arc::new(UInt64Array::from(attempt))),
        ("time_s".into(), Arc::new(Float64Array::from(times_s))),
        (
            "bell_state".into(),
            named(records.pattern.iter().map(bell_state), &BellState::ALL.map(BellState::name))?,
        ),
        ("pattern".into(), named(records.pattern.iter().copied(), &names)?),
        ("cause".into(), named(records.cause.iter().copied(), &Cause::ALL.map(Cause::name))?),
    ];
    for mode in 0..2 {
        let times_s: Vec<f64> = records.click_time_s.iter().map(|times| times[mode]).collect();
        arrays.push((format!("click_time_{mode}_s"), Arc::new(Float64Array::from(times_s))));
    }
    if !records.blind_s.is_empty() {
        for slot in 0..SLOTS {
            let times_s: Vec<f64> = records.blind_s.iter().map(|times| times[slot]).collect();
            arrays.push((format!("blind_{}{}_s", slot / 2, slot % 2), Arc::new(Float64Array::from(times_s))));
        }
    }
    if !records.jitter_s.is_empty() {
        for mode in 0..2 {
            let times_s: Vec<f64> = records.jitter_s.iter().map(|times| times[mode]).collect();
            arrays.push((format!("jitter_{mode}_s"), Arc::new(Float64Array::from(times_s))));
        }
    }
    if !records.afterpulses.is_empty() {
        arrays.push(("afterpulses".into(), Arc::new(UInt8Array::from(records.afterpulses.to_vec()))));
    }
    let fields: Vec<Field> =
        arrays.iter().map(|(name, array)| Field::new(name, array.data_type().clone(), false)).collect();
    let schema = Schema::new_with_metadata(fields, metadata);
    RecordBatch::try_new(Arc::new(schema), arrays.into_iter().map(|(_, array)| array).collect())
}

/// An index beyond any list of names.
const NAMELESS: u8 = i8::MAX as u8;

/// Indices with the names they stand for; there are far fewer names than an `i8` can tell apart.
fn named(indices: impl Iterator<Item = u8>, names: &[impl AsRef<str>]) -> Result<ArrayRef, ArrowError> {
    let keys = Int8Array::from_iter_values(indices.map(|index| index.min(NAMELESS).cast_signed()));
    let values = StringArray::from_iter_values(names);
    Ok(Arc::new(DictionaryArray::<Int8Type>::try_new(keys, Arc::new(values))?))
}
