//! Starting and stopping.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use app::App;
use axum_server::Handle;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use futures_util::future::join4;
use hyper_util::rt::TokioTimer;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::Door;
use crate::body::Memories;
use crate::closing;
use crate::config::ServerConfig;
use crate::connection::Gatekeeper;
use crate::identity::signing_keys::{self, KEY_CHECK_INTERVAL};
use crate::identity::{ExternalIssuerError, Identity};
use crate::keys::{self, ActivationKeys, KeysError};
use crate::limits::{
    CONNECTION_WINDOW_BYTES, HEADER_BYTES_MAX, HEADERS_MAX, Limits, READ_BUFFER_BYTES_MAX,
    STREAM_WINDOW_BYTES, STREAMS_PER_CONNECTION_MAX,
};
use crate::metrics::Metrics;
use crate::rates::Rates;
use crate::router;
use crate::tls::{Certificate, TlsError};
use crate::webhooks::{self, Webhooks};

/// How often the certificate is made anew, or read again in case the operator replaced it.
const CERTIFICATE_RENEWAL: Duration = Duration::from_secs(12 * 60 * 60);
/// How often the sign-ins are forgotten that nobody comes back to.
const SESSIONS_SWEPT_EVERY: Duration = Duration::from_secs(60 * 60);

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {error}. Choose another address, or port 0 for any free port")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
    /// There is no certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Activation keys cannot be signed.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// Issuers elsewhere cannot be trusted as configured.
    #[error(transparent)]
    ExternalIssuer(#[from] ExternalIssuerError),
    /// Under this URL clients cannot reach it.
    #[error(
        "the public URL is '{0}'. Expected one such as https://bills.example:8443, without a path or query"
    )]
    PublicUrl(String),
    /// The start itself was cut off.
    #[error("the start was cut off: {0}")]
    CutOff(String),
}

/// Starts servers.
#[derive(Debug)]
pub struct Server;

/// A server that runs. Dropping it stops it without waiting for requests in flight.
pub struct Running {
    address: SocketAddr,
    url: String,
    ca_certificate_pem: Option<String>,
    shutdown_timeout: Duration,
    handle: Handle<SocketAddr>,
    serving: JoinHandle<io::Result<()>>,
    renewing: JoinHandle<((), (), (), ())>,
    sending: JoinHandle<()>,
    door: Arc<Door>,
}

impl Server {
    /// Makes what a first start would make in the data directory: the key that signs activation keys, the one that signs
    /// notices, and the certificate authority. What is there stays.
    ///
    /// # Errors
    /// [`StartError`]; of them [`KeysError::Missing`] says that stacks are registered and the key is gone.
    pub async fn prepare(config: &ServerConfig, app: &App) -> Result<(), StartError> {
        let (keys_in_use, app) = (keys_in_use(app), app.clone());
        blocking(config, move |config| {
            ActivationKeys::open(&config.data_directory, keys_in_use)?;
            webhooks::make_first(&config.data_directory, app.random())?;
            obtain(config)?;
            Ok(())
        })
        .await
    }

    /// Replaces the key that signs activation keys. Every stack then needs a new activation key; until it has one, it
    /// cannot deliver.
    ///
    /// # Errors
    /// [`StartError::Keys`].
    pub async fn replace_activation_key(config: &ServerConfig) -> Result<(), StartError> {
        blocking(config, |config| {
            keys::replace(&config.data_directory)?;
            Ok(())
        })
        .await
    }

    /// Makes a new key that signs tokens; a server that runs signs with it a second later at the most. Tokens that are out
    /// stay good: the older keys verify until the last of theirs is dead.
    ///
    /// # Errors
    /// [`StartError::Keys`].
    pub async fn rotate_signing_key(config: &ServerConfig) -> Result<(), StartError> {
        blocking(config, |config| {
            Ok(signing_keys::rotate(
                &config.data_directory,
                config.wall_clock.now(),
            )?)
        })
        .await
    }

    /// Makes a new key that signs tokens and removes all others, because one leaked: a second later at the most nothing that
    /// they signed is good at a server that runs. Everybody signs in again. Gives how many were removed.
    ///
    /// # Errors
    /// [`StartError::Keys`].
    pub async fn revoke_signing_keys(config: &ServerConfig) -> Result<usize, StartError> {
        blocking(config, |config| {
            Ok(signing_keys::revoke(
                &config.data_directory,
                config.wall_clock.now(),
            )?)
        })
        .await
    }

