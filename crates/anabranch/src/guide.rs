//! The guide: what anabranch can do, chapter by chapter, with programs that compile.
//!
//! The chapters are the files in `docs/guide` of the repository.
//!
//! # In the repository
//!
//! What else there is to read stands there only:
//!
//! | file | about |
//! |---|---|
//! | `docs/architecture.md` | how the project is laid out, and what holds throughout |
//! | `docs/decisions/` | a page for each decision that one may question |
//! | `docs/providers/` | providers by feature, and a page for each |
//! | `docs/faults.md` | faults of other frameworks, and the test that shows each absent |
//! | `docs/langgraph-cases.md` | what LangGraph's own tests say about graphs, and the test here for each |
//! | `docs/performance.md` | what a chain costs, and how that is measured |
//! | `comparison/` | the same chain in other frameworks, and their features side by side |
//! | `CONTRIBUTING.md` | how a change is made and checked |
//! | `CHANGELOG.md` | what changed |
//! | `LICENSE-MIT`, `LICENSE-APACHE` | the licences; take either |

/// Makes a module of each file. Links between chapters are written as `[text][chapter]`; the file says where that is
/// on disk, and what stands in front of it here says where it is in this documentation. The first one counts.
macro_rules! chapters {
    ($($(#[$attribute:meta])* $name:ident $file:literal)+) => {
        $(
            $(#[$attribute])*
            #[doc = "[getting-started]: mod@crate::guide::getting_started"]
            #[doc = "[runnables]: mod@crate::guide::runnables"]
            #[doc = "[fan-out]: mod@crate::guide::fan_out"]
            #[doc = "[streaming]: mod@crate::guide::streaming"]
            #[doc = "[batches]: mod@crate::guide::batches"]
            #[doc = "[prompts]: mod@crate::guide::prompts"]
            #[doc = "[models]: mod@crate::guide::models"]
            #[doc = "[errors]: mod@crate::guide::errors"]
            #[doc = "[observing]: mod@crate::guide::observing"]
            #[doc = "[own-step]: mod@crate::guide::own_step"]
            #[doc = "[failures]: mod@crate::guide::failures"]
            #[doc = "[limits]: mod@crate::guide::limits"]
            #[doc = "[time]: mod@crate::guide::time"]
            #[doc = "[asyncio-lcel]: mod@crate::guide::asyncio_lcel"]
            #[doc = "[parsers]: mod@crate::guide::parsers"]
            #[doc = "[transport]: mod@crate::guide::transport"]
            #[doc = "[adding-a-provider]: mod@crate::guide::adding_a_provider"]
            #[doc = "[cassettes]: mod@crate::guide::cassettes"]
            #[doc = "[state-graphs]: mod@crate::guide::state_graphs"]
            #[doc = "[from-langgraph]: mod@crate::guide::from_langgraph"]
            #[doc = "[graph-recipes]: mod@crate::guide::graph_recipes"]
            #[doc = "[watching]: mod@crate::guide::state_graphs#watching-a-run"]
            #[doc = "[graphs]: mod@crate::guide::state_graphs#watching-a-run"]
            #[doc = "[agent]: mod@crate::guide::graph_recipes#an-agent-with-tools"]
            #[doc = "[allow]: mod@crate::guide::graph_recipes#calls-that-somebody-has-to-allow"]
            #[doc = "[conversation]: mod@crate::guide::graph_recipes#a-conversation-of-several-turns"]
            #[doc = "[needs]: mod@crate::guide::graph_recipes#what-a-node-needs-besides-the-state"]
            #[doc = "[depends]: mod@crate::guide::graph_recipes#what-depends"]
            #[doc = "[failure]: mod@crate::guide::graph_recipes#a-failure-that-the-state-should-know-of"]
            #[doc = "[supervisor]: mod@crate::guide::graph_recipes#a-supervisor"]
            #[doc = "[same-state]: mod@crate::guide::graph_recipes#a-graph-inside-that-has-the-same-state"]
            #[doc = "[causal-state]: mod@crate::guide#in-the-repository"]
            #[doc = "[cases]: mod@crate::guide#in-the-repository"]
            #[doc = "[example]: mod@crate::guide#in-the-repository"]
            #[doc = ""]
            #[doc = include_str!(concat!("../docs/guide/", $file))]
            pub mod $name {}
        )+
    };
}

chapters! {
    getting_started "01-getting-started.md"
    runnables "02-runnables.md"
    fan_out "03-fan-out.md"
    streaming "04-streaming.md"
    batches "05-batches.md"
    prompts "06-prompts.md"
    // Its programs use a provider's builder.
    #[cfg(any(doc, feature = "openai"))]
    models "07-models.md"
    errors "08-errors.md"
    observing "09-observing.md"
    own_step "10-own-step.md"
    failures "11-when-branches-fail.md"
    limits "12-limits.md"
    time "13-time.md"
    asyncio_lcel "14-from-asyncio-and-lcel.md"
    parsers "15-parsers.md"
    // Its programs use a provider's builder.
    #[cfg(any(doc, feature = "openai"))]
    transport "16-transport.md"
    adding_a_provider "17-adding-a-provider.md"
    // Its programs use a provider's builder.
    #[cfg(any(doc, feature = "openai"))]
    cassettes "18-testing-with-cassettes.md"
    // Their programs make graphs.
    #[cfg(any(doc, feature = "graph"))]
    state_graphs "19-state-graphs.md"
    #[cfg(any(doc, feature = "graph"))]
    from_langgraph "20-coming-from-langgraph.md"
    #[cfg(any(doc, feature = "graph"))]
    graph_recipes "21-graph-recipes.md"
}

/// The pages of the providers stand in the repository only, beside this guide. Their programs compile.
#[cfg(doctest)]
mod provider_pages {
    #[cfg(feature = "gemini")]
    #[doc = include_str!("../docs/providers/gemini.md")]
    mod gemini {}

    #[cfg(feature = "ollama")]
    #[doc = include_str!("../docs/providers/ollama.md")]
    mod ollama {}

    #[cfg(feature = "openai")]
    #[doc = include_str!("../docs/providers/openai.md")]
    mod openai {}

    #[cfg(feature = "openai")]
    #[doc = include_str!("../docs/providers/compatible.md")]
    mod compatible {}
}
