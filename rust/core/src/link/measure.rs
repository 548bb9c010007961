//! Measurement of the heralded ions, as a laboratory would see it.

use super::Link;
use super::record::{Given, Records};
use crate::error::{Error, Result};
use crate::state::{self, Pauli};
use crate::stream::{self, BlockKey, Key};

/// Number that enters the seeds of measurements, beside those of the engines.
const STREAM: u64 = 16;

impl Link {
    /// Measures one Pauli operator on each ion of each record: outcomes +1 and -1, readout errors included.
    ///
    /// Outcomes a, b have probability (1 + a ⟨A⟩ + b ⟨B⟩ + a b ⟨AB⟩)/4 in the state given cause and click times; +1 is
    /// read as |0> and -1 as |1>, each misread with the node's `readout_error` for it. They are a function of (attempt,
    /// operators, key) and the record alone, wherever it stands: measuring in parts gives the same outcomes.
    ///
    /// # Errors
    /// [`Error::Parameter`] for records that are not of this link.
    pub fn measure(
        &self,
        attempt: &[u64],
        records: Records<'_>,
        operators: [Pauli; 2],
        key: Key,
    ) -> Result<Vec<[i8; 2]>> {
        if attempt.len() != records.pattern.len() {
            let domain = format!("as long as pattern ({})", records.pattern.len());
            return Err(Error::parameter("attempt", format!("{} records", attempt.len()), domain, ""));
        }
        let records = Records { attempt, ..records };
        let [a, b] = operators;
        let part = 3 * a as u64 + b as u64;
        // the photon of an ion-photon link is read by the receiver, whose errors are in the state
        let readout =
            |node: usize| self.params.nodes.get(node).map_or(Ok([0.0; 2]), |node| node.errors.readout());
        let readout = [readout(0)?, readout(1)?];
        let kept = readout.map(|[zero, one]| 1.0 - (zero + one));
        // mean outcome shown by an ion whose own mean is zero
        let shown = readout.map(|[zero, one]| one - zero);
        let mut outcomes = Vec::with_capacity(attempt.len());
        self.each_state(records, Given::Cause, |index, rho| {
            let words = BlockKey { key, engine: STREAM, block: attempt[index] }.words(part);
            let [uniform_a, uniform_b, ..] = words.map(stream::uniform);
            let seen_a = kept[0] * state::expectation(rho, Some(a), None);
            let seen_b = kept[1] * state::expectation(rho, None, Some(b));
            let (single_a, single_b) = (seen_a + shown[0], seen_b + shown[1]);
            let both = kept[0] * kept[1] * state::expectation(rho, Some(a), Some(b))
                + (shown[0] * seen_b + shown[1] * seen_a + shown[0] * shown[1]);
            // first ion A, then ion B given A
            let outcome_a = if uniform_a < 0.5 * (1.0 + single_a) { 1.0 } else { -1.0 };
            let chance_b = 0.5 * (1.0 + (single_b + outcome_a * both) / (1.0 + outcome_a * single_a));
            let outcome_b = if uniform_b < chance_b { 1.0 } else { -1.0 };
            outcomes.push([outcome_a as i8, outcome_b as i8]);
        })?;
        Ok(outcomes)
    }
}

/// The two operators of a name such as `XX` or `ZY`, node A first.
///
/// # Errors
/// [`Error::Parameter`] for anything else.
pub fn operators_named(name: &str) -> Result<[Pauli; 2]> {
    let letters: Vec<char> = name.chars().collect();
    let pauli = |letter: char| match letter {
        'X' => Some(Pauli::X),
        'Y' => Some(Pauli::Y),
        'Z' => Some(Pauli::Z),
        _ => None,
    };
    match letters[..] {
        [first, second] => pauli(first).zip(pauli(second)).map(|(a, b)| [a, b]),
        _ => None,
    }
    .ok_or_else(|| {
        Error::parameter("basis", format!("{name:?}"), "two of the letters X, Y, Z, such as \"XX\"", "")
    })
}
