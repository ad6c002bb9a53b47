/*
 * waft and waftd as their users meet them: real processes, real TLS, a real
 * broker; the device is a bare MQTT client with the files that `waft` made.
 */
#define _GNU_SOURCE
#include "mqtt.h"
#include "run.h"
#include "t.h"
#include "tmp.h"
#include <curl/curl.h>
#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define VENDOR "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
#define CLASS  "0f0e0d0c-0b0a-0908-0706-050403020100"

static struct t_tmp tmp;
static char data[100], release_key[100], deployment_key[100], image[100];

static const char *in_tmp(char out[200], const char *name)
{
    assert_true(snprintf(out, 200, "%s/%s", tmp.path, name) < 200);
    return out;
}

static json_t *json_of(struct t_run run)
{
    if (run.code != 0) {
        fail_msg("exit code %d: %s", run.code, run.err);
    }
    json_t *value = json_loads(run.out, 0, NULL);
    assert_non_null(value);
    t_run_end(&run);
    return value;
}

static json_int_t status_number(const char *name)
{
    json_t *status = json_of(t_waft("status", "-o", "json"));
    json_int_t number = json_integer_value(json_object_get(status, name));
    json_decref(status);
    return number;
}

static uint16_t broker_port(void)
{
    json_t *status = json_of(t_waft("status", "-o", "json"));
    const char *broker = json_string_value(json_object_get(status, "broker"));
    uint16_t port = (uint16_t)atoi(strrchr(broker, ':') + 1);
    json_decref(status);
    return port;
}

static struct t_mqtt *connect_as(const char *thing)
{
    char cert[200], key[200], ca[200], name[160];
    snprintf(name, sizeof name, "things/%s.crt", thing);
    in_tmp(cert, name);
    snprintf(name, sizeof name, "things/%s.key", thing);
    in_tmp(key, name);
    struct t_mqtt_who who = { in_tmp(ca, "things/ca.crt"), cert, key, NULL, broker_port() };
    return t_mqtt_open(&who);
}

static int create(const char *thing)
{
    char dir[200];
    return t_code(t_waft("thing", "create", thing, "--dir", in_tmp(dir, "things")));
}

static int before_all(void **state)
{
    (void)state;
    struct t_run up = t_waft("up", "--data", data, "--detach");
    if (up.code != 0) {
        fprintf(stderr, "%s", up.err);
    }
    bool ok = up.code == 0 && t_code(t_waft("key", "new", release_key)) == 0 &&
              t_code(t_waft("key", "new", deployment_key)) == 0 &&
              t_code(t_waft("image", "sign", "/bin/true", "--key", release_key, "--out", image,
                            "--version", "1.4.0", "--vendor", VENDOR, "--class", CLASS, "--counter",
                            "7", "--hw", "2-5")) == 0;
    t_run_end(&up);
    return ok ? 0 : -1;
}

static int after_all(void **state)
{
    (void)state;
    int code = t_code(t_waft("down", "--data", data));
    mosquitto_lib_cleanup();
    return code;
}

static void up_stores_how_to_reach_the_provider_for_this_user_only(void **state)
{
    (void)state;
    char path[200];
    struct stat st;
    assert_int_equal(stat(in_tmp(path, "config/waft/provider.json"), &st), 0);
    assert_int_equal(st.st_mode & 0777u, 0600);
    json_t *profile = json_load_file(path, 0, NULL);
    assert_non_null(json_object_get(profile, "url"));
    assert_non_null(json_object_get(profile, "caPem"));
    json_decref(profile);
    snprintf(path, sizeof path, "%s/token", data);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777u, 0600);
}

static void a_second_up_on_the_same_directory_is_refused_and_harms_nothing(void **state)
{
    (void)state;
    json_int_t before = status_number("brokerPid");
    assert_int_equal(t_code(t_waft("up", "--data", data, "--detach")), 1);
    assert_int_equal(status_number("brokerPid"), before);
}

static void a_thing_is_created_once_and_its_key_stays_here(void **state)
{
    (void)state;
    char path[200];
    struct stat st;
    assert_int_equal(create("lamp-1"), 0);
    assert_int_equal(stat(in_tmp(path, "things/lamp-1.key"), &st), 0);
    assert_int_equal(st.st_mode & 0777u, 0600);
    char *before = t_slurp(path, NULL);
    assert_int_equal(create("lamp-1"), 1); /* here already */
    char *after = t_slurp(path, NULL);
    assert_string_equal(before, after);
    free(after);

    /* Known to the provider, but made elsewhere: no key is left behind. */
    char other[200], key[200];
    struct t_run again = t_waft("thing", "create", "lamp-1", "--dir", in_tmp(other, "other"));
    assert_int_equal(again.code, 1);
    assert_non_null(strstr(again.err, "exists"));
    t_run_end(&again);
    assert_int_equal(access(in_tmp(key, "other/lamp-1.key"), F_OK), -1);

    struct t_mqtt *m = connect_as("lamp-1");
    assert_true(m->connected);
    t_mqtt_close(m);
    free(before);
}

static void thing_names_end_at_128_characters(void **state)
{
    (void)state;
    char name[130];
    memset(name, 'n', sizeof name);
    name[129] = '\0';
    assert_int_equal(create(name), 2);
    name[128] = '\0';
    assert_int_equal(create(name), 0);
    struct t_mqtt *m = connect_as(name);
    assert_true(m->connected);
    t_mqtt_close(m);
    static const char *const bad[] = { "", "a/b", "../x", "a b", "waft.provider", "$next", "+" };
    for (size_t i = 0; i < COUNT(bad); i++) {
        CHECK_ROW(bad[i], create(bad[i]) == 2);
    }
}

