//! Types that know their schema.

#![allow(clippy::unwrap_used, clippy::panic)]

use anabranch_parsers::{JsonOutputParser, OutputParser, ParseError, ParseErrorKind, RepairKind};

/// Ein Fluß: schöne Zeichen bleiben, wie sie sind.
#[derive(serde::Deserialize, schemars::JsonSchema, Debug, PartialEq)]
struct River {
    /// 名前
    name: String,
    length_km: u32,
    kind: Kind,
    arms: Vec<String>,
    source: Option<String>,
}

#[derive(serde::Deserialize, schemars::JsonSchema, Debug, PartialEq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Kind {
    River,
    SideArm,
}

#[test]
fn values_are_brought_into_the_shape_of_the_type() {
    let parser = JsonOutputParser::typed::<River>().with_schema_of_type();
    let text = "{Name: 'Weser', length_km: 'about 452 km', kind: 'a side arm', arms: 'Aller'}";
    assert!(parser.parse(text).is_err());
    let (river, repairs) = parser.clone().lenient().parse_reported(text).unwrap();
    let expected =
        River { name: "Weser".into(), length_km: 452, kind: Kind::SideArm, arms: vec!["Aller".into()], source: None };
    assert_eq!(river, expected);
    for kind in [RepairKind::Key, RepairKind::NumberFromText, RepairKind::Choice, RepairKind::ListFromOne] {
        assert!(repairs.iter().any(|repair| repair.kind() == kind), "{kind:?}");
    }
    let error = parser.lenient().parse("{name: 'Weser', length_km: 'long', kind: 'RIVER', arms: []}").unwrap_err();
    let cause = error.downcast_ref::<ParseError>().unwrap();
    assert_eq!((cause.kind(), cause.path()), (ParseErrorKind::Schema, "length_km"));
}

#[test]
fn instructions_hold_the_schema_and_keep_its_letters() {
    let instructions = JsonOutputParser::typed::<River>().with_schema_of_type().format_instructions();
    for part in ["length_km", "SIDE_ARM", "名前", "schöne Zeichen"] {
        assert!(instructions.contains(part), "{part}: {instructions}");
    }
}
