//! Starting, stopping, and what happens when the storage fails.

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use app::App;
use async_trait::async_trait;
use domain::budget::Tag;
use domain::completeness::{Arrivals, Declared, Records, Silence};
use domain::ids::{BatchId, CloudId, QuarantineActId};
use domain::time::{Hour, HourInterval};
use reqwest::Method;
use server::{Limits, Server, ServerConfig};
use store::{
    ActOutcome, Appended, Audit, Batch, LocalSubscriptionKey, MeterTotal, Purged, QuarantineCount,
    QuarantineFilter, QuarantinePage, Receipt, RecordCursor, RecordSaid, Release, Released, ResourceSum,
    Revised, SeriesKey, Slice, SliceSum, Slicing, StackProgress, Store, StoreError, StoredRecord,
    TaggedHours, UsageLedger,
};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::fixture::{Answer, DataDirectory, House, TestClock, TestRandom, WallClock, client};
use crate::world::{stack, usage};

/// A ledger that fails, except for audits, which never end where their end is to be told, and for saying that it is ready.
struct Failing {
    failure: fn() -> StoreError,
    audits_end: Option<UnboundedSender<()>>,
    /// Whether it says that it can be used all the same.
    is_ready: fn() -> bool,
}

#[async_trait]
impl UsageLedger for Failing {
    async fn append(&self, _: Batch<'_>) -> Result<Appended, StoreError> {
        Err((self.failure)())
    }
    async fn sums(&self, _: &[Slice]) -> Result<Vec<SliceSum>, StoreError> {
        Err((self.failure)())
    }
    async fn sums_at(&self, _: &[Slice], _: &[(CloudId, u64)]) -> Result<Vec<SliceSum>, StoreError> {
        Err((self.failure)())
    }
    async fn resource_sums_at(
        &self,
        _: &[Slice],
        _: &[(CloudId, u64)],
    ) -> Result<Vec<ResourceSum>, StoreError> {
        Err((self.failure)())
    }
    async fn revised_between(
        &self,
        _: &[Slice],
        _: &[(CloudId, u64)],
        _: &[(CloudId, u64)],
    ) -> Result<Vec<Revised>, StoreError> {
        Err((self.failure)())
    }
    async fn sayings_at(
        &self,
        _: SeriesKey,
        _: HourInterval,
        _: &[(CloudId, u64)],
    ) -> Result<Vec<RecordSaid>, StoreError> {
        Err((self.failure)())
    }
    async fn tagged_hours(&self, _: &[Slice], _: &[Tag]) -> Result<Vec<TaggedHours>, StoreError> {
        Err((self.failure)())
    }
    async fn used_hours(&self, _: &[Slice]) -> Result<Vec<Option<HourInterval>>, StoreError> {
        Err((self.failure)())
    }
    async fn local_subscriptions(
        &self,
        _: Option<CloudId>,
        _: HourInterval,
    ) -> Result<Vec<LocalSubscriptionKey>, StoreError> {
        Err((self.failure)())
    }
    async fn local_subscriptions_at(
        &self,
        _: HourInterval,
        _: &[(CloudId, u64)],
    ) -> Result<Vec<LocalSubscriptionKey>, StoreError> {
        Err((self.failure)())
    }
    async fn local_subscriptions_after(
        &self,
        _: HourInterval,
        _: &[(CloudId, u64)],
    ) -> Result<Vec<LocalSubscriptionKey>, StoreError> {
        Err((self.failure)())
    }
    async fn stacks(&self) -> Result<Vec<CloudId>, StoreError> {
        Err((self.failure)())
    }
    async fn meter_totals(&self, _: HourInterval) -> Result<Vec<MeterTotal>, StoreError> {
        Err((self.failure)())
    }
    async fn receipts(&self, _: CloudId, _: u64, _: usize) -> Result<Vec<Receipt>, StoreError> {
        Err((self.failure)())
    }
    async fn receipt(&self, _: BatchId) -> Result<Option<Receipt>, StoreError> {
        Err((self.failure)())
    }
    async fn receipts_under(&self, _: CloudId, _: Vec<String>) -> Result<Vec<Option<Receipt>>, StoreError> {
        Err((self.failure)())
    }
    async fn quarantined_at(&self, _: &[u64]) -> Result<QuarantinePage, StoreError> {
        Err((self.failure)())
    }
    async fn quarantine_counts(&self, _: Option<CloudId>) -> Result<Vec<QuarantineCount>, StoreError> {
        Err((self.failure)())
    }
    async fn release(&self, _: Release<'_>) -> Result<Released, StoreError> {
        Err((self.failure)())
    }
    async fn purge(&self, _: QuarantineActId, _: &[u64], _: bool) -> Result<Purged, StoreError> {
        Err((self.failure)())
    }
    async fn acts(&self, _: &[QuarantineActId]) -> Result<Vec<ActOutcome>, StoreError> {
        Err((self.failure)())
    }
    async fn quarantine(&self, _: &QuarantineFilter, _: u64, _: usize) -> Result<QuarantinePage, StoreError> {
        Err((self.failure)())
    }
    async fn watermark(&self, _: CloudId) -> Result<Option<Hour>, StoreError> {
        Err((self.failure)())
    }
    async fn progress(&self) -> Result<Vec<StackProgress>, StoreError> {
        Err((self.failure)())
    }
    async fn declared(&self, _: CloudId, _: Hour) -> Result<(Declared, Arrivals), StoreError> {
        Err((self.failure)())
    }
    async fn records_by_hour(&self, _: CloudId, _: HourInterval) -> Result<Records, StoreError> {
        Err((self.failure)())
    }
    async fn silence(&self, _: CloudId, _: Hour, _: usize) -> Result<Silence, StoreError> {
        Err((self.failure)())
    }
    async fn records(
        &self,
        _: Slice,
        _: Option<RecordCursor>,
        _: usize,
    ) -> Result<Vec<StoredRecord>, StoreError> {
        Err((self.failure)())
    }
    async fn audit(&self, _: HourInterval, _: Slicing) -> Result<Audit, StoreError> {
        let Some(audits_end) = self.audits_end.clone() else {
            return Err((self.failure)());
        };
        let _ended = Ended(audits_end);
        std::future::pending().await
    }
    async fn ready(&self) -> Result<(), StoreError> {
        if (self.is_ready)() {
            return Ok(());
        }
        Err((self.failure)())
    }
}

