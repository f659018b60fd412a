//! Texts as words, so that they can be compared whatever their letters and signs are.

/// The words of a text: letters and digits in a row.
pub(crate) fn words(text: &str, plain: bool) -> Vec<String> {
    let parts = text.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty());
    parts.map(|part| if plain { plain_letters(part) } else { part.to_string() }).collect()
}

/// Whether a "not" stands close before a place among plain words: "not red" and "isn't red" do not say red.
pub(crate) fn is_negated(words: &[String], at: usize) -> bool {
    const NEGATIONS: [&str; 7] = ["not", "never", "neither", "nor", "cannot", "isnt", "without"];
    const BETWEEN: [&str; 6] = ["a", "an", "the", "really", "exactly", "quite"];
    // Farther away it would be about something else.
    let between = words[..at].iter().rev().take(4).take_while(|word| BETWEEN.contains(&word.as_str())).count();
    let Some((last, before)) = words[..at - between].split_last() else { return false };
    let is_shortened = last == "t" && before.last().is_some_and(|word| word.ends_with('n'));
    is_shortened || NEGATIONS.contains(&last.as_str())
}

/// Small letters without the accents of Latin ones.
pub(crate) fn plain_letters(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).filter_map(without_accent).collect()
}

/// Letters and digits alone, small and without accents.
pub(crate) fn plain_key(key: &str) -> String {
    plain_letters(key).chars().filter(|c| c.is_alphanumeric()).collect()
}

fn without_accent(c: char) -> Option<char> {
    Some(match c {
        // What stands behind a letter as an accent of its own.
        '\u{300}'..='\u{36f}' => return None,
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ā' | 'ă' | 'ą' => 'a',
        'ç' | 'ć' | 'č' => 'c',
        'ď' => 'd',
        'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ė' | 'ę' | 'ě' => 'e',
        'ğ' => 'g',
        'ì' | 'í' | 'î' | 'ï' | 'ī' | 'į' | 'ı' => 'i',
        'ł' => 'l',
        'ñ' | 'ń' | 'ň' => 'n',
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' | 'ō' | 'ő' => 'o',
        'ř' => 'r',
        'ś' | 'ş' | 'š' | 'ș' => 's',
        'ť' | 'ț' | 'ţ' => 't',
        'ù' | 'ú' | 'û' | 'ü' | 'ū' | 'ů' | 'ű' => 'u',
        'ý' | 'ÿ' => 'y',
        'ź' | 'ż' | 'ž' => 'z',
        _ => c,
    })
}

/// Which of some names stands in a text: as the whole of it, or in words around it. Nothing where none does, or several.
pub(crate) fn named<'n, N: Copy + PartialEq>(
    text: &str,
    names: impl Iterator<Item = (&'n str, N)> + Clone,
) -> Option<N> {
    if let Some((_, found)) = names.clone().find(|(name, _)| *name == text.trim()) {
        return Some(found);
    }
    let whole = words(text, true);
    let mut same =
        names.clone().filter(|(name, _)| !whole.is_empty() && words(name, true) == whole).map(|(_, found)| found);
    if let Some(found) = same.next() {
        return same.all(|other| other == found).then_some(found);
    }
    // First in the same letters, then in any: "TWO is one of them".
    for plain in [false, true] {
        let text = words(text, plain);
        let mut hits = Vec::new();
        for (name, found) in names.clone() {
            let name = words(name, plain);
            if name.is_empty() || name.len() > text.len() {
                continue;
            }
            let places = (0..=text.len() - name.len()).filter(|at| text[*at..at + name.len()] == name[..]);
            hits.extend(places.map(|at| (at, at + name.len(), found)));
        }
        // What is a part of a longer name is not meant: one that begins before it and ends no sooner, or begins with it
        // and ends later.
        let mut reach = vec![0; text.len() + 1];
        hits.iter().for_each(|(at, end, _)| reach[*at] = reach[*at].max(*end));
        let before: Vec<usize> = std::iter::once(0)
            .chain(reach.iter().scan(0, |farthest, end| {
                *farthest = (*farthest).max(*end);
                Some(*farthest)
            }))
            .collect();
        let is_part = |hit: &(usize, usize, N)| before[hit.0] >= hit.1 || reach[hit.0] > hit.1;
        if hits.iter().any(|hit| is_negated(&whole, hit.0)) {
            return None;
        }
        let mut meant = hits.iter().filter(|hit| !is_part(hit)).map(|hit| hit.2);
        if let Some(first) = meant.next() {
            return meant.all(|other| other == first).then_some(first);
        }
    }
    None
}
