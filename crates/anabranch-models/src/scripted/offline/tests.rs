use super::*;

fn answer(pairs: &[(&str, &str)]) -> String {
    reply(&Messages::from_pairs(pairs.iter().copied()).unwrap())
}

#[test]
fn the_examples_get_what_they_ask_for() {
    let topic = ("user", "The history of space exploration");
    let summary = answer(&[("system", "Summarize the following topic concisely:"), topic]);
    assert!(summary.contains("The history of space exploration"), "{summary}");
    let questions = answer(&[("system", "Generate three interesting questions about the following topic:"), topic]);
    assert_eq!(questions.matches('?').count(), 3, "{questions}");
    let terms = answer(&[("system", "Identify 5-10 key terms from the following topic, separated by commas:"), topic]);
    assert!((5..=10).contains(&terms.split(", ").count()), "{terms}");
    let synthesis = "Based on the following information:\nSummary: a\nRelated Questions: b?\nKey Terms: c\n\
                     Synthesize a comprehensive answer.";
    let synthesis = answer(&[("system", synthesis), ("user", "Original topic: The history of space exploration")]);
    assert!(synthesis.starts_with("Taken together: The history of space exploration is"), "{synthesis}");

    let story = answer(&[("user", "Tell a short story about a river that splits in two.")]);
    assert!(story.starts_with("There was once a river that splits in two. "), "{story}");
    assert!(answer(&[("user", "One upside of moving the dam?")]).contains("upside of moving the dam:"));
    assert!(answer(&[("user", "One downside of moving the dam?")]).contains("downside of moving the dam:"));
    let review = answer(&[
        ("system", "You are a legal expert. Analyse the text from your perspective."),
        ("user", "Our new API will process 1M requests a day and store all queries as plain text."),
    ]);
    assert!(review.starts_with("From the legal perspective"), "{review}");
    let document = answer(&[("user", "Summarise in two sentences:\nLong document 7 ...")]);
    assert!(document.contains("Long document 7"), "{document}");
}

#[test]
fn any_prompt_gets_an_answer() {
    for prompt in ["", " ", "?", "Hello", ": ", "of", "about", "Give me JSON", "ÄÖ\u{1f30a}: ", &"word ".repeat(10_000)]
    {
        let answer = answer(&[("user", prompt)]);
        assert!(!answer.is_empty() && answer.len() < 1_000, "{prompt}");
    }
    assert!(!reply(&Messages::new()).is_empty());
    serde_json::from_str::<serde_json::Value>(&answer(&[("user", "JSON about \"quotes\"\n")])).unwrap();
}
