//! Every encoding and every imperfection against a formula that can be derived on paper.
#![expect(clippy::unwrap_used, reason = "a test says what failed by failing")]
#![expect(clippy::manual_midpoint, reason = "(1 + M)/2 is the formula everybody knows")]

use ionlink_core::{BasicLinkParams, BellState, Cause, EngineChoice, Key, Link, Plan, Run, Stop};

const LIFETIME_S: f64 = 8e-9;
/// Long enough that nothing of a photon is left.
const WINDOW_S: f64 = 400e-9;

fn basic(encoding: &str) -> BasicLinkParams {
    BasicLinkParams {
        encoding: encoding.into(),
        efficiency: [0.02, 0.01],
        lifetime_s: [LIFETIME_S; 2],
        mode_overlap: 0.9,
        window_duration_s: WINDOW_S,
        bright_fraction: (encoding == "number").then_some([0.05; 2]),
        ..Default::default()
    }
}

/// A link file with these extra lines before, inside and behind its tables.
fn link(top: &str, encoding: &str, emission: &str, station: &str) -> Link {
    let node = |name: &str, efficiency: f64| {
        format!(
            "[[nodes]]\nname = \"{name}\"\n[nodes.emission]\n{emission}\n[nodes.collection]\n\
             kind = \"measured_efficiency\"\nefficiency = {efficiency}\nincludes = [\"collection\"]\n"
        )
    };
    let text = format!(
        "mode_overlap = 0.9\n{top}\n[encoding]\n{encoding}\n{}{}[station]\nwindow_duration_s = {WINDOW_S:e}\n{station}\n\
         [schedule]\nattempt_period_s = 2e-6\n",
        node("a", 0.02),
        node("b", 0.01)
    );
    Link::from_toml(&text).unwrap()
}

const PLAIN: &str = "lifetime_s = 8e-9";

#[track_caller]
fn assert_close(actual: f64, expected: f64) {
    assert!((actual - expected).abs() < 1e-9 * expected.abs(), "{actual} instead of {expected}");
}

fn sampled(link: &Link, engine: EngineChoice, heralds: u64, coincidences: bool) -> Run {
    let plan = Plan {
        engine,
        record_coincidences: coincidences,
        ..Plan::new(Key::from_seed(11), Stop::Heralds(heralds))
    };
    link.sample(&plan, &mut |_| true).unwrap()
}

#[test]
fn a_rotation_in_one_arm_costs_the_square_of_its_cosine_and_no_heralds() {
    for angle in [0.0, 0.2, 0.7, 1.5] {
        let paths = format!("paths = [[], [{{ kind = \"rotation\", angle_rad = {angle} }}]]");
        let exact = link(&paths, "kind = \"polarization\"", PLAIN, "").exact().unwrap().clone();
        assert_close(exact.herald_probability, 0.02 * 0.01 / 2.0);
        let cosine = libm::cos(angle);
        assert!((exact.fidelity - cosine * cosine * 1.9 / 2.0).abs() < 1e-12, "{angle}");
        // where polarization carries nothing it only makes photons distinguishable: M cos²
        let exact =
            link(&paths, "kind = \"time-bin\"\nbin_separation_s = 5e-7", PLAIN, "").exact().unwrap().clone();
        assert!((exact.fidelity - (1.0 + 0.9 * cosine * cosine) / 2.0).abs() < 1e-12, "{angle}");
    }
}

#[test]
fn limits_of_every_encoding() {
    let (product, overlap) = (0.02 * 0.01, 0.9);
    for encoding in ["polarization", "time-bin"] {
        let exact = basic(encoding).checked().unwrap().exact().unwrap().clone();
        assert_close(exact.herald_probability, product / 2.0);
        assert_close(exact.fidelity, (1.0 + overlap) / 2.0);
    }
    let rounds = link("", "kind = \"barrett-kok\"\nround_separation_s = 1e-6", PLAIN, "");
    let exact = rounds.exact().unwrap();
    assert_close(exact.herald_probability, product / 2.0);
    assert_close(exact.fidelity, (1.0 + overlap) / 2.0);
    assert_eq!(exact.outcomes.len(), 2);
    // frequency: the splitting is fast, so what beats averages out to (w tau)^-2
    let fast = BasicLinkParams { mode_splitting_rad_per_s: 1e14, ..basic("frequency") };
    let exact = fast.checked().unwrap().exact().unwrap().clone();
    assert_close(exact.herald_probability, product * (2.0 - overlap) / 4.0);
    assert_close(exact.fidelity, (1.0 + overlap) / (4.0 - 2.0 * overlap));
}

