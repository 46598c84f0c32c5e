//! Glob patterns as KEYS, SCAN, PSUBSCRIBE, CONFIG GET and ACL use them.
//!
//! `*` is any run of bytes, `?` any one byte, `[a-c]` and `[^a-c]` a class, and `\` takes the next
//! byte as it is. Every part except `*` takes exactly one byte, so on a mismatch only the last `*`
//! needs to give way: one position to return to instead of a recursion, and `a*a*a*b` costs at
//! most the product of the two lengths. Redis's oddities are kept: an empty text matches
//! only the empty pattern, not even `*`; an unclosed class ends with the pattern; a range
//! compares bytes as signed and folds its ends' case after ordering them; an escaped byte in a
//! class never ignores case.

/// Whether `pattern` matches the whole of `text`; `ignore_case` folds ASCII letters.
///
/// KEYS, SCAN and others skip this call when the pattern is exactly `*`, which therefore matches
/// the empty name there and only there.
pub fn matches(pattern: &[u8], text: &[u8], ignore_case: bool) -> bool {
    if text.is_empty() {
        return pattern.is_empty();
    }
    let (mut pattern_rest, mut text_rest) = (pattern, text);
    let mut last_star = None;
    while let [byte, text_tail @ ..] = text_rest {
        if let [b'*', ..] = pattern_rest {
            pattern_rest = skip_stars(pattern_rest);
            if pattern_rest.is_empty() {
                return true;
            }
            last_star = Some((pattern_rest, text_tail));
        }
        if let Some(pattern_tail) = match_byte(pattern_rest, *byte, ignore_case) {
            (pattern_rest, text_rest) = (pattern_tail, text_tail);
        } else if let Some((after_star, retry_at)) = &mut last_star {
            (pattern_rest, text_rest) = (*after_star, *retry_at);
            *retry_at = retry_at.get(1..).unwrap_or_default();
        } else {
            return false;
        }
    }
    skip_stars(pattern_rest).is_empty()
}

fn skip_stars(pattern: &[u8]) -> &[u8] {
    let end = pattern.iter().position(|&c| c != b'*').unwrap_or(pattern.len());
    pattern.get(end..).unwrap_or_default()
}

/// The pattern after its first part, if that part takes `byte`. A `*` is not a part here.
fn match_byte(pattern: &[u8], byte: u8, ignore_case: bool) -> Option<&[u8]> {
    match pattern {
        [b'?', rest @ ..] => Some(rest),
        [b'[', b'^', class @ ..] => match_class(class, byte, ignore_case, true),
        [b'[', class @ ..] => match_class(class, byte, ignore_case, false),
        [b'\\', literal, rest @ ..] | [literal, rest @ ..] => {
            is_same(*literal, byte, ignore_case).then_some(rest)
        }
        [] => None,
    }
}

/// `pattern` begins after `[` or `[^`.
fn match_class(pattern: &[u8], byte: u8, ignore_case: bool, negated: bool) -> Option<&[u8]> {
    let mut found = false;
    let mut rest = pattern;
    loop {
        rest = match rest {
            [b'\\', literal, rest @ ..] => {
                found |= *literal == byte;
                rest
            }
            [b']', rest @ ..] => return (found != negated).then_some(rest),
            [from, b'-', to, rest @ ..] => {
                found |= is_in_range(*from, *to, byte, ignore_case);
                rest
            }
            [literal, rest @ ..] => {
                found |= is_same(*literal, byte, ignore_case);
                rest
            }
            [] => return (found != negated).then_some(rest),
        }
    }
}

/// Ends in either order, compared as C's signed `char`.
fn is_in_range(from: u8, to: u8, byte: u8, ignore_case: bool) -> bool {
    let fold = |c: i8| if ignore_case { c.cast_unsigned().to_ascii_lowercase() as i8 } else { c };
    let (from, to) = (from as i8, to as i8);
    let (low, high) = (fold(from.min(to)), fold(from.max(to)));
    (low..=high).contains(&fold(byte as i8))
}

fn is_same(left: u8, right: u8, ignore_case: bool) -> bool {
    left == right || (ignore_case && left.eq_ignore_ascii_case(&right))
}

#[cfg(test)]
mod tests;
