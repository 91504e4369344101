//! "Did you mean": the known word that is nearest to an unknown word.

/// Returns the candidate with the smallest edit distance to `word`, if the distance is small enough for a typo.
///
/// The limit is a third of the letters of the longer word, but at least 1. A changed, added, omitted or swapped
/// letter counts as 1.
///
/// ```
/// # use trigger_grammar::hint::did_you_mean;
/// assert_eq!(did_you_mean("prot", ["path", "port", "host"]), Some("port"));
/// assert_eq!(did_you_mean("colour", ["path", "port", "host"]), None);
/// ```
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .filter_map(|candidate| Some((typo(word, candidate)?, candidate)))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Returns the edit distance between two words, if it is small enough for a typo as [`did_you_mean`] defines it.
pub fn typo(word: &str, meant: &str) -> Option<usize> {
    let distance = distance(word, meant);
    (distance <= (word.len().max(meant.len()) / 3).max(1)).then_some(distance)
}

/// Returns the optimal string alignment distance: the Levenshtein distance with a swap of neighbours as one step.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let substituted = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = substituted.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before_last[j - 2] + 1);
            }
            row.push(best);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, steps) in
            [("port", "port", 0), ("prot", "port", 1), ("sorce", "source", 1), ("", "id", 2), ("ab", "cd", 2)]
        {
            assert_eq!(distance(a, b), steps, "{a} {b}");
        }
    }

    #[test]
    fn only_near_words_are_suggested() {
        let known = ["source", "id", "queue", "overflow"];
        assert_eq!(did_you_mean("sorce", known), Some("source"));
        assert_eq!(did_you_mean("overflwo", known), Some("overflow"));
        assert_eq!(did_you_mean("is", known), Some("id"));
        assert_eq!(did_you_mean("drop_old", ["drop_newest", "drop_oldest"]), Some("drop_oldest"));
        assert_eq!(did_you_mean("timeout", known), None);
    }
}
