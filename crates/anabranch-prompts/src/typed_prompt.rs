//! [`prompt!`](crate::prompt) and [`text_prompt!`](crate::text_prompt): prompts whose variables the compiler checks.

use std::fmt;
use std::marker::PhantomData;

use anabranch_core::describe::{Description, Gives, Kind, Label};
use anabranch_core::{Result, RunConfig, Runnable, pipe_operator};

/// What [`prompt!`](crate::prompt) and [`text_prompt!`](crate::text_prompt) make: a step from a value of yours to
/// messages, or to text.
pub struct TypedPrompt<F, I> {
    render: F,
    input: PhantomData<fn(I)>,
}

impl<F, I> TypedPrompt<F, I> {
    /// A prompt from a function that renders it.
    #[doc(hidden)]
    pub fn new<O>(render: F) -> Self
    where
        F: Fn(I) -> O + Send + Sync,
    {
        Self { render, input: PhantomData }
    }
}

/// What stands before the text of a message. A role that is none is looked for in here, so that the compiler itself says
/// so, at its place, and names the one that was meant.
#[doc(hidden)]
#[expect(non_camel_case_types, reason = "written as in `prompt!`")]
#[derive(Debug)]
pub enum Role {
    system,
    user,
    ai,
    messages,
}

/// How long a text of a template will be, more or less: `format!` grows it step by step where it begins with a value.
#[doc(hidden)]
#[must_use]
pub const fn capacity(template: &str) -> usize {
    let (bytes, mut at, mut capacity) = (template.as_bytes(), 0, template.len());
    while at < bytes.len() {
        if bytes[at] == b'{' {
            capacity += 64;
        }
        at += 1;
    }
    capacity
}

#[doc(hidden)]
#[must_use]
pub fn render(capacity: usize, text: fmt::Arguments<'_>) -> String {
    match text.as_str() {
        Some(text) => text.to_owned(),
        None => {
            let mut rendered = String::with_capacity(capacity);
            match fmt::Write::write_fmt(&mut rendered, text) {
                Ok(()) => rendered,
                // A value that says that it cannot be written: what `format!` does then.
                Err(_) => fmt::format(text),
            }
        }
    }
}

impl<F, I, O> Runnable for TypedPrompt<F, I>
where
    F: Fn(I) -> O + Send + Sync,
    I: Send + 'static,
    O: Send + 'static,
{
    type Input = I;
    type Output = O;

    fn call<'a>(&'a self, input: I, _: &'a RunConfig) -> impl Future<Output = Result<O>> + Send {
        std::future::ready(Ok((self.render)(input)))
    }

    fn label(&self) -> Option<Label<'_>> {
        Some(Label::new(Kind::new("prompt"), "prompt!"))
    }

    fn describe(&self) -> Description {
        Description::new(Kind::new("prompt"), "prompt!").gives(Gives::Bare)
    }
}

impl<F: Clone, I> Clone for TypedPrompt<F, I> {
    fn clone(&self) -> Self {
        Self { render: self.render.clone(), input: PhantomData }
    }
}

impl<F, I> fmt::Debug for TypedPrompt<F, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TypedPrompt")
    }
}

pipe_operator!(impl<F, I, O> for TypedPrompt<F, I> where F: Fn(I) -> O + Send + Sync, I: Send + 'static, O: Send + 'static);

