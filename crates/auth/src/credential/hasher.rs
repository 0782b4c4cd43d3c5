//! Argon2 in memory that goes back to the system.
//!
//! Somebody signs in a few times a day, and a hash takes 19 MiB for a twentieth of a second. What malloc maps for it once it
//! keeps for the next time, unless it is beyond the largest size for which malloc is willing to learn that.

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::{
        CustomizedPasswordHasher, Error, PasswordHasher,
        phc::{Output, ParamsString, PasswordHash, Salt},
    },
};

/// Blocks of a KiB in a buffer beyond the 32 MiB that malloc may learn to keep. What is not used of it takes no memory.
const MAPPED_BLOCKS: usize = 33 << 10;

/// As [`Argon2`], with other memory.
#[derive(Debug, Clone)]
pub(super) struct Hasher(Argon2<'static>);

impl Hasher {
    pub(super) fn new(params: Params) -> Self {
        Self(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
    }

    /// How much work a hash is.
    pub(super) const fn params(&self) -> &Params {
        self.0.params()
    }

    fn output(&self, password: &[u8], salt: &[u8]) -> Result<Output, Error> {
        let params = self.0.params();
        let blocks = params.block_count();
        let mut memory: Vec<Block> = Vec::new();
        memory.try_reserve_exact(blocks.max(MAPPED_BLOCKS)).map_err(|_| Error::OutOfMemory)?;
        memory.resize(blocks, Block::new());
        let mut buffer = [0; Output::MAX_LENGTH];
        let length = params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
        let out = buffer.get_mut(..length).ok_or(Error::OutputSize)?;
        self.0.hash_password_into_with_memory(password, salt, out, &mut memory)?;
        Ok(Output::new(out)?)
    }
}

impl PasswordHasher<PasswordHash> for Hasher {
    fn hash_password_with_salt(&self, password: &[u8], salt: &[u8]) -> Result<PasswordHash, Error> {
        Ok(PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(self.0.params())?,
            salt: Some(Salt::new(salt)?),
            hash: Some(self.output(password, salt)?),
        })
    }
}

/// For verifying: the settings are those of the hash, which may be older than ours.
impl CustomizedPasswordHasher<PasswordHash> for Hasher {
    type Params = Params;

    fn hash_password_customized(
        &self,
        password: &[u8],
        salt: &[u8],
        algorithm: Option<&str>,
        version: Option<u32>,
        params: Params,
    ) -> Result<PasswordHash, Error> {
        if algorithm.is_some_and(|name| name != Algorithm::Argon2id.as_str()) {
            return Err(Error::Algorithm);
        }
        if version.is_some_and(|version| version != u32::from(Version::V0x13)) {
            return Err(Error::Version);
        }
        Self::new(params).hash_password_with_salt(password, salt)
    }
}

#[cfg(test)]
mod tests {
    use argon2::password_hash::PasswordVerifier as _;

    use super::*;

    #[test]
    fn hashes_as_the_library_does_and_each_verifies_the_other() {
        let params = Params::new(64, 1, 1, None).unwrap();
        let (ours, theirs) =
            (Hasher::new(params.clone()), Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone()));
        let salt = b"sixteen bytes ..";
        let hash = ours.hash_password_with_salt(b"correct horse", salt).unwrap();
        let expected: PasswordHash = theirs.hash_password_with_salt(b"correct horse", salt).unwrap();
        assert_eq!(hash.to_string(), expected.to_string());
        theirs.verify_password(b"correct horse", &hash).unwrap();
        let other_settings = Hasher::new(Params::new(128, 2, 1, None).unwrap());
        other_settings.verify_password(b"correct horse", &hash).unwrap();
        assert!(other_settings.verify_password(b"correct horsf", &hash).is_err());
        let older = Argon2::new(Algorithm::Argon2i, Version::V0x13, params);
        let older: PasswordHash = older.hash_password_with_salt(b"correct horse", salt).unwrap();
        assert!(matches!(ours.verify_password(b"correct horse", &older), Err(Error::Algorithm)));
    }

    #[test]
    fn gives_its_memory_back() {
        let hasher = Hasher::new(Params::new(19 << 10, 1, 1, None).unwrap());
        for _ in 0..3 {
            hasher.hash_password_with_salt(b"correct horse", b"sixteen bytes ..").unwrap();
        }
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("RssAnon:")).unwrap();
        let kilobytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        assert!(kilobytes < 19 << 10, "{line}");
    }
}
