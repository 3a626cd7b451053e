//! Mapping a tenant from an hour on: what it moves, from whom to whom, and what it costs is shown before it is done.

use client::Client;
use wire::api::{BillDifference, MapTenant, MappingPreview, MovedUsage, SettledBy};

use super::{HISTORY, not_mapped};
use crate::agreement::agreed;
use crate::commands::pass_on_warnings;
use crate::failure::Failure;
use crate::figures::{count, grouped};
use crate::invoice::{buyer_in_words, seller_in_words};
use crate::printer::Printer;
use crate::table::{Table, left, right};

/// Shows what a mapping would move.
pub(super) async fn show(
    client: &Client,
    cloud_id: &str,
    request: &MapTenant,
    printer: &Printer,
) -> Result<(), Failure> {
    let preview = client.preview_mapping(cloud_id, request).await;
    let preview = preview.map_err(|error| not_mapped(error, cloud_id))?;
    let preview = pass_on_warnings(preview, printer);
    printer.show(&preview, || in_words(&preview))
}

/// Shows what a mapping moves, and makes it if that is agreed to. Nobody is asked about one that moves nothing.
pub(super) async fn agree(
    client: &Client,
    cloud_id: &str,
    request: &MapTenant,
    yes: bool,
    printer: &Printer,
) -> Result<(), Failure> {
    let preview = client.preview_mapping(cloud_id, request).await;
    // What it is warned of is said when it is made.
    let preview = preview.map_err(|error| not_mapped(error, cloud_id))?.value;
    if yes || moves_nothing(&preview) {
        printer.note(in_words(&preview).trim_end());
    } else {
        printer.request(in_words(&preview).trim_end());
        agreed("Map the tenant?", false)?;
    }
    enter(client, cloud_id, request, printer).await
}

/// Makes a mapping, and asks before that only if it changes what closed months cost.
pub(super) async fn agree_if_closed(
    client: &Client,
    cloud_id: &str,
    request: &MapTenant,
    yes: bool,
    printer: &Printer,
) -> Result<(), Failure> {
    if !yes {
        let preview = client.preview_mapping(cloud_id, request).await;
        let preview = preview.map_err(|error| not_mapped(error, cloud_id))?.value;
        if reaches_into_closed_months(&preview) {
            printer.request(in_words(&preview).trim_end());
            agreed(
                "Map the tenant, and set closed months right by corrections?",
                false,
            )?;
        }
    }
    enter(client, cloud_id, request, printer).await
}

/// Makes a mapping, and shows the version that holds then.
pub(super) async fn enter(
    client: &Client,
    cloud_id: &str,
    request: &MapTenant,
    printer: &Printer,
) -> Result<(), Failure> {
    let answered = client.map_tenant(cloud_id, request).await;
    let answered = answered.map_err(|error| not_mapped(error, cloud_id))?;
    let holds = pass_on_warnings(answered, printer);
    HISTORY.show_one(&holds, printer)?;
    printer.hint(&format!(
        "Show all versions with `meterbridge tenant history {cloud_id}`."
    ));
    Ok(())
}

fn reaches_into_closed_months(preview: &MappingPreview) -> bool {
    let mut differences = preview.differences.iter();
    differences.any(|it| it.settled == SettledBy::Corrections)
}

fn moves_nothing(preview: &MappingPreview) -> bool {
    preview.moved.is_empty() && preview.differences.is_empty() && !preview.withheld
}

fn in_words(preview: &MappingPreview) -> String {
    if moves_nothing(preview) {
        return "Nothing that was used so far is charged to anybody else by it.\n".to_owned();
    }
    let mut text = String::new();
    if !preview.moved.is_empty() {
        text.push_str(&format!(
            "Usage that somebody else would pay for\n\n{}\n",
            moved_table(&preview.moved)
        ));
    }
    if !preview.differences.is_empty() {
        text.push_str(&format!(
            "Bills that would change\n\n{}\n",
            differences_table(&preview.differences)
        ));
    }
    if preview.withheld {
        text.push_str("More would change that you do not read: usage or bills of others.\n");
    }
    text
}

/// A line for each month, pair of payers and meter; the records are those of all meters together.
fn moved_table(moved: &[MovedUsage]) -> String {
    let columns = [
        left("MONTH"),
        left("PAYS NOW"),
        left("WOULD PAY"),
        right("RECORDS"),
        left("METER"),
        right("QUANTITY"),
        left("UNIT"),
    ];
    let mut table = Table::new(&columns);
    for it in moved {
        let named = |name: &Option<String>, id: &String| name.as_ref().unwrap_or(id).clone();
        for (number, used) in it.used.iter().enumerate() {
            let once = |text: String| if number == 0 { text } else { String::new() };
            table.row([
                once(it.period.clone()),
                once(named(&it.from_subscription_name, &it.from_subscription_id)),
                once(named(&it.to_subscription_name, &it.to_subscription_id)),
                once(count(it.records)),
                named(&used.local_meter_name, &used.local_meter_id),
                grouped(&used.quantity),
                used.unit.clone().unwrap_or_default(),
            ]);
        }
    }
    table.to_string()
}

