//! [`type_words`]: the name of a type, for people.

/// `alloc::vec::Vec<my::types::River>` as `Vec<River>`.
pub(crate) fn type_words<T: ?Sized>() -> String {
    let full = std::any::type_name::<T>();
    let mut words = String::with_capacity(full.len());
    let mut path = 0;
    for c in full.chars() {
        if c == ':' {
            words.truncate(path);
            continue;
        }
        words.push(c);
        if !c.is_alphanumeric() && c != '_' {
            path = words.len();
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_named_whole_and_without_their_modules() {
        type Map = std::collections::HashMap<String, Vec<Option<u8>>>;
        assert_eq!(type_words::<Map>(), "HashMap<String, Vec<Option<u8>>>");
        assert_eq!(type_words::<(&str, [String; 2])>(), "(&str, [String; 2])");
        assert_eq!(type_words::<u32>(), "u32");
    }
}
