/* The block size of MQTTFileDownloader.h, which an application may set in a header of its own or on the command line. */
#ifndef MQTT_FILE_DOWNLOADER_DEFAULTS_H
#define MQTT_FILE_DOWNLOADER_DEFAULTS_H

#ifdef MQTT_STREAMS_CUSTOM_CONFIG
#include "MQTTFileDownloader_config.h"
#endif

#ifndef mqttFileDownloader_CONFIG_BLOCK_SIZE
#define mqttFileDownloader_CONFIG_BLOCK_SIZE 4096U
#endif

#endif
