use anabranch::messages::{ContentPart, Media};
use anabranch::prelude::*;

fn main() {
    let _ = prompt!(|(place, image): (String, Media)|
        user: ["Is this {plaze}?", ContentPart::Image(image)],
    );
}
