#include "ota/jobdoc.h"

const struct ota_parser ota_parser_afr = {
    .read = ota_jobdoc_read,
    .file = ota_jobdoc_file,
    .choose = ota_jobdoc_choose,
    .names_image = ota_jobdoc_names_image,
    .next_data = ota_jobdoc_next_data,
};
static const struct ota_parser *const afr_alone[] = { &ota_parser_afr };

ota_err_t ota_parser_chain_read(struct ota_parser_chain chain, const struct ota_json *document,
                                struct ota_jobdoc *doc, const struct ota_parser **parser)
{
    if (chain.count == 0) {
        chain = (struct ota_parser_chain){ afr_alone, 1 };
    }
    for (uint32_t i = 0; i < chain.count; i++) {
        const ota_err_t err = chain.parsers[i]->read(document, doc);
        if (err != OTA_E_NOT_FOUND) {
            *parser = chain.parsers[i];
            return err;
        }
    }
    *parser = NULL;
    return OTA_E_NOT_FOUND;
}
