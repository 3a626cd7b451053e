use super::*;
use proptest::prelude::*;

const CLOUD: &str = "2f7c30a1-55d0-4e0c-8a4e-6f1f2c9b7d10";

type Change = fn(&mut TokenClaims);

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn claims(billing_model: &str) -> TokenClaims {
    TokenClaims {
        billing_model: some(billing_model),
        cloud_id: some(CLOUD),
        ..TokenClaims::default()
    }
}

fn refused(claims: TokenClaims) -> InvalidToken {
    RegistrationToken::from_claims(claims).unwrap_err()
}

#[test]
fn each_billing_model_has_its_own_needs() {
    // model, usage reporting as claimed, agreement, asset tag -> usage reporting, or the claim that is wrong
    let table = [
        ("PayAsYouUse", None, "", "", Ok(true)),
        ("PayAsYouUse", Some(true), "", "", Ok(true)),
        ("PayAsYouUse", Some(false), "", "", Err("usageReportingEnabled")),
        ("payasyouuse", None, "", "", Ok(true)),
        ("Capacity", None, "EA-4711", "", Ok(false)),
        ("Capacity", Some(false), "EA-4711", "", Ok(false)),
        ("Capacity", Some(true), "EA-4711", "", Ok(true)),
        ("Capacity", None, "", "", Err("agreementNumber")),
        ("Capacity", None, "   ", "", Err("agreementNumber")),
        ("Development", None, "", "", Ok(true)),
        ("Development", Some(false), "", "", Ok(false)),
        ("Custom", None, "", "tag-9", Ok(true)),
        ("Custom", None, "EA-4711", "", Err("msAssetTag")),
        ("Ruggedized", None, "", "", Ok(true)),
        ("PerHour", None, "", "", Err("billingModel")),
        ("", None, "", "", Err("billingModel")),
    ];
    for (model, reporting, agreement, tag, expected) in table {
        let token = RegistrationToken::from_claims(TokenClaims {
            usage_reporting_enabled: reporting,
            agreement_number: some(agreement),
            ms_asset_tag: some(tag),
            ..claims(model)
        });
        let outcome = token
            .as_ref()
            .map(|token| token.usage_reporting_enabled)
            .map_err(InvalidToken::claim);
        assert_eq!(outcome, expected, "{model} {reporting:?} {agreement} {tag}");
    }
}

#[test]
fn a_wrong_claim_is_named_with_what_would_be_right() {
    let guid = "a GUID such as";
    let models = "PayAsYouUse, Capacity, Development, Custom or Ruggedized";
    let wrong: [(Change, &str, &str); 6] = [
        (|it| it.cloud_id = None, "cloudId", "which stack"),
        (|it| it.cloud_id = some("cloud1"), "cloudId", guid),
        (|it| it.object_id = some("bridge"), "objectId", guid),
        (|it| it.billing_model = some("Free"), "billingModel", models),
        (
            |it| it.billing_model = some("Capacity"),
            "agreementNumber",
            "agreement",
        ),
        (
            |it| it.billing_model = some("Custom"),
            "msAssetTag",
            "arrangement",
        ),
    ];
    for (change, claim, right) in wrong {
        let mut claims = claims("PayAsYouUse");
        change(&mut claims);
        let refusal = refused(claims);
        assert_eq!(
            (InvalidToken::CODE, refusal.kind()),
            ("InvalidRegistrationToken", RefusalKind::Invalid)
        );
        assert_eq!(refusal.claim(), claim);
        let text = refusal.to_string();
        assert!(text.contains(claim) && text.contains(right), "{text}");
    }
}

#[test]
fn a_number_of_cores_that_cannot_be_keeps_no_stack_from_being_registered() {
    for num_cores in [-1_191_822_123, -2, 0, 1 << 32, i64::MAX] {
        let token = RegistrationToken::from_claims(TokenClaims {
            hardware_info: vec![HardwareClaims {
                num_cores: Some(num_cores),
                ..HardwareClaims::default()
            }],
            ..claims("PayAsYouUse")
        });
        assert_eq!(token.unwrap().hardware[0].cores, num_cores);
    }
}

#[test]
fn cores_are_known_if_every_machine_states_them() {
    for (stated, expected) in [
        (vec![], None),
        (vec![Some(24)], Some(24)),
        (vec![Some(24), Some(48)], Some(72)),
        (vec![Some(24), None], None),
        (vec![Some(24), Some(0)], None),
        (vec![Some(24), Some(-3)], None),
        (vec![Some(i64::MAX)], None),
        (vec![Some(u32::MAX.into()), Some(1)], None),
    ] {
        let node = |num_cores: &Option<i64>| HardwareClaims {
            num_cores: *num_cores,
            ..HardwareClaims::default()
        };
        let token = RegistrationToken::from_claims(TokenClaims {
            hardware_info: stated.iter().map(node).collect(),
            ..claims("PayAsYouUse")
        });
        assert_eq!(token.unwrap().cores(), expected, "{stated:?}");
    }
}

