//! [`Role`]: who speaks.

use std::fmt;

use anabranch_core::{Error, Result};
use serde::Serialize;

/// Who speaks in a message.
///
/// ```
/// use anabranch_messages::Role;
///
/// assert_eq!(Role::try_from("human")?, Role::User);
/// assert!(Role::try_from("narrator").is_err());
/// # Ok::<(), anabranch_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The instructions of the program.
    System,
    /// The person, or the program that stands for one.
    User,
    /// The model.
    Assistant,
    /// The result of a tool.
    Tool,
}

impl Role {
    /// The role as it stands in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl AsRef<str> for Role {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

/// Also takes the names other frameworks use: `developer`, `human`, `ai`.
impl TryFrom<&str> for Role {
    type Error = Error;

    fn try_from(name: &str) -> Result<Self> {
        match name {
            "system" | "developer" => Ok(Self::System),
            "user" | "human" => Ok(Self::User),
            "assistant" | "ai" => Ok(Self::Assistant),
            "tool" => Ok(Self::Tool),
            // A role that is none is often the text itself, given in the wrong place: it is not repeated.
            _ => Err(Error::invalid_input(
                "unknown role of a message: the roles are `system` (or `developer`), `user` (or `human`), `assistant` \
                 (or `ai`) and `tool`",
            )),
        }
    }
}

impl std::str::FromStr for Role {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::try_from(name)
    }
}
