//! Who is on a stack: its local subscriptions, and the guest directories that it admits.

use std::collections::HashSet;
use std::sync::Arc;

use domain::ids::TenantId;
use reqwest::{Method, Url};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use wire::stack_admin::{
    AdminLocations, AdmitDirectory, DirectoryTenant, DirectoryTenantList, DirectoryTenantProperties,
    SubscriptionList,
};

use super::call::{Failure, judge};
use super::guest::{DirectoryName, is_same_tenant, named, of_tenant, other_tenant};
use super::{SUBSCRIPTIONS_VERSION, Stack, StackAddress};
use crate::environment::Environment;
use crate::status::Reporter;
use crate::trouble::Trouble;

/// The most pages of a list.
const PAGES_MAX: usize = 1000;
/// The code of a directory that the authority does not know.
const UNKNOWN: &str = "DirectoryUnknown";

impl Stack {
    /// All local subscriptions.
    ///
    /// # Errors
    /// [`Failure`].
    pub(crate) async fn local_subscriptions(&self, reporter: &Reporter) -> Result<SubscriptionList, Failure> {
        let first = self.url(&[
            "subscriptions",
            self.provider(),
            "providers",
            "Microsoft.Subscriptions.Admin",
            "subscriptions",
        ]);
        let mut all = SubscriptionList::default();
        let mut pages = Pages::of(first);
        while let Some(url) = pages.next.take() {
            let page: SubscriptionList = self.ask(reporter, &url, |body: Vec<u8>| self.json(&body)).await?;
            all.value.extend(page.value);
            self.follow(&mut pages, page.next_link.as_deref())?;
        }
        Ok(all)
    }

    fn follow(&self, pages: &mut Pages, link: Option<&str>) -> Result<(), Failure> {
        pages.follow(link).map_err(|()| {
            let message = format!(
                "A list of {} has a link that leads nowhere, or back.",
                self.name()
            );
            Failure::temporary("ListBroken", message)
        })
    }

    async fn get<T: DeserializeOwned>(&self, url: &Url) -> Result<T, Failure> {
        let answer = self.send(Method::GET, url, None).await?;
        judge(&answer, &self.name())?;
        self.json(&answer.body)
    }
}

/// The pages of a list: the same question, with the query that each page's link has.
struct Pages {
    next: Option<Url>,
    base: Url,
    asked: HashSet<String>,
}

impl Pages {
    fn of(mut first: Url) -> Self {
        let base = first.clone();
        first
            .query_pairs_mut()
            .append_pair("api-version", SUBSCRIPTIONS_VERSION);
        Self {
            asked: first.query().map(str::to_owned).into_iter().collect(),
            next: Some(first),
            base,
        }
    }

    /// Goes on where a link leads; the host in it is never asked.
    fn follow(&mut self, link: Option<&str>) -> Result<(), ()> {
        let Some(link) = link.map(str::trim).filter(|link| !link.is_empty()) else {
            return Ok(());
        };
        let (_, query) = link.rsplit_once('?').ok_or(())?;
        if self.asked.len() >= PAGES_MAX || !self.asked.insert(query.to_owned()) {
            return Err(());
        }
        let mut url = self.base.clone();
        url.set_query(Some(query));
        self.next = Some(url);
        Ok(())
    }
}

/// What would be changed to admit a guest directory, or to admit it no longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Admission {
    /// The directory's domain.
    pub domain: String,
    /// Its tenant.
    pub tenant_id: String,
    /// The stack's region.
    pub region: String,
    /// The resource that is made or removed.
    pub resource_id: String,
    /// As which tenant it is admitted now.
    pub admitted_as: Option<String>,
}

impl Admission {
    /// Whether nothing has to be changed.
    #[must_use]
    pub fn is_admitted(&self) -> bool {
        let admitted = self.admitted_as.as_deref();
        admitted.is_some_and(|id| is_same_tenant(id, &self.tenant_id))
    }
}

/// The stack's side of multi-tenancy: which guest directories it admits. Asked by an operator who waits for the answer,
/// it tries everything once.
pub struct DirectoryAdmin {
    stack: Arc<Stack>,
    environment: Environment,
}

impl std::fmt::Debug for DirectoryAdmin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("DirectoryAdmin").field(&self.stack.name()).finish()
    }
}

