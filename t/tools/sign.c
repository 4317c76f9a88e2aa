
/*
 * Signs what comes on stdin with OpenSSL, by any algorithm of JWS, and writes
 * the signature to stdout as bytes.
 *
 *     sign ES256 key.pem [OPTION] < input
 *
 * The option spoils it: "der" leaves an ECDSA signature as OpenSSL makes it,
 * "salt=N" has a salt of another length, "mgf1=SHA1" another hash in MGF1.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>


#define SIGN_MAX  65536


static EVP_PKEY *sign_read_key(const char *path);
static int sign_set_padding(EVP_PKEY_CTX *ctx, const char *option);
static size_t sign_raw(unsigned char *signature, size_t len, size_t size);
static int sign_fail(const char *what);


int
main(int argc, char **argv)
{
    size_t                len, size;
    EVP_PKEY             *key;
    EVP_MD_CTX           *ctx;
    const char           *md, *option;
    EVP_PKEY_CTX         *pctx;
    static unsigned char  input[SIGN_MAX], signature[SIGN_MAX];

    if (argc < 3 || strlen(argv[1]) < 5) {
        return sign_fail("usage: sign ALGORITHM KEY.pem [OPTION] < input");
    }

    option = argc > 3 ? argv[3] : "";
    size = fread(input, 1, sizeof(input), stdin);

    key = sign_read_key(argv[2]);
    ctx = EVP_MD_CTX_new();

    if (key == NULL || ctx == NULL) {
        return sign_fail("cannot read the key");
    }

    /* EdDSA, Ed25519 and Ed448 have no hash of their own */

    md = argv[1][0] == 'E' && argv[1][1] == 'd' ? NULL
         : strcmp(argv[1] + 2, "256") == 0 ? "SHA256"
         : strcmp(argv[1] + 2, "384") == 0 ? "SHA384" : "SHA512";

    len = sizeof(signature);

    if (EVP_DigestSignInit_ex(ctx, &pctx, md, NULL, NULL, key, NULL) <= 0
        || (argv[1][0] == 'P' && sign_set_padding(pctx, option) != 0)
        || EVP_DigestSign(ctx, signature, &len, input, size) <= 0)
    {
        return sign_fail("cannot sign: is the key one of that algorithm?");
    }

    if (EVP_PKEY_is_a(key, "EC") && strcmp(option, "der") != 0) {
        len = sign_raw(signature, len, (size_t) (EVP_PKEY_get_bits(key) + 7)
                                       / 8);
    }

    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);

    return fwrite(signature, 1, len, stdout) == len ? 0 : 1;
}


static EVP_PKEY *
sign_read_key(const char *path)
{
    FILE      *file;
    EVP_PKEY  *key;

    file = fopen(path, "r");
    if (file == NULL) {
        return NULL;
    }

    key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    fclose(file);

    return key;
}


static int
sign_set_padding(EVP_PKEY_CTX *ctx, const char *option)
{
    int  salt;

    salt = strncmp(option, "salt=", 5) == 0 ? atoi(option + 5)
                                            : RSA_PSS_SALTLEN_DIGEST;

    return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) > 0
           && EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, salt) > 0
           && (strcmp(option, "mgf1=SHA1") != 0
               || EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha1()) > 0)
           ? 0 : -1;
}


/* r and s of "size" bytes each (RFC 7518, 3.4) */

static size_t
sign_raw(unsigned char *signature, size_t len, size_t size)
{
    ECDSA_SIG            *pair;
    const unsigned char  *p;

    p = signature;
    pair = d2i_ECDSA_SIG(NULL, &p, (long) len);

    if (pair == NULL) {
        return 0;
    }

    BN_bn2binpad(ECDSA_SIG_get0_r(pair), signature, (int) size);
    BN_bn2binpad(ECDSA_SIG_get0_s(pair), signature + size, (int) size);
    ECDSA_SIG_free(pair);

    return 2 * size;
}


static int
sign_fail(const char *what)
{
    fprintf(stderr, "sign: %s\n", what);
    return 1;
}
