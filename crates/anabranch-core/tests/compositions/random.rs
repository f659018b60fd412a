//! Random numbers from a seed.

/// SplitMix64 (Steele, Lea, Flood 2014): small, and good enough to shuffle compositions.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(mix(seed))
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// True once in so many times.
    pub fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }
}

pub fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

pub fn fold(numbers: impl IntoIterator<Item = u64>) -> u64 {
    numbers.into_iter().fold(17, |sum, n| mix(sum.wrapping_mul(31).wrapping_add(n)))
}

/// The same number for the same text, in every process.
pub fn hash(text: &str) -> u64 {
    fold(text.bytes().map(u64::from))
}
