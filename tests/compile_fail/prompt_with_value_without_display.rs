use anabranch::prelude::*;

struct Depth(f64);

fn main() {
    let _ = prompt!(|depth: Depth| user: "May a boat sail where the water is {depth} deep?");
}
