use serde::Serialize;
use serde_json::json;

use super::*;

#[test]
fn a_number_that_is_none_changes_nothing() {
    let mut best = 1.0;
    max(&mut best, &f64::NAN);
    min(&mut best, &f64::NAN);
    assert_eq!(best, 1.0);
}

#[test]
fn the_least_of_options_is_the_least_of_the_values() {
    let mut best = None;
    for price in [None, Some(3), Some(7), None, Some(2)] {
        min_option(&mut best, &price);
    }
    assert_eq!(best, Some(2));
    let mut best = None;
    for price in [None, Some(3), Some(7), None, Some(2)] {
        max(&mut best, &price);
    }
    assert_eq!(best, Some(7));
}

#[test]
fn sets_and_maps_unite() {
    let mut set = HashSet::from([1, 2]);
    union(&mut set, &HashSet::from([2, 3]));
    assert_eq!(set, HashSet::from([1, 2, 3]));
    let mut map = HashMap::from([("a", 1)]);
    union(&mut map, &HashMap::from([("a", 2), ("b", 3)]));
    assert_eq!(map, HashMap::from([("a", 2), ("b", 3)]));
}

fn ids(elements: &[serde_json::Value]) -> Vec<Option<id::Id>> {
    elements.iter().map(id::of).collect()
}

#[test]
fn the_id_of_an_element() {
    let text = |id: &str| Some(id::Id::Text(id.to_string()));
    let elements = [
        json!({"role": "assistant", "id": "a"}),
        json!({"id": 1}),
        json!({"metadata": {"id": "b", "run": 1}}),
        json!({"metadata": {"id": "b"}, "id": "a"}),
        json!({"id": "", "metadata": {"id": "b"}}),
    ];
    assert_eq!(ids(&elements), [text("a"), Some(id::Id::Number(1.into())), text("b"), text("a"), text("b")]);

    let without =
        [json!({"id": null}), json!({"id": " "}), json!({"name": "id"}), json!("id"), json!([1]), json!(null)];
    assert_eq!(ids(&without), [const { None }; 6]);
}

#[test]
fn the_id_of_types() {
    #[derive(Serialize)]
    struct Note {
        text: &'static str,
        id: Option<&'static str>,
    }
    #[derive(Serialize)]
    #[serde(tag = "type")]
    enum Tagged {
        Note(Note),
    }
    #[derive(Serialize)]
    struct Flat {
        #[serde(flatten)]
        note: Note,
    }
    let note = |id| Note { text: "…", id };
    let a = Some(id::Id::Text("a".to_string()));
    assert_eq!(id::of(&note(Some("a"))), a);
    assert_eq!(id::of(&note(None)), None);
    assert_eq!(id::of(&Some(note(Some("a")))), a);
    assert_eq!(id::of(&Tagged::Note(note(Some("a")))), a);
    assert_eq!(id::of(&Flat { note: note(Some("a")) }), a);
    assert_eq!(id::of("a"), None);
    assert_eq!(id::of(&(1, 2)), None);
}

/// What `messages` makes of these ids; the number says which of the elements it is.
fn merged(current: &[&str], new: &[&str]) -> Vec<(String, usize)> {
    let element = |(number, id): (usize, &&str)| match *id {
        "" => json!({"number": number}),
        id => json!({"id": id, "number": number}),
    };
    let mut list: Vec<_> = current.iter().enumerate().map(element).collect();
    let new: Vec<_> = new.iter().enumerate().map(|(number, id)| element((number + 10, id))).collect();
    messages(&mut list, &new);
    let of = |element: &serde_json::Value| {
        (element["id"].as_str().unwrap_or("").to_string(), element["number"].as_u64().unwrap() as usize)
    };
    list.iter().map(of).collect()
}

#[test]
fn the_same_id_replaces_where_it_stood() {
    let pairs =
        |pairs: &[(&str, usize)]| pairs.iter().map(|(id, number)| (id.to_string(), *number)).collect::<Vec<_>>();
    assert_eq!(merged(&["a", "b"], &["a"]), pairs(&[("a", 10), ("b", 1)]));
    assert_eq!(merged(&["a", "b"], &["c", "b"]), pairs(&[("a", 0), ("b", 11), ("c", 10)]));
    assert_eq!(merged(&["", "a"], &["", ""]), pairs(&[("", 0), ("a", 1), ("", 10), ("", 11)]));
    assert_eq!(merged(&[], &["a", "b", "a"]), pairs(&[("a", 12), ("b", 11)]), "the same id twice in one write");
    assert_eq!(merged(&["a", "a"], &["a"]), pairs(&[("a", 0), ("a", 10)]), "the last of two that were the same before");
}
