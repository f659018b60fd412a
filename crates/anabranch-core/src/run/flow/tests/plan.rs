//! What a tree is, how a seed grows one, and how one that fails is made smaller.

/// SplitMix64 (Steele, Lea, Flood 2014).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub(super) fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

/// Which limits, one bit each.
pub(super) type Mask = usize;

/// Something that gives chunks.
#[derive(Debug, Clone)]
pub(super) enum Plan {
    /// Has its permits while it is read. Waits for the outside before a chunk where there is a one.
    Model {
        limits: Mask,
        chunks: usize,
        waits: usize,
    },
    /// Has its permits until it is done.
    Call {
        limits: Mask,
        waits: usize,
    },
    InTurn(Vec<Plan>),
    Beside(Vec<Plan>),
    /// The first that gives something is the one that goes on.
    Race(Vec<Plan>),
    Spawned(Box<Plan>),
    Read {
        input: Box<Plan>,
        by: Reader,
    },
    /// Several read the same.
    Tee {
        input: Box<Plan>,
        by: Vec<Reader>,
    },
    /// Opened by a step, with no joint.
    Opens {
        input: Box<Plan>,
        by: Reader,
    },
    /// Opened by a step that reads them in step.
    Zipped(Vec<Plan>),
}

#[derive(Debug, Clone)]
pub(super) struct Reader {
    pub(super) way: Way,
    pub(super) work: Vec<Plan>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Way {
    /// Works on each chunk, then reads on.
    Each,
    /// Reads on while it works on so many.
    Ahead(usize),
    /// Reads to the end and then works.
    Whole,
    /// Reads so many, lets go of what it reads, and works.
    LeavesAfter(usize),
    /// Reads so many and works before it lets go of what it reads.
    KeepsAfter(usize),
    /// Looks whether there is something to read, and does not wait for it: it works a while instead.
    LooksIn,
}

pub(super) struct Grower {
    pub(super) random: Random,
    pub(super) left: usize,
    pub(super) limits: usize,
}

impl Grower {
    pub(super) fn mask(&mut self) -> Mask {
        match self.random.below(8) {
            0 => 0,
            1..3 => 1 + self.random.below((1 << self.limits) - 1),
            _ => 1 << self.random.below(self.limits),
        }
    }

    pub(super) fn some(&mut self, most: usize, depth: usize) -> Vec<Plan> {
        (0..1 + self.random.below(most)).map(|_| self.plan(depth)).collect()
    }

    pub(super) fn plan(&mut self, depth: usize) -> Plan {
        self.left = self.left.saturating_sub(1);
        let deeper = depth.saturating_sub(1);
        match self.random.below(if depth == 0 || self.left == 0 { 7 } else { 23 }) {
            0..4 => {
                let waits = self.random.next() as usize & self.random.next() as usize & 0xFF;
                Plan::Model { limits: self.mask(), chunks: self.random.below(4), waits }
            }
            4..7 => Plan::Call { limits: self.mask(), waits: self.random.below(3) },
            7 => Plan::InTurn(self.some(3, deeper)),
            8..11 => Plan::Beside(self.some(4, deeper)),
            11 => Plan::Race(self.some(3, deeper)),
            12 => Plan::Spawned(Box::new(self.plan(deeper))),
            20..22 => Plan::Opens { input: Box::new(self.plan(deeper)), by: self.reader(deeper) },
            22 => Plan::Zipped(self.some(3, deeper)),
            13..18 => Plan::Read { input: Box::new(self.plan(deeper)), by: self.reader(deeper) },
            _ => {
                let input = Box::new(self.plan(deeper));
                let readers = 1 + self.random.below(3);
                Plan::Tee { input, by: (0..readers).map(|_| self.reader(deeper)).collect() }
            }
        }
    }

