//! Where the fields of the kernel's structs are: as much of BTF as that takes.
//!
//! Format: linux v6.12 `Documentation/bpf/btf.rst`. Numbers are in the machine's own byte order.

/// `BTF_MAGIC`
const MAGIC: u16 = 0xeb9f;
/// Anonymous structs within structs, and names for names: deeper is no kernel.
const DEEPEST: usize = 16;

/// `BTF_KIND_*`, those that matter here.
const INT: u32 = 1;
const ARRAY: u32 = 3;
const STRUCT: u32 = 4;
const UNION: u32 = 5;
const ENUM: u32 = 6;
const TYPEDEF: u32 = 8;
const RESTRICT: u32 = 11;
const FUNC_PROTO: u32 = 13;
const VAR: u32 = 14;
const DATASEC: u32 = 15;
const DECL_TAG: u32 = 17;
const TYPE_TAG: u32 = 18;
const ENUM64: u32 = 19;

/// Why a field cannot be found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BtfError {
    /// It does not begin as BTF does, in this machine's byte order.
    #[error("no BTF: it begins with {0:#06x}")]
    Magic(u16),
    /// Something reaches beyond the end.
    #[error("cut off at byte {0}")]
    CutOff(usize),
    /// A type of a kind that this program does not know, after which nothing can be found.
    #[error("a type of kind {0}, which no version known to this program has")]
    Kind(u32),
    /// There is no struct of this name.
    #[error("no struct {0}")]
    NoStruct(&'static str),
    /// The struct has no such field, or one that does not begin at a byte.
    #[error("struct {of} has no field {field} that can be read")]
    NoField {
        /// The struct.
        of: &'static str,
        /// The field.
        field: &'static str,
    },
}

/// Type descriptions, read so far that types can be found by number.
#[derive(Debug)]
pub(super) struct Btf<'a> {
    bytes: &'a [u8],
    strings: usize,
    /// Where each type begins; type 1 first (type 0 is `void`).
    types: Vec<usize>,
}

#[derive(Clone, Copy)]
struct Type {
    at: usize,
    name: u32,
    kind: u32,
    members: usize,
    flag: bool,
    /// A size, or the number of another type.
    size_or_type: u32,
}

