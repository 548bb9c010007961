//! A network and its runs across the border.

use crate::errors::{internal, translate};
use crate::link::{PyLink, SMALL_BYTES, available_bytes};
use crate::rules::{Functions, OwnRules};
use crate::{arrays, params};
use ionlink_core::network::file::NetworkFile;
use ionlink_core::network::{
    Deliveries, DemandParams, Fates, Happening, HubStationParams, HubSwitchParams, Network,
    NetworkNodeParams, NetworkParts, NetworkPlan, NetworkRun, RecordLevel, Rules, Saturation, StateChoice,
    Trace,
};
use ionlink_core::tree::{Node, Tree};
use ionlink_core::{Error, Key, State};
use numpy::{Complex64, PyArray2, PyArray3, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use std::sync::{Arc, PoisonError, RwLock};

/// A network that grows. Its runs keep what it was: a shared network is copied before it changes.
#[pyclass(frozen, name = "Network", module = "ionlink._core")]
#[derive(Debug)]
pub(crate) struct PyNetwork {
    network: RwLock<Arc<Network>>,
}

impl PyNetwork {
    fn now(&self) -> Arc<Network> {
        Arc::clone(&self.network.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change<T>(&self, change: impl FnOnce(&mut Network) -> ionlink_core::Result<T>) -> PyResult<T> {
        let mut network = self.network.write().unwrap_or_else(PoisonError::into_inner);
        change(Arc::make_mut(&mut network)).map_err(translate)
    }
}

#[pymethods]
impl PyNetwork {
    #[new]
    fn new() -> Self {
        Self { network: RwLock::new(Arc::new(Network::new())) }
    }

    /// Adds a node; returns its number.
    fn add_node(&self, tree: &Bound<'_, PyAny>) -> PyResult<u32> {
        let params = params::tree(tree)?.read::<NetworkNodeParams>().map_err(translate)?;
        self.change(|network| network.add_node(params))
    }

    /// Adds nodes of which nothing is known but their names.
    fn add_named_nodes(&self, names: Vec<String>) -> PyResult<()> {
        self.change(|network| {
            names.into_iter().try_for_each(|name| network.add_node(NetworkNodeParams::named(name)).map(drop))
        })
    }

    /// Makes a link's physics known; returns its number.
    fn add_physics(&self, py: Python<'_>, link: &PyLink) -> PyResult<u32> {
        let link = link.shared();
        py.detach(|| self.change(|network| network.add_physics(link)))
    }

    /// Adds links: the number of each one's physics, and of its nodes.
    fn add_links<'py>(
        &self,
        physics: PyReadonlyArray1<'py, u32>,
        pairs: PyReadonlyArray2<'py, u32>,
    ) -> PyResult<()> {
        let (physics, pairs) = (physics.as_array(), pairs.as_array());
        if pairs.ncols() != 2 || pairs.nrows() != physics.len() {
            let given = format!("shape ({}, {})", pairs.nrows(), pairs.ncols());
            return Err(translate(Error::parameter("pairs", given, "two nodes for each link", "")));
        }
        self.change(|network| {
            for (physics, pair) in physics.iter().zip(pairs.rows()) {
                network.add_link(*physics, [pair[0], pair[1]])?;
            }
            Ok(())
        })
    }

    /// Adds a station that links can share; returns its number.
    fn add_station(&self, tree: &Bound<'_, PyAny>) -> PyResult<u32> {
        let params = params::tree(tree)?.read::<HubStationParams>().map_err(translate)?;
        self.change(|network| network.add_station(params))
    }

    /// Adds a switch that links can pass; returns its number.
    fn add_switch(&self, tree: &Bound<'_, PyAny>) -> PyResult<u32> {
        let params = params::tree(tree)?.read::<HubSwitchParams>().map_err(translate)?;
        self.change(|network| network.add_switch(params))
    }

    /// Lets links share a station, which they reach through a switch or directly.
    fn share(&self, links: Vec<u32>, station: u32, switch: Option<u32>) -> PyResult<()> {
        self.change(|network| links.iter().try_for_each(|link| network.share(*link, station, switch)))
    }

    /// Adds a demand; returns its number.
    fn add_demand(&self, tree: &Bound<'_, PyAny>) -> PyResult<u32> {
        let params = params::tree(tree)?.read::<DemandParams>().map_err(translate)?;
        self.change(|network| network.add_demand(params))
    }

    /// Lets every link work for itself, or all for the demands.
    fn saturate(&self, links: bool) -> PyResult<()> {
        let saturation = if links { Saturation::Links } else { Saturation::Demands };
        self.change(|network| {
            network.saturate(saturation);
            Ok(())
        })
    }

    /// Number of a node; `path` names the parameter that is refused where there is none.
    fn node(&self, name: &str, path: &str) -> PyResult<u32> {
        self.now().node(name).map_err(|error| translate(error.within(path)))
    }

    /// Numbers of the nodes on the way of a demand.
    fn route(&self, py: Python<'_>, demand: u32) -> PyResult<Vec<u32>> {
        let network = self.now();
        py.detach(|| network.route(demand)).map_err(translate)
    }

    /// Refuses what `run` would refuse, and runs nothing.
    #[pyo3(signature = (*, duration_s, policy, repetitions))]
    fn check(
        &self,
        py: Python<'_>,
        duration_s: f64,
        policy: &Bound<'_, PyAny>,
        repetitions: u64,
    ) -> PyResult<()> {
        let plan = NetworkPlan {
            policy: params::tree(policy)?.read().map_err(|error| translate(error.within("policy")))?,
            level: RecordLevel::Summary,
            repetitions,
            ..NetworkPlan::new(Key([0; 2]), duration_s)
        };
        let network = self.now();
        py.detach(|| network.check(&plan)).map_err(translate)
    }

    /// What makes it again, for pickles.
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyDict>,))> {
        Ok((py.get_type::<Self>().getattr("of_parts")?, (parts_dict(py, self.now().parts())?,)))
    }

    /// The network of the parts that a pickle holds.
    #[staticmethod]
    fn of_parts(py: Python<'_>, parts: &Bound<'_, PyDict>) -> PyResult<Self> {
        let parts = parts_of(parts)?;
        let network = py.detach(|| Network::of_parts(parts)).map_err(translate)?;
        Ok(Self { network: RwLock::new(Arc::new(network)) })
    }

    /// Runs the network; returns the run and what ended it early, if anything did.
    #[pyo3(signature = (*, key, duration_s, policy, record, states, repetitions, threads, observer, rules))]
    fn run(
        &self,
        py: Python<'_>,
        key: (u64, u64),
        duration_s: f64,
        policy: &Bound<'_, PyAny>,
        record: &str,
        states: &str,
        repetitions: u64,
        threads: usize,
        observer: Option<Py<PyAny>>,
        rules: Functions,
    ) -> PyResult<(PyNetworkRun, Option<Py<PyAny>>)> {
        let level = named(
            "record",
            record,
            [
                ("summary", RecordLevel::Summary),
                ("deliveries", RecordLevel::Deliveries),
                ("trace", RecordLevel::Trace),
            ],
        )?;
        let states =
            named("states", states, [("sampled", StateChoice::Sampled), ("mean", StateChoice::Mean)])?;
        let mut plan = NetworkPlan {
            key: Key([key.0, key.1]),
            duration_s,
            policy: params::tree(policy)?.read().map_err(|error| translate(error.within("policy")))?,
            level,
            states,
            repetitions,
            threads,
            memory_bytes: u64::MAX,
        };
        let total_s = duration_s * repetitions as f64;
        let network = self.now();
        if level > RecordLevel::Summary && network.most_bytes(&plan) > SMALL_BYTES as f64 {
            plan.memory_bytes = available_bytes();
        }
        let mut ended = None;
        let own = OwnRules::new(rules);
        let run = py.detach(|| {
            network.run_by(&plan, own.is_any().then_some(&own as &dyn Rules), &mut |done_s| {
                let looked = Python::attach(|py| {
                    py.check_signals()?;
                    observer
                        .as_ref()
                        .map_or(Ok(()), |observer| observer.call1(py, (done_s, total_s)).map(drop))
                });
                looked.map_err(|error| ended = Some(error)).is_ok()
            })
        });
        if let Some(raised) = own.raised() {
            // what the core makes of a question without an answer is not the reason
            if run.is_err() {
                return Err(raised);
            }
            ended.get_or_insert(raised);
        }
        let run = run.map_err(translate)?;
        // what was delivered is not to be lost
        if let Err(error) = py.check_signals() {
            ended.get_or_insert(error);
        }
        Ok((PyNetworkRun { network, run }, ended.map(|error| error.into_value(py).into_any())))
    }
}

