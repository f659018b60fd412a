//! langchain-rust: `LLMChain`; fan-out and fan-in are `join!`.

use std::pin::Pin;

use async_trait::async_trait;
use bench_common::texts::{ANSWER, BRANCH, KEY_TERMS, ORIGINAL, QUESTIONS, STORY, SUMMARY, SYNTHESIS, TOPIC, WORD};
use bench_common::{CHUNKS, Row, asked, read};
use futures::{Stream, stream};
use langchain_rust::chain::{Chain, LLMChain, LLMChainBuilder};
use langchain_rust::language_models::llm::LLM;
use langchain_rust::language_models::{GenerateResult, LLMError};
use langchain_rust::prompt::{HumanMessagePromptTemplate, SystemMessagePromptTemplate};
use langchain_rust::schemas::{Message, StreamData};
use langchain_rust::{fmt_message, fmt_template, message_formatter, prompt_args, template_fstring};

#[derive(Clone)]
struct InProcess;

#[async_trait]
impl LLM for InProcess {
    async fn generate(&self, messages: &[Message]) -> Result<GenerateResult, LLMError> {
        asked(|| (messages[0].content.clone(), messages[1].content.clone()));
        Ok(GenerateResult { generation: ANSWER.to_string(), ..Default::default() })
    }

    async fn stream(
        &self,
        _: &[Message],
    ) -> Result<Pin<Box<dyn Stream<Item = Result<StreamData, LLMError>> + Send>>, LLMError> {
        let word = || StreamData::new(serde_json::Value::Null, None, WORD);
        Ok(Box::pin(stream::iter((0..CHUNKS).map(move |_| Ok(word())))))
    }
}

fn branch(task: &str) -> LLMChain {
    let prompt = message_formatter![
        fmt_message!(Message::new_system_message(task)),
        fmt_template!(HumanMessagePromptTemplate::new(template_fstring!(BRANCH, "topic")))
    ];
    LLMChainBuilder::new().prompt(prompt).llm(InProcess).build().unwrap()
}

fn main() {
    let (summary, questions, key_terms) = (branch(SUMMARY), branch(QUESTIONS), branch(KEY_TERMS));
    let prompt = message_formatter![
        fmt_template!(SystemMessagePromptTemplate::new(template_fstring!(
            SYNTHESIS,
            "summary",
            "questions",
            "key_terms"
        ))),
        fmt_template!(HumanMessagePromptTemplate::new(template_fstring!(ORIGINAL, "topic")))
    ];
    let synthesis = LLMChainBuilder::new().prompt(prompt).llm(InProcess).build().unwrap();
    let prompt = message_formatter![fmt_template!(HumanMessagePromptTemplate::new(template_fstring!(STORY, "topic")))];
    let story = LLMChainBuilder::new().prompt(prompt).llm(InProcess).build().unwrap();

    // `invoke` would skip the parser; `call` runs it.
    Row::new("langchain-rust")
        .invoke(async || {
            let topic = || prompt_args! { "topic" => TOPIC };
            let (summary, questions, key_terms) =
                futures::try_join!(summary.call(topic()), questions.call(topic()), key_terms.call(topic())).unwrap();
            let research = prompt_args! {
                "summary" => summary.generation,
                "questions" => questions.generation,
                "key_terms" => key_terms.generation,
                "topic" => TOPIC,
            };
            synthesis.call(research).await.unwrap().generation
        })
        // What the model streams; the parser sees none of it.
        .stream(async || read(story.stream(prompt_args! { "topic" => TOPIC }).await.unwrap()).await);
}
