//! TOML and JSON texts become trees.

use super::*;

fn syntax(error: Error) -> (String, Option<Position>) {
    match error {
        Error::Syntax { message, position } => (message, position),
        other => panic!("{other:?}"),
    }
}

fn bad_toml(text: &str) -> (String, Option<Position>) {
    syntax(Tree::from_toml(text).unwrap_err())
}

fn bad_json(text: &str) -> (String, Option<Position>) {
    syntax(Tree::from_json(text).unwrap_err())
}

#[test]
fn positions_count_lines_and_characters_from_one() {
    let tree = toml("a = 1\r\n\"é\" = 'ü' # ü\n[b.c]\n\"ßß\".x = { y = [1,\n 2] }\n");
    assert_eq!(tree.position, place(1, 1));
    assert_eq!(tree.get("a").unwrap().position, place(1, 5));
    assert_eq!(tree.get("é").unwrap().position, place(2, 7));
    assert_eq!(tree.get("b.c").unwrap().position, place(3, 1));
    assert_eq!(tree.get("b").unwrap().position, place(3, 2));
    assert_eq!(tree.get("b.c.ßß.x.y.0").unwrap().position, place(4, 17));
    assert_eq!(tree.get("b.c.ßß.x.y.1").unwrap().position, place(5, 2));
    let Some(Tree { node: Node::Map(entries), .. }) = tree.get("b.c.ßß") else { panic!() };
    assert_eq!(entries[0].key_position, place(4, 6));
}

