use super::*;
use crate::state::BellState;
use crate::tree::AutoOr;

fn psi_plus() -> State {
    let mut rho = state::ZERO;
    for (i, j) in [(1, 1), (1, 2), (2, 1), (2, 2)] {
        rho[i][j].re = 0.5;
    }
    rho
}

fn fidelity_after(params: &LocalErrorsParams) -> f64 {
    let channel = LocalErrors::new(params).unwrap();
    let rho = channel.apply(&psi_plus(), 0);
    assert!((state::trace(&rho) - 1.0).abs() < 1e-15);
    state::overlap(&rho, BellState::PsiPlus)
}

#[test]
fn ion_photon_fidelity_is_the_fidelity_left_by_one_node() {
    let params = LocalErrorsParams { ion_photon_fidelity: 0.979, ..Default::default() };
    assert!((fidelity_after(&params) - 0.979).abs() < 1e-15);
}

#[test]
fn rotation_about_any_axis_leaves_the_square_of_the_half_cosine() {
    for axis in 0..3 {
        let mut rotation_rad = [0.0; 3];
        rotation_rad[axis] = 0.4;
        let params = LocalErrorsParams { rotation_rad, ..Default::default() };
        let expected = math::cos(0.2) * math::cos(0.2);
        assert!((fidelity_after(&params) - expected).abs() < 1e-15, "axis {axis}");
    }
}

#[test]
fn depolarizing_and_dephasing_cost_three_quarters_and_all_of_their_probability() {
    let params = LocalErrorsParams { depolarizing_probability: 0.1, ..Default::default() };
    assert!((fidelity_after(&params) - (1.0 - 0.75 * 0.1)).abs() < 1e-15);
    let params = LocalErrorsParams { dephasing_probability: 0.1, ..Default::default() };
    assert!((fidelity_after(&params) - 0.9).abs() < 1e-15);
}

#[test]
fn readout_takes_one_probability_or_one_for_each_state() {
    let read = |readout_error| LocalErrorsParams { readout_error, ..Default::default() }.readout();
    assert_eq!(read(OneOrMany::One(0.1)).unwrap(), [0.1, 0.1]);
    assert_eq!(read(OneOrMany::Many(vec![0.1, 0.2])).unwrap(), [0.1, 0.2]);
    for (wrong, path) in [
        (OneOrMany::One(1.1), "`readout_error`"),
        (OneOrMany::Many(vec![0.1]), "`readout_error`"),
        (OneOrMany::Many(vec![0.1, -0.1]), "`readout_error.1`"),
    ] {
        let error = read(wrong).unwrap_err().to_string();
        assert!(error.contains(path), "{error}");
    }
}

type Matrix = [[Complex64; 2]; 2];

fn real(elements: [[f64; 2]; 2]) -> Matrix {
    elements.map(|row| row.map(|element| Complex64::new(element, 0.0)))
}

/// Sum of K rho K† over Kraus operators of one ion.
fn through(rho: &State, node: usize, kraus: &[Matrix]) -> State {
    let mut sum = state::ZERO;
    for operator in kraus {
        state::add(&mut sum, &state::rotated(rho, node, operator), 1.0);
    }
    sum
}

/// A state without symmetry: |v><v| mixed with the identity.
fn uneven() -> State {
    let v = [(1.0, 0.0), (0.0, 2.0), (3.0, -1.0), (-1.0, 1.0)].map(|(re, im)| Complex64::new(re, im));
    let norm: f64 = v.iter().map(Complex64::norm_sqr).sum();
    std::array::from_fn(|i| {
        std::array::from_fn(|j| v[i] * v[j].conj() * (0.8 / norm) + if i == j { 0.05 } else { 0.0 })
    })
}

fn distance(a: &State, b: &State) -> f64 {
    (0..16).map(|k| (a[k / 4][k % 4] - b[k / 4][k % 4]).norm_sqr()).sum::<f64>().sqrt()
}

