//! `tenant suggest`: tenants that use a stack and have no mapping, with the commands that add them.

use std::fmt::Write as _;

use client::Client;
use serde::Serialize;
use server::Random as _;
use wire::api::{SuggestedSubscription, TenantSuggestion};

use super::minute;
use super::unmapped::{by_value, list_totals};
use crate::environment::SystemRandom;
use crate::failure::Failure;
use crate::figures::{counted, grouped};
use crate::printer::{Printer, Style};
use crate::statement::{stack_in_words, tenant_in_words};

/// What a registration is refused with that its operator has not approved yet.
const NOT_APPROVED: &str = "UnauthorizedCspRegistration";
const HOURS_PER_DAY: i64 = 24;

/// A suggestion with its commands.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Suggested {
    #[serde(flatten)]
    suggestion: TenantSuggestion,
    /// What adds the tenant from the present hour on, in this order. None if it cannot be added.
    commands: Vec<String>,
    /// What adds it, in place of the last of these, for all hours in which it used something.
    #[serde(skip_serializing_if = "Option::is_none")]
    backdating_command: Option<String>,
}

/// Lists the suggestions.
///
/// # Errors
/// If the server does not answer.
pub(super) async fn suggest(client: &Client, period: &str, printer: &Printer) -> Result<(), Failure> {
    let mut suggestions = client.tenant_suggestions(period).await?;
    suggestions.sort_by(|a, b| by_value(a.list_value.as_ref(), b.list_value.as_ref()));
    let suggested: Vec<Suggested> = suggestions
        .into_iter()
        .map(|suggestion| Suggested::new(suggestion, || SystemRandom.uuid().to_string()))
        .collect();
    printer.show_list(&suggested, || in_words(&suggested, period, printer.style()))?;
    if suggested.iter().any(|it| it.backdating_command.is_some()) {
        printer.hint(
            "A mapping for hours that have passed moves their usage to the customer's statement at once. Look at \
             `meterbridge usage unmapped` before, and tell the customer.",
        );
    }
    Ok(())
}

impl Suggested {
    /// `new_id` makes ids for what has to be created first, so that the later commands can name it.
    fn new(suggestion: TenantSuggestion, new_id: impl Fn() -> String) -> Self {
        let can_be_added = suggestion
            .refused
            .as_ref()
            .is_none_or(|it| it.code == NOT_APPROVED);
        if !can_be_added {
            return Self {
                suggestion,
                commands: Vec::new(),
                backdating_command: None,
            };
        }
        let mut commands = Vec::new();
        if suggestion.refused.is_some() {
            commands.push(format!(
                "meterbridge registration approve {}",
                suggestion.cloud_id
            ));
        }
        let subscription = match best(&suggestion) {
            Some(subscription) => subscription.id.clone(),
            None => created(&suggestion, &mut commands, &new_id),
        };
        let TenantSuggestion {
            cloud_id,
            tenant_id,
            from,
            ..
        } = &suggestion;
        commands.push(format!(
            "meterbridge tenant add {cloud_id} {subscription} --tenant {tenant_id}"
        ));
        let backdating_command = Some(format!(
            "meterbridge tenant map {cloud_id} --tenant {tenant_id} --subscription {subscription} --from {from}"
        ));
        Self {
            suggestion,
            commands,
            backdating_command,
        }
    }
}

/// The subscription to name: one that is not refused for its own sake, and of several the one with the fewest warnings.
fn best(suggestion: &TenantSuggestion) -> Option<&SuggestedSubscription> {
    let usable = suggestion
        .subscriptions
        .iter()
        .filter(|it| is_usable(it, suggestion));
    usable.min_by_key(|it| it.warnings.len())
}

fn is_usable(subscription: &SuggestedSubscription, suggestion: &TenantSuggestion) -> bool {
    subscription.refused.is_none() || subscription.refused == suggestion.refused
}

