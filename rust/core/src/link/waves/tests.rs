//! Closed forms, quadrature and the coarse grid against one another.

use super::*;
use crate::motion::MotionalModeParams;

fn smeared(rise_s: f64, delay_s: f64, detuning: f64) -> WavePacket {
    let params = crate::emission::EmissionParams {
        lifetime_s: Some(8e-9),
        wavepacket: crate::emission::WavePacketParams::Smeared(crate::emission::SmearedParams {
            rise_s,
            restarts: vec![],
        }),
        detuning_rad_per_s: detuning,
        dephasing_rate_hz: 1e7,
        ..Default::default()
    };
    crate::emission::Emission::new(&params).unwrap().packet.delayed(delay_s)
}

const WINDOW: [f64; 2] = [-2e-9, 40e-9];
const SPANS: [[Span; 2]; 4] = [
    [Span::At(5e-9), Span::At(9e-9)],
    [Span::At(5e-9), Span::From(3e-9)],
    [Span::From(7e-9), Span::At(2e-9)],
    [Span::From(1e-9), Span::From(6e-9)],
];

/// Ions at rest, ions that move, and ions that heat up.
fn motions() -> [Motion; 3] {
    let mode = |lamb_dicke, frequency_rad_per_s, phonons_per_attempt| MotionalModeParams {
        lamb_dicke,
        frequency_rad_per_s,
        mean_phonons: 3.0,
        phonons_per_attempt,
    };
    [vec![], vec![mode(0.3, 2e7, 0.0), mode(0.2, 7e7, 0.0)], vec![mode(0.3, 2e7, 0.1), mode(0.2, 7e7, 0.0)]]
        .map(|modes| Motion::new([&modes[..], &[]].into_iter(), Some(30), 1, 1.1e-6, false).unwrap())
}

#[test]
fn closed_forms_agree_with_quadrature() {
    for motion in motions() {
        for recoil in [motion.mean(), motion.at(17)] {
            closed_form_agrees_with_quadrature(&motion, &recoil);
        }
    }
}

fn closed_form_agrees_with_quadrature(motion: &Motion, recoil: &Recoil<'_>) {
    // an invisible spectral diffusion takes the numerical road
    let waves = |hidden: f64| {
        let mut packets = [(8e-9, 1e-9, 0.0, 2e7), (5e-9, 2e-9, 3e8, 1e7)]
            .map(|(tau, d, w, g)| WavePacket::exponential(tau, d, w, g));
        for packet in &mut packets {
            packet.spectral_diffusion_rad_per_s = hidden;
        }
        Waves::new(packets.map(Some), WINDOW, 4e8, 0.9, motion, Grid::Fine)
    };
    let (closed, numerical) = (waves(0.0), waves(1e-3));
    assert_eq!(closed.points(), 0);
    assert!(numerical.points() > 0);
    for (deltas, bins) in [([0, 0], 0), ([0, 0], 1), ([1, -1], 0), ([-1, 0], -1), ([1, 1], 0)] {
        for spans in SPANS.into_iter().chain([[Span::From(WINDOW[0]); 2]]) {
            let swap = Swap { deltas, bins, recoil };
            let (a, b) = (closed.two(swap, spans), numerical.two(swap, spans));
            assert!(
                (a - b).norm_sqr().sqrt() < 1e-10 * b.norm_sqr().sqrt().max(1e-3),
                "{deltas:?} {spans:?}: {a} {b}"
            );
        }
    }
    for span in [Span::At(4e-9), Span::From(3e-9), Span::From(-1e-9)] {
        let (a, b) = (closed.one(1, 1, span), numerical.one(1, 1, span));
        assert!((a - b).norm_sqr() < 1e-20 * b.norm_sqr(), "{span:?}: {a} {b}");
        let (a, b) = (closed.field(span), numerical.field(span));
        assert!((a - b).norm_sqr() < 1e-20 * b.norm_sqr(), "{span:?}: {a} {b}");
    }
}

#[test]
fn the_coarse_grid_keeps_jumps_among_many_seams() {
    // three late starts of a sharp photon, beside one with a fast Gaussian edge that ends in many pieces
    let restart = |delay_s, probability| crate::emission::RestartParams { delay_s, probability };
    let params = crate::emission::EmissionParams {
        lifetime_s: Some(2e-9),
        wavepacket: crate::emission::WavePacketParams::Exponential(crate::emission::ExponentialParams {
            restarts: vec![restart(7e-9, 0.3), restart(15e-9, 0.3), restart(22e-9, 0.2)],
        }),
        ..Default::default()
    };
    let sharp = crate::emission::Emission::new(&params).unwrap().packet;
    let still = Motion::default();
    let recoil = still.mean();
    let waves = |grid| {
        Waves::new([Some(sharp.clone()), Some(smeared(0.05e-9, 3e-9, 0.0))], WINDOW, 0.0, 1.0, &still, grid)
    };
    let (fine, coarse) = (waves(Grid::Fine), waves(Grid::Coarse));
    for from in [-1e-9, 6.5e-9, 14e-9, 21.5e-9] {
        let swap = || Swap { deltas: [0, 0], bins: 0, recoil: &recoil };
        for spans in [[Span::From(from); 2], [Span::From(from), Span::At(23e-9)]] {
            let (a, b) = (fine.two(swap(), spans), coarse.two(swap(), spans));
            assert!((a - b).norm_sqr().sqrt() < 5e-3 * a.norm_sqr().sqrt(), "{spans:?}: {a} {b}");
        }
    }
}

#[test]
fn the_coarse_grid_is_good_enough_for_corrections() {
    let waves = |motion: &Motion, grid| {
        Waves::new(
            [Some(smeared(1e-9, 1e-9, 0.0)), Some(smeared(2e-9, 0.0, 1e8))],
            WINDOW,
            0.0,
            1.0,
            motion,
            grid,
        )
    };
    for motion in motions() {
        let (fine, coarse) = (waves(&motion, Grid::Fine), waves(&motion, Grid::Coarse));
        for recoil in [motion.mean(), motion.at(17)] {
            for spans in SPANS {
                let swap = Swap { deltas: [0, 0], bins: 0, recoil: &recoil };
                let (a, b) = (fine.two(swap, spans), coarse.two(swap, spans));
                // integrals from a time on enter with the probability of a dark count
                assert!((a - b).norm_sqr().sqrt() < 2e-3 * a.norm_sqr().sqrt(), "{spans:?}: {a} {b}");
            }
        }
    }
}
