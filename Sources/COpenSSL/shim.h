#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/core_names.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

/// OpenSSL's sk_X509_* are macros, which Swift does not see.
static inline STACK_OF(X509) *hookline_x509_stack(void) { return sk_X509_new_null(); }
static inline int hookline_x509_push(STACK_OF(X509) *stack, X509 *certificate) {
    return sk_X509_push(stack, certificate);
}
static inline void hookline_x509_stack_free(STACK_OF(X509) *stack) { sk_X509_pop_free(stack, X509_free); }

/// Macros of libssl, and inline functions with casts that Swift can't write.
static inline int hookline_ssl_ctx_min_version(SSL_CTX *context, int version) {
    return SSL_CTX_set_min_proto_version(context, version);
}
/// A client that resumes sessions which somebody else keeps, lets no server renegotiate, and holds no buffers while idle.
static inline void hookline_ssl_ctx_set_up_client(SSL_CTX *context) {
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
}
static inline int hookline_ssl_server_name(SSL *ssl, const char *name) { return SSL_set_tlsext_host_name(ssl, name); }
static inline int hookline_error_reason(unsigned long code) { return ERR_GET_REASON(code); }
static inline int hookline_error_is_of_ssl(unsigned long code) { return ERR_GET_LIB(code) == ERR_LIB_SSL; }