fn stored(rho: &State, node: usize, params: &MemoryParams) -> State {
    let mut ions = [Memory::none(); 2];
    ions[node] = Memory::new(params, 0.0).unwrap();
    Storage::new(ions, f64::INFINITY).apply(rho)
}

#[test]
fn a_memory_is_damping_dephasing_a_turn_pulses_and_loss_in_this_order() {
    let params = MemoryParams {
        t1_s: 2.0,
        t2_s: 0.7,
        loss_rate_hz: 0.2,
        frequency_offset_rad_per_s: 1.3,
        wait_s: AutoOr::Given(0.5),
        decoupling_pulses: 8,
        decoupling_pulse_error: 0.01,
        ..Default::default()
    };
    let decayed = 1.0 - math::exp(-0.5_f64 / 2.0);
    let damping =
        [real([[1.0, 0.0], [0.0, (1.0 - decayed).sqrt()]]), real([[0.0, decayed.sqrt()], [0.0, 0.0]])];
    // eight pulses make T2 four times as long
    let flip = 0.5 * (1.0 - math::exp(-0.5_f64 / 2.8));
    let dephasing = [
        real([[(1.0 - flip).sqrt(), 0.0], [0.0, (1.0 - flip).sqrt()]]),
        real([[flip.sqrt(), 0.0], [0.0, -flip.sqrt()]]),
    ];
    let turn = [[[Complex64::ONE, Complex64::ZERO], [Complex64::ZERO, math::phase(0.65)]]];
    let forgetting = |p: f64| {
        let each = (p / 4.0).sqrt();
        let kept = (1.0 - 0.75 * p).sqrt();
        let mut kraus = vec![real([[kept, 0.0], [0.0, kept]])];
        for pauli in [state::Pauli::X, state::Pauli::Y, state::Pauli::Z] {
            kraus.push(pauli.matrix().map(|row| row.map(|element| element * each)));
        }
        kraus
    };
    let lost = 1.0 - math::exp(-0.1_f64);
    for node in 0..2 {
        let mut expected = through(&uneven(), node, &damping);
        expected = through(&expected, node, &dephasing);
        expected = through(&expected, node, &turn);
        expected = through(&expected, node, &forgetting(1.0 - math::pow(0.99, 8.0)));
        expected = through(&expected, node, &forgetting(lost));
        assert!(distance(&stored(&uneven(), node, &params), &expected) < 1e-15, "node {node}");
        // the order matters: damping after the loss would be another channel
        let mut swapped = through(&uneven(), node, &forgetting(lost));
        swapped = through(&swapped, node, &damping);
        swapped = through(&swapped, node, &dephasing);
        swapped = through(&swapped, node, &turn);
        swapped = through(&swapped, node, &forgetting(1.0 - math::pow(0.99, 8.0)));
        assert!(distance(&stored(&uneven(), node, &params), &swapped) > 1e-3);
    }
}

#[test]
fn a_gaussian_memory_keeps_e_to_the_minus_square_of_the_ratio() {
    let kept = |wait_s| {
        let params = MemoryParams {
            t2_s: 0.2,
            decay: Decay::Gaussian,
            wait_s: AutoOr::Given(wait_s),
            ..Default::default()
        };
        stored(&psi_plus(), 1, &params)[1][2].re / 0.5
    };
    for ratio in [0.0_f64, 0.5, 1.0, 3.0] {
        assert!((kept(0.2 * ratio) - math::exp(-ratio * ratio)).abs() < 1e-15, "{ratio}");
    }
}

