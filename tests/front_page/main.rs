//! The programs of the front page, to the letter: `tests/readme.rs` compares them with the page, and what they print
//! with what it shows.

#![allow(clippy::unwrap_used, reason = "the page shows errors that it knows will come")]

macro_rules! programs {
    ($($name:ident $file:literal)+) => {
        $(
            mod $name {
                include!($file);

                pub(crate) fn run() -> anabranch::Result<()> {
                    main()
                }
            }
        )+

        fn main() -> anabranch::Result<()> {
            match std::env::args().nth(1).as_deref() {
                $(Some(stringify!($name)) => $name::run(),)+
                other => Err(anabranch::Error::other(format!("there is no program {other:?}"))),
            }
        }
    };
}

programs! {
    typed "typed.rs"
    streamed "streamed.rs"
    fails "fails.rs"
    graph "graph.rs"
}
