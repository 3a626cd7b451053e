//! Connections: no more than a limit of them, and none that stays silent for long.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum_server::accept::Accept;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};

/// Lets connections in.
#[derive(Clone)]
pub(crate) struct Gatekeeper {
    places: Arc<Semaphore>,
    idle_timeout: Duration,
}

impl Gatekeeper {
    pub(crate) fn new(connections_max: usize, idle_timeout: Duration) -> Self {
        Self {
            places: Arc::new(Semaphore::new(connections_max)),
            idle_timeout,
        }
    }
}

impl<S> Accept<TcpStream, S> for Gatekeeper {
    type Stream = Guarded;
    type Service = S;
    type Future = std::future::Ready<io::Result<(Guarded, S)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let guarded = match Arc::clone(&self.places).try_acquire_owned() {
            // Answers are written whole, so there is nothing to be gained by waiting for more.
            Ok(place) => stream
                .set_nodelay(true)
                .map(|()| Guarded::new(stream, self.idle_timeout, place)),
            Err(_) => Err(io::Error::other("too many connections")),
        };
        std::future::ready(guarded.map(|guarded| (guarded, service)))
    }
}

/// A connection that is closed when nothing was read from it or written to it for too long.
pub(crate) struct Guarded {
    stream: TcpStream,
    idle_timeout: Duration,
    deadline: Pin<Box<Sleep>>,
    _place: OwnedSemaphorePermit,
}

impl Guarded {
    fn new(stream: TcpStream, idle_timeout: Duration, place: OwnedSemaphorePermit) -> Self {
        Self {
            stream,
            idle_timeout,
            deadline: Box::pin(tokio::time::sleep(idle_timeout)),
            _place: place,
        }
    }

    /// What came of reading or writing: progress moves the deadline, waiting is cut off by it.
    fn watch<T>(&mut self, cx: &mut Context<'_>, poll: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if poll.is_ready() {
            let deadline = Instant::now() + self.idle_timeout;
            self.deadline.as_mut().reset(deadline);
            return poll;
        }
        ready!(self.deadline.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Guarded {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let guarded = self.get_mut();
        let poll = Pin::new(&mut guarded.stream).poll_read(cx, buf);
        guarded.watch(cx, poll)
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let guarded = self.get_mut();
        let poll = Pin::new(&mut guarded.stream).poll_write(cx, bytes);
        guarded.watch(cx, poll)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let guarded = self.get_mut();
        let poll = Pin::new(&mut guarded.stream).poll_write_vectored(cx, slices);
        guarded.watch(cx, poll)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