    /// Starts a server; when this returns, it answers.
    ///
    /// # Errors
    /// [`StartError`]; of them [`KeysError::Missing`] says that stacks are registered and the key that signs activation
    /// keys is gone.
    pub async fn start(config: ServerConfig, app: App) -> Result<Running, StartError> {
        let listener = TcpListener::bind(config.listen)
            .await
            .and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (address, listener) = listener.map_err(|error| StartError::Listen {
            address: config.listen,
            error,
        })?;
        let url = public_url(config.public_url.as_deref(), address)?;
        let issuers = config.identity.external_issuers.iter();
        let elsewhere = issuers.flat_map(|issuer| issuer.tenant_ids.iter().copied());
        let app = app.with_directories_elsewhere(elsewhere.collect());
        let keys_in_use = keys_in_use(&app);
        let (base, codes) = (url.clone(), app.codes());
        let (webhooks, maker) = (Webhooks::new(&config)?, app.clone());
        let (keys, identity, certificate) = blocking(&config, move |config| {
            let keys = ActivationKeys::open(&config.data_directory, keys_in_use)?;
            webhooks::make_first(&config.data_directory, maker.random())?;
            let clock = Arc::clone(&config.wall_clock);
            let identity = Identity::open(&config.identity, &config.data_directory, &base, clock, &codes)?;
            Ok((keys, identity, obtain(config)?))
        })
        .await?;
        let ca_certificate_pem = certificate.authority_pem.clone();
        let tls = RustlsConfig::from_config(certificate.into_config()?);
        let limits = config.limits.clone();
        let door = Arc::new(Door {
            app,
            keys,
            identity,
            rates: Rates::new(&limits),
            memory: Memories::new(&limits),
            deliveries: Arc::new(Semaphore::new(limits.deliveries_at_once_max)),
            metrics: Metrics::new(),
            webhooks,
            public_url: url.clone(),
            limits: limits.clone(),
        });
        let handle = Handle::new();
        let renewing = tokio::spawn(join4(
            renew(config, tls.clone()),
            renew_signing_keys(Arc::clone(&door)),
            forget_ended_sessions(Arc::clone(&door)),
            finish_closing(Arc::clone(&door)),
        ));
        let sending = tokio::spawn(webhooks::run(Arc::clone(&door)));
        let serving = serve(listener, tls, handle.clone(), limits.clone(), Arc::clone(&door));
        let serving = tokio::spawn(serving);
        tracing::info!(%address, url, "listening");
        let shutdown_timeout = limits.shutdown_timeout;
        Ok(Running {
            address,
            url,
            ca_certificate_pem,
            shutdown_timeout,
            handle,
            serving,
            renewing,
            sending,
            door,
        })
    }
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Under which URL clients reach it, with a slash at its end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The certificate that clients have to trust, in PEM form; nothing if the operator brought the server's own.
    #[must_use]
    pub fn ca_certificate_pem(&self) -> Option<&str> {
        self.ca_certificate_pem.as_deref()
    }

    /// Lets nobody in any more, waits for the requests in flight (for [`Limits::shutdown_timeout`] at the most), and
    /// ends.
    ///
    /// # Errors
    /// What went wrong with the listener while it served.
    pub async fn shutdown(mut self) -> io::Result<()> {
        tracing::info!(connections = self.handle.connection_count(), "shutting down");
        self.handle.graceful_shutdown(Some(self.shutdown_timeout));
        self.door.webhooks.stop();
        let ended = (&mut self.serving).await;
        let sent = tokio::time::timeout(self.shutdown_timeout, &mut self.sending).await;
        if sent.is_err() {
            tracing::warn!("notices that are being sent are cut off; they are sent again");
        }
        ended.unwrap_or_else(|error| Err(io::Error::other(error)))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.handle.shutdown();
        self.renewing.abort();
        self.sending.abort();
    }
}

