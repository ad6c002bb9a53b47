/*
 * The provider's certificate authority, judged by OpenSSL's own verifier: what
 * it accepts as a client, as a server, and what it refuses.
 */
#define _GNU_SOURCE
#include "identity/identity.h"
#include "t.h"
#include "tmp.h"
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#define NOW  ((int64_t)1800000000)
#define DAYS ((int64_t)24 * 60 * 60)

static struct t_tmp tmp;

static struct srv_identity *open_at(const char *name, int64_t now, struct srv_err *err)
{
    static char dir[128]; /* the module copies what it needs */
    snprintf(dir, sizeof dir, "%s/%s", tmp.path, name);
    struct srv_identity_cfg cfg = { .dir = dir, .now = now };
    return srv_identity_open(&cfg, err);
}

static struct srv_identity *must_open(const char *name, int64_t now)
{
    struct srv_err err = { 0 };
    struct srv_identity *id = open_at(name, now, &err);
    if (id == NULL) {
        fail_msg("%s", err.text);
    }
    return id;
}

static X509 *load(const char *path)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    X509 *cert = PEM_read_X509(file, NULL, NULL, NULL);
    fclose(file);
    assert_non_null(cert);
    return cert;
}

static X509 *parse(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    assert_non_null(cert);
    return cert;
}

/* What a stranger with our CA certificate (and list) thinks of `cert`. */
static int verdict(const struct srv_identity *id, X509 *cert, int purpose, int64_t now)
{
    X509_STORE *store = X509_STORE_new();
    X509 *ca = load(srv_identity_ca_path(id));
    X509_STORE_add_cert(store, ca);
    FILE *file = fopen(srv_identity_crl_path(id), "r");
    X509_CRL *crl = PEM_read_X509_CRL(file, NULL, NULL, NULL);
    fclose(file);
    X509_STORE_add_crl(store, crl);
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    X509_STORE_CTX_init(ctx, store, cert, NULL);
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_time(param, now);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT | X509_V_FLAG_CRL_CHECK);
    X509_VERIFY_PARAM_set_purpose(param, purpose);
    X509_verify_cert(ctx);
    int error = X509_STORE_CTX_get_error(ctx);
    X509_STORE_CTX_free(ctx);
    X509_CRL_free(crl);
    X509_free(ca);
    X509_STORE_free(store);
    return error;
}

static char *make_csr(EVP_PKEY *key, EVP_PKEY *signer)
{
    X509_REQ *request = X509_REQ_new();
    X509_REQ_set_version(request, X509_REQ_VERSION_1);
    X509_REQ_set_pubkey(request, key);
    X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(request), "CN", MBSTRING_ASC,
                               (const unsigned char *)"someone-else", -1, -1, 0);
    X509_REQ_sign(request, signer, EVP_sha256());
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509_REQ(bio, request);
    char *bytes = NULL;
    long len = BIO_get_mem_data(bio, &bytes);
    char *text = strndup(bytes, (size_t)len);
    BIO_free(bio);
    X509_REQ_free(request);
    return text;
}

static bool issue(struct srv_identity *id, const char *thing, const char *csr,
                  struct srv_certificate *out, struct srv_err *err)
{
    return srv_identity_issue(id, ota_span_of_str(thing), ota_span_of_str(csr), NOW, out, err);
}

static struct srv_certificate must_issue(struct srv_identity *id, const char *thing)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    char *csr = make_csr(key, key);
    struct srv_certificate out;
    struct srv_err err = { 0 };
    if (!issue(id, thing, csr, &out, &err)) {
        fail_msg("%s", err.text);
    }
    free(csr);
    EVP_PKEY_free(key);
    return out;
}

static void assert_common_name(X509 *cert, const char *want)
{
    X509_NAME *name = X509_get_subject_name(cert);
    assert_int_equal(X509_NAME_entry_count(name), 1);
    const ASN1_STRING *value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, 0));
    assert_int_equal(ASN1_STRING_length(value), strlen(want));
    assert_memory_equal(ASN1_STRING_get0_data(value), want, strlen(want));
}

static unsigned mode_of(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 0777u;
}

static void keys_are_for_their_owner_only(void **state)
{
    (void)state;
    struct srv_identity *id = must_open("modes", NOW);
    char path[256];
    snprintf(path, sizeof path, "%s/modes/ca/ca.key", tmp.path);
    assert_int_equal(mode_of(path), 0600);
    snprintf(path, sizeof path, "%s/modes/ca", tmp.path);
    assert_int_equal(mode_of(path), 0700);
    for (enum srv_own own = 0; own < SRV_OWN_COUNT; own++) {
        assert_int_equal(mode_of(srv_identity_key_path(id, own)), 0600);
    }
    srv_identity_close(id);
}

