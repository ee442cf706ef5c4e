use super::{ALIGNMENT, ATTRIBUTE_HEADER, MESSAGE_HEADER};

/// Where bytes stopped making sense, and how. Offsets count from the beginning of the datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault}, at byte {offset}")]
pub struct Malformed {
    /// The first byte of what is wrong.
    pub offset: usize,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What can be wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Fewer bytes left than a message's header has.
    #[error("{left} bytes where a message header of 16 belongs")]
    MessageHeader {
        /// Bytes left.
        left: usize,
    },
    /// A message says that it is shorter than its header, or longer than what is left.
    #[error("a message claims {claimed} bytes of {left}")]
    MessageLength {
        /// What its header says.
        claimed: usize,
        /// Bytes left, its header included.
        left: usize,
    },
    /// Fewer bytes left than an attribute's header has.
    #[error("{left} bytes where an attribute header of 4 belongs")]
    AttributeHeader {
        /// Bytes left.
        left: usize,
    },
    /// An attribute says that it is shorter than its header, or longer than what is left.
    #[error("attribute {number} claims {claimed} bytes of {left}")]
    AttributeLength {
        /// The attribute's type.
        number: u16,
        /// What its header says.
        claimed: usize,
        /// Bytes left, its header included.
        left: usize,
    },
    /// An attribute of known meaning has another size than that meaning takes.
    #[error("attribute {number} has {length} bytes, where {expected} belong")]
    AttributeSize {
        /// The attribute's type.
        number: u16,
        /// Its length.
        length: usize,
        /// The length it should have.
        expected: usize,
    },
    /// A message is too short for what its type promises.
    #[error("a message of type {kind} has a body of {length} bytes, where at least {expected} belong")]
    BodyLength {
        /// The message's type.
        kind: u16,
        /// The body's length.
        length: usize,
        /// The least it should have.
        expected: usize,
    },
    /// A message of a type that was not asked for.
    #[error("a message of type {kind}, where {expected} was asked for")]
    MessageKind {
        /// The message's type.
        kind: u16,
        /// The type asked for.
        expected: u16,
    },
    /// An answer to another question.
    #[error("an answer to question {sequence}, where {expected} was asked")]
    Sequence {
        /// The sequence number in the answer.
        sequence: u32,
        /// The question's.
        expected: u32,
    },
    /// An error report whose error is no error.
    #[error("an error report with the positive number {code}")]
    PositiveError {
        /// The number.
        code: i32,
    },
    /// An address family other than IPv4 and IPv6.
    #[error("a socket of address family {family}")]
    Family {
        /// The family's number.
        family: u8,
    },
    /// A state that this program does not know.
    #[error("a socket in state {state}, which no version known to this program has")]
    State {
        /// The state's number.
        state: u8,
    },
}

impl Fault {
    pub(crate) fn at(self, offset: usize) -> Malformed {
        Malformed { offset, fault: self }
    }
}

/// What a message is, before anyone looks into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `NLMSG_NOOP`: to be skipped.
    Nothing,
    /// `NLMSG_ERROR`: success (an acknowledgement) or an errno, as a positive number.
    Report(Result<(), i32>),
    /// `NLMSG_DONE`: the end of a dump, which may be an errno as well.
    Done(Result<(), i32>),
    /// `NLMSG_OVERRUN`: data was lost.
    Overrun,
    /// A type of the protocol that runs over netlink.
    Data,
}

/// One message of a datagram.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message<'a> {
    header: [u8; MESSAGE_HEADER],
    pub(crate) number: u16,
    flags: u16,
    pub(crate) sequence: u32,
    /// Where in the datagram the header begins.
    pub(crate) offset: usize,
    pub(crate) body: &'a [u8],
}

impl<'a> Message<'a> {
    /// `NLM_F_MULTI`: part of a dump, more follows.
    #[inline]
    pub(crate) fn is_part(self) -> bool {
        self.flags & 0x2 != 0
    }

    /// `NLM_F_DUMP_INTR`: what is being dumped changed meanwhile.
    #[inline]
    pub(crate) fn is_interrupted(self) -> bool {
        self.flags & 0x10 != 0
    }

    /// How long it is, with what fills it up.
    #[inline]
    fn aligned_length(self) -> usize {
        aligned(MESSAGE_HEADER + self.body.len())
    }

