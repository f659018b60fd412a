use anabranch::graph::{State, StateGraph};
use serde::{Deserialize, Serialize};

#[derive(Clone, Default, Serialize, Deserialize, State)]
struct Essay {
    topics: Vec<String>,
    #[reduce(append)]
    paragraphs: Vec<String>,
    draft: String,
    approved: bool,
}

enum Next {
    Again,
    Done,
}

fn main() {
    let _ = StateGraph::<Essay>::new()
        .route("draft", |essay| if essay.approved { Next::Done } else { Next::Again }, ["draft", "done"])
        .route_many("done", |essay| essay.approved, ["draft"]);
}
