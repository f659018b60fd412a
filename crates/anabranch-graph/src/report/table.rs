//! A report to be read: a node in a few words, a run as a table.

use std::fmt;
use std::time::Duration;

use anabranch_core::ErrorKind;

use super::{NodeReport, RunReport};
use crate::draw::bare_or_quoted;

/// In a few words: `2 runs, 1.20 s, longest 612 ms, 4 items`.
impl fmt::Display for NodeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let times = match self.runs {
            0 => None,
            1 => Some(time(self.total)),
            runs => Some(format!("{runs} runs, {}, longest {}", time(self.total), time(self.longest))),
        };
        let words: Vec<_> = times.into_iter().chain(self.words()).collect();
        f.write_str(&words.join(", "))
    }
}

impl NodeReport {
    /// What else than its times there is to say.
    fn words(&self) -> Vec<String> {
        let several = |word: &str, count: usize| match count {
            0 => None,
            1 => Some(word.to_owned()),
            count => Some(format!("{word} {count} times")),
        };
        let items = match self.items {
            0 => None,
            1 => Some("1 item".to_owned()),
            items => Some(format!("{items} items")),
        };
        let of_items = |(kind, count): &(ErrorKind, usize)| {
            let items = if *count == 1 { "item" } else { "items" };
            format!("{count} {items} failed: {kind}")
        };
        let failed = self.failed.iter().filter_map(|(kind, count)| several(&format!("failed: {kind}"), *count));
        items
            .into_iter()
            .chain(self.failed_items.iter().map(of_items))
            .chain(failed)
            .chain(several("not finished", self.unfinished))
            .chain(several("passed over", self.passed_over))
            .chain(several("done before", self.replayed))
            .collect()
    }
}

/// A table, a node a line.
impl fmt::Display for RunReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["node", "runs", "time", "longest", ""].map(str::to_owned);
        let row = |node: &NodeReport| {
            let name = bare_or_quoted(&node.path);
            let words = node.words().join(", ");
            if node.runs == 0 {
                return [name, "-".to_owned(), "-".to_owned(), "-".to_owned(), words];
            }
            [name, node.runs.to_string(), time(node.total), time(node.longest), words]
        };
        let rows: Vec<_> = std::iter::once(head).chain(self.nodes().iter().map(row)).collect();
        let widths = [0, 1, 2, 3].map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0));
        for [name, runs, total, longest, words] in &rows {
            let [first, second, third, fourth] = widths;
            let line = format!("{name:<first$}  {runs:>second$}  {total:>third$}  {longest:>fourth$}  {words}");
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// In the largest unit that it fills, to about three digits.
fn time(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds, time.as_millis()) {
        (0, 0) => format!("{} µs", time.as_micros()),
        (0, millis) => format!("{millis} ms"),
        (1..60, millis) => format!("{seconds}.{:02} s", millis % 1000 / 10),
        (60..3600, _) => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        let shown = [0, 999, 1_000, 999_999, 1_239_999, 59_999_999, 60_000_000, 3_599_000_000, 7_260_000_000]
            .map(|micros| time(Duration::from_micros(micros)));
        assert_eq!(
            shown,
            ["0 µs", "999 µs", "1 ms", "999 ms", "1.23 s", "59.99 s", "1 min 0 s", "59 min 59 s", "2 h 1 min"]
        );
    }
}
