use std::cell::Cell;

use anabranch_core::{Chunks, Runnable, RunnableExt};
use anabranch_messages::{AiMessage, FinishReason, ToolCallChunk};
use futures::executor::block_on;
use serde_json::{Value, json};

use crate::{JsonOutputParser, ListOutputParser, StrOutputParser, ToolCallsParser};

thread_local! {
    pub(super) static LOOKED_AT: Cell<usize> = const { Cell::new(0) };
}

/// How much is looked at while this is done.
fn count(work: impl FnOnce()) -> usize {
    LOOKED_AT.set(0);
    work();
    LOOKED_AT.get()
}

/// Four times as much text may cost four times as much work, and a little: by its square it would be sixteen times.
fn assert_linear(what: &str, work: impl Fn(usize)) {
    let (some, more) = (count(|| work(1)), count(|| work(4)));
    assert!(more <= 5 * some + 2_000, "{what}: {some} became {more}");
}

fn drain<P: Runnable<Input = AiMessage>>(parser: &P, pieces: Vec<AiMessage>) {
    let mut stream = parser.transform(Chunks::from_values(pieces, AiMessage::merge()));
    block_on(async { while stream.next().await.is_some() {} });
}

fn by_byte(text: &str) -> Vec<AiMessage> {
    in_pieces(text, 1)
}

fn in_pieces(text: &str, size: usize) -> Vec<AiMessage> {
    let characters: Vec<char> = text.chars().collect();
    characters.chunks(size).map(|piece| AiMessage::new(piece.iter().collect::<String>())).collect()
}

/// What was quadratic once, or may be: begins that do not end, in all kinds.
const UNITS: [&str; 34] = [
    "[",
    "{",
    "{\"a\":",
    "{'a':",
    "{a:",
    "[[],",
    "[1,",
    "```",
    "```\"x",
    "```[1",
    "```json\n",
    "```json\n{\"a\": oops}\n```\n",
    "```json\n{\"a\": oops\n",
    "{\"a\":1}",
    "{'a':1}",
    "[1] ",
    "[t",
    "\"",
    "[\"",
    "`[1",
    "\\",
    "/*",
    "//",
    "{\"a\": \"b\" /*",
    "a,",
    "{a: b, ",
    "(",
    "\"a\": ",
    "{'a', ",
    "“",
    "{\"a\": x\n",
    "<think>",
    "</think>",
    "<thin ",
];

#[test]
fn an_answer_is_looked_at_once_however_broken_it_is() {
    for unit in UNITS {
        let text = |times: usize| unit.repeat(times * 2_000 / unit.len());
        assert_linear(unit, |times| drop(JsonOutputParser::new().parse(&text(times))));
        assert_linear(unit, |times| drain(&JsonOutputParser::new(), by_byte(&text(times))));
        assert_linear(unit, |times| drain(&JsonOutputParser::new().events(), by_byte(&text(times))));
        assert_linear(unit, |times| drain(&JsonOutputParser::elements::<Value>(), by_byte(&text(times))));
    }
}

#[test]
fn what_is_repaired_is_looked_at_a_few_times() {
    for unit in UNITS {
        for begin in ["", "{\"a\": [\"", "{a: "] {
            let text = |times: usize| format!("{begin}{}", unit.repeat(times * 4_000 / unit.len()));
            assert_linear(&format!("{begin}{unit}"), |times| {
                drop(JsonOutputParser::new().lenient().parse(&text(times)))
            });
        }
    }
}

#[test]
fn what_is_repaired_while_it_comes_is_looked_at_a_few_times() {
    for unit in UNITS {
        let text = |times: usize| unit.repeat(times * 4_000 / unit.len());
        assert_linear(unit, |times| drain(&JsonOutputParser::new().lenient(), in_pieces(&text(times), 8)));
    }
}

#[test]
fn lists_and_texts_are_looked_at_once() {
    for unit in ["1. a\n", "- a\n  b\n", "\"", "a, ", "1.", " ", "\n", "<think>", "</think>", "<thin "] {
        let text = |times: usize| unit.repeat(times * 2_000 / unit.len());
        for parser in [ListOutputParser::comma_separated(), ListOutputParser::numbered(), ListOutputParser::markdown()]
        {
            assert_linear(unit, |times| drain(&parser, by_byte(&text(times))));
        }
        assert_linear(unit, |times| drain(&StrOutputParser, by_byte(&text(times))));
    }
}

/// Calls that are written in turns, a byte of each at a time, of which the first is complete last.
fn in_turns(calls: u64, arguments: &str) -> Vec<AiMessage> {
    let piece = |index| ToolCallChunk::new().with_index(index);
    let mut pieces: Vec<AiMessage> =
        (0..calls).map(|index| piece(index).with_id(format!("c{index}")).with_name("f").into()).collect();
    for (at, c) in arguments.char_indices() {
        let order: Vec<u64> = if at == 0 { (0..calls).collect() } else { (1..calls).chain([0]).collect() };
        pieces.extend(order.into_iter().map(|index| AiMessage::from(piece(index).with_arguments(c.to_string()))));
    }
    pieces.push(FinishReason::tool_calls().into());
    pieces
}

#[test]
fn calls_that_are_written_in_turns_are_looked_at_once() {
    let text = |times: usize| json!({ "text": "é]} ".repeat(100 * times) }).to_string();
    for parser in [ToolCallsParser::<Value>::new(), ToolCallsParser::of_tool("f"), ToolCallsParser::of_tool("g")] {
        assert_linear("long", |times| drain(&parser, in_turns(4, &text(times))));
        assert_linear("many", |times| drain(&parser, in_turns(20 * times as u64, &text(1))));
        assert_linear("long, growing", |times| drain(&parser.clone().growing(), in_turns(4, &text(4 * times))));
        assert_linear("many, growing", |times| drain(&parser.clone().growing(), in_turns(20 * times as u64, &text(1))));
    }
}
