//! [`Route`]: a condition that chooses where it goes on.

use crate::names::Names;

type Choose<S> = Box<dyn Fn(&S) -> Vec<String> + Send + Sync>;

/// A condition that chooses where it goes on, among what was declared.
pub(crate) struct Route<S> {
    pub(crate) multi: bool,
    pub(crate) targets: Vec<String>,
    choose: Choose<S>,
}

impl<S: 'static> Route<S> {
    pub(crate) fn new<C: Names>(
        multi: bool,
        choose: impl Fn(&S) -> C + Send + Sync + 'static,
        targets: Vec<String>,
    ) -> Self {
        Self { multi, targets, choose: Box::new(move |state| choose(state).into_names()) }
    }

    /// What was chosen, or what was said instead.
    pub(crate) fn choose(&self, state: &S) -> Result<Vec<String>, Vec<String>> {
        self.check((self.choose)(state))
    }

    /// Whether it may be chosen.
    pub(crate) fn check(&self, chosen: Vec<String>) -> Result<Vec<String>, Vec<String>> {
        let are_declared = chosen.iter().all(|one| self.targets.contains(one));
        if are_declared && (self.multi || chosen.len() == 1) { Ok(chosen) } else { Err(chosen) }
    }
}
