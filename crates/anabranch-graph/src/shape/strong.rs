//! Strongly connected sets: nodes that can all get to one another.

/// The sets, each in ascending order; a node alone is a set, too. After Tarjan (SIAM J. Comput. 1, 1972), without
/// recursion.
pub(super) fn strong_components(next: &[Vec<usize>]) -> Vec<Vec<usize>> {
    const UNSEEN: usize = usize::MAX;
    let count = next.len();
    let (mut found, mut low, mut is_open) = (vec![UNSEEN; count], vec![0; count], vec![false; count]);
    let (mut open, mut way, mut sets, mut time) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for root in 0..count {
        if found[root] != UNSEEN {
            continue;
        }
        way.push((root, 0));
        while let Some(&mut (at, ref mut edge)) = way.last_mut() {
            if *edge == 0 {
                (found[at], low[at], is_open[at]) = (time, time, true);
                time += 1;
                open.push(at);
            }
            let step = next[at].get(*edge).copied();
            *edge += 1;
            match step {
                Some(to) if found[to] == UNSEEN => way.push((to, 0)),
                Some(to) if is_open[to] => low[at] = low[at].min(found[to]),
                Some(_) => {}
                None => {
                    way.pop();
                    if let Some(&(before, _)) = way.last() {
                        low[before] = low[before].min(low[at]);
                    }
                    if low[at] == found[at] {
                        let first = open.iter().rposition(|&node| node == at).unwrap_or_default();
                        let mut set = open.split_off(first);
                        set.iter().for_each(|&node| is_open[node] = false);
                        set.sort_unstable();
                        sets.push(set);
                    }
                }
            }
        }
    }
    sets
}
