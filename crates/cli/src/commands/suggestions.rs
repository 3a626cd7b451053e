//! `tenant suggest`: tenants whose usage of a stack no mapping claims, with the commands that assign it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use client::Client;
use serde::Serialize;
use server::Random as _;
use wire::api::{SuggestedSubscription, TenantSuggestion, UnclaimedHours};

use super::minute;
use super::unmapped::{by_value, list_totals};
use crate::environment::SystemRandom;
use crate::failure::Failure;
use crate::figures::{counted, grouped};
use crate::printer::{Printer, Style};
use crate::shell;
use crate::statement::{stack_in_words, tenant_in_words};

/// What a registration is refused with that its operator has not approved yet.
const NOT_APPROVED: &str = "UnauthorizedCspRegistration";
const HOURS_PER_DAY: i64 = 24;
/// What stands in a command where somebody has to put a name in.
const NAME: &str = "[NAME]";
/// What stands in a command where somebody has to put a partner's id in: the command refuses it.
const PARTNER_ID: &str = "PARTNER-ID";

/// A suggestion with its commands.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Suggested {
    #[serde(flatten)]
    suggestion: TenantSuggestion,
    /// The stack whose commands have to run before, if they create the subscription that these name.
    #[serde(skip_serializing_if = "Option::is_none")]
    created_with: Option<String>,
    /// What adds the tenant from the present hour on, in this order. None if it cannot be added, or is mapped now.
    commands: Vec<String>,
    /// What assigns to it the hours in which it used something and had no mapping, once whatever these need is there.
    backdating_commands: Vec<String>,
}

/// The subscriptions that commands create, by tenant and partner: a tenant is one customer, however many stacks it uses.
type Newcomers = BTreeMap<(String, Option<String>), Newcomer>;

/// A subscription that is created by the commands of a suggestion.
#[derive(Clone)]
struct Newcomer {
    subscription: String,
    /// The stack that the suggestion is of.
    cloud_id: String,
}

/// Lists the suggestions.
///
/// # Errors
/// If the server does not answer.
pub(super) async fn suggest(client: &Client, period: &str, printer: &Printer) -> Result<(), Failure> {
    let mut suggestions = client.tenant_suggestions(period).await?;
    suggestions.sort_by(|a, b| by_value(a.list_value.as_ref(), b.list_value.as_ref()));
    let mut newcomers = Newcomers::new();
    let suggested: Vec<Suggested> = suggestions
        .into_iter()
        .map(|suggestion| Suggested::new(suggestion, &mut newcomers, || SystemRandom.uuid().to_string()))
        .collect();
    printer.show_list(&suggested, || in_words(&suggested, period, printer.style()))?;
    if suggested.iter().any(|it| it.has(NAME)) {
        printer.hint(&format!("Put in who they are for {NAME}."));
    }
    if suggested.iter().any(|it| it.has(PARTNER_ID)) {
        printer.hint(&format!(
            "Put in for {PARTNER_ID} who sells to them: `meterbridge partner list` has the partners."
        ));
    }
    if suggested.iter().any(|it| !it.backdating_commands.is_empty()) {
        printer.hint(
            "A mapping for hours that have passed moves their usage to the customer's statement at once. Look at \
             `meterbridge usage unmapped` before, and tell the customer.",
        );
    }
    Ok(())
}

