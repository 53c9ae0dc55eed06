/** Error codes of a TLS that failed; OpenSSL's complaints about certificates have no common prefix. */
export const TLS_CODES = /^(ERR_SSL_|ERR_TLS_|CERT_|CRL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_|HOSTNAME_MISMATCH|EPROTO$)/;
