//! Another credential in place of one that the server does not accept any more.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::Credential;

/// Somebody proves again who they are. Nothing, if that is not possible.
pub type Renewing = Pin<Box<dyn Future<Output = Option<Credential>> + Send>>;

/// How another credential is got. It is asked for once: all clones of a client go on with what was got.
#[derive(Clone)]
pub(crate) struct Renewal(Arc<Inner>);

struct Inner {
    ask: Box<dyn Fn() -> Renewing + Send + Sync>,
    got: OnceCell<Option<Credential>>,
}

impl Renewal {
    pub(crate) fn new(ask: impl Fn() -> Renewing + Send + Sync + 'static) -> Self {
        let ask = Box::new(ask);
        Self(Arc::new(Inner {
            ask,
            got: OnceCell::new(),
        }))
    }

    /// What was got before.
    pub(crate) fn known(&self) -> Option<&Credential> {
        self.0.got.get()?.as_ref()
    }

    /// What was got, now or before.
    pub(crate) async fn get(&self) -> Option<&Credential> {
        let Inner { ask, got } = &*self.0;
        got.get_or_init(ask).await.as_ref()
    }
}

impl fmt::Debug for Renewal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Renewal(…)")
    }
}
