//! The stacks that delivered, with the registrations in the books. Usage is delivered with the key of a registration, so
//! where there is none, these are not the books under which it was delivered: books and usage are of two moments, and
//! each of them may agree with itself.

use std::collections::HashSet;

use domain::ids::CloudId;

use super::{Checked, Difference, Finding, FoundAt};
use crate::error::StoreError;
use crate::transaction::Transaction;

pub(super) fn check(
    transaction: &dyn Transaction,
    registered: &HashSet<CloudId>,
    checked: &mut Checked,
) -> Result<(), StoreError> {
    let sql = "SELECT cloud_id FROM stack ORDER BY cloud_id";
    let delivered: Vec<CloudId> = transaction.rows(sql, &[], |row| row.get(0))?;
    for stack in delivered {
        checked.examined += 1;
        if !registered.contains(&stack) {
            let at = FoundAt {
                stack: Some(stack),
                ..FoundAt::default()
            };
            checked.add(Finding::new(Difference::BooksMissing, at));
        }
    }
    Ok(())
}
