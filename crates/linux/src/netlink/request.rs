use super::{ALIGNMENT, ATTRIBUTE_HEADER, MESSAGE_HEADER, REQUEST};

/// A message to the kernel.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    number: u16,
    flags: u16,
    /// What follows the header.
    payload: Vec<u8>,
}

impl Request {
    /// A message of this type; `NLM_F_REQUEST` is always among its flags.
    pub(crate) fn new(number: u16, flags: u16) -> Self {
        Self { number, flags: flags | REQUEST, payload: Vec::new() }
    }

    /// Appends the fixed part of the body.
    pub(crate) fn body(mut self, body: &[u8]) -> Self {
        self.payload.extend(body);
        self.padded()
    }

    /// Appends an attribute. Its length takes 16 bits; no attribute of ours has more than some hundred bytes.
    pub(crate) fn attribute(mut self, number: u16, value: &[u8]) -> Self {
        let length = u16::try_from(ATTRIBUTE_HEADER + value.len()).unwrap_or(u16::MAX);
        self.payload.extend(length.to_ne_bytes());
        self.payload.extend(number.to_ne_bytes());
        self.payload.extend(value);
        self.padded()
    }

    /// Appends an attribute that holds attributes, each a number and a value.
    pub(crate) fn nested(self, number: u16, inside: &Self) -> Self {
        self.attribute(number, &inside.payload)
    }

    fn padded(mut self) -> Self {
        self.payload.resize(self.payload.len().next_multiple_of(ALIGNMENT), 0);
        self
    }

    /// The message's bytes.
    pub(crate) fn bytes(&self, sequence: u32) -> Vec<u8> {
        let length = MESSAGE_HEADER + self.payload.len();
        let mut bytes = Vec::with_capacity(length);
        bytes.extend(u32::try_from(length).unwrap_or(u32::MAX).to_ne_bytes());
        bytes.extend(self.number.to_ne_bytes());
        bytes.extend(self.flags.to_ne_bytes());
        bytes.extend(sequence.to_ne_bytes());
        // The sender's port id, which the kernel knows better.
        bytes.extend(0_u32.to_ne_bytes());
        bytes.extend(&self.payload);
        bytes
    }
}
