//! Who is on a stack.

use bridge::DirectoryAdmin;

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
async fn a_directory_is_admitted_after_it_was_shown_what_that_changes() {
    let world = World::new().await;
    let address = &world.config.stacks[0].address;
    let admin = DirectoryAdmin::connect(address, &world.environment)
        .await
        .unwrap();
    assert_eq!(admin.admitted().await.unwrap(), []);
    assert_eq!(
        admin.plan("nobody.example").await.unwrap_err().code,
        "DirectoryUnknown"
    );
    let plan = admin.plan("fabrikam.example").await.unwrap();
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
    let again = admin.plan("fabrikam.example").await.unwrap();
    assert_eq!(
        again.admitted_as.as_deref(),
        Some("eb90516e-65d7-4bf6-8537-8322e9172832")
    );
    assert!(admin.remove("fabrikam.example").await.unwrap());
    assert!(!admin.remove("fabrikam.example").await.unwrap());
}