fn named<T: Copy, const N: usize>(path: &str, name: &str, choices: [(&str, T); N]) -> PyResult<T> {
    choices.iter().find(|choice| choice.0 == name).map(|choice| choice.1).ok_or_else(|| {
        let names = choices.map(|choice| format!("\"{}\"", choice.0)).join(", ");
        translate(Error::parameter(path, format!("{name:?}"), format!("one of {names}"), ""))
    })
}

/// What a run of a network wrote down.
#[pyclass(name = "NetworkRun", module = "ionlink._core")]
#[derive(Debug)]
pub(crate) struct PyNetworkRun {
    network: Arc<Network>,
    run: NetworkRun,
}

/// What makes a run again: a function, and what it is called with.
type MadeAgain<'py> = (Bound<'py, PyAny>, (PyNetwork, Bound<'py, PyBytes>));

/// Seconds in the place of picoseconds.
fn seconds(times_ps: Vec<u64>) -> Vec<f64> {
    times_ps.into_iter().map(|time_ps| time_ps as f64 / 1e12).collect()
}

#[pymethods]
impl PyNetworkRun {
    /// What makes it again, for pickles. What was handed over before is not part of it.
    fn __reduce__<'py>(&mut self, py: Python<'py>) -> PyResult<MadeAgain<'py>> {
        let bytes = py.detach(|| {
            self.run.complete();
            self.run.to_bytes()
        });
        let network = PyNetwork { network: RwLock::new(Arc::clone(&self.network)) };
        Ok((py.get_type::<Self>().getattr("of_bytes")?, (network, PyBytes::new(py, &bytes))))
    }

    /// The run of a network that a pickle holds.
    #[staticmethod]
    fn of_bytes(network: &PyNetwork, content: &[u8]) -> PyResult<Self> {
        Ok(Self { network: network.now(), run: NetworkRun::from_bytes(content).map_err(translate)? })
    }

    /// Whether it was ended before its time.
    #[getter]
    fn interrupted(&self) -> bool {
        self.run.interrupted
    }

    /// Time simulated, summed over repetitions (s).
    #[getter]
    fn duration_s(&self) -> f64 {
        self.run.duration_s
    }

    /// Number of deliveries up to the end of each repetition.
    #[getter]
    fn ends(&self) -> Vec<usize> {
        self.run.ends.clone()
    }

    /// Number of entries of the trace up to the end of each repetition.
    #[getter]
    fn trace_ends(&self) -> Vec<usize> {
        self.run.trace_ends.clone()
    }

    /// Columns of the deliveries. They are handed over: a second call finds all but the demands empty.
    fn take_deliveries<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        py.detach(|| self.run.complete());
        let Deliveries { demand, time_ps, latency_ps, fidelity, hops, raw_pairs, pair, .. } =
            &mut self.run.record.deliveries;
        let result = PyDict::new(py);
        // states are found by it
        result.set_item("demand", arrays::vector(py, demand.clone()))?;
        result.set_item("time_s", arrays::vector(py, seconds(std::mem::take(time_ps))))?;
        result.set_item("latency_s", arrays::vector(py, seconds(std::mem::take(latency_ps))))?;
        result.set_item("fidelity", arrays::vector(py, std::mem::take(fidelity)))?;
        result.set_item("hops", arrays::vector(py, std::mem::take(hops)))?;
        result.set_item("raw_pairs", arrays::vector(py, std::mem::take(raw_pairs)))?;
        result.set_item("pair", arrays::vector(py, std::mem::take(pair)))?;
        Ok(result)
    }

    /// Columns of the trace, handed over.
    fn take_trace<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let Trace { time_ps, event, subject, pair, parts, fidelity } =
            std::mem::take(&mut self.run.record.trace);
        let result = PyDict::new(py);
        result.set_item("time_s", arrays::vector(py, seconds(time_ps)))?;
        result.set_item("event", arrays::vector(py, event))?;
        result.set_item("subject", arrays::vector(py, subject))?;
        result.set_item("pair", arrays::vector(py, pair))?;
        result.set_item("parts", arrays::rows(py, parts)?)?;
        result.set_item("fidelity", arrays::vector(py, fidelity))?;
        Ok(result)
    }

    /// Sums over deliveries, and counts.
    fn summary<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let record = &self.run.record;
        let result = PyDict::new(py);
        let count: Vec<u64> = record.totals.iter().map(|totals| totals.count).collect();
        let moments = |of: fn(&ionlink_core::network::Totals) -> [f64; 2]| -> Vec<[f64; 2]> {
            record.totals.iter().map(of).collect()
        };
        result.set_item("count", arrays::vector(py, count))?;
        result.set_item("latency_s", arrays::rows(py, moments(|totals| totals.latency_s))?)?;
        result.set_item("fidelity", arrays::rows(py, moments(|totals| totals.fidelity))?)?;
        let sums: Vec<State> = record.sums.iter().map(ionlink_core::state::Correlations::state).collect();
        result.set_item("rho", arrays::states(py, sums)?)?;
        result.set_item("latencies", arrays::vector(py, record.latencies.clone()))?;
        result.set_item("attempts", arrays::vector(py, record.attempts.clone()))?;
        result.set_item("attempting_s", arrays::vector(py, seconds(record.attempting_ps.clone())))?;
        result.set_item("taken_s", arrays::vector(py, seconds(record.taken_ps.clone())))?;
        result.set_item("analyzing_s", arrays::vector(py, seconds(record.analyzing_ps.clone())))?;
        result.set_item("stored_s", arrays::vector(py, seconds(record.stored_ps.clone())))?;
        result.set_item("requests", arrays::rows(py, record.requests.clone())?)?;
        let Fates { made, heralded, delivered, used, expired, rejected, stored } = record.fates;
        let fates = PyDict::new(py);
        for (name, count) in [
            ("made", made),
            ("heralded", heralded),
            ("delivered", delivered),
            ("used", used),
            ("expired", expired),
            ("rejected", rejected),
            ("stored", stored),
        ] {
            fates.set_item(name, count)?;
        }
        result.set_item("fates", fates)?;
        Ok(result)
    }

    /// States of delivered pairs: complex128 (n, 4, 4).
    fn states<'py>(
        &mut self,
        py: Python<'py>,
        start: usize,
        stop: usize,
    ) -> PyResult<Bound<'py, PyArray3<Complex64>>> {
        let states = py
            .detach(|| {
                self.run.complete();
                self.network.states(&self.run, start..stop)
            })
            .map_err(translate)?;
        arrays::states(py, states)
    }

    /// Sum of the states of those deliveries whose demand is flagged: complex128 (4, 4).
    fn summed_states<'py>(
        &mut self,
        py: Python<'py>,
        flagged: PyReadonlyArray1<'py, bool>,
    ) -> PyResult<Bound<'py, PyArray2<Complex64>>> {
        let flagged = flagged.as_array().to_vec();
        py.detach(|| self.run.complete());
        let mut sum: State = [[Complex64::ZERO; 4]; 4];
        let demands = &self.run.record.deliveries.demand;
        for (part, demands) in demands.chunks(PART).enumerate() {
            py.check_signals()?;
            let start = part * PART;
            let states = py
                .detach(|| self.network.states(&self.run, start..start + demands.len()))
                .map_err(translate)?;
            for (state, demand) in states.iter().zip(demands) {
                if flagged.get(*demand as usize).copied().unwrap_or(false) {
                    for (row, added) in sum.iter_mut().zip(state) {
                        row.iter_mut().zip(added).for_each(|(element, added)| *element += added);
                    }
                }
            }
        }
        arrays::state(py, &sum)
    }
}

