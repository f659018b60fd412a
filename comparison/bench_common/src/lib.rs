//! What the programs of the comparison share: [the texts](texts), [the check](asked) that all of them ask the model the
//! same, and [the clock](Row).

mod asked;
mod row;
pub mod texts;

pub use asked::{Conversation, asked};
pub use row::{AT_ONCE, BATCH, CHUNKS, Row, read};
