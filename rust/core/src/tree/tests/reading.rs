//! Types read from trees, and the sentences of what is refused.

use super::*;

#[test]
fn a_whole_link_is_read() {
    let link: Link = toml(LINK).read().unwrap();
    assert_eq!(link.attempts, 1_000_000_000);
    assert_eq!(link.window_s, [0.0, 25e-9]);
    assert!(link.coherence_time_s.is_infinite());
    assert_eq!(link.delay_s, None);
    assert_eq!(link.station.orientation, Orientation::Perpendicular);
    let detector = Detector { efficiency: 0.7, dark_count_rate_hz: 10.0, dead_time_s: None };
    assert_eq!(link.station.detectors, OneOrMany::One(detector));
    let fiber = Stretch::Fiber(Fiber { length_m: 230.0, attenuation_db_per_km: 4.0 });
    assert_eq!(link.paths[0], [fiber, Stretch::Perfect(Perfect {})]);
    assert_eq!(link.nodes.len(), 2);
}

#[test]
fn a_nested_typo_names_path_suggestion_line_and_column() {
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Whole {
        #[serde(rename = "station")]
        _station: Station,
    }
    let text = "[station]\nreflectivity = 0.5\norientation = \"parallel\"\n\n[station.detectors]\n  \
                efficiency = 1\n  darkcount_rate_hz = 3\n";
    let error = toml(text).read::<Whole>().unwrap_err();
    assert_eq!(
        error,
        Error::UnknownField {
            path: "station.detectors.darkcount_rate_hz".into(),
            suggestion: Some("dark_count_rate_hz".into()),
            expected: ["efficiency", "dark_count_rate_hz", "dead_time_s"].map(String::from).into(),
            position: place(7, 3),
        }
    );
    assert_eq!(
        error.to_string(),
        "line 7, column 3: `station.detectors.darkcount_rate_hz` does not exist; did you mean \
         `dark_count_rate_hz`? Fields here: efficiency, dark_count_rate_hz, dead_time_s"
    );
}

#[test]
fn an_unknown_field_like_no_other_gets_no_suggestion() {
    assert_eq!(
        link_refusal("transmission = 0.1", "transmission = 0.1\ncolor = 3"),
        unlike_any("nodes.0.color", &["transmission"], place(21, 1))
    );
}

#[test]
fn a_missing_field_stands_at_its_table() {
    assert_eq!(
        link_refusal("efficiency = 0.7", ""),
        "line 15, column 1: `station.detectors.efficiency` is missing and has no neutral default"
    );
    assert_eq!(
        link_refusal("length_m = 230, ", ""),
        "line 7, column 6: `paths.0.0.length_m` is missing and has no neutral default"
    );
    assert_eq!(refusal::<One<f64>>(""), "line 1, column 1: `x` is missing and has no neutral default");
}

