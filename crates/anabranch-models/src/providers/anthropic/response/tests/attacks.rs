//! What servers should not do, and what nobody has seen yet.

use proptest::prelude::*;

use super::*;

/// A block as the API sends it, with a number that makes its ids its own.
fn any_block() -> impl Strategy<Value = Value> {
    let text = || "[a-zäß]{1,3}[ \n]{0,2}[\"\\\\{a-z]{0,3}";
    let input = || prop_oneof![Just(json!({})), text().prop_map(|text| json!({"q": text, "n": [1, null]}))];
    let citation = text().prop_map(|text| {
        json!({"type": "web_search_result_location", "url": "https://e.org", "title": null, "cited_text": text,
            "encrypted_index": "x"})
    });
    let caller = json!({"type": "code_execution_20250825", "tool_id": "s"});
    prop_oneof![
        3 => text().prop_map(|text| json!({"type": "text", "text": text})),
        2 => (text(), prop::collection::vec(citation, 1..3))
            .prop_map(|(text, citations)| json!({"type": "text", "text": text, "citations": citations})),
        2 => text().prop_map(|text| json!({"type": "thinking", "thinking": text, "signature": "s"})),
        1 => Just(json!({"type": "thinking", "thinking": "", "signature": "omitted"})),
        1 => Just(json!({"type": "redacted_thinking", "data": "sealed"})),
        2 => input().prop_map(|input| json!({"type": "tool_use", "name": "f", "input": input})),
        1 => input().prop_map(move |input| json!({"type": "tool_use", "name": "g", "input": input, "caller": caller})),
        2 => input().prop_map(|input| json!({"type": "server_tool_use", "name": "web_search", "input": input})),
        1 => input().prop_map(|input| json!({"type": "mcp_tool_use", "name": "e", "server_name": "s", "input": input})),
        1 => text().prop_map(|text| json!({"type": "bash_code_execution_tool_result", "tool_use_id": "s",
            "content": {"type": "bash_code_execution_result", "stdout": text, "content": []}})),
        1 => any::<bool>().prop_map(|failed| json!({"type": "mcp_tool_result", "tool_use_id": "s", "is_error": failed,
            "content": [{"type": "text", "text": "x"}]})),
        1 => text().prop_map(|text| json!({"type": "brand_new_block", "z": text, "none": null})),
    ]
}

/// The blocks of an answer, each with an id of its own where it needs one.
fn any_blocks() -> impl Strategy<Value = Vec<Value>> {
    prop::collection::vec(any_block(), 0..9).prop_map(|mut blocks| {
        for (place, block) in blocks.iter_mut().enumerate() {
            if block.get("input").is_some() {
                block["id"] = format!("id_{place}").into();
            }
        }
        blocks
    })
}

