use futures_util::FutureExt;

use super::*;

#[test]
fn without_a_runtime_it_is_an_error_and_no_panic() {
    let waiting = pin!(std::future::pending::<()>());
    let until = until(Instant::now(), waiting).now_or_never().unwrap();
    assert_eq!(until.unwrap_err().kind(), ErrorKind::Unsupported);
    let there = until_ready();
    assert_eq!(there.unwrap(), Some(1));
}

fn until_ready() -> Result<Option<i32>> {
    until(Instant::now(), pin!(std::future::ready(1))).now_or_never().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_timer_is_heard_beside_work_that_never_rests() {
    let busy = pin!(async {
        loop {
            tokio::task::consume_budget().await;
            tokio::time::advance(Duration::from_millis(1)).await;
        }
    });
    let end = Instant::now() + Duration::from_secs(1);
    assert_eq!(until::<_>(end, busy).await.unwrap(), None::<()>);
}