/// Adds the commands that create who could pay, and gives the id of the subscription.
fn created(
    suggestion: &TenantSuggestion,
    commands: &mut Vec<String>,
    new_id: &impl Fn() -> String,
) -> String {
    let tenant = &suggestion.tenant_id;
    let partner = suggestion.partner_id.as_deref().unwrap_or("<PARTNER-ID>");
    let customer = suggestion.customer_id.clone().unwrap_or_else(|| {
        let id = new_id();
        commands.push(format!(
            "meterbridge customer create --id {id} --name <NAME> --partner {partner} --tenant {tenant}"
        ));
        id
    });
    let name = suggestion
        .customer_name
        .as_deref()
        .map_or_else(|| "<NAME>".to_owned(), quoted);
    let subscription = new_id();
    commands.push(format!(
        "meterbridge subscription create --kind csp --id {subscription} --name {name} --tenant {tenant} --partner {partner} \
         --customer {customer}"
    ));
    subscription
}

/// A name as shells take it as one word.
fn quoted(name: &str) -> String {
    format!("'{}'", name.replace('\'', "'\\''"))
}

fn in_words(suggested: &[Suggested], period: &str, style: Style) -> String {
    if suggested.is_empty() {
        return format!(
            "Every tenant that used a stack in {period}, as far as you may read it, has a mapping.\n"
        );
    }
    let mut text = String::new();
    for suggested in suggested {
        let _ = writeln!(text, "{}", one_in_words(suggested, style));
    }
    let values = suggested
        .iter()
        .filter_map(|it| it.suggestion.list_value.as_ref());
    for (currency, total) in list_totals(values) {
        let _ = writeln!(
            text,
            "{}  {currency} {}",
            style.bold("All of it, at list price"),
            grouped(&total)
        );
    }
    text
}

