//! `directory` and `group`, and finding accounts by the names that people know them by.

use std::collections::{BTreeMap, BTreeSet};

use client::Client;
use serde::Serialize;
use wire::api;
use wire::graph::{DirectoryObject, Kind};

use super::{or_dash, say_deleted};
use crate::args::{DirectoryCommand, GroupCommand, MemberArgs, guid};
use crate::failure::Failure;
use crate::printer::Printer;
use crate::table::{Listing, left, right};

const DIRECTORIES: Listing<api::Directory> = Listing(&[
    (left("DIRECTORY"), |it| it.id.clone()),
    (left("DOMAIN"), |it| it.domain.clone()),
    (left("NAME").wraps(), |it| it.name.clone()),
    (left("PARTNER").rank(1), |it| {
        or_dash(it.owner_partner_id.as_deref())
    }),
    (left("CUSTOMER").rank(2), |it| {
        or_dash(it.owner_customer_id.as_deref())
    }),
]);

const GROUPS: Listing<api::Group> = Listing(&[
    (left("GROUP"), |it| it.id.clone()),
    (left("NAME").wraps(), |it| it.name.clone()),
    (right("MEMBERS"), |it| it.members.len().to_string()),
]);

/// Somebody was taken out of a group.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Removed<'a> {
    group_id: &'a str,
    member_id: &'a str,
    removed: bool,
}

pub(super) async fn directory(
    client: &Client,
    command: DirectoryCommand,
    printer: &Printer,
) -> Result<(), Failure> {
    match command {
        DirectoryCommand::Create {
            id,
            name,
            domain,
            partner,
            customer,
        } => {
            let directory = api::NewDirectory {
                id,
                name,
                domain,
                owner_partner_id: partner,
                owner_customer_id: customer,
            };
            DIRECTORIES.show_one(&client.create_directory(&directory).await?, printer)
        }
        DirectoryCommand::Show { directory } => {
            let id = directory_id(client, &directory).await?;
            DIRECTORIES.show_one(&client.directory(&id).await?, printer)
        }
        DirectoryCommand::Delete { directory } => {
            let id = directory_id(client, &directory).await?;
            client.delete_directory(&id).await?;
            say_deleted("Directory", &id, printer)
        }
        DirectoryCommand::List => DIRECTORIES.show(&client.directories().await?, printer),
    }
}

pub(super) async fn group(client: &Client, command: GroupCommand, printer: &Printer) -> Result<(), Failure> {
    match command {
        GroupCommand::Create { directory, name } => {
            let directory = directory_id(client, &directory.directory).await?;
            GROUPS.show_one(&client.create_group(&directory, &name).await?, printer)
        }
        GroupCommand::Show(group) => {
            let group = client.group(&group.group).await?;
            show(client, &group, printer).await
        }
        GroupCommand::Delete(group) => {
            client.delete_group(&group.group).await?;
            say_deleted("Group", &group.group, printer)
        }
        GroupCommand::List(directory) => {
            let directory = directory_id(client, &directory.directory).await?;
            GROUPS.show(&client.groups(&directory).await?, printer)
        }
        GroupCommand::AddMember(MemberArgs { group, member }) => {
            let member = member_id(client, &member).await?;
            let group = client.add_member(&group.group, &member).await?.value;
            show(client, &group, printer).await
        }
        GroupCommand::RemoveMember(MemberArgs { group, member }) => {
            let member = member_id(client, &member).await?;
            remove_member(client, &group.group, &member, printer).await
        }
    }
}

async fn show(client: &Client, group: &api::Group, printer: &Printer) -> Result<(), Failure> {
    let names = names(client, group.members.iter().cloned()).await?;
    printer.show(group, || {
        let members = group.members.iter().map(|id| match names.get(id) {
            Some(name) => format!("\n  {id}  {name}"),
            None => format!("\n  {id}"),
        });
        let members: String = members.collect();
        let members = if members.is_empty() {
            " none".to_owned()
        } else {
            members
        };
        format!("Group {} ({})\nMembers:{members}", group.name, group.id)
    })
}

