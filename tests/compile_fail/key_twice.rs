use anabranch::prelude::*;

fn main() {
    let _ = parallel! {
        "topic": RunnablePassthrough,
        "topic": RunnablePassthrough,
    };
}