#[test]
fn phase_noise_between_rounds_turns_as_the_mean_of_its_cosine() {
    let rounds = link(
        "",
        "kind = \"barrett-kok\"\nround_separation_s = 1e-6\nphase_jitter_rad = [0.3, 0.4]",
        PLAIN,
        "",
    );
    assert_close(rounds.exact().unwrap().fidelity, (1.0 + 0.9 * libm::exp(-0.125)) / 2.0);
}

#[test]
fn errors_of_time_bins() {
    let bins = |lines: &str| {
        let encoding = format!("kind = \"time-bin\"\nbin_separation_s = 5e-7\n{lines}");
        link("", &encoding, PLAIN, "").exact().unwrap().clone()
    };
    // coherence lost between the bins
    let exact = bins("coherence_time_s = [5e-6, 1e-5]");
    assert_close(exact.fidelity, (1.0 + 0.9 * libm::exp(-0.1 - 0.05)) / 2.0);
    // decays of node A to the other ground state: early photons filtered, and the ion late instead
    let w = 0.2;
    let exact = bins("wrong_decay_probability = [0.2, 0.0]");
    assert_close(exact.herald_probability, 2e-4 * (1.0 - w) * (2.0 + w) / 4.0);
    let fidelity = ((1.0 - w) / 2.0 * 0.95 + w * (1.0 - w) / 8.0) / ((1.0 - w) * (2.0 + w) / 4.0);
    assert_close(exact.fidelity, fidelity);
    // a rotation that misses with m: to second order in the efficiencies the good part, two photons of ion A alone
    // (fidelity 1/4), and one of each with ion A in |1> (fidelity 1/2 or 0)
    let m = libm::pow(libm::sin(0.25), 2.0);
    let exact = bins("rotation_error_rad = [0.5, 0.0]");
    let (good, alone, each) = ((1.0 - m) / 2.0 * 2e-4, m / 2.0 * 4e-4, m / 4.0 * 2e-4);
    let probability = good + alone + 2.0 * each;
    assert!((exact.herald_probability - probability).abs() < 0.03 * probability);
    let fidelity = (good * 0.95 + alone / 4.0 + each / 2.0) / probability;
    assert!((exact.fidelity - fidelity).abs() < 1e-3, "{} {fidelity}", exact.fidelity);
    let same_node: f64 = exact.patterns.iter().map(|pattern| pattern.probability_of(Cause::SameNode)).sum();
    assert!((same_node - alone - each).abs() < 0.03 * (alone + each));
}

#[test]
fn an_erasure_check_trades_heralds_for_leakage() {
    let with = |lines: &str| {
        let encoding = format!("kind = \"time-bin\"\nbin_separation_s = 5e-7\n{lines}");
        let emission = "lifetime_s = 8e-9\nexcitation_probability = 0.8";
        link("", &encoding, emission, "detectors = { dark_count_rate_hz = 1e4 }").exact().unwrap().clone()
    };
    let without = with("");
    let ideal = with("erasure_check = { detection_probability = 1.0, kept_fraction = 1.0 }");
    assert!(without.leakage > 0.1 && ideal.leakage == 0.0);
    assert_close(ideal.herald_probability, without.herald_probability * (1.0 - without.leakage));
    assert!(ideal.fidelity > without.fidelity);
    let lossy = with("erasure_check = { detection_probability = 1.0, kept_fraction = 0.9 }");
    assert_close(lossy.herald_probability, 0.81 * ideal.herald_probability);
}

#[test]
fn double_emission_adds_a_photon_of_its_own_cause() {
    let pulse = "lifetime_s = 8e-9\npulse_duration_s = 0.8e-9\nreturn_mode = 0";
    let exact = link("", "kind = \"polarization\"", pulse, "").exact().unwrap().clone();
    // r = 1/2: every second decay returns
    let double = ionlink_core::emission::pulse::double_emission_probability(0.8e-9, 8e-9, 0.5);
    assert!((double - 0.5 * 0.1 / 8.0).abs() < 0.04 * double);
    let caused: f64 =
        exact.patterns.iter().map(|pattern| pattern.probability_of(Cause::DoubleEmission)).sum();
    // second order: the first photon, always of mode 0, with its own ion's or the other ion's photon of mode 1
    let expected = double * (0.02 * 0.02 + 0.01 * 0.01 + 2.0 * 0.02 * 0.01) / 2.0;
    assert!((caused - expected).abs() < 0.05 * expected, "{caused} {expected}");
    // without a pulse nothing of it is there
    let exact = link("", "kind = \"polarization\"", PLAIN, "").exact().unwrap().clone();
    assert!(exact.patterns.iter().all(|pattern| pattern.probability_of(Cause::DoubleEmission) == 0.0));
}

