use timewait_model::*;
fn main() {
    let a: Vec<u8> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    let f: Vec<String> = std::env::args().skip(1).filter(|a| a.parse::<u8>().is_err()).collect();
    let has = |n: &str| f.iter().any(|x| x == n);
    let bounds = Bounds { msl: a[0], losses: a[1], every: a[2], retransmissions: a[3], repeats: a[4],
      both_close: has("both"), rst_kills_time_wait: has("rst"), reopen_on_newer_syn: has("reopen"), timestamps: has("ts") };
    for wait in a[5]..=a[6] {
        let t = std::time::Instant::now();
        let e = explore(&Rules::new(bounds, wait));
        if has("show") { if let Some(p) = &e.accepted { show(&Rules::new(bounds, wait), p); } if let Some(p) = &e.stuck { println!("STUCK"); show(&Rules::new(bounds, wait), p); } }
        println!("wait {wait} states {} trans {} MB {} hosts {} packets {} reset {:?} old {:?} oldnorst {:?} garbled {:?} stuck {:?} {:?}", e.states, e.transitions, e.bytes >> 20, e.hosts, e.packets,
          e.reset.as_ref().map(|p| p.len()), e.accepted.as_ref().map(|p| p.len()), e.accepted_text.as_ref().map(|p| p.len()), e.garbled.as_ref().map(|p| p.len()), e.stuck.as_ref().map(|p| p.len()), t.elapsed());
    }
}
#[allow(dead_code)]
pub fn show(rules: &Rules, path: &[Action]) {
    let mut w = World::start(rules);
    for a in path {
        println!("{a:?}  L {}#{} R {}#{}", w.left.state.name(), w.left.connection, w.right.state.name(), w.right.connection);
        for f in &w.flight { let s=&f.packet.segment; println!("      {:?} c{} age {} seq {} ack {:?} {:?} {:?}{}", f.packet.from, f.packet.connection, f.age, s.seq, s.ack.map(|a| a.get()), s.flags, String::from_utf8_lossy(&s.text), if f.copy {" copy"} else {""}); }
        let after = w.after(*a, rules); if after.wrong.accepted.is_some() { println!("{:?}", after.wrong); }
        w = after.world;
    }
}
