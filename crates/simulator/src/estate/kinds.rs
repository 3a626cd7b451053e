//! The kinds of resources, and what each is measured by.

use domain::time::HourInterval;

use super::{Builder, Description, Place, Resource, names};
use crate::meters::{self as meter, Meter};
use crate::random::Random;
use crate::record::json;
use crate::series::{GB, MB, Measure, Power, Unit};

/// Adds a resource, and what comes with it, in its place.
pub(super) type Kind = fn(&mut Builder<'_>, &Place);

/// Every kind, the commonest first.
pub(super) const ALL: [Kind; 10] = [
    linux_machine,
    windows_machine,
    storage_account,
    app_service_plan,
    sql_database,
    key_vault,
    mysql_database,
    snapshot,
    event_hubs,
    appliance,
];

/// How often each kind occurs, in the order of [`ALL`].
const WEIGHTS: [u64; ALL.len()] = [24, 24, 20, 6, 6, 6, 4, 4, 3, 3];

/// Adds a resource of any kind, the commonest most often.
pub(super) fn any(builder: &mut Builder<'_>, place: &Place) {
    let mut chance = builder.random.between(0, WEIGHTS.iter().sum());
    for (kind, weight) in ALL.iter().zip(WEIGHTS) {
        if chance < weight {
            return kind(builder, place);
        }
        chance -= weight;
    }
}

/// A size of virtual machines and its vCPUs.
struct Size(&'static str, u32);

const SIZES: [Size; 8] = [
    Size("Standard_A1", 1),
    Size("Standard_F2s", 2),
    Size("Standard_D2_v2", 2),
    Size("Standard_D11_v2", 2),
    Size("Standard_D3_v2", 4),
    Size("Standard_F4s", 4),
    Size("Standard_D4_v2", 8),
    Size("Standard_D14_v2", 16),
];

/// An image: publisher, offer and SKU.
struct Image(&'static str, &'static str, &'static str);

const LINUX_IMAGES: [Image; 3] = [
    Image("Canonical", "UbuntuServer", "18.04-LTS"),
    Image("Debian", "debian-10", "10"),
    Image("OpenLogic", "CentOS", "7.5"),
];
const WINDOWS_IMAGES: [Image; 2] = [
    Image("MicrosoftWindowsServer", "WindowsServer", "2016-Datacenter"),
    Image("MicrosoftWindowsServer", "WindowsServer", "2019-Datacenter-Core"),
];

fn linux_machine(builder: &mut Builder<'_>, place: &Place) {
    machine(builder, place, &LINUX_IMAGES, meter::BASE_VM);
}

fn windows_machine(builder: &mut Builder<'_>, place: &Place) {
    machine(builder, place, &WINDOWS_IMAGES, meter::WINDOWS_VM);
}

fn machine(builder: &mut Builder<'_>, place: &Place, images: &'static [Image], cores_meter: Meter) {
    let role = names::pick(&mut builder.random, &names::ROLES);
    let name = format!("vm-{role}-{}", names::hex(&mut builder.random, 6));
    let lifetime = builder.lifetime();
    let Some(image) = builder.random.pick(images) else {
        return;
    };
    let sized: Vec<(HourInterval, &Size)> = builder
        .sizes(lifetime)
        .into_iter()
        .zip(std::iter::from_fn(|| builder.random.pick(&SIZES)))
        .collect();
    let phases = sized
        .iter()
        .map(|(hours, size)| (*hours, machine_info(size, image)))
        .collect();
    let power = power(&mut builder.random);
    let tags = tags(&mut builder.random, "null");
    let description = Description {
        resource_type: "Microsoft.Compute/virtualMachines",
        name: &name,
        tags,
        phases,
        power,
    };
    let machine = builder.resource(place, description);
    builder.meter(&machine, cores_meter, |phase| {
        sized.get(phase).map(|(_, Size(_, cores))| Measure::Count(*cores))
    });
    builder.steady_meter(&machine, meter::VM_HOURS, Measure::Count(1));

    disk(builder, place, &format!("{name}_OsDisk_1"), lifetime);
    for number in 0..builder.random.between(0, 3) {
        disk(builder, place, &format!("{name}_DataDisk_{number}"), lifetime);
    }
    if builder.random.happens(400) {
        address(builder, place, &format!("{name}-ip"), lifetime);
    }
}

/// What the compute provider adds: JSON text in JSON text in JSON text.
fn machine_info(Size(service_type, _): &Size, Image(publisher, offer, sku): &Image) -> String {
    #[derive(serde::Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Info<'a> {
        service_type: &'a str,
        image_type: Option<&'a str>,
        publisher: &'a str,
        offer: &'a str,
        sku: &'a str,
    }
    json(&Info {
        service_type,
        image_type: None,
        publisher,
        offer,
        sku,
    })
}

fn power(random: &mut Random) -> Power {
    match random.between(0, 20) {
        0..=1 => Power::StoppedAtNight,
        2..=4 => Power::DeallocatedAtNight,
        5..=6 => Power::DeallocatedAtWeekends,
        _ => Power::Running,
    }
}

/// Tags as providers send them: JSON text, or `none` in the provider's own way.
fn tags(random: &mut Random, none: &str) -> String {
    if !random.happens(300) {
        return none.to_owned();
    }
    let (owner, stage) = (
        names::pick(random, &names::PEOPLE),
        names::pick(random, &names::STAGES),
    );
    json(
        &[("owner", owner), ("stage", stage)]
            .into_iter()
            .collect::<std::collections::BTreeMap<_, _>>(),
    )
}

/// A tier of managed disks: its meter, and the GB a disk holds.
struct Tier(Meter, u64);

const STANDARD_TIERS: [Tier; 6] = [
    Tier(meter::DISK_S4, 32),
    Tier(meter::DISK_S6, 64),
    Tier(meter::DISK_S10, 128),
    Tier(meter::DISK_S15, 256),
    Tier(meter::DISK_S20, 512),
    Tier(meter::DISK_S30, 1024),
];
const PREMIUM_TIERS: [Tier; 6] = [
    Tier(meter::DISK_P4, 32),
    Tier(meter::DISK_P6, 64),
    Tier(meter::DISK_P10, 128),
    Tier(meter::DISK_P15, 256),
    Tier(meter::DISK_P20, 512),
    Tier(meter::DISK_P30, 1024),
];

fn disk(builder: &mut Builder<'_>, place: &Place, name: &str, lifetime: HourInterval) {
    let (tiers, size_meter) = if builder.random.happens(250) {
        (&PREMIUM_TIERS, meter::PREMIUM_DISK_SIZE)
    } else {
        (&STANDARD_TIERS, meter::STANDARD_DISK_SIZE)
    };
    let tier = builder.random.between(0, tiers.len() as u64 - 1) as usize;
    let sizes = builder.sizes(lifetime);
    let name = format!(
        "{name}_{}{}",
        names::hex(&mut builder.random, 16),
        names::hex(&mut builder.random, 16)
    );
    let tags = tags(&mut builder.random, "");
    let description = plain("Microsoft.Compute/disks", &name, tags, sizes);
    let resized = description.phases.len() > 1;
    let disk = builder.resource(place, description);
    // A disk only ever grows, and in another tier it is measured by another meter.
    for (phase, Tier(meter, _)) in tiers.iter().skip(tier).take(1 + usize::from(resized)).enumerate() {
        builder.meter(&disk, *meter, |at| (at == phase).then_some(Measure::MonthShare));
    }
    let Tier(_, capacity) = tiers[tier];
    let bytes = builder.random.between(capacity * GB / 8, capacity * GB / 2);
    let growth = capacity * GB / 4096;
    builder.steady_meter(
        &disk,
        size_meter,
        Measure::Stored {
            bytes,
            growth,
            unit: Unit::GbMonths,
        },
    );
}

fn address(builder: &mut Builder<'_>, place: &Place, name: &str, lifetime: HourInterval) {
    let description = plain(
        "Microsoft.Network/publicIPAddresses",
        name,
        "null".to_owned(),
        vec![lifetime],
    );
    let address = builder.resource(place, description);
    let meter = if builder.random.happens(500) {
        meter::STATIC_ADDRESS
    } else {
        meter::DYNAMIC_ADDRESS
    };
    builder.steady_meter(&address, meter, Measure::Count(1));
}

fn storage_account(builder: &mut Builder<'_>, place: &Place) {
    let name = format!("st{}", names::hex(&mut builder.random, 14));
    let account = simple(builder, place, "Microsoft.Storage/storageAccounts", &name);
    let stored = |random: &mut Random, most: u64, growth: u64| Measure::Stored {
        bytes: random.between(most / 100, most),
        growth,
        unit: Unit::GbHours,
    };
    let blobs = stored(&mut builder.random, 800 * GB, 200 * MB);
    builder.steady_meter(&account, meter::BLOCK_BLOBS, blobs);
    builder.steady_meter(
        &account,
        meter::BLOB_REQUESTS,
        Measure::Flow {
            most: 60_000,
            per: 10_000,
        },
    );
    builder.steady_meter(
        &account,
        meter::BLOB_IN,
        Measure::Flow {
            most: 2 * GB,
            per: GB,
        },
    );
    builder.steady_meter(
        &account,
        meter::BLOB_OUT,
        Measure::Flow {
            most: 6 * GB,
            per: GB,
        },
    );
    if builder.random.happens(500) {
        let pages = stored(&mut builder.random, 500 * GB, 20 * MB);
        builder.steady_meter(&account, meter::PAGE_BLOBS, pages);
    }
    if builder.random.happens(600) {
        // A table with a few rows: kilobytes, written with an exponent.
        let rows = stored(&mut builder.random, 200_000, 30);
        builder.steady_meter(&account, meter::TABLES, rows);
        builder.steady_meter(
            &account,
            meter::TABLE_REQUESTS,
            Measure::Flow {
                most: 5000,
                per: 10_000,
            },
        );
    }
    if builder.random.happens(400) {
        let messages = stored(&mut builder.random, 60 * MB, 1000);
        builder.steady_meter(&account, meter::QUEUES, messages);
        builder.steady_meter(
            &account,
            meter::QUEUE_REQUESTS,
            Measure::Flow {
                most: 9000,
                per: 10_000,
            },
        );
    }
}

fn app_service_plan(builder: &mut Builder<'_>, place: &Place) {
    let name = format!("plan-{}", names::hex(&mut builder.random, 6));
    let plan = simple(builder, place, "Microsoft.Web/serverFarms", &name);
    if builder.random.happens(600) {
        let cores = builder.random.between(1, 9) as u32;
        builder.steady_meter(&plan, meter::APP_SERVICE, Measure::Count(cores));
        builder.steady_meter(
            &plan,
            meter::APP_SERVICE_OUT,
            Measure::Flow {
                most: 3 * GB,
                per: GB,
            },
        );
    } else {
        builder.steady_meter(&plan, meter::APP_SERVICE_SHARED, Measure::Count(1));
        builder.steady_meter(
            &plan,
            meter::FUNCTION_REQUESTS,
            Measure::Flow {
                most: 90_000,
                per: 10,
            },
        );
        builder.steady_meter(
            &plan,
            meter::FUNCTION_COMPUTE,
            Measure::Flow {
                most: 4_000_000,
                per: 1000,
            },
        );
    }
}

fn sql_database(builder: &mut Builder<'_>, place: &Place) {
    database(
        builder,
        place,
        "Microsoft.SQLAdapter/databases",
        meter::SQL_DATABASE,
    );
}

fn mysql_database(builder: &mut Builder<'_>, place: &Place) {
    database(
        builder,
        place,
        "Microsoft.MySQLAdapter/databases",
        meter::MYSQL_DATABASE,
    );
}

fn database(builder: &mut Builder<'_>, place: &Place, resource_type: &str, meter: Meter) {
    let name = format!("db-{}", names::hex(&mut builder.random, 6));
    let database = simple(builder, place, resource_type, &name);
    let bytes = builder.random.between(8 * MB, 40 * GB);
    builder.steady_meter(
        &database,
        meter,
        Measure::Stored {
            bytes,
            growth: 4 * MB,
            unit: Unit::MbHours,
        },
    );
}

fn key_vault(builder: &mut Builder<'_>, place: &Place) {
    let name = format!("kv-{}", names::hex(&mut builder.random, 10));
    let vault = simple(builder, place, "Microsoft.KeyVault/vaults", &name);
    builder.steady_meter(
        &vault,
        meter::VAULT_REQUESTS,
        Measure::Flow {
            most: 800,
            per: 10_000,
        },
    );
    if builder.random.happens(300) {
        builder.steady_meter(
            &vault,
            meter::VAULT_ADVANCED_KEYS,
            Measure::Flow {
                most: 90,
                per: 10_000,
            },
        );
    }
}

fn snapshot(builder: &mut Builder<'_>, place: &Place) {
    let name = format!("snap-{}", names::hex(&mut builder.random, 8));
    let snapshot = simple(builder, place, "Microsoft.Compute/snapshots", &name);
    let bytes = builder.random.between(GB, 200 * GB);
    let size = Measure::Stored {
        bytes,
        growth: 0,
        unit: Unit::GbMonths,
    };
    builder.steady_meter(&snapshot, meter::STANDARD_SNAPSHOT_SIZE, size);
}

fn event_hubs(builder: &mut Builder<'_>, place: &Place) {
    let name = format!("eh-{}", names::hex(&mut builder.random, 8));
    let cluster = simple(builder, place, "Microsoft.EventHub/clusters", &name);
    builder.steady_meter(&cluster, meter::EVENT_HUBS, Measure::Count(10));
}

/// Something of a third party that measures with a meter of its own.
fn appliance(builder: &mut Builder<'_>, place: &Place) {
    let name = format!("appliance-{}", names::hex(&mut builder.random, 6));
    let appliance = simple(builder, place, "Litware.Appliances/gateways", &name);
    builder.steady_meter(
        &appliance,
        meter::UNDOCUMENTED,
        Measure::Flow { most: 500, per: 100 },
    );
}

/// A resource that keeps its size.
fn simple(builder: &mut Builder<'_>, place: &Place, resource_type: &str, name: &str) -> Resource {
    let lifetime = builder.lifetime();
    let tags = tags(&mut builder.random, "");
    builder.resource(place, plain(resource_type, name, tags, vec![lifetime]))
}

/// A resource that is no machine and of which its provider says nothing more.
fn plain<'a>(
    resource_type: &'a str,
    name: &'a str,
    tags: String,
    sizes: Vec<HourInterval>,
) -> Description<'a> {
    let phases = sizes.into_iter().map(|hours| (hours, String::new())).collect();
    Description {
        resource_type,
        name,
        tags,
        phases,
        power: Power::Running,
    }
}
