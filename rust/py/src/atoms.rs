//! Atomic data and the catalog of optics across the border.

use crate::errors::translate;
use crate::params;
use ionlink_core::tree::Tree;
use ionlink_core::{Result, atoms, catalog};
use pyo3::prelude::*;

fn dict(py: Python<'_>, figures: Result<Tree>) -> PyResult<Py<PyAny>> {
    params::value(py, &figures.map_err(translate)?)
}

/// Labels of the ions.
#[pyfunction]
pub(crate) fn atom_ions() -> PyResult<Vec<&'static str>> {
    atoms::ions().map_err(translate)
}

/// Everything known of one ion.
#[pyfunction]
pub(crate) fn atom_data(py: Python<'_>, ion: &str) -> PyResult<Py<PyAny>> {
    params::value(py, atoms::data(ion).map_err(translate)?)
}

/// One line of an ion; figures without an uncertainty lack its key.
#[pyfunction]
pub(crate) fn atom_line(py: Python<'_>, ion: &str, line: &str) -> PyResult<Py<PyAny>> {
    dict(py, atoms::line(ion, line).and_then(|line| Tree::from_params(&line)))
}

/// All lines of an ion.
#[pyfunction]
pub(crate) fn atom_lines(py: Python<'_>, ion: &str) -> PyResult<Vec<Py<PyAny>>> {
    atoms::lines(ion).map_err(translate)?.iter().map(|line| dict(py, Tree::from_params(line))).collect()
}

/// All fibers, converters and detectors, figures beside their sources.
#[pyfunction]
pub(crate) fn catalog_table(py: Python<'_>) -> PyResult<Py<PyAny>> {
    params::value(py, catalog::table().map_err(translate)?)
}

/// What a link needs of a fiber at a wavelength.
#[pyfunction]
pub(crate) fn catalog_fiber(py: Python<'_>, name: &str, wavelength_nm: f64) -> PyResult<Py<PyAny>> {
    dict(py, catalog::fiber(name, wavelength_nm).and_then(|fiber| Tree::from_params(&fiber)))
}

/// What a link needs of a detector.
#[pyfunction]
pub(crate) fn catalog_detector(py: Python<'_>, label: &str) -> PyResult<Py<PyAny>> {
    dict(py, catalog::detector_data(label).and_then(|detector| Tree::from_params(&detector)))
}
