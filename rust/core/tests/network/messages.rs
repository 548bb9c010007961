//! Messages: when nodes know, and what their qubits go through until then.

use crate::common::{
    Measured, TICK_PS, TICK_S, assert_close, chain, chain_on_request, ions, link, node, params, plan, row,
    run, with_memory,
};
use ionlink_core::channel::{ElementParams, FiberParams};
use ionlink_core::collection::{CollectionParams, Stage};
use ionlink_core::gates::GatesParams;
use ionlink_core::memory::MemoryParams;
use ionlink_core::network::{
    DemandParams, Distillation, Happening, NetworkNodeParams, RecordLevel, Saturation,
};
use ionlink_core::tree::AutoOr;
use ionlink_core::{BasicLinkParams, Link, Network};
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
                // the ends wait from their heralds on, messages included, and before that until both nodes knew of them
                let waited_s: f64 =
                    heralds_ps.iter().map(|herald_ps| (time_ps - herald_ps) as f64 * 1e-12).sum::<f64>()
                        + (first[0] + f64::max(first[0], first[1])) * 5e-9
                        + (second[1] + f64::max(second[0], second[1])) * 5e-9;
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

/// The mean fidelity of a link's deliveries, whose nodes have a memory in the network and none in the link.
fn delivered(lengths_m: [f64; 2], memories: [&MemoryParams; 2], saturate: Saturation) -> Measured {
    let mut network =
        row(&[fibers(&params(0.2), lengths_m)], |number| with_memory(node(number), memories[number]));
    if saturate == Saturation::Links {
        network.saturate(Saturation::Links);
    } else {
        network.add_demand(DemandParams::saturated("n0", "n1")).unwrap();
    }
    Measured::fidelity(&run(&network, &plan(54, 0.01)), 0)
}

#[test]
fn ions_wait_until_both_nodes_know_in_the_state_that_was_announced() {
    // memories that tell |0> from |1>; the exact result of a link whose ions wait as long
    let memory = |wait_s: f64| MemoryParams {
        t1_s: 300e-6,
        t2_s: 50e-6,
        frequency_offset_rad_per_s: 2e4,
        wait_s: AutoOr::Given(wait_s),
        ..MemoryParams::default()
    };
    for lengths_m in [[2000.0, 2000.0], [100.0, 2000.0]] {
        // the photon's way to the station and the message's way to the farther node
        let mut whole = fibers(&params(0.2), lengths_m).params().clone();
        for (node, length_m) in whole.nodes.iter_mut().zip(lengths_m) {
            node.memory = Some(memory((length_m + 2000.0) * 5e-9));
        }
        let exact = Link::new(whole.clone()).unwrap().exact().unwrap().fidelity;
        whole.nodes[1].memory.as_mut().unwrap().frequency_offset_rad_per_s *= -1.0;
        let turned = Link::new(whole).unwrap().exact().unwrap().fidelity;
        // in psi states phases of equal offsets subtract and those of opposite ones add up
        let [a, b] = lengths_m.map(|length_m| (length_m + 2000.0) * 5e-9);
        let kept = libm::exp(-(a + b) * (1.0 / 50e-6 + 0.5 / 300e-6));
        let apart = 0.5 * kept * (libm::cos(2e4 * (a - b)) - libm::cos(2e4 * (a + b)));
        assert_close(exact - turned, apart, 1e-9, "equal and opposite offsets");
        for saturate in [Saturation::Links, Saturation::Demands] {
            let given = memory(0.0);
            let mean = delivered(lengths_m, [&given, &given], saturate).mean;
            assert_close(mean, exact, 1e-9, "fidelity");
        }
    }
}

/// Two links, of which one pair waits for the other: psi states of ions with equal offsets keep their phase, with opposite ones they
/// lose it twice as fast.
#[test]
fn stored_pairs_wait_as_what_was_announced() {
    let p = [0.5, 0.1];
    let offset = 2e5;
    let end = |offset: f64| MemoryParams { frequency_offset_rad_per_s: offset, ..MemoryParams::default() };
    let links = p.map(|p| link(&params(p)));
    let fidelity = |offsets: [f64; 3]| {
        let (network, duration_s) = chain_on_request(&links, 20_000, 1_000, |number| {
            with_memory(node(number), &end(offsets[number]))
        });
        Measured::fidelity(&run(&network, &plan(55, duration_s)), 0)
    };
    let equal = fidelity([offset; 3]);
    assert_close(equal.mean, 1.0, 1e-12, "equal offsets");
    // the pair that is there first waits n attempts: P(n) = [p q (1 - p)^n and p q (1 - q)^n] / (1 - (1 - p)(1 - q))
    let opposite = fidelity([offset, -offset, offset]);
    let [first, second] = p;
    let together = first * second / (1.0 - (1.0 - first) * (1.0 - second));
    let mut expected = together;
    for n in 1..2_000 {
        let kept = 0.5 + 0.5 * libm::cos(2.0 * offset * f64::from(n) * TICK_S);
        expected +=
            together * (libm::pow(1.0 - first, f64::from(n)) + libm::pow(1.0 - second, f64::from(n))) * kept;
    }
    opposite.agrees("opposite offsets", expected);
    let mut single = together;
    for n in 1..2_000 {
        let kept = 0.5 + 0.5 * libm::cos(offset * f64::from(n) * TICK_S);
        single +=
            together * (libm::pow(1.0 - first, f64::from(n)) + libm::pow(1.0 - second, f64::from(n))) * kept;
    }
    opposite.refuses("one offset alone", single);
}

