//! The station of a link, checked: splitter, detectors, window, polarization optics and accepted patterns.

use super::node::Parts;
use super::params::StationParams;
use crate::channel::{Jones, identity, port_optics};
use crate::check;
use crate::detection::{DetectorParams, Window};
use crate::encoding::{Carrier, EncodingParams, SLOTS};
use crate::error::{Error, Result};
use crate::herald::{Pattern, accepted_patterns};
use crate::interference::{Optics, Splitter};
use crate::tree::OneOrMany;

/// A checked station.
pub(super) struct Station {
    pub(super) splitter: Splitter,
    /// Detector of each slot; none for slots that the encoding does not use.
    pub(super) detectors: [Option<DetectorParams>; SLOTS],
    pub(super) transmission: f64,
    pub(super) window: Window,
    pub(super) coincidence_window_s: Option<f64>,
    extinction_ratio: [f64; SLOTS],
    ports: [Jones; 2],
    pub(super) patterns: Vec<Pattern>,
}

impl Station {
    pub(super) fn new(params: &StationParams, encoding: &EncodingParams) -> Result<Self> {
        let checked = Self::check(params)?;
        let one_node = encoding.nodes() == 1;
        // which of the listed detectors serves each slot
        let (count, which, domain): (usize, [Option<usize>; SLOTS], &str) = match encoding.carrier() {
            _ if one_node => (2, [Some(0), Some(1), None, None], "one detector or one per mode (2)"),
            Carrier::Polarization => {
                (4, [Some(0), Some(1), Some(2), Some(3)], "one detector or one per slot (4: 00, 01, 10, 11)")
            }
            Carrier::Bins => (2, [Some(0), Some(0), Some(1), Some(1)], "one detector or one per port (2)"),
            Carrier::Shared => (2, [Some(0), None, Some(1), None], "one detector or one per port (2)"),
        };
        if let OneOrMany::Many(list) = &params.detectors
            && list.len() != count
        {
            return Err(Error::parameter("detectors", format!("{} detectors", list.len()), domain, ""));
        }
        let detectors = which.map(|place| place.and_then(|place| params.detectors.get(place).cloned()));
        if let ([first, second], EncodingParams::Number(_)) = (checked.reflectivity, encoding)
            && first != second
        {
            let given = format!("[{first}, {second}]");
            return Err(Error::parameter("reflectivity", given, "one number: there is one mode", ""));
        }
        if let ([first, second], EncodingParams::Frequency(_)) = (checked.reflectivity, encoding)
            && first != second
        {
            // frequencies so close that their photons interfere would leave by no exit, or by two
            let given = format!("[{first}, {second}]");
            let domain =
                "one number: detectors that do not tell frequencies apart need a splitter that does not";
            return Err(Error::parameter("reflectivity", given, domain, ""));
        }
        let reflectivity = if one_node { [0.0; 2] } else { checked.reflectivity };
        let all = Pattern::all(encoding);
        let patterns = match &params.accepted_patterns {
            Some(names) => accepted_patterns(names, all)?,
            None => all.to_vec(),
        };
        Ok(Self {
            splitter: Splitter::new(reflectivity)?,
            detectors,
            transmission: params.transmission,
            window: checked.window,
            coincidence_window_s: params.coincidence_window_s,
            extinction_ratio: checked.extinction_ratio,
            ports: checked.ports,
            patterns,
        })
    }

    /// Checks what does not depend on the encoding.
    fn check(params: &StationParams) -> Result<CheckedStation> {
        let reflectivity = match &params.reflectivity {
            OneOrMany::One(r) => [*r; 2],
            OneOrMany::Many(list) => <[f64; 2]>::try_from(list.as_slice()).map_err(|_| {
                let given = format!("{} values", list.len());
                Error::parameter("reflectivity", given, "one number or one per mode (2)", "")
            })?,
        };
        Splitter::new(reflectivity)?;
        match &params.detectors {
            OneOrMany::One(detector) => detector.check().map_err(|error| error.within("detectors"))?,
            OneOrMany::Many(list) => {
                for (index, detector) in list.iter().enumerate() {
                    detector.check().map_err(|error| error.within(index).within("detectors"))?;
                }
                if !matches!(list.len(), 2 | 4) {
                    let domain =
                        "one detector, one per port or mode (2), or one per slot (4: 00, 01, 10, 11)";
                    return Err(Error::parameter(
                        "detectors",
                        format!("{} detectors", list.len()),
                        domain,
                        "",
                    ));
                }
            }
        }
        check::probability("transmission", params.transmission)?;
        if let Some(window_s) = params.coincidence_window_s {
            check::positive("coincidence_window_s", window_s, "s")?;
        }
        let extinction_ratio = match &params.extinction_ratio {
            OneOrMany::One(ratio) => [*ratio; SLOTS],
            OneOrMany::Many(list) => <[f64; SLOTS]>::try_from(list.as_slice()).map_err(|_| {
                let given = format!("{} values", list.len());
                Error::parameter("extinction_ratio", given, "one number or one per slot (4)", "")
            })?,
        };
        for ratio in extinction_ratio {
            if ratio.is_nan() || ratio < 1.0 {
                return Err(Error::parameter("extinction_ratio", ratio, "at least 1, or inf", ""));
            }
        }
        let mut ports = [identity(); 2];
        for (port, elements) in params.port_optics.iter().enumerate() {
            ports[port] = port_optics(elements).map_err(|error| error.within(port).within("port_optics"))?;
        }
        let window = Window::new(params.window_start_s, params.window_duration_s)?;
        if let Some(names) = &params.accepted_patterns
            && names.is_empty()
        {
            return Err(Error::parameter("accepted_patterns", "an empty list", "at least one pattern", ""));
        }
        Ok(CheckedStation { reflectivity, extinction_ratio, ports, window })
    }

    pub(super) fn first_efficiency(&self) -> Option<f64> {
        self.detectors.iter().flatten().next().map(|detector| detector.efficiency)
    }

    pub(super) fn optics(&self, parts: &[Parts], encoding: &EncodingParams) -> Optics {
        let part = |node: usize| &parts[node.min(parts.len() - 1)];
        Optics {
            carrier: encoding.carrier(),
            splitter: self.splitter,
            paths: [0, 1].map(|node| part(node).path.jones),
            ports: self.ports,
            extinction_ratio: self.extinction_ratio,
            overlaps: [0, 1]
                .map(|s| [0, 1].map(|r| part(s).collection.pupil.overlap(&part(r).collection.pupil))),
        }
    }

    /// Noise photons of the paths that arrive at each slot's detector (1/s).
    pub(super) fn noise(&self, parts: &[Parts], optics: &Optics, nodes: usize) -> [f64; SLOTS] {
        let mut rates = [0.0; SLOTS];
        for (node, part) in parts.iter().enumerate().take(nodes) {
            let arriving = optics.unpolarized(node, &part.path.noise.coherency);
            for (rate, arriving) in rates.iter_mut().zip(arriving) {
                *rate += self.transmission * arriving;
            }
        }
        rates
    }
}

/// What [`Station::check`] found.
struct CheckedStation {
    reflectivity: [f64; 2],
    extinction_ratio: [f64; SLOTS],
    ports: [Jones; 2],
    window: Window,
}

pub(crate) fn check_station(params: &StationParams) -> Result<()> {
    Station::check(params).map(drop)
}