static void the_authority_survives_a_restart(void **state)
{
    (void)state;
    struct srv_identity *id = must_open("survives", NOW);
    struct srv_certificate device = must_issue(id, "lamp-1");
    X509 *first = load(srv_identity_ca_path(id));
    srv_identity_close(id);
    id = must_open("survives", NOW + 100 * DAYS);
    X509 *second = load(srv_identity_ca_path(id));
    assert_int_equal(X509_cmp(first, second), 0);
    X509 *cert = parse(device.pem);
    assert_int_equal(verdict(id, cert, X509_PURPOSE_SSL_CLIENT, NOW + 100 * DAYS), X509_V_OK);
    X509_free(cert);
    X509_free(first);
    X509_free(second);
    srv_identity_close(id);
}

static void a_start_cut_after_the_key_goes_on_with_that_key(void **state)
{
    (void)state;
    struct srv_identity *id = must_open("cut", NOW);
    X509 *before = load(srv_identity_ca_path(id));
    unlink(srv_identity_ca_path(id));
    srv_identity_close(id);
    id = must_open("cut", NOW);
    X509 *after = load(srv_identity_ca_path(id));
    assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(before), X509_get0_pubkey(after)), 1);
    X509_free(before);
    X509_free(after);
    srv_identity_close(id);
}

static void a_lost_or_foreign_ca_key_is_never_replaced(void **state)
{
    (void)state;
    srv_identity_close(must_open("lost", NOW));
    srv_identity_close(must_open("other", NOW));
    char key[256], other[256];
    snprintf(key, sizeof key, "%s/lost/ca/ca.key", tmp.path);
    snprintf(other, sizeof other, "%s/other/ca/ca.key", tmp.path);
    struct srv_err err = { 0 };
    assert_int_equal(rename(other, key), 0);
    assert_null(open_at("lost", NOW, &err));
    assert_non_null(strstr(err.text, "does not belong"));
    unlink(key);
    assert_null(open_at("lost", NOW, &err));
    assert_non_null(strstr(err.text, "is lost"));
    assert_int_equal(access(key, F_OK), -1);
    FILE *file = fopen(key, "w");
    fputs("nonsense", file);
    fclose(file);
    assert_null(open_at("lost", NOW, &err));
    assert_int_equal(err.code, SRV_E_INTERNAL);
}

static void servers_cover_localhost_and_this_machine(void **state)
{
    (void)state;
    struct srv_identity *id = must_open("servers", NOW);
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    static const enum srv_own servers[] = { SRV_OWN_HTTPS, SRV_OWN_BROKER };
    for (size_t i = 0; i < COUNT(servers); i++) {
        X509 *cert = load(srv_identity_cert_path(id, servers[i]));
        assert_int_equal(verdict(id, cert, X509_PURPOSE_SSL_SERVER, NOW), X509_V_OK);
        assert_int_not_equal(verdict(id, cert, X509_PURPOSE_SSL_CLIENT, NOW), X509_V_OK);
        assert_int_equal(X509_check_host(cert, "localhost", 0, 0, NULL), 1);
        assert_int_equal(X509_check_host(cert, host, 0, 0, NULL), 1);
        assert_int_equal(X509_check_ip_asc(cert, "127.0.0.1", 0), 1);
        assert_int_equal(X509_check_ip_asc(cert, "::1", 0), 1);
        assert_int_equal(X509_check_host(cert, "example.org", 0, 0, NULL), 0);
        X509_free(cert);
    }
    srv_identity_close(id);
}

static void a_new_wanted_name_makes_the_server_certificate_anew(void **state)
{
    (void)state;
    srv_identity_close(must_open("names", NOW));
    char dir[128];
    snprintf(dir, sizeof dir, "%s/names", tmp.path);
    static const char *const good[] = { "ota.example.org", "192.0.2.7" };
    struct srv_identity_cfg cfg = { .dir = dir, .names = good, .name_count = 2, .now = NOW };
    struct srv_err err = { 0 };
    struct srv_identity *id = srv_identity_open(&cfg, &err);
    assert_non_null(id);
    X509 *cert = load(srv_identity_cert_path(id, SRV_OWN_BROKER));
    assert_int_equal(X509_check_host(cert, "ota.example.org", 0, 0, NULL), 1);
    assert_int_equal(X509_check_ip_asc(cert, "192.0.2.7", 0), 1);
    X509_free(cert);
    srv_identity_close(id);

    static const char *const bad[] = { "a,DNS:b", "", "a b", "email:x@y" };
    for (size_t i = 0; i < COUNT(bad); i++) {
        cfg.names = &bad[i];
        cfg.name_count = 1;
        CHECK_ROW(bad[i], srv_identity_open(&cfg, &err) == NULL);
        CHECK_ROW(bad[i], err.code == SRV_E_INVALID);
    }
}