#[test]
fn qubits_are_lost_while_they_move_and_while_messages_travel() {
    // moving takes as long as a qubit is kept on average; then 10 us until both ends of the swapped pair know
    let (rate_hz, moving_s, message_s) = (1e4, 100e-6, 10e-6);
    let gates = GatesParams { transfer_duration_s: moving_s, ..GatesParams::default() };
    let one = fibers(&params(0.2), [1000.0, 1000.0]);
    let network = chain(&[Arc::clone(&one), one], |number| NetworkNodeParams {
        memory_ions: 4,
        gates: Some(gates),
        loss_rate_hz: rate_hz,
        buffer_per_link: Some(1),
        ..NetworkNodeParams::named(format!("n{number}"))
    });
    let mut plan = plan(56, 20.0);
    plan.level = RecordLevel::Trace;
    let run = run(&network, &plan);
    let count =
        |event: Happening| run.trace.event.iter().map(|one| u64::from(*one == event as u8)).sum::<u64>();
    let (swaps, delivered) = (count(Happening::Swap), count(Happening::Deliver));
    // two qubits are left after the swap
    let kept = libm::exp(-2.0 * rate_hz * message_s);
    let share = Measured::share(delivered, swaps, kept);
    share.agrees("kept while messages travel", kept);
    share.refuses("losses of one qubit", libm::exp(-rate_hz * message_s));
    // of pairs that have moved before the next one is there, those are left that lost no qubit on the way
    let fates = run.fates;
    assert_eq!(fates.made, fates.delivered + fates.used + fates.expired + fates.rejected + fates.stored);
    let arrived = Measured::share(2 * swaps, fates.heralded, libm::exp(-2.0 * rate_hz * moving_s));
    assert!(arrived.mean < libm::exp(-2.0 * rate_hz * moving_s), "{}", arrived.mean);
}

#[test]
fn pairs_that_came_in_vain_serve_the_next_request() {
    // of two links side by side both may herald while one pair is wanted
    let gates = GatesParams { transfer_duration_s: 20.0 * TICK_S, ..GatesParams::default() };
    let pairs = |parallel: usize| {
        let mut network = Network::new();
        for number in 0..2 {
            let ions = NetworkNodeParams { memory_ions: 4, gates: Some(gates), ..ions(number, 4) };
            network.add_node(NetworkNodeParams { buffer_per_link: None, ..ions }).unwrap();
        }
        let physics = network.add_physics(link(&params(0.05))).unwrap();
        for _ in 0..parallel {
            network.add_link(physics, [0, 1]).unwrap();
        }
        network.add_demand(DemandParams::saturated("n0", "n1")).unwrap();
        run(&network, &plan(57, 0.1)).fates.delivered
    };
    let (one, two) = (pairs(1), pairs(2));
    assert!(one > 2_000 && two > one + one / 4, "{one}, {two} of two links");
}

#[test]
fn qubits_move_to_memory_ions_that_become_free() {
    // one communication ion: without moving, a node whose memory ion was taken at the herald could never attempt again
    let network = chain(&[link(&params(0.2)), link(&params(0.1))], |number| {
        if number == 1 {
            NetworkNodeParams { memory_ions: 1, buffer_per_link: None, ..ions(number, 2) }
        } else {
            ions(number, 2)
        }
    });
    let mut plan = plan(58, 0.05);
    plan.policy.swap_success_probability = 0.5;
    plan.level = RecordLevel::Deliveries;
    let run = run(&network, &plan);
    let last_ps = run.deliveries.time_ps.last().copied().unwrap();
    assert!(last_ps > 49_000 * TICK_PS, "the last one after {} attempts", last_ps / TICK_PS);
}
