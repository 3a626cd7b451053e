//! Opening what is behind the door: the store in the data directory, with the catalog that ships with the product.

use std::path::Path;
use std::sync::Arc;

use app::App;
use app::environment::{Clock, Random};
use store::{StoreConfig, StoreError};
use wire::catalog::{self, CatalogError};

use crate::credential;

/// Why the house cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What the store holds cannot be read.
    #[error("{0}")]
    Books(app::Error),
    /// The catalog that ships with the product is not as it should be.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// Opening was cut off.
    #[error("opening was cut off: {0}")]
    CutOff(String),
}

impl From<app::Error> for OpenError {
    fn from(error: app::Error) -> Self {
        Self::Books(error)
    }
}

/// Opens the store in a data directory, or makes one there with the platform's first price list.
///
/// # Errors
/// [`OpenError`]; of them [`StoreError::InUse`] says that another process has it open.
pub async fn open(
    data_directory: &Path,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
) -> Result<App, OpenError> {
    let config = StoreConfig::Sqlite {
        directory: data_directory.join("store"),
    };
    let opened = tokio::task::spawn_blocking(move || store::open(&config)).await;
    let store = opened.map_err(|error| OpenError::CutOff(error.to_string()))??;
    let app = App::open(store, catalog::meters()?, clock, random).await?;
    let first = catalog::first_price_list()?;
    app.publish_first_price_list(first.list, first.prices, first.from)
        .await?;
    Ok(app)
}

/// Admits an operator and returns the credential: nobody will see it again.
///
/// # Errors
/// As the store.
pub async fn admit_operator(app: &App, name: &str) -> Result<String, app::Error> {
    let (text, digest) = credential::generate(app.random());
    app.admit_operator(name, digest).await?;
    Ok(text)
}
