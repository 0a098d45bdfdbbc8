//! The page for Prometheus.

use super::Watched;
use crate::gate::house::House;
use crate::meter::Page;
use crate::outbox::Outbox;
use crate::smtp::client::Last;
use crate::store;
use crate::store::owed::Backlog;

/// Everything that was counted.
pub(super) async fn page(watched: &Watched) -> String {
    let backlog = match watched.gate.outbox() {
        Some(outbox) => outbox.store().backlog().await.ok(),
        None => None,
    };
    let (mut page, house) = (Page::default(), watched.gate.house());
    mail(&mut page, watched);
    sessions(&mut page, watched);
    next_hops(&mut page, &house);
    if let Some(outbox) = watched.gate.outbox() {
        owed(&mut page, outbox, backlog.as_ref());
    }
    readers(&mut page, &house);
    installation(&mut page, watched, &house);
    page.to_string()
}

fn mail(page: &mut Page, watched: &Watched) {
    let counts = watched.gate.counts();
    let messages: Vec<_> =
        counts.messages().map(|(route, reply, number)| ([("route", route), ("reply", reply)], number)).collect();
    let help = "Messages by what was done with them (refused: before anything was decided) and the client's reply.";
    page.counter("mailpoort_messages_total", help, messages.iter().map(|(labels, number)| (&labels[..], *number)));
    words(page, "mailpoort_told_total", "How senders of blocked mail were told.", "how", counts.told());
    words(page, "mailpoort_findings_total", "Findings that count, by kind.", "kind", counts.findings());
    words(page, "mailpoort_unread_total", "Messages with something unread, by reason.", "why", counts.unread());
    one(page, "mailpoort_notes_untold_total", "Notes that nobody could be told for a month.", counts.untold.get());
    one(page, "mailpoort_flood_braked_total", "Messages that the flood brake held back.", counts.braked.get());
    let lost = watched.gate.record().condition().lost();
    one(page, "mailpoort_journal_lost_total", "Lines of the journal that are in the log only.", lost);
    let help = "From the end of a message to its verdict, seconds.";
    page.histogram("mailpoort_scan_seconds", help, [(&[][..], &counts.scan_time)]);
    page.histogram("mailpoort_message_octets", "Sizes of messages as they came.", [(&[][..], &counts.size)]);
}

fn sessions(page: &mut Page, watched: &Watched) {
    let counts = watched.server.counts();
    let clients = [("listed", counts.listed.get()), ("stranger", counts.strangers.get())];
    words(page, "mailpoort_sessions_total", "Connections of clients.", "client", clients);
    gauge(page, "mailpoort_sessions_open", "Connections that are open.", watched.server.open() as f64);
    let help = "Connections turned away, since there were too many.";
    one(page, "mailpoort_sessions_refused_total", help, counts.turned_away.get());
    let help = "Octets of the memory budget in use.";
    gauge(page, "mailpoort_memory_used_bytes", help, watched.budget.used() as f64);
    gauge(page, "mailpoort_memory_limit_bytes", "Octets of the memory budget.", watched.budget.limit() as f64);
}

fn next_hops(page: &mut Page, house: &House) {
    let hops = || house.ways.iter().map(|way| (way.next_hop.name(), way.next_hop.met()));
    let replies: Vec<_> = hops()
        .flat_map(|(hop, met)| {
            met.replies.all().map(move |(class, number)| ([("next_hop", hop), ("reply", class)], number))
        })
        .collect();
    let help = "Replies of a next hop to the end of a message.";
    page.counter(
        "mailpoort_next_hop_replies_total",
        help,
        replies.iter().map(|(labels, number)| (&labels[..], *number)),
    );
    let troubles: Vec<_> = hops()
        .flat_map(|(hop, met)| met.troubles().map(move |(what, number)| ([("next_hop", hop), ("what", what)], number)))
        .collect();
    let help = "Trouble with a next hop, or on the way to it.";
    page.counter(
        "mailpoort_next_hop_troubles_total",
        help,
        troubles.iter().map(|(labels, number)| (&labels[..], *number)),
    );
    let labelled: Vec<_> = hops().map(|(hop, met)| ([("next_hop", hop)], met)).collect();
    let help = "From the end of a message to the next hop's reply, seconds.";
    page.histogram(
        "mailpoort_next_hop_reply_seconds",
        help,
        labelled.iter().map(|(labels, met)| (&labels[..], &met.latency)),
    );
    let reached = |met: &crate::smtp::client::Met| f64::from(u8::from(!matches!(met.last().0, Last::Trouble(_))));
    let help = "0 when the last attempt to connect failed.";
    page.gauge("mailpoort_next_hop_up", help, labelled.iter().map(|(labels, met)| (&labels[..], reached(met))));
}

