//! The local meters a simulated stack measures with, spelled as the real providers spell them: compute and disks in
//! lower case, storage and the rest in upper case, network without dashes.

use std::borrow::Cow;

use domain::ids::LocalMeterId;

/// A local meter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Meter {
    /// Its id.
    pub(crate) id: LocalMeterId,
    /// The id as its provider writes it.
    pub(crate) text: &'static str,
}

impl Meter {
    /// The id as its provider does not write it.
    pub(crate) fn respelled(&self) -> Cow<'static, str> {
        if self.text.bytes().any(|byte| byte.is_ascii_lowercase()) {
            return Cow::Owned(self.text.to_ascii_uppercase());
        }
        if self.text.contains('-') {
            return Cow::Owned(self.text.replace('-', ""));
        }
        Cow::Owned(self.id.to_string())
    }
}

macro_rules! meters {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)+) => {$(
        $(#[$doc])*
        pub(crate) const $name: Meter = Meter { id: LocalMeterId::from_uuid(uuid::uuid!($text)), text: $text };
    )+};
}

meters! {
    /// vCPU hours of a virtual machine without a Windows licence.
    BASE_VM = "fab6eb84-500b-4a09-a8ca-7358f8bbaea5";
    /// vCPU hours of a virtual machine with Windows.
    WINDOWS_VM = "9cd92d4c-bafd-4492-b278-bedc2de8232a";
    /// Hours of a virtual machine, whatever its size.
    VM_HOURS = "6dab500f-a4fd-49c4-956d-229bb9c8c793";

    /// Disks of a tier, times the month.
    DISK_S4 = "380874f9-300c-48e0-95a0-d2d9a21ade8f";
    DISK_S6 = "1b77d90f-427b-4435-b4f1-d78adec53222";
    DISK_S10 = "d5f7731b-f639-404a-89d0-e46186e22c8d";
    DISK_S15 = "ff85ef31-da5b-4eac-95dd-a69d6f97b18a";
    DISK_S20 = "88ea9228-457a-4091-adc9-ad5194f30b6e";
    DISK_S30 = "5b1db88a-8596-4002-8052-347947c26940";
    DISK_P4 = "7660b45b-b29d-49cb-b816-59f30fbab011";
    DISK_P6 = "817007fd-a077-477f-bc01-b876f27205fd";
    DISK_P10 = "e554b6bc-96cd-4938-a5b5-0da990278519";
    DISK_P15 = "cdc0f53a-62a9-4472-a06c-e99a23b02907";
    DISK_P20 = "b9cb2d1a-84c2-4275-aa8b-70d2145d59aa";
    DISK_P30 = "06bde724-9f94-43c0-84c3-d0fc54538369";
    /// GB that are filled, times the month.
    STANDARD_DISK_SIZE = "7ba084ec-ef9c-4d64-a179-7732c6cb5e28";
    PREMIUM_DISK_SIZE = "daef389a-06e5-4684-a7f7-8813d9f792d5";
    STANDARD_SNAPSHOT_SIZE = "108fa95b-be0d-4cd9-96e8-5b0d59505df1";

    /// GB hours.
    PAGE_BLOBS = "B5C15376-6C94-4FDD-B655-1A69D138ACA3";
    BLOCK_BLOBS = "09F8879E-87E9-4305-A572-4B7BE209F857";
    TABLES = "B4438D5D-453B-4EE1-B42A-DC72E377F1E4";
    QUEUES = "B03C6AE7-B080-4BFA-84A3-22C800F315C6";
    /// Requests in 10,000s.
    BLOB_REQUESTS = "43DAF82B-4618-444A-B994-40C23F7CD438";
    TABLE_REQUESTS = "B9FF3CD0-28AA-4762-84BB-FF8FBAEA6A90";
    QUEUE_REQUESTS = "EB43DD12-1AA6-4C4B-872C-FAF15A6785EA";
    /// GB that come in or go out.
    BLOB_IN = "9764F92C-E44A-498E-8DC1-AAD66587A810";
    BLOB_OUT = "3023FEF4-ECA5-4D7B-87B3-CFBC061931E8";

    /// Public addresses, times hours.
    STATIC_ADDRESS = "F271A8A388C44D93956A063E1D2FA80B";
    DYNAMIC_ADDRESS = "9E2739BA86744796B465F64674B822BA";

    /// MB hours.
    SQL_DATABASE = "CBCFEF9A-B91F-4597-A4D3-01FE334BED82";
    MYSQL_DATABASE = "E6D8CFCD-7734-495E-B1CC-5AB0B9C24BD3";
    /// Requests in 10,000s.
    VAULT_REQUESTS = "EBF13B9F-B3EA-46FE-BF54-396E93D48AB4";
    VAULT_ADVANCED_KEYS = "2C354225-B2FE-42E5-AD89-14F0EA302C87";
    /// Core hours.
    EVENT_HUBS = "CB6A35C5-FADE-406C-B14D-6DDB7C4CA3D5";

    /// vCPU hours of a plan of its own.
    APP_SERVICE = "190C935E-9ADA-48FF-9AB8-56EA1CF9ADAA";
    /// Hours of a plan that shares its machines.
    APP_SERVICE_SHARED = "957E9F36-2C14-45A1-B6A1-1723EF71A01D";
    /// Requests in 10s.
    FUNCTION_REQUESTS = "67CC4AFC-0691-48E1-A4B8-D744D1FEDBDE";
    /// GB seconds.
    FUNCTION_COMPUTE = "D1D04836-075C-4F27-BF65-0A1130EC60ED";
    /// GB that go out.
    APP_SERVICE_OUT = "5887D39B-0253-4E12-83C7-03E1A93DFFD9";

    /// No document names this meter: usage of it must be kept, shown and not charged.
    UNDOCUMENTED = "5d0f6f0e-8a7c-4c0b-9d2a-7f3f6b1c2e41";
}
