/*
 * Every error of the device libraries, in one list.
 *
 * The class says what to do; the text is what an operator reads in a job's
 * reason. The list is append-only: values are journalled, names are on the wire.
 */
#ifndef OTA_ERR_H
#define OTA_ERR_H

/* clang-format off */
/*    OTA_E_             value  class   what happened                                            */
#define OTA_ERRORS(X)                                                                              \
    X(TIMEOUT,              -1, RETRY,  "the peer stayed silent")                                  \
    X(BUSY,                 -2, RETRY,  "not now")                                                 \
    X(TRUNCATED,           -10, PEER,   "message ends too early")                                  \
    X(MALFORMED,           -11, PEER,   "message is not what the protocol says")                   \
    X(RANGE,               -12, PEER,   "a number is outside its limits")                          \
    X(UNEXPECTED,          -13, PEER,   "a message that nobody is waiting for")                    \
    X(DEPTH,               -14, PEER,   "nested too deep")                                         \
    X(NAME,                -15, PEER,   "a name is too long or has a forbidden character")         \
    X(NOT_FOUND,           -16, PEER,   "not there")                                               \
    X(TOO_LARGE,           -17, PEER,   "larger than the room for it")                             \
    X(IMAGE_DIGEST,        -20, IMAGE,  "image digest does not match")                             \
    X(IMAGE_FORMAT,        -21, IMAGE,  "not a valid image")                                       \
    X(IMAGE_SIGNATURE,     -22, IMAGE,  "image signature does not match")                          \
    X(IMAGE_KEY,           -23, IMAGE,  "image is signed with a key that is not trusted here")     \
    X(IMAGE_VENDOR,        -24, IMAGE,  "image is for another vendor's devices")                   \
    X(IMAGE_CLASS,         -25, IMAGE,  "image is for another device class")                       \
    X(IMAGE_HARDWARE,      -26, IMAGE,  "image is for another hardware revision")                  \
    X(IMAGE_COUNTER,       -27, IMAGE,  "image's security counter is below the device's")          \
    X(IMAGE_SIZE,          -28, IMAGE,  "image is larger than the slot")                           \
    X(IMAGE_SLOT,          -29, IMAGE,  "image is linked for another slot")                        \
    X(FLASH,               -30, DEVICE, "flash refused a read, write or erase")                    \
    X(NO_ROOM,             -31, DEVICE, "memory given at init is too small")                       \
    X(CRYPTO,              -32, DEVICE, "the crypto port failed")                                  \
    X(FLASH_READ_BACK,     -33, DEVICE, "flash does not hold what was written")                    \
    X(STATE,               -34, DEVICE, "not possible in this state")                              \
    X(COUNTER_FULL,        -35, DEVICE, "the rollback counter cannot be raised")                   \
    X(IMAGE_OTHER,         -40, IMAGE,  "image is not the one that the job names")                 \
    X(IMAGE_TRAILING,      -41, IMAGE,  "file goes on after the image's end")                      \
    X(JOB_SIGNATURE,       -42, IMAGE,  "deployment signature does not match")                     \
    X(JOB_UNSIGNED,        -43, IMAGE,  "job has no deployment signature")                         \
    X(JOB_DOCUMENT,        -44, IMAGE,  "job document not understood")                             \
    X(JOB_TOO_LARGE,       -45, IMAGE,  "document too large")                                      \
    X(JOB_PROTOCOL,        -46, IMAGE,  "job offers no protocol that this device speaks")          \
    X(JOB_NO_FILE,         -47, IMAGE,  "job has no file for this device")                         \
    X(IMAGE_DEPENDENCY,    -48, IMAGE,  "image depends on what is not here")                       \
    X(IMAGE_COUNTER_ROOM,  -49, IMAGE,  "device's counter cannot rise to the image's")             \
    X(KEYSET_FORMAT,       -50, IMAGE,  "not a valid keyset")                                      \
    X(KEYSET_DEVICE,       -51, IMAGE,  "keyset is for other devices")                             \
    X(KEYSET_VERSION,      -52, IMAGE,  "keyset is not newer than the device's")                   \
    X(KEYSET_SIGNATURE,    -53, IMAGE,  "keyset is not signed by a release key of the device")     \
    X(KEYSET_REVOKED,      -54, IMAGE,  "keyset trusts a revoked key or forgets a revocation")     \
    X(KEYSET_STRANDS,      -55, IMAGE,  "the running image would not verify by this keyset")       \
    X(KEY_SAMPLE,          -56, DEVICE, "a sample key is trusted: anyone has its private half")    \
    X(JOB_FILE_TYPE,       -57, IMAGE,  "job has a file of a type that nothing here handles")      \
    X(JOB_FILE_SIZE,       -58, IMAGE,  "a file of the job is larger than the room for it")
/* clang-format on */

enum ota_err_class {
    OTA_CLASS_NONE,   /* nothing to do                                   */
    OTA_CLASS_RETRY,  /* the same again, after a back-off                */
    OTA_CLASS_PEER,   /* drop the message, count it, keep the connection */
    OTA_CLASS_IMAGE,  /* fail the job for good: retrying cannot help     */
    OTA_CLASS_DEVICE, /* stop and report: this device is not well        */
};

typedef enum {
    OTA_OK = 0,
#define X(name, value, class, text) OTA_E_##name = value,
    OTA_ERRORS(X)
#undef X
} ota_err_t;

/** What to do about `err`. A value outside the list is of class DEVICE. */
enum ota_err_class ota_err_class(ota_err_t err);

/** What stands behind "OTA_E_" in its name: "TIMEOUT"; never NULL: "?" outside the list. */
const char *ota_err_word(ota_err_t err);

/*
 * For tools and for devices that have 1.3 KB for sentences: a library of its own (err_text). A device
 * that has not defines ota_err_text() itself, say as the word.
 */

/** "OTA_E_TIMEOUT"; never NULL: "OTA_E_?" outside the list. */
const char *ota_err_name(ota_err_t err);
/** The sentence of the list; never NULL. */
const char *ota_err_text(ota_err_t err);

#if defined(__GNUC__)
#define OTA_MUST_CHECK __attribute__((warn_unused_result))
/* A function of its own, however often it is called: its frame is gone before deeper calls are made, or less code. */
#define OTA_APART __attribute__((noinline))
/* For what is smaller in place than called, where the compiler would guess otherwise. */
#define OTA_INLINE __attribute__((always_inline)) static inline
#else
#define OTA_MUST_CHECK
#define OTA_APART
#define OTA_INLINE static inline
#endif

#endif
