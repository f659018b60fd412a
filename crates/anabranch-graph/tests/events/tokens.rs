//! Tokens: which step made them, in which attempt, on which thread.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_token_says_which_step_made_it_whoever_else_watches() {
    #[derive(Default)]
    struct Seen(Mutex<Vec<(String, u64)>>);
    impl Observer for Seen {
        fn wants_tokens(&self) -> bool {
            true
        }

        fn token(&self, step: &StepEvent<'_>, _: &str) {
            self.0.lock().unwrap().push((step.path().to_string(), step.id()));
        }
    }
    let outer = StateGraph::<Notes>::new()
        .map("each", |_| [1, 2], step(|_: &i32| Notes::default(), talking("node"), |_: Notes| ()))
        .edge(START, "each")
        .edge("each", END)
        .compile()
        .unwrap();
    let seen = Arc::new(Seen::default());
    for config in [RunConfig::new(), RunConfig::new().observer(seen.clone())] {
        let mut events = outer.events_with(Notes::default(), &config);
        let mut tokens = Vec::new();
        while let Some(event) = events.next().await {
            let event = event.unwrap();
            if let EventKind::Token(token) = &event.kind {
                tokens.push((event.path.clone(), token.step().to_string(), token.execution()));
            }
        }
        let of = |path: &str| tokens.iter().filter(|token| token.0 == path).map(|token| token.2).collect::<Vec<_>>();
        let (one, two) = (of("each[0]/node"), of("each[1]/node"));
        assert!(one.len() == 2 && one[0] == one[1] && two.len() == 2 && two[0] == two[1] && one[0] != two[0]);
        assert!(tokens.iter().all(|token| token.1 == "talk"), "{tokens:?}");
    }
    // The observer heard the same ones.
    assert_eq!(seen.0.lock().unwrap().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn another_attempt_is_another_execution() {
    let tries = AtomicUsize::new(0);
    let flaky = lambda_with(move |_: String, config: RunConfig| {
        let is_first = tries.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            config.token("ha");
            config.token("lf");
            if is_first { Err(Error::new(ErrorKind::Server, "down")) } else { Ok("half".to_string()) }
        }
    });
    let graph = StateGraph::<Notes>::new()
        .node("a", step(|_: &Notes| String::new(), flaky.with_retry(Retry::attempts(2)), |_: String| ()))
        .edge(START, "a")
        .edge("a", END)
        .compile()
        .unwrap();
    let (mut events, mut tokens) = (graph.events(Notes::default()), Vec::<(u64, String)>::new());
    while let Some(event) = events.next().await {
        if let EventKind::Token(token) = event.unwrap().kind {
            match tokens.last_mut().filter(|(execution, _)| *execution == token.execution()) {
                Some((_, text)) => text.push_str(token.text()),
                None => tokens.push((token.execution(), token.text().to_string())),
            }
        }
    }
    assert_eq!(tokens.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), ["half", "half"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_on_another_thread_wakes_the_reader() {
    let goes_on = Arc::new(Notify::new());
    let waiting = goes_on.clone();
    let talk = lambda_with(move |_: String, config: RunConfig| {
        let waiting = waiting.clone();
        async move {
            for text in ["one", "two", "three"] {
                config.token(text);
                // Until the reader has it: were it not woken, this would last for ever.
                waiting.notified().await;
            }
            Ok(String::new())
        }
    });
    let graph = StateGraph::<Notes>::new()
        .node("a", step(|_: &Notes| String::new(), talk.spawned(), |_: String| ()))
        .edge(START, "a")
        .edge("a", END)
        .compile()
        .unwrap();
    let (mut events, mut texts) = (graph.events(Notes::default()), Vec::new());
    while let Some(event) = events.next().await {
        if let EventKind::Token(token) = event.unwrap().kind {
            texts.push(token.text().to_string());
            goes_on.notify_one();
        }
    }
    assert_eq!(texts, ["one", "two", "three"]);
}