    /// Where in the datagram the body begins.
    pub(crate) fn body_offset(self) -> usize {
        self.offset + MESSAGE_HEADER
    }

    #[inline]
    pub(crate) fn kind(self) -> Result<Kind, Malformed> {
        Ok(match self.number {
            1 => Kind::Nothing,
            2 => Kind::Report(self.errno()?),
            3 => Kind::Done(self.errno()?),
            4 => Kind::Overrun,
            _ => Kind::Data,
        })
    }

    /// The negated errno that begins an `NLMSG_ERROR`'s and an `NLMSG_DONE`'s body.
    #[cold]
    fn errno(self) -> Result<Result<(), i32>, Malformed> {
        let Some((code, _)) = self.body.split_first_chunk() else {
            return Err(self.too_short(size_of::<i32>()));
        };
        match i32::from_ne_bytes(*code) {
            0 => Ok(Ok(())),
            code if code > 0 => Err(Fault::PositiveError { code }.at(self.body_offset())),
            code => Ok(Err(code.saturating_neg())),
        }
    }

    /// The error that says that this body is shorter than what its type promises.
    #[cold]
    pub(crate) fn too_short(self, expected: usize) -> Malformed {
        Fault::BodyLength { kind: self.number, length: self.body.len(), expected }.at(self.body_offset())
    }

    /// What follows the first `fixed` bytes of the body.
    #[inline]
    pub(crate) fn attributes_after(self, fixed: usize) -> Attributes<'a> {
        Attributes::of(self.body.get(fixed..).unwrap_or_default(), self.body_offset() + fixed)
    }
}

/// The first message that is still to come and, if it is a part of a dump, those behind it that have the same header: what is
/// found of the first one's header holds for all of them.
pub(crate) struct Alike<'a, 'm> {
    first: Message<'a>,
    messages: &'m mut Messages<'a>,
}

impl<'a, 'm> Alike<'a, 'm> {
    pub(crate) fn new(first: Message<'a>, messages: &'m mut Messages<'a>) -> Self {
        if !first.is_part() {
            messages.nothing_behind(first);
        }
        Self { first, messages }
    }

    /// The first of them, which is still to come.
    pub(crate) fn first(&self) -> Message<'a> {
        self.first
    }
}

impl<'a> Iterator for Alike<'a, '_> {
    type Item = Message<'a>;

    #[inline]
    fn next(&mut self) -> Option<Message<'a>> {
        self.messages.next_like(self.first)
    }
}

/// The messages of a datagram that are still to come.
pub(crate) struct Messages<'a> {
    rest: &'a [u8],
    /// How long the datagram is.
    whole: usize,
}

impl<'a> Messages<'a> {
    pub(crate) fn of(datagram: &'a [u8]) -> Self {
        Self { rest: datagram, whole: datagram.len() }
    }

