//! Whether local meters mean what the reviewed data files say.

use std::collections::BTreeMap;

use wire::api::Meter;

/// Whether every local meter of the files is served as it stands there, and no other is.
pub(in crate::demo) fn as_reviewed(served: &[Meter], reviewed: &[Meter]) -> Vec<String> {
    let by_id = |meters: &[Meter]| -> BTreeMap<String, Meter> {
        let meters = meters.iter();
        meters
            .map(|meter| (meter.local_meter_id.clone(), meter.clone()))
            .collect()
    };
    let (served, mut left) = (by_id(served), by_id(reviewed));
    let mut differences = Vec::new();
    for (id, meter) in served {
        match left.remove(&id) {
            Some(reviewed) if reviewed == meter => {}
            Some(reviewed) => differences.push(format!("local meter {id}: {meter:?}, not {reviewed:?}")),
            None => differences.push(format!("local meter {id}: is in no file")),
        }
    }
    differences.extend(left.into_keys().map(|id| format!("local meter {id}: missing")));
    differences
}
