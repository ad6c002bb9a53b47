/*
 * USB: another source of notices. Two files on a stick, `job.json` and `image.img`, take the way of every
 * update: the same parser, verifier and store; only who brings them is another, and nobody is told.
 *
 *   LOOK -> CHECK -> ERASE -> COPY -> VERIFY -> READY ~~ reset, self-test, installer_confirm()
 *     ^_______|________|________|________|  what is refused
 *
 * CHECK verifies the image where it lies, so that nothing is erased for one that must not run here. What fails
 * later all the same (a stick that reads differently, a flash that does not keep what is written) is left alone
 * until the stick has been pulled out, so that no circle of refusals wears out the flash.
 *
 * The document is that of a deployment, with the signature of a deployment key: a stick alone makes no
 * image run. Only a higher version than the one that runs is taken, and none that failed its test here,
 * so that a stick may be left where it is.
 */
#ifndef USB_H
#define USB_H

#include "installer.h"

/* A document for one image has half a kilobyte, a longer one is not for a stick. */
#define USB_DOCUMENT_MAX 4096u
/* Copied at a time: a multiple of any write unit. */
#define USB_BLOCK 512u

/* The file system. */
struct usb_stick {
    /* Up to `into.cap` bytes of a file from `offset`. @return how many; 0 at its end, and if it is not there. */
    size_t (*read)(void *context, const char *name, uint32_t offset, struct ota_buf into);
    void *context;
};

enum usb_state { USB_LOOK, USB_CHECK, USB_ERASE, USB_COPY, USB_VERIFY, USB_READY };

struct usb {
    struct ota_flash
        slot; /* as it will be with the stick's image; first: its read finds us by it */
    struct usb_stick stick;
    enum usb_state state;
    uint32_t size, copied; /* bytes of the image */
    struct installer installer;
    uint8_t failed[OTA_P256_RS_SIZE]; /* signature of what failed behind CHECK; zeros: none */
    uint8_t room[USB_DOCUMENT_MAX];
};

void usb_init(struct usb *u, const struct installer_cfg *cfg, const struct usb_stick *stick);

/**
 * One piece of work.
 *
 * @return OTA_OK: call again; with READY: reset now. OTA_E_NOT_FOUND: nothing for us on the stick. Else why what is
 *         there is refused; whatever it was, the next call looks anew.
 */
OTA_MUST_CHECK ota_err_t usb_step(struct usb *u);

#endif