impl Suggested {
    /// `new_id` makes ids for what has to be created first, so that the later commands can name it, and those of the other
    /// stacks that the tenant uses: what an earlier suggestion creates is in `newcomers`.
    fn new(suggestion: TenantSuggestion, newcomers: &mut Newcomers, new_id: impl Fn() -> String) -> Self {
        let can_be_added = suggestion
            .refused
            .as_ref()
            .is_none_or(|it| it.code == NOT_APPROVED);
        if !can_be_added {
            return Self {
                suggestion,
                created_with: None,
                commands: Vec::new(),
                backdating_commands: Vec::new(),
            };
        }
        let TenantSuggestion {
            cloud_id,
            tenant_id,
            mapped_to,
            unclaimed,
            ..
        } = &suggestion;
        let mut commands = Vec::new();
        if suggestion.refused.is_some() {
            commands.push(format!("meterbridge registration approve {cloud_id}"));
        }
        let (subscription, created_with) = match (mapped_to, best(&suggestion)) {
            (Some(mapped_to), _) => (mapped_to.clone(), None),
            (None, Some(best)) => (best.id.clone(), None),
            (None, None) => created(&suggestion, &mut commands, newcomers, &new_id),
        };
        let backdating = |UnclaimedHours { from, to }: &UnclaimedHours| {
            let to = to.as_ref().map(|to| format!(" --to {to}")).unwrap_or_default();
            format!(
                "meterbridge tenant map {cloud_id} --tenant {tenant_id} --subscription {subscription} --from {from}{to}"
            )
        };
        let backdating_commands = unclaimed.iter().map(backdating).collect();
        if mapped_to.is_none() {
            commands.push(format!(
                "meterbridge tenant add {cloud_id} {subscription} --tenant {tenant_id}"
            ));
        }
        Self {
            suggestion,
            created_with,
            commands,
            backdating_commands,
        }
    }

    /// Whether something has to be put into a command for this.
    fn has(&self, placeholder: &str) -> bool {
        self.commands.iter().any(|command| command.contains(placeholder))
    }

