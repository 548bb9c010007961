//! Links that work for themselves and never wait for an ion: one after the other, without a queue of events.

use super::comb::seconds;
use super::heralds::{Drawer, Origin, Source};
use super::kernel::NONE;
use super::record::{
    Deliveries, Delivery, Entry, Happening, NO_PAIR, NetworkRecord, RecordLevel, Totals, Trace, latency_bin,
};
use super::run::Job;
use super::topology::Network;
use crate::error::Result;
use crate::state::BellState;
use std::ops::Range;

/// Heralds between two looks at the stop flag.
const HERALDS_PER_POLL: u64 = 1 << 10;

/// Whether every link always has the ions that it needs. One link alone is left to the calendar of events: a run that is
/// interrupted then keeps what has been delivered, where links that are drawn whole are kept or lost.
pub(super) fn never_wait(network: &Network) -> bool {
    if network.links.len() == 1 {
        return false;
    }
    let mut needed = vec![0_u64; network.nodes.len()];
    for place in &network.links {
        for node in place.nodes {
            needed[node as usize] += network.physics[place.physics as usize].comb.ions();
        }
    }
    if network.links.iter().any(|place| place.station != NONE) {
        return false;
    }
    network
        .nodes
        .iter()
        .zip(needed)
        .all(|(node, needed)| node.params.communication_ions.is_none_or(|ions| ions >= needed))
}

/// Draws a range of links; columns of the record that count links have entries for these alone.
pub(super) fn draw(
    job: &Job<'_>,
    links: Range<usize>,
    drawers: &mut [Drawer<'_>],
    going: &mut dyn FnMut() -> bool,
) -> Result<NetworkRecord> {
    let network = job.network;
    let mut record = NetworkRecord {
        latencies: vec![0; super::record::LATENCY_BINS],
        reached_ps: job.duration_ps,
        ..NetworkRecord::default()
    };
    let mut deliveries = Deliveries::default();
    // of one link, which may be interrupted
    let mut bins = vec![];
    let mut drawn = 0_u64;
    'links: for link in links {
        let number = link as u32;
        let place = network.links[link];
        let drawer = &mut drawers[place.physics as usize];
        let physics = &network.physics[place.physics as usize];
        let laws = [network.law(number, 0, false)?, network.law(number, 1, false)?];
        let message_ps = physics.message_ps;
        let mut source = Source::new(physics, job.key, number)?;
        let mut totals = Totals::default();
        let before = (deliveries.len(), record.fates);
        bins.clear();
        let (mut first, mut last_ps) = (0, 0);
        let last = drawer.comb().ended_by(job.duration_ps);
        let mut attempts = 0;
        loop {
            drawn += 1;
            if drawn.is_multiple_of(HERALDS_PER_POLL) && !going() {
                // the links before are complete
                deliveries.truncate(before.0);
                record.fates = before.1;
                break 'links;
            }
            let Some(attempt) = drawer.next(&mut source, first, going)?.filter(|attempt| *attempt < last)
            else {
                attempts += last.saturating_sub(first);
                break;
            };
            let time_ps = drawer.comb().end_ps(attempt).saturating_add(message_ps);
            attempts += attempt + 1 - first;
            // its ions wait for the message, as they do where links share them
            first = drawer.comb().first_round_from(time_ps);
            let origin = drawer.origin(&mut source)?;
            if time_ps > job.duration_ps {
                // nobody knows of it yet
                break;
            }
            record.fates.heralded += 1;
            let (pair, announced) = drawer.pair(&origin)?;
            let pair = job.corrected(&physics.arrived(pair, announced, laws), place.nodes[1], false);
            let origin = if let Origin::Found(..) = origin { Origin::Pair(pair) } else { origin };
            let fidelity = pair.fidelity(BellState::PhiPlus);
            let latency_ps = time_ps - last_ps;
            last_ps = time_ps;
            totals.add(seconds(latency_ps), fidelity);
            bins.push(latency_bin(latency_ps));
            if job.level >= RecordLevel::Deliveries {
                deliveries.push(Delivery {
                    demand: number,
                    time_ps,
                    latency_ps,
                    fidelity,
                    hops: 1,
                    raw_pairs: 1,
                    origin,
                    pair: NO_PAIR,
                });
            }
        }
        for bin in &bins {
            record.latencies[*bin] += 1;
        }
        record.fates.delivered += totals.count;
        record.totals.push(totals);
        record.attempts.push(attempts);
        record.attempting_ps.push(job.duration_ps);
    }
    record.fates.made = record.fates.heralded;
    record.deliveries = deliveries;
    Ok(record)
}

/// What happened, from deliveries in the order of time: here every herald is delivered as soon as it is known.
pub(super) fn trace(deliveries: &Deliveries) -> Trace {
    let mut trace = Trace::default();
    for index in 0..deliveries.len() {
        let (subject, fidelity) = (deliveries.demand[index], deliveries.fidelity[index]);
        for event in [Happening::Herald, Happening::Deliver] {
            let entry = Entry { event, subject, pair: deliveries.pair[index], parts: [NO_PAIR; 2], fidelity };
            trace.push(deliveries.time_ps[index], entry);
        }
    }
    trace
}