fn one_in_words(suggested: &Suggested, style: Style) -> String {
    let it = &suggested.suggestion;
    let value = match (&it.list_value, &it.no_list_value) {
        (Some(value), _) => format!("{} {}", value.currency, grouped(&value.amount)),
        (None, why) => why
            .as_ref()
            .map_or_else(|| "unknown".to_owned(), |why| why.message.clone()),
    };
    let mut text = format!(
        "Stack         {}\nTenant        {}\nUsed          from {} to {}, for {} d: {} under {}\nAt list price {value}\n",
        stack_in_words(&it.cloud_id, it.stack_name.as_deref()),
        tenant_in_words(Some(&it.tenant_id), it.customer_name.as_deref()),
        minute(&it.from),
        minute(&it.to),
        it.age_hours / HOURS_PER_DAY,
        counted(it.records, "record"),
        counted(it.local_subscription_ids.len() as u64, "local subscription"),
    );
    if let Some(refused) = &it.refused {
        let _ = writeln!(
            text,
            "{} {} [{}]",
            style.caution("Not as it is:"),
            refused.message,
            refused.code
        );
    }
    for subscription in &it.subscriptions {
        let _ = writeln!(text, "Could pay     {}, {}", subscription.name, subscription.id);
        let refused = subscription
            .refused
            .as_ref()
            .filter(|why| it.refused.as_ref() != Some(*why));
        if let Some(why) = refused {
            let _ = writeln!(text, "              not as it is: {} [{}]", why.message, why.code);
        }
        for warning in &subscription.warnings {
            let _ = writeln!(text, "              {warning}");
        }
    }
    if !suggested.commands.is_empty() {
        let _ = writeln!(text, "Add it from now on:");
    }
    for command in &suggested.commands {
        let _ = writeln!(text, "  {command}");
    }
    if let Some(command) = &suggested.backdating_command {
        let _ = writeln!(
            text,
            "Or, in place of the last, from its first hour in the period on:\n  {command}"
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use serde_json::value::Value;

    use super::*;

    const STACK: &str = "5bf881b2-6be7-42a1-9f47-d6fcb6737747";
    const TENANT: &str = "9e3c1d5a-2f64-4b6e-8d07-3a1b5c7d9e0f";
    const PARTNER: &str = "70a1c2f0-4f8c-4df5-9a51-2d2b1c0e8a11";

    fn suggested(members: &Value) -> Suggested {
        let mut suggestion = json!({
            "cloudId": STACK, "stackName": "AzureStack-North", "tenantId": TENANT, "partnerId": PARTNER,
            "defaultSubscriptionId": "0c3f1bd2-9c7e-4d1a-8a55-0a4a6a1c2f10",
            "localSubscriptionIds": ["2d1b5c7d-9e0f-4a6e-8d07-3a1b5c7d9e0f"],
            "from": "2026-10-01T00:00:00Z", "to": "2026-10-16T14:00:00Z", "ageHours": 1230, "records": 2,
            "subscriptions": [],
        });
        let members = members.as_object().unwrap().clone();
        suggestion.as_object_mut().unwrap().extend(members);
        Suggested::new(serde_json::from_value(suggestion).unwrap(), || "new".to_owned())
    }

    fn could_pay(id: &str, refused: Option<&str>, warnings: &[&str]) -> Value {
        let refused = refused.map(|code| json!({ "code": code, "message": "No." }));
        json!({ "id": id, "name": "Shop", "refused": refused, "warnings": warnings })
    }

    #[test]
    fn the_commands_name_the_subscription_that_costs_least_trouble() {
        let subscriptions = [
            could_pay("suspended", Some("InvalidCustomerSubscriptionId"), &[]),
            could_pay("of-another", None, &["Another tenant loses its mapping."]),
            could_pay("good", None, &[]),
        ];
        let suggested = suggested(&json!({ "customerName": "Fjordbank", "subscriptions": subscriptions }));
        assert_eq!(
            suggested.commands,
            [format!("meterbridge tenant add {STACK} good --tenant {TENANT}")]
        );
        assert_eq!(
            suggested.backdating_command.unwrap(),
            format!(
                "meterbridge tenant map {STACK} --tenant {TENANT} --subscription good --from 2026-10-01T00:00:00Z"
            )
        );
    }

    #[test]
    fn who_is_not_there_yet_is_created_before() {
        let known = json!({ "customerId": "c", "customerName": "Fjord's bank" });
        let add = format!("meterbridge tenant add {STACK} new --tenant {TENANT}");
        let create = |name: &str, customer: &str| {
            format!(
                "meterbridge subscription create --kind csp --id new --name {name} --tenant {TENANT} --partner {PARTNER} \
                 --customer {customer}"
            )
        };
        assert_eq!(
            suggested(&known).commands,
            [create(r"'Fjord'\''s bank'", "c"), add.clone()]
        );
        let customer = format!(
            "meterbridge customer create --id new --name <NAME> --partner {PARTNER} --tenant {TENANT}"
        );
        assert_eq!(
            suggested(&json!({})).commands,
            [customer, create("<NAME>", "new"), add]
        );
    }

    #[test]
    fn a_registration_that_takes_no_tenants_is_approved_first_or_said_to_take_none() {
        let subscriptions = [could_pay("good", Some(NOT_APPROVED), &[])];
        let refused = json!({ "code": NOT_APPROVED, "message": "No." });
        let approvable = suggested(&json!({ "refused": refused, "subscriptions": subscriptions }));
        assert_eq!(
            approvable.commands,
            [
                format!("meterbridge registration approve {STACK}"),
                format!("meterbridge tenant add {STACK} good --tenant {TENANT}"),
            ]
        );
        let refused =
            json!({ "code": "CustomerSubscriptionsNotAllowed", "message": "It is paid for by capacity." });
        let never = suggested(&json!({ "refused": refused }));
        assert!(never.commands.is_empty() && never.backdating_command.is_none());
        let text = one_in_words(&never, Style::new(false));
        assert!(
            text.contains("It is paid for by capacity. [CustomerSubscriptionsNotAllowed]"),
            "{text}"
        );
    }
}
