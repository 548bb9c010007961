//! Link files drawn at random.
#![expect(clippy::write_with_newline, reason = "lines of link files")]

use ionlink_core::stream::Xoshiro;
use std::fmt::Write;

/// Numbers for link files.
struct Dice<'a>(&'a mut Xoshiro);

impl Dice<'_> {
    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.0.uniform()
    }

    fn chance(&mut self, probability: f64) -> bool {
        self.0.uniform() < probability
    }

    fn pick<'t>(&mut self, list: &[&'t str]) -> &'t str {
        list[(self.0.uniform() * list.len() as f64) as usize]
    }
}

const ENCODINGS: [&str; 6] = ["polarization", "time-bin", "frequency", "number", "barrett-kok", "ion-photon"];

/// A link file drawn at random.
pub(crate) fn random_link(rng: &mut Xoshiro) -> String {
    let mut dice = Dice(rng);
    let encoding = dice.pick(&ENCODINGS);
    let modes_are_polarizations = matches!(encoding, "polarization" | "ion-photon");
    let nodes = if encoding == "ion-photon" { 1 } else { 2 };
    let mut text = format!(
        "delay_s = [{:e}, {:e}]\nbell_phase_rad = {}\nphase_reference = \"{}\"\nphase_feed_forward = {}\n",
        dice.between(0.0, 3e-9),
        if nodes == 2 { dice.between(0.0, 3e-9) } else { 0.0 },
        dice.between(0.0, 6.0),
        dice.pick(&["raw", "raw", "calibrated"]),
        encoding != "frequency" && dice.chance(0.2),
    );
    if nodes == 2 {
        write!(text, "mode_overlap = {}\n", dice.between(0.5, 1.0)).unwrap();
    }
    if nodes == 2 && dice.chance(0.2) {
        write!(text, "pulse_offset_s = [0.0, {:e}]\n", dice.between(0.0, 2e-9)).unwrap();
    }
    let mut paths = vec![];
    for _ in 0..nodes {
        let elements: Vec<String> =
            (0..(dice.between(0.0, 3.0) as usize)).map(|_| element(&mut dice)).collect();
        paths.push(format!("[{}]", elements.join(", ")));
    }
    write!(text, "paths = [{}]\n", paths.join(", ")).unwrap();
    write!(text, "[encoding]\nkind = \"{encoding}\"\n{}", encoding_fields(encoding, &mut dice)).unwrap();
    for name in &["a", "b"][..nodes] {
        let lens = modes_are_polarizations && dice.chance(0.5);
        let cavity = !lens && dice.chance(0.15);
        write!(text, "[[nodes]]\nname = \"{name}\"\n{}", emission(encoding, cavity, &mut dice)).unwrap();
        if lens {
            let coupling = if dice.chance(0.5) { "" } else { "fiber_coupling = 0.7\n" };
            let aperture = dice.between(0.6, 0.95);
            write!(text, "[nodes.collection]\nkind = \"lens\"\nnumerical_aperture = {aperture}\n{coupling}")
                .unwrap();
        } else if cavity {
            write!(
                text,
                "[nodes.collection]\nkind = \"cavity\"\ncoupling_rad_per_s = 2e7\n\
                 cavity_half_linewidth_rad_per_s = 1e7\natomic_half_linewidth_rad_per_s = 6e7\ndrive = \"{}\"\n\
                 escape_probability = 0.8\n",
                dice.pick(&["slow", "prompt"])
            )
            .unwrap();
        } else {
            let efficiency = dice.between(0.15, 0.9);
            write!(
                text,
                "[nodes.collection]\nkind = \"measured_efficiency\"\nefficiency = {efficiency}\n\
                 includes = [\"collection\"]\n"
            )
            .unwrap();
        }
        write!(
            text,
            "[nodes.errors]\nion_photon_fidelity = {}\nrotation_rad = [{}, {}, {}]\n",
            dice.between(0.8, 1.0),
            dice.between(-0.3, 0.3),
            dice.between(-0.3, 0.3),
            dice.between(-0.3, 0.3)
        )
        .unwrap();
        if dice.chance(0.2) {
            write!(
                text,
                "[nodes.memory]\nt1_s = {}\nt2_s = {}\nloss_rate_hz = {}\nfrequency_offset_rad_per_s = {}\nwait_s = 1e-3\n",
                dice.between(2e-3, 2e-2),
                dice.between(2e-3, 2e-2),
                dice.between(0.0, 20.0),
                dice.between(-200.0, 200.0)
            )
            .unwrap();
        }
        if nodes == 2 && dice.chance(0.25) {
            write!(
                text,
                "[[nodes.motion]]\nlamb_dicke = {}\nfrequency_rad_per_s = {:e}\nmean_phonons = {}\n",
                dice.between(0.02, 0.2),
                dice.between(3e6, 3e7),
                dice.between(0.0, 5.0)
            )
            .unwrap();
        }
    }
    text + &station(encoding, &mut dice) + "[schedule]\nattempt_period_s = 1e-6\n"
}

