use std::collections::HashMap;

use serde::Deserialize;

use super::*;

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct River {
    name: String,
    kind: Kind,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "snake_case")]
enum Kind {
    River,
    Anabranch,
}

fn of<T: serde::de::DeserializeOwned + std::fmt::Debug>(json: &str) -> String {
    mismatch(&serde_json::from_str::<T>(json).unwrap_err().to_string())
}

#[test]
fn types_are_named_and_values_are_not() {
    assert_eq!(of::<u32>("\"secret, expected secret\""), "expected u32, found string");
    assert_eq!(of::<u8>("70000"), "expected u8, found integer");
    assert_eq!(of::<(u8, u8)>("[1]"), "wrong length, expected a tuple of size 2");
    assert_eq!(of::<River>("{\"name\": \"secret\"}"), "missing field `kind`");
    assert_eq!(of::<River>("{\"secret\": 1}"), "unknown field, expected `name` or `kind`");
    assert_eq!(of::<Kind>("\"secret\""), "unknown variant, expected `river` or `anabranch`");
    assert_eq!(of::<HashMap<String, bool>>("{\"secret\": 1.5}"), "expected a boolean, found floating point");
    assert_eq!(of::<std::net::IpAddr>("\"secret\""), "it does not fit");
}
