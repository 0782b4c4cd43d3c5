//! One figure out of what the engine tells about each layer of a pull.

use std::collections::HashMap;

/// How far a pull is.
#[derive(Debug, Default)]
pub(super) struct Progress {
    layers: HashMap<String, Layer>,
    percent: u32,
}

/// Shares of a layer, each 0 to 1.
#[derive(Debug, Default, Clone, Copy)]
struct Layer {
    downloaded: f64,
    extracted: f64,
}

impl Progress {
    /// Takes in a line about a layer; lines about the whole image have no layer. Gives the percentage, which never goes
    /// down although the engine may tell of further layers late, and which is 100 only when the caller says so.
    pub(super) fn update(&mut self, layer: Option<&str>, status: &str, current: i64, total: i64) -> u32 {
        if let Some(id) = layer
            && let Some(next) = next(self.layers.get(id).copied().unwrap_or_default(), status, current, total)
        {
            self.layers.insert(id.to_owned(), next);
            self.percent = self.percent.max(self.mean());
        }
        self.percent
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "0 to 99")]
    fn mean(&self) -> u32 {
        let sum: f64 = self.layers.values().map(|layer| layer.downloaded + layer.extracted).sum();
        let mean = sum * 50.0 / self.layers.len().max(1) as f64;
        mean.clamp(0.0, 99.0) as u32
    }
}

/// None: the line is not about a layer's progress.
fn next(layer: Layer, status: &str, current: i64, total: i64) -> Option<Layer> {
    Some(match status {
        "Pulling fs layer" | "Waiting" => layer,
        "Downloading" => Layer { downloaded: share(current, total).max(layer.downloaded), ..layer },
        "Verifying Checksum" | "Download complete" => Layer { downloaded: 1.0, ..layer },
        "Extracting" => Layer { downloaded: 1.0, extracted: share(current, total).max(layer.extracted) },
        "Pull complete" | "Already exists" => Layer { downloaded: 1.0, extracted: 1.0 },
        _ => return None,
    })
}

#[expect(clippy::cast_precision_loss, reason = "a share needs no more than a few digits")]
fn share(current: i64, total: i64) -> f64 {
    if total <= 0 { 0.0 } else { (current as f64 / total as f64).clamp(0.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn download_and_unpacking_count_half_each() {
        let mut progress = Progress::default();
        assert_eq!(progress.update(None, "Pulling from library/nginx", 0, 0), 0);
        assert_eq!(progress.update(Some("a"), "Pulling fs layer", 0, 0), 0);
        assert_eq!(progress.update(Some("b"), "Already exists", 0, 0), 50);
        assert_eq!(progress.update(Some("a"), "Downloading", 50, 100), 62);
        assert_eq!(progress.update(Some("a"), "Download complete", 0, 0), 75);
        assert_eq!(progress.update(Some("a"), "Extracting", 50, 100), 87);
        assert_eq!(progress.update(Some("a"), "Pull complete", 0, 0), 99);
    }

    #[test]
    fn the_digest_line_is_no_layer() {
        let mut progress = Progress::default();
        progress.update(Some("1.26"), "Pulling from library/nginx", 0, 0);
        assert_eq!(progress.layers.len(), 0);
    }

    proptest! {
        #[test]
        fn never_goes_down_and_stays_below_the_end(
            lines in prop::collection::vec((0..5u8, 0..7usize, -5i64..200, -5i64..200), 0..100)
        ) {
            const WORDS: [&str; 7] = ["Pulling fs layer", "Waiting", "Downloading", "Verifying Checksum",
                "Download complete", "Extracting", "Pull complete"];
            let mut progress = Progress::default();
            let mut last = 0;
            for (layer, word, current, total) in lines {
                let percent = progress.update(Some(&layer.to_string()), WORDS[word], current, total);
                prop_assert!(percent >= last && percent < 100);
                last = percent;
            }
        }
    }
}
