//! Budgets.

use reqwest::Method;
use wire::api::{Budget, SetBudget};

use crate::call::Call;
use crate::{Client, ClientError};

impl Client {
    /// Every budget of the caller's sides, with what was spent of each in the running month.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn budgets(&self) -> Result<Vec<Budget>, ClientError> {
        self.list(&["api", "v1", "budgets"], &[]).await
    }

    /// A budget, with what was spent of it in the running month. Without an owner, the only one of this name that is the
    /// caller's.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn budget(&self, name: &str, owner: Option<&str>) -> Result<Budget, ClientError> {
        let call = Call::new(Method::GET, ["api", "v1", "budgets", name]);
        self.ask(call.query("owner", owner)).await
    }

    /// Sets a budget.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn set_budget(&self, name: &str, budget: &SetBudget) -> Result<Budget, ClientError> {
        let call = Call::new(Method::PUT, ["api", "v1", "budgets", name]);
        self.ask(call.json(budget)?).await
    }

    /// Removes a budget.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn remove_budget(&self, name: &str, owner: Option<&str>) -> Result<(), ClientError> {
        let call = Call::new(Method::DELETE, ["api", "v1", "budgets", name]);
        self.tell(call.query("owner", owner)).await
    }
}
