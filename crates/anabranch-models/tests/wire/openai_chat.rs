//! OpenAI's chat completions, and the servers that speak the same.

use anabranch_core::RunnableExt;
use anabranch_messages::{AiMessage, Citation, Message, Usage};
use anabranch_models::{ChatModel, OpenAi};
use serde_json::{Value, json};

use crate::fixture::{self, Fixture};
use crate::{Provider, server};

pub(crate) const PROVIDER: Provider = Provider {
    api: "openai.chat",
    model: |server| OpenAi::new("tiny").base_url(format!("{server}/v1")).api_key("sk-not-a-key").build(),
    usage: |usage| {
        json!({
            "input": usage.input_tokens(),
            "output": said(usage),
            "total": usage.raw().contains_key("total_tokens").then(|| usage.total_tokens()),
            "cached_input": usage.cached_input_tokens(),
            "cache_write": usage.cache_write_tokens(),
            "reasoning": usage.reasoning_tokens(),
        })
    },
    more: |message| vec![("choices", (1 + others(message).len()).into())],
    deviations: &[
        (
            "chat-error-real_error_scenarios_cloud_gpt_oss_120b_handles_context_length_e",
            "error.kind",
            "the notes call it an invalid request; it is a prompt that is too long, says so, and programs that shorten \
             their prompt want to know",
        ),
        (
            "chat-stream-truncation_matrix_agent_streaming_empty_arguments_on_length_are",
            "tool_calls",
            "a call that a token limit cut off before its arguments: the notes read `{}`, which would let it run",
        ),
        (
            "chat-stream-tool_truncation_matrix_streaming_ministral_3b_low_agent",
            "tool_calls",
            "a call that a token limit cut off before its arguments: the notes read `{}`, which would let it run",
        ),
    ],
};

/// What came out in the server's own words: xAI counts what was thought beside it, and the total tells.
fn said(usage: &Usage) -> Option<u64> {
    let raw = |name: &str| usage.raw().get(name).and_then(Value::as_u64);
    let all = raw("prompt_tokens").zip(raw("completion_tokens")).map(|(input, output)| input + output);
    match all.zip(raw("total_tokens")).is_some_and(|(all, total)| all + usage.reasoning_tokens().unwrap_or(0) == total)
    {
        true => usage.text_tokens().or(usage.output_tokens()),
        false => usage.output_tokens(),
    }
}

/// All choices but the first.
fn others(message: &AiMessage) -> Vec<AiMessage> {
    let others = message.metadata().get("choices").cloned().unwrap_or_else(|| json!([]));
    serde_json::from_value(others).unwrap()
}

/// The recording whose name ends so, and what is read from it.
async fn read(name: &str) -> Option<(Fixture, AiMessage)> {
    let fixture = fixture::all()?.into_iter().find(|fixture| fixture.name.ends_with(name)).unwrap();
    let llm = server::serve(&PROVIDER, &fixture, &fixture.body, usize::MAX).await;
    let message = crate::read(&llm, fixture.streamed).await.message;
    Some((fixture, message))
}

fn urls<'a>(citations: impl Iterator<Item = &'a Citation>) -> Vec<String> {
    citations.map(|citation| citation.url().unwrap().to_string()).collect()
}

/// Of all documents in a body, what stands at this place.
fn all(body: &[u8], pointer: &str) -> Vec<Value> {
    let text = String::from_utf8_lossy(body);
    let events = text.lines().filter_map(|line| line.strip_prefix("data: ").unwrap_or(line).parse::<Value>().ok());
    let whole = text.parse::<Value>().ok();
    let documents: Vec<Value> = whole.map_or_else(|| events.collect(), |whole| vec![whole]);
    documents.iter().filter_map(|document| document.pointer(pointer)).cloned().collect()
}

#[tokio::test]
async fn what_an_answer_rests_on_is_cited() {
    for (name, at) in [
        ("chat-json-web_search_with_openai_gpt_5_2_searches_transparently_returning", "/choices/0/message/annotations"),
        ("chat-stream-web_search_annotations_stream", "/choices/0/delta/annotations"),
    ] {
        let Some((fixture, message)) = read(name).await else { return };
        let said: Vec<Value> =
            all(&fixture.body, at).into_iter().flat_map(|list| list.as_array().unwrap().clone()).collect();
        let expected: Vec<_> =
            said.iter().map(|one| one["url_citation"]["url"].as_str().unwrap().to_string()).collect();
        assert!(!expected.is_empty(), "{name}");
        assert_eq!(urls(message.citations()), expected, "{name}");
        assert!(!message.metadata().contains_key("annotations"));
    }
    let (_, message) = read("chat-json-web_search_with_openai_gpt_5_2_searches_transparently_returning").await.unwrap();
    let range = message.citations().next().unwrap().range().unwrap();
    assert!(message.text().get(range).unwrap().contains("ruby-lang.org"));
    let (fixture, message) =
        read("perplexity-chat-json-with_params_perplexity_sonar_supports_json_schema_response_forma").await.unwrap();
    let results = all(&fixture.body, "/search_results").remove(0);
    assert_eq!(urls(message.citations()).len(), results.as_array().unwrap().len());
    let first = message.citations().next().unwrap();
    assert_eq!(first.title(), results[0]["title"].as_str());
    assert_eq!(first.cited_text(), results[0]["snippet"].as_str());
}

