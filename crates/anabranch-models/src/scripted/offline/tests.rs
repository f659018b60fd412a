use super::*;

fn said(pairs: &[(&str, &str)]) -> String {
    reply(&Messages::from_pairs(pairs.iter().copied()).unwrap())
}

#[test]
fn the_examples_get_what_they_ask_for() {
    let topic = ("user", "The history of space exploration");
    let summary = said(&[("system", "Summarize the following topic concisely:"), topic]);
    assert!(summary.contains("The history of space exploration"), "{summary}");
    let questions = said(&[("system", "Generate three interesting questions about the following topic:"), topic]);
    assert_eq!(questions.matches('?').count(), 3, "{questions}");
    let terms = said(&[("system", "Identify 5-10 key terms from the following topic, separated by commas:"), topic]);
    assert!((5..=10).contains(&terms.split(", ").count()), "{terms}");
    let synthesis = "Based on the following information:\nSummary: a\nRelated Questions: b?\nKey Terms: c\n\
                     Synthesize a comprehensive answer.";
    let synthesis = said(&[("system", synthesis), ("user", "Original topic: The history of space exploration")]);
    assert!(synthesis.starts_with("Taken together: The history of space exploration is"), "{synthesis}");

    let story = said(&[("user", "Tell a short story about a river that splits in two.")]);
    assert!(story.starts_with("There was once a river that splits in two. "), "{story}");
    assert!(said(&[("user", "One upside of moving the dam?")]).contains("upside of moving the dam:"));
    assert!(said(&[("user", "One downside of moving the dam?")]).contains("downside of moving the dam:"));
    let review = said(&[
        ("system", "You are a legal expert. Analyse the text from your perspective."),
        ("user", "Our new API will process 1M requests a day and store all queries as plain text."),
    ]);
    assert!(review.starts_with("From the legal perspective"), "{review}");
    let document = said(&[("user", "Summarise in two sentences:\nLong document 7 ...")]);
    assert!(document.contains("Long document 7"), "{document}");
}

#[test]
fn any_prompt_gets_an_answer() {
    for prompt in ["", " ", "?", "Hello", ": ", "of", "about", "Give me JSON", "ÄÖ\u{1f30a}: ", &"word ".repeat(10_000)]
    {
        let answer = said(&[("user", prompt)]);
        assert!(!answer.is_empty() && answer.len() < 1_000, "{prompt}");
    }
    assert!(!reply(&Messages::new()).is_empty());
    serde_json::from_str::<serde_json::Value>(&said(&[("user", "JSON about \"quotes\"\n")])).unwrap();
}

fn asked(options: crate::ChatOptions) -> ChatRequest {
    ChatRequest::new("Three headlines about tidal power.", options)
}

/// Whatever the schema, what is made up fits it.
#[test]
fn a_schema_gets_a_value_of_it() {
    let schema = serde_json::json!({
        "type": "object",
        "properties": {
            "title": {"type": "string"}, "keywords": {"type": "array", "items": {"type": "string"}},
            "at": {"type": "string", "format": "date"}, "kind": {"enum": ["a", "b"]}, "count": {"type": "integer", "minimum": 5},
            "child": {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
            "children": {"type": "array", "items": {"$ref": "#"}},
        },
    });
    let format = ResponseFormat::Schema(crate::JsonSchema::new("headline", schema.clone()));
    let options = crate::ChatOptions { response_format: Some(format), ..Default::default() };
    let value: serde_json::Value = serde_json::from_str(&answer(&asked(options)).text()).unwrap();
    assert_eq!(value["title"], "made-up title for tidal power");
    assert_eq!(value["keywords"][2], "made-up keyword for tidal power 3");
    assert_eq!((&value["at"], &value["kind"], &value["count"]), (&"2026-01-01".into(), &"a".into(), &5.into()));
    assert!(value["child"]["title"].is_string());

    let tools = vec![crate::FunctionTool::new("headline", schema).into()];
    let mut options = crate::ChatOptions { tools, ..Default::default() };
    assert!(answer(&asked(options.clone())).tool_calls().is_empty());
    options.tool_choice = Some(ToolChoice::Required);
    let called = answer(&asked(options));
    assert_eq!(called.tool_calls()[0].arguments().unwrap()["title"], value["title"]);
}
