use super::*;
use crate::authorization::READ_REGISTRATION;
use proptest::prelude::*;

/// What a custom role must allow for registering a stack, as its documentation lists it; the actions that the
/// registration script then performs are among these, one by one.
const REGISTERING: [&str; 8] = [
    "Microsoft.Resources/subscriptions/resourceGroups/read",
    "Microsoft.Resources/subscriptions/resourceGroups/write",
    "Microsoft.AzureStack/registrations/*",
    "Microsoft.AzureStack/register/action",
    "Microsoft.Authorization/roleAssignments/read",
    "Microsoft.Authorization/roleAssignments/write",
    "Microsoft.Authorization/roleAssignments/delete",
    "Microsoft.Authorization/permissions/read",
];

fn patterns(texts: &[&str]) -> Vec<ActionPattern> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn custom(actions: &[&str], not_actions: &[&str]) -> RoleDefinition {
    RoleDefinition {
        id: RoleDefinitionId::from_bytes([1; 16]),
        name: "Registrar".to_owned(),
        description: String::new(),
        actions: patterns(actions),
        not_actions: patterns(not_actions),
        assignable: vec![
            "/subscriptions/06000000-0000-4000-8000-000000000001"
                .parse()
                .unwrap(),
        ],
        custom: true,
    }
}

fn named(name: &str) -> &'static RoleDefinition {
    built_in().iter().find(|role| role.name == name).unwrap()
}

#[test]
fn built_in_roles_allow_what_azure_says_they_do() {
    let write = "Microsoft.AzureStack/registrations/write";
    let key = "Microsoft.AzureStack/registrations/getActivationKey/action";
    let assign = "Microsoft.Authorization/roleAssignments/write";
    let lock = "Microsoft.Authorization/locks/delete";
    let roles = "Microsoft.Authorization/roleDefinitions/read";
    for (role, allowed) in [
        ("Owner", &[READ_REGISTRATION, write, key, assign, lock, roles][..]),
        ("Contributor", &[READ_REGISTRATION, write, key, roles]),
        ("Reader", &[READ_REGISTRATION, roles]),
        (
            "User Access Administrator",
            &[READ_REGISTRATION, assign, lock, roles],
        ),
        ("Azure Stack Registration Owner", &[READ_REGISTRATION]),
    ] {
        for action in [READ_REGISTRATION, write, key, assign, lock, roles] {
            assert_eq!(
                named(role).allows(action),
                allowed.contains(&action),
                "{role} {action}"
            );
        }
    }
}

#[test]
fn the_ids_of_built_in_roles_are_those_that_scripts_contain() {
    assert_eq!(
        RoleDefinition::OWNER.to_string(),
        "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
    );
    assert_eq!(
        RoleDefinition::CONTRIBUTOR.to_string(),
        "b24988ac-6180-42a0-ab88-20f7382dd24c"
    );
    assert_eq!(
        RoleDefinition::READER.to_string(),
        "acdd72a7-3385-48ef-bd42-f606fba81ae7"
    );
    assert_eq!(
        RoleDefinition::USER_ACCESS_ADMINISTRATOR.to_string(),
        "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"
    );
    assert_eq!(
        RoleDefinition::AZURE_STACK_REGISTRATION_OWNER.to_string(),
        "6f12a6df-dd06-4f3e-bcb1-ce8be600526a"
    );
}

#[test]
fn the_documented_registration_role_is_enough_to_register() {
    let role = custom(&REGISTERING, &[]);
    for action in [
        "Microsoft.Resources/subscriptions/resourcegroups/write",
        "Microsoft.AzureStack/register/action",
        "Microsoft.AzureStack/registrations/write",
        "Microsoft.AzureStack/registrations/getActivationKey/action",
        "Microsoft.AzureStack/registrations/customerSubscriptions/write",
        "Microsoft.Authorization/roleAssignments/write",
    ] {
        assert!(role.allows(action), "{action}");
    }
    assert!(!role.allows("Microsoft.Authorization/locks/write"));
    assert!(!role.allows("Microsoft.Resources/subscriptions/resourceGroups/delete"));
}

#[test]
fn what_a_custom_role_cannot_be_is_refused() {
    let good = custom(&["*/read"], &[]);
    assert_eq!(good.check(), Ok(()));
    let nowhere = RoleDefinition {
        assignable: vec![],
        ..good.clone()
    };
    assert_eq!(nowhere.check(), Err(InvalidRole::Assignable));
    let everywhere = RoleDefinition {
        assignable: vec![Scope::Root],
        ..good.clone()
    };
    assert_eq!(
        everywhere.check(),
        Err(InvalidRole::AssignableTooWide(Scope::Root))
    );
    assert_eq!(custom(&[], &[]).check(), Err(InvalidRole::Actions));
    assert_eq!(custom(&["*"; 201], &[]).check(), Err(InvalidRole::Actions));
    assert_eq!(custom(&["*"], &["*"; 201]).check(), Err(InvalidRole::Actions));
    for name in [String::new(), "  ".to_owned(), "x".repeat(129)] {
        assert_eq!(
            RoleDefinition { name, ..good.clone() }.check(),
            Err(InvalidRole::Name)
        );
    }
    let description = "x".repeat(1025);
    assert_eq!(
        RoleDefinition { description, ..good }.check(),
        Err(InvalidRole::Description)
    );
}

fn any_pattern() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("*".to_owned()),
        Just("*/read".to_owned()),
        Just("Microsoft.AzureStack/*".to_owned()),
        Just("Microsoft.*/write".to_owned()),
        prop::sample::select(&REGISTERING[..]).prop_map(str::to_owned),
    ]
}

proptest! {
    #[test]
    fn what_a_role_leaves_out_is_taken_from_what_it_lists_and_nothing_else(
        actions in prop::collection::vec(any_pattern(), 0..4),
        left_out in prop::collection::vec(any_pattern(), 0..4),
        action in prop::sample::select(&[READ_REGISTRATION, "Microsoft.AzureStack/register/action", "Microsoft.Support/tickets/write"][..]),
    ) {
        let texts = |texts: &[String]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<ActionPattern>>();
        let without = RoleDefinition { actions: texts(&actions), ..custom(&[], &[]) };
        let with = RoleDefinition { not_actions: texts(&left_out), ..without.clone() };
        let taken = texts(&left_out).iter().any(|pattern| pattern.matches(action));
        prop_assert_eq!(with.allows(action), without.allows(action) && !taken);
    }
}