    pub(super) fn reader(&mut self, depth: usize) -> Reader {
        let few = self.random.below(3);
        let way = match self.random.below(10) {
            0..4 => Way::Each,
            4 | 5 => Way::Ahead(1 + few),
            6 => Way::Whole,
            7 => Way::LeavesAfter(few),
            8 => Way::KeepsAfter(few),
            _ => Way::LooksIn,
        };
        Reader { way, work: self.some(2, depth) }
    }
}

/// All trees that are one step smaller.
pub(super) trait Shrinks: Sized {
    fn smaller(&self) -> Vec<Self>;
}

impl<T: Shrinks + Clone> Shrinks for Vec<T> {
    fn smaller(&self) -> Vec<Self> {
        let without = (0..self.len()).map(|gone| {
            let mut rest = self.clone();
            rest.remove(gone);
            rest
        });
        let changed =
            self.iter().enumerate().flat_map(|(index, one)| one.smaller().into_iter().map(move |one| (index, one)));
        without
            .chain(changed.map(|(index, one)| {
                let mut all = self.clone();
                all[index] = one;
                all
            }))
            .collect()
    }
}

impl Shrinks for Reader {
    fn smaller(&self) -> Vec<Self> {
        let simpler = match self.way {
            Way::Each => None,
            Way::Ahead(n) | Way::LeavesAfter(n) | Way::KeepsAfter(n) if n == 0 => Some(Way::Each),
            Way::Ahead(n) => Some(Way::Ahead(n - 1)),
            Way::LeavesAfter(n) => Some(Way::LeavesAfter(n - 1)),
            Way::KeepsAfter(n) => Some(Way::KeepsAfter(n - 1)),
            Way::Whole | Way::LooksIn => Some(Way::Each),
        };
        let work = self.work.smaller().into_iter().map(|work| Self { way: self.way, work });
        work.chain(simpler.map(|way| Self { way, work: self.work.clone() })).collect()
    }
}

impl Shrinks for Plan {
    fn smaller(&self) -> Vec<Self> {
        let fewer = |limits: Mask| (0..3).map(move |bit| limits & !(1 << bit)).filter(move |fewer| *fewer != limits);
        match self {
            &Self::Model { limits, chunks, waits } => fewer(limits)
                .map(|limits| Self::Model { limits, chunks, waits })
                .chain(chunks.checked_sub(1).map(|chunks| Self::Model { limits, chunks, waits }))
                .chain((waits != 0).then(|| Self::Model { limits, chunks, waits: waits & (waits - 1) }))
                .chain((chunks == 1).then_some(Self::Call { limits, waits: 1 }))
                .collect(),
            &Self::Call { limits, waits } => fewer(limits)
                .map(|limits| Self::Call { limits, waits })
                .chain(waits.checked_sub(1).map(|waits| Self::Call { limits, waits }))
                .collect(),
            Self::InTurn(all) => all.iter().cloned().chain(all.smaller().into_iter().map(Self::InTurn)).collect(),
            Self::Beside(all) => all.iter().cloned().chain(all.smaller().into_iter().map(Self::Beside)).collect(),
            Self::Race(all) => all.iter().cloned().chain(all.smaller().into_iter().map(Self::Race)).collect(),
            Self::Spawned(one) => {
                let smaller = one.smaller().into_iter().map(|one| Self::Spawned(Box::new(one)));
                std::iter::once((**one).clone()).chain(smaller).collect()
            }
            Self::Read { input, by } => {
                let inputs = input.smaller().into_iter().map(|input| (Box::new(input), by.clone()));
                let readers = by.smaller().into_iter().map(|by| (input.clone(), by));
                let smaller = inputs.chain(readers).map(|(input, by)| Self::Read { input, by });
                std::iter::once((**input).clone()).chain(by.work.iter().cloned()).chain(smaller).collect()
            }
            Self::Opens { input, by } => {
                let inputs = input.smaller().into_iter().map(|input| (Box::new(input), by.clone()));
                let readers = by.smaller().into_iter().map(|by| (input.clone(), by));
                let smaller = inputs.chain(readers).map(|(input, by)| Self::Opens { input, by });
                std::iter::once((**input).clone()).chain(by.work.iter().cloned()).chain(smaller).collect()
            }
            Self::Zipped(all) => all.iter().cloned().chain(all.smaller().into_iter().map(Self::Zipped)).collect(),
            Self::Tee { input, by } => {
                let inputs = input.smaller().into_iter().map(|input| (Box::new(input), by.clone()));
                let readers = by.smaller().into_iter().map(|by| (input.clone(), by));
                let smaller = inputs.chain(readers).map(|(input, by)| Self::Tee { input, by });
                let one = by.iter().map(|by| Self::Read { input: input.clone(), by: by.clone() });
                one.chain(smaller).collect()
            }
        }
    }
}