static void own_certificates_are_renewed_before_they_end(void **state)
{
    (void)state;
    struct srv_identity *id = must_open("renew", NOW);
    struct srv_err err = { 0 };
    X509 *first = load(srv_identity_cert_path(id, SRV_OWN_BROKER));
    assert_false(srv_identity_renew(id, NOW + 200 * DAYS, &err));
    assert_int_equal(err.code, SRV_OK);
    assert_true(srv_identity_renew(id, NOW + 320 * DAYS, &err));
    X509 *second = load(srv_identity_cert_path(id, SRV_OWN_BROKER));
    assert_int_not_equal(X509_cmp(first, second), 0);
    assert_int_equal(verdict(id, second, X509_PURPOSE_SSL_SERVER, NOW + 600 * DAYS), X509_V_OK);
    X509_free(first);
    X509_free(second);
    srv_identity_close(id);
}

static void our_own_names_are_no_thing_names(void **state)
{
    (void)state;
    struct srv_identity *id = must_open("own", NOW);
    static const struct {
        enum srv_own own;
        const char *name;
    } rows[] = { { SRV_OWN_CONTROL, SRV_NAME_CONTROL }, { SRV_OWN_STREAM, SRV_NAME_STREAM } };
    for (size_t i = 0; i < COUNT(rows); i++) {
        X509 *cert = load(srv_identity_cert_path(id, rows[i].own));
        assert_common_name(cert, rows[i].name);
        assert_int_equal(verdict(id, cert, X509_PURPOSE_SSL_CLIENT, NOW), X509_V_OK);
        X509_free(cert);
        EVP_PKEY *key = EVP_EC_gen("P-256");
        char *csr = make_csr(key, key);
        struct srv_certificate out;
        struct srv_err err = { 0 };
        assert_false(issue(id, rows[i].name, csr, &out, &err));
        assert_int_equal(err.code, SRV_E_INVALID);
        free(csr);
        EVP_PKEY_free(key);
    }
    srv_identity_close(id);
}

static void a_device_certificate_is_a_client_with_the_name_that_was_asked_for(void **state)
{
    (void)state;
    struct srv_identity *id = must_open("device", NOW);
    struct srv_certificate out = must_issue(id, "kitchen:lamp_1-A");
    X509 *cert = parse(out.pem);
    assert_common_name(cert, "kitchen:lamp_1-A"); /* not the request's subject */
    assert_int_equal(verdict(id, cert, X509_PURPOSE_SSL_CLIENT, NOW), X509_V_OK);
    assert_int_not_equal(verdict(id, cert, X509_PURPOSE_SSL_SERVER, NOW), X509_V_OK);
    assert_int_equal(X509_check_ca(cert), 0);
    assert_int_equal(strlen(out.serial.digits), SRV_SERIAL_DIGITS);
    assert_true(out.not_after > NOW + 19 * 365 * DAYS);
    struct srv_certificate again = must_issue(id, "kitchen:lamp_1-A");
    assert_string_not_equal(out.serial.digits, again.serial.digits);
    X509_free(cert);
    srv_identity_close(id);
}

static void names_have_1_to_128_characters_of_the_thing_alphabet(void **state)
{
    (void)state;
    struct srv_identity *id = must_open("limits", NOW);
    char name[131];
    memset(name, 'n', sizeof name);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    char *csr = make_csr(key, key);
    static const struct {
        const char *why;
        size_t len;
        bool fine;
    } lengths[] = {
        { "none", 0, false },     { "one", 1, true },           { "X.509's own limit", 64, true },
        { "above it", 65, true }, { "the longest", 128, true }, { "one over", 129, false },
    };
    for (size_t i = 0; i < COUNT(lengths); i++) {
        struct ota_span thing = { (const uint8_t *)name, lengths[i].len };
        struct srv_certificate out;
        struct srv_err err = { 0 };
        bool fine = srv_identity_issue(id, thing, ota_span_of_str(csr), NOW, &out, &err);
        CHECK_ROW(lengths[i].why, fine == lengths[i].fine);
        if (!fine) {
            CHECK_ROW(lengths[i].why, err.code == SRV_E_INVALID);
            continue;
        }
        X509 *cert = parse(out.pem);
        char want[131] = "";
        memcpy(want, name, lengths[i].len);
        assert_common_name(cert, want);
        CHECK_ROW(lengths[i].why, verdict(id, cert, X509_PURPOSE_SSL_CLIENT, NOW) == X509_V_OK);
        X509_free(cert);
    }
    static const char *const bad[] = { "+", "#", "a/b", "a.b", "a b", "\xc3\xa4", "a\n", "$next" };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct srv_certificate out;
        struct srv_err err = { 0 };
        CHECK_ROW(bad[i], !issue(id, bad[i], csr, &out, &err) && err.code == SRV_E_INVALID);
    }
    free(csr);
    EVP_PKEY_free(key);
    srv_identity_close(id);
}

