//! The ids of everybody in the demonstration.

use domain::ids::{BillingMeterId, CloudId, CustomerId, PartnerId, SubscriptionId, TenantId};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident: $kind:ident = $bits:literal;)+) => {$(
        $(#[$doc])*
        pub(super) const $name: $kind = $kind::from_bytes(u128::to_be_bytes($bits));
    )+};
}

ids! {
    /// Operated by the direct bill partner.
    STACK_OSLO: CloudId = 0x4e1d0b7a_52c6_4f39_8a71_0c6bd2f7e915;
    /// Operated by the distributor's reseller.
    STACK_BASEL: CloudId = 0xb2f5c8e1_90d4_4a6b_b3f2_7d1e58a40c26;
    /// Operated by an end user.
    STACK_KAI: CloudId = 0x7c93ae04_1b6f_4d58_9e20_f84a6d3b51c7;

    /// A direct bill partner.
    NORDLYS: PartnerId = 0x1f6a2c30_7d84_4e15_a9b6_30c5e7f28d41;
    /// A distributor.
    ALPINA: PartnerId = 0x2a85d9f7_0e31_4c62_8b47_91f6a3d05e72;
    /// Its reseller.
    TALWEG: PartnerId = 0x35c07be4_a91d_4f28_b650_e2847d19cf03;

    CUSTOMER_HAVN: CustomerId = 0x41d8f65a_c2e7_4b93_8f04_5a7b60d3e918;
    CUSTOMER_FJORDBANK: CustomerId = 0x4cb31e82_95f0_4da6_a71c_d60f28e47b59;
    CUSTOMER_KVIST: CustomerId = 0x57e9a40d_38b6_4c1f_925e_8b3c7fd10a64;
    CUSTOMER_TALWEG: CustomerId = 0x620fb7c9_e54d_48a2_b8e3_1d96a05fc73b;
    CUSTOMER_BRENNER: CustomerId = 0x6d74c851_0fa2_4e9d_83b7_c42e95708f1a;
    CUSTOMER_GLETSCHER: CustomerId = 0x78a1d20e_b6c3_4579_9d48_f05b3e6ca782;

    /// The direct partner's own directory, from which it operates its stack.
    TENANT_NORDLYS: TenantId = 0x83f40a96_d1e5_4b07_a2c9_6e7814fb3d50;
    /// Its shared services tenant, a directory apart.
    TENANT_NORDLYS_SHARED: TenantId = 0x8e5b97c3_2f08_4da4_b61e_07d3c8a9f562;
    TENANT_HAVN: TenantId = 0x99c2e1f8_4a75_4630_8d5b_b9f1640e27ac;
    TENANT_HAVN_TERMINAL: TenantId = 0xa4386d0b_f7c1_4e92_97a3_2c05d8b4f61e;
    TENANT_FJORDBANK: TenantId = 0xaf9d54e7_1830_4cb8_a064_e57f9b2c0d38;
    TENANT_KVIST: TenantId = 0xba60c7f2_d59e_4143_8c2d_74b8e10fa695;
    TENANT_TALWEG: TenantId = 0xc5f718a4_0b6d_4f2e_95c0_3da6f7e8124b;
    TENANT_BRENNER: TenantId = 0xd0a483e9_7c52_4d16_b37f_86e95c01d4fa;
    TENANT_GLETSCHER: TenantId = 0xdb1be657_e3f8_4095_84da_c90f217a6b3e;

    /// Pays for what nobody claims on the direct partner's stack.
    NORDLYS_SHARED_SERVICES: SubscriptionId = 0x0e52f9c4_6ab7_4d81_93f5_a0d8c7b1e642;
    /// Pays for what nobody claims on the end user's stack.
    HAVN_STACK: SubscriptionId = 0x19c7064d_f5e2_4b3a_8e96_5cb4f03a7d18;
    /// Pays for its tenant on two stacks.
    HAVN_WORKLOADS: SubscriptionId = 0x24ad71b5_80c9_4fe6_a14b_d2e7960f85c3;
    FJORDBANK: SubscriptionId = 0x2f98e35a_1d74_4c0b_b5d2_7f60a8c4e931;
    /// Pays for nothing: its tenant is never added.
    KVIST: SubscriptionId = 0x3a03d8cf_b742_4e5d_906a_f81b4e2c57d9;
    /// Pays for what nobody claims on the reseller's stack.
    TALWEG_OWN: SubscriptionId = 0x45e64f21_09ab_4873_8bc7_1e5fd6a09b74;
    BRENNER: SubscriptionId = 0x50b1ac96_e47f_4d20_a83e_93c7f50d4e18;
    GLETSCHER: SubscriptionId = 0x5b7c12e8_3f96_4ba5_97d1_c68a04f7b2e0;

    /// Of the catalog that ships with the product.
    WINDOWS_VM: BillingMeterId = 0x55145beb_3b9b_5948_b933_6254ff045dd9;
    BLOB_CAPACITY: BillingMeterId = 0x0066ac5d_1e64_5715_a425_e825ea387ce2;
    SQL_CAPACITY: BillingMeterId = 0x229226f6_f90a_53c4_b7b0_8fa576805250;
    KEY_VAULT_OPERATIONS: BillingMeterId = 0xd4f35960_311c_542a_b080_36b5c761b182;
}
