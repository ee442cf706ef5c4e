//! Network namespaces that are mounted somewhere (proc_pid_mountinfo(5)).

/// A network namespace's inode, and the path where it is mounted.
pub(super) fn of_networks(mountinfo: &[u8]) -> Vec<(u64, Vec<u8>)> {
    mountinfo.split(|&byte| byte == b'\n').filter_map(of_network).collect()
}

/// `30 25 0:4 net:[4026532310] /run/netns/web rw shared:9 - nsfs nsfs rw`; the number of fields before the dash varies.
fn of_network(line: &[u8]) -> Option<(u64, Vec<u8>)> {
    let mut words = line.split(|&byte| byte == b' ');
    let (root, place) = (words.nth(3)?, words.next()?);
    let mut rest = words.skip_while(|word| *word != b"-");
    if rest.nth(1)? != b"nsfs" {
        return None;
    }
    let number = root.strip_prefix(b"net:[")?.strip_suffix(b"]")?;
    Some((std::str::from_utf8(number).ok()?.parse().ok()?, plain(place)))
}

/// Blanks, tabs, line ends and backslashes are written as three octal digits.
fn plain(escaped: &[u8]) -> Vec<u8> {
    let (mut text, mut rest) = (Vec::new(), escaped);
    while let Some((&byte, after)) = rest.split_first() {
        let octal = after
            .get(..3)
            .filter(|digits| byte == b'\\' && digits.iter().all(|it| (b'0'..b'8').contains(it)));
        let value = octal.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        text.push(value.unwrap_or(byte));
        rest = if value.is_some() { after.get(3..).unwrap_or_default() } else { after };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_mounted_network_namespaces_are_listed() {
        let text = b"22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n\
            30 25 0:4 net:[4026532310] /run/netns/web rw shared:9 master:1 - nsfs nsfs rw\n\
            31 25 0:4 mnt:[4026532311] /run/x rw - nsfs nsfs rw\n\
            32 25 0:4 net:[4026532312] /run/netns/two\\040words rw - nsfs nsfs rw\n\
            33 25 0:4 net:[x] /run/netns/bad rw - nsfs nsfs rw\ngarbage\n";
        assert_eq!(
            of_networks(text),
            [(4_026_532_310, b"/run/netns/web".to_vec()), (4_026_532_312, b"/run/netns/two words".to_vec())]
        );
    }

    #[test]
    fn what_looks_like_an_escape_and_is_none_stays() {
        assert_eq!(plain(br"a\040b\999\12"), br"a b\999\12");
        assert_eq!(plain(br"\777"), br"\777", "no byte is as large");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes: Vec<u8>) {
            let _mounts = of_networks(&bytes);
        }
    }
}