#[test]
fn a_wrong_type_shows_what_was_given_and_what_is_expected() {
    for (from, to, message) in [
        (
            "= 0.7",
            "= \"abc\"",
            "line 16, column 14: `station.detectors.efficiency` must be a number, got \"abc\" (text)",
        ),
        ("= 0.7", "= true", "line 16, column 14: `station.detectors.efficiency` must be a number, got true"),
        (
            "= 0.7",
            "= [1]",
            "line 16, column 14: `station.detectors.efficiency` must be a number, got a list of 1 value",
        ),
        ("= 0.7", "= {}", "line 16, column 14: `station.detectors.efficiency` must be a number, got a table"),
        ("= true", "= 1", "line 2, column 12: `heralded` must be true or false, got 1"),
        ("= \"two ions\"", "= 2.0", "line 1, column 8: `name` must be text, got 2.0"),
        ("= 1e9", "= 1.5", "line 3, column 12: `attempts` must be a whole number >= 0, got 1.5"),
        ("= 1e9", "= -1", "line 3, column 12: `attempts` must be a whole number >= 0, got -1"),
        ("= 1e9", "= -1.0", "line 3, column 12: `attempts` must be a whole number >= 0, got -1.0"),
        ("= 1e9", "= nan", "line 3, column 12: `attempts` must be a whole number >= 0, got nan"),
        ("= 1e9", "= inf", "line 3, column 12: `attempts` must be a whole number >= 0, got inf"),
        ("= 1e9", "= 1e20", "line 3, column 12: `attempts` must be a whole number >= 0, got 1e20"),
        (
            "[0, 25e-9]",
            "[1, 2, 3]",
            "line 4, column 12: `window_s` must be a list of 2 values, got a list of 3 values",
        ),
        (
            "[0, 25e-9]",
            "[1]",
            "line 4, column 12: `window_s` must be a list of 2 values, got a list of 1 value",
        ),
        ("[0, 25e-9]", "1.0", "line 4, column 12: `window_s` must be a list of 2 values, got 1.0"),
        (
            "[0, 25e-9]",
            "[0, \"late\"]",
            "line 4, column 16: `window_s.1` must be a number, got \"late\" (text)",
        ),
        (
            "[{ kind = \"loss\", transmission = 0.5 }]",
            "3",
            "line 8, column 5: `paths.1` must be a list, got 3",
        ),
    ] {
        assert_eq!(link_refusal(from, to), message);
    }
    assert_eq!(
        refusal::<One<Loss>>("x = [1]"),
        "line 1, column 5: `x` must be a table, got a list of 1 value"
    );
    assert_eq!(
        refusal::<One<i32>>("x = 0.5"),
        "line 1, column 5: `x` must be a whole number in [-2147483648, 2147483647], got 0.5"
    );
    assert_eq!(
        refusal::<One<u8>>("x = 256"),
        "line 1, column 5: `x` must be a whole number in [0, 255], got 256"
    );
    assert_eq!(
        refusal::<One<u8>>("x = 3e2"),
        "line 1, column 5: `x` must be a whole number in [0, 255], got 300"
    );
    assert_eq!(
        refusal::<One<char>>("x = \"ab\""),
        "line 1, column 5: `x` must be text of one character, got \"ab\" (text)"
    );
    assert_eq!(refusal::<One<()>>("x = 1"), "line 1, column 5: `x` must be nothing, got 1");
}

#[test]
fn a_long_text_is_cut_in_the_message() {
    let message = refusal::<One<f64>>(&format!("x = \"{}\"", "é".repeat(1000)));
    assert_eq!(
        message,
        format!("line 1, column 5: `x` must be a number, got \"{}\"... (text)", "é".repeat(60))
    );
}

#[test]
fn whole_numbers_and_floats_pass_into_each_other_only_exactly() {
    assert_eq!(toml("x = 9007199254740992").read::<One<f64>>().unwrap().x, 9_007_199_254_740_992.0);
    assert_eq!(toml("x = -9007199254740992").read::<One<f64>>().unwrap().x, -9_007_199_254_740_992.0);
    assert_eq!(
        refusal::<One<f64>>("x = 9007199254740993"),
        "line 1, column 5: `x` must be a number with a decimal point, or a whole number in [-2^53, 2^53], got \
         9007199254740993"
    );
    assert_eq!(toml("x = 1e18").read::<One<u64>>().unwrap().x, 1_000_000_000_000_000_000);
    assert_eq!(toml("x = 18446744073709549568.0").read::<One<u64>>().unwrap().x, 18_446_744_073_709_549_568);
    assert_eq!(toml("x = -0.0").read::<One<u64>>().unwrap().x, 0);
    assert_eq!(toml("x = -9223372036854775808.0").read::<One<i64>>().unwrap().x, i64::MIN);
    assert!(toml("x = 9223372036854775808.0").read::<One<i64>>().is_err());
    assert_eq!(toml("x = -9223372036854775808").read::<One<i64>>().unwrap().x, i64::MIN);
    assert_eq!(toml("x = 1_000").read::<One<usize>>().unwrap().x, 1000);
    assert_eq!(toml("x = 0xff").read::<One<u8>>().unwrap().x, 255);
    assert_eq!(toml("x = +5").read::<One<i8>>().unwrap().x, 5);
}

