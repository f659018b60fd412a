//! `~`, `+`, `*` and slices with a bound, what measures the values that are kept, and what ended the program.

use minijinja::value::{Rest, Tuple, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, Value};

use super::rewrite::{ADD, CONCAT, KEEP, MULTIPLY, SLICE, STORE, WRITTEN};
use super::room::{ELEMENT, Room, SHORT};
use super::stand_in::StandIn;
use super::written::text;

pub(super) fn add_to(environment: &mut Environment<'_>) {
    environment.add_filter(CONCAT, concat);
    environment.add_filter(ADD, add);
    environment.add_filter(MULTIPLY, multiply);
    environment.add_filter(SLICE, slice);
    environment.add_filter(KEEP, keep);
    environment.add_filter(STORE, store);
    environment.add_function("range", range);
    environment.add_filter(WRITTEN, |state: &State<'_, '_>, bytes: usize| -> Result<&'static str, Error> {
        Room::of(state)?.write(bytes)?;
        Ok("")
    });
}

/// What minijinja has a test for that ends the program at nought.
pub(super) fn divisible_by(value: &Value, by: &Value) -> Result<bool, Error> {
    let whole = |value: &Value| i128::try_from(value.clone()).ok();
    match (whole(value), whole(by)) {
        (_, Some(0)) => Err(ErrorKind::InvalidOperation.into()),
        // The one division that overflows has no rest.
        (Some(value), Some(by)) => Ok(value.checked_rem(by).unwrap_or(0) == 0),
        _ if value.is_number() && by.is_number() => Ok(as_float(value)? % as_float(by)? == 0.0),
        _ => Ok(false),
    }
}

/// Numbers this large are none that a list is counted by; minijinja's own arithmetic overflows with them.
fn range(lower: i64, upper: Option<i64>, step: Option<i64>) -> Result<Value, Error> {
    const MOST: i64 = 1 << 40;
    let is_sane = |number: i64| (-MOST..=MOST).contains(&number);
    if ![Some(lower), upper, step].into_iter().flatten().all(is_sane) {
        return Err(ErrorKind::InvalidOperation.into());
    }
    let size = |number: i64| isize::try_from(number).map_err(|_| Error::from(ErrorKind::InvalidOperation));
    minijinja::functions::range(size(lower)?, upper.map(size).transpose()?, step.map(size).transpose()?)
}

/// `value[start:stop:step]`, as in Python.
fn slice(
    state: &State<'_, '_>,
    value: &Value,
    start: Option<i64>,
    stop: Option<i64>,
    step: Option<i64>,
) -> Result<Value, Error> {
    let step = step.unwrap_or(1);
    if value.is_undefined() {
        return Err(ErrorKind::UndefinedError.into());
    }
    if step == 0 {
        return Err(ErrorKind::InvalidOperation.into());
    }
    if let Some(stand_in) = StandIn::of(value) {
        return Ok(stand_in.clone().into_value());
    }
    if let Some(text) = value.as_str() {
        let letters: Vec<char> = text.chars().collect();
        Room::of(state)?.make(text.len())?;
        return Ok(picked(&letters, start, stop, step).collect::<String>().into());
    }
    if value.is_none() {
        return Ok(Value::from(Vec::<Value>::new()));
    }
    if !is_list(value) {
        return Err(ErrorKind::InvalidOperation.into());
    }
    let elements: Vec<Value> = match value.len().filter(|_| step > 0) {
        // Only what is picked is looked at.
        Some(length) => {
            let (start, stop) = bounds(length, start, stop, step);
            Room::of(state)?.make(stop.saturating_sub(start) * ELEMENT)?;
            let between = value.try_iter()?.skip(start).take(stop.saturating_sub(start));
            between.step_by(usize::try_from(step).unwrap_or(usize::MAX)).collect()
        }
        None => {
            let elements: Vec<Value> = value.try_iter()?.collect();
            Room::of(state)?.make(elements.len() * ELEMENT)?;
            picked(&elements, start, stop, step).collect()
        }
    };
    Ok(if value.is_tuple() { Tuple::from(elements).into() } else { elements.into() })
}

/// From which place to which one a slice goes: of those below nought each counts from the end. Backwards, both are one
/// more, since nothing is before the first.
fn bounds(length: usize, start: Option<i64>, stop: Option<i64>, step: i64) -> (usize, usize) {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let place = |place: i64| if place < 0 { place.saturating_add(length) } else { place };
    let index = |place: i64| usize::try_from(place).unwrap_or(0);
    if step > 0 {
        let within = |at: i64| index(place(at).clamp(0, length));
        (start.map_or(0, within), stop.map_or_else(|| index(length), within))
    } else {
        let within = |at: i64| index(place(at).clamp(-1, length - 1) + 1);
        (start.map_or_else(|| index(length), within), stop.map_or(0, within))
    }
}

/// The elements of a slice.
fn picked<T: Clone>(
    elements: &[T],
    start: Option<i64>,
    stop: Option<i64>,
    step: i64,
) -> Box<dyn Iterator<Item = T> + '_> {
    let (start, stop) = bounds(elements.len(), start, stop, step);
    let stride = usize::try_from(step.unsigned_abs()).unwrap_or(usize::MAX);
    if step > 0 {
        Box::new(elements.get(start..stop).unwrap_or_default().iter().step_by(stride).cloned())
    } else {
        Box::new(elements.get(stop..start).unwrap_or_default().iter().rev().step_by(stride).cloned())
    }
}

