//! After the clicks: from the state that they leave the ions in to the state that users see.

use super::Link;
use super::params::LinkParams;
use crate::error::{Error, Result};
use crate::math;
use crate::memory::{Memory, Storage, decay_time};
use crate::state::{self, BellState, State};

impl Link {
    /// From emission until both nodes know of a herald (s).
    pub fn known_by_both_after_s(&self) -> f64 {
        self.known_after_s(0).max(self.known_after_s(1))
    }

    /// From emission until the node knows of the herald (s), what `"auto"` waits for: the photon's way to the station, the
    /// decision and the message's way back.
    fn known_after_s(&self, node: usize) -> f64 {
        self.path_delay_s[node] + self.herald_delay_s(node)
    }

    /// The memories of the ions; the photon of an ion-photon link does not wait.
    pub(super) fn stored(&self) -> Result<Storage> {
        let mut ions = [Memory::none(); 2];
        for (node, params) in self.params.nodes.iter().enumerate() {
            let memory = params.memory.clone().unwrap_or_default();
            ions[node] = Memory::new(&memory, self.known_after_s(node))
                .map_err(|error| error.within("memory").within(node).within("nodes"))?;
        }
        Ok(Storage::new(ions, self.params.collective_t2_s))
    }

    /// Time from emission to use of each node's ion (s); what `"auto"` stands for.
    pub fn wait_s(&self) -> Vec<f64> {
        self.storage.ions()[..self.params.nodes.len()].iter().map(Memory::wait_s).collect()
    }

    /// From the state that the clicks leave, trace included, to the state users see: static phases, coherence lost
    /// between bins and local errors, or a published state in place of all this; then storage.
    pub(crate) fn finished(&self, rho: &State, announced: BellState) -> State {
        if let Some(heralded) = &self.heralded {
            return self.storage.apply(&state::scaled(heralded.state(announced), state::trace(rho)));
        }
        let mut rho = *rho;
        for (node, source) in self.sources.iter().enumerate() {
            if source.static_phase_rad == 0.0 && source.coherence == 1.0 {
                continue;
            }
            rho = state::turned(&rho, node, math::phase(source.static_phase_rad) * source.coherence);
        }
        for (node, errors) in self.errors.iter().enumerate() {
            rho = errors.apply(&rho, node);
        }
        self.storage.apply(&rho)
    }

    /// Probability that an ion is outside the qubit, given that of the clicks. A published state is one of qubits.
    pub(super) fn finished_leakage(&self, clicks: f64) -> f64 {
        self.storage.leakage(if self.heralded.is_some() && !clicks.is_nan() { 0.0 } else { clicks })
    }
}

/// Checks what acts on the ions after the clicks, as far as the nodes' own tables do not.
pub(super) fn check_after(params: &LinkParams) -> Result<()> {
    let model = |parameter: String, message: &str| Err(Error::Model { parameter, message: message.into() });
    decay_time("collective_t2_s", params.collective_t2_s)?;
    if params.nodes.len() == 1 && params.collective_t2_s < f64::INFINITY {
        return model(
            "collective_t2_s".into(),
            "an ion-photon link has one ion: give its dephasing as `memory`",
        );
    }
    if params.heralded_state.is_none() {
        return Ok(());
    }
    if let Some(node) = params.nodes.iter().position(|node| !node.errors.leaves_states()) {
        return model(
            format!("nodes.{node}.errors"),
            "a heralded state is final: leave local errors out, all but `readout_error`",
        );
    }
    if params.phase_feed_forward {
        return model(
            "phase_feed_forward".into(),
            "a heralded state is final, whatever the clicks: there is no phase to turn back",
        );
    }
    Ok(())
}
