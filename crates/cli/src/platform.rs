//! Whether a store and a data directory are of one platform.

use std::path::Path;

use server::{App, Origin, StoreConfig};

use crate::configuration::FILE;
use crate::failure::Failure;

/// A data directory whose store is its own platform's, as far as it says.
pub(crate) struct Belonging<'d> {
    data: &'d Path,
    platform: Origin,
    is_said: bool,
}

impl<'d> Belonging<'d> {
    /// Of an open store and a data directory.
    ///
    /// # Errors
    /// `OtherPlatform`, if the directory is of another platform than the store; or if one of them cannot be read.
    pub(crate) async fn of(app: &App, store: &StoreConfig, data: &'d Path) -> Result<Self, Failure> {
        let file = Origin::file_in(data);
        let said = Origin::of_directory(data).map_err(|error| Failure::file(&file, &error))?;
        let platform = Origin::of_store(app).await;
        let platform =
            platform.map_err(|error| Failure::new("The store cannot be read.").because(error.to_string()))?;
        if said.as_ref().is_some_and(|said| *said != platform) {
            return Err(other_platform(store, data));
        }
        Ok(Self {
            data,
            platform,
            is_said: said.is_some(),
        })
    }

    /// Has the directory say of which platform it is, if it does not.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn write_down(&self) -> Result<(), Failure> {
        if self.is_said {
            return Ok(());
        }
        let written = self.platform.write_to(self.data);
        written.map_err(|error| Failure::file(&Origin::file_in(self.data), &error))
    }
}

fn other_platform(store: &StoreConfig, data: &Path) -> Failure {
    let file = Origin::file_in(data);
    let data = data.display();
    Failure::new(format!(
        "{data} is the data directory of another platform than the store is of, and its keys are not those of this store: \
         {store}."
    ))
    .coded("OtherPlatform")
    .hint(format!(
        "Name the store that belongs to the directory, as --store, as METERBRIDGE_STORE or in {data}/{FILE}; or the data \
         directory that belongs to the store. Only where that store was made anew after an `init` that was cut off, remove \
         {} and run `meterbridge init` again.",
        file.display()
    ))
}