    /// The next message, which is still to come.
    #[inline]
    pub(crate) fn first(&self) -> Option<Result<Message<'a>, Malformed>> {
        (!self.rest.is_empty()).then(|| first_message(self.rest, self.offset()))
    }

    /// The next message, if its header is that of `one`, byte by byte: what was found of that one's header holds for it.
    #[inline]
    pub(crate) fn next_like(&mut self, one: Message<'_>) -> Option<Message<'a>> {
        let offset = self.offset();
        let Some((message, rest)) = self.rest.split_at_checked(one.aligned_length()) else {
            return self.last_like(one);
        };
        let body = body_like(message, one)?;
        self.rest = rest;
        Some(Message { offset, body, ..one })
    }

    /// The same of a message that nothing fills up, which only the last may be.
    #[cold]
    fn last_like(&mut self, one: Message<'_>) -> Option<Message<'a>> {
        let message = Message { offset: self.offset(), body: body_like(self.rest, one)?, ..one };
        self.rest = &[];
        Some(message)
    }

    /// Leaves out what stands behind the next message, which is `first`.
    pub(crate) fn nothing_behind(&mut self, first: Message<'_>) {
        let behind = self.rest.len().saturating_sub(MESSAGE_HEADER + first.body.len());
        self.rest = self.rest.get(..self.rest.len() - behind).unwrap_or_default();
        self.whole -= behind;
    }

    /// Where in the datagram the next begins.
    #[inline]
    fn offset(&self) -> usize {
        self.whole - self.rest.len()
    }
}

/// The body of the message that begins here, if its header is that of `one`.
#[inline]
fn body_like<'a>(bytes: &'a [u8], one: Message<'_>) -> Option<&'a [u8]> {
    let (header, rest) = bytes.split_first_chunk()?;
    if *header == one.header { rest.get(..one.body.len()) } else { None }
}

#[inline]
fn first_message(rest: &[u8], offset: usize) -> Result<Message<'_>, Malformed> {
    let left = rest.len();
    let Some((header, _)) = rest.split_first_chunk::<MESSAGE_HEADER>() else {
        return Err(Fault::MessageHeader { left }.at(offset));
    };
    let [l0, l1, l2, l3, n0, n1, f0, f1, s0, s1, s2, s3, _port @ ..] = *header;
    let claimed = u32::from_ne_bytes([l0, l1, l2, l3]) as usize;
    let body = rest.get(MESSAGE_HEADER..claimed).ok_or(Fault::MessageLength { claimed, left }.at(offset))?;
    Ok(Message {
        header: *header,
        number: u16::from_ne_bytes([n0, n1]),
        flags: u16::from_ne_bytes([f0, f1]),
        sequence: u32::from_ne_bytes([s0, s1, s2, s3]),
        offset,
        body,
    })
}

const fn aligned(length: usize) -> usize {
    (length + ALIGNMENT - 1) & !(ALIGNMENT - 1)
}

/// The attributes of a message: type and value, in the kernel's order; after an error there are no more.
#[derive(Clone, Debug)]
pub(crate) struct Attributes<'a> {
    bytes: &'a [u8],
    offset: usize,
}

/// One attribute.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attribute<'a> {
    pub(crate) number: u16,
    pub(crate) value: &'a [u8],
    offset: usize,
}

impl Attribute<'_> {
    /// The value as `N` bytes, which its meaning takes.
    #[inline]
    pub(crate) fn sized<const N: usize>(&self) -> Result<[u8; N], Malformed> {
        <[u8; N]>::try_from(self.value).map_err(|_| {
            Fault::AttributeSize { number: self.number, length: self.value.len(), expected: N }
                .at(self.offset)
        })
    }
}

impl<'a> Attributes<'a> {
    /// The attributes that these bytes are, which stand so far from the beginning of the datagram.
    #[inline]
    pub(crate) fn of(bytes: &'a [u8], offset: usize) -> Self {
        Self { bytes, offset }
    }

    /// The value of the only attribute that there is, if it is of this type and `N` bytes long.
    #[inline]
    pub(crate) fn only<const N: usize>(&self, number: u16) -> Option<[u8; N]> {
        let (header, value) = self.bytes.split_first_chunk::<ATTRIBUTE_HEADER>()?;
        let length = u16::try_from(ATTRIBUTE_HEADER + N).ok()?;
        let [[l0, l1], [n0, n1]] = [length, number].map(u16::to_ne_bytes);
        if *header == [l0, l1, n0, n1] { value.try_into().ok() } else { None }
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<Attribute<'a>, Malformed>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.bytes.is_empty() {
            return None;
        }
        let attribute = first_attribute(self.bytes, self.offset);
        let length = attribute.map_or(self.bytes.len(), |it| aligned(ATTRIBUTE_HEADER + it.value.len()));
        self.bytes = self.bytes.get(length..).unwrap_or_default();
        self.offset += length;
        Some(attribute)
    }
}

#[inline]
fn first_attribute(bytes: &[u8], offset: usize) -> Result<Attribute<'_>, Malformed> {
    let left = bytes.len();
    let Some((&[l0, l1, n0, n1], _)) = bytes.split_first_chunk::<ATTRIBUTE_HEADER>() else {
        return Err(Fault::AttributeHeader { left }.at(offset));
    };
    let claimed = usize::from(u16::from_ne_bytes([l0, l1]));
    let number = u16::from_ne_bytes([n0, n1]);
    let value = bytes
        .get(ATTRIBUTE_HEADER..claimed)
        .ok_or(Fault::AttributeLength { number, claimed, left }.at(offset))?;
    Ok(Attribute { number, value, offset })
}
