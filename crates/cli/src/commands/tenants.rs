//! `tenant`.

use client::Client;
use wire::api::{MapTenant, MappingVersion};
use wire::azure_stack::CustomerSubscription;

use super::{live_registration, minute, pass_on_warnings};
use crate::args::TenantCommand;
use crate::failure::Failure;
use crate::printer::Printer;
use crate::table::{Table, left, right};

pub(super) async fn tenant(
    client: &Client,
    command: TenantCommand,
    printer: &Printer,
) -> Result<(), Failure> {
    match command {
        TenantCommand::Add {
            stack,
            subscription,
            tenant,
        } => {
            let at = live_registration(client, &stack.cloud_id).await?;
            let answered = client.add_tenant(&at, &subscription, tenant.as_deref()).await?;
            let added = pass_on_warnings(answered, printer);
            printer.show(&added, || tenants_table(std::slice::from_ref(&added)))
        }
        TenantCommand::Remove { stack, subscription } => {
            let at = live_registration(client, &stack.cloud_id).await?;
            client.remove_tenant(&at, &subscription).await?;
            printer.note(&format!(
                "Subscription {subscription} pays for no tenant of the stack any more; later usage falls to {}.",
                at.subscription_id
            ));
            Ok(())
        }
        TenantCommand::List(stack) => {
            let tenants = client
                .tenants(&live_registration(client, &stack.cloud_id).await?)
                .await?;
            printer.show_list(&tenants, || tenants_table(&tenants))
        }
        TenantCommand::Map {
            stack,
            tenant,
            subscription,
            unmapped: _,
            from,
            to,
        } => {
            let request = MapTenant {
                tenant_id: tenant,
                subscription_id: subscription,
                valid_from: from,
                valid_to: to,
            };
            let recorded = pass_on_warnings(client.map_tenant(&stack.cloud_id, &request).await?, printer);
            printer.show(&recorded, || history_table(std::slice::from_ref(&recorded)))?;
            printer.hint(&format!(
                "Show all versions with `meterbridge tenant history {}`.",
                stack.cloud_id
            ));
            Ok(())
        }
        TenantCommand::History(stack) => {
            let versions = client.mapping_history(&stack.cloud_id).await?;
            printer.show_list(&versions, || history_table(&versions))
        }
    }
}

fn tenants_table(tenants: &[CustomerSubscription]) -> String {
    let mut table = Table::new(&[left("TENANT"), left("SUBSCRIPTION")]);
    for mapped in tenants {
        let subscription = mapped.name.rsplit('/').next().unwrap_or(&mapped.name);
        table.row([mapped.properties.tenant_id.as_str(), subscription]);
    }
    table.to_string()
}

fn history_table(versions: &[MappingVersion]) -> String {
    let columns = [
        right("ENTRY"),
        left("TENANT"),
        left("SUBSCRIPTION"),
        left("FROM"),
        left("TO"),
        left("RECORDED"),
        left("BY"),
    ];
    let mut table = Table::new(&columns);
    for version in versions {
        table.row([
            version.entry.to_string(),
            version.tenant_id.clone(),
            version
                .subscription_id
                .clone()
                .unwrap_or_else(|| "none: the default pays".to_owned()),
            minute(&version.valid_from),
            version.valid_to.as_deref().map_or_else(|| "-".to_owned(), minute),
            minute(&version.recorded_at),
            version.recorded_by.clone(),
        ]);
    }
    table.to_string()
}