static void a_disabled_thing_is_put_out_and_an_enabled_one_is_let_in(void **state)
{
    (void)state;
    assert_int_equal(create("lamp-2"), 0);
    struct t_mqtt *m = connect_as("lamp-2");
    assert_true(m->connected);
    assert_int_equal(t_code(t_waft("thing", "disable", "lamp-2")), 0);
    assert_true(t_mqtt_until(m, NULL, &m->lost));
    t_mqtt_close(m);
    m = connect_as("lamp-2");
    assert_false(m->connected);
    t_mqtt_close(m);
    json_t *thing = json_of(t_waft("thing", "show", "lamp-2", "-o", "json"));
    assert_string_equal(json_string_value(json_object_get(thing, "state")), "disabled");
    json_decref(thing);
    assert_int_equal(t_code(t_waft("thing", "enable", "lamp-2")), 0);
    m = connect_as("lamp-2");
    assert_true(m->connected);
    t_mqtt_close(m);
    assert_int_equal(t_code(t_waft("thing", "disable", "nobody")), 1);
}

static void what_a_device_says_of_itself_is_shown(void **state)
{
    (void)state;
    json_t *thing = json_of(t_waft("thing", "show", "lamp-1", "-o", "json"));
    assert_string_equal(json_string_value(json_object_get(thing, "version")), "");
    assert_string_equal(json_string_value(json_object_get(thing, "reportedAt")), "-");
    json_decref(thing);
    struct t_mqtt *m = connect_as("lamp-1");
    assert_true(m->connected);
    t_mqtt_subscribe(m, "$aws/things/lamp-1/shadow/name/waft/update/accepted");
    t_mqtt_publish(m, "$aws/things/lamp-1/shadow/name/waft/update",
                   "{\"state\":{\"reported\":{\"version\":\"1.3.0\",\"slot\":\"B\",\"hw\":4,"
                   "\"class\":\"\\u001b[31m\"}}}"); /* a device that plays with terminals */
    t_mqtt_publish(m, "$aws/things/lamp-1/shadow/name/waft/update",
                   "{\"state\":{\"reported\":{\"version\":\"1.3.0\",\"slot\":\"B\",\"hw\":4}}}");
    assert_true(t_mqtt_until_count(m, NULL, &m->message_count, 1));
    t_mqtt_close(m);
    thing = json_of(t_waft("thing", "show", "lamp-1", "-o", "json"));
    assert_string_equal(json_string_value(json_object_get(thing, "version")), "1.3.0");
    assert_string_equal(json_string_value(json_object_get(thing, "slot")), "B");
    assert_string_equal(json_string_value(json_object_get(thing, "hw")), "4");
    assert_string_equal(json_string_value(json_object_get(thing, "class")), "");
    assert_string_not_equal(json_string_value(json_object_get(thing, "reportedAt")), "-");
    json_decref(thing);
    json_t *things = json_of(t_waft("thing", "list", "-o", "json"));
    assert_string_equal(json_string_value(json_object_get(json_array_get(things, 0), "version")),
                        "1.3.0");
    json_decref(things);
}

/* ---- deployments ---- */

static json_t *document_of(const char *job)
{
    /* The document as the device gets it: by asking for the job over MQTT. */
    struct t_mqtt *m = connect_as("lamp-1");
    assert_true(m->connected);
    char topic[300], reply[320];
    snprintf(topic, sizeof topic, "$aws/things/lamp-1/jobs/%s/get", job);
    snprintf(reply, sizeof reply, "%s/accepted", topic);
    t_mqtt_keep_payloads(m);
    t_mqtt_subscribe(m, reply);
    t_mqtt_publish(m, topic, "{\"includeJobDocument\":true}");
    assert_true(t_mqtt_until_count(m, NULL, &m->message_count, 1));
    json_t *answer = json_loads(m->last_payload, 0, NULL);
    json_t *document =
        json_incref(json_object_get(json_object_get(answer, "execution"), "jobDocument"));
    json_decref(answer);
    t_mqtt_close(m);
    assert_non_null(document);
    return document;
}

static bool signed_by(const char *public_path, const json_t *text, const char *bytes, size_t len)
{
    FILE *f = fopen(public_path, "r");
    EVP_PKEY *key = PEM_read_PUBKEY(f, NULL, NULL, NULL);
    fclose(f);
    unsigned char der[128];
    const char *base64 = json_string_value(text);
    int padding = strcmp(base64 + strlen(base64) - 2, "==") == 0 ? 2
                  : base64[strlen(base64) - 1] == '='            ? 1
                                                                 : 0;
    int der_len = EVP_DecodeBlock(der, (const unsigned char *)base64, (int)strlen(base64));
    assert_true(der_len > 0);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
                EVP_DigestVerify(ctx, der, (size_t)(der_len - padding),
                                 (const unsigned char *)bytes, len) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    return good;
}

static void a_deployment_carries_the_signature_and_what_the_image_says(void **state)
{
    (void)state;
    assert_int_equal(t_code(t_waft("deploy", image, "--to", "lamp-1", "--key", deployment_key,
                                   "--job", "job-doc")),
                     0);
    json_t *document = document_of("job-doc");
    json_t *afr = json_object_get(document, "afr_ota"), *waft = json_object_get(document, "waft");
    json_t *file = json_array_get(json_object_get(afr, "files"), 0);
    size_t size = 0;
    char *bytes = t_slurp(image, &size);
    assert_string_equal(json_string_value(json_array_get(json_object_get(afr, "protocols"), 0)),
                        "MQTT");
    assert_int_equal(strncmp(json_string_value(json_object_get(afr, "streamname")), "AFR_OTA-", 8),
                     0);
    assert_int_equal(json_integer_value(json_object_get(file, "filesize")), size);
    assert_int_equal(json_integer_value(json_object_get(file, "fileid")), 0);
    assert_string_equal(json_string_value(json_object_get(file, "filepath")), "image");
    char public_path[120];
    snprintf(public_path, sizeof public_path, "%.*s.pub", (int)(strlen(deployment_key) - 4),
             deployment_key);
    assert_true(signed_by(public_path, json_object_get(file, "sig-sha256-ecdsa"), bytes, size));
    assert_string_equal(json_string_value(json_object_get(waft, "version")), "1.4.0");
    assert_string_equal(json_string_value(json_object_get(waft, "class")), CLASS);
    assert_int_equal(json_integer_value(json_object_get(waft, "counter")), 7);
    assert_int_equal(json_integer_value(json_array_get(json_object_get(waft, "hw"), 1)), 5);

    /* The artifact is there under its digest. */
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256((unsigned char *)bytes, size, digest);
    char path[300], hex[65];
    for (size_t i = 0; i < sizeof digest; i++) {
        sprintf(hex + 2 * i, "%02x", digest[i]);
    }
    snprintf(path, sizeof path, "%s/artifacts/%s", data, hex);
    size_t stored = 0;
    char *artifact = t_slurp(path, &stored);
    assert_int_equal(stored, size);
    assert_memory_equal(artifact, bytes, size);
    free(artifact);
    free(bytes);
    json_decref(document);
    assert_int_equal(t_code(t_waft("job", "cancel", "job-doc", "--force")), 0);
}

