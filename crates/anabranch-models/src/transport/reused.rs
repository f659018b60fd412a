//! What a request needs to know of a connection that was kept: whether it went out on one, and whether the server had
//! closed it meanwhile.

use std::cell::Cell;
use std::error::Error;
use std::future::Future;
use std::io::ErrorKind;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tower_layer::Layer;
use tower_service::Service;

/// How soon a server that had closed a connection shows it to a request on it: one way there and back. A server that
/// takes longer may be at work on the request.
pub(super) const AT_ONCE: Duration = Duration::from_secs(2);

tokio::task_local! {
    /// Whether a connection was made for the request of this task.
    static CONNECTED: Cell<bool>;
}

/// Runs a request of a client with the layer [`NoteConnects`], and says whether it went out on a connection that was
/// there before.
pub(super) async fn on_kept_connection<F: Future>(request: F) -> (F::Output, bool) {
    let watched = async {
        let done = request.await;
        (done, !CONNECTED.with(Cell::get))
    };
    CONNECTED.scope(Cell::new(false), watched).await
}

/// Whether the connection was gone before anything of a response came. (Half a head of one looks the same to hyper; no
/// server sends such halves on purpose.)
pub(super) fn was_closed(error: &reqwest::Error) -> bool {
    if error.is_connect() || error.is_timeout() {
        return false;
    }
    let outermost: &(dyn Error + 'static) = error;
    std::iter::successors(Some(outermost), |&error| error.source()).any(|cause| {
        let hyper = cause.downcast_ref::<hyper::Error>();
        let io = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        hyper.is_some_and(|error| error.is_incomplete_message() || error.is_canceled() || error.is_closed())
            || matches!(
                io,
                Some(
                    ErrorKind::ConnectionReset
                        | ErrorKind::ConnectionAborted
                        | ErrorKind::BrokenPipe
                        | ErrorKind::NotConnected
                        | ErrorKind::UnexpectedEof
                )
            )
    })
}

/// Notes when a client connects, for [`on_kept_connection`].
#[derive(Clone, Copy)]
pub(super) struct NoteConnects;

/// A connector that notes when it is done.
#[derive(Clone)]
pub(super) struct Noted<S>(S);

impl<S> Layer<S> for NoteConnects {
    type Service = Noted<S>;

    fn layer(&self, inner: S) -> Noted<S> {
        Noted(inner)
    }
}

impl<S, R> Service<R> for Noted<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let connecting = self.0.call(request);
        Box::pin(async move {
            let connection = connecting.await?;
            // One that is made in the background, for whoever comes next, is nobody's.
            let _ = CONNECTED.try_with(|connected| connected.set(true));
            Ok(connection)
        })
    }
}
