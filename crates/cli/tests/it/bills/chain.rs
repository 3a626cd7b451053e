//! From the platform through a provider and its reseller to the customer.

use serde_json::json;

use super::{FJORDBANK, MARCH, STACK, cents, estate, id, on_both_back_ends, to};
use crate::process::run_with;

#[test]
fn everybody_on_the_way_pays_the_customers_price() {
    on_both_back_ends(|server| {
        let provider = id(&server.json("partner create --name Harbour --kind indirect-provider", &[]));
        let it = estate(server, &["indirect-reseller", "--provider", &provider]);
        it.registers(STACK, &[]);
        let directory = json!({ "value": [{ "subscriptionId": super::LOCAL_SUBSCRIPTION, "displayName": "Ledger",
            "owner": "o@fjordbank.example", "tenantId": FJORDBANK, "state": "Enabled" }] });
        run_with(
            &mut server.command("stack directory", &[STACK, "-"]),
            &directory.to_string(),
        )
        .done();
        it.publishes("harbour", Some(&provider), &json!({ "0": "0.02" }), "2024-01-01");
        it.sells(&json!({ "0": "0.05" }), "2024-01-01");
        it.reports(
            &[("2024-03-05T13", "100")],
            "2024-03-31T23:00:00Z",
            Some("2024-04-01T00:00:00Z"),
        );
        it.closes(MARCH);
        // The platform's price is 0.008.
        let links = [
            ("platform", format!("partner:{provider}"), 80),
            (provider.as_str(), format!("partner:{}", it.partner), 200),
            (it.partner.as_str(), to(&it.first), 500),
        ];
        for (seller, buyer, total) in links {
            let listed = server.json("bill list", &["--seller", seller, "--buyer", &buyer]);
            let invoices = listed.as_array().unwrap();
            assert_eq!(invoices.len(), 1, "{listed:#}");
            assert_eq!(cents(&invoices[0]["total"]), total, "{listed:#}");
        }
        let all = server.json("bill list", &["--subscription", &it.first]);
        assert_eq!(all.as_array().unwrap().len(), 3, "all of them charge its usage");
        for (seller, kept) in [
            ("platform", ["0.80", "0.00", "0.80"]),
            (provider.as_str(), ["2.00", "0.80", "1.20"]),
            (it.partner.as_str(), ["5.00", "2.00", "3.00"]),
        ] {
            let of = ["--currency", "USD", "--seller", seller];
            let margins = server.json("bill margins --period 2024-03", &of);
            let total = ["sells", "buys", "keeps"].map(|member| margins["total"][member].clone());
            assert_eq!(total, kept, "{margins:#}");
        }
        it.all_replay();
    });
}