static size_t append(char *bytes, size_t size, size_t count, void *to)
{
    return fwrite(bytes, size, count, to);
}

/* As a device does: it trusts the CA that it was given, and asks for some bytes. */
static long fetch(const char *url, const char *range, char **bytes, size_t *len)
{
    char ca[200];
    long status = 0;
    FILE *to = open_memstream(bytes, len);
    CURL *curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CAINFO, in_tmp(ca, "things/ca.crt"));
    curl_easy_setopt(curl, CURLOPT_RANGE, range);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, to);
    assert_int_equal(curl_easy_perform(curl), CURLE_OK);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    fclose(to);
    return status;
}

/* "MQTT", "HTTP" or "MQTT HTTP" */
static const char *protocols_of(const json_t *afr)
{
    static char text[40];
    const json_t *list = json_object_get(afr, "protocols");
    text[0] = '\0';
    for (size_t i = 0; i < json_array_size(list); i++) {
        strcat(strcat(text, i > 0 ? " " : ""), json_string_value(json_array_get(list, i)));
    }
    return text;
}

static void a_deployment_over_http_carries_a_url_that_serves_the_image(void **state)
{
    (void)state;
    static const struct {
        const char *protocol, *job, *protocols;
        bool stream;
    } rows[] = { { "both", "job-both", "MQTT HTTP", true },
                 { "http", "job-http", "HTTP", false },
                 { "mqtt", "job-mqtt", "MQTT", true } };
    size_t size = 0;
    char *image_bytes = t_slurp(image, &size);
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(t_code(t_waft("deploy", image, "--to", "lamp-1", "--key", deployment_key,
                                       "--job", rows[i].job, "--protocol", rows[i].protocol)),
                         0);
        json_t *document = document_of(rows[i].job);
        json_t *afr = json_object_get(document, "afr_ota");
        json_t *file = json_array_get(json_object_get(afr, "files"), 0);
        const char *url = json_string_value(json_object_get(file, "update_data_url"));
        assert_string_equal(protocols_of(afr), rows[i].protocols);
        assert_int_equal(json_object_get(afr, "streamname") != NULL, rows[i].stream);
        assert_int_equal(url != NULL, strstr(rows[i].protocols, "HTTP") != NULL);
        if (url != NULL) {
            char *bytes = NULL;
            size_t len = 0;
            assert_int_equal(fetch(url, "4096-8191", &bytes, &len), 206);
            assert_int_equal(len, 4096);
            assert_memory_equal(bytes, image_bytes + 4096, 4096);
            free(bytes);
        }
        json_decref(document);
        assert_int_equal(t_code(t_waft("job", "cancel", rows[i].job, "--force")), 0);
    }
    free(image_bytes);
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

/* File `id` of a document: what it must be, and that its signature is over these bytes. */
static void assert_file(const json_t *afr, size_t id, json_int_t type, const char *path)
{
    char public_path[120];
    const json_t *file = json_array_get(json_object_get(afr, "files"), id);
    size_t size = 0;
    char *bytes = t_slurp(path, &size);
    snprintf(public_path, sizeof public_path, "%.*s.pub", (int)(strlen(deployment_key) - 4),
             deployment_key);
    assert_int_equal(json_integer_value(json_object_get(file, "fileid")), id);
    assert_int_equal(json_integer_value(json_object_get(file, "fileType")), type);
    assert_int_equal(json_integer_value(json_object_get(file, "filesize")), size);
    assert_string_equal(json_string_value(json_object_get(file, "filepath")),
                        strrchr(path, '/') + 1);
    assert_true(signed_by(public_path, json_object_get(file, "sig-sha256-ecdsa"), bytes, size));
    free(bytes);
}

static void files_go_with_an_image_or_alone(void **state)
{
    (void)state;
    char fonts[200], radio[200], word[2][220];
    write_file(in_tmp(fonts, "fonts.bin"), "fonts");
    write_file(in_tmp(radio, "radio.bin"), "firmware of the radio");
    snprintf(word[0], sizeof word[0], "200:%s", fonts);
    snprintf(word[1], sizeof word[1], "1:%s", radio);
    struct t_run run = t_waft("deploy", image, "--to", "lamp-1", "--key", deployment_key, "--job",
                              "job-files", "--file", word[0], "--file", word[1]);
    assert_int_equal(run.code, 0);
    assert_non_null(strstr(run.out, "1.4.0 and 2 files to 1 thing"));
    t_run_end(&run);
    json_t *document = document_of("job-files");
    json_t *afr = json_object_get(document, "afr_ota");
    assert_int_equal(json_array_size(json_object_get(afr, "files")), 3);
    assert_file(afr, 0, 0, image);
    assert_file(afr, 1, 200, fonts);
    assert_file(afr, 2, 1, radio);
    assert_non_null(json_object_get(json_object_get(document, "waft"), "digest"));
    json_decref(document);
    assert_int_equal(t_code(t_waft("job", "cancel", "job-files", "--force")), 0);

    run = t_waft("deploy", "--file", word[0], "--to", "lamp-1", "--key", deployment_key,
                 "--protocol", "both", "-o", "json");
    json_t *made = json_of(run);
    const char *job = json_string_value(json_object_get(made, "jobId"));
    assert_int_equal(strncmp(job, "files-", 6), 0);
    document = document_of(job);
    afr = json_object_get(document, "afr_ota");
    assert_int_equal(json_array_size(json_object_get(afr, "files")), 1);
    assert_file(afr, 0, 200, fonts);
    assert_null(json_object_get(document, "waft"));
    char *bytes = NULL;
    size_t len = 0;
    const json_t *file = json_array_get(json_object_get(afr, "files"), 0);
    assert_int_equal(
        fetch(json_string_value(json_object_get(file, "update_data_url")), NULL, &bytes, &len),
        200);
    assert_int_equal(len, 5);
    free(bytes);
    json_decref(document);
    assert_int_equal(t_code(t_waft("job", "cancel", job, "--force")), 0);
    json_decref(made);
}

