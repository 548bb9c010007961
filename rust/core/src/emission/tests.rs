use super::*;

fn params() -> EmissionParams {
    EmissionParams {
        lifetime_s: Some(7.39e-9),
        preparation_probability: 0.99,
        excitation_probability: 0.97,
        branching_ratio: Some(0.95),
        ..EmissionParams::default()
    }
}

fn refused(params: &EmissionParams) -> String {
    Emission::new(params).unwrap_err().to_string()
}

fn tabulated() -> WavePacketParams {
    WavePacketParams::Tabulated(TabulatedParams {
        times_s: vec![0.0, 1e-8, 5e-8],
        intensity: vec![0.0, 1.0, 0.0],
        restarts: vec![],
    })
}

fn exponential(restarts: &[(f64, f64)]) -> WavePacketParams {
    let restarts =
        restarts.iter().map(|&(delay_s, probability)| RestartParams { delay_s, probability }).collect();
    WavePacketParams::Exponential(ExponentialParams { restarts })
}

#[test]
fn photon_probability_is_the_product_of_its_steps() {
    let emission = Emission::new(&params()).unwrap();
    assert!((emission.photon_probability() - 0.99 * 0.97 * 0.95).abs() < 1e-15);
    assert!(emission.branching_given && emission.double.is_none());
    let emission = Emission::new(&EmissionParams { branching_ratio: None, ..params() }).unwrap();
    assert_eq!(emission.branching_ratio, 1.0);
    assert!(!emission.branching_given);
}

#[test]
fn amplitudes_off_the_unit_circle_are_refused_not_renormalized() {
    assert_eq!(
        refused(&EmissionParams { amplitudes: [0.5, 0.5], ..params() }),
        "`amplitudes` must be a pair whose squares sum to 1, got [0.5, 0.5], whose squares sum to 0.5"
    );
}

#[test]
fn the_default_packet_is_the_plain_exponential() {
    let emission =
        Emission::new(&EmissionParams { detuning_rad_per_s: 3e7, dephasing_rate_hz: 2e6, ..params() });
    let packet = emission.unwrap().packet;
    assert_eq!(packet, WavePacket::exponential(7.39e-9, 0.0, 3e7, 2e6));
    let parts = packet.delayed(1e-9).exponential_parts().unwrap();
    assert_eq!((parts.lifetime_s, parts.delay_s), (7.39e-9, 1e-9));
}

#[test]
fn the_lifetime_is_needed_unless_the_packet_is_tabulated() {
    let missing = Error::MissingField { path: "lifetime_s".into(), position: None };
    assert_eq!(Emission::new(&EmissionParams { lifetime_s: None, ..params() }), Err(missing.clone()));
    let wavepacket = WavePacketParams::Smeared(SmearedParams { rise_s: 1e-10, restarts: vec![] });
    let smeared = EmissionParams { lifetime_s: None, wavepacket, ..params() };
    assert_eq!(Emission::new(&smeared), Err(missing));
    let table = EmissionParams { wavepacket: tabulated(), ..params() };
    assert_eq!(
        refused(&table),
        "`lifetime_s` must be left out beside a tabulated wave packet (s), got 0.00000000739"
    );
    let emission = Emission::new(&EmissionParams { lifetime_s: None, ..table }).unwrap();
    assert_eq!(emission.packet.lifetime_s(), None);
    assert_eq!(emission.packet.decay_s(), 5e-8);
}

#[test]
fn an_ion_and_its_line_go_together() {
    let [ion, line] = ["88Sr+", "422"].map(|name| Some(name.to_string()));
    let only_ion = EmissionParams { ion: ion.clone(), ..params() };
    assert_eq!(refused(&only_ion), "`line` is missing and has no neutral default");
    let only_line = EmissionParams { line, ..params() };
    assert_eq!(refused(&only_line), "`ion` is missing and has no neutral default");
    assert_eq!(
        refused(&EmissionParams { wavelength_nm: Some(0.0), ..params() }),
        "`wavelength_nm` must be finite and above 0 (nm), got 0"
    );
}

