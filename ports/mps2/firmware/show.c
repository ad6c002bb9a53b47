#include "show.h"
#include "event_words.h"
#include "uart.h"

void show_line(const struct show *s, const char *first, const char *second, const char *third)
{
    uart_text(s->version);
    uart_text(": ");
    uart_text(first);
    uart_text(second);
    uart_text(third);
    uart_text("\n");
}

/* A line for each tenth. */
static void show_progress(struct show *s, uint32_t value, uint32_t total)
{
    const uint32_t tenths = value * 10u / total;
    if (tenths == s->tenths) {
        return;
    }
    s->tenths = tenths;
    uart_text(s->version);
    uart_text(": downloading: ");
    uart_decimal(tenths * 10u);
    uart_text(" %, ");
    uart_decimal(value);
    uart_text(" of ");
    uart_decimal(total);
    uart_text(" blocks\n");
}

static void show_sentence(const struct show *s, const char *words, const struct OTA_EventData *data)
{
    uart_text(s->version);
    uart_text(": ");
    for (; *words != '\0'; words++) {
        switch (*words) {
        case '#': uart_decimal(data->value); break;
        case '@': uart_write(data->job_id); break;
        case '?': uart_text(event_why(data)); break;
        default: uart_write((struct ota_span){ (const uint8_t *)words, 1 }); break;
        }
    }
    uart_text("\n");
}

void show_event(struct show *s, const struct OTA_EventData *data)
{
    const char *words = event_words(data->info);
    if (data->info == OTA_EVENT_PROGRESS) {
        show_progress(s, data->value, data->total);
    } else if (words != NULL) {
        show_sentence(s, words, data);
    }
}
