//! The pages for teachers: where they are, and what stands before them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use toml::Spanned;

use super::Check;
use crate::config::raw;
use crate::tls::Files;
use crate::web::{Settings, Url};

impl Check<'_> {
    pub(super) fn web(&mut self, raw: &raw::Web, keeps: bool) -> Option<Settings> {
        if !keeps {
            self.problem(
                &raw.listen.span(),
                "there is [web], but no `data_dir`: no mail is kept of which the pages could tell",
                "set `data_dir`, for example \"/var/lib/mailpoort\"",
            );
        }
        let listen = self.web_address(raw);
        let url = Url::parse(raw.url.get_ref());
        if url.is_none() {
            self.problem(
                &raw.url.span(),
                format!("`{}` is no address of a website", raw.url.get_ref()),
                "write https:// and the name that teachers see, without a path: \"https://poort.school.example\"",
            );
        }
        let certificate = self.web_certificate(raw.certificate.as_ref(), raw.key.as_deref());
        if let Some(listen) = listen.filter(|_| raw.certificate.is_none() && !raw.behind_proxy)
            && !listen.ip().is_loopback()
        {
            self.problem(
                &raw.listen.span(),
                format!("the pages on {listen} would be sent without encryption"),
                "give `certificate` and `key`, or listen on 127.0.0.1 behind a proxy that has them; set `behind_proxy` \
                 only when that proxy is on another machine and the way to it is safe",
            );
        }
        let max_connections = self.at_least(&raw.max_connections, "max_connections", 8);
        let idle_timeout = self.time(&raw.idle_timeout, "idle_timeout");
        Some(Settings { listen: listen?, url: url?, certificate, max_connections, idle_timeout })
    }

    fn web_address(&mut self, raw: &raw::Web) -> Option<SocketAddr> {
        let address = raw.listen.get_ref().parse().ok();
        if address.is_none() {
            self.problem(
                &raw.listen.span(),
                format!("`{}` is no address with a port", raw.listen.get_ref()),
                "write for example \"0.0.0.0:443\", or \"127.0.0.1:8443\" behind a proxy",
            );
        }
        address
    }

    fn web_certificate(&mut self, certificate: Option<&Spanned<PathBuf>>, key: Option<&Path>) -> Option<Files> {
        match certificate {
            Some(certificate) => self.own_certificate("[web]", certificate, key),
            None => {
                if key.is_some() {
                    self.general("[web] has only one of `certificate` and `key`", "give both, or neither");
                }
                None
            }
        }
    }
}
