//! [`Settings`]: what all prompts can be told, and the methods that tell them.

use std::sync::OnceLock;

use crate::template::Limits;
use crate::values::{Names, Partials};

/// What a prompt was told besides its templates.
#[derive(Clone, Default)]
pub(crate) struct Settings {
    pub(crate) partials: Partials,
    pub(crate) limits: Limits,
    /// Found when they are first asked for: hundreds of partials are set in a row.
    pub(crate) names: OnceLock<Names>,
}

/// The methods of a prompt that has `inner: Arc<Inner>` with `settings`, `names()` and `set_steps(…)`.
macro_rules! settings_methods {
    ($prompt:ident) => {
        impl $prompt {
            /// Gives a variable its value beforehand; the input need not have it then, and wins where it has.
            ///
            /// ```
            #[doc = concat!("use anabranch_prompts::", stringify!($prompt), ";")]
            ///
            #[doc = concat!("let prompt = ", stringify!($prompt), "::from_template(\"Translate into {language}: {text}\")?;")]
            /// let prompt = prompt.partial("language", "Frisian");
            /// assert_eq!(prompt.variables(), ["text"]);
            /// # Ok::<(), anabranch_core::Error>(())
            /// ```
            #[must_use]
            pub fn partial(mut self, variable: impl Into<String>, value: impl Into<serde_json::Value>) -> Self {
                let settings = &mut std::sync::Arc::make_mut(&mut self.inner).settings;
                settings.partials.set(variable.into(), value.into());
                settings.names = Default::default();
                self
            }

            /// Gives a variable a value that is computed anew for each rendering in which the input has none: the
            /// time, for instance.
            ///
            /// ```
            /// use std::sync::atomic::{AtomicU32, Ordering};
            ///
            #[doc = concat!("use anabranch_prompts::", stringify!($prompt), ";")]
            ///
            /// let count = AtomicU32::new(0);
            #[doc = concat!("let prompt = ", stringify!($prompt), "::from_template(\"Number {number}: {text}\")?")]
            ///     .partial_with("number", move || count.fetch_add(1, Ordering::Relaxed));
            /// assert_eq!(prompt.variables(), ["text"]);
            /// # Ok::<(), anabranch_core::Error>(())
            /// ```
            #[must_use]
            pub fn partial_with<V: Into<serde_json::Value>>(
                mut self,
                variable: impl Into<String>,
                value: impl Fn() -> V + Send + Sync + 'static,
            ) -> Self {
                let settings = &mut std::sync::Arc::make_mut(&mut self.inner).settings;
                settings.partials.set_function(variable.into(), std::sync::Arc::new(move || value().into()));
                settings.names = Default::default();
                self
            }

            /// The most bytes each rendered text may have: 64 MiB, unless it is said otherwise.
            #[must_use]
            pub fn max_output(mut self, bytes: usize) -> Self {
                std::sync::Arc::make_mut(&mut self.inner).settings.limits.output = bytes;
                self
            }

            /// The most steps the rendering of each text may take in a language that has loops: 50 million, unless it
            /// is said otherwise.
            #[must_use]
            pub fn max_steps(mut self, steps: u64) -> Self {
                let inner = std::sync::Arc::make_mut(&mut self.inner);
                inner.settings.limits.steps = steps;
                inner.set_steps(steps);
                self
            }

            /// The variables that must be given, in order of first appearance.
            #[must_use]
            pub fn variables(&self) -> &[String] {
                &self.inner.names().wanted
            }

            /// The variables that may be given: those written as optional, and those that have a partial.
            #[must_use]
            pub fn optional_variables(&self) -> &[String] {
                &self.inner.names().optional
            }
        }
    };
}

pub(crate) use settings_methods;
