mod tokens;

use std::sync::Mutex;
use std::time::Duration;

use anabranch_core::{Error, ErrorKind, Observer, RunnableExt, StepEvent};
use futures_util::StreamExt;
use serde_json::json;

use super::*;
use crate::scripted::Reply;

#[test]
fn variants_share_the_backend_and_nothing_else() {
    let script = ScriptedModel::new().named("test:model");
    let llm = ChatModel::from(script);
    let other = llm.temperature(0.5).top_p(0.9).max_tokens(7).stop(["a", "b"]).seed(1).option("user", "me");
    assert_eq!(*llm.options(), ChatOptions::default());
    assert_eq!(other.name(), "test:model");
    assert_eq!((other.options().temperature, other.options().max_tokens), (Some(0.5), Some(7)));
    assert_eq!(other.options().stop, ["a", "b"]);
    assert_eq!(other.options().extra["user"], json!("me"));
    assert_eq!(format!("{other:?}"), r#"ChatModel { name: "test:model", .. }"#);
}

#[test]
fn it_goes_everywhere() {
    fn check<T: Send + Sync + Clone + Unpin + 'static>() {}
    check::<ChatModel>();
    check::<ScriptedModel>();
    check::<Reply>();
    check::<ChatRequest>();
}

#[tokio::test]
async fn the_request_holds_what_was_asked() {
    let script = ScriptedModel::replies(["a", "b"]);
    let llm = ChatModel::from(script.clone()).temperature(0.5);
    llm.invoke("one").await.unwrap();
    llm.stream("two").collect().await.unwrap();
    let [one, two] = &script.requests()[..] else { panic!("two requests") };
    assert_eq!((&one.messages, &two.messages), (&Messages::from("one"), &Messages::from("two")));
    assert_eq!(two.options.temperature, Some(0.5));
}

#[derive(Default)]
struct Seen(Mutex<Vec<String>>);

impl Observer for Seen {
    fn started(&self, step: &StepEvent<'_>) {
        self.0.lock().unwrap().push(format!("{} {}", step.kind(), step.path()));
    }
}

#[tokio::test]
async fn it_reports_itself_when_it_is_the_whole_run() {
    let seen = Arc::new(Seen::default());
    let config = RunConfig::new().observer(seen.clone());
    let llm = ChatModel::from(ScriptedModel::new().otherwise("a"));
    llm.invoke_with("one", &config).await.unwrap();
    llm.stream_with("two", &config).collect().await.unwrap();
    assert_eq!(*seen.0.lock().unwrap(), ["chat_model ChatModel scripted", "chat_model ChatModel scripted"]);
}

#[tokio::test]
async fn errors_name_it_once() {
    let broken = || Reply::error(Error::new(ErrorKind::Overloaded, "too busy"));
    let llm = ChatModel::from(ScriptedModel::new().otherwise(broken()));
    let expected = "ChatModel scripted: overloaded: too busy";
    assert_eq!(llm.invoke("one").await.unwrap_err().to_string(), expected);
    assert_eq!(llm.stream("one").collect().await.unwrap_err().to_string(), expected);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_holds() {
    let script = ScriptedModel::new().otherwise("a b c").delay(Duration::ZERO, Duration::from_secs(2));
    let llm = ChatModel::from(script);
    let config = || RunConfig::new().timeout(Duration::from_secs(3));
    assert_eq!(llm.invoke_with("?", &config()).await.unwrap_err().kind(), ErrorKind::DeadlineExceeded);
    let config = config();
    let pieces: Vec<_> = StreamExt::collect(llm.stream_with("?", &config)).await;
    let kinds: Vec<_> = pieces.iter().map(|piece| piece.as_ref().map_err(Error::kind).err()).collect();
    assert_eq!(kinds, [None, None, Some(ErrorKind::DeadlineExceeded)]);
}

#[tokio::test(start_paused = true)]
async fn a_permit_is_held_while_it_works_and_no_longer() {
    let script = ScriptedModel::new().otherwise("a b").delay(Duration::from_secs(1), Duration::from_secs(1));
    let llm = ChatModel::from(script);
    let config = RunConfig::new().max_concurrency(2);
    let start = tokio::time::Instant::now();
    llm.batch_with(vec!["?"; 6], &config).await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_secs(6));

    // A stream that is dropped gives its permit back, one that is at its end, too.
    let config = RunConfig::new().max_concurrency(1);
    let mut dropped = llm.stream_with("?", &config);
    dropped.next().await.unwrap().unwrap();
    drop(dropped);
    let mut ended = llm.stream_with("?", &config);
    while ended.next().await.is_some() {}
    llm.invoke_with("?", &config).await.unwrap();
    drop(ended);
}

/// What a call used takes the place of what was charged for it, and what the server says reaches the limiter.
#[tokio::test(start_paused = true)]
async fn rate_limiters_learn_what_was_used() {
    use anabranch_core::{Cost, RateLimiter, TokenBucket};

    struct Server;

    #[async_trait::async_trait]
    impl ChatBackend for Server {
        fn name(&self) -> &str {
            "server"
        }

        async fn answer(&self, _: ChatRequest, _: ChatCall) -> Result<ChatAnswer> {
            let header = ("x-ratelimit-remaining-requests".to_string(), "9".to_string());
            let message = AiMessage::new("Hello").with_usage(anabranch_messages::Usage::new(20, 10));
            Ok(ChatAnswer::new(message).with_headers([header]))
        }

        fn stream(&self, request: ChatRequest, call: ChatCall) -> futures::stream::BoxStream<'_, Result<ChatAnswer>> {
            futures::stream::once(self.answer(request, call)).boxed()
        }
    }

    let bucket = TokenBucket::new().requests(100, Duration::from_secs(60)).units(1000, Duration::from_secs(60));
    let llm = ChatModel::from_backend(Server).with_rate_limiter(bucket.clone()).cost(|_| Cost::units(500));
    llm.invoke("Hi").await.unwrap();
    let left = || (bucket.snapshot().requests_left, bucket.snapshot().units_left);
    assert_eq!(left(), (Some(9), Some(970)));
    llm.stream("Hi").collect().await.unwrap();
    assert_eq!(left(), (Some(8), Some(940)));
}
