//! Delivering usage: exactly once, however often it takes.

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::CONTENT_ENCODING;
use wire::api::DeliveryReceipt;

use crate::call::{Answered, Call};
use crate::{Client, ClientError};

/// How the records of a delivery are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A page as the provider usage API returns it: `{"value":[…]}`.
    Json,
    /// One record in each line.
    Ndjson,
}

impl Format {
    const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Ndjson => "application/x-ndjson",
        }
    }
}

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
}

impl Encoding {
    const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// One delivery of usage.
#[derive(Debug, Clone)]
pub struct Delivery<'a> {
    /// The records, as the stack's provider usage API returned them.
    pub body: Bytes,
    /// How they are written.
    pub format: Format,
    /// How the body is compressed, if it is.
    pub encoding: Option<Encoding>,
    /// The start of the window of reported time that the records were read from: an hour.
    pub reported_start: Option<&'a str>,
    /// The end of that window.
    pub reported_end: Option<&'a str>,
    /// The stack has reported completely up to this hour.
    pub reported_through: Option<&'a str>,
    /// The delivery's name: delivered again under it, it is answered as it was the first time. Without one, a delivery
    /// whose answer is lost is not repeated.
    pub idempotency_key: Option<&'a str>,
    /// Receipts that earlier deliveries were acknowledged with, [`wire::api::KnownReceipts`] as text: if the server does not
    /// have one of them any more, it stores nothing and says so.
    pub known_receipts: Option<&'a str>,
}

impl Client {
    /// Delivers usage of a stack, whose activation key is the credential.
    ///
    /// # Errors
    /// [`ClientError`]; unless the server refused the delivery, it may have arrived.
    pub async fn deliver_usage(
        &self,
        cloud_id: &str,
        delivery: Delivery<'_>,
    ) -> Result<DeliveryReceipt, ClientError> {
        let answered = self.deliver_usage_told(cloud_id, delivery).await;
        answered.map(|it| it.value)
    }

    /// The same, and whether it is the answer of the first time.
    ///
    /// # Errors
    /// As [`Client::deliver_usage`].
    pub async fn deliver_usage_told(
        &self,
        cloud_id: &str,
        delivery: Delivery<'_>,
    ) -> Result<Answered<DeliveryReceipt>, ClientError> {
        let mut call = Call::new(Method::POST, ["api", "v1", "stacks", cloud_id, "usage"])
            .query("reportedStart", delivery.reported_start)
            .query("reportedEnd", delivery.reported_end)
            .query("reportedThrough", delivery.reported_through)
            .body(delivery.format.content_type(), delivery.body);
        if let Some(encoding) = delivery.encoding {
            call = call.header(CONTENT_ENCODING, encoding.name());
        }
        if let Some(key) = delivery.idempotency_key {
            call = call.idempotency_key(key)?;
        }
        if let Some(known) = delivery.known_receipts {
            call = call.known_receipts(known)?;
        }
        self.ask_with_warnings(call).await
    }
}
