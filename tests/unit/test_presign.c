/* URLs that are their own permission, and the ranges that are asked for with them. */
#define _GNU_SOURCE
#include "http/presign.h"
#include "http/range.h"
#include "t.h"
#include "tmp.h"
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/stat.h>

#define DIGEST "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define NOW    INT64_C(1700000000)

static struct t_tmp tmp;

static struct srv_presign *must_open(const char *dir, uint32_t valid_s)
{
    struct srv_err err;
    struct srv_presign *p = srv_presign_open(dir, valid_s, &err);
    if (p == NULL) {
        fail_msg("%s", err.text);
    }
    srv_presign_base_set(p, "https://h:1");
    return p;
}

static void url_of(const struct srv_presign *p, char url[SRV_PRESIGNED_URL_MAX])
{
    const struct srv_presigner *port = srv_presign_port(p);
    struct ota_writer w =
        ota_writer((struct ota_buf){ (uint8_t *)url, SRV_PRESIGNED_URL_MAX - 1u });
    port->write(port, &w, OTA_SPAN_LIT("a:b-1"), OTA_SPAN_LIT(DIGEST), NOW);
    url[ota_writer_done(&w).len] = '\0';
}

/* By another way than the module's: the key file, and the four lines that the header tells. */
static void expected_url(const char *expires, char url[SRV_PRESIGNED_URL_MAX])
{
    char path[120], lines[200];
    snprintf(path, sizeof path, "%s/download.key", tmp.path);
    FILE *f = fopen(path, "r");
    unsigned char key[32], mac[32];
    for (size_t i = 0; i < sizeof key; i++) {
        unsigned byte;
        assert_int_equal(fscanf(f, "%2x", &byte), 1);
        key[i] = (unsigned char)byte;
    }
    fclose(f);
    const int len =
        snprintf(lines, sizeof lines, "waft-download-1\na:b-1\n" DIGEST "\n%s", expires);
    assert_non_null(
        HMAC(EVP_sha256(), key, sizeof key, (unsigned char *)lines, (size_t)len, mac, NULL));
    int at = sprintf(url, "https://h:1/d/" DIGEST "?t=a:b-1&e=%s&s=", expires);
    for (size_t i = 0; i < sizeof mac; i++) {
        at += sprintf(url + at, "%02x", mac[i]);
    }
}

static void a_url_is_hmac_over_thing_digest_and_expiry_with_the_key_of_the_file(void **state)
{
    (void)state;
    char url[SRV_PRESIGNED_URL_MAX], want[SRV_PRESIGNED_URL_MAX], path[120];
    struct stat st;
    struct srv_presign *p = must_open(tmp.path, 3600);
    url_of(p, url);
    expected_url("1700003600", want);
    assert_string_equal(url, want);
    snprintf(path, sizeof path, "%s/download.key", tmp.path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777u, 0600);
    srv_presign_close(p);
    p = must_open(tmp.path, 3600); /* the key is kept */
    url_of(p, url);
    assert_string_equal(url, want);
    srv_presign_close(p);
}

static struct ota_span value_of(const char *url, const char *name)
{
    const char *at = strstr(url, name) + strlen(name);
    return (struct ota_span){ (const uint8_t *)at, strcspn(at, "&?") };
}

static struct srv_presigned parts_of(const char *url)
{
    return (struct srv_presigned){ value_of(url, "?t="), value_of(url, "/d/"), value_of(url, "&e="),
                                   value_of(url, "&s=") };
}

static void a_url_with_any_character_changed_is_refused(void **state)
{
    (void)state;
    char url[SRV_PRESIGNED_URL_MAX];
    struct srv_err err;
    struct srv_presign *p = must_open(tmp.path, 60);
    url_of(p, url);
    struct srv_presigned parts = parts_of(url);
    assert_true(srv_presign_check(p, &parts, NOW, &err));
    const struct ota_span *spans[] = { &parts.thing, &parts.digest, &parts.expires, &parts.mac };
    for (size_t s = 0; s < COUNT(spans); s++) {
        char *text = url + ((const char *)spans[s]->ptr - url);
        for (size_t i = 0; i < spans[s]->len; i++) {
            text[i] ^= 1;
            assert_false(srv_presign_check(p, &parts, NOW, &err));
            assert_int_equal(err.code, SRV_E_UNAUTHORIZED);
            text[i] ^= 1;
        }
    }
    for (size_t s = 0; s < COUNT(spans); s++) { /* shorter, down to nothing */
        struct srv_presigned cut = parts;
        struct ota_span *fields[] = { &cut.thing, &cut.digest, &cut.expires, &cut.mac };
        while (fields[s]->len > 0) {
            fields[s]->len--;
            assert_false(srv_presign_check(p, &cut, NOW, &err));
        }
    }
    assert_true(srv_presign_check(p, &parts, NOW, &err));
    srv_presign_close(p);
}

