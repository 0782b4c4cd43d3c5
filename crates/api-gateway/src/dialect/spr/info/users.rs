//! Who is signed in on the machine, as `uptime` counts them.

/// Where sign-ins are noted. Not every system has it, and no container.
const FILE: &str = "/run/utmp";
/// Bytes of an entry: times are longer where there never was a 32-bit system to be compatible with.
const ENTRY: usize = if cfg!(target_arch = "aarch64") { 400 } else { 384 };
/// Type of the entry of somebody who is signed in, in its first two bytes.
const USER: i16 = 7;

/// How many there are, as far as can be seen from here.
pub(super) async fn signed_in() -> usize {
    count(&tokio::fs::read(FILE).await.unwrap_or_default())
}

fn count(file: &[u8]) -> usize {
    file.chunks_exact(ENTRY).filter(|entry| i16::from_ne_bytes([entry[0], entry[1]]) == USER).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_are_signed_in_are_counted() {
        let entry = |kind: i16| [&kind.to_ne_bytes()[..], &[0; ENTRY - 2]].concat();
        // A boot, two people, somebody who left, and half an entry.
        let file = [entry(2), entry(USER), entry(USER), entry(8), vec![7; 10]].concat();
        assert_eq!((count(&file), count(&[])), (2, 0));
    }
}
