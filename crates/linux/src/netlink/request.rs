use super::{ALIGNMENT, ATTRIBUTE_HEADER, MESSAGE_HEADER, REQUEST};

/// A message to the kernel.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    bytes: Vec<u8>,
}

impl Request {
    /// A message of this type; `NLM_F_REQUEST` is always among its flags.
    pub(crate) fn new(number: u16, flags: u16) -> Self {
        let mut bytes = vec![0; MESSAGE_HEADER];
        bytes.truncate(ATTRIBUTE_HEADER);
        bytes.extend(number.to_ne_bytes());
        bytes.extend((flags | REQUEST).to_ne_bytes());
        bytes.resize(MESSAGE_HEADER, 0);
        Self { bytes }
    }

    /// Appends the fixed part of the body.
    pub(crate) fn body(mut self, body: &[u8]) -> Self {
        self.bytes.extend(body);
        self.pad();
        self
    }

    /// Appends an attribute.
    pub(crate) fn attribute(mut self, number: u16, value: &[u8]) -> Self {
        let length = u16::try_from(ATTRIBUTE_HEADER + value.len()).unwrap_or(u16::MAX);
        self.bytes.extend(length.to_ne_bytes());
        self.bytes.extend(number.to_ne_bytes());
        self.bytes.extend(value.iter().take(usize::from(length) - ATTRIBUTE_HEADER));
        self.pad();
        self
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(ALIGNMENT), 0);
    }

    /// The message's bytes, with its length and sequence number filled in.
    pub(crate) fn finish(mut self, sequence: u32) -> Vec<u8> {
        let length = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        let header = length.to_ne_bytes().into_iter().zip(self.bytes.iter_mut());
        header.for_each(|(from, to)| *to = from);
        let place = self.bytes.iter_mut().skip(8);
        sequence.to_ne_bytes().into_iter().zip(place).for_each(|(from, to)| *to = from);
        self.bytes
    }
}