#[test]
fn keys_keep_the_order_of_the_text() {
    let tree = toml("z = 1\na = 2\n[m]\n[b]\n");
    let Node::Map(entries) = tree.node else { panic!() };
    assert_eq!(entries.iter().map(|entry| entry.key.as_str()).collect::<Vec<_>>(), ["z", "a", "m", "b"]);
    let Node::Map(entries) = json(r#"{"z": 1, "a": 2}"#).node else { panic!() };
    assert_eq!(entries.iter().map(|entry| entry.key.as_str()).collect::<Vec<_>>(), ["z", "a"]);
}

#[test]
fn a_text_that_is_not_toml_is_refused_with_its_place() {
    assert_eq!(bad_toml("a = 1\na = 2"), ("duplicate key".into(), place(2, 1)));
    assert_eq!(bad_toml("[a]\n[b]\n [a]"), ("duplicate key".into(), place(3, 3)));
    assert_eq!(bad_toml("a = 1\nb = ").1, place(2, 5));
    assert_eq!(bad_toml("ä = 1").1, place(1, 1));
    assert_eq!(bad_toml("a = \"open").1, place(1, 10));
    assert!(Tree::from_toml("\u{0}").is_err());
}

#[test]
fn empty_texts_are_an_empty_table_or_no_json() {
    assert_eq!(toml("").node, Node::Map(Vec::new()));
    assert_eq!(toml(" # nothing").node, Node::Map(Vec::new()));
    assert_eq!(bad_json("").1, place(1, 1));
}

#[test]
fn numbers_that_64_bits_do_not_hold_are_refused() {
    let message = |text: &str| Tree::from_toml(text).unwrap_err().to_string();
    assert_eq!(
        message("[a]\nb = [1, 9223372036854775808]"),
        "line 2, column 9: `a.b.1` must be a whole number in [-2^63, 2^63), or a number with a decimal point, got \
         9223372036854775808"
    );
    assert_eq!(
        message("a = 1e999"),
        "line 1, column 5: `a` must be a number within 1.8e308, or inf, got 1e999"
    );
    assert_eq!(
        message("a = -1e999"),
        "line 1, column 5: `a` must be a number within 1.8e308, or inf, got -1e999"
    );
    assert_eq!(toml("a = 1e-999").get("a").unwrap().node, Node::Float(0.0));
    assert_eq!(toml("a = -inf").get("a").unwrap().node, Node::Float(f64::NEG_INFINITY));
    assert!(matches!(toml("a = +nan").get("a").unwrap().node, Node::Float(value) if value.is_nan()));
    assert_eq!(
        bad_json("[9223372036854775808]"),
        (
            "9223372036854775808 is too large for a whole number; write it with a decimal point".into(),
            place(1, 20)
        )
    );
    assert_eq!(bad_json("[1e999]").0, "number out of range");
}

#[test]
fn dates_are_refused() {
    assert_eq!(
        Tree::from_toml("a.b = 2024-05-27").unwrap_err().to_string(),
        "line 1, column 7: `a.b` must be a number, text, true or false, a list or a table; dates have no meaning here, \
         got 2024-05-27"
    );
}

#[test]
fn a_text_that_is_not_json_is_refused_with_its_place() {
    assert_eq!(bad_json("{\n  \"é\": x}"), ("expected value".into(), place(2, 8)));
    assert_eq!(bad_json("{\"a\": 1, \"a\": 2}"), ("duplicate key \"a\"".into(), place(1, 12)));
    assert_eq!(bad_json("[1, 2").0, "EOF while parsing a list");
    assert_eq!(bad_json("[1] 2"), ("trailing characters".into(), place(1, 5)));
    assert!(Tree::from_json("[1,\n").is_err());
}

#[test]
fn deep_nesting_is_refused_not_overflowed() {
    let lists = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(Tree::from_json(&lists(MAX_DEPTH)).is_ok());
    assert_eq!(bad_json(&lists(MAX_DEPTH + 1)).0, "more than 64 levels inside one another");
    assert!(Tree::from_json(&"[".repeat(1_000_000)).is_err());
    assert!(Tree::from_json(&"{\"a\":".repeat(1_000_000)).is_err());

    assert!(Tree::from_toml(&format!("a = {}", lists(MAX_DEPTH - 1))).is_ok());
    assert!(Tree::from_toml(&format!("a = {}", lists(MAX_DEPTH))).is_err());
    let message = "more than 64 levels inside one another".to_owned();
    assert_eq!(bad_toml(&format!("a = {}", "[".repeat(1_000_000))), (message.clone(), place(1, 69)));
    let keys = vec!["a"; 100_000].join(".");
    assert_eq!(bad_toml(&format!("{keys} = 1")), (message.clone(), place(1, 130)));
    assert_eq!(bad_toml(&format!("[{keys}]")), (message.clone(), place(1, 129)));
    assert_eq!(bad_toml(&format!("x = 1\nx = ['''a'''', {{ {keys} = 1 }}]")).0, message);
    assert_eq!(bad_toml(&format!("x = \"\\\n{keys} = 1")).0, message);
    let quoted = vec!["'a'"; 100_000].join(" . ");
    assert_eq!(bad_toml(&format!("x = {{ {quoted} = 1 }}")).0, message);

    let half = vec!["a"; 40].join(".");
    let error = Tree::from_toml(&format!("[{half}]\n{half} = 1")).unwrap_err();
    assert!(error.to_string().ends_with("must be nested at most 64 levels deep, got more levels"), "{error}");
}

#[test]
fn dots_and_brackets_in_texts_and_comments_are_no_levels() {
    let dots = ".[{".repeat(100);
    let text = format!(
        "a = \"{dots}\\\"{dots}\" # {dots}\nb = '{dots}'\nc = \"\"\"\n{dots}\n\"{dots}\"\"\"\nd = '''\n'{dots}'''\n{}",
        "e.f = [1.5, 2.5] \n".replace('e', "e.g.h")
    );
    assert_eq!(toml(&text).get("b").unwrap().node, Node::Text(dots));
    let rows = format!("a = [\n{}]", "  [1.5, { b.c = 1.5 }],\n".repeat(100));
    assert!(Tree::from_toml(&rows).is_ok());
    let lines: Vec<String> = (0..100).map(|i| format!("a.b{i} = 1.5\n[c.d{i}]\n")).collect();
    assert!(Tree::from_toml(&lines.concat()).is_ok());
}

#[test]
fn a_tree_built_too_deep_is_refused_by_every_reader() {
    let mut tree = Tree::from(Node::Null);
    for _ in 0..=MAX_DEPTH {
        tree = Node::Map(vec![Entry::new("a", tree)]).into();
    }
    let path = vec!["a"; MAX_DEPTH].join(".");
    let message = format!("`{path}` must be nested at most 64 levels deep, got more levels");
    assert_eq!(tree.read::<serde::de::IgnoredAny>().unwrap_err().to_string(), message);
    assert_eq!(tree.to_toml().unwrap_err().to_string(), message);
}

#[test]
fn mutilated_texts_are_refused_or_read_but_never_panic() {
    const PIECES: [&str; 16] =
        ["[", "]", "{", "}", "=", ".", "\"", "'", "\n", "\\", ",", "#", "é", "[[nodes]]", "a.b", "\"\"\""];
    let json_text = r#"{"a": [1, 2.5e3, {"é": null}], "b": "\u00e9", "c": true}"#;
    let mut state = 1_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for text in [LINK, json_text] {
        for _ in 0..20_000 {
            let mut chars: Vec<String> = text.chars().map(String::from).collect();
            for _ in 0..=random(4) {
                let at = random(chars.len());
                match random(3) {
                    0 => drop(chars.remove(at)),
                    1 => chars[at] = PIECES[random(PIECES.len())].to_owned(),
                    _ => chars.insert(at, PIECES[random(PIECES.len())].to_owned()),
                }
            }
            let text = chars.concat();
            for tree in [Tree::from_toml(&text), Tree::from_json(&text)].into_iter().flatten() {
                let _ = tree.read::<Link>().map_err(|error| error.to_string());
                if let Ok(text) = tree.to_toml() {
                    assert_eq!(Tree::from_toml(&text).unwrap(), tree, "{text}");
                }
            }
        }
    }
}
