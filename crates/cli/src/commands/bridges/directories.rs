//! `bridge admit-directory` and `bridge remove-directory`.

use bridge::{Admission, DirectoryAdmin, DirectoryName};
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
    /// Its tenant and its resource, unless the stack knows of neither.
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_id: Option<&'a str>,
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
    let name = DirectoryName::read(&tenant).map_err(refused)?;
    let admin = connected(&config, stack).await?;
    let plan = admin.plan(&name).await.map_err(refused)?;
    let is_admitted = plan.is_admitted();
    if !is_admitted {
        printer.request(&what_is_admitted(&plan));
        agreed("Admit it?", yes)?;
        admin.admit(&plan).await.map_err(refused)?;
    }
    let outcome = Outcome {
        domain: &plan.domain,
        tenant_id: Some(&plan.tenant_id),
        resource_id: Some(&plan.resource_id),
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

/// Admits a directory no longer. Where it is not admitted there is nothing to do.
///
/// # Errors
/// If the stack refuses, or nobody agrees.
pub(super) async fn remove(args: GuestDirectoryArgs, printer: &Printer) -> Result<(), Failure> {
    let GuestDirectoryArgs {
        tenant,
        yes,
        config,
        stack,
    } = args;
    let admin = connected(&config, stack).await?;
    let admitted = admin.admitted().await.map_err(refused)?;
    let Some(found) = admin.called(&tenant, &admitted).await.map_err(refused)? else {
        let names: Vec<&str> = admitted.iter().map(|it| it.name.as_str()).collect();
        return nothing_to_remove(&tenant, &names, printer);
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
        tenant_id: Some(tenant_id),
        resource_id: Some(&found.id),
        admitted: false,
        changed,
    };
    printer.show(&outcome, || format!("{} is not admitted any more.", found.name))
}

fn nothing_to_remove(tenant: &str, admitted: &[&str], printer: &Printer) -> Result<(), Failure> {
    let outcome = Outcome {
        domain: tenant,
        tenant_id: None,
        resource_id: None,
        admitted: false,
        changed: false,
    };
    printer.show(&outcome, || {
        format!("The stack admits no directory {tenant}: nothing was changed.")
    })?;
    if admitted.is_empty() {
        printer.hint("It admits none.");
    } else {
        printer.hint(&format!("It admits {}.", admitted.join(", ")));
    }
    Ok(())
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
