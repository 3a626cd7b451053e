//! `role`: who may do what, and where.

use client::{Client, RoleOf};
use serde::Serialize;
use server::Random as _;
use wire::api;
use wire::arm::authorization::{
    Permission, PutRoleAssignment, PutRoleAssignmentProperties, PutRoleDefinition,
    PutRoleDefinitionProperties, RoleAssignment, RoleDefinition,
};

use super::directories::{Names, names, partner_role_in_words, user_id};
use super::{minute, or_dash};
use crate::args::{PrincipalKind, RoleCommand, RoleGivenArgs, WhomArgs};
use crate::environment::SystemRandom;
use crate::failure::Failure;
use crate::printer::Printer;
use crate::table::{Listing, left};

const ROLES: Listing<RoleDefinition> = Listing(&[
    (left("ROLE"), |it| it.properties.role_name.clone()),
    (left("ID").rank(1), |it| it.name.clone()),
    (left("KIND").rank(2), |it| {
        if it.properties.kind == wire::arm::authorization::CUSTOM_ROLE {
            "custom"
        } else {
            "built in"
        }
        .to_owned()
    }),
    (left("DESCRIPTION").wraps(), |it| {
        it.properties.description.clone()
    }),
]);

const ASSIGNMENTS: Listing<Assigned> = Listing(&[
    (left("ROLE"), |it| it.role_name.clone()),
    (left("PRINCIPAL"), |it| {
        it.assignment.properties.principal_id.clone()
    }),
    (left("NAME").wraps(), |it| or_dash(it.principal_name.as_deref())),
    (left("KIND").rank(2), |it| {
        it.assignment.properties.principal_type.clone()
    }),
    (left("SCOPE"), |it| it.assignment.properties.scope.clone()),
    (left("SINCE").rank(1), |it| {
        minute(&it.assignment.properties.created_on)
    }),
]);

const PARTNER_ROLES: Listing<api::PartnerRoleAssignment> = Listing(&[
    (left("ROLE").wraps(), |it| partner_role_in_words(&it.role)),
    (left("PRINCIPAL"), |it| it.principal_id.clone()),
    (left("NAME").wraps(), |it| or_dash(it.principal_name.as_deref())),
    (left("SINCE").rank(1), |it| minute(&it.assigned_at)),
]);

/// A role that somebody has, with its name.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Assigned {
    role_name: String,
    /// As far as the caller may know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    principal_name: Option<String>,
    #[serde(flatten)]
    assignment: RoleAssignment,
}

/// Something was taken away.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Removed<'a> {
    role: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal_id: Option<&'a str>,
    removed: bool,
}

/// Who gets a role or loses it.
struct Whom {
    id: String,
    kind: Option<PrincipalKind>,
}

impl PrincipalKind {
    /// As Azure writes it.
    const fn name(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
            Self::ServicePrincipal => "ServicePrincipal",
        }
    }
}

impl From<PrincipalKind> for api::PrincipalKind {
    fn from(kind: PrincipalKind) -> Self {
        match kind {
            PrincipalKind::User => Self::User,
            PrincipalKind::Group => Self::Group,
            PrincipalKind::ServicePrincipal => Self::ServicePrincipal,
        }
    }
}

pub(super) async fn role(client: &Client, command: RoleCommand, printer: &Printer) -> Result<(), Failure> {
    match command {
        RoleCommand::Create {
            name,
            description,
            actions,
            not_actions,
            assignable,
        } => {
            let role = PutRoleDefinitionProperties {
                role_name: name,
                description,
                assignable_scopes: assignable,
                permissions: vec![Permission {
                    actions,
                    not_actions,
                    ..Permission::default()
                }],
            };
            define(client, role, printer).await
        }
        RoleCommand::Show { role, scope } => {
            let role = found(client, &scope.or_everywhere(), &role).await?;
            printer.show(&role, || describe(&role))
        }
        RoleCommand::List(scope) => {
            ROLES.show(&client.role_definitions(&scope.or_everywhere()).await?, printer)
        }
        RoleCommand::Delete { role, scope } => delete(client, &scope.or_everywhere(), &role, printer).await,
        RoleCommand::Assign(args) => assign(client, &args, printer).await,
        RoleCommand::Unassign(args) => unassign(client, &args, printer).await,
        RoleCommand::Assignments(scope) => {
            let scope = scope.or_everywhere();
            let roles = client.role_definitions(&scope).await?;
            let assignments = client.role_assignments(&scope, None).await?;
            let principals = assignments.iter().map(|it| it.properties.principal_id.clone());
            let names = names(client, principals).await?;
            let assigned = assignments
                .into_iter()
                .map(|it| Assigned::new(it, &roles, &names));
            ASSIGNMENTS.show(&assigned.collect::<Vec<_>>(), printer)
        }
        RoleCommand::PartnerRoles => PARTNER_ROLES.show(&client.partner_roles().await?, printer),
    }
}

