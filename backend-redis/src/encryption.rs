//! Encrypted connections: rustls with ring, whatever else the program uses.

#[cfg(not(feature = "tls"))]
pub(crate) use absent::Encryption;
#[cfg(feature = "tls")]
pub(crate) use present::Encryption;

#[cfg(feature = "tls")]
mod present {
    use std::{io, path::Path, sync::Arc};

    use tokio::net::TcpStream;
    use tokio_rustls::{
        TlsConnector,
        rustls::{
            ClientConfig, RootCertStore,
            crypto::ring,
            pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
        },
    };

    use crate::{config::TlsFiles, error::Failure, server::Wire};

    /// Whom to trust, what to show, and whom to expect.
    pub(crate) struct Encryption {
        connector: TlsConnector,
        server: ServerName<'static>,
    }

    impl Encryption {
        /// Reads the files; the system's authorities where none is named.
        pub(crate) fn to(host: &str, files: &TlsFiles) -> Result<Self, Failure> {
            let server = ServerName::try_from(host.to_owned()).map_err(|_| {
                Failure::fatal(format!(
                    "the host {host:?} is no name a certificate could have: give a DNS name or an \
                     IP address"
                ))
            })?;
            // Named, and not the process's default: that may be missing, or be another's to choose.
            let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
                .with_safe_default_protocol_versions()
                .map_err(|error| Failure::fatal(format!("TLS cannot be used: {error}")))?
                .with_root_certificates(authorities(files)?);
            let config = match (&files.certificate, &files.key) {
                (None, None) => builder.with_no_client_auth(),
                (Some(certificate), Some(key)) => builder
                    .with_client_auth_cert(certificates(certificate)?, private_key(key)?)
                    .map_err(|error| {
                        Failure::fatal(format!(
                            "tls_cert_file and tls_key_file do not belong together ({error}): give \
                             a certificate and its own key"
                        ))
                    })?,
                _ => {
                    return Err(Failure::fatal(
                        "a certificate to show the server needs its key: give both tls_cert_file \
                         and tls_key_file",
                    ));
                }
            };
            Ok(Self {
                connector: TlsConnector::from(Arc::new(config)),
                server,
            })
        }

        /// Encrypts a connection, once the server has shown who it is.
        pub(crate) async fn begin(&self, stream: TcpStream) -> io::Result<Wire> {
            let encrypted = self.connector.connect(self.server.clone(), stream).await?;
            Ok(Box::new(encrypted))
        }
    }

    fn authorities(files: &TlsFiles) -> Result<RootCertStore, Failure> {
        let mut trusted = RootCertStore::empty();
        let found = match &files.authority {
            Some(file) => certificates(file)?,
            // One unreadable file among the system's must not keep the others from being used.
            None => rustls_native_certs::load_native_certs().certs,
        };
        trusted.add_parsable_certificates(found);
        if trusted.is_empty() {
            return Err(Failure::fatal(
                "there is no authority to trust: name a PEM file of one in tls_ca_file, or install \
                 the system's (ca-certificates)",
            ));
        }
        Ok(trusted)
    }

    fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
        let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
        let found: Vec<_> = read.map_err(|error| unreadable(file, "certificate", &error))?;
        if found.is_empty() {
            return Err(unreadable(file, "certificate", &"there is none in it"));
        }
        Ok(found)
    }

    fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, Failure> {
        PrivateKeyDer::from_pem_file(file).map_err(|error| unreadable(file, "key", &error))
    }

    fn unreadable(file: &Path, what: &str, error: &dyn std::fmt::Display) -> Failure {
        Failure::fatal(format!(
            "no {what} can be read from {} ({error}): give the path of a PEM file",
            file.display()
        ))
    }
}

#[cfg(not(feature = "tls"))]
mod absent {
    use std::{convert::Infallible, io};

    use tokio::net::TcpStream;

    use crate::{config::TlsFiles, error::Failure, server::Wire};

    /// There is none in this build.
    pub(crate) struct Encryption(Infallible);

    impl Encryption {
        pub(crate) fn to(_: &str, _: &TlsFiles) -> Result<Self, Failure> {
            Err(Failure::fatal(
                "this program was built without encryption for Redis: turn on the feature `tls` of \
                 election-backend-redis and build it again, or begin the URL with redis:",
            ))
        }

        pub(crate) async fn begin(&self, _: TcpStream) -> io::Result<Wire> {
            match self.0 {}
        }
    }
}