/// Deliveries whose states are found at once.
const PART: usize = 1 << 14;

/// Names of what happens in a network, in the order of their numbers in traces.
#[pyfunction]
pub(crate) fn network_events() -> Vec<&'static str> {
    Happening::NAMES.to_vec()
}

/// What a network file says, checked but for the models, which come as they stand there.
#[pyfunction]
pub(crate) fn network_file(py: Python<'_>, text: &str) -> PyResult<Py<PyAny>> {
    let (file, models) = NetworkFile::read(text).map_err(translate)?;
    let mut tree = Tree::from_params(&file).map_err(translate)?;
    let Node::Map(entries) = &mut tree.node else { return Err(internal("a network file is no table")) };
    entries.push(ionlink_core::tree::Entry::new("models", Node::Map(models)));
    params::value(py, &tree)
}

/// Loss of each photon on its whole way through a switch (dB).
#[pyfunction]
pub(crate) fn switch_loss_db(tree: &Bound<'_, PyAny>) -> PyResult<f64> {
    let params = params::tree(tree)?.read::<HubSwitchParams>().map_err(translate)?;
    Ok(params.passage_loss_db())
}

/// A tree of plain values as the text of a file.
#[pyfunction]
pub(crate) fn toml_text(tree: &Bound<'_, PyAny>) -> PyResult<String> {
    params::tree(tree)?.to_toml().map_err(translate)
}

