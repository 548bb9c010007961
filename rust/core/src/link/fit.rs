//! The comb of a link: its period, which may follow from paths and pulses, and whether its windows fit into it.

use super::node::Parts;
use super::params::LinkParams;
use super::schedule::{Passage, Schedule};
use crate::encoding::EncodingParams;
use crate::error::{Error, Result};
use crate::tree::AutoOr;

/// Refuses what the encoding has no use for, rather than ignoring it.
///
/// # Errors
/// [`Error::Model`] naming the parameter.
pub(super) fn check_unused(params: &LinkParams) -> Result<()> {
    let refused = |parameter: &str, why: &str| {
        let message = format!("{why}: leave it out for the {} encoding", params.encoding.name());
        Err(Error::Model { parameter: parameter.into(), message })
    };
    let station = &params.station;
    let polarizers = match params.encoding {
        EncodingParams::Polarization(_) | EncodingParams::IonPhoton(_) => true,
        _ => station.extinction_ratio.iter().all(|ratio| ratio.is_infinite()),
    };
    if !polarizers {
        return refused("station.extinction_ratio", "there are no polarizers");
    }
    if params.encoding.nodes() == 2 {
        return Ok(());
    }
    if params.mode_overlap < 1.0 {
        return refused("mode_overlap", "there is one photon");
    }
    if station.reflectivity.iter().any(|r| *r != 0.5) {
        return refused("station.reflectivity", "there is no splitter");
    }
    if params.delay_s[1] != 0.0 {
        return refused("delay_s.1", "there is one photon");
    }
    if params.pulse_offset_s != AutoOr::Auto {
        return refused("pulse_offset_s", "there is one photon");
    }
    if !station.port_optics[1].is_empty() {
        return refused("station.port_optics.1", "there is one way to the detectors");
    }
    Ok(())
}

/// The schedule of a link whose parts are known.
///
/// # Errors
/// [`Error::Parameter`] for a period, a separation of bins or rounds, or a window that does not fit.
pub(super) fn schedule_of(params: &LinkParams, parts: &[Parts]) -> Result<Schedule> {
    let longest = |durations: &mut dyn Iterator<Item = f64>| durations.fold(0.0, f64::max);
    let passage = Passage {
        pulse_duration_s: longest(&mut params.nodes.iter().map(|node| node.emission.pulse_duration_s)),
        outbound_delay_s: longest(&mut parts.iter().map(|part| part.path.delay_s)),
    };
    let schedule = Schedule::new(&params.schedule, passage).map_err(|error| error.within("schedule"))?;
    let separation_s = params.encoding.bin_separation_s();
    let window_s = params.station.window_duration_s;
    let period_s = schedule.attempt_period_s();
    let period =
        if schedule.ions_per_round() > 1 { "spacing of the ions of a round" } else { "attempt period" };
    let separation = || {
        let field = if matches!(params.encoding, EncodingParams::TimeBin(_)) { "bin" } else { "round" };
        format!("encoding.{field}_separation_s")
    };
    if separation_s > 0.0 && separation_s < window_s {
        let domain = format!("at least the window, {window_s}");
        return Err(Error::parameter(separation(), separation_s, domain, "s"));
    }
    if separation_s >= period_s {
        let domain = format!("below the {period}, {period_s}");
        return Err(Error::parameter(separation(), separation_s, domain, "s"));
    }
    // rounding of the sum of decimal inputs
    if separation_s + window_s > period_s * (1.0 + 4.0 * f64::EPSILON) {
        let less = if separation_s > 0.0 { " less the time between the bins" } else { "" };
        let domain = format!("at most the {period}{less}, {}", period_s - separation_s);
        return Err(Error::parameter("station.window_duration_s", window_s, domain, "s"));
    }
    Ok(schedule)
}
