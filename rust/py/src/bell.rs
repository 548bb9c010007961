//! Operations on stored pairs, many at a time.

use crate::arrays;
use crate::errors::internal;
use ionlink_core::State;
use ionlink_core::state::{Correlations, OperationNoise};
use numpy::{Complex64, PyArray1, PyArray3, PyReadonlyArray3};
use pyo3::prelude::*;

/// States, and the probability of each.
type Distilled<'py> = (Bound<'py, PyArray3<Complex64>>, Bound<'py, PyArray1<f64>>);

/// Correlations of the states in an array (n, 4, 4).
fn pairs(rho: &PyReadonlyArray3<'_, Complex64>) -> PyResult<Vec<Correlations>> {
    let rho = rho.as_array();
    if rho.shape()[1..] != [4, 4] {
        return Err(internal("states must have shape (n, 4, 4)"));
    }
    let state = |k: usize| -> State { std::array::from_fn(|i| std::array::from_fn(|j| rho[[k, i, j]])) };
    Ok((0..rho.shape()[0]).map(|k| Correlations::of(&state(k))).collect())
}

/// Each pair of the first list with its partner of the second; a list of one is partner to all.
fn partners<T>(
    first: &[Correlations],
    second: &[Correlations],
    operation: impl Fn(&Correlations, &Correlations) -> T,
) -> PyResult<Vec<T>> {
    match (first, second) {
        ([one], many) => Ok(many.iter().map(|other| operation(one, other)).collect()),
        (many, [one]) => Ok(many.iter().map(|pair| operation(pair, one)).collect()),
        _ if first.len() == second.len() => {
            Ok(first.iter().zip(second).map(|(pair, other)| operation(pair, other)).collect())
        }
        _ => Err(internal("both arrays must hold as many states, or one of them a single one")),
    }
}

/// Entanglement swapping: complex128 (n, 4, 4).
#[pyfunction]
pub(crate) fn bell_swap<'py>(
    py: Python<'py>,
    rho_1: PyReadonlyArray3<'py, Complex64>,
    rho_2: PyReadonlyArray3<'py, Complex64>,
    gate_fidelity: f64,
    readout_error: f64,
) -> PyResult<Bound<'py, PyArray3<Complex64>>> {
    let (first, second) = (pairs(&rho_1)?, pairs(&rho_2)?);
    let noise = OperationNoise::new(gate_fidelity, readout_error);
    let swapped = py.detach(|| partners(&first, &second, |a, b| a.swapped(b, noise).state()))?;
    arrays::states(py, swapped)
}

/// Distillation by BBPSSW: complex128 (n, 4, 4) and float64 (n,).
#[pyfunction]
pub(crate) fn bell_bbpssw<'py>(
    py: Python<'py>,
    rho_1: PyReadonlyArray3<'py, Complex64>,
    rho_2: PyReadonlyArray3<'py, Complex64>,
    gate_fidelity: f64,
    readout_error: f64,
) -> PyResult<Distilled<'py>> {
    let noise = OperationNoise::new(gate_fidelity, readout_error);
    distilled(py, &rho_1, &rho_2, |a, b| a.bbpssw(b, [noise; 2]))
}

/// Distillation by DEJMPS: complex128 (n, 4, 4) and float64 (n,).
#[pyfunction]
pub(crate) fn bell_dejmps<'py>(
    py: Python<'py>,
    rho_1: PyReadonlyArray3<'py, Complex64>,
    rho_2: PyReadonlyArray3<'py, Complex64>,
    gate_fidelity: f64,
    readout_error: f64,
) -> PyResult<Distilled<'py>> {
    let noise = OperationNoise::new(gate_fidelity, readout_error);
    distilled(py, &rho_1, &rho_2, |a, b| a.dejmps(b, [noise; 2]))
}

fn distilled<'py>(
    py: Python<'py>,
    rho_1: &PyReadonlyArray3<'py, Complex64>,
    rho_2: &PyReadonlyArray3<'py, Complex64>,
    protocol: impl Fn(&Correlations, &Correlations) -> (Correlations, f64) + Send + Sync,
) -> PyResult<Distilled<'py>> {
    let (first, second) = (pairs(rho_1)?, pairs(rho_2)?);
    let kept = py.detach(|| {
        partners(&first, &second, |a, b| {
            let (pair, probability) = protocol(a, b);
            (pair.state(), probability)
        })
    })?;
    let (states, probabilities): (Vec<State>, Vec<f64>) = kept.into_iter().unzip();
    Ok((arrays::states(py, states)?, arrays::vector(py, probabilities)))
}
