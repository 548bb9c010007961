//! What happens after the clicks enters exact results, states, densities, measurements and the budget alike.
#![expect(clippy::unwrap_used, reason = "a test says what failed by failing")]

use ionlink_core::math;
use ionlink_core::memory::{HeraldedStateParams, LocalErrorsParams, MemoryParams};
use ionlink_core::state::{self, Pauli};
use ionlink_core::tree::{AutoOr, OneOrMany};
use ionlink_core::{BasicLinkParams, BellState, Given, Key, Link, LinkParams, Plan, Run, State, Stop};

fn params() -> LinkParams {
    BasicLinkParams {
        efficiency: [0.4, 0.3],
        dark_count_rate_hz: 2e5,
        mode_overlap: 0.95,
        memory: Some(MemoryParams {
            t1_s: 3.0,
            t2_s: 2.0,
            loss_rate_hz: 0.05,
            frequency_offset_rad_per_s: 0.3,
            wait_s: AutoOr::Given(0.4),
            ..Default::default()
        }),
        ..Default::default()
    }
    .link()
    .unwrap()
}

fn distance(a: &State, b: &State) -> f64 {
    (0..16).map(|k| (a[k / 4][k % 4] - b[k / 4][k % 4]).norm_sqr()).sum::<f64>().sqrt()
}

/// A published state with a phase, populations in |00>, and a trace of one.
fn published() -> HeraldedStateParams {
    let mut real = [[0.0; 4]; 4];
    let mut imag = [[0.0; 4]; 4];
    (real[0][0], real[1][1], real[2][2], real[3][3]) = (0.02, 0.5, 0.47, 0.01);
    (real[1][2], real[2][1]) = (0.45, 0.45);
    (imag[1][2], imag[2][1]) = (0.1, -0.1);
    HeraldedStateParams { real, imag, bell_state: "psi+".into() }
}

fn run_of(link: &Link, heralds: u64) -> Run {
    let plan = Plan::new(Key::from_seed(4), Stop::Heralds(heralds));
    link.sample(&plan, &mut |_| true).unwrap()
}

#[test]
fn states_of_every_road_are_the_stored_published_state() {
    let mut params = params();
    params.heralded_state = Some(published());
    params.collective_t2_s = 3.0;
    let link = Link::new(params.clone()).unwrap();
    let plain = Link::new(LinkParams { heralded_state: None, ..params }).unwrap();
    let exact = link.exact().unwrap();
    assert!((exact.herald_probability - plain.exact().unwrap().herald_probability).abs() < 1e-15);
    // losses of both ions alone
    assert!((exact.leakage - (1.0 - math::exp(-2.0_f64 * 0.05 * 0.4))).abs() < 1e-14);
    let rho_of =
        |bell: BellState| exact.outcomes.iter().find(|outcome| outcome.bell_state == bell).unwrap().rho;
    let run = run_of(&link, 200);
    let records = run.heralds.records();
    for given in [Given::Cause, Given::Record] {
        let states = link.states(records, given).unwrap();
        for (rho, pattern) in states.iter().zip(records.pattern) {
            let bell = link.patterns()[usize::from(*pattern)].bell_state;
            assert!(distance(rho, &rho_of(bell)) < 1e-14);
        }
    }
    let mut sampler = link.sampler(Key::from_seed(9)).unwrap();
    let herald = sampler.next(0.0, &mut || true).unwrap().unwrap();
    assert!(distance(&herald.rho, &rho_of(herald.pattern.bell_state)) < 1e-14);
}

#[test]
fn auto_waits_until_the_node_knows_of_the_herald() {
    let text = |memory: &str| {
        let node = |name: &str, memory: &str| {
            format!(
                "[[nodes]]\nname = \"{name}\"\n[nodes.emission]\nlifetime_s = 8e-9\n[nodes.collection]\n\
                 kind = \"measured_efficiency\"\nefficiency = 0.1\nincludes = [\"collection\"]\n{memory}"
            )
        };
        format!(
            "paths = [[{{ kind = \"fiber\", length_m = 1000.0, attenuation_db_per_km = 1.0, group_index = 1.5 }}], []]\n\
             {}{}[station]\nwindow_duration_s = 40e-9\n[schedule]\nattempt_period_s = 1e-3\n",
            node("a", memory),
            node("b", "")
        )
    };
    let link = Link::from_toml(&text("[nodes.memory]\nt2_s = 1e-4\n")).unwrap();
    let wait_s = 2.0 * 1.5 * 1000.0 / 299_792_458.0;
    assert!((link.wait_s()[0] - wait_s).abs() < 1e-18);
    assert_eq!(link.wait_s()[1], 0.0);
    let kept = math::exp(-wait_s / 1e-4);
    assert!((link.exact().unwrap().fidelity - 0.5 * (1.0 + kept)).abs() < 1e-9);
    let long = Link::from_toml(&text("[nodes.memory]\nt2_s = 1e-4\nwait_s = 1e-4\n")).unwrap();
    assert!((long.exact().unwrap().fidelity - 0.5 * (1.0 + math::exp(-1.0_f64))).abs() < 1e-9);
}

