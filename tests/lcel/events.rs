//! STR, EV: streams through chains, and what observers hear.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anabranch::Merge;
use anabranch::messages::{ContentPart, Reasoning, ToolCallChunk};
use anabranch::models::Pieces;
use anabranch::prelude::*;
use futures::StreamExt;

use crate::{Log, chunks, failure, pause, prompt, spelling};

#[tokio::test]
async fn streams_through_chains() {
    // STR-01
    let chain = prompt("{x}") | spelling("foo-lish") | StrOutputParser;
    let pieces = chunks(chain.stream("?")).await.unwrap();
    assert_eq!((pieces.len(), pieces.concat().as_str()), (8, "foo-lish"));
    let chain = chain | passthrough::<String>();
    assert_eq!(chunks(chain.stream("?")).await.unwrap(), pieces);

    // STR-03
    let parts = [ContentPart::from(Reasoning::new("hm")), ContentPart::text("Hello world, again")];
    let answer = ScriptedModel::new().otherwise(AiMessage::new(parts.to_vec())).in_pieces(Pieces::Words);
    let chain = ChatModel::from(answer).pipe(async |answer: AiMessage| Ok(answer.content().clone().into_parts()));
    assert_eq!(chunks(chain.stream("?")).await.unwrap(), [parts]);
}

#[tokio::test]
async fn a_long_tool_call_is_linear() {
    // STR-04: by the square of its length this would take minutes.
    const PIECES: usize = 200_000;
    let began = Instant::now();
    let piece = |index: usize| {
        let arguments = match index {
            0 => r#"{"numbers": [0"#,
            last if last == PIECES - 1 => "]}",
            _ => ", 1",
        };
        let piece = ToolCallChunk::new().with_index(0).with_arguments(arguments);
        AiMessage::default().with_tool_call_chunk(if index == 0 { piece.with_id("c").with_name("add") } else { piece })
    };
    let answer = Chunks::from_values((0..PIECES).map(piece), AiMessage::merge()).collect().await.unwrap();
    assert_eq!(answer.tool_calls()[0].arguments().unwrap()["numbers"].as_array().unwrap().len(), PIECES - 1);
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

fn reverse(name: &'static str) -> impl Runnable<Input = String, Output = String> {
    lambda(async |text: String| Ok(text.chars().rev().collect::<String>())).with_name(name)
}

#[tokio::test]
async fn events_in_order() {
    let log = Arc::new(Log::default());
    let config = RunConfig::new().observer(log.clone());
    // EV-01
    assert_eq!(chunks(reverse("reverse").stream_with("hello", &config)).await.unwrap(), ["olleh"]);
    assert_eq!(log.take(), ["start reverse", "chunk reverse", "end reverse"]);

    // EV-02
    let chain = reverse("1").pipe(reverse("2")).pipe(reverse("3")).with_name("chain");
    assert_eq!(chunks(chain.stream_with("hello", &config)).await.unwrap(), ["olleh"]);
    let heard = log.take();
    assert_eq!(heard.len(), 10, "{heard:?}");
    let place =
        |event: &str| heard.iter().position(|line| line == event).unwrap_or_else(|| panic!("{event}: {heard:?}"));
    for step in ["chain > 3", "chain"] {
        assert!(place(&format!("start {step}")) < place(&format!("chunk {step}")));
        assert!(place(&format!("chunk {step}")) < place(&format!("end {step}")));
    }
    // EV-02 D: a step whose output is wanted as a whole is called and not streamed.
    for step in ["chain > 1", "chain > 2"] {
        assert!(place(&format!("start {step}")) < place(&format!("end {step}")));
    }
    assert!(place("end chain > 1") < place("start chain > 2") && place("end chain > 2") < place("chunk chain > 3"));
    assert_eq!((heard[0].as_str(), heard[9].as_str()), ("start chain", "end chain"));

    assert_eq!(chain.invoke_with("hello".to_string(), &config).await.unwrap(), "olleh");
    let steps =
        ["start chain > 1", "end chain > 1", "start chain > 2", "end chain > 2", "start chain > 3", "end chain > 3"];
    assert_eq!(log.take(), [&["start chain"], &steps[..], &["end chain"]].concat());
}

#[tokio::test(start_paused = true)]
async fn failures_are_events() {
    // EV-04 D
    let log = Arc::new(Log::default());
    let config = RunConfig::new().observer(log.clone());
    let fails = || lambda(async |_: String| Err::<String, _>(failure("ERR"))).with_name("2");
    let chain = reverse("1").pipe(fails()).pipe(reverse("3")).with_name("chain");
    assert_eq!(
        chain.invoke_with("X".to_string(), &config).await.unwrap_err().to_string(),
        "chain > 2: server error: ERR"
    );
    let invoked = log.take();
    assert_eq!(
        invoked,
        [
            "start chain",
            "start chain > 1",
            "end chain > 1",
            "start chain > 2",
            "failed (ERR) chain > 2",
            "failed (ERR) chain"
        ]
    );
    assert_eq!(chunks(chain.stream_with("X", &config)).await.unwrap_err().to_string(), "chain > 2: server error: ERR");
    let streamed = log.take();
    for event in ["failed (ERR) chain > 2", "failed (ERR) chain"] {
        assert!(streamed.iter().any(|line| line == event), "{event}: {streamed:?}");
    }
    assert!(!streamed.iter().any(|line| line.starts_with("end chain > 2") || line == "end chain"), "{streamed:?}");

    // EV-08 D
    let chain = reverse("1").pipe(fails().with_retry(Retry::attempts(2).seed(1))).with_name("chain");
    chain.invoke_with("q".to_string(), &config).await.unwrap_err();
    let heard = log.take();
    let count = |event: &str| heard.iter().filter(|line| *line == event).count();
    assert_eq!((count("start chain > 2"), count("failed (ERR) chain > 2")), (2, 2), "{heard:?}");
    assert!(heard.iter().any(|line| line.starts_with("again ")), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn whoever_stops_reading_stops_the_work() {
    // EV-05
    let reached = Arc::new(AtomicUsize::new(0));
    let steps = reached.clone();
    let three = generator(move |_: Chunks<'_, String>| {
        let steps = steps.clone();
        let items = futures::stream::iter(1..=3).then(move |n| {
            let steps = steps.clone();
            async move {
                steps.store(n, Ordering::SeqCst);
                pause(10).await;
                Ok(n.to_string())
            }
        });
        Chunks::new(items, Merge::append())
    })
    .with_name("three");
    let log = Arc::new(Log::default());
    let config = RunConfig::new().observer(log.clone());
    let mut stream = three.stream_with("", &config);
    assert_eq!(stream.next().await.unwrap().unwrap(), "1");
    assert!(futures::poll!(stream.next()).is_pending());
    drop(stream);
    pause(1000).await;
    assert_eq!(reached.load(Ordering::SeqCst), 2);
    assert!(log.take().contains(&"cancelled three".to_string()));
}
