//! What can be set on a [`JsonOutputParser`].

use std::sync::Arc;

use serde_json::Value;

use crate::json_output::parser::JsonOutputParser;
use crate::schema::Schema;

impl JsonOutputParser {
    /// A parser that gives any JSON that fits a schema: see [`by_schema`](Self::by_schema).
    #[must_use]
    #[doc(alias = "StructuredOutputParser")]
    pub fn with_schema(schema: Value) -> Self {
        Self::new().by_schema(schema)
    }
}

#[cfg(feature = "schemars")]
impl<T: schemars::JsonSchema> JsonOutputParser<T> {
    /// Takes the [schema](Self::by_schema) of the type: for [`format_instructions`](crate::OutputParser::format_instructions),
    /// and, where the parser is [lenient](Self::lenient), to bring values into its shape.
    ///
    /// ```
    /// use anabranch_parsers::{JsonOutputParser, OutputParser};
    ///
    /// #[derive(serde::Deserialize, schemars::JsonSchema)]
    /// struct River { name: String, length_km: u32 }
    ///
    /// let parser = JsonOutputParser::typed::<River>().with_schema_of_type().lenient();
    /// assert!(parser.format_instructions().contains("length_km"));
    /// let river = parser.parse("{name: 'Weser', length_km: '452 km'}")?;
    /// assert_eq!((river.name.as_str(), river.length_km), ("Weser", 452));
    /// # Ok::<(), anabranch_core::Error>(())
    /// ```
    #[must_use]
    pub fn with_schema_of_type(self) -> Self {
        self.by_schema(schemars::schema_for!(T).to_value())
    }
}

impl<T> JsonOutputParser<T> {
    /// Takes nothing for the document but the whole text: for models that were told to give JSON and nothing else.
    ///
    /// ```
    /// use anabranch_parsers::JsonOutputParser;
    ///
    /// let parser = JsonOutputParser::new().exact();
    /// assert!(parser.parse(r#"{"rivers": 2}"#).is_ok());
    /// assert!(parser.parse(r#"Sure! {"rivers": 2}"#).is_err());
    /// ```
    #[must_use]
    pub fn exact(mut self) -> Self {
        self.settings.exact = true;
        self
    }

    /// Repairs what models get wrong, in the only way that makes sense of it: quotes of other kinds or none, commas too
    /// many or too few, comments, line breaks in texts, brackets that lack at the end, the words of Python. With a
    /// [schema](Self::by_schema), or a [type](JsonOutputParser::typed) of your own, values are brought into its shape as
    /// well: a number in a text, one value where a list is wanted, an allowed value in other letters or among words.
    ///
    /// Nothing is added that is not there: a value that lacks, or was cut off, is an error, and so are two that could
    /// both be meant. [`parse_reported`](Self::parse_reported) and [`reported`](Self::reported) say what was changed.
    ///
    /// ```
    /// use anabranch_parsers::JsonOutputParser;
    /// use serde_json::json;
    ///
    /// let parser = JsonOutputParser::new().lenient();
    /// let rivers = parser.parse("{'rivers': ['Weser', 'Aller',], // two\n  wet: True}")?;
    /// assert_eq!(rivers, json!({"rivers": ["Weser", "Aller"], "wet": true}));
    /// # Ok::<(), anabranch_core::Error>(())
    /// ```
    #[must_use]
    pub fn lenient(mut self) -> Self {
        self.settings.is_lenient = true;
        self
    }

    /// Checks the document by a JSON Schema (2020-12), or brings it into its shape where the parser is
    /// [lenient](Self::lenient). Looked at are `type`, `properties`, `required`, `additionalProperties`, `items`,
    /// `enum`, `const`, `anyOf`, `oneOf`, `allOf`, `$ref` within the schema, and the limits of numbers, texts and lists
    /// (`pattern` with the feature `regex`). Two keywords name what a model may write instead: `x-alias` of a property,
    /// `x-enum-aliases` of an enum.
    ///
    /// ```
    /// use anabranch_parsers::JsonOutputParser;
    /// use serde_json::json;
    ///
    /// let schema = json!({
    ///     "type": "object",
    ///     "properties": {"km": {"type": "integer"}, "kind": {"enum": ["RIVER", "CANAL"]}},
    ///     "required": ["km", "kind"],
    /// });
    /// let strict = JsonOutputParser::with_schema(schema);
    /// let text = r#"{"km": "452 km", "kind": "a river"}"#;
    /// let error = strict.parse(text).unwrap_err();
    /// assert!(error.message().contains("expected a whole number, found a text in `km`"));
    /// assert_eq!(strict.lenient().parse(text)?, json!({"km": 452, "kind": "RIVER"}));
    /// # Ok::<(), anabranch_core::Error>(())
    /// ```
    #[must_use]
    pub fn by_schema(mut self, schema: Value) -> Self {
        self.settings.schema = Some(Arc::new(Schema::new(schema)));
        self
    }

    /// The schema, if there is one.
    #[must_use]
    pub fn schema(&self) -> Option<&Value> {
        self.settings.schema.as_deref().map(Schema::root)
    }

    /// How deep a document may nest: 127 unless set, which is also the most.
    #[must_use]
    pub fn with_max_depth(mut self, depth: usize) -> Self {
        self.settings.max_depth = depth;
        self
    }

    /// How long an answer may be, in bytes. Without it there is no limit.
    #[must_use]
    pub fn with_max_bytes(mut self, bytes: usize) -> Self {
        self.settings.max_bytes = Some(bytes);
        self
    }

    /// Gives fewer snapshots: none before the answer has grown by so many bytes since the last. The last of all comes
    /// whatever this says.
    #[must_use]
    pub fn with_snapshot_interval(mut self, bytes: usize) -> Self {
        self.settings.interval = bytes;
        self
    }
}
