//! What is left of a body whose request was refused before it was read.
//!
//! If nobody takes the rest, an answer that comes before the end of the body is followed by a reset of the stream over
//! HTTP/2, and some clients (curl 7.88) report that reset instead of the answer. Over HTTP/1.1 the connection is lost. So
//! the rest is read and thrown away while the answer is on its way: for a moment, in which clients that look for answers
//! while they send find it and stop.

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

/// Reads what the answering of a request left of its body, for a while.
pub(crate) async fn read_to_the_end(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let (lent, mut returned) = lend(body);
    let response = next.run(Request::from_parts(parts, lent)).await;
    if let Ok(body) = returned.try_recv()
        && !body.is_end_stream()
    {
        tokio::spawn(tokio::time::timeout(REFUSED_BODY_TIMEOUT, drain(body)));
    }
    response
}

async fn drain(mut body: Body) {
    let mut bytes = 0;
    while bytes <= REFUSED_BODY_BYTES_MAX
        && let Some(Ok(frame)) = body.frame().await
    {
        bytes += frame.data_ref().map_or(0, Bytes::len);
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
    use std::time::Instant;

    use axum::Router;
    use axum::http::StatusCode;
    use axum::middleware::from_fn;
    use tower::ServiceExt as _;

    use super::*;

    const FRAME: &[u8] = &[b' '; 64 * 1024];

    /// How many frames of a body are read after its request was refused unread.
    async fn frames_read(frames: usize) -> usize {
        let (ended, told) = oneshot::channel();
        let body = Frames {
            left: frames,
            read: 0,
            ended: Some(ended),
        };
        let refusing = Router::new()
            .fallback(async || StatusCode::UNAUTHORIZED)
            .layer(from_fn(read_to_the_end));
        let began = Instant::now();
        let response = refusing.oneshot(Request::new(Body::new(body))).await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert!(began.elapsed() < REFUSED_BODY_TIMEOUT, "the answer does not wait");
        told.await.unwrap()
    }

    #[tokio::test]
    async fn the_rest_of_a_refused_body_is_read_within_limits() {
        let frames_max = REFUSED_BODY_BYTES_MAX / FRAME.len() + 1;
        for (frames, read) in [(1, 1), (40, 40), (10 * frames_max, frames_max)] {
            assert_eq!(frames_read(frames).await, read, "of {frames} frames");
        }
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_is_given_up_after_its_refusal() {
        let began = Instant::now();
        assert_eq!(frames_read(0).await, 0);
        assert_eq!(began.elapsed().as_secs(), REFUSED_BODY_TIMEOUT.as_secs());
    }

    /// A body of some frames, after which nothing comes if there were none; tells when it is dropped how many were read.
    struct Frames {
        left: usize,
        read: usize,
        ended: Option<oneshot::Sender<usize>>,
    }

    impl HttpBody for Frames {
        type Data = Bytes;
        type Error = axum::Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
            if self.left == 0 {
                return if self.read == 0 {
                    Poll::Pending
                } else {
                    Poll::Ready(None)
                };
            }
            self.left -= 1;
            self.read += 1;
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(FRAME)))))
        }
    }

    impl Drop for Frames {
        fn drop(&mut self) {
            let _ = self.ended.take().map(|ended| ended.send(self.read));
        }
    }
}
