//! The public suite on the project's own adapters, over loopback. A provider joins in with a test of its own.
#![cfg(feature = "openai")]
#![allow(clippy::unwrap_used)]

use anabranch_models::testing::conformance::{self, Subject};

fn openai(dialect: anabranch_models::OpenAiDialect) -> Subject {
    use anabranch_models::OpenAi;

    let model = move |url: &str| {
        OpenAi::new("tiny").base_url(format!("{url}/v1")).api_key(conformance::KEY).dialect(dialect.clone()).build()
    };
    let usage = r#""usage": {"prompt_tokens": 5, "completion_tokens": 4, "total_tokens": 9}"#;
    let document = format!(
        r#"{{"id": "1", "model": "tiny", "choices": [{{"index": 0, "finish_reason": "stop",
            "message": {{"role": "assistant", "content": "Hello, world!"}}}}], {usage}}}"#
    );
    let chunk = |delta: &str, finish: &str| {
        format!(
            "data: {{\"id\": \"1\", \"choices\": [{{\"index\": 0, \"delta\": {delta}, \"finish_reason\": {finish}}}]}}\n\n"
        )
    };
    let last = format!("data: {{\"id\": \"1\", \"choices\": [], {usage}}}\n\n");
    let done = "data: [DONE]\n\n".to_string();
    let frames = [
        chunk(r#"{"role": "assistant", "content": ""}"#, "null"),
        chunk(r#"{"content": "Hello"}"#, "null"),
        chunk(r#"{"content": ", world!"}"#, "null"),
        chunk("{}", "\"stop\""),
        last.clone(),
        done.clone(),
    ];
    let call = |rest: &str| format!(r#"{{"tool_calls": [{{"index": 0, {rest}}}]}}"#);
    let called = r#"{"id": "1", "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {"role": "assistant",
        "content": null, "tool_calls": [{"id": "call_1", "type": "function",
        "function": {"name": "weather", "arguments": "{\"city\": \"Bremen\"}"}}]}}]}"#;
    let calling = [
        chunk(&call(r#""id": "call_1", "function": {"name": "weather", "arguments": ""}"#), "null"),
        chunk(&call(r#""function": {"arguments": "{\"city\": \"Bre"}"#), "null"),
        chunk(&call(r#""function": {"arguments": "men\"}"}"#), "null"),
        chunk("{}", "\"tool_calls\""),
        done,
    ];
    Subject::new(model, document, frames).call(called, calling)
}

#[tokio::test]
async fn openai_chat() {
    conformance::run(&openai(anabranch_models::OpenAiDialect::openai())).await;
}

#[tokio::test]
async fn openai_chat_of_other_servers() {
    use anabranch_models::OpenAiDialect;

    for dialect in
        [OpenAiDialect::compatible(), OpenAiDialect::mistral(), OpenAiDialect::deepseek(), OpenAiDialect::openrouter()]
    {
        conformance::what_is_asked_for_is_sent_or_warned_of(&openai(dialect)).await;
    }
}

/// The suite finds what is wrong: a backend that loses a setting without a word does not pass.
#[tokio::test]
async fn a_backend_that_is_silent_does_not_pass() {
    use anabranch_core::Result;
    use anabranch_models::{
        Capabilities, ChatAnswer, ChatBackend, ChatCall, ChatModel, ChatOptions, ChatRequest, OpenAi,
    };
    use futures::stream::{BoxStream, StreamExt};

    /// Forgets every option.
    struct Silent(ChatModel);

    #[async_trait::async_trait]
    impl ChatBackend for Silent {
        fn name(&self) -> &str {
            "silent"
        }

        fn capabilities(&self) -> Capabilities {
            self.0.capabilities()
        }

        async fn answer(&self, request: ChatRequest, _: ChatCall) -> Result<ChatAnswer> {
            use anabranch_core::RunnableExt;
            assert_ne!(*request.options, ChatOptions::default());
            self.0.with_envelope().invoke(request.messages).await
        }

        fn stream(&self, request: ChatRequest, call: ChatCall) -> BoxStream<'_, Result<ChatAnswer>> {
            futures::stream::once(self.answer(request, call)).boxed()
        }
    }

    let model = |url: &str| Ok(ChatModel::from_backend(Silent(OpenAi::new("m").base_url(url).build()?)));
    let document = r#"{"choices": [{"message": {"content": "Hello, world!"}, "finish_reason": "stop"}]}"#;
    let subject = Subject::new(model, document, [""]);
    let case = tokio::spawn(async move { conformance::what_is_asked_for_is_sent_or_warned_of(&subject).await });
    let panicked = case.await.unwrap_err().into_panic();
    let said = panicked.downcast_ref::<String>().cloned().unwrap_or_default();
    assert!(said.starts_with("temperature: "), "{said}");
}