/// One element of a path.
fn element(dice: &mut Dice<'_>) -> String {
    match dice.pick(&["loss", "rotation", "plate", "polarization", "switch", "filter", "converter", "fiber"])
    {
        "loss" => format!("{{ kind = \"loss\", transmission = {} }}", dice.between(0.6, 1.0)),
        "rotation" => format!("{{ kind = \"rotation\", angle_rad = {} }}", dice.between(-0.5, 0.5)),
        "plate" => format!(
            "{{ kind = \"wave_plate\", retardance_rad = {}, angle_rad = {} }}",
            dice.between(0.0, 3.0),
            dice.between(-0.3, 0.3)
        ),
        "polarization" => format!(
            "{{ kind = \"polarization_loss\", transmission = [{}, {}] }}",
            dice.between(0.7, 1.0),
            dice.between(0.7, 1.0)
        ),
        "switch" => format!("{{ kind = \"switch\", loss_db = {} }}", dice.between(0.0, 1.0)),
        "filter" => {
            format!("{{ kind = \"filter\", transmission = {}, bandwidth_hz = 1e9 }}", dice.between(0.7, 1.0))
        }
        "converter" => format!(
            "{{ kind = \"converter\", efficiency = {}, noise_rate_hz = {:e}, bandwidth_hz = 2e9 }}",
            dice.between(0.5, 1.0),
            dice.between(0.0, 1e6)
        ),
        _ => format!(
            "{{ kind = \"fiber\", length_m = {}, attenuation_db_per_km = 2.0, group_index = 1.45 }}",
            dice.between(0.0, 0.2)
        ),
    }
}

fn encoding_fields(encoding: &str, dice: &mut Dice<'_>) -> String {
    match encoding {
        "frequency" => format!("mode_splitting_rad_per_s = {:e}\n", dice.between(1e8, 6e8)),
        "polarization" | "ion-photon" => {
            format!(
                "mode_splitting_rad_per_s = {:e}\n",
                if dice.chance(0.5) { dice.between(0.0, 1e8) } else { 0.0 }
            )
        }
        "number" => format!(
            "bright_fraction = [{}, {}]\nphase_jitter_rad = [{}, {}]\n",
            dice.between(0.05, 0.5),
            dice.between(0.05, 0.5),
            dice.between(0.0, 0.5),
            dice.between(0.0, 0.5)
        ),
        "barrett-kok" => format!(
            "round_separation_s = 2e-7\nphase_jitter_rad = [{}, {}]\n",
            dice.between(0.0, 0.5),
            dice.between(0.0, 0.5)
        ),
        _ => {
            let mut text = "bin_separation_s = 1e-7\n".to_owned();
            if dice.chance(0.5) {
                write!(
                    text,
                    "rotation_error_rad = [{}, {}]\nwrong_decay_probability = [{}, {}]\ncoherence_time_s = [{:e}, inf]\n",
                    dice.between(-0.8, 0.8),
                    dice.between(-0.8, 0.8),
                    dice.between(0.0, 0.3),
                    dice.between(0.0, 0.3),
                    dice.between(1e-7, 1e-6)
                )
                .unwrap();
            }
            if dice.chance(0.5) {
                write!(
                    text,
                    "erasure_check = {{ detection_probability = {}, kept_fraction = {} }}\n",
                    dice.between(0.5, 1.0),
                    dice.between(0.7, 1.0)
                )
                .unwrap();
            }
            text
        }
    }
}

