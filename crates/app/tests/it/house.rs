//! A platform with one partner, one customer and one registered stack.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use app::access::Caller;
use app::environment::{Clock, Random};
use app::precondition::Precondition;
use app::registrations::{Registered, RegistrationAddress};
use app::tenants::TenantMapping;
use app::usage::{Delivered, Delivery};
use app::{App, Error};
use domain::attribution::LocalSubscription;
use domain::books::Entry;
use domain::catalog::{
    Billing, BillingMeter, Catalog, Conversion, LocalMeter, Price, PriceList, PriceListScope, Prices,
};
use domain::ids::{
    BillingMeterId, CloudId, CustomerId, LocalMeterId, LocalSubscriptionId, OperatorId, PartnerId,
    SubscriptionId, TenantId,
};
use domain::money::Currency;
use domain::partner::{Customer, Partner, PartnerKind, Subscription, SubscriptionKind, SubscriptionState};
use domain::quantity::Rational;
use domain::registration::register::PutRegistration;
use domain::registration::{BillingModel, RegistrationToken, Warning};
use domain::time::{Hour, Timestamp};
use domain::usage::{Granularity, UsageRecord};
use private_postgres::Database;
use store::{DeliveredRecord, Store, StoreConfig};

use crate::faltering::Faltering;
use crate::halting::Halting;
use crate::tearing::Tearing;

pub(crate) const PARTNER: PartnerId = PartnerId::from_bytes([1; 16]);
pub(crate) const CUSTOMER: CustomerId = CustomerId::from_bytes([2; 16]);
pub(crate) const TENANT: TenantId = TenantId::from_bytes([3; 16]);
pub(crate) const SHARED: SubscriptionId = SubscriptionId::from_bytes([4; 16]);
pub(crate) const CSP: SubscriptionId = SubscriptionId::from_bytes([5; 16]);
pub(crate) const STACK: CloudId = CloudId::from_bytes([6; 16]);
pub(crate) const LOCAL: LocalSubscriptionId = LocalSubscriptionId::from_bytes([7; 16]);
pub(crate) const VCPU: LocalMeterId = LocalMeterId::from_bytes([8; 16]);
pub(crate) const VCPU_BILLED: BillingMeterId = BillingMeterId::from_bytes([9; 16]);

struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

/// Counts, from a number on.
pub(crate) struct Counting(pub(crate) AtomicU64);

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        let number = self.0.fetch_add(1, Ordering::SeqCst).to_be_bytes();
        bytes.fill(0x77);
        bytes[..8].copy_from_slice(&number);
    }
}

/// What is remembered: in files, or in PostgreSQL if that is what this run is about.
struct Memory {
    directory: tempfile::TempDir,
    database: Option<Database<'static>>,
}

impl Memory {
    fn new() -> Self {
        Self::on(Database::of_this_run(open_once))
    }

    fn on(database: Option<Database<'static>>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { directory, database }
    }

    fn config(&self) -> StoreConfig {
        let directory = self.directory.path().to_owned();
        match &self.database {
            Some(database) => database.url().parse().unwrap(),
            None => StoreConfig::Sqlite { directory },
        }
    }
}

fn open_once(url: &str) {
    drop(store::open(&url.parse().unwrap()).unwrap());
}

pub(crate) struct House {
    memory: Memory,
    clock: Arc<TestClock>,
    /// What lasts of sign-ins, beneath the use-cases.
    pub(crate) sessions: Arc<Faltering>,
    /// The usage, beneath the use-cases.
    pub(crate) usage: Arc<Halting>,
    /// The documents of closed periods, beneath the use-cases.
    pub(crate) bills: Arc<Tearing>,
    app: RwLock<App>,
}

impl House {
    /// Built at this moment, with a partner, a customer, both subscriptions and a price of 1.00 for each vCPU hour.
    pub(crate) async fn built_at(moment: &str) -> Self {
        Self::built_on(Memory::new(), moment).await
    }

