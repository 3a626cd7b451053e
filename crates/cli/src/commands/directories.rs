//! `directory` and `group`, and finding accounts by the names that people know them by.

use client::Client;
use serde::Serialize;
use wire::api;

use super::{or_dash, say_deleted};
use crate::args::{DirectoryCommand, GroupCommand, MemberArgs};
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
        GroupCommand::Show(group) => show(&client.group(&group.group).await?, printer),
        GroupCommand::Delete(group) => {
            client.delete_group(&group.group).await?;
            say_deleted("Group", &group.group, printer)
        }
        GroupCommand::List(directory) => {
            let directory = directory_id(client, &directory.directory).await?;
            GROUPS.show(&client.groups(&directory).await?, printer)
        }
        GroupCommand::AddMember(MemberArgs { group, member }) => {
            let member = user_id(client, &member).await?;
            show(&client.add_member(&group.group, &member).await?.value, printer)
        }
        GroupCommand::RemoveMember(MemberArgs { group, member }) => {
            let member = user_id(client, &member).await?;
            remove_member(client, &group.group, &member, printer).await
        }
    }
}

fn show(group: &api::Group, printer: &Printer) -> Result<(), Failure> {
    printer.show(group, || {
        let members = group.members.iter().map(|member| format!("\n  {member}"));
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

/// The id of a directory that is given as its id or its domain.
pub(super) async fn directory_id(client: &Client, directory: &str) -> Result<String, Failure> {
    if !directory.contains('.') {
        return Ok(directory.to_owned());
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
        return Ok(user.to_owned());
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