fn emission(encoding: &str, cavity: bool, dice: &mut Dice<'_>) -> String {
    let lifetime_s = dice.between(4e-9, 12e-9);
    let angle = dice.between(0.2, 1.3);
    let mut text = format!(
        "[nodes.emission]\nexcitation_probability = {}\npreparation_probability = {}\ndetuning_rad_per_s = {:e}\n\
         dephasing_rate_hz = {:e}\n",
        dice.between(0.7, 1.0),
        dice.between(0.8, 1.0),
        dice.between(-2e8, 2e8),
        dice.between(0.0, 3e7)
    );
    if encoding != "number" {
        write!(text, "amplitudes = [{}, {}]\n", libm::cos(angle), libm::sin(angle)).unwrap();
    }
    if matches!(encoding, "polarization" | "ion-photon") {
        text += "transitions = [\"sigma\", \"pi\"]\n";
    }
    if !cavity {
        write!(text, "branching_ratio = {}\n", dice.between(0.7, 1.0)).unwrap();
    }
    if dice.chance(0.25) {
        write!(text, "spectral_diffusion_rad_per_s = {:e}\n", dice.between(0.0, 1e8)).unwrap();
    }
    let restarts = if dice.chance(0.3) {
        format!(
            ", restarts = [{{ delay_s = {:e}, probability = {} }}]",
            dice.between(0.0, 8e-9),
            dice.between(0.0, 0.6)
        )
    } else {
        String::new()
    };
    if dice.chance(0.12) {
        write!(
            text,
            "wavepacket = {{ kind = \"tabulated\", times_s = [0.0, 3e-9, 9e-9, 3e-8], intensity = [0.0, 1.0, 0.6, 0.0]\
             {restarts} }}\n"
        )
        .unwrap();
        return text;
    }
    write!(text, "lifetime_s = {lifetime_s:e}\n").unwrap();
    if dice.chance(0.25) {
        write!(text, "pulse_duration_s = {:e}\n", dice.between(0.1, 0.6) * lifetime_s).unwrap();
        if !matches!(encoding, "number" | "time-bin" | "barrett-kok") {
            write!(text, "return_mode = {}\n", dice.pick(&["0", "1"])).unwrap();
        }
    }
    if dice.chance(0.12) {
        write!(
            text,
            "wavepacket = {{ kind = \"smeared\", rise_s = {:e}{restarts} }}\n",
            dice.between(0.2e-9, 2e-9)
        )
        .unwrap();
    } else if dice.chance(0.2) {
        write!(text, "wavepacket = {{ kind = \"exponential\"{restarts} }}\n").unwrap();
        if dice.chance(0.5) {
            write!(text, "arrival_jitter_s = {:e}\n", dice.between(0.2e-9, 2e-9)).unwrap();
        }
    }
    text
}

fn station(encoding: &str, dice: &mut Dice<'_>) -> String {
    let mut text = format!(
        "[station]\nwindow_start_s = {:e}\nwindow_duration_s = {:e}\n",
        dice.between(-1e-9, 3e-9),
        dice.between(10e-9, 60e-9)
    );
    if encoding == "number" {
        write!(text, "reflectivity = {}\n", dice.between(0.3, 0.7)).unwrap();
    } else if encoding != "ion-photon" {
        let mut reflectivity = [dice.between(0.3, 0.7), dice.between(0.3, 0.7)];
        if encoding == "frequency" {
            reflectivity[1] = reflectivity[0];
        }
        write!(text, "reflectivity = {reflectivity:?}\n").unwrap();
    }
    if !matches!(encoding, "number" | "ion-photon") && dice.chance(0.2) {
        write!(text, "coincidence_window_s = {:e}\n", dice.between(3e-9, 20e-9)).unwrap();
    }
    if matches!(encoding, "polarization" | "ion-photon") && dice.chance(0.5) {
        write!(text, "extinction_ratio = {}\n", dice.between(5.0, 100.0)).unwrap();
    }
    if dice.chance(0.2) {
        let second = if encoding == "ion-photon" {
            String::new()
        } else {
            let retardance = dice.between(0.0, 3.0);
            format!("{{ kind = \"wave_plate\", retardance_rad = {retardance}, angle_rad = 0.1 }}")
        };
        let angle = dice.between(-0.3, 0.3);
        write!(text, "port_optics = [[{{ kind = \"rotation\", angle_rad = {angle} }}], [{second}]]\n")
            .unwrap();
    }
    let detectors = match encoding {
        "polarization" => 4,
        "ion-photon" => 1,
        _ => 2,
    };
    let (resolving, lit, jittering) = (dice.chance(0.3), dice.chance(0.3), dice.chance(0.2));
    // longer than any window, so that `exact` knows what it does to the late bin
    let dead_time_s = if dice.chance(0.3) { dice.between(60e-9, 250e-9) } else { 0.0 };
    for _ in 0..detectors {
        write!(
            text,
            "[[station.detectors]]\nefficiency = {}\ndark_count_rate_hz = {:e}\nnumber_resolving = {}\n\
             dead_time_s = {dead_time_s:e}\n",
            dice.between(0.5, 1.0),
            dice.between(0.0, 2e6),
            resolving && dice.chance(0.5)
        )
        .unwrap();
        if lit {
            write!(text, "background_probability_per_attempt = {}\n", dice.between(0.0, 0.05)).unwrap();
        }
        if lit && dice.chance(0.7) {
            // over before another window opens
            let longest_s = if matches!(encoding, "time-bin" | "barrett-kok") { 4e-9 } else { 30e-9 };
            let decay_s = dice.between(1e-9, longest_s);
            write!(text, "background_profile = {{ kind = \"decaying\", decay_s = {decay_s:e} }}\n").unwrap();
        }
        if jittering {
            write!(text, "timing_jitter_s = {:e}\n", dice.between(0.1e-9, 2e-9)).unwrap();
        }
    }
    // a receiver's two detectors are alike
    if encoding == "ion-photon" { text.replace("[[station.detectors]]", "[station.detectors]") } else { text }
}
