//! What can be done with resources of `Microsoft.AzureStack`, as roles name it.

use serde::Serialize;

/// An operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Operation {
    /// Its name, as roles name it.
    pub name: &'static str,
    /// The same for people.
    pub display: Display,
    /// Always `user,system`.
    pub origin: &'static str,
}

/// An operation in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Display {
    /// The provider.
    pub provider: &'static str,
    /// What it is done with.
    pub resource: &'static str,
    /// What is done.
    pub operation: &'static str,
    /// What that means.
    pub description: &'static str,
}

const PROVIDER: &str = "Azure Stack";

const fn operation(
    name: &'static str,
    resource: &'static str,
    operation: &'static str,
    description: &'static str,
) -> Operation {
    Operation {
        name,
        display: Display {
            provider: PROVIDER,
            resource,
            operation,
            description,
        },
        origin: "user,system",
    }
}

const REGISTRATION: &str = "Registration";
const CUSTOMER_SUBSCRIPTION: &str = "Customer subscription";
const PRODUCT: &str = "Product";

/// Every operation.
#[rustfmt::skip]
pub const OPERATIONS: [Operation; 14] = [
    operation("Microsoft.AzureStack/register/action", "Subscription", "Register subscription", "Makes the provider ready for a subscription; it always is."),
    operation("Microsoft.AzureStack/registrations/read", REGISTRATION, "Read registrations", "Reads registrations of stacks."),
    operation("Microsoft.AzureStack/registrations/write", REGISTRATION, "Write registrations", "Registers a stack, registers it again, or changes tags."),
    operation("Microsoft.AzureStack/registrations/delete", REGISTRATION, "Delete registrations", "Ends a registration: later usage is charged to nobody."),
    operation("Microsoft.AzureStack/registrations/getActivationKey/action", REGISTRATION, "Get activation key", "Gets the credential with which the stack delivers usage."),
    operation("Microsoft.AzureStack/registrations/enableRemoteManagement/action", REGISTRATION, "Enable remote management", "Accepted, and changes nothing here."),
    operation("Microsoft.AzureStack/registrations/customerSubscriptions/read", CUSTOMER_SUBSCRIPTION, "Read tenants", "Reads which tenant's usage is charged to which subscription."),
    operation("Microsoft.AzureStack/registrations/customerSubscriptions/write", CUSTOMER_SUBSCRIPTION, "Add tenants", "Charges a tenant's usage to a customer's subscription."),
    operation("Microsoft.AzureStack/registrations/customerSubscriptions/delete", CUSTOMER_SUBSCRIPTION, "Remove tenants", "Charges a tenant's later usage to the registration's own subscription."),
    operation("Microsoft.AzureStack/registrations/products/read", PRODUCT, "Read products", "Reads marketplace products; none are offered here."),
    operation("Microsoft.AzureStack/registrations/products/listDetails/action", PRODUCT, "Read details", "Reads the details of a product."),
    operation("Microsoft.AzureStack/registrations/products/getProducts/action", PRODUCT, "Find products", "Reads the products for a device."),
    operation("Microsoft.AzureStack/registrations/products/getProduct/action", PRODUCT, "Find product", "Reads a product for a device."),
    operation("Microsoft.AzureStack/registrations/products/uploadProductLog/action", PRODUCT, "Upload log", "Tells of the download of a product."),
];
