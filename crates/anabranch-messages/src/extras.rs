//! [`Extras`]: what only few parts and messages have.

use std::sync::Arc;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::by_provider::{ByProvider, NO_ENTRIES};
use crate::citation::Citation;

/// What only few parts and messages have: one pointer, so that the others pay nothing for it, and shared by copies
/// until one of them says something else: the pieces of a text have the same id, each of them.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Extras(Option<Arc<Extra>>);

impl From<Extra> for Extras {
    fn from(extra: Extra) -> Self {
        Self((extra != Extra::default()).then(|| Arc::new(extra)))
    }
}

#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Extra {
    pub(crate) id: Option<String>,
    pub(crate) item_id: Option<String>,
    pub(crate) signature: Option<String>,
    pub(crate) transcript: Option<String>,
    pub(crate) cache_control: Option<Value>,
    pub(crate) citations: Vec<Citation>,
    pub(crate) annotations: Vec<Value>,
    pub(crate) options: ByProvider,
    pub(crate) data: ByProvider,
    pub(crate) metadata: Map<String, Value>,
}

impl Extras {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub(crate) fn get(&self) -> Option<&Extra> {
        self.0.as_deref()
    }

    pub(crate) fn get_mut(&mut self) -> &mut Extra {
        Arc::make_mut(self.0.get_or_insert_default())
    }

    pub(crate) fn id(&self) -> Option<&str> {
        self.get()?.id.as_deref()
    }

    /// Whether there is nothing but an id, if that.
    pub(crate) fn is_no_more_than_id(&self) -> bool {
        self.get().is_none_or(Extra::is_no_more_than_id)
    }

    pub(crate) fn signature(&self) -> Option<&str> {
        self.get()?.signature.as_deref()
    }

    pub(crate) fn metadata(&self) -> &Map<String, Value> {
        self.get().map_or(&NO_ENTRIES, |extra| &extra.metadata)
    }

    /// Adds what a later piece of the same part has. The first id wins, lists and transcripts grow, and of the rest the
    /// last that is there wins.
    pub(crate) fn append(&mut self, later: Self) {
        let Some(later) = later.0 else { return };
        let Some(this) = &mut self.0 else {
            self.0 = Some(later);
            return;
        };
        // What all pieces of a text have is not copied for each.
        if this.id.is_some() && later.is_no_more_than_id() {
            return;
        }
        let (this, later) = (Arc::make_mut(this), Arc::unwrap_or_clone(later));
        this.id = this.id.take().or(later.id);
        this.item_id = this.item_id.take().or(later.item_id);
        this.signature = later.signature.or(this.signature.take());
        this.cache_control = later.cache_control.or(this.cache_control.take());
        match (&mut this.transcript, later.transcript) {
            (Some(there), Some(more)) => there.push_str(&more),
            (there @ None, more) => *there = more,
            (Some(_), None) => {}
        }
        this.citations.extend(later.citations);
        this.annotations.extend(later.annotations);
        this.options.update(later.options);
        this.data.update(later.data);
        crate::usage::update_map(&mut this.metadata, later.metadata);
    }
}

/// Its fields stand among those of what has it.
impl Serialize for Extras {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(None)?;
        if let Some(extra) = self.get() {
            macro_rules! unless {
                ($missing:ident: $($field:ident = $name:literal)*) => {$(
                    if !extra.$field.$missing() {
                        fields.serialize_entry($name, &extra.$field)?;
                    }
                )*};
            }
            unless!(is_none: id = "id" item_id = "item_id" signature = "signature" transcript = "transcript");
            unless!(is_none: cache_control = "cache_control");
            unless!(is_empty: citations = "citations");
            if !extra.annotations.is_empty() {
                fields.serialize_entry("annotations", &Annotations(&extra.annotations))?;
            }
            unless!(is_empty: metadata = "metadata");
            extra.write_providers(&mut fields)?;
        }
        fields.end()
    }
}

/// As LangChain writes what is no citation, so that it is not taken for one.
struct Annotations<'a>(&'a [Value]);

impl Serialize for Annotations<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(tag = "type", rename = "non_standard_annotation")]
        struct Annotation<'a> {
            value: &'a Value,
        }
        serializer.collect_seq(self.0.iter().map(|value| Annotation { value }))
    }
}

impl Extra {
    /// Whether there is nothing but an id, if that.
    fn is_no_more_than_id(&self) -> bool {
        // Each by its name, so that none is forgotten that comes to be.
        let Extra {
            id: _,
            item_id,
            signature,
            transcript,
            cache_control,
            citations,
            annotations,
            options,
            data,
            metadata,
        } = self;
        let has_words = item_id.is_some() || signature.is_some() || transcript.is_some() || cache_control.is_some();
        let has_lists = !citations.is_empty() || !annotations.is_empty();
        !has_words && !has_lists && options.is_empty() && data.is_empty() && metadata.is_empty()
    }

    pub(crate) fn write_providers<M: SerializeMap>(&self, fields: &mut M) -> Result<(), M::Error> {
        if !self.options.is_empty() {
            fields.serialize_entry("provider_options", &self.options)?;
        }
        if !self.data.is_empty() {
            fields.serialize_entry("provider_data", &self.data)?;
        }
        Ok(())
    }
}

/// What every part and message can have: options for a provider, and a provider's own data.
macro_rules! by_provider {
    ($($type:ty),*) => {$(
        impl $type {
            /// Says something to one provider that others do not know. Others are not sent it.
            ///
            /// The name is the provider's, as in `anthropic` or `openai`.
            #[must_use]
            pub fn with_provider_option(
                mut self,
                provider: impl Into<String>,
                name: impl Into<String>,
                value: impl Into<serde_json::Value>,
            ) -> Self {
                self.extras_mut().get_mut().options.insert(provider, name, value);
                self
            }

            /// What is said to one provider that others do not know.
            #[must_use]
            pub fn provider_options(&self, provider: &str) -> &serde_json::Map<String, serde_json::Value> {
                self.extras().get().map_or(&crate::by_provider::NO_ENTRIES, |extra| extra.options.of(provider))
            }

            /// Keeps what a provider said that has no place of its own. Where the provider wants it back, its adapter
            /// sends it; other providers are not sent it.
            #[must_use]
            pub fn with_provider_data(
                mut self,
                provider: impl Into<String>,
                name: impl Into<String>,
                value: impl Into<serde_json::Value>,
            ) -> Self {
                self.extras_mut().get_mut().data.insert(provider, name, value);
                self
            }

            /// What a provider said that has no place of its own.
            #[must_use]
            pub fn provider_data(&self, provider: &str) -> &serde_json::Map<String, serde_json::Value> {
                self.extras().get().map_or(&crate::by_provider::NO_ENTRIES, |extra| extra.data.of(provider))
            }
        }
    )*};
}

/// What a provider may keep for the next request.
macro_rules! cacheable {
    ($($type:ty),*) => {$(
        impl $type {
            /// Asks the provider to keep what stands up to here for the next request, where it has to be asked: in
            /// Anthropic's words, `{"type": "ephemeral"}`.
            #[must_use]
            pub fn with_cache_control(mut self, control: impl Into<serde_json::Value>) -> Self {
                self.extras_mut().get_mut().cache_control = Some(control.into());
                self
            }

            /// Whether and how the provider should keep what stands up to here.
            #[must_use]
            pub fn cache_control(&self) -> Option<&serde_json::Value> {
                self.extras().get()?.cache_control.as_ref()
            }
        }
    )*};
}

pub(crate) use {by_provider, cacheable};
