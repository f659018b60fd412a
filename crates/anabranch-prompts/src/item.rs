//! [`Item`]: one message of a chat prompt, parsed.

use anabranch_core::{Error, Result};
use anabranch_messages::{Content, ContentPart, Message, Messages, Role};

use crate::few_shot::FewShotChatMessagePromptTemplate;
use crate::message_template::{Form, MessageTemplate, Speaker, speaker, with_template};
use crate::part_template::Part;
use crate::placeholder::MessagesPlaceholder;
use crate::template::{Language, Limits, Stop, Template};
use crate::values::Values;

#[derive(Clone)]
pub(crate) enum Item {
    Text(Role, Template),
    Parts(Role, Vec<Part>),
    Fixed(Message),
    Placeholder(MessagesPlaceholder),
    FewShot(FewShotChatMessagePromptTemplate),
}

impl Item {
    pub(crate) fn parse(message: MessageTemplate, language: Language) -> Result<Self> {
        Ok(match message.0 {
            Form::Fixed(message) => Self::Fixed(message),
            Form::FewShot(examples) => Self::FewShot(examples),
            Form::Parts { role, parts } => {
                let parts = parts
                    .into_iter()
                    .enumerate()
                    .map(|(index, part)| part.parse(language).map_err(|error| error.at(format!("part {index}"))));
                Self::Parts(with_template(role)?, parts.collect::<Result<_>>()?)
            }
            Form::Placeholder(placeholder) => {
                placeholder.check()?;
                Self::Placeholder(placeholder)
            }
            Form::Text { role, template } => match speaker(&role)? {
                Speaker::Role(role) => Self::Text(role, Template::parse(language, template)?),
                Speaker::Placeholder => {
                    let placeholder = MessagesPlaceholder::new(template).optional();
                    placeholder.check()?;
                    Self::Placeholder(placeholder)
                }
            },
        })
    }

    pub(crate) fn each_variable(&self, add: &mut dyn FnMut(&str, bool)) {
        match self {
            Self::Text(_, template) => template.each_variable(add),
            Self::Parts(_, parts) => parts.iter().for_each(|part| part.each_variable(add)),
            Self::Placeholder(placeholder) => add(&placeholder.variable, placeholder.optional),
            Self::Fixed(_) | Self::FewShot(_) => {}
        }
    }

    pub(crate) fn set_steps(&mut self, steps: u64) {
        match self {
            Self::Text(_, template) => template.set_steps(steps),
            Self::Parts(_, parts) => parts.iter_mut().for_each(|part| part.set_steps(steps)),
            Self::Fixed(_) | Self::Placeholder(_) | Self::FewShot(_) => {}
        }
    }

    /// Adds its message, or messages.
    #[inline]
    pub(crate) fn render(&self, messages: &mut Messages, values: &Values<'_>, limits: Limits) -> Result<(), Stop> {
        match self {
            Self::Text(role, template) => messages.push((*role, template.render(values, limits)?)),
            Self::Fixed(message) => messages.push(message.clone()),
            Self::Parts(role, parts) => {
                let mut rendered: Vec<ContentPart> = Vec::with_capacity(parts.len());
                for part in parts {
                    rendered.extend(part.render(values, limits)?);
                }
                messages.push((*role, Content::Parts(rendered)));
            }
            Self::Placeholder(placeholder) => match values.get(&placeholder.variable) {
                Some(value) => placeholder.fill(messages, value).map_err(Stop::Failed)?,
                None if placeholder.optional => {}
                // A placeholder is written in one way, whatever the language of the templates.
                None if values.shows_missing() => {
                    messages.push(Message::user(Language::Format.variable(&placeholder.variable)));
                }
                None => return Err(Stop::Missing),
            },
            Self::FewShot(examples) => {
                for shown in examples.shots.shown(values.given()).map_err(Stop::Failed)? {
                    messages.extend(shown.iter().cloned());
                }
            }
        }
        Ok(())
    }

    /// What its template is written in, which need not be what the prompt began with.
    pub(crate) fn language(&self) -> Option<Language> {
        match self {
            Self::Text(_, template) => Some(template.language()),
            Self::Parts(_, parts) => parts.iter().find_map(|part| part.language()),
            Self::Fixed(_) | Self::Placeholder(_) | Self::FewShot(_) => None,
        }
    }

    /// What it is, where its text is not shown.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Text(role, _) | Self::Parts(role, _) => role.as_str(),
            Self::Fixed(message) => message.role().as_str(),
            Self::Placeholder(_) => "placeholder",
            Self::FewShot(_) => "examples",
        }
    }

    /// As a person would want to read it.
    pub(crate) fn pretty(&self, lines: &mut Vec<String>) {
        let label = |role: Role| match role {
            Role::System => "System",
            Role::User => "Human",
            Role::Assistant => "AI",
            Role::Tool => "Tool",
        };
        match self {
            Self::Text(role, template) => lines.push(format!("{}: {}", label(*role), template.source())),
            Self::Parts(role, parts) => {
                let mut text = String::new();
                for (index, part) in parts.iter().enumerate() {
                    if index > 0 {
                        text.push('\n');
                    }
                    part.pretty(&mut text);
                }
                lines.push(format!("{}: {text}", label(*role)));
            }
            Self::Fixed(message) => lines.push(Messages::from(message.clone()).to_text()),
            Self::Placeholder(placeholder) => lines.push(placeholder.pretty()),
            Self::FewShot(examples) => {
                lines.extend(examples.shots.note());
                lines.extend(examples.shots.all().map(Messages::to_text));
            }
        }
    }
}

/// Where in the prompt a rendering failed.
#[cold]
pub(crate) fn in_message(error: Error, index: usize) -> Error {
    error.at(format!("message {index}"))
}