impl Assigned {
    fn new(assignment: RoleAssignment, roles: &[RoleDefinition], names: &Names) -> Self {
        let id = id_of_role(&assignment).to_owned();
        let role = roles.iter().find(|role| role.name == id);
        let role_name = role.map_or(id, |role| role.properties.role_name.clone());
        Self {
            role_name,
            principal_name: names.get(&assignment.properties.principal_id).cloned(),
            assignment,
        }
    }
}

/// The id at the end of the role's resource id.
fn id_of_role(assignment: &RoleAssignment) -> &str {
    let id = &assignment.properties.role_definition_id;
    id.rsplit('/').next().unwrap_or(id)
}

/// Defines a role, anew if there is one of this name.
async fn define(
    client: &Client,
    role: PutRoleDefinitionProperties,
    printer: &Printer,
) -> Result<(), Failure> {
    let first = role.assignable_scopes.first().cloned();
    let scope = first.ok_or_else(|| Failure::usage("It is not said where the role can be given."))?;
    let known = client.role_definitions(&scope).await?;
    let known = known.into_iter().find(|known| {
        known.properties.kind == wire::arm::authorization::CUSTOM_ROLE && is_named(known, &role.role_name)
    });
    let id = known.map_or_else(|| SystemRandom.uuid().to_string(), |known| known.name);
    let defined = client
        .put_role_definition(&scope, &id, &PutRoleDefinition { properties: role })
        .await?;
    ROLES.show_one(&defined, printer)
}

fn is_named(role: &RoleDefinition, name_or_id: &str) -> bool {
    let names = [&role.name, &role.properties.role_name];
    names
        .into_iter()
        .any(|known| known.eq_ignore_ascii_case(name_or_id))
}

/// The role of this name or id that can be given at a scope.
async fn found(client: &Client, scope: &str, role: &str) -> Result<RoleDefinition, Failure> {
    let mut known = client.role_definitions(scope).await?.into_iter();
    known.find(|known| is_named(known, role)).ok_or_else(|| {
        Failure::new(format!("There is no role {role} that can be given at {scope}."))
            .coded("RoleDefinitionDoesNotExist")
            .hint(format!(
                "`meterbridge role list --scope {scope}` lists those that there are."
            ))
    })
}

async fn delete(client: &Client, scope: &str, role: &str, printer: &Printer) -> Result<(), Failure> {
    let found = found(client, scope, role).await?;
    client.delete_role_definition(scope, &found.name).await?;
    let removed = Removed {
        role: &found.properties.role_name,
        scope: None,
        principal_id: None,
        removed: true,
    };
    printer.show(&removed, || {
        format!("There is no role {} any more.", found.properties.role_name)
    })
}

async fn assign(client: &Client, args: &RoleGivenArgs, printer: &Printer) -> Result<(), Failure> {
    let whom = whom(client, &args.whom).await?;
    let names = known(client, &whom, &args.whom, printer).await?;
    let Some((role, scope)) = of_azure(args) else {
        let kind = whom.kind.map(Into::into);
        let answered = client
            .assign_partner_role(&in_trade(args)?, &whom.id, kind)
            .await?;
        return PARTNER_ROLES.show_one(&answered.value, printer);
    };
    let role = found(client, &scope, role).await?;
    let properties = PutRoleAssignmentProperties {
        role_definition_id: role.id.clone(),
        principal_id: whom.id,
        principal_type: whom.kind.map(|kind| kind.name().to_owned()),
    };
    let id = SystemRandom.uuid().to_string();
    let assigned = client
        .put_role_assignment(&scope, &id, &PutRoleAssignment { properties })
        .await?;
    ASSIGNMENTS.show_one(&Assigned::new(assigned, &[role], &names), printer)
}

async fn unassign(client: &Client, args: &RoleGivenArgs, printer: &Printer) -> Result<(), Failure> {
    let whom = whom(client, &args.whom).await?;
    let Some((role, scope)) = of_azure(args) else {
        let role = in_trade(args)?;
        client.unassign_partner_role(&role, &whom.id).await?;
        return removed(name_in_trade(&role), None, &whom.id, printer);
    };
    let role = found(client, &scope, role).await?;
    let assignments = client.role_assignments(&scope, Some(&whom.id)).await?;
    let here = assignments.into_iter().find(|it| {
        it.properties.scope.eq_ignore_ascii_case(&scope) && id_of_role(it).eq_ignore_ascii_case(&role.name)
    });
    let name = role.properties.role_name;
    let given = match here {
        Some(assignment) => client.delete_role_assignment(&scope, &assignment.name).await?,
        None => false,
    };
    if !given {
        let what = format!(
            "{} does not have the role {name} at {scope} itself. Nothing was changed.",
            whom.id
        );
        return Err(Failure::new(what).coded("RoleAssignmentNotFound").hint(format!(
            "It may come from a scope above or from a group: `meterbridge role assignments --scope {scope}`."
        )));
    }
    removed(&name, Some(&scope), &whom.id, printer)
}

