//! Programs that send mail themselves, and the people who answer for them.

use std::collections::BTreeMap;

use toml::Spanned;

use super::Check;
use crate::config::raw;
use crate::school::Program;

impl Check<'_> {
    pub(super) fn programs(
        &mut self,
        raw: &[raw::Program],
        schools: &[Spanned<raw::School>],
        (owes, keeps): (bool, bool),
    ) -> BTreeMap<String, Program> {
        self.once(
            raw.iter().map(|program| &program.address),
            "the program `{}` is listed twice",
            "list each once, with the one who answers for it",
        );
        let own: Vec<String> = schools
            .iter()
            .flat_map(|school| school.get_ref().domains.iter().map(|domain| domain.get_ref().to_lowercase()))
            .collect();
        let mut programs = BTreeMap::new();
        for program in raw {
            let (address, owner) = (self.mailbox(&program.address), self.mailbox(&program.owner));
            if let Some(owner) = owner.as_ref().filter(|owner| !own.iter().any(|domain| domain == owner.domain())) {
                self.problem(
                    &program.owner.span(),
                    format!("the owner `{}` of a program is in no school's domain", owner.typed()),
                    "name somebody at the school: what the program wanted to send is told to no one else",
                );
            }
            if !owes {
                self.problem(
                    &program.owner.span(),
                    "there is [[program]], but no `data_dir`: its owner could not be told",
                    "set `data_dir`, for example \"/var/lib/mailpoort\"",
                );
            }
            if let Some(link) = program.link_only.as_ref().filter(|link| !is_link(link.get_ref())) {
                self.problem(
                    &link.span(),
                    format!("`{}` is no address of a page", link.get_ref().escape_debug()),
                    "write the address at which people sign in, for example \"https://ouders.school.example/berichten\"",
                );
            }
            if let Some(link) = program.link_only.as_ref().filter(|_| !keeps) {
                self.problem(
                    &link.span(),
                    "there is `link_only`, but `keep_days` is 0: what the link stands for would be nowhere",
                    "set [hold] keep_days to 1 or more",
                );
            }
            let link = program.link_only.as_ref().map(|link| link.get_ref().clone());
            programs.extend(address.zip(owner).map(|(address, owner)| (address.folded(), Program { owner, link })));
        }
        programs
    }
}

/// An https address that can stand in a mail as it is.
fn is_link(typed: &str) -> bool {
    let plain = |b: u8| b.is_ascii_graphic() && !b"<>\"'\\{}`".contains(&b);
    let host = typed.strip_prefix("https://").and_then(|rest| rest.split(['/', '?', '#']).next());
    typed.len() <= 300 && typed.bytes().all(plain) && host.is_some_and(|host| host.contains('.') && !host.contains('@'))
}
