//! rig 0.39, the last version with pipelines: `pipeline`, `parallel!` and an agent at each place that asks the model.

use bench_common::texts::{ANSWER, KEY_TERMS, QUESTIONS, SUMMARY, TOPIC, WORD};
use bench_common::{AT_ONCE, CHUNKS, Row, asked, read};
use futures::{StreamExt, stream};
use rig_pipeline::OneOrMany;
use rig_pipeline::agent::{Agent, AgentBuilder, MultiTurnStreamItem};
use rig_pipeline::completion::{
    AssistantContent, CompletionError, CompletionModel, CompletionRequest, CompletionResponse, PromptError, Usage,
};
use rig_pipeline::message::{Message, Text, UserContent};
use rig_pipeline::parallel;
use rig_pipeline::pipeline::{self, Op, agent_ops};
use rig_pipeline::streaming::{
    RawStreamingChoice, StreamedAssistantContent, StreamingCompletionResponse, StreamingPrompt,
};

#[derive(Clone)]
struct InProcess;

fn text(message: &Message) -> String {
    match message {
        Message::System { content } => content.clone(),
        Message::User { content } => match content.first() {
            UserContent::Text(text) => text.text,
            _ => String::new(),
        },
        Message::Assistant { .. } => String::new(),
    }
}

impl CompletionModel for InProcess {
    type Response = ();
    type StreamingResponse = ();
    type Client = ();

    fn make(_: &(), _: impl Into<String>) -> Self {
        Self
    }

    async fn completion(&self, request: CompletionRequest) -> Result<CompletionResponse<()>, CompletionError> {
        asked(|| {
            let messages: Vec<String> =
                request.preamble.iter().cloned().chain(request.chat_history.iter().map(text)).collect();
            (String::new(), messages.join("\n"))
        });
        Ok(CompletionResponse {
            choice: OneOrMany::one(AssistantContent::Text(Text::new(ANSWER))),
            usage: Usage::new(),
            raw_response: (),
            message_id: None,
        })
    }

    async fn stream(&self, _: CompletionRequest) -> Result<StreamingCompletionResponse<()>, CompletionError> {
        let words = stream::iter((0..CHUNKS).map(|_| Ok(RawStreamingChoice::Message(WORD.to_string()))));
        let end = stream::iter([Ok(RawStreamingChoice::FinalResponse(()))]);
        Ok(StreamingCompletionResponse::stream(Box::pin(words.chain(end))))
    }
}

fn agent(task: &str) -> Agent<InProcess> {
    AgentBuilder::new(InProcess).preamble(task).build()
}

type Answer = Result<String, PromptError>;

fn main() {
    let branch = |task| pipeline::new().map(|topic: String| topic).chain(agent_ops::prompt(agent(task)));
    let (summary, questions, key_terms) = (branch(SUMMARY), branch(QUESTIONS), branch(KEY_TERMS));
    let topic = pipeline::passthrough();
    // An agent's system message is fixed, so the synthesis is in the user's.
    let chain = pipeline::new()
        .chain(parallel!(summary, questions, key_terms, topic))
        .map(|(summary, questions, key_terms, topic): (Answer, Answer, Answer, String)| {
            format!(
                "Based on the following information:\nSummary: {}\nRelated Questions: {}\nKey Terms: {}\n\
                 Synthesize a comprehensive answer.\nOriginal topic: {topic}",
                summary.unwrap(),
                questions.unwrap(),
                key_terms.unwrap()
            )
        })
        .chain(agent_ops::prompt(AgentBuilder::new(InProcess).build()));

    let teller = AgentBuilder::new(InProcess).build();
    Row::new("rig 0.39, pipeline of agents")
        .invoke(async || chain.call(TOPIC.to_string()).await.unwrap())
        // A pipeline does not stream; an agent alone does.
        .stream(async || {
            let events = teller.stream_prompt(format!("Tell a short story about {TOPIC}.")).await;
            let texts = events.filter_map(async |event| match event {
                Ok(MultiTurnStreamItem::StreamAssistantItem(StreamedAssistantContent::Text(text))) => {
                    Some(Ok(text.text))
                }
                Ok(_) => None,
                Err(error) => Some(Err(error)),
            });
            read(texts).await
        })
        .batch(async |topics| chain.batch_call(AT_ONCE, topics).await.into_iter().map(Answer::unwrap).collect());
}
