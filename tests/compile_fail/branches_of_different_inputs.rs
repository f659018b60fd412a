use anabranch::prelude::*;

fn main() -> anabranch::Result<()> {
    let _ = parallel! {
        "answer": StrOutputParser,
        "prompt": ChatPromptTemplate::from_template("Define {term}.")?,
    };
    Ok(())
}
