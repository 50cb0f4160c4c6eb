/// SHA256_CTX is deprecated in favour of contexts on the heap; it is what a key's state can be kept as in 32 bytes.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <string.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/core_names.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
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

/// A key of HMAC-SHA256: the states of the inner and the outer SHA-256 (RFC 2104 section 4), which have taken in one block.
struct hookline_hmac_key { SHA_LONG inner[8], outer[8]; };

static inline void hookline_sha256_of_block(SHA_LONG state[8], const unsigned char *block, unsigned char mask) {
    unsigned char masked[SHA256_CBLOCK];
    for (int index = 0; index < SHA256_CBLOCK; index++) masked[index] = block[index] ^ mask;
    SHA256_CTX context;
    SHA256_Init(&context);
    SHA256_Update(&context, masked, sizeof masked);
    memcpy(state, context.h, sizeof context.h);
    OPENSSL_cleanse(masked, sizeof masked);
}

/// Goes on from the state after one block.
static inline void hookline_sha256_resume(SHA256_CTX *context, const SHA_LONG state[8]) {
    SHA256_Init(context);
    memcpy(context->h, state, sizeof context->h);
    context->Nl = 8 * SHA256_CBLOCK;
}

/// - block: the key, followed by zeros to SHA256_CBLOCK bytes
static inline void hookline_hmac_key_init(struct hookline_hmac_key *key, const unsigned char *block) {
    hookline_sha256_of_block(key->inner, block, 0x36);
    hookline_sha256_of_block(key->outer, block, 0x5c);
}

static inline void hookline_hmac_begin(SHA256_CTX *context, const struct hookline_hmac_key *key) {
    hookline_sha256_resume(context, key->inner);
}

/// Ends the message; `digest` has room for SHA256_DIGEST_LENGTH bytes.
static inline void hookline_hmac_end(SHA256_CTX *context, const struct hookline_hmac_key *key, unsigned char *digest) {
    SHA256_Final(digest, context);
    hookline_sha256_resume(context, key->outer);
    SHA256_Update(context, digest, SHA256_DIGEST_LENGTH);
    SHA256_Final(digest, context);
}