async fn remove_member(client: &Client, group: &str, member: &str, printer: &Printer) -> Result<(), Failure> {
    if !client.remove_member(group, member).await? {
        let what = format!("{member} was not in group {group}. Nothing was changed.");
        return Err(Failure::new(what)
            .coded("MemberNotFound")
            .hint(format!("`meterbridge group show {group}` lists its members.")));
    }
    let removed = Removed {
        group_id: group,
        member_id: member,
        removed: true,
    };
    printer.show(&removed, || format!("{member} is not in the group any more."))
}

/// What accounts are called, by object id.
pub(super) type Names = BTreeMap<String, String>;

/// What the accounts with these object ids are called, as far as the caller may know.
pub(super) async fn names(client: &Client, ids: impl IntoIterator<Item = String>) -> Result<Names, Failure> {
    let ids: BTreeSet<String> = ids.into_iter().collect();
    let ids: Vec<String> = ids.into_iter().collect();
    let named = |object: DirectoryObject| match object.kind {
        Kind::User { user_principal_name } => (object.id, user_principal_name),
        Kind::ServicePrincipal { .. } | Kind::Group => (object.id, object.display_name),
    };
    Ok(client.objects(&ids).await?.into_iter().map(named).collect())
}

/// The object id of a member of a group: of a user as [`user_id`], of a program also by its application id.
async fn member_id(client: &Client, member: &str) -> Result<String, Failure> {
    let id = user_id(client, member).await?;
    if member.contains('@') || names(client, [id.clone()]).await?.contains_key(&id) {
        return Ok(id);
    }
    match client.application(&id).await {
        Ok(application) => Ok(application.service_principal_id),
        Err(error) if error.code() == Some("ApplicationNotFound") => Ok(id),
        Err(error) => Err(error.into()),
    }
}

/// The id of a directory that is given as its id or its domain.
pub(super) async fn directory_id(client: &Client, directory: &str) -> Result<String, Failure> {
    if let Ok(id) = guid(directory) {
        return Ok(id);
    }
    if !directory.contains('.') {
        return Err(Failure::usage(format!(
            "'{directory}' is no directory: expected its domain, such as northwind.example, or its id, a GUID."
        ))
        .hint("`meterbridge directory list` lists those that you manage."));
    }
    let mut known = client.directories().await?.into_iter();
    let found = known.find(|known| known.domain.eq_ignore_ascii_case(directory));
    found.map(|found| found.id).ok_or_else(|| {
        Failure::new(format!(
            "There is no directory with the domain {directory} that you manage."
        ))
        .coded("DirectoryNotFound")
        .hint("`meterbridge directory list` lists those that you manage.")
    })
}

/// The object id of a user that is given as its object id or its name.
pub(super) async fn user_id(client: &Client, user: &str) -> Result<String, Failure> {
    let Some((_, domain)) = user.split_once('@') else {
        return guid(user).map_err(|_| {
            Failure::usage(format!(
                "'{user}' is no user: expected the whole name, such as anna@northwind.example, or the object id, a GUID."
            ))
        });
    };
    let directory = directory_id(client, domain).await?;
    let mut known = client.users(&directory).await?.into_iter();
    let found = known.find(|known| known.name.eq_ignore_ascii_case(user));
    found.map(|found| found.id).ok_or_else(|| {
        Failure::new(format!("There is no user {user}."))
            .coded("UserNotFound")
            .hint(format!(
                "`meterbridge user list --directory {domain}` lists those that there are."
            ))
    })
}

/// A role in the trade, in words.
pub(super) fn partner_role_in_words(role: &api::PartnerRole) -> String {
    let named =
        |name: &Option<String>, id: &Option<String>| name.clone().or_else(|| id.clone()).unwrap_or_default();
    match role.role {
        api::PartnerRoleName::PlatformOperator => "operator of the platform".to_owned(),
        api::PartnerRoleName::AdminAgent => {
            format!("admin agent of {}", named(&role.partner_name, &role.partner_id))
        }
        api::PartnerRoleName::CustomerUser => {
            format!("user of {}", named(&role.customer_name, &role.customer_id))
        }
    }
}