    /// Whether the hours that have passed go on without an end: adding the tenant as well would say nothing more.
    fn reaches_now(&self) -> bool {
        self.suggestion.unclaimed.iter().any(|hours| hours.to.is_none())
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

/// Adds the commands that create who could pay, unless those of another stack do. Gives the id of the subscription, and that
/// stack.
fn created(
    suggestion: &TenantSuggestion,
    commands: &mut Vec<String>,
    newcomers: &mut Newcomers,
    new_id: &impl Fn() -> String,
) -> (String, Option<String>) {
    let tenant = &suggestion.tenant_id;
    let of_tenant = (tenant.clone(), suggestion.partner_id.clone());
    if let Some(newcomer) = newcomers.get(&of_tenant) {
        let Newcomer {
            subscription,
            cloud_id,
        } = newcomer.clone();
        return (subscription, Some(cloud_id));
    }
    let partner = suggestion.partner_id.as_deref().unwrap_or(PARTNER_ID);
    let name = shell::word(suggestion.customer_name.as_deref().unwrap_or(NAME));
    let customer = suggestion.customer_id.clone().unwrap_or_else(|| {
        let id = new_id();
        commands.push(format!(
            "meterbridge customer create --id {id} --name {name} --partner {partner} --tenant {tenant}"
        ));
        id
    });
    let subscription = new_id();
    commands.push(format!(
        "meterbridge subscription create --kind csp --id {subscription} --name {name} --tenant {tenant} --partner {partner} \
         --customer {customer}"
    ));
    let newcomer = Newcomer {
        subscription: subscription.clone(),
        cloud_id: suggestion.cloud_id.clone(),
    };
    newcomers.insert(of_tenant, newcomer);
    (subscription, None)
}

fn in_words(suggested: &[Suggested], period: &str, style: Style) -> String {
    if suggested.is_empty() {
        return format!(
            "Every tenant that used a stack in {period} while it was registered, as far as you may read it, has a mapping \
             for what it used.\n"
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
        "Stack         {}\nTenant        {}\nUnclaimed     from {} to {}, for {} d: {} under {}\nAt list price {value}\n",
        stack_in_words(&it.cloud_id, it.stack_name.as_deref()),
        tenant_in_words(Some(&it.tenant_id), it.customer_name.as_deref()),
        minute(&it.from),
        minute(&it.to),
        it.age_hours / HOURS_PER_DAY,
        counted(it.records, "record"),
        counted(it.local_subscription_ids.len() as u64, "local subscription"),
    );
    if let Some(refused) = &it.refused {
        // Azure's own sentence sends people to write to Azure: here it is a command.
        let why = if refused.code == NOT_APPROVED {
            "The registration is not approved for several tenants. The first command is for the platform's operator."
        } else {
            refused.message.as_str()
        };
        let _ = writeln!(
            text,
            "{} {why} [{}]",
            style.caution("Not as it is:"),
            refused.code
        );
    }
    if let Some(mapped_to) = &it.mapped_to {
        let _ = writeln!(text, "Mapped now to {mapped_to}");
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
    write_commands(&mut text, suggested);
    text
}

fn write_commands(text: &mut String, suggested: &Suggested) {
    let Suggested {
        suggestion,
        created_with,
        commands,
        backdating_commands,
    } = suggested;
    let mut write = |heading: &str, commands: &[String]| {
        if !commands.is_empty() {
            let _ = writeln!(text, "{heading}");
        }
        for command in commands {
            let _ = writeln!(text, "  {command}");
        }
    };
    if suggestion.mapped_to.is_some() {
        write("Before that can be done:", commands);
        write(
            "Assign earlier usage to whom it is mapped now:",
            backdating_commands,
        );
        return;
    }
    match created_with {
        Some(stack) => write(
            &format!("Add it from now on, once the commands for stack {stack} have created who pays:"),
            commands,
        ),
        None => write("Add it from now on:", commands),
    }
    let heading = if suggested.reaches_now() {
        "Or, in place of the last, from its first hour in the period on:"
    } else {
        "And assign what it used before:"
    };
    write(heading, backdating_commands);
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
            "unclaimed": [{ "from": "2026-10-01T00:00:00Z" }],
            "subscriptions": [],
        });
        let members = members.as_object().unwrap().clone();
        suggestion.as_object_mut().unwrap().extend(members);
        one(serde_json::from_value(suggestion).unwrap())
    }

    fn one(suggestion: TenantSuggestion) -> Suggested {
        Suggested::new(suggestion, &mut Newcomers::new(), || "new".to_owned())
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
        let map = format!("meterbridge tenant map {STACK} --tenant {TENANT} --subscription good");
        assert_eq!(
            suggested.backdating_commands,
            [format!("{map} --from 2026-10-01T00:00:00Z")]
        );
    }

    #[test]
    fn what_a_tenant_used_before_it_was_added_would_stay_with_the_default_subscription() {
        let subscriptions = [
            could_pay("good", None, &[]),
            could_pay("mapped", None, &["Known."]),
        ];
        let unclaimed = json!([
            { "from": "2026-10-01T00:00:00Z", "to": "2026-10-02T00:00:00Z" },
            { "from": "2026-10-05T00:00:00Z", "to": "2026-10-09T12:00:00Z" },
        ]);
        let suggested = suggested(
            &json!({ "mappedTo": "mapped", "unclaimed": unclaimed, "subscriptions": subscriptions }),
        );
        assert!(suggested.commands.is_empty(), "it has been added");
        let map = format!("meterbridge tenant map {STACK} --tenant {TENANT} --subscription mapped");
        assert_eq!(
            suggested.backdating_commands,
            [
                format!("{map} --from 2026-10-01T00:00:00Z --to 2026-10-02T00:00:00Z"),
                format!("{map} --from 2026-10-05T00:00:00Z --to 2026-10-09T12:00:00Z"),
            ]
        );
        let text = one_in_words(&suggested, Style::new(false));
        assert!(text.contains("Assign earlier usage"), "{text}");
    }

    #[test]
    fn who_is_not_there_yet_is_created_before() {
        let known = json!({ "customerId": "c", "customerName": "Fjord's bank" });
        let nameless = |members: &Value| {
            let mut suggested = suggested(members);
            suggested.suggestion.partner_id = None;
            one(suggested.suggestion).commands
        };
        let add = format!("meterbridge tenant add {STACK} new --tenant {TENANT}");
        let create = |name: &str, customer: &str| {
            format!(
                "meterbridge subscription create --kind csp --id new --name {name} --tenant {TENANT} --partner {PARTNER} \
                 --customer {customer}"
            )
        };
        assert_eq!(
            suggested(&known).commands,
            [create("\"Fjord's bank\"", "c"), add.clone()]
        );
        let customer = format!(
            "meterbridge customer create --id new --name \"[NAME]\" --partner {PARTNER} --tenant {TENANT}"
        );
        assert_eq!(
            suggested(&json!({})).commands,
            [customer, create("\"[NAME]\"", "new"), add]
        );
        assert!(nameless(&json!({}))[0].contains("--partner PARTNER-ID --tenant"));
    }

    #[test]
    fn a_tenant_of_two_stacks_would_be_created_twice_and_refused_the_second_time() {
        const SOUTH: &str = "0d7c1e9b-3a52-4f86-8b14-6e2f9a0c5d71";
        let ids = std::cell::Cell::new(0);
        let new_id = || {
            ids.set(ids.get() + 1);
            format!("id-{}", ids.get())
        };
        let mut newcomers = Newcomers::new();
        let mut of_stack = |members: &Value| {
            let suggestion = suggested(members).suggestion;
            Suggested::new(suggestion, &mut newcomers, new_id)
        };
        let first = of_stack(&json!({}));
        let [customer, subscription, add] = &first.commands[..] else {
            panic!("customer, subscription, tenant: {:?}", first.commands);
        };
        assert!(customer.contains("customer create --id id-1 "), "{customer}");
        assert!(
            subscription.contains("--id id-2 ") && add.contains(" id-2 "),
            "{add}"
        );
        let second = of_stack(&json!({ "cloudId": SOUTH }));
        assert_eq!(
            second.commands,
            [format!("meterbridge tenant add {SOUTH} id-2 --tenant {TENANT}")]
        );
        assert!(second.backdating_commands[0].contains("--subscription id-2 "));
        let text = one_in_words(&second, Style::new(false));
        assert!(
            text.contains(&format!(
                "once the commands for stack {STACK} have created who pays:\n"
            )),
            "{text}"
        );
        // Who sells to it there is somebody else: that takes a subscription of theirs.
        let other = json!({ "partnerId": "1f0e2d3c-4b5a-4968-8776-95a4b3c2d1e0" });
        assert_eq!(of_stack(&other).commands.len(), 3);
    }

    #[test]
    fn a_command_that_is_pasted_would_redirect_into_a_file_or_run_what_a_name_says() {
        for name in [None, Some("Ops <ops@fjord.example> > all; halt"), Some("$(halt)")] {
            let known = name.map(|name| json!({ "customerId": "c", "customerName": name }));
            for command in suggested(&known.unwrap_or(json!({}))).commands {
                let script = format!("meterbridge() {{ printf '%s\\n' \"$@\"; }}; {command}");
                let folder = tempfile::tempdir().unwrap();
                let ran = std::process::Command::new("sh")
                    .args(["-c", &script])
                    .current_dir(folder.path())
                    .output()
                    .unwrap();
                assert!(
                    ran.status.success() && ran.stderr.is_empty(),
                    "{command}: {ran:?}"
                );
                let words = String::from_utf8(ran.stdout).unwrap();
                if command.contains("--name") {
                    assert!(
                        words.lines().any(|word| word == name.unwrap_or(NAME)),
                        "{command}"
                    );
                }
                assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "{command}");
            }
        }
    }

    #[test]
    fn a_registration_that_takes_no_tenants_is_approved_first_or_said_to_take_none() {
        let mut subscriptions = [could_pay("good", Some(NOT_APPROVED), &[])];
        let refused = json!({ "code": NOT_APPROVED, "message": "Write to azstCSP." });
        subscriptions[0]["refused"] = refused.clone();
        let approvable = suggested(&json!({ "refused": refused, "subscriptions": subscriptions }));
        let text = one_in_words(&approvable, Style::new(false));
        assert!(
            text.contains("not approved for several tenants") && !text.contains("azstCSP"),
            "whoever asks Azure for it waits for nothing: {text}"
        );
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
        assert!(never.commands.is_empty() && never.backdating_commands.is_empty());
        let text = one_in_words(&never, Style::new(false));
        assert!(
            text.contains("It is paid for by capacity. [CustomerSubscriptionsNotAllowed]"),
            "{text}"
        );
    }
}
