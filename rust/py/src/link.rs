//! A link across the border.

use crate::columns::Columns;
use crate::errors::{internal, translate};
use crate::{arrays, arrow, params};
use ionlink_core::emission::Emission;
use ionlink_core::link::measure::operators_named;
use ionlink_core::link::provenance;
use ionlink_core::tree::Tree;
use ionlink_core::{
    BasicLinkParams, Cause, Clock, Coincidences, Ended, EngineChoice, Error, Estimate, Exact, FidelityMean,
    Given, Heralds, Key, Link, Plan, Precision, Progress, Run, STREAM_INSTEAD, Sampler, Stop, TimeTags,
};
use numpy::{Complex64, PyArray1, PyArray2, PyArray3, PyReadonlyArray1};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict, PyList, PyTuple, PyType};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// A checked link.
#[pyclass(frozen, name = "Link", module = "ionlink._core")]
#[derive(Debug)]
pub(crate) struct PyLink {
    link: Arc<Link>,
}

/// Records smaller than this are never compared with the memory at hand: asking for it takes longer than they do.
pub(crate) const SMALL_BYTES: u64 = 64 << 20;

#[pymethods]
impl PyLink {
    #[new]
    fn new(tree: &Bound<'_, PyAny>) -> PyResult<Self> {
        Self::checked(Link::from_tree(&params::tree(tree)?))
    }

    /// The link of a link file's text.
    #[staticmethod]
    fn from_toml(text: &str) -> PyResult<Self> {
        Self::checked(Link::from_toml(text))
    }

    /// A link of which total efficiencies are known.
    #[staticmethod]
    fn basic(arguments: &Bound<'_, PyAny>) -> PyResult<Self> {
        let params = params::tree(arguments)?.read::<BasicLinkParams>();
        Self::checked(params.and_then(|params| params.checked()))
    }

