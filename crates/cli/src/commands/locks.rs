//! `lock`: what nobody may delete or change.

use client::Client;
use serde::Serialize;
use wire::arm::authorization::{Lock, LockProperties, PutLock};

use super::or_dash;
use crate::args::{LockCommand, LockLevel};
use crate::failure::Failure;
use crate::printer::Printer;
use crate::table::{Listing, left};

const LOCKS: Listing<Lock> = Listing(&[
    (left("LOCK"), |it| it.name.clone()),
    (left("KEEPS FROM"), |it| {
        level_in_words(&it.properties.level).to_owned()
    }),
    (left("SCOPE"), |it| scope(&it.id).to_owned()),
    (left("NOTES").wraps(), |it| {
        or_dash(it.properties.notes.as_deref())
    }),
]);

/// A lock was removed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Removed<'a> {
    name: &'a str,
    scope: &'a str,
    removed: bool,
}

impl LockLevel {
    /// As Azure writes it.
    const fn name(self) -> &'static str {
        match self {
            Self::CannotDelete => "CanNotDelete",
            Self::ReadOnly => "ReadOnly",
        }
    }
}

fn level_in_words(level: &str) -> &str {
    match level {
        "CanNotDelete" => "deleting",
        "ReadOnly" => "changing and deleting",
        other => other,
    }
}

/// The scope that a lock's resource id begins with.
fn scope(id: &str) -> &str {
    match id.split_once("/providers/Microsoft.Authorization/locks/") {
        Some(("", _)) => "/",
        Some((scope, _)) => scope,
        None => id,
    }
}

pub(super) async fn lock(client: &Client, command: LockCommand, printer: &Printer) -> Result<(), Failure> {
    match command {
        LockCommand::Create {
            name,
            level,
            notes,
            replace,
            scope,
        } => {
            let properties = LockProperties {
                level: level.name().to_owned(),
                notes,
            };
            let scope = scope.scope.or_everywhere();
            if !replace {
                check_other_level(client, &scope, &name, level).await?;
            }
            let set = client.put_lock(&scope, &name, &PutLock { properties }).await?;
            LOCKS.show_one(&set.value, printer)
        }
        LockCommand::List(scope) => LOCKS.show(&client.locks(&scope.scope.or_everywhere()).await?, printer),
        LockCommand::Delete { name, scope } => {
            delete(client, &scope.scope.or_everywhere(), &name, printer).await
        }
    }
}

/// Refuses to make another lock of one that is there.
async fn check_other_level(client: &Client, at: &str, name: &str, level: LockLevel) -> Result<(), Failure> {
    let locks = client.locks(at).await?;
    let known = locks
        .iter()
        .find(|it| it.name.eq_ignore_ascii_case(name) && scope(&it.id).eq_ignore_ascii_case(at));
    match known.map(|it| it.properties.level.as_str()) {
        Some(other) if !other.eq_ignore_ascii_case(level.name()) => Err(Failure::new(format!(
            "The lock {name} is at {at} already, and keeps everybody from {}. Nothing was changed.",
            level_in_words(other)
        ))
        .coded("LockExists")
        .hint(format!(
            "To keep them from {} instead, repeat the command with --replace; for both, choose another name.",
            level_in_words(level.name())
        ))),
        _ => Ok(()),
    }
}

async fn delete(client: &Client, scope: &str, name: &str, printer: &Printer) -> Result<(), Failure> {
    if !client.delete_lock(scope, name).await? {
        return Err(Failure::new(format!(
            "There is no lock {name} at {scope}. Nothing was changed."
        ))
        .coded("LockNotFound")
        .hint(format!(
            "`meterbridge lock list --scope {scope}` lists those that there are."
        )));
    }
    let removed = Removed {
        name,
        scope,
        removed: true,
    };
    printer.show(&removed, || format!("{scope} is not locked by {name} any more."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scope_of_a_lock_is_what_its_id_begins_with() {
        let lock = "/providers/Microsoft.Authorization/locks/keep";
        assert_eq!(scope(&format!("/subscriptions/s{lock}")), "/subscriptions/s");
        assert_eq!(scope(lock), "/");
    }
}
