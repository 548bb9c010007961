//! States given a record: those of photons alike in time, which are computed once, against those of photons that differ by a
//! trifle, which are computed for every record.
#![expect(clippy::unwrap_used, reason = "a test says what failed by failing")]

use ionlink_core::{
    BasicLinkParams, Cause, EngineChoice, Error, Given, Key, Link, Plan, Precision, State, Stop,
};

fn base(encoding: &str) -> BasicLinkParams {
    BasicLinkParams {
        encoding: encoding.into(),
        efficiency: [0.3, 0.2],
        lifetime_s: [8e-9; 2],
        delay_s: [1e-9; 2],
        mode_overlap: 0.9,
        ion_photon_fidelity: [0.97, 0.95],
        amplitudes: (encoding != "number").then_some([[0.6, 0.8], [0.8, 0.6]]),
        bright_fraction: (encoding == "number").then_some([0.2, 0.1]),
        mode_splitting_rad_per_s: if encoding == "frequency" { 5e8 } else { 0.0 },
        dark_count_rate_hz: 1e6,
        window_duration_s: 40e-9,
        ..Default::default()
    }
}

fn states(params: &BasicLinkParams, of: &Link) -> (Vec<u8>, Vec<State>) {
    let link = Link::new(params.clone().link().unwrap()).unwrap();
    let plan = Plan { engine: EngineChoice::Click, ..Plan::new(Key::from_seed(3), Stop::Heralds(500)) };
    let run = of.sample(&plan, &mut |_| true).unwrap();
    (run.heralds.cause.clone(), link.states(run.heralds.records(), Given::Cause).unwrap())
}

fn largest_difference(a: &State, b: &State) -> f64 {
    let elements = a.as_flattened().iter().zip(b.as_flattened());
    elements.map(|(a, b)| (a - b).norm_sqr().sqrt()).fold(0.0, f64::max)
}

#[test]
fn photons_alike_leave_the_states_of_photons_that_hardly_differ() {
    for encoding in ["polarization", "time-bin", "frequency", "number"] {
        let link = Link::new(base(encoding).link().unwrap()).unwrap();
        let (causes, alike) = states(&base(encoding), &link);
        let differing =
            |relative: f64| BasicLinkParams { lifetime_s: [8e-9, 8e-9 * (1.0 + relative)], ..base(encoding) };
        let (_, other) = states(&differing(1e-10), &link);
        // the exponents differ by 1e-10 times at most 5 lifetimes
        for (one, two) in alike.iter().zip(&other) {
            assert!(largest_difference(one, two) < 1e-8, "{encoding}: {one:?} {two:?}");
        }
        if encoding == "number" {
            continue;
        }
        assert!(causes.contains(&(Cause::PhotonPhoton as u8)) && causes.contains(&(Cause::PhotonDark as u8)));
        // negative control: times do matter to photons of unequal lifetimes
        let (_, unequal) = states(&differing(0.5), &link);
        let apart = alike.iter().zip(&unequal).map(|(one, two)| largest_difference(one, two));
        assert!(apart.fold(0.0, f64::max) > 1e-2, "{encoding}");
    }
}

#[test]
fn a_state_does_not_depend_on_the_records_beside_it() {
    for encoding in ["polarization", "time-bin"] {
        let link = Link::new(base(encoding).link().unwrap()).unwrap();
        let plan = Plan::new(Key::from_seed(4), Stop::Heralds(60));
        let heralds = link.sample(&plan, &mut |_| true).unwrap().heralds;
        let all = link.states(heralds.records(), Given::Cause).unwrap();
        for (index, state) in all.iter().enumerate() {
            let alone = link.states(heralds.records().part(index..index + 1), Given::Cause).unwrap();
            assert_eq!(alone, [*state]);
        }
    }
}

#[test]
fn a_precision_that_cannot_be_known_is_refused() {
    let node = |name: &str| {
        format!(
            "[[nodes]]\nname = \"{name}\"\nemission = {{ lifetime_s = 8e-9, wavepacket = {{ kind = \"smeared\", rise_s = 1e-9 }} }}\n\
             collection = {{ kind = \"measured_efficiency\", efficiency = 0.4, includes = [\"collection\"] }}\n\
             [[nodes.motion]]\nlamb_dicke = 0.2\nfrequency_rad_per_s = 1e10\nmean_phonons = 5.0\n"
        )
    };
    let text = format!(
        "{}{}[station]\nwindow_duration_s = 40e-9\n[schedule]\nattempt_period_s = 1e-6\n",
        node("a"),
        node("b")
    );
    let link = Link::from_toml(&text).unwrap();
    let until = Precision { fidelity: Some(1e-4), herald_probability: None };
    let plan = Plan {
        engine: EngineChoice::Click,
        until: Some(until),
        ..Plan::new(Key::from_seed(1), Stop::Attempts(1 << 40))
    };
    let error = link.sample(&plan, &mut |_| true).unwrap_err();
    assert!(matches!(error, Error::Model { .. }), "{error}");
}
