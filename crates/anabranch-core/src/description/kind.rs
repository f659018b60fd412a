//! [`Kind`]: what kind of step something is.

use std::fmt;

/// What kind of step something is, as observers and programs that draw chains see it: `"prompt"`, `"parallel"`,
/// `"chat_model"`.
///
/// The type is open: a crate that brings steps of its own brings kinds of its own. Nothing is decided by them; they are
/// there to be read.
///
/// ```
/// use anabranch_core::describe::Kind;
///
/// const TOOL: Kind = Kind::new("tool");
/// assert_eq!(TOOL.as_str(), "tool");
/// assert_eq!(Kind::PARALLEL, "parallel");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kind(&'static str);

impl Kind {
    /// A step that says nothing else of itself.
    pub const STEP: Self = Self::new("step");
    /// A function.
    pub const LAMBDA: Self = Self::new("lambda");
    /// A function over chunks.
    pub const GENERATOR: Self = Self::new("generator");
    /// A function on a thread of its own.
    pub const BLOCKING: Self = Self::new("blocking");
    /// A step that chooses the next chain at run time.
    pub const DYNAMIC: Self = Self::new("dynamic");
    /// A step that gives what it takes.
    pub const PASSTHROUGH: Self = Self::new("passthrough");
    /// Some keys of an object.
    pub const PICK: Self = Self::new("pick");
    /// An object and computed keys.
    pub const ASSIGN: Self = Self::new("assign");
    /// One step after the other.
    pub const SEQUENCE: Self = Self::new("sequence");
    /// Several steps on one input, as an object.
    pub const PARALLEL: Self = Self::new("parallel");
    /// One branch of a fan-out.
    pub const BRANCH: Self = Self::new("branch");
    /// One element of a batch or a list.
    pub const ELEMENT: Self = Self::new("element");
    /// A fan-out whose branches may fail.
    pub const SETTLED: Self = Self::new("settled");
    /// A fan-out that gives a tuple.
    pub const TUPLE: Self = Self::new("tuple");
    /// A step over a list.
    pub const EACH: Self = Self::new("each");
    /// The first chain whose condition holds.
    pub const CHOICE: Self = Self::new("choice");
    /// A chain by its key.
    pub const ROUTER: Self = Self::new("router");
    /// Several ways at once, the first that is done decides.
    pub const RACE: Self = Self::new("race");
    /// Several ways at once, the first that succeeds decides.
    pub const FIRST_SUCCESS: Self = Self::new("first_success");
    /// A vote.
    pub const QUORUM: Self = Self::new("quorum");
    /// A step whose failure is a value.
    pub const RESULT: Self = Self::new("result");
    /// A step that is tried again.
    pub const RETRY: Self = Self::new("retry");
    /// A step whose place another takes if it fails.
    pub const FALLBACK: Self = Self::new("fallback");
    /// A step that may take only so long.
    pub const TIMEOUT: Self = Self::new("timeout");
    /// A step that may be silent only so long.
    pub const IDLE_TIMEOUT: Self = Self::new("idle_timeout");
    /// A step that is started a second time where it is slow.
    pub const HEDGE: Self = Self::new("hedge");
    /// A step that may begin only so often.
    pub const RATE_LIMITER: Self = Self::new("rate_limiter");
    /// A step that is left alone while it fails and fails.
    pub const CIRCUIT_BREAKER: Self = Self::new("circuit_breaker");

    /// A kind of one's own: a word in lower case, with underscores.
    #[must_use]
    pub const fn new(kind: &'static str) -> Self {
        Self(kind)
    }

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

/// So that an observer can write `step.kind() == "chat_model"` without depending on the crate that has the constant.
impl PartialEq<&str> for Kind {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}
