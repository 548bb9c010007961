//! Records across the border: columns of NumPy arrays, copied in parts.

use crate::errors::translate;
use ionlink_core::{Error, Records};
use numpy::{Element, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::ops::Range;
use std::time::{Duration, Instant};

/// Copies of a record's columns, or of a part of them: contiguous, and safe from other threads once detached.
pub(crate) struct Columns {
    /// Empty where states do not depend on it.
    attempt: Vec<u64>,
    pattern: Vec<u8>,
    cause: Vec<u8>,
    click_time_s: Vec<[f64; 2]>,
    blind_s: Vec<[f64; 4]>,
    jitter_s: Vec<[f64; 2]>,
    afterpulses: Vec<u8>,
}

impl Columns {
    pub(crate) fn of(record: &Bound<'_, PyDict>, part: Range<usize>) -> PyResult<Self> {
        Ok(Self {
            attempt: column(record, "attempt", &part)?,
            pattern: column(record, "pattern", &part)?,
            cause: column(record, "cause", &part)?,
            click_time_s: rows(record, "click_time_s", &part)?,
            blind_s: rows(record, "blind_s", &part)?,
            jitter_s: rows(record, "jitter_s", &part)?,
            afterpulses: column(record, "afterpulses", &part)?,
        })
    }

    /// Number of records; all columns that are there must have as many.
    pub(crate) fn count(record: &Bound<'_, PyDict>) -> PyResult<usize> {
        let length = |name: &str| -> PyResult<Option<usize>> {
            record.get_item(name)?.filter(|value| !value.is_none()).map(|value| value.len()).transpose()
        };
        let [pattern, cause, click_time_s] =
            [length("pattern")?, length("cause")?, length("click_time_s")?].map(Option::unwrap_or_default);
        if cause != pattern || click_time_s != pattern {
            let given = format!("{pattern}, {cause} and {click_time_s} records");
            let names = "pattern, cause, click_time_s";
            return Err(translate(Error::parameter(names, given, "of one length", "")));
        }
        for name in ["attempt", "blind_s", "jitter_s", "afterpulses"] {
            if let Some(length) = length(name)?
                && length != pattern
            {
                let domain = format!("as long as pattern ({pattern})");
                return Err(translate(Error::parameter(name, format!("{length} records"), domain, "")));
            }
        }
        Ok(pattern)
    }

    /// Hands the records over in parts, detached from the interpreter, and looks for signals in between.
    pub(crate) fn in_parts(
        py: Python<'_>,
        record: &Bound<'_, PyDict>,
        mut work: impl FnMut(Records<'_>) -> ionlink_core::Result<()> + Send,
    ) -> PyResult<()> {
        // as many as take a few hundredths of a second, whatever the link
        const MOST: usize = 1 << 14;
        const LONG: Duration = Duration::from_millis(20);
        let count = Self::count(record)?;
        let (mut start, mut size) = (0, 16);
        while start < count {
            let end = count.min(start + size);
            let part = Self::of(record, start..end)?;
            let begun = Instant::now();
            py.detach(|| work(part.records())).map_err(translate)?;
            py.check_signals()?;
            start = end;
            size = if begun.elapsed() < LONG { (2 * size).min(MOST) } else { (size / 2).max(1) };
        }
        Ok(())
    }

    pub(crate) fn records(&self) -> Records<'_> {
        Records {
            attempt: &self.attempt,
            pattern: &self.pattern,
            cause: &self.cause,
            click_time_s: &self.click_time_s,
            blind_s: &self.blind_s,
            jitter_s: &self.jitter_s,
            afterpulses: &self.afterpulses,
        }
    }
}

/// Part of a column of numbers; empty where it is None or left out.
fn column<T: Element + Copy>(
    record: &Bound<'_, PyDict>,
    name: &str,
    part: &Range<usize>,
) -> PyResult<Vec<T>> {
    let Some(value) = record.get_item(name)?.filter(|value| !value.is_none()) else { return Ok(vec![]) };
    let array = value.extract::<PyReadonlyArray1<'_, T>>()?;
    if let Ok(whole) = array.as_slice() {
        return Ok(whole[part.clone()].to_vec());
    }
    Ok(array.as_array().iter().skip(part.start).take(part.len()).copied().collect())
}

/// Part of a column of rows; empty where it is None or left out.
fn rows<const N: usize>(
    record: &Bound<'_, PyDict>,
    name: &str,
    part: &Range<usize>,
) -> PyResult<Vec<[f64; N]>> {
    let Some(value) = record.get_item(name)?.filter(|value| !value.is_none()) else { return Ok(vec![]) };
    let whole = value.extract::<PyReadonlyArray2<'_, f64>>()?;
    let array = whole.as_array();
    if array.ncols() != N {
        let given = format!("{} columns", array.ncols());
        return Err(translate(Error::parameter(name, given, format!("an array with {N} columns"), "")));
    }
    if let Ok(whole) = whole.as_slice() {
        return Ok(whole.as_chunks::<N>().0[part.clone()].to_vec());
    }
    let rows = array.rows().into_iter().skip(part.start).take(part.len());
    Ok(rows.map(|row| std::array::from_fn(|column| row[column])).collect())
}
