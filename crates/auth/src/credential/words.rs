//! Keys as words: random bytes in the English list of BIP 39, which carries a checksum, so that most slips of the pen are
//! no phrase at all.

use bip39::{Language, Mnemonic};
use homeport_service::Secret;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// Longest text that is looked at: 24 words of eight letters are shorter.
const TEXT_MAX: usize = 512;

/// SHA-256 of the bytes behind the words.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WordsHash([u8; 32]);

impl WordsHash {
    /// Of what a person typed, however it is spaced and in whichever case. None: no phrase of that many words.
    pub(crate) fn of_text(text: &Secret<String>, count: usize) -> Option<Self> {
        let text = text.expose();
        if text.len() > TEXT_MAX {
            return None;
        }
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        let phrase = Mnemonic::parse_in_normalized(Language::English, &words).ok()?;
        (phrase.word_count() == count).then(|| Self(Sha256::digest(phrase.to_entropy()).into()))
    }

    /// One that no words have, so that comparing takes as long where there is nothing to compare with.
    pub(crate) fn none() -> Self {
        Self(rand::random())
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether both are the same, in a time that says nothing about where they differ.
    pub(crate) fn equals(&self, stored: &[u8]) -> bool {
        self.0.ct_eq(stored).into()
    }
}

/// New words for so many random bytes, and their hash. Every 4 bytes are 3 words; 16 and 24 are what the list has.
pub(crate) fn random<const BYTES: usize>() -> Option<(Secret<String>, WordsHash)> {
    let bytes: [u8; BYTES] = std::array::from_fn(|_| rand::random());
    let phrase = Mnemonic::from_entropy_in(Language::English, &bytes).ok()?;
    Some((Secret::new(phrase.to_string()), WordsHash(Sha256::digest(bytes).into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the test vectors of BIP 39: 16 bytes of 0x7f.
    const KNOWN: &str = "legal winner thank year wave sausage worth useful legal winner thank yellow";

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[test]
    fn words_are_read_as_people_write_them() {
        let expected: [u8; 32] = Sha256::digest([0x7f; 16]).into();
        for text in [KNOWN.to_owned(), format!("  {}\n", KNOWN.to_uppercase()), KNOWN.replace(' ', " \t ")] {
            let hash = WordsHash::of_text(&secret(&text), 12).expect("a phrase");
            assert!(hash.equals(&expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_phrase_is_told_at_once() {
        for text in ["", "legal", &KNOWN.replace("yellow", "year"), &"legal ".repeat(200)] {
            assert!(WordsHash::of_text(&secret(text), 12).is_none(), "{text}");
        }
        assert!(WordsHash::of_text(&secret(KNOWN), 18).is_none(), "the other kind of key has more words");
    }

    #[test]
    fn new_ones_can_be_read_back() {
        let (words, hash) = random::<24>().unwrap();
        assert_eq!(words.expose().split(' ').count(), 18);
        assert!(WordsHash::of_text(&words, 18).unwrap().equals(hash.as_bytes()));
        assert_eq!(random::<16>().unwrap().0.expose().split(' ').count(), 12);
        assert!(!WordsHash::none().equals(hash.as_bytes()));
    }
}
