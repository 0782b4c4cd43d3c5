//! Medians, and rows of a table.

use std::time::Duration;

/// The middle value; of an even number the upper one of the two.
pub(crate) fn median<T: PartialOrd + Copy>(values: &[T]) -> Option<T> {
    let mut sorted = values.to_vec();
    sorted.sort_by(|left, right| left.partial_cmp(right).unwrap_or(std::cmp::Ordering::Equal));
    sorted.get(sorted.len() / 2).copied()
}

/// `median (least to most)` in milliseconds.
pub(crate) fn spread(values: &[Duration]) -> String {
    let text = |value: Option<Duration>| value.map_or_else(|| "–".to_owned(), |value| value.as_millis().to_string());
    let (least, most) = (values.iter().min().copied(), values.iter().max().copied());
    format!("{} ms ({} to {})", text(median(values)), text(least), text(most))
}

/// Prints a row of the table.
pub(crate) fn row(figure: &str, measured: &str, to_reach: &str) {
    println!("| {figure} | {measured} | {to_reach} |");
}
