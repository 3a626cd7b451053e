//! Usage that is carried in files: who signs it, what may follow what, and the receipt that goes back.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{
    Ed25519KeyPair, KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use domain::bundle::{Digest, delivery_name};
use domain::time::{Hour, HourInterval};
use reqwest::Method;
use serde_json::{Value, json};
use wire::bundle::{
    BundleReceipt, DECLARATION, Manifest, Packed, Part, SignedReceipt, digested_parameters, public_key_pem,
    signed_of_manifest, signed_of_receipt,
};

use crate::fixture::{Answer, House, id};
use crate::world::{at, directory, record, registration, registration_body, stack, tenant};

/// A stack's side: a key, and the activation key.
struct Side {
    signing: Ed25519KeyPair,
    activation_key: String,
}

/// A bundle with one part of one record.
struct Bundle {
    manifest: Manifest,
    text: String,
    signature: String,
    part: String,
}

fn hour(after: i32) -> Hour {
    "2026-10-01T00:00:00Z".parse::<Hour>().unwrap().plus(after)
}

fn public(signing: &Ed25519KeyPair) -> [u8; 32] {
    signing.public_key().as_ref().try_into().unwrap()
}

fn digest_of(text: &str) -> Digest {
    Digest::from_bytes(blake3::hash(text.as_bytes()).into())
}

impl Side {
    /// A registered stack whose key is registered, too.
    async fn of(house: &House, seed: u8) -> Self {
        house.register().await;
        let side = Self {
            signing: Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap(),
            activation_key: house.activation_key("north").await,
        };
        register_key(house, &side.signing).await.expect(200);
        side
    }

    fn registration(&self) -> String {
        let claims = self.activation_key.split('.').nth(1).unwrap();
        let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
        claims["registrationId"].as_str().unwrap().to_owned()
    }

    /// The bundle with this number, of a day, after another one.
    fn bundle(&self, sequence: u32, previous: Option<&Bundle>) -> Bundle {
        let day = i32::try_from(sequence).unwrap() - 1;
        let start = hour(24 * day);
        let record = record(&start.to_string(), &start.plus(1).to_string(), "1.5");
        let part = format!("{}\n", record.replace('\n', " "));
        let digested = format!(
            "{part}{}",
            digested_parameters(Some(start), Some(start.plus(1)), None)
        );
        let manifest = Manifest {
            stack: stack().parse().unwrap(),
            registration: self.registration().parse().unwrap(),
            public_key: public(&self.signing),
            sequence: sequence.try_into().unwrap(),
            previous: previous.map(Bundle::digest),
            window: HourInterval::new(start, start.plus(24)).unwrap(),
            read_again_from: None,
            leaves_out_earlier: false,
            directory: None,
            parts: vec![Part {
                hour: start,
                records: 1,
                packed: Packed {
                    bytes: part.len() as u64,
                    compressed_bytes: 100,
                    digest: digest_of(&digested),
                },
            }],
            made_at: "2026-11-02T10:00:00Z".parse().unwrap(),
            made_by: "tests".to_owned(),
        };
        self.sign(manifest, part)
    }

    fn sign(&self, manifest: Manifest, part: String) -> Bundle {
        let text = manifest.write().unwrap();
        let signature = STANDARD.encode(self.signing.sign(&signed_of_manifest(&text)));
        Bundle {
            manifest,
            text,
            signature,
            part,
        }
    }

    async fn send(&self, house: &House, method: Method, path: &str, body: &Value) -> Answer {
        let request = house
            .client
            .request(method, house.url(path))
            .bearer_auth(&self.activation_key);
        house.send(request.json(body)).await
    }

    async fn check(&self, house: &House, bundle: &Bundle) -> Answer {
        let path = format!("/api/v1/stacks/{}/bundles/check", stack());
        self.send(house, Method::POST, &path, &bundle.announced()).await
    }

    async fn take(&self, house: &House, bundle: &Bundle) -> Answer {
        let path = format!("/api/v1/stacks/{}/bundles/{}", stack(), bundle.digest());
        self.send(house, Method::PUT, &path, &bundle.announced()).await
    }

