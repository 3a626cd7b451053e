//! What is worth knowing of a month before its invoices are issued, and does not keep it from being closed: prices that were
//! made up, usage that has none, and hours without usage.

use std::collections::BTreeSet;

use client::{Client, ClientError};
use domain::time::Period;
use wire::api::{PriceList, PriceListVersion, PriceSource, RunningAccount, StackCompleteness, VersionStatus};

use crate::figures::counted;
use crate::statement::stack_in_words;

/// The stacks, or the meters, that are named.
const NAMED_MAX: usize = 5;

/// What whoever closes a month is warned of.
///
/// # Errors
/// As the server answers.
pub(super) async fn warnings(client: &Client, period: &str) -> Result<Vec<String>, ClientError> {
    let samples = samples(&client.price_lists().await?, period);
    let unpriced = unpriced(&client.running_accounts(period).await?, period);
    let gaps = gaps(&client.completeness(Some(period)).await?, period);
    Ok([samples, unpriced, gaps].into_iter().flatten().collect())
}

/// That something was used that is not charged because it has no price, and what.
pub(super) fn unpriced(accounts: &[RunningAccount], period: &str) -> Option<String> {
    let with: Vec<&RunningAccount> = accounts.iter().filter(|it| !it.unpriced.is_empty()).collect();
    let first = with.first()?;
    let meters: BTreeSet<&String> = with.iter().flat_map(|it| &it.unpriced).collect();
    let (seller, buyer) = (first.account.seller.text(), first.account.buyer.text());
    Some(format!(
        "Not charged, because no price list that applies has a price for it: {}, on {}. `meterbridge bill running --period \
         {period} --seller {seller} --buyer {buyer}` shows how much; `meterbridge price-list put` publishes prices.",
        named(&meters.into_iter().cloned().collect::<Vec<_>>()),
        counted(with.len() as u64, "bill"),
    ))
}

/// That hours have no usage of which some is usual, though the stacks said that they reported everything, and whose.
pub(super) fn gaps(stacks: &[StackCompleteness], period: &str) -> Option<String> {
    let missing = |it: &&StackCompleteness| it.hour_counts.gap + it.hour_counts.not_read > 0;
    let with: Vec<&StackCompleteness> = stacks.iter().filter(missing).collect();
    let first = with.first()?;
    let hours = |it: &&StackCompleteness| {
        let hours = counted(it.hour_counts.gap + it.hour_counts.not_read, "hour");
        format!(
            "{hours} of {}",
            stack_in_words(&it.cloud_id, it.stack_name.as_deref())
        )
    };
    Some(format!(
        "Nothing came of hours in which some usage is usual: {}. `meterbridge stack completeness {} --period {period}` shows \
         them; what comes after the close becomes corrections.",
        named(&with.iter().map(hours).collect::<Vec<_>>()),
        first.cloud_id,
    ))
}

fn named(all: &[String]) -> String {
    if all.len() <= NAMED_MAX {
        return all.join(", ");
    }
    format!(
        "{} and {} more",
        all[..NAMED_MAX].join(", "),
        all.len() - NAMED_MAX
    )
}

/// That price lists have samples in a month, and which do.
fn samples(lists: &[PriceList], period: &str) -> Option<String> {
    let has_samples = |version: &PriceListVersion| {
        let mut prices = version.prices.iter();
        prices_in(version, period) && prices.any(|price| price.source == Some(PriceSource::Sample))
    };
    let with = lists.iter().filter(|list| list.versions.iter().any(has_samples));
    let names: Vec<&str> = with.map(|list| list.name.as_str()).collect();
    (!names.is_empty()).then(|| {
        format!(
            "Sample prices, made up for trying out, hold in {period}: in price list {}. Whatever is charged by them is \
             invoiced so, and marked. `meterbridge price-list put` publishes your own.",
            names.join(", ")
        )
    })
}

/// Whether a version prices hours of a month.
fn prices_in(version: &PriceListVersion, period: &str) -> bool {
    let Ok(month) = period.parse::<Period>() else {
        return false;
    };
    let (start, end) = (
        month.interval().start().to_string(),
        month.interval().end().to_string(),
    );
    let ends_before = version.effective_to.as_ref().is_some_and(|to| *to <= start);
    version.status != VersionStatus::Replaced && version.effective_from < end && !ends_before
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_month_would_be_invoiced_at_prices_that_somebody_made_up() {
        let version = |from: &str, to: Option<&str>, status: &str, source: &str| {
            let mut version = json!({ "effectiveFrom": format!("{from}T00:00:00Z"), "status": status,
                "publishedAt": "2026-01-01T00:00:00Z", "prices": [{ "meterId": "m", "rates": { "0": "1" },
                "source": source }] });
            if let Some(to) = to {
                version["effectiveTo"] = format!("{to}T00:00:00Z").into();
            }
            version
        };
        let list = |versions: &[serde_json::Value]| -> PriceList {
            serde_json::from_value(json!({ "name": "standard", "currency": "USD", "versions": versions }))
                .unwrap()
        };
        let sample_until = |to| version("2016-01-01", to, "former", "sample");
        let own = version("2026-10-01", None, "current", "published");
        for (versions, expected) in [
            (vec![sample_until(None)], true),
            (vec![sample_until(Some("2026-10-02")), own.clone()], true),
            (vec![sample_until(Some("2026-10-01")), own.clone()], false),
            (
                vec![version("2026-10-01", None, "replaced", "sample"), own],
                false,
            ),
            (vec![version("2026-11-01", None, "scheduled", "sample")], false),
        ] {
            let told = samples(&[list(&versions)], "2026-10");
            assert_eq!(told.is_some(), expected, "{versions:?}");
            assert!(told.is_none_or(|told| told.contains("price list standard")));
        }
    }

    #[test]
    fn hours_that_never_came_and_usage_without_a_price_would_be_invoiced_without_a_word() {
        let stack = |name: &str, gap: u64| -> StackCompleteness {
            serde_json::from_value(
                json!({ "cloudId": format!("{name}-id"), "stackName": name, "period": "2026-09",
                "behindHours": 0, "complete": gap == 0, "hourCounts": { "complete": 720 - gap, "received": 0,
                "notRead": 0, "gap": gap, "notYetDue": 0, "notAsked": 0, "notRegistered": 0 }, "received": 1,
                "expected": 1, "findings": [], "silentSeriesCount": 0 }),
            )
            .unwrap()
        };
        assert_eq!(gaps(&[stack("oslo", 0)], "2026-09"), None);
        let told = gaps(&[stack("oslo", 0), stack("bergen", 10)], "2026-09").unwrap();
        assert!(
            told.contains("10 hours of bergen") && !told.contains("oslo"),
            "{told}"
        );
        let account = |unpriced: &[&str]| -> RunningAccount {
            serde_json::from_value(json!({ "seller": { "kind": "platform" }, "buyer": { "kind": "partner", "id": "p" },
                "currency": "USD", "subtotal": "0.00", "tax": "0.00", "total": "0.00", "unpriced": unpriced }))
            .unwrap()
        };
        assert_eq!(unpriced(&[account(&[])], "2026-09"), None);
        let told = unpriced(&[account(&[]), account(&["b", "a"]), account(&["a"])], "2026-09").unwrap();
        assert!(told.contains(": a, b, on 2 bills."), "{told}");
        let many: Vec<String> = (0..7).map(|it| it.to_string()).collect();
        assert_eq!(named(&many), "0, 1, 2, 3, 4 and 2 more");
    }
}
