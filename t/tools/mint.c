
/*
 * Signs a token with libjwt: a JSON object of claims on stdin, the compact
 * serialization on stdout.
 *
 *     mint RS256 key.pem kid < claims.json
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jwt.h>


#define MINT_MAX  65536


static size_t mint_read(FILE *file, char *buf);
static int mint_fail(const char *what);


int
main(int argc, char **argv)
{
    FILE         *file;
    char         *token;
    jwt_t        *jwt;
    size_t        len;
    static char   key[MINT_MAX], claims[MINT_MAX];

    if (argc != 4) {
        return mint_fail("usage: mint ALGORITHM KEY.pem KID < claims.json");
    }

    file = fopen(argv[2], "r");
    if (file == NULL) {
        return mint_fail("cannot open the key");
    }

    len = mint_read(file, key);
    fclose(file);

    mint_read(stdin, claims);

    if (jwt_new(&jwt) != 0) {
        return mint_fail("out of memory");
    }

    if (jwt_add_grants_json(jwt, claims) != 0
        || jwt_set_alg(jwt, jwt_str_alg(argv[1]), (unsigned char *) key,
                       (int) len)
           != 0
        || jwt_add_header(jwt, "kid", argv[3]) != 0)
    {
        jwt_free(jwt);
        return mint_fail("bad claims, algorithm or kid");
    }

    token = jwt_encode_str(jwt);
    jwt_free(jwt);

    if (token == NULL) {
        return mint_fail("cannot sign: is the key one of that algorithm?");
    }

    puts(token);
    free(token);

    return 0;
}


/* Fills the buffer and ends it with a zero; returns the length before that. */

static size_t
mint_read(FILE *file, char *buf)
{
    size_t  len;

    len = fread(buf, 1, MINT_MAX - 1, file);
    buf[len] = '\0';

    return len;
}


static int
mint_fail(const char *what)
{
    fprintf(stderr, "mint: %s\n", what);
    return 1;
}
