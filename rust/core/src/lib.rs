//! Monte-Carlo kernel for photonically interconnected trapped-ion quantum computers.
//!
//! Photons entangled with an ion in each of two machines are collected, sent through fiber, interfered and detected;
//! the right clicks herald entanglement between the ions. This crate computes what such a link does, from emission to
//! the heralded two-ion state: [`Link::exact`] without random numbers, and [`Link::sample`] by Monte Carlo. Of its three
//! engines `photon` and `click` share no probability of a herald with `exact`; `herald`, the fast one, takes its
//! probabilities from there and is tested against both.
//!
//! The modules follow the photon: [`emission`], [`motion`], [`collection`], [`channel`], [`interference`], [`detection`],
//! [`herald`], [`memory`], [`gates`]; [`link`] puts them together. A module uses the toolbox ([`error`], [`math`], [`stream`],
//! [`state`], [`estimate`], [`tree`], [`atoms`], [`catalog`]) and the modules before it, never one after it.
//!
//! SI units everywhere; the name of a dimensional quantity ends in its unit.

pub mod atoms;
pub mod catalog;
pub mod channel;
mod check;
pub mod collection;
pub mod constants;
pub mod detection;
pub mod emission;
pub mod encoding;
pub mod error;
pub mod estimate;
pub mod gates;
pub mod herald;
pub mod interference;
pub mod link;
pub mod math;
pub mod memory;
pub mod motion;
pub mod network;
mod pages;
pub mod presets;
pub mod simd;
pub mod state;
pub mod stream;
pub mod tree;

pub(crate) use tree::kinds;

pub use error::{Error, Position, Result, STREAM_INSTEAD};
pub use estimate::Estimate;
pub use herald::{Cause, Pattern};
pub use link::Link;
pub use link::basic::BasicLinkParams;
pub use link::budget::{Contribution, ErrorBudget};
pub use link::clock::Clock;
pub use link::exact::{Exact, Outcome, PatternOutcome};
pub use link::params::LinkParams;
pub use link::record::{Coincidences, Given, Heralds, Records};
pub use link::run::{Ended, EngineChoice, Plan, Precision, Progress, Run, Stop};
pub use link::sampler::{Herald, Sampler};
pub use link::states::FidelityMean;
pub use link::tags::{ClickStream, TAG_KINDS, TimeTags};
pub use network::Network;
pub use state::{BellState, Pauli, State};
pub use stream::Key;