#[test]
fn the_budget_names_what_waiting_costs() {
    let mut params = params();
    params.nodes[0].memory = Some(MemoryParams {
        decoupling_pulses: 10,
        decoupling_pulse_error: 1e-3,
        ..params.nodes[0].memory.clone().unwrap()
    });
    params.nodes[1].memory = Some(MemoryParams {
        frequency_offset_rad_per_s: -0.4,
        wait_s: AutoOr::Given(0.9),
        ..params.nodes[1].memory.clone().unwrap()
    });
    params.collective_t2_s = 2.0;
    let budget = Link::new(params).unwrap().error_budget().unwrap();
    let alone = |name: &str| {
        budget.contributions.iter().find(|row| row.mechanism == name).map(|row| row.alone).unwrap()
    };
    // closed forms for a perfect pair: psi± with ions A and B alone in their surroundings
    let (a, b) = (0.4_f64, 0.9_f64);
    let decayed = [a / 3.0, b / 3.0].map(|t: f64| 1.0 - math::exp(-t));
    let coherence = ((1.0 - decayed[0]) * (1.0 - decayed[1])).sqrt();
    let t1 = 0.5 * (0.5 * (2.0 - decayed[0] - decayed[1]) + coherence);
    let t2 = 0.5 * (1.0 + math::exp(-(a / (2.0 * math::pow(10.0, 2.0 / 3.0)) + b / 2.0)));
    let lost = math::exp(-0.05 * (a + b));
    for (name, fidelity) in [
        ("memory_t1", t1),
        ("memory_t2", t2),
        ("memory_loss", lost + 0.25 * (1.0 - lost)),
        ("field_difference", 0.5 * (1.0 + math::cos(0.3 * a + 0.4 * b))),
        ("decoupling_errors", 0.25 + 0.75 * math::pow(0.999, 10.0)),
        ("collective_dephasing", 0.5 * (1.0 + math::exp(-(b - a) * (b - a) / 4.0))),
        ("heralded_state", 1.0),
    ] {
        assert!((alone(name) - (1.0 - fidelity)).abs() < 1e-13, "{name}: {} {}", alone(name), 1.0 - fidelity);
    }
}

#[test]
fn the_budget_of_a_published_state_is_its_own() {
    let mut params = params();
    (params.nodes[0].memory, params.nodes[1].memory) = (None, None);
    params.heralded_state = Some(published());
    let budget = Link::new(params).unwrap().error_budget().unwrap();
    let infidelity = 1.0 - (0.5 * (0.5 + 0.47) + 0.45);
    for row in &budget.contributions {
        let expected = if row.mechanism == "heralded_state" { infidelity } else { 0.0 };
        assert!((row.alone - expected).abs() < 1e-14 && (row.off - expected).abs() < 1e-14, "{row:?}");
    }
    assert!(budget.remainder.abs() < 1e-14);
}

