//! Lists as people write them.

#![allow(clippy::unwrap_used, clippy::panic)]

use anabranch_core::{Chunks, RunnableExt};
use anabranch_messages::{AiMessage, FinishReason};
use anabranch_parsers::{ListOutputParser, ParseError, ParseErrorKind};
use futures::StreamExt;
use proptest::prelude::*;

fn kind(error: &anabranch_core::Error) -> ParseErrorKind {
    error.downcast_ref::<ParseError>().unwrap_or_else(|| panic!("{error}")).kind()
}

fn answer(text: &str, size: usize) -> Chunks<'static, AiMessage> {
    let characters: Vec<char> = text.chars().collect();
    let pieces = characters.chunks(size).map(|piece| AiMessage::new(piece.iter().collect::<String>()));
    Chunks::from_values(pieces.collect::<Vec<_>>(), AiMessage::merge())
}

#[test]
fn lists() {
    let commas = ListOutputParser::comma_separated();
    for (text, items) in [
        ("foo", vec!["foo"]),
        ("foo, bar, baz", vec!["foo", "bar", "baz"]),
        ("foo,bar,baz", vec!["foo", "bar", "baz"]),
        ("\"foo, foo2\",bar,baz", vec!["foo, foo2", "bar", "baz"]),
        ("\"say \"\"hi\"\"\", 12\" pipe", vec!["say \"hi\"", "12\" pipe"]),
        ("a, , b,\n c\n", vec!["a", "b", "c"]),
        ("<think>x, y</think>a, b", vec!["a", "b"]),
        ("\"\", a", vec!["", "a"]),
    ] {
        assert_eq!(commas.parse(text).unwrap(), items, "{text}");
    }
    assert_eq!(kind(&commas.parse("a, \"b").unwrap_err()), ParseErrorKind::Truncated);
    let numbered = "Items:\n\n  1. apple\n    2) banana\n3. \n10. cherry 2. no\nx 4. no\n5.no\n";
    assert_eq!(ListOutputParser::numbered().parse(numbered).unwrap(), ["apple", "banana", "cherry 2. no", "no"]);
    assert_eq!(ListOutputParser::numbered().parse("No items in the list.").unwrap(), [] as [&str; 0]);
    let dashes = "Items:\n- apple\n  * banana - ripe\n+ cherry\nno - item\n-5 degrees\n--- \n";
    assert_eq!(ListOutputParser::markdown().parse(dashes).unwrap(), ["apple", "banana - ripe", "cherry"]);
}

#[test]
fn items_go_on_in_indented_lines() {
    let numbered = |text: &str| ListOutputParser::numbered().parse(text).unwrap();
    let markdown = |text: &str| ListOutputParser::markdown().parse(text).unwrap();
    assert_eq!(
        numbered("1. the Weser,\n   which is long\n\n   and wide\n2. the Aller\nThat is all."),
        ["the Weser, which is long and wide", "the Aller"]
    );
    assert_eq!(numbered("1. Weser:\n   - long\n   - wide\n2. Aller"), ["Weser: - long - wide", "Aller"]);
    assert_eq!(numbered("1.\n   Weser\n2.\n3. Aller"), ["Weser", "Aller"]);
    // What is indented as the mark is, or less, is no part of an item.
    assert_eq!(numbered("  1. Weser\n  and so on\n 2. Aller\n words\n  more words"), ["Weser", "Aller"]);
    assert_eq!(markdown("- Weser\r\n  and more\r\n* Aller\r\n"), ["Weser and more", "Aller"]);
    assert_eq!(numbered("1.Weser\n2)Aller\n3.14 is a number\n4... is none\n5.: x"), ["Weser", "Aller", ": x"]);
    assert_eq!(markdown("• Weser\n◦ Aller\n•Leine\n– Hase\n-5 degrees\n**bold**"), ["Weser", "Aller", "Leine", "Hase"]);
}

#[tokio::test]
async fn an_item_comes_with_the_first_word_of_the_next_line() {
    let (sender, receiver) = futures::channel::mpsc::unbounded();
    let chunks = Chunks::new(receiver.map(|piece: &str| Ok(AiMessage::new(piece))), AiMessage::merge());
    let parser = ListOutputParser::numbered();
    let mut stream = parser.transform(chunks);
    sender.unbounded_send("1. Weser\n").unwrap();
    // It may go on.
    assert!(futures::poll!(stream.next()).is_pending());
    sender.unbounded_send("  and more\n2").unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap(), ["Weser and more"]);
}

#[tokio::test]
async fn lists_stream_and_are_whole() {
    let parser = ListOutputParser::comma_separated();
    let lists: Vec<_> = StreamExt::collect(parser.transform(answer("\"a, b\", c,d", 1))).await;
    let lists: Vec<Vec<String>> = lists.into_iter().map(Result::unwrap).collect();
    assert_eq!(lists, [["a, b"], ["c"], ["d"]]);
    let at_once: Vec<_> = StreamExt::collect(parser.transform(answer("a, b, c", 100))).await;
    assert_eq!(at_once.len(), 3);

    let pieces = vec![AiMessage::new("a, b"), AiMessage::new(", c").with_finish_reason(FinishReason::length())];
    let cut = || Chunks::from_values(pieces.clone(), AiMessage::merge());
    let mut stream = parser.transform(cut());
    assert_eq!(stream.next().await.unwrap().unwrap(), ["a"]);
    assert_eq!(stream.next().await.unwrap().unwrap(), ["b"]);
    assert_eq!(kind(&stream.next().await.unwrap().unwrap_err()), ParseErrorKind::Truncated);
    assert_eq!(kind(&parser.transform(cut()).collect().await.unwrap_err()), ParseErrorKind::Truncated);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn pieces_of_lists_do_not_matter(text in "([a-cé1-9]|, |\\n|\"|- |1\\. |2\\.|• | |   |\\r\\n|<think>|</think>){0,20}", size in 1..6_usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for parser in [ListOutputParser::comma_separated(), ListOutputParser::numbered(), ListOutputParser::markdown()] {
            let streamed: Vec<_> = runtime.block_on(StreamExt::collect(parser.transform(answer(&text, size))));
            let streamed: Result<Vec<_>, _> = streamed.into_iter().collect();
            match (streamed, parser.parse(&text)) {
                (Ok(streamed), Ok(whole)) => prop_assert_eq!(streamed.concat(), whole),
                (Err(error), whole) => {
                    // A thought that ended without a begin was handed on by then.
                    let is_thought = kind(&error) == ParseErrorKind::Thought;
                    let is_same = whole.as_ref().err().map(kind) == Some(kind(&error));
                    prop_assert!(is_thought || is_same, "{} {:?}", text, whole);
                }
                (Ok(_), Err(error)) => prop_assert!(false, "{} {}", text, error),
            }
        }
    }
}
