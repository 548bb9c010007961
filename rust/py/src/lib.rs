//! The border between the core and Python: it converts, detaches from the interpreter, polls signals and renames
//! errors. It holds no physics.
#![expect(clippy::needless_pass_by_value, reason = "PyO3 hands arguments over by value")]
#![expect(clippy::too_many_arguments, reason = "keyword arguments of Python functions")]

mod arrays;
mod arrow;
mod atoms;
mod bell;
mod clicks;
mod columns;
mod errors;
mod link;
mod network;
mod params;
mod rules;

use pyo3::prelude::*;

/// Binary part of ionlink.
#[pymodule]
mod _core {
    use super::{errors, params};
    use ionlink_core::{BellState, Cause, Estimate, estimate};
    use pyo3::prelude::*;
    use pyo3::types::PyTuple;

    #[pymodule_export]
    use super::atoms::{
        atom_data, atom_ions, atom_line, atom_lines, catalog_detector, catalog_fiber, catalog_table,
    };
    #[pymodule_export]
    use super::bell::{bell_bbpssw, bell_dejmps, bell_swap};
    #[pymodule_export]
    use super::clicks::PyClickStream;
    #[pymodule_export]
    use super::link::{PyLink, PySampler};
    #[pymodule_export]
    use super::network::{PyNetwork, PyNetworkRun, network_events, network_file, switch_loss_db, toml_text};
    #[pymodule_export]
    use super::params::{check, fields, preset_names, preset_text};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let py = module.py();
        // the first array loads NumPy's interface, which must not happen while an interrupt is pending
        drop(numpy::PyArray1::<u8>::zeros(py, 0, false));
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        module.add("STREAM_VERSION", ionlink_core::stream::STREAM_VERSION)?;
        module.add("BELL_STATES", PyTuple::new(py, BellState::ALL.map(BellState::name))?)?;
        module.add("CAUSES", PyTuple::new(py, Cause::ALL.map(Cause::name))?)?;
        module.add("TAG_KINDS", PyTuple::new(py, ionlink_core::TAG_KINDS)?)
    }

    /// Key of an integer seed, as NumPy's SeedSequence(entropy).generate_state(2, uint64).
    #[pyfunction]
    fn seed_key(entropy: &Bound<'_, PyAny>) -> PyResult<(u64, u64)> {
        let words = params::entropy_words(entropy)?;
        let ionlink_core::Key([low, high]) = ionlink_core::Key::from_entropy(&words);
        Ok((low, high))
    }

    /// Random words that seed part `index` of a block.
    #[pyfunction]
    fn block_words(key: (u64, u64), engine: u64, block: u64, index: u64) -> [u64; 4] {
        let key = ionlink_core::Key([key.0, key.1]);
        ionlink_core::stream::BlockKey { key, engine, block }.words(index)
    }

    /// An estimate in the shorthand of physics, such as 0.9403(5).
    #[pyfunction]
    fn format_estimate(value: f64, low: f64, high: f64) -> String {
        Estimate { value, low, high }.to_string()
    }

    /// Success probability after a fixed number of trials with its 95 % interval: value, low, high.
    #[pyfunction]
    fn proportion(successes: u64, trials: u64) -> (f64, f64, f64) {
        let Estimate { value, low, high } = estimate::binomial(successes, trials);
        (value, low, high)
    }

    /// Mean of numbers in [0, 1] with its 95 % interval, from their sum and their sum of squares about the mean.
    #[pyfunction]
    fn bounded_mean(count: u64, total: f64, squares_about_mean: f64) -> (f64, f64, f64) {
        let Estimate { value, low, high } = estimate::bounded_mean(count, total, squares_about_mean);
        (value, low, high)
    }

    /// Raises an error of the kind named, for tests of the translation.
    #[pyfunction]
    fn raise_kind(kind: &str) -> PyResult<()> {
        errors::example(kind).map_or(Ok(()), |error| Err(errors::translate(error)))
    }
}
