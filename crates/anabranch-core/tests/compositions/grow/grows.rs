//! [`Grows`]: what differs between the types of a chain.

use anabranch_core::*;
use serde_json::Value;

use super::{Grower, Grown, Text};
use crate::joint::Joint;
use crate::nesting::joined;

/// How the types differ.
pub trait Grows: Joint {
    /// A fan-out and the way back from JSON.
    fn fan_out(grower: &mut Grower, depth: u32) -> Grown<Self, Self> {
        let (step, text) = grower.object::<Self>(depth);
        let (step, last) = Self::from_json(grower, step);
        (step, Text("sequence".into(), vec![text, last]))
    }

    fn from_json(grower: &mut Grower, step: BoxRunnable<Self, Value>) -> Grown<Self, Self>;

    /// A sequence whose joints are of the other type.
    fn through_the_other(grower: &mut Grower, depth: u32) -> Grown<Self, Self>;
}

impl Grows for Value {
    fn from_json(_: &mut Grower, step: BoxRunnable<Self, Value>) -> Grown<Self, Self> {
        (step, Text::line("as it is"))
    }

    fn through_the_other(grower: &mut Grower, depth: u32) -> Grown<Self, Self> {
        let nesting = grower.nesting();
        match grower.random.below(5) {
            0 | 1 => {
                // Text is converted at the second joint.
                let (a, x) = grower.leaf::<Value, String>();
                let ((b, y), (c, z)) = (grower.step::<Value>(depth), grower.step::<Value>(depth));
                (joined(a, b, c, nesting), Text("sequence, a joint converts".into(), vec![x, y, z]))
            }
            2 => {
                let (a, x) = grower.leaf::<Value, String>();
                let (b, y) = grower.step::<String>(depth);
                let (c, z) = grower.step::<Value>(depth);
                (joined(a, b, c, nesting), Text("sequence, a joint converts".into(), vec![x, y, z]))
            }
            3 => {
                // A list of texts is converted, and does not add up after that.
                let (a, x) = grower.leaf::<Value, String>();
                let words = generator(|text: Chunks<'_, String>| {
                    text.map_chunks(|piece| Ok(vec![piece]), Merge::<Vec<String>>::extend())
                });
                let (b, y) = grower.step::<Value>(depth);
                let whole = lambda(async |words: Vec<String>| Ok(vec![words.concat()]));
                let step = a.pipe(words).pipe(whole).pipe(b);
                (step.boxed(), Text("sequence, a joint converts a list".into(), vec![x, y]))
            }
            _ => {
                let (a, x) = grower.object::<Value>(depth);
                let typed = from_json::<std::collections::BTreeMap<String, Value>>();
                let back =
                    lambda(async |map: std::collections::BTreeMap<String, Value>| Ok(serde_json::to_value(map)?));
                (a.pipe(typed).pipe(back).boxed(), Text("from_json".into(), vec![x]))
            }
        }
    }
}

impl Grows for String {
    fn from_json(grower: &mut Grower, step: BoxRunnable<Self, Value>) -> Grown<Self, Self> {
        let (back, text) = grower.leaf::<Value, String>();
        (step.pipe(back).boxed(), text)
    }

    fn through_the_other(grower: &mut Grower, depth: u32) -> Grown<Self, Self> {
        let nesting = grower.nesting();
        let (a, x) = grower.leaf::<String, Value>();
        let (b, y) = grower.step::<Value>(depth);
        let (c, z) = grower.leaf::<Value, String>();
        (joined(a, b, c, nesting), Text("sequence, through JSON".into(), vec![x, y, z]))
    }
}
