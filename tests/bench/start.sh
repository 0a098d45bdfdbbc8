# The benchmark's own term list becomes a rule pack beside the shipped ones; then the gate runs in the foreground.
{
    printf '[pack]\nid = "bench"\ntitle = "The terms of the benchmark"\nroster = ["Sanne de Vries"]\n\n'
    printf '[[rule]]\nid = "bench.terms"\nkind = "health"\ncheck = "terms"\nterms = [\n'
    sed 's/.*/    "&",/' "$MAIL/terms.txt"
    printf ']\n'
    printf 'hits = ["Over Sanne de Vries: er is een %s."' "$(sed -n 1p "$MAIL/terms.txt")"
    printf ', "Over Sanne de Vries: er is een %s."' "$(sed -n 2p "$MAIL/terms.txt")"
    printf ', "Over Sanne de Vries: er is een %s."]\n' "$(sed -n 3p "$MAIL/terms.txt")"
    printf 'misses = ["Het dak is af.", "De bus vertrekt om acht uur.", "Op school is er voorlichting."]\n'
} > terms.toml
exec "${MAILPOORT:-mailpoort}" serve --config mailpoort.toml
