//! Sizes for people.

/// Bytes in the unit that leaves one to four digits. Of a thousand each, as engines and disks count.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut amount = bytes as f64;
    let mut unit = 0;
    while amount >= 999.5 && unit + 1 < UNITS.len() {
        amount /= 1000.0;
        unit += 1;
    }
    let digits = usize::from(unit > 0 && amount < 9.95);
    format!("{amount:.digits$} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (9_960, "10 kB"),
            (187_000_000, "187 MB"),
            (999_999, "1.0 MB"),
            (2_540_000_000, "2.5 GB"),
            (9_000_000_000_000_000, "9000 TB"),
        ] {
            assert_eq!(size(bytes), text, "{bytes}");
        }
    }
}
