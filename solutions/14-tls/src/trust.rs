//! How a browser, a tool or a system is told to trust the authority, and how to take that back.

use std::path::Path;

/// Says where the authority is, how to trust it, and how to take that back.
pub fn instructions(name: &str, certificate: &Path) -> String {
    let path = certificate.display();
    format!(
        "\
The certificate authority of this workshop:

  {path}
  its name: {name}

It vouches for localhost, 127.0.0.1 and ::1, and for nothing else. Its key is beside it, for you alone.
A browser that trusts the authority trusts your servers.

for one command       curl --cacert {path} https://localhost:9009/
                      NODE_EXTRA_CA_CERTS={path} node client.js
                      openssl s_client -connect localhost:9009 -CAfile {path}

Chromium on Linux     certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n \"{name}\" -i {path}
  take it back        certutil -d sql:$HOME/.pki/nssdb -D -n \"{name}\"
                      (certutil is in Debian's package libnss3-tools)

Firefox               Settings, Privacy & Security, View Certificates, Authorities, Import
  take it back        the same list, Delete or Distrust

Debian and Ubuntu     sudo cp {path} /usr/local/share/ca-certificates/websocket-workshop.crt
                      sudo update-ca-certificates
  take it back        sudo rm /usr/local/share/ca-certificates/websocket-workshop.crt
                      sudo update-ca-certificates --fresh

macOS                 security add-trusted-cert -r trustRoot -k ~/Library/Keychains/login.keychain-db {path}
  take it back        security remove-trusted-cert {path}
                      security delete-certificate -c \"{name}\"

Windows               certutil -user -addstore Root {path}
  take it back        certutil -user -delstore Root \"{name}\"

Delete its folder, and the next start makes a new one.
"
    )
}
