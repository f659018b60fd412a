//! [`Credentials`]: what proves who asks, where it is not the same for ever.

use anabranch_core::Result;
use async_trait::async_trait;

use super::secret::Secret;

/// Gives the headers that prove who asks, anew for each request: for tokens that expire, such as those of Azure and
/// Vertex. A key that stays the same is set with `api_key` instead.
///
/// ```
/// use anabranch_core::Result;
/// use anabranch_models::OpenAi;
/// use anabranch_models::transport::{Credentials, Secret};
///
/// struct Vault;
///
/// #[async_trait::async_trait]
/// impl Credentials for Vault {
///     async fn headers(&self) -> Result<Vec<(String, Secret)>> {
///         // Ask for a token here, and keep it until it is about to expire.
///         let token = "token of today";
///         Ok(vec![("authorization".into(), Secret::new(format!("Bearer {token}")))])
///     }
/// }
///
/// # fn main() -> Result<()> {
/// let llm = OpenAi::new("gpt-4o").base_url("https://me.openai.azure.com/openai/v1").credentials(Vault).build()?;
/// # Ok(()) }
/// ```
#[async_trait]
pub trait Credentials: Send + Sync + 'static {
    /// The headers of the next request. They win over headers of the same name.
    ///
    /// # Errors
    /// Whatever keeps one from having any; the request is not sent then.
    async fn headers(&self) -> Result<Vec<(String, Secret)>>;
}
