//! The `role` of a message type in JSON: always there when written, and never another one when read.

use serde::{Deserialize, Serialize};

macro_rules! one_role {
    ($name:ident = $role:literal $(or $alias:literal)*) => {
        #[derive(Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
        pub(crate) enum $name {
            #[default]
            #[serde(rename = $role $(, alias = $alias)*)]
            Only,
        }
    };
}

one_role!(SystemRole = "system" or "developer");
one_role!(UserRole = "user" or "human");
one_role!(AssistantRole = "assistant" or "ai");
one_role!(ToolRole = "tool");