static void absurd_lengths_are_refused(void **state)
{
    (void)state;
    char url[SRV_PRESIGNED_URL_MAX];
    struct srv_err err;
    struct srv_presign *p = must_open(tmp.path, 60);
    url_of(p, url);
    static uint8_t long_text[100000];
    memset(long_text, '1', sizeof long_text);
    for (size_t s = 0; s < 4; s++) {
        struct srv_presigned parts = parts_of(url);
        struct ota_span *fields[] = { &parts.thing, &parts.digest, &parts.expires, &parts.mac };
        *fields[s] = OTA_SPAN_OF(long_text);
        assert_false(srv_presign_check(p, &parts, NOW, &err));
    }
    srv_presign_close(p);
}

static void a_url_ends_at_its_second(void **state)
{
    (void)state;
    char url[SRV_PRESIGNED_URL_MAX];
    struct srv_err err;
    struct srv_presign *p = must_open(tmp.path, 60);
    url_of(p, url);
    const struct srv_presigned parts = parts_of(url);
    assert_true(srv_presign_check(p, &parts, NOW + 59, &err));
    assert_false(srv_presign_check(p, &parts, NOW + 60, &err));
    assert_int_equal(err.code, SRV_E_UNAUTHORIZED);
    assert_non_null(strstr(err.text, "expired"));
    assert_false(srv_presign_check(p, &parts, NOW + 61, &err));
    srv_presign_close(p);
}

static void a_key_file_that_is_none_is_refused_and_stays(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "secret\n",
        DIGEST,
        DIGEST "0",
        DIGEST "\n\n",
        "G00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char dir[120], path[140], text[100] = "";
        snprintf(dir, sizeof dir, "%s/bad", tmp.path);
        snprintf(path, sizeof path, "%s/download.key", dir);
        mkdir(dir, 0700);
        FILE *f = fopen(path, "w");
        fputs(rows[i], f);
        fclose(f);
        struct srv_err err;
        assert_null(srv_presign_open(dir, 60, &err));
        assert_true(err.code == SRV_E_INVALID || err.code == SRV_E_LIMIT);
        f = fopen(path, "r");
        assert_int_equal(fread(text, 1, sizeof text - 1u, f), strlen(rows[i]));
        fclose(f);
        assert_string_equal(text, rows[i]);
    }
}

static void a_base_is_an_https_address_that_json_takes_as_it_is(void **state)
{
    (void)state;
    char longest[SRV_PRESIGN_BASE_MAX + 2u] = "https://";
    memset(longest + 8, 'a', sizeof longest - 9u);
    assert_false(srv_presign_base_ok(longest));
    longest[SRV_PRESIGN_BASE_MAX] = '\0';
    assert_true(srv_presign_base_ok(longest));
    static const char *const good[] = { "https://a", "https://a.b:8443", "https://[::1]:1",
                                        "https://a/b/c" };
    static const char *const bad[] = { "",
                                       "http://a",
                                       "https://",
                                       "https://a/",
                                       "https://a b",
                                       "https://a\"",
                                       "https://a\\",
                                       "https://a?b",
                                       "https://a#b",
                                       "https://a\n",
                                       "https://a\xff",
                                       "ftp://a",
                                       "https://a${b}" };
    for (size_t i = 0; i < COUNT(good); i++) {
        CHECK_ROW(good[i], srv_presign_base_ok(good[i]));
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        CHECK_ROW(bad[i], !srv_presign_base_ok(bad[i]));
    }
}

