//! Masking: what is masked, that cuts do not matter, that lengths stay.

use alloc::string::String;

use proptest::prelude::*;

use super::*;

const KEY: u128 = 0x0123_4567_89ab_cdef;
const CONN: ConnId = ConnId { slot: 3, generation: 0 };

fn array(line: &str) -> Vec<u8> {
    let words: Vec<&str> = line.split(' ').collect();
    let mut out = alloc::format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        out.extend(alloc::format!("${}\r\n{word}\r\n", word.len()).bytes());
    }
    out
}

fn masked(bytes: &[u8], masks_values: bool) -> String {
    let mut bytes = bytes.to_vec();
    Masker::new(KEY, masks_values).received(CONN, &mut bytes);
    String::from_utf8(bytes).unwrap()
}

/// The mask of a password.
fn mask(secret: &str) -> String {
    let mut bytes = secret.as_bytes().to_vec();
    Masker::new(KEY, false).secret(&mut bytes);
    String::from_utf8(bytes).unwrap()
}

#[test]
fn passwords_get_the_same_mask_everywhere() {
    let x = &mask("hunter2");
    assert!(x.len() == 7 && x != "hunter2" && mask("hunter3")[..6] == x[..6]);
    for (line, expected) in [
        ("AUTH hunter2", "AUTH @"),
        ("auth default hunter2", "auth default @"),
        ("HELLO 3 AUTH default hunter2 SETNAME auth", "HELLO 3 AUTH default @ SETNAME auth"),
        ("HELLO 3 SETNAME auth AUTH a hunter2", "HELLO 3 SETNAME auth AUTH a @"),
        ("CONFIG SET maxclients 5 RequirePass hunter2", "CONFIG SET maxclients 5 RequirePass @"),
        ("CONFIG SET masterauth hunter2 hz 10", "CONFIG SET masterauth @ hz 10"),
        ("CONFIG GET requirepass", "CONFIG GET requirepass"),
        ("SET AUTH hunter2", "SET AUTH hunter2"),
    ] {
        let expected = expected.replace('@', x);
        assert_eq!(masked(&array(line), false), String::from_utf8(array(&expected)).unwrap());
        if line.starts_with("HELLO") || line.starts_with("CONFIG") {
            let line = alloc::format!("{line}\r\nPING\r\n");
            assert_eq!(masked(line.as_bytes(), false), alloc::format!("{expected}\r\nPING\r\n"));
        }
    }
    assert_eq!(masked(b"auth 'hunter2'\nping\n", false), alloc::format!("auth '{x}'\nping\n"));
}

#[test]
fn values_keep_their_form() {
    for (line, expected) in [
        ("SET key Alice", "SET key xxxxx"),
        ("set key -30.5 EX 100 GET", "set key -11.1 EX 100 GET"),
        ("SET key new IFEQ old1", "SET key xxx IFEQ xxx1"),
        ("XADD key * field value", "XADD key * xxxxx xxxxx"),
        (
            "XADD key NOMKSTREAM maxlen ~ 10 LIMIT 5 7-1 f v",
            "XADD key NOMKSTREAM maxlen ~ 10 LIMIT 5 7-1 x x",
        ),
        ("XADD key MINID 10 7-1 f v", "XADD key MINID 10 7-1 x x"),
        ("MSET a 1x b 2", "MSET a 1x b 1"),
        ("SETEX key 10 v", "SETEX key 10 x"),
        ("PUBLISH channel hello", "PUBLISH channel xxxxx"),
        (
            "BITFIELD k GET u8 0 SET u8 0 255 INCRBY u4 1 7",
            "BITFIELD k GET u8 0 SET u8 0 111 INCRBY u4 1 1",
        ),
        ("HEXPIRE key 10 NX FIELDS 2 a2 b", "HEXPIRE key 10 NX FIELDS 2 x1 x"),
        ("hsetex key px 100 fields 1 f v", "hsetex key px 100 fields 1 x x"),
        ("NOSUCH key v", "NOSUCH xxx x"),
        ("DEL k1 k2", "DEL k1 k2"),
        ("EXPIRE k 100", "EXPIRE k 100"),
    ] {
        assert_eq!(masked(&array(line), true), String::from_utf8(array(expected)).unwrap());
        assert_eq!(masked(&array(line), false), String::from_utf8(array(line)).unwrap());
    }
}

#[test]
fn a_configuration_has_no_secrets_any_more() {
    let masker = Masker::new(KEY, false);
    let config = Config { requirepass: Some(b"hunter2".to_vec()), ..Config::default() };
    let (config, has_secrets) = masker.config(&config);
    assert_eq!(config.requirepass.as_deref(), Some(mask("hunter2").as_bytes()));
    assert!(has_secrets && !masker.config(&Config::default()).1);
    let text = b"# requirepass\nport 1\nrequirepass \"hunter2\"\nuser a on >pw\nrequirepass 'x\n";
    let masked = String::from_utf8(masker.config_text(text)).unwrap();
    assert!(masked.starts_with("# requirepass\nport 1\n\"requirepass\" \""), "{masked}");
    assert!(masked.contains(&mask("hunter2")) && masked.ends_with("# masked\n"), "{masked}");
    assert!(!masked.contains("hunter2") && !masked.contains("pw"), "{masked}");
}

#[test]
fn what_is_no_request_loses_its_words_when_values_are_masked() {
    assert_eq!(masked(b"*1\r\n!4\r\nname 12\r\n", true), "*1\r\n!1xxxxxxx11xx");
    assert_eq!(masked(b"*1\r\n!4\r\nname\r\n", false), "*1\r\n!4\r\nname\r\n");
    assert_eq!(masked(b"*-1\r\n*0\r\nAUTH \n", false), "*-1\r\n*0\r\nAUTH \n");
}

proptest! {
    #[test]
    fn cuts_do_not_matter(
        lines in prop::collection::vec(prop::sample::select(&[
            "AUTH hunter2", "PING", "HELLO 3 AUTH default hunter2", "SET k v1 EX 5",
            "CONFIG SET requirepass hunter2", "MSET a hunter2 b 2", "GET k",
        ][..]), 1..6),
        inline in any::<bool>(),
        cuts in prop::collection::vec(1..9_usize, 0..60),
        masks_values in any::<bool>(),
    ) {
        let line = |line: &&str| if inline { (*line).as_bytes().to_vec() } else { array(line) };
        let bytes: Vec<u8> = lines.iter().map(line).collect::<Vec<_>>().join(&b"\r\n"[..]);
        let whole = masked(&bytes, masks_values);
        prop_assert_eq!(whole.len(), bytes.len());
        let mut masker = Masker::new(KEY, masks_values);
        let (mut pieces, mut rest) = (Vec::new(), &bytes[..]);
        for cut in cuts {
            let (piece, left) = rest.split_at(cut.min(rest.len()));
            let mut piece = piece.to_vec();
            masker.received(CONN, &mut piece);
            pieces.extend(piece);
            rest = left;
        }
        let mut rest = rest.to_vec();
        masker.received(CONN, &mut rest);
        pieces.extend(rest);
        prop_assert_eq!(String::from_utf8(pieces).unwrap(), whole);
    }

    #[test]
    fn any_bytes_keep_their_length(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut same = bytes.clone();
        Masker::new(KEY, true).received(CONN, &mut same);
        prop_assert_eq!(same.len(), bytes.len());
    }
}
