//! Connections: no more than a limit of them, no more than its part of them for one network, and none that stays silent
//! for long.

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use app::network::single_network;
use app::shares::{Share, Shares};
use axum_server::accept::Accept;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};

use crate::limits::Limits;

/// Lets connections in.
#[derive(Clone)]
pub(crate) struct Gatekeeper {
    places: Arc<Semaphore>,
    networks: Shares<IpAddr>,
    idle_timeout: Duration,
}

/// The place of one connection, free again when it is dropped.
struct Place {
    _place: OwnedSemaphorePermit,
    _share: Share<IpAddr>,
}

impl Gatekeeper {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            places: Arc::new(Semaphore::new(limits.connections_max)),
            networks: Shares::new(limits.connections_per_network_max),
            idle_timeout: limits.idle_timeout,
        }
    }

    fn place(&self, peer: IpAddr) -> io::Result<Place> {
        let mut share = self.networks.empty(single_network(peer));
        if !share.grow(1) {
            return Err(io::Error::other("too many connections of one network"));
        }
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = place.map_err(|_| io::Error::other("too many connections"))?;
        Ok(Place {
            _place: place,
            _share: share,
        })
    }

    fn admit(&self, stream: TcpStream) -> io::Result<Guarded> {
        let place = self.place(stream.peer_addr()?.ip())?;
        // Answers are written whole, so there is nothing to be gained by waiting for more.
        stream.set_nodelay(true)?;
        Ok(Guarded::new(stream, self.idle_timeout, place))
    }
}

impl<S> Accept<TcpStream, S> for Gatekeeper {
    type Stream = Guarded;
    type Service = S;
    type Future = std::future::Ready<io::Result<(Guarded, S)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        std::future::ready(self.admit(stream).map(|guarded| (guarded, service)))
    }
}

/// A connection that is closed when nothing was read from it or written to it for too long.
pub(crate) struct Guarded {
    stream: TcpStream,
    idle_timeout: Duration,
    deadline: Pin<Box<Sleep>>,
    _place: Place,
}

impl Guarded {
    fn new(stream: TcpStream, idle_timeout: Duration, place: Place) -> Self {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_network_cannot_take_every_place_so_that_nobody_else_gets_in() {
        let gatekeeper = Gatekeeper::new(&Limits {
            connections_max: 5,
            connections_per_network_max: 2,
            ..Limits::default()
        });
        let place = |peer: &str| gatekeeper.place(peer.parse().unwrap());
        let taken = [place("2001:db8::1"), place("2001:db8::2")];
        assert!(taken.iter().all(Result::is_ok));
        assert!(place("2001:db8::3").is_err(), "it is the same network");
        let others = [place("192.0.2.1"), place("127.0.0.1"), place("127.0.0.1")];
        assert!(others.iter().all(Result::is_ok));
        assert!(place("127.0.0.1").is_err(), "there are no more places at all");
        drop(taken);
        assert!(place("2001:db8::3").is_ok());
        assert!(
            place("127.0.0.1").is_ok(),
            "a proxy on this machine speaks for everybody"
        );
    }
}
