//! The filters of minijinja that make text or lists, with a bound, and with values written as they are in the text.

use std::borrow::Cow;

use minijinja::value::{Kwargs, Rest, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, ErrorKind, State, Value, filters};

use super::room::{ELEMENT, Full, Room, SHORT, Size};
use super::stand_in::StandIn;
use super::written::text;

/// How many bytes more than it was given a filter may make of a text, by its arguments.
type Growth = fn(&str, &Arguments<'_>) -> usize;

pub(super) fn add_to(environment: &mut Environment<'_>) {
    of_text(environment, "upper", filters::upper, None);
    of_text(environment, "lower", filters::lower, None);
    of_text(environment, "title", filters::title, None);
    of_text(environment, "capitalize", filters::capitalize, None);
    of_text(environment, "trim", filters::trim, None);
    of_text(environment, "safe", filters::safe, None);
    of_text(environment, "escape", filters::escape, None);
    of_text(environment, "e", filters::escape, None);
    of_text(environment, "string", filters::string, None);
    of_text(environment, "lines", filters::lines, Some(|text, _| (text.matches('\n').count() + 1) * ELEMENT));
    of_text(
        environment,
        "split",
        filters::split,
        Some(|text, arguments| match arguments.text(0, "split") {
            Some(separator) => (text.matches(&*separator).count() + 1) * ELEMENT,
            None => text.split_whitespace().count() * ELEMENT,
        }),
    );
    of_text(
        environment,
        "replace",
        filters::replace,
        Some(|text, arguments| {
            let (Some(from), Some(to)) = (arguments.text(0, "from"), arguments.text(1, "to")) else { return 0 };
            text.matches(&*from).count().saturating_mul(to.len())
        }),
    );
    of_text(
        environment,
        "indent",
        filters::indent,
        Some(|text, arguments| {
            (text.matches('\n').count() + 1).saturating_mul(arguments.number(0, "width").unwrap_or(4))
        }),
    );
    of_text(
        environment,
        "format",
        filters::format,
        Some(|text, arguments| {
            // The standard library's own formatting ends the program at wider ones.
            let width = |width: usize| if width > usize::from(u16::MAX) { usize::MAX } else { width };
            let widths = text.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty());
            let widths = widths.map(|digits| width(digits.parse().unwrap_or(usize::MAX)));
            let given = arguments.values.iter().map(|value| match value.as_str() {
                Some(text) => text.len(),
                // `*` takes the width from the arguments.
                None if text.contains('*') => value.as_i64().map_or(0, |given| width(given.unsigned_abs() as usize)),
                None => 0,
            });
            widths.chain(given).fold(0, usize::saturating_add)
        }),
    );
    of_value(environment, "list", filters::list, |value, size, _| {
        let letters = value.as_str().map_or(0, |text| text.chars().count());
        Ok(size.bytes + letters * ELEMENT)
    });
    of_value(environment, "batch", filters::batch, filled);
    of_value(environment, "slice", filters::slice, filled);
    of_value(environment, "zip", filters::zip, |_, size, arguments| Ok(size.bytes.saturating_add(arguments.size()?)));
    of_value(environment, "chain", filters::chain, |_, size, arguments| {
        Ok(size.bytes.saturating_add(arguments.size()?))
    });
    // What is no number is put together anew for each element.
    of_value(environment, "sum", filters::sum, |_, size, arguments| {
        if arguments.get(1, "start").is_some_and(|start| !start.is_number()) {
            arguments.room.work(size.bytes.saturating_mul(size.elements) / 4)?;
        }
        Ok(size.bytes)
    });
    of_value(environment, "tojson", filters::tojson, |_, size, arguments| {
        let indent = arguments.number(0, "indent").unwrap_or(2);
        Ok(size.bytes.saturating_add(size.elements.saturating_mul(size.depth + 1).saturating_mul(indent)))
    });
    of_value(environment, "pprint", pretty, |_, size, _| Ok(size.bytes + size.elements * size.depth * 2));
    environment.add_filter("join", join);
}

/// What a filter is called with besides its value.
struct Arguments<'a> {
    values: &'a [Value],
    named: Option<&'a Value>,
    room: &'a Room,
}

impl<'a> Arguments<'a> {
    fn new(values: &'a [Value], room: &'a Room) -> Self {
        match values.split_last() {
            Some((named, values)) if named.is_kwargs() => Self { values, named: Some(named), room },
            _ => Self { values, named: None, room },
        }
    }

    fn get(&self, place: usize, name: &str) -> Option<Value> {
        let named = || self.named.and_then(|named| named.get_attr(name).ok());
        self.values.get(place).cloned().or_else(named).filter(|value| !value.is_undefined() && !value.is_none())
    }

    fn text(&self, place: usize, name: &str) -> Option<String> {
        self.get(place, name)
            .filter(|value| value.as_str().is_some() || value.is_number())
            .map(|value| value.to_string())
    }

    fn number(&self, place: usize, name: &str) -> Option<usize> {
        self.get(place, name).and_then(|value| value.as_usize())
    }

    /// Of all of them.
    fn size(&self) -> Result<usize, Error> {
        self.values.iter().try_fold(0_usize, |sum, value| Ok(sum.saturating_add(self.room.measure(value)?.bytes)))
    }
}

