//! A link across the border.

use crate::errors::{internal, translate};
use crate::{arrays, params};
use ionlink_core::{Cause, Estimate, Exact, Heralds, Key, Link, Plan, Progress, Stop};
use numpy::{Complex64, PyArray1, PyArray3, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

/// A checked link.
#[pyclass(frozen, name = "Link", module = "ionlink._core")]
#[derive(Debug)]
pub(crate) struct PyLink {
    link: Link,
}

/// Records smaller than this are never compared with the memory at hand: asking for it takes longer than they do.
const SMALL_BYTES: u64 = 64 << 20;

#[pymethods]
impl PyLink {
    #[new]
    fn new(tree: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self { link: Link::from_tree(&params::tree(tree)?).map_err(translate)? })
    }

    /// Name, slots as (port, mode) and index of the announced Bell state of each accepted pattern.
    #[getter]
    fn patterns<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let patterns = self.link.patterns().iter().map(|pattern| {
            let [first, second] = pattern.slots.map(|slot| (slot / 2, slot % 2));
            (pattern.name(), (first, second), pattern.bell_state as u8)
        });
        PyList::new(py, patterns.collect::<Vec<_>>())
    }

    /// Delay of each path in seconds, compensated by the timing of the pulses.
    #[getter]
    fn path_delay_s(&self) -> (f64, f64) {
        self.link.path_delay_s().into()
    }

    /// Share of the time spent on attempts.
    #[getter]
    fn duty(&self) -> f64 {
        self.link.schedule().duty()
    }

    /// Attempts per second, pauses included.
    #[getter]
    fn attempt_rate_hz(&self) -> f64 {
        self.link.schedule().attempt_rate_hz()
    }

    /// Number of attempts that have ended after `duration_s`.
    fn attempts_within(&self, duration_s: f64) -> u64 {
        self.link.schedule().attempts_within(duration_s)
    }

    /// Time from the start of the first to the end of the last of `attempts` attempts (s).
    fn duration_s(&self, start_attempt: u64, attempts: u64) -> f64 {
        self.link.schedule().duration_s(start_attempt, attempts)
    }

    /// End of each attempt (s), pauses included.
    fn time_s<'py>(&self, py: Python<'py>, attempt: PyReadonlyArray1<'py, u64>) -> Bound<'py, PyArray1<f64>> {
        let schedule = self.link.schedule();
        arrays::vector(py, attempt.as_array().iter().map(|attempt| schedule.time_s(*attempt)).collect())
    }

    /// Exact results.
    fn exact<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let exact: &Exact = py.detach(|| self.link.exact());
        let result = PyDict::new(py);
        result.set_item("herald_probability", exact.herald_probability)?;
        result.set_item("rate_hz", exact.rate_hz)?;
        result.set_item("fidelity", exact.fidelity)?;
        result.set_item("mean_time_s", exact.mean_time_s)?;
        result.set_item("leakage", exact.leakage)?;
        let outcomes = PyDict::new(py);
        for outcome in &exact.outcomes {
            let entry = PyDict::new(py);
            entry.set_item("probability", outcome.probability)?;
            entry.set_item("fidelity", outcome.fidelity)?;
            entry.set_item("rho", arrays::state(py, &outcome.rho)?)?;
            outcomes.set_item(outcome.bell_state.name(), entry)?;
        }
        result.set_item("outcomes", outcomes)?;
        let patterns = PyList::empty(py);
        for outcome in &exact.patterns {
            let entry = PyDict::new(py);
            entry.set_item("name", outcome.pattern.name())?;
            entry.set_item("bell_state", outcome.pattern.bell_state.name())?;
            entry.set_item("probability", outcome.probability())?;
            entry.set_item(
                "by_cause",
                PyTuple::new(py, Cause::ALL.map(|cause| outcome.probability_of(cause)))?,
            )?;
            entry.set_item("rho", arrays::state(py, &outcome.rho())?)?;
            patterns.append(entry)?;
        }
        result.set_item("patterns", patterns)?;
        Ok(result)
    }

    /// Draws heralds; returns the record and what ended the run early, if anything did.
    #[pyo3(signature = (*, key, start_attempt, heralds, attempts, threads, observer))]
    fn sample<'py>(
        &self,
        py: Python<'py>,
        key: (u64, u64),
        start_attempt: u64,
        heralds: Option<u64>,
        attempts: Option<u64>,
        threads: usize,
        observer: Option<Py<PyAny>>,
    ) -> PyResult<(Bound<'py, PyDict>, Option<Py<PyAny>>)> {
        let (stop, most) = match (heralds, attempts) {
            (Some(n), None) => (Stop::Heralds(n), n),
            (None, Some(n)) => (Stop::Attempts(n), n),
            _ => return Err(internal("exactly one of heralds and attempts must be given")),
        };
        let memory_bytes =
            if most.saturating_mul(Heralds::BYTES) < SMALL_BYTES { u64::MAX } else { available_bytes() };
        let key = Key([key.0, key.1]);
        let plan = Plan { key, start_attempt, stop, threads, memory_bytes };
        let mut ended = None;
        let run = py
            .detach(|| {
                self.link.sample(&plan, &mut |progress: Progress| {
                    let looked = Python::attach(|py| {
                        py.check_signals()?;
                        observer.as_ref().map_or(Ok(()), |observer| {
                            observer.call1(py, (progress.done, progress.total)).map(drop)
                        })
                    });
                    looked.map_err(|error| ended = Some(error)).is_ok()
                })
            })
            .map_err(translate)?;
        let result = PyDict::new(py);
        result.set_item("herald_probability", triple(run.herald_probability()))?;
        result.set_item("attempts", run.attempts)?;
        result.set_item("interrupted", run.interrupted)?;
        result.set_item("engine", run.engine)?;
        let Heralds { attempt, pattern, cause, click_time_s } = run.heralds;
        result.set_item("attempt", arrays::vector(py, attempt))?;
        result.set_item("pattern", arrays::vector(py, pattern))?;
        result.set_item("cause", arrays::vector(py, cause))?;
        result.set_item("click_time_s", arrays::pairs(py, click_time_s)?)?;
        Ok((result, ended.map(|error| error.into_value(py).into_any())))
    }

    /// The ions' states given cause and click times: complex128 (n, 4, 4).
    fn states<'py>(
        &self,
        py: Python<'py>,
        pattern: PyReadonlyArray1<'py, u8>,
        cause: PyReadonlyArray1<'py, u8>,
        click_time_s: PyReadonlyArray2<'py, f64>,
    ) -> PyResult<Bound<'py, PyArray3<Complex64>>> {
        let (pattern, cause, times) = records(&pattern, &cause, &click_time_s)?;
        let states = py.detach(|| self.link.states(&pattern, &cause, &times)).map_err(translate)?;
        arrays::states(py, states)
    }

    /// Mean fidelity to the announced Bell states with its 95 % interval: value, low, high.
    fn sampled_fidelity<'py>(
        &self,
        py: Python<'py>,
        pattern: PyReadonlyArray1<'py, u8>,
        cause: PyReadonlyArray1<'py, u8>,
        click_time_s: PyReadonlyArray2<'py, f64>,
    ) -> PyResult<(f64, f64, f64)> {
        let (pattern, cause, times) = records(&pattern, &cause, &click_time_s)?;
        py.detach(|| self.link.sampled_fidelity(&pattern, &cause, &times)).map(triple).map_err(translate)
    }
}

fn triple(estimate: Estimate) -> (f64, f64, f64) {
    (estimate.value, estimate.low, estimate.high)
}

type Records = (Vec<u8>, Vec<u8>, Vec<[f64; 2]>);

/// Copies of the columns: contiguous, and safe from other threads once detached.
fn records(
    pattern: &PyReadonlyArray1<'_, u8>,
    cause: &PyReadonlyArray1<'_, u8>,
    click_time_s: &PyReadonlyArray2<'_, f64>,
) -> PyResult<Records> {
    let times = click_time_s.as_array();
    if times.ncols() != 2 {
        return Err(internal("click_time_s must have two columns"));
    }
    let times = times.rows().into_iter().map(|row| [row[0], row[1]]).collect();
    Ok((pattern.as_array().to_vec(), cause.as_array().to_vec(), times))
}

/// Memory that a run may take: what the system can give without swapping; unlimited where it does not tell.
fn available_bytes() -> u64 {
    sysinfo::System::new().map_or(u64::MAX, |mut system| {
        system.refresh_memory();
        system.available_memory()
    })
}