#[test]
fn a_token_that_says_only_what_it_must_gets_the_defaults() {
    let token = RegistrationToken::from_claims(claims(" Development ")).unwrap();
    assert_eq!(token.cloud_id.to_string(), CLOUD);
    assert_eq!(token.billing_model, BillingModel::Development);
    assert!(token.marketplace_syndication_enabled);
    assert_eq!(
        (token.object_id, token.agreement_number, token.asset_tag),
        (None, None, None)
    );
    assert_eq!((token.issuer.as_str(), token.version.as_str()), ("", "1.0"));
    assert!(token.region_names.is_empty() && token.hardware.is_empty());
}

#[test]
fn what_a_full_token_says_is_kept() {
    let parts = BTreeMap::from([("nic".to_owned(), vec!["0a1b".to_owned(), "2c3d".to_owned()])]);
    let token = RegistrationToken::from_claims(TokenClaims {
        object_id: some("0C8E7B5D9A0148E2B7B06E5F2D7C1A34"),
        marketplace_syndication_enabled: Some(false),
        region_names: vec!["north".into(), " ".into(), "south ".into()],
        hardware_info: vec![HardwareClaims {
            name: some("node-1"),
            uuid: some("board-1"),
            num_cores: Some(56),
            parts: parts.clone(),
        }],
        issuer: some("harbour"),
        version: some("4.0"),
        ..claims("PayAsYouUse")
    })
    .unwrap();
    assert_eq!(
        token.object_id.map(|id| id.to_string()).as_deref(),
        Some("0c8e7b5d-9a01-48e2-b7b0-6e5f2d7c1a34")
    );
    assert!(!token.marketplace_syndication_enabled);
    assert_eq!(token.region_names, ["north", "south"]);
    let node = HardwareNode {
        name: "node-1".into(),
        uuid: "board-1".into(),
        cores: 56,
        parts,
    };
    assert_eq!(token.hardware, [node]);
    assert_eq!(
        (token.issuer.as_str(), token.version.as_str()),
        ("harbour", "4.0")
    );
}

fn long() -> Option<String> {
    Some("x".repeat(CLAIM_BYTES_MAX + 1))
}

fn many() -> Vec<String> {
    vec!["x".to_owned(); CLAIM_ITEMS_MAX + 1]
}

fn many_kinds() -> BTreeMap<String, Vec<String>> {
    (0..=CLAIM_ITEMS_MAX).map(|n| (n.to_string(), vec![])).collect()
}

fn node(parts: BTreeMap<String, Vec<String>>) -> Vec<HardwareClaims> {
    let node = HardwareClaims {
        parts,
        ..HardwareClaims::default()
    };
    vec![node]
}

#[test]
fn texts_and_lists_have_a_limit() {
    let too_large: [(Change, &str); 8] = [
        (|it| it.cloud_id = long(), "cloudId"),
        (|it| it.billing_model = long(), "billingModel"),
        (|it| it.issuer = long(), "issuer"),
        (|it| it.region_names = many(), "regionNames"),
        (|it| it.region_names.extend(long()), "regionNames"),
        (
            |it| it.hardware_info = vec![HardwareClaims::default(); CLAIM_ITEMS_MAX + 1],
            "hardwareInfo",
        ),
        (
            |it| it.hardware_info = node(BTreeMap::from([("nic".to_owned(), many())])),
            "hardwareInfo",
        ),
        (|it| it.hardware_info = node(many_kinds()), "hardwareInfo"),
    ];
    for (change, claim) in too_large {
        let mut claims = claims("PayAsYouUse");
        change(&mut claims);
        assert_eq!(refused(claims), InvalidToken::TooLarge { claim });
    }
    let longest = TokenClaims {
        issuer: some(&"x".repeat(CLAIM_BYTES_MAX)),
        ..claims("PayAsYouUse")
    };
    assert!(RegistrationToken::from_claims(longest).is_ok());
}

proptest! {
    #[test]
    fn no_claims_break_the_reader_and_what_it_accepts_obeys_the_rules(
        model in prop::option::of("PayAsYouUse|Capacity|Development|Custom|Ruggedized|\\PC{0,12}"),
        cloud in prop::option::of("2f7c30a1-55d0-4e0c-8a4e-6f1f2c9b7d10|\\PC{0,40}"),
        texts in prop::collection::vec(prop::option::of("\\PC{0,300}"), 4),
        reporting in any::<Option<bool>>(), cores in any::<Option<i64>>(),
    ) {
        let [agreement_number, ms_asset_tag, issuer, object_id] = <[_; 4]>::try_from(texts).unwrap();
        let claims = TokenClaims {
            billing_model: model, cloud_id: cloud, agreement_number, ms_asset_tag, issuer, object_id,
            usage_reporting_enabled: reporting,
            hardware_info: vec![HardwareClaims { num_cores: cores, ..HardwareClaims::default() }],
            ..TokenClaims::default()
        };
        match RegistrationToken::from_claims(claims) {
            Ok(token) => match token.billing_model {
                BillingModel::PayAsYouUse => prop_assert!(token.usage_reporting_enabled),
                BillingModel::Capacity => prop_assert!(token.agreement_number.is_some()),
                BillingModel::Custom => prop_assert!(token.asset_tag.is_some()),
                BillingModel::Development | BillingModel::Ruggedized => {}
            },
            Err(refusal) => prop_assert!(refusal.to_string().contains(refusal.claim())),
        }
    }
}