async fn serve(
    listener: TcpListener,
    tls: RustlsConfig,
    handle: Handle<SocketAddr>,
    limits: Limits,
    door: Arc<Door>,
) -> io::Result<()> {
    let gatekeeper = Gatekeeper::new(&limits);
    let acceptor = RustlsAcceptor::new(tls)
        .handshake_timeout(limits.handshake_timeout)
        .acceptor(gatekeeper);
    let mut server = axum_server::Server::<SocketAddr>::from_listener(listener)
        .acceptor(acceptor)
        .handle(handle);
    server
        .http_builder()
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_headers(HEADERS_MAX)
        .max_buf_size(READ_BUFFER_BYTES_MAX)
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(HEADER_BYTES_MAX)
        .max_concurrent_streams(STREAMS_PER_CONNECTION_MAX)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .keep_alive_interval(limits.idle_timeout / 3)
        .keep_alive_timeout(limits.header_timeout);
    server
        .serve(router::build(door).into_make_service_with_connect_info::<SocketAddr>())
        .await
}

/// Whether activation keys may be out that somebody relies on: those of registrations that were deleted are good no
/// more anyway.
fn keys_in_use(app: &App) -> bool {
    !app.live_registrations().is_empty()
}

/// The URL that clients use, with a slash at its end.
fn public_url(configured: Option<&str>, address: SocketAddr) -> Result<String, StartError> {
    let Some(text) = configured else {
        return Ok(format!("https://localhost:{}/", address.port()));
    };
    let bare = text.trim_end_matches('/');
    let uri = bare.parse::<axum::http::Uri>().ok();
    let legal = uri.is_some_and(|uri| {
        uri.scheme_str() == Some("https")
            && uri.authority().is_some()
            && matches!(uri.path(), "" | "/")
            && uri.query().is_none()
    });
    if legal {
        Ok(format!("{bare}/"))
    } else {
        Err(StartError::PublicUrl(text.to_owned()))
    }
}

fn obtain(config: &ServerConfig) -> Result<Certificate, TlsError> {
    Certificate::obtain(
        &config.tls,
        &config.names(),
        &config.data_directory,
        config.wall_clock.now(),
    )
}

async fn renew(config: ServerConfig, tls: RustlsConfig) {
    loop {
        tokio::time::sleep(CERTIFICATE_RENEWAL).await;
        let renewed = blocking(&config, |config| Ok(obtain(config)?.into_config()?)).await;
        match renewed {
            Ok(renewed) => tls.reload_from_config(renewed),
            Err(error) => tracing::error!(%error, "the certificate was not renewed; the one in use stays"),
        }
    }
}

async fn renew_signing_keys(door: Arc<Door>) {
    loop {
        tokio::time::sleep(KEY_CHECK_INTERVAL).await;
        let door = Arc::clone(&door);
        if let Err(error) = tokio::task::spawn_blocking(move || door.identity.renew_keys()).await {
            tracing::error!(%error, "the signing keys were not looked after");
        }
    }
}

async fn forget_ended_sessions(door: Arc<Door>) {
    loop {
        door.app.forget_ended_sessions(door.identity.now()).await;
        tokio::time::sleep(SESSIONS_SWEPT_EVERY).await;
    }
}

/// Closes to its end what a server that is gone had begun. Later the server that sends looks after that.
async fn finish_closing(door: Arc<Door>) {
    closing::resume(&door).await;
}

/// Does what reads files or makes keys where it holds nobody up.
async fn blocking<T: Send + 'static>(
    config: &ServerConfig,
    work: impl FnOnce(&ServerConfig) -> Result<T, StartError> + Send + 'static,
) -> Result<T, StartError> {
    let config = config.clone();
    let worked = tokio::task::spawn_blocking(move || work(&config)).await;
    worked.unwrap_or_else(|error| Err(StartError::CutOff(error.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_url_ends_with_a_slash_and_has_no_path() {
        let address = "127.0.0.1:8443".parse().unwrap();
        assert_eq!(public_url(None, address).unwrap(), "https://localhost:8443/");
        for text in ["https://bills.example", "https://bills.example/"] {
            assert_eq!(public_url(Some(text), address).unwrap(), "https://bills.example/");
        }
        for text in [
            "",
            "bills.example",
            "http://bills.example",
            "https://bills.example/x",
            "https://bills.example/?x",
        ] {
            assert!(public_url(Some(text), address).is_err(), "{text}");
        }
    }
}