#[test]
fn what_would_do_nothing_is_refused_by_name() {
    let message = |change: fn(&mut LinkParams)| {
        let mut params = params();
        change(&mut params);
        Link::new(params).unwrap_err().to_string()
    };
    let errors = message(|params| {
        params.heralded_state = Some(published());
        params.nodes[1].errors.dephasing_probability = 0.1;
    });
    assert!(errors.contains("`nodes.1.errors`"), "{errors}");
    let feed_forward = message(|params| {
        params.heralded_state = Some(published());
        params.phase_feed_forward = true;
    });
    assert!(feed_forward.contains("`phase_feed_forward`"), "{feed_forward}");
    let trace = message(|params| {
        params.heralded_state =
            Some(HeraldedStateParams { imag: [[0.0; 4]; 4], real: [[0.0; 4]; 4], ..published() });
    });
    assert!(trace.contains("`heralded_state.real`"), "{trace}");
    assert!(message(|params| params.collective_t2_s = 0.0).contains("`collective_t2_s`"));
    let memory = message(|params| params.nodes[1].memory.as_mut().unwrap().t1_s = -1.0);
    assert!(memory.contains("`nodes.1.memory.t1_s`"), "{memory}");
    let one = BasicLinkParams { encoding: "ion-photon".into(), efficiency: [0.1; 2], ..Default::default() };
    let alone =
        Link::new(LinkParams { collective_t2_s: 1.0, ..one.link().unwrap() }).unwrap_err().to_string();
    assert!(alone.contains("`collective_t2_s`"), "{alone}");
    // the readout comes after any state
    let mut read = params();
    read.heralded_state = Some(published());
    read.nodes[0].errors = LocalErrorsParams { readout_error: OneOrMany::One(0.1), ..Default::default() };
    assert!(Link::new(read).is_ok());
    // basic_link has one memory for both nodes
    let both = BasicLinkParams {
        memory: Some(MemoryParams { t2_s: 0.0, ..Default::default() }),
        ..Default::default()
    };
    assert!(both.checked().unwrap_err().to_string().starts_with("`memory.t2_s`"));
}

#[test]
fn the_ion_of_an_ion_photon_link_waits_alone() {
    let basic = BasicLinkParams {
        encoding: "ion-photon".into(),
        efficiency: [0.1; 2],
        memory: Some(MemoryParams { t2_s: 0.5, wait_s: AutoOr::Given(0.2), ..Default::default() }),
        ..Default::default()
    };
    let fidelity = basic.checked().unwrap().exact().unwrap().fidelity;
    assert!((fidelity - 0.5 * (1.0 + math::exp(-0.4_f64))).abs() < 1e-14);
}

/// Direct probabilities: populations in the turned basis through each ion's table of misreadings.
fn seen(rho: &State, operators: [Pauli; 2], errors: [[f64; 2]; 2]) -> [f64; 4] {
    let mut seen = [0.0; 4];
    for a in 0..2 {
        for b in 0..2 {
            let (sign_a, sign_b) = (1.0 - 2.0 * a as f64, 1.0 - 2.0 * b as f64);
            let probability = 0.25
                * (1.0
                    + sign_a * state::expectation(rho, Some(operators[0]), None)
                    + sign_b * state::expectation(rho, None, Some(operators[1]))
                    + sign_a * sign_b * state::expectation(rho, Some(operators[0]), Some(operators[1])));
            for (shown, sum) in seen.iter_mut().enumerate() {
                let read = |ion: usize, is: usize, shows: usize| {
                    if is == shows { 1.0 - errors[ion][is] } else { errors[ion][is] }
                };
                *sum += probability * read(0, a, shown / 2) * read(1, b, shown % 2);
            }
        }
    }
    seen
}

#[test]
fn unequal_misreadings_have_their_probabilities() {
    const HERALDS: u64 = 40_000;
    let errors = [[0.05, 0.2], [0.3, 0.0]];
    let mut params = params();
    params.station.accepted_patterns = Some(vec!["psi+".into()]);
    params.heralded_state = Some(published());
    for node in 0..2 {
        params.nodes[node].errors.readout_error = OneOrMany::Many(errors[node].to_vec());
    }
    let link = Link::new(params).unwrap();
    let run = run_of(&link, HERALDS);
    let rho = link.exact().unwrap().outcomes[0].rho;
    for operators in [[Pauli::Z, Pauli::Z], [Pauli::X, Pauli::Y]] {
        let key = Key::from_seed(3);
        let outcomes = link.measure(&run.heralds.attempt, run.heralds.records(), operators, key).unwrap();
        let mut counts = [0.0; 4];
        for [a, b] in outcomes {
            counts[usize::from(a < 0) * 2 + usize::from(b < 0)] += 1.0;
        }
        let squares = |errors| {
            let expected = seen(&rho, operators, errors).map(|probability| probability * HERALDS as f64);
            counts
                .iter()
                .zip(expected)
                .map(|(count, mean): (&f64, f64)| (count - mean) * (count - mean) / mean)
                .sum::<f64>()
        };
        // chi square of three degrees of freedom: beyond 27.9 with probability 4e-6
        assert!(squares(errors) < 27.9, "{operators:?}: {}", squares(errors));
        // exchanged states, or the mean of both, are seen through
        assert!(squares([[0.2, 0.05], [0.0, 0.3]]) > 1000.0);
        assert!(squares([[0.125; 2], [0.15; 2]]) > 1000.0);
    }
}