    /// What makes it again, for pickles.
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyType>, (Py<PyAny>,))> {
        Ok((py.get_type::<Self>(), (self.tree(py)?,)))
    }

    /// Its parameters as plain values, every default filled in and what is absent left out.
    fn tree(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        params::value(py, &self.params_tree()?)
    }

    /// The text of its link file.
    fn to_toml(&self) -> PyResult<String> {
        self.params_tree()?.to_toml().map_err(translate)
    }

    /// A changed link; keys are dotted paths. A changed parameter loses its entry in `inputs`, unless the changes say what
    /// becomes of these themselves.
    fn replaced(&self, changes: &Bound<'_, PyDict>) -> PyResult<Self> {
        let mut paths = vec![];
        for path in changes.keys() {
            paths.push(path.extract::<String>()?);
        }
        // from the full tree, so that parameters at their defaults have their places too
        let mut params = self.link.params().clone();
        if !paths.iter().any(|path| path.split('.').next() == Some("inputs")) {
            for path in &paths {
                provenance::forget(&mut params.inputs, path);
            }
        }
        let mut changed = Tree::from_params(&params).map_err(translate)?;
        for (path, value) in paths.into_iter().zip(changes.values()) {
            changed.set(&path, params::tree(&value)?).map_err(translate)?;
        }
        Self::checked(Link::from_tree(&changed))
    }

    /// The same link behind an optical switch of this loss (dB).
    fn through(&self, py: Python<'_>, loss_db: f64) -> PyResult<Self> {
        Self::checked(py.detach(|| self.link.through(loss_db)))
    }

    /// Name, slots as (port, mode) or nothing for a missing click, and index of the announced Bell state of each accepted
    /// pattern.
    #[getter]
    fn patterns<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let patterns = self.link.patterns().iter().map(|pattern| {
            let [first, second] = pattern.slots.map(|slot| slot.map(|slot| (slot / 2, slot % 2)));
            (pattern.name(), (first, second), pattern.bell_state as u8)
        });
        PyList::new(py, patterns.collect::<Vec<_>>())
    }

    /// Delay of each path in seconds, compensated by the timing of the pulses.
    #[getter]
    fn path_delay_s(&self) -> (f64, f64) {
        self.link.path_delay_s().into()
    }

    /// What follows of each node's parameters: name, probability of a photon, efficiency, amplitudes, lifetime,
    /// wavelength, delays.
    #[getter]
    fn sources<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let result = PyList::empty(py);
        let (nodes, delays_s) = (&self.link.params().nodes, self.link.path_delay_s());
        for ((source, node), path_delay_s) in self.link.sources().iter().zip(nodes).zip(delays_s) {
            let entry = PyDict::new(py);
            entry.set_item("node", &node.name)?;
            entry.set_item("photon_probability", source.photon_probability)?;
            entry.set_item("efficiency", source.efficiency)?;
            entry.set_item("amplitudes", <(f64, f64)>::from(source.amplitudes))?;
            entry.set_item("lifetime_s", source.packet.lifetime_s())?;
            entry
                .set_item("wavelength_nm", Emission::new(&node.emission).map_err(translate)?.wavelength_nm)?;
            entry.set_item("path_delay_s", path_delay_s)?;
            entry.set_item("delay_s", source.packet.delay_s)?;
            result.append(entry)?;
        }
        Ok(result)
    }

    /// Names of the columns that its records must have beside pattern, cause and click times.
    #[getter]
    fn hidden_columns(&self) -> Vec<&'static str> {
        self.link.hidden_columns()
    }

    /// Share of the time spent on attempts.
    #[getter]
    fn duty(&self) -> f64 {
        self.link.schedule().duty()
    }

    /// Attempts per second, pauses and reloading included.
    #[getter]
    fn attempt_rate_hz(&self) -> f64 {
        self.link.schedule().attempt_rate_hz()
    }

    /// Time from one round of attempts to the next (s).
    #[getter]
    fn attempt_period_s(&self) -> f64 {
        self.link.schedule().round_period_s()
    }

    /// Shortest time from one attempt to the next (s).
    #[getter]
    fn ion_spacing_s(&self) -> f64 {
        self.link.schedule().attempt_period_s()
    }

    /// Time from the arrival of the photons until each node knows of the herald (s).
    #[getter]
    fn herald_delay_s(&self) -> Vec<f64> {
        (0..self.link.params().nodes.len()).map(|node| self.link.herald_delay_s(node)).collect()
    }

    /// Number of attempts that have ended after `duration_s` in the runs with this key.
    fn attempts_within(&self, py: Python<'_>, key: (u64, u64), duration_s: f64) -> PyResult<u64> {
        py.detach(|| self.clock(key).attempts_within(duration_s)).map_err(translate)
    }

    /// Time from the start of the first to the end of the last of `attempts` attempts (s) in the runs with this key.
    fn duration_s(
        &self,
        py: Python<'_>,
        key: (u64, u64),
        start_attempt: u64,
        attempts: u64,
    ) -> PyResult<f64> {
        py.detach(|| self.clock(key).duration_s(start_attempt, attempts)).map_err(translate)
    }

    /// End of each attempt (s) in the runs with this key, pauses and reloading included.
    fn time_s<'py>(
        &self,
        py: Python<'py>,
        key: (u64, u64),
        attempt: PyReadonlyArray1<'py, u64>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let attempt = attempt.as_array().to_vec();
        let times_s = py.detach(|| self.clock(key).times_s(&attempt)).map_err(translate)?;
        Ok(arrays::vector(py, times_s))
    }

    /// Exact results.
    fn exact<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let exact: &Exact = py.detach(|| self.link.exact()).map_err(translate)?;
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

    /// The engine that a choice comes down to, and why.
    #[pyo3(signature = (engine, record_coincidences = false))]
    fn engine(&self, engine: &str, record_coincidences: bool) -> PyResult<(&'static str, &'static str)> {
        let choice = EngineChoice::named(engine).map_err(translate)?;
        let (engine, reason) = self.link.engine(choice, record_coincidences).map_err(translate)?;
        Ok((engine.name(), reason))
    }

    /// Draws heralds; returns the record and what ended the run early, if anything did.
    #[pyo3(signature = (*, key, start_attempt, heralds, attempts, threads, observer, engine = "auto",
        record_coincidences = false, until = None, timeout_s = None))]
    fn sample<'py>(
        &self,
        py: Python<'py>,
        key: (u64, u64),
        start_attempt: u64,
        heralds: Option<u64>,
        attempts: Option<u64>,
        threads: usize,
        observer: Option<Py<PyAny>>,
        engine: &str,
        record_coincidences: bool,
        until: Option<(Option<f64>, Option<f64>)>,
        timeout_s: Option<f64>,
    ) -> PyResult<(Bound<'py, PyDict>, Option<Py<PyAny>>)> {
        let (stop, most) = match (heralds, attempts) {
            (Some(n), None) => (Stop::Heralds(n), n),
            (None, Some(n)) => (Stop::Attempts(n), n),
            _ => return Err(internal("exactly one of heralds and attempts must be given")),
        };
        let small = most.saturating_mul(Heralds::MOST_BYTES) < SMALL_BYTES && !record_coincidences;
        let memory_bytes = if small { u64::MAX } else { available_bytes() };
        let plan = Plan {
            key: Key([key.0, key.1]),
            start_attempt,
            stop,
            until: until.map(|(herald_probability, fidelity)| Precision { herald_probability, fidelity }),
            timeout_s,
            engine: EngineChoice::named(engine).map_err(translate)?,
            record_coincidences,
            threads,
            memory_bytes,
        };
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
        // arrays are not to be interrupted: the run would be lost
        if let Err(error) = py.check_signals() {
            ended.get_or_insert(error);
        }
        let result = PyDict::new(py);
        let end = match run.ended {
            Ended::AsPlanned => "planned",
            Ended::Enough => "enough",
            Ended::Interrupted => "interrupted",
        };
        result.set_item("attempts", run.attempts)?;
        result.set_item("ended", end)?;
        result.set_item("engine", run.engine.name())?;
        let Heralds { attempt, pattern, cause, click_time_s, blind_s, jitter_s, afterpulses } = run.heralds;
        result.set_item("attempt", arrays::vector(py, attempt))?;
        result.set_item("pattern", arrays::vector(py, pattern))?;
        result.set_item("cause", arrays::vector(py, cause))?;
        result.set_item("click_time_s", arrays::rows(py, click_time_s)?)?;
        let blind_s = if blind_s.is_empty() { None } else { Some(arrays::rows(py, blind_s)?) };
        result.set_item("blind_s", blind_s)?;
        let jitter_s = if jitter_s.is_empty() { None } else { Some(arrays::rows(py, jitter_s)?) };
        result.set_item("jitter_s", jitter_s)?;
        let afterpulses = (!afterpulses.is_empty()).then(|| arrays::vector(py, afterpulses));
        result.set_item("afterpulses", afterpulses)?;
        if record_coincidences {
            let coincidences = PyDict::new(py);
            coincidences.set_item("attempt", arrays::vector(py, run.coincidences.attempt))?;
            coincidences.set_item("mode", arrays::vector(py, run.coincidences.mode))?;
            coincidences.set_item("click_time_s", arrays::rows(py, run.coincidences.click_time_s)?)?;
            result.set_item("coincidences", coincidences)?;
        }
        Ok((result, ended.map(|error| error.into_value(py).into_any())))
    }

    /// Herald probability with its 95 % interval, value, low, high, from the attempts that heralded; `at_herald` says
    /// whether the run ended, as planned, with the last of them.
    fn herald_probability<'py>(
        &self,
        py: Python<'py>,
        attempt: PyReadonlyArray1<'py, u64>,
        start_attempt: u64,
        attempts: u64,
        at_herald: bool,
    ) -> (f64, f64, f64) {
        let heralds = Heralds { attempt: attempt.as_array().to_vec(), ..Heralds::default() };
        let run = Run {
            stop: if at_herald { Stop::Heralds(heralds.len() as u64) } else { Stop::Attempts(attempts) },
            heralds,
            coincidences: Coincidences::default(),
            start_attempt,
            attempts,
            ended: Ended::AsPlanned,
            engine: EngineChoice::Auto,
            remembers: self.link.remembers(),
            ions_per_round: self.link.schedule().ions_per_round(),
        };
        py.detach(|| triple(run.herald_probability()))
    }

    /// The ions' states given click times and, with `given="cause"`, cause: complex128 (n, 4, 4). A record is a dict of columns
    /// by their names in `sample`; those that are None may be left out.
    #[pyo3(signature = (record, given = "cause"))]
    fn states<'py>(
        &self,
        py: Python<'py>,
        record: &Bound<'py, PyDict>,
        given: &str,
    ) -> PyResult<Bound<'py, PyArray3<Complex64>>> {
        let given = match given {
            "cause" => Given::Cause,
            "record" => Given::Record,
            other => {
                let domain = "\"cause\" or \"record\"";
                return Err(translate(Error::parameter("given", format!("{other:?}"), domain, "")));
            }
        };
        let mut states = Link::room_for_states(Columns::count(record)?);
        Columns::in_parts(py, record, |records| self.link.add_states(records, given, &mut states))?;
        arrays::states(py, states)
    }

    /// Sum of the states of each Bell state's heralds given their causes: complex128 (4, 4, 4).
    fn summed_states<'py>(
        &self,
        py: Python<'py>,
        record: &Bound<'py, PyDict>,
    ) -> PyResult<Bound<'py, PyArray3<Complex64>>> {
        let mut sums = [[[Complex64::ZERO; 4]; 4]; 4];
        Columns::in_parts(py, record, |records| self.link.sum_states(records, &mut sums))?;
        arrays::states(py, sums.to_vec())
    }

    /// Mean fidelity to the announced Bell states with its 95 % interval: value, low, high.
    fn sampled_fidelity<'py>(
        &self,
        py: Python<'py>,
        record: &Bound<'py, PyDict>,
    ) -> PyResult<(f64, f64, f64)> {
        let mut mean = FidelityMean::default();
        Columns::in_parts(py, record, |records| self.link.add_fidelities(records, &mut mean))?;
        Ok(triple(mean.estimate()))
    }

    /// Outcomes +1 and -1 of one Pauli operator on each ion: int8 (n, 2).
    fn measure<'py>(
        &self,
        py: Python<'py>,
        basis: &str,
        key: (u64, u64),
        attempt: PyReadonlyArray1<'py, u64>,
        record: &Bound<'py, PyDict>,
    ) -> PyResult<Bound<'py, PyArray2<i8>>> {
        let operators = operators_named(basis).map_err(translate)?;
        let (key, attempt) = (Key([key.0, key.1]), attempt.as_array().to_vec());
        let mut outcomes = Vec::with_capacity(attempt.len());
        Columns::in_parts(py, record, |records| {
            let start = attempt.len().min(outcomes.len());
            let part = start..attempt.len().min(start + records.pattern.len());
            outcomes.append(&mut self.link.measure(&attempt[part], records, operators, key)?);
            Ok(())
        })?;
        arrays::rows(py, outcomes)
    }

    /// The record as an Arrow table, one row per herald: a capsule that holds an `ArrowArrayStream`.
    fn arrow_stream<'py>(
        &self,
        py: Python<'py>,
        key: (u64, u64),
        attempt: PyReadonlyArray1<'py, u64>,
        record: &Bound<'py, PyDict>,
        metadata: HashMap<String, String>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let columns = Columns::of(record, 0..Columns::count(record)?)?;
        let attempt = attempt.as_array().to_vec();
        let times_s = py.detach(|| self.clock(key).times_s(&attempt)).map_err(translate)?;
        arrow::stream(py, &self.link, attempt, times_s, &columns, metadata)
    }

    /// Contributions (mechanism, alone, {Bell state: alone}, off, herald probability), infidelity and remainder.
    fn error_budget<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let budget = py.detach(|| self.link.error_budget()).map_err(translate)?;
        let contributions = PyList::empty(py);
        for contribution in budget.contributions {
            let by_state = PyDict::new(py);
            for (bell_state, alone) in contribution.alone_by_state {
                by_state.set_item(bell_state.name(), alone)?;
            }
            let entry = PyDict::new(py);
            entry.set_item("mechanism", contribution.mechanism)?;
            entry.set_item("alone", contribution.alone)?;
            entry.set_item("alone_by_state", by_state)?;
            entry.set_item("off", contribution.off)?;
            entry.set_item("herald_probability", contribution.herald_probability)?;
            contributions.append(entry)?;
        }
        let result = PyDict::new(py);
        result.set_item("contributions", contributions)?;
        result.set_item("infidelity", budget.infidelity)?;
        result.set_item("remainder", budget.remainder)?;
        Ok(result)
    }

    /// Names of the channels of time tags.
    #[getter]
    fn channels(&self) -> Vec<&'static str> {
        self.link.channels().to_vec()
    }

    /// Refuses so many attempts if their time tags would not fit into memory.
    fn check_tags(&self, attempts: u64) -> PyResult<()> {
        // twice, for parts are put together at the end
        let needed = 2.0 * attempts as f64 * self.link.tags_per_attempt() * TimeTags::BYTES as f64;
        let (needed_bytes, available_bytes) = (needed as u64, available_bytes());
        if needed_bytes > SMALL_BYTES && needed_bytes > available_bytes {
            return Err(translate(Error::Size { needed_bytes, available_bytes, instead: STREAM_INSTEAD }));
        }
        Ok(())
    }

    /// A sampler of this link's heralds, one at a time.
    #[pyo3(signature = (key, engine = "auto"))]
    fn sampler(&self, key: (u64, u64), engine: &str) -> PyResult<PySampler> {
        let choice = EngineChoice::named(engine).map_err(translate)?;
        let sampler = Sampler::new(Arc::clone(&self.link), Key([key.0, key.1]), choice).map_err(translate)?;
        Ok(PySampler { engine: sampler.engine().name(), sampler: Mutex::new(sampler) })
    }
}

