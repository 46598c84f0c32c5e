//! Random bytes as files and as values: nothing panics, nothing is half done, nothing is lost.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::arguments::from_arguments;
use super::super::rewrite::rewrite;
use super::super::{Config, Directive, Origin};
use super::{parse, parse_including};

fn directive() -> impl Strategy<Value = &'static Directive> {
    let all: Vec<&'static Directive> = Directive::all().collect();
    proptest::sample::select(all)
}

/// Values that are mostly near something that one of the codecs takes.
fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..20),
        any::<i64>().prop_map(|number| format!("{number}").into_bytes()),
        (0u32..100, "(|k|kb|%|GB| )").prop_map(|(n, unit)| format!("{n}{unit}").into_bytes()),
        "(yes|no|save|now|normal|[AKEgx]{0,4}|[0-9]{1,5}|\\{port\\}|one)( [0-9a-z]{1,4}){0,4}"
            .prop_map(String::into_bytes),
    ]
}

/// Lines that are mostly almost right.
fn file() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        vec(any::<u8>(), 0..30),
        (directive(), value())
            .prop_map(|(row, value)| [row.name().as_bytes(), b" ", &value].concat()),
        (directive(), value()).prop_map(|(row, value)| {
            [row.name().as_bytes(), b" ", &crate::value::quote::quoted(&value)].concat()
        }),
        Just(b"include x".to_vec()),
        Just(b"user a".to_vec()),
    ];
    vec(line, 0..6).prop_map(|lines| lines.join(&b'\n'))
}

proptest! {
    #[test]
    fn a_value_fails_unchanged_or_reads_back(row in directive(), value in value()) {
        let mut config = Config::default();
        match config.set_many(&[(row.name().as_bytes(), &value)], Origin::Startup) {
            Err(_) => prop_assert_eq!(config, Config::default()),
            Ok(changed) => {
                let differs = row.value(&config) != row.value(&Config::default());
                prop_assert_eq!(!changed.is_empty(), differs);
                let mut again = Config::default();
                let printed = row.value(&config);
                again.set_many(&[(row.name().as_bytes(), &printed)], Origin::Startup).unwrap();
                prop_assert_eq!(row.value(&again), printed);
                let file = rewrite(b"", &config);
                prop_assert_eq!(row.value(&parse(&file).unwrap()), row.value(&config));
            }
        }
    }

    #[test]
    fn a_file_never_panics_and_rewrites_to_itself(text in file(), included in file()) {
        if let Ok(loaded) = parse_including(&text, &included) {
            let new = rewrite(&text, &loaded.config);
            let again = parse_including(&new, &included);
            prop_assert!(again.is_ok(), "{:?}", again);
            let twice = rewrite(&new, &loaded.config);
            prop_assert_eq!(rewrite(&twice, &loaded.config), twice);
        }
    }

    #[test]
    fn arguments_never_panic(words in vec(vec(any::<u8>(), 0..12), 0..6)) {
        let read = from_arguments(&words);
        let _ = parse(&read.text(b"", b""));
    }
}