static void bad_requests_are_refused(void **state)
{
    (void)state;
    struct srv_identity *id = must_open("csr", NOW);
    EVP_PKEY *p256 = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-256");
    EVP_PKEY *p224 = EVP_EC_gen("P-224"), *rsa1024 = EVP_RSA_gen(1024), *rsa = EVP_RSA_gen(2048);
    struct {
        const char *why;
        char *csr;
        bool fine;
    } rows[] = {
        { "P-256", make_csr(p256, p256), true },
        { "RSA 2048", make_csr(rsa, rsa), true },
        { "signed by another key: no proof of possession", make_csr(p256, other), false },
        { "a weak curve", make_csr(p224, p224), false },
        { "a weak RSA key", make_csr(rsa1024, rsa1024), false },
        { "empty", strdup(""), false },
        { "text", strdup("hello"), false },
        { "PEM around nothing",
          strdup("-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----\n"),
          false },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct srv_certificate out;
        struct srv_err err = { 0 };
        bool fine = issue(id, "x", rows[i].csr, &out, &err);
        CHECK_ROW(rows[i].why, fine == rows[i].fine);
        CHECK_ROW(rows[i].why, fine || err.code == SRV_E_INVALID);
        free(rows[i].csr);
    }
    EVP_PKEY_free(p256);
    EVP_PKEY_free(other);
    EVP_PKEY_free(p224);
    EVP_PKEY_free(rsa1024);
    EVP_PKEY_free(rsa);
    srv_identity_close(id);
}

static void every_prefix_of_a_request_is_refused_without_reading_past_it(void **state)
{
    (void)state;
    struct srv_identity *id = must_open("prefix", NOW);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    char *csr = make_csr(key, key);
    size_t end = (size_t)(strstr(csr, "-----END") - csr);
    for (size_t len = 0; len < end; len++) {
        uint8_t *exact = t_exact(csr, len);
        struct srv_certificate out;
        struct srv_err err = { 0 };
        assert_false(srv_identity_issue(id, OTA_SPAN_LIT("x"), (struct ota_span){ exact, len }, NOW,
                                        &out, &err));
        assert_int_equal(err.code, SRV_E_INVALID);
        free(exact);
    }
    char *large = calloc(1, SRV_CSR_MAX + 1u);
    struct srv_certificate out;
    struct srv_err err = { 0 };
    assert_false(srv_identity_issue(id, OTA_SPAN_LIT("x"),
                                    (struct ota_span){ (uint8_t *)large, SRV_CSR_MAX + 1u }, NOW,
                                    &out, &err));
    assert_int_equal(err.code, SRV_E_LIMIT);
    free(large);
    free(csr);
    EVP_PKEY_free(key);
    srv_identity_close(id);
}

static void the_revocation_list_holds_exactly_what_it_was_given(void **state)
{
    (void)state;
    struct srv_identity *id = must_open("crl", NOW);
    struct srv_certificate a = must_issue(id, "a"), b = must_issue(id, "b");
    X509 *cert_a = parse(a.pem), *cert_b = parse(b.pem);
    struct srv_serial held[1] = { a.serial };
    struct srv_err err = { 0 };
    struct srv_serials one = { held, 1 }, none = { NULL, 0 };
    assert_true(srv_identity_write_crl(id, one, NOW, &err));
    assert_int_equal(verdict(id, cert_a, X509_PURPOSE_SSL_CLIENT, NOW), X509_V_ERR_CERT_REVOKED);
    assert_int_equal(verdict(id, cert_b, X509_PURPOSE_SSL_CLIENT, NOW), X509_V_OK);
    assert_true(srv_identity_write_crl(id, none, NOW, &err));
    assert_int_equal(verdict(id, cert_a, X509_PURPOSE_SSL_CLIENT, NOW), X509_V_OK);
    /* A serial that is none must not end in a list without it. */
    strcpy(held[0].digits, "zz");
    assert_false(srv_identity_write_crl(id, one, NOW, &err));
    assert_int_equal(verdict(id, cert_b, X509_PURPOSE_SSL_CLIENT, NOW), X509_V_OK);
    X509_free(cert_a);
    X509_free(cert_b);
    srv_identity_close(id);
}

