//! `bridge admit-directory` and `bridge remove-directory`.

use bridge::{Admission, DirectoryAdmin};
use serde::Serialize;

use super::{configuration, environment, refused};
use crate::agreement::agreed;
use crate::args::{BridgeStackArgs, ConfigArgs, GuestDirectoryArgs};
use crate::failure::Failure;
use crate::printer::Printer;

/// What became of a guest directory.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome<'a> {
    domain: &'a str,
    tenant_id: &'a str,
    resource_id: &'a str,
    /// Whether the stack admits it now.
    admitted: bool,
    /// Whether anything was changed.
    changed: bool,
}

/// Admits a directory.
///
/// # Errors
/// If there is none, the stack refuses, or nobody agrees.
pub(super) async fn admit(args: GuestDirectoryArgs, printer: &Printer) -> Result<(), Failure> {
    let GuestDirectoryArgs {
        tenant,
        yes,
        config,
        stack,
    } = args;
    let admin = connected(&config, stack).await?;
    let plan = admin.plan(&tenant).await.map_err(refused)?;
    let is_admitted = plan.admitted_as.as_ref() == Some(&plan.tenant_id);
    if !is_admitted {
        printer.request(&what_is_admitted(&plan));
        agreed("Admit it?", yes)?;
        admin.admit(&plan).await.map_err(refused)?;
    }
    let outcome = Outcome {
        domain: &plan.domain,
        tenant_id: &plan.tenant_id,
        resource_id: &plan.resource_id,
        admitted: true,
        changed: !is_admitted,
    };
    printer.show(&outcome, || {
        if is_admitted {
            format!(
                "{} is admitted already, as tenant {}: nothing was changed.",
                plan.domain, plan.tenant_id
            )
        } else {
            format!("{} is admitted, as tenant {}.", plan.domain, plan.tenant_id)
        }
    })?;
    printer.hint(
        "An administrator of that directory has to register the stack there; usage of its tenants is charged where \
         `meterbridge tenant add` says.",
    );
    Ok(())
}

/// Admits a directory no longer.
///
/// # Errors
/// If it is not admitted, the stack refuses, or nobody agrees.
pub(super) async fn remove(args: GuestDirectoryArgs, printer: &Printer) -> Result<(), Failure> {
    let GuestDirectoryArgs {
        tenant,
        yes,
        config,
        stack,
    } = args;
    let admin = connected(&config, stack).await?;
    let admitted = admin.admitted().await.map_err(refused)?;
    let is_it = |name: &str, id: &str| name.eq_ignore_ascii_case(&tenant) || id.eq_ignore_ascii_case(&tenant);
    let Some(found) = admitted
        .iter()
        .find(|it| is_it(&it.name, &it.properties.tenant_id))
    else {
        let names: Vec<&str> = admitted.iter().map(|it| it.name.as_str()).collect();
        let hint = if names.is_empty() {
            "It admits none.".to_owned()
        } else {
            format!("It admits {}.", names.join(", "))
        };
        return Err(Failure::new(format!("The stack admits no directory {tenant}."))
            .coded("DirectoryNotAdmitted")
            .hint(hint));
    };
    let tenant_id = &found.properties.tenant_id;
    printer.request(&format!(
        "This removes {} from the stack. Whoever signs in with an account of {} (tenant {tenant_id}) is no longer let in; \
         what runs there goes on and is charged as before.",
        found.id, found.name
    ));
    agreed("Remove it?", yes)?;
    let changed = admin.remove(&found.name).await.map_err(refused)?;
    let outcome = Outcome {
        domain: &found.name,
        tenant_id,
        resource_id: &found.id,
        admitted: false,
        changed,
    };
    printer.show(&outcome, || format!("{} is not admitted any more.", found.name))
}

async fn connected(config: &ConfigArgs, stack: BridgeStackArgs) -> Result<DirectoryAdmin, Failure> {
    let address = configuration::of_stack(config, stack)?;
    DirectoryAdmin::connect(&address, &environment())
        .await
        .map_err(refused)
}

fn what_is_admitted(plan: &Admission) -> String {
    let Admission {
        domain,
        tenant_id,
        region,
        resource_id,
        admitted_as,
    } = plan;
    let made = format!(
        "This makes {resource_id} in region {region}: accounts of {domain} (tenant {tenant_id}) can be given subscriptions of the stack."
    );
    match admitted_as {
        None => made,
        Some(other) => format!("{made} It replaces tenant {other}, as which {domain} is admitted now."),
    }
}
