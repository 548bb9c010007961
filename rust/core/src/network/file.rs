//! Network files: the text of a network, read and checked but for what other files say.

use super::params::{DemandParams, HubStationParams, HubSwitchParams, NetworkNodeParams, PolicyParams};
use crate::error::{Error, Result};
use crate::tree::{Entry, Node, Tree};
use serde::{Deserialize, Serialize};

/// What a network file says, models of links apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkFile {
    /// Whether every link works for itself.
    #[serde(default)]
    pub saturate_links: bool,
    /// What nodes do with their ions and pairs.
    #[serde(default)]
    pub policy: PolicyParams,
    /// Nodes, in the order of their numbers.
    #[serde(default)]
    pub nodes: Vec<NetworkNodeParams>,
    /// Stations that links share, in the order of their numbers.
    #[serde(default)]
    pub stations: Vec<HubStationParams>,
    /// Switches before them, in the order of their numbers.
    #[serde(default)]
    pub switches: Vec<HubSwitchParams>,
    /// Links, in the order of their numbers.
    pub links: Vec<LinkPlace>,
    /// Demands, in the order of their numbers.
    #[serde(default)]
    pub demands: Vec<DemandParams>,
}

/// Where a link lies, and which model it has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkPlace {
    /// Names of the two nodes, that of the model's first node first.
    pub between: [String; 2],
    /// Name of the link.
    #[serde(default)]
    pub name: Option<String>,
    /// Name of the model.
    pub link: String,
    /// Efficiencies in place of those of the model.
    #[serde(default)]
    pub efficiency: Option<[f64; 2]>,
    /// Name of the station that it shares with others.
    #[serde(default)]
    pub station: Option<String>,
    /// Name of the switch before the station, whose loss the model gets.
    #[serde(default)]
    pub switch: Option<String>,
}

impl NetworkFile {
    /// Reads the text of a network file; the models come as they stand there.
    ///
    /// # Errors
    /// With path, line and column, for anything unknown, missing or outside its domain.
    pub fn read(text: &str) -> Result<(Self, Vec<Entry>)> {
        let mut tree = Tree::from_toml(text)?;
        let mut models = vec![];
        if let Node::Map(entries) = &mut tree.node
            && let Some(at) = entries.iter().position(|entry| entry.key == "models")
        {
            let entry = entries.remove(at);
            let position = entry.value.position;
            let Node::Map(found) = entry.value.node else {
                let domain = "a table of models";
                return Err(Error::parameter("models", "no table", domain, "").at(position));
            };
            models = found;
        }
        let file = tree.read::<Self>()?;
        let place = |path: String| tree.position_of(&path);
        let here = |error: Error, list: &str, number: usize| {
            let error = error.within(number).within(list);
            let position = error.path().and_then(|path| place(path.to_owned()));
            error.at(position.or_else(|| place(format!("{list}.{number}"))))
        };
        for (number, node) in file.nodes.iter().enumerate() {
            node.check().map_err(|error| here(error, "nodes", number))?;
        }
        for (number, station) in file.stations.iter().enumerate() {
            station.check().map_err(|error| here(error, "stations", number))?;
        }
        for (number, switch) in file.switches.iter().enumerate() {
            switch.check().map_err(|error| here(error, "switches", number))?;
        }
        for (number, demand) in file.demands.iter().enumerate() {
            demand.check().map_err(|error| here(error, "demands", number))?;
        }
        file.policy.check().map_err(|error| {
            let error = error.within("policy");
            let position = error.path().and_then(|path| place(path.to_owned()));
            error.at(position)
        })?;
        for (number, link) in file.links.iter().enumerate() {
            if !models.iter().any(|model| model.key == link.link) {
                let names: Vec<_> = models.iter().map(|model| model.key.as_str()).collect();
                let domain = match names.as_slice() {
                    [] => "the name of a table `models.NAME`, of which there is none".into(),
                    names => format!("one of the models {}", names.join(", ")),
                };
                let error = Error::parameter("link", format!("{:?}", link.link), domain, "");
                return Err(here(error, "links", number));
            }
        }
        Ok((file, models))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "[[links]]\nbetween = [\"a\", \"b\"]\nlink = \"near\"\n[models.near]\npreset = \"stephenson2020\"\n";

    #[test]
    fn what_is_wrong_has_a_place() {
        let (file, models) = NetworkFile::read(TEXT).unwrap();
        assert_eq!((file.links[0].link.as_str(), models[0].key.as_str()), ("near", "near"));
        for (change, to, message) in [
            ("\"near\"\n", "\"far\"\n", "line 3, column 8: `links.0.link` must be one of the models near"),
            ("link =", "lnk =", "line 3, column 1: `links.0.lnk` does not exist; did you mean `link`?"),
            ("[[links]]", "[[nodes]]\nname = \"a\"\nmemory_ions = -1\n[[links]]", "`nodes.0.memory_ions`"),
            (
                "[[links]]",
                "[policy]\ncutoff_s = 0\n[[links]]",
                "line 2, column 12: `policy.cutoff_s` must be",
            ),
        ] {
            let error = NetworkFile::read(&TEXT.replacen(change, to, 1)).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
