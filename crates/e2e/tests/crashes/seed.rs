//! Chance that can be repeated.

use std::fmt;

use homeport_e2e::variable;

/// Where nobody chooses one, the same every day: what fails for one fails for all.
const DEFAULT: u64 = 20_261_126;

/// A sequence of numbers, the same for the same beginning (xorshift64*).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seed(u64);

impl Seed {
    /// The one that `HOMEPORT_TEST_SEED` says.
    pub(crate) fn chosen() -> Self {
        Self(
            variable("HOMEPORT_TEST_SEED")
                .and_then(|text| text.parse().ok())
                .filter(|seed| *seed > 0)
                .unwrap_or(DEFAULT),
        )
    }

    /// The next number below a bound.
    pub(crate) const fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D);
        if bound == 0 { 0 } else { number % bound }
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
