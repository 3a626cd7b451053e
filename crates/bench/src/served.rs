//! The server under test: the real binary in a process of its own, with a stack registered and tenants added.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use client::{Client, Credential, RegistrationPath};
use serde_json::{Value, json};
use wire::api::{
    BackdateRegistration, MapTenant, NewCustomer, NewPartner, NewSubscription, PartnerKind, SubscriptionKind,
};
use wire::azure_stack::{PutRegistration, PutRegistrationProperties};

use crate::back_end::BackEnd;
use crate::workload::{LOCAL_SUBSCRIPTIONS, local_subscription};

/// The stack of the benchmark.
pub const CLOUD_ID: &str = "0c10d000-0000-4000-8000-00000000be4c";
/// What every stack here is registered with.
const SHARED: &str = "50000000-0000-4000-8000-000000000001";
/// The partner who sells to all customers.
pub const PARTNER: &str = "b0000000-0000-4000-8000-000000000001";
/// The month whose usage is delivered.
pub const PERIOD: &str = "2026-10";

/// A running server.
pub struct Served {
    /// Where it keeps its state.
    pub back_end: BackEnd,
    directory: tempfile::TempDir,
    /// None while it is stopped.
    process: Option<Child>,
    /// What its state takes before any usage has come.
    bytes_at_first: u64,
    url: String,
    /// As its operator.
    pub operator: Client,
    /// As the stack.
    pub stack: Client,
}

impl Served {
    /// Starts a server and makes everything ready for the usage of the month.
    pub async fn start(back_end: BackEnd) -> Self {
        Self::start_for(back_end, LOCAL_SUBSCRIPTIONS).await
    }

    /// The same for this many customers, a local subscription each.
    pub async fn start_for(back_end: BackEnd, customers: usize) -> Self {
        let directory = tempfile::Builder::new()
            .prefix("meterbridge-bench")
            .tempdir()
            .expect("a directory");
        let data = directory.path().join("data");
        let init = told(&back_end, &data, "init")
            .args(["--output", "json"])
            .output()
            .expect("meterbridge init runs");
        assert!(
            init.status.success(),
            "meterbridge init: {}",
            String::from_utf8_lossy(&init.stderr)
        );
        let made: Value = serde_json::from_slice(&init.stdout).expect("init answers in JSON");
        let credential = made["credential"].as_str().expect("init makes a credential");
        let (process, url) = serve(&back_end, &data, "127.0.0.1:0");
        let ca = std::fs::read(data.join("tls/ca.pem")).expect("the server has made its CA");
        let operator = Client::builder(&url)
            .ca_pem(ca)
            .credential(Credential::new(credential))
            .build()
            .expect("a client");
        let key = register(&operator, customers).await;
        let stack = operator.with_credential(Credential::new(&key));
        Self {
            bytes_at_first: back_end.bytes(&data),
            back_end,
            directory,
            process: Some(process),
            url,
            operator,
            stack,
        }
    }

    /// Registers one more stack; its activation key.
    pub async fn add_stack(&self, cloud_id: &str) -> String {
        register_stack(&self.operator, cloud_id, cloud_id).await
    }

    /// Where it is reached, and the file with the CA to trust it by.
    pub fn address(&self) -> (&str, PathBuf) {
        (&self.url, self.directory.path().join("data/tls/ca.pem"))
    }

    /// The id of the server's process.
    pub fn process_id(&self) -> u32 {
        self.process.as_ref().expect("the server runs").id()
    }

    /// Takes the server away, as if it had been killed.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It is a benchmark's server: nothing is lost with it.
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Starts a server that was stopped, where it was: it listens again when this returns.
    pub fn start_again(&mut self) {
        let data = self.directory.path().join("data");
        let port = self.url.rsplit(':').next().expect("a URL with a port");
        let (process, url) = serve(&self.back_end, &data, &format!("127.0.0.1:{port}"));
        self.process = Some(process);
        assert_eq!(url, self.url, "it is where it was");
    }

    /// Bytes on disk that usage has taken.
    pub fn bytes_of_usage(&self) -> u64 {
        self.back_end
            .bytes(&self.directory.path().join("data"))
            .saturating_sub(self.bytes_at_first)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A command of the server, for its data directory and its back end.
fn told(back_end: &BackEnd, data: &Path, subcommand: &str) -> Command {
    let mut command = Command::new(binary());
    command.arg(subcommand).arg("--data").arg(data);
    // What this process is told by its environment is not meant for it.
    command
        .env_remove("METERBRIDGE_STORE")
        .env_remove("METERBRIDGE_CONFIG_FILE");
    let store = back_end.url().into_iter();
    command.args(store.flat_map(|url| ["--store".to_owned(), url]));
    command
}

/// Starts it; where it listens.
fn serve(back_end: &BackEnd, data: &Path, listen: &str) -> (Child, String) {
    let mut process = told(back_end, data, "serve")
        .args(["--log", "warn", "--listen", listen])
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("meterbridge serve runs");
    let url = listening(&mut process);
    (process, url)
}

/// The binary that was built beside this one.
pub fn binary() -> PathBuf {
    let own = std::env::current_exe().expect("the benchmark knows where it is");
    let binary = own.with_file_name("meterbridge");
    assert!(
        binary.exists(),
        "{} is missing: run `cargo build --release` first",
        binary.display()
    );
    binary
}

/// Waits until the server says where it listens; what else it says goes on to standard error.
fn listening(process: &mut Child) -> String {
    let mut lines = BufReader::new(process.stderr.take().expect("standard error is piped")).lines();
    let url = loop {
        let line = lines
            .next()
            .expect("the server starts")
            .expect("its words are text");
        if let Some(rest) = line.split("listening on ").nth(1) {
            break rest.split_whitespace().next().expect("a URL").to_owned();
        }
        eprintln!("{line}");
    };
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| eprintln!("{line}")));
    url
}

