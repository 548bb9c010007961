//! Networks against exact formulas (tests/data/formulas.json), closed forms derived beside each test, and plain
//! bookkeeping.
//!
//! Every statistical comparison is at four standard deviations, so that a fresh seed fails with probability 6.3e-5, and
//! comes with a negative control: a wrong expectation that the same numbers must refuse at eight.

#![expect(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod books;
mod common;
mod cutoffs;
mod messages;
mod pairs;
mod requests;
mod roads;
mod sharing;
mod times;
mod waiting;
