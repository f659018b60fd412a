//! [`Path`]: which activation of which node it is.

use std::fmt::Write as _;

/// A path and its order key. The path is made of segments `name#i#j[item]`, joined by `/`: iterations outermost first,
/// only in loops; the item only in maps.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Path {
    pub(crate) text: String,
    /// For each enclosing loop from the outside in its place and iteration, then the place of the node and the item.
    pub(crate) key: Vec<u64>,
}

impl Path {
    /// A node below this one.
    pub(crate) fn node(&self, name: &str, iterations: &[(u64, u64)], place: u64) -> Self {
        let mut text = String::with_capacity(self.text.len() + name.len() + 1);
        text.push_str(&self.text);
        if !text.is_empty() {
            text.push('/');
        }
        text.push_str(name);
        let mut key = self.key.clone();
        for (loop_place, iteration) in iterations {
            let _ = write!(text, "#{iteration}");
            key.extend([*loop_place, *iteration]);
        }
        key.push(place);
        Self { text, key }
    }

    /// An item of this map.
    pub(crate) fn item(&self, index: usize) -> Self {
        let mut key = self.key.clone();
        key.push(index as u64);
        Self { text: format!("{}[{index}]", self.text), key }
    }
}
