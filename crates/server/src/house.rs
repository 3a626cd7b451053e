//! Opening what is behind the door: the store in the data directory, with the catalog that ships with the product.

use std::path::Path;
use std::sync::Arc;

use app::access::Caller;
use app::environment::{Clock, Random};
use app::identity::{NewDirectory, NewUser};
use app::{App, Error, Kind};
use domain::authorization::{PartnerRole, PrincipalKind};
use domain::identity::{Directory, DirectoryOwner, DomainName, UserName};
use domain::ids::{CloudId, OperatorId};
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
    Books(Error),
    /// There is usage of stacks that the books do not know.
    #[error(
        "the store holds usage of {} that its books know no registration of: the books are empty or older than the usage, or \
         were copied without what was written last",
        stacks_in_words(.0)
    )]
    BooksMissing(Vec<CloudId>),
    /// The catalog that ships with the product is not as it should be.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// Opening was cut off.
    #[error("opening was cut off: {0}")]
    CutOff(String),
}

fn stacks_in_words(stacks: &[CloudId]) -> String {
    match stacks {
        [one] => format!("stack {one}"),
        [first, ..] => format!("{} stacks, {first} among them,", stacks.len()),
        [] => "no stack".to_owned(),
    }
}

impl From<Error> for OpenError {
    fn from(error: Error) -> Self {
        Self::Books(error)
    }
}

/// Where a data directory keeps what is remembered, unless that is kept elsewhere.
#[must_use]
pub fn embedded_store(data_directory: &Path) -> StoreConfig {
    StoreConfig::in_folder(data_directory.join("store"))
}

/// Opens a store; an empty one gets the platform's first price list.
///
/// # Errors
/// As [`open_made`], or as the store.
pub async fn open(
    store: StoreConfig,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
) -> Result<App, OpenError> {
    let app = open_made(store, clock, random).await?;
    let first = catalog::first_price_list()?;
    app.publish_first_price_list(first.list, first.prices, first.from)
        .await?;
    Ok(app)
}

/// Whether there is anything of a store: opening makes one where there is nothing. What cannot be seen may be there.
pub async fn is_made(store: StoreConfig) -> bool {
    let looked = tokio::task::spawn_blocking(move || store::is_made(&store)).await;
    !matches!(looked, Ok(Ok(false)))
}

/// Opens a store that should not be empty. Nothing is entered in one that is: it may be what a platform is yet to be brought
/// to.
///
/// # Errors
/// [`OpenError`]; of them [`StoreError::InUse`] says that another process has it open, and [`OpenError::BooksMissing`]
/// that books and usage do not belong together. Nothing is written then.
pub async fn open_made(
    store: StoreConfig,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
) -> Result<App, OpenError> {
    let opened = tokio::task::spawn_blocking(move || store::open(&store)).await;
    let store = opened.map_err(|error| OpenError::CutOff(error.to_string()))??;
    let app = App::open(store, catalog::meters()?, clock, random).await?;
    let unknown = app.stacks_unknown_to_the_books().await?;
    if !unknown.is_empty() {
        return Err(OpenError::BooksMissing(unknown));
    }
    Ok(app)
}

/// What the platform's own directory is called, until it is given another name.
const HOME: &str = "Meterbridge";

/// The domain of a directory of the platform's own: of the one that there is, or of one that is made with this domain.
///
/// # Errors
/// `InvalidDomain`, `DomainTaken`, or as the store.
pub async fn make_home_directory(app: &App, domain: &str) -> Result<String, Error> {
    Ok(home_directory(app, domain).await?.domain.to_string())
}

/// Makes a user in a directory of the platform's own who operates the platform: `anna`, or with the domain. Gives the
/// whole name. The directory is made if there is none.
///
/// # Errors
/// `InvalidUserName`, `UserNameTaken`, `UserNameOutsideDomain`, `InvalidPassword`, or as the store.
pub async fn admit_operator_user(
    app: &App,
    domain: &str,
    name: &str,
    password: String,
) -> Result<String, Error> {
    let domain = name.split_once('@').map_or(domain, |(_, domain)| domain);
    let home = home_directory(app, domain).await?;
    let name = if name.contains('@') {
        name.to_owned()
    } else {
        format!("{name}@{}", home.domain)
    };
    let name: UserName = name
        .parse()
        .map_err(|error| invalid("InvalidUserName", "user", &name, &error))?;
    let user = NewUser {
        directory: home.id,
        display_name: name.to_string(),
        name,
        password,
    };
    let user = app.create_user(&HOUSE, user).await?;
    let role = PartnerRole::PlatformOperator;
    app.assign_partner_role(&HOUSE, role, user.id, Some(PrincipalKind::User))
        .await?;
    Ok(user.name.to_string())
}

/// Whoever is at the machine that holds the data. The books name nobody for what is done there.
const HOUSE: Caller = Caller::Operator {
    id: OperatorId::from_bytes([0; 16]),
    name: String::new(),
};

async fn home_directory(app: &App, domain: &str) -> Result<Directory, Error> {
    let domain: DomainName = domain
        .parse()
        .map_err(|error| invalid("InvalidDomain", "domain", domain, &error))?;
    let mut homes = app.directories(&HOUSE, None, usize::MAX);
    homes.retain(|known| known.owner == DirectoryOwner::Platform);
    let named = homes.iter().position(|home| home.domain == domain);
    if !homes.is_empty() {
        return Ok(homes.swap_remove(named.unwrap_or_default()));
    }
    let home = NewDirectory {
        id: None,
        name: HOME.to_owned(),
        domain,
        owner: DirectoryOwner::Platform,
    };
    app.create_directory(&HOUSE, home).await
}

fn invalid(code: &'static str, target: &'static str, text: &str, error: &dyn std::fmt::Display) -> Error {
    Error::new(Kind::Invalid, code, format!("The {target} is '{text}': {error}.")).about(target)
}

/// Admits the first operator of a platform and returns the credential; none, and nothing is entered, if the platform has
/// an operator already.
///
/// # Errors
/// As the store.
pub async fn admit_first_operator(app: &App, name: &str) -> Result<Option<String>, Error> {
    let (text, digest) = credential::generate(app.random());
    let is_first = app.admit_first_operator(name, digest).await?;
    Ok(is_first.then_some(text))
}

/// Admits an operator and returns the credential: nobody will see it again.
///
/// # Errors
/// As the store.
pub async fn admit_operator(app: &App, name: &str) -> Result<String, Error> {
    let (text, digest) = credential::generate(app.random());
    app.admit_operator(name, digest).await?;
    Ok(text)
}
