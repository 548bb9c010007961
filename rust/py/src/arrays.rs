//! Vectors that become NumPy arrays without a copy.

use ionlink_core::State;
use numpy::{Complex64, IntoPyArray, PyArray1, PyArray2, PyArray3, PyArrayMethods};
use pyo3::prelude::*;

/// (n, 4, 4)
pub(crate) fn states(py: Python<'_>, states: Vec<State>) -> PyResult<Bound<'_, PyArray3<Complex64>>> {
    let shape = [states.len(), 4, 4];
    states.into_flattened().into_flattened().into_pyarray(py).reshape(shape)
}

/// (4, 4)
pub(crate) fn state<'py>(py: Python<'py>, state: &State) -> PyResult<Bound<'py, PyArray2<Complex64>>> {
    state.as_flattened().to_vec().into_pyarray(py).reshape([4, 4])
}

/// (n, 2)
pub(crate) fn pairs(py: Python<'_>, pairs: Vec<[f64; 2]>) -> PyResult<Bound<'_, PyArray2<f64>>> {
    let shape = [pairs.len(), 2];
    pairs.into_flattened().into_pyarray(py).reshape(shape)
}

/// (n,)
pub(crate) fn vector<T: numpy::Element>(py: Python<'_>, values: Vec<T>) -> Bound<'_, PyArray1<T>> {
    values.into_pyarray(py)
}
