use super::*;
use timewait_facts::{Cookie, State, Timer, TimerKind, Untrusted};

fn waiting(local: &str, peer: &str, expires_ms: u32) -> Socket {
    Socket {
        timer: Timer { kind: TimerKind::TimeWait, expires_ms, retries: 0 },
        cookie: Cookie(0x2a),
        ..Socket::bare(State::TimeWait, local.parse().unwrap(), peer.parse().unwrap())
    }
}

fn table(columns: Columns, sockets: &[(Socket, Option<Owner>)]) -> String {
    let mut out = Vec::new();
    let mut table = Table::new(&mut out, Paint::OFF, columns, "");
    for (socket, owner) in sockets {
        table.row(socket, owner.as_ref()).unwrap();
    }
    table.end().unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn columns_are_as_wide_as_their_widest_cell() {
    let rows = [
        (waiting("127.0.0.1:9000", "127.0.0.1:47312", 59_800), None),
        (waiting("[::1]:9000", "[::1]:47318", 400), None),
    ];
    insta::assert_snapshot!(table(Columns::default(), &rows), @"
    local           peer               left
    127.0.0.1:9000  127.0.0.1:47312  59.8 s
    [::1]:9000      [::1]:47318       0.4 s
    ");
}

#[test]
fn a_listener_has_its_owner_and_no_seconds() {
    let listener = Socket {
        state: State::Listen,
        timer: Timer::OFF,
        uid: Some(33),
        ..waiting("0.0.0.0:9000", "0.0.0.0:0", 0)
    };
    let command = Untrusted::from(&b"\x1b[2Jevil"[..]);
    let owner = Owner { pid: 7, command, cgroup: None, processes: 4 };
    let rows = [(listener, Some(owner)), (waiting("127.0.0.1:9000", "127.0.0.1:47312", 59_800), None)];
    let columns = Columns { state: true, owner: true, details: true };
    insta::assert_snapshot!(table(columns, &rows), @r"
    state      local           peer               left  timer                recv/send-q  uid  inode  cookie  owner
    listen     0.0.0.0:9000    *                     -  -                    0/0           33      -  2a      \e[2Jevil (7) +3
    time-wait  127.0.0.1:9000  127.0.0.1:47312  59.8 s  time-wait 59.8 s x0  0/0            -      -  2a      -
    ");
}

#[test]
fn a_wider_row_beyond_the_look_ahead_widens_its_column_from_there_on() {
    let narrow = waiting("10.0.0.1:9", "10.0.0.2:9", 1_000);
    let wide = waiting("[2001:db8::1]:9000", "10.0.0.2:9", 1_000);
    let mut rows = vec![(narrow, None); LOOK_AHEAD];
    rows.extend([(wide, None), (narrow, None)]);
    let text = table(Columns::default(), &rows);
    let lines: Vec<&str> = text.lines().rev().take(3).collect();
    assert_eq!(
        lines,
        [
            "10.0.0.1:9          10.0.0.2:9  1.0 s",
            "[2001:db8::1]:9000  10.0.0.2:9  1.0 s",
            "10.0.0.1:9  10.0.0.2:9  1.0 s"
        ]
    );
}

#[test]
fn a_minisocket_s_row_is_the_same_whichever_way_it_is_written() {
    let columns = [(false, false), (false, true), (true, false), (true, true)];
    for (state, owner) in columns {
        let columns = Columns { state, owner, details: false };
        let (mut as_rows, mut as_minisockets) = (Vec::new(), Vec::new());
        let mut rows = Table::new(&mut as_rows, Paint::OFF, columns, "");
        let mut minisockets = Table::new(&mut as_minisockets, Paint::OFF, columns, "");
        for number in 0..4 * LOOK_AHEAD {
            let peer =
                ["10.0.0.2:9", "192.168.100.200:65535", "[2001:db8::1]:443", "[2001:db8:1:2:3:4:5:6]:44344"];
            let left = [0, 49, 59_950, 999_949, 4_000_000];
            let row = waiting("127.0.0.1:9000", peer[number * number % 11 % 4], left[number % 5]);
            rows.row(&row, None).unwrap();
            match row.minisocket().filter(|_| minisockets.takes_minisockets()) {
                Some(mini) => minisockets.minisocket(mini),
                None => minisockets.row(&row, None),
            }
            .unwrap();
        }
        assert!(minisockets.takes_minisockets());
        rows.end().unwrap();
        minisockets.end().unwrap();
        let [as_rows, as_minisockets] =
            [as_rows, as_minisockets].map(|text| String::from_utf8(text).unwrap());
        assert_eq!(as_rows, as_minisockets, "{columns:?}");
    }
}

#[test]
fn where_rows_are_coloured_or_detailed_minisockets_are_not_taken() {
    let row = waiting("127.0.0.1:9000", "10.0.0.2:9", 1_000);
    let details = Columns { details: true, ..Columns::default() };
    for (paint, columns, indent) in [
        (Paint::ON, Columns::default(), ""),
        (Paint::OFF, details, ""),
        (Paint::OFF, Columns::default(), "  "),
    ] {
        let mut out = Vec::new();
        let mut table = Table::new(&mut out, paint, columns, indent);
        (0..=LOOK_AHEAD).for_each(|_| table.row(&row, None).unwrap());
        assert!(!table.takes_minisockets());
    }
}

#[test]
fn without_rows_there_is_no_heading() {
    assert_eq!(table(Columns::default(), &[]), "");
}

#[test]
fn once_the_table_flows_rows_cost_no_allocation_whatever_their_columns() {
    let mut rows = Vec::new();
    for number in 0..1_000_u32 {
        let peer = format!(
            "10.{}.{}.{}:{}",
            number % 256,
            number / 7 % 256,
            number % 9,
            1_024 + 61 * number % 60_000
        );
        rows.push(waiting("127.0.0.1:9000", &peer, 59 * number));
        rows.push(waiting("[2001:db8::1]:443", &format!("[2001:db8::{number:x}]:{}", 1 + number), number));
    }
    let mut out = io::sink();
    for columns in [Columns::default(), Columns { state: true, owner: true, details: true }] {
        let mut table = Table::new(&mut out, Paint::OFF, columns, "");
        let (first, then) = rows.split_at(2 * LOOK_AHEAD);
        for row in first {
            table.row(row, None).unwrap();
        }
        let made = allocation_counter::measure(|| {
            for row in then {
                table.row(row, None).unwrap();
                if let Some(mini) = row.minisocket().filter(|_| table.takes_minisockets()) {
                    table.minisocket(mini).unwrap();
                }
            }
        });
        assert_eq!(made.count_total, 0, "{columns:?}");
    }
}
