//! Who used what a bill charges: a table for each tenant of a stack and reason.

use wire::api::{Line, Share, Statement};

use super::{reason_in_words, shortened, stretch};
use crate::figures::{aligned, grouped, sum};
use crate::table::{Table, left, right};

/// The shares of one user: of one tenant of a stack, for one reason.
struct User<'a> {
    shares: Vec<(&'a Line, &'a Share)>,
}

pub(super) fn tables(statement: &Statement) -> String {
    let mut users: Vec<User<'_>> = Vec::new();
    for line in &statement.lines {
        for share in &line.shares {
            let known = users.iter_mut().find(|user| {
                user.shares
                    .first()
                    .is_some_and(|(_, first)| same_user(first, share))
            });
            match known {
                Some(user) => user.shares.push((line, share)),
                None => users.push(User {
                    shares: vec![(line, share)],
                }),
            }
        }
    }
    let tables: Vec<String> = users
        .iter()
        .filter_map(|user| {
            Some(format!(
                "{}\n{}",
                heading(user.shares.first()?.1),
                user.table(statement)
            ))
        })
        .collect();
    tables.join("\n")
}

fn same_user(a: &Share, b: &Share) -> bool {
    (&a.cloud_id, &a.tenant_id, a.reason) == (&b.cloud_id, &b.tenant_id, b.reason)
}

fn heading(share: &Share) -> String {
    let stack = stack_in_words(&share.cloud_id, share.stack_name.as_deref());
    let tenant = tenant_in_words(share.tenant_id.as_deref(), share.customer_name.as_deref());
    format!(
        "Stack   {stack}\nTenant  {tenant}\nReason  {}\n",
        reason_in_words(share.reason)
    )
}

/// A stack by the name of its registration, and by its cloud id where that is not in the name.
pub(crate) fn stack_in_words(cloud_id: &str, name: Option<&str>) -> String {
    match name {
        Some(name) if name.contains(cloud_id) => name.to_owned(),
        Some(name) => format!("{name}, {cloud_id}"),
        None => cloud_id.to_owned(),
    }
}

/// A directory tenant, and the customer it belongs to where that is known.
pub(crate) fn tenant_in_words(tenant_id: Option<&str>, customer: Option<&str>) -> String {
    let tenant = tenant_id.unwrap_or("unknown");
    customer.map_or_else(|| tenant.to_owned(), |customer| format!("{customer}, {tenant}"))
}

impl User<'_> {
    fn table(&self, statement: &Statement) -> String {
        let quantities = self
            .shares
            .iter()
            .map(|(_, share)| shortened(&share.quantity, share.quantity_is_exact));
        let quantities: Vec<String> = quantities.collect();
        let quantities = aligned(quantities.iter().map(String::as_str));
        let mut table = Table::new(&[left("METER"), right("QUANTITY"), left("UNIT"), right("AMOUNT")]);
        for ((line, share), quantity) in self.shares.iter().zip(quantities) {
            table.row([
                line.meter_name.clone(),
                quantity,
                line.unit.clone(),
                grouped(&share.amount),
            ]);
            if let Some(stretch) = stretch(line, &statement.period) {
                table.row([&*stretch, "", "", ""]);
            }
        }
        if self.shares.len() > 1
            && let Some(total) = sum(self.shares.iter().map(|(_, share)| share.amount.as_str()))
        {
            table.row(["Total", "", &*statement.currency, &*grouped(&total)]);
        }
        table.to_string()
    }
}
