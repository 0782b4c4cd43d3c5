//! Request headers as the gRPC library of Go sends them.

/// Index of the first entry of the dynamic table.
const DYNAMIC: u8 = 62;

/// Begins a header that the other side shall remember; the index of its name follows in the same byte.
const INDEXED: u8 = 0x40;

/// The headers of one connection's requests. The first request teaches the other side; later ones refer to that, as
/// every HTTP/2 library does.
#[derive(Debug, Default, Clone)]
pub struct Headers {
    taught_path: Option<String>,
}

impl Headers {
    /// The header block of a request.
    pub fn block(&mut self, path: &str) -> Vec<u8> {
        // :method POST and :scheme http are in the table that everybody has.
        let mut block = vec![0x83, 0x86];
        match &self.taught_path {
            None => {
                literal(&mut block, INDEXED | 0x04, path);
                literal(&mut block, INDEXED | 0x01, "localhost");
                literal(&mut block, INDEXED | 0x1f, "application/grpc");
                literal(&mut block, INDEXED | 0x3a, "grpc-go/1.64.0");
                literal_name(&mut block, "te", "trailers");
                self.taught_path = Some(path.to_owned());
            }
            Some(taught) => {
                if taught == path {
                    block.push(0x80 | (DYNAMIC + 4));
                } else {
                    literal(&mut block, 4, path);
                }
                // The newest entry comes first: te, user-agent, content-type, :authority.
                block.extend([DYNAMIC + 3, DYNAMIC + 2, DYNAMIC + 1, DYNAMIC].map(|index| 0x80 | index));
            }
        }
        block
    }
}

/// A header whose name has an index below 63.
fn literal(block: &mut Vec<u8>, first: u8, value: &str) {
    block.push(first);
    text(block, value);
}

/// A header that nobody has an index for yet.
fn literal_name(block: &mut Vec<u8>, name: &str, value: &str) {
    block.push(INDEXED);
    text(block, name);
    text(block, value);
}

/// A text shorter than 127 bytes, without Huffman's code.
fn text(block: &mut Vec<u8>, value: &str) {
    block.push(u8::try_from(value.len()).unwrap_or(0x7f));
    block.extend_from_slice(value.as_bytes());
}