/// The events of a stream with its deltas cut in two, and its blocks mixed: each begins after the one before it.
fn mixed(blocks: &[Value], mut choose: impl FnMut(usize) -> usize) -> Vec<Value> {
    let mut queues: Vec<std::collections::VecDeque<Value>> = vec![Default::default(); blocks.len()];
    for event in events(blocks) {
        let Some(index) = event["index"].as_u64() else { continue };
        let queue = &mut queues[usize::try_from(index).unwrap()];
        let piece = |key: &str| Some((key.to_string(), event["delta"].get(key)?.as_str()?.to_string()));
        match ["text", "thinking", "partial_json"].into_iter().find_map(piece) {
            Some((key, text)) => {
                let half = (choose(text.len() + 1)..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap();
                for part in [&text[..half], &text[half..]] {
                    let mut event = event.clone();
                    event["delta"][&key] = part.into();
                    queue.push_back(event);
                }
            }
            None => queue.push_back(event),
        }
    }
    let (mut begun, mut mixed) = (0, vec![start("m1")]);
    while queues.iter().any(|queue| !queue.is_empty()) {
        let place = choose(queues.len());
        if place > begun || queues[place].is_empty() {
            continue;
        }
        begun = begun.max(place + 1);
        mixed.extend(queues[place].pop_front());
    }
    mixed.extend(end(Some("tool_use")));
    mixed
}

/// Numbers that are the same each time.
fn dice(mut seed: u64) -> impl FnMut(usize) -> usize {
    move |below| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((seed >> 33) % below.max(1) as u64).unwrap()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Documents, streams, and streams whose blocks are mixed are the same answer, and it goes back as it came.
    #[test]
    fn whatever_comes_goes_back_as_it_came(blocks in any_blocks(), seed in any::<u64>()) {
        let document = json!({"id": "m1", "model": "claude-x", "content": blocks, "stop_reason": "tool_use",
            "usage": {"output_tokens": 7}});
        let plain = whole(&document).unwrap();
        let (chunks, ended) = streamed(&mixed(&blocks, dice(seed)), LIMIT).unwrap();
        prop_assert!(ended);
        prop_assert_eq!(&plain, &chunks);
        // A turn of the user's behind it: nothing of it is a beginning that must not end in blanks.
        let messages = vec![Said::user("?"), chunks.into(), Said::user("!")];
        let dialect = AnthropicDialect::of("api.anthropic.com", "claude-x");
        let request = ChatRequest::new(messages, ChatOptions::default());
        let written = request::document(request, "claude-x", &dialect, false, Address::Own).unwrap();
        prop_assert!(written.warnings.is_empty(), "{:?}", written.warnings);
        let mut sent: Value = serde_json::from_slice(&written.body).unwrap();
        let mut sent = sent.pointer_mut("/messages/1").map(Value::take).unwrap_or_default();
        if blocks.is_empty() {
            prop_assert_eq!(sent["role"].as_str(), None);
        } else {
            // Text alone is sent as text.
            if let Value::String(text) = &sent["content"] {
                sent["content"] = json!([{"type": "text", "text": text}]);
            }
            prop_assert_eq!(sent["content"].take(), Value::from(blocks));
        }
    }

    /// Cut behind any event: what came is the beginning of what would have come, is never taken for whole, and holds no
    /// call that could run and is not whole.
    #[test]
    fn a_cut_stream_keeps_what_came(blocks in any_blocks(), seed in any::<u64>(), keep in 0.0..1.0_f64) {
        let all = mixed(&blocks, dice(seed));
        let (full, _) = streamed(&all, LIMIT).unwrap();
        let cut = ((all.len() - 2) as f64 * keep) as usize;
        let (part, ended) = streamed(&all[..cut], LIMIT).unwrap();
        prop_assert!(!ended && part.finish_reason().is_none());
        for call in part.tool_calls().iter().filter(|call| call.has_valid_arguments()) {
            let whole = full.tool_calls().iter().find(|whole| whole.id() == call.id()).unwrap().arguments().unwrap();
            prop_assert_eq!(call.arguments().unwrap(), whole);
        }
        prop_assert!(part.content().parts().len() <= full.content().parts().len().max(1));
    }

    /// No event, however strange, makes the reader panic.
    #[test]
    fn strange_events_are_read_or_refused(
        picks in prop::collection::vec((0..6_usize, 0..3_u64, any_block(), 0..8_usize), 0..30),
    ) {
        let deltas = ["text_delta", "thinking_delta", "signature_delta", "input_json_delta", "citations_delta", "new"];
        let strange = |(kind, index, content, which): (usize, u64, Value, usize)| match kind {
            0 => block(index, &content),
            1 => stop(index),
            2 => json!({"type": "content_block_delta", "index": index, "delta": content}),
            3 => json!({"type": "content_block_start", "index": content, "content_block": which}),
            _ => delta(index, &json!({"type": deltas.get(which), "text": "a", "thinking": "b", "signature": "c",
                "partial_json": "{", "citation": content})),
        };
        let mut all: Vec<_> = picks.into_iter().map(strange).collect();
        all.extend(end(None));
        let _ = streamed(&all, LIMIT);
    }
}

/// The first block is given out as it comes; what is behind it waits.
#[test]
fn mixed_blocks_come_in_their_order() {
    let text = |index, text: &str| delta(index, &json!({"type": "text_delta", "text": text}));
    let head = |index| block(index, &json!({"type": "text", "text": ""}));
    let (mut chat, mut out) = (Chat::default(), out(LIMIT));
    let mut said = Vec::new();
    for event in [start("m"), head(0), head(1), text(1, "c"), text(0, "a"), text(1, "d"), text(0, "b"), stop(0)] {
        let frame = Frame { event: event["type"].as_str().unwrap().into(), data: event.to_string().into() };
        chat.frame(&frame, &mut out).unwrap();
        said.push(out.whole().text().into_owned());
    }
    assert_eq!(said, ["", "", "", "", "a", "a", "ab", "abcd"]);
    // Where the stream breaks off, what waited comes before the error.
    let cut = [start("m"), head(0), text(0, "a"), head(1), text(1, "b")];
    assert_eq!(streamed(&cut, LIMIT).unwrap().0.text(), "ab");
}

/// Servers that never say that a block ends: everything is there, in its order.
#[test]
fn blocks_may_lack_their_ends() {
    let mut all = events(&everything());
    all.retain(|event| event["type"] != "content_block_stop");
    assert_eq!(streamed(&all, LIMIT).unwrap().0, streamed(&events(&everything()), LIMIT).unwrap().0);
}

/// Servers that say nothing of sources at the beginning of a text.
#[test]
fn sources_may_come_behind_their_text() {
    let text = |text: &str| delta(1, &json!({"type": "text_delta", "text": text}));
    let source = json!({"type": "char_location", "cited_text": "x", "document_title": "T", "document_index": 0});
    let cite = delta(1, &json!({"type": "citations_delta", "citation": source}));
    let mut all =
        vec![start("m"), block(0, &json!({"type": "tool_use", "id": "t", "name": "f", "input": {}})), stop(0)];
    all.extend([block(1, &json!({"type": "text", "text": ""})), text("It "), cite, text("is."), stop(1)]);
    all.extend(end(Some("end_turn")));
    let (answer, _) = streamed(&all, LIMIT).unwrap();
    assert_eq!(answer.text(), "It is.");
    assert_eq!(answer.citations().next().unwrap().title(), Some("T"));
    let expected = json!([
        {"type": "tool_use", "id": "t", "name": "f", "input": {}},
        {"type": "text", "text": "It is.", "citations": [source]},
    ]);
    assert_eq!(sent_back(answer), (expected, 0));
}

/// What is not known is added up as far as it can be, and told where it cannot.
#[test]
fn deltas_of_kinds_that_are_not_known() {
    let new = |index, more: Value| {
        let mut new = json!({"type": "brand_new_delta"});
        new.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        delta(index, &new)
    };
    let mut all = vec![start("m"), block(0, &json!({"type": "compaction", "content": null}))];
    all.extend([new(0, json!({"content": "So "})), new(0, json!({"content": "far.", "list": [1]}))]);
    all.extend([new(0, json!({"list": [2]})), stop(0), block(1, &json!({"type": "text", "text": "a"}))]);
    all.extend([new(1, json!({"x": 1})), stop(1), new(7, json!({"x": 1}))]);
    all.extend(end(Some("end_turn")));
    let (mut chat, mut out) = (Chat::default(), out(LIMIT));
    for event in &all {
        chat.frame(&Frame { event: "message".into(), data: event.to_string().into() }, &mut out).unwrap();
    }
    let expected = json!({"type": "compaction", "content": "So far.", "list": [1, 2]});
    let ContentPart::Other(part) = &out.whole().content().parts()[0] else { panic!("{:?}", out.whole()) };
    assert_eq!(Value::from(part.value().clone()), expected);
    assert_eq!(out.whole().text(), "a");
    assert_eq!(out.take_warnings().len(), 1, "told once");
}

/// Thoughts that are not signed, side by side, are two all the same.
#[test]
fn thoughts_without_signatures_are_told_apart() {
    let blocks = vec![json!({"type": "thinking", "thinking": "a"}), json!({"type": "thinking", "thinking": "b"})];
    let plain = whole(&json!({"id": "m1", "model": "claude-x", "content": blocks, "stop_reason": "pause_turn",
        "usage": {"output_tokens": 7}}));
    assert_eq!(plain.unwrap(), streamed(&events(&blocks), LIMIT).unwrap().0);
    let answer = streamed(&events(&blocks), LIMIT).unwrap().0;
    assert_eq!(answer.content().parts().len(), 2);
    // Only servers of others take them.
    assert_eq!(sent_back(answer), (Value::Null, 1));
}

/// What cannot be read as a block is told, and ends nothing.
#[test]
fn blocks_and_sources_of_no_known_form_are_told() {
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    for (block, warnings) in [
        (format!(r#"{{"type": "new", "x": {}}}"#, deep(500)), 1),
        (r#"{"type": "text", "text": "b", "citations": [7, "x"]}"#.to_string(), 1),
        (r#"{"type": 7}"#.to_string(), 0),
        (r#"{}"#.to_string(), 0),
    ] {
        let body = format!(r#"{{"content": [{{"type": "text", "text": "a"}}, {block}], "stop_reason": "end_turn"}}"#);
        let (mut chat, mut out) = (Chat::default(), out(LIMIT));
        chat.document(body.as_bytes(), &mut out).unwrap();
        assert!(out.whole().text().starts_with('a'));
        assert_eq!(out.take_warnings().len(), warnings, "{block}");
    }
}

/// JSON may grow many times when it is taken apart: that is what counts.
#[test]
fn small_text_of_many_values_is_as_large_as_they_are() {
    let many = json!({"type": "web_search_tool_result", "tool_use_id": "s", "content": vec![json!([]); 5000]});
    let body = json!({"content": [many, {"type": "text", "text": "a"}], "stop_reason": "end_turn"});
    let read = |limit: usize| {
        let (mut chat, mut out) = (Chat::default(), out(limit));
        chat.document(body.to_string().as_bytes(), &mut out).unwrap();
        (out.whole().content().parts().len(), out.take_warnings().len())
    };
    assert_eq!((read(LIMIT), read(4 * LIMIT)), ((0, 1), (2, 0)));
}

/// Whatever a server sends without end comes to one here, and what is kept of it stays within what an answer may hold.
#[test]
fn floods_come_to_an_end() {
    let text = |index: u64| delta(index, &json!({"type": "text_delta", "text": "x".repeat(16)}));
    let source = json!({"type": "char_location", "cited_text": "x"});
    let call = |id: u64| json!({"type": "server_tool_use", "id": id.to_string(), "name": "n", "input": {}});
    let floods: Vec<Box<dyn Fn(u64) -> Value>> = vec![
        Box::new(|count| block(count, &json!({"type": "text", "text": ""}))),
        Box::new(|count| block(count, &json!({"type": "thinking", "thinking": "x"}))),
        Box::new(move |count| block(count % 2, &call(count))),
        Box::new(move |count| block(0, &json!({"type": "tool_use", "id": count.to_string(), "name": "n"}))),
        Box::new(text),
        Box::new(move |count| if count == 0 { text(0) } else { text(1) }),
        Box::new(|count| delta(count, &json!({"type": "input_json_delta", "partial_json": "{"}))),
        Box::new(move |_| delta(0, &json!({"type": "citations_delta", "citation": source}))),
        Box::new(|_| block(0, &json!({"type": "new", "list": [[], [], []]}))),
    ];
    let limit = 64 << 10;
    for (place, flood) in floods.iter().enumerate() {
        let (mut chat, mut out) = (Chat::default(), out(limit));
        let head = [start("m"), block(0, &json!({"type": "text", "text": "a"}))];
        let ended = head.into_iter().chain((0..20_000).map(flood)).try_for_each(|event| {
            chat.frame(&Frame { event: "message".into(), data: event.to_string().into() }, &mut out).map(drop)
        });
        let last = chat.last(false, &mut out);
        assert!(last.finish_reason().is_none());
        let kept = serde_json::to_string(out.whole()).unwrap().len();
        assert!(kept < 4 * limit, "flood {place}: {kept} bytes, {ended:?}");
        assert!(ended.is_err() || !out.take_warnings().is_empty(), "flood {place}");
    }
}
