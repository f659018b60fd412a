//! The `role` of a message type in JSON: always there when written.

use serde::Serialize;

macro_rules! one_role {
    ($name:ident = $role:literal) => {
        #[derive(Clone, Copy, PartialEq, Eq, Default, Serialize)]
        pub(crate) enum $name {
            #[default]
            #[serde(rename = $role)]
            Only,
        }
    };
}

one_role!(SystemRole = "system");
one_role!(UserRole = "user");
one_role!(AssistantRole = "assistant");
one_role!(ToolRole = "tool");