/* The image, and `count` times the same file; over both protocols the document is at its longest. */
static struct t_run deploy_files(const char *job, const char *file, size_t count)
{
    char word[450];
    snprintf(word, sizeof word, "7:%s", file);
    const char *words[120] = { "waft",         "deploy", image, "--to",       "lamp-1", "--key",
                               deployment_key, "--job",  job,   "--protocol", "both" };
    for (size_t i = 0; i < count; i++) {
        words[11 + 2 * i] = "--file";
        words[12 + 2 * i] = word;
    }
    return t_run(words);
}

static void assert_not_deployed(struct t_run run, const char *text)
{
    if (run.code != 1 || strstr(run.err, text) == NULL) {
        fail_msg("[%s] exit code %d: %s", text, run.code, run.err);
    }
    t_run_end(&run);
}

static void a_deployment_has_fifty_files_at_most(void **state)
{
    (void)state;
    char fonts[200];
    write_file(in_tmp(fonts, "fonts.bin"), "fonts");
    assert_not_deployed(deploy_files("job-fifty", fonts, 50), "at most 50 files");
    assert_int_equal(t_code(deploy_files("job-fifty", fonts, 49)), 0);
    json_t *document = document_of("job-fifty");
    assert_file(json_object_get(document, "afr_ota"), 49, 7, fonts);
    json_decref(document);
    assert_int_equal(t_code(t_waft("job", "cancel", "job-fifty", "--force")), 0);
}

static size_t artifacts_stored(void)
{
    char path[200];
    snprintf(path, sizeof path, "%s/artifacts", data);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    size_t count = 0;
    while (readdir(dir) != NULL) {
        count++;
    }
    closedir(dir);
    return count;
}

/* Names of files stand in the document: one that cannot be there must not leave its file out. */
static void a_document_that_cannot_be_is_known_before_anything_is_sent(void **state)
{
    (void)state;
    char path[420], name[256];
    const size_t before = artifacts_stored();
    snprintf(path, sizeof path, "%s/caf\xe9.bin", tmp.path);
    write_file(path, "Latin-1");
    assert_not_deployed(deploy_files("job-latin", path, 1), "UTF-8");
    memset(name, '"', sizeof name - 1u); /* each is escaped */
    name[255] = '\0';
    snprintf(path, sizeof path, "%s/%s", tmp.path, name);
    write_file(path, "long");
    assert_not_deployed(deploy_files("job-long", path, 49), "of 32768 at most");
    assert_int_equal(artifacts_stored(), before);
}

/* A device: hears of its job, then says these updates, each after the one before was accepted. */
static void play_device(struct t_mqtt *m, const char *job, const char *const *updates)
{
    char topic[300], accepted[320];
    snprintf(topic, sizeof topic, "$aws/things/lamp-1/jobs/%s/update", job);
    snprintf(accepted, sizeof accepted, "%s/accepted", topic);
    while (strstr(m->last_payload != NULL ? m->last_payload : "", job) == NULL) {
        size_t before = m->message_count;
        assert_true(t_mqtt_until_count(m, NULL, &m->message_count, before + 1));
    }
    t_mqtt_subscribe(m, accepted);
    for (size_t i = 0; updates[i] != NULL; i++) {
        size_t before = m->message_count;
        t_mqtt_publish(m, topic, updates[i]);
        while (strcmp(m->messages[before].topic, accepted) != 0) {
            assert_true(t_mqtt_until_count(m, NULL, &m->message_count, before + 1));
            before += strcmp(m->messages[before].topic, accepted) != 0;
        }
    }
}

static struct t_mqtt *start_device(void)
{
    struct t_mqtt *m = connect_as("lamp-1");
    assert_true(m->connected);
    t_mqtt_keep_payloads(m);
    t_mqtt_subscribe(m, "$aws/things/lamp-1/jobs/notify-next");
    return m;
}

static struct t_run deploy_and_wait(const char *job, const char *const *updates)
{
    struct t_mqtt *m = start_device();
    struct t_started deploy = t_start(
        (const char *const[]){ "waft", "deploy", image, "--to", "lamp-1", "--key", deployment_key,
                               "--job", job, "--wait", "--timeout", "60", NULL });
    play_device(m, job, updates);
    struct t_run run = t_finish(deploy);
    t_mqtt_close(m);
    return run;
}

static void waiting_ends_with_the_job_and_its_exit_code_says_how(void **state)
{
    (void)state;
    static const char *const good[] = {
        "{\"status\":\"IN_PROGRESS\",\"statusDetails\":{\"self_test\":\"ready\"}}",
        "{\"status\":\"SUCCEEDED\",\"statusDetails\":{\"reason\":\"accepted v1.4.0\"}}", NULL
    };
    struct t_run run = deploy_and_wait("job-good", good);
    assert_int_equal(run.code, 0);
    assert_non_null(strstr(run.err, "SUCCEEDED: accepted v1.4.0"));
    assert_non_null(strstr(run.out, "SUCCEEDED"));
    assert_null(strchr(run.err, '\033')); /* no terminal, no bar */
    t_run_end(&run);

    static const char *const bad[] = {
        "{\"status\":\"FAILED\",\"statusDetails\":{\"reason\":\"self-test\\u202egnp.exe\"}}", NULL
    };
    run = deploy_and_wait("job-bad", bad);
    assert_int_equal(run.code, 3);
    assert_non_null(strstr(run.err, "FAILED: self-test"));
    /* What a device says must not turn the operator's line around. */
    assert_null(strstr(run.err, "\xe2\x80\xae"));
    assert_null(strstr(run.out, "\xe2\x80\xae"));
    t_run_end(&run);
}

