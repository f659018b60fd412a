//! [`Brackets`]: where a JSON document ends, without reading it.

/// Counts the brackets of JSON that comes in any pieces. It looks no closer than it must to see where something ends:
/// what is in it is for whoever reads it.
#[derive(Default)]
pub(super) struct Brackets {
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl Brackets {
    /// Looks at the next byte. False within a string, where brackets and commas say nothing.
    pub(super) fn step(&mut self, byte: u8) -> bool {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return false;
        }
        match byte {
            b'"' => self.in_string = true,
            b'[' | b'{' => self.depth += 1,
            b']' | b'}' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        true
    }

    /// How many brackets are open.
    pub(super) fn depth(&self) -> usize {
        self.depth
    }
}
