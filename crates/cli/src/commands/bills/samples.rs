//! Prices that were made up for trying out, said before invoices are issued by them.

use domain::time::Period;
use wire::api::{PriceList, PriceListVersion, PriceSource, VersionStatus};

/// That price lists have samples in a month, and which do.
pub(super) fn in_use(lists: &[PriceList], period: &str) -> Option<String> {
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
            let told = in_use(&[list(&versions)], "2026-10");
            assert_eq!(told.is_some(), expected, "{versions:?}");
            assert!(told.is_none_or(|told| told.contains("price list standard")));
        }
    }
}
