//! Messages: when nodes know, and what their qubits go through until then.

use crate::common::{TICK_PS, TICK_S, assert_close, chain, link, node, params, plan, run, with_memory};
use ionlink_core::channel::{ElementParams, FiberParams};
use ionlink_core::collection::{CollectionParams, Stage};
use ionlink_core::gates::GatesParams;
use ionlink_core::memory::MemoryParams;
use ionlink_core::network::{Distillation, Happening, NetworkNodeParams, RecordLevel};
use ionlink_core::{BasicLinkParams, Link};
use std::collections::HashMap;
use std::sync::Arc;

/// A link with so much fiber on its two sides, lossless, 5 ns each meter.
pub(crate) fn fibers(params: &BasicLinkParams, lengths_m: [f64; 2]) -> Arc<Link> {
    let mut whole = params.link().unwrap();
    whole.paths = lengths_m.map(|length_m| vec![fiber(length_m)]).into();
    for node in &mut whole.nodes {
        if let CollectionParams::MeasuredEfficiency(measured) = &mut node.collection {
            measured.includes.retain(|stage| *stage != Stage::Path);
        }
    }
    Arc::new(Link::new(whole).unwrap())
}

fn fiber(length_m: f64) -> ElementParams {
    ElementParams::Fiber(FiberParams {
        length_m,
        attenuation_db_per_km: Some(0.0),
        group_index: Some(5e-9 * 299_792_458.0),
        catalog: None,
        wavelength_nm: None,
    })
}

#[test]
fn heralds_are_known_when_the_later_message_has_come() {
    // 300 m and 100 m: to the station and back takes 3 us and 1 us, the attempt itself 1 us of that
    let network = chain(&[fibers(&params(0.1), [300.0, 100.0])], node);
    let mut plan = plan(51, 0.1);
    plan.level = RecordLevel::Deliveries;
    let run = run(&network, &plan);
    assert!(run.deliveries.len() > 1000);
    for (time_ps, before) in run.deliveries.time_ps.iter().zip([0].iter().chain(&run.deliveries.time_ps)) {
        let end_ps = time_ps - 2 * TICK_PS;
        assert_eq!(end_ps % TICK_PS, 0, "{time_ps}");
        assert!(end_ps > *before, "an attempt before the herald was known");
    }
    // the mean time between them is 1/p attempts and the message
    let mean_ps = *run.deliveries.time_ps.last().unwrap() as f64 / run.deliveries.len() as f64;
    assert!((mean_ps / TICK_PS as f64 - 12.0).abs() < 4.0 * 9.5 / (run.deliveries.len() as f64).sqrt());
}

#[test]
fn results_of_a_swap_travel_to_the_farther_end() {
    let t2_s = 40e-6;
    let memory = MemoryParams { t2_s, ..MemoryParams::default() };
    for (first, second, farther_ns) in
        [([300.0, 100.0], [50.0, 70.0], 2000), ([40.0, 20.0], [200.0, 300.0], 2500)]
    {
        let links = [fibers(&params(0.2), first), fibers(&params(0.1), second)];
        let network =
            chain(
                &links,
                |number| {
                    if number == 1 { node(number) } else { with_memory(node(number), &memory) }
                },
            );
        let mut plan = plan(52, 0.05);
        plan.level = RecordLevel::Trace;
        let run = run(&network, &plan);
        let trace = &run.trace;
        let (mut heralds, mut swaps, mut seen) = (HashMap::new(), HashMap::new(), 0);
        for index in 0..trace.event.len() {
            let (event, time_ps) = (trace.event[index], trace.time_ps[index]);
            if event == Happening::Herald as u8 {
                heralds.insert(trace.pair[index], time_ps);
            } else if event == Happening::Swap as u8 {
                swaps.insert(trace.pair[index], (time_ps, trace.parts[index].map(|part| heralds[&part])));
            } else if event == Happening::Deliver as u8 {
                let (swapped_ps, heralds_ps) = swaps[&trace.pair[index]];
                assert_eq!(swapped_ps, heralds_ps[0].max(heralds_ps[1]));
                assert_eq!(time_ps - swapped_ps, farther_ns * 1000);
                // the ends wait from their heralds on, the message included
                let waited_s: f64 =
                    heralds_ps.iter().map(|herald_ps| (time_ps - herald_ps) as f64 * 1e-12).sum();
                let expected = 0.5 + 0.5 * libm::exp(-waited_s / t2_s);
                assert_close(trace.fidelity[index], expected, 1e-12, "fidelity");
                seen += 1;
            }
        }
        assert!(seen > 1000);
        assert_eq!(seen, run.deliveries.len());
    }
}

/// A pair whose distillation is being decided is one pair.
#[test]
fn books_balance_while_messages_of_distillation_travel() {
    let one = fibers(&params(0.5), [300.0, 300.0]);
    let network = chain(&[one], |number| NetworkNodeParams { buffer_per_link: Some(2), ..node(number) });
    for end in 20..60_u32 {
        let mut plan = plan(53, f64::from(end) * 0.5e-6);
        plan.policy.distill = Some(Distillation::Bbpssw);
        let fates = run(&network, &plan).fates;
        assert_eq!(
            fates.made,
            fates.delivered + fates.used + fates.expired + fates.rejected + fates.stored,
            "{end}"
        );
    }
}

/// A qubit on its way to a memory ion is not at hand: swaps wait for it, and so does the cut-off's verdict.
#[test]
fn qubits_on_the_move_are_not_used() {
    let gates = GatesParams { transfer_duration_s: 5.0 * TICK_S, ..GatesParams::default() };
    let one = link(&params(0.1));
    let network = chain(&[Arc::clone(&one), one], |number| NetworkNodeParams {
        memory_ions: 2,
        gates: Some(gates),
        ..node(number)
    });
    for cutoff in [None, Some(3.0), Some(20.0)] {
        let mut plan = plan(54, 0.05);
        plan.level = RecordLevel::Trace;
        plan.policy.cutoff_s = cutoff.map(|ticks| ticks * TICK_S);
        let run = run(&network, &plan);
        let (mut heralds, mut swaps) = (HashMap::new(), 0);
        for (index, event) in run.trace.event.iter().enumerate() {
            let time_ps = run.trace.time_ps[index];
            if *event == Happening::Herald as u8 {
                heralds.insert(run.trace.pair[index], time_ps);
            } else if *event == Happening::Swap as u8 {
                let latest_ps = run.trace.parts[index].map(|part| heralds[&part]).into_iter().max().unwrap();
                assert_eq!(time_ps, latest_ps + 5 * TICK_PS);
                swaps += 1;
            }
        }
        // a cut-off before the move is over leaves nothing
        assert_eq!(swaps > 500, cutoff != Some(3.0), "{swaps}");
        assert!(cutoff.is_none() || run.fates.expired > 50);
    }
}
