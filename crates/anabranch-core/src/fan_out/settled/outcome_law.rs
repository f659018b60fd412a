//! How the chunks of a fan-out whose branches may fail add up.

use std::sync::Arc;

use serde_json::Value;

use crate::error::Result;
use crate::fan_out::outcome::Outcome;
use crate::fan_out::parallel::branch_name;
use crate::stream::merge::{Collect, Collector, KeyLaws, Merge, Wanted};

/// Chunks are outcomes of the branches that grew; each branch adds up by its own law, and a failure stands for all of
/// it.
pub(super) fn outcome_law(laws: Arc<KeyLaws>) -> Merge<Outcome> {
    Merge::collect_with(move || {
        Box::new(OutcomeCollector { laws: laws.clone(), branches: laws.collectors().map(Ok).collect() })
    })
}

struct OutcomeCollector {
    laws: Arc<KeyLaws>,
    branches: Vec<Result<Collector<Value>>>,
}

impl Collect<Outcome> for OutcomeCollector {
    fn push(&mut self, chunk: Outcome) -> Result<()> {
        for (key, grown) in chunk.into_branches() {
            let branch = &mut self.branches[self.laws.place(&key)?];
            let added = match (branch.as_mut(), grown) {
                (Ok(collector), Ok(value)) => collector.push(value).map_err(|error| error.at(branch_name(&key))),
                (Ok(_), Err(error)) => Err(error),
                (Err(_), _) => Ok(()),
            };
            if let Err(error) = added {
                *branch = Err(error);
            }
        }
        Ok(())
    }

    fn finish(self: Box<Self>, _: Wanted<'_>) -> Result<Option<Outcome>> {
        let branches = self.laws.keys().zip(self.branches).map(|(key, branch)| {
            let whole = branch.and_then(|collector| collector.finish().map_err(|error| error.at(branch_name(key))));
            (key.clone(), whole)
        });
        Ok(Some(Outcome::new(branches.collect())))
    }
}