static void ranges_are_those_of_rfc_9110(void **state)
{
    (void)state;
    static const struct {
        const char *why, *range, *if_range;
        enum http_range_verdict want;
        uint64_t first, size;
    } rows[] = {
        { "none", NULL, NULL, HTTP_RANGE_ALL, 0, 100 },
        { "the first byte", "bytes=0-0", NULL, HTTP_RANGE_PART, 0, 1 },
        { "the last byte", "bytes=99-99", NULL, HTTP_RANGE_PART, 99, 1 },
        { "all, asked for as a range", "bytes=0-99", NULL, HTTP_RANGE_PART, 0, 100 },
        { "beyond the end is cut", "bytes=90-100", NULL, HTTP_RANGE_PART, 90, 10 },
        { "far beyond", "bytes=0-99999999999999999999999999", NULL, HTTP_RANGE_PART, 0, 100 },
        { "to the end", "bytes=40-", NULL, HTTP_RANGE_PART, 40, 60 },
        { "the last ten", "bytes=-10", NULL, HTTP_RANGE_PART, 90, 10 },
        { "the last thousand", "bytes=-1000", NULL, HTTP_RANGE_PART, 0, 100 },
        { "the unit in capitals", "BYTES=1-2", NULL, HTTP_RANGE_PART, 1, 2 },
        { "the last none", "bytes=-0", NULL, HTTP_RANGE_NONE, 0, 100 },
        { "at the end", "bytes=100-", NULL, HTTP_RANGE_NONE, 0, 100 },
        { "behind the end", "bytes=100-200", NULL, HTTP_RANGE_NONE, 0, 100 },
        { "64 bits are not enough", "bytes=18446744073709551616-", NULL, HTTP_RANGE_NONE, 0, 100 },
        { "backwards", "bytes=5-4", NULL, HTTP_RANGE_ALL, 0, 100 },
        { "several", "bytes=0-1,3-4", NULL, HTTP_RANGE_ALL, 0, 100 },
        { "another unit", "blocks=0-1", NULL, HTTP_RANGE_ALL, 0, 100 },
        { "nothing", "bytes=", NULL, HTTP_RANGE_ALL, 0, 100 },
        { "a dash", "bytes=-", NULL, HTTP_RANGE_ALL, 0, 100 },
        { "no dash", "bytes=5", NULL, HTTP_RANGE_ALL, 0, 100 },
        { "a sign", "bytes=+1-2", NULL, HTTP_RANGE_ALL, 0, 100 },
        { "a blank", "bytes= 1-2", NULL, HTTP_RANGE_ALL, 0, 100 },
        { "something behind it", "bytes=1-2x", NULL, HTTP_RANGE_ALL, 0, 100 },
        { "two dashes", "bytes=--2", NULL, HTTP_RANGE_ALL, 0, 100 },
        { "if it is this one", "bytes=1-2", "\"tag\"", HTTP_RANGE_PART, 1, 2 },
        { "if it is another", "bytes=1-2", "\"gat\"", HTTP_RANGE_ALL, 0, 100 },
        { "if it is weak", "bytes=1-2", "W/\"tag\"", HTTP_RANGE_ALL, 0, 100 },
        { "if it is of a day", "bytes=1-2", "Tue, 15 Nov 2022 12:45:26 GMT", HTTP_RANGE_ALL, 0,
          100 },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct http_range got;
        CHECK_ROW(rows[i].why, http_range_read(rows[i].range, rows[i].if_range, "\"tag\"", 100,
                                               &got) == rows[i].want);
        CHECK_ROW(rows[i].why, got.first == rows[i].first && got.size == rows[i].size);
    }
}

int main(void)
{
    tmp = t_tmp_make();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_url_is_hmac_over_thing_digest_and_expiry_with_the_key_of_the_file),
        cmocka_unit_test(a_url_with_any_character_changed_is_refused),
        cmocka_unit_test(absurd_lengths_are_refused),
        cmocka_unit_test(a_url_ends_at_its_second),
        cmocka_unit_test(a_key_file_that_is_none_is_refused_and_stays),
        cmocka_unit_test(a_base_is_an_https_address_that_json_takes_as_it_is),
        cmocka_unit_test(ranges_are_those_of_rfc_9110),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    t_tmp_remove(&tmp);
    return failed;
}