fn keep(state: &State<'_, '_>, value: &Value) -> Result<Value, Error> {
    if value.as_str().is_none() {
        Room::of(state)?.measure(value)?;
    }
    Ok(value.clone())
}

/// A namespace that was in itself would have no end.
fn store(state: &State<'_, '_>, value: &Value) -> Result<Value, Error> {
    if value.as_object().is_some() && Room::of(state)?.measure(value)?.has_namespace {
        return Err(ErrorKind::InvalidOperation.into());
    }
    Ok(value.clone())
}

/// All texts at once: none of what they make together is made before it is known to fit.
fn concat(state: &State<'_, '_>, first: &Value, rest: Rest<Value>) -> Result<Value, Error> {
    let mut texts = Vec::with_capacity(1 + rest.len());
    let mut length = 0;
    for value in std::iter::once(first).chain(rest.iter()) {
        let text = text(value, state)?;
        length += text.len();
        texts.push(text);
        // What is short is paid for by the step.
        if length > SHORT {
            Room::of(state)?.fits(length)?;
        }
    }
    if length > SHORT {
        Room::of(state)?.make(length)?;
    }
    let mut all = String::with_capacity(length);
    texts.iter().for_each(|text| all.push_str(text));
    Ok(all.into())
}

fn add(state: &State<'_, '_>, left: &Value, right: &Value) -> Result<Value, Error> {
    if let Some(stand_in) = StandIn::of(left).or_else(|| StandIn::of(right)) {
        return Ok(stand_in.clone().into_value());
    }
    if let (Some(left), Some(right)) = (left.as_str(), right.as_str()) {
        let length = left.len() + right.len();
        if length > SHORT {
            Room::of(state)?.make(length)?;
        }
        return Ok([left, right].concat().into());
    }
    if is_list(left) && is_list(right) && left.is_tuple() == right.is_tuple() {
        let room = Room::of(state)?;
        let elements = room.measure(left)?.bytes + room.measure(right)?.bytes;
        room.make(elements)?;
        let values: Vec<Value> = left.try_iter()?.chain(right.try_iter()?).collect();
        return Ok(if left.is_tuple() { Tuple::from(values).into() } else { values.into() });
    }
    numbers(left, right, i128::checked_add, |left, right| left + right)
}

fn multiply(state: &State<'_, '_>, left: &Value, right: &Value) -> Result<Value, Error> {
    if let Some(stand_in) = StandIn::of(left).or_else(|| StandIn::of(right)) {
        return Ok(stand_in.clone().into_value());
    }
    let (repeated, times) = if left.as_str().is_some() || is_list(left) { (left, right) } else { (right, left) };
    if repeated.as_str().is_none() && !is_list(repeated) {
        return numbers(left, right, i128::checked_mul, |left, right| left * right);
    }
    let times = times.as_usize().ok_or_else(|| Error::from(ErrorKind::InvalidOperation))?;
    let room = Room::of(state)?;
    if let Some(text) = repeated.as_str() {
        room.make(text.len().saturating_mul(times))?;
        return Ok(text.repeat(times).into());
    }
    room.make(room.measure(repeated)?.bytes.saturating_sub(ELEMENT).saturating_mul(times))?;
    let elements: Vec<Value> = repeated.try_iter()?.collect();
    // The elements of nothing cost nothing, however often.
    let times = if elements.is_empty() { 0 } else { times };
    let values: Vec<Value> = std::iter::repeat_n(elements, times).flatten().collect();
    Ok(if repeated.is_tuple() { Tuple::from(values).into() } else { values.into() })
}

fn is_list(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable)
}

/// Whole numbers stay whole, as in minijinja.
fn numbers(
    left: &Value,
    right: &Value,
    whole: impl Fn(i128, i128) -> Option<i128>,
    float: impl Fn(f64, f64) -> f64,
) -> Result<Value, Error> {
    let is_number = |value: &Value| matches!(value.kind(), ValueKind::Number | ValueKind::Bool);
    let is_float = |value: &Value| value.is_number() && !value.is_integer();
    let undefined = [left, right].iter().any(|value| value.is_undefined());
    let cannot = || if undefined { ErrorKind::UndefinedError } else { ErrorKind::InvalidOperation }.into();
    if !is_number(left) || !is_number(right) {
        return Err(cannot());
    }
    if is_float(left) || is_float(right) {
        return Ok(float(as_float(left)?, as_float(right)?).into());
    }
    let (left, right) = (i128::try_from(left.clone())?, i128::try_from(right.clone())?);
    let value = whole(left, right).ok_or_else(|| Error::from(ErrorKind::InvalidOperation))?;
    Ok(i64::try_from(value).map_or_else(|_| Value::from(value), Value::from))
}

fn as_float(value: &Value) -> Result<f64, Error> {
    match f64::try_from(value.clone()) {
        Ok(float) => Ok(float),
        // A whole number that is none as a float.
        Err(_) => i128::try_from(value.clone()).map(|whole| whole as f64),
    }
}
