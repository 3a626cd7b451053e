//! The connection to a stack, made anew where that may help: the authority whose certificates are trusted, the account, and
//! even which stack answers may not be what they were.

use std::sync::Arc;

use tokio::sync::watch;

use crate::activation::ActivationKey;
use crate::config::StackConfig;
use crate::environment::Environment;
use crate::stack::{Failure, Stack};
use crate::status::Reporter;

/// The stack, when it was reached and found to be the one that the key is for.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn connect(
    stack: &StackConfig,
    key: &ActivationKey,
    environment: &Environment,
    reporter: &Reporter,
) -> Result<Arc<Stack>, Failure> {
    let connected = Stack::connect(&stack.address, environment, reporter).await?;
    let activation = connected.activation().await?;
    key.must_match(activation.as_ref(), stack.cloud_id)
        .map_err(Failure::Refused)?;
    Ok(connected)
}

/// The connection to one stack, for all who read it.
pub(crate) struct Connection {
    stack: StackConfig,
    key: ActivationKey,
    environment: Environment,
    made: watch::Sender<Option<Arc<Stack>>>,
}

impl Connection {
    pub(crate) fn new(stack: StackConfig, key: ActivationKey, environment: Environment) -> Arc<Self> {
        Arc::new(Self {
            stack,
            key,
            environment,
            made: watch::Sender::new(None),
        })
    }

    pub(crate) const fn environment(&self) -> &Environment {
        &self.environment
    }

    /// How the stack is called in the configuration.
    pub(crate) fn name(&self) -> &str {
        &self.stack.name
    }

    /// The connection there is; none if it has to be made.
    pub(crate) fn present(&self) -> Option<Arc<Stack>> {
        self.made.borrow().clone()
    }

    /// Makes the connection: the file with the authority is read again, and it is found out again which stack it is.
    ///
    /// # Errors
    /// [`Failure`]: then there is none.
    pub(crate) async fn make(&self, reporter: &Reporter) -> Result<Arc<Stack>, Failure> {
        let stack = connect(&self.stack, &self.key, &self.environment, reporter).await?;
        self.made.send_replace(Some(Arc::clone(&stack)));
        Ok(stack)
    }

    /// Waits until somebody has made the connection.
    pub(crate) async fn awaited(&self) -> Arc<Stack> {
        let mut made = self.made.subscribe();
        loop {
            let present = made.borrow_and_update().clone();
            if let Some(stack) = present {
                return stack;
            }
            // That there is nobody any more who could make it cannot be: it would be `self`.
            let _ = made.changed().await;
        }
    }

    /// Takes note that something failed with this connection: where another one may help, it is made anew.
    pub(crate) fn failed(&self, stack: &Arc<Stack>, failure: &Failure) {
        if failure.may_be_the_connection() {
            self.made.send_if_modified(|made| {
                let is_present = made.as_ref().is_some_and(|it| Arc::ptr_eq(it, stack));
                made.take_if(|_| is_present).is_some()
            });
        }
    }
}
