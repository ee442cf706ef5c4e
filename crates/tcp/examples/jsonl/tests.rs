use serde_json::Map;

use super::*;

/// What is asked, and what is answered: those fields that are written here.
const CONVERSATION: [(&str, &str); 19] = [
    (r#"{"do":"set","msl":1000,"delayed_ack":null,"timestamps":false}"#, r#"{"send":[]}"#),
    (r#"{"do":"isn","seq":4294967295}"#, r#"{"next_timer":null}"#),
    (r#"{"do":"listen","local":"10.0.0.1:80","backlog":1}"#, r#"{"handle":1}"#),
    (
        r#"{"now":10,"do":"segment","from":"10.0.0.2:9","to":"10.0.0.1:80","segment":{"seq":7,"flags":["SYN"],"mss":900}}"#,
        r#"{"next_timer":1010,"send":[{"from":"10.0.0.1:80","to":"10.0.0.2:9","segment":{"seq":4294967295,"ack":8,"flags":["SYN"],"window":65535,"mss":1460}}]}"#,
    ),
    (r#"{"do":"accept","handle":1}"#, r#"{"handle":null}"#),
    (
        r#"{"do":"segment","from":"10.0.0.2:9","to":"10.0.0.1:80","segment":{"seq":8,"ack":0,"text":"h\u00e9"}}"#,
        r#"{"send":[{"from":"10.0.0.1:80","to":"10.0.0.2:9","segment":{"seq":0,"ack":10,"flags":[],"window":65533}}]}"#,
    ),
    (r#"{"do":"accept","handle":1}"#, r#"{"handle":2,"local":"10.0.0.1:80","remote":"10.0.0.2:9"}"#),
    (r#"{"do":"read","handle":2,"max":9}"#, r#"{"text":"hé"}"#),
    (
        r#"{"do":"write","handle":2,"text":"ok"}"#,
        r#"{"written":2,"send":[{"from":"10.0.0.1:80","to":"10.0.0.2:9","segment":{"seq":0,"ack":10,"flags":["PSH"],"window":65533,"text":"ok"}}]}"#,
    ),
    (r#"{"do":"close","handle":2}"#, r#"{"next_timer":210}"#),
    (
        r#"{"do":"segment","from":"10.0.0.2:9","to":"10.0.0.1:80","segment":{"seq":10,"ack":3,"flags":["FIN"]}}"#,
        r#"{"next_timer":2010}"#,
    ),
    (
        r#"{"do":"blocks"}"#,
        r#"{"blocks":[{"local":"10.0.0.1:80","remote":null,"state":"listen","handle":1},{"local":"10.0.0.1:80","remote":"10.0.0.2:9","state":"time-wait","handle":null}]}"#,
    ),
    (r#"{"now":2010,"do":"timer"}"#, r#"{"next_timer":null}"#),
    (r#"{"do":"state","handle":2}"#, r#"{"state":null}"#),
    (r#"{"do":"set","handle":1,"in_window_rst":"resets"}"#, r#"{"send":[]}"#),
    (r#"{"do":"delete","local":"10.0.0.1:80","remote":null}"#, r#"{"deleted":true}"#),
    (r#"{"do":"blocks"}"#, r#"{"blocks":[]}"#),
    (
        r#"{"do":"segment","from":"10.0.0.2:9","to":"10.0.0.1:80","segment":{"seq":7,"ack":null,"flags":["FIN"]}}"#,
        r#"{"send":[{"from":"10.0.0.1:80","to":"10.0.0.2:9","segment":{"seq":0,"ack":8,"flags":["RST"],"window":0}}]}"#,
    ),
    (r#"{"do":"dance"}"#, r#"{"error":"nothing is called \"dance\""}"#),
];

#[test]
fn a_conversation_goes_through_it_line_by_line() {
    let asked = CONVERSATION.map(|(asked, _)| asked).join("\n");
    let mut answers = Vec::new();
    talk(asked.as_bytes(), &mut answers).unwrap();
    let answers = String::from_utf8(answers).unwrap();
    assert_eq!(answers.lines().count(), CONVERSATION.len());
    for (answer, (asked, expected)) in answers.lines().zip(CONVERSATION) {
        let answer: Value = serde_json::from_str(answer).unwrap();
        let expected: Map<String, Value> = serde_json::from_str(expected).unwrap();
        for (name, value) in expected {
            assert_eq!(answer[&name], value, "{asked}: {name}");
        }
    }
}

/// A line that says nothing that could be done, and what is complained about.
const COMPLAINTS: [(&str, &str); 27] = [
    ("", "EOF while parsing a value at line 1 column 0"),
    ("{", "EOF while parsing an object at line 1 column 1"),
    ("[]", "a line is to be an object"),
    ("7", "a line is to be an object"),
    ("{}", "do is to be the name of a call"),
    (r#"{"do":1}"#, "do is to be the name of a call"),
    (r#"{"do":"open"}"#, "local is to be an address and a port, as in 10.0.0.1:80 or [::1]:80"),
    (
        r#"{"do":"segment","from":"1.2.3.4:5","to":"x"}"#,
        "to is to be an address and a port, as in 10.0.0.1:80 or [::1]:80",
    ),
    (r#"{"do":"open","local":"1.2.3.4:5","remote":"224.0.0.1:80"}"#, "remote socket unspecified"),
    (r#"{"do":"open","local":"1.2.3.4:5","remote":"1.2.3.4:0"}"#, "remote socket unspecified"),
    (r#"{"do":"timer","now":-1}"#, "now is to be a number of milliseconds"),
    (r#"{"do":"timer","now":3}"#, "now is earlier than it was, and time does not go back"),
    (r#"{"do":"timer","when":3}"#, r#""when" means nothing here: there are do, now"#),
    (r#"{"do":"isn","seq":4294967296}"#, "seq is to be a number below 2^32"),
    (r#"{"do":"read","handle":1,"max":"all"}"#, "max is to be a number below 2^32"),
    (r#"{"do":"read","handle":1,"max":1}"#, "connection does not exist"),
    (r#"{"do":"write","handle":1}"#, "text is to be text of characters up to U+00FF, each an octet"),
    (
        r#"{"do":"write","handle":1,"text":"\u0100"}"#,
        "text is to be text of characters up to U+00FF, each an octet",
    ),
    (r#"{"do":"close","handle":"1"}"#, "handle is to be a handle's number"),
    (r#"{"do":"close","handle":18446744073709551615}"#, "connection does not exist"),
    (r#"{"do":"set","profile":7}"#, "no profile is called 7: linux and rfc-9293 are"),
    (r#"{"do":"set","handle":1,"mss":500}"#, "connection does not exist"),
    (
        r#"{"do":"segment","from":"1.2.3.4:5","to":"1.2.3.4:6","segment":{"seq":1,"flags":["ACK"]}}"#,
        "flags is to be a list of SYN, FIN, RST, PSH, URG, ECE, CWR; ACK is the field ack",
    ),
    (
        r#"{"do":"segment","from":"1.2.3.4:5","to":"1.2.3.4:6","segment":{"seq":1,"flags":"SYN"}}"#,
        "flags is to be a list of SYN, FIN, RST, PSH, URG, ECE, CWR; ACK is the field ack",
    ),
    (
        r#"{"do":"segment","from":"1.2.3.4:5","to":"1.2.3.4:6","segment":{"seq":1,"timestamps":[1]}}"#,
        "timestamps is to be two numbers below 2^32, value and echo",
    ),
    (
        r#"{"do":"segment","from":"1.2.3.4:5","to":"1.2.3.4:6","segment":{"seq":1,"window":65536}}"#,
        "window is to be a number below 2^16",
    ),
    (r#"{"do":"segment","from":"1.2.3.4:5","to":"1.2.3.4:6"}"#, "segment is to be an object"),
];

#[test]
fn what_cannot_be_understood_is_named_nothing_comes_of_it_and_the_next_line_is_served() {
    let mut driver = Driver::new();
    driver.answer(br#"{"do":"timer","now":5}"#);
    for (line, complaint) in COMPLAINTS {
        let answer = driver.answer(line.as_bytes());
        assert_eq!(answer["error"], complaint, "{line}");
        assert_eq!((&answer["send"], &answer["next_timer"]), (&json!([]), &json!(null)), "{line}");
    }
    assert!(driver.answer(b"{\"do\":\"\xff\"}")["error"].is_string(), "no UTF-8");
    assert_eq!(driver.answer(br#"{"do":"blocks"}"#)["blocks"], json!([]));
}
