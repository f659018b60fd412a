//! How a run goes on while its events are read, and how it ends.

use super::*;

#[tokio::test]
async fn events_are_handed_on_before_the_run_goes_on() {
    let ran = Arc::new(AtomicUsize::new(0));
    let counter = ran.clone();
    let graph = StateGraph::<Notes>::new()
        .node("again", move |_: Arc<Notes>| {
            counter.fetch_add(1, Ordering::SeqCst);
            async { Ok(Notes::count(1_u64)) }
        })
        .edge(START, "again")
        .route("again", |notes| if notes.count < 300 { "again" } else { END }, ["again", END])
        .compile()
        .unwrap();
    let mut events = graph.events(Notes::default());
    assert_eq!(ran.load(Ordering::SeqCst), 0, "nothing runs before it is read");
    while let Some(event) = events.next().await {
        let event = event.unwrap();
        let (iteration, ran) = (event.iteration().unwrap(), ran.load(Ordering::SeqCst) as u64);
        assert_eq!(ran, iteration + u64::from(event.kind != EventKind::Started), "{event:?}");
    }
    assert_eq!(done(events).await.count, 300);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_events_drops_the_run_and_finishing_them_runs_it_to_its_end() {
    struct AtWork(Arc<AtomicUsize>);
    impl Drop for AtWork {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    let at_work = Arc::new(AtomicUsize::new(0));
    let wanted = Arc::new(Mutex::new(Vec::new()));
    let (count, wants) = (at_work.clone(), wanted.clone());
    let work = lambda_with(move |_: String, config: RunConfig| {
        let (count, wants) = (count.clone(), wants.clone());
        async move {
            count.fetch_add(1, Ordering::SeqCst);
            let _at_work = AtWork(count);
            sleep(Duration::from_secs(1)).await;
            wants.lock().unwrap().push(config.wants_tokens());
            Ok(String::new())
        }
    });
    let graph = StateGraph::<Notes>::new()
        .node("a", step(|_: &Notes| String::new(), work, |_: String| Notes::count(1_u64)))
        .node("b", async |_: Arc<Notes>| line("b", 0).await)
        .edge(START, ["a", "b"])
        .edge(["a", "b"], END)
        .compile()
        .unwrap();
    let until_b_is_done = async |events: &mut GraphEvents<Notes>| {
        while short(&events.next().await.unwrap().unwrap()) != "b: done" {}
    };
    let mut events = graph.events(Notes::default());
    until_b_is_done(&mut events).await;
    assert_eq!(at_work.load(Ordering::SeqCst), 1);
    drop(events);
    assert_eq!(at_work.load(Ordering::SeqCst), 0);

    let mut events = graph.events(Notes::default());
    until_b_is_done(&mut events).await;
    assert_eq!(done(events).await.count, 1);
    let mut events = graph.events(Notes::default());
    all(&mut events).await;
    assert_eq!(done(events).await.count, 1);
    // Nobody reads tokens any more when it is only finished.
    assert_eq!(*wanted.lock().unwrap(), [false, true]);
}

#[tokio::test(start_paused = true)]
async fn an_error_is_the_last_item_and_what_comes_of_it() {
    let graph = StateGraph::<Notes>::new()
        .node("slow", async |_: Arc<Notes>| line("slow", 9).await)
        .map(
            "parts",
            |_| [0, 1],
            async |item: i32| match item {
                1 => Err(Error::new(ErrorKind::Overloaded, "busy")),
                _ => Ok(Notes::count(1_u64)),
            },
        )
        .edge(START, ["slow", "parts"])
        .edge(["slow", "parts"], END)
        .compile()
        .unwrap();
    let mut events = graph.events(Notes::default());
    let wanted = [
        "slow: started",
        "parts: started",
        "parts[0]: started",
        "parts[1]: started",
        "parts[0]: update [{\"count\":1}]",
        "parts[0]: done",
        "parts[1]: broke: overloaded",
        "parts: broke: overloaded",
    ];
    let mut told = all(&mut events).await;
    let error = told.pop().unwrap();
    assert_eq!(told, wanted);
    assert!(error.ends_with("node \"parts\" > item 1 > lambda: overloaded: busy"), "{error}");
    assert!(events.next().await.is_none());
    assert_eq!(events.finish().await.unwrap_err().to_string(), error);
    assert_eq!(graph.events(Notes::default()).finish().await.unwrap_err().to_string(), error);
}

#[tokio::test(start_paused = true)]
async fn each_event_has_its_node_item_and_iteration() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = heard.clone();
    let graph = parts_and_rounds().on_event(move |event| hears.lock().unwrap().push(short(&event)));
    let mut events = graph.events(Notes::default());
    let mut all = Vec::new();
    while let Some(event) = events.next().await {
        all.push(event.unwrap());
    }
    let wanted = [
        "parts: started",
        "parts[0]: started",
        "parts[1]: started",
        "parts[2]: started",
        "parts[0]: update [{\"lines\":[\"part 0\"]}]",
        "parts[0]: done",
        "parts[1]: failed: error",
        "parts[2]: update [{\"lines\":[\"part 2\"]}]",
        "parts[2]: done",
        "parts: done",
        "parts: chose round",
        "round#0: started",
        "never: passedover",
        "round#0: update [{\"lines.overwrite\":[\"\"]},{\"count\":1}]",
        "round#0: done",
        "round#0: chose round",
        "round#1: started",
        "round#1: update [{\"lines.overwrite\":[\"\"]},{\"count\":2}]",
        "round#1: done",
        "round#1: chose rumour",
        "rumour: started",
        "rumour: failed: timed out",
    ];
    assert_eq!(all.iter().map(short).collect::<Vec<_>>(), wanted);
    assert_eq!(*heard.lock().unwrap(), wanted, "`on_event` hears the same");

    let of = |event: &GraphEvent| (event.node().to_string(), event.item(), event.iteration());
    assert_eq!(of(&all[0]), ("parts".to_string(), None, None));
    assert_eq!(of(&all[8]), ("parts".to_string(), Some(2), None));
    assert_eq!(of(&all[17]), ("round".to_string(), None, Some(1)));
    let EventKind::Update(update) = &all[17].kind else { panic!() };
    let writes = update.writes().unwrap();
    let fields: Vec<_> = writes.iter().map(|write| (write.field.as_str(), write.overwrite, &write.value)).collect();
    assert_eq!(fields, [("lines", true, &json!([""])), ("count", false, &json!(2))]);
    // Nothing of what was written is shown.
    let shown = format!("{:?} {:?} {:?}", all[7], writes, all);
    assert!(!shown.contains("part 2"), "{shown}");
    assert!(format!("{:?}", all[7]).contains("NodeUpdate { writes: 1, .. }"), "{:?}", all[7]);
}

/// The engine of a graph inside lets others run now and then: that is no waiting for answers.
#[tokio::test]
async fn a_loop_inside_that_is_not_at_its_end_is_waited_for_before_somebody_is_asked() {
    let inner = StateGraph::<Notes>::new()
        .node("again", async |_: Arc<Notes>| Ok(Notes::count(1_u64)))
        .ask("two", |_| "?", Notes::yes)
        .edge(START, "again")
        .route("again", |notes| if notes.count < 500 { "again" } else { "two" }, ["again", "two"])
        .edge("two", END)
        .compile()
        .unwrap();
    let graph = StateGraph::<Notes>::new()
        .ask("one", |_| "?", Notes::yes)
        .node("inner", step(|_: &Notes| Notes::default(), inner, |notes: Notes| Notes::count(notes.count)))
        .edge(START, ["one", "inner"])
        .edge(["one", "inner"], END)
        .compile()
        .unwrap();
    let paths =
        |questions: &Questions<Notes>| questions.iter().map(|question| question.path().to_string()).collect::<Vec<_>>();
    let Progress::Asks(questions) = graph.start(Notes::default()).await.unwrap() else { panic!("it asks") };
    assert_eq!(paths(&questions), ["one", "inner/two"]);
    let mut events = graph.events(Notes::default());
    all(&mut events).await;
    assert_eq!(paths(&asked(events).await), ["one", "inner/two"]);
}
