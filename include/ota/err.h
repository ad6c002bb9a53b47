/*
 * Every error of the device libraries, in one list.
 *
 * The class says what to do; the text is what an operator reads in a job's
 * reason. The list is append-only: values are journalled, names are on the wire.
 */
#ifndef OTA_ERR_H
#define OTA_ERR_H

/* clang-format off */
/*    name                   value  class   what happened                                      */
#define OTA_ERRORS(X)                                                                              \
    X(OTA_OK,                    0, NONE,   "no error")                                            \
    X(OTA_E_TIMEOUT,            -1, RETRY,  "the peer stayed silent")                              \
    X(OTA_E_BUSY,               -2, RETRY,  "not now")                                             \
    X(OTA_E_TRUNCATED,         -10, PEER,   "message ends too early")                              \
    X(OTA_E_MALFORMED,         -11, PEER,   "message is not what the protocol says")               \
    X(OTA_E_RANGE,             -12, PEER,   "a number is outside its limits")                      \
    X(OTA_E_UNEXPECTED,        -13, PEER,   "a message that nobody is waiting for")                \
    X(OTA_E_DEPTH,             -14, PEER,   "nested too deep")                                     \
    X(OTA_E_NAME,              -15, PEER,   "a name is too long or has a forbidden character")     \
    X(OTA_E_NOT_FOUND,         -16, PEER,   "not there")                                           \
    X(OTA_E_TOO_LARGE,         -17, PEER,   "larger than the room for it")                         \
    X(OTA_E_IMAGE_DIGEST,      -20, IMAGE,  "image digest does not match")                         \
    X(OTA_E_IMAGE_FORMAT,      -21, IMAGE,  "not a valid image")                                   \
    X(OTA_E_IMAGE_SIGNATURE,   -22, IMAGE,  "image signature does not match")                      \
    X(OTA_E_IMAGE_KEY,         -23, IMAGE,  "image is signed with a key that is not trusted here") \
    X(OTA_E_IMAGE_VENDOR,      -24, IMAGE,  "image is for another vendor's devices")               \
    X(OTA_E_IMAGE_CLASS,       -25, IMAGE,  "image is for another device class")                   \
    X(OTA_E_IMAGE_HARDWARE,    -26, IMAGE,  "image is for another hardware revision")              \
    X(OTA_E_IMAGE_COUNTER,     -27, IMAGE,  "image's security counter is below the device's")      \
    X(OTA_E_IMAGE_SIZE,        -28, IMAGE,  "image is larger than the slot")                       \
    X(OTA_E_IMAGE_SLOT,        -29, IMAGE,  "image is linked for another slot")                    \
    X(OTA_E_FLASH,             -30, DEVICE, "flash refused a read, write or erase")                \
    X(OTA_E_NO_ROOM,           -31, DEVICE, "memory given at init is too small")                   \
    X(OTA_E_CRYPTO,            -32, DEVICE, "the crypto port failed")                              \
    X(OTA_E_FLASH_READ_BACK,   -33, DEVICE, "flash does not hold what was written")                \
    X(OTA_E_STATE,             -34, DEVICE, "not possible in this state")                          \
    X(OTA_E_COUNTER_FULL,      -35, DEVICE, "the rollback counter cannot be raised")               \
    X(OTA_E_IMAGE_OTHER,       -40, IMAGE,  "image is not the one that the job names")             \
    X(OTA_E_IMAGE_TRAILING,    -41, IMAGE,  "file goes on after the image's end")                  \
    X(OTA_E_JOB_SIGNATURE,     -42, IMAGE,  "deployment signature does not match")                 \
    X(OTA_E_JOB_UNSIGNED,      -43, IMAGE,  "job has no deployment signature")                     \
    X(OTA_E_JOB_DOCUMENT,      -44, IMAGE,  "job document not understood")                         \
    X(OTA_E_JOB_TOO_LARGE,     -45, IMAGE,  "document too large")                                  \
    X(OTA_E_JOB_PROTOCOL,      -46, IMAGE,  "job offers no protocol that this device speaks")      \
    X(OTA_E_JOB_NO_FILE,       -47, IMAGE,  "job has no file for this device")                          \
    X(OTA_E_IMAGE_DEPENDENCY,  -48, IMAGE,  "image depends on what is not here")                   \
    X(OTA_E_IMAGE_COUNTER_ROOM, -49, IMAGE, "device's counter cannot rise to the image's") \
    X(OTA_E_KEYSET_FORMAT,     -50, IMAGE,  "not a valid keyset")                                  \
    X(OTA_E_KEYSET_DEVICE,     -51, IMAGE,  "keyset is for other devices")                         \
    X(OTA_E_KEYSET_VERSION,    -52, IMAGE,  "keyset is not newer than the device's")               \
    X(OTA_E_KEYSET_SIGNATURE,  -53, IMAGE,  "keyset is not signed by a release key of the device") \
    X(OTA_E_KEYSET_REVOKED,    -54, IMAGE,  "keyset trusts a revoked key or forgets a revocation") \
    X(OTA_E_KEYSET_STRANDS,    -55, IMAGE,  "the running image would not verify by this keyset")   \
    X(OTA_E_KEY_SAMPLE,        -56, DEVICE, "a sample key is trusted: anyone has its private half")
/* clang-format on */

enum ota_err_class {
    OTA_CLASS_NONE,   /* nothing to do                                   */
    OTA_CLASS_RETRY,  /* the same again, after a back-off                */
    OTA_CLASS_PEER,   /* drop the message, count it, keep the connection */
    OTA_CLASS_IMAGE,  /* fail the job for good: retrying cannot help     */
    OTA_CLASS_DEVICE, /* stop and report: this device is not well        */
};

typedef enum {
#define X(name, value, class, text) name = value,
    OTA_ERRORS(X)
#undef X
} ota_err_t;

/** What to do about `err`. A value outside the list is of class DEVICE. */
enum ota_err_class ota_err_class(ota_err_t err);

/** "OTA_E_TIMEOUT"; never NULL: "OTA_E_?" outside the list. */
const char *ota_err_name(ota_err_t err);

/** The sentence of the list; never NULL. */
const char *ota_err_text(ota_err_t err);

#if defined(__GNUC__)
#define OTA_MUST_CHECK __attribute__((warn_unused_result))
/* A function of its own even if it is called once: its frame is gone before deeper calls are made. */
#define OTA_APART __attribute__((noinline))
#else
#define OTA_MUST_CHECK
#define OTA_APART
#endif

#endif
