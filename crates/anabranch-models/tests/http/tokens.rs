//! A model that is called while somebody wants tokens: it is asked for a stream, whose text is told as it comes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use anabranch_core::{Observer, Retry, RunConfig, RunnableExt, StepEvent};
use tokio::sync::Notify;

use crate::server::{END, SSE, delta, document, model, say, server};

/// Keeps what it hears, and says so.
#[derive(Default)]
struct Page {
    texts: Mutex<Vec<String>>,
    heard: Notify,
}

impl Observer for Page {
    fn wants_tokens(&self) -> bool {
        true
    }

    fn token(&self, _: &StepEvent<'_>, text: &str) {
        self.texts.lock().unwrap().push(text.to_string());
        self.heard.notify_one();
    }
}

#[tokio::test]
async fn a_called_model_tells_its_tokens_as_they_come_over_the_wire() {
    let page = Arc::new(Page::default());
    let hears = page.clone();
    let address = server(move |mut socket, request| {
        let hears = hears.clone();
        async move {
            if !request.contains(r#""stream":true"#) {
                return say(&mut socket, document("Hello")).await;
            }
            say(&mut socket, format!("{SSE}{}", delta("Hel"))).await;
            // The rest is made when the first piece was heard of.
            hears.heard.notified().await;
            say(&mut socket, delta("lo") + END).await;
        }
    })
    .await;
    let llm = model(address);
    let plain = llm.invoke("Hi").await.unwrap();
    assert!(page.texts.lock().unwrap().is_empty());
    let told = llm.invoke_with("Hi", &RunConfig::new().observer(page.clone())).await.unwrap();
    assert_eq!((told.text(), told.finish_reason()), (plain.text(), plain.finish_reason()));
    assert_eq!(*page.texts.lock().unwrap(), ["Hel", "lo"]);
}

/// Nobody got the first half as a result, so there may be another attempt, though it was told.
#[tokio::test]
async fn a_call_whose_stream_breaks_off_is_tried_again() {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = calls.clone();
    let address = server(move |mut socket, _| {
        let is_first = count.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            say(&mut socket, format!("{SSE}{}", delta("Hel"))).await;
            if !is_first {
                say(&mut socket, delta("lo") + END).await;
            }
        }
    })
    .await;
    let page = Arc::new(Page::default());
    let llm = model(address).with_retry(Retry::attempts(2).base(std::time::Duration::from_millis(1)));
    let answer = llm.invoke_with("Hi", &RunConfig::new().observer(page.clone())).await.unwrap();
    assert_eq!((answer.text().as_ref(), calls.load(Ordering::SeqCst)), ("Hello", 2));
    assert_eq!(*page.texts.lock().unwrap(), ["Hel", "Hel", "lo"]);
}