impl PyLink {
    /// Another pointer to the link.
    pub(crate) fn of(link: Arc<Link>) -> Self {
        Self { link }
    }

    pub(crate) fn shared(&self) -> Arc<Link> {
        Arc::clone(&self.link)
    }

    fn checked(link: ionlink_core::Result<Link>) -> PyResult<Self> {
        Ok(Self { link: Arc::new(link.map_err(translate)?) })
    }

    fn params_tree(&self) -> PyResult<Tree> {
        Tree::from_params(self.link.params()).map_err(translate)
    }

    fn clock(&self, key: (u64, u64)) -> Clock {
        self.link.clock(Key([key.0, key.1]))
    }
}

/// Draws heralds one at a time.
#[pyclass(frozen, name = "Sampler", module = "ionlink._core")]
#[derive(Debug)]
pub(crate) struct PySampler {
    engine: &'static str,
    sampler: Mutex<Sampler<Arc<Link>>>,
}

/// Attempt, end of the attempt (s), number of the Bell state, number of the cause, state.
type HeraldTuple<'py> = (u64, f64, u8, u8, Bound<'py, PyArray2<Complex64>>);

#[pymethods]
impl PySampler {
    /// The engine used.
    #[getter]
    fn engine(&self) -> &'static str {
        self.engine
    }

    /// The next herald whose attempt starts at `not_before_s` or later.
    #[pyo3(signature = (not_before_s = 0.0))]
    fn next<'py>(&self, py: Python<'py>, not_before_s: f64) -> PyResult<HeraldTuple<'py>> {
        let mut interrupted = None;
        // A rare herald must not hold the interpreter.
        let next = py.detach(|| {
            // Never wait for the lock: its holder may be waiting for this thread, or be this thread in a signal handler.
            let mut sampler = self.sampler.try_lock().ok()?;
            let mut looks = 0_u32;
            let next = sampler.next(not_before_s, &mut || {
                looks += 1;
                if !looks.is_multiple_of(16) {
                    return true;
                }
                let looked = Python::attach(|py| -> PyResult<()> { py.check_signals() });
                looked.map_err(|error| interrupted = Some(error)).is_ok()
            });
            Some(next)
        });
        let Some(next) = next else {
            let message = "this sampler is drawing already, in another thread or before a signal handler";
            return Err(PyRuntimeError::new_err(message));
        };
        match (next.map_err(translate)?, interrupted) {
            (_, Some(error)) => Err(error),
            (Some(herald), None) => {
                let rho = arrays::state(py, &herald.rho)?;
                let bell_state = herald.pattern.bell_state as u8;
                Ok((herald.attempt, herald.time_s, bell_state, herald.cause as u8, rho))
            }
            (None, None) => Err(internal("the sampler stopped without a reason")),
        }
    }
}

fn triple(estimate: Estimate) -> (f64, f64, f64) {
    (estimate.value, estimate.low, estimate.high)
}

/// Memory that a run may take: what the system, or the container around this process, can give without swapping.
pub(crate) fn available_bytes() -> u64 {
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    let free = system.available_memory();
    system.cgroup_limits().map_or(free, |limits| free.min(limits.free_memory))
}