#[test]
fn a_polarizers_leak_flips_the_mode_that_is_read() {
    let ratio = 19.0;
    let exact =
        link("", "kind = \"polarization\"", PLAIN, "extinction_ratio = 19.0").exact().unwrap().clone();
    // of two photons one read wrong makes equal modes of opposite ones: 2 l (1 - l) of the equal pairs, bunched or not
    let leak = 1.0 / (1.0 + ratio);
    let right = (1.0 - leak) * (1.0 - leak) + leak * leak;
    let outcome =
        |bell: BellState| exact.outcomes.iter().find(|outcome| outcome.bell_state == bell).unwrap().clone();
    // same port: opposite modes read as they are; equal modes stay in one port with (1 + M)/2
    let same = 2e-4 * (0.25 * right + 0.5 * (1.9 / 2.0) * 2.0 * leak * (1.0 - leak));
    assert_close(outcome(BellState::PsiPlus).probability, same);
}

#[test]
fn noise_photons_of_a_converter_are_dark_counts_behind_what_follows() {
    let converter = "{ kind = \"converter\", efficiency = 0.5, noise_rate_hz = 1e5 }";
    let behind = "{ kind = \"loss\", transmission = 0.25 }";
    let with = |path: String| {
        let text = format!("paths = [{path}, [{{ kind = \"loss\", transmission = 0.125 }}]]");
        link(&text, "kind = \"polarization\"", PLAIN, "").exact().unwrap().clone()
    };
    let noisy = with(format!("[{converter}, {behind}]"));
    // 1e5 per second, a quarter of it behind the loss, unpolarized and split: a quarter of that in each slot
    let rate = 1e5 * 0.25 / 4.0;
    let silent = BasicLinkParams {
        efficiency: [0.02 * 0.125, 0.01 * 0.125],
        dark_count_rate_hz: rate,
        ..basic("polarization")
    };
    let expected = silent.checked().unwrap().exact().unwrap().clone();
    assert_close(noisy.herald_probability, expected.herald_probability);
    assert_close(noisy.fidelity, expected.fidelity);
    // noise born before the loss is not attenuated by what came before it
    let early = with(format!("[{behind}, {converter}]"));
    assert!(early.fidelity < noisy.fidelity);
}

#[test]
fn a_tighter_coincidence_window_and_feed_forward_restore_a_detuned_pair() {
    let detuned = |window_s: Option<f64>, phase_feed_forward: bool| {
        let params = BasicLinkParams {
            detuning_rad_per_s: [0.0, 1e8],
            mode_overlap: 1.0,
            coincidence_window_s: window_s,
            phase_feed_forward,
            ..basic("polarization")
        };
        params.checked().unwrap().exact().unwrap().clone()
    };
    let rate = 1.0 / LIFETIME_S;
    let mut last = 0.0;
    for window_s in [40e-9, 20e-9, 10e-9, 5e-9, 1e-9] {
        let exact = detuned(Some(window_s), false);
        let kept = -libm::expm1(-rate * window_s);
        assert_close(exact.herald_probability, 1e-4 * kept);
        // 1/2 [1 + Re(G (1 - e^{-z W})/z)/kept], z = G - i d
        let z = num_complex::Complex64::new(rate, -1e8);
        let decay = libm::exp(-z.re * window_s);
        let turn = num_complex::Complex64::new(libm::cos(z.im * window_s), -libm::sin(z.im * window_s));
        let turned = (rate * (1.0 - decay * turn) / z).re / kept;
        assert_close(exact.fidelity, 0.5 * (1.0 + turned));
        assert!(exact.fidelity > last);
        last = exact.fidelity;
    }
    // with the time stamps nothing is lost
    let restored = detuned(None, true);
    assert_close(restored.fidelity, 1.0);
    assert_close(restored.herald_probability, 1e-4);
    assert!(detuned(None, false).fidelity < 0.81);
}

