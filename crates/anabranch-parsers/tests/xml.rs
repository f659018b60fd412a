//! XML in answers.

#![allow(clippy::unwrap_used, clippy::panic)]

use anabranch_parsers::{ParseError, ParseErrorKind, XmlOutputParser};
use proptest::prelude::*;
use serde_json::json;

const DOCUMENT: &str = "<foo>\n  <bar>\n    <baz></baz>\n    <baz>slim.shady</baz>\n  </bar>\n  <baz>tag</baz>\n</foo>";

#[test]
fn one_tree_wherever_it_stands() {
    let tree = json!({"foo": [{"bar": [{"baz": null}, {"baz": "slim.shady"}]}, {"baz": "tag"}]});
    for text in [
        DOCUMENT.to_string(),
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{DOCUMENT}"),
        format!("```xml\n{DOCUMENT}\n```"),
        format!("Some random text\n```xml\n<?xml version=\"1.0\"?>\n{DOCUMENT}\n```\nMore random text"),
        format!("<think><foo>no</foo></think>{DOCUMENT}"),
        format!("2 < 3, so: {DOCUMENT} done."),
    ] {
        assert_eq!(XmlOutputParser::new().parse(&text).unwrap(), tree, "{text}");
    }
    let parse = |text| XmlOutputParser::new().parse(text).unwrap();
    assert_eq!(parse("<body>Text of the body.</body>"), json!({"body": "Text of the body."}));
    assert_eq!(parse("<a>1 &lt; 2 &amp; <![CDATA[<b>]]> &#233;</a>"), json!({"a": "1 < 2 & <b> é"}));
    assert_eq!(parse("<a/>"), json!({"a": null}));
    assert_eq!(parse("Use <br> like this: <a>x</a>, or <river>."), json!({"a": "x"}));
    assert_eq!(parse("<a>x</a><br>"), json!({"a": "x"}));
    assert_eq!(parse("<input>5</input>"), json!({"input": "5"}));
}

#[test]
fn what_is_broken_or_dangerous_is_an_error() {
    let bomb = "<?xml version=\"1.0\"?><!DOCTYPE lolz [<!ENTITY lol \"lol\"><!ENTITY lol1 \"&lol;&lol;\">]><lolz>&lol1;</lolz>";
    let deep = "<a>".repeat(100_000);
    for (text, kind) in [
        ("no XML", ParseErrorKind::Missing),
        ("<foo>", ParseErrorKind::Truncated),
        ("<foo><bar>x</bar>", ParseErrorKind::Truncated),
        ("<foo></bar>", ParseErrorKind::Xml),
        ("<foo><bar></foo></bar>", ParseErrorKind::Xml),
        ("<foo>&lol;</foo>", ParseErrorKind::Xml),
        ("<foo a=\"1\">x</foo>", ParseErrorKind::Xml),
        ("<foo>x<bar/></foo>", ParseErrorKind::Xml),
        ("<a/> or <b/>", ParseErrorKind::Several(2)),
        ("<a>1</a>, <b>2</b>", ParseErrorKind::Several(2)),
        ("Use <br> for a new line.", ParseErrorKind::Missing),
        ("one<br>two<br>three", ParseErrorKind::Missing),
        ("one<br/>two", ParseErrorKind::Missing),
        ("<br>", ParseErrorKind::Missing),
        ("Put it in <river>, please.", ParseErrorKind::Missing),
        ("A note: <!-- there is none -->", ParseErrorKind::Missing),
        ("Here: <list><item>1</item>", ParseErrorKind::Truncated),
        ("<?xml version=\"1.0\"?>\n", ParseErrorKind::Truncated),
        (bomb, ParseErrorKind::Xml),
        (&deep, ParseErrorKind::Xml),
    ] {
        let error = XmlOutputParser::new().parse(text).map(|tree| panic!("{text}: {tree}")).unwrap_err();
        assert_eq!(error.downcast_ref::<ParseError>().unwrap().kind(), kind, "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn never_panics(text in "(<[a-c]>|</[a-c]>|<br>|</br>|<a/>|<|>|&|;|é|x|<!\\[CDATA\\[|\\]\\]>|<!--|-->|<\\?| ){0,20}") {
        let _ = XmlOutputParser::new().parse(&text);
    }

    #[test]
    fn no_prefix_is_a_document(cut in 1..70_usize) {
        prop_assert!(XmlOutputParser::new().parse(&DOCUMENT[..cut]).is_err());
    }
}
