//! Usage of a stack without a connection: bundles there, receipts back.
//!
//! ```text
//! stack ──▶ making ──▶ archive ──▶ (carried) ──▶ file ──▶ deliveries
//!           side ◀── receipt ◀── (carried) ◀──────────── platform
//! ```
//!
//! - `key` is what bundles are signed with: made here, and its private part never leaves.
//! - `making` reads the stack hour by hour, each completely or not at all, and writes one file. Broken off, it goes on where
//!   it was.
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
mod receipt;
mod remembered;
mod side;
mod work;

pub use file::{BundleFile, Content};
pub use making::{Exported, Exporting, Step};
pub use placing::write_new;
pub use side::{AcceptedReceipt, BundleOnTheWay, MadeKey, StackSide};
