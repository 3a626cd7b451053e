//! Directories with their users, applications and groups.

use reqwest::Method;
use wire::api::{
    Application, Certificate, ChangePassword, Directory, Group, NewApplication, NewCertificate, NewDirectory,
    NewGroup, NewSecret, NewUser, Secret, SetPassword, User,
};

use wire::graph::{DirectoryObject, Found, GetByIds};

use crate::call::{Answered, Call};
use crate::{Client, ClientError};

/// How many objects are asked for at once: the server answers a thousand.
const OBJECTS_AT_ONCE: usize = 1000;

fn get<'a>(path: impl IntoIterator<Item = &'a str>) -> Call {
    Call::new(Method::GET, ["api", "v1"].into_iter().chain(path))
}

fn post<'a>(path: impl IntoIterator<Item = &'a str>) -> Call {
    Call::new(Method::POST, ["api", "v1"].into_iter().chain(path))
}

fn delete<'a>(path: impl IntoIterator<Item = &'a str>) -> Call {
    Call::new(Method::DELETE, ["api", "v1"].into_iter().chain(path))
}

impl Client {
    /// Creates a directory.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn create_directory(&self, directory: &NewDirectory) -> Result<Directory, ClientError> {
        self.ask(post(["directories"]).json(directory)?).await
    }

    /// Every directory that the caller manages.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn directories(&self) -> Result<Vec<Directory>, ClientError> {
        self.list(&["api", "v1", "directories"], &[]).await
    }

    /// A directory.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn directory(&self, id: &str) -> Result<Directory, ClientError> {
        self.ask(get(["directories", id])).await
    }

    /// Deletes a directory that nobody and nothing is in any more.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn delete_directory(&self, id: &str) -> Result<(), ClientError> {
        self.tell(delete(["directories", id])).await
    }

    /// Creates a user of a directory.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn create_user(&self, directory: &str, user: &NewUser) -> Result<User, ClientError> {
        self.ask(post(["directories", directory, "users"]).json(user)?)
            .await
    }

    /// Every user of a directory.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn users(&self, directory: &str) -> Result<Vec<User>, ClientError> {
        self.list(&["api", "v1", "directories", directory, "users"], &[])
            .await
    }

    /// A user.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn user(&self, id: &str) -> Result<User, ClientError> {
        self.ask(get(["users", id])).await
    }

    /// Deletes a user, who is out at once.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn delete_user(&self, id: &str) -> Result<(), ClientError> {
        self.tell(delete(["users", id])).await
    }

    /// Gives a user another password.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn set_password(&self, user: &str, password: &str) -> Result<(), ClientError> {
        let password = password.to_owned();
        let call = Call::new(Method::PUT, ["api", "v1", "users", user, "password"]);
        self.tell(call.json(&SetPassword { password })?).await
    }

    /// Gives the caller, a user, another password.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn change_password(&self, old: &str, new: &str) -> Result<(), ClientError> {
        let passwords = ChangePassword {
            old_password: old.to_owned(),
            new_password: new.to_owned(),
        };
        let call = Call::new(Method::PUT, ["api", "v1", "me", "password"]);
        self.tell(call.json(&passwords)?).await
    }

    /// Lets a user sign in again.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn enable_user(&self, id: &str) -> Result<User, ClientError> {
        self.ask(post(["users", id, "enable"]).repeatable()).await
    }

    /// Keeps a user from signing in.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn disable_user(&self, id: &str) -> Result<User, ClientError> {
        self.ask(post(["users", id, "disable"]).repeatable()).await
    }

    /// Creates an application in a directory.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn create_application(
        &self,
        directory: &str,
        application: &NewApplication,
    ) -> Result<Application, ClientError> {
        self.ask(post(["directories", directory, "applications"]).json(application)?)
            .await
    }

    /// Every application of a directory.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn applications(&self, directory: &str) -> Result<Vec<Application>, ClientError> {
        self.list(&["api", "v1", "directories", directory, "applications"], &[])
            .await
    }

    /// An application.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn application(&self, id: &str) -> Result<Application, ClientError> {
        self.ask(get(["applications", id])).await
    }

    /// Deletes an application, which is out at once.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn delete_application(&self, id: &str) -> Result<(), ClientError> {
        self.tell(delete(["applications", id])).await
    }

    /// Lets an application sign in again.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn enable_application(&self, id: &str) -> Result<Application, ClientError> {
        self.ask(post(["applications", id, "enable"]).repeatable()).await
    }

    /// Keeps an application from signing in.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn disable_application(&self, id: &str) -> Result<Application, ClientError> {
        self.ask(post(["applications", id, "disable"]).repeatable()).await
    }

    /// Adds a secret to an application. Its text is in the answer and nowhere else.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn add_secret(&self, application: &str, expires: Option<&str>) -> Result<Secret, ClientError> {
        let expires = expires.map(str::to_owned);
        self.ask(post(["applications", application, "secrets"]).json(&NewSecret { expires })?)
            .await
    }

    /// Adds a certificate, in PEM form, to an application.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn add_certificate(&self, application: &str, pem: &str) -> Result<Certificate, ClientError> {
        let pem = pem.to_owned();
        self.ask(post(["applications", application, "certificates"]).json(&NewCertificate { pem })?)
            .await
    }

    /// Removes a secret or a certificate of an application.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn remove_credential(&self, application: &str, credential: &str) -> Result<(), ClientError> {
        let path = [
            "api",
            "v1",
            "applications",
            application,
            "credentials",
            credential,
        ];
        self.tell(Call::new(Method::DELETE, path)).await
    }

    /// What there is of these objects, as far as the caller may know: users, service principals and groups.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn objects(&self, ids: &[String]) -> Result<Vec<DirectoryObject>, ClientError> {
        let mut objects = Vec::new();
        for ids in ids.chunks(OBJECTS_AT_ONCE) {
            let asked = GetByIds {
                ids: ids.to_vec(),
                types: Vec::new(),
            };
            let path = ["graph", "v1.0", "directoryObjects", "getByIds"];
            let call = Call::new(Method::POST, path).repeatable().json(&asked)?;
            let Found { value } = self.ask(call).await?;
            objects.extend(value);
        }
        Ok(objects)
    }

    /// Creates a group in a directory.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn create_group(&self, directory: &str, name: &str) -> Result<Group, ClientError> {
        let name = name.to_owned();
        self.ask(post(["directories", directory, "groups"]).json(&NewGroup { name })?)
            .await
    }

    /// Every group of a directory.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn groups(&self, directory: &str) -> Result<Vec<Group>, ClientError> {
        self.list(&["api", "v1", "directories", directory, "groups"], &[])
            .await
    }

    /// A group with its members.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn group(&self, id: &str) -> Result<Group, ClientError> {
        self.ask(get(["groups", id])).await
    }

    /// Deletes a group. Its members stay.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn delete_group(&self, id: &str) -> Result<(), ClientError> {
        self.tell(delete(["groups", id])).await
    }

    /// Puts a user or service principal into a group.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn add_member(&self, group: &str, member: &str) -> Result<Answered<Group>, ClientError> {
        let path = ["api", "v1", "groups", group, "members", member];
        self.ask_with_warnings(Call::new(Method::PUT, path)).await
    }

    /// Takes a member out of a group. Says whether it was in it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn remove_member(&self, group: &str, member: &str) -> Result<bool, ClientError> {
        let path = ["api", "v1", "groups", group, "members", member];
        self.remove(Call::new(Method::DELETE, path)).await
    }
}