    /// Delivers the part, and then the declaration.
    async fn deliver(&self, house: &House, bundle: &Bundle) {
        let start = bundle.manifest.window.start();
        let part = format!("reportedStart={start}&reportedEnd={}", start.plus(1));
        self.delivery(house, bundle, (1, "application/x-ndjson"), (&part, &bundle.part))
            .await;
        let end = bundle.manifest.window.end();
        let declared = format!("reportedStart={start}&reportedEnd={end}&reportedThrough={end}");
        self.delivery(house, bundle, (2, "application/json"), (&declared, DECLARATION))
            .await;
    }

    async fn delivery(
        &self,
        house: &House,
        bundle: &Bundle,
        (number, kind): (usize, &str),
        (query, body): (&str, &str),
    ) {
        let url = house.url(&format!("/api/v1/stacks/{}/usage?{query}", stack()));
        let request = house.client.post(url).bearer_auth(&self.activation_key);
        let request = request
            .header("Content-Type", kind)
            .header("Idempotency-Key", delivery_name(bundle.digest(), number));
        house.send(request.body(body.to_owned())).await.expect(200);
    }
}

impl Bundle {
    fn digest(&self) -> Digest {
        digest_of(&self.text)
    }

    fn announced(&self) -> Value {
        json!({ "manifest": self.text, "signature": self.signature })
    }
}

async fn register_key(house: &House, key: &Ed25519KeyPair) -> Answer {
    let path = format!("/api/v1/registrations/{}/bundle-key", stack());
    house
        .put(&path, &json!({ "publicKey": public_key_pem(&public(key)) }))
        .await
}

