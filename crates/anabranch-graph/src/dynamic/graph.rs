//! Graphs over a state that is declared by value: each node says what it may write.

use crate::dynamic::{DynamicFields, DynamicState};
use crate::shape::NamedWrite;
use crate::state_graph::StateGraph;

impl StateGraph<DynamicState> {
    /// A graph over fields that are declared by value. What a node may write is declared too: [`writes`](Self::writes).
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use anabranch_core::{Result, RunnableExt};
    /// use anabranch_graph::dynamic::{DynamicFields, DynamicState, DynamicWrite, FieldType};
    /// use anabranch_graph::{END, START, StateGraph};
    /// use serde_json::json;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<()> {
    /// let fields = DynamicFields::new().field("document", FieldType::Text)?.field("words", FieldType::Number)?;
    /// let graph = StateGraph::dynamic(fields)
    ///     .node("count", async |state: Arc<DynamicState>| {
    ///         let document = state.get("document").and_then(|document| document.as_str()).unwrap_or_default();
    ///         Ok(DynamicWrite::new("words", document.split(' ').count()))
    ///     })
    ///     .writes("count", ["words"])
    ///     .edge(START, "count")
    ///     .edge("count", END)
    ///     .compile()?;
    /// let done = graph.invoke(DynamicState::from_iter([("document", "A tidal power plant")])).await?;
    /// assert_eq!(done.get("words"), Some(&json!(4)));
    /// # Ok(())
    /// # }
    /// ```
    pub fn dynamic(fields: DynamicFields) -> Self {
        Self::over(fields.to_vec(), fields)
    }

    /// The fields that a node may write. It fails where it writes another one.
    ///
    /// [`compile`](Self::compile) names those that are not declared, and nodes that there are not, with everything else
    /// that is wrong.
    pub fn writes<I>(self, node: &str, fields: I) -> Self
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        self.may_write(node, fields, false)
    }

    /// The fields that a node may [overwrite](crate::dynamic::DynamicWrite::overwrite), as [`writes`](Self::writes) has
    /// those that it may write.
    pub fn overwrites<I>(self, node: &str, fields: I) -> Self
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        self.may_write(node, fields, true)
    }

    fn may_write<I>(mut self, node: &str, fields: I, overwrite: bool) -> Self
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        let write = |field: I::Item| NamedWrite { node: node.to_owned(), field: field.as_ref().to_owned(), overwrite };
        self.writes.extend(fields.into_iter().map(write));
        self
    }
}
