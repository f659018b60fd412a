//! What the offline model answers: something that fits the prompt, the same each time.

use anabranch_messages::{Messages, Role};

/// An answer of sorts, made of the last words of the user and of what the system asks for.
pub(super) fn reply(messages: &Messages) -> String {
    let of = |role: Role| messages.iter().rev().find(|message| message.role() == role).map(|message| message.text());
    let user = of(Role::User).or_else(|| messages.last().map(|message| message.text())).unwrap_or_default();
    let system = of(Role::System).unwrap_or_default();
    let topic = shortened(topic(&user));
    let asked = format!("{system}\n{user}").to_lowercase();
    let says = |word: &str| asked.contains(word);

    if says("json") {
        return format!("{{\"topic\": {}, \"answer\": \"scripted\"}}", serde_json::Value::from(topic.as_str()));
    }
    // The first that fits: a synthesis speaks of summaries and questions, too.
    if says("synthes") {
        return format!(
            "Taken together: {topic} is best understood from three sides at once. The summary gives the outline, the \
             questions show where it is still open, and the key terms name what keeps coming back. Each of them was \
             written on its own, at the same time, and here they flow together again."
        );
    }
    if let Some(perspective) =
        between(&asked, "you are a ", " expert").or_else(|| between(&asked, "you are an ", " expert"))
    {
        return format!(
            "From the {perspective} perspective: the plan can work, but one risk stands out and should be settled \
             before it starts. Ask who is responsible for it, and what happens on the day it goes wrong."
        );
    }
    if says("summar") {
        return format!(
            "In short, {topic} began small, grew faster than anyone had planned for, and changed what came after it. \
             What matters most is how its parts came to depend on each other."
        );
    }
    if says("question") {
        return format!(
            "1. What made {topic} possible in the first place?\n2. Who gained from it, and who paid for it?\n3. What \
             would be different today without it?"
        );
    }
    if says("key term") || says("keyword") {
        return "origins, turning points, people, methods, costs, consequences, open questions".into();
    }
    if says("story") {
        return format!(
            "There was once {topic}. For a long time nobody noticed, because the two halves kept the same name and the \
             same water. Then came a dry year, and each had to decide which way to go. They chose differently, and met \
             again further down, each with something to tell the other."
        );
    }
    if says("downside") {
        return format!("One downside of {topic}: it takes longer than planned, and the costs come first.");
    }
    if says("upside") {
        return format!("One upside of {topic}: what was stuck can move again, and everyone downstream feels it.");
    }
    if says("headline") {
        return format!("Three headlines: \"{topic}, explained\"; \"What {topic} will change\"; \"After {topic}\".");
    }
    format!("About {topic}: this answer is scripted, because no model is configured, but a real one would begin here.")
}

/// What a prompt is about: what stands behind its last colon, or behind `about`, or `of`; else all of it.
fn topic(prompt: &str) -> &str {
    let prompt = prompt.trim();
    let behind_colon = prompt.split_once(":\n").or_else(|| prompt.split_once(": ")).map(|(_, topic)| topic);
    let behind = |word: &str| prompt.split_once(word).map(|(_, topic)| topic);
    let topic = behind_colon.or_else(|| behind(" about ")).or_else(|| behind(" of "));
    let is_question = prompt.len() < 200 && (prompt.ends_with('.') || prompt.ends_with('?'));
    let topic = topic.filter(|_| behind_colon.is_some() || is_question).unwrap_or(prompt);
    let topic = topic.trim().trim_end_matches(['.', '?', '!']);
    if topic.is_empty() { "this" } else { topic }
}

/// One line of a length that fits into a sentence.
fn shortened(topic: &str) -> String {
    let mut words = topic.split_whitespace();
    let short: Vec<&str> = words.by_ref().take(14).collect();
    let mut short = short.join(" ");
    if words.next().is_some() {
        short.push_str(" ...");
    }
    if short.chars().count() > 120 { short.chars().take(120).chain("...".chars()).collect() } else { short }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    let (middle, _) = rest.split_once(after)?;
    (middle.len() < 40).then_some(middle)
}

#[cfg(test)]
mod tests {
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
        let terms =
            answer(&[("system", "Identify 5-10 key terms from the following topic, separated by commas:"), topic]);
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
        for prompt in
            ["", " ", "?", "Hello", ": ", "of", "about", "Give me JSON", "ÄÖ\u{1f30a}: ", &"word ".repeat(10_000)]
        {
            let answer = answer(&[("user", prompt)]);
            assert!(!answer.is_empty() && answer.len() < 1_000, "{prompt}");
        }
        assert!(!reply(&Messages::new()).is_empty());
        serde_json::from_str::<serde_json::Value>(&answer(&[("user", "JSON about \"quotes\"\n")])).unwrap();
    }
}
