//! Texts, thoughts, values of types.

use std::time::{Duration, Instant};

use anabranch::messages::FinishKind;
use anabranch::models::JsonSchema;
use anabranch::prelude::*;
use serde_json::json;

use super::{Aimock, Provider, added_up, read};

const ANSWER: &str = "An anabranch leaves the river and joins it again further down. ☂";

#[tokio::test]
async fn a_text_comes_as_a_whole_and_in_chunks() {
    let Some(server) = Aimock::find("text") else { return };
    for provider in Provider::ALL {
        let llm = server.model(provider);
        let envelope = llm.with_envelope().invoke("What is a side arm?").await.unwrap();
        assert!(envelope.request_id().is_some_and(|id| !id.is_empty()), "{provider:?}");
        assert!(envelope.warnings().is_empty(), "{provider:?}: {:?}", envelope.warnings());
        let (chunks, error) = read(&llm, "What is a side arm?").await;
        assert!(error.is_none(), "{provider:?}: {error:?}");
        let of_text = chunks.iter().filter(|chunk| !chunk.text().is_empty()).count();
        assert!(of_text > 5, "{provider:?}: {of_text} chunks of text");
        for answer in [envelope.message, added_up(&chunks)] {
            assert_eq!(answer.text(), ANSWER, "{provider:?}");
            assert_eq!(answer.finish_reason().unwrap().kind(), FinishKind::Stop, "{provider:?}");
            assert!(answer.model().is_none_or(|model| llm.name().ends_with(model)), "{provider:?}");
            let usage = answer.usage().unwrap();
            if provider != Provider::Ollama {
                assert_eq!((usage.input_tokens(), usage.output_tokens()), (Some(11), Some(16)), "{provider:?}");
            }
        }
    }
}

#[tokio::test]
async fn an_answer_that_a_limit_cut_off_says_so() {
    let Some(server) = Aimock::find("length") else { return };
    for provider in [Provider::Chat, Provider::Anthropic, Provider::Gemini] {
        let llm = server.model(provider).max_tokens(20);
        let (chunks, error) = read(&llm, "Talk too long").await;
        assert!(error.is_none(), "{provider:?}: {error:?}");
        for answer in [llm.invoke("Talk too long").await.unwrap(), added_up(&chunks)] {
            assert_eq!(answer.text(), "The river begins in the", "{provider:?}");
            let reason = answer.finish_reason().unwrap();
            assert!(reason.kind() == FinishKind::Length && reason.is_cut_off(), "{provider:?}: {reason:?}");
        }
    }
}

#[tokio::test]
async fn thoughts_are_kept_apart_and_can_go_back() {
    let Some(server) = Aimock::find("thoughts") else { return };
    for provider in Provider::ALL.into_iter().filter(|one| *one != Provider::Ollama) {
        let llm = server.model(provider);
        let (chunks, error) = read(&llm, "Think of a bridge").await;
        assert!(error.is_none(), "{provider:?}: {error:?}");
        let whole = llm.invoke("Think of a bridge").await.unwrap();
        for answer in [whole, added_up(&chunks)] {
            assert_eq!(answer.reasoning(), "First I look at both banks.", "{provider:?}");
            assert_eq!(answer.text(), "A bridge.", "{provider:?}");
            let conversation: Messages =
                [Message::user("Think of a bridge"), answer.into(), Message::user("And one more?")]
                    .into_iter()
                    .collect();
            assert_eq!(llm.invoke(conversation).await.unwrap().text(), "Another bridge.", "{provider:?}");
        }
    }
}

#[derive(Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
struct River {
    name: String,
    /// In kilometres.
    length: u32,
}

#[tokio::test]
async fn a_value_of_a_type_comes_from_every_provider() {
    let Some(server) = Aimock::find("types") else { return };
    for provider in Provider::ALL {
        let llm = server.model(provider);
        let weser = River { name: "Weser".into(), length: 452 };
        assert_eq!(llm.with_structured_output::<River>().invoke("A river as JSON").await.unwrap(), weser);

        let schema =
            json!({"type": "object", "properties": {"name": {"type": "string"}, "length": {"type": "integer"}}});
        let values = llm.with_structured_schema(JsonSchema::new("river", schema));
        let mut grown = Vec::new();
        let mut stream = values.stream("A river as JSON");
        while let Some(value) = stream.next().await {
            grown.push(value.unwrap());
        }
        assert!(grown.len() > 1, "{provider:?}: the value grows");
        assert_eq!(grown.last().unwrap()["length"], 452, "{provider:?}: {grown:?}");
    }
}

#[tokio::test]
async fn a_system_message_and_what_was_said_before_arrive() {
    let Some(server) = Aimock::find("conversation") else { return };
    for provider in Provider::ALL {
        let prompt = ChatPromptTemplate::from_messages([
            ("system", "You are a {who}."),
            ("user", "Hello"),
            ("ai", "Good day."),
            ("user", "Who are you?"),
        ])
        .unwrap();
        let chain = prompt | server.model(provider) | StrOutputParser;
        assert_eq!(chain.invoke("ferryman").await.unwrap(), "I am the ferryman.", "{provider:?}");
        assert_eq!(chain.stream("ferryman").collect().await.unwrap(), "I am the ferryman.", "{provider:?}");
    }
}

/// The server waits 60 ms for the first chunk and writes 50 a second: whoever gathers them would have all at once.
#[tokio::test]
async fn chunks_are_handed_on_as_they_come() {
    let Some(server) = Aimock::find("pace") else { return };
    for provider in Provider::ALL {
        let llm = server.model(provider);
        let began = Instant::now();
        let mut stream = llm.stream("Speak slowly");
        let (mut first, mut last, mut chunks) = (None, None, 0);
        while let Some(chunk) = stream.next().await {
            if !chunk.unwrap().text().is_empty() {
                chunks += 1;
                first.get_or_insert_with(|| began.elapsed());
                last = Some(began.elapsed());
            }
        }
        let (first, last) = (first.unwrap(), last.unwrap());
        assert!(chunks >= 10, "{provider:?}: {chunks} chunks");
        assert!(last - first >= Duration::from_millis(100), "{provider:?}: from {first:?} to {last:?}");
    }
}

/// OpenAI's only: aimock answers Ollama's lists of texts with one vector, and has no lists of Gemini's.
#[tokio::test]
async fn texts_become_vectors_in_their_order() {
    let Some(server) = Aimock::find("vectors") else { return };
    let model = OpenAi::new("text-embedding-3-small").base_url(format!("{}/v1", server.url)).api_key("key-of-nobody");
    let model = model.build_embeddings().unwrap().batch_size(1);
    assert_eq!(model.invoke("The Weser flows north.").await.unwrap(), [0.5, 0.25, -1.0]);
    let texts = ["The Danube flows east.", "The Weser flows north."].map(str::to_string).to_vec();
    assert_eq!(model.documents().invoke(texts).await.unwrap(), [[-0.5, 0.0, 1.0], [0.5, 0.25, -1.0]]);
}