#[test]
fn numbers_outside_their_domain_are_refused_by_name() {
    let jitter = EmissionParams { arrival_jitter_s: 1e-2, ..params() };
    assert!(refused(&jitter).starts_with("`arrival_jitter_s` must be at most 1e6 lifetimes, 7.39"));
    let diffusion = EmissionParams { spectral_diffusion_rad_per_s: -1.0, ..params() };
    assert!(refused(&diffusion).starts_with("`spectral_diffusion_rad_per_s` must be in [0e0, 1e18] (rad/s)"));
    let rise = WavePacketParams::Smeared(SmearedParams { rise_s: -1e-9, restarts: vec![] });
    assert!(
        refused(&EmissionParams { wavepacket: rise, ..params() })
            .starts_with("`wavepacket.rise_s` must be in [0e0, 1e3] (s)")
    );
    let with =
        |restarts: &[(f64, f64)]| refused(&EmissionParams { wavepacket: exponential(restarts), ..params() });
    assert!(
        with(&[(1e-9, 0.1), (-1e-9, 0.1)]).starts_with("`wavepacket.restarts.1.delay_s` must be in [0e0")
    );
    assert!(with(&[(1e-9, 1.1)]).starts_with("`wavepacket.restarts.0.probability` must be in [0, 1]"));
    assert_eq!(
        with(&[(1e-9, 0.75), (2e-9, 0.5)]),
        "`wavepacket.restarts` must be of probabilities whose sum is at most 1, got probabilities of sum 1.25"
    );
    assert_eq!(
        with(&vec![(1e-9, 0.0); 1001]),
        "`wavepacket.restarts` must be at most 1000 restarts, got 1001 of them"
    );
    let table = WavePacketParams::Tabulated(TabulatedParams {
        times_s: vec![1.0, 0.5],
        intensity: vec![1.0, 1.0],
        restarts: vec![],
    });
    let table = EmissionParams { wavepacket: table, lifetime_s: None, ..params() };
    assert!(refused(&table).starts_with("`wavepacket.times_s.1` must be finite and later"));
}

#[test]
fn jitter_goes_with_exponentials_only() {
    let wavepacket = WavePacketParams::Smeared(SmearedParams { rise_s: 1e-10, restarts: vec![] });
    let smeared = EmissionParams { wavepacket, arrival_jitter_s: 1e-10, ..params() };
    let table = EmissionParams { wavepacket: tabulated(), lifetime_s: None, ..smeared.clone() };
    for params in [smeared, table] {
        let error = Emission::new(&params).unwrap_err();
        assert!(
            matches!(&error, Error::Model { parameter, .. } if parameter == "arrival_jitter_s"),
            "{error}"
        );
    }
}

#[test]
fn a_pulse_that_takes_its_time_emits_twice() {
    let amplitudes = [0.6, 0.8];
    let pulsed = EmissionParams { pulse_duration_s: 1e-10, return_mode: Some(1), amplitudes, ..params() };
    let double = Emission::new(&pulsed).unwrap().double.unwrap();
    let expected = pulse::double_emission_probability(1e-10, 7.39e-9, 0.95 * 0.8 * 0.8);
    assert_eq!(double.return_mode, Some(1));
    assert!((double.probability / expected - 1.0).abs() < 1e-14);
    let given = EmissionParams { return_probability: Some(0.25), ..pulsed.clone() };
    let double = Emission::new(&given).unwrap().double.unwrap();
    assert!((double.probability / expected - 0.25 / (0.95 * 0.64)).abs() < 1e-14);
    assert_eq!(
        refused(&EmissionParams { return_mode: Some(2), ..pulsed.clone() }),
        "`return_mode` must be 0 or 1, got 2"
    );
    assert_eq!(
        refused(&EmissionParams { pulse_duration_s: 0.0, ..pulsed.clone() }),
        "`return_mode` must be left out without pulse_duration_s, got 1"
    );
    assert!(
        refused(&EmissionParams { pulse_duration_s: 8e-9, ..pulsed.clone() })
            .starts_with("`pulse_duration_s` must be at most the lifetime, 7.39e-9: ")
    );
    let table = EmissionParams { wavepacket: tabulated(), lifetime_s: None, ..pulsed };
    let error = Emission::new(&table).unwrap_err();
    assert!(matches!(&error, Error::Model { parameter, .. } if parameter == "pulse_duration_s"), "{error}");
}

#[test]
fn parameters_survive_a_text_and_unknown_fields_do_not() {
    let text = r#"
        lifetime_s = 7.39e-9
        pulse_duration_s = 1e-10
        return_mode = 0
        wavepacket = { kind = "exponential", restarts = [{ delay_s = 2e-8, probability = 0.1 }] }
    "#;
    let read: EmissionParams = crate::tree::Tree::from_toml(text).unwrap().read().unwrap();
    assert_eq!(read.wavepacket, exponential(&[(2e-8, 0.1)]));
    let again: EmissionParams = crate::tree::Tree::from_params(&read).unwrap().read().unwrap();
    assert_eq!(again, read);
    let wrong = text.replace("delay_s", "dealy_s");
    let error = crate::tree::Tree::from_toml(&wrong).unwrap().read::<EmissionParams>().unwrap_err();
    assert!(error.to_string().contains("wavepacket.restarts.0.dealy_s"), "{error}");
}
