//! Numbers of proxies, servers and listeners: as written, else by position, past those that are written anywhere. Two
//! never have the same, for stick tables, statistics and state files go by them.

use std::collections::HashSet;

/// One number for each, counted from `first`. As HAProxy counts, a written one takes its turn as well.
pub(super) fn of(written: &[Option<u32>], first: u32) -> Vec<u32> {
    let taken: HashSet<u32> = written.iter().flatten().copied().collect();
    let mut next = first;
    let mut number = |written: &Option<u32>| {
        let id = written.unwrap_or_else(|| {
            next = (next..u32::MAX).find(|id| !taken.contains(id)).unwrap_or(u32::MAX);
            next
        });
        next = next.saturating_add(1);
        id
    };
    written.iter().map(&mut number).collect()
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn free_numbers_are_found_as_the_oracle_finds_them() {
        let check = |written: &[Option<u32>], first, expected: &[u32]| {
            assert_eq!(of(written, first), expected, "{written:?}");
        };
        check(&[None, None], 2, &[2, 3]);
        check(&[None, Some(3), None, None, None, Some(6), None], 2, &[2, 3, 4, 5, 7, 6, 9]);
        check(&[None, Some(1), Some(4), None, None, None], 1, &[2, 1, 4, 5, 6, 7]);
        check(&[None, Some(1), Some(3), None, None], 1, &[2, 1, 3, 5, 6]);
    }
}
