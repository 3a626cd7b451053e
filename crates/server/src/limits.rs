//! Every limit of the door, with its name and its default, in one place.

use std::num::NonZeroU32;
use std::time::Duration;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// The most items on one page of a list. A client may ask for fewer with `top`.
pub const PAGE_ITEMS_MAX: usize = 1000;
/// The same of a list of what is missing of each stack's usage: a month of each is looked through for it.
pub(crate) const COMPLETENESS_ITEMS_MAX: usize = 50;

/// The most bytes of a JSON body that is neither usage nor a directory nor a price list. The largest one registers a
/// stack: its token lists all hardware.
pub(crate) const JSON_BODY_BYTES_MAX: usize = 2 * MIB;
/// The most bytes of a price list.
pub(crate) const LARGE_JSON_BODY_BYTES_MAX: usize = 16 * MIB;
/// The most bytes of a form of somebody who signs in. The largest one holds a client's certificate with its chain.
pub(crate) const FORM_BYTES_MAX: usize = 64 * KIB;
/// The most directory objects that are asked about at once: as many as Microsoft Graph takes.
pub(crate) const GRAPH_IDS_MAX: usize = 1000;
/// What one delivery counts for at the least in [`Limits::delivery_bytes_in_memory_max`], so that the same limit
/// bounds how many there are.
pub(crate) const DELIVERY_BYTES_MIN: usize = 64 * KIB;
/// The same for any other body in [`Limits::small_body_bytes_in_memory_max`].
pub(crate) const SMALL_BODY_BYTES_MIN: usize = 4 * KIB;
/// The most bytes of the headers of a request.
pub(crate) const HEADER_BYTES_MAX: u32 = 64 * 1024;
/// The most headers of a request.
pub(crate) const HEADERS_MAX: usize = 100;
/// The most requests at once in one HTTP/2 connection.
pub(crate) const STREAMS_PER_CONNECTION_MAX: u32 = 128;
/// The most bytes of one HTTP/2 stream that may be on their way: a usual delivery of a thousand records fits in.
pub(crate) const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
/// The most bytes of one HTTP/2 connection that may be on their way.
pub(crate) const CONNECTION_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
/// The most bytes that are read from an HTTP/1.1 connection ahead of their use.
pub(crate) const READ_BUFFER_BYTES_MAX: usize = MIB;
/// The most peers, or callers, whose rate is remembered; beyond it, those that are idle are forgotten.
pub(crate) const RATES_REMEMBERED_MAX: usize = 16 * KIB;
/// The most bytes of a body that are read only so that its refusal arrives.
pub(crate) const REFUSED_BODY_BYTES_MAX: usize = 16 * MIB;
/// For how long the rest of a refused body is read.
pub(crate) const REFUSED_BODY_TIMEOUT: Duration = Duration::from_secs(2);
/// After how many seconds a refused delivery is worth another try.
pub(crate) const BUSY_RETRY_AFTER_SECONDS: u64 = 1;

/// The limits that an operator may set.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The most connections at once; one more is closed at once.
    pub connections_max: usize,
    /// The most connections at once of one network: an IPv4 address, or the 2^64 addresses of an IPv6 network. This machine
    /// itself is none, since a proxy on it speaks for everybody.
    pub connections_per_network_max: usize,
    /// The most bytes of a delivery of usage or of a directory, decompressed.
    pub body_bytes_max: usize,
    /// The most bytes of deliveries that are held in memory at once; what would exceed it is asked to come later.
    pub delivery_bytes_in_memory_max: usize,
    /// The most of it that one caller may hold. Not less than [`Self::body_bytes_max`], or no delivery could be that large.
    pub delivery_bytes_in_memory_per_caller_max: usize,
    /// The most bytes of all other bodies, sign-in forms and small JSON, that are held in memory at once: they never take
    /// what deliveries need.
    pub small_body_bytes_in_memory_max: usize,
    /// The most of it that one caller may hold, or one network where nobody knows yet who calls.
    pub small_body_bytes_in_memory_per_caller_max: usize,
    /// The most deliveries that are parsed and stored at once; others wait.
    pub deliveries_at_once_max: usize,
    /// How long a TLS handshake may take.
    pub handshake_timeout: Duration,
    /// How long the headers of a request may take to arrive.
    pub header_timeout: Duration,
    /// How long the body of a delivery may take to arrive, or a price list.
    pub body_timeout: Duration,
    /// How long any other body may take to arrive.
    pub small_body_timeout: Duration,
    /// How long a request may take, from its headers to its answer.
    pub request_timeout: Duration,
    /// How long a connection may be silent. Longer than a request may take.
    pub idle_timeout: Duration,
    /// How long requests in flight may take to end when the server shuts down.
    pub shutdown_timeout: Duration,
    /// The most requests per second of one caller, after a burst of as many.
    pub requests_per_second_max: NonZeroU32,
    /// The most requests per second of one peer address to what anybody may ask for, after a burst of as many.
    pub anonymous_requests_per_second_max: NonZeroU32,
    /// The most failed authentications per minute of one peer address, after a burst of as many.
    pub failed_authentications_per_minute_max: NonZeroU32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 1024,
            connections_per_network_max: 256,
            body_bytes_max: 64 * MIB,
            delivery_bytes_in_memory_max: 128 * MIB,
            delivery_bytes_in_memory_per_caller_max: 64 * MIB,
            small_body_bytes_in_memory_max: 32 * MIB,
            small_body_bytes_in_memory_per_caller_max: 8 * MIB,
            deliveries_at_once_max: 64,
            handshake_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(15),
            body_timeout: Duration::from_secs(60),
            small_body_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(120),
            idle_timeout: Duration::from_secs(180),
            shutdown_timeout: Duration::from_secs(30),
            requests_per_second_max: at_least_one(2000),
            anonymous_requests_per_second_max: at_least_one(50),
            failed_authentications_per_minute_max: at_least_one(60),
        }
    }
}

const fn at_least_one(number: u32) -> NonZeroU32 {
    match NonZeroU32::new(number) {
        Some(number) => number,
        None => NonZeroU32::MIN,
    }
}