fn differences_table(differences: &[BillDifference]) -> String {
    let columns = [
        left("MONTH"),
        left("SETTLED BY"),
        left("SOLD BY"),
        left("SOLD TO"),
        left("CURRENCY"),
        right("NOW"),
        right("THEN"),
        right("DIFFERENCE"),
    ];
    let mut table = Table::new(&columns);
    for it in differences {
        let settled = match it.settled {
            SettledBy::RunningBill => "its running bill",
            SettledBy::Corrections => "corrections in the open month",
            SettledBy::Nothing => "nothing: it was never billed",
        };
        table.row([
            it.period.clone(),
            settled.to_owned(),
            seller_in_words(&it.account.seller),
            buyer_in_words(&it.account.buyer),
            it.account.currency.clone(),
            grouped(&it.before),
            grouped(&it.after),
            grouped(&it.difference),
        ]);
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn preview(change: impl FnOnce(&mut Value)) -> MappingPreview {
        let bill = |month: &str, settled: &str, buyer: Value, amounts: [&str; 3]| {
            json!({ "period": month, "settled": settled, "currency": "USD", "buyer": buyer,
                "seller": { "kind": "platform" }, "before": amounts[0], "after": amounts[1], "difference": amounts[2] })
        };
        let contoso = json!({ "kind": "partner", "id": "1", "name": "Contoso" });
        let mut preview = json!({ "withheld": false,
            "moved": [{ "period": "2026-10", "fromSubscriptionId": "4", "fromSubscriptionName": "Shared",
                "toSubscriptionId": "5", "records": 1440, "used": [
                    { "localMeterId": "8", "localMeterName": "Base VM Size Hours", "unit": "1 Hour", "quantity": "12000.5" },
                    { "localMeterId": "9", "quantity": "3" }] }],
            "differences": [
                bill("2026-10", "corrections", contoso, ["21.00", "15.00", "-6.00"]),
                bill("2026-11", "runningBill", json!({ "kind": "subscription", "id": "5" }), ["0.00", "1000.00", "1000.00"])] });
        change(&mut preview);
        serde_json::from_value(preview).unwrap()
    }

    #[test]
    fn whoever_agrees_has_seen_who_pays_for_what_and_where_it_is_settled() {
        let text = in_words(&preview(|_| {}));
        let lines: Vec<Vec<&str>> = text
            .lines()
            .map(|line| {
                line.split("  ")
                    .map(str::trim)
                    .filter(|it| !it.is_empty())
                    .collect()
            })
            .filter(|cells: &Vec<&str>| cells.len() > 1)
            .collect();
        assert_eq!(
            lines,
            [
                vec![
                    "MONTH",
                    "PAYS NOW",
                    "WOULD PAY",
                    "RECORDS",
                    "METER",
                    "QUANTITY",
                    "UNIT"
                ],
                vec![
                    "2026-10",
                    "Shared",
                    "5",
                    "1,440",
                    "Base VM Size Hours",
                    "12,000.5",
                    "1 Hour"
                ],
                vec!["9", "3"],
                vec![
                    "MONTH",
                    "SETTLED BY",
                    "SOLD BY",
                    "SOLD TO",
                    "CURRENCY",
                    "NOW",
                    "THEN",
                    "DIFFERENCE"
                ],
                vec![
                    "2026-10",
                    "corrections in the open month",
                    "platform",
                    "Contoso",
                    "USD",
                    "21.00",
                    "15.00",
                    "-6.00"
                ],
                vec![
                    "2026-11",
                    "its running bill",
                    "platform",
                    "5",
                    "USD",
                    "0.00",
                    "1,000.00",
                    "1,000.00"
                ],
            ]
        );
        assert!(!text.contains("do not read"), "{text}");
    }

    #[test]
    fn closed_months_would_be_corrected_without_a_question() {
        assert!(reaches_into_closed_months(&preview(|_| {})));
        let open = preview(|it| {
            it["differences"].as_array_mut().unwrap().remove(0);
        });
        assert!(
            !reaches_into_closed_months(&open),
            "an open month changes as it always did"
        );
    }

    #[test]
    fn what_is_not_shown_is_said_not_to_be_shown() {
        let text = in_words(&preview(|it| it["withheld"] = json!(true)));
        assert!(text.contains("More would change that you do not read"), "{text}");
        let nothing = |withheld| {
            preview(move |it| {
                *it = json!({ "moved": [], "differences": [], "withheld": withheld });
            })
        };
        assert!(moves_nothing(&nothing(false)) && !moves_nothing(&nothing(true)));
        assert!(in_words(&nothing(false)).starts_with("Nothing that was used so far"));
        assert!(in_words(&nothing(true)).starts_with("More would change"));
    }
}