    /// The same in PostgreSQL, which several servers share, whatever this run is about; none where it is missing.
    pub(crate) async fn shared_at(moment: &str) -> Option<Self> {
        let database = Database::opened(open_once)?;
        Some(Self::built_on(Memory::on(Some(database)), moment).await)
    }

    async fn built_on(memory: Memory, moment: &str) -> Self {
        let house = Self::without_prices_on(memory, moment).await;
        let list = PriceList {
            name: "list".parse().unwrap(),
            scope: PriceListScope::Platform,
            currency: Currency::USD,
        };
        let prices: Prices = [(VCPU_BILLED, Price::flat("1".parse().unwrap()))].into();
        house
            .app()
            .publish_price_list(&operator(), list, prices, Hour::MIN)
            .await
            .unwrap();
        house
    }

    /// The same without any price list.
    pub(crate) async fn without_prices_at(moment: &str) -> Self {
        Self::without_prices_on(Memory::new(), moment).await
    }

    /// A platform that was left in the files of a directory, at this moment; copied if this run is about PostgreSQL.
    pub(crate) async fn left_in(directory: tempfile::TempDir, moment: &str) -> Self {
        let database = Database::of_this_run(open_once);
        let memory = Memory { directory, database };
        if memory.database.is_some() {
            let directory = memory.directory.path().to_owned();
            let left = StoreConfig::Sqlite { directory };
            store::copy(&left, &memory.config(), &mut |_| ()).unwrap();
        }
        let clock = Arc::new(TestClock(AtomicI64::new(0)));
        let (app, sessions, usage, bills) = open(&memory, &clock).await;
        let house = Self {
            memory,
            clock,
            sessions,
            usage,
            bills,
            app: RwLock::new(app),
        };
        house.it_is(moment);
        house
    }

    /// Where it is remembered.
    pub(crate) fn config(&self) -> StoreConfig {
        self.memory.config()
    }

    /// What an audit says of what is remembered when nobody has it open any more.
    pub(crate) fn audited(self) -> store::AuditReport {
        let Self {
            memory,
            sessions,
            usage,
            bills,
            app,
            ..
        } = self;
        drop((app, sessions, usage, bills));
        store::verify(&memory.config(), &store::Elsewhere::default(), &mut |_| ()).unwrap()
    }

    async fn without_prices_on(memory: Memory, moment: &str) -> Self {
        let clock = Arc::new(TestClock(AtomicI64::new(0)));
        let (app, sessions, usage, bills) = open(&memory, &clock).await;
        let house = Self {
            memory,
            clock,
            sessions,
            usage,
            bills,
            app: RwLock::new(app),
        };
        house.it_is(moment);
        let app = house.app();
        let partner = Partner {
            id: PARTNER,
            name: "Fabrikam".to_owned(),
            kind: PartnerKind::DirectBill,
        };
        app.create_partner(&operator(), partner).await.unwrap();
        let customer = Customer {
            id: CUSTOMER,
            partner: PARTNER,
            name: "Contoso".to_owned(),
            tenants: vec![TENANT],
        };
        app.create_customer(&operator(), customer).await.unwrap();
        let shared = Subscription {
            id: SHARED,
            name: "Fabrikam stacks".to_owned(),
            kind: SubscriptionKind::PartnerSharedServices,
            tenant: TenantId::from_bytes([0xff; 16]),
            owner: Some(PARTNER),
            customer: None,
            state: SubscriptionState::Active,
        };
        let csp = Subscription {
            id: CSP,
            name: "Contoso production".to_owned(),
            kind: SubscriptionKind::Csp,
            tenant: TENANT,
            customer: Some(CUSTOMER),
            ..shared.clone()
        };
        app.create_subscription(&operator(), shared).await.unwrap();
        app.create_subscription(&operator(), csp).await.unwrap();
        house
    }

