//! Rules of one's own that are Python functions.

use crate::errors::translate;
use ionlink_core::Error;
use ionlink_core::network::{Asked, Candidate, CandidateRoute, Distilling, Rules, WaitingPair};
use pyo3::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

type Function = Option<Py<PyAny>>;

/// The functions in the order of [`Asked`].
pub(crate) type Functions = (Function, Function, Function, Function, Function);

/// Rules that are Python functions. What they raise ends the run.
pub(crate) struct OwnRules {
    next_link: Function,
    swap_pair: Function,
    distill_pair: Function,
    cutoff_s: Function,
    route: Function,
    raised: Mutex<Option<PyErr>>,
    has_raised: AtomicBool,
}

/// A pair as Python sees it.
fn row(pair: &WaitingPair) -> (u64, u32, f64, u32, u32) {
    (pair.pair, pair.other_end, pair.oldest_s, pair.heralds, pair.rounds)
}

fn refused(question: &str, answer: &Bound<'_, PyAny>, domain: String) -> PyErr {
    let given = answer.repr().map_or_else(|_| "something".to_owned(), |text| text.to_string());
    translate(Error::parameter(format!("rules.{question}"), given, domain, ""))
}

/// What a function answered, if it is of that kind or None; whether there is such a place the core says.
fn read<'py, T: FromPyObjectOwned<'py>>(
    question: &str,
    answer: &Bound<'py, PyAny>,
    domain: impl FnOnce() -> String,
) -> PyResult<Option<T>> {
    answer.extract::<Option<T>>().map_err(|_| refused(question, answer, domain()))
}

fn place(question: &str, answer: &Bound<'_, PyAny>, count: usize) -> PyResult<Option<usize>> {
    read(question, answer, || format!("None, or a place among {count}, counted from 0"))
}

impl OwnRules {
    pub(crate) fn new((next_link, swap_pair, distill_pair, cutoff_s, route): Functions) -> Self {
        Self {
            next_link,
            swap_pair,
            distill_pair,
            cutoff_s,
            route,
            raised: Mutex::new(None),
            has_raised: AtomicBool::new(false),
        }
    }

    /// Whether any question is asked.
    pub(crate) fn is_any(&self) -> bool {
        self.asked() != Asked::default()
    }

    /// What one of the functions raised.
    pub(crate) fn raised(self) -> Option<PyErr> {
        self.raised.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer<T>(&self, ask: impl FnOnce(Python<'_>) -> PyResult<Option<T>>) -> Option<T> {
        if self.ends() {
            return None;
        }
        Python::attach(ask).unwrap_or_else(|error| {
            // of several threads the first one's
            self.raised.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            self.has_raised.store(true, Ordering::Release);
            None
        })
    }
}

impl Rules for OwnRules {
    fn asked(&self) -> Asked {
        Asked {
            next_link: self.next_link.is_some(),
            swap_pair: self.swap_pair.is_some(),
            distill_pair: self.distill_pair.is_some(),
            cutoff_s: self.cutoff_s.is_some(),
            route: self.route.is_some(),
        }
    }

    fn ends(&self) -> bool {
        self.has_raised.load(Ordering::Acquire)
    }

    fn next_link(&self, now_s: f64, station: u32, waiting: &[Candidate]) -> Option<usize> {
        let function = self.next_link.as_ref()?;
        let rows: Vec<_> = waiting
            .iter()
            .map(|link| (link.link, (link.nodes[0], link.nodes[1]), link.since_s, link.requests))
            .collect();
        self.answer(|py| {
            place("next_link", function.call1(py, (now_s, station, rows))?.bind(py), waiting.len())
        })
    }

    fn swap_pair(&self, now_s: f64, node: u32, left: bool, waiting: &[WaitingPair]) -> Option<usize> {
        let function = self.swap_pair.as_ref()?;
        let rows: Vec<_> = waiting.iter().map(row).collect();
        self.answer(|py| {
            place("swap_pair", function.call1(py, (now_s, node, left, rows))?.bind(py), waiting.len())
        })
    }

    fn distill_pair(&self, now_s: f64, nodes: [u32; 2], waiting: &[WaitingPair]) -> Option<Distilling> {
        let function = self.distill_pair.as_ref()?;
        let (rows, count): (Vec<_>, _) = (waiting.iter().map(row).collect(), waiting.len());
        self.answer(|py| {
            let answer = function.call1(py, (now_s, (nodes[0], nodes[1]), rows))?;
            let answer = answer.bind(py);
            if let Ok((kept, spent)) = answer.extract() {
                return Ok(Some(Distilling::Two(kept, spent)));
            }
            let domain = || format!("None, a place among {count}, counted from 0, or two different ones");
            Ok(read("distill_pair", answer, domain)?.map(Distilling::Use))
        })
    }

    fn cutoff_s(&self, now_s: f64, nodes: [u32; 2], pair: &WaitingPair) -> Option<f64> {
        let function = self.cutoff_s.as_ref()?;
        self.answer(|py| {
            let answer = function.call1(py, (now_s, (nodes[0], nodes[1]), row(pair)))?;
            read("cutoff_s", answer.bind(py), || "None, or finite and at least 0 (s)".to_owned())
        })
    }

    fn route(&self, demand: u32, ways: &[CandidateRoute]) -> Option<usize> {
        let function = self.route.as_ref()?;
        let rows: Vec<_> = ways.iter().map(|way| (way.nodes.clone(), way.time_s, way.fidelity)).collect();
        self.answer(|py| place("route", function.call1(py, (demand, rows))?.bind(py), ways.len()))
    }
}
