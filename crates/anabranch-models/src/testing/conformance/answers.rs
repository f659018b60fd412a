//! What is read.

use anabranch_core::{ErrorKind, RunnableExt};
use anabranch_messages::AiMessage;

use super::super::loopback::Loopback;
use super::{PROMPT, Subject, TEXT, added_up, read};

/// Law 6: a stream adds up to the answer, in whatever pieces it comes.
///
/// # Panics
/// When it does not.
pub async fn a_stream_adds_up_to_the_answer(subject: &Subject) {
    let server = Loopback::serve(subject.plain()).await;
    let whole = subject.model(&server.url()).invoke(PROMPT).await.expect("an answer");
    assert_eq!(whole.text(), TEXT, "the text of the document");
    let body = subject.frames.concat();
    for size in [1, 2, 7, 1000, usize::MAX] {
        let server = Loopback::serve(subject.streamed(body.as_bytes(), size)).await;
        let llm = subject.model(&server.url());
        let (chunks, end) = read(&llm).await;
        end.expect("the stream ends well");
        assert!(chunks.iter().all(|chunk| !chunk.is_empty()), "a chunk without anything, in pieces of {size}");
        let of_text = chunks.iter().filter(|chunk| !chunk.text().is_empty()).count();
        assert!(of_text > 1, "the text comes in {of_text} chunks, in pieces of {size}");
        let streamed = added_up(&chunks);
        assert_eq!(streamed.text(), TEXT, "the text of the stream, in pieces of {size}");
        let kind = |message: &AiMessage| message.finish_reason().map(|reason| reason.kind());
        assert_eq!(kind(&streamed), kind(&whole), "how it ended, in pieces of {size}");
        let used = |message: &AiMessage| message.usage().map(|usage| usage.total_tokens());
        assert_eq!(used(&streamed), used(&whole), "what it used, in pieces of {size}");
    }
}

/// A stream that is made and not read costs nothing.
///
/// # Panics
/// When something was sent.
pub async fn nothing_is_sent_before_it_is_read(subject: &Subject) {
    let server = Loopback::serve(subject.plain()).await;
    let llm = subject.model(&server.url());
    drop(llm.stream(PROMPT));
    drop(llm.invoke(PROMPT));
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    assert!(server.requests().is_empty(), "a request was sent before anybody read its answer");
}

/// A stream that is cut off, after whichever byte, is an error that another attempt may help, and keeps what came; or it
/// is the whole answer.
///
/// # Panics
/// When part of an answer is taken for all of it, or all of it for a part.
pub async fn a_cut_stream_is_never_whole(subject: &Subject) {
    let body = subject.frames.concat();
    for cut in 0..body.len() {
        let server = Loopback::serve(subject.streamed(&body.as_bytes()[..cut], usize::MAX)).await;
        let (chunks, end) = read(&subject.model(&server.url())).await;
        let came = added_up(&chunks);
        assert!(TEXT.starts_with(&*came.text()), "cut at {cut}: `{}` is no beginning", came.text());
        match end {
            Ok(()) => {
                assert_eq!(came.text(), TEXT, "cut at {cut}: taken for whole");
                assert!(came.finish_reason().is_some(), "cut at {cut}: whole without a finish reason");
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::IncompleteStream, "cut at {cut}");
                assert!(error.is_retryable(), "cut at {cut}: another attempt may help");
                let kept = error.partial::<AiMessage>().map(|kept| kept.text().into_owned()).unwrap_or_default();
                assert_eq!(kept, came.text(), "cut at {cut}: the error keeps something else than came");
            }
        }
    }
}

/// A call is read with its name and arguments, from documents and streams; and one that was cut off cannot be run. Where
/// the subject has no [`call`](Subject::call), there is nothing to try.
///
/// # Panics
/// When a call is wrong, or half of one could be run.
pub async fn calls_are_read_whole_or_not_at_all(subject: &Subject) {
    let Some((document, frames)) = &subject.call else { return };
    let check = |message: &AiMessage, what: &str| {
        let calls = message.tool_calls();
        assert_eq!(calls.len(), 1, "{what}: the calls");
        assert_eq!(calls[0].name(), "weather", "{what}: the name");
        assert!(!calls[0].id().is_empty(), "{what}: an id, given or made");
        let arguments = calls[0].arguments().expect("arguments that are JSON");
        assert_eq!(arguments, serde_json::json!({"city": "Bremen"}), "{what}: the arguments");
    };
    let server = Loopback::serve(super::Script::new("application/json", document)).await;
    let message = subject.model(&server.url()).invoke(PROMPT).await.expect("an answer with a call");
    check(&message, "the document");
    let body = frames.concat();
    for size in [1, 7, usize::MAX] {
        let server = Loopback::serve(subject.streamed(body.as_bytes(), size)).await;
        let (chunks, end) = read(&subject.model(&server.url())).await;
        end.expect("the stream ends well");
        check(&added_up(&chunks), &format!("the stream in pieces of {size}"));
    }
    for cut in 0..body.len() {
        let server = Loopback::serve(subject.streamed(&body.as_bytes()[..cut], usize::MAX)).await;
        let (chunks, end) = read(&subject.model(&server.url())).await;
        let came = added_up(&chunks);
        if end.is_ok() {
            check(&came, &format!("the stream cut at {cut}, taken for whole"));
        }
        for call in came.tool_calls().iter().filter(|call| call.has_valid_arguments()) {
            let arguments = call.arguments().expect("valid arguments");
            let is_whole = arguments == serde_json::json!({"city": "Bremen"});
            assert!(is_whole || end.is_err(), "cut at {cut}: half a call in an answer that is whole");
        }
    }
}

/// Who drops a call or a stream closes its connection: providers bill until they notice.
///
/// # Panics
/// When the connection stays open.
pub async fn a_dropped_call_ends_the_connection(subject: &Subject) {
    let begun: String = subject.frames[..subject.frames.len() / 2].concat();
    let server = Loopback::serve(subject.streamed(begun.as_bytes(), usize::MAX).hanging()).await;
    let llm = subject.model(&server.url());
    let mut stream = llm.stream(PROMPT);
    stream.next().await.expect("a first chunk").expect("that is none of an error");
    drop(stream);
    assert!(server.left(1).await, "the connection of a dropped stream stays open");

    let server = Loopback::serve(subject.plain().hanging()).await;
    let llm = subject.model(&server.url());
    let waited = tokio::time::timeout(std::time::Duration::from_millis(200), llm.invoke(PROMPT)).await;
    assert!(waited.is_err(), "a document without an end was taken for one");
    assert!(server.left(1).await, "the connection of a dropped call stays open");
}
