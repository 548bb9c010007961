//! Vectors that become NumPy arrays without a copy.

use ionlink_core::State;
use numpy::{Complex64, Element, IntoPyArray, PyArray1, PyArray2, PyArray3, PyArrayMethods};
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

/// (n, N)
pub(crate) fn rows<T: Element, const N: usize>(
    py: Python<'_>,
    rows: Vec<[T; N]>,
) -> PyResult<Bound<'_, PyArray2<T>>> {
    let shape = [rows.len(), N];
    rows.into_flattened().into_pyarray(py).reshape(shape)
}

/// (n,)
pub(crate) fn vector<T: Element>(py: Python<'_>, values: Vec<T>) -> Bound<'_, PyArray1<T>> {
    values.into_pyarray(py)
}
