//! Streams of time tags across the border.

use crate::errors::translate;
use crate::{arrays, link::PyLink};
use ionlink_core::{ClickStream, Key, Link};
use numpy::PyArray1;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use std::sync::{Arc, Mutex};

/// Draws the time tags of a run's attempts part by part.
#[pyclass(frozen, name = "ClickStream", module = "ionlink._core")]
#[derive(Debug)]
pub(crate) struct PyClickStream {
    stream: Mutex<ClickStream<Arc<Link>>>,
}

/// Times (ps), channels, attempts, kinds.
type Tags<'py> = (
    Bound<'py, PyArray1<i64>>,
    Bound<'py, PyArray1<u8>>,
    Bound<'py, PyArray1<u64>>,
    Bound<'py, PyArray1<u8>>,
);

#[pymethods]
impl PyClickStream {
    #[new]
    fn new(
        py: Python<'_>,
        link: &Bound<'_, PyLink>,
        key: (u64, u64),
        start_attempt: u64,
        attempts: u64,
    ) -> PyResult<Self> {
        let link = link.get().shared();
        let range = start_attempt..start_attempt.saturating_add(attempts);
        let stream = py.detach(|| ClickStream::new(link, Key([key.0, key.1]), range)).map_err(translate)?;
        Ok(Self { stream: Mutex::new(stream) })
    }

    /// Times (ps), channels, attempts and kinds of the next tags, at least so many but at the end; nothing after the end.
    fn next<'py>(&self, py: Python<'py>, at_least: usize) -> PyResult<Option<Tags<'py>>> {
        let mut interrupted = None;
        let next = py.detach(|| {
            // never wait for the lock, see `PySampler`
            let mut stream = self.stream.try_lock().ok()?;
            if stream.is_finished() {
                return Some(Ok(None));
            }
            let mut looks = 0_u32;
            Some(stream.next(at_least, &mut || {
                looks += 1;
                if !looks.is_multiple_of(8) {
                    return true;
                }
                let looked = Python::attach(|py| -> PyResult<()> { py.check_signals() });
                looked.map_err(|error| interrupted = Some(error)).is_ok()
            }))
        });
        let Some(next) = next else {
            let message = "this stream is drawing already, in another thread or before a signal handler";
            return Err(PyRuntimeError::new_err(message));
        };
        if let Some(error) = interrupted {
            return Err(error);
        }
        Ok(next.map_err(translate)?.map(|tags| {
            (
                arrays::vector(py, tags.time_ps),
                arrays::vector(py, tags.channel),
                arrays::vector(py, tags.attempt),
                arrays::vector(py, tags.kind),
            )
        }))
    }
}
