//! Its binary has the texts of the offline model: without this one, the gate could look for a sentence that is nowhere.

use anabranch_models::ChatModel;

fn main() {
    println!("{:?}", ChatModel::from_env_or_offline());
}
