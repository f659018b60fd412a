//! Chooses a model by name and by the environment. The gate looks into its binary for the texts of the offline model,
//! which must not be there.

use anabranch_models::ChatModel;

fn main() {
    let model = match std::env::args().nth(1) {
        Some(name) => ChatModel::new(&name),
        None => ChatModel::from_env(),
    };
    println!("{model:?}");
}
