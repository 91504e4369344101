#!/bin/sh
# Makes the certificates of the tests in this folder, with OpenSSL. They need no renewal: they are valid from 2020 to 2120,
# except `expired.pem`, which has the key of `server.pem`. The keys protect nothing.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
touch "$work/index"
cat >"$work/config" <<EOF
[ca]
default_ca = of_tests
[of_tests]
database = $work/index
new_certs_dir = $work
rand_serial = yes
unique_subject = no
default_md = sha256
policy = any
[any]
commonName = supplied
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[leaf]
basicConstraints = critical, CA:FALSE
subjectAltName = DNS:localhost, IP:127.0.0.1
EOF

# key FILE
key() { openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }

# certificate NAME KEY END EXTENSIONS, and how it is signed
certificate() {
    name=$1 key=$2 end=$3 extensions=$4
    shift 4
    openssl req -new -key "$key" -subj "/CN=$name" -out "$work/request"
    openssl ca -batch -notext -config "$work/config" -extensions "$extensions" -startdate 20200101000000Z -enddate "$end" \
        -in "$work/request" -out "$name.pem" "$@" 2>"$work/log" || cat "$work/log"
}

for name in server-ca client-ca; do
    key "$work/$name.key"
    certificate $name "$work/$name.key" 21200101000000Z authority -selfsign -keyfile "$work/$name.key"
done
for name in server next client; do key $name.key; done
certificate server server.key 21200101000000Z leaf -cert server-ca.pem -keyfile "$work/server-ca.key"
certificate next next.key 21200101000000Z leaf -cert server-ca.pem -keyfile "$work/server-ca.key"
certificate expired server.key 20200201000000Z leaf -cert server-ca.pem -keyfile "$work/server-ca.key"
certificate client client.key 21200101000000Z leaf -cert client-ca.pem -keyfile "$work/client-ca.key"