/// So many lists, or lists filled up to so many elements with something.
fn filled(_: &Value, size: &Size, arguments: &Arguments<'_>) -> Result<usize, Error> {
    let count = arguments.number(0, "count").unwrap_or(0);
    let filler = match arguments.get(1, "fill_with") {
        Some(filler) => arguments.room.measure(&filler)?.bytes,
        None => 0,
    };
    Ok(size.bytes.saturating_add(count.saturating_mul(ELEMENT.saturating_add(filler))))
}

/// Puts a filter that takes a text behind one that writes its value and its arguments as they are written in the text.
fn of_text<F, Rv, Args>(environment: &mut Environment<'_>, name: &'static str, filter: F, growth: Option<Growth>)
where
    F: minijinja::functions::Function<Rv, Args>,
    Rv: minijinja::value::FunctionResult,
    Args: for<'a> minijinja::value::FunctionArgs<'a>,
{
    let inner = Value::from_function(filter);
    environment.add_filter(
        name,
        move |state: &mut State<'_, '_>, value: &Value, arguments: Rest<ValueOrKwargs>| -> Result<Value, Error> {
            if let Some(stand_in) = StandIn::of(value) {
                return Ok(stand_in.filtered(name));
            }
            let mut arguments = arguments.into_values();
            if matches!(name, "replace" | "format") {
                write_down(&mut arguments, state)?;
            }
            let text = text(value, state)?;
            let room = match growth {
                // What is short is paid for by the step.
                None if text.len() <= SHORT => None,
                _ => Some(Room::of(state)?),
            };
            if let Some(room) = &room {
                let growth = growth.map_or(0, |growth| growth(&text, &Arguments::new(&arguments, room)));
                room.make(text.len().saturating_add(growth))?;
            }
            arguments.insert(0, if value.as_str().is_some() { value.clone() } else { Value::from(text) });
            let made = inner.call(state, &arguments)?;
            match room {
                Some(room) => checked(made, &room),
                None => Ok(made),
            }
        },
    );
}

/// Values that minijinja would write in another way, as they are written in the text.
fn write_down(arguments: &mut [Value], state: &State<'_, '_>) -> Result<(), Error> {
    for argument in arguments {
        let is_written = matches!(
            argument.kind(),
            ValueKind::None | ValueKind::Bool | ValueKind::Seq | ValueKind::Iterable | ValueKind::Map
        );
        if is_written && !argument.is_kwargs() {
            *argument = Value::from(text(argument, state)?);
        }
    }
    Ok(())
}

/// Puts a filter behind one that looks how large what it makes will be.
fn of_value<F, Rv, Args>(
    environment: &mut Environment<'_>,
    name: &'static str,
    filter: F,
    made: fn(&Value, &Size, &Arguments<'_>) -> Result<usize, Error>,
) where
    F: minijinja::functions::Function<Rv, Args>,
    Rv: minijinja::value::FunctionResult,
    Args: for<'a> minijinja::value::FunctionArgs<'a>,
{
    let inner = Value::from_function(filter);
    environment.add_filter(
        name,
        move |state: &mut State<'_, '_>, value: &Value, arguments: Rest<ValueOrKwargs>| -> Result<Value, Error> {
            let room = Room::of(state)?;
            let arguments = arguments.into_values();
            let size = room.measure(value)?;
            room.make(made(value, &size, &Arguments::new(&arguments, &room))?)?;
            let all: Vec<Value> = std::iter::once(value.clone()).chain(arguments).collect();
            checked(inner.call(state, &all)?, &room)
        },
    );
}

/// A letter may become a few: what was not known before is known now.
fn checked(value: Value, room: &Room) -> Result<Value, Error> {
    match value.as_str() {
        Some(text) if text.len() > room.largest() => Err(Full::Value.into()),
        _ => Ok(value),
    }
}

fn pretty(value: &Value) -> Result<String, Error> {
    serde_json::to_string_pretty(value).map_err(|_| ErrorKind::BadSerialization.into())
}

fn join(
    state: &mut State<'_, '_>,
    value: &Value,
    joiner: Option<&Value>,
    attribute: Option<&Value>,
    named: Kwargs,
) -> Result<Value, Error> {
    let joiner = match joiner {
        Some(joiner) => Some(joiner.clone()),
        None => named.get::<Option<Value>>("d")?,
    };
    let attribute = match attribute {
        Some(attribute) => Some(attribute.clone()),
        None => named.get::<Option<Value>>("attribute")?,
    };
    named.assert_all_used()?;
    let room = Room::of(state)?;
    let joiner = joiner.as_ref().filter(|joiner| !joiner.is_none()).map(|joiner| text(joiner, state)).transpose()?;
    let joiner = joiner.unwrap_or_default();
    let elements = match attribute.filter(|attribute| !attribute.is_none()) {
        Some(attribute) => {
            let named = Kwargs::from_iter([("attribute", attribute)]);
            state.apply_filter("map", &[value.clone(), named.into()])?
        }
        None => value.clone(),
    };
    let mut joined = String::new();
    for (index, element) in elements.try_iter()?.enumerate() {
        let text = if element.is_undefined() { Cow::Borrowed("") } else { text(&element, state)? };
        let length = text.len() + if index > 0 { joiner.len() } else { 0 };
        room.fits(joined.len() + length)?;
        if index > 0 {
            joined += &joiner;
        }
        joined += &text;
    }
    room.make(joined.len())?;
    Ok(joined.into())
}
