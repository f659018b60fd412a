//! Steps of the core, alone and one after the other.

use std::sync::Arc;

use anabranch::Merge;
use anabranch::prelude::*;
use serde_json::{Value, json};

use crate::case;
use crate::world::{MARKER, TEXT, World};

fn text(_: &World) -> String {
    TEXT.to_string()
}

fn object(_: &World) -> Value {
    json!({ "topic": TEXT, "n": 1 })
}

#[tokio::test(start_paused = true)]
async fn functions() {
    case!("a type of one's own", Pieces, World::words, text);
    let length = |world: &World| {
        let fails = world.fails;
        lambda(move |text: String| async move { World::new(fails).done(text.len()) })
    };
    case!("lambda", Whole, length, text);
    case!("limited lambda", Whole, |world: &World| length(world).limited(), text);
    let with = |world: &World| {
        let words = world.words();
        lambda_with(move |text: String, config: RunConfig| {
            let words = words.clone();
            async move { config.run(&words, text).await }
        })
    };
    case!("lambda_with", Whole, with, text);
    let shout = |world: &World| {
        world.words()
            | generator(|text: Chunks<'_, String>| text.map_chunks(|piece| Ok(piece.to_uppercase()), Merge::append()))
    };
    case!("generator", Pieces, shout, text);
    let count = |world: &World| {
        let fails = world.fails;
        blocking(move |text: String| World::new(fails).done(text.len()))
    };
    case!("blocking", Whole, count, text);
    let chosen = |world: &World| {
        let words = world.words().boxed();
        dynamic(move |_: String| {
            let words = words.clone();
            async move { Ok(words) }
        })
    };
    case!("dynamic", Pieces, chosen, text);
}

#[tokio::test(start_paused = true)]
async fn what_goes_through() {
    case!("RunnablePassthrough", Whole, |_: &World| RunnablePassthrough, object);
    case!("passthrough", Whole, |_: &World| passthrough::<String>(), text);
    case!("passthrough behind a stream", Pieces, |world: &World| world.words() | passthrough::<String>(), text);
    case!("pick one", Whole, |_: &World| RunnablePassthrough.pick("topic"), |world: &World| {
        if world.fails { json!({ "other": MARKER }) } else { object(world) }
    });
    case!("pick several", Whole, |_: &World| RunnablePassthrough.pick(["n", "topic"]), |world: &World| {
        if world.fails { json!(MARKER) } else { object(world) }
    });
}

#[tokio::test(start_paused = true)]
async fn sequences() {
    case!("sequence", Pieces, |world: &World| world.words() | world.words(), text);
    case!(
        "a whole in the middle",
        Pieces,
        |world: &World| { world.words().pipe(async |text: String| Ok(text)) | world.words() },
        text
    );
    case!("a conversion at the joint", Pieces, |world: &World| world.words() | RunnablePassthrough, text);
    case!(
        "a prompt behind text",
        Whole,
        |world: &World| { world.words() | ChatPromptTemplate::from_template("About {topic}").unwrap() },
        text
    );
    case!(
        "nested sequences",
        Pieces,
        |world: &World| { (world.words() | world.words()) | (world.words() | passthrough::<String>()) },
        text
    );
}

#[tokio::test(start_paused = true)]
async fn choices() {
    let long = |text: &String| text.len() > 5;
    case!(
        "branch",
        Pieces,
        |world: &World| { RunnableBranch::when(long, world.words()).otherwise(passthrough::<String>()) },
        text
    );
    case!(
        "branch, default",
        Pieces,
        |world: &World| {
            RunnableBranch::when(|text: &String| text.is_empty(), passthrough::<String>()).otherwise(world.words())
        },
        text
    );
    case!(
        "branch, asking a step",
        Pieces,
        |world: &World| {
            let words = world.words();
            let ask = words.pipe(async |text: String| Ok(text.contains('1')));
            RunnableBranch::when_runnable(ask, world.words()).otherwise(passthrough::<String>())
        },
        text
    );
    case!(
        "router",
        Pieces,
        |world: &World| {
            let fails = world.fails;
            RunnableRouter::by(move |_: &String| if fails { "nowhere".into() } else { "words".to_string() })
                .route("words", world.words())
                .route("other", passthrough::<String>())
                .with_name("router")
        },
        text
    );
}

#[tokio::test(start_paused = true)]
async fn holders_and_names() {
    case!("named", Pieces, |world: &World| world.words().with_name("counting"), text);
    case!(
        "with_config",
        Pieces,
        |world: &World| { world.words().with_config(RunConfig::new().tag("t").max_concurrency(1)) },
        text
    );
    case!("spawned", Pieces, |world: &World| world.words().spawned(), text);
    case!("boxed", Pieces, |world: &World| world.words().boxed(), text);
    case!("Arc", Pieces, |world: &World| Arc::new(world.words()), text);
    case!("Box", Pieces, |world: &World| Box::new(world.words()), text);
    case!("reference", Pieces, |world: &World| -> &'static _ { Box::leak(Box::new(world.words())) }, text);
    case!("outcome", Whole, |world: &World| world.words().result(), text, |done: &anabranch::Result<String>| {
        format!("{done:?}")
    });
}