#[tokio::test]
async fn what_calls_cost_has_one_meaning() {
    let Some((_, xai)) = read("xai/chat-json-tool_call").await else { return };
    let usage = xai.usage().unwrap();
    // 291 + 26 + 189 = 506.
    assert_eq!((usage.output_tokens(), usage.text_tokens(), usage.total_tokens()), (Some(215), Some(26), 506));
    assert!((usage.cost().unwrap() - 0.000_139_9).abs() < 1e-12);
    let (_, azure) =
        read("chat-stream-function_calling_grok_4_1_fast_non_reasoning_can_use_tools_witho-1").await.unwrap();
    assert_eq!((azure.usage().unwrap().uncached_input_tokens(), azure.usage().unwrap().cost()), (Some(0), None));
    let (_, openrouter) = read("chat-stream-streaming_reasoning").await.unwrap();
    assert_eq!(openrouter.usage().unwrap().cost(), Some(0.000_669));
    let (_, perplexity) =
        read("perplexity-chat-json-with_params_perplexity_sonar_supports_json_schema_response_forma").await.unwrap();
    assert_eq!(perplexity.usage().unwrap().cost(), Some(0.005_03));
    let (fixture, deepseek) = read("chat-json-text_models_deepseek_chat_can_understand_text-1").await.unwrap();
    let said = |name: &str| all(&fixture.body, &format!("/usage/{name}")).remove(0).as_u64();
    let usage = deepseek.usage().unwrap();
    assert_eq!(usage.uncached_input_tokens(), said("prompt_cache_miss_tokens"));
    assert_eq!(usage.cached_input_tokens(), said("prompt_cache_hit_tokens"));
}

#[tokio::test]
async fn all_choices_are_kept() {
    for name in [
        "chat-json-response_shape_matrix_two_candidates_blocking",
        "chat-stream-response_shape_matrix_two_candidates_streaming",
        "chat-json-terminal_metadata_matrix_blocking_gpt_4o_mini_tiny_plain_two",
        "mistral/chat-stream-terminal_metadata_matrix_streaming_small_tiny_plain_two",
    ] {
        let Some((fixture, message)) = read(name).await else { return };
        let word = if fixture.streamed { "delta" } else { "message" };
        let choices = all(&fixture.body, "/choices").into_iter().flat_map(|list| list.as_array().unwrap().clone());
        let second: String = choices
            .filter(|choice| choice["index"] == 1)
            .filter_map(|choice| Some(choice[word]["content"].as_str()?.to_string()))
            .collect();
        let others = others(&message);
        assert_eq!((others.len(), others[0].text().as_ref()), (1, second.as_str()), "{name}");
        assert!(others[0].finish_reason().is_some(), "{name}");
    }
}

/// Thoughts that only their provider can read go back to it, and to nobody else.
#[tokio::test]
async fn sealed_thoughts_go_back_to_their_provider_only() {
    let name = "chat-json-web_search_with_openai_gpt_5_2_searches_transparently_returning";
    let Some((fixture, _)) = read(name).await else { return };
    let openrouter = Provider {
        model: |server| OpenAi::openrouter("m").base_url(format!("{server}/v1")).api_key("k").build(),
        ..PROVIDER
    };
    let answer = server::serve(&openrouter, &fixture, &fixture.body, usize::MAX).await.invoke("Hi").await.unwrap();
    let expected = all(&fixture.body, "/choices/0/message/reasoning_details").remove(0);
    assert_eq!(answer.provider_data("openrouter")["reasoning_details"], expected);

    let sent = async |llm: fn(&str) -> OpenAi| {
        let recorder = crate::requests::Recorder::default();
        let llm: ChatModel = llm("m").transport(recorder.clone()).build().unwrap();
        let messages = vec![Message::user("Hi"), answer.clone().into(), Message::user("Go on.")];
        llm.invoke(messages).await.unwrap_err();
        recorder.body()["messages"][1].clone()
    };
    let back = sent(|model| OpenAi::openrouter(model)).await;
    assert_eq!(back["reasoning_details"], expected);
    assert_eq!(back["annotations"], all(&fixture.body, "/choices/0/message/annotations").remove(0));
    let others: [fn(&str) -> OpenAi; 3] = [|m| OpenAi::groq(m), |m| OpenAi::new(m), |m| OpenAi::deepseek(m)];
    for other in others {
        let away = sent(other).await;
        assert_eq!(away.as_object().unwrap().keys().collect::<Vec<_>>(), ["role", "content"], "{away}");
    }
}