fn removed(role: &str, scope: Option<&str>, principal: &str, printer: &Printer) -> Result<(), Failure> {
    let removed = Removed {
        role,
        scope,
        principal_id: Some(principal),
        removed: true,
    };
    printer.show(&removed, || {
        format!("{principal} does not have the role {role} there any more.")
    })
}

/// The role of Azure that is meant, and its scope.
fn of_azure(args: &RoleGivenArgs) -> Option<(&str, String)> {
    args.role.as_deref().zip(args.scope.named())
}

/// The role in the trade that is meant.
fn in_trade(args: &RoleGivenArgs) -> Result<RoleOf<'_>, Failure> {
    match (
        &args.admin_agent_of,
        &args.customer_user_of,
        args.platform_operator,
    ) {
        (Some(partner), _, _) => Ok(RoleOf::AdminAgent(partner)),
        (_, Some(customer), _) => Ok(RoleOf::CustomerUser(customer)),
        (_, _, true) => Ok(RoleOf::PlatformOperator),
        _ => Err(Failure::usage("It is not said which role is meant.")),
    }
}

const fn name_in_trade(role: &RoleOf<'_>) -> &'static str {
    match role {
        RoleOf::PlatformOperator => "operator of the platform",
        RoleOf::AdminAgent(_) => "admin agent",
        RoleOf::CustomerUser(_) => "customer's user",
    }
}

/// The object that a role is given to.
async fn whom(client: &Client, args: &WhomArgs) -> Result<Whom, Failure> {
    let WhomArgs {
        user,
        application,
        group,
        principal,
        principal_kind,
    } = args;
    let (id, kind) = match (user, application, group, principal) {
        (Some(user), ..) => (named_user(client, user).await?, Some(PrincipalKind::User)),
        (_, Some(id), ..) => (
            client.application(id).await?.service_principal_id,
            Some(PrincipalKind::ServicePrincipal),
        ),
        (_, _, Some(id), _) => (id.clone(), Some(PrincipalKind::Group)),
        (.., Some(id)) => (id.clone(), *principal_kind),
        _ => return Err(Failure::usage("It is not said whose role it is.")),
    };
    Ok(Whom { id, kind })
}

/// The object id of a user, who may be in a directory that others manage.
async fn named_user(client: &Client, user: &str) -> Result<String, Failure> {
    user_id(client, user).await.map_err(|failure| {
        if failure.code() == "DirectoryNotFound" {
            failure.hint(format!(
                "`meterbridge directory list` lists those that you manage. Of a user of another one you need the object id, \
                 which `meterbridge whoami` tells that user: give it in place of {user} with `--principal OBJECT-ID \
                 --principal-kind user`."
            ))
        } else {
            failure
        }
    })
}

/// Whether there is somebody with this id, and by which name: a role under an id with one wrong digit is nobody's. Only
/// where it is said that the account may be kept elsewhere, an id that is not known is good.
async fn known(client: &Client, whom: &Whom, args: &WhomArgs, printer: &Printer) -> Result<Names, Failure> {
    let id = &whom.id;
    let names = names(client, [id.clone()]).await?;
    if names.contains_key(id) {
        return Ok(names);
    }
    if args.principal.is_some() {
        printer.warning(&format!(
            "nobody in the directories here that you can look into has the id {id}. The role is good only if an account \
             that is kept elsewhere has it: `meterbridge whoami` tells everybody their own."
        ));
        return Ok(names);
    }
    let (what, kind) = match whom.kind {
        Some(PrincipalKind::Group) => ("group", "group"),
        Some(PrincipalKind::ServicePrincipal) => ("application", "service-principal"),
        _ => ("user", "user"),
    };
    Err(Failure::new(format!(
        "There is no {what} with the id {id} that you can look up. Nothing was changed."
    ))
    .coded("PrincipalNotFound")
    .hint(format!(
        "Compare it with `meterbridge {what} list --directory DIRECTORY`. For one of a directory that is kept elsewhere, or \
         that others manage: `--principal {id} --principal-kind {kind}`."
    )))
}

fn describe(role: &RoleDefinition) -> String {
    let RoleDefinition { name, properties, .. } = role;
    let mut lines = vec![
        ("Role", properties.role_name.as_str()),
        ("Id", name),
        ("For", &properties.description),
    ];
    for permission in &properties.permissions {
        lines.extend(
            permission
                .actions
                .iter()
                .map(|action| ("Allows", action.as_str())),
        );
        lines.extend(
            permission
                .not_actions
                .iter()
                .map(|action| ("But not", action.as_str())),
        );
    }
    lines.extend(
        properties
            .assignable_scopes
            .iter()
            .map(|scope| ("Can be given at", scope.as_str())),
    );
    let lines = lines
        .iter()
        .map(|(label, value)| format!("{label:<15}  {value}\n"));
    lines.collect()
}