    pub(crate) fn app(&self) -> App {
        self.app.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn it_is(&self, moment: &str) {
        let moment: Timestamp = moment.parse().unwrap();
        self.clock.0.store(moment.as_second(), Ordering::SeqCst);
    }

    /// The stack is registered, approved, and its directory lists the local subscription.
    pub(crate) async fn register(&self, model: BillingModel) -> Registered {
        let app = self.app();
        app.put_resource_group(
            &operator(),
            SHARED,
            &"azurestack".parse().unwrap(),
            "westcentralus",
            BTreeMap::new(),
        )
        .await
        .unwrap();
        let registered = self.put_registration(Some(token(model))).await.unwrap();
        app.approve_multi_tenancy(&operator(), STACK).await.unwrap();
        let listed = LocalSubscription {
            tenant: TENANT,
            name: "web".to_owned(),
            owner: "ops@contoso.example".to_owned(),
            state: "Enabled".to_owned(),
        };
        app.take_directory(&operator(), STACK, &[(LOCAL, listed)], None)
            .await
            .unwrap();
        registered
    }

    pub(crate) async fn put_registration(
        &self,
        token: Option<RegistrationToken>,
    ) -> Result<Registered, Error> {
        let request = PutRegistration {
            name: address().name,
            location: None,
            tags: None,
            token,
        };
        self.app()
            .put_registration(&operator(), &address(), &request, &Precondition::None)
            .await
    }

    /// The operator adds a tenant to the stack's registration; without one, the one that the subscription lives in.
    pub(crate) async fn add_tenant(
        &self,
        subscription: impl Display,
        tenant: Option<TenantId>,
    ) -> Result<(TenantMapping, Vec<Warning>), Error> {
        let (at, subscription) = (address(), subscription.to_string());
        self.app()
            .add_tenant(&operator(), &at, &subscription, tenant, &Precondition::None)
            .await
    }

    /// Delivers one record for each (usage start, quantity), read from the window that begins at `reported`.
    pub(crate) async fn deliver(&self, reported: &str, usage: &[(&str, &str)]) -> Result<Delivered, Error> {
        let record = |(start, quantity): &(&str, &str)| UsageRecord {
            local_subscription: LOCAL,
            local_meter: VCPU,
            resource_uri: Cow::Borrowed("/subscriptions/x/resourceGroups/g/providers/p/virtualMachines/vm"),
            location: Cow::Borrowed("north"),
            tags: Cow::Borrowed(""),
            additional_info: Cow::Borrowed(""),
            start: start.parse().unwrap(),
            granularity: Granularity::Hour,
            quantity: quantity.parse().unwrap(),
        };
        let records: Vec<DeliveredRecord<'_>> = (0..)
            .zip(usage)
            .map(|(index, it)| DeliveredRecord {
                index,
                record: record(it),
            })
            .collect();
        let delivery = delivery(STACK, reported.parse().unwrap(), &records);
        self.app().deliver_usage(delivery).await
    }

    /// What a subscription owes for October 2026.
    pub(crate) async fn owes(&self, subscription: SubscriptionId) -> String {
        let statement = self
            .app()
            .statement(&operator(), subscription, "2026-10".parse().unwrap())
            .await
            .unwrap();
        statement.total.to_string()
    }
}

/// A delivery of a stack, read from the window that begins at an hour.
pub(crate) fn delivery<'a>(
    stack: CloudId,
    reported: Hour,
    records: &'a [DeliveredRecord<'a>],
) -> Delivery<'a> {
    Delivery {
        stack,
        reported_start: Some(reported),
        reported_end: None,
        reported_through: None,
        idempotency_key: None,
        known_receipts: &[],
        digest: [0; 32],
        records,
        quarantined: &[],
        raw: &|index| format!("record {index}"),
    }
}

type Opened = (App, Arc<Faltering>, Arc<Halting>, Arc<Tearing>);

async fn open(memory: &Memory, clock: &Arc<TestClock>) -> Opened {
    let store = store::open(&memory.config()).unwrap();
    let (sessions, usage) = (Faltering::of(store.sessions), Halting::of(store.usage));
    let bills = Tearing::of(store.bills);
    let store = Store {
        sessions: sessions.clone(),
        usage: usage.clone(),
        bills: bills.clone(),
        ..store
    };
    let random = Arc::new(Counting(AtomicU64::new(1)));
    let app = App::open(store, catalog(), clock.clone(), random).await.unwrap();
    (app, sessions, usage, bills)
}

