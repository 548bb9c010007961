//! The same link through one more lossy element.

use super::Link;
use super::params::LinkParams;
use crate::channel::{ElementParams, SwitchParams};
use crate::check;
use crate::collection::{CollectionParams, Stage};
use crate::error::Result;
use crate::math;

impl Link {
    /// The same link with the light of both nodes passing an optical switch of this loss (dB) before the station.
    ///
    /// The switch becomes the last element of each path. Where a measured efficiency of the link as it is contains the path, nothing
    /// on the path is applied again; there the efficiency gets the loss.
    ///
    /// ```
    /// use ionlink_core::{BasicLinkParams, Link};
    ///
    /// let link = Link::new(BasicLinkParams { efficiency: [0.2, 0.2], ..Default::default() }.link()?)?;
    /// let (before, after) = (link.exact()?.herald_probability, link.through(3.0)?.exact()?.herald_probability);
    /// // each photon passes with 10^(-0.3)
    /// assert!((after / before - 10_f64.powf(-0.6)).abs() < 1e-12);
    /// # Ok::<(), ionlink_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) for a loss outside \[0, 1000\] dB, and what [`Link::new`] refuses.
    pub fn through(&self, loss_db: f64) -> Result<Self> {
        check::within("loss_db", loss_db, 0.0, 1e3, "dB")?;
        let mut params: LinkParams = self.params().clone();
        params.paths.resize(params.nodes.len(), vec![]);
        for (node, path) in params.nodes.iter_mut().zip(&mut params.paths) {
            match &mut node.collection {
                CollectionParams::MeasuredEfficiency(measured)
                    if measured.includes.contains(&Stage::Path) =>
                {
                    measured.efficiency *= math::transmission_of_db(loss_db);
                }
                _ => path.push(ElementParams::Switch(SwitchParams { loss_db })),
            }
        }
        Self::new(params)
    }
}