/// A prompt as a step whose variables are checked by the compiler: each message is a `format!`.
///
/// After the input, as the argument of a closure, come the messages: a role (`system`, `user`, `ai`) and its text.
/// `{name}` is what the pattern binds or what stands around the prompt; it takes format specifications
/// (`{price:.2}`). `name = expression` binds what is computed; `messages: expression` puts a conversation in where it
/// stands.
///
/// ```
/// use anabranch_core::RunnableExt;
/// use anabranch_messages::{Message, Messages};
/// use anabranch_prompts::prompt;
///
/// struct Offer { river: String, price: f64 }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
/// let tone = "friendly";
/// let offer = prompt!(|Offer { river, price }|
///     system: "You sell boats. Be {tone}.",
///     user: "A trip on the {river} for {price:.2} {currency}?",
///     currency = "EUR",
/// );
/// let messages = offer.invoke(Offer { river: "Weser".into(), price: 12.5 }).await?;
/// assert_eq!(messages[0].text(), "You sell boats. Be friendly.");
/// assert_eq!(messages[1].text(), "A trip on the Weser for 12.50 EUR?");
///
/// let chat = prompt!(|(history, question): (Messages, String)| messages: history, user: "{question}");
/// let messages = chat.invoke((Messages::from([Message::user("Hello")]), "How deep is it?".to_string())).await?;
/// assert_eq!(messages.len(), 2);
/// # Ok(()) }
/// ```
///
/// A list in place of the text are the parts of a message: texts, and expressions that give a
/// [`ContentPart`](anabranch_messages::ContentPart):
///
/// ```
/// # use anabranch_core::RunnableExt;
/// use anabranch_messages::{ContentPart, Media};
/// use anabranch_prompts::prompt;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
/// let look = prompt!(|(place, image): (String, Media)|
///     user: ["Is this {place}?", ContentPart::Image(image)],
/// );
/// let messages = look.invoke(("the Weser".to_string(), Media::url("https://example.org/river.jpg"))).await?;
/// assert_eq!(messages[0].text(), "Is this the Weser?");
/// # Ok(()) }
/// ```
///
/// A misspelt variable is an error of the compiler at its place in the template, with its suggestion; a field that no
/// message uses is a warning. Values are data: what they hold is never read as a template.
///
/// The prompt is a closure that owns what it captures (`move`), so a captured value that is not `Copy` must live as long
/// as the prompt: clone it before. For templates that are known only when the program runs there is
/// [`ChatPromptTemplate`](crate::ChatPromptTemplate).
#[macro_export]
macro_rules! prompt {
    (| $($rest:tt)+) => {
        $crate::__prompt!(@head messages [] $($rest)+)
    };
}

/// [`prompt!`](crate::prompt) without roles: a step that gives a text.
///
/// ```
/// use anabranch_core::RunnableExt;
/// use anabranch_prompts::text_prompt;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
/// let ask = text_prompt!(|(river, year): (String, u16)| "The {river} in {year}, {how}", how = "in one line");
/// assert_eq!(ask.invoke(("Weser".to_string(), 1900)).await?, "The Weser in 1900, in one line");
/// # Ok(()) }
/// ```
#[macro_export]
macro_rules! text_prompt {
    (| $($rest:tt)+) => {
        $crate::__prompt!(@head text [] $($rest)+)
    };
}

