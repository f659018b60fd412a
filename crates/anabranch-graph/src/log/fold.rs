//! [`fold`]: the state a log leads to.

use std::collections::{HashMap, HashSet};

use anabranch_core::{Error, ErrorKind, Result};
use serde::Deserialize;
use serde_json::Value;

use super::Entry;
use crate::shape::Shape;
use crate::shape::plan::Plan;
use crate::state::State;

/// The state a log leads to: the initial one with the updates of the entries that are not void, in the order of the
/// graph. What stands inside of nested graphs is folded there; it comes with the update of the node around it.
pub(crate) fn fold<S: State>(mut state: S, shape: &Shape, plan: &Plan, entries: &[Entry]) -> Result<S> {
    let failed: HashSet<&str> =
        entries.iter().filter(|entry| entry.failed.is_some()).map(|entry| &*entry.path).collect();
    let nodes: HashMap<&str, usize> =
        shape.nodes.iter().enumerate().map(|(number, node)| (&*node.name, number)).collect();
    let mut updates = Vec::new();
    for entry in entries.iter().filter(|entry| !entry.path.contains('/')) {
        let Some(Value::Array(update)) = &entry.update else { continue };
        if failed.contains(entry.path.split('[').next().unwrap_or(&entry.path)) {
            continue;
        }
        let key = key(&entry.path, &nodes, plan).ok_or_else(|| unfit(&entry.path))?;
        updates.push((key, entry, update));
    }
    updates.sort_by(|(one, ..), (other, ..)| one.cmp(other));
    for (_, entry, update) in updates {
        for write in update {
            state.apply(&S::Write::deserialize(write).map_err(|_| unfit(&entry.path))?);
        }
    }
    Ok(state)
}

fn unfit(path: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("the entry of `{path}` in the log does not fit the graph"))
}

/// For each enclosing loop from the outside in its place and iteration, then the place of the node and the item.
fn key(path: &str, nodes: &HashMap<&str, usize>, plan: &Plan) -> Option<Vec<u64>> {
    let (node, item) = match path.split_once('[') {
        Some((node, item)) => (node, Some(item.strip_suffix(']')?.parse().ok()?)),
        None => (path, None),
    };
    let mut parts = node.split('#');
    let name = parts.next()?;
    let iterations: Vec<u64> = parts.map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let node = &plan.nodes[*nodes.get(name)?];
    let mut key: Vec<u64> = item.into_iter().collect();
    key.push(node.child as u64);
    let (mut region, mut iterations) = (node.region, iterations.into_iter().rev());
    while let Some((outer, child)) = plan.regions[region].parent {
        key.extend([iterations.next()?, child as u64]);
        region = outer;
    }
    // So far from the inside out.
    key.reverse();
    iterations.next().is_none().then_some(key)
}