/// Parts of a network as plain values.
fn parts_dict(py: Python<'_>, parts: NetworkParts) -> PyResult<Bound<'_, PyDict>> {
    let physics: Vec<PyLink> = parts.physics.into_iter().map(PyLink::of).collect();
    let (of_links, pairs): (Vec<u32>, Vec<[u32; 2]>) = parts.links.into_iter().unzip();
    let result = PyDict::new(py);
    result.set_item("tables", params::value(py, &Tree::from_params(&parts.tables).map_err(translate)?)?)?;
    result.set_item("physics", physics)?;
    result.set_item("of_links", arrays::vector(py, of_links))?;
    result.set_item("pairs", arrays::rows(py, pairs)?)?;
    result.set_item("shared", parts.shared)?;
    result.set_item("saturated", parts.saturated)?;
    Ok(result)
}

/// Inverse of `parts_dict`.
fn parts_of(parts: &Bound<'_, PyDict>) -> PyResult<NetworkParts> {
    let item = |name: &str| parts.as_any().get_item(name);
    let mut physics = vec![];
    for link in item("physics")?.try_iter()? {
        physics.push(link?.extract::<PyRef<'_, PyLink>>()?.shared());
    }
    let of_links: PyReadonlyArray1<'_, u32> = item("of_links")?.extract()?;
    let pairs: PyReadonlyArray2<'_, u32> = item("pairs")?.extract()?;
    let (of_links, pairs) = (of_links.as_array(), pairs.as_array());
    let links = of_links.iter().zip(pairs.rows()).map(|(link, pair)| (*link, [pair[0], pair[1]]));
    Ok(NetworkParts {
        tables: params::tree(&item("tables")?)?.read().map_err(translate)?,
        physics,
        links: links.collect(),
        shared: item("shared")?.extract()?,
        saturated: item("saturated")?.extract()?,
    })
}
