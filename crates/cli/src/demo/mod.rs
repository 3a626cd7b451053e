//! The demonstration: everything, end to end, on a simulated month.

use crate::failure::Failure;
use crate::printer::Printer;

/// What the demonstration can be told.
#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {}

/// Runs the demonstration.
///
/// # Errors
/// If any part of it fails, or a law does not hold.
#[expect(clippy::unused_async, reason = "the demonstration talks to a server")]
pub(crate) async fn run(_args: DemoArgs, _printer: &Printer) -> Result<(), Failure> {
    Err(Failure::new("The demonstration is not there yet."))
}
