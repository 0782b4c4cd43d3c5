//! One row of the record, and the hash that ties it to the one before.

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

/// SHA-256.
pub(crate) type Hash = [u8; 32];

/// Longest text of a column, in bytes; what is longer is cut. Paths are the longest, and few have more than 200.
const TEXT_MAX: usize = 1024;

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    Refused,
    Failed,
}

impl Outcome {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// What somebody did, as it is kept. Texts as they came: nothing here is decided upon.
#[derive(Debug, Clone, Default, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct Entry {
    /// Unix milliseconds. 0: when it is written.
    pub(crate) at: i64,
    pub(crate) principal_kind: String,
    pub(crate) principal_id: String,
    pub(crate) principal_name: String,
    pub(crate) user_id: String,
    pub(crate) client_address: String,
    pub(crate) user_agent: String,
    pub(crate) action: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) target_kind: String,
    pub(crate) target_id: String,
    pub(crate) target_name: String,
    pub(crate) outcome: String,
    pub(crate) status: i64,
    pub(crate) request_id: String,
    pub(crate) details: String,
}

impl Entry {
    /// Cuts what is too long, and gives an entry without a time the present one.
    pub(crate) fn limit(&mut self, now: Timestamp) {
        if self.at == 0 {
            self.at = now.as_millisecond();
        }
        for text in self.texts_mut() {
            if text.len() > TEXT_MAX {
                let end = (0..=TEXT_MAX).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
                text.truncate(end);
            }
        }
    }

    /// The hash of this row after another. Every part goes in with its length, so that no text can pass for two.
    pub(crate) fn hash_after(&self, before: &Hash, number: i64) -> Hash {
        let mut hasher = Sha256::new();
        hasher.update(before);
        for number in [number, self.at, self.status] {
            hasher.update(number.to_le_bytes());
        }
        for text in self.texts() {
            hasher.update(text.len().to_le_bytes());
            hasher.update(text);
        }
        hasher.finalize().into()
    }

    const fn texts(&self) -> [&String; 15] {
        [
            &self.principal_kind,
            &self.principal_id,
            &self.principal_name,
            &self.user_id,
            &self.client_address,
            &self.user_agent,
            &self.action,
            &self.method,
            &self.path,
            &self.target_kind,
            &self.target_id,
            &self.target_name,
            &self.outcome,
            &self.request_id,
            &self.details,
        ]
    }

    const fn texts_mut(&mut self) -> [&mut String; 15] {
        [
            &mut self.principal_kind,
            &mut self.principal_id,
            &mut self.principal_name,
            &mut self.user_id,
            &mut self.client_address,
            &mut self.user_agent,
            &mut self.action,
            &mut self.method,
            &mut self.path,
            &mut self.target_kind,
            &mut self.target_id,
            &mut self.target_name,
            &mut self.outcome,
            &mut self.request_id,
            &mut self.details,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_and_the_row_before_are_in_the_hash() {
        let entry = Entry { at: 1, ..Entry::default() };
        let hash = entry.hash_after(&[0; 32], 1);
        assert_ne!(entry.hash_after(&[1; 32], 1), hash);
        assert_ne!(entry.hash_after(&[0; 32], 2), hash);
        assert_ne!(Entry { at: 2, ..entry.clone() }.hash_after(&[0; 32], 1), hash);
        assert_ne!(Entry { status: 200, ..entry.clone() }.hash_after(&[0; 32], 1), hash);
        for place in 0..15 {
            let mut other = entry.clone();
            other.texts_mut()[place].push('x');
            assert_ne!(other.hash_after(&[0; 32], 1), hash, "{place}");
        }
    }

    #[test]
    fn a_text_that_moves_to_its_neighbour_is_another_row() {
        let one = Entry { method: "GET".to_owned(), path: "/a".to_owned(), ..Entry::default() };
        let other = Entry { method: "GE".to_owned(), path: "T/a".to_owned(), ..Entry::default() };
        assert_ne!(one.hash_after(&[0; 32], 1), other.hash_after(&[0; 32], 1));
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let mut entry = Entry { path: "é".repeat(1000), ..Entry::default() };
        entry.limit(Timestamp::from_millisecond(1_800_000_000_123).unwrap());
        assert_eq!((entry.path.len(), entry.at), (TEXT_MAX, 1_800_000_000_123));
    }
}
