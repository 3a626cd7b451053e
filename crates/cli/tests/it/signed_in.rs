//! Somebody at a server: a directory of configurations of their own, in which their sign-ins are kept.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::process::{Outcome, meterbridge, run};
use crate::server::Server;

pub(crate) const PASSWORD: &str = "correct horse battery";

/// Somebody who works with a server without an operator's credential.
pub(crate) struct Somebody<'a> {
    server: &'a Server,
    home: TempDir,
}

impl<'a> Somebody<'a> {
    pub(crate) fn at(server: &'a Server) -> Self {
        Self {
            server,
            home: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn file_of_sign_ins(&self) -> PathBuf {
        self.home().join("meterbridge").join("sign-ins.json")
    }

    pub(crate) fn command(&self, command: &str, more: &[&str]) -> Command {
        let mut process = meterbridge();
        process
            .env("XDG_CONFIG_HOME", self.home())
            .env("METERBRIDGE_URL", &self.server.url)
            .args(command.split_whitespace())
            .args(more);
        process
    }

    pub(crate) fn run(&self, command: &str, more: &[&str]) -> Outcome {
        run(&mut self.command(command, more))
    }

    #[track_caller]
    pub(crate) fn json(&self, command: &str, more: &[&str]) -> serde_json::Value {
        self.run(&format!("{command} --output json"), more).json()
    }

    /// The ids in a list.
    #[track_caller]
    pub(crate) fn ids(&self, command: &str) -> Vec<String> {
        let listed = self.json(command, &[]);
        let id = |item: &serde_json::Value| item["id"].as_str().unwrap().to_owned();
        listed.as_array().unwrap().iter().map(id).collect()
    }

    /// Signs in with a device code: begins, does in a browser's stead what `answer` says, and waits.
    pub(crate) fn sign_in(&self, answer: &[(&str, &str)]) -> Outcome {
        let mut login = self.command("login --output json", &[]);
        login
            .env("METERBRIDGE_CA", self.server.ca())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = login.spawn().unwrap();
        let mut notes = BufReader::new(process.stderr.take().unwrap());
        let mut told = String::new();
        notes.read_line(&mut told).unwrap();
        let word_after = |before: &str| {
            let rest = told
                .split_once(before)
                .unwrap_or_else(|| panic!("{before}: {told}"))
                .1;
            rest.split_whitespace().next().unwrap().trim_end_matches('.')
        };
        let (page, code) = (word_after("open "), word_after("code "));
        let form: Vec<(&str, &str)> = [("user_code", code)]
            .into_iter()
            .chain(answer.iter().copied())
            .collect();
        post(self.server, page, &form);
        notes.read_to_string(&mut told).unwrap();
        let output = process.wait_with_output().unwrap();
        Outcome {
            code: output.status.code(),
            data: String::from_utf8(output.stdout).unwrap(),
            notes: told,
        }
    }

    /// Signs in as a user who has [`PASSWORD`].
    #[track_caller]
    pub(crate) fn signed_in_as(self, user: &str) -> Self {
        let answer = [
            ("username", user),
            ("password", PASSWORD),
            ("decision", "approve"),
        ];
        self.sign_in(&answer).done();
        self
    }
}

/// Sends a form as a browser would.
fn post(server: &Server, page: &str, form: &[(&str, &str)]) {
    let ca = std::fs::read(server.ca()).unwrap();
    let ca = reqwest::Certificate::from_pem(&ca).unwrap();
    let browser = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([ca])
        .build()
        .unwrap();
    let form = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish();
    let request = browser
        .post(page)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let status = runtime.block_on(async { request.send().await.unwrap().status() });
    assert!(status.is_success(), "{page} answered {status}");
}
