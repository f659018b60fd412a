//! The words of the chain, so that every program sends the same bytes.

/// What the chain is about.
pub const TOPIC: &str = "The history of space exploration";

/// The tasks of the three branches, as their system messages.
pub const SUMMARY: &str = "Summarize the following topic concisely:";
pub const QUESTIONS: &str = "Generate three interesting questions about the following topic:";
pub const KEY_TERMS: &str = "Identify 5-10 key terms from the following topic, separated by commas:";

/// What the model in the process answers, at once and every time.
pub const ANSWER: &str = "An answer of a plausible length, such as a small model would give.";

/// One of the chunks it streams.
pub const WORD: &str = "word ";

/// The prompt of the program that streams.
pub const STORY: &str = "Tell a short story about {topic}.";

/// The user message of each branch, and the two messages of the synthesis.
pub const BRANCH: &str = "{topic}";
pub const SYNTHESIS: &str = "Based on the following information:\nSummary: {summary}\nRelated Questions: {questions}\n\
                             Key Terms: {key_terms}\nSynthesize a comprehensive answer.";
pub const ORIGINAL: &str = "Original topic: {topic}";

/// A template for libraries that write `{{ topic }}`.
pub fn double_braces(template: &str) -> String {
    template.replace('{', "{{ ").replace('}', " }}")
}
