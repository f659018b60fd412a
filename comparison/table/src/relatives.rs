//! Who is compared, and what each leaves out.

#[derive(Clone, Copy)]
pub enum Interpreter {
    Python,
    Node,
}

impl Interpreter {
    pub fn folder(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::Node => "node",
        }
    }

    pub fn extension(self) -> &'static str {
        match self {
            Self::Python => "py",
            Self::Node => "mjs",
        }
    }
}

#[derive(Clone, Copy)]
pub enum Programs {
    /// Packages of this workspace, and the crate whose version stands in the table.
    Rust { chain: Option<&'static str>, call: &'static str, library: Option<&'static str> },
    /// `chain` and `call` in the interpreter's folder, the packages they need.
    Interpreted { interpreter: Interpreter, core: &'static str, provider: &'static str },
}

pub struct Relative {
    pub name: &'static str,
    pub programs: Programs,
    /// What it does more or less than the chain, and why a cell is empty.
    pub notes: &'static [&'static str],
}

const fn rust(chain: &'static str, call: &'static str, library: &'static str) -> Programs {
    Programs::Rust { chain: Some(chain), call, library: Some(library) }
}

pub const RELATIVES: &[Relative] = &[
    Relative {
        name: "by hand",
        programs: Programs::Rust { chain: Some("chain-by-hand"), call: "call-by-hand", library: None },
        notes: &[
            "`futures::try_join!` and `format!`; the batch is `buffered`. No names in errors, no limits, no observers.",
            "The call is reqwest and the server-sent events by hand: it knows no error of the provider's by name.",
        ],
    },
    Relative {
        name: "anabranch",
        programs: rust("chain-anabranch", "call-anabranch", "anabranch"),
        notes: &[
            "The model is a step of its own, as in cognis, entelix, langchainrust and wesichain. The third row has it \
             behind `ChatModel` and `ChatBackend`, as a provider's is.",
        ],
    },
    Relative {
        name: "rig 0.39",
        programs: rust("chain-rig-pipeline", "call-rig-pipeline", "rig-core"),
        notes: &[
            "The last version with pipelines. No prompt templates (functions with `format!` stand for them) and no \
             parsers: agents give strings.",
            "A step that asks a model is an agent, which can do more than a prompt and a model: tools, documents, turns.",
            "Pipelines do not stream. The chunk is that of an agent alone.",
        ],
    },
    Relative {
        name: "rig",
        programs: rust("chain-rig", "call-rig", "rig-core"),
        notes: &[
            "Pipelines are gone: fan-out and fan-in are `try_join!` and `format!`, and there is no batch. No prompt \
             templates, no parsers. 0.45 and newer need Rust 1.97.",
            "The first row asks the model, the second an agent, which can do more than a prompt and a model.",
        ],
    },
    Relative {
        name: "genai",
        programs: Programs::Rust { chain: None, call: "call-genai", library: Some("genai") },
        notes: &["A client for many providers, without chains: only the call is compared."],
    },
    Relative {
        name: "langchain-rust",
        programs: rust("chain-langchain-rust", "call-langchain-rust", "langchain-rust"),
        notes: &[
            "A chain is one prompt, model and parser: fan-out and fan-in are `try_join!`, and there is no batch. `call` \
             is measured, since `invoke` skips the parser.",
            "`stream` gives what the model streams; the parser sees none of it.",
        ],
    },
    Relative {
        name: "cognis",
        programs: rust("chain-cognis", "call-cognis", "cognis-llm"),
        notes: &[
            "A chain's `stream` gives one chunk (`Pipe` does not override it), and `batch` gives the results in the \
             order in which they are ready (`buffer_unordered`): neither is measured.",
            "The stream of a call reads one event of what arrives together and loses the others (`provider/openai.rs`).",
        ],
    },
    Relative {
        name: "synaptic",
        programs: rust("chain-synaptic", "call-synaptic", "synaptic"),
        notes: &[
            "A model and the joint between a parallel and a prompt are functions of the program's own.",
            "A chain's `stream` gives one chunk once a parser stands in it, and `batch` runs one input after the other: \
             neither is measured.",
        ],
    },
    Relative {
        name: "entelix",
        programs: rust("chain-entelix", "call-entelix", "entelix"),
        notes: &[
            "No parser for strings, and the joint between a parallel and a prompt is a function of the program's own.",
            "A chain's `stream` gives one chunk (`RunnableSequence` does not override it), and `batch` runs one input \
             after the other: neither is measured.",
        ],
    },
    Relative {
        name: "langchainrust",
        programs: rust("chain-langchainrust", "call-langchainrust", "lc-core"),
        notes: &[
            "The joint between a parallel and a prompt is a function of the program's own.",
            "In a batch each step is a barrier: all inputs are through it before one enters the next.",
        ],
    },
    Relative {
        name: "wesichain",
        programs: rust("chain-wesichain", "call-wesichain", "wesichain-core"),
        notes: &[
            "Compiles regular expressions each time a prompt is filled in.",
            "A chain's `stream` runs all but its last step to the end first, so it gives one chunk; there is no batch.",
        ],
    },
    Relative {
        name: "langchain-core",
        programs: Programs::Interpreted {
            interpreter: Interpreter::Python,
            core: "langchain-core",
            provider: "langchain-openai",
        },
        notes: &[
            "Packages instead of crates, without Python itself and pip; with a call: langchain-openai. The size is that of the packages.",
        ],
    },
    Relative {
        name: "@langchain/core",
        programs: Programs::Interpreted {
            interpreter: Interpreter::Node,
            core: "@langchain/core",
            provider: "@langchain/openai",
        },
        notes: &[
            "Packages instead of crates, without Node itself; with a call: @langchain/openai. The size is that of the packages.",
        ],
    },
];
