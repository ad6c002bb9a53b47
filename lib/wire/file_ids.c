#include "ota/file_ids.h"

bool ota_file_ids_has(const struct ota_file_ids *ids, uint8_t id)
{
    return ((unsigned)ids->bits[id / 8u] >> id % 8u & 1u) != 0;
}

bool ota_file_ids_add(struct ota_file_ids *ids, uint8_t id)
{
    const unsigned was = ids->bits[id / 8u], shift = id % 8u;
    ids->bits[id / 8u] = (uint8_t)(was | 1u << shift);
    return (~was >> shift & 1u) != 0;
}