impl<'a> Btf<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, BtfError> {
        let magic = bytes.first_chunk().map(|bytes| u16::from_ne_bytes(*bytes)).ok_or(BtfError::CutOff(0))?;
        if magic != MAGIC {
            return Err(BtfError::Magic(magic));
        }
        let mut btf = Self { bytes, strings: 0, types: Vec::new() };
        let header = btf.place(4)?;
        let section = |btf: &Self, at: usize| header.checked_add(btf.place(at)?).ok_or(BtfError::CutOff(at));
        let (from, length) = (section(&btf, 8)?, btf.place(12)?);
        btf.strings = section(&btf, 16)?;
        let end = from.checked_add(length).filter(|&end| end <= bytes.len()).ok_or(BtfError::CutOff(12))?;
        let mut at = from;
        while at < end {
            btf.types.push(at);
            at = btf.read_type(at)?.end()?;
        }
        Ok(btf)
    }

    /// How many bytes from a struct's beginning a field is, which may be a field of a field.
    pub(super) fn offset(&self, of: &'static str, path: &[&'static str]) -> Result<u32, BtfError> {
        let mut within = self.named_struct(of)?;
        let mut bits = 0_u32;
        for &field in path {
            let absent = BtfError::NoField { of, field };
            let (offset, number) = self.member(within, field, DEEPEST)?.ok_or(absent.clone())?;
            bits = bits.checked_add(offset).ok_or(absent)?;
            within = self.plain(number)?;
        }
        let last = path.last().copied().unwrap_or_default();
        if bits.is_multiple_of(8) { Ok(bits / 8) } else { Err(BtfError::NoField { of, field: last }) }
    }

    fn named_struct(&self, name: &'static str) -> Result<Type, BtfError> {
        for &at in &self.types {
            let candidate = self.read_type(at)?;
            if candidate.kind == STRUCT && candidate.members > 0 && self.is_named(candidate.name, name) {
                return Ok(candidate);
            }
        }
        Err(BtfError::NoStruct(name))
    }

    /// Where a field is, in bits, and of which type; fields of anonymous structs and unions are the outer one's.
    fn member(&self, of: Type, field: &str, deep: usize) -> Result<Option<(u32, u32)>, BtfError> {
        if deep == 0 || ![STRUCT, UNION].contains(&of.kind) {
            return Ok(None);
        }
        for number in 0..of.members {
            let at = of.at + 12 + number * 12;
            let (name, kind, place) = (self.word(at)?, self.word(at + 4)?, self.word(at + 8)?);
            // With the flag set, the upper eight bits are the size of a bit field.
            let (place, is_bits) =
                if of.flag { (place & 0xff_ffff, place >> 24 != 0) } else { (place, false) };
            if name != 0 {
                if self.is_named(name, field) {
                    return Ok((!is_bits).then_some((place, kind)));
                }
                continue;
            }
            if let Some((inner, kind)) = self.member(self.plain(kind)?, field, deep - 1)? {
                return Ok(place.checked_add(inner).map(|place| (place, kind)));
            }
        }
        Ok(None)
    }

    /// The type behind other names and qualifiers.
    fn plain(&self, mut number: u32) -> Result<Type, BtfError> {
        let mut found = self.numbered(number)?;
        for _ in 0..DEEPEST {
            if !(TYPEDEF..=RESTRICT).contains(&found.kind) && found.kind != TYPE_TAG {
                break;
            }
            number = found.size_or_type;
            found = self.numbered(number)?;
        }
        Ok(found)
    }

    fn numbered(&self, number: u32) -> Result<Type, BtfError> {
        let index = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
        match index.and_then(|index| self.types.get(index)) {
            Some(&at) => self.read_type(at),
            // `void`, or a number that no type has: in neither is a field.
            None => Ok(Type { at: 0, name: 0, kind: 0, members: 0, flag: false, size_or_type: 0 }),
        }
    }

    fn read_type(&self, at: usize) -> Result<Type, BtfError> {
        let info = self.word(at + 4)?;
        Ok(Type {
            at,
            name: self.word(at)?,
            kind: info >> 24 & 0x1f,
            members: usize::from(u16::try_from(info & 0xffff).unwrap_or_default()),
            flag: info >> 31 != 0,
            size_or_type: self.word(at + 8)?,
        })
    }

    fn is_named(&self, name: u32, expected: &str) -> bool {
        let at = usize::try_from(name).ok().and_then(|name| self.strings.checked_add(name));
        let rest = at.and_then(|at| self.bytes.get(at..)).unwrap_or_default();
        rest.strip_prefix(expected.as_bytes()).is_some_and(|rest| rest.first() == Some(&0))
    }

    fn place(&self, at: usize) -> Result<usize, BtfError> {
        usize::try_from(self.word(at)?).map_err(|_| BtfError::CutOff(at))
    }

    fn word(&self, at: usize) -> Result<u32, BtfError> {
        let bytes = self.bytes.get(at..).and_then(<[u8]>::first_chunk);
        bytes.map(|bytes| u32::from_ne_bytes(*bytes)).ok_or(BtfError::CutOff(at))
    }
}

impl Type {
    /// Where the next type begins.
    fn end(self) -> Result<usize, BtfError> {
        let more = match self.kind {
            INT | VAR | DECL_TAG => 4,
            ARRAY => 12,
            STRUCT | UNION | DATASEC | ENUM64 => self.members * 12,
            ENUM | FUNC_PROTO => self.members * 8,
            // Pointers, forward declarations, other names, functions, floats.
            2 | 7..=12 | 16 | TYPE_TAG => 0,
            unknown => return Err(BtfError::Kind(unknown)),
        };
        Ok(self.at + 12 + more)
    }
}
