//! Who is spoken to, and how that is made safe.

use std::time::Duration;

use reqwest::{Certificate, Url};

use crate::renewal::{Renewal, Renewing};
use crate::{ClientError, Credential};

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an answer may take from the last byte of the request on, and between its bytes.
const READ_TIMEOUT: Duration = Duration::from_secs(120);

/// A client of one server, as one caller. Cheap to clone; clones use the same connections.
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) http: reqwest::Client,
    pub(crate) server: Url,
    pub(crate) credential: Option<Credential>,
    pub(crate) renewal: Option<Renewal>,
    /// Whether who asks tries again by itself where nobody answers.
    pub(crate) asks_once: bool,
}

impl Client {
    /// Begins to build a client of the server at this URL.
    #[must_use]
    pub fn builder(url: &str) -> ClientBuilder {
        ClientBuilder {
            url: url.to_owned(),
            ca_pem: None,
            credential: None,
            asks_once: false,
        }
    }

    /// The same connections, used by another caller.
    #[must_use]
    pub fn with_credential(&self, credential: Credential) -> Self {
        Self {
            credential: Some(credential),
            renewal: None,
            ..self.clone()
        }
    }

    /// The same, which proves again who it is, once, when its credential is not accepted any more (401).
    #[must_use]
    pub fn renewing(self, ask: impl Fn() -> Renewing + Send + Sync + 'static) -> Self {
        Self {
            renewal: Some(Renewal::new(ask)),
            ..self
        }
    }

    /// The server's URL, without a slash at its end.
    #[must_use]
    pub fn server(&self) -> &str {
        self.server.as_str().trim_end_matches('/')
    }
}

/// A client in the making.
#[derive(Debug)]
pub struct ClientBuilder {
    url: String,
    ca_pem: Option<Vec<u8>>,
    credential: Option<Credential>,
    asks_once: bool,
}

impl ClientBuilder {
    /// Trusts the certificates in this PEM text, and only these, instead of those of the operating system.
    #[must_use]
    pub fn ca_pem(self, pem: impl Into<Vec<u8>>) -> Self {
        Self {
            ca_pem: Some(pem.into()),
            ..self
        }
    }

    /// The caller's credential.
    #[must_use]
    pub fn credential(self, credential: Credential) -> Self {
        Self {
            credential: Some(credential),
            ..self
        }
    }

    /// Says at once that a server cannot be reached, for somebody who tells others of it and tries again.
    #[must_use]
    pub fn asking_once(self) -> Self {
        Self {
            asks_once: true,
            ..self
        }
    }

    /// The client. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ClientError::Url`] if the URL is not `https` (`http` is good for the same machine only: credentials would
    /// travel in the clear), [`ClientError::Settings`] if the CA is not a certificate.
    pub fn build(self) -> Result<Client, ClientError> {
        let server = server_url(&self.url)?;
        // Deliveries are few and large: HTTP/1.1 carries them faster than HTTP/2 does in frames.
        let mut http = reqwest::Client::builder()
            .http1_only()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("meterbridge/", env!("CARGO_PKG_VERSION")));
        if is_loopback(&server) {
            http = http.no_proxy();
        }
        if let Some(pem) = &self.ca_pem {
            http = http.tls_certs_only(certificates(pem)?);
        }
        let http = http
            .build()
            .map_err(|error| ClientError::Settings(format!("The client cannot be built: {error}")))?;
        Ok(Client {
            http,
            server,
            credential: self.credential,
            renewal: None,
            asks_once: self.asks_once,
        })
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<Certificate>, ClientError> {
    match Certificate::from_pem_bundle(pem) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(ClientError::Settings(
            "The CA is not a certificate. Expected PEM text that begins with -----BEGIN CERTIFICATE-----."
                .into(),
        )),
    }
}

/// The path below which the server answers: it is added to the URL of a server.
const API: [&str; 2] = ["api", "v1"];

/// Reads the URL of a server: where it is, without the path of what is asked there. A path before that is good, for a
/// server behind another one.
///
/// # Errors
/// [`ClientError::Url`] with the reason.
pub fn server_url(text: &str) -> Result<Url, ClientError> {
    let refuse = |why: &str| ClientError::Url {
        url: text.to_owned(),
        why: why.to_owned(),
    };
    if !text.contains("://") {
        return Err(refuse(&format!("expected https://{}", text.trim())));
    }
    let url: Url = text.trim().parse().map_err(|error| refuse(&format!("{error}")))?;
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => return Err(refuse("without TLS, credentials would travel in the clear")),
        _ => return Err(refuse("its scheme is not https")),
    }
    if url.query().is_some()
        || url.fragment().is_some()
        || !url.username().is_empty()
        || url.password().is_some()
    {
        return Err(refuse("it has a user, a query or a fragment"));
    }
    let path: Vec<&str> = url.path_segments().into_iter().flatten().collect();
    if path.windows(API.len()).any(|part| part == API) {
        return Err(refuse(
            "/api/v1 is added to it by itself: expected where the server is, such as https://meterbridge.example:8443",
        ));
    }
    Ok(url)
}

/// Whether a URL leads to this machine whatever the network says.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    let address = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<std::net::IpAddr>();
    address.map_or(host == "localhost", |address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_never_travel_in_the_clear() {
        for (url, good) in [
            ("https://meterbridge.example:8443", true),
            ("https://meterbridge.example/prefix/", true),
            ("http://127.0.0.1:8080", true),
            ("http://[::1]:8080", true),
            ("http://localhost:8080", true),
            ("http://meterbridge.example", false),
            ("http://localhost.example", false),
            ("http://127.0.0.1.example", false),
            ("ftp://localhost", false),
            ("localhost:8443", false),
            ("meterbridge.example", false),
            ("https://user:secret@meterbridge.example", false),
            ("https://meterbridge.example?x=1", false),
            ("https://meterbridge.example/api/v1", false),
            ("https://meterbridge.example/prefix/api/v1/me", false),
            ("https://meterbridge.example/api", true),
            ("", false),
        ] {
            assert_eq!(Client::builder(url).build().is_ok(), good, "{url}");
        }
    }

    #[test]
    fn a_ca_that_is_no_certificate_is_refused() {
        for pem in ["", "not PEM", "-----BEGIN CERTIFICATE-----\nAAAA"] {
            let error = Client::builder("https://localhost")
                .ca_pem(pem)
                .build()
                .unwrap_err();
            assert!(error.to_string().contains("BEGIN CERTIFICATE"), "{error}");
        }
    }

    #[test]
    fn a_client_shows_no_credential() {
        let client = Client::builder("https://localhost").credential(Credential::new("mbo_secret"));
        assert!(!format!("{client:?}").contains("secret"));
        assert!(!format!("{:?}", client.build().unwrap()).contains("secret"));
    }
}
