//! What passed, byte for byte, and as a pcapng file.

use std::{
    borrow::Cow,
    fs::Permissions,
    io::{self, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use pcap_file::{
    DataLink, PcapError,
    pcapng::{
        PcapNgWriter,
        blocks::{
            enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption},
            interface_description::{InterfaceDescriptionBlock, InterfaceDescriptionOption},
            section_header::{SectionHeaderBlock, SectionHeaderOption},
        },
    },
};
use serde::{Deserialize, Serialize};

/// Times are in units of 10^-9 s (`if_tsresol`), the only ones that the encoder knows.
const NANOSECONDS: u8 = 9;
/// A longer comment is cut here, in characters; an option of a pcapng block takes 65,535 bytes.
const LONGEST_COMMENT: usize = 4_000;

/// Packets as they were seen, in order, each with what was done to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capture {
    /// What the whole is: the claim's name and the kernel's. Empty until somebody says it.
    pub comment: String,
    /// When it began, by the wall clock, since 1970.
    pub began: Duration,
    /// The interfaces' names: `client`, `server`.
    pub interfaces: Vec<String>,
    /// In order of time.
    pub packets: Vec<Captured>,
    /// How many more there were, for which there was no room.
    pub left_out: u64,
}

/// One packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Captured {
    /// When, from the beginning of the capture.
    pub at: Duration,
    /// Where: the place of an interface among the capture's.
    pub interface: u32,
    /// The IP packet.
    #[serde(with = "in_base64")]
    pub bytes: Vec<u8>,
    /// What was done to it, and why; empty where it went its way.
    pub comment: String,
}

/// Why a capture did not become a file.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// It cannot be written there.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// A packet names an interface that the capture has not.
    #[error("a packet is on interface {0}, which the capture does not have")]
    Interface(u32),
}

impl Capture {
    /// Says what it is.
    #[must_use]
    pub fn about(self, comment: impl Into<String>) -> Self {
        Self { comment: comment.into(), ..self }
    }

    /// Writes it as a pcapng file: whole under this name, or not at all. A file that was there is replaced.
    ///
    /// # Errors
    /// The folder or the file cannot be written, or the capture contradicts itself.
    pub fn save(&self, path: &Path) -> Result<(), CaptureError> {
        let bytes = self.pcapng()?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // As open(2) would make it, but for what the user's umask takes away.
        let readable = Permissions::from_mode(0o666);
        let write = || {
            let mut file = tempfile::Builder::new().permissions(readable).tempfile_in(folder)?;
            file.write_all(&bytes)?;
            file.persist(path).map_err(|error| error.error)
        };
        write().map(drop).map_err(|source| CaptureError::Write { path: path.to_owned(), source })
    }

    /// The bytes of a pcapng file.
    ///
    /// # Errors
    /// A packet names an interface that the capture has not.
    pub fn pcapng(&self) -> Result<Vec<u8>, CaptureError> {
        let beyond = |packet: &&Captured| {
            usize::try_from(packet.interface).is_ok_and(|it| it >= self.interfaces.len())
        };
        if let Some(packet) = self.packets.iter().find(beyond) {
            return Err(CaptureError::Interface(packet.interface));
        }
        self.encode().map_err(|error| {
            // Nothing else can fail: it is written to memory.
            CaptureError::Write { path: PathBuf::new(), source: io::Error::other(error) }
        })
    }

    fn encode(&self) -> Result<Vec<u8>, PcapError> {
        let mut writer = PcapNgWriter::with_section_header(Vec::new(), self.section())?;
        for name in &self.interfaces {
            let mut interface = InterfaceDescriptionBlock::new(DataLink::RAW, 0);
            interface.options = vec![
                InterfaceDescriptionOption::IfName(Cow::Owned(name.clone())),
                InterfaceDescriptionOption::IfTsResol(NANOSECONDS),
            ];
            writer.write_pcapng_block(interface)?;
        }
        for packet in &self.packets {
            writer.write_pcapng_block(self.block(packet))?;
        }
        Ok(writer.into_inner())
    }

    fn section(&self) -> SectionHeaderBlock<'static> {
        let application = concat!("timewait ", env!("CARGO_PKG_VERSION"));
        let mut options = vec![SectionHeaderOption::UserApplication(Cow::Borrowed(application))];
        let mut comment = self.comment.clone();
        if self.left_out > 0 {
            let separator = if comment.is_empty() { "" } else { "; " };
            comment =
                format!("{comment}{separator}{} more packets are left out for want of room", self.left_out);
        }
        if !comment.is_empty() {
            options.push(SectionHeaderOption::Comment(Cow::Owned(cut(&comment).to_owned())));
        }
        SectionHeaderBlock { options, ..SectionHeaderBlock::default() }
    }

    fn block<'a>(&self, packet: &'a Captured) -> EnhancedPacketBlock<'a> {
        let comment = cut(&packet.comment);
        let comment = (!comment.is_empty()).then_some(EnhancedPacketOption::Comment(Cow::Borrowed(comment)));
        EnhancedPacketBlock {
            interface_id: packet.interface,
            timestamp: self.began.saturating_add(packet.at),
            original_len: u32::try_from(packet.bytes.len()).unwrap_or(u32::MAX),
            data: Cow::Borrowed(&packet.bytes),
            options: comment.into_iter().collect(),
        }
    }
}

fn cut(comment: &str) -> &str {
    let end = comment.char_indices().nth(LONGEST_COMMENT).map_or(comment.len(), |(place, _)| place);
    comment.get(..end).unwrap_or(comment)
}

/// Bytes as text, a third longer than they are.
mod in_base64 {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(from)?).map_err(D::Error::custom)
    }
}