fn owed(page: &mut Page, outbox: &Outbox, backlog: Option<&Backlog>) {
    let writable = f64::from(u8::from(outbox.trouble().is_none()));
    gauge(page, "mailpoort_store_writable", "0 while no mail can be kept or owed.", writable);
    // With the store unreadable there are no numbers, rather than wrong ones.
    let Some(backlog) = backlog else { return };
    let owed: Vec<_> = backlog.owed.iter().map(|(kind, number)| ([("kind", *kind)], *number as f64)).collect();
    let help = "Mails that are owed to a next hop.";
    page.gauge("mailpoort_outbox_mails", help, owed.iter().map(|(labels, number)| (&labels[..], *number)));
    gauge(page, "mailpoort_outbox_tried_mails", "Those of them that were tried before.", backlog.tried as f64);
    let age = backlog.oldest.map_or(0, |oldest| store::now().saturating_sub(oldest));
    gauge(page, "mailpoort_outbox_oldest_seconds", "For how long the oldest is owed.", age as f64 / 1e3);
    gauge(page, "mailpoort_held_mails", "Mails that are kept for their sender to choose.", backlog.held as f64);
}

fn readers(page: &mut Page, house: &House) {
    let Some(readers) = &house.bench.readers else { return };
    let counts = readers.counts();
    let what = [
        ("started", &counts.started),
        ("not_started", &counts.not_started),
        ("late", &counts.late),
        ("too_much", &counts.too_much),
        ("lied", &counts.lied),
        ("died", &counts.died),
    ];
    let help = "Processes that read documents: started, and how they ended when not by themselves.";
    words(page, "mailpoort_readers_total", help, "what", what.map(|(word, counter)| (word, counter.get())));
}

fn installation(page: &mut Page, watched: &Watched, house: &House) {
    let reloads = watched.gate.counts().reloads();
    words(page, "mailpoort_reloads_total", "Reloads of configuration, rules, policy and rosters.", "result", reloads);
    let paused = f64::from(u8::from(!watched.gate.pauses().is_empty()));
    gauge(page, "mailpoort_paused", "1 while a pause lets everything pass, for a school or for all.", paused);
    let known = house.certificates.all().filter_map(|(what, shown)| Some((what, shown.until()?.as_second() as f64)));
    let known: Vec<(String, f64)> = known.collect();
    let ends: Vec<_> = known.iter().map(|(what, end)| ([("for", what.as_str())], *end)).collect();
    let help = "When our own certificates end, seconds since 1970.";
    page.gauge("mailpoort_certificate_end_seconds", help, ends.iter().map(|(labels, end)| (&labels[..], *end)));
    let info = [("version", env!("CARGO_PKG_VERSION"))];
    page.gauge("mailpoort_info", "The program.", [(&info[..], 1.0)]);
}

fn words(page: &mut Page, name: &str, help: &str, label: &str, samples: impl IntoIterator<Item = (&'static str, u64)>) {
    let samples: Vec<_> = samples.into_iter().map(|(word, number)| ([(label, word)], number)).collect();
    page.counter(name, help, samples.iter().map(|(labels, number)| (&labels[..], *number)));
}

fn one(page: &mut Page, name: &str, help: &str, number: u64) {
    page.counter(name, help, [(&[][..], number)]);
}

fn gauge(page: &mut Page, name: &str, help: &str, value: f64) {
    page.gauge(name, help, [(&[][..], value)]);
}
