//! Programs that send mail themselves, and the people who answer for them.

use std::collections::BTreeMap;

use toml::Spanned;

use super::Check;
use crate::config::raw;
use crate::message::Mailbox;

impl Check<'_> {
    pub(super) fn programs(
        &mut self,
        raw: &[raw::Program],
        schools: &[Spanned<raw::School>],
        keeps: bool,
    ) -> BTreeMap<String, Mailbox> {
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
            if !keeps {
                self.problem(
                    &program.owner.span(),
                    "there is [[program]], but no `data_dir`: its owner could not be told",
                    "set `data_dir`, for example \"/var/lib/mailpoort\"",
                );
            }
            programs.extend(address.zip(owner).map(|(address, owner)| (address.folded(), owner)));
        }
        programs
    }
}
