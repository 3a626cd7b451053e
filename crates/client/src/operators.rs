//! Operators' credentials.

use reqwest::Method;
use wire::api::{MadeOperatorCredential, NewOperatorCredential, OperatorCredential};

use crate::call::Call;
use crate::{Client, ClientError};

const PATH: [&str; 3] = ["api", "v1", "operator-credentials"];

impl Client {
    /// Every operator's credential that is good.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn operator_credentials(&self) -> Result<Vec<OperatorCredential>, ClientError> {
        self.list(&PATH, &[]).await
    }

    /// Makes another operator's credential. Its text is in the answer and nowhere else.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn create_operator_credential(
        &self,
        name: &str,
    ) -> Result<MadeOperatorCredential, ClientError> {
        let name = name.to_owned();
        let call = Call::new(Method::POST, PATH).json(&NewOperatorCredential { name })?;
        self.ask(call).await
    }

    /// Revokes an operator's credential.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn revoke_operator_credential(&self, id: &str) -> Result<(), ClientError> {
        let path = PATH.into_iter().chain([id]);
        self.tell(Call::new(Method::DELETE, path)).await
    }
}
