//! The names of steps in errors.

use crate::description::Label;
use crate::error::Error;
use crate::step::runnable::Runnable;
use crate::stream::exit::Names;

impl<R: Runnable> Names for R {
    #[cold]
    fn name_error(&self, error: Error) -> Error {
        if error.is_passing() {
            return error;
        }
        match self.label() {
            Some(label) => error.at(label.name),
            None => error,
        }
    }
}

/// The label of a step that something happened *to*, from outside: what has none, because it names its parts, is known
/// by its description.
#[cold]
pub(crate) fn label_from_outside<R: Runnable>(step: &R) -> Label<'_> {
    step.label().unwrap_or_else(|| {
        let description = step.describe();
        Label::new(description.kind, description.name.clone())
    })
}

/// Names a step in an error that whoever runs it made, such as a time-out.
#[cold]
pub(crate) fn name_from_outside<R: Runnable>(step: &R, error: Error) -> Error {
    error.at(label_from_outside(step).name)
}
