use super::*;

#[test]
fn the_earlier_deadline_and_both_limits_hold() {
    let now = Instant::now();
    let call = RunConfig::new().deadline_at(now + Duration::from_secs(5)).max_concurrency(4).tag("call").tag("x");
    let bound = RunConfig::new().deadline_at(now + Duration::from_secs(1)).max_concurrency(9).tag("bound").tag("x");
    let merged = call.merged_with(&bound);
    assert_eq!(merged.deadline(), Some(now + Duration::from_secs(1)));
    assert_eq!(merged.concurrency_limit(), Some(4));
    assert_eq!(merged.limits().len(), 2);
    assert_eq!(merged.tags(), ["bound", "x", "call"]);
    assert_eq!(merged.merged_with(&bound).limits().len(), 2, "a limit that is met twice counts once");
    let ids = |config: &RunConfig| config.limits().iter().map(Limit::id).collect::<Vec<_>>();
    assert_eq!(ids(&merged), ids(&bound.merged_with(&call)), "all take them in one order");
}

#[test]
fn a_time_out_allocates_nothing_and_survives_what_a_step_brings_along() {
    let limit = Instant::now() + Duration::from_secs(1);
    let inner = RunConfig::new().within(limit);
    assert!(inner.shared.is_none() && !inner.is_empty() && !inner.watches());
    let brought = RunConfig::new().name("bound").timeout(Duration::from_secs(60));
    for config in [
        inner.merged_with(&brought),
        inner.merged_with(&RunConfig::new()),
        inner.within(limit + Duration::from_secs(9)),
    ] {
        assert_eq!(config.deadline(), Some(limit));
    }
}

#[tokio::test(start_paused = true)]
async fn a_time_out_counts_from_the_start_of_each_run() {
    let kept = RunConfig::new().timeout(Duration::from_secs(5)).timeout(Duration::from_secs(9));
    assert_eq!(kept.deadline(), None);
    for _ in 0..2 {
        let run = kept.started().unwrap();
        assert_eq!(run.time_left(), Some(Duration::from_secs(5)));
        assert!(run.started().is_none());
        tokio::time::advance(Duration::from_secs(60)).await;
    }
    assert!(RunConfig::new().timeout(Duration::MAX).started().unwrap().deadline().is_none());
}
