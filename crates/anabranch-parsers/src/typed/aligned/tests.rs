use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use super::*;

#[derive(Deserialize, Debug, PartialEq)]
struct River {
    name: String,
    length_km: u32,
    kind: Kind,
    arms: Vec<String>,
    wet: Option<bool>,
}

#[derive(Deserialize, Debug, PartialEq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Kind {
    River,
    SideArm { of: Vec<u8> },
}

#[test]
fn a_type_says_what_it_wants() {
    let value = json!({
        "Name": 7, "length-km": "about 452 km", "kind": {"side arm": {"of": "3"}}, "arms": "Aller", "wet": "yes", "more": 1,
    });
    let (river, repairs) = aligned::<River>(&value).unwrap();
    let kind = Kind::SideArm { of: vec![3] };
    assert_eq!(river, River { name: "7".into(), length_km: 452, kind, arms: vec!["Aller".into()], wet: Some(true) });
    use RepairKind::*;
    let told: Vec<_> = repairs.iter().map(|repair| (repair.kind, repair.path.as_str())).collect();
    for expected in [
        (Key, "name"),
        (TextFromValue, "name"),
        (NumberFromText, "length_km"),
        (Choice, "kind"),
        (ListFromOne, "kind.SIDE_ARM.of"),
        (NumberFromText, "kind.SIDE_ARM.of[0]"),
        (ListFromOne, "arms"),
        (BoolFromValue, "wet"),
    ] {
        assert!(told.contains(&expected), "{expected:?}: {told:?}");
    }
}

#[test]
fn what_fits_needs_nothing_and_nothing_is_invented() {
    let value = json!({"a": [1, 2], "b": []});
    let (map, repairs) = aligned::<BTreeMap<String, Vec<u8>>>(&value).unwrap();
    assert_eq!((map["a"].as_slice(), repairs.len()), ([1, 2].as_slice(), 0));
    assert_eq!(aligned::<Value>(&value).unwrap().0, value);
    assert_eq!(aligned::<Kind>(&json!("a river")).unwrap().0, Kind::River);
    assert_eq!(aligned::<u8>(&json!([12.0])).unwrap().0, 12);
    assert!(aligned::<u8>(&json!("no number")).is_err());
    assert!(aligned::<u8>(&json!("1 or 2")).is_err());
    assert!(aligned::<u8>(&json!(300)).is_err());
    assert!(aligned::<String>(&json!(null)).is_err());
    assert!(aligned::<Vec<u8>>(&json!(null)).is_err());
    assert!(aligned::<Kind>(&json!("lake")).is_err());
    assert!(aligned::<River>(&json!({"name": "x"})).is_err());
    assert!(aligned::<bool>(&json!("yes and no")).is_err());
}
