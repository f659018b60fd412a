//! rig 0.44: there are no pipelines any more, so the chain is `join!` and `format!` around the model, or around agents.

use std::future::IntoFuture;

use bench_common::texts::{ANSWER, KEY_TERMS, QUESTIONS, SUMMARY, TOPIC, WORD};
use bench_common::{CHUNKS, Row, asked, read};
use futures::{StreamExt, stream};
use rig_agent::prelude::*;
use rig_core::completion::options::{Mapping, OptionFields, OptionMap};
use rig_core::completion::{Accepts, CompletionRequest, FinishReason, ReplayTarget, Usage};
use rig_core::driver::{Exchange, Model, Opened, Opening, Transport};
use rig_core::error::{EncodeError, ProviderError};
use rig_core::message::{Api, UserContent};
use rig_core::operation::{Block, Completion, Finish};
use rig_core::streaming::{Item, StreamEvent};
use rig_core::wire::document::{Reassemble, Serves};
use rig_core::wire::{Decoder, Descriptor, Flow, Mode, Out, Wire, WireEvent};

/// A model of one's own is a wire, its decoder and its reassembler, and a transport.
#[derive(Clone, Debug)]
struct InProcess;

#[derive(Clone)]
enum Frame {
    Text(&'static str),
    End,
}

impl ReplayTarget for InProcess {
    fn api(&self) -> Api {
        Api::from_static("in-process.chat")
    }

    fn provider(&self) -> &str {
        "in-process"
    }

    fn model(&self) -> &str {
        "in-process"
    }

    fn accepts(&self, _: &str) -> Accepts {
        Accepts::ALL
    }

    fn map_options(&self, _: &CompletionRequest, _: OptionFields<'_>) -> OptionMap {
        OptionMap {
            reasoning: Mapping::Nothing,
            cache: Mapping::Nothing,
            service_tier: Mapping::Nothing,
            verbosity: Mapping::Nothing,
            parallel_tool_calls: Mapping::Nothing,
            top_p: Mapping::Nothing,
            seed: Mapping::Nothing,
            stop: Mapping::Nothing,
        }
    }
}

struct Frames;

impl<'id> Decoder<'id, Completion, Frame> for Frames {
    type Event = Frame;

    fn classify(&self, frame: Frame) -> WireEvent<Frame> {
        WireEvent::Known(frame)
    }

    fn decode(&mut self, frame: Frame, mut out: Out<'id, Completion>) -> Result<Flow, ProviderError> {
        match frame {
            Frame::Text(text) => {
                out.run(Block::Text, text)?;
                Ok(Flow::More)
            }
            Frame::End => {
                out.end_run()?;
                let reason = Some(FinishReason::Stop);
                Ok(out.end(Finish { usage: Usage::default(), reason, response_id: None, model: None, error: None }))
            }
        }
    }
}

#[derive(Default)]
struct Nothing;

impl Reassemble<Frame> for Nothing {
    fn absorb(&mut self, _: &Frame) {}

    fn finish(self) -> serde_json::Value {
        serde_json::Value::Null
    }
}

impl Serves<Completion> for Nothing {}

impl Wire for InProcess {
    type Op = Completion;
    type Payload = CompletionRequest;
    type Frame = Frame;
    type Decoder<'id> = Frames;
    type Reassembler = Nothing;

    fn describe(&self) -> Descriptor<'_> {
        Descriptor::new("in-process").model(Some("in-process")).replay(self)
    }

    fn encode(&self, request: CompletionRequest, _: Mode) -> Result<CompletionRequest, EncodeError> {
        Ok(request)
    }

    fn decoder<'id>(&self) -> Self::Decoder<'id> {
        Frames
    }
}

#[derive(Clone)]
enum Answers {
    AtOnce,
    InWords,
}

fn text(message: &Message) -> String {
    match message {
        Message::System { content } => content.clone(),
        Message::User { content } => match content.first() {
            Some(UserContent::Text(text)) => text.text.clone(),
            _ => String::new(),
        },
        Message::Assistant(_) => String::new(),
    }
}

impl Transport<InProcess> for Answers {
    fn send(&self, request: CompletionRequest, _: Exchange) -> Opening<Frame> {
        asked(|| (String::new(), request.chat_history.iter().map(text).collect::<Vec<_>>().join("\n")));
        std::hint::black_box(&request);
        match self {
            Self::AtOnce => Opening::ready(Opened::new(stream::iter([Ok(Frame::Text(ANSWER)), Ok(Frame::End)]))),
            Self::InWords => {
                let words = stream::repeat_with(|| Ok(Frame::Text(WORD))).take(CHUNKS);
                Opening::ready(Opened::new(words.chain(stream::iter([Ok(Frame::End)]))))
            }
        }
    }
}

fn synthesis(summary: &str, questions: &str, key_terms: &str) -> String {
    format!(
        "Based on the following information:\nSummary: {summary}\nRelated Questions: {questions}\n\
         Key Terms: {key_terms}\nSynthesize a comprehensive answer."
    )
}

fn main() {
    let model = Model::new(InProcess, Answers::AtOnce);
    let ask = async |system: &str, user: String| {
        let request = CompletionRequest::new(user).preamble(system);
        model.call(request).await.map(|response| response.text())
    };
    let words = Model::new(InProcess, Answers::InWords);
    let story = || format!("Tell a short story about {TOPIC}.");
    Row::new("rig 0.44, model and `join!`")
        .invoke(async || {
            let topic = || TOPIC.to_string();
            let (summary, questions, key_terms) =
                futures::try_join!(ask(SUMMARY, topic()), ask(QUESTIONS, topic()), ask(KEY_TERMS, topic())).unwrap();
            ask(&synthesis(&summary, &questions, &key_terms), format!("Original topic: {TOPIC}")).await.unwrap()
        })
        .stream(async || {
            let events = words.stream(CompletionRequest::new(story())).unwrap();
            let texts = events.filter_map(async |event| match event {
                Ok(Item::Event(StreamEvent::Text { text, .. })) => Some(Ok(text)),
                Ok(_) => None,
                Err(error) => Some(Err(error)),
            });
            read(texts).await
        });

    let agent = |task: &str| AgentBuilder::new(model.clone()).preamble(task).build();
    let (summarizer, questioner, termer) = (agent(SUMMARY), agent(QUESTIONS), agent(KEY_TERMS));
    let synthesizer = AgentBuilder::new(model.clone()).build();
    let teller = AgentBuilder::new(words.clone()).build();
    Row::new("rig 0.44, agents and `join!`")
        .invoke(async || {
            let (summary, questions, key_terms) = futures::try_join!(
                summarizer.prompt(TOPIC).into_future(),
                questioner.prompt(TOPIC).into_future(),
                termer.prompt(TOPIC).into_future()
            )
            .unwrap();
            // An agent's system message is fixed, so the synthesis is in the user's.
            let prompt = synthesis(&summary.output(), &questions.output(), &key_terms.output());
            synthesizer.prompt(format!("{prompt}\nOriginal topic: {TOPIC}")).await.unwrap().output()
        })
        .stream(async || {
            let texts = teller.prompt(story()).stream().filter_map(async |event| match event {
                Ok(MultiTurnStreamItem::StreamAssistantItem(Item::Event(StreamEvent::Text { text, .. }))) => {
                    Some(Ok(text))
                }
                Ok(_) => None,
                Err(error) => Some(Err(error)),
            });
            read(texts).await
        });
}
