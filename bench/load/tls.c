/* TLS, where OpenSSL's headers are there to build it with. */
#include "load.h"

#ifdef LOAD_TLS
#include <errno.h>
#include <openssl/ssl.h>

static SSL_CTX *context;

void tls_start(struct connection *c) {
    if (!context) {
        context = SSL_CTX_new(TLS_client_method());
        if (!context) die("SSL_CTX_new"); /* certificates are not looked at: both ends are ours */
    }
    c->tls = SSL_new(context);
    if (!c->tls || SSL_set_fd(c->tls, c->fd) != 1) die("SSL_new");
}

static int would_wait(struct connection *c, int result) {
    int error = SSL_get_error(c->tls, result);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

int tls_handshake(struct connection *c) {
    int result = SSL_connect(c->tls);
    if (result == 1) return 1;
    return would_wait(c, result) ? 0 : -1;
}

long tls_send(struct connection *c, const void *data, size_t n) {
    return SSL_write(c->tls, data, (int)n);
}

long tls_recv(struct connection *c, void *data, size_t n) {
    int result = SSL_read(c->tls, data, (int)n);
    if (result > 0) return result;
    errno = EAGAIN;
    return would_wait(c, result) ? -1 : 0;
}

void tls_end(struct connection *c) {
    if (c->tls) SSL_free(c->tls);
    c->tls = NULL;
}

#else
#include <errno.h>

void tls_start(struct connection *c) {
    (void)c;
    errno = ENOTSUP;
    die("load was built without TLS");
}

int tls_handshake(struct connection *c) { return (void)c, -1; }
long tls_send(struct connection *c, const void *data, size_t n) { return (void)c, (void)data, (void)n, -1; }
long tls_recv(struct connection *c, void *data, size_t n) { return (void)c, (void)data, (void)n, -1; }
void tls_end(struct connection *c) { (void)c; }
#endif
