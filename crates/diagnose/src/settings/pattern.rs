//! Patterns over names, as glob(7) has them for paths: no `*` reaches beyond a slash.

/// Whether a text is a pattern at all.
pub(super) fn is_pattern(text: &[u8]) -> bool {
    text.iter().any(|byte| b"*?[".contains(byte))
}

/// Whether a path matches. Takes time in proportion to both lengths at most.
pub(super) fn matches(pattern: &[u8], path: &[u8]) -> bool {
    let mut patterns = pattern.split(|&byte| byte == b'/');
    let mut parts = path.split(|&byte| byte == b'/');
    loop {
        match (patterns.next(), parts.next()) {
            (None, None) => return true,
            (Some(pattern), Some(part)) if part_matches(pattern, part) => {}
            (Some(_), Some(_) | None) | (None, Some(_)) => return false,
        }
    }
}

/// One part, by going back to the last star only.
fn part_matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut rest, mut left) = (pattern, text);
    let mut back: Option<(&[u8], &[u8])> = None;
    loop {
        if let Some((b'*', after)) = rest.split_first() {
            back = Some((after, left));
            rest = after;
            continue;
        }
        match left.split_first() {
            None if rest.is_empty() => return true,
            None => return false,
            Some((&byte, after_byte)) => match one(rest, byte) {
                Some(after) => (rest, left) = (after, after_byte),
                None => match back {
                    Some((after_star, from)) if !from.is_empty() => {
                        let shorter = from.get(1..).unwrap_or_default();
                        back = Some((after_star, shorter));
                        (rest, left) = (after_star, shorter);
                    }
                    Some(_) | None => return false,
                },
            },
        }
    }
}

/// What is left of the pattern if its first sign stands for this byte.
fn one(pattern: &[u8], byte: u8) -> Option<&[u8]> {
    let (&sign, after) = pattern.split_first()?;
    match sign {
        b'?' => Some(after),
        b'[' => match set(after, byte) {
            Some((true, after)) => Some(after),
            Some((false, _)) => None,
            // Never closed: a bracket like any letter.
            None => (byte == b'[').then_some(after),
        },
        b'\\' => after.split_first().and_then(|(&literal, after)| (literal == byte).then_some(after)),
        literal => (literal == byte).then_some(after),
    }
}

/// A set after its bracket, if it is closed: whether the byte is in it, and what is left of the pattern.
fn set(inside: &[u8], byte: u8) -> Option<(bool, &[u8])> {
    let negated = matches!(inside.first(), Some(b'!' | b'^'));
    let body = if negated { inside.get(1..)? } else { inside };
    // A bracket in the first place is one of the set.
    let end = 1 + body.get(1..)?.iter().position(|&it| it == b']')?;
    let mut signs = body.get(..end)?;
    let mut is_in = false;
    while let Some((&first, after)) = signs.split_first() {
        if let [b'-', last, rest @ ..] = after {
            is_in |= (first..=*last).contains(&byte);
            signs = rest;
        } else {
            is_in |= first == byte;
            signs = after;
        }
    }
    Some((is_in != negated, body.get(end + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn holds(pattern: &str, path: &str) -> bool {
        matches(pattern.as_bytes(), path.as_bytes())
    }

    #[test]
    fn stars_marks_and_sets_match_as_for_paths() {
        assert!(holds("net/ipv4/tcp_*", "net/ipv4/tcp_sack"));
        assert!(holds("net/*/tcp_tw_*se", "net/ipv4/tcp_tw_reuse"));
        assert!(!holds("net/*", "net/ipv4/tcp_sack"), "no star reaches beyond a slash");
        assert!(holds("net/ipv[46]/x?", "net/ipv6/xy") && !holds("net/ipv[!46]/x", "net/ipv6/x"));
        assert!(holds("a[b-d]", "ac") && !holds("a[b-d]", "ae") && holds("a[]x]", "a]"));
        assert!(holds("a[", "a[") && !holds("a*b", "acc") && holds("*", "") && holds("a**b", "ab"));
    }

    proptest! {
        #[test]
        fn nothing_makes_it_fail_and_every_text_matches_itself(pattern: Vec<u8>, path: Vec<u8>, plain in "[a-z/._]*") {
            let _either = matches(&pattern, &path);
            prop_assert!(holds(&plain, &plain));
        }

        #[test]
        fn many_stars_take_no_time(stars in 1..200_usize) {
            let pattern = "*a".repeat(stars) + "b";
            prop_assert!(!holds(&pattern, &"a".repeat(400)));
        }
    }
}
