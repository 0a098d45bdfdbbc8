#!/usr/bin/env bash
# test-ca.sh [FOLDER [NAME...]]: a throwaway authority with a server and a client certificate, for trying TLS on one machine.
#
# FOLDER   where they go; made when it is not there, never inside this repository. Default: a new temporary folder.
# NAME     DNS names or IP addresses of the server. Default: localhost, 127.0.0.1 and ::1.
#
# Everything is valid for 30 days and protects nothing: the authority's key lies beside the rest.
set -euo pipefail
umask 077

repository=$(cd "$(dirname "$0")/.." && pwd -P)
folder=$(realpath -m "${1:-$(mktemp -d)}")
shift || true
case $folder/ in
    "$repository"/*) echo "test-ca.sh: $folder is inside the repository; no private key comes there. Name another folder." >&2; exit 2 ;;
esac
mkdir -p "$folder"
for file in ca server client; do
    [ ! -e "$folder/$file.key" ] || { echo "test-ca.sh: $folder/$file.key is there already; name an empty folder." >&2; exit 2; }
done

names=()
for name in "${@:-localhost}"; do
    case $name in
        *:*) names+=("IP:$name") ;;
        *[!0-9.]*) names+=("DNS:$name") ;;
        *) names+=("IP:$name") ;;
    esac
done
[ $# -gt 0 ] || names+=("IP:127.0.0.1" "IP:::1")

key() {
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$folder/$1.key"
}

# signed NAME SUBJECT EXTENSION...: a key, and its certificate by our authority.
signed() {
    local name=$1 subject=$2
    shift 2
    key "$name"
    openssl req -new -key "$folder/$name.key" -subj "$subject" |
        openssl x509 -req -days 30 -CA "$folder/ca.pem" -CAkey "$folder/ca.key" -set_serial "0x$(openssl rand -hex 15)" \
            -extfile <(printf '%s\n' "basicConstraints = critical, CA:FALSE" "keyUsage = critical, digitalSignature" "$@") \
            -out "$folder/$name.pem" 2>/dev/null
}

key ca
openssl req -x509 -new -key "$folder/ca.key" -days 30 -subj "/CN=mailpoort throwaway test CA" \
    -addext "keyUsage = critical, keyCertSign, cRLSign" -out "$folder/ca.pem"
signed server "/CN=mailpoort test server" "extendedKeyUsage = serverAuth" "subjectAltName = $(IFS=,; echo "${names[*]}")"
signed client "/CN=mailpoort test client" "extendedKeyUsage = clientAuth"

openssl verify -CAfile "$folder/ca.pem" -purpose sslserver "$folder/server.pem" >&2
openssl verify -CAfile "$folder/ca.pem" -purpose sslclient "$folder/client.pem" >&2
pin=$(openssl x509 -in "$folder/client.pem" -outform DER | openssl dgst -sha256 -r | cut -d' ' -f1)

cat <<END
# The gate's own certificate:
[smtp.tls]
certificate = "$folder/server.pem"
key = "$folder/server.key"
# The pin of the test client, for a [[smtp.client]]:
#certificates = ["$pin"]
# A next hop that shows server.pem is verified with, in its [[next_hop]]:
#ca = "$folder/ca.pem"
END