#[test]
fn null_is_a_field_left_out() {
    let detector: Detector =
        json(r#"{"efficiency": 1, "dark_count_rate_hz": null, "dead_time_s": null}"#).read().unwrap();
    assert_eq!(detector, Detector { efficiency: 1.0, dark_count_rate_hz: 0.0, dead_time_s: None });
    let tree = Tree::from(Node::Map(vec![
        Entry::new("efficiency", Node::Integer(1)),
        Entry::new("dark_count_rate_hz", Node::Null),
        Entry::new("unheard_of", Node::Null),
    ]));
    assert_eq!(tree.read::<Detector>().unwrap(), detector);
    let error = json(r#"{"efficiency": null}"#).read::<Detector>().unwrap_err();
    assert_eq!(error.to_string(), "`efficiency` is missing and has no neutral default");
    assert_eq!(json("[1, null]").read::<Vec<Option<f64>>>().unwrap(), [Some(1.0), None]);
    let error = json("[1, null]").read::<Vec<f64>>().unwrap_err();
    assert_eq!(error.to_string(), "`1` must be a number, got nothing");
    assert_eq!(json("null").read::<Option<f64>>().unwrap(), None);
}

#[test]
fn complaints_of_other_kinds_carry_path_and_value() {
    #[derive(Debug, Deserialize)]
    #[serde(try_from = "f64")]
    struct Even(#[allow(dead_code)] f64);
    impl TryFrom<f64> for Even {
        type Error = &'static str;
        fn try_from(value: f64) -> Result<Self, &'static str> {
            if value % 2.0 == 0.0 { Ok(Self(value)) } else { Err("it is odd") }
        }
    }
    assert_eq!(
        refusal::<One<[Even; 2]>>("x = [2, 3]"),
        "line 1, column 9: `x.1` must be a valid value (it is odd), got 3"
    );
    assert_eq!(
        refusal::<One<std::num::NonZeroU8>>("x = 0"),
        "line 1, column 5: `x` must be a nonzero u8, got 0"
    );
    assert_eq!(
        refusal::<BTreeMap<u8, f64>>("[a]\nb = 1"),
        "line 1, column 2: `a` must be a whole number in [0, 255], got \"a\" (text)"
    );
    let twice = Tree::from(Node::Map(vec![
        Entry::new("efficiency", Node::Integer(1)),
        Entry::new("efficiency", Node::Integer(1)),
    ]));
    assert_eq!(
        twice.read::<Detector>().unwrap_err().to_string(),
        "`efficiency` must be given once, got a second value"
    );
}

#[test]
fn free_maps_tuples_newtypes_and_untyped_values_are_read() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Seconds(f64);
    #[derive(Debug, PartialEq, Deserialize)]
    struct Pair(f64, u8);
    #[derive(Debug, PartialEq, Deserialize)]
    struct Unit;
    let map: BTreeMap<String, Seconds> = toml("a = 1\nb = 2.5").read().unwrap();
    assert_eq!(map["b"], Seconds(2.5));
    assert_eq!(toml("x = [1, 2]").read::<One<Pair>>().unwrap().x, Pair(1.0, 2));
    assert_eq!(toml("x = [1, \"a\"]").read::<One<(f64, String)>>().unwrap().x, (1.0, "a".into()));
    assert_eq!(toml("x = {}").read::<One<Unit>>().unwrap().x, Unit);
    assert_eq!(toml("x = 'c'").read::<One<char>>().unwrap().x, 'c');
    assert_eq!(refusal::<One<Unit>>("x = { y = 1 }"), unlike_any("x.y", &[], place(1, 7)));
    let value: serde_json::Value = toml("x = [1, 2.5, true, \"a\"]\ny = {}").read().unwrap();
    assert_eq!(value, serde_json::json!({"x": [1, 2.5, true, "a"], "y": {}}));
    assert_eq!(toml(LINK).read::<Tree>().unwrap(), toml(LINK));
    toml(LINK).read::<serde::de::IgnoredAny>().unwrap();
}