/// The CSP subscription of the customer with this number.
pub fn subscription(customer: usize) -> String {
    format!("c0000000-0000-4000-8000-{customer:012x}")
}

async fn register(operator: &Client, customers: usize) -> String {
    let partner = PARTNER.to_owned();
    let new = NewPartner {
        id: Some(partner.clone()),
        name: "Benchmark".to_owned(),
        kind: PartnerKind::DirectBill,
        provider: None,
    };
    operator.create_partner(&new).await.expect("a partner");
    let new = NewSubscription {
        id: Some(SHARED.to_owned()),
        name: "Shared services".to_owned(),
        kind: SubscriptionKind::PartnerSharedServices,
        tenant_id: "70000000-0000-4000-8000-ffffffffffff".to_owned(),
        owner_partner_id: Some(partner.clone()),
        customer_id: None,
    };
    operator.create_subscription(&new).await.expect("a subscription");
    operator
        .put_resource_group(SHARED, "azurestack", "westcentralus")
        .await
        .expect("a resource group");
    let key = register_stack(operator, CLOUD_ID, "bench").await;
    operator.approve_multi_tenancy(CLOUD_ID).await.expect("approved");
    let directory: Vec<Value> = (0..customers)
        .map(|customer| json!({ "subscriptionId": local_subscription(customer).to_string(), "tenantId": tenant(customer) }))
        .collect();
    let listing = json!({ "value": directory }).to_string();
    operator
        .put_directory(CLOUD_ID, listing.into())
        .await
        .expect("a directory");
    for customer in 0..customers {
        add_customer(operator, &partner, customer).await;
    }
    key
}

/// Registers a stack under this name, from the start of the month on; its activation key.
async fn register_stack(operator: &Client, cloud_id: &str, name: &str) -> String {
    let token = json!({ "cloudId": cloud_id, "billingModel": "PayAsYouUse", "version": "1.0" });
    let at = RegistrationPath {
        subscription_id: SHARED.to_owned(),
        resource_group: "azurestack".to_owned(),
        name: name.to_owned(),
    };
    let registration_token = Some(base64(token.to_string().as_bytes()));
    let put = PutRegistration {
        properties: Some(PutRegistrationProperties { registration_token }),
        ..PutRegistration::default()
    };
    operator
        .put_registration(&at, &put)
        .await
        .expect("a registration");
    let backdate = BackdateRegistration {
        valid_from: format!("{PERIOD}-01T00:00:00Z"),
    };
    operator
        .backdate_registration(cloud_id, &backdate)
        .await
        .expect("valid from the start of the month");
    let key = operator.activation_key(&at).await.expect("an activation key");
    key.activation_key
}

fn tenant(customer: usize) -> String {
    format!("70000000-0000-4000-8000-{customer:012x}")
}

async fn add_customer(operator: &Client, partner: &str, customer: usize) {
    let id = format!("a0000000-0000-4000-8000-{customer:012x}");
    let new = NewCustomer {
        id: Some(id.clone()),
        partner_id: partner.to_owned(),
        name: format!("Customer {customer}"),
        tenant_ids: vec![tenant(customer)],
    };
    operator.create_customer(&new).await.expect("a customer");
    let new = NewSubscription {
        id: Some(subscription(customer)),
        name: format!("Subscription {customer}"),
        kind: SubscriptionKind::Csp,
        tenant_id: tenant(customer),
        owner_partner_id: Some(partner.to_owned()),
        customer_id: Some(id),
    };
    operator.create_subscription(&new).await.expect("a subscription");
    let map = MapTenant {
        tenant_id: tenant(customer),
        subscription_id: Some(subscription(customer)),
        valid_from: format!("{PERIOD}-01T00:00:00Z"),
        valid_to: None,
    };
    operator.map_tenant(CLOUD_ID, &map).await.expect("a mapping");
}

/// Base64, for a token that is made once.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |bits: u32| char::from(DIGITS[(bits & 63) as usize]);
    bytes
        .chunks(3)
        .flat_map(|chunk| {
            let bits =
                chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
            (0..4).map(move |place| {
                if place <= chunk.len() {
                    digit(bits >> (18 - 6 * place))
                } else {
                    '='
                }
            })
        })
        .collect()
}
