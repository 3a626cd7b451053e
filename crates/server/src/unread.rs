//! What is left of a body whose request was refused before it was read.
//!
//! Over HTTP/2 an answer that comes before the end of the body is followed by a reset of the stream, and some clients
//! (curl 7.88) report that reset instead of the answer. Over HTTP/1.1 the connection is lost. So the rest of a small
//! body is read, and thrown away, before the answer is sent; that of a large one is not worth it.

use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;
use tokio::sync::oneshot;

use crate::limits::{REFUSED_BODY_BYTES_MAX, REFUSED_BODY_TIMEOUT};

/// Reads what the answering of a request left of its body, if its length was declared and is small.
pub(crate) async fn read_to_the_end(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let (lent, mut returned) = lend(body);
    let response = next.run(Request::from_parts(parts, lent)).await;
    if let Ok(body) = returned.try_recv() {
        // Who is slower than this gets the answer all the same, only less surely.
        let _ = tokio::time::timeout(REFUSED_BODY_TIMEOUT, drain(body)).await;
    }
    response
}

async fn drain(mut body: Body) {
    let left = body.size_hint().exact();
    if left.is_some_and(|left| left <= REFUSED_BODY_BYTES_MAX) {
        while let Some(Ok(_)) = body.frame().await {}
    }
}

/// The body, and where it comes back when it is dropped.
fn lend(body: Body) -> (Body, oneshot::Receiver<Body>) {
    let (back, returned) = oneshot::channel();
    let lent = Lent {
        body,
        back: Some(back),
    };
    (Body::new(lent), returned)
}

/// A body that goes back when it is dropped.
struct Lent {
    body: Body,
    back: Option<oneshot::Sender<Body>>,
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(back) = self.back.take() {
            // Nobody wants it back where the request was given up.
            let _ = back.send(mem::take(&mut self.body));
        }
    }
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::StatusCode;
    use axum::middleware::from_fn;
    use tower::ServiceExt as _;

    use super::*;

    /// What is left of a body that is refused unread.
    async fn left_of(body: Body) -> Body {
        let (body, mut returned) = lend(body);
        let refusing = Router::new()
            .fallback(async || StatusCode::UNAUTHORIZED)
            .layer(from_fn(read_to_the_end));
        let response = refusing.oneshot(Request::new(body)).await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        returned.try_recv().unwrap()
    }

    #[tokio::test]
    async fn a_small_body_is_read_to_its_end_though_its_request_is_refused() {
        for (bytes, read) in [(1, true), (64 * 1024, true), (64 * 1024 + 1, false)] {
            let left = left_of(Body::from(vec![b' '; bytes])).await;
            assert_eq!(left.is_end_stream(), read, "{bytes} bytes");
        }
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_holds_its_refusal_up_for_a_moment_only() {
        let began = tokio::time::Instant::now();
        drop(left_of(Body::new(Never)).await);
        assert_eq!(began.elapsed().as_secs(), REFUSED_BODY_TIMEOUT.as_secs());
    }

    /// A body of one byte that never comes.
    struct Never;

    impl HttpBody for Never {
        type Data = Bytes;
        type Error = axum::Error;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
            Poll::Pending
        }

        fn size_hint(&self) -> SizeHint {
            SizeHint::with_exact(1)
        }
    }
}
