//! Tables that somebody holds locked for as long as a test wants.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::Missing;

/// How long others are waited for who have the tables, in milliseconds.
const GRANTED_WITHIN: u32 = 120_000;
/// What `psql` says when it has done what it was told.
const DONE: &str = "done";

/// A transaction that holds tables locked. It ends with this.
pub(crate) struct Lock {
    psql: Child,
    input: Option<ChildStdin>,
    output: Option<BufReader<ChildStdout>>,
}

impl Lock {
    /// Has `psql`, on the right database, lock tables, and waits until it has them.
    pub(crate) fn hold(psql: &mut Command, tables: &str) -> Result<Self, Missing> {
        let mut psql = psql
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        let (input, output) = (psql.stdin.take(), psql.stdout.take().map(BufReader::new));
        let mut lock = Self { psql, input, output };
        lock.run(&format!(
            "SET lock_timeout = {GRANTED_WITHIN}; BEGIN; LOCK TABLE {tables};"
        ))?;
        Ok(lock)
    }

    /// Ends it: when this returns nobody has to wait for it any more. Fails if it had ended before.
    pub(crate) fn end(mut self) -> Result<(), Missing> {
        self.run("ROLLBACK;")
    }

    fn run(&mut self, statements: &str) -> Result<(), Missing> {
        let (Some(input), Some(output)) = (&mut self.input, &mut self.output) else {
            return Err("psql cannot be told anything".to_owned());
        };
        let mut said = String::new();
        writeln!(input, "{statements}\n\\echo {DONE}")
            .and_then(|()| input.flush())
            .and_then(|()| output.read_line(&mut said))
            .map_err(|error| error.to_string())?;
        if said.trim() == DONE {
            Ok(())
        } else {
            Err(format!("psql did not do all of this: {statements}"))
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // It ends with its input.
        drop(self.input.take());
        // Nothing is left to be done about one that does not.
        let _ = self.psql.wait();
    }
}