impl DirectoryAdmin {
    /// Signs in to a stack.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn connect(address: &StackAddress, environment: &Environment) -> Result<Self, Trouble> {
        let stack = Stack::connect(address, environment, &Reporter::impatient()).await;
        Ok(Self {
            stack: stack.map_err(Failure::into_trouble)?,
            environment: environment.clone(),
        })
    }

    /// The guest directories that the stack admits.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn admitted(&self) -> Result<Vec<DirectoryTenant>, Trouble> {
        let region = self.region().await?;
        self.list(&region).await.map_err(Failure::into_trouble)
    }

    /// Which of the guest directories that are admitted somebody calls so: by its name, by the id of its tenant, or by another
    /// domain of it.
    ///
    /// # Errors
    /// [`Trouble`] if it cannot be found out whose domain it is.
    pub async fn called<'a>(
        &self,
        name: &str,
        admitted: &'a [DirectoryTenant],
    ) -> Result<Option<&'a DirectoryTenant>, Trouble> {
        // Whatever somebody has named it, that is its name.
        if let Some(found) = named(admitted, name) {
            return Ok(Some(found));
        }
        let tenant = match DirectoryName::read(name) {
            Ok(DirectoryName::Tenant(tenant)) => tenant,
            Ok(DirectoryName::Domain(domain)) if !admitted.is_empty() => {
                match self.tenant_of(&domain).await {
                    Ok(tenant) => tenant,
                    Err(trouble) if trouble.code == UNKNOWN => return Ok(None),
                    Err(trouble) => return Err(trouble),
                }
            }
            _ => return Ok(None),
        };
        Ok(of_tenant(admitted, tenant))
    }

    /// What admitting this directory would change. One that is admitted already keeps the name that it has there.
    ///
    /// # Errors
    /// [`Trouble`]: also if there is no such directory, or it is another tenant's than the one that was named.
    pub async fn plan(&self, name: &DirectoryName) -> Result<Admission, Trouble> {
        let region = self.region().await?;
        let tenant = self.tenant_of(&name.to_string()).await?;
        if let DirectoryName::Tenant(asked) = *name
            && asked != tenant
        {
            return Err(other_tenant(asked, tenant));
        }
        let all = self.list(&region).await.map_err(Failure::into_trouble)?;
        let known = named(&all, &name.to_string()).or_else(|| of_tenant(&all, tenant));
        let domain = known.map_or_else(|| name.to_string(), |it| it.name.clone());
        Ok(Admission {
            resource_id: self.resource(&region, &domain).path().to_owned(),
            domain,
            tenant_id: tenant.to_string(),
            region,
            admitted_as: known.map(|it| it.properties.tenant_id.clone()),
        })
    }

    /// Admits a directory as it was planned. Done again, it changes nothing.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn admit(&self, admission: &Admission) -> Result<(), Trouble> {
        let body = AdmitDirectory {
            location: admission.region.clone(),
            properties: DirectoryTenantProperties {
                tenant_id: admission.tenant_id.clone(),
            },
        };
        let body = serde_json::to_string(&body)
            .map_err(|error| Trouble::new("InvalidDirectory", error.to_string(), "Give its domain."))?;
        let url = self.resource(&admission.region, &admission.domain);
        let answer = self.stack.send(Method::PUT, &url, Some(&body)).await;
        let answer = answer.map_err(Failure::into_trouble)?;
        judge(&answer, &self.stack.name()).map_err(Failure::into_trouble)
    }

    /// Admits a directory no longer. Says whether it was admitted.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn remove(&self, domain: &str) -> Result<bool, Trouble> {
        let region = self.region().await?;
        let url = self.resource(&region, domain);
        let answer = self.stack.send(Method::DELETE, &url, None).await;
        let answer = answer.map_err(Failure::into_trouble)?;
        match answer.status {
            204 | 404 => Ok(false),
            _ => judge(&answer, &self.stack.name())
                .map(|()| true)
                .map_err(Failure::into_trouble),
        }
    }

    async fn region(&self) -> Result<String, Trouble> {
        let mut url = self.stack.url(&[
            "subscriptions",
            self.stack.provider(),
            "providers",
            "Microsoft.Subscriptions.Admin",
            "locations",
        ]);
        url.query_pairs_mut()
            .append_pair("api-version", SUBSCRIPTIONS_VERSION);
        let listed: AdminLocations = self.stack.get(&url).await.map_err(Failure::into_trouble)?;
        let first = listed.value.into_iter().next().map(|it| it.name);
        first.ok_or_else(|| {
            Trouble::new(
                "NoRegion",
                format!("{} names no region.", self.stack.name()),
                "See that `provider-subscription` is that of the stack's operator.",
            )
        })
    }

    async fn list(&self, region: &str) -> Result<Vec<DirectoryTenant>, Failure> {
        let (mut all, mut pages) = (Vec::new(), Pages::of(self.collection(region)));
        while let Some(url) = pages.next.take() {
            let page: DirectoryTenantList = self.stack.get(&url).await?;
            all.extend(page.value);
            self.stack.follow(&mut pages, page.next_link.as_deref())?;
        }
        Ok(all)
    }

    fn collection(&self, region: &str) -> Url {
        let group = format!("system.{region}");
        self.stack.url(&[
            "subscriptions",
            self.stack.provider(),
            "resourcegroups",
            &group,
            "providers",
            "Microsoft.Subscriptions.Admin",
            "directoryTenants",
        ])
    }

    fn resource(&self, region: &str, domain: &str) -> Url {
        let mut url = self.collection(region);
        // An https or http URL always has a path to add to.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.push(domain);
        }
        url.query_pairs_mut()
            .append_pair("api-version", SUBSCRIPTIONS_VERSION);
        url
    }

    /// The tenant of a domain: the first part of the path of its token endpoint.
    async fn tenant_of(&self, domain: &str) -> Result<TenantId, Trouble> {
        #[derive(Deserialize)]
        struct Configuration {
            token_endpoint: String,
        }
        let mut url = self.stack.authority_url.clone();
        // An https or http URL always has a path.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments
                .clear()
                .extend([domain, ".well-known", "openid-configuration"]);
        }
        let http = self.stack.authority.http();
        let whom = format!("the authority {}", self.stack.authority_url);
        let request = http.client().get(url);
        let answer = http.send(request, self.environment.clock.now(), &whom).await;
        let answer = answer.map_err(Failure::into_trouble)?;
        let unknown = || {
            Trouble::new(
                UNKNOWN,
                format!("{whom} knows no directory {domain}."),
                "Give a domain of the directory, such as fabrikam.onmicrosoft.com. A stack with an AD FS of its own \
                 admits no directories.",
            )
        };
        if matches!(answer.status, 400 | 404) {
            return Err(unknown());
        }
        judge(&answer, &whom).map_err(Failure::into_trouble)?;
        let found: Configuration = serde_json::from_slice(&answer.body).map_err(|_| unknown())?;
        let endpoint: Option<Url> = found.token_endpoint.parse().ok();
        let first = |url: Url| url.path_segments()?.next()?.parse::<TenantId>().ok();
        endpoint.and_then(first).ok_or_else(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_followed_at_the_host_that_was_asked_and_never_in_a_circle() {
        let mut pages = Pages::of("https://a.example/list".parse().unwrap());
        let next = |pages: &mut Pages| pages.next.take().map(|it| it.to_string());
        assert_eq!(
            next(&mut pages).unwrap(),
            "https://a.example/list?api-version=2015-11-01"
        );
        pages
            .follow(Some("https://b.example/other?$skipToken=x"))
            .unwrap();
        assert_eq!(next(&mut pages).unwrap(), "https://a.example/list?$skipToken=x");
        pages
            .follow(Some("https://a.example/list?$skipToken=x"))
            .unwrap_err();
        pages.follow(Some("https://a.example/list")).unwrap_err();
        pages.follow(None).unwrap();
        assert_eq!(next(&mut pages), None);
    }

    #[test]
    fn a_tenant_that_is_written_in_capitals_is_no_other_one() {
        let small = "eb90516e-65d7-4bf6-8537-8322e9172832";
        let capital = small.to_uppercase();
        let of = |admitted_as: Option<&str>| Admission {
            domain: "fabrikam.example".to_owned(),
            tenant_id: small.to_owned(),
            region: "north".to_owned(),
            resource_id: "r".to_owned(),
            admitted_as: admitted_as.map(str::to_owned),
        };
        assert!(of(Some(&capital)).is_admitted());
        assert!(!of(Some("eb90516e-65d7-4bf6-8537-8322e9172833")).is_admitted());
        assert!(!of(None).is_admitted());
        let listed: DirectoryTenantList = serde_json::from_str(&format!(
            r#"{{"value":[{{"id":"i","name":"Fabrikam.example","type":"t","location":"north",
            "properties":{{"tenantId":"{capital}"}}}}]}}"#
        ))
        .unwrap();
        assert!(of_tenant(&listed.value, small.parse().unwrap()).is_some());
        assert!(named(&listed.value, " fabrikam.EXAMPLE").is_some());
        assert!(named(&listed.value, "contoso.example").is_none());
    }
}
