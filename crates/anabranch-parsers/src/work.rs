//! Counts of work, for the tests that guard what reading costs: in other builds they are nothing.

/// So many bytes, or things, were looked at.
#[inline]
pub(crate) fn looked_at(count: usize) {
    #[cfg(test)]
    tests::LOOKED_AT.with(|all| all.set(all.get() + count));
    #[cfg(not(test))]
    let _ = count;
}

#[cfg(test)]
mod tests;