#[test]
fn a_memory_without_parameters_or_without_a_wait_changes_no_bit() {
    let nothing = MemoryParams { wait_s: AutoOr::Given(1e9), ..Default::default() };
    let at_once = MemoryParams {
        t1_s: 1e-300,
        t2_s: 1e-300,
        loss_rate_hz: 1e18,
        frequency_offset_rad_per_s: 1e18,
        ..Default::default()
    };
    for params in [nothing, at_once] {
        assert_eq!(stored(&uneven(), 0, &params), uneven());
    }
    let storage = Storage::new([Memory::none(); 2], f64::INFINITY);
    assert_eq!(storage, Storage::none());
    assert_eq!(storage.leakage(0.125), 0.125);
}

#[test]
fn certain_errors_leave_nothing_and_no_pulse_makes_none() {
    let params = |decoupling_pulses| MemoryParams {
        decoupling_pulses,
        decoupling_pulse_error: 1.0,
        ..Default::default()
    };
    assert_eq!(stored(&psi_plus(), 0, &params(0)), psi_plus());
    assert!(distance(&stored(&psi_plus(), 0, &params(1)), &state::forgotten(&psi_plus(), 0)) < 1e-15);
    let gone = MemoryParams { t1_s: 1e-300, wait_s: AutoOr::Given(1.0), ..Default::default() };
    // |01> + |10> with ion A in |0>: ion B is a coin
    let rho = stored(&psi_plus(), 0, &gone);
    assert!(distance(&rho, &state::diagonal_product([1.0, 0.0], [0.5, 0.5])) < 1e-15);
}

fn waiting(wait_s: [f64; 2], collective_t2_s: f64) -> Storage {
    let ion = |wait_s| {
        Memory::new(&MemoryParams { wait_s: AutoOr::Given(wait_s), ..Default::default() }, 0.0).unwrap()
    };
    Storage::new(wait_s.map(ion), collective_t2_s)
}

#[test]
fn a_shared_field_is_the_mean_over_its_offsets() {
    // the offset w has the standard deviation √2/T, so that <exp(i w t)> = exp(-(t/T)²)
    let (time_s, waits_s) = (0.8, [0.5, 0.3]);
    let deviation = std::f64::consts::SQRT_2 / time_s;
    let mut expected = state::ZERO;
    let mut weights = 0.0;
    for step in -4000..=4000 {
        let w = deviation * f64::from(step) * 2e-3;
        let weight = math::exp(-0.5 * (w / deviation) * (w / deviation));
        let turned = state::turned(&uneven(), 0, math::phase(w * waits_s[0]));
        state::add(&mut expected, &state::turned(&turned, 1, math::phase(w * waits_s[1])), weight);
        weights += weight;
    }
    let expected = state::scaled(&expected, 1.0 / weights);
    assert!(distance(&waiting(waits_s, time_s).apply(&uneven()), &expected) < 1e-13);
}

#[test]
fn psi_is_immune_to_a_shared_field_and_phi_decays_four_times_as_fast() {
    let rho = waiting([0.5, 0.5], 0.25).apply(&psi_plus());
    assert_eq!(rho, psi_plus());
    let phi = *HeraldedState::ideal().state(BellState::PhiPlus);
    let kept = waiting([0.1, 0.1], 0.25).apply(&phi)[0][3].re / 0.5;
    assert!((kept - math::exp(-4.0_f64 * 0.16)).abs() < 1e-15);
    // waits that differ leave psi the square of the difference
    let kept = waiting([0.5, 0.4], 0.25).apply(&psi_plus())[1][2].re / 0.5;
    assert!((kept - math::exp(-0.16_f64)).abs() < 1e-15);
}

#[test]
fn losses_add_to_the_leakage() {
    let ion = |loss_rate_hz| {
        let params = MemoryParams { loss_rate_hz, wait_s: AutoOr::Given(0.5), ..Default::default() };
        Memory::new(&params, 0.0).unwrap()
    };
    let storage = Storage::new([ion(0.2), ion(0.6)], f64::INFINITY);
    assert!((storage.leakage(0.1) - (1.0 - 0.9 * math::exp(-0.4_f64))).abs() < 1e-15);
    assert!(storage.leakage(f64::NAN).is_nan());
}