/// One of several servers of a platform that [`House::shared_at`] has built.
pub(crate) struct Server {
    pub(crate) app: App,
    pub(crate) store: Store,
    clock: Arc<TestClock>,
}

impl Server {
    /// From now on it is the first minute of this hour here.
    pub(crate) fn it_is(&self, hour: Hour) {
        self.clock.0.store(hour.start().as_second(), Ordering::SeqCst);
    }
}

impl House {
    /// Another server of the same platform. With another number it draws other ids.
    pub(crate) async fn server(&self, number: u32) -> Server {
        let store = store::open(&self.memory.config()).unwrap();
        let clock = Arc::new(TestClock(AtomicI64::new(self.clock.now().as_second())));
        let random = Arc::new(Counting(AtomicU64::new(u64::from(number) << 32)));
        let opened = App::open(store.clone(), catalog(), clock.clone(), random);
        let app = opened.await.unwrap();
        Server { app, store, clock }
    }

    /// The same platform after a restart: everything is read from the store again.
    pub(crate) async fn restarted(self) -> Self {
        self.with_entries(Vec::new()).await
    }

    /// The same platform after a restart, with an entry that an earlier version made and this one would refuse.
    pub(crate) async fn with_entry(self, entry: Option<Entry>) -> Self {
        self.with_entries(entry.into_iter().collect()).await
    }

    /// The same platform after a restart, with entries that were never decided about.
    pub(crate) async fn with_entries(self, entries: Vec<Entry>) -> Self {
        let Self {
            memory,
            clock,
            sessions,
            usage,
            bills,
            app,
        } = self;
        drop((app, sessions, usage, bills));
        if !entries.is_empty() {
            let journal = store::open(&memory.config()).unwrap().journal;
            let books = store::Books::load(journal).await.unwrap();
            let entered = books.change(clock.now(), operator().id(), |_| {
                Ok::<_, Error>((entries.clone(), ()))
            });
            entered.await.unwrap();
        }
        let (app, sessions, usage, bills) = open(&memory, &clock).await;
        Self {
            memory,
            clock,
            sessions,
            usage,
            bills,
            app: RwLock::new(app),
        }
    }
}

fn catalog() -> Catalog {
    let one = Rational::from_integer(1.into());
    let conversion = Conversion::by_factor(one).unwrap();
    let local = LocalMeter {
        id: VCPU,
        name: "vCPU".to_owned(),
        unit: "vCPU hours".to_owned(),
        meaning: String::new(),
        billing: Billing::Charged {
            meter: VCPU_BILLED,
            conversion,
        },
    };
    let billing = BillingMeter {
        id: VCPU_BILLED,
        name: "vCPU".to_owned(),
        category: "Compute".to_owned(),
        unit: "1 vCPU hour".to_owned(),
    };
    Catalog::new([local], [billing]).unwrap()
}

pub(crate) fn operator() -> Caller {
    Caller::Operator {
        id: OperatorId::from_bytes([0xa; 16]),
        name: "operator".to_owned(),
    }
}

pub(crate) fn address() -> RegistrationAddress {
    RegistrationAddress {
        subscription: SHARED,
        resource_group: "azurestack".parse().unwrap(),
        name: "AzureStack-North".parse().unwrap(),
    }
}

pub(crate) fn token(billing_model: BillingModel) -> RegistrationToken {
    RegistrationToken {
        cloud_id: STACK,
        object_id: None,
        billing_model,
        marketplace_syndication_enabled: true,
        usage_reporting_enabled: true,
        agreement_number: Some("A-1".to_owned()),
        asset_tag: None,
        region_names: Vec::new(),
        hardware: Vec::new(),
        issuer: String::new(),
        version: "1.0".to_owned(),
    }
}