/// The receipt, after its signature was found to be that of the key that the activation key names.
fn proven(answer: &Answer, activation_key: &str) -> BundleReceipt {
    let signed: SignedReceipt = serde_json::from_value(answer.body.clone()).unwrap();
    let head = URL_SAFE_NO_PAD
        .decode(activation_key.split('.').next().unwrap())
        .unwrap();
    let head: Value = serde_json::from_slice(&head).unwrap();
    let thumbprint = digest(&SHA256, signed.key.thumbprint_text().as_bytes());
    assert_eq!(
        head["kid"],
        URL_SAFE_NO_PAD.encode(thumbprint),
        "the key is the one of activation keys"
    );
    let number = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let public = RsaPublicKeyComponents {
        n: number(&signed.key.n),
        e: number(&signed.key.e),
    };
    let (said, signature) = (signed_of_receipt(&signed.receipt), number(&signed.signature));
    public
        .verify(&RSA_PKCS1_2048_8192_SHA256, &said, &signature)
        .unwrap();
    serde_json::from_str(&signed.receipt).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_is_taken_in_only_when_all_of_it_is_there_and_its_receipt_proves_it() {
    let house = House::start().await;
    let side = Side::of(&house, 1).await;
    let bundle = side.bundle(1, None);
    let checked = side.check(&house, &bundle).await.expect(200);
    let digest = bundle.digest().to_string();
    assert_eq!(
        checked.body,
        json!({ "digest": digest, "sequence": 1, "taken": false, "missing": [1, 2] })
    );
    side.take(&house, &bundle).await.refused(409, "BundleIncomplete");
    side.deliver(&house, &bundle).await;

    let taken = side.take(&house, &bundle).await.expect(200);
    let receipt = proven(&taken, &side.activation_key);
    assert_eq!(
        (receipt.bundle.digest.as_str(), receipt.bundle.records),
        (digest.as_str(), 1)
    );
    assert_eq!(receipt.registration_id, side.registration());
    let batches: Vec<_> = receipt
        .batches
        .iter()
        .map(|it| (it.received, it.accepted, it.sequence))
        .collect();
    assert_eq!(batches, [(1, 1, 1), (0, 0, 2)]);
    assert_eq!(
        receipt.batches[0].digest,
        bundle.manifest.parts[0].packed.digest.to_string()
    );
    assert_eq!(
        receipt.batches[1].reported_through.as_deref(),
        Some("2026-10-02T00:00:00Z")
    );

    assert_eq!(
        side.take(&house, &bundle).await.expect(200).body,
        taken.body,
        "the same again"
    );
    let checked = side.check(&house, &bundle).await.expect(200).body;
    assert_eq!(
        (&checked["taken"], &checked["missing"]),
        (&json!(true), &json!([]))
    );
    let path = format!("/api/v1/stacks/{}/bundles", stack());
    let listed = house.get(&path).await.expect(200).body;
    assert_eq!(listed["value"][0]["digest"], digest);
    assert_eq!(listed["value"].as_array().unwrap().len(), 1);
    let again = house.get(&format!("{path}/{digest}")).await.expect(200);
    assert_eq!(again.body, taken.body, "a receipt that was lost can be had again");
    let unknown = "0".repeat(64);
    house
        .get(&format!("{path}/{unknown}"))
        .await
        .refused(404, "BundleNotFound");
    house
        .get(&format!("{path}/xyz"))
        .await
        .refused(400, "InvalidDigest");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_delivers_by_bundle_is_told_by_when_the_next_one_is_expected() {
    let house = House::start().await;
    let side = Side::of(&house, 1).await;
    let backdate = format!("/api/v1/registrations/{}/backdate", stack());
    let since = json!({ "validFrom": hour(0).to_string() });
    house.post(&backdate, &since).await.expect(200);
    let bundle = side.bundle(1, None);
    side.deliver(&house, &bundle).await;
    side.take(&house, &bundle).await.expect(200);
    let path = format!("/api/v1/stacks/{}/completeness?period=2026-10", stack());
    let month = house.get(&path).await.expect(200).body;
    // It held a day: two days after it something is wrong, and that was long ago.
    let by = hour(24 + 48).to_string();
    assert_eq!(month["nextBundleBy"], by, "{month}");
    let behind = &month["findings"][0];
    assert_eq!(behind["code"], "FellBehind");
    for (member, said) in [("message", by.as_str()), ("advice", "next bundle")] {
        assert!(behind[member].as_str().unwrap().contains(said), "{behind}");
    }
    assert_eq!(month["hourCounts"]["notRead"], 0, "{month}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_not_the_stacks_own_next_bundle_is_refused_before_anything_is_delivered() {
    let house = House::start().await;
    let side = Side::of(&house, 1).await;
    let first = side.bundle(1, None);
    side.deliver(&house, &first).await;
    side.take(&house, &first).await.expect(200);
    let second = side.bundle(2, Some(&first));
    let third = side.bundle(3, Some(&second));
    let changed = |change: fn(&mut Manifest)| {
        let mut manifest = second.manifest.clone();
        change(&mut manifest);
        side.sign(manifest, second.part.clone())
    };
    let stranger = Side {
        signing: Ed25519KeyPair::from_seed_unchecked(&[9; 32]).unwrap(),
        activation_key: side.activation_key.clone(),
    };
    let tampered = Bundle {
        text: second.text.replacen("\"records\": 1", "\"records\": 2", 1),
        ..changed(|_| {})
    };
    let renamed = Bundle {
        text: second
            .text
            .replace("\"madeBy\": \"tests\"", "\"madeBy\": \"tester\""),
        ..changed(|_| {})
    };
    for (what, bundle, status, code) in [
        ("one left out", third, 409, "BundlesMissing"),
        (
            "another first one",
            changed(|it| it.sequence = 1.try_into().unwrap()),
            409,
            "BundleSuperseded",
        ),
        (
            "after another one",
            changed(|it| it.previous = Some(digest_of("x"))),
            409,
            "BundlePredecessorDiffers",
        ),
        (
            "with hours left out",
            changed(|it| it.window = HourInterval::new(hour(23), hour(48)).unwrap()),
            409,
            "BundleNotJoined",
        ),
        (
            "of another life",
            changed(|it| it.registration = id('f', 7).parse().unwrap()),
            409,
            "BundleOfAnotherRegistration",
        ),
        (
            "of another stack",
            changed(|it| it.stack = id('5', 2).parse().unwrap()),
            400,
            "BundleOfAnotherStack",
        ),
        (
            "of a foreign key",
            stranger.bundle(2, Some(&first)),
            403,
            "BundleKeyNotKnown",
        ),
        ("that contradicts itself", tampered, 400, "InvalidBundle"),
        (
            "with another manifest than was signed",
            renamed,
            400,
            "BundleSignatureInvalid",
        ),
        (
            "of the future",
            changed(|it| it.window = HourInterval::new(hour(24), hour(24 * 40)).unwrap()),
            400,
            "ReportedTimeInFuture",
        ),
    ] {
        for answer in [
            side.check(&house, &bundle).await,
            side.take(&house, &bundle).await,
        ] {
            assert_eq!(
                (answer.status.as_u16(), answer.code()),
                (status, code),
                "{what}: {answer:?}"
            );
        }
    }
    let path = format!("/api/v1/stacks/{}/bundles/{}", stack(), first.digest());
    let other = side.send(&house, Method::PUT, &path, &second.announced()).await;
    other.refused(400, "InvalidDigest");
    // Something else under the name of a part is noticed.
    side.delivery(&house, &second, (1, "application/json"), ("", DECLARATION))
        .await;
    side.check(&house, &second)
        .await
        .refused(409, "BundlePartDiffers");
    // Another export of the same hours is another bundle: it goes on.
    let again = changed(|it| it.made_by = "tests again".to_owned());
    side.deliver(&house, &again).await;
    side.take(&house, &again).await.expect(200);
    side.check(&house, &second).await.refused(409, "BundleSuperseded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_replaced_signs_nothing_and_a_new_life_needs_its_own() {
    let house = House::start().await;
    house.register().await;
    let key = |seed| Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
    let side = Side {
        signing: key(1),
        activation_key: house.activation_key("north").await,
    };
    let unknown = side.check(&house, &side.bundle(1, None)).await;
    let unknown = unknown.refused(409, "BundleKeyNotRegistered");
    let command = format!("meterbridge registration bundle-key {} --public-key", stack());
    let message = unknown.body["error"]["message"].as_str().unwrap();
    assert!(message.contains(&command), "{message}");
    let known = register_key(&house, &key(1)).await.expect(200).body;
    assert_eq!(
        (&known["generation"], &known["registeredAt"]),
        (&json!(1), &json!("2026-11-02T10:30:00Z"))
    );
    assert_eq!(
        register_key(&house, &key(1)).await.expect(200).body,
        known,
        "registered again, nothing changes"
    );
    side.check(&house, &side.bundle(1, None)).await.expect(200);
    assert_eq!(
        register_key(&house, &key(2)).await.expect(200).body["generation"],
        2
    );
    side.check(&house, &side.bundle(1, None))
        .await
        .refused(403, "BundleKeyNotKnown");
    register_key(&house, &key(1))
        .await
        .refused(409, "BundleKeyWasReplaced");
    let path = format!("/api/v1/registrations/{}/bundle-key", stack());
    let wrong = house
        .put(&path, &json!({ "publicKey": "ssh-ed25519 AAAA" }))
        .await;
    assert_eq!(wrong.refused(400, "InvalidPublicKey").target(), "publicKey");

    let old = Side {
        signing: key(2),
        ..side
    };
    let bundle = old.bundle(1, None);
    house
        .send(house.request(Method::DELETE, &at(&registration("north"))))
        .await
        .expect(200);
    let body = registration_body(&stack(), "PayAsYouUse");
    house.put(&at(&registration("north")), &body).await.expect(201);
    let new = Side {
        signing: key(2),
        activation_key: house.activation_key("north").await,
    };
    new.check(&house, &bundle)
        .await
        .refused(409, "BundleOfAnotherRegistration");
    new.check(&house, &new.bundle(1, None))
        .await
        .refused(409, "BundleKeyNotRegistered");
}

impl Side {
    /// The first bundle, with another window and what else is said here.
    fn beginning(&self, (from, to): (i32, i32), change: fn(&mut Manifest)) -> Bundle {
        let mut manifest = self.bundle(1, None).manifest;
        manifest.window = HourInterval::new(hour(from), hour(to)).unwrap();
        manifest.parts.clear();
        change(&mut manifest);
        self.sign(manifest, String::new())
    }

    async fn declare(&self, house: &House, to: i32) {
        let path = format!("/api/v1/stacks/{}/usage?reportedThrough={}", stack(), hour(to));
        let nothing = json!({ "value": [] });
        self.send(house, Method::POST, &path, &nothing).await.expect(200);
    }
}

/// A bundle is refused that would leave hours out, with the hour with which it has to begin.
async fn assert_leaves_out(side: &Side, house: &House, window: (i32, i32), expected: i32) {
    let refused = side.check(house, &side.beginning(window, |_| {})).await;
    let refused = refused.refused(409, "BundleNotJoined");
    let message = refused.body["error"]["message"].as_str().unwrap();
    for said in [
        hour(window.0).to_string(),
        format!("--restart --from {}", hour(expected)),
        "--leave-out-earlier".to_owned(),
    ] {
        assert!(message.contains(&said), "{message}");
    }
    let said_so = side.beginning(window, |it| it.leaves_out_earlier = true);
    side.check(house, &said_so).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_bundle_of_a_registration_leaves_no_hours_out_in_silence() {
    let house = House::start().await;
    let side = Side::of(&house, 1).await;
    let backdate = format!("/api/v1/registrations/{}/backdate", stack());
    let since = json!({ "validFrom": hour(48).to_string() });
    house.post(&backdate, &since).await.expect(200);
    // Nothing was ever reported: from the beginning of the registration on.
    assert_leaves_out(&side, &house, (49, 60), 48).await;
    for window in [(48, 60), (0, 60)] {
        side.check(&house, &side.beginning(window, |_| {}))
            .await
            .expect(200);
    }
    // What was reported before the registration does not spare it what came after that.
    side.declare(&house, 24).await;
    assert_leaves_out(&side, &house, (48, 60), 24).await;
    side.check(&house, &side.beginning((24, 60), |_| {}))
        .await
        .expect(200);
    side.declare(&house, 100).await;
    assert_leaves_out(&side, &house, (100, 110), 48).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_is_not_taken_in_before_what_it_says_of_the_directory_came_as_of_its_making() {
    let house = House::start().await;
    let side = Side::of(&house, 1).await;
    let (listing, another) = (directory(&tenant()), directory(&id('9', 9)));
    let mut manifest = side.bundle(1, None).manifest;
    let text = listing.to_string();
    manifest.directory = Some(Packed {
        bytes: text.len() as u64,
        compressed_bytes: 100,
        digest: digest_of(&text),
    });
    let bundle = side.sign(manifest, side.bundle(1, None).part);
    side.deliver(&house, &bundle).await;
    let path = format!("/api/v1/stacks/{}/subscriptions", stack());
    let put = async |query: &str, listing: &Value| {
        side.send(&house, Method::PUT, &format!("{path}{query}"), listing)
            .await
    };
    for (query, listed) in [
        ("", &listing),
        ("?asOf=2026-11-02T10:00:01Z", &listing),
        ("?asOf=2026-11-02T10:00:00Z", &another),
    ] {
        put(query, listed).await.expect(200);
        let refused = side.take(&house, &bundle).await;
        refused.refused(409, "BundleDirectoryMissing");
    }
    for (query, status, code) in [
        ("?asOf=2026-11-02T09:59:59Z", 409, "ListingBeforeRegistration"),
        ("?asOf=2026-11-02T18:00:00Z", 400, "ListingInFuture"),
        ("?asOf=yesterday", 400, "InvalidTime"),
    ] {
        let refused = put(query, &listing).await.refused(status, code);
        assert_eq!(refused.target(), "asOf");
    }
    put("?asOf=2026-11-02T10:00:00Z", &listing).await.expect(200);
    let taken = side.take(&house, &bundle).await.expect(200);
    assert_eq!(side.take(&house, &bundle).await.expect(200).body, taken.body);
}
