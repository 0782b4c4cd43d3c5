//! Medians, and rows of a table.

use std::time::Duration;

/// The middle value; of an even number the upper one of the two.
pub(crate) fn median<T: PartialOrd + Copy>(values: &[T]) -> Option<T> {
    let mut sorted = values.to_vec();
    sorted.sort_by(|left, right| left.partial_cmp(right).unwrap_or(std::cmp::Ordering::Equal));
    sorted.get(sorted.len() / 2).copied()
}

/// The value that this part of all values does not exceed; zero if there are none.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "an index")]
pub(crate) fn percentile(values: &[Duration], part: f64) -> Duration {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let place = (sorted.len() as f64 * part) as usize;
    sorted.get(place.min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
}

/// `median (least to most)` in milliseconds.
pub(crate) fn spread(values: &[Duration]) -> String {
    let text = |value: Option<Duration>| value.map_or_else(|| "–".to_owned(), |value| value.as_millis().to_string());
    let (least, most) = (values.iter().min().copied(), values.iter().max().copied());
    format!("{} ms ({} to {})", text(median(values)), text(least), text(most))
}

/// `median (least to most)` with so many decimal places and a unit.
pub(crate) fn range(values: &[f64], places: usize, unit: &str) -> String {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let middle = median(values).unwrap_or(f64::NAN);
    format!("{middle:.places$}{unit} ({least:.places$} to {most:.places$})")
}

/// Prints a row of the table.
pub(crate) fn row(figure: &str, measured: &str, to_reach: &str) {
    println!("| {figure} | {measured} | {to_reach} |");
}
