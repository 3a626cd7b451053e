//! Usage of a stack without a connection: bundles there, receipts back.
//!
//! ```text
//! stack ──▶ reading ──▶ making ──▶ archive ──▶ (carried) ──▶ file ──▶ deliveries
//!                       side ◀── receipt ◀── (carried) ◀──────────── platform
//! ```
//!
//! - `key` is what bundles are signed with: made here, and its private part never leaves.
//! - `window` says which hours are next, `reading` reads the stack hour by hour, each completely or not at all, and `making`
//!   writes one file. Broken off, it goes on where it was.
//! - `placing` gives files that are carried away their names.
//! - `archive` is that file: a tar whose layout follows from the manifest, so that nothing else can be in it.
//! - `file` is how the other side reads it, strictly.
//! - `side` remembers which bundles were made, and by `receipt` which have arrived.

mod archive;
mod file;
mod key;
mod making;
mod packing;
mod placing;
mod reading;
mod receipt;
mod remembered;
mod side;
mod window;
mod work;

pub use file::{BundleFile, Content};
pub use making::{Exported, Exporting};
pub use placing::write_new;
pub use reading::Step;
pub(crate) use reading::unlisted;
pub(crate) use side::are_made_in;
pub use side::{AcceptedReceipt, BundleOnTheWay, MadeKey, StackSide};
