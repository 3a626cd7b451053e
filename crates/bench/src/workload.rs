//! The usage that the benchmarks push: real-shaped records, made cheaply.
//!
//! A benchmark of the server must not measure its generator. So every batch is rendered once; for each further hour
//! only the digits of the times and quantities are written over.

use domain::time::Hour;
use uuid::Uuid;

/// Records in one delivery.
pub const RECORDS_PER_BATCH: usize = 1_000;

/// Series: with a month's hours they make ten million records.
pub const SERIES: usize = 14_000;

/// What is measured by one series.
pub struct Series {
    pub local_subscription: Uuid,
    pub local_meter: Uuid,
    pub resource_uri: String,
}

/// Local meters of virtual machines and storage, as the catalog knows them.
pub const METERS: [&str; 4] = [
    "FAB6EB84-500B-4A09-A8CA-7358F8BBAEA5",
    "9cd92d4c-bafd-4492-b278-bedc2de8232a",
    "6dab500f-a4fd-49c4-956d-229bb9c8c793",
    "B5C15376-6C94-4FDD-B655-1A69D138ACA3",
];

/// Local subscriptions that the series of the month are spread over.
pub const LOCAL_SUBSCRIPTIONS: usize = 96;

/// How series are spread over local subscriptions: this many after each other belong to one, in turn.
#[derive(Clone, Copy)]
pub struct Spread {
    pub local_subscriptions: usize,
    pub in_a_row: usize,
}

/// That of the month.
pub const MONTH: Spread = Spread {
    local_subscriptions: LOCAL_SUBSCRIPTIONS,
    in_a_row: 140,
};

/// The id of a local subscription.
pub fn local_subscription(index: usize) -> Uuid {
    Uuid::from_u128(0x5a5a_0000_0000_4000_8000_0000_0000_0000 + index as u128)
}

/// The series with this number.
pub fn series(number: usize, spread: Spread) -> Series {
    let local_subscription = local_subscription(number / spread.in_a_row % spread.local_subscriptions);
    let local_meter = METERS[number % METERS.len()]
        .parse()
        .expect("meter ids are GUIDs");
    let resource_uri = format!(
        "/subscriptions/{local_subscription}/resourceGroups/group-{:04}/providers/Microsoft.Compute/\
         virtualMachines/vm-{:07}",
        number / 20,
        number / METERS.len(),
    );
    Series {
        local_subscription,
        local_meter,
        resource_uri,
    }
}

/// The digits behind the point of the quantity that a series has in an hour.
pub fn quantity_digits(series: usize, hour: Hour) -> u64 {
    let hours = u64::from(hour.epoch_hours().unsigned_abs());
    (series as u64)
        .wrapping_mul(2_654_435_761)
        .wrapping_add(hours.wrapping_mul(40_503))
        % 1_000_000_000_000_000
}

/// A rendered batch of consecutive series, to be stamped with an hour.
pub struct Template {
    body: Vec<u8>,
    first_series: usize,
    spread: Spread,
    starts: Vec<usize>,
    ends: Vec<usize>,
    quantities: Vec<usize>,
}

const TIME_PLACE: &str = "0000-00-00T00:00:00";
const QUANTITY_PLACE: &str = "000000000000000";

impl Template {
    /// Renders the batch that begins with this series.
    pub fn new(first_series: usize, spread: Spread) -> Self {
        let mut template = Self {
            body: b"{\"value\":[".to_vec(),
            first_series,
            spread,
            starts: vec![],
            ends: vec![],
            quantities: vec![],
        };
        for number in first_series..first_series + RECORDS_PER_BATCH {
            template.render(number);
        }
        template.body.pop();
        template.body.extend_from_slice(b"]}");
        template
    }

    fn render(&mut self, number: usize) {
        let Series {
            local_subscription,
            resource_uri,
            ..
        } = series(number, self.spread);
        let meter = METERS[number % METERS.len()];
        let name = format!("{local_subscription}-{meter}");
        self.push(&format!(
            "{{\"id\":\"/subscriptions/39c82aed-b2b7-4a66-abdb-611de00bf11e/providers/Microsoft.Commerce/\
             UsageAggregate/{name}\",\"name\":\"{name}\",\"type\":\"Microsoft.Commerce/UsageAggregate\",\
             \"properties\":{{\"subscriptionId\":\"{local_subscription}\",\"usageStartTime\":\""
        ));
        self.starts.push(self.body.len());
        self.push(TIME_PLACE);
        self.push("+00:00\",\"usageEndTime\":\"");
        self.ends.push(self.body.len());
        self.push(TIME_PLACE);
        self.push(&format!(
            "+00:00\",\"instanceData\":\"{{\\\"Microsoft.Resources\\\":{{\\\"resourceUri\\\":\\\"{resource_uri}\\\",\
             \\\"location\\\":\\\"northwest\\\",\\\"tags\\\":\\\"null\\\",\\\"additionalInfo\\\":\\\"{{\\\\\\\"\
             ServiceType\\\\\\\":\\\\\\\"Standard_F2s\\\\\\\",\\\\\\\"Sku\
             \\\\\\\":\\\\\\\"16.04-LTS\\\\\\\"}}\\\"}}}}\",\"quantity\":1."
        ));
        self.quantities.push(self.body.len());
        self.push(QUANTITY_PLACE);
        self.push(&format!(",\"meterId\":\"{meter}\",\"name\":\"{name}\"}}}},"));
    }

    fn push(&mut self, text: &str) {
        self.body.extend_from_slice(text.as_bytes());
    }

    /// The body with the usage of one hour.
    pub fn at(&self, hour: Hour) -> Vec<u8> {
        let mut body = self.body.clone();
        let time = |hour: Hour| hour.to_string()[..TIME_PLACE.len()].to_owned();
        let (start, end) = (time(hour), time(hour.plus(1)));
        for (index, place) in self.starts.iter().enumerate() {
            body[*place..*place + start.len()].copy_from_slice(start.as_bytes());
            let place = self.ends[index];
            body[place..place + end.len()].copy_from_slice(end.as_bytes());
            let mut digits = quantity_digits(self.first_series + index, hour);
            let place = self.quantities[index];
            for byte in body[place..place + QUANTITY_PLACE.len()].iter_mut().rev() {
                *byte = b'0' + (digits % 10) as u8;
                digits /= 10;
            }
        }
        body
    }
}
