//! [`Warnings`]: what of a request could not be sent, each thing once.

use crate::answer::Warning;

/// What of a request could not be sent, each thing once.
#[derive(Default)]
pub(crate) struct Warnings(Vec<Warning>);

impl Warnings {
    pub(crate) fn add(&mut self, subject: &'static str, message: &'static str) {
        let warning = Warning::new(subject, message);
        if !self.0.contains(&warning) {
            self.0.push(warning);
        }
    }

    pub(crate) fn into_list(self) -> Vec<Warning> {
        self.0
    }
}