static void watching_shows_how_far_a_download_is(void **state)
{
    (void)state;
    static const char *const half[] = {
        "{\"status\":\"IN_PROGRESS\",\"statusDetails\":{\"receive\":\"1/2\"}}", NULL
    };
    struct t_mqtt *m = start_device();
    assert_int_equal(t_code(t_waft("deploy", image, "--to", "lamp-1", "--key", deployment_key,
                                   "--job", "job-half")),
                     0);
    play_device(m, "job-half", half);
    t_mqtt_close(m);
    struct t_run run = t_waft("job", "watch", "job-half", "--timeout", "1");
    assert_int_equal(run.code, 4);
    assert_non_null(strstr(run.err, "receives 1 of 2 blocks"));
    t_run_end(&run);
    assert_int_equal(t_code(t_waft("job", "cancel", "job-half", "--force")), 0);
}

static void waiting_can_time_out_and_the_job_goes_on(void **state)
{
    (void)state;
    struct t_run run = t_waft("deploy", image, "--to", "lamp-1", "--key", deployment_key, "--job",
                              "job-slow", "--wait", "--timeout", "1");
    assert_int_equal(run.code, 4);
    t_run_end(&run);
    run = t_waft("job", "show", "job-slow", "-o", "csv");
    assert_int_equal(run.code, 0);
    assert_non_null(strstr(run.out, "lamp-1,QUEUED"));
    t_run_end(&run);
    assert_int_equal(t_code(t_waft("job", "cancel", "job-slow")), 0);
    assert_int_equal(t_code(t_waft("job", "watch", "job-slow")), 3);
}

/* What has come on a started program's stderr so far holds `text`. */
static void await_text(const struct t_started *started, const char *text)
{
    char so_far[4096];
    for (int looks = 0; looks < 1000; looks++) {
        ssize_t len = pread(started->err, so_far, sizeof so_far - 1, 0);
        assert_true(len >= 0);
        so_far[len] = '\0';
        if (strstr(so_far, text) != NULL) {
            return;
        }
        poll(NULL, 0, 10);
    }
    fail_msg("\"%s\" does not come: %s", text, so_far);
}

static json_int_t number_of_job(const char *job, const char *column)
{
    json_t *jobs = json_of(t_waft("job", "list", "-o", "json")), *row;
    json_int_t number = -1;
    size_t i;
    json_array_foreach(jobs, i, row)
    {
        if (strcmp(json_string_value(json_object_get(row, "jobId")), job) == 0) {
            number = json_integer_value(json_object_get(row, column));
        }
    }
    json_decref(jobs);
    return number;
}

static void each_end_of_a_job_is_counted_in_a_column_of_its_own(void **state)
{
    (void)state;
    static const char *const no[] = {
        "{\"status\":\"REJECTED\",\"statusDetails\":{\"reason\":\"not for us\"}}", NULL
    };
    struct t_run run = deploy_and_wait("job-no", no);
    assert_int_equal(run.code, 3);
    t_run_end(&run);
    static const char *const columns[] = { "things",   "succeeded", "failed",
                                           "rejected", "canceled",  "open" };
    static const struct {
        const char *job;
        json_int_t counts[COUNT(columns)];
    } rows[] = {
        { "job-good", { 1, 1, 0, 0, 0, 0 } },
        { "job-bad", { 1, 0, 1, 0, 0, 0 } },
        { "job-no", { 1, 0, 0, 1, 0, 0 } },
        { "job-slow", { 1, 0, 0, 0, 1, 0 } },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (size_t c = 0; c < COUNT(columns); c++) {
            CHECK_ROW(rows[i].job, number_of_job(rows[i].job, columns[c]) == rows[i].counts[c]);
        }
    }
}

static void a_deadline_is_1_to_10080_minutes(void **state)
{
    (void)state;
    static const struct {
        const char *minutes;
        int code;
        json_int_t kept;
    } rows[] = {
        { "0", 2, -1 },     { "1", 0, 1 },   { "10080", 0, 10080 },
        { "10081", 2, -1 }, { "-1", 2, -1 }, { "1.5", 2, -1 },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char job[40];
        snprintf(job, sizeof job, "job-deadline-%zu", i);
        CHECK_ROW(rows[i].minutes,
                  t_code(t_waft("deploy", image, "--to", "lamp-1", "--key", deployment_key, "--job",
                                job, "--deadline", rows[i].minutes)) == rows[i].code);
        CHECK_ROW(rows[i].minutes, number_of_job(job, "deadlineMinutes") == rows[i].kept);
        CHECK_ROW(rows[i].minutes,
                  t_code(t_waft("job", "cancel", job)) == (rows[i].code == 0 ? 0 : 1));
    }
}

static void what_is_no_file_is_not_replaced_by_one(void **state)
{
    (void)state;
    char path[200];
    struct stat st;
    assert_int_equal(mkfifo(in_tmp(path, "fifo"), 0600), 0);
    struct t_run run = t_waft("image", "sign", "/bin/true", "--key", release_key, "--out", path,
                              "--version", "1.0.0", "--vendor", VENDOR, "--class", CLASS);
    assert_int_equal(run.code, 1);
    assert_non_null(strstr(run.err, "no regular file"));
    t_run_end(&run);
    assert_int_equal(stat(path, &st), 0);
    assert_true(S_ISFIFO(st.st_mode));
}