/// Mean of cos(w t) over values, with its standard error.
fn mean_cosine(differences: impl Iterator<Item = f64>, w: f64) -> (f64, f64) {
    let values: Vec<f64> = differences.map(|difference| libm::cos(w * difference)).collect();
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / n;
    (mean, (variance / n).sqrt())
}

/// Five standard deviations, 6e-7 two-sided.
const SIGMAS: f64 = 5.0;

#[test]
fn beats_are_where_the_ions_do_not_tell_the_photons_apart() {
    let w = 5e8;
    // of two-sided exponential differences: 1/(1 + w² tau²)
    let plain = |w: f64| 1.0 / (1.0 + w * w * LIFETIME_S * LIFETIME_S);
    // with the density times 1 - cos(w t)
    let beating = (plain(w) - 0.5 * (1.0 + plain(2.0 * w))) / (1.0 - plain(w));
    let perfect =
        |encoding: &str| BasicLinkParams { efficiency: [0.3; 2], mode_overlap: 1.0, ..basic(encoding) };
    for engine in [EngineChoice::Photon, EngineChoice::Click] {
        for encoding in ["polarization", "time-bin"] {
            let link =
                BasicLinkParams { detuning_rad_per_s: [0.0, w], ..perfect(encoding) }.checked().unwrap();
            let run = sampled(&link, engine, 20_000, true);
            // heralds: orthogonal states of the ions, no beat
            let (mean, error) = mean_cosine(run.heralds.click_time_s.iter().map(|[a, b]| a - b), w);
            assert!((mean - plain(w)).abs() < SIGMAS * error, "{encoding} {engine:?}: {mean} {error}");
            // coincidences of one mode: both ions in one state
            let times = run.coincidences.click_time_s.iter().map(|[a, b]| a - b);
            assert!(times.len() > 5000);
            let (mean, error) = mean_cosine(times, w);
            assert!((mean - beating).abs() < SIGMAS * error, "{encoding} {engine:?}: {mean} {error}");
            // negative control: the two are far apart
            assert!((plain(w) - beating).abs() > 20.0 * error);
        }
        let link = BasicLinkParams { mode_splitting_rad_per_s: w, ..perfect("frequency") }.checked().unwrap();
        let run = sampled(&link, engine, 20_000, false);
        let (mean, error) = mean_cosine(run.heralds.click_time_s.iter().map(|[a, b]| a - b), w);
        assert!((mean - beating).abs() < SIGMAS * error, "frequency {engine:?}: {mean} {error}");
        // the same splitting leaves no trace where the mode is read
        let link =
            BasicLinkParams { mode_splitting_rad_per_s: w, ..perfect("polarization") }.checked().unwrap();
        let run = sampled(&link, engine, 20_000, false);
        let (mean, error) = mean_cosine(run.heralds.click_time_s.iter().map(|[a, b]| a - b), w);
        assert!((mean - plain(w)).abs() < SIGMAS * error, "polarization {engine:?}: {mean} {error}");
    }
}

#[test]
fn an_unpulsed_offset_delays_one_photon() {
    // 1 m of fiber more in one arm: without compensation the overlap is exp(-d/tau)
    let fiber = "{ kind = \"fiber\", length_m = 1.0, attenuation_db_per_km = 0.0, group_index = 1.5 }";
    let paths = |offset: &str| format!("paths = [[], [{fiber}]]\n{offset}");
    let exact =
        |offset: &str| link(&paths(offset), "kind = \"polarization\"", PLAIN, "").exact().unwrap().clone();
    assert_close(exact("").fidelity, 0.95);
    assert_close(exact("pulse_offset_s = \"auto\"").fidelity, 0.95);
    let delay_s = 1.5 / 299_792_458.0;
    let late = exact("pulse_offset_s = [0.0, 0.0]").fidelity;
    assert_close(late, (1.0 + 0.9 * libm::exp(-delay_s / LIFETIME_S)) / 2.0);
    // the pulse of the nearer node later by the same time
    assert_close(exact(&format!("pulse_offset_s = [{delay_s:e}, 0.0]")).fidelity, 0.95);
}

