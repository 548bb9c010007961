//! Time-outs that no attempt fits into.

use super::comb::{picoseconds, seconds};
use super::kernel::NONE;
use super::params::PolicyParams;
use super::routes::Way;
use super::topology::{Network, Saturation};
use crate::error::{Error, Result};

impl Network {
    /// Refuses a time-out that ends before a link could make an attempt: it would give its ions back again and again, in vain.
    pub(super) fn check_timeout(&self, policy: &PolicyParams, ways: &[Way]) -> Result<()> {
        let Some(timeout_s) = policy.attempt_timeout_s else { return Ok(()) };
        let all = 0..self.links.len() as u32;
        let used: Vec<u32> = match self.saturation {
            Saturation::Links => all.collect(),
            Saturation::Demands => ways.iter().flat_map(|way| &way.bundles).flatten().copied().collect(),
        };
        let longest = used
            .into_iter()
            .map(|link| {
                let [attempt_ps, switch_ps] = self.attempt_and_switch_ps(link);
                (attempt_ps.saturating_add(switch_ps), std::cmp::Reverse(link))
            })
            .max();
        let Some((needed_ps, std::cmp::Reverse(link))) = longest else { return Ok(()) };
        if picoseconds(timeout_s) >= needed_ps {
            return Ok(());
        }
        let [attempt_ps, switch_ps] = self.attempt_and_switch_ps(link).map(seconds);
        let nodes = self.links[link as usize].nodes.map(|node| self.name(node).unwrap_or_default());
        let attempt =
            format!("an attempt of link {link} ({:?} to {:?}) takes {attempt_ps:e}", nodes[0], nodes[1]);
        let setting = if switch_ps > 0.0 {
            let name = &self.switches[self.links[link as usize].switch as usize].name;
            format!(" and the reconfiguration of switch {name:?} {switch_ps:e}")
        } else {
            String::new()
        };
        let domain = format!("at least {:e}: {attempt}{setting}", seconds(needed_ps));
        Err(Error::parameter("policy.attempt_timeout_s", timeout_s, domain, "s"))
    }

    /// Time of a link's first attempt of a round, with which it begins, and of setting its switch (ps).
    fn attempt_and_switch_ps(&self, link: u32) -> [u64; 2] {
        let place = self.links[link as usize];
        let switch_ps = if place.switch == NONE {
            0
        } else {
            picoseconds(self.switches[place.switch as usize].reconfiguration_s)
        };
        [self.physics[place.physics as usize].comb.end_ps(0), switch_ps]
    }
}
