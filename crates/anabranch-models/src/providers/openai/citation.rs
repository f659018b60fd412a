//! Annotations: what a text rests on, in the words of OpenAI's two APIs, which the servers that speak the same have, too.

use anabranch_messages::{Citation, TextPart};
use serde_json::{Map, Value};

/// In the provider data of a citation: the annotation without what the citation says itself.
const REST: &str = "annotation";

/// An annotation: a source, or something else, which stays as it came.
pub(super) enum Note {
    Citation(Citation),
    Other(Value),
}

/// Where the characters of a text are, in which the API counts.
pub(super) struct Characters<'a> {
    text: &'a str,
    /// Of a text that is more than ASCII: of each [`STRIDE`]th.
    starts: Option<Vec<usize>>,
}

/// A place for each character would be many times as large as the text.
const STRIDE: usize = 256;

impl<'a> Characters<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let starts = || text.char_indices().map(|(byte, _)| byte).chain([text.len()]).step_by(STRIDE).collect();
        Self { text, starts: (!text.is_ascii()).then(starts) }
    }

    /// The byte where a character begins.
    fn byte(&self, character: u64) -> Option<usize> {
        let character = usize::try_from(character).ok()?;
        match &self.starts {
            Some(starts) => {
                let start = *starts.get(character / STRIDE)?;
                let places = self.text.get(start..)?.char_indices().map(|(byte, _)| start + byte);
                // The end of the text is a place, too.
                places.chain([self.text.len()]).nth(character % STRIDE)
            }
            None => Some(character).filter(|byte| *byte <= self.text.len()),
        }
    }
}

/// The members of an annotation, and what they are called: `url` and `title` of pages, `file_id` and `filename` of files.
/// Chat completions put them one level down, under the name of the type.
fn members(annotation: &mut Map<String, Value>) -> Option<(&mut Map<String, Value>, &'static str, &'static str)> {
    let (type_, id, title) = match annotation.get("type")?.as_str()? {
        "url_citation" => ("url_citation", "url", "title"),
        "file_citation" => ("file_citation", "file_id", "filename"),
        "container_file_citation" => ("container_file_citation", "file_id", "filename"),
        _ => return None,
    };
    if matches!(annotation.get(type_), Some(Value::Object(_))) {
        return Some((annotation.get_mut(type_)?.as_object_mut()?, id, title));
    }
    Some((annotation, id, title))
}

/// An annotation of a text.
pub(super) fn read(annotation: Value, text: &Characters<'_>, provider: &str) -> Note {
    let Value::Object(mut rest) = annotation else { return Note::Other(annotation) };
    let Some((members, id, title)) = members(&mut rest) else { return Note::Other(rest.into()) };
    let mut take = |name: &str| match members.get(name) {
        Some(Value::String(_)) => members.shift_remove(name).and_then(|value| Some(value.as_str()?.to_string())),
        _ => None,
    };
    let mut citation = Citation::new();
    citation = match (id, take(id)) {
        (_, None) => citation,
        ("url", Some(url)) => citation.with_url(url),
        (_, Some(id)) => citation.with_id(id),
    };
    if let Some(title) = take(title) {
        citation = citation.with_title(title);
    }
    // OpenRouter: what stands on the page.
    if let Some(content) = take("content") {
        citation = citation.with_cited_text(content);
    }
    let place = |name: &str| text.byte(members.get(name)?.as_u64()?);
    if let (Some(start), Some(end)) = (place("start_index"), place("end_index")) {
        // From nowhere to nowhere is what OpenRouter says where it does not know.
        if start < end {
            citation = citation.with_range(start..end);
        }
    }
    Note::Citation(citation.with_provider_data(provider, REST, rest))
}

/// The annotation as it came. `None` for what another provider said.
pub(super) fn written(citation: &Citation, provider: &str) -> Option<Value> {
    let mut annotation = citation.provider_data(provider).get(REST)?.as_object()?.clone();
    let (members, id, title) = members(&mut annotation)?;
    let said = [
        (id, if id == "url" { citation.url() } else { citation.id() }),
        (title, citation.title()),
        ("content", citation.cited_text()),
    ];
    for (name, said) in said {
        if let Some(said) = said {
            members.insert(name.into(), said.into());
        }
    }
    Some(annotation.into())
}

/// A text with what it rests on.
pub(super) fn noted(part: TextPart, annotations: Vec<Value>, text: &str, provider: &str) -> TextPart {
    let characters = Characters::of(text);
    annotations.into_iter().fold(part, |part, annotation| match read(annotation, &characters, provider) {
        Note::Citation(citation) => part.with_citation(citation),
        Note::Other(annotation) => part.with_annotation(annotation),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use serde_json::json;

    use super::*;

    #[test]
    fn annotations_become_citations_and_go_back_as_they_came() {
        let flat =
            json!({"type": "url_citation", "url": "u", "title": "t", "start_index": 1, "end_index": 3, "new": [1]});
        let nested = json!({"type": "url_citation", "url_citation": {"url": "u", "title": "", "content": "c",
            "start_index": 0, "end_index": 0}});
        let file = json!({"type": "file_citation", "file_id": "f", "filename": "a.pdf", "index": 7});
        let container = json!({"type": "container_file_citation", "container_id": "c", "file_id": "f", "filename": "a",
            "start_index": 3, "end_index": 99});
        for annotation in [flat, nested, file, container, json!({"type": "url_citation", "url": null, "title": 7})] {
            let Note::Citation(citation) = read(annotation.clone(), &Characters::of("éàx"), "openai") else {
                panic!("{annotation}")
            };
            assert_eq!(written(&citation, "openai"), Some(annotation.clone()));
            assert_eq!(written(&citation, "xai"), None);
            let expected = if annotation["new"].is_array() { Some(2..5) } else { None };
            assert_eq!(citation.range(), expected, "{annotation}");
        }
        for other in [json!({"type": "file_path", "file_id": "f"}), json!(7), json!({})] {
            assert!(matches!(read(other.clone(), &Characters::of(""), "openai"), Note::Other(kept) if kept == other));
        }
    }

    proptest! {
        #[test]
        fn characters_are_found_wherever_they_stand(text in "(?s)[aä🌊]{0,1100}", character in 0_u64..1200) {
            let mut places = text.char_indices().map(|(byte, _)| byte).chain([text.len()]);
            prop_assert_eq!(Characters::of(&text).byte(character), places.nth(character as usize));
        }
    }
}