#[test]
fn memories_outside_their_domain_are_refused_by_name() {
    let neutral = MemoryParams::default;
    for (params, name) in [
        (MemoryParams { t1_s: 0.0, ..neutral() }, "t1_s"),
        (MemoryParams { t2_s: f64::NAN, ..neutral() }, "t2_s"),
        (MemoryParams { loss_rate_hz: -1.0, ..neutral() }, "loss_rate_hz"),
        (
            MemoryParams { frequency_offset_rad_per_s: f64::INFINITY, ..neutral() },
            "frequency_offset_rad_per_s",
        ),
        (MemoryParams { wait_s: AutoOr::Given(-1.0), ..neutral() }, "wait_s"),
        (MemoryParams { wait_s: AutoOr::Given(f64::INFINITY), ..neutral() }, "wait_s"),
        (MemoryParams { decoupling_pulses: u64::MAX, ..neutral() }, "decoupling_pulses"),
        (MemoryParams { decoupling_exponent: -0.1, ..neutral() }, "decoupling_exponent"),
        (MemoryParams { decoupling_pulse_error: 1.5, ..neutral() }, "decoupling_pulse_error"),
    ] {
        let error = params.check().unwrap_err().to_string();
        assert!(error.contains(&format!("`{name}`")), "{error}");
    }
}

fn published(rho: &State, bell_state: &str) -> HeraldedStateParams {
    HeraldedStateParams {
        real: rho.map(|row| row.map(|element| element.re)),
        imag: rho.map(|row| row.map(|element| element.im)),
        bell_state: bell_state.into(),
    }
}

#[test]
fn a_published_state_is_carried_to_the_other_bell_states() {
    let given = HeraldedState::new(&published(&uneven(), "psi+")).unwrap();
    assert!(distance(given.state(BellState::PsiPlus), &uneven()) < 1e-15);
    let fidelity = state::overlap(&uneven(), BellState::PsiPlus);
    for bell in BellState::ALL {
        let rho = given.state(bell);
        assert!((state::overlap(rho, bell) - fidelity).abs() < 1e-15, "{bell:?}");
        // ion A does not notice
        assert!(distance(&state::forgotten(rho, 1), &state::forgotten(&uneven(), 1)) < 1e-15);
    }
}

#[test]
fn matrices_that_are_no_states_are_refused() {
    let refused = |rho: &State| HeraldedState::new(&published(rho, "psi+")).unwrap_err().to_string();
    let mut rho = uneven();
    rho[0][1].re += 1e-6;
    assert!(refused(&rho).contains("`real`") && refused(&rho).contains("Hermitian"), "{}", refused(&rho));
    let mut rho = uneven();
    rho[2][2].im += 1e-6;
    assert!(refused(&rho).contains("`imag`"), "{}", refused(&rho));
    let trace = refused(&state::scaled(&uneven(), 0.999));
    assert!(trace.contains("trace") && trace.contains("nearest_state"), "{trace}");
    // eigenvalues 1/2 ± 0.6 on |01>, |10>
    let mut rho = psi_plus();
    (rho[1][2].re, rho[2][1].re) = (0.6, 0.6);
    let negative = refused(&rho);
    assert!(negative.contains("-1.000e-1") && negative.contains("nearest_state"), "{negative}");
    let mut rho = uneven();
    rho[3][0].im = f64::NAN;
    assert!(refused(&rho).contains("`imag.3.0`"));
    let misnamed = HeraldedState::new(&published(&uneven(), "psi")).unwrap_err().to_string();
    assert!(misnamed.contains("`bell_state`"), "{misnamed}");
    // rounding in the tenth digit is no offense, and leaves no trace of itself
    let rounded = HeraldedState::new(&published(&state::scaled(&uneven(), 1.0 + 5e-10), "psi+")).unwrap();
    assert!((state::trace(rounded.state(BellState::PsiPlus)) - 1.0).abs() < 1e-15);
}
