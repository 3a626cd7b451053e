//! Who is on a stack.

use bridge::{DirectoryAdmin, DirectoryName, Part};

use crate::stack_stub::local_subscription;
use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_is_told_who_is_on_the_stack_whenever_that_changes() {
    let mut world = World::new().await;
    world.start_bridge().await;
    let directories = |world: &World| world.server.state.lock().unwrap().directories.clone();
    world
        .until("it is told", |world| !directories(world).is_empty())
        .await;
    assert!(directories(&world)[0].contains("\"displayName\":\"web\""));
    world.stack.state.lock().unwrap().local_subscriptions = local_subscription("shop");
    world
        .until("the change is told", |world| {
            directories(world)
                .last()
                .unwrap()
                .contains("\"displayName\":\"shop\"")
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_server_would_not_have_been_told_for_hours_who_is_on_the_stack() {
    let mut world = World::new().await;
    world.report_hours(4, 3);
    let backup = world.server.state.lock().unwrap().backup();
    world.start_bridge().await;
    world.until_reported(2).await;
    world.server.state.lock().unwrap().restore(&backup);
    // By itself it is told again at every twenty-fourth listing, and not before.
    world
        .until("it is told in between", |world| {
            let server = world.server.state.lock().unwrap();
            server.listed.windows(2).any(|two| two[1] - two[0] < 24)
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_may_not_list_who_is_on_the_stack_would_have_ended_the_reading_of_usage_again_and_again()
 {
    let mut world = World::new().await;
    world.report_hours(4, 3);
    world.stack.state.lock().unwrap().hides_directory = true;
    world.start_bridge().await;
    world
        .until("it is refused a few times", |world| {
            let status = world.status();
            let mut troubles = status.stacks[0].troubles.iter();
            troubles.any(|it| it.part == Part::Directory && it.held && it.failures > 4)
        })
        .await;
    world.until_reported(4).await;
    assert_eq!(world.stack.state.lock().unwrap().connected, 1);
    world.assert_kept();
    world.stack.state.lock().unwrap().hides_directory = false;
    world
        .until("it is told", |world| {
            !world.server.state.lock().unwrap().directories.is_empty()
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_local_subscription_that_nobody_can_read_would_have_kept_the_whole_directory_from_the_server() {
    let mut world = World::new().await;
    let good = local_subscription("web");
    let entry = |first: &str, name: &str| {
        local_subscription(name).replace("\"subscriptionId\":\"5", &format!("\"subscriptionId\":\"{first}"))
    };
    let no_tenant = entry("6", "none").replace("\"d9b782d5-d098-4374-8f2c-3907cc34611c\"", "null");
    let too_long = entry("7", &"x".repeat(257));
    world.stack.state.lock().unwrap().local_subscriptions = [no_tenant, good.clone(), too_long].join(",");
    world.start_bridge().await;
    let last = |world: &World| world.server.state.lock().unwrap().directories.last().cloned();
    world
        .until("the others are told", |world| last(world).is_some())
        .await;
    let told = last(&world).unwrap();
    assert_eq!(told.matches("subscriptionId").count(), 1, "{told}");
    assert!(told.contains("\"displayName\":\"web\""), "{told}");
    let unlisted = world.status().stacks[0].unlisted.clone();
    assert_eq!(unlisted.len(), 2, "{unlisted:?}");
    assert!(
        unlisted[0].contains("6144634d") && unlisted[0].contains("tenantId"),
        "{unlisted:?}"
    );
    assert!(unlisted[1].contains("displayName"), "{unlisted:?}");
    world.stack.state.lock().unwrap().local_subscriptions = good;
    world
        .until("nothing is left out any more", |world| {
            world.status().stacks[0].unlisted.is_empty()
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_that_left_while_the_server_was_away_would_have_paid_for_the_next_one_until_it_was_back() {
    let mut world = World::new().await;
    let listing = |world: &World| world.stack.state.lock().unwrap().listed;
    let refuse = |world: &World, with| world.server.state.lock().unwrap().refusing = with;
    world.start_bridge().await;
    world
        .until("it is told", |world| {
            !world.server.state.lock().unwrap().directories.is_empty()
        })
        .await;
    refuse(&world, Some((503, "Busy")));
    let mut changed = Vec::new();
    for name in ["shop", "bank"] {
        let from = world.environment.clock.now();
        world.stack.state.lock().unwrap().local_subscriptions = local_subscription(name);
        let before = listing(&world);
        // The first of these may have been under way when it changed.
        world
            .until("it is read", |world| listing(world) > before + 2)
            .await;
        changed.push((name, from, world.environment.clock.now()));
        // What waits survives the bridge.
        world.kill_bridge().await;
        world.start_bridge().await;
    }
    refuse(&world, None);
    world
        .until("the last change is told", |world| {
            let server = world.server.state.lock().unwrap();
            server.directories.last().unwrap().contains("bank")
        })
        .await;
    let server = world.server.state.lock().unwrap();
    let told = server.directories.iter().zip(&server.as_of);
    for (name, from, until) in changed {
        let (_, as_of) = told.clone().find(|(listing, _)| listing.contains(name)).unwrap();
        assert!(
            from <= *as_of && *as_of <= until,
            "{name}: {from} {as_of} {until}"
        );
    }
    assert!(server.as_of.is_sorted(), "{:?}", server.as_of);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listing_that_the_server_never_takes_would_have_kept_all_later_ones_from_it() {
    let mut world = World::new().await;
    world.server.state.lock().unwrap().refuses_listing = Some("shop");
    world.stack.state.lock().unwrap().local_subscriptions = local_subscription("shop");
    world.start_bridge().await;
    world
        .until("it is held", |world| {
            world.status().stacks[0].troubles.iter().any(|it| it.held)
        })
        .await;
    world.stack.state.lock().unwrap().local_subscriptions = local_subscription("bank");
    world
        .until("the next one is told", |world| {
            let server = world.server.state.lock().unwrap();
            server.directories.last().is_some_and(|it| it.contains("bank"))
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listing_that_was_read_with_a_clock_far_ahead_would_have_stopped_the_directory_for_a_year() {
    let mut world = World::new().await;
    world.server.state.lock().unwrap().refusing = Some((503, "Busy"));
    world.start_bridge().await;
    let listings = world.config.spool_directory.join("stacks/north/listings");
    world
        .until("one waits", |_| listing_in(&listings).is_some())
        .await;
    world.kill_bridge().await;
    let path = listing_in(&listings).unwrap();
    let (head, listing) = std::fs::read_to_string(&path)
        .unwrap()
        .split_once('\n')
        .map(|(head, listing)| (head.to_owned(), listing.to_owned()))
        .unwrap();
    let ahead = head.split_once(' ').unwrap().0.replacen("20", "21", 1);
    let sum = blake3::hash(format!("{ahead}\n{listing}").as_bytes()).to_hex();
    std::fs::write(&path, format!("{ahead} {sum}\n{listing}")).unwrap();
    world.server.state.lock().unwrap().refusing = None;
    world.start_bridge().await;
    world
        .until("it is told", |world| {
            !world.server.state.lock().unwrap().directories.is_empty()
        })
        .await;
    let server = world.server.state.lock().unwrap();
    let now = world.environment.clock.now();
    assert!(
        server.as_of.iter().all(|as_of| *as_of <= now),
        "{:?}",
        server.as_of
    );
}

/// The listing that waits, if one does.
fn listing_in(folder: &std::path::Path) -> Option<std::path::PathBuf> {
    let mut names = std::fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|entry| entry.path());
    names.find(|path| path.extension().is_some_and(|it| it == "listing"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_of_an_earlier_version_would_never_have_been_told_who_is_on_the_stack() {
    let mut world = World::new().await;
    world.server.state.lock().unwrap().places_no_listing = true;
    world.start_bridge().await;
    world
        .until("it is told", |world| {
            !world.server.state.lock().unwrap().directories.is_empty()
        })
        .await;
    assert!(world.server.state.lock().unwrap().as_of.is_empty());
}

fn called(name: &str) -> DirectoryName {
    DirectoryName::read(name).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_is_admitted_after_it_was_shown_what_that_changes() {
    let world = World::new().await;
    let address = &world.config.stacks[0].address;
    let admin = DirectoryAdmin::connect(address, &world.environment)
        .await
        .unwrap();
    assert_eq!(admin.admitted().await.unwrap(), []);
    assert_eq!(
        admin.plan(&called("nobody.example")).await.unwrap_err().code,
        "DirectoryUnknown"
    );
    let plan = admin.plan(&called("fabrikam.example")).await.unwrap();
    assert_eq!(
        (plan.tenant_id.as_str(), plan.region.as_str(), &plan.admitted_as),
        ("eb90516e-65d7-4bf6-8537-8322e9172832", "north", &None)
    );
    assert!(
        plan.resource_id.ends_with("/directoryTenants/fabrikam.example"),
        "{}",
        plan.resource_id
    );
    admin.admit(&plan).await.unwrap();
    let again = admin.plan(&called("fabrikam.example")).await.unwrap();
    assert_eq!(
        again.admitted_as.as_deref(),
        Some("eb90516e-65d7-4bf6-8537-8322e9172832")
    );
    assert!(admin.remove("fabrikam.example").await.unwrap());
    assert!(!admin.remove("fabrikam.example").await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_would_have_admitted_another_tenant_in_the_place_of_the_one_with_that_id() {
    const FABRIKAM: &str = "EB90516E-65D7-4BF6-8537-8322E9172832";
    let world = World::new().await;
    let address = &world.config.stacks[0].address;
    let admin = DirectoryAdmin::connect(address, &world.environment)
        .await
        .unwrap();
    // An authority that takes whatever it is asked for to be one and the same tenant.
    let other = called("0d5b1c4e-2f63-4a7d-9b8e-6c1f0a2d3e4f");
    let refused = admin.plan(&other).await.unwrap_err();
    assert_eq!(refused.code, "DirectoryDiffers", "{refused}");
    assert!(
        refused.message.contains(&other.to_string()) && refused.advice.contains("Nothing was changed"),
        "{refused}"
    );
    // One that was admitted under its domain is the same by its id, and by another domain of it.
    admin
        .admit(&admin.plan(&called("fabrikam.example")).await.unwrap())
        .await
        .unwrap();
    for name in [FABRIKAM, "fabrikam.example", "Fabrikam.EXAMPLE"] {
        let plan = admin.plan(&called(name)).await.unwrap();
        assert!(plan.is_admitted(), "{name}: {plan:?}");
        assert_eq!(plan.domain, "fabrikam.example", "{name}");
    }
    assert_eq!(admin.admitted().await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_that_is_removed_by_another_of_its_domains_would_have_stayed_admitted() {
    const NAME: &str = "Fabrikam.example";
    let world = World::new().await;
    let address = &world.config.stacks[0].address;
    let admin = DirectoryAdmin::connect(address, &world.environment)
        .await
        .unwrap();
    let none = admin.called("fabrikam.onmicrosoft.com", &[]).await;
    assert_eq!(none, Ok(None));
    admin
        .admit(&admin.plan(&called("fabrikam.example")).await.unwrap())
        .await
        .unwrap();
    // Somebody has given one a name that is no domain.
    let named = "A guest";
    let other = "0d5b1c4e-2f63-4a7d-9b8e-6c1f0a2d3e4f".to_owned();
    world
        .stack
        .state
        .lock()
        .unwrap()
        .directory_tenants
        .insert(named.to_owned(), other.clone());
    let admitted = admin.admitted().await.unwrap();
    for (name, found) in [
        (NAME, Some("fabrikam.example")),
        ("fabrikam.onmicrosoft.com", Some("fabrikam.example")),
        ("EB90516E-65D7-4BF6-8537-8322E9172832", Some("fabrikam.example")),
        ("a guest", Some(named)),
        (&other, Some(named)),
        ("nobody.example", None),
        ("another guest", None),
        ("8d3b0c1e-7f52-4b6a-9c0d-1e2f3a4b5c6d", None),
    ] {
        let called = admin.called(name, &admitted).await.unwrap();
        assert_eq!(called.map(|it| it.name.as_str()), found, "{name}");
    }
}