static void an_interrupted_watch_says_that_the_job_goes_on(void **state)
{
    (void)state;
    assert_int_equal(t_code(t_waft("deploy", image, "--to", "lamp-1", "--key", deployment_key,
                                   "--job", "job-left")),
                     0);
    struct t_started watch =
        t_start((const char *const[]){ "waft", "job", "watch", "job-left", NULL });
    await_text(&watch, "QUEUED");
    assert_int_equal(kill(watch.pid, SIGINT), 0);
    struct t_run run = t_finish(watch);
    assert_int_equal(run.code, 128 + SIGINT); /* ended by it, as a shell's loop wants to see */
    assert_non_null(strstr(run.err, "the job goes on: `waft job watch job-left`"));
    t_run_end(&run);
    run = t_waft("job", "show", "job-left", "-o", "csv");
    assert_non_null(strstr(run.out, "lamp-1,QUEUED"));
    t_run_end(&run);
    assert_int_equal(t_code(t_waft("job", "cancel", "job-left")), 0);
}

static void refusals_are_named_and_change_nothing(void **state)
{
    (void)state;
    json_int_t before = status_number("jobsInProgress");
    const struct {
        const char *why, *text;
        int code;
        const char *words[12];
    } rows[] = {
#define DEPLOY(what, thing, key) "waft", "deploy", what, "--to", thing, "--key", key
        { "no such thing", "nobody", 1, { DEPLOY(image, "nobody", deployment_key) } },
        { "not an image",
          "not a valid image",
          1,
          { DEPLOY("/bin/true", "lamp-1", deployment_key) } },
        { "no such file", "no file", 1, { DEPLOY("/nonexistent", "lamp-1", deployment_key) } },
        { "no private key", "no private key", 1, { DEPLOY(image, "lamp-1", image) } },
        { "an empty name", "no thing name", 1, { DEPLOY(image, "lamp-1,", deployment_key) } },
        { "no key", "--key", 2, { "waft", "deploy", image, "--to", "lamp-1" } },
        { "no image",
          "--slot-a",
          2,
          { "waft", "deploy", "--to", "lamp-1", "--key", deployment_key } },
        { "one slot of two",
          "--slot-b",
          2,
          { "waft", "deploy", "--slot-a", image, "--to", "lamp-1", "--key", deployment_key } },
        { "an image, and one for a slot",
          "--slot-a",
          2,
          { DEPLOY(image, "lamp-1", deployment_key), "--slot-a", image } },
        { "a job id of 65 characters",
          "job id",
          1,
          { DEPLOY(image, "lamp-1", deployment_key), "--job",
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" } },
        { "a file without a type",
          "TYPE:PATH",
          1,
          { DEPLOY(image, "lamp-1", deployment_key), "--file", image } },
        { "a file of type 0",
          "1 to 255",
          1,
          { DEPLOY(image, "lamp-1", deployment_key), "--file", "0:/bin/true" } },
        { "a file of type 256",
          "1 to 255",
          1,
          { DEPLOY(image, "lamp-1", deployment_key), "--file", "256:/bin/true" } },
        { "a file without a path",
          "TYPE:PATH",
          1,
          { DEPLOY(image, "lamp-1", deployment_key), "--file", "3:" } },
        { "a file that is not there",
          "no file",
          1,
          { DEPLOY(image, "lamp-1", deployment_key), "--file", "3:/nonexistent" } },
        { "an empty file",
          "empty",
          1,
          { DEPLOY(image, "lamp-1", deployment_key), "--file", "3:/dev/null" } },
        { "no such protocol",
          "mqtt, http or both",
          2,
          { DEPLOY(image, "lamp-1", deployment_key), "--protocol", "ftp" } },
        { "no such job", "no job nothing", 1, { "waft", "job", "show", "nothing" } },
        { "no job to cancel", "job", 1, { "waft", "job", "cancel", "nothing" } },
        { "no job id", "no job id", 2, { "waft", "job", "watch", "a/b" } },
        { "no such thing to show", "waft thing list", 1, { "waft", "thing", "show", "nobody" } },
        { "no such command", "no command", 2, { "waft", "frobnicate" } },
        { "no such option", "no option", 2, { "waft", "status", "--frob" } },
        { "a word too many", "too many", 2, { "waft", "status", "now" } },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct t_run run = t_run(rows[i].words);
        if (run.code != rows[i].code || strstr(run.err, rows[i].text) == NULL) {
            fail_msg("[%s] exit code %d: %s", rows[i].why, run.code, run.err);
        }
        t_run_end(&run);
    }
    assert_int_equal(status_number("jobsInProgress"), before);
}

static void nothing_is_uploaded_for_a_deployment_that_would_be_refused(void **state)
{
    (void)state;
    char never_sent[200];
    assert_int_equal(t_code(t_waft("image", "sign", "/bin/false", "--key", release_key, "--out",
                                   in_tmp(never_sent, "never-sent"), "--version", "1.5.0",
                                   "--vendor", VENDOR, "--class", CLASS)),
                     0);
    assert_int_equal(create("lamp-off"), 0);
    assert_int_equal(t_code(t_waft("thing", "disable", "lamp-off")), 0);
    const struct {
        const char *why, *job, *to;
        const char *said[3];
    } rows[] = {
        { "unknown and disabled",
          "job-new",
          "lamp-1,nobody,lamp-off,no-one",
          { "no thing nobody", "lamp-off is disabled", "no thing no-one" } },
        { "named twice", "job-new", "lamp-1,lamp-1", { "lamp-1 twice" } },
        { "the job is there", "job-good", "lamp-1", { "job-good exists already" } },
    };
    const size_t before = artifacts_stored();
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct t_run run = t_waft("deploy", never_sent, "--to", rows[i].to, "--key", deployment_key,
                                  "--job", rows[i].job);
        CHECK_ROW(rows[i].why, run.code == 1);
        for (size_t s = 0; s < COUNT(rows[i].said) && rows[i].said[s] != NULL; s++) {
            CHECK_ROW(rows[i].said[s], strstr(run.err, rows[i].said[s]) != NULL);
        }
        CHECK_ROW(rows[i].why, artifacts_stored() == before);
        t_run_end(&run);
    }
    assert_int_equal(number_of_job("job-new", "things"), -1);
}

static void a_provider_that_is_away_or_refuses_the_token_is_told_apart(void **state)
{
    (void)state;
    char ca[200];
    snprintf(ca, sizeof ca, "%s/ca/ca.crt", data);
    setenv("WAFT_URL", "https://127.0.0.1:1", 1);
    setenv("WAFT_TOKEN", "0000000000000000000000000000000000000000000000000000000000000000", 1);
    setenv("WAFT_CA", ca, 1);
    assert_int_equal(t_code(t_waft("status")), 5);
    char path[200];
    json_t *profile = json_load_file(in_tmp(path, "config/waft/provider.json"), 0, NULL);
    setenv("WAFT_URL", json_string_value(json_object_get(profile, "url")), 1);
    json_decref(profile);
    struct t_run run = t_waft("status");
    assert_int_equal(run.code, 1);
    assert_non_null(strstr(run.err, "token"));
    t_run_end(&run);
    /* Another CA: the provider is not believed. */
    char cert[200];
    setenv("WAFT_CA", in_tmp(cert, "things/lamp-1.crt"), 1);
    assert_int_equal(t_code(t_waft("status")), 5);
    t_run_home(tmp.path);
}

static void all_is_there_after_kill_9(void **state)
{
    (void)state;
    json_t *before = json_of(t_waft("thing", "list", "-o", "json"));
    uint16_t port = broker_port();
    int broker = (int)status_number("brokerPid"), pid = (int)status_number("pid");
    int broker_fd = pidfd_open(broker, 0), waftd_fd = pidfd_open(pid, 0);
    assert_int_equal(kill(pid, SIGKILL), 0);
    struct pollfd end = { .fd = waftd_fd, .events = POLLIN };
    assert_int_equal(poll(&end, 1, 10000), 1);
    end.fd = broker_fd;
    assert_int_equal(poll(&end, 1, 10000), 1); /* the broker went with it */
    close(waftd_fd);
    close(broker_fd);
    assert_int_equal(t_code(t_waft("status")), 5);

    assert_int_equal(t_code(t_waft("up", "--data", data, "--detach")), 0);
    json_t *after = json_of(t_waft("thing", "list", "-o", "json"));
    assert_true(json_equal(before, after));
    assert_int_equal(broker_port(), port);
    struct t_mqtt *m = connect_as("lamp-1");
    assert_true(m->connected);
    t_mqtt_close(m);
    json_decref(before);
    json_decref(after);
}

/* A start after a crash between "disabled" and its consequences: the database is the truth. */
static void a_thing_that_was_disabled_is_out_after_a_restart_too(void **state)
{
    (void)state;
    assert_int_equal(create("lamp-3"), 0);
    assert_int_equal(t_code(t_waft("thing", "disable", "lamp-3")), 0);
    assert_int_equal(t_code(t_waft("down", "--data", data)), 0);
    char path[200];
    snprintf(path, sizeof path, "%s/ca/crl.pem", data);
    assert_int_equal(unlink(path), 0); /* as if it had never been written */
    assert_int_equal(t_code(t_waft("up", "--data", data, "--detach")), 0);
    struct t_mqtt *m = connect_as("lamp-3");
    assert_false(m->connected);
    t_mqtt_close(m);
}

/* ---- other ways to start, each over a directory and with a configuration of its own ---- */

static void starts(const char *name, char dir[200])
{
    char home[200];
    snprintf(dir, 200, "%s/%s/data", tmp.path, name);
    snprintf(home, sizeof home, "%s/%s", tmp.path, name);
    assert_int_equal(mkdir(home, 0700), 0);
    t_run_home(home);
}

/* Also where a test has failed in the middle: nothing of it runs on. */
static int end_others(void **state)
{
    (void)state;
    static const char *const names[] = { "told", "bad", "log" };
    for (size_t i = 0; i < COUNT(names); i++) {
        char dir[200], home[200];
        snprintf(dir, sizeof dir, "%s/%s/data", tmp.path, names[i]);
        t_run_home(in_tmp(home, names[i]));
        t_code(t_waft("down", "--data", dir)); /* most often there is none */
    }
    t_run_home(tmp.path);
    return 0;
}

static void devices_are_told_an_address_that_they_can_use(void **state)
{
    (void)state;
    char host[256] = "", dir[200];
    assert_int_equal(gethostname(host, sizeof host - 1), 0);
    const struct {
        const char *listen, *name, *told;
    } rows[] = {
        { "0.0.0.0:0", "ota.example.com", "ota.example.com" },
        { "0.0.0.0", NULL, host },
        { "0.0.0.0", "2001:db8::1", "[2001:db8::1]" },
        { "127.0.0.2", "ota.example.com", "127.0.0.2" }, /* one that was chosen is told as it is */
    };
    starts("told", dir);
    for (size_t i = 0; i < COUNT(rows); i++) {
        json_t *up = json_of(t_run((const char *const[]){
            "waft", "up", "--data", dir, "--detach", "-o", "json", "--listen", "127.0.0.2",
            "--mqtt-listen", rows[i].listen, "--download-url", "https://cdn.example.com/waft",
            rows[i].name != NULL ? "--name" : NULL, rows[i].name, NULL }));
        char broker[300];
        snprintf(broker, sizeof broker, "%s", json_string_value(json_object_get(up, "broker")));
        json_decref(up);
        size_t len = strlen(rows[i].told);
        CHECK_ROW(rows[i].listen, strncmp(broker, rows[i].told, len) == 0 && broker[len] == ':');
        json_t *status = json_of(t_waft("status", "-o", "json"));
        CHECK_ROW(rows[i].listen,
                  strcmp(json_string_value(json_object_get(status, "broker")), broker) == 0);
        assert_string_equal(json_string_value(json_object_get(status, "downloadUrl")),
                            "https://cdn.example.com/waft");
        json_decref(status);
        /* Found again without saying where it listens. */
        CHECK_ROW(rows[i].listen, t_code(t_waft("down", "--data", dir)) == 0);
    }
    t_run_home(tmp.path);
}

static void a_start_that_fails_shows_what_was_logged(void **state)
{
    (void)state;
    char dir[200];
    starts("bad", dir);
    static const struct {
        const char *option, *value, *said;
    } rows[] = {
        { "--mqtt-listen", "::", "wants ADDR:PORT, not \"::\"" },
        { "--mqtt-listen", "192.0.2.1:1", "192.0.2.1" },
        { "--download-url", "http://a", "--download-url wants URL, not \"http://a\"" },
        { "--url-expires", "0", "--url-expires wants SECONDS, not \"0\"" },
        { "--url-expires", "86401", "--url-expires wants SECONDS, not \"86401\"" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct t_run run = t_waft("up", "--data", dir, "--detach", rows[i].option, rows[i].value);
        CHECK_ROW(rows[i].value, run.code == 1);
        CHECK_ROW(rows[i].value, strstr(run.err, rows[i].said) != NULL);
        t_run_end(&run);
    }
    t_run_home(tmp.path);
}

static void the_log_of_a_detached_provider_is_bounded(void **state)
{
    (void)state;
    char dir[200], log[220], older[240];
    struct stat st;
    starts("log", dir);
    assert_int_equal(mkdir(dir, 0700), 0);
    snprintf(log, sizeof log, "%s/waftd.log", dir);
    snprintf(older, sizeof older, "%s.1", log);
    const int fd = open(log, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(ftruncate(fd, 3 << 20), 0);
    close(fd);
    assert_int_equal(t_code(t_waft("up", "--data", dir, "--detach")), 0);
    assert_int_equal(stat(older, &st), 0);
    assert_in_range(st.st_size, 3 << 20, (3 << 20) + 4096);
    char *text = t_slurp(log, NULL);
    assert_non_null(text);
    assert_non_null(strstr(text, "waftd.ready"));
    free(text);
    assert_int_equal(t_code(t_waft("down", "--data", dir)), 0);
    t_run_home(tmp.path);
}

/* The last one: after all of the above, what the provider has seen. */
static void no_private_key_of_the_operator_is_at_the_provider(void **state)
{
    (void)state;
    char device_key[200];
    const char *const keys[] = { release_key, deployment_key,
                                 in_tmp(device_key, "things/lamp-1.key") };
    for (size_t i = 0; i < COUNT(keys); i++) {
        char *pem = t_slurp(keys[i], NULL);
        char *line = strchr(pem, '\n') + 1;
        assert_true(strlen(line) > 64);
        /* The first 48 characters are the same in all P-256 keys; then the scalar begins. */
        CHECK_ROW(keys[i], !t_found_below(data, line + 48, 16));
        FILE *f = fopen(keys[i], "r");
        EVP_PKEY *key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
        fclose(f);
        BIGNUM *scalar = NULL;
        unsigned char bytes[32];
        assert_int_equal(EVP_PKEY_get_bn_param(key, "priv", &scalar), 1);
        assert_int_equal(BN_bn2binpad(scalar, bytes, 32), 32);
        CHECK_ROW(keys[i], !t_found_below(data, bytes, 32));
        BN_free(scalar);
        EVP_PKEY_free(key);
        free(pem);
    }
    /* The search does find what is there. */
    char path[200];
    snprintf(path, sizeof path, "%s/ca/ca.crt", data);
    char *ca = t_slurp(path, NULL);
    assert_true(t_found_below(data, strchr(ca, '\n') + 9, 40));
    free(ca);
}

int main(void)
{
    tmp = t_tmp_make();
    t_run_home(tmp.path);
    snprintf(data, sizeof data, "%s/provider", tmp.path);
    snprintf(release_key, sizeof release_key, "%s/release.key", tmp.path);
    snprintf(deployment_key, sizeof deployment_key, "%s/deployment.key", tmp.path);
    snprintf(image, sizeof image, "%s/image", tmp.path);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(up_stores_how_to_reach_the_provider_for_this_user_only),
        cmocka_unit_test(a_second_up_on_the_same_directory_is_refused_and_harms_nothing),
        cmocka_unit_test(a_thing_is_created_once_and_its_key_stays_here),
        cmocka_unit_test(thing_names_end_at_128_characters),
        cmocka_unit_test(a_disabled_thing_is_put_out_and_an_enabled_one_is_let_in),
        cmocka_unit_test(what_a_device_says_of_itself_is_shown),
        cmocka_unit_test(a_deployment_carries_the_signature_and_what_the_image_says),
        cmocka_unit_test(a_deployment_over_http_carries_a_url_that_serves_the_image),
        cmocka_unit_test(files_go_with_an_image_or_alone),
        cmocka_unit_test(a_deployment_has_fifty_files_at_most),
        cmocka_unit_test(a_document_that_cannot_be_is_known_before_anything_is_sent),
        cmocka_unit_test(waiting_ends_with_the_job_and_its_exit_code_says_how),
        cmocka_unit_test(watching_shows_how_far_a_download_is),
        cmocka_unit_test(waiting_can_time_out_and_the_job_goes_on),
        cmocka_unit_test(each_end_of_a_job_is_counted_in_a_column_of_its_own),
        cmocka_unit_test(a_deadline_is_1_to_10080_minutes),
        cmocka_unit_test(nothing_is_uploaded_for_a_deployment_that_would_be_refused),
        cmocka_unit_test(what_is_no_file_is_not_replaced_by_one),
        cmocka_unit_test(an_interrupted_watch_says_that_the_job_goes_on),
        cmocka_unit_test(refusals_are_named_and_change_nothing),
        cmocka_unit_test(a_provider_that_is_away_or_refuses_the_token_is_told_apart),
        cmocka_unit_test(all_is_there_after_kill_9),
        cmocka_unit_test(a_thing_that_was_disabled_is_out_after_a_restart_too),
        cmocka_unit_test_teardown(devices_are_told_an_address_that_they_can_use, end_others),
        cmocka_unit_test_teardown(a_start_that_fails_shows_what_was_logged, end_others),
        cmocka_unit_test_teardown(the_log_of_a_detached_provider_is_bounded, end_others),
        cmocka_unit_test(no_private_key_of_the_operator_is_at_the_provider),
    };
    int failed = cmocka_run_group_tests(tests, before_all, after_all);
    t_tmp_remove(&tmp);
    return failed;
}
