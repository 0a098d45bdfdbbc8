//! The pages for teachers: where they are, and what stands before them.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use toml::Spanned;

use super::Check;
use super::listener::is_open;
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
        if let Some(listen) = listen.filter(|_| raw.certificate.is_none() && raw.proxies.is_empty())
            && !listen.ip().is_loopback()
        {
            self.problem(
                &raw.listen.span(),
                format!("the pages on {listen} would be sent without encryption"),
                "give `certificate` and `key`, or listen on 127.0.0.1 behind a proxy that has them; list it in \
                 `proxies` only when it is on another machine and the way from it is safe",
            );
        }
        let max_connections = self.at_least(&raw.max_connections, "max_connections", 8);
        let idle_timeout = self.time(&raw.idle_timeout, "idle_timeout");
        let proxies = raw.proxies.iter().filter_map(|typed| self.proxy(typed)).collect();
        Some(Settings { listen: listen?, url: url?, certificate, proxies, max_connections, idle_timeout })
    }

    fn proxy(&mut self, typed: &Spanned<String>) -> Option<IpNet> {
        let network = typed.get_ref().parse().or_else(|_| typed.get_ref().parse::<IpAddr>().map(IpNet::from)).ok();
        if network.is_none_or(|network| is_open(&network)) {
            self.problem(
                &typed.span(),
                format!("`{}` of [web] is not the address of a proxy", typed.get_ref()),
                "list the address from which it comes to us, for example \"192.0.2.10\"; who is listed is believed when it \
                 says from where a visitor comes",
            );
            return None;
        }
        network
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