/// Tells that it was dropped.
struct Ended(UnboundedSender<()>);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

async fn house_with(failure: fn() -> StoreError) -> House {
    let ledger = Failing {
        failure,
        audits_end: None,
        is_ready: || false,
    };
    house_on(ledger, Limits::default()).await
}

async fn house_on(ledger: Failing, limits: Limits) -> House {
    let directory = DataDirectory::new();
    let store = store::open(&directory.store()).unwrap();
    let store = Store {
        usage: Arc::new(ledger),
        ..store
    };
    let clock = TestClock::at("2026-11-02T10:30:00Z");
    let app = App::open(
        store,
        wire::catalog::meters().unwrap(),
        clock.clone(),
        Arc::new(TestRandom),
    )
    .await
    .unwrap();
    House::start_app(directory, clock, app, limits).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_that_nobody_waits_for_any_more_ends() {
    let (audits_end, mut ends) = unbounded_channel();
    let ledger = Failing {
        failure: || StoreError::Busy,
        audits_end: Some(audits_end),
        is_ready: || false,
    };
    let limits = Limits {
        request_timeout: Duration::from_secs(2),
        ..Limits::default()
    };
    let house = house_on(ledger, limits).await;
    let check = || house.request(Method::GET, "/api/v1/periods/2026-10/check");
    let impatient = check().timeout(Duration::from_millis(500)).send().await;
    assert!(impatient.unwrap_err().is_timeout());
    let ended = tokio::time::timeout(Duration::from_secs(1), ends.recv()).await;
    assert_eq!(ended, Ok(Some(())), "the client is gone and the check goes on");
    house.send(check()).await.refused(503, "ServerTimeout");
    let ended = tokio::time::timeout(Duration::from_secs(1), ends.recv()).await;
    assert_eq!(ended, Ok(Some(())), "it was given up and goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_stored_is_not_acknowledged() {
    let full = || StoreError::Unavailable {
        detail: "the disk /secret/path is full".to_owned(),
    };
    let house = house_with(full).await;
    house.register().await;
    let refused = house
        .deliver(usage("2026-10-01", &["1"]))
        .await
        .refused(503, "StorageUnavailable");
    assert!(!refused.header("retry-after").is_empty());
    assert!(
        !refused.body.to_string().contains("secret"),
        "what is for the log stays there: {refused:?}"
    );
    let not_ready = house.client.get(house.url("/readyz")).send().await.unwrap();
    assert_eq!(not_ready.status(), 503);
    assert_eq!(
        house
            .client
            .get(house.url("/healthz"))
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_store_asks_to_come_later_and_a_damaged_one_says_so() {
    let house = house_with(|| StoreError::Busy).await;
    house.register().await;
    house
        .deliver(usage("2026-10-01", &["1"]))
        .await
        .refused(503, "TooManyDeliveries");
    let busy = house.get("/api/v1/quarantine").await.refused(503, "StorageBusy");
    assert!(!busy.header("retry-after").is_empty(), "{busy:?}");
    let metrics = house.get("/metrics").await.expect(200).body;
    assert!(
        metrics
            .as_str()
            .unwrap()
            .contains("meterbridge_deliveries_refused_busy_total 1"),
        "{metrics}"
    );
    let house = house_with(|| StoreError::Corrupt {
        detail: "x".to_owned(),
    })
    .await;
    house.register().await;
    let told = house.deliver(usage("2026-10-01", &["1"])).await;
    let told = told.refused(500, "StoreDamaged");
    let hint = told.header("x-meterbridge-hint");
    assert!(hint.contains("audit verify"), "{told:?}");
    house.get("/readyz").await.refused(503, "StoreDamaged");
    house.get("/healthz").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_damaged_page_that_somebody_reads_would_take_every_server_away_from_every_stack() {
    static IS_DAMAGED: AtomicBool = AtomicBool::new(true);
    let ledger = Failing {
        failure: || StoreError::Corrupt {
            detail: "page 7".to_owned(),
        },
        audits_end: None,
        is_ready: || !IS_DAMAGED.load(Ordering::SeqCst),
    };
    let house = house_on(ledger, Limits::default()).await;
    // Ingest needs what is damaged.
    house.get("/readyz").await.refused(503, "StoreDamaged");
    house.get("/api/v1/quarantine").await.refused(500, "StoreDamaged");
    // It does not: a page does that somebody reads.
    IS_DAMAGED.store(false, Ordering::SeqCst);
    house.get("/readyz").await.expect(200);
    house.get("/api/v1/quarantine").await.refused(500, "StoreDamaged");
    house.get("/readyz").await.expect(200);
    let metrics = house.get("/metrics").await.expect(200).body;
    let counted = "\nmeterbridge_requests_refused_damaged_total 3\n";
    assert!(metrics.as_str().unwrap().contains(counted), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_an_answer_and_the_server_goes_on() {
    let house = house_with(|| panic!("a defect, made for this test")).await;
    house.register().await;
    let refused = house
        .deliver(usage("2026-10-01", &["1"]))
        .await
        .refused(500, "InternalError");
    assert!(!refused.body.to_string().contains("defect"), "{refused:?}");
    house
        .get("/api/v1/quarantine")
        .await
        .refused(500, "InternalError");
    house.get("/api/v1/partners").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_certificates_outlive_a_restart_and_only_their_owner_reads_them() {
    let house = House::start().await;
    house.register().await;
    let key = house.activation_key("north").await;
    let House {
        running,
        directory,
        app,
        clock,
        operator,
        ..
    } = house;
    let ca = running.ca_certificate_pem().unwrap().to_owned();
    running.shutdown().await.unwrap();
    for file in ["keys/activation-key.pem", "tls/ca.key"] {
        let mode = std::fs::metadata(directory.path().join(file))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    drop(app);
    let app = reopened(&directory, &clock).await;
    let config = ServerConfig::new(
        directory.path().to_owned(),
        ([127, 0, 0, 1], 0).into(),
        Arc::new(WallClock),
    );
    let running = Server::start(config, app).await.unwrap();
    assert_eq!(running.ca_certificate_pem(), Some(ca.as_str()));
    let client = client(&running).build().unwrap();
    let send = async |request: reqwest::RequestBuilder| Answer::of(request.send().await.unwrap()).await;
    send(
        client
            .get(format!("{}api/v1/stacks", running.url()))
            .bearer_auth(&operator),
    )
    .await
    .expect(200);
    let delivery = client
        .post(format!("{}api/v1/stacks/{}/usage", running.url(), stack()))
        .bearer_auth(key);
    send(
        delivery
            .header("Content-Type", "application/json")
            .body(usage("2026-10-01", &["1"])),
    )
    .await
    .expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_signing_key_is_gone_does_not_cut_off_every_stack_in_silence() {
    let house = House::start().await;
    house.register().await;
    let House {
        running,
        directory,
        app,
        clock,
        ..
    } = house;
    running.shutdown().await.unwrap();
    drop(app);
    let path = directory.path().join("keys/activation-key.pem");
    std::fs::remove_file(&path).unwrap();
    let app = reopened(&directory, &clock).await;
    let config = ServerConfig::new(
        directory.path().to_owned(),
        ([127, 0, 0, 1], 0).into(),
        Arc::new(WallClock),
    );
    let refusal = Server::start(config.clone(), app.clone()).await.err().unwrap();
    let text = refusal.to_string();
    for part in ["activation-key.pem is missing", "Restore", "--new-activation-key"] {
        assert!(text.contains(part), "{text}");
    }
    Server::prepare(&config, &app).await.unwrap_err();
    assert!(!path.exists());
    Server::replace_activation_key(&config).await.unwrap();
    Server::start(config, app).await.unwrap();
}

/// The app on the same directory, as soon as the server before has let go of it.
pub(crate) async fn reopened(directory: &DataDirectory, clock: &Arc<TestClock>) -> App {
    for _ in 0..100 {
        match server::open(directory.store(), clock.clone(), Arc::new(TestRandom)).await {
            Err(server::OpenError::Store(StoreError::InUse { .. })) => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            opened => return opened.unwrap(),
        }
    }
    panic!("the store stays in use after the server ended")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_in_flight_is_answered_before_the_server_ends() {
    let house = House::start().await;
    house.register().await;
    // A body whose second half comes after the shutdown began.
    let (sender, receiver) = tokio::sync::mpsc::channel::<Result<Vec<u8>, std::io::Error>>(2);
    let page = usage("2026-10-01", &["1"]).into_bytes();
    let (first, second) = page.split_at(page.len() / 2);
    sender.send(Ok(first.to_vec())).await.unwrap();
    let stream = futures_util::stream::unfold(receiver, async |mut receiver| {
        receiver.recv().await.map(|item| (item, receiver))
    });
    let delivery = house.delivery(reqwest::Body::wrap_stream(stream)).await;
    let answer = tokio::spawn(async move { Answer::of(delivery.send().await.unwrap()).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let House { running, client, .. } = house;
    let url = format!("{}healthz", running.url());
    let ended = tokio::spawn(running.shutdown());
    tokio::time::sleep(Duration::from_millis(300)).await;
    let fresh = client.get(url).timeout(Duration::from_secs(2)).send();
    sender.send(Ok(second.to_vec())).await.unwrap();
    drop(sender);
    assert_eq!(answer.await.unwrap().expect(200).body["accepted"], 1);
    ended.await.unwrap().unwrap();
    assert!(fresh.await.is_err(), "nobody new is let in");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_speaks_is_shown_out() {
    let limits = Limits {
        handshake_timeout: Duration::from_millis(200),
        ..Limits::default()
    };
    let house = House::start_with(limits).await;
    let address = house.running.address();
    let closed = tokio::task::spawn_blocking(move || {
        let mut silent = std::net::TcpStream::connect(address).unwrap();
        silent.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        silent.read(&mut [0; 64])
    });
    assert_eq!(
        closed
            .await
            .unwrap()
            .map_err(|error| error.kind())
            .unwrap_or_default(),
        0
    );
}