/* Many in one second: a broker that keeps all of them has to know the newest. */
static void each_list_is_dated_after_the_one_before(void **state)
{
    (void)state;
    struct srv_identity *id = must_open("dates", NOW);
    struct srv_serials none = { NULL, 0 };
    ASN1_TIME *last = NULL;
    for (int i = 0; i < 5; i++) {
        struct srv_err err = { 0 };
        int64_t now = i == 3 ? NOW - 1000 * DAYS : NOW; /* the clock may even go back */
        assert_true(srv_identity_write_crl(id, none, now, &err));
        FILE *file = fopen(srv_identity_crl_path(id), "r");
        X509_CRL *crl = PEM_read_X509_CRL(file, NULL, NULL, NULL);
        fclose(file);
        const ASN1_TIME *date = X509_CRL_get0_lastUpdate(crl);
        assert_true(last == NULL || ASN1_TIME_compare(date, last) > 0);
        assert_true(X509_cmp_time(date, &(time_t){ NOW }) < 0);
        ASN1_TIME_free(last);
        last = ASN1_STRING_dup(date);
        X509_CRL_free(crl);
    }
    ASN1_TIME_free(last);
    srv_identity_close(id);
}

static void a_foreign_authority_is_not_ours(void **state)
{
    (void)state;
    struct srv_identity *ours = must_open("ours", NOW), *theirs = must_open("theirs", NOW);
    struct srv_certificate out = must_issue(theirs, "x");
    X509 *cert = parse(out.pem);
    assert_int_not_equal(verdict(ours, cert, X509_PURPOSE_SSL_CLIENT, NOW), X509_V_OK);
    X509_free(cert);
    srv_identity_close(ours);
    srv_identity_close(theirs);
}

static void a_pass_is_a_client_for_minutes(void **state)
{
    (void)state;
    struct srv_identity *id = must_open("pass", NOW);
    struct srv_pass pass;
    struct srv_err err = { 0 };
    assert_true(srv_identity_pass(id, OTA_SPAN_LIT("lamp"), NOW, &pass, &err));
    assert_common_name(pass.cert, "lamp");
    assert_int_equal(verdict(id, pass.cert, X509_PURPOSE_SSL_CLIENT, NOW), X509_V_OK);
    assert_int_equal(verdict(id, pass.cert, X509_PURPOSE_SSL_CLIENT, NOW + 3600),
                     X509_V_ERR_CERT_HAS_EXPIRED);
    srv_pass_clear(&pass);
    assert_false(srv_identity_pass(id, OTA_SPAN_LIT("waft.provider"), NOW, &pass, &err));
    srv_identity_close(id);
}

int main(void)
{
    tmp = t_tmp_make();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_for_their_owner_only),
        cmocka_unit_test(the_authority_survives_a_restart),
        cmocka_unit_test(a_start_cut_after_the_key_goes_on_with_that_key),
        cmocka_unit_test(a_lost_or_foreign_ca_key_is_never_replaced),
        cmocka_unit_test(servers_cover_localhost_and_this_machine),
        cmocka_unit_test(a_new_wanted_name_makes_the_server_certificate_anew),
        cmocka_unit_test(own_certificates_are_renewed_before_they_end),
        cmocka_unit_test(our_own_names_are_no_thing_names),
        cmocka_unit_test(a_device_certificate_is_a_client_with_the_name_that_was_asked_for),
        cmocka_unit_test(names_have_1_to_128_characters_of_the_thing_alphabet),
        cmocka_unit_test(bad_requests_are_refused),
        cmocka_unit_test(every_prefix_of_a_request_is_refused_without_reading_past_it),
        cmocka_unit_test(the_revocation_list_holds_exactly_what_it_was_given),
        cmocka_unit_test(each_list_is_dated_after_the_one_before),
        cmocka_unit_test(a_foreign_authority_is_not_ours),
        cmocka_unit_test(a_pass_is_a_client_for_minutes),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    t_tmp_remove(&tmp);
    return failed;
}
