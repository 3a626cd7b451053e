//! The guest directories that a stack admits: those it was made with, and what is changed while it is served.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::ids::TenantId;
use serde::Deserialize;
use serde_json::{Value, json};

use super::refusal::Refusal;
use crate::stack::Stack;

/// The directories by their domain, in lower case.
#[derive(Debug)]
pub(super) struct Guests {
    group: String,
    region: String,
    tenants: Mutex<BTreeMap<String, String>>,
}

impl Guests {
    pub(super) fn of(stack: &Stack) -> Self {
        let listed = stack.spec().tenants.iter();
        let tenants = listed.map(|tenant| (tenant.domain.to_ascii_lowercase(), tenant.id.to_string()));
        let region = stack.spec().region.clone();
        Self {
            group: format!(
                "/subscriptions/{}/resourceGroups/system.{region}",
                stack.provider_subscription()
            ),
            tenants: Mutex::new(tenants.collect()),
            region,
        }
    }

    pub(super) fn list(&self) -> String {
        let tenants = self.tenants();
        let items = tenants.iter().map(|(domain, tenant)| self.item(domain, tenant));
        json!({ "value": items.collect::<Vec<_>>() }).to_string()
    }

    pub(super) fn get(&self, domain: &str) -> Option<String> {
        let tenants = self.tenants();
        let tenant = tenants.get(domain)?;
        Some(self.item(domain, tenant).to_string())
    }

    /// Admits a directory, or lets it be another tenant. Says whether it is new, and what it is now.
    pub(super) fn put(&self, domain: &str, body: &[u8]) -> Result<(bool, String), Refusal> {
        #[derive(Deserialize)]
        struct Put {
            location: String,
            properties: Properties,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Properties {
            tenant_id: String,
        }
        let put: Put = serde_json::from_slice(body).map_err(|error| Refusal::property("body", error))?;
        if !put.location.eq_ignore_ascii_case(&self.region) {
            let expected = format!("expected the stack's region, {}", self.region);
            return Err(Refusal::property("location", expected));
        }
        let tenant: TenantId = (put.properties.tenant_id.parse())
            .map_err(|error| Refusal::property("properties.tenantId", error))?;
        let tenant = tenant.to_string();
        let item = self.item(domain, &tenant).to_string();
        let before = self.tenants().insert(domain.to_owned(), tenant);
        Ok((before.is_none(), item))
    }

    /// Whether a tenant is admitted, under whatever domain.
    pub(super) fn has(&self, tenant: TenantId) -> bool {
        let tenant = tenant.to_string();
        self.tenants().values().any(|it| *it == tenant)
    }

    /// Says whether it was admitted.
    pub(super) fn delete(&self, domain: &str) -> bool {
        self.tenants().remove(domain).is_some()
    }

    fn item(&self, domain: &str, tenant: &str) -> Value {
        json!({
            "id": format!("{}/providers/Microsoft.Subscriptions.Admin/directoryTenants/{domain}", self.group),
            "name": domain,
            "type": "Microsoft.Subscriptions.Admin/directoryTenants",
            "location": self.region,
            "properties": { "tenantId": tenant },
        })
    }

    fn tenants(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
