//! Captures, as others read them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "failing is what tests do"
)]

use std::{fs, net::SocketAddr, os::unix::fs::PermissionsExt as _, process::Command, time::Duration};

use pcap_parser::{Block, traits::PcapNGPacketBlock as _};
use timewait_lab::{
    capture::{Capture, CaptureError, Captured},
    wire::{build, parse},
};
use timewait_tcp::{Flags, Segment, Seq};
use timewait_trial::have_tool;

const BEGAN: Duration = Duration::new(1_789_000_000, 123_456_789);

fn ends() -> (SocketAddr, SocketAddr) {
    ("10.9.0.1:40000".parse().unwrap(), "10.9.0.2:9000".parse().unwrap())
}

/// A SYN that is on its way, and a FIN that is dropped and ends in an odd number of bytes.
fn capture() -> Capture {
    let (client, server) = ends();
    let syn = build(client, server, &Segment::syn(Seq::new(7))).unwrap();
    let fin =
        Segment { flags: Flags::FIN, text: b"hello".to_vec(), ..Segment::ack(Seq::new(1), Seq::new(8)) };
    let fin = build(server, client, &fin).unwrap();
    let packet = |at, interface, bytes, comment: &str| Captured {
        at: Duration::from_nanos(at),
        interface,
        bytes,
        comment: comment.to_owned(),
    };
    Capture {
        began: BEGAN,
        interfaces: vec!["client".into(), "server".into()],
        packets: vec![
            packet(1, 0, syn, ""),
            packet(1_000_000_001, 1, fin, "dropped by the wire: the last FIN"),
        ],
        left_out: 0,
        ..Capture::default()
    }
    .about("lost-last-ack, on Linux 6.18")
}

#[test]
fn what_is_written_is_read_back_by_another_parser() {
    let bytes = capture().pcapng().unwrap();
    let (_, file) = pcap_parser::parse_pcapng(&bytes).unwrap();
    let section = &file.sections[0];
    let mut names = Vec::new();
    let mut packets = Vec::new();
    for block in &section.blocks {
        match block {
            Block::SectionHeader(header) => {
                assert!(
                    header.options.iter().any(|it| it.as_bytes().unwrap().ends_with(b"on Linux 6.18")),
                    "{header:?}"
                );
            }
            Block::InterfaceDescription(interface) => {
                assert_eq!((interface.linktype.0, interface.if_tsresol), (101, 9));
                names.push(interface.options[0].as_bytes().unwrap().to_vec());
            }
            Block::EnhancedPacket(packet) => packets.push(packet),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(names, [b"client".to_vec(), b"server".to_vec()]);
    assert_eq!(packets.len(), 2);
    for (read, written) in packets.iter().zip(&capture().packets) {
        let nanoseconds = u128::from(read.ts_high) << 32 | u128::from(read.ts_low);
        assert_eq!(nanoseconds, (BEGAN + written.at).as_nanos());
        assert_eq!(read.if_id, written.interface);
        assert_eq!(read.packet_data(), written.bytes);
        let comment = read.options.first().map_or(&b""[..], |it| it.as_bytes().unwrap());
        assert_eq!(comment, written.comment.as_bytes());
    }
}

#[test]
fn tshark_reads_it_without_a_word_and_shows_the_names_the_times_and_the_notes() {
    if !have_tool("tshark") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("capture.pcapng");
    capture().save(&file).unwrap();
    let mut tshark = Command::new("tshark");
    tshark.args(["-n", "-T", "fields", "-E", "separator=|", "-o", "tcp.check_checksum:TRUE"]);
    for field in
        ["frame.interface_name", "frame.time_epoch", "frame.comment", "tcp.checksum.status", "tcp.len"]
    {
        tshark.args(["-e", field]);
    }
    let read = tshark.arg("-r").arg(&file).env("HOME", folder.path()).output().unwrap();
    let complaints = String::from_utf8_lossy(&read.stderr).into_owned();
    let complaints: Vec<_> = complaints.lines().filter(|line| !line.starts_with("Running as user")).collect();
    assert_eq!((read.status.code(), complaints), (Some(0), vec![]));
    let rows = String::from_utf8(read.stdout).unwrap();
    assert_eq!(
        rows.lines().collect::<Vec<_>>(),
        [
            "client|1789000000.123456790||1|0",
            "server|1789000001.123456790|dropped by the wire: the last FIN|1|5",
        ]
    );
}

#[test]
fn it_crosses_a_pipe_as_text() {
    let text = serde_json::to_string(&capture()).unwrap();
    assert_eq!(serde_json::from_str::<Capture>(&text).unwrap(), capture());
    let spoiled = text.replace("\"bytes\":\"", "\"bytes\":\"?");
    assert!(serde_json::from_str::<Capture>(&spoiled).is_err());
}

#[test]
fn a_file_is_replaced_whole_and_readable_or_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("capture.pcapng");
    fs::write(&file, "before").unwrap();
    let broken = Capture { interfaces: Vec::new(), ..capture() };
    assert!(matches!(broken.save(&file), Err(CaptureError::Interface(0))));
    assert_eq!(fs::read(&file).unwrap(), b"before");

    capture().save(&file).unwrap();
    assert_eq!(fs::read(&file).unwrap(), capture().pcapng().unwrap());
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o400, 0o400, "{mode:o}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");

    let nowhere = folder.path().join("no/such/capture.pcapng");
    let error = capture().save(&nowhere).unwrap_err().to_string();
    assert!(error.starts_with("cannot write ") && error.ends_with("no/such/capture.pcapng"), "{error}");
}

#[test]
fn a_comment_of_any_length_fits() {
    let mut long = capture();
    long.packets[0].comment = "ü".repeat(70_000);
    let bytes = long.pcapng().unwrap();
    let (_, file) = pcap_parser::parse_pcapng(&bytes).unwrap();
    assert_eq!(file.sections[0].blocks.len(), 5);
}

#[test]
fn what_has_no_room_is_counted_in_the_section_s_comment() {
    let bytes = Capture { left_out: 3, ..capture() }.pcapng().unwrap();
    let comment = b"on Linux 6.18; 3 more packets are left out for want of room";
    assert!(bytes.windows(comment.len()).any(|window| window == comment));
}

#[test]
fn a_packet_of_ours_is_read_as_it_was_built() {
    let (client, server) = ends();
    let (from, to, segment) = parse(&capture().packets[1].bytes).unwrap();
    assert_eq!((from, to, &segment.text[..]), (server, client, &b"hello"[..]));
}