/// The body of `prompt!`: what is bound by name, wherever it stands, comes before the messages. A template goes through as
/// the literal it is, so that the compiler shows the place in it.
#[doc(hidden)]
#[macro_export]
macro_rules! __prompt {
    // The head of a closure: a pattern, and perhaps a type.
    (@head messages [$($head:tt)*] | $($body:tt)*) => {
        $crate::TypedPrompt::new(move |$($head)*| $crate::__prompt!(@bind texts [] $($body)*))
    };
    (@head text [$($head:tt)*] | $text:literal $(, $name:ident = $value:expr)* $(,)?) => {
        $crate::TypedPrompt::new(move |$($head)*| {
            $(let $name = $value;)*
            $crate::__prompt!(@content $text)
        })
    };
    (@head $what:ident [$($head:tt)*] $next:tt $($rest:tt)*) => {
        $crate::__prompt!(@head $what [$($head)* $next] $($rest)*)
    };
    (@bind $how:ident [$($done:tt)*] $name:ident = $value:expr $(, $($rest:tt)*)?) => {{
        let $name = $value;
        $crate::__prompt!(@bind $how [$($done)*] $($($rest)*)?)
    }};
    (@bind $how:ident [$($done:tt)*] system: $text:literal $(, $($rest:tt)*)?) => {
        $crate::__prompt!(@bind $how [$($done)* { system $text }] $($($rest)*)?)
    };
    (@bind $how:ident [$($done:tt)*] user: $text:literal $(, $($rest:tt)*)?) => {
        $crate::__prompt!(@bind $how [$($done)* { user $text }] $($($rest)*)?)
    };
    (@bind $how:ident [$($done:tt)*] ai: $text:literal $(, $($rest:tt)*)?) => {
        $crate::__prompt!(@bind $how [$($done)* { ai $text }] $($($rest)*)?)
    };
    (@bind $how:ident [$($done:tt)*] system: [$($parts:tt)*] $(, $($rest:tt)*)?) => {
        $crate::__prompt!(@bind $how [$($done)* { system [$($parts)*] }] $($($rest)*)?)
    };
    (@bind $how:ident [$($done:tt)*] user: [$($parts:tt)*] $(, $($rest:tt)*)?) => {
        $crate::__prompt!(@bind $how [$($done)* { user [$($parts)*] }] $($($rest)*)?)
    };
    (@bind $how:ident [$($done:tt)*] ai: [$($parts:tt)*] $(, $($rest:tt)*)?) => {
        $crate::__prompt!(@bind $how [$($done)* { ai [$($parts)*] }] $($($rest)*)?)
    };
    (@bind $how:ident [$($done:tt)*] messages: $messages:expr $(, $($rest:tt)*)?) => {
        $crate::__prompt!(@bind lists [$($done)* { messages ($messages) }] $($($rest)*)?)
    };
    (@bind $how:ident [$($done:tt)*] $role:ident : $($rest:tt)*) => {
        $crate::__prompt!(@wrong $role)
    };
    (@wrong system) => { $crate::__prompt!(@no_text) };
    (@wrong user) => { $crate::__prompt!(@no_text) };
    (@wrong ai) => { $crate::__prompt!(@no_text) };
    (@wrong assistant) => { ::core::compile_error!("the role of the model is `ai`: `ai: \"...\"`") };
    (@wrong human) => { ::core::compile_error!("the role of the person is `user`: `user: \"...\"`") };
    (@wrong $role:ident) => { $crate::prompt_macro::Role::$role };
    (@no_text) => {
        ::core::compile_error!(::core::concat!(
            "a role takes a text in quotation marks, `user: \"...\"`, or a list of parts, `user: [\"...\", part]`; ",
            "a text that is computed is a variable: `user: \"{text}\", text = ...`"
        ))
    };
    // Messages alone are made where they will lie.
    (@bind texts [$({ $role:ident $content:tt })*]) => {
        $crate::__private::Messages::from(
            ::std::vec![$($crate::__prompt!(@message $role $content)),*].into_boxed_slice(),
        )
    };
    (@bind lists [$({ $role:ident $content:tt })*]) => {{
        let mut messages =
            $crate::__private::Messages::with_capacity(<[&str]>::len(&[$(::core::stringify!($role)),*]));
        $($crate::__prompt!(@add messages $role $content);)*
        messages
    }};
    (@add $list:ident messages ($messages:expr)) => {
        $list.extend($crate::__private::Messages::from($messages))
    };
    (@add $list:ident $role:ident $content:tt) => {
        $list.push($crate::__prompt!(@message $role $content))
    };
    (@message system $content:tt) => {
        $crate::__private::Message::System($crate::__private::SystemMessage::new($crate::__prompt!(@content $content)))
    };
    (@message user $content:tt) => {
        $crate::__private::Message::User($crate::__private::UserMessage::new($crate::__prompt!(@content $content)))
    };
    (@message ai $content:tt) => {
        $crate::__private::Message::Ai($crate::__private::AiMessage::new($crate::__prompt!(@content $content)))
    };
    (@content [$($parts:tt)*]) => {{
        let mut parts = ::std::vec::Vec::<$crate::__private::ContentPart>::new();
        $crate::__prompt!(@parts parts $($parts)*);
        parts
    }};
    // `format!`, which guesses too low how long the text will be.
    (@content $text:literal) => {
        $crate::__private::render(const { $crate::__private::capacity($text) }, ::core::format_args!($text))
    };
    (@parts $list:ident) => {};
    (@parts $list:ident $text:literal $(, $($rest:tt)*)?) => {
        $list.push($crate::__private::ContentPart::text($crate::__prompt!(@content $text)));
        $crate::__prompt!(@parts $list $($($rest)*)?);
    };
    (@parts $list:ident $part:expr $(, $($rest:tt)*)?) => {
        $list.push($crate::__private::ContentPart::from($part));
        $crate::__prompt!(@parts $list $($($rest)*)?);
    };
}
