//! Enums told apart by `kind`, and names asked of a type.

use super::*;

#[test]
fn an_unknown_kind_lists_the_kinds() {
    assert_eq!(
        link_refusal("\"fiber\"", "\"fibre\""),
        "line 7, column 15: `paths.0.0.kind` must be one of \"fiber\", \"loss\", \"perfect\" (did you mean \"fiber\"?), \
         got \"fibre\""
    );
    assert_eq!(
        link_refusal("\"fiber\"", "\"mirror\""),
        "line 7, column 15: `paths.0.0.kind` must be one of \"fiber\", \"loss\", \"perfect\", got \"mirror\""
    );
    assert_eq!(
        link_refusal("\"fiber\"", "3"),
        "line 7, column 15: `paths.0.0.kind` must be one of \"fiber\", \"loss\", \"perfect\", got 3"
    );
}

#[test]
fn a_missing_kind_is_a_missing_field() {
    assert_eq!(
        link_refusal("kind = \"loss\", ", ""),
        "line 8, column 6: `paths.1.0.kind` is missing and has no neutral default"
    );
}

#[test]
fn fields_of_another_kind_are_unknown() {
    assert_eq!(
        link_refusal("transmission = 0.5", "transmision = 0.5"),
        "line 8, column 23: `paths.1.0.transmision` does not exist; did you mean `transmission`? Fields here: \
         transmission"
    );
    assert_eq!(
        link_refusal("{ kind = \"perfect\" }", "{ kind = \"perfect\", length_m = 1 }"),
        unlike_any("paths.0.1.length_m", &[], place(7, 91))
    );
}

#[test]
fn a_kind_with_parameters_is_not_a_text_or_a_number() {
    assert_eq!(
        refusal::<One<Stretch>>("x = \"fiber\""),
        "line 1, column 5: `x` must be a table with kind = \"fiber\", got \"fiber\" (text)"
    );
    assert_eq!(
        refusal::<One<Stretch>>("x = 1"),
        "line 1, column 5: `x` must be a table whose kind is one of \"fiber\", \"loss\", \"perfect\", got 1"
    );
}

#[test]
fn a_plain_enum_is_a_text() {
    assert_eq!(toml("x = \"parallel\"").read::<One<Orientation>>().unwrap().x, Orientation::Parallel);
    assert_eq!(
        toml("x = { kind = \"parallel\" }").read::<One<Orientation>>().unwrap().x,
        Orientation::Parallel
    );
    assert_eq!(
        link_refusal("\"perpendicular\"", "\"perpendiclar\""),
        "line 13, column 15: `station.orientation` must be one of \"parallel\", \"perpendicular\" (did you mean \
         \"perpendicular\"?), got \"perpendiclar\""
    );
    assert_eq!(
        link_refusal("\"perpendicular\"", "1"),
        "line 13, column 15: `station.orientation` must be one of \"parallel\", \"perpendicular\", got 1"
    );
    assert_eq!(
        refusal::<One<Orientation>>("x = { kind = \"parallel\", angle_rad = 0 }"),
        unlike_any("x.angle_rad", &["kind"], place(1, 26))
    );
}

#[test]
fn derived_enums_are_read_by_kind_too() {
    let read = |text: &str| toml(text).read::<One<Derived>>().map(|one| one.x);
    assert_eq!(read("x = \"nothing\""), Ok(Derived::Nothing));
    assert_eq!(
        read("x = { transmission = 1, kind = \"wrapped\" }"),
        Ok(Derived::Wrapped(Loss { transmission: 1.0 }))
    );
    assert_eq!(
        read("x = { kind = \"spread\", from_s = 0, to_s = 1 }"),
        Ok(Derived::Spread { from_s: 0.0, to_s: 1.0 })
    );
    assert_eq!(
        refusal::<One<Derived>>("x = { kind = \"spread\", from_s = 0 }"),
        "line 1, column 5: `x.to_s` is missing and has no neutral default"
    );
    assert_eq!(
        refusal::<One<Derived>>("x = { kind = \"pair\" }"),
        "line 1, column 5: `x` must be a list of 2 values, got a table"
    );
}

#[test]
fn a_kind_is_written_beside_its_parameters() {
    let stretch = Stretch::Loss(Loss { transmission: 0.5 });
    let tree = Tree::from_params(&stretch).unwrap();
    assert_eq!(tree, toml("kind = \"loss\"\ntransmission = 0.5"));
    assert_eq!(tree.read::<Stretch>().unwrap(), stretch);
}

#[test]
fn names_are_known_without_a_value() {
    assert_eq!(fields_of::<Detector>(), ["efficiency", "dark_count_rate_hz", "dead_time_s"]);
    assert_eq!(fields_of::<Option<OneOrMany<Box<Loss>>>>(), ["transmission"]);
    assert_eq!(kinds_of::<Stretch>(), ["fiber", "loss", "perfect"]);
    assert_eq!(kinds_of::<Option<Orientation>>(), ["parallel", "perpendicular"]);
    assert!(fields_of::<Perfect>().is_empty());
    assert!(fields_of::<Stretch>().is_empty());
    assert!(kinds_of::<Detector>().is_empty());
    assert!(fields_of::<f64>().is_empty());
    assert!(fields_of::<Vec<Loss>>().is_empty());
}
