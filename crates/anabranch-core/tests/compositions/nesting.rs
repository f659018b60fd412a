//! The same three steps, nested in every way.

use anabranch_core::{Accepts, BoxRunnable, RunnableExt};

use crate::random::Random;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nesting {
    Left,
    LeftPiped,
    LeftBoxed,
    Right,
    RightPiped,
    RightBoxed,
}

impl Nesting {
    pub const ALL: [Self; 6] =
        [Self::Left, Self::LeftPiped, Self::LeftBoxed, Self::Right, Self::RightPiped, Self::RightBoxed];

    pub fn random(random: &mut Random) -> Self {
        random.pick(&Self::ALL)
    }
}

pub fn joined<A, B, B2, C, C2, D>(
    a: BoxRunnable<A, B>,
    b: BoxRunnable<B2, C>,
    c: BoxRunnable<C2, D>,
    nesting: Nesting,
) -> BoxRunnable<A, D>
where
    A: Send + 'static,
    B: Send + 'static,
    B2: Accepts<B> + Send + 'static,
    C: Send + 'static,
    C2: Accepts<C> + Send + 'static,
    D: Send + 'static,
{
    match nesting {
        Nesting::Left => ((a | b) | c).boxed(),
        Nesting::LeftPiped => a.pipe(b).pipe(c).boxed(),
        Nesting::LeftBoxed => ((a | b).boxed() | c).boxed(),
        Nesting::Right => (a | (b | c)).boxed(),
        Nesting::RightPiped => a.pipe(b.pipe(c)).boxed(),
        Nesting::RightBoxed => (a | (b | c).boxed()).boxed(),
    }
}