#[test]
fn jitter_diffusion_and_restarts_cost_the_overlap_of_their_mixtures() {
    let exact = |lines: &str| {
        link("", "kind = \"polarization\"", &format!("lifetime_s = 8e-9\n{lines}"), "window_start_s = -2e-8")
            .exact()
            .unwrap()
            .clone()
    };
    // two starts d apart, each with 1/2: half of the pairs start together, the others overlap by exp(-d/tau)
    let restarts =
        "wavepacket = { kind = \"exponential\", restarts = [{ delay_s = 4e-9, probability = 0.5 }] }";
    let overlap = 0.5 + 0.5 * libm::exp(-0.5);
    assert_close(exact(restarts).fidelity, (1.0 + 0.9 * overlap) / 2.0);
    // Gaussian jitter s of both: mean of exp(-|u|/tau) over u of variance 2 s²: exp(y²) erfc(y), y = s/tau
    let y = 2.0 / 8.0;
    let overlap = libm::exp(y * y) * libm::erfc(y);
    assert_close(exact("arrival_jitter_s = 2e-9").fidelity, (1.0 + 0.9 * overlap) / 2.0);
    // spectral diffusion s of both: mean of 1/(1 + u² tau²) over u of variance 2 s²: sqrt(pi) y exp(y²) erfc(y)
    let y = 1.0 / (2.0 * 5e7 * LIFETIME_S);
    let overlap = std::f64::consts::PI.sqrt() * y * libm::exp(y * y) * libm::erfc(y);
    assert_close(exact("spectral_diffusion_rad_per_s = 5e7").fidelity, (1.0 + 0.9 * overlap) / 2.0);
}

#[test]
fn number_encoding_loses_bright_ions_alone_to_other_decays() {
    let (alpha, branching) = (0.01, 0.73);
    let encoding = format!("kind = \"number\"\nbright_fraction = [{alpha}, {alpha}]");
    let emission = format!("lifetime_s = 8e-9\nbranching_ratio = {branching}");
    let node = link("", &encoding, &emission, "").exact().unwrap().clone();
    // a herald comes from a bright ion that stayed; the other one left with alpha (1 - b)
    assert!((node.leakage - alpha * (1.0 - branching)).abs() < 1e-4, "{}", node.leakage);
    let efficiency = (0.02 + 0.01) * branching;
    assert!((node.herald_probability - alpha * efficiency).abs() < 1e-3 * node.herald_probability);
    // an excitation that fails costs photons and no fidelity to first order
    let weak =
        link("", &encoding, "lifetime_s = 8e-9\nexcitation_probability = 0.5", "").exact().unwrap().clone();
    let full = link("", &encoding, PLAIN, "").exact().unwrap().clone();
    assert!((weak.herald_probability / full.herald_probability - 0.5).abs() < 1e-2);
    assert!((weak.fidelity - full.fidelity).abs() < 1e-2 * full.fidelity);
}

#[test]
fn optics_before_or_behind_a_receivers_port_are_the_same() {
    let with = |lines: &str| {
        let text = format!(
            "{lines}[encoding]\nkind = \"ion-photon\"\n[[nodes]]\nname = \"a\"\n[nodes.emission]\nlifetime_s = 8e-9\n\
             [nodes.collection]\nkind = \"measured_efficiency\"\nefficiency = 0.1\nincludes = [\"collection\"]\n"
        );
        let station = |port: &str| {
            format!("[station]\nwindow_duration_s = 4e-7\n{port}\n[schedule]\nattempt_period_s = 2e-6\n")
        };
        move |port: &str| Link::from_toml(&(text.clone() + &station(port))).unwrap().exact().unwrap().clone()
    };
    let rotation = "[{ kind = \"rotation\", angle_rad = 0.5 }]";
    let before = with(&format!("paths = [{rotation}]\n"))("");
    let behind = with("")(&format!("port_optics = [{rotation}, []]"));
    assert_close(behind.fidelity, before.fidelity);
    assert_close(before.fidelity, libm::cos(0.5) * libm::cos(0.5));
    // a receiver's dark clicks: one half of each state of the photon
    let dark = with("")("detectors = { dark_count_rate_hz = 1e4 }");
    let b = -libm::expm1(-4e-3);
    let (photon, none) = (0.1 * (1.0 - b), 2.0 * 0.9 * b * (1.0 - b));
    assert_close(dark.herald_probability, photon + none);
    assert_close(dark.fidelity, (photon + none / 4.0) / (photon + none));
}
