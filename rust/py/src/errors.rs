//! Errors of the core as exceptions of `ionlink.errors`.

use ionlink_core::{Error, Position, STREAM_INSTEAD};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// The exception that stands for an error of the core. One arm per kind, no wildcard: a new kind needs its own.
pub(crate) fn translate(error: Error) -> PyErr {
    Python::attach(|py| exception(py, error).unwrap_or_else(|failure| failure))
}

fn exception(py: Python<'_>, error: Error) -> PyResult<PyErr> {
    let message = error.to_string();
    let details = PyDict::new(py);
    if let Some(Position { line, column }) = error.position() {
        details.set_item("line", line)?;
        details.set_item("column", column)?;
    }
    let class = match error {
        Error::Parameter { path, value, domain, unit, position: _ } => {
            details.set_item("path", path)?;
            details.set_item("value", value)?;
            details.set_item("domain", domain)?;
            details.set_item("unit", unit)?;
            "ParameterError"
        }
        Error::UnknownField { path, suggestion, expected, position: _ } => {
            details.set_item("path", path)?;
            details.set_item("suggestion", suggestion)?;
            details.set_item("domain", expected.join(", "))?;
            "ParameterError"
        }
        Error::MissingField { path, position: _ } => {
            details.set_item("path", path)?;
            "ParameterError"
        }
        Error::Syntax { message: _, position: _ } => "ParameterError",
        Error::Model { parameter, message: _ } => {
            details.set_item("path", parameter)?;
            "ModelError"
        }
        Error::Size { needed_bytes, available_bytes, instead: _ } => {
            details.set_item("needed_bytes", needed_bytes)?;
            details.set_item("available_bytes", available_bytes)?;
            "SizeError"
        }
    };
    let class = py.import("ionlink.errors")?.getattr(class)?;
    Ok(PyErr::from_value(class.call((message,), Some(&details))?))
}

/// One error of each kind, so that a test can raise them all.
pub(crate) fn example(kind: &str) -> Option<Error> {
    let position = Some(Position { line: 3, column: 7 });
    match kind {
        "parameter" => Some(Error::parameter("station.transmission", 1.5, "in [0, 1]", "").at(position)),
        "unknown_field" => Some(Error::UnknownField {
            path: "station.transmision".into(),
            suggestion: Some("transmission".into()),
            expected: vec!["transmission".into()],
            position,
        }),
        "missing_field" => Some(Error::MissingField { path: "station".into(), position }),
        "syntax" => Some(Error::Syntax { message: "unclosed table".into(), position }),
        "model" => {
            Some(Error::Model { parameter: "heralds".into(), message: "the link never heralds".into() })
        }
        "size" => {
            Some(Error::Size { needed_bytes: 1 << 40, available_bytes: 1 << 30, instead: STREAM_INSTEAD })
        }
        _ => None,
    }
}

/// A failure that no input explains.
pub(crate) fn internal(message: &str) -> PyErr {
    PyRuntimeError::new_err(format!("{message}; please report this with the parameters that led here"))
}
