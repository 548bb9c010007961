//! Values found and set by their path.

use super::*;

fn set(path: &str, node: Node) -> Result<Tree, String> {
    let mut tree = toml(LINK);
    tree.set(path, node.into()).map_err(|error| error.to_string())?;
    Ok(tree)
}

#[test]
fn values_are_found_by_keys_and_indices() {
    let tree = toml(LINK);
    assert_eq!(tree.get("nodes.1.transmission").unwrap().node, Node::Integer(1));
    assert_eq!(tree.get("paths.1.0.kind").unwrap().node, Node::Text("loss".into()));
    assert_eq!(tree.get(""), Some(&tree));
    for absent in ["nodes.2", "nodes.-1", "nodes.+1", "nodes.01", "nodes.x", "name.x", "nodes.", ".", "x"] {
        assert_eq!(tree.get(absent), None, "{absent}");
    }
}

#[test]
fn a_position_is_that_of_the_deepest_value_there_is() {
    let tree = toml(LINK);
    assert_eq!(tree.position_of("station.detectors.efficiency"), place(16, 14));
    assert_eq!(tree.position_of("station.detectors.dead_time_s"), place(15, 1));
    assert_eq!(tree.position_of("nodes.1.a.b"), place(22, 1));
    assert_eq!(tree.position_of("elsewhere"), place(1, 1));
    assert_eq!(json("{}").position_of("a"), None);
}

#[test]
fn setting_replaces_creates_and_removes() {
    let tree = set("station.detectors.efficiency", Node::Float(0.9)).unwrap();
    assert_eq!(tree.get("station.detectors.efficiency").unwrap().node, Node::Float(0.9));
    let tree = set("nodes.1", Node::Null);
    assert_eq!(
        tree,
        Err("`nodes.1` must be a value: an element of a list cannot be left out, got nothing".into())
    );
    let tree = set("station.detectors.dead_time_s", Node::Float(1e-8)).unwrap();
    assert_eq!(tree.read::<Link>().unwrap().station.detectors.get(0).unwrap().dead_time_s, Some(1e-8));
    let tree = set("station.detectors.dark_count_rate_hz", Node::Null).unwrap();
    assert_eq!(tree.get("station.detectors.dark_count_rate_hz"), None);
    assert_eq!(set("station.absent", Node::Null).unwrap(), toml(LINK));
    assert_eq!(
        set("nodes.0.transmission", Node::Integer(7)).unwrap().get("nodes.0.transmission").unwrap().node,
        Node::Integer(7)
    );
    assert_eq!(set("paths.0.1", Node::Integer(7)).unwrap().get("paths.0.1").unwrap().node, Node::Integer(7));
    assert_eq!(set("", Node::Integer(7)).unwrap().node, Node::Integer(7));
}

#[test]
fn setting_where_nothing_exists_says_what_does() {
    assert_eq!(
        set("staton.detectors.efficiency", Node::Integer(1)).unwrap_err(),
        "`staton` does not exist; did you mean `station`? Fields here: name, heralded, attempts, window_s, \
         coherence_time_s, paths, station, nodes"
    );
    assert_eq!(
        set("station.detector.efficiency", Node::Integer(1)).unwrap_err(),
        "`station.detector` does not exist; did you mean `detectors`? Fields here: reflectivity, orientation, detectors"
    );
    assert_eq!(set("nodes.2", Node::Integer(1)).unwrap_err(), unlike_any("nodes.2", &["0", "1"], None));
    assert_eq!(
        set("nodes.2.transmission", Node::Null).unwrap_err(),
        unlike_any("nodes.2", &["0", "1"], None)
    );
    assert_eq!(set("name.x", Node::Integer(1)).unwrap_err(), unlike_any("name.x", &[], None));
    let fields =
        ["name", "heralded", "attempts", "window_s", "coherence_time_s", "paths", "station", "nodes"];
    assert_eq!(set("a..b", Node::Integer(1)).unwrap_err(), unlike_any("a", &fields, None));
    assert_eq!(
        set("station..b", Node::Integer(1)).unwrap_err(),
        unlike_any("station", &["reflectivity", "orientation", "detectors"], None)
    );
}
