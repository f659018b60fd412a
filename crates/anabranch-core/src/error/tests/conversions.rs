//! What becomes an error.

use super::*;

fn plain(error: Error, text: &str) {
    assert_eq!(error.kind(), ErrorKind::Other);
    assert_eq!(error.message(), text);
    assert!(!format!("{error} {error:?}").contains(SECRET), "{error:?}");
}

#[test]
fn question_mark_takes_the_errors_of_std() {
    macro_rules! plain {
        ($($failing:expr => $text:literal,)+) => {$({
            let step = || -> Result<()> {
                let _ = $failing?;
                Ok(())
            };
            plain(step().unwrap_err(), $text);
        })+};
    }
    let bytes = [SECRET.as_bytes(), &[0xff]].concat();
    let early = std::time::SystemTime::UNIX_EPOCH;
    let (sender, receiver) = std::sync::mpsc::channel::<()>();
    drop(sender);
    plain! {
        Err::<(), _>(io::Error::from(io::ErrorKind::NotFound)) => "entity not found",
        Err::<(), _>(fmt::Error) => "an error occurred when formatting an argument",
        SECRET.parse::<u32>() => "invalid digit found in string",
        SECRET.parse::<f64>() => "invalid float literal",
        SECRET.parse::<bool>() => "provided string was not `true` or `false`",
        SECRET.parse::<char>() => "too many characters in string",
        SECRET.parse::<std::net::IpAddr>() => "invalid IP address syntax",
        SECRET.parse::<std::net::SocketAddr>() => "invalid socket address syntax",
        u8::try_from(300) => "out of range integral type conversion attempted",
        char::try_from(0xd800_u32) => "converted integer out of range for `char`",
        <[u8; 2]>::try_from(bytes.as_slice()) => "could not convert slice to array",
        std::str::from_utf8(&bytes) => "invalid utf-8 sequence of 1 bytes from index 12",
        String::from_utf8(bytes.clone()) => "invalid utf-8 sequence of 1 bytes from index 12",
        String::from_utf16(&[0xd800]) => "invalid utf-16: lone surrogate found",
        early.duration_since(early + SECOND) => "second time provided was later than self",
        Duration::try_from_secs_f64(-1.0) => "cannot convert float seconds to Duration: value is negative",
        receiver.recv() => "receiving on a closed channel",
        receiver.recv_timeout(SECOND) => "channel is empty and sending half is closed",
        Err::<(), _>(std::sync::PoisonError::new(SECRET)) => "poisoned lock: another task failed inside",
        { let (sender, _) = std::sync::mpsc::channel(); sender.send(SECRET) } => "sending on a closed channel",
    }
    // What cannot fail needs no other way of writing.
    fn never(value: std::result::Result<u8, Infallible>) -> Result<u8> {
        Ok(value?)
    }
    assert_eq!(never(Ok(1)).unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn question_mark_takes_the_errors_of_tokio() {
    use tokio::sync::{Semaphore, broadcast, mpsc, oneshot, watch};

    let closed = Semaphore::new(0);
    closed.close();
    plain(closed.acquire().await.unwrap_err().into(), "semaphore closed");
    let (_, receiver) = oneshot::channel::<()>();
    plain(receiver.await.unwrap_err().into(), "channel closed");
    let (_, mut receiver) = broadcast::channel::<()>(1);
    plain(receiver.recv().await.unwrap_err().into(), "channel closed");
    let (_, mut receiver) = watch::channel(());
    plain(receiver.changed().await.unwrap_err().into(), "channel closed");
    let (sender, _) = mpsc::channel(1);
    plain(sender.send(SECRET).await.unwrap_err().into(), "channel closed");

    let elapsed = async || tokio::time::timeout(SECOND, std::future::pending::<()>()).await.unwrap_err();
    let (elapsed, again) = (elapsed().await, elapsed().await);
    for error in [Error::from(elapsed), Error::other(again)] {
        assert!(error.is_retryable());
        assert_eq!(error.to_string(), "timed out: deadline has elapsed");
    }
}

#[tokio::test]
async fn a_task_that_panicked_is_a_panic_and_not_quoted() {
    for boxed in [false, true] {
        let ended = tokio::spawn(async { panic!("it was {}", SECRET) }).await.unwrap_err();
        let error = if boxed { Error::other(ended) } else { ended.into() };
        assert_eq!(error.kind(), ErrorKind::Panic);
        assert_eq!(error.partial::<String>().unwrap(), "it was sk-my secret");
        assert!(!format!("{error} {error:?}").contains(SECRET), "{error:?}");
    }
    let ended = tokio::spawn(async { panic!("it was {}", SECRET) }).await.unwrap_err();
    let report = format!("{:?}", Error::new(ErrorKind::Other, "no answer").with_source(ended));
    assert_eq!(report, "error: no answer\n  caused by: the task panicked");

    let task = tokio::spawn(std::future::pending::<()>());
    task.abort();
    let error = Error::from(task.await.unwrap_err());
    assert!(error.message().ends_with("was cancelled"), "{error}");
    assert_eq!(error.kind(), ErrorKind::Other);
    assert!(error.downcast_ref::<tokio::task::JoinError>().unwrap().is_cancelled());
}

#[test]
fn json_errors_do_not_quote_the_value() {
    let boxed: Box<dyn StdError + Send + Sync> = bad_json().into();
    for error in [bad_json().into(), Error::other(bad_json()), Error::from(boxed)] {
        assert_eq!(error.to_string(), format!("parse error: JSON Data error at line 1 column {}", SECRET.len() + 2));
        assert!(!format!("{error:?}").contains(SECRET), "{error:?}");
        assert!(error.source().is_none());
        assert!(error.downcast_ref::<serde_json::Error>().unwrap().is_data());
    }
    // On the way through another one neither.
    let error = Error::from(io::Error::from(bad_json()));
    assert_eq!(error.message(), format!("JSON Data error at line 1 column {}", SECRET.len() + 2));
    assert!(!format!("{error:?}").contains(SECRET), "{error:?}");
}

#[test]
fn variables_are_not_quoted() {
    use std::env::VarError;

    let error = Error::from(std::env::var("ANABRANCH_NO_SUCH_VARIABLE").unwrap_err());
    assert_eq!(error.to_string(), "configuration: environment variable not found");
    let error = Error::other(VarError::NotUnicode(SECRET.into()));
    assert_eq!(error.to_string(), "configuration: environment variable was not valid unicode");
    assert!(!format!("{error:?}").contains(SECRET), "{error:?}");
    assert!(matches!(error.downcast_ref(), Some(VarError::NotUnicode(_))));
}

#[test]
fn our_own_error_comes_out_of_a_box_as_itself() {
    let boxed = || -> Box<dyn StdError + Send + Sync> { busy().into() };
    for error in [Error::from(boxed()), Error::other(boxed()), Error::other(busy()), io::Error::other(busy()).into()] {
        assert_eq!(error.to_string(), BUSY);
        assert_eq!(error.kind(), ErrorKind::RateLimited);
        assert_eq!(error.path().collect::<Vec<_>>(), ["lookup"]);
        assert_eq!((error.attempts().len(), error.retry_after()), (2, Some(SECOND)));
        assert!(error.source().is_none());
    }
    let error = Error::from(Box::<dyn StdError + Send + Sync>::from("no luck"));
    assert_eq!(format!("{error:?}"), "error: no luck");
}
