//! The title of the process, as `ps` shows it.
//!
//! The system shows the memory in which it put the arguments, so a title must fit there. When it
//! does not, the command line stays, which tells as much.

use std::path::PathBuf;

use seedis_core::Config;
use seedis_core::config::title;

use crate::settings;
use crate::system;

/// What a title may mention besides the configuration, and what the last one was made of.
#[derive(Clone, Debug)]
pub(crate) struct Title {
    program: Vec<u8>,
    config_file: Option<PathBuf>,
    template: Vec<u8>,
    address: Option<String>,
    port: u16,
}

impl Title {
    /// A title for a server that was started as `program`.
    pub(crate) fn new(program: Vec<u8>, config_file: Option<PathBuf>) -> Self {
        Self { program, config_file, template: Vec::new(), address: None, port: 0 }
    }

    /// Shows what the configuration asks for, unless it is shown.
    #[inline]
    pub(crate) fn show(&mut self, config: &Config) {
        let is_shown = self.template == config.proc_title_template
            && self.port == config.port
            && self.address.as_ref() == config.bind.first();
        if !is_shown && config.set_proc_title {
            self.show_new(config);
        }
    }

    #[inline(never)]
    fn show_new(&mut self, config: &Config) {
        self.template.clone_from(&config.proc_title_template);
        self.address = config.bind.first().cloned();
        self.port = config.port;
        if let Some(title) = title::expand(&self.template, |it| Some(self.variable(it, config))) {
            system::replace_arguments(&title);
        }
    }

    fn variable(&self, name: &str, config: &Config) -> Vec<u8> {
        match name {
            "title" => self.program.clone(),
            "listen-addr" => listen_address(config),
            "port" => config.port.to_string().into(),
            "tls-port" => b"0".into(),
            "config-file" => {
                let path = self.config_file.clone().unwrap_or_default();
                path.into_os_string().into_encoded_bytes()
            }
            "unixsocket" => config.unixsocket.clone().unwrap_or_default(),
            // The mode is empty for a server that is no part of a cluster.
            _ => Vec::new(),
        }
    }
}

fn listen_address(config: &Config) -> Vec<u8> {
    match &config.unixsocket {
        Some(path) if config.port == 0 => {
            settings::path(path).as_os_str().as_encoded_bytes().into()
        }
        _ => {
            let first = config.bind.first().map_or("*", |name| name.trim_start_matches('-'));
            format!("{first}:{}", config.port).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_tells_where_the_server_listens() {
        let mut config = Config { bind: vec!["-::1".into()], port: 7, ..Config::default() };
        assert_eq!(listen_address(&config), b"::1:7");
        config.unixsocket = Some(b"/tmp/s".into());
        assert_eq!(listen_address(&config), b"::1:7");
        config.port = 0;
        assert_eq!(listen_address(&config), b"/tmp/s");
        let title = Title::new(b"seedis-server".into(), Some("/etc/s.conf".into()));
        assert_eq!(title.variable("config-file", &config), b"/etc/s.conf");
        assert_eq!(title.variable("server-mode", &config), b"");
    }
}
