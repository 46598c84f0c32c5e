//! The command line: `[file] [-] [--name value ...]`.
//!
//! Options become the text of a configuration, which is read after the file and after standard
//! input, so an option wins over a line. A word that starts with two dashes names a directive,
//! unless the name before it still waits for its first value: values may start with dashes too.
//! `--save` alone is the exception, since an empty list of values looks just like that.

use alloc::vec::Vec;

use crate::value::quote;

/// What the command line says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    /// The file to read first.
    pub file: Option<Vec<u8>>,
    /// Whether to read standard input after it.
    pub standard_input: bool,
    /// Lines of configuration to read last.
    pub options: Vec<u8>,
}

/// Reads the arguments of the process, without its own name. `--help`, `--version` and the like
/// are the caller's: here they would be directives.
pub fn from_arguments(arguments: &[impl AsRef<[u8]>]) -> Arguments {
    let words: Vec<&[u8]> = arguments.iter().map(AsRef::as_ref).collect();
    let mut read = Arguments::default();
    let mut index = 0;
    if let Some(file) = words.first().filter(|word| !word.starts_with(b"-")) {
        read.file = Some(file.to_vec());
        index = 1;
    }
    let mut has_value = true;
    while let Some(word) = words.get(index) {
        let next = words.get(index + 1);
        let at_either_end = index == 0 || next.is_none();
        match word.strip_prefix(b"--").filter(|_| has_value) {
            _ if *word == b"-" && at_either_end => read.standard_input = true,
            Some(option) => has_value = read.option(option, next.copied()),
            None => {
                read.options.extend(quote::quoted(word));
                read.options.push(b' ');
                has_value = true;
            }
        }
        index += 1;
    }
    read
}

impl Arguments {
    /// The text to parse, given that of the file and that of standard input.
    pub fn text(&self, file: &[u8], standard_input: &[u8]) -> Vec<u8> {
        [file, standard_input, b"\n", &self.options].concat()
    }

    /// Starts the line of an option; returns whether the next word may name another one.
    fn option(&mut self, option: &[u8], next: Option<&[u8]>) -> bool {
        if !self.options.is_empty() {
            self.options.push(b'\n');
        }
        self.options.extend_from_slice(option);
        self.options.push(b' ');
        let is_name_alone =
            quote::split_args(&[b"--", option].concat()).is_some_and(|it| it.len() == 1);
        if !is_name_alone {
            return true;
        }
        let is_last_or_followed_by_option = next.is_none_or(|next| next.starts_with(b"--"));
        if option.eq_ignore_ascii_case(b"save") && is_last_or_followed_by_option {
            self.options.extend_from_slice(b"\"\"");
            return true;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(arguments: &[&str]) -> alloc::string::String {
        alloc::string::String::from_utf8(from_arguments(arguments).options).unwrap()
    }

    #[test]
    fn an_option_is_a_line() {
        assert_eq!(
            options(&["--port", "6380", "--bind", "a", "b"]),
            "port \"6380\" \nbind \"a\" \"b\" "
        );
        assert_eq!(options(&["--port 6380", "--hz", "20"]), "port 6380 \nhz \"20\" ");
    }

    #[test]
    fn a_value_may_start_with_dashes() {
        assert_eq!(options(&["--logfile", "--x", "--hz", "20"]), "logfile \"--x\" \nhz \"20\" ");
    }

    #[test]
    fn save_may_have_no_value() {
        assert_eq!(options(&["--save", "--hz", "20"]), "save \"\"\nhz \"20\" ");
        assert_eq!(options(&["--SAVE"]), "SAVE \"\"");
        assert_eq!(options(&["--save", ""]), "save \"\" ");
        assert_eq!(options(&["--save", "60", "1"]), "save \"60\" \"1\" ");
    }

    #[test]
    fn the_file_comes_first_and_standard_input_at_either_end() {
        let read = from_arguments(&["a.conf", "--port", "1", "-"]);
        assert_eq!(read.file.as_deref(), Some(&b"a.conf"[..]));
        assert!(read.standard_input);
        assert_eq!(read.options, b"port \"1\" ");
        assert!(from_arguments(&["-", "--port", "1"]).standard_input);
        assert_eq!(options(&["--bind", "-", "--port", "1"]), "bind \"-\" \nport \"1\" ");
        assert_eq!(from_arguments(&[""; 0]), Arguments::default());
    }

    #[test]
    fn options_follow_the_file_on_a_line_of_their_own() {
        let read = from_arguments(&["--hz", "20"]);
        assert_eq!(read.text(b"port 1", b""), b"port 1\nhz \"20\" ");
    }
}
