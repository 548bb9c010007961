//! Trees become TOML texts.

use super::*;

#[test]
fn parameters_are_written_as_a_person_would() {
    let link: Link = toml(LINK).read().unwrap();
    let tree = toml(LINK);
    assert_eq!(tree.to_toml().unwrap(), LINK.replace("25e-9", "2.5e-8"));
    let written = Tree::from_params(&link).unwrap().to_toml().unwrap();
    assert_eq!(toml(&written), Tree::from_params(&link).unwrap());
    assert_eq!(toml(&written).read::<Link>().unwrap(), link);
    assert!(!written.contains("delay_s"));
}

#[test]
fn a_round_trip_gives_an_equal_tree() {
    let floats = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.1 + 0.2,
        1e22,
        1e300,
        5e-324,
        f64::MAX,
        f64::MIN_POSITIVE,
        123_456_789.0,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ];
    let texts = ["", "plain", "\"quoted\" \\ 'both'", "line\nbreak\ttab\r", "\u{0}\u{7f}\u{85}é\u{1F600}"];
    let list = |nodes: Vec<Node>| Node::List(nodes.into_iter().map(Tree::from).collect());
    let tree = Tree::from(Node::Map(vec![
        Entry::new("table first", Node::Map(vec![Entry::new("empty", Node::Map(Vec::new()))])),
        Entry::new("a.b", Node::Integer(i64::MIN)),
        Entry::new("", Node::Integer(i64::MAX)),
        Entry::new("é\"", Node::Bool(false)),
        Entry::new("floats", list(floats.into_iter().map(Node::Float).collect())),
        Entry::new("texts", list(texts.into_iter().map(|text| Node::Text(text.into())).collect())),
        Entry::new("absent", Node::Null),
        Entry::new("no_items", Node::List(Vec::new())),
        Entry::new("mixed", list(vec![Node::Map(vec![Entry::new("x", Node::Integer(1))]), Node::Integer(2)])),
        Entry::new("nan", Node::Float(f64::NAN)),
        Entry::new(
            "nodes",
            list(vec![
                Node::Map(vec![
                    Entry::new(
                        "below",
                        Node::Map(vec![Entry::new("nodes", list(vec![Node::Map(Vec::new())]))]),
                    ),
                    Entry::new("x", Node::Null),
                ]),
                Node::Map(Vec::new()),
                Node::Map(vec![Entry::new("below", Node::Map(vec![Entry::new("x", Node::Float(2.0))]))]),
            ]),
        ),
    ]));
    let text = tree.to_toml().unwrap();
    let again = toml(&text);
    assert_eq!(again, tree, "{text}");
    for (index, float) in floats.into_iter().enumerate() {
        let Node::Float(read) = again.get(&format!("floats.{index}")).unwrap().node else {
            panic!("{float}")
        };
        assert_eq!(read.to_bits(), float.to_bits());
    }
    assert_eq!(again.to_toml().unwrap(), text);
}

#[test]
fn what_toml_cannot_say_is_refused() {
    assert_eq!(
        json(r#"{"a": {"b": [1, null]}}"#).to_toml().unwrap_err().to_string(),
        "`a.b.1` must be a value: an element of a list cannot be left out, got nothing"
    );
    assert!(json("[1]").to_toml().is_err());
    assert_eq!(
        Tree::from_params(&One { x: u64::MAX }).unwrap_err(),
        Error::parameter(
            "",
            "something else (u64 value was too large)",
            "made of numbers, texts, lists and tables",
            ""
        )
    );
    assert!(Tree::from_params(&[Some(1), None]).is_err());
}

#[test]
fn equality_ignores_positions_order_and_absent_entries() {
    assert_eq!(toml("a = 1\nb = 2"), json(r#"{"b": 2, "c": null, "a": 1}"#));
    assert_ne!(toml("a = 1"), toml("a = 1.0"));
    assert_ne!(toml("a = 1"), toml("a = 1\nb = 2"));
    assert_ne!(toml("a = [1, 2]"), toml("a = [2, 1]"));
}

/// Every shape of value at once.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Shapes {
    flag: bool,
    small: u8,
    negative: i64,
    float: f64,
    letter: char,
    words: BTreeMap<String, Vec<f64>>,
    pair: (u32, String),
    absent: Option<f64>,
    present: Option<Orientation>,
    one_or_many: [OneOrMany<f64>; 2],
    stretch: Stretch,
}

#[test]
fn parameters_become_the_tree_that_they_are_read_from() {
    let shapes = Shapes {
        flag: true,
        small: 7,
        negative: -3,
        float: f64::INFINITY,
        letter: 'é',
        words: BTreeMap::from([("b".into(), vec![1.0]), ("a".into(), vec![])]),
        pair: (2, "text".into()),
        absent: None,
        present: Some(Orientation::Parallel),
        one_or_many: [OneOrMany::One(0.5), OneOrMany::Many(vec![0.5, 0.25])],
        stretch: Stretch::Loss(Loss { transmission: 0.5 }),
    };
    let tree = Tree::from_params(&shapes).unwrap();
    let keys: Vec<_> = tree.entries().iter().map(|entry| entry.key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "flag",
            "small",
            "negative",
            "float",
            "letter",
            "words",
            "pair",
            "present",
            "one_or_many",
            "stretch"
        ]
    );
    let text = r#"
        flag = true
        small = 7
        negative = -3
        float = inf
        letter = "é"
        words = { a = [], b = [1.0] }
        pair = [2, "text"]
        present = "parallel"
        one_or_many = [0.5, [0.5, 0.25]]
        stretch = { kind = "loss", transmission = 0.5 }
    "#;
    assert_eq!(tree, toml(text));
    assert_eq!(tree.read::<Shapes>().unwrap(), shapes);
    let outside = std::result::Result::<u8, u8>::Ok(1);
    assert!(Tree::from_params(&outside).unwrap_err().to_string().contains("something else (Result)"));
}
