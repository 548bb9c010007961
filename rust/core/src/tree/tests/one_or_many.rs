//! One value for all or one for each.

use super::*;

#[test]
fn a_single_value_holds_for_every_place() {
    let one: OneOrMany<f64> = toml("x = 1").read::<One<_>>().unwrap().x;
    assert_eq!((one.len(), one.get(0), one.get(3)), (1, Some(&1.0), Some(&1.0)));
    let many: OneOrMany<f64> = toml("x = [0.5, 1]").read::<One<_>>().unwrap().x;
    assert_eq!((many.len(), many.get(1), many.get(2)), (2, Some(&1.0), None));
    let none: OneOrMany<f64> = toml("x = []").read::<One<_>>().unwrap().x;
    assert!(none.is_empty());
    assert!(!one.is_empty());
}

#[test]
fn errors_inside_keep_their_path() {
    assert_eq!(
        link_refusal("reflectivity = 0.5", "reflectivity = [0.5, \"half\"]"),
        "line 12, column 22: `station.reflectivity.1` must be a number, got \"half\" (text)"
    );
    assert_eq!(
        link_refusal("reflectivity = 0.5", "reflectivity = \"half\""),
        "line 12, column 16: `station.reflectivity` must be a number, got \"half\" (text)"
    );
    let text = LINK.replacen(
        "[station.detectors]",
        "[[station.detectors]]\nefficiency = 1\n[[station.detectors]]",
        1,
    );
    assert_eq!(toml(&text).read::<Link>().unwrap().station.detectors.len(), 2);
    assert_eq!(
        refusal::<Link>(&text.replacen("dark_count_rate_hz", "dark_rate_hz", 1)),
        "line 19, column 1: `station.detectors.1.dark_rate_hz` does not exist; did you mean `dark_count_rate_hz`? \
         Fields here: efficiency, dark_count_rate_hz, dead_time_s"
    );
    let kinds: OneOrMany<Stretch> = toml("x = [{ kind = \"perfect\" }]").read::<One<_>>().unwrap().x;
    assert_eq!(kinds, OneOrMany::Many(vec![Stretch::Perfect(Perfect {})]));
    assert_eq!(toml("x = 2.0").read::<One<OneOrMany<u8>>>().unwrap().x, OneOrMany::One(2));
}

#[test]
fn other_deserializers_tell_the_two_apart_as_well() {
    let read = |text: &str| serde_json::from_str::<OneOrMany<Detector>>(text);
    assert_eq!(read(r#"{"efficiency": 1}"#).unwrap().len(), 1);
    assert_eq!(read(r#"[{"efficiency": 1}, {"efficiency": 0.5}]"#).unwrap().len(), 2);
    let message = read(r#"[{"efficiency": 1}, {"eficiency": 0.5}]"#).unwrap_err().to_string();
    assert!(message.starts_with("`1.eficiency` does not exist; did you mean `efficiency`?"), "{message}");
    assert_eq!(serde_json::to_string(&OneOrMany::One(1.0)).unwrap(), "1.0");
    assert_eq!(serde_json::to_string(&OneOrMany::Many(vec![1.0, 2.0])).unwrap(), "[1.0,2.0]");
}
